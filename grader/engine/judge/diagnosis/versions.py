"""Wrong versions of a reference: one known mistake, or two at once."""

import ast
import types
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from grader.course.variations import ORIGINAL_PREFIX, DefinitionNode, Variation
from grader.engine.sandbox.source import execute

_INNER = "_inner_"  # name of the inner version in the module of the outer one


class Version(Protocol):
    """A wrong version of the reference."""

    @property
    def name(self) -> str:
        """The version's name, unique within the exercise."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the reference that it replaces."""

    @property
    def module(self) -> types.ModuleType:
        """The version as a module, executed on first use."""


@dataclass(eq=False)
class SingleMistake:
    """A version with one known mistake."""

    mistake: Variation

    @property
    def name(self) -> str:
        """The name of the mistake."""
        return self.mistake.name

    @property
    def replaces(self) -> str:
        """The name of the reference that the mistake replaces."""
        return self.mistake.replaces

    @property
    def names(self) -> Sequence[str]:
        """The one name that it replaces."""
        return (self.replaces,)

    @cached_property
    def module(self) -> types.ModuleType:
        """The version as a module, shared by all who ask it."""
        return self.execute()

    def execute(self) -> types.ModuleType:
        """Return a new module of this version."""
        return execute(f"{self.name}_mistake", self.mistake.source)

    def execute_around(self, inner: "SingleMistake") -> types.ModuleType:
        """Return a new module in which this mistake calls `inner` where it would call the reference's definition."""
        assert self._code_around is not None
        module = types.ModuleType(f"{self.name}_around_{inner.name}")
        module.__dict__[_INNER] = getattr(inner.module, inner.replaces)
        exec(self._code_around, module.__dict__)
        return module

    @property
    def uses_reference(self) -> bool:
        """Whether the mistake calls the reference's own definition of what it replaces."""
        return self._code_around is not None

    @cached_property
    def _code_around(self) -> types.CodeType | None:
        """The source with `_INNER` instead of the reference's own definition; None if the source does not have it."""
        tree = ast.parse(self.mistake.source)
        own = ORIGINAL_PREFIX + self.replaces
        for place, node in enumerate(tree.body):
            if isinstance(node, DefinitionNode) and node.name == own:
                tree.body[place + 1 : place + 1] = ast.parse(f"{own} = {_INNER}").body
                return compile(tree, f"{self.name}_mistake.py", "exec", dont_inherit=True)
        return None


@dataclass
class MistakePair:
    """A version with two mistakes that replace different names."""

    one: SingleMistake
    two: SingleMistake

    @property
    def name(self) -> str:
        """The names of both mistakes."""
        return f"{self.one.name} + {self.two.name}"

    @property
    def names(self) -> Sequence[str]:
        """The two names that it replaces."""
        return (self.one.replaces, self.two.replaces)

    @cached_property
    def module(self) -> types.ModuleType:
        """The version as a module.

        A function finds the names that it calls in the module that defines it, so each of the two modules gets both
        mistakes.
        """
        first, second = self.one.execute(), self.two.execute()
        setattr(first, self.two.replaces, getattr(second, self.two.replaces))
        setattr(second, self.one.replaces, getattr(first, self.one.replaces))
        return first


@dataclass
class NestedMistakes:
    """A version with two mistakes that replace the same name: the outer calls the inner instead of the reference."""

    outer: SingleMistake
    inner: SingleMistake

    @property
    def name(self) -> str:
        """The names of both mistakes."""
        return f"{self.outer.name} + {self.inner.name}"

    @property
    def names(self) -> Sequence[str]:
        """The one name that it replaces."""
        return (self.outer.replaces,)

    @cached_property
    def module(self) -> types.ModuleType:
        """The version as a module."""
        return self.outer.execute_around(self.inner)
