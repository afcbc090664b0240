"""Wrong versions of a reference: a known mistake, two of them at once, or a slip that a machine has made."""

import ast
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from grader.course.variations import OWN, Definition
from grader.sandbox.source import execute

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
        own = OWN + self.replaces
        for place, node in enumerate(tree.body):
            if isinstance(node, Definition) and node.name == own:
                tree.body[place + 1 : place + 1] = ast.parse(f"{own} = {_INNER}").body
                return compile(tree, f"{self.name}_mistake.py", "exec", dont_inherit=True)
        return None

    @cached_property
    def under_its_name(self) -> str:
        """The source with this version under the name that it replaces: it ends in `route = softmax_all`."""
        *body, last = ast.parse(self.source).body
        if isinstance(last, Definition):
            return self.source
        definition = next(node for node in body if isinstance(node, Definition) and node.name == self.name)
        definition.name = self.replaces
        return ast.unparse(ast.Module(body, []))


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


@dataclass
class Slip:
    """A module with one thing changed by machine. `clause` says what, after "what comes out ..."."""

    name: str
    replaces: str  # in the reference
    clause: str
    method: str | None  # of the class that it replaces; None: it replaces a function
    lines: range  # of the module, of which one runs where the change matters
    install: Callable[[dict[str, Any]], Any]  # puts it into a module's names
    base: str  # name of the module
    source: str  # of the module
    target: str  # what it replaces there: a mistake has the reference's own version under another name

    @property
    def advice(self) -> str:
        """What is said of a submission that answers so."""
        who = "code" if self.replaces.startswith("_") else self.replaces  # a helper's name is the reference's own
        return f"Your {who} gives what comes out {self.clause}."

    @property
    def names(self) -> Sequence[str]:
        return (self.replaces,)

    @cached_property
    def module(self) -> types.ModuleType:
        """The module with the slip in it, for good."""
        made = execute(f"{self.base}_slip", self.source)
        before = made.__dict__[self.target]
        self.install(made.__dict__)
        if self.method is not None and self.target != self.replaces:
            setattr(before, self.method, vars(made.__dict__[self.target])[self.method])  # what is made of it has it too
        return made

    def let_go(self) -> None:
        """Forgets the module, which is made again if it is asked for."""
        vars(self).pop("module", None)


@dataclass
class Slipped:
    """A mistake in which a machine has made a slip."""

    mistake: Mistake
    slip: Slip

    @property
    def name(self) -> str:
        return f"{self.mistake.name} + {self.slip.name}"

    @property
    def names(self) -> Sequence[str]:
        return tuple(dict.fromkeys((self.mistake.replaces, self.slip.replaces)))

    @property
    def module(self) -> types.ModuleType:
        return self.slip.module
