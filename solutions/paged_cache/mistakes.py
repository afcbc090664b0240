"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math
from collections.abc import Hashable

import torch
from torch import Tensor

from grader.testing import replaces


class Cache:
    """The right cache, in parts. A mistake gets one of them wrong."""

    def __init__(self, num_blocks: int, block_size: int, num_heads: int, head_dim: int) -> None:
        self.keys = torch.zeros(num_blocks, block_size, num_heads, head_dim)
        self.values = torch.zeros(num_blocks, block_size, num_heads, head_dim)
        self.block_size = block_size
        self.tables: dict[Hashable, list[int]] = {}
        self.lengths: dict[Hashable, int] = {}
        self.counts = [0] * num_blocks

    def append(self, text: Hashable, k: Tensor, v: Tensor) -> None:
        table, length = self.tables.get(text, []), self.lengths.get(text, 0)
        copy = self.needs_copy(text, table, length)
        new_blocks = self.new_blocks(table, length, k.shape[1])
        self.check_room(new_blocks, copy, length, k.shape[1])
        if copy:
            self.copy_last(table)
        table += [self.take() for _ in range(new_blocks)]
        self.write(table, length, k, v)
        self.tables[text], self.lengths[text] = table, length + k.shape[1]

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return length % self.block_size > 0 and self.counts[table[-1]] > 1

    def new_blocks(self, table: list[int], length: int, T: int) -> int:
        return math.ceil((length + T) / self.block_size) - len(table)

    def check_room(self, new_blocks: int, copy: bool, length: int, T: int) -> None:
        refuse_if(new_blocks + copy > self.counts.count(0))

    def copy_last(self, table: list[int]) -> None:
        table[-1] = self.copied(table[-1])

    def copied(self, block: int) -> int:
        own = self.take()
        self.copy_content(block, own)
        self.leave(block)
        return own

    def copy_content(self, source: int, target: int) -> None:
        self.keys[target], self.values[target] = self.keys[source], self.values[source]

    def take(self) -> int:
        block = self.counts.index(0)
        self.counts[block] = 1
        return block

    def leave(self, block: int) -> None:
        self.counts[block] -= 1

    def write(self, table: list[int], length: int, k: Tensor, v: Tensor) -> None:
        t = torch.arange(length, length + k.shape[1])
        self.put(torch.tensor(table)[t // self.block_size], t % self.block_size, k, v)

    def put(self, block: Tensor, place: Tensor, k: Tensor, v: Tensor) -> None:
        self.keys[block, place], self.values[block, place] = k.transpose(0, 1), v.transpose(0, 1)

    def fork(self, source: Hashable, target: Hashable) -> None:
        refuse_if(target in self.tables)
        self.share(source, target)

    def share(self, source: Hashable, target: Hashable) -> None:
        self.tables[target], self.lengths[target] = list(self.tables[source]), self.lengths[source]
        for block in self.tables[target]:
            self.counts[block] += 1

    def free(self, text: Hashable) -> None:
        del self.lengths[text]
        for block in self.tables.pop(text):
            self.leave(block)

    def gather(self, text: Hashable) -> tuple[Tensor, Tensor]:
        return self.read(self.keys, text), self.read(self.values, text)

    def read(self, store: Tensor, text: Hashable) -> Tensor:
        return self.places(store, text).transpose(0, 1)

    def places(self, store: Tensor, text: Hashable) -> Tensor:
        """The tokens of a text (S, G, K)."""
        return store[self.tables[text]].flatten(0, 1)[: self.lengths[text]]

    def table(self, text: Hashable) -> list[int]:
        return list(self.tables[text])

    def ref_counts(self) -> list[int]:
        return list(self.counts)


def refuse_if(refused: bool) -> None:
    if refused:
        raise ValueError("no room, or a name in use")


# copy on write


@replaces("PagedCache")
class NoCopyOnWrite(Cache):
    """A text writes into a block that is in another table as well. Who else reads the block that you wrote into?"""

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return False


@replaces("PagedCache", lost=["keys", "values", "keys and values"])
class CopiesNothing(Cache):
    """After the first write the fork has lost the {lost} at the beginning of its last block. What should be in the new
    block before you write into it?"""

    lost: str

    def copy_content(self, source: int, target: int) -> None:
        if "keys" not in self.lost:
            self.keys[target] = self.keys[source]
        if "values" not in self.lost:
            self.values[target] = self.values[source]


@replaces("PagedCache")
class OldBlockNeverLeft(Cache):
    """Blocks get lost: a block is in one table and counts two. Which table did the text leave when it copied?"""

    def copied(self, block: int) -> int:
        own = self.take()
        self.copy_content(block, own)
        return own


@replaces("PagedCache")
class OldBlockFreed(Cache):
    """When a text leaves a shared block you mark that block as free, and the next append gives it away. In how many
    tables is it still?"""

    def copied(self, block: int) -> int:
        own = super().copied(block)
        self.counts[block] = 0
        return own


@replaces("PagedCache")
class CopiesFullBlocks(Cache):
    """You copied a block into which nothing will ever be written. Into which block does the next token go if the last
    one is full?"""

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return length > 0 and self.counts[table[-1]] > 1


@replaces("PagedCache")
class CopiesTheWholeTable(Cache):
    """Your text gets its own copy of all of its blocks as soon as it writes. Into which of them does it write, and
    which can stay shared?"""

    def check_room(self, new_blocks: int, copy: bool, length: int, T: int) -> None:
        refuse_if(new_blocks > self.counts.count(0))

    def copy_last(self, table: list[int]) -> None:
        table[:] = [self.copied(block) if self.counts[block] > 1 else block for block in table]


@replaces("PagedCache")
class CopiesForTwoOnly(Cache):
    """You copy a block that is in exactly two tables, and write into one that is in three. In how many tables may a
    block be when it is written to?"""

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return length % self.block_size > 0 and self.counts[table[-1]] == 2


@replaces("PagedCache")
class CopiesItsOwnBlock(Cache):
    """You copy the last block although no other table has it. Who would be disturbed if you wrote in place?"""

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return length % self.block_size > 0


class WithForks(Cache):
    """Remembers which texts were made by fork, and of which."""

    def __init__(self, num_blocks: int, block_size: int, num_heads: int, head_dim: int) -> None:
        super().__init__(num_blocks, block_size, num_heads, head_dim)
        self.sources: set[Hashable] = set()
        self.targets: set[Hashable] = set()

    def share(self, source: Hashable, target: Hashable) -> None:
        super().share(source, target)
        self.sources.add(source)
        self.targets.add(target)


@replaces("PagedCache", of=["target", "source"])
class OnlyOneOfTheTwoCopies(WithForks):
    """Only the {of} of a fork copies a shared block, the other text writes into it. Does a block know which of its
    texts came first?"""

    of: str

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        copies = self.targets if self.of == "target" else self.sources
        return text in copies and super().needs_copy(text, table, length)


@replaces("PagedCache")
class CopiesAfterEveryFork(WithForks):
    """A text that was forked once copies its last block at every append. How can you tell that the block is no longer
    in another table?"""

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return length % self.block_size > 0 and text in self.sources | self.targets


# fork


@replaces("PagedCache", blocks=["all blocks", "the last block, if it has room"])
class ForkCopies(Cache):
    """Your fork copies {blocks}. When does a copy become necessary, and what if the new text never writes?"""

    blocks: str

    def share(self, source: Hashable, target: Hashable) -> None:
        super().share(source, target)
        table = self.tables[target]
        if self.blocks == "all blocks":
            table[:] = [self.copied(block) for block in table]
        elif self.lengths[target] % self.block_size:
            self.copy_last(table)


@replaces("PagedCache")
class ForkSharesTheList(Cache):
    """Two texts have the same list as their table. What happens to the second when the first gets a block?"""

    def share(self, source: Hashable, target: Hashable) -> None:
        super().share(source, target)
        self.tables[target] = self.tables[source]


@replaces("PagedCache", counted=["no block", "the first block only", "the last block only"])
class ForkDoesNotCount(Cache):
    """After a fork your counts have gone up for {counted}. In how many tables is each block of the source now?"""

    counted: str

    def share(self, source: Hashable, target: Hashable) -> None:
        self.tables[target], self.lengths[target] = list(self.tables[source]), self.lengths[source]
        some = {"no block": [], "the first block only": self.tables[target][:1]}
        for block in some.get(self.counted, self.tables[target][-1:]):
            self.counts[block] += 1


@replaces("PagedCache", length=["0", "all places of its blocks"])
class ForkWithoutLength(Cache):
    """The new text has the length {length}. How many tokens does the source have, and where does the next one of the
    new text go?"""

    length: str

    def share(self, source: Hashable, target: Hashable) -> None:
        super().share(source, target)
        self.lengths[target] = 0 if self.length == "0" else len(self.tables[target]) * self.block_size


@replaces("PagedCache", old=["lost", "freed", "kept"])
class ForkOntoNameInUse(Cache):
    """The name was in use, and your fork raises nothing. What becomes of the text that had it, and which exception does
    the docstring promise?"""

    old: str

    def fork(self, source: Hashable, target: Hashable) -> None:
        if self.old == "freed" and target in self.tables and source != target:
            self.free(target)
        if self.old != "kept" or target not in self.tables:
            self.share(source, target)


@replaces("PagedCache")
class ForkOntoItself(Cache):
    """A text may not be forked onto its own name: there is a text of this name already. What happens to its counts?"""

    def fork(self, source: Hashable, target: Hashable) -> None:
        refuse_if(target in self.tables and target != source)
        self.share(source, target)


# free


@replaces("PagedCache")
class FreeWithoutCounts(Cache):
    """You gave back blocks that other texts read. When is a block of a forgotten text free?"""

    def free(self, text: Hashable) -> None:
        del self.lengths[text]
        for block in self.tables.pop(text):
            self.counts[block] = 0


@replaces("PagedCache")
class FreeForgetsBlocks(Cache):
    """The store fills up although no text is left. What has to happen to the counts when a text is forgotten?"""

    def free(self, text: Hashable) -> None:
        del self.lengths[text], self.tables[text]


@replaces("PagedCache")
class FreeKeepsLength(Cache):
    """A new text with the name of a forgotten one does not begin at place 0. What else did you store under this name,
    besides its table?"""

    def free(self, text: Hashable) -> None:
        for block in self.tables.pop(text):
            self.leave(block)

    def new_blocks(self, table: list[int], length: int, T: int) -> int:
        return max(super().new_blocks(table, length, T), 1 - len(table))

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return bool(table) and super().needs_copy(text, table, length)


@replaces("PagedCache")
class FreeKeepsName(Cache):
    """The name of a forgotten text cannot be used for a fork. May a text without tokens stay in your tables?"""

    def free(self, text: Hashable) -> None:
        for block in self.tables[text]:
            self.leave(block)
        self.tables[text], self.lengths[text] = [], 0


@replaces("PagedCache")
class FreeErases(Cache):
    """You erase the blocks of a forgotten text, and other texts still read some of them. Does a free block have to be
    empty?"""

    def free(self, text: Hashable) -> None:
        self.keys[self.tables[text]] = 0.0
        self.values[self.tables[text]] = 0.0
        super().free(text)


# no room


@replaces("PagedCache", changed=["the tokens that fit were written", "the table has grown"])
class HalfDone(Cache):
    """The store was full, and part of the append happened all the same: {changed}. When can you know how many blocks
    are needed?"""

    changed: str

    def append(self, text: Hashable, k: Tensor, v: Tensor) -> None:
        pieces = [slice(t, t + 1) for t in range(k.shape[1])] if "tokens" in self.changed else [slice(None)]
        for piece in pieces:
            super().append(text, k[:, piece], v[:, piece])

    def check_room(self, new_blocks: int, copy: bool, length: int, T: int) -> None:
        if "tokens" in self.changed:
            super().check_room(new_blocks, copy, length, T)


@replaces("PagedCache")
class CopyNotCounted(Cache):
    """Your copy is made, and then there is no block left for the new tokens. How many blocks does this append need, the
    copy included?"""

    def check_room(self, new_blocks: int, copy: bool, length: int, T: int) -> None:
        refuse_if(new_blocks > self.counts.count(0))


@replaces("PagedCache")
class NewNameStays(Cache):
    """The new text did not fit, but its name is taken. What did you enter before you knew that there was room?"""

    def append(self, text: Hashable, k: Tensor, v: Tensor) -> None:
        self.tables.setdefault(text, [])
        self.lengths.setdefault(text, 0)
        super().append(text, k, v)


@replaces("PagedCache", rule=["one block has to stay free", "every append has to have room for a copy"])
class TooCareful(Cache):
    """You refuse an append that fits ({rule}). How many blocks does this append need, and how many are free?"""

    rule: str

    def check_room(self, new_blocks: int, copy: bool, length: int, T: int) -> None:
        left = self.counts.count(0) - new_blocks - copy
        refuse_if(left < (1 if self.rule == "one block has to stay free" else length > 0 and not copy))


@replaces("PagedCache")
class RoomOfTheLastBlock(Cache):
    """You compare all new tokens with the room in free blocks. Where can some of them go without a new block?"""

    def check_room(self, new_blocks: int, copy: bool, length: int, T: int) -> None:
        super().check_room(new_blocks, copy, length, T)
        refuse_if(self.counts.count(0) * self.block_size < T)


# which blocks, and which places


@replaces("PagedCache")
class OneBlockTooMany(Cache):
    """A text of exactly two blocks has three. When is the next block needed?"""

    def new_blocks(self, table: list[int], length: int, T: int) -> int:
        return (length + T) // self.block_size + 1 - len(table)


@replaces("PagedCache")
class OneBlockForEachAppend(Cache):
    """Each of your appends begins a new block. What is in the places behind the last token of the block before it?"""

    def needs_copy(self, text: Hashable, table: list[int], length: int) -> bool:
        return False

    def new_blocks(self, table: list[int], length: int, T: int) -> int:
        return math.ceil(T / self.block_size)

    def write(self, table: list[int], length: int, k: Tensor, v: Tensor) -> None:
        T = k.shape[1]
        super().write(table[-math.ceil(T / self.block_size) :], 0, k, v)
        self.filled = getattr(self, "filled", {})
        self.filled |= dict.fromkeys(table[-math.ceil(T / self.block_size) :], self.block_size)
        self.filled[table[-1]] = (T - 1) % self.block_size + 1

    def places(self, store: Tensor, text: Hashable) -> Tensor:
        return torch.cat([store[block, : self.filled[block]] for block in self.tables[text]])


@replaces("PagedCache")
class PlacesFromZero(Cache):
    """Each piece is written from place 0 of the text's last block, over what was there. Which token of the text is the
    first one of a piece?"""

    def write(self, table: list[int], length: int, k: Tensor, v: Tensor) -> None:
        t = torch.arange(k.shape[1])
        used = length // self.block_size
        table = [*table[used:], *table[:1]]
        self.put(torch.tensor(table)[t // self.block_size], t % self.block_size, k, v)


@replaces("PagedCache")
class OneTensorPerText(Cache):
    """The table says block 2, place 0, and in keys there is something else. Where do the tokens lie?"""

    def put(self, block: Tensor, place: Tensor, k: Tensor, v: Tensor) -> None:
        self.hidden = getattr(self, "hidden", (self.keys.clone(), self.values.clone()))
        for store, new in zip(self.hidden, (k, v), strict=True):
            store[block, place] = new.transpose(0, 1)

    def copy_content(self, source: int, target: int) -> None:
        for store in self.hidden:
            store[target] = store[source]

    def gather(self, text: Hashable) -> tuple[Tensor, Tensor]:
        return self.read(self.hidden[0], text), self.read(self.hidden[1], text)


@replaces("PagedCache")
class HeadsBeforePlaces(Cache):
    """In your store the heads come before the places of a block. In which order are the axes of keys and values?"""

    def __init__(self, num_blocks: int, block_size: int, num_heads: int, head_dim: int) -> None:
        super().__init__(num_blocks, block_size, num_heads, head_dim)
        self.keys, self.values = self.keys.transpose(1, 2).clone(), self.values.transpose(1, 2).clone()

    def put(self, block: Tensor, place: Tensor, k: Tensor, v: Tensor) -> None:
        self.keys[block, :, place], self.values[block, :, place] = k.transpose(0, 1), v.transpose(0, 1)

    def places(self, store: Tensor, text: Hashable) -> Tensor:
        return super().places(store.transpose(1, 2), text)


@replaces("PagedCache")
class NamesAsStrings(Cache):
    """The texts 0 and "0" are one text in your cache. What can be a name, besides a string?"""

    def append(self, text: Hashable, k: Tensor, v: Tensor) -> None:
        super().append(str(text), k, v)

    def share(self, source: Hashable, target: Hashable) -> None:
        super().share(str(source), str(target))

    def fork(self, source: Hashable, target: Hashable) -> None:
        refuse_if(str(target) in self.tables)
        self.share(source, target)

    def free(self, text: Hashable) -> None:
        super().free(str(text))

    def places(self, store: Tensor, text: Hashable) -> Tensor:
        return super().places(store, str(text))

    def table(self, text: Hashable) -> list[int]:
        return super().table(str(text))


@replaces("PagedCache")
class AlwaysFloat32(Cache):
    """Your store is float32 whatever the default dtype is. What does `torch.zeros` use if you name no dtype?"""

    def __init__(self, num_blocks: int, block_size: int, num_heads: int, head_dim: int) -> None:
        super().__init__(num_blocks, block_size, num_heads, head_dim)
        self.keys, self.values = self.keys.float(), self.values.float()

    def put(self, block: Tensor, place: Tensor, k: Tensor, v: Tensor) -> None:
        super().put(block, place, k.float(), v.float())


# what is read


@replaces("PagedCache")
class GathersWholeBlocks(Cache):
    """Your text has more tokens than were appended. How many places of its last block are filled?"""

    def places(self, store: Tensor, text: Hashable) -> Tensor:
        return store[self.tables[text]].flatten(0, 1)


@replaces("PagedCache")
class InTheOrderOfTheStore(Cache):
    """You read the blocks in the order of their numbers. Which block of the text comes first if its table is
    [3, 0]?"""

    def places(self, store: Tensor, text: Hashable) -> Tensor:
        return store[sorted(self.tables[text])].flatten(0, 1)[: self.lengths[text]]


@replaces("PagedCache")
class WithoutTheTable(Cache):
    """You read the blocks that follow the text's first block in the store. Does its second block have to be next to
    it?"""

    def places(self, store: Tensor, text: Hashable) -> Tensor:
        return store[self.tables[text][0] :].flatten(0, 1)[: self.lengths[text]]


@replaces("PagedCache", how=["as they are stored, tokens first", "by reshape, which mixes tokens and heads"])
class HeadsNotMoved(Cache):
    """Your keys and values come {how}. Which axis of (S, G, K) has to move to the front, and does reshape move
    anything?"""

    how: str

    def read(self, store: Tensor, text: Hashable) -> Tensor:
        places = self.places(store, text)
        if self.how.startswith("as"):
            return places
        S, G, K = places.shape
        return places.reshape(G, S, K)


@replaces("PagedCache", given=["the keys twice", "the values first"])
class KeysForValues(Cache):
    """gather returns {given}. What does its docstring name first, and what second?"""

    given: str

    def gather(self, text: Hashable) -> tuple[Tensor, Tensor]:
        k, v = super().gather(text)
        return (k, k) if self.given == "the keys twice" else (v, k)


@replaces("PagedCache", what=["the tokens in each block", "1 for each block in use", "only the blocks in use"])
class OtherCounts(Cache):
    """ref_counts should say in how many tables each block is, 0 if in none. Yours has {what}. What would a fork of a
    text change in it?"""

    what: str

    def ref_counts(self) -> list[int]:
        if self.what == "1 for each block in use":
            return [min(n, 1) for n in self.counts]
        if self.what == "only the blocks in use":
            return [n for n in self.counts if n]
        filled = [0] * len(self.counts)
        for text, table in self.tables.items():
            for i, block in enumerate(table):
                filled[block] = max(filled[block], min(self.lengths[text] - i * self.block_size, self.block_size))
        return filled
