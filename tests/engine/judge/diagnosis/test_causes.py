"""A mistake is named if the evidence suffices, and only then."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import torch

from grader.base.errors import UsageError
from grader.base.result import Certainty, Outcome, Result
from grader.course import load_course
from grader.course.variations import Variation
from grader.engine.judge.diagnosis import answer_cache, causes
from grader.engine.judge.diagnosis.causes import CauseFinder
from grader.engine.judge.diagnosis.evidence import RecordedTest
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.judge.replay import replay
from grader.engine.judge.session import SessionLimits
from grader.engine.pool.client import Judges
from grader.engine.sandbox.source import execute
from tests.engine.judge.logs import LIMIT, REFERENCE, X, log_of, of_scaled, variation
from tests.paths import ROOT

LIMITS = SessionLimits(5.0, LIMIT)

Tests = Sequence[tuple[Callable[[Any], None], bool]]  # a test, and whether it fails


def diagnosed(source: str, tests: Tests, **mistakes: tuple[str, str]) -> str | None:
    """Return the mistake that is named. `mistakes` has the replaced name and the source of each."""
    runs = [
        RecordedTest(f"test_{place}", log_of(source, test), 0, failed) for place, (test, failed) in enumerate(tests)
    ]
    known = [Variation(name, replaces, "advice", text) for name, (replaces, text) in mistakes.items()]
    found = CauseFinder(execute("reference", REFERENCE), lambda: known, LIMITS).diagnose(runs)
    return found[0].mistake if found else None


ADDS = ("scaled", variation("return x * factor", "return x + factor"))
SUBTRACTS = ("shifted", variation("return x + step", "return x - step"))


def of_shifted(step: float) -> Callable[[Any], None]:
    return lambda m: m.shifted(X, step)


def of_both(factor: float, step: float) -> Callable[[Any], None]:
    return lambda m: m.both(X, factor, step)


# ------------------------------------------------------------ the words of an exception

WORDED = ADDS[1].replace("factor must be positive, not", "wanted: above 0, got")


@pytest.mark.parametrize("words", ["my own", "factor must be positive, not -1.0", "wanted: above 0, got -1.0", ""])
def test_the_message_of_an_exception_does_not_contradict_a_mistake(words: str) -> None:
    source = variation("return x * factor", "return x + factor").replace(
        'raise ValueError(f"factor must be positive, not {factor}")', f"raise ValueError({words!r})"
    )
    tests: Tests = [(of_scaled(-1.0), False), (of_scaled(3.0), True)]
    assert diagnosed(source, tests, adds=("scaled", WORDED)) == "adds"


@pytest.mark.parametrize(
    ("words", "certain"),
    [("I gave up", False), ("no", False), ("not 3.0", True)],
    ids=["other words", "the same words", "the same words with a number"],
)
def test_an_exception_is_evidence_if_its_message_names_a_number(words: str, certain: bool) -> None:
    known = variation("return x * factor", f"raise ValueError({'not 3.0' if certain else 'no'!r})")
    source = variation("return x * factor", f"raise ValueError({words!r})")
    found = all_diagnosed(source, [(of_scaled(3.0), True)], refuses=("scaled", known))
    assert found == [("refuses", "test_0", certain)]


def test_a_cause_is_only_possible_if_another_one_explains_as_much() -> None:
    halved = ("scaled", variation("return x * factor", "return x + factor if factor > 2 else x"))
    tests: Tests = [(of_scaled(3.0), True)]
    assert all_diagnosed(ADDS[1], tests, adds=ADDS, halved=halved) == [("adds", "test_0", False)]
    assert all_diagnosed(ADDS[1], [*tests, (of_scaled(1.5), True)], adds=ADDS, halved=halved) == [
        ("adds", "test_0", True)
    ]


def test_results_that_are_nan_tell_no_cause_for_certain() -> None:
    known = {"divides": ("scaled", variation("return x * factor", "return x / 0 - x / 0"))}
    source = variation("return x * factor", "return x * float('nan')")
    assert all_diagnosed(source, [(of_scaled(3.0), True)], **known) == [("divides", "test_0", False)]


@pytest.mark.parametrize(("error", "named"), [(5e-9, ["last_digits"]), (2e-8, [])])
def test_a_mistake_in_the_last_digits_of_a_float_is_named(error: float, named: list[str]) -> None:
    wrong = variation("return x * factor", "return x * factor + 5e-9")
    mine = variation("return x * factor", f"return x * factor + {error}")
    log = log_of(mine, lambda m: m.scaled(0.3, 2.0))
    runs = [RecordedTest("test_0", log, 0, True, log[-1])]
    finder = CauseFinder(
        execute("reference", REFERENCE), lambda: [Variation("last_digits", "scaled", "advice", wrong)], LIMITS
    )
    assert [each.mistake for each in finder.diagnose(runs)] == named


def test_other_versions_of_a_definition_are_tried_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {step: variation("return x * factor", f"return x + {step} * factor") for step in (1, 2, 3)}
    known = [Variation(f"adds[step={step}]", "scaled", "advice", text) for step, text in texts.items()]
    known.append(Variation("subtracts", "scaled", "advice", variation("return x * factor", "return x - factor")))

    def named(step: int) -> list[str]:
        finder = CauseFinder(execute("reference", REFERENCE), lambda: known, LIMITS)
        assert [each.name for each in finder.mistakes.ordered] == [
            "adds[step=1]",
            "subtracts",
            "adds[step=2]",
            "adds[step=3]",
        ]
        runs = [RecordedTest("test_0", log_of(texts[step], of_scaled(3.0)), 0, True)]
        return [each.mistake for each in finder.diagnose(runs)]

    assert named(3) == ["adds[step=3]"]
    monkeypatch.setattr(causes, "MAX_CALLS", 1)
    assert named(2) == ["adds[step=2]"]
    assert named(3) == []


def test_the_same_answers_are_diagnosed_once() -> None:
    wrong = [variation("return x * factor", f"return x + {step} * factor") for step in (1, 2)]
    known = [Variation(f"adds_{step}", "scaled", f"advice {step}", text) for step, text in enumerate(wrong)]
    finder = CauseFinder(execute("reference", REFERENCE), lambda: known, LIMITS)
    first, again, other = (
        finder.diagnose([RecordedTest("test_0", log_of(text, of_scaled(3.0)), 0, True)])
        for text in (wrong[0], f"{wrong[0]}\n# the same", wrong[1])
    )
    assert again is first
    assert [each.mistake for each in (*first, *other)] == ["adds_0", "adds_1"]


def test_the_only_mistake_that_exceeds_the_same_limit_is_possible() -> None:
    slow = Variation("slow", "scaled", "advice", REFERENCE, "timeout")
    log = log_of(REFERENCE, of_scaled(3.0))
    log[-1].reply = None
    runs = [RecordedTest("test_0", log, 0, True, exceeded=Outcome.TIMEOUT)]
    finder = CauseFinder(execute("reference", REFERENCE), lambda: [slow], LIMITS)
    assert [(each.mistake, each.certainty) for each in finder.diagnose(runs)] == [("slow", Certainty.POSSIBLE)]
    assert finder.diagnose([replace(runs[0], exceeded=Outcome.MEMORY)]) == ()
    two = CauseFinder(
        execute("reference", REFERENCE), lambda: [slow, msgspec.structs.replace(slow, name="slower")], LIMITS
    )
    assert two.diagnose(runs) == ()


def test_a_second_mistake_in_another_test_contradicts_nothing() -> None:
    source = variation("return x * factor", "return x + factor").replace("ValueError", "TypeError")
    unchecked = variation("return x * factor", "return x + factor").replace("if factor <= 0", "if factor < -5")
    tests: Tests = [(of_scaled(3.0), True), (of_scaled(-1.0), True)]
    assert diagnosed(source, tests, adds=("scaled", unchecked)) == "adds"


def test_an_exception_of_another_class_that_a_test_accepts_is_right() -> None:
    """The test goes on, so the submission does check its argument."""
    source = variation("return x * factor", "return x + factor").replace("ValueError", "RuntimeError")
    unchecked = ADDS[1].replace("if factor <= 0", "if False")

    def refused(m: Any) -> None:
        with pytest.raises((ValueError, RuntimeError)):
            m.scaled(X, -1.0)
        m.scaled(X, 3.0)

    assert diagnosed(source, [(refused, True)], unchecked=("scaled", unchecked)) is None
    assert all_diagnosed(source, [(refused, True)], adds=ADDS) == [("adds", "test_0", True)]


def test_a_right_answer_contradicts_a_mistake() -> None:
    source = variation("return x * factor", "return x + factor if factor == 3 else x * factor")
    assert diagnosed(source, [(of_scaled(3.0), True), (of_scaled(2.5), True)], adds=ADDS) is None
    assert diagnosed(source, [(of_scaled(3.0), True), (of_scaled(2.5), False)], adds=ADDS) is None


def test_a_wrong_answer_that_a_test_accepts_contradicts_nothing() -> None:
    source = variation("return x * factor", "return x + factor if factor == 3 else x * 0")
    assert diagnosed(source, [(of_scaled(3.0), True), (of_scaled(2.5), False)], adds=ADDS) == "adds"


def test_only_direct_questions_contradict() -> None:
    """`both` does not call `scaled`, which is wrong."""
    source = ADDS[1].replace("return shifted(scaled(x, factor), step)", "return x * factor + step")
    assert diagnosed(source, [(of_scaled(3.0), True), (of_both(3.0, 2.0), False)], adds=ADDS) == "adds"


# ------------------------------------------------------------ two mistakes


def all_diagnosed(source: str, tests: Tests, **mistakes: tuple[str, str]) -> list[tuple[str, str, bool]]:
    """Return each mistake that is named, the first test that it explains, and whether it is certain."""
    runs = [
        RecordedTest(f"test_{place}", log_of(source, test), 0, failed) for place, (test, failed) in enumerate(tests)
    ]
    known = [Variation(name, replaces, name, text) for name, (replaces, text) in mistakes.items()]
    found = CauseFinder(execute("reference", REFERENCE), lambda: known, LIMITS).diagnose(runs)
    return [(each.mistake, each.test, each.certainty is Certainty.CERTAIN) for each in found]


BOTH = ADDS[1].replace("return x + step", "return x - step")


def test_each_failing_test_has_its_mistake() -> None:
    tests: Tests = [(of_scaled(3.0), True), (of_shifted(1.0), True)]
    named = [("adds", "test_0", True), ("subtracts", "test_1", True)]
    assert all_diagnosed(BOTH, tests, subtracts=SUBTRACTS, adds=ADDS) == named


def test_a_pair_explains_what_neither_mistake_does() -> None:
    tests: Tests = [(of_both(3.0, 2.0), True)]
    named = [("adds", "test_0", True), ("subtracts", "test_0", True)]
    assert all_diagnosed(BOTH, tests, adds=ADDS, subtracts=SUBTRACTS) == named


def test_a_mistake_that_explains_part_of_a_test_is_not_whole() -> None:
    def two(m: Any) -> None:
        m.scaled(X, 3.0)
        m.shifted(X, 1.0)

    source = ADDS[1].replace("return x + step", "return x * step * 7")
    assert all_diagnosed(source, [(two, True)], adds=ADDS, subtracts=SUBTRACTS) == [("adds", "test_0", False)]


@pytest.mark.parametrize("place", [0, 1])
def test_a_diagnosis_tells_whether_it_explains_the_failing_call(place: int) -> None:
    def two(m: Any) -> None:
        m.scaled(X, 3.0)
        m.shifted(X, 1.0)

    log = log_of(ADDS[1].replace("return x + step", "return x * step * 7"), two)
    known = [Variation("adds", "scaled", "advice", ADDS[1])]
    run = RecordedTest("test", log, 0, failed=True, failing_call=log[place])
    (found,) = CauseFinder(execute("reference", REFERENCE), lambda: known, LIMITS).diagnose([run])
    assert found.shown is (place == 0)


PAIR = "def both(x, factor, step):\n    return shifted(scaled(x, factor), step)"


def pair(first: str, second: str) -> str:
    return REFERENCE.replace(PAIR, f"def both(x, factor, step):\n    return {first}, {second}")


def named_in(reference: str, mistake: str, student: str) -> list[tuple[str, bool]]:
    """Return the mistakes named in a function with two results, and whether they explain both."""
    run = RecordedTest("test", log_of(student, of_both(3.0, 2.0)), 0, True)
    found = CauseFinder(
        execute("reference", reference), lambda: [Variation("mistake", "both", "", mistake)], LIMITS
    ).diagnose([run])
    return [(each.mistake, each.certainty is Certainty.CERTAIN) for each in found]


def test_one_of_several_results_is_evidence_for_a_mistake() -> None:
    right = pair("x * factor", "x + step")
    wrong = pair("x / factor", "x - step")
    assert named_in(right, wrong, pair("x / factor", "x * step * 7")) == [("mistake", False)]
    assert named_in(right, wrong, wrong) == [("mistake", True)]
    assert named_in(right, wrong, pair("x / factor", "x + step")) == []  # what the mistake gets wrong is right
    assert named_in(right, wrong, pair("x / factor * 5", "x * step * 7")) == []


OWN_SCALED = """
def _reference_scaled(x, factor):
    if factor <= 0:
        raise ValueError(f"factor must be positive, not {factor}")
    return x * factor
"""


def made_of_scaled(name: str, result: str) -> tuple[str, str]:
    """Return a mistake that calls the reference's own `scaled`."""
    return "scaled", f"{REFERENCE}{OWN_SCALED}\ndef {name}(x, factor):\n    return {result}\n\nscaled = {name}\n"


ROUNDS = made_of_scaled("rounds", "_reference_scaled(x, factor).round()")
TWICE = made_of_scaled("twice", "_reference_scaled(x, 2 * factor)")


def test_two_mistakes_in_one_function_are_nested() -> None:
    both = variation("return x * factor", "return (x * 2 * factor).round()")
    tests: Tests = [(of_scaled(1.3), True)]
    named = {("rounds", "test_0", True), ("twice", "test_0", True)}
    assert set(all_diagnosed(both, tests, rounds=ROUNDS, twice=TWICE)) == named
    assert set(all_diagnosed(both, [*tests, (of_scaled(3.0), True)], rounds=ROUNDS, twice=TWICE)) >= named
    assert not all_diagnosed(both, tests, twice=TWICE)


def test_a_pair_is_named_only_if_it_explains_everything() -> None:
    """Some pair often explains one test by coincidence, but not the next one."""
    both = variation("return x * factor", "return x * 7 if factor == 5 else (x * 2 * factor).round()")
    one, two, five = (of_scaled(factor) for factor in (1.3, 2.3, 5.0))
    known = {"rounds": ROUNDS, "twice": TWICE}
    assert len(all_diagnosed(both, [(one, True), (two, True)], **known)) == 2
    assert not all_diagnosed(both, [(one, True), (two, True), (five, True)], **known)


def test_a_pair_is_named_only_if_no_other_pair_explains_as_much() -> None:
    both = variation("return x * factor", "return (x * 2 * factor).round()")
    more = made_of_scaled("more", "_reference_scaled(2 * x, factor)")
    assert not all_diagnosed(both, [(of_scaled(1.3), True)], rounds=ROUNDS, twice=TWICE, more=more)


# ------------------------------------------------------------ how much has to be explained


def test_one_late_coincidence_is_not_enough() -> None:
    """Only in the last of three failing tests does the mistake happen to give the student's number."""
    source = variation("return x * factor", "return x * 0 + 5")
    adds = ("scaled", variation("return x * factor", "return x + factor if factor == 3 else x * factor"))
    nothing: Callable[[Any], None] = lambda m: m.scaled(X[:0], 2.0)  # noqa: E731
    coincidence: Callable[[Any], None] = lambda m: m.scaled(X[1:2], 3.0)  # noqa: E731 - 2 + 3 = 5
    assert diagnosed(source, [(nothing, True), (nothing, True), (coincidence, True)], adds=adds) is None
    assert diagnosed(source, [(nothing, True), (coincidence, True)], adds=adds) is None  # half of them
    twice: Tests = [(coincidence, True), (coincidence, True)]
    assert diagnosed(source, [(nothing, True), *twice], adds=adds) == "adds"  # more than half, and more than one answer
    assert diagnosed(source, [(nothing, False), (nothing, False), (coincidence, True)], adds=adds) == "adds"


def test_a_mistake_that_does_not_explain_all_relevant_tests_is_not_certain() -> None:
    source = variation("return x * factor", "return x * 7 if factor == 5 else x + factor")
    three, four, five = (of_scaled(3.0), True), (of_scaled(4.0), True), (of_scaled(5.0), True)
    assert all_diagnosed(source, [three, four], adds=ADDS) == [("adds", "test_0", True)]
    assert all_diagnosed(source, [three, four, five], adds=ADDS) == [("adds", "test_0", False)]
    assert all_diagnosed(source, [three, five], adds=ADDS) == [("adds", "test_0", False)]
    assert all_diagnosed(source, [three, five, five], adds=ADDS) == [("adds", "test_0", False)]
    elsewhere = source.replace("return x + step", "return x * step * 5")
    assert all_diagnosed(elsewhere, [three, four, (of_shifted(1.0), True)], adds=ADDS) == [("adds", "test_0", True)]


def test_failing_tests_of_other_functions_do_not_count() -> None:
    source = variation("return x * factor", "return x / factor").replace("return x + step", "return x - step")
    tests: Tests = [*[(of_scaled(3.0), True)] * 3, (of_shifted(1.0), True)]
    assert diagnosed(source, tests, adds=ADDS, subtracts=SUBTRACTS) == "subtracts"


def test_a_mistake_is_found_through_the_functions_that_use_it() -> None:
    assert diagnosed(SUBTRACTS[1], [(of_both(3.0, 2.0), True)], adds=ADDS, subtracts=SUBTRACTS) == "subtracts"


def test_only_mistakes_that_a_test_reaches_are_executed() -> None:
    broken = "raise RuntimeError('this must not run')"
    assert diagnosed(ADDS[1], [(of_scaled(3.0), True)], never=("shifted", broken), adds=ADDS) == "adds"
    with pytest.raises(RuntimeError, match="must not run"):
        diagnosed(ADDS[1], [(of_both(3.0, 2.0), True)], never=("shifted", broken), adds=ADDS)


# ------------------------------------------------------------ gradients

DETACHED = ("scaled", variation("return x * factor", "return x.detach() * factor"))


def with_gradient(m: Any) -> None:
    m.scaled(X.clone().requires_grad_(), 3.0).sum().backward()


def test_a_missing_gradient_is_evidence() -> None:
    source = variation("return x * factor", "return (x.detach() if True else x) * factor")
    tests: Tests = [(of_scaled(3.0), False), (with_gradient, True)]
    assert diagnosed(source, tests, adds=ADDS, detached=DETACHED) == "detached"


def test_a_wrong_gradient_is_no_evidence_for_a_missing_one() -> None:
    """The two submissions have a wrong gradient, and a failure that the log does not show."""
    wrong = variation("return x * factor", "return x * factor - x.detach() + x")
    assert diagnosed(wrong, [(of_scaled(3.0), False), (with_gradient, True)], detached=DETACHED) is None
    tests: Tests = [(lambda m: m.scaled(X.clone().requires_grad_(), 3.0), True)]
    assert diagnosed(REFERENCE, tests, detached=DETACHED) is None


def test_a_missing_gradient_of_a_wrong_result_is_no_evidence() -> None:
    source = variation("return x * factor", "return x.detach() * factor + 1")
    assert diagnosed(source, [(with_gradient, True)], detached=DETACHED) is None


def test_a_gradient_does_not_contradict_a_mistake() -> None:
    """The mistake detaches its argument, the student does not; both add."""
    student = variation("return x * factor", "return x * factor if factor == 3 else x + factor")
    plain = student.replace("def scaled(x, factor):", "def scaled(x, factor):\n    x = x.detach()")
    tests: Tests = [(lambda m: m.scaled(X.clone().requires_grad_(), 3.0), False), (of_scaled(2.0), True)]
    assert diagnosed(student, tests, adds=("scaled", plain)) == "adds"


IN_PLACE = "scaled", variation("return x * factor", "return x.mul_(factor)")


def test_an_argument_changed_in_place_is_evidence() -> None:
    tests = [(of_scaled(3.0), True)]
    assert diagnosed(IN_PLACE[1], tests, in_place=IN_PLACE) == "in_place"
    assert diagnosed(ADDS[1], tests, in_place=IN_PLACE) is None


def test_an_argument_changed_in_place_does_not_contradict_a_mistake() -> None:
    adds_in_place = variation("return x * factor", "return x.add_(factor)")
    assert diagnosed(adds_in_place, [(of_scaled(3.0), True)], adds=ADDS, in_place=IN_PLACE) == "adds"


def test_a_right_result_with_an_argument_changed_is_not_explained_by_a_nearly_right_result() -> None:
    """The student's number is within the tolerance of float64 of both the right one and the mistake's."""
    body = "def total(x):\n    y = x.sum().item()\n"
    reference, student, mistake = (
        f"{body}    return y" + rest for rest in ("", " * (1 + 0.9e-9)\n", " * (1 + 1.8e-9)\n")
    )
    student = student.replace("return y", "x += 1\n    return y")
    log = log_of(student, lambda m: m.total(torch.tensor([0.1, 0.7, 1.3])), {"total": True})
    known = [Variation("nearly", "total", "advice", mistake)]
    runs = [RecordedTest("test_0", log, 0, True, log[-1])]
    assert CauseFinder(execute("reference", reference), lambda: known, LIMITS).diagnose(runs) == ()


# ------------------------------------------------------------ modules


def with_weights(m: Any) -> None:
    gate = m.Gate(3)
    state = {"gain": torch.tensor([2.0, 3.0, 5.0]), "bias": torch.tensor([0.5, 0.25, 0.125])}
    more = {name: torch.full_like(tensor, 7.0) for name, tensor in gate.state_dict().items()}
    gate.load_state_dict(more | state)
    y = gate(X)
    y.sum().backward()


OTHER_ORDER = """
        self.bias = nn.Parameter(torch.zeros(width))
        self.gain = nn.Parameter(torch.ones(width))
"""
ORDER = """
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
"""
MORE = '\n        self.register_buffer("ones", torch.ones(width))' + OTHER_ORDER
NO_BIAS = "return x * self.gain + self.bias", "return x * self.gain - self.bias"


@pytest.mark.parametrize("order", [ORDER, OTHER_ORDER, MORE], ids=["same", "other", "with a buffer"])
def test_weights_are_matched_by_name(order: str) -> None:
    student = variation(ORDER, order).replace(*NO_BIAS)
    (right,) = [list(replay(log_of(student, with_weights), execute("reference", REFERENCE), 0, LIMITS))]
    values = [answer.value for answer in right if isinstance(answer.value, torch.Tensor)]
    assert torch.equal(values[0], X * torch.tensor([2.0, 3.0, 5.0]) + torch.tensor([0.5, 0.25, 0.125]))
    assert diagnosed(student, [(with_weights, True)], minus=("Gate", variation(*NO_BIAS))) == "minus"


# ------------------------------------------------------------ for real

NOT_SHIFTED = """
import torch


def causal_mask(T, S=None):
    S = T if S is None else S
    if T < 1 or T > S:
        raise {error}
    return torch.ones(T, S, dtype=torch.bool).tril()
"""


@pytest.fixture(scope="module")
def grade() -> Iterator[Callable[[str], Result]]:
    """Grade a source as causal_mask without the other two functions."""
    course = load_course(ROOT)
    with Judges() as judges:
        judges.prepare([materials(course, course.exercise("causal_mask"))], forbidden=[ROOT])

        def run(source: str) -> Result:
            ((_, result),) = judges.grade([Job(0, "causal_mask", "causal_mask.py", source, "", 0)])
            return result

        yield run


@pytest.mark.parametrize("error", ['ValueError("1 <= T <= S")', 'ValueError("my own words")', "ValueError"])
def test_a_mistake_is_named_in_a_submission_with_other_errors(grade: Callable[[str], Result], error: str) -> None:
    diagnosis = grade(NOT_SHIFTED.format(error=error)).diagnosis
    assert diagnosis is not None
    assert diagnosis.mistake == "top_left"


def test_an_exception_of_another_class_is_no_evidence_for_a_mistake(grade: Callable[[str], Result]) -> None:
    result = grade(NOT_SHIFTED.format(error="ValueError").replace("tril", "lower"))
    assert not result.passed
    assert result.diagnosis is None


# ------------------------------------------------------------ answers that are kept


FILLS = ("raise MemoryError", 'raise RuntimeError("DefaultCPUAllocator: can\'t allocate memory")')


@pytest.mark.parametrize("raised", FILLS)
def test_a_call_that_filled_the_memory_is_not_replayed_on_mistakes(raised: str) -> None:
    endless = Variation("endless", "scaled", "advice", variation("return x * factor", "while True: pass"))
    run = RecordedTest("test", log_of(variation("return x * factor", raised), of_scaled(3.0)), 0, failed=True)
    assert (
        CauseFinder(execute("reference", REFERENCE), lambda: [endless], SessionLimits(0.02, LIMIT)).diagnose([run])
        == ()
    )


def test_answers_before_the_memory_was_full_are_evidence_but_not_whole() -> None:
    source = variation("return x * factor", "if factor == 9: raise MemoryError\n    return x + factor")

    def test(m: Any) -> None:
        m.scaled(X, 3.0)
        m.scaled(X, 9.0)

    assert all_diagnosed(source, [(test, True)], adds=ADDS) == [("adds", "test_0", False)]


def test_answers_missing_in_the_cache_are_computed() -> None:
    """The first submission has only part of a mistake's answers cached."""
    finder = CauseFinder(
        execute("reference", REFERENCE), lambda: [Variation("adds", "scaled", "advice", ADDS[1])], LIMITS
    )
    full = variation("return x * factor", "raise MemoryError")
    for source, named in ((full, []), (ADDS[1], ["adds"]), (full, [])):
        run = RecordedTest("test", log_of(source, of_scaled(3.0)), 0, failed=True)
        assert [each.mistake for each in finder.diagnose([run])] == named


def test_repeated_questions_are_answered_from_the_cache() -> None:
    """The mistake is not executed again: by then its module gives other answers."""
    mistake = Variation("adds", "scaled", "advice", ADDS[1])
    finder = CauseFinder(execute("reference", REFERENCE), lambda: [mistake], LIMITS)

    def run(factor: float) -> RecordedTest:
        return RecordedTest("test", log_of(ADDS[1], of_scaled(factor)), 0, True)

    assert [each.mistake for each in finder.diagnose([run(3.0)])] == ["adds"]
    (asked,) = finder.mistakes.ordered
    asked.module = execute("other", REFERENCE)
    assert [each.mistake for each in finder.diagnose([run(3.0)])] == ["adds"]
    assert "adds" not in [each.mistake for each in finder.diagnose([run(4.0)])]


def test_the_cache_does_not_exceed_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "MAX_KEPT", 0)
    finder = CauseFinder(
        execute("reference", REFERENCE), lambda: [Variation("adds", "scaled", "advice", ADDS[1])], LIMITS
    )
    tests = [RecordedTest(f"test_{n}", log_of(ADDS[1], of_both(n, 1.0)), 0, True) for n in (3.0, 4.0)]
    for _ in range(2):
        (found,) = finder.diagnose(tests)
        assert (found.mistake, found.agreed) == ("adds", 2)


def test_a_mistake_that_does_not_end_raises_a_usage_error() -> None:
    endless = "import itertools\n\n\ndef scaled(x, factor):\n    for _ in itertools.count():\n        pass\n"
    mistake = Variation("endless", "scaled", "", endless)
    finder = CauseFinder(execute("reference", REFERENCE), lambda: [mistake], SessionLimits(0.01, LIMIT))
    with pytest.raises(UsageError, match="scaled of endless_mistake takes more than"):
        finder.diagnose([RecordedTest("test", log_of(ADDS[1], of_scaled(3.0)), 0, True)])


# ------------------------------------------------------------ what does not end

GUARDED = """
import torch


def guarded(y):
    while y.sum() < 0:
        pass
    return y


def counted(x, step):
    return guarded(x + step)
"""


def test_a_pair_that_does_not_end_is_ignored() -> None:
    half = "scaled", variation("return x * factor", "return x * factor + 0.5")
    waits = "shifted", variation("return x + step", "while x[0] == 3.5:\n        pass\n    return x - step")
    source = variation("return x * factor", "return x * factor * 9 + 1")
    assert all_diagnosed(source, [(of_both(3.0, 2.0), True)], half=half, waits=waits) == []


def test_a_right_answer_of_a_renamed_class_contradicts_a_mistake() -> None:
    def both_methods(m: Any) -> None:
        gate = m.Gate(3)
        gate(X)
        gate.twice(X)

    reference = REFERENCE + "\n    def twice(self, x):\n        return self(self(x))\n"
    wrong = reference.replace("self(self(x))", "self(self(x)) + 1")
    student = wrong.replace("class Gate", "class Mine") + "\nGate = Mine\n"
    mistake = reference.replace("x * self.gain", "x + self.gain")
    run = RecordedTest("test", log_of(student, both_methods), 0, True)
    finder = CauseFinder(execute("reference", reference), lambda: [Variation("adds", "Gate", "", mistake)], LIMITS)
    assert [each.mistake for each in finder.diagnose([run])] != ["adds"]
    assert set(finder.answers.case(run).asked_names) == {"Gate"}
