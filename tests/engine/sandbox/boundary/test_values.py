"""Values as arguments and results."""

import copy
import math
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

STUDENT = '''
"""A module."""
import dataclasses
import functools
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

EPS = 1e-5
SIZES = {"small": (2, 3), "large": (40, 50)}
HALF = torch.float16
double = lambda x: x * 2
triple = functools.partial(torch.mul, other=3)


def same(x):
    return x


def kind(x):
    return type(x).__name__


def text(x):
    return repr(x)


def nothing():
    pass


def keyword_only(x, *, scale=2.0, shift=None):
    return x * scale + (0.0 if shift is None else shift)


def many(*xs, **named):
    return len(xs), sorted(named), sum(xs) + sum(named.values())


def add(a, b, alpha=1):
    return a + alpha * b


def append_kv(cache, k, v):
    """A cache that is passed out and in again."""
    if cache is None:
        return {"k": k, "v": v, "length": k.shape[2]}
    k, v = torch.cat([cache["k"], k], 2), torch.cat([cache["v"], v], 2)
    return {"k": k, "v": v, "length": cache["length"] + 1}


def layers(caches, x):
    caches = [None, None] if caches is None else caches
    return [append_kv(c, x + i, x - i) for i, c in enumerate(caches)]


def flat(x):
    return x.view(-1)


def layout(x):
    return x.is_contiguous(), x.shape, x.dim()


def cast(x, dtype=torch.float32):
    return x.to(dtype)


def views(x):
    row = torch.arange(6.0).reshape(2, 3)
    return {
        "transposed": row.T,
        "expanded": row[:1].expand(4, 3),
        "strided": row[:, ::2],
        "flipped": row.flip(0),
        "alias": x,
        "part": x[..., :1],
    }


@torch.inference_mode()
def inferred(x):
    return x * 2


class Routed(NamedTuple):
    weights: Tensor
    indices: Tensor


def route(x, k):
    return Routed(*x.topk(k))


@dataclasses.dataclass
class State:
    h: Tensor
    t: int = 0

    def advance(self, by):
        return State(self.h + by, self.t + 1)


def start(x):
    return State(x)


def advance(state, by):
    return state.advance(by)


def read(state):
    return state.h, state.t


def countdown(n):
    while n:
        yield n
        n -= 1


class Bag:
    limit = 3

    def __init__(self, items):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]

    def __iter__(self):
        return iter(self.items)

    def __contains__(self, item):
        return item in self.items

    @property
    def total(self):
        return sum(self.items)

    def add(self, item):
        self.items.append(item)

    @classmethod
    def of(cls, *items):
        return cls(items)


class Sub(Tensor):
    pass


def subclass(x):
    return x.as_subclass(Sub)


def arrays(a):
    return a * 2, np.float32(1.5), np.int64(3), np.bool_(True), a.T


def noise(n):
    return torch.randn(n)


def ones():
    return torch.ones(2)


def grad_mode():
    return torch.is_grad_enabled()
'''


def equal(actual: Any, expected: Any) -> bool:
    """Return whether two values are equal, including their types, dtypes and NaN."""
    if isinstance(expected, Tensor):
        return (
            isinstance(actual, Tensor)
            and actual.dtype == expected.dtype
            and actual.shape == expected.shape
            and torch.equal(actual.nan_to_num(7.0), expected.nan_to_num(7.0))
        )
    if isinstance(expected, dict):
        same_keys = type(actual) is dict and list(actual) == list(expected)
        return same_keys and all(equal(actual[key], expected[key]) for key in expected)
    if isinstance(expected, list | tuple):
        return isinstance(actual, type(expected)) and len(actual) == len(expected) and all(map(equal, actual, expected))
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(actual, float) and math.isnan(actual)
    return type(actual) is type(expected) and actual == expected


INT = torch.tensor([[1, 2], [3, 4]])
VALUES = {
    "None": None,
    "True": True,
    "False": False,
    "0": 0,
    "1": 1,
    "-1": -1,
    "2**53 + 1": 2**53 + 1,
    "2**63": 2**63,
    "2**64 + 1": 2**64 + 1,
    "-2**70": -(2**70),
    "174,604,259,328": 174_604_259_328,
    "0.1": 0.1,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
    "the smallest float": 5e-324,
    "complex": 1 + 2j,
    "str": "prefix-lm",
    "empty str": "",
    "non-ASCII": "ᾱ ≤ Ж 語 🙂\n\t\0",
    "bytes": b"\0\xff",
    "list": [1, 2.0, None, "x"],
    "empty list": [],
    "tuple": (1, (2, (3,))),
    "empty tuple": (),
    "dict": {"a": 1, "b": [True, {"c": ()}]},
    "dict with int keys": {0: "a", 7: "b", -1: "c"},
    "dict with tuple keys": {(0, 1): 2, (1, 0): 3},
    "dict in another order": {"z": 1, "a": 2},
    "set": {1, 2, 3},
    "frozenset in a set": {frozenset({1}), frozenset()},
    "slice": slice(1, None, 2),
    "range": range(2, 10, 3),
    "Size": torch.Size([2, 3]),
    "dtype": torch.bfloat16,
    "pairs": [(0, 2), (5, 1)],
    "layout": [["mamba", "mlp"], ["attention", "moe"]],
    "float16": torch.tensor([1.5, 65504.0, 6e-8], dtype=torch.float16),
    "bfloat16": torch.tensor([1.0, 3e38], dtype=torch.bfloat16),
    "float32": torch.tensor([[1.0, math.inf], [-math.inf, math.nan]]),
    "float64": torch.tensor([0.1, 1e300], dtype=torch.float64),
    "complex64": torch.tensor([1 + 2j]),
    "int64": INT,
    "int32": INT.int(),
    "uint8": INT.to(torch.uint8),
    "bool": INT > 2,
    "0-dim": torch.tensor(3.5),
    "0-dim bool": torch.tensor(True),
    "empty": torch.zeros(0, 3),
    "empty in the middle": torch.zeros(2, 0, 5, dtype=torch.int64),
    "one element": torch.zeros(1, 1, 1),
    "nested": ({"k": [torch.ones(2), None], "n": 3}, [torch.zeros(1)]),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_equal(m: Any, name: str) -> None:
    given = copy.deepcopy(VALUES[name])
    assert equal(m.same(given), VALUES[name])
    assert equal(m.same(x=given), VALUES[name])
    assert equal(given, VALUES[name])


@pytest.mark.parametrize("name", VALUES)
def test_a_value_has_the_same_type_inside(m: Any, name: str) -> None:
    assert m.kind(VALUES[name]) == type(VALUES[name]).__name__


def test_arguments_can_be_passed_by_position_and_by_name(m: Any) -> None:
    assert m.keyword_only(3.0) == 6.0
    assert m.keyword_only(3.0, shift=1) == 7.0
    assert m.keyword_only(x=3.0, scale=1.0, shift=None) == 3.0
    assert m.many(1, 2, b=3, a=4) == (2, ["a", "b"], 10)
    assert m.many() == (0, [], 0)
    assert m.nothing() is None


def test_lambdas_and_partials_can_be_called(m: Any) -> None:
    assert m.double(4) == 8
    assert torch.equal(m.triple(torch.ones(2)), torch.full((2,), 3.0))


def test_constants_of_the_module_can_be_read(m: Any) -> None:
    assert m.EPS == 1e-5
    assert m.SIZES["small"] == (2, 3)
    assert m.HALF is torch.float16
    assert m.__name__ == "student"
    assert m.__doc__ == "A module." or m.__doc__ is not None
    assert hasattr(m, "route")
    assert not hasattr(m, "rout")
    assert getattr(m, "rout", None) is None


def test_a_cache_can_be_passed_back_in(m: Any) -> None:
    B, H, K = 2, 3, 4
    steps = torch.randn(5, B, H, 1, K)
    cache: Any = None
    for step in steps:
        before = None if cache is None else {**cache, "k": cache["k"].clone()}
        new = m.append_kv(cache, step, -step)
        if before is not None:
            assert torch.equal(cache["k"], before["k"])
        cache = new
    assert cache["length"] == 5
    assert torch.equal(cache["k"], steps.squeeze(3).permute(1, 2, 0, 3))
    assert torch.equal(cache["v"], -cache["k"])


def test_a_list_of_caches_can_be_passed_back_in(m: Any) -> None:
    x = torch.randn(1, 2, 1, 3)
    caches = m.layers(m.layers(None, x), x)
    assert [c["length"] for c in caches] == [2, 2]
    assert torch.equal(caches[1]["k"], torch.cat([x + 1, x + 1], 2))
    empty = {"k": torch.zeros(1, 2, 0, 3), "v": torch.zeros(1, 2, 0, 3), "length": 0}
    assert m.append_kv(empty, x, x)["k"].shape == (1, 2, 1, 3)


def test_the_same_tensor_can_be_passed_twice(m: Any) -> None:
    x = torch.randn(2, 3)
    assert torch.equal(m.add(x, x), x + x)
    assert torch.equal(m.add(x, b=x, alpha=-1), torch.zeros(2, 3))


NOT_FLAT = {
    "transposed": lambda: torch.randn(3, 4).T,
    "heads": lambda: torch.randn(2, 5, 12).view(2, 5, 3, 4).transpose(1, 2),
    "columns": lambda: torch.randn(3, 8)[:, 2:5],
    "every second": lambda: torch.randn(3, 9)[:, ::2],
    "one column": lambda: torch.randn(3, 4, 5)[..., 0].T,
    "expanded": lambda: torch.randn(1, 4).expand(3, 4),
    "ints": lambda: torch.arange(12).reshape(3, 4).T,
    "bools": lambda: (torch.arange(12) > 5).reshape(3, 4).T,
}


@pytest.mark.parametrize("name", NOT_FLAT)
def test_view_fails_on_an_argument_that_is_not_contiguous(m: Any, name: str) -> None:
    x = NOT_FLAT[name]()
    assert torch.equal(m.same(x), x)
    with pytest.raises(RuntimeError, match="view"):
        m.flat(x)
    assert m.layout(x) == (False, x.shape, x.dim())


def test_view_works_on_what_is_contiguous_enough(m: Any) -> None:
    x = torch.randn(4, 3)
    row = torch.zeros(5).expand(1, 5)
    for given in (x, x[1:], x[1], x[:, 0], x[::2, 0], x[:, :1], x.T[0], row, x.unfold(0, 4, 1)[0].T):
        assert torch.equal(m.flat(given), given.reshape(-1))


def test_a_dtype_can_be_passed(m: Any) -> None:
    assert m.cast(torch.ones(1, dtype=torch.float64)).dtype is torch.float32
    assert m.cast(torch.ones(1), torch.float16).dtype is torch.float16
    assert m.cast(torch.ones(1), dtype=torch.int64).dtype is torch.int64


def test_results_that_are_views_have_the_right_numbers(m: Any) -> None:
    x = torch.randn(2, 3)
    views = m.views(x)
    row = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(views["transposed"], row.T)
    assert torch.equal(views["expanded"], row[:1].expand(4, 3))
    assert torch.equal(views["strided"], row[:, ::2])
    assert torch.equal(views["flipped"], row.flip(0))
    assert torch.equal(views["alias"], x)
    assert torch.equal(views["part"], x[:, :1])


def test_results_can_be_changed_in_place(m: Any) -> None:
    y = m.double(torch.ones(3))
    y += 1
    y[0] = 9
    y.mul_(2)
    assert y.tolist() == [18.0, 6.0, 6.0]
    assert m.same({"a": torch.ones(2)})["a"].add_(1).tolist() == [2.0, 2.0]


def test_calls_work_in_inference_mode(m: Any) -> None:
    y = m.inferred(torch.ones(3, requires_grad=True))
    assert not y.requires_grad
    assert y.tolist() == [2.0, 2.0, 2.0]
    with torch.inference_mode():
        x = torch.ones(2)
        assert m.add(x, x).tolist() == [2.0, 2.0]
        assert m.grad_mode() is False
    assert m.add(x, x).tolist() == [2.0, 2.0]


def test_named_tuples_keep_their_field_names(m: Any) -> None:
    x = torch.randn(3, 5)
    routed = m.route(x, k=2)
    weights, indices = routed
    assert torch.equal(routed.weights, weights)
    assert torch.equal(indices, x.topk(2).indices)
    assert isinstance(routed, tuple)
    Point = namedtuple("Point", "x y")
    assert m.same(Point(1, 2)).y == 2


def test_objects_of_the_module_can_be_used_and_passed_back(m: Any) -> None:
    state = m.start(torch.zeros(2))
    assert state.t == 0
    state = state.advance(1.0)
    state = m.advance(state, torch.ones(2))
    h, t = m.read(state)
    assert (h.tolist(), t, state.t) == ([2.0, 2.0], 2, 2)
    state.t = 10
    assert m.read(state)[1] == 10
    assert isinstance(state, m.State)
    assert not isinstance(state, m.Bag)
    assert m.State(torch.ones(1), t=4).t == 4
    assert not hasattr(state, "nope")


def test_operators_of_objects_work(m: Any) -> None:
    bag = m.Bag.of(5, 6, 7)
    assert len(bag) == 3
    assert bag[1] == 6
    assert bag[-1] == 7
    assert list(bag) == [5, 6, 7]
    assert 6 in bag
    assert 8 not in bag
    assert bag.total == 18
    assert bag.limit == m.Bag.limit == 3
    bag.add(8)
    assert (bag.total, len(bag)) == (26, 4)
    assert bag
    assert not m.Bag([])
    assert sorted(bag, reverse=True)[0] == 8
    twin = copy.deepcopy(bag)
    twin.add(9)
    assert (len(twin), len(bag)) == (5, 4)
    assert m.State(1, 2) == m.State(1, 2)
    assert m.State(1, 2) != m.State(1, 3)
    with pytest.raises(IndexError):
        bag[99]
    with pytest.raises(TypeError):
        len(m.start(1))


def test_generators_can_be_iterated(m: Any) -> None:
    assert list(m.countdown(3)) == [3, 2, 1]
    steps = m.countdown(2)
    assert next(steps) == 2
    assert next(steps) == 1
    assert next(steps, "done") == "done"
    assert list(m.same({3: 0}.keys() & {3})) == [3]
    assert dict(zip("ab", m.countdown(5), strict=False)) == {"a": 5, "b": 4}


def test_functions_and_objects_can_be_passed(m: Any) -> None:
    assert m.same(3) == 3
    assert m.kind(m.double) == "function"
    assert m.kind(m.Bag) == "type"
    assert m.same(m.double)(4) == 8
    assert m.many(*m.Bag.of(1, 2)) == (2, [], 3)


def test_subclasses_of_tensor_become_tensors(m: Any) -> None:
    assert torch.equal(m.subclass(torch.ones(2)) + 1, torch.full((2,), 2.0))
    assert m.add(nn.Parameter(torch.ones(2)), 1).tolist() == [2.0, 2.0]
    assert m.add(torch.ones(2).as_subclass(type("Own", (Tensor,), {})), 1).tolist() == [2.0, 2.0]


def test_numpy_arrays_keep_their_dtype(m: Any) -> None:
    a = np.arange(6.0).reshape(2, 3)
    twice, half, whole, truth, turned = m.arrays(a)
    assert isinstance(twice, np.ndarray)
    np.testing.assert_array_equal(twice, a * 2)
    np.testing.assert_array_equal(turned, a.T)
    assert (half, whole, truth) == (1.5, 3, True)
    for array in (np.array([True, False]), np.array(3), np.zeros((0, 2), dtype=np.int32), a[::-1, ::2], a.astype("f2")):
        back = m.same(array)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
    back = m.same(np.ones(2))
    back += 1
    assert back.tolist() == [2.0, 2.0]


def test_mappings_and_subclasses_become_plain_values(m: Any) -> None:
    assert m.same(OrderedDict(b=1, a=2)) == {"b": 1, "a": 2}
    assert m.add(np.float64(1.0), 2) == 3.0
    assert m.same([np.int64(4)]) == [4]


def test_grad_mode_is_that_of_the_test(m: Any) -> None:
    assert m.grad_mode() is True
    with torch.no_grad():
        assert m.grad_mode() is False
        with torch.enable_grad():
            assert m.grad_mode() is True
    assert m.grad_mode() is True


def test_default_dtype_is_that_of_the_test(m: Any) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert m.ones().dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert m.ones().dtype is torch.float32


def test_random_numbers_follow_the_seed(m: Any) -> None:
    first = m.noise(3)
    assert not torch.equal(first, m.noise(3))
    torch.manual_seed(3)
    a = m.noise(3)
    torch.manual_seed(3)
    b = m.noise(3)
    torch.manual_seed(3)
    assert torch.equal(a, b)
    assert torch.equal(a, torch.randn(3))


def test_test_and_module_share_one_stream_of_random_numbers(m: Any) -> None:
    torch.manual_seed(3)
    drawn = [torch.randn(2), m.noise(2), torch.randn(2), m.noise(2), m.noise(2)]
    torch.manual_seed(3)
    assert all(torch.equal(each, torch.randn(2)) for each in drawn)


def test_random_numbers_without_a_seed_are_the_same_in_every_run(m: Any) -> None:
    torch_of_seed_7 = torch.randn(3, generator=torch.Generator().manual_seed(7))
    assert torch.equal(m.noise(3), torch_of_seed_7)
