"""A command finds a warm process exactly if it would start an identical one."""

import os
import resource
import sys
from pathlib import Path

import pytest

import grader
from grader.engine.pool import identity as module
from grader.engine.pool.identity import environment, identity_hash

if sys.platform != "linux":
    pytest.skip("a warm process is resident on Linux only", allow_module_level=True)


def test_identity_does_not_depend_on_the_folder_or_other_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identity_hash()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET", "of another command")
    monkeypatch.setenv("PATH", "/elsewhere")
    assert identity_hash() == before


def test_environment_keeps_only_chosen_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of a command")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/lib")
    assert "SECRET" not in environment()
    assert environment()["LD_LIBRARY_PATH"] == "/lib"


def test_an_inherited_variable_changes_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity_hash()
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    assert identity_hash() != before


def test_another_python_changes_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity_hash()
    monkeypatch.setattr(sys, "executable", "/elsewhere/python")
    assert identity_hash() != before


@pytest.mark.parametrize("changed", ["engine/judge/plugin.py", "packages/torch/version.py", "packages"])
def test_a_changed_installation_changes_the_identity(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, torch = ("__init__.py", "judge/plugin.py"), ("__init__.py", "version.py")
    for file in (*(f"engine/{name}" for name in engine), *(f"packages/torch/{name}" for name in torch)):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.setattr(grader, "__file__", str(tmp_path / "engine/__init__.py"))
    spec = type("Spec", (), {"origin": str(tmp_path / "packages/torch/__init__.py")})
    monkeypatch.setattr(module, "find_spec", lambda name: spec)
    before = identity_hash()
    os.utime(tmp_path / changed, ns=(0, 0))
    assert identity_hash() != before


def test_rights_and_limits_change_the_identity() -> None:
    before = identity_hash()
    mask = os.umask(0o077)
    try:
        assert identity_hash() != before
    finally:
        os.umask(mask)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert identity_hash() != before
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert identity_hash() == before
