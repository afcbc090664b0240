"""The reference of rope against complex numbers of NumPy, Hugging Face's Llama and llama.cpp's order of weights.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch

from tests.course_content.references.llamas import llama_config
from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.mark.parametrize("theta", [10000.0, 500000.0])
def test_apply_rope_is_that_of_llama(theta: float, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    B, H, T, K = 2, 3, 7, 8
    q, k = torch.randn(2, B, H, T, K, generator=generator)
    positions = torch.randint(0, 100, (B, T), generator=generator)
    cos, sin = LlamaRotaryEmbedding(llama_config(theta=theta))(q, positions)
    ours = reference("rope").apply_rope
    for x, expected in zip((q, k), apply_rotary_pos_emb(q, k, cos, sin), strict=True):
        assert close(ours(x, positions, theta), expected, atol=1e-4)  # float32 angles up to 100


def test_interleaved_to_half_undoes_the_order_of_gguf_files(generator: torch.Generator) -> None:
    """llama.cpp writes q and k of a Hugging Face checkpoint as reshape(H, 2, K/2, D).swapaxes(1, 2)."""
    H, K, D = 3, 8, 5
    weight = torch.randn(H * K, D, generator=generator)
    written = weight.numpy().reshape(H, 2, K // 2, D).swapaxes(1, 2).reshape(H * K, D)
    assert torch.equal(reference("rope").interleaved_to_half(torch.from_numpy(written), H), weight)
