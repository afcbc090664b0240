"""The reference of t5_relative_bias against Hugging Face's T5 and torch's own attention.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch
import torch.nn.functional as F

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.mark.parametrize("bidirectional", [True, False], ids=["encoder", "decoder"])
@pytest.mark.parametrize(("num_buckets", "max_distance"), [(32, 128), (16, 100), (8, 50), (64, 300)])
def test_buckets_are_those_of_t5(bidirectional: bool, num_buckets: int, max_distance: int) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.t5.modeling_t5 import T5Attention

    r = torch.arange(-500, 501)
    theirs = T5Attention._relative_position_bucket(r, bidirectional, num_buckets, max_distance)
    ours = reference("t5_relative_bias").relative_position_bucket(r, bidirectional, num_buckets, max_distance)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("decoder", [False, True], ids=["encoder", "decoder"])
def test_bias_and_attention_are_those_of_t5(decoder: bool, generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.t5.modeling_t5 import T5Attention

    T, D, H = 40, 12, 3
    config = transformers.T5Config(d_model=D, d_kv=4, num_heads=H, is_decoder=decoder, dropout_rate=0.0)
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).eval()
    ours = reference("t5_relative_bias")
    bias = ours.T5RelativeBias(H, bidirectional=not decoder)
    bias.load_state_dict({"relative_attention_bias.weight": theirs.relative_attention_bias.weight})
    x = torch.randn(1, T, D, generator=generator)
    with torch.no_grad():
        q, k, v = (p(x).view(1, T, H, 4).transpose(1, 2) for p in (theirs.q, theirs.k, theirs.v))
        out = ours.t5_attention(q, k, v, bias(T)).transpose(1, 2).reshape(1, T, D)
        assert close(theirs.o(out), theirs(x)[0], atol=1e-4)  # float32


def test_attention_is_torchs_with_scale_one(generator: torch.Generator) -> None:
    q, k, v = torch.randn(3, 2, 3, 5, 4, generator=generator, dtype=torch.float64)
    ours = reference("t5_relative_bias")
    bias = ours.T5RelativeBias(3).double()(5)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(2, 3, 5, 5), scale=1.0)
    assert close(ours.t5_attention(q, k, v, bias), expected, atol=1e-12)
