"""The parameters of a transformer, counted from its config, part by part."""

from typing import Any


def count_params(config: dict[str, Any]) -> dict[str, int]:
    """The trainable parameters of the whole model, and of each of its parts.

    config: the keys of the README: n_layers, d_model, n_heads, vocab_size, and what differs from the defaults.
    Returns: a dict of exact ints, also above 2**63.
        embedding: the tables of tokens and positions
        attention, mlp: in all layers, biases included
        norm: all norms, two in each layer and the last one
        head: the output matrix, unless it is tied
        total: the sum of these five
        non_embedding: total without embedding and head

    >>> gpt2 = {"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257, "max_positions": 1024,
    ...         "attn_bias": "all", "mlp_bias": True, "tied": True}
    >>> for part, number in count_params(gpt2).items():
    ...     print(f"{part:14}{number:10}")
    embedding       39383808
    attention       28348416
    mlp             56669184
    norm               38400
    head                   0
    total          124439808
    non_embedding   85056000
    """
    raise NotImplementedError
