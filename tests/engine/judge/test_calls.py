"""The call that a failure is about, as shown on the screen."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from grader.engine.judge.calls import failing_entry, last_call
from grader.engine.judge.compare import Disagreement
from grader.engine.judge.context import FailureContext
from grader.testing import assert_close
from tests.engine.judge.logs import REFERENCE, log_of

HUGE = 1 << 300


def shown(config: Any) -> str:
    """Return the description of an argument."""
    source = "def count(config):\n    return 1\n"
    log = log_of(source, lambda m: m.count(config), {"count": True})
    call = last_call(FailureContext(source, "student", "student.py", None, None, {}, log, 0))
    assert call is not None
    return call.arguments[0].value.text


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"layers": 12, "width": None, "mlp": "gelu"}, "{'layers': 12, 'width': None, 'mlp': 'gelu'}"),
        ({"peak": 989e12, "tied": True}, "{'peak': 989000000000000.0, 'tied': True}"),
        ({"layers": [1, 2]}, "dict of 1"),
        ({"layers": HUGE}, "dict of 1"),
        ({1: 2}, "dict of 1"),
        ({}, "dict of 0"),
        ({"name": "a" * 1000}, "dict of 1"),
        (dict.fromkeys(map(str, range(21)), 0), "dict of 21"),
        ({"k": torch.ones(2, 3)}, "{'k': [2, 3]}"),
    ],
)
def test_a_dict_of_settings_is_written_out_if_it_is_small(config: dict[Any, Any], text: str) -> None:
    assert shown(config) == text


X = torch.arange(6.0).view(2, 3)


@pytest.mark.parametrize(
    ("derive", "call"),
    [
        (lambda first, last: first, 0),
        (lambda first, last: first[1], 0),
        (lambda first, last: first.mT, 0),
        (lambda first, last: last, 1),
        (lambda first, last: first + last, None),
        (lambda first, last: first.double(), None),
    ],
)
def test_a_wrong_value_belongs_to_the_call_that_returned_it_or_what_it_is_a_view_of(
    derive: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], call: int | None
) -> None:
    found: list[Disagreement] = []

    def test(module: Any) -> None:
        value = derive(module.scaled(X, 2), module.shifted(X, 1))
        with pytest.raises(Disagreement) as raised:
            assert_close(value, value + 1)
        found.append(raised.value)

    log = log_of(REFERENCE, test)
    (error,) = found
    assert failing_entry(error, log) is (None if call is None else log[call])
