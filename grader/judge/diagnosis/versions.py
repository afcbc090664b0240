"""Wrong versions of a reference: a known mistake, two of them at once, or a slip that a machine has made."""

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from grader.sandbox.source import execute


class Version(Protocol):
    """A wrong version of the reference, as a module."""

    @property
    def name(self) -> str:
        """What tells it apart from other versions of the exercise."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the reference that it replaces."""

    @property
    def module(self) -> types.ModuleType:
        """The module, made when it is first asked for."""


@dataclass
class Mistake:
    """A known wrong version of one name of the reference."""

    name: str
    replaces: str
    advice: str
    source: str

    @property
    def names(self) -> Sequence[str]:
        return (self.replaces,)

    @cached_property
    def module(self) -> types.ModuleType:
        return self.executed()

    def executed(self) -> types.ModuleType:
        """A module of its own."""
        return execute(f"{self.name}_mistake", self.source)


@dataclass
class Pair:
    """Two mistakes of two names, made together."""

    one: Mistake
    two: Mistake

    @property
    def name(self) -> str:
        return f"{self.one.name} + {self.two.name}"

    @property
    def names(self) -> Sequence[str]:
        return (self.one.replaces, self.two.replaces)

    @cached_property
    def module(self) -> types.ModuleType:
        """Both modules with both wrong names: a function finds what it calls in the module that it was written in."""
        first, second = self.one.executed(), self.two.executed()
        setattr(first, self.two.replaces, getattr(second, self.two.replaces))
        setattr(second, self.one.replaces, getattr(first, self.one.replaces))
        return first


@dataclass
class Slip:
    """The reference with one thing changed by machine. `clause` says what, after "what comes out ..."."""

    name: str
    replaces: str
    clause: str
    method: str | None  # of the class that it replaces; None: it replaces a function
    install: Callable[[dict[str, Any]], Any]  # puts it into the reference's names
    reference: str  # name of the module
    source: str  # of the reference

    @property
    def advice(self) -> str:
        """What is said of a submission that answers so."""
        return f"Your {self.replaces} gives what comes out {self.clause}."

    @property
    def names(self) -> Sequence[str]:
        return (self.replaces,)

    @cached_property
    def module(self) -> types.ModuleType:
        made = execute(f"{self.reference}_slip", self.source)
        self.install(made.__dict__)
        return made
