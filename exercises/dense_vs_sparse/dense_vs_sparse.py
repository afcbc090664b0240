"""The work of a language model, dense or sparse, counted from its config, and the dense model that does the same."""

from typing import Any


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
    raise NotImplementedError


def dense_twin(config: dict[str, Any]) -> dict[str, Any]:
    """The config of the dense model whose FFN is as wide as what one token uses in this one.

    config: as in flops_per_token. It is left as it is.
    Returns: a new dict without num_experts, num_experts_per_tok, moe_intermediate_size, n_shared_experts and
        first_k_dense_replace. intermediate_size is the width of the k routed and the shared experts together, in
        all layers; a dense model keeps its own. Every other key stays, also those that flops_per_token ignores.

    >>> dense_twin({"hidden_size": 8, "intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2})
    {'hidden_size': 8, 'intermediate_size': 32}
    """
    raise NotImplementedError


def training_flops(active_params: int, tokens: int) -> int:
    """The usual estimate of the FLOPs of a training run: 2 per parameter and token forward, 4 backward.

    active_params, tokens: ints. Returns: an int, exact, also above 2**53.

    >>> training_flops(37_000_000_000, 14_800_000_000_000)  # DeepSeek-V3
    3285600000000000000000000
    """
    raise NotImplementedError
