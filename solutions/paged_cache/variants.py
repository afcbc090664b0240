"""Right solutions in other styles. None of them may lose a point."""

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces


@replaces("PagedCache")
class QueueOfFreeBlocks:
    """a queue of free blocks, a store full of NaN, one slice for each block"""

    def __init__(self, num_blocks, block_size, num_heads, head_dim):
        self.keys = torch.full((num_blocks, block_size, num_heads, head_dim), torch.nan)
        self.values = self.keys.clone()
        self.waiting = deque(range(num_blocks))
        self.tables, self.lengths = {}, {}
        self.readers = [set() for _ in range(num_blocks)]

    def append(self, text, k, v):
        size = self.keys.size(1)
        old = self.lengths.get(text, 0)
        new = old + k.size(1)
        before, filled = divmod(old, size)
        shared = filled != 0 and len(self.readers[self.tables[text][-1]]) > 1
        wanted = (new - 1) // size + 1 - before - (filled != 0) + shared
        if wanted > len(self.waiting):
            raise ValueError("full")
        fresh = [self.waiting.popleft() for _ in range(wanted)]
        table = self.tables.setdefault(text, [])
        if shared:
            left = table.pop()
            self.readers[left].remove(text)
            for store in (self.keys, self.values):
                store[fresh[0], :filled] = store[left, :filled]
        table += fresh
        for block in fresh:
            self.readers[block].add(text)
        done = 0
        while done < k.size(1):
            place = (old + done) % size
            piece = slice(done, done + size - place)
            for store, tokens in ((self.keys, k), (self.values, v)):
                part = tokens[:, piece]
                store[table[(old + done) // size], place : place + part.size(1)] = part.movedim(0, 1)
            done += size - place
        self.lengths[text] = new

    def fork(self, source, target):
        if target in self.tables:
            raise ValueError(target)
        self.tables[target] = self.tables[source][:]
        self.lengths[target] = self.lengths[source]
        for block in self.tables[target]:
            self.readers[block].add(target)

    def free(self, text):
        for block in self.tables.pop(text):
            self.readers[block].discard(text)
            if not self.readers[block]:
                self.waiting.append(block)
        self.lengths.pop(text)

    def gather(self, text):
        table, length = self.tables[text], self.lengths[text]
        ks, vs = (torch.cat([store[block] for block in table])[:length] for store in (self.keys, self.values))
        return ks.permute(1, 0, 2), vs.permute(1, 0, 2)

    def table(self, text):
        return self.tables[text].copy()

    def ref_counts(self):
        return [len(texts) for texts in self.readers]


@replaces("PagedCache")
class CountsFromTables:
    """nothing but tables of slots; counts are read from them, the highest free block comes first"""

    def __init__(self, num_blocks, block_size, num_heads, head_dim):
        self.store = torch.empty(2, num_blocks * block_size, num_heads, head_dim)
        self.num_blocks, self.block_size = num_blocks, block_size
        self.slots = {}

    @property
    def keys(self):
        return self.store[0].unflatten(0, (self.num_blocks, self.block_size))

    @property
    def values(self):
        return self.store[1].unflatten(0, (self.num_blocks, self.block_size))

    def append(self, text, k, v):
        slots = list(self.slots.get(text, []))
        counts = self.ref_counts()
        free = [block for block, n in enumerate(counts) if n == 0]
        moved = None
        for _ in range(k.shape[1]):
            place = len(slots) % self.block_size
            if place == 0 or (moved is None and counts[slots[-1] // self.block_size] > 1):
                if not free:
                    raise ValueError("no block is free")
                start = free.pop() * self.block_size
                if place:
                    moved = slots[-place:], list(range(start, start + place))
                    slots[-place:] = moved[1]
                slots.append(start + place)
            else:
                slots.append(slots[-1] + 1)
            counts[slots[-1] // self.block_size] = 1
        if moved:
            self.store[:, moved[1]] = self.store[:, moved[0]]
        self.store[:, slots[-k.shape[1] :]] = torch.stack([k, v]).transpose(1, 2)
        self.slots[text] = slots

    def fork(self, source, target):
        if target in self.slots:
            raise ValueError(f"{target} exists")
        self.slots[target] = list(self.slots[source])

    def free(self, text):
        del self.slots[text]

    def gather(self, text):
        return tuple(self.store[:, self.slots[text]].transpose(1, 2))

    def table(self, text):
        return [slot // self.block_size for slot in self.slots[text][:: self.block_size]]

    def ref_counts(self):
        found = Counter(block for text in self.slots for block in self.table(text))
        return [found[block] for block in range(self.num_blocks)]


@dataclass
class Block:
    number: int
    users: int = 0


@dataclass
class Sequence:
    blocks: list = field(default_factory=list)
    length: int = 0


@replaces("PagedCache")
class ObjectsForBlocks:
    """blocks as objects on a stack of free ones, tokens one by one, the copy last"""

    def __init__(self, num_blocks, block_size, num_heads, head_dim):
        self.keys, self.values = torch.rand(2, num_blocks, block_size, num_heads, head_dim)
        self.all = [Block(number) for number in range(num_blocks)]
        self.stack = self.all[:]
        self.texts = {}

    def take(self):
        block = self.stack.pop()
        block.users += 1
        return block

    def give(self, block):
        block.users -= 1
        if block.users == 0:
            self.stack.append(block)

    def append(self, text, k, v):
        size = self.keys.shape[1]
        sequence = self.texts.get(text) or Sequence()
        room = len(sequence.blocks) * size - sequence.length
        needed = max(0, -((room - k.shape[1]) // size))
        copied = bool(room) and sequence.blocks[-1].users > 1
        if len(self.stack) < needed + copied:
            raise ValueError(f"{needed + copied} > {len(self.stack)}")
        self.texts[text] = sequence
        for token in range(k.shape[1]):
            place = sequence.length % size
            if place == 0:
                sequence.blocks.append(self.take())
            here = sequence.blocks[-1]
            if here.users > 1:
                sequence.blocks[-1] = self.take()
                self.keys[sequence.blocks[-1].number] = self.keys[here.number]
                self.values[sequence.blocks[-1].number] = self.values[here.number]
                self.give(here)
                here = sequence.blocks[-1]
            self.keys[here.number, place] = k[:, token]
            self.values[here.number, place] = v[:, token]
            sequence.length += 1

    def fork(self, source, target):
        if target in self.texts:
            raise ValueError
        sequence = self.texts[source]
        for block in sequence.blocks:
            block.users += 1
        self.texts[target] = Sequence([*sequence.blocks], sequence.length)

    def free(self, text):
        for block in reversed(self.texts.pop(text).blocks):
            self.give(block)

    def gather(self, text):
        sequence = self.texts[text]
        k = [self.keys[b.number, i] for b in sequence.blocks for i in range(self.keys.shape[1])]
        v = [self.values[b.number, i] for b in sequence.blocks for i in range(self.keys.shape[1])]
        return [torch.stack(tokens[: sequence.length], dim=1) for tokens in (k, v)]

    def table(self, text):
        return [block.number for block in self.texts[text].blocks]

    def ref_counts(self):
        return [block.users for block in self.all]


@replaces("PagedCache")
class MatrixOfTables:
    """NumPy: a matrix that says which block is in which table, a boolean mask for what is read"""

    def __init__(self, num_blocks, block_size, num_heads, head_dim):
        self.keys = torch.zeros([num_blocks, block_size, num_heads, head_dim])
        self.values = torch.ones_like(self.keys)
        self.names = []
        self.order = np.zeros((0, num_blocks), dtype=int)  # 1 + the index of the block in the table, 0: not in it
        self.sizes = []

    def row(self, text):
        return self.names.index(text)

    def append(self, text, k, v):
        known = text in self.names
        order = self.order[self.row(text)] if known else np.zeros(self.order.shape[1], dtype=int)
        size = self.sizes[self.row(text)] if known else 0
        others = (np.delete(self.order, self.row(text), axis=0) if known else self.order).any(axis=0)
        order, full, copy = order.copy(), self.keys.shape[1], None
        free = list(np.flatnonzero(~others & (order == 0)))
        last = order.argmax()
        if size % full and others[last]:
            if not free:
                raise ValueError
            copy = last, free.pop(0)
            order[copy[1]], order[last] = order[last], 0
        while order.max() * full < size + k.shape[1]:
            if len(free) == 0:
                raise ValueError
            order[free.pop(0)] = order.max() + 1
        if copy:
            self.keys[copy[1]] = self.keys[copy[0]]
            self.values[copy[1]] = self.values[copy[0]]
        for i in range(k.shape[1]):
            (block,) = np.flatnonzero(order == 1 + (size + i) // full)
            self.keys[block, (size + i) % full], self.values[block, (size + i) % full] = k[:, i], v[:, i]
        if not known:
            self.names.append(text)
            self.sizes.append(0)
            self.order = np.vstack([self.order, order])
        self.order[self.row(text)], self.sizes[self.row(text)] = order, size + k.shape[1]

    def fork(self, source, target):
        if target in self.names:
            raise ValueError("in use")
        self.sizes.append(self.sizes[self.row(source)])
        self.order = np.vstack([self.order, self.order[self.row(source)]])
        self.names.append(target)

    def free(self, text):
        row = self.row(text)
        self.order = np.delete(self.order, row, axis=0)
        del self.names[row], self.sizes[row]

    def gather(self, text):
        table, size = torch.tensor(self.table(text)), self.sizes[self.row(text)]
        inside = torch.arange(table.numel() * self.keys.shape[1]).view(table.numel(), -1) < size
        return self.keys[table][inside].transpose(0, 1), self.values[table][inside].transpose(0, 1)

    def table(self, text):
        order = self.order[self.row(text)]
        return [int(block) for block in order.argsort(kind="stable") if order[block]]

    def ref_counts(self):
        return (self.order > 0).sum(axis=0).tolist()


@replaces("PagedCache")
class TriedOnACopy:
    """an append works on copies of tables and counts, which replace the old ones once everything fits"""

    def __init__(self, num_blocks, block_size, num_heads, head_dim):
        with torch.inference_mode():
            self.keys = torch.zeros(num_blocks, block_size, num_heads, head_dim)
            self.values = torch.zeros(num_blocks, block_size, num_heads, head_dim)
        self.block_size = block_size
        self.state = {}, (0,) * num_blocks

    @torch.inference_mode()
    def append(self, text, k, v):
        tables, counts = dict(self.state[0]), list(self.state[1])
        length, table = tables.get(text, (0, ()))
        writes = []
        for token in range(k.shape[1]):
            place = length % self.block_size
            if place == 0:
                table = (*table, counts.index(0))  # a ValueError if no block is free
                counts[table[-1]] = 1
            elif counts[table[-1]] > 1:
                old = table[-1]
                table = (*table[:-1], counts.index(0))
                counts[old], counts[table[-1]] = counts[old] - 1, 1
                writes += [(table[-1], i, self.keys[old, i], self.values[old, i]) for i in range(place)]
            writes.append((table[-1], place, k[:, token], v[:, token]))
            length += 1
        for block, place, key, value in writes:
            self.keys[block, place].copy_(key)
            self.values[block, place].copy_(value)
        self.state = {**tables, text: (length, table)}, tuple(counts)

    def fork(self, source, target):
        tables, counts = self.state
        if target in tables:
            raise ValueError("exists")
        table = tables[source][1]
        self.state = {**tables, target: tables[source]}, tuple(n + (b in table) for b, n in enumerate(counts))

    def free(self, text):
        tables, counts = self.state
        table = tables[text][1]
        self.state = (
            {name: each for name, each in tables.items() if name != text},
            tuple(n - (b in table) for b, n in enumerate(counts)),
        )

    def gather(self, text):
        length, table = self.state[0][text]
        return (self.read(self.keys, table, length), self.read(self.values, table, length))

    @staticmethod
    def read(store: Tensor, table: tuple[int, ...], length: int) -> Tensor:
        return torch.einsum("bigk->gbik", store[list(table)]).flatten(1, 2).narrow(1, 0, length)

    def table(self, text):
        return list(self.state[0][text][1])

    def ref_counts(self):
        return list(self.state[1])
