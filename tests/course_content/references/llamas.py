"""Small models of Hugging Face's Llama, to compare references with."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.course_content.references.solutions import randomised


def llama(D: int, H: int, G: int, K: int, theta: float, generator: torch.Generator) -> nn.Module:
    """Make a whole model of one layer, so that Hugging Face makes positions and mask itself."""
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        vocab_size=30,
        hidden_size=D,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=H,
        num_key_value_heads=G,
        head_dim=K,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
        attn_implementation="eager",
    )
    return randomised(LlamaModel(config), generator)


def llama_config(**changes: Any) -> Any:
    from transformers import LlamaConfig

    sizes = {"hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 40}
    theta = changes.pop("theta", 10000.0)
    rope = {"rope_type": "default", "rope_theta": theta}
    return LlamaConfig(
        **sizes, num_hidden_layers=1, rms_norm_eps=1e-5, rope_parameters=rope, attn_implementation="eager", **changes
    )


def additive(keep: Tensor) -> Tensor:
    return torch.zeros(keep.shape).masked_fill(~keep, float("-inf"))[None, None]
