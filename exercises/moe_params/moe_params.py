"""The parameters of a language model, dense or sparse, counted from its config: all of them, and those a token uses."""

from typing import Any


def _get(config: dict[str, Any], key: str, default: int = 0) -> int:
    """The value of a key, or the default where it is missing or None."""
    value: int | None = config.get(key)
    return default if value is None else value


def attention_params(config: dict[str, Any]) -> int:
    """The parameters of the attention of one layer, without the norm in front of it.

    config: the keys of the README, which _get reads; others are ignored.
        With kv_lora_rank the attention is MLA, without it GQA.
    Returns: an int.

    >>> attention_params({"hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8})  # Mixtral 8x7B
    41943040
    """
    raise NotImplementedError


def count_params(config: dict[str, Any]) -> dict[str, int]:
    """The parameters of the whole model, and those that one token uses: {"total": ..., "active": ...}.

    config: the keys of the README, which _get reads; others are ignored.
        Without num_experts, or with 0, the model is dense and the two numbers are equal.
    Returns: two ints. Idle, and so not active, are the E - k routed experts of each sparse layer that a token
        does not choose, and nothing else.

    >>> mixtral = {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    ...            "num_attention_heads": 32, "num_key_value_heads": 8, "num_experts": 8, "num_experts_per_tok": 2}
    >>> count_params(mixtral)
    {'total': 46702792704, 'active': 12879925248}
    """
    raise NotImplementedError
