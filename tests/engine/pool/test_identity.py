"""A warm process is found by who would start one that is like it, and by nobody else."""

import os
import resource
import sys
from pathlib import Path

import pytest

from grader.engine.pool import identity as module
from grader.engine.pool.identity import environment, likeness

if sys.platform != "linux":
    pytest.skip("a warm process stays on Linux", allow_module_level=True)


def test_it_is_the_same_every_time_and_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = likeness()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET", "of another command")
    monkeypatch.setenv("PATH", "/elsewhere")
    assert likeness() == before


def test_an_environment_of_few_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of a command")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/lib")
    assert "SECRET" not in environment()
    assert environment()["LD_LIBRARY_PATH"] == "/lib"


def test_a_variable_that_is_handed_on_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = likeness()
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    assert likeness() != before


def test_another_python_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = likeness()
    monkeypatch.setattr(sys, "executable", "/elsewhere/python")
    assert likeness() != before


@pytest.mark.parametrize("changed", ["engine/judge/plugin.py", "packages/torch/version.py", "packages"])
def test_a_change_of_what_is_installed_counts(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, torch = ("__init__.py", "judge/plugin.py"), ("__init__.py", "version.py")
    for file in (*(f"engine/{name}" for name in engine), *(f"packages/torch/{name}" for name in torch)):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.setattr(module.grader, "__file__", str(tmp_path / "engine/__init__.py"))
    spec = type("Spec", (), {"origin": str(tmp_path / "packages/torch/__init__.py")})
    monkeypatch.setattr(module, "find_spec", lambda name: spec)
    before = likeness()
    os.utime(tmp_path / changed, ns=(0, 0))
    assert likeness() != before


def test_rights_and_limits_count() -> None:
    before = likeness()
    mask = os.umask(0o077)
    try:
        assert likeness() != before
    finally:
        os.umask(mask)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert likeness() != before
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert likeness() == before
