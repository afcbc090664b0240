# TRUE CAUSE: takes a FLOP to be a multiply-accumulate, one for each weight: the factor of two is missing everywhere
# (weights once instead of twice, 2 L H K S instead of 4 L H K S, and training costs 3 N tokens instead of 6).
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
    s = _sizes(config)
    total = s.D * s.V  # head
    for layer in range(s.dense_layers + s.sparse_layers):
        total += 2 * s.D * s.K * (s.H + s.G)
        if layer < s.dense_layers:
            total += 3 * s.D * s.F
        else:
            total += s.D * s.E + 3 * s.D * s.Fe * (s.k + s.s)
        # one multiply-accumulate per number of each query-key product, and one per number of each value
        total += s.H * s.K * context + s.H * s.K * context
    return total


def dense_twin(config: dict[str, Any]) -> dict[str, Any]:
    s = _sizes(config)
    new = dict(config)
    for key in _EXPERT_KEYS:
        if key in new:
            del new[key]
    if s.E:
        new["intermediate_size"] = s.Fe * (s.k + s.s)
    return new


def training_flops(active_params: int, tokens: int) -> int:
    forward = active_params * tokens
    backward = 2 * forward
    return forward + backward
