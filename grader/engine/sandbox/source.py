"""Runs source text as modules: the student's file, and the earlier exercises that it imports."""

import linecache
import marshal
import sys
import types
from collections.abc import Mapping
from typing import Any


def install(others: Mapping[str, str], files: set[str] | None = None) -> None:
    """Make source texts importable by module name. Their file names are added to `files` when they are imported."""
    if others:
        sys.meta_path.insert(0, _SourceImporter(others, files if files is not None else set()))


class _SourceImporter:
    """Imports modules from source text."""

    def __init__(self, sources: Mapping[str, str], files: set[str]):
        self._sources = sources
        self._files = files

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self) if name in self._sources else None  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        execute(module.__name__, self._sources[module.__name__], self._files, module)


def execute(
    name: str,
    source: str,
    files: set[str] | None = None,
    module: types.ModuleType | None = None,
    code: bytes | None = None,
) -> types.ModuleType:
    """Run source text as the module `name`, and add its file name to `files`. Raise whatever the source raises.

    `code` is the source compiled and marshalled, if the caller has it.

    The module is in `sys.modules` before it runs: dataclasses with postponed annotations look themselves up there.
    """
    file = f"{name}.py"
    if files is not None:
        files.add(file)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    if module is None:
        module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = file
    exec(marshal.loads(code) if code else compile(source, file, "exec", dont_inherit=True), module.__dict__)
    return module
