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
    n = _sizes(config)
    attention = n.D * n.K * (2 * n.H + 2 * n.G)
    dense = 3 * n.D * n.F
    sparse = n.D * n.E + (n.k + n.s) * 3 * n.D * n.Fe
    layers = n.dense_layers + n.sparse_layers
    weights = layers * attention + n.dense_layers * dense + n.sparse_layers * sparse + n.D * n.V
    return 2 * weights + 4 * layers * n.H * n.K * context


def dense_twin(config: dict[str, Any]) -> dict[str, Any]:
    n = _sizes(config)
    twin = {key: value for key, value in config.items() if key not in _EXPERT_KEYS}
    if n.E:
        twin["intermediate_size"] = n.Fe * (n.k + n.s)
    return twin


def training_flops(active_params: int, tokens: int) -> int:
    return 6 * active_params * tokens
