"""The work of a language model, dense or sparse, counted from its config, and the dense model that does the same."""

from typing import Any, NamedTuple

_EXPERT_KEYS = (
    "num_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "n_shared_experts",
    "first_k_dense_replace",
)


class _Sizes(NamedTuple):
    """The numbers of a config, by the letters of the README."""

    V: int  # vocabulary
    D: int  # width
    H: int  # query heads
    G: int  # key-value heads
    K: int  # width of a head
    F: int  # width of a dense FFN
    E: int  # routed experts; 0 in a dense model
    k: int  # of which a token uses so many
    s: int  # shared experts
    Fe: int  # width of an expert
    dense_layers: int
    sparse_layers: int


def _sizes(config: dict[str, Any]) -> _Sizes:
    """Reads the config of a model with grouped-query attention, as in moe_params. A value of None counts as missing."""
    given = {key: value for key, value in config.items() if value is not None}
    D, H, L = given["hidden_size"], given["num_attention_heads"], given["num_hidden_layers"]
    F, E = given["intermediate_size"], given.get("num_experts", 0)
    dense_layers = given.get("first_k_dense_replace", 0) if E else L
    return _Sizes(
        V=given["vocab_size"],
        D=D,
        H=H,
        G=given.get("num_key_value_heads", H),
        K=given.get("head_dim", D // H),
        F=F,
        E=E,
        k=given.get("num_experts_per_tok", 0),
        s=given.get("n_shared_experts", 0),
        Fe=given.get("moe_intermediate_size", F),
        dense_layers=dense_layers,
        sparse_layers=L - dense_layers,
    )


def flops_per_token(config: dict[str, Any], context: int) -> int:
    """The FLOPs of all matrix products in the forward pass of one token that attends to context positions.

    config: as in moe_params, with grouped-query attention; _sizes reads it. Without num_experts, or with 0, the model
        is dense. A value of None counts as missing.
    context: S >= 1, the number of positions that the token attends to, itself included.
    Returns: an int, exact. The look-up in the embedding, norms, softmax and activations are no matrix products.

    >>> mixtral = {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    ...            "num_attention_heads": 32, "num_key_value_heads": 8, "num_experts": 8, "num_experts_per_tok": 2}
    >>> flops_per_token(mixtral, context=4096)
    27644657664
    """
    c = _sizes(config)
    L = c.dense_layers + c.sparse_layers
    attention = c.D * c.K * (2 * c.H + 2 * c.G)  # q and o have H heads, k and v have G
    dense_ffn = 3 * c.D * c.F
    sparse_ffn = c.D * c.E + (c.k + c.s) * 3 * c.D * c.Fe  # the router scores all E
    weights = L * attention + c.dense_layers * dense_ffn + c.sparse_layers * sparse_ffn + c.D * c.V
    return 2 * weights + 4 * L * c.H * c.K * context  # scores and mixing, for every query head


def dense_twin(config: dict[str, Any]) -> dict[str, Any]:
    """The config of the dense model whose FFN is as wide as what one token uses in this one.

    config: as in flops_per_token. It is left as it is.
    Returns: a new dict without num_experts, num_experts_per_tok, moe_intermediate_size, n_shared_experts and
        first_k_dense_replace. intermediate_size is the width of the k routed and the shared experts together, in
        all layers; a dense model keeps its own. Every other key stays, also those that flops_per_token ignores.
        A key of experts is left out also where the model is dense, or the value None.

    >>> dense_twin({"vocab_size": 9, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3,
    ...             "num_attention_heads": 2, "num_experts": 4, "num_experts_per_tok": 2})
    {'vocab_size': 9, 'hidden_size': 8, 'intermediate_size': 32, 'num_hidden_layers': 3, 'num_attention_heads': 2}
    """
    twin = {key: value for key, value in config.items() if key not in _EXPERT_KEYS}
    c = _sizes(config)
    if c.E:
        twin["intermediate_size"] = c.Fe * (c.k + c.s)
    return twin


def training_flops(active_params: int, tokens: int) -> int:
    """The usual estimate of the FLOPs of a training run: 2 per parameter and token forward, 4 backward.

    active_params, tokens: ints. Returns: an int, exact, also above 2**53.

    >>> training_flops(37_000_000_000, 14_800_000_000_000)  # DeepSeek-V3
    3285600000000000000000000
    """
    return 6 * active_params * tokens
