"""The reference of attention_masks against the influence in nn.Transformer's layers, and Hugging Face's Mistral.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch
from torch import nn

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference


def test_masks_of_an_encoder_decoder_are_those_of_nn_transformer(generator: torch.Generator) -> None:
    """Outputs of nn.Transformer's layers depend on the inputs that our masks allow, and on no others."""
    S, T, D = 5, 3, 8
    source = torch.tensor([[1, 1, 1, 1, 0]])
    masks = reference("attention_masks").variant_masks("encoder-decoder", source, torch.ones(1, T, dtype=torch.long))
    encoder = nn.TransformerEncoderLayer(D, 2, 16, dropout=0.0, batch_first=True)
    decoder = nn.TransformerDecoderLayer(D, 2, 16, dropout=0.0, batch_first=True)
    x = torch.randn(1, S, D, generator=generator).requires_grad_()
    y = torch.randn(1, T, D, generator=generator).requires_grad_()
    encoded = encoder(x, src_key_padding_mask=source == 0)
    for i in range(S):
        (gradient,) = torch.autograd.grad(encoded[0, i].square().sum(), x, retain_graph=True)
        reached = gradient[0].abs().amax(-1) > 0
        others = torch.arange(S) != i  # the residual always reaches the token itself
        assert torch.equal(reached[others], masks["encoder"][0, 0, i][others])
    memory = encoded.detach().requires_grad_()
    causal = nn.Transformer.generate_square_subsequent_mask(T)
    padding = torch.zeros(1, S).masked_fill(source == 0, float("-inf"))
    decoded = decoder(y, memory, tgt_mask=causal, memory_key_padding_mask=padding)
    for i in range(T):
        to_target, to_source = torch.autograd.grad(decoded[0, i].square().sum(), (y, memory), retain_graph=True)
        assert torch.equal(to_target[0].abs().amax(-1) > 0, masks["decoder"][0, 0, i])
        assert torch.equal(to_source[0].abs().amax(-1) > 0, masks["cross"][0, 0, i])


@pytest.mark.parametrize("window", [1, 2, 3, 6])
def test_window_is_that_of_mistral(window: int) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    T = 6
    config = transformers.MistralConfig(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, sliding_window=window, attn_implementation="eager",
    )  # fmt: skip
    model = transformers.MistralModel(config).eval()
    with torch.no_grad():
        (weights,) = model(torch.arange(T)[None], output_attentions=True).attentions
    assert torch.equal(weights[0, 0] > 0, reference("attention_masks").sliding_window_mask(T, window))
