"""The reference of encoder_decoder against torch's own decoder layer and Hugging Face's BART.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


def copied(ours: nn.Module, theirs: nn.Module, names: dict[str, str]) -> None:
    """Copy the parameters of `ours` to the modules of the given names in `theirs`."""
    for mine, other in names.items():
        theirs.get_submodule(other).load_state_dict(ours.get_submodule(mine).state_dict())


def random_block(generator: torch.Generator, D: int, H: int, ffn: int) -> Any:
    block = reference("encoder_decoder").Seq2SeqDecoderBlock(D, H, ffn).to(torch.float64)
    with torch.no_grad():
        for parameter in block.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(0.5 * noise + (parameter.ndim == 1))
    return block


def test_block_is_the_decoder_layer_of_torch(generator: torch.Generator) -> None:
    B, T, S, D, H = 2, 5, 7, 12, 3
    ours = random_block(generator, D, H, 10)
    theirs = nn.TransformerDecoderLayer(D, H, 10, dropout=0.0, activation="gelu", batch_first=True)
    theirs = theirs.to(torch.float64)
    names = {"self_norm": "norm1", "cross_norm": "norm2", "ffn_norm": "norm3", "fc1": "linear1", "fc2": "linear2"}
    names |= {"self_out_proj": "self_attn.out_proj", "cross_out_proj": "multihead_attn.out_proj"}
    copied(ours, theirs, names)
    with torch.no_grad():
        for part, attention in (("self", theirs.self_attn), ("cross", theirs.multihead_attn)):
            layers = [ours.get_submodule(f"{part}_{name}_proj") for name in ("q", "k", "v")]
            attention.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
            attention.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))

    x = torch.randn(B, T, D, generator=generator, dtype=torch.float64)
    memory = torch.randn(B, S, D, generator=generator, dtype=torch.float64)
    source = torch.arange(S) < torch.tensor([[4], [S]])
    target = torch.arange(T) < torch.tensor([[T], [3]])
    expected = theirs(  # torch's masks are True where a key is hidden
        x,
        memory,
        tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1),
        tgt_key_padding_mask=~target,
        memory_key_padding_mask=~source,
    )
    assert close(ours(x, memory, source, target), expected, 1e-12)


def test_block_is_the_decoder_of_bart(generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    B, T, S, D, H, ffn = 2, 5, 7, 12, 3, 10
    ours = random_block(generator, D, H, ffn)
    config = transformers.BartConfig(
        vocab_size=20, d_model=D, decoder_layers=1, decoder_attention_heads=H, decoder_ffn_dim=ffn
    )
    config._attn_implementation = "eager"
    decoder = transformers.models.bart.modeling_bart.BartDecoder(config).to(torch.float64).eval()
    names = {"self_norm": "self_attn_layer_norm", "cross_norm": "encoder_attn_layer_norm"}
    names |= {"ffn_norm": "final_layer_norm", "fc1": "fc1", "fc2": "fc2"}
    for part, attention in (("self", "self_attn"), ("cross", "encoder_attn")):
        names |= {f"{part}_{name}_proj": f"{attention}.{name}_proj" for name in ("q", "k", "v", "out")}
    copied(ours, decoder.layers[0], names)

    seen: list[Tensor] = []
    decoder.layers[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    memory = torch.randn(B, S, D, generator=generator, dtype=torch.float64)
    source, target = torch.arange(S) < torch.tensor([[4], [S]]), torch.arange(T) < torch.tensor([[T], [3]])
    with torch.no_grad():
        y = decoder(
            input_ids=torch.randint(3, 20, (B, T), generator=generator),
            attention_mask=target.long(),
            encoder_hidden_states=memory,
            encoder_attention_mask=source.long(),
        ).last_hidden_state
        assert close(ours(seen[0], memory, source, target), y, 1e-9)


def test_shift_right_is_that_of_bart(generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.bart.modeling_bart import shift_tokens_right

    labels = torch.randint(3, 20, (4, 6), generator=generator)
    labels[1:, 3:] = -100
    shifted = reference("encoder_decoder").shift_right(labels, decoder_start_token_id=2, pad_token_id=1)
    assert torch.equal(shifted, shift_tokens_right(labels, 1, 2))
