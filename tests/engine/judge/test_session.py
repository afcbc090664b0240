"""A judge grades whatever a worker sends, and goes on to the next submission.

The messages are made by Hypothesis: a failure shows the replies that led to it. A usual run tries the same few
submissions, of a dozen replies each. The variable `FORGED` says how many others are tried in their place; those of a
seed (`--hypothesis-seed`) come again.
"""

import math
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from grader.base.result import Outcome, Result
from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.sandbox import wire
from grader.engine.sandbox.pack import DTYPES, padded
from tests.conftest import unsafe
from tests.engine.judge.forged import ForgedJudge, Frame, frame
from tests.paths import copy_toolbox

FORGED = os.environ.get("FORGED")
MORE_TESTS = '''

@points(1)
def test_gradient(submission, rng):
    """the gradient of three times x"""
    x = rng.randn(3, 5).requires_grad_()
    submission.scale(x, 3.0).sum().backward()
    assert_close(x.grad, torch.full((3, 5), 3.0, dtype=x.dtype))


@points(1)
def test_kept(submission, rng):
    """a copy of a module is used"""
    gate = __import__("copy").deepcopy(submission.Gate(5))
    x = rng.randn(3, 5)
    assert_equal(repr(gate.train()), "Gate()")
    assert_equal([name for name, _ in gate.named_parameters()], ["weight"])
    assert_close(gate(x), x / 2)


@points(1)
def test_own(submission, rng):
    """a result of its own"""
    assert_own_memory(submission, submission.scale(rng.randn(3, 5), 3.0))
'''

ints = st.integers(-(1 << 63), (1 << 64) - 1) | st.integers(-3, 9) | st.sampled_from([1 << 31, 1 << 40, 1 << 62])
long_texts = st.sampled_from([("9", 4300), ("9", 5000), ("a", 201), ("b", 120_000)]).map(lambda each: each[0] * each[1])
texts = st.text(max_size=8) | st.sampled_from(["0", "a", "a.b", "\x1b[2J", "__class__", "weight", "-1"]) | long_texts
names = st.sampled_from(["", "a", "b", "a.a", "a.b", "a.b.c", "a.", ".a"]) | texts
dtypes = st.sampled_from([*DTYPES, "float9"])
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple) | st.lists(ints, max_size=17).map(tuple)
tensors = st.builds(wire.WireTensor, dtypes, shapes, st.booleans(), st.booleans(), st.just(()) | shapes)
places = st.integers(-1, 3)
nodes = st.builds(
    wire.Node,
    path=names,
    first=places,
    type_name=texts,
    layer=st.sampled_from(["Module", "Linear", "Sequential", "ModuleList", "ParameterList", "RNN", "init", "no"]),
    training=st.booleans(),
    parameters=st.lists(st.tuples(names, places), max_size=3),
    buffers=st.lists(st.tuples(names, places, st.booleans()), max_size=2),
)
modules = st.builds(wire.WireModule, ints, st.lists(nodes, max_size=4), st.lists(tensors | places, max_size=3))
whole_modules = st.builds(  # each tensor has its name
    lambda number, layer, each: wire.WireModule(
        number, [wire.Node("", 0, "A", layer, True, [(f"p{i}", i) for i in range(len(each))], [])], each
    ),
    st.integers(1, 3),
    st.sampled_from(["Module", "Linear", "Sequential", "ParameterList"]),
    st.lists(tensors | places, max_size=3),
)
leaves = (
    st.none() | st.booleans() | ints | st.floats() | texts | tensors | modules | whole_modules
    | st.builds(wire.WireArray, dtypes, shapes)
    | st.builds(wire.WireBytes, st.binary(max_size=9))
    | st.builds(wire.WireSize, shapes)
    | st.builds(wire.WireInt, texts)
    | st.builds(wire.WireComplex, st.floats(), st.floats())
    | st.builds(wire.WireDtype, dtypes)
    | st.builds(wire.WireSlice, st.none() | ints, st.none() | ints, st.none() | ints)
    | st.builds(wire.WireRange, ints, ints, ints)
    | st.builds(wire.WireObject, ints, texts, st.just("") | names)
)  # fmt: skip


def inner(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(values, max_size=4)
    return (
        st.builds(wire.WireList, lists)
        | st.builds(wire.WireTuple, lists, st.just(()) | st.lists(names, max_size=4).map(tuple))
        | st.builds(wire.WireSet, lists, st.booleans())
        | st.builds(wire.WireDict, lists, lists)
        | lists.map(lambda each: wire.WireDict([f"k{place}" for place in range(len(each))], each))
    )


values = st.recursive(leaves, inner, max_leaves=8)
described = st.builds(wire.Described, texts, st.none() | shapes, st.none() | texts)
frames_seen = st.builds(
    wire.SeenFrame,
    st.just("toolbox.py") | texts,
    ints,
    texts,
    *[st.none() | ints] * 3,
    st.lists(st.builds(wire.SeenOperand, texts, ints, ints, described), max_size=2),
    st.dictionaries(texts, described, max_size=2),
)
builtin = st.sampled_from(["IndexError", "OSError", "SyntaxError", "UnicodeDecodeError", "SystemExit", "print"])
bases = st.lists(builtin | texts, max_size=3)
replies = st.one_of(
    st.builds(
        wire.Returned, st.just(0), values,
        st.just([]) | st.lists(texts, max_size=2), st.just([]) | st.lists(modules, max_size=2),
        st.none() | st.binary(max_size=20) | st.just(bytes(5056)), st.booleans(),
    ),
    st.builds(
        wire.Threw, st.just(0), texts, bases, texts, st.lists(frames_seen, max_size=3), ints, st.none() | texts,
        st.none() | st.lists(texts | ints | st.floats() | st.booleans() | st.none(), max_size=3),
    ),
    st.builds(wire.NoSuchName, st.just(0), names, st.lists(texts, max_size=3)),
    st.builds(wire.Unsendable, st.just(0), texts),
    st.builds(wire.Loaded, st.dictionaries(texts, st.booleans(), max_size=2)),
    st.builds(wire.Sample, frames_seen),
)  # fmt: skip
plain = st.recursive(
    st.none() | st.booleans() | ints | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=3), each, max_size=3),
)
ill_typed = st.builds(
    lambda tag, fields: {"type": tag, "id": 0, **fields},
    st.sampled_from(["returned", "threw", "noname", "unsendable", "loaded", "sample", "call", "none"]),
    st.dictionaries(st.sampled_from(["value", "changed", "modules", "message", "frames", "names", "path"]), plain),
)


def blob_of(value: Any) -> int:
    """Return how many bytes the tensors in a message should have."""
    if isinstance(value, wire.WireTensor | wire.WireArray):
        count = math.prod(value.shape)
        fits = value.dtype in DTYPES and 0 < count < 1 << 10 and min(value.shape, default=1) > 0
        return padded(count * DTYPES[value.dtype].itemsize) if fits else 0
    if isinstance(value, msgspec.Struct):
        return sum(blob_of(getattr(value, name)) for name in value.__struct_fields__)
    return sum(map(blob_of, value)) if isinstance(value, list | tuple) else 0


def sent(reply: Any, byte: int, more: int) -> Frame:
    return frame(reply, bytes([byte]) * (blob_of(reply) + 16 * more))


forged = (
    st.builds(sent, replies, st.sampled_from([0, 1, 63, 127, 255]), st.sampled_from([0, 0, 0, 0, 0, 1]))
    | st.builds(frame, ill_typed | plain, st.binary(max_size=20))
    | st.tuples(st.binary(max_size=50), st.binary(max_size=20))
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForgedJudge]:
    root = copy_toolbox(tmp_path_factory.mktemp("forged") / "course")
    hidden = root / "solutions/toolbox/test_hidden.py"
    imported = hidden.read_text("utf-8").replace("import assert_close,", "import assert_close, assert_own_memory,")
    hidden.write_text(imported + MORE_TESTS, "utf-8")
    judge = ForgedJudge(materials(load_course(root), load_course(root).exercise("toolbox")))
    yield judge
    judge.close()


@settings(
    max_examples=int(FORGED or 60),
    deadline=None,
    derandomize=FORGED is None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking a failure would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(st.lists(forged, min_size=8, max_size=16))
@example([frame(wire.Returned(0, 10**18, ["0"], []))])
def test_no_forged_reply_ends_the_judge(judge: ForgedJudge, frames: list[Frame]) -> None:
    result = judge.grade(frames)
    assert isinstance(result, Result), result
    assert (result.outcome, result.message) == (Outcome.GRADED, None)
    assert [test.failure for test in result.tests if test.outcome is Outcome.ERROR] == []
    assert unsafe(msgspec.to_builtins(result)) == []
    assert msgspec.json.decode(msgspec.json.encode(result), type=Result).score == result.score
