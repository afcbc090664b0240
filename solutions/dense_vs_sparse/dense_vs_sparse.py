"""The work of a language model, dense or sparse, counted from its config, and the dense model that does the same."""

from typing import Any

_EXPERT_KEYS = (
    "num_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "n_shared_experts",
    "first_k_dense_replace",
)


def flops_per_token(config: dict[str, Any], context: int) -> int:
    """The FLOPs of all matrix products in the forward pass of one token that attends to context positions.

    config: the keys of the README; others are ignored, and a value of None counts as missing.
        Without num_experts, or with 0, the model is dense. The attention is GQA.
    context: t >= 1, the token itself included.
    Returns: an int, exact. The look-up in the embedding, norms, softmax and activations are no matrix products.

    >>> mixtral = {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    ...            "num_attention_heads": 32, "num_key_value_heads": 8, "num_experts": 8, "num_experts_per_tok": 2}
    >>> flops_per_token(mixtral, context=4096)
    27644657664
    """
    V, D, F, L, H = (
        _get(config, key)
        for key in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    )
    G, K = _get(config, "num_key_value_heads", H), _get(config, "head_dim", D // H)
    E, k, s = (_get(config, key) for key in ("num_experts", "num_experts_per_tok", "n_shared_experts"))
    dense_layers = _get(config, "first_k_dense_replace") if E else L
    sparse_layers = L - dense_layers

    attention = D * K * (2 * H + 2 * G)  # q and o have H heads, k and v have G
    dense_ffn = 3 * D * F
    sparse_ffn = D * E + (k + s) * 3 * D * _get(config, "moe_intermediate_size", F)  # the router scores all E
    weights = L * attention + dense_layers * dense_ffn + sparse_layers * sparse_ffn + D * V
    return 2 * weights + 4 * L * H * K * context  # scores and mixing, for every query head


def dense_twin(config: dict[str, Any]) -> dict[str, Any]:
    """The config of the dense model whose FFN is as wide as what one token uses in this one.

    config: as in flops_per_token. It is left as it is.
    Returns: a new dict without num_experts, num_experts_per_tok, moe_intermediate_size, n_shared_experts and
        first_k_dense_replace. intermediate_size is the width of the k routed and the shared experts together, in
        all layers; a dense model keeps its own. Every other key stays, also those that flops_per_token ignores.

    >>> dense_twin({"hidden_size": 8, "intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2})
    {'hidden_size': 8, 'intermediate_size': 32}
    """
    twin = {key: value for key, value in config.items() if key not in _EXPERT_KEYS}
    if _get(config, "num_experts"):
        width = _get(config, "moe_intermediate_size", config["intermediate_size"])
        twin["intermediate_size"] = width * (_get(config, "num_experts_per_tok") + _get(config, "n_shared_experts"))
    return twin


def training_flops(active_params: int, tokens: int) -> int:
    """The usual estimate of the FLOPs of a training run: 2 per parameter and token forward, 4 backward.

    active_params, tokens: ints. Returns: an int, exact, also above 2**53.

    >>> training_flops(37_000_000_000, 14_800_000_000_000)  # DeepSeek-V3
    3285600000000000000000000
    """
    return 6 * active_params * tokens


def _get(config: dict[str, Any], key: str, default: int = 0) -> int:
    """The value of a key, or the default where it is missing or None."""
    value: int | None = config.get(key)
    return default if value is None else value
