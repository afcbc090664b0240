"""Keeps the student's `nn.Module`s in the worker in step with their mirrors in the judge."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from grader.engine.sandbox.describe import name_of
from grader.engine.sandbox.pack import Packer, Unpacker
from grader.engine.sandbox.snapshot import ModuleSnapshot, Slot, slots_of, take_snapshot
from grader.engine.sandbox.wire import Context, Node, Placed, Update, WireModule


class MirroredModules:
    """The modules among the objects of one test that have a mirror in the judge, by number."""

    def __init__(self, objects: Mapping[int, Any]):
        self.snapshots: dict[int, ModuleSnapshot] = {}  # the state that the judge knows, by number
        self._objects = objects
        self._originals: dict[tuple[int, int], Tensor] = {}  # replaced by a tensor of the test, by number and slot

    def clear(self) -> None:
        """Forget all modules."""
        self.snapshots.clear()
        self._originals.clear()

    def update(self, context: Context, unpacker: Unpacker) -> list[Tensor]:
        """Set modules to the judge's state, and return those of their tensors that are differentiated."""
        updated = {update.number for update in context.updates if update.slots}
        numbers = updated | {number for number, _ in context.parameters}
        slots = {number: slots_of(self._objects[number]) for number in numbers}
        for update in context.updates:
            self._put(update, slots.get(update.number, []), unpacker)
        for number in updated:
            self.snapshots[number] = take_snapshot(self._objects[number])
        return [holder[name] for holder, name in (slots[number][slot] for number, slot in context.parameters)]

    def _put(self, update: Update, slots: list[Slot], unpacker: Unpacker) -> None:
        """Put a tensor that changed in the judge into its module, which has these slots."""
        numbers = None if update.tensor is None else unpacker.numbers(update.tensor)
        if not update.slots:  # in a replay, if only the submission has this tensor
            return
        for slot in update.slots:
            holder, name = slots[slot]
            if update.placed is Placed.NEW:
                self._originals.setdefault((update.number, slot), holder[name])
            elif update.placed is Placed.BACK:
                holder[name] = self._originals.pop((update.number, slot))
        holder, name = slots[update.slots[0]]
        target = holder[name]
        if update.placed is Placed.NEW and numbers is not None:
            target = nn.Parameter(numbers.clone(), False) if isinstance(target, nn.Parameter) else numbers.clone()
            for slot in update.slots:
                holder, name = slots[slot]
                holder[name] = target
        elif numbers is not None and (target.dtype, target.shape) == (numbers.dtype, numbers.shape):
            with torch.no_grad():
                target.copy_(numbers)
        elif numbers is not None:
            target.data = numbers.clone()
        target.requires_grad_(update.requires_grad)

    def describe(self, number: int, packer: Packer) -> WireModule:
        """Return a module for the judge: the tree of its names, and what changed since its last snapshot."""
        module = self._objects[number]
        slots, parts = len(slots_of(module)), sum(1 for _ in module.named_modules(remove_duplicate=False))
        packer.count_module(slots, parts)
        old, new = self.snapshots.get(number), take_snapshot(module)
        self.snapshots[number] = new
        self._originals = {key: tensor for key, tensor in self._originals.items() if key[0] != number}
        known = {} if old is None else {state: position for position, state in enumerate(old.states)}
        positions = {id(tensor): position for position, tensor in enumerate(new.tensors)}
        nodes = _nodes(module, positions)
        states = zip(new.states, new.tensors, strict=True)
        return WireModule(number, nodes, [known[s] if s in known else packer.numbers(t) for s, t in states])

    def changed(self, packer: Packer) -> list[WireModule]:
        """Return the modules that the student's code has changed since their last snapshots."""
        return [
            self.describe(number, packer)
            for number, snapshot in list(self.snapshots.items())
            if not take_snapshot(self._objects[number]).is_same(snapshot)
        ]


def _nodes(module: nn.Module, positions: Mapping[int, int]) -> list[Node]:
    """Return the tree of a module's names. `positions` are those of its tensors, by id()."""
    firsts: dict[int, int] = {}
    return [
        Node(
            path,
            firsts.setdefault(id(child), position),
            name_of(type(child)),
            next(base.__name__ for base in type(child).__mro__ if getattr(nn, base.__name__, None) is base),
            bool(child.training),
            [(name, positions[id(p)]) for name, p in child._parameters.items() if p is not None],
            [
                (name, positions[id(b)], name not in child._non_persistent_buffers_set)
                for name, b in child._buffers.items()
                if b is not None
            ],
        )
        for position, (path, child) in enumerate(module.named_modules(remove_duplicate=False))
    ]
