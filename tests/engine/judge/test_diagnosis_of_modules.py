"""An exercise about modules: its reference passes, and each known mistake is named."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.base.result import Outcome, Result
from grader.course.variations import Variation, parse_variations
from grader.engine.judge.messages import Job, Materials
from grader.engine.pool.client import Judges

REFERENCE = """
import torch
from torch import nn


def norm(x, weight):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * weight


class Mixer(nn.Module):
    def __init__(self, width, states=3):
        super().__init__()
        self.inner = nn.Linear(width, width, bias=False)
        self.A_log = nn.Parameter(torch.arange(1.0, states + 1).log())
        self.gain = nn.Parameter(torch.ones(width))

    def init_state(self, batch):
        return {"h": torch.zeros(batch, self.gain.numel(), dtype=self.gain.dtype)}

    def forward(self, x, state=None):
        h = torch.zeros_like(x[:, 0]) if state is None else state["h"]
        ys = []
        for t in range(x.shape[1]):
            h = 0.5 * h + self.inner(x[:, t])
            ys.append(norm(h, self.gain))
        return torch.stack(ys, 1), {"h": h}

    def fit(self, x, steps=3, lr=0.1):
        for _ in range(steps):
            loss = self(x)[0].square().mean()
            (grad,) = torch.autograd.grad(loss, self.gain)
            with torch.no_grad():
                self.gain -= lr * grad
        return loss.item()
"""

TESTS = '''
import pytest
import torch
from torch.autograd import gradcheck
from torch.func import functional_call

from grader.testing import assert_close, points


def pair(submission, reference, rng, D):
    mine, theirs = submission.Mixer(D).double(), reference.Mixer(D).double()
    state = {name: rng.randn(*t.shape) for name, t in theirs.state_dict().items()}
    mine.load_state_dict(state)
    theirs.load_state_dict(state)
    return mine, theirs


@points(1)
def test_norm(submission, reference, rng):
    """the norm"""
    x, w = rng.randn(3, 5), rng.randn(5)
    assert_close(submission.norm(x, w), reference.norm(x, w))


@points(1)
def test_names(submission, reference):
    """the parameters have their names"""
    assert list(submission.Mixer(4).state_dict()) == list(reference.Mixer(4).state_dict())
    with pytest.raises(RuntimeError, match="Missing key"):
        submission.Mixer(4).load_state_dict({})


@points(1)
def test_values(submission, reference, rng):
    """the values"""
    B, T, D = 2, 3, 5
    mine, theirs = pair(submission, reference, rng, D)
    x = rng.randn(B, T, D)
    assert_close(mine(x)[0], theirs(x)[0])


@points(1)
def test_steps(submission, reference, rng):
    """one step after another"""
    B, T, D = 2, 4, 5
    mine, theirs = pair(submission, reference, rng, D)
    x = rng.randn(B, T, D)
    state, ys = mine.init_state(B), []
    for t in range(T):
        y, state = mine(x[:, t : t + 1], state)
        ys.append(y)
    assert_close(torch.cat(ys, 1), theirs(x)[0])


@points(1)
def test_initialisation(submission):
    """A_log starts as log 1 .. N"""
    assert_close(submission.Mixer(4, states=5).A_log.exp(), torch.arange(1.0, 6.0))


@points(1)
def test_gradients(submission, reference, rng):
    """gradients of the parameters"""
    B, T, D = 2, 3, 4
    mine, theirs = pair(submission, reference, rng, D)
    x = rng.randn(B, T, D)
    mine(x)[0].pow(2).sum().backward()
    theirs(x)[0].pow(2).sum().backward()
    assert_close(mine.inner.weight.grad, theirs.inner.weight.grad)


@points(1)
def test_gradcheck(submission, reference, rng):
    """gradcheck of the parameters"""
    mine, _ = pair(submission, reference, rng, 3)
    names = ["inner.weight", "gain"]
    x = rng.randn(1, 2, 3)

    def call(*tensors):
        return functional_call(mine, dict(zip(names, tensors)), (x,))[0]

    assert gradcheck(call, tuple(mine.get_parameter(n).detach().requires_grad_() for n in names))


@points(1)
def test_fit(submission, reference, rng):
    """training"""
    mine, theirs = pair(submission, reference, rng, 4)
    x = rng.randn(2, 3, 4)
    mine.fit(x, steps=2), theirs.fit(x, steps=2)
    assert_close(mine.gain, theirs.gain)
'''

MISTAKES = '''
import torch
from mixer import norm
from torch import nn

from grader.testing import replaces


@replaces("norm")
def norm_of_sum(x, weight):
    """The mean of squares, not the sum."""
    return x * torch.rsqrt((x * x).sum(-1, keepdim=True) + 1e-6) * weight


@replaces("norm")
def norm_detached(x, weight):
    """The scale has a gradient too."""
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6).detach() * weight
'''

CLASS_MISTAKES = {  # name: what is wrong in the class
    "no_decay": ("0.5 * h + self", "h + self"),
    "state_ignored": ('state["h"]', "torch.zeros_like(x[:, 0])"),
    "a_starts_at_zero": ("torch.arange(1.0, states + 1).log()", "torch.zeros(states)"),
    "fit_climbs": ("self.gain -= lr", "self.gain += lr"),
    "fit_detached": ("h = 0.5 * h +", "h = 0.5 * h.detach() +"),
}


def exercise(name: str, hidden: Path, reference: str, mistakes: str | None) -> Materials:
    """Return the materials of an exercise that has only hidden tests."""
    return Materials(
        id=name,
        tests=(str(hidden),),
        hidden=str(hidden),
        reference=reference,
        others={},
        mistakes=mistakes,
        seconds=10.0,
        memory=1024 << 20,
        show_hidden_output=False,
    )


def mixer() -> str:
    return REFERENCE[REFERENCE.index("class Mixer") :]


def mistakes_text() -> str:
    text = MISTAKES
    for name, (right, wrong) in CLASS_MISTAKES.items():
        assert right in mixer()
        head = f'class {name}(nn.Module):\n    """It is {name}."""'
        body = mixer().replace(right, wrong).replace("class Mixer(nn.Module):", head)
        text += f'\n\n@replaces("Mixer")\n{body}'
    return text


@pytest.fixture(scope="module")
def mistakes() -> dict[str, Variation]:
    return {each.name: each for each in parse_variations(mistakes_text(), "mistakes.py", REFERENCE, "mixer")}


@pytest.fixture(scope="module")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Result]]:
    folder: Path = tmp_path_factory.mktemp("mixer")
    hidden = folder / "test_hidden.py"
    hidden.write_text(TESTS)
    materials = exercise("mixer", hidden, REFERENCE, mistakes_text())
    with Judges() as judges:
        judges.prepare([materials], forbidden=[folder])

        def run(source: str) -> Result:
            ((_, result),) = judges.grade([Job(1, "mixer", "mixer.py", source, "0" * 64, seed=3)])
            return result

        yield run


def test_the_reference_passes(grade: Callable[[str], Result]) -> None:
    result = grade(REFERENCE)
    assert [(t.id, t.failure) for t in result.tests if t.outcome is not Outcome.PASSED] == []
    assert result.score == result.max_score == 8


@pytest.mark.parametrize("name", ["norm_of_sum", "norm_detached", *CLASS_MISTAKES])
def test_a_mistake_is_named(grade: Callable[[str], Result], mistakes: dict[str, Variation], name: str) -> None:
    result = grade(mistakes[name].source)
    assert result.score < 8
    assert not any(t.outcome is Outcome.ERROR for t in result.tests)
    assert result.diagnosis is not None
    assert result.diagnosis.mistake == name


IN_OTHER_WORDS = REFERENCE.replace(
    mixer(),
    """class Mixer(nn.Module):
    def __init__(self, width, states=3):
        super().__init__()
        torch.randn(5)  # other first weights
        self.inner = nn.Linear(width, width, bias=False)
        self.A_log = nn.Parameter(torch.log(torch.arange(states) + 1.0))
        self.gain = nn.Parameter(torch.full((width,), 1.0))

    def init_state(self, batch):
        return {"h": self.gain.new_zeros(batch, len(self.gain))}

    def forward(self, x, state=None):
        y = torch.empty_like(x)
        h = 0 if state is None else state["h"]
        for t, xt in enumerate(x.unbind(1)):
            h = DECAY * h + xt @ self.inner.weight.T
            y[:, t] = norm(h, self.gain)
        return y, {"h": h}

    def fit(self, x, steps=3, lr=0.1):
        optimizer = torch.optim.SGD([self.gain], lr=lr)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = self(x)[0].pow(2).mean()
            loss.backward()
            optimizer.step()
        return float(loss)
""",
)


def test_right_code_in_another_style_passes(grade: Callable[[str], Result]) -> None:
    assert grade(IN_OTHER_WORDS.replace("DECAY", "0.5")).score == 8


def test_a_mistake_in_another_style_is_named(grade: Callable[[str], Result]) -> None:
    result = grade(IN_OTHER_WORDS.replace("DECAY * h", "h"))
    assert result.diagnosis is not None
    assert result.diagnosis.mistake == "no_decay"


def test_no_mistake_is_named_that_was_not_made(grade: Callable[[str], Result]) -> None:
    result = grade(IN_OTHER_WORDS.replace("DECAY", "0.25"))
    assert 0 < result.score < 8
    assert not result.diagnoses


def test_an_unsupported_request_of_a_test_is_an_error(tmp_path: Path) -> None:
    hidden = tmp_path / "test_hidden.py"
    hidden.write_text(
        "import torch\nfrom grader.testing import points\n\n\n@points(1)\ndef test_vmap(submission):\n"
        "    '''a batch'''\n    torch.vmap(submission.double)(torch.ones(3))\n"
    )
    source = "def double(x):\n    return 2 * x\n"
    materials = exercise("double", hidden, source, None)
    with Judges() as judges:
        judges.prepare([materials], forbidden=[tmp_path])
        ((_, result),) = judges.grade([Job(1, "double", "double.py", source, "0" * 64, seed=0)])
    (test,) = result.tests
    assert test.outcome is Outcome.ERROR
    assert test.failure is not None
    assert "double is called inside a transform of torch.func" in test.failure.message
