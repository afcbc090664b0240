"""Exit codes of errors."""

from grader.base.errors import UsageError


def test_usage_error_has_an_exit_code() -> None:
    assert UsageError("x").exit_code == 2
