"""The reference of llama_decoder against Hugging Face's Llama and against the names of llama.cpp's own package.

They are compared where `transformers` and `gguf` are installed, which the course does not depend on.
"""

from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

# float32 numbers of size 1 to 10, sums of a few dozen terms in each of a few layers
close = partial(solutions.close, atol=2e-5)
NO_GGUF = "compares with the gguf package, which is not installed"
V, D, N, H, F = 29, 24, 3, 4, 10
EPS, THETA = 1e-3, 500.0


@pytest.fixture
def ours() -> ModuleType:
    return reference("llama_decoder")


def hugging_face(G: int, generator: torch.Generator) -> Any:
    """Make a tied model with random weights. A small embedding keeps greedy text from repeating its last token."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=V,
        hidden_size=D,
        intermediate_size=F,
        num_hidden_layers=N,
        num_attention_heads=H,
        num_key_value_heads=G,
        rms_norm_eps=EPS,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config).eval().requires_grad_(False)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    for name, parameter in model.named_parameters():
        scale = 0.3 if "embed" in name else 1.5 / parameter.shape[-1] ** 0.5
        parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model


def decoder(ours: ModuleType, G: int, theirs: Any) -> Any:
    """Ours with the weights of theirs."""
    model = ours.LlamaDecoder(V, D, N, H, G, F, rms_norm_eps=EPS, rope_theta=THETA).requires_grad_(False)
    model.load_state_dict(theirs.model.state_dict())
    return model


@pytest.mark.parametrize("G", [1, 2, 4])
def test_logits_are_those_of_hugging_face(ours: ModuleType, G: int, generator: torch.Generator) -> None:
    theirs = hugging_face(G, generator)
    ids = torch.randint(V, (2, 7), generator=generator)
    logits, _ = decoder(ours, G, theirs)(ids)
    assert close(logits, theirs(input_ids=ids).logits)


@pytest.mark.parametrize("G", [1, 2, 4])
def test_caches_are_those_of_hugging_face(ours: ModuleType, G: int, generator: torch.Generator) -> None:
    theirs = hugging_face(G, generator)
    model = decoder(ours, G, theirs)
    ids = torch.randint(V, (2, 7), generator=generator)
    their_cache = theirs(input_ids=ids, use_cache=True).past_key_values
    cache = None
    for piece in ids.split([3, 1, 2, 1], dim=1):
        logits, cache = model(piece, cache)
    assert close(logits[:, -1], theirs(input_ids=ids).logits[:, -1])
    assert cache is not None
    assert len(cache) == N
    for i in range(N):
        assert close(cache[i]["k"], their_cache.layers[i].keys)
        assert close(cache[i]["v"], their_cache.layers[i].values)


def test_texts_are_those_of_hugging_face(ours: ModuleType, generator: torch.Generator) -> None:
    B, T, steps, G = 2, 5, 12, 2
    theirs = hugging_face(G, generator)
    model = decoder(ours, G, theirs)

    def same(prompt: Tensor, eos: int | None, pad: int) -> int:
        """How many new tokens both write."""
        mask = torch.ones_like(prompt)
        options = {"attention_mask": mask, "max_new_tokens": steps, "do_sample": False}
        expected = theirs.generate(prompt, **options, eos_token_id=eos, pad_token_id=pad)
        text = model.generate(prompt, steps, eos, pad)
        assert torch.equal(text, expected)
        return text.shape[1] - T

    ends: list[list[int]] = []
    while not ends:  # an end token that one row has after two steps at least, and the other later
        prompt = torch.randint(V, (B, T), generator=generator)
        rows = model.generate(prompt, steps)[:, T:].tolist()
        both = [[row.index(token) for row in rows] for token in set(rows[0]) & set(rows[1])]
        ends = [each for each in both if 1 < each[0] < each[1] < steps - 1]
    first, last = ends[0]
    eos = rows[0][first]
    assert same(prompt, None, 0) == steps
    assert same(prompt, eos, (eos + 3) % V) == last + 1
    assert same(prompt[:1], eos, eos) == first + 1
    assert torch.equal(model.generate(prompt, steps, eos), model.generate(prompt, steps, eos, eos))


def as_llama_cpp_writes(weight: Tensor, heads: int) -> Tensor:
    """Order the rows of q or k as llama.cpp's converter does: each head's two halves are interleaved."""
    halves = weight.reshape(heads, 2, len(weight) // heads // 2, -1)
    return halves.swapaxes(1, 2).reshape(weight.shape)


@pytest.mark.parametrize("G", [1, 2, 4])
def test_names_are_those_of_gguf(ours: ModuleType, G: int, generator: torch.Generator) -> None:
    gguf = pytest.importorskip("gguf", reason=NO_GGUF)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, N)
    state = ours.LlamaDecoder(V, D, N, H, G, F).state_dict()
    file = {}
    for name, tensor in state.items():
        heads = {"q_proj": H, "k_proj": G}.get(name.split(".")[-2])
        there = names.get_name(f"model.{name}", try_suffixes=(".weight",))
        file[there] = tensor if heads is None else as_llama_cpp_writes(tensor, heads)
    converted = ours.convert_gguf_state(file, H, G)
    assert converted.keys() == state.keys()
    assert all(torch.equal(converted[name], state[name]) for name in state)


def test_smollm2_has_as_many_parameters_as_published(ours: ModuleType) -> None:
    with torch.device("meta"):
        model = ours.LlamaDecoder(49152, 576, 30, 9, 3, 1536)
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
