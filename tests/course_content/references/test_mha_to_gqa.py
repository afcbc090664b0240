"""The reference of mha_to_gqa against NumPy and Hugging Face's Llama.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch

from tests.course_content.references.llamas import llama
from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


def test_llama_with_expanded_heads_is_the_same_model(generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    D, H, G, K = 20, 4, 2, 10
    ours = reference("mha_to_gqa")
    grouped, full = (llama(D, H, heads, K, 10000.0, generator) for heads in (G, H))
    state = grouped.state_dict()
    shared = [name for name in state if name.split(".")[-2] in ("k_proj", "v_proj")]
    assert len(shared) == 2
    full.load_state_dict(state | {name: ours.expand_heads(state[name], H, G) for name in shared})
    tokens = torch.arange(12).view(2, 6)
    assert close(full(tokens).last_hidden_state, grouped(tokens).last_hidden_state, atol=1e-5)

    converted = ours.convert_state(full.state_dict(), H, G)
    assert converted.keys() == state.keys()
    assert all(close(converted[name], state[name], atol=1e-6) for name in state)
