"""Compose the content of a YAML file from its events, with the line of each value.

Scalars stay text. A duplicate key is an error, and so are aliases and a second document.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.course.keys import Keys

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")


def compose(text: str, path: Path) -> tuple[Any, dict[Keys, int]]:
    """Return the content of the text of a file, and the lines of its values.

    Raise UsageError if it is not valid YAML or has a duplicate key.
    """
    composer = _Composer(text, path)
    try:
        return composer.root(), composer.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UsageError(f"{shown(path)}:{mark.line + 1 if mark else 1}: {_problem(error)}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{shown(path)}:1: not valid YAML: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise UsageError(f"{shown(path)}:1: not valid YAML: nested too deeply.") from None


class _Composer:
    """The events that are still to come, and the lines of the values so far."""

    def __init__(self, text: str, path: Path):
        self.lines: dict[Keys, int] = {(): 1}
        self._path = path
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))

    def root(self) -> Any:
        """Return the content of the only document in the file."""
        next(self._events)  # start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise UsageError(f"{shown(self._path)}:1: the file is empty.")
        value = self._node((), next(self._events))
        next(self._events)  # end of the document
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            raise self._error(event, "a second document begins here; one is expected.")
        return value

    def _node(self, keys: Keys, event: Any) -> Any:
        if keys:
            self.lines.setdefault(keys, _line(event))  # the line of a key precedes that of its value
        else:
            self.lines[keys] = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return None if event.implicit[0] and event.value in _NULLS else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node((*keys, len(items)), event))
            return items
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(keys)
        raise self._error(event, f"*{event.anchor} refers to another place; write it out here.")

    def _mapping(self, keys: Keys) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "a key must be a word.")
            key = event.value
            if key in values:
                raise self._error(event, f"'{key}' is given twice, first in line {self.lines[*keys, key]}.")
            self.lines[*keys, key] = _line(event)
            values[key] = self._node((*keys, key), next(self._events))
        return values

    def _error(self, event: Any, sentence: str) -> UsageError:
        return UsageError(f"{shown(self._path)}:{_line(event)}: {sentence}")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _problem(error: yaml.MarkedYAMLError) -> str:
    if re.search(r"\btab\b|\\t|\t", str(error.problem)):
        return "a tab character; YAML is indented with spaces."
    context = f" ({error.context})" if error.context else ""
    return f"not valid YAML: {error.problem}{context}."
