"""The references of attention, masks, BERT's layer and T5's bias against torch's own and Hugging Face's."""


import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.references import NO_TRANSFORMERS, close, reference

# scaled_dot_product


@pytest.mark.parametrize("form", ["none", "bool", "float"])
def test_attention_is_torchs(form: str, generator: torch.Generator) -> None:
    q = torch.randn(2, 3, 5, 8, generator=generator)
    k, v = torch.randn(2, 3, 7, 8, generator=generator), torch.randn(2, 3, 7, 4, generator=generator)
    keep = torch.rand(5, 7, generator=generator) < 0.6
    keep[:, 0] = True
    masks = {"none": None, "bool": keep, "float": torch.randn(2, 1, 5, 7, generator=generator)}
    out, weights = reference("scaled_dot_product").attention(q, k, v, masks[form])
    assert close(out, F.scaled_dot_product_attention(q, k, v, attn_mask=masks[form]), atol=1e-6)  # float32
    assert close(weights @ v, out, atol=1e-6)


def test_heads_and_attention_are_nn_multihead_attention(generator: torch.Generator) -> None:
    B, T, D, H = 2, 5, 12, 3
    ours = reference("scaled_dot_product")
    mha = nn.MultiheadAttention(D, H, batch_first=True, dtype=torch.float64)
    x = torch.randn(B, T, D, generator=generator, dtype=torch.float64)
    causal = torch.tensor(np.tri(T, dtype=bool))
    q, k, v = (ours.split_heads(part, H) for part in F.linear(x, mha.in_proj_weight, mha.in_proj_bias).chunk(3, -1))
    out, weights = ours.attention(q, k, v, causal)
    expected, expected_weights = mha(x, x, x, attn_mask=~causal, average_attn_weights=False)
    assert close(mha.out_proj(ours.merge_heads(out)), expected, atol=1e-12)
    assert close(weights, expected_weights, atol=1e-12)


def test_masked_softmax_has_the_gradient_of_finite_differences(generator: torch.Generator) -> None:
    scores = torch.randn(3, 5, generator=generator, dtype=torch.float64).requires_grad_()
    keep = torch.tensor(np.tri(3, 5, -1, dtype=bool))  # the first row is empty
    added = torch.zeros(3, 5, dtype=torch.float64).masked_fill(~keep, float("-inf"))
    ours = reference("scaled_dot_product")
    for mask in (keep, added):
        assert torch.autograd.gradcheck(lambda s, mask=mask: ours.masked_softmax(s, mask), (scores,))


# attention_masks


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


# encoder_block


def test_gelu_and_layer_norm_are_torchs(generator: torch.Generator) -> None:
    ours = reference("encoder_block")
    x = 4 * torch.randn(3, 5, 8, generator=generator, dtype=torch.float64)
    weight, bias = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    assert close(ours.gelu(x), F.gelu(x), atol=1e-14)
    for eps in (1e-12, 1e-5, 0.5):
        assert close(ours.layer_norm(x, weight, bias, eps), F.layer_norm(x, (8,), weight, bias, eps), atol=1e-12)


def test_block_is_a_layer_of_bert(generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=20,
        attn_implementation="eager",
    )  # fmt: skip
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    names = {
        "attention.self.query": "q_proj", "attention.self.key": "k_proj", "attention.self.value": "v_proj",
        "attention.output.dense": "out_proj", "attention.output.LayerNorm": "attn_norm",
        "intermediate.dense": "fc1", "output.dense": "fc2", "output.LayerNorm": "ffn_norm",
    }  # fmt: skip
    state = {}
    for name, value in model.encoder.layer[0].state_dict().items():
        module, _, kind = name.rpartition(".")
        state[f"{names[module]}.{kind}"] = value
    block = reference("encoder_block").EncoderBlock(12, 3, 20, config.layer_norm_eps)
    block.load_state_dict(state)
    tokens = torch.randint(50, (2, 6), generator=generator)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    with torch.no_grad():
        embedded = model.embeddings(tokens)
        expected = model(tokens, attention_mask=mask).last_hidden_state
        assert close(block(embedded, mask)[mask == 1], expected[mask == 1], atol=1e-5)  # float32


# t5_relative_bias


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
