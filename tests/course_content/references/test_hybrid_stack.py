"""The reference of hybrid_stack against Hugging Face's Jamba, whole and in pieces, and the size of Jamba v0.1.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.course_content.references import solutions
from tests.course_content.references.jambas import SMALL
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

close = partial(solutions.close, atol=5e-5)  # float32 numbers of size 1 that went through five layers
CONFIG = {**SMALL, "num_hidden_layers": 5, "expert_layer_period": 2, "expert_layer_offset": 1}
CHANGES = [
    pytest.param({}, id="mixed"),
    pytest.param({"attn_layer_period": 1, "attn_layer_offset": 0, "num_key_value_heads": 3}, id="all attention"),
    pytest.param({"attn_layer_period": 9, "attn_layer_offset": 8, "mamba_d_conv": 3}, id="all Mamba"),
    pytest.param({"expert_layer_period": 1, "expert_layer_offset": 0, "num_experts_per_tok": 1}, id="all experts"),
]


@pytest.fixture
def ours() -> ModuleType:
    return reference("hybrid_stack")


def hugging_face(config: dict[str, int], generator: torch.Generator) -> Any:
    """Make a Jamba with random weights; the projections are large enough for every part to matter."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    model: Any = transformers.JambaModel(transformers.JambaConfig(**config, attn_implementation="eager"))
    model.eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        parameter.copy_(1 + 0.3 * drawn if "layernorm" in name else drawn / parameter.shape[-1] ** 0.5)
    return model


def renamed(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Their state under our names."""
    names = {
        "final_layernorm": "norm",
        "input_layernorm": "norm1",
        "pre_ff_layernorm": "norm2",
        "self_attn": "mixer",
        "mamba": "mixer",
        "dt_layernorm": "dt_norm",
        "b_layernorm": "b_norm",
        "c_layernorm": "c_norm",
        "feed_forward": "ffn",
    }
    inner = {
        "router.weight": "gate",
        "experts.down_proj": "w2",
        "gate_proj.weight": "w1",
        "down_proj.weight": "w2",
        "up_proj.weight": "w3",
    }
    state = {}
    for name, tensor in theirs.items():
        if name.startswith("embed_tokens"):
            continue
        ours = ".".join(names.get(part, part) for part in name.split("."))
        head, ffn, rest = ours.partition("ffn.")
        if rest == "experts.gate_up_proj":
            state[f"{head}ffn.w1"], state[f"{head}ffn.w3"] = tensor.chunk(2, dim=1)
        else:
            state[head + ffn + inner.get(rest, rest)] = tensor
    return state


@pytest.mark.parametrize("changes", CHANGES)
def test_stack_is_hugging_faces_jamba(ours: ModuleType, changes: dict[str, int], generator: torch.Generator) -> None:
    config = CONFIG | changes
    theirs = hugging_face(config, generator)
    stack = ours.HybridStack(config).requires_grad_(False)
    stack.load_state_dict(renamed(theirs.state_dict()))
    x = torch.randn(2, 9, config["hidden_size"], generator=generator)
    expected = theirs(inputs_embeds=x, use_cache=False).last_hidden_state
    y, _ = stack(x)
    assert close(y, expected)

    state, found = stack.init_state(2), []
    for piece in x.split([4, 1, 1, 3], dim=1):
        y, state = stack(piece, state)
        found.append(y)
    assert close(torch.cat(found, dim=1), expected)


def test_gradients_are_those_of_hugging_face(ours: ModuleType, generator: torch.Generator) -> None:
    theirs = hugging_face(CONFIG, generator).requires_grad_()
    stack = ours.HybridStack(CONFIG)
    stack.load_state_dict(renamed(theirs.state_dict()))
    x, g = torch.randn(2, 2, 6, CONFIG["hidden_size"], generator=generator)
    (theirs(inputs_embeds=x, use_cache=False).last_hidden_state * g).sum().backward()
    (stack(x)[0] * g).sum().backward()
    expected = renamed({name: p.grad for name, p in theirs.named_parameters() if p.grad is not None})
    for name, parameter in stack.named_parameters():
        size = expected[name].abs().max()  # sums over 12 tokens, of very different size
        assert torch.allclose(parameter.grad, expected[name], rtol=0.0, atol=1e-4 * float(size)), name


def test_jamba_has_as_many_parameters_as_counted(ours: ModuleType) -> None:
    counted = reference("hybrid_layout")
    jamba = counted.JAMBA
    with torch.device("meta"):
        stack = ours.HybridStack(jamba)
        state = stack.init_state(1)
    parameters = sum(p.numel() for p in stack.parameters())
    assert parameters == 51_033_452_416
    assert parameters == counted.count_params(jamba)["total"] - 2 * jamba["vocab_size"] * jamba["hidden_size"]
    kept = sum(tensor.numel() for each in state for tensor in each.values())
    W = jamba["mamba_d_conv"]
    assert kept == counted.ssm_state_bytes({**jamba, "mamba_d_conv": W - 1}, bytes_per_value=1)
