# TRUE CAUSE: dense_twin makes the FFN as wide as the k routed experts only and leaves out the shared ones.
from typing import Any, NamedTuple

_EXPERT_KEYS = (
    "num_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "n_shared_experts",
    "first_k_dense_replace",
)


class _Sizes(NamedTuple):
    V: int
    D: int
    H: int
    G: int
    K: int
    F: int
    E: int
    k: int
    s: int
    Fe: int
    dense_layers: int
    sparse_layers: int


def _sizes(config: dict[str, Any]) -> _Sizes:
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
    z = _sizes(config)
    L = z.dense_layers + z.sparse_layers
    attention = z.D * z.K * (2 * z.H + 2 * z.G)
    dense = 3 * z.D * z.F
    sparse = z.D * z.E + (z.k + z.s) * 3 * z.D * z.Fe
    weights = L * attention + z.dense_layers * dense + z.sparse_layers * sparse + z.D * z.V
    return 2 * weights + 4 * L * z.H * z.K * context


def dense_twin(config: dict[str, Any]) -> dict[str, Any]:
    z = _sizes(config)
    twin = {key: value for key, value in config.items() if key not in _EXPERT_KEYS}
    if z.E > 0:
        twin["intermediate_size"] = z.Fe * z.k
    return twin


def training_flops(active_params: int, tokens: int) -> int:
    return 6 * active_params * tokens
