"""The source text of a reproduction makes the same call, with the same result."""

import ast
import copy
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from grader.engine.judge.faults import Fault
from grader.engine.judge.reproduce import reproduction
from grader.engine.judge.session import LogEntry, Session
from grader.engine.sandbox import wire
from grader.engine.sandbox.source import execute

STUDENT = """
import torch
from torch import nn


def add(a, b=0, *, scale=1):
    return (a + b) * scale


def kinds(*xs, **named):
    return [type(x).__name__ for x in (*xs, *named.values())]


def same(x):
    return x


def flags(x):
    return x.requires_grad, x.is_contiguous(), x.stride(), torch.is_grad_enabled(), torch.ones(1).dtype


def flat(x):
    return x.view(-1)


def noise():
    return torch.randn(3)


class Layer(nn.Module):
    def __init__(self, width, bias=True):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(width, width, bias=bias) for _ in range(2)])
        self.tied = nn.Linear(width, width, bias=False)
        self.tied.weight = self.blocks[0].weight
        self.drop = nn.Dropout(0.5)
        self.register_buffer("scale", torch.ones(width))
        self.power = 1

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.tied(self.drop(x)) * self.scale**self.power

    def amplify(self):
        with torch.no_grad():
            for p in self.parameters():
                p.mul_(2)

    def grow(self, x, state):
        return self(x), {"n": state["n"] + 1}


def both(width):
    return {"layers": [Layer(width), Layer(width)]}


def call(layer, x):
    return layer(x)


class Counter:
    def __init__(self, n=0):
        self.n = n

    def add(self, k):
        self.n += k
        return self.n

    def __getitem__(self, i):
        return self.n + i

    def __len__(self):
        return self.n
"""


def loaded(m: Any, dtype: torch.dtype = torch.float32) -> Any:
    layer = m.Layer(3).to(dtype).eval()
    torch.manual_seed(99)
    layer.load_state_dict({name: torch.randn_like(t) for name, t in layer.state_dict().items()})
    return layer


def trained(m: Any) -> Any:
    layer = loaded(m)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    layer(torch.zeros(3))
    return layer


def doubled(m: Any) -> Any:
    layer = loaded(m)
    layer.amplify()
    with torch.no_grad():
        layer.scale.mul_(3)
    return layer


def replaced(m: Any) -> Any:
    layer = loaded(m)
    layer.blocks[0].weight = nn.Parameter(torch.eye(3))
    layer.blocks[1].weight = layer.blocks[0].weight
    layer.scale = torch.full((3,), 2.0)
    return layer


def powered(m: Any) -> Any:
    layer = loaded(m)
    layer.scale.data.fill_(2.0)
    layer.power = 3
    return layer


def seeded(m: Any) -> Any:
    torch.manual_seed(5)
    torch.randn(2)
    return m


def within(context: Any, function: Callable[..., Any], *args: Any) -> Any:
    with context:
        return function(*args)


class Default:
    """A context with float64 as the default dtype."""

    def __enter__(self) -> None:
        torch.set_default_dtype(torch.float64)

    def __exit__(self, *_: object) -> None:
        torch.set_default_dtype(torch.float32)


X = torch.tensor([[1.5, -2.0, 0.1], [float("inf"), float("nan"), -float("inf")]])
CALLS: dict[str, Callable[[Any], Any]] = {
    "numbers": lambda m: m.add(3, b=2.5, scale=-1),
    "float32": lambda m: m.same(torch.tensor([[0.1, 1e-30], [3.0, 16777217.0]])),
    "float64": lambda m: m.same(torch.tensor([0.1, 1 / 3], dtype=torch.float64)),
    "float16": lambda m: m.same(torch.tensor([0.1, 65504.0, 6e-8], dtype=torch.float16)),
    "bfloat16": lambda m: m.same(torch.tensor([0.1, 3e38], dtype=torch.bfloat16)),
    "special floats": lambda m: m.same(X),
    "special halves": lambda m: m.same(X.half()),
    "special complex numbers": lambda m: m.same(torch.complex(X, X.flip(0))),
    "complex numbers": lambda m: m.same(torch.tensor([1 + 2j, -0.1j])),
    "whole numbers": lambda m: m.same([torch.tensor([[1, -(2**62)]]), torch.tensor([5], dtype=torch.int32)]),
    "truths": lambda m: m.same(torch.tensor([True, False])),
    "0-dim": lambda m: m.same((torch.tensor(2.5), torch.tensor(3), torch.tensor(float("nan")))),
    "empty": lambda m: m.same(torch.zeros(2, 0, dtype=torch.float64)),
    "a large tensor": lambda m: m.same(torch.linspace(-1, 1, 5000).reshape(50, 100)),
    "a large half": lambda m: m.same(torch.linspace(-1, 1, 5000).bfloat16()),
    "requires grad": lambda m: m.flags(torch.ones(2, 3, requires_grad=True)),
    "transposed": lambda m: m.flags(torch.arange(6.0).reshape(2, 3).T),
    "transposed numbers": lambda m: m.same(torch.arange(6.0).reshape(2, 3).T),
    "a slice": lambda m: m.same(torch.arange(12).reshape(3, 4)[:, 1:3]),
    "expanded": lambda m: m.same(torch.arange(3.0)[:, None].expand(3, 4)),
    "an exception for what is not contiguous": lambda m: m.flat(torch.arange(6.0).reshape(2, 3).T),
    "nested": lambda m: m.same({"k": [torch.ones(1), None, (1,)], 3: {"n": float("inf")}, "s": {1, 2}}),
    "kinds": lambda m: m.kinds(1, True, 2.0, "ᾱ'\"\n", None, b"x", (1, 2), [3], {4}, frozenset(), range(3)),
    "more kinds": lambda m: m.kinds(torch.float16, torch.Size([2]), 2**70, 1j, x=float("nan"), y=np.float64(1)),
    "even more kinds": lambda m: m.kinds(np.ones(2), slice(1, 2), {"a": 1}),
    "arrays": lambda m: m.same([np.arange(3.0), np.array([True]), np.int64(3)]),
    "arrays of other dtypes": lambda m: m.same([np.arange(3, dtype=t) for t in (np.uint8, np.float32, np.complex64)]),
    "empty arrays": lambda m: m.same([np.empty((0, 2), np.int64), np.empty(0, bool), np.array(5)]),
    "arrays that are not finite": lambda m: m.same([np.array([np.nan, np.inf]), np.array([complex(1, np.inf)])]),
    "an array that is large": lambda m: m.same(np.arange(3000)),
    "a function of its own": lambda m: m.same({"x": m.add})["x"](2, 3),
    "without gradients": lambda m: within(torch.no_grad(), m.flags, torch.ones(1)),
    "in float64": lambda m: within(Default(), m.flags, torch.ones(1, dtype=torch.float32)),
    "a module": lambda m: m.Layer(3)(torch.ones(2, 3)),
    "a module with loaded parameters": lambda m: loaded(m)(torch.ones(2, 3)),
    "a module in half precision": lambda m: loaded(m, torch.bfloat16)(torch.ones(2, 3).bfloat16()),
    "a module in float64": lambda m: loaded(m, torch.float64)(torch.ones(2, 3).double()),
    "a module that the test trained": lambda m: trained(m)(torch.ones(2, 3)),
    "a module that changed itself": lambda m: doubled(m)(torch.ones(2, 3)),
    "a module with other parameters": lambda m: replaced(m)(torch.ones(2, 3)),
    "a module with another attribute": lambda m: powered(m)(torch.ones(2, 3)),
    "a part of a module": lambda m: loaded(m).blocks[1](torch.ones(3)),
    "a method": lambda m: loaded(m).grow(torch.ones(3), {"n": 4}),
    "a module in an argument": lambda m: m.call(loaded(m).blocks[0], torch.ones(3)),
    "a module in a dict": lambda m: m.both(3)["layers"][1].eval()(torch.ones(3)),
    "a copy": lambda m: copy.deepcopy(doubled(m))(torch.ones(3)),
    "a differentiated call": lambda m: loaded(m)(torch.ones(2, 3, requires_grad=True)).sum().backward(),
    "random numbers": lambda m: (m.noise(), m.noise())[1],
    "random numbers after a seed": lambda m: seeded(m).noise(),
    "a module after a seed": lambda m: seeded(m).Layer(3)(torch.ones(3)),
    "an object": lambda m: counted(m).add(2),
    "an operator on an object": lambda m: counted(m)[5],
    "another operator": lambda m: len(counted(m)),
}


def counted(m: Any) -> Any:
    counter = m.Counter(n=1)
    counter.add(k=4)
    counter.n = 7
    counter.add(1)
    return counter


@pytest.fixture
def student() -> Iterator[None]:
    """Make the module importable in this process."""
    execute("student", STUDENT)
    yield
    del sys.modules["student"]
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


def last_call(session: Session) -> LogEntry:
    return next(e for e in reversed(session.log) if isinstance(e.request, wire.Invoke | wire.Differentiate))


def run(text: str) -> Any:
    """Return the value of a text's last statement."""
    *setup, last = ast.parse(text).body
    scope: dict[str, Any] = {}
    exec(compile(ast.Module(setup, []), "reproduction", "exec"), scope)
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), "reproduction", "eval"), scope)


def plain(value: Any) -> Any:
    """Return a value that can be compared with ==, with every bit of its tensors."""
    if isinstance(value, Tensor):
        raw = value.detach().contiguous().view(-1).view(torch.uint8) if value.numel() else torch.empty(0)
        return str(value.dtype), tuple(value.shape), value.requires_grad, raw.tolist()
    if isinstance(value, np.ndarray):
        return plain(torch.from_numpy(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return repr(value)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("student")
def test_a_reproduction_returns_what_the_call_returned(session: Session, name: str) -> None:
    error: Exception | None = None
    try:
        CALLS[name](session.begin(31))
    except RuntimeError as raised:
        error = raised
    failing = last_call(session)
    text = reproduction("student", session.log, failing, 31, lambda entry, place: f"argument {place}")
    assert text is not None
    if error is not None:
        with pytest.raises(type(error)) as caught:
            run(text)
        assert str(caught.value) == str(error)
        return
    of = failing.request.of if isinstance(failing.request, wire.Differentiate) else failing.request.id
    expected = next(entry for entry in session.log if entry.request.id == of).question.result
    assert plain(run(text)) == plain(expected), text


def test_small_arguments_are_written_as_literals(session: Session) -> None:
    m = session.begin(31)
    layer = m.Layer(2).eval()
    with torch.no_grad():
        layer.blocks[1].weight.zero_()
    layer(torch.ones(2))
    layer(torch.ones(1, 2))
    text = reproduction("student", session.log, last_call(session), 31, lambda entry, place: "x")
    assert text == (
        "import torch\n"
        "import student\n"
        "\n"
        "torch.manual_seed(31)\n"
        "layer = student.Layer(2)\n"
        "layer.train(False)\n"
        "layer.blocks[1].weight.data = torch.tensor([[0.0, 0.0], [0.0, 0.0]])\n"
        "layer(torch.tensor([[1.0, 1.0]]))\n"
    )


def test_small_arrays_are_written_as_literals(session: Session) -> None:
    m = session.begin(31)
    m.same([np.array([2, 5, 9]), np.array([0.5], dtype=np.float32)])
    text = reproduction("student", session.log, last_call(session), 31, lambda entry, place: "x")
    assert text == (
        "import numpy as np\n"
        "import torch\n"
        "import student\n"
        "\n"
        "torch.manual_seed(31)\n"
        "x = [np.array([2, 5, 9]), np.array([0.5], dtype=np.float32)]\n"
        "student.same(x)\n"
    )


def test_a_large_call_has_no_reproduction(session: Session) -> None:
    m = session.begin(31)
    m.same(torch.zeros(1 << 19))
    assert reproduction("student", session.log, last_call(session), 31, lambda entry, place: "x") is None


def test_a_call_that_did_not_return_is_reproduced(session: Session) -> None:
    m = session.begin(31)
    with pytest.raises(Fault):
        m.Layer(3, 4, 5)
    text = reproduction("student", session.log, last_call(session), 31, lambda entry, place: "x")
    assert text is not None
    assert text.endswith("student.Layer(3, 4, 5)\n")
