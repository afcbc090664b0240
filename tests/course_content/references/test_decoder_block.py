"""The reference of decoder_block against torch's own norm, Hugging Face's Llama and published sizes.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch
import torch.nn.functional as F

from tests.course_content.references.llamas import additive, llama_config
from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_rms_norm_is_that_of_torch(dtype: torch.dtype, generator: torch.Generator) -> None:
    x, weight = torch.randn(3, 5, 16, generator=generator).to(dtype), torch.randn(16, generator=generator).to(dtype)
    ours = reference("decoder_block").rms_norm(x, weight, 1e-5)
    expected = F.rms_norm(x.double(), (16,), weight.double(), 1e-5)
    precision = {torch.float64: 1e-14, torch.float32: 1e-6, torch.bfloat16: 2**-7}[dtype]
    assert ours.dtype == dtype
    assert torch.allclose(ours.double(), expected, rtol=precision, atol=precision)


@pytest.mark.parametrize(
    ("hidden_size", "multiple_of", "multiplier", "published"),
    [
        (4096, 256, None, 11008),
        (5120, 256, None, 13824),
        (6656, 256, None, 17920),
        (8192, 256, None, 22016),
        (8192, 4096, 1.3, 28672),
        (4096, 1024, 1.3, 14336),
        (16384, 4096, 1.2, 53248),
    ],
    ids=["7B", "13B", "33B", "65B", "Llama 2 70B", "Llama 3 8B", "Llama 3.1 405B"],
)
def test_widths_are_those_of_the_published_models(
    hidden_size: int, multiple_of: int, multiplier: float | None, published: int
) -> None:
    assert reference("decoder_block").swiglu_hidden_size(hidden_size, multiple_of, multiplier) == published


@pytest.mark.parametrize("positions", [None, [3, 4, 5, 6, 7, 8], [9, 2, 30, 4, 15, 0]], ids=["none", "shifted", "any"])
def test_block_is_the_decoder_layer_of_llama(positions: list[int] | None, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRotaryEmbedding

    config = llama_config(theta=500000.0)
    theirs = LlamaDecoderLayer(config, layer_idx=0).eval()
    state = {
        name: torch.randn(weight.shape, generator=generator) / weight.shape[-1] ** 0.5
        for name, weight in theirs.state_dict().items()
    }
    theirs.load_state_dict(state)
    ours = reference("decoder_block").LlamaBlock(24, 3, 40, 1e-5, 500000.0)
    ours.load_state_dict({name.removeprefix("self_attn.").removeprefix("mlp."): w for name, w in state.items()})

    B, T = 2, 6
    x = torch.randn(B, T, 24, generator=generator)
    where = torch.arange(T) if positions is None else torch.tensor(positions)
    angles = LlamaRotaryEmbedding(config)(x, where.expand(B, T))
    mask = additive(torch.ones(T, T, dtype=torch.bool).tril())
    with torch.no_grad():
        expected = theirs(x, attention_mask=mask, position_ids=where.expand(B, T), position_embeddings=angles)
        expected = expected[0] if isinstance(expected, tuple) else expected
        found = ours(x) if positions is None else ours(x, where)
    assert close(found, expected, atol=2e-5)  # float32


def test_a_layer_of_llama_2_7b_has_202383360_parameters() -> None:
    with torch.device("meta"):
        block = reference("decoder_block").LlamaBlock(4096, 32, 11008)
    assert sum(parameter.numel() for parameter in block.parameters()) == 202_383_360
