"""The floating point operations of a transformer: forward by part, training, and what a cluster makes of them."""

from typing import Any


def matmul_flops(m: int, k: int, n: int) -> int:
    """The FLOPs of a matrix (m, k) times a matrix (k, n): a multiplication and an addition for each of m k n triples.

    Returns: an exact int, as everything here that is made of ints.

    >>> matmul_flops(2, 3, 4)
    48
    """
    raise NotImplementedError


def forward_flops(config: dict[str, Any], batch: int, seq_len: int, causal: bool = False) -> dict[str, int]:
    """The FLOPs of all matrix products of one forward pass, by part.

    config: n_layers L, d_model D, n_heads H and vocab_size V; n_kv_heads G, by default H; head_dim K, by default D / H;
        d_ff F, by default 4 D; mlp "gelu" or "swiglu", by default "gelu". Other keys are ignored.
    batch: B sequences of seq_len T tokens each, both at least 1. Without padding, without a cache.
    causal: count only the pairs of a query and a key that is not later, T (T + 1) / 2 for each head; False: all T²,
        which a plain kernel computes and then masks.
    Returns: a dict of exact ints, also above 2**63, each for all layers.
        qkv: the projections to queries, keys and values
        scores: queries times keys. values: softmax times values
        out: the projection of the heads back to D
        mlp: its two matrices, three for swiglu
        logits: the last vectors of all tokens times the V columns of the head, tied or not
        total: the sum of these six
        Norms, softmax, biases, activations, rotations and the look-up of the embedding are not counted.

    >>> gpt2 = {"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257}
    >>> for part, flops in forward_flops(gpt2, batch=1, seq_len=1024).items():
    ...     print(f"{part:7}{flops:13}")
    qkv      43486543872
    scores   19327352832
    values   19327352832
    out      14495514624
    mlp     115964116992
    logits   79047426048
    total   291648307200
    """
    raise NotImplementedError


def train_flops(config: dict[str, Any], batch: int, seq_len: int, recompute: bool = False) -> int:
    """The FLOPs of one training step, with all T² pairs: forward, and a backward pass that costs twice as much.

    Backward makes two products of each: one for the gradient of the input, one for the gradient of the weight, and
    likewise for queries and keys, softmax and values.

    recompute: the activations were not kept, so that the whole forward pass runs once more before it.
    Returns: an exact int.

    >>> gpt2 = {"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257}
    >>> train_flops(gpt2, batch=1, seq_len=1024) // forward_flops(gpt2, batch=1, seq_len=1024)["total"]
    3
    """
    raise NotImplementedError


def six_nd(n_params: float, n_tokens: float) -> float:
    """The rule of thumb for a whole training run: 6 N D. An exact int if both are ints.

    >>> six_nd(70 * 10**9, 1400 * 10**9)  # Chinchilla: 5.88e23
    588000000000000000000000
    """
    raise NotImplementedError


def attention_crossover(config: dict[str, Any]) -> float:
    """The length T at which scores and values, over all T² pairs, cost as much as the weight matrices of a layer.

    config: as for forward_flops. The head is no part of a layer.
    Returns: a float.

    >>> attention_crossover({"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257})  # 6 D
    4608.0
    """
    raise NotImplementedError


def mfu(n_params: float, tokens_per_second: float, peak_flops: float) -> float:
    """Model FLOPs utilisation: the share of the peak that training reaches, by 6 N FLOPs for each token.

    tokens_per_second: of the whole cluster. peak_flops: FLOPs per second of all its devices together.

    >>> round(mfu(540.35e9, tokens_per_second=238.3e3, peak_flops=6144 * 275e12), 4)  # PaLM 540B
    0.4573
    """
    raise NotImplementedError
