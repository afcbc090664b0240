"""The floating point operations of a transformer: forward by part, training, and what a cluster makes of them."""

from typing import Any


def matmul_flops(m: int, k: int, n: int) -> int:
    """The FLOPs of a matrix (m, k) times a matrix (k, n): a multiplication and an addition for each of m k n triples.

    Returns: an exact int, as everything here that is made of ints.

    >>> matmul_flops(2, 3, 4)
    48
    """
    return 2 * m * k * n


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
    L, V, B, T = config["n_layers"], config["vocab_size"], batch, seq_len
    D, H, G, K, F, matrices = _layer(config)
    pairs = T * (T + 1) // 2 if causal else T * T  # of a query and a key
    flops = {
        "qkv": L * matmul_flops(B * T, D, (H + 2 * G) * K),
        "scores": L * B * H * matmul_flops(pairs, K, 1),  # each pair is a product of two vectors
        "values": L * B * H * matmul_flops(pairs, 1, K),  # each pair adds a weighted vector
        "out": L * matmul_flops(B * T, H * K, D),
        "mlp": L * matrices * matmul_flops(B * T, D, F),
        "logits": matmul_flops(B * T, D, V),
    }
    return {**flops, "total": sum(flops.values())}


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
    return (4 if recompute else 3) * forward_flops(config, batch, seq_len)["total"]


def six_nd(n_params: float, n_tokens: float) -> float:
    """The rule of thumb for a whole training run: 6 N D. An exact int if both are ints.

    >>> six_nd(70 * 10**9, 1400 * 10**9)  # Chinchilla: 5.88e23
    588000000000000000000000
    """
    return 6 * n_params * n_tokens


def attention_crossover(config: dict[str, Any]) -> float:
    """The length T at which scores and values, over all T² pairs, cost as much as the weight matrices of a layer.

    config: as for forward_flops. The head is no part of a layer.
    Returns: a float.

    >>> attention_crossover({"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257})  # 6 D
    4608.0
    """
    D, H, G, K, F, matrices = _layer(config)
    weights = D * (H + 2 * G) * K + H * K * D + matrices * D * F  # 2 FLOPs each for a token
    return weights / (2 * H * K)  # and 2 · 2 · H K for each of the T keys that it meets


def mfu(n_params: float, tokens_per_second: float, peak_flops: float) -> float:
    """Model FLOPs utilisation: the share of the peak that training reaches, by 6 N FLOPs for each token.

    tokens_per_second: of the whole cluster. peak_flops: FLOPs per second of all its devices together.

    >>> round(mfu(540.35e9, tokens_per_second=238.3e3, peak_flops=6144 * 275e12), 4)  # PaLM 540B
    0.4573
    """
    return six_nd(n_params, tokens_per_second) / peak_flops


def _layer(config: dict[str, Any]) -> tuple[int, int, int, int, int, int]:
    """D, H, G, K and F, and how many matrices of D x F the MLP has."""
    D, H = config["d_model"], config["n_heads"]
    G, K, F = config.get("n_kv_heads", H), config.get("head_dim", D // H), config.get("d_ff", 4 * D)
    return D, H, G, K, F, 3 if config.get("mlp") == "swiglu" else 2
