"""Wrong versions of a reference: a known mistake, or two of them at once."""

import ast
import types
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from grader.course.variations import ORIGINAL_PREFIX, DefinitionNode
from grader.engine.sandbox.source import execute

_INNER = "_inner_"  # in a module that is made around another: that one's version


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


@dataclass(eq=False)
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

    def around(self, other: "Mistake") -> types.ModuleType:
        """A module of its own in which this version uses another wrong one where it uses the reference's."""
        assert self._around is not None
        module = types.ModuleType(f"{self.name}_around_{other.name}")
        module.__dict__[_INNER] = getattr(other.module, other.replaces)
        exec(self._around, module.__dict__)
        return module

    @property
    def uses_reference(self) -> bool:
        """Whether it is made of the reference's own version: it looks at what goes in there, or what comes out."""
        return self._around is not None

    @cached_property
    def _around(self) -> types.CodeType | None:
        """The source with another version in the place of the reference's own."""
        tree = ast.parse(self.source)
        own = ORIGINAL_PREFIX + self.replaces
        for place, node in enumerate(tree.body):
            if isinstance(node, DefinitionNode) and node.name == own:
                tree.body[place + 1 : place + 1] = ast.parse(f"{own} = {_INNER}").body
                return compile(tree, f"{self.name}_mistake.py", "exec", dont_inherit=True)
        return None


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
class Nested:
    """Two mistakes of one name, made together: the outer is made of the inner, as it was of the reference."""

    outer: Mistake
    inner: Mistake

    @property
    def name(self) -> str:
        return f"{self.outer.name} + {self.inner.name}"

    @property
    def names(self) -> Sequence[str]:
        return (self.outer.replaces,)

    @cached_property
    def module(self) -> types.ModuleType:
        return self.outer.around(self.inner)
