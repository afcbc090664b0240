"""The reference of linear_recurrences against published layers, ONNX's operator, two others of the course, and SGD.

Hugging Face's layers and ONNX's operator are compared where those packages are installed. They are no dependencies of
the course.
"""

import itertools
from types import ModuleType

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

NO_ONNX = "compares with ONNX's operator, and onnx is not installed"
B, T, H, K, V = 2, 9, 3, 4, 5
KINDS = {  # numbers of a, if there is one, and whether there is a beta
    "linear attention": (0, False),
    "RetNet": (1, False),
    "GLA": (K, False),
    "DeltaNet": (0, True),
    "gated DeltaNet": (1, True),
    "KDA": (K, True),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def ours() -> ModuleType:
    return reference("linear_recurrences")


@pytest.fixture
def text(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """q, k (2, 3, 9, 4) and v (2, 3, 9, 5), float64."""
    q, k = torch.randn(2, B, H, T, K, generator=generator, dtype=torch.float64)
    return q, 0.6 * k, torch.randn(B, H, T, V, generator=generator, dtype=torch.float64)


@pytest.fixture
def state(generator: torch.Generator) -> Tensor:
    return torch.randn(B, H, K, V, generator=generator, dtype=torch.float64)


def gates(kind: str, generator: torch.Generator) -> tuple[Tensor | None, Tensor | None]:
    """Draw a, from 0 to 1, and beta, from 0 to 2."""
    numbers, corrects = KINDS[kind]
    a, beta = (torch.rand(B, H, T, size, generator=generator, dtype=torch.float64) for size in (max(numbers, 1), 1))
    return a if numbers else None, 2 * beta if corrects else None


def tokens_first(x: Tensor) -> Tensor:
    """Turn (B, H, T, ...) into (B, T, H, ...), as published code has it, in float32."""
    return x.transpose(1, 2).float()


def test_kda_is_that_of_kimi_linear(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, generator: torch.Generator
) -> None:
    """Theirs takes logarithms of the gates and divides q by √K."""
    kimi = pytest.importorskip("transformers.models.kimi_linear.modeling_kimi_linear", reason=NO_TRANSFORMERS)
    q, k, v = text
    a, beta = gates("KDA", generator)
    assert a is not None
    assert beta is not None
    inputs = [tokens_first(x) for x in (q, k, v, a.log(), beta)]
    o, S = kimi.recurrent_kimi_delta_attention(*inputs[:4], inputs[4][..., 0], state.float(), True)
    found = ours.scan(q / K**0.5, k, v, a, beta, state)
    assert close(tokens_first(found[0]), o, atol=2e-5)  # theirs computes in float32
    assert close(found[1].float(), S, atol=2e-5)


def test_gated_deltanet_is_that_of_qwen3_next(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, generator: torch.Generator
) -> None:
    qwen = pytest.importorskip("transformers.models.qwen3_next.modeling_qwen3_next", reason=NO_TRANSFORMERS)
    q, k, v = text
    a, beta = gates("gated DeltaNet", generator)
    assert a is not None
    assert beta is not None
    inputs = [tokens_first(x) for x in (q, k, v, a.log(), beta)]
    *vectors, g, strength = inputs
    o, S = qwen.torch_recurrent_gated_delta_rule(*vectors, g[..., 0], strength[..., 0], state.float(), True)
    found = ours.scan(q / K**0.5, k, v, a, beta, state)
    assert close(tokens_first(found[0]), o, atol=2e-5)
    assert close(found[1].float(), S, atol=2e-5)


def test_one_gate_without_beta_is_mamba_2(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, generator: torch.Generator
) -> None:
    """Its key is B, its query C, its value Δ x, its a e^(Δ A), and its state the transpose of ours."""
    mamba2 = pytest.importorskip("transformers.models.mamba2.modeling_mamba2", reason=NO_TRANSFORMERS)
    q, k, x = text
    delta = torch.rand(B, H, T, 1, generator=generator, dtype=torch.float64)
    A = -torch.tensor([0.5, 1.0, 2.0])
    inputs = [tokens_first(x) for x in (x, delta, k, q)]
    h0 = state.mT.float()
    y, h = mamba2.mamba2_chunk_scan(
        inputs[0], inputs[1][..., 0], A, *inputs[2:], 4, initial_states=h0, return_final_states=True
    )
    a = (delta * A.double()[:, None, None]).exp()
    found = ours.scan(q, k, delta * x, a=a, state=state)
    assert close(tokens_first(found[0]), y.float(), atol=2e-5)
    assert close(found[1].mT.float(), h.float(), atol=2e-5)


@every_kind
def test_all_six_kinds_are_one_operator_of_onnx(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, generator: torch.Generator, kind: str
) -> None:
    """Its reference evaluator; gates are logarithms there, and heads are packed into the last axis."""
    helper = pytest.importorskip("onnx.helper", reason=NO_ONNX)
    evaluator = pytest.importorskip("onnx.reference", reason=NO_ONNX)
    numbers, corrects = KINDS[kind]
    a, beta = gates(kind, generator)
    rule = {(False, False): "linear", (True, False): "gated", (False, True): "delta", (True, True): "gated_delta"}
    packed = dict(zip(("query", "key", "value"), text, strict=True))
    packed |= {} if a is None else {"decay": a.log()}
    packed |= {} if beta is None else {"beta": beta}
    inputs = {name: tokens_first(x).flatten(-2).numpy() for name, x in packed.items()} | {"past": state.float().numpy()}
    order = ("query", "key", "value", "past", "decay", "beta")
    node = helper.make_node(
        "LinearAttention",
        [name if name in inputs else "" for name in order],
        ["o", "state"],
        update_rule=rule[numbers > 0, corrects],
        scale=1.0,
        q_num_heads=H,
        kv_num_heads=H,
    )
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info(name, 1, x.shape) for name, x in inputs.items()],
        [helper.make_tensor_value_info(name, 1, None) for name in ("o", "state")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 27)])
    o, S = (torch.from_numpy(x) for x in evaluator.ReferenceEvaluator(model).run(None, inputs))
    found = ours.scan(*text, a, beta, state)
    assert close(tokens_first(found[0]).flatten(-2), o, atol=5e-5)  # theirs computes in float32
    assert close(found[1].float(), S, atol=5e-5)


@every_kind
def test_entries_one_by_one(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, generator: torch.Generator, kind: str
) -> None:
    """In Python's floats, with gates below 0 as well where nothing is corrected."""
    q, k, v = text
    a, beta = gates(kind, generator)
    if a is not None:
        a = 2 * a - 1
    o, last = ours.scan(q, k, v, a, beta, state)
    for b, h in itertools.product(range(B), range(H)):
        S = state[b, h].tolist()
        for t in range(T):
            key, value = k[b, h, t].tolist(), v[b, h, t].tolist()
            rates = [1.0] * K if a is None else a[b, h, t].expand(K).tolist()
            S = [[rate * number for number in row] for rate, row in zip(rates, S, strict=True)]
            if beta is not None:
                held = [sum(key[i] * S[i][j] for i in range(K)) for j in range(V)]
                value = [beta[b, h, t].item() * (value[j] - held[j]) for j in range(V)]
            S = [[S[i][j] + key[i] * value[j] for j in range(V)] for i in range(K)]
            read = [sum(q[b, h, t, i].item() * S[i][j] for i in range(K)) for j in range(V)]
            assert close(o[b, h, t], torch.tensor(read, dtype=torch.float64), atol=1e-11)
        assert close(last[b, h], torch.tensor(S, dtype=torch.float64), atol=1e-11)


def test_two_exercises_are_special_cases(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, generator: torch.Generator
) -> None:
    """gated_delta_net's chunks, and the quadratic form of ssd_duality."""
    q, k, v = text
    a, beta = gates("gated DeltaNet", generator)
    assert a is not None
    assert beta is not None
    there = [x.transpose(1, 2) for x in (q, k, v, a.log(), beta)]
    o, S = reference("gated_delta_net").gated_delta_chunked(*there[:3], *(x[..., 0] for x in there[3:]), 4, state)
    found = ours.scan(q, k, v, a, beta, state)
    assert close(found[0].transpose(1, 2), o, atol=1e-11)
    assert close(found[1], S, atol=1e-11)
    y = reference("ssd_duality").ssd_quadratic(there[2], there[3][..., 0], there[1], there[0])
    assert close(ours.scan(q, k, v, a)[0].transpose(1, 2), y, atol=1e-11)


@pytest.mark.parametrize("batch", [1, 2, 4, 9])
def test_training_is_that_of_a_linear_layer_by_sgd(ours: ModuleType, text: tuple[Tensor, ...], batch: int) -> None:
    """After every batch the state is the weight of an nn.Linear that torch.optim.SGD has moved once."""
    q, k, v = (x[0, 0] for x in text)
    eta = torch.linspace(0.1, 0.9, T, dtype=torch.float64)[:, None]
    layer = nn.Linear(K, V, bias=False, dtype=torch.float64)
    nn.init.zeros_(layer.weight)
    sgd = torch.optim.SGD(layer.parameters(), lr=1.0)
    for start in range(0, T, batch):
        part = slice(start, start + batch)
        sgd.zero_grad()
        losses = nn.functional.mse_loss(layer(k[part]), v[part], reduction="none").sum(-1, keepdim=True) / 2
        (eta[part] * losses).sum().backward()
        sgd.step()
        seen = slice(start + batch)
        _, S = ours.gradient_scan(q[seen], k[seen], v[seen], eta[seen], batch)
        assert close(S.mT, layer.weight.detach(), atol=1e-12)


@pytest.mark.parametrize("batch", [1, 2, 4, 9, 20])
def test_outputs_of_a_batch_are_masked_attention(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, batch: int
) -> None:
    """With NumPy: o = Q S' + tril(Q Kᵀ) U, where the rows of U are the errors at S' times the sizes of the steps."""
    eta = torch.linspace(0.1, 0.9, T, dtype=torch.float64)[:, None].expand(B, H, T, 1)
    o, last = ours.gradient_scan(*text, eta, batch, state)
    for b, h in itertools.product(range(B), range(H)):
        queries, keys, values, sizes = (x[b, h].numpy() for x in (*text, eta))
        S = state[b, h].numpy()
        for start in range(0, T, batch):
            part = slice(start, start + batch)
            U = sizes[part] * (values[part] - keys[part] @ S)
            expected = queries[part] @ S + np.tril(queries[part] @ keys[part].T) @ U
            assert close(o[b, h, part], expected, atol=1e-11)
            S = S + keys[part].T @ U
        assert close(last[b, h], S, atol=1e-11)


def test_gradients_are_those_of_finite_differences(
    ours: ModuleType, text: tuple[Tensor, ...], state: Tensor, generator: torch.Generator
) -> None:
    q, k, v = (x[0, 0, :5].clone().requires_grad_() for x in text)
    a, beta = (x[0, 0, :5].clone().requires_grad_() for x in gates("KDA", generator) if x is not None)
    S = state[0, 0].clone().requires_grad_()
    assert torch.autograd.gradcheck(ours.scan, (q, k, v, a, beta, S), fast_mode=True)
    assert torch.autograd.gradcheck(ours.step, (S, k[0], v[0], a[0], beta[0]), fast_mode=True)

    def trained(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        *four, S = tensors
        found: tuple[Tensor, Tensor] = ours.gradient_scan(*four, 2, S)
        return found

    assert torch.autograd.gradcheck(trained, (q, k, v, beta, S), fast_mode=True)


@every_kind
def test_eigenvalues_are_real_and_those_of_a_symmetric_matrix(
    ours: ModuleType, text: tuple[Tensor, ...], generator: torch.Generator, kind: str
) -> None:
    """By scipy: (I - β k kᵀ) diag(a) has the eigenvalues of diag(√a) (I - β k kᵀ) diag(√a), at most one below 0."""
    a, beta = gates(kind, generator)
    k = 2 * text[1]
    found = ours.lowest_eigenvalue(k, a, beta)
    below = 0
    for index in itertools.product(range(B), range(H), range(T)):
        root = np.ones(K) if a is None else np.broadcast_to(a[index].numpy(), K) ** 0.5
        strength = 0.0 if beta is None else beta[index].item()
        matrix = np.outer(root, root) * (np.eye(K) - strength * np.outer(k[index], k[index]))
        values = scipy.linalg.eigvalsh(matrix)
        assert found[index].item() == pytest.approx(values[0], abs=1e-9)
        assert (values < 0).sum() <= 1
        below += values[0] < 0
    assert (below > 0) == (beta is not None)


def test_fading_and_correcting_change_places_only_with_one_gate(generator: torch.Generator) -> None:
    k = torch.randn(K, generator=generator)
    corrected = torch.eye(K) - 0.5 * torch.outer(k, k)
    for a, alike in ((torch.full((K,), 0.7), True), (torch.linspace(0.1, 1.0, K), False)):
        assert close(corrected @ a.diag(), a.diag() @ corrected, atol=1e-6) == alike


def test_tables_of_the_statement(ours: ModuleType) -> None:
    state, half = torch.tensor([[8.0], [4.0]]), torch.tensor([0.5])
    k, v = torch.tensor([1.0, 0.0]), torch.tensor([6.0])
    rules: tuple[dict[str, Tensor], ...] = ({}, {"a": half}, {"beta": half}, {"a": half, "beta": half})
    states = [ours.step(state, k, v, **rule).flatten().tolist() for rule in rules]
    assert states == [[14.0, 4.0], [10.0, 2.0], [7.0, 4.0], [5.0, 2.0]]
    one, v = torch.ones(3, 1), torch.tensor([[4.0], [8.0], [2.0]])
    outputs = [ours.gradient_scan(one, one, v, 0.5 * one, batch)[0].flatten().tolist() for batch in (1, 2, 3)]
    assert outputs == [[2.0, 5.0, 3.5], [2.0, 6.0, 4.0], [2.0, 6.0, 7.0]]


def test_olmo_hybrid_doubles_beta_by_default() -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    assert transformers.OlmoHybridConfig().linear_allow_neg_eigval is True


def test_answer_to_the_question(ours: ModuleType) -> None:
    """Two reflections are a turn by twice the angle of their keys. With 60 degrees three ones turn the state around."""
    bits = [1, 0, 1, 1, 0, 1, 1, 1]
    angle = torch.tensor(torch.pi / 3, dtype=torch.float64)
    pair = torch.stack([torch.tensor([1.0, 0.0], dtype=torch.float64), torch.stack([angle.cos(), angle.sin()])])
    k = pair.repeat(len(bits), 1)  # two tokens for each bit
    beta = 2.0 * torch.tensor(bits, dtype=torch.float64).repeat_interleave(2)[:, None]
    zeros = torch.zeros(2 * len(bits), 1, dtype=torch.float64)
    count, S = 0, torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    for t, bit in enumerate(bits):
        _, S = ours.scan(*(x[2 * t : 2 * t + 2] for x in (k, k, zeros)), beta=beta[2 * t : 2 * t + 2], state=S)
        count += bit
        turned = torch.tensor(2 * torch.pi / 3 * (count % 3), dtype=torch.float64)
        assert close(S[:, 0], torch.stack([turned.cos(), turned.sin()]), atol=1e-12)
