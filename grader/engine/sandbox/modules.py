"""The student's `nn.Module`s in the worker, in step with their mirrors in the judge: what changed on either side."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from grader.engine.sandbox.describe import name_of
from grader.engine.sandbox.pack import Packer, Unpacker
from grader.engine.sandbox.snapshot import Look, Slot, look_at, slots_of
from grader.engine.sandbox.wire import Context, Node, Placed, Update, WireModule


class Modules:
    """Those of one test's `objects`, by number, that have a mirror in the judge."""

    def __init__(self, objects: Mapping[int, Any]):
        self.looks: dict[int, Look] = {}  # number: how a module looked when the judge last knew
        self._objects = objects
        self._homes: dict[tuple[int, int], Tensor] = {}  # object and slot: what gave way to a tensor of the test's

    def clear(self) -> None:
        """Forgets all modules."""
        self.looks.clear()
        self._homes.clear()

    def update(self, context: Context, unpacker: Unpacker) -> list[Tensor]:
        """Brings modules to the judge's state, and returns the tensors of theirs that are differentiated."""
        updated = {update.number for update in context.updates if update.slots}  # none: see `_put`
        concerned = updated | {number for number, _ in context.parameters}
        slots = {number: slots_of(self._objects[number]) for number in concerned}
        for update in context.updates:
            self._put(update, slots.get(update.number, []), unpacker)
        for number in updated:
            self.looks[number] = look_at(self._objects[number])
        return [holder[name] for holder, name in (slots[number][slot] for number, slot in context.parameters)]

    def _put(self, update: Update, slots: list[Slot], unpacker: Unpacker) -> None:
        """Puts a tensor that changed in the judge into its module, whose slots are these."""
        numbers = None if update.tensor is None else unpacker.numbers(update.tensor)
        if not update.slots:  # in a replay: the submission has a tensor that this module has not
            return
        for slot in update.slots:
            holder, name = slots[slot]
            if update.placed is Placed.NEW:
                self._homes.setdefault((update.number, slot), holder[name])
            elif update.placed is Placed.BACK:
                holder[name] = self._homes.pop((update.number, slot))
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
        """A module as the judge is told of it: the tree of its names, and the tensors that changed since."""
        module = self._objects[number]
        slots, parts = len(slots_of(module)), sum(1 for _ in module.named_modules(remove_duplicate=False))
        packer.count_module(slots, parts)
        old, look = self.looks.get(number), look_at(module)
        self.looks[number] = look
        self._homes = {key: home for key, home in self._homes.items() if key[0] != number}
        known = {} if old is None else {state: place for place, state in enumerate(old.states)}
        places = {id(tensor): place for place, tensor in enumerate(look.tensors)}
        firsts: dict[int, int] = {}
        nodes = [
            Node(
                path,
                firsts.setdefault(id(child), place),
                name_of(type(child)),
                next(base.__name__ for base in type(child).__mro__ if getattr(nn, base.__name__, None) is base),
                bool(child.training),
                [(name, places[id(p)]) for name, p in child._parameters.items() if p is not None],
                [
                    (name, places[id(b)], name not in child._non_persistent_buffers_set)
                    for name, b in child._buffers.items()
                    if b is not None
                ],
            )
            for place, (path, child) in enumerate(module.named_modules(remove_duplicate=False))
        ]
        states = zip(look.states, look.tensors, strict=True)
        return WireModule(number, nodes, [known[s] if s in known else packer.numbers(t) for s, t in states])

    def changed(self, packer: Packer) -> list[WireModule]:
        """Those that the student's code has changed since the judge last knew."""
        return [
            self.describe(number, packer)
            for number, look in list(self.looks.items())
            if not look_at(self._objects[number]).same(look)
        ]
