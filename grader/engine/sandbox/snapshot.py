"""How values and modules look, so that a change of one can be told."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn
from xxhash import xxh3_64_intdigest

from grader.engine.sandbox.pack import MAX_DEPTH, checksum

Slot = tuple[dict[str, Any], str]  # where a tensor stands: a dict of a module's, and a key of it


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """That by which a change of a value can be told."""
    if depth > MAX_DEPTH:  # no argument is: it was made to hold itself
        yield "deep"
    elif isinstance(value, Tensor):
        yield checksum(value)
    elif isinstance(value, list | tuple):
        yield type(value).__name__, len(value)
        for item in value:
            yield from _leaves(item, depth + 1)
    elif isinstance(value, dict):
        yield "dict", len(value)
        for key, item in value.items():
            yield repr(key) if isinstance(key, str | int) else "key"
            yield from _leaves(item, depth + 1)
    elif type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
        yield xxh3_64_intdigest(value.tobytes())
    elif isinstance(value, int | float | str | bool | None):
        yield repr(value)


def fingerprint(value: Any) -> tuple[Any, ...] | None:
    """What changes with a value that can be changed in place; None for one that cannot."""
    return None if value is None or isinstance(value, bool | int | float | str) else tuple(_leaves(value))


def slots_of(module: nn.Module) -> list[Slot]:
    """Where the tensors of a module stand, in the order of their names."""
    return [
        (holder, name)
        for child in module.modules()
        for holder in (child._parameters, child._buffers)
        for name, tensor in holder.items()
        if tensor is not None
    ]


class Look(NamedTuple):
    """How a module looks, as far as the judge is told of it. The tensors are kept, lest an `id` be used again."""

    structure: tuple[Any, ...]
    states: tuple[Any, ...]  # of the distinct tensors: what changes when one is changed
    tensors: tuple[Tensor, ...]

    def same(self, other: "Look") -> bool:
        """Whether nothing has changed that the judge is told of."""
        return (self.structure, self.states) == (other.structure, other.states)


def look_at(module: nn.Module) -> Look:
    """How a module looks now. Raises WireError where one of its tensors could not cross."""
    slots = slots_of(module)
    tensors = tuple({id(holder[name]): holder[name] for holder, name in slots}.values())
    children = [(path, id(child), child.training) for path, child in module.named_modules(remove_duplicate=False)]
    return Look(
        (*children, *((name, id(holder[name])) for holder, name in slots)),
        tuple((id(tensor), checksum(tensor), tensor.requires_grad) for tensor in tensors),
        tensors,
    )
