"""The reference of encoder_block against torch's own parts and a layer of Hugging Face's BERT.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch
import torch.nn.functional as F

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


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
