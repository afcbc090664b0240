"""Snapshots of values and modules, to detect what changed."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn
from xxhash import xxh3_64_intdigest

from grader.engine.sandbox.pack import MAX_DEPTH, checksum

Slot = tuple[dict[str, Any], str]  # the dict of a module that holds a tensor, and the key


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield hashable values that differ after a change of `value`."""
    if depth > MAX_DEPTH:  # an argument cannot be that deep: the student's code made it contain itself
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
    """Return what differs after a change of `value` in place; None for an immutable value."""
    return None if value is None or isinstance(value, bool | int | float | str) else tuple(_leaves(value))


def slots_of(module: nn.Module) -> list[Slot]:
    """Return the slots of a module's tensors, in the order of their names."""
    return [
        (holder, name)
        for child in module.modules()
        for holder in (child._parameters, child._buffers)
        for name, tensor in holder.items()
        if tensor is not None
    ]


class ModuleSnapshot(NamedTuple):
    """The state of a module as far as the judge knows about it."""

    structure: tuple[Any, ...]
    states: tuple[Any, ...]  # of the distinct tensors: differs after a change of one
    tensors: tuple[Tensor, ...]  # kept so that no other object gets the `id` of one

    def is_same(self, other: "ModuleSnapshot") -> bool:
        """Return whether nothing changed that the judge knows about."""
        return (self.structure, self.states) == (other.structure, other.states)


def take_snapshot(module: nn.Module) -> ModuleSnapshot:
    """Return the current state of a module. Raise WireError if one of its tensors cannot be sent."""
    slots = slots_of(module)
    tensors = tuple({id(holder[name]): holder[name] for holder, name in slots}.values())
    children = [(path, id(child), child.training) for path, child in module.named_modules(remove_duplicate=False)]
    return ModuleSnapshot(
        (*children, *((name, id(holder[name])) for holder, name in slots)),
        tuple((id(tensor), checksum(tensor), tensor.requires_grad) for tensor in tensors),
        tensors,
    )
