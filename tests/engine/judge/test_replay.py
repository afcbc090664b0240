"""Replayed answers are compared by value, message of exceptions, and gradients."""

import warnings
from typing import Any

from grader.engine.judge.replay import answers, replay, same, same_gradients, same_words
from grader.engine.judge.session import SessionLimits
from grader.engine.sandbox import wire
from grader.engine.sandbox.source import execute
from tests.engine.judge.logs import REFERENCE, X, log_of, of_scaled


def test_a_replay_ignores_warnings() -> None:
    module = execute("theirs", "import warnings\ndef scaled(x, factor):\n    warnings.warn('of x')\n    return x\n")
    with warnings.catch_warnings(action="error"):
        (answer,) = replay(log_of(REFERENCE, of_scaled(1.0)), module, 0, SessionLimits(5.0, 1 << 20))
    assert isinstance(answer.reply, wire.Returned)


def test_messages_and_classes_of_exceptions_are_compared_separately() -> None:
    def answer(error: str) -> Any:
        return answers(log_of(f"def scaled(x, factor):\n    raise {error}\n", of_scaled(1.0)))[0]

    mine = answer("ValueError('a')")
    assert same(mine, answer("ValueError('b')"))
    assert not same_words(mine, answer("ValueError('b')"))
    assert same_words(mine, answer("ValueError('a')"))
    assert not same(mine, answer("TypeError('a')"))


def test_tensors_that_require_grad_are_compared_in_nested_values() -> None:
    def answer(expression: str) -> Any:
        source = f"def scaled(x, factor):\n    return {expression}\n"
        return answers(log_of(source, lambda m: m.scaled(X.clone().requires_grad_(), 3.0)))[0]

    mine = answer("[x * 2, {'a': x.detach()}]")
    assert same_gradients(mine, answer("(x + 1, {'a': x.detach()})"))
    assert not same_gradients(mine, answer("[x * 2, {'a': x + 1}]"))
    assert same(mine, answer("[x.detach() * 2, {'a': x}]"))
