"""A key-value cache in blocks: texts of any length share one store, and texts that begin alike share its blocks."""

import math
from collections.abc import Hashable

import torch
from torch import Tensor


class PagedCache:
    """Keys and values of many texts, in a store of num_blocks blocks with room for block_size tokens each.

    Each text has a table, the list of its blocks: token t of the text lies in block table[t // block_size], at place
    t % block_size. A block belongs to as many tables as it occurs in; one that is in no table is free. So a text of S
    tokens has ⌈S / block_size⌉ blocks, and any free block will do for the next one.

    Two texts may have blocks in common (see fork). A token is never written into a block that is in two tables: before
    that, the text gets a free block with a copy of its content, and leaves the old one to the others (copy on write).

    num_blocks, block_size, num_heads, head_dim: 1 or more; num_heads is G, head_dim is K.
    Attributes: keys, values: (num_blocks, block_size, G, K), the store, in the default dtype. What lies at places that
        hold no token does not matter.

    >>> cache = PagedCache(num_blocks=4, block_size=2, num_heads=1, head_dim=1)
    >>> k = torch.arange(1.0, 4.0).view(1, 3, 1)
    >>> cache.append("a", k, 10 * k)  # two blocks, the second half full
    >>> cache.fork("a", "b")  # the same two
    >>> cache.append("b", k[:, :1], k[:, :1])  # the second one is copied, and written to
    >>> cache.gather("a")[0].flatten(), cache.gather("b")[0].flatten()
    (tensor([1., 2., 3.]), tensor([1., 2., 3., 1.]))
    >>> a, b = cache.table("a"), cache.table("b")
    >>> a[0] == b[0], a[1] == b[1], sorted(cache.ref_counts())
    (True, False, [0, 1, 1, 2])
    """

    def __init__(self, num_blocks: int, block_size: int, num_heads: int, head_dim: int) -> None:
        self.keys = torch.zeros(num_blocks, block_size, num_heads, head_dim)
        self.values = torch.zeros(num_blocks, block_size, num_heads, head_dim)
        self._block_size = block_size
        self._tables: dict[Hashable, list[int]] = {}
        self._lengths: dict[Hashable, int] = {}  # in tokens
        self._ref_counts = [0] * num_blocks

    def append(self, text: Hashable, k: Tensor, v: Tensor) -> None:
        """Add T tokens at the end of a text. A name that is not in the cache begins a new text.

        text: its name. k, v: (G, T, K), T >= 1, in the default dtype. They are not changed.
        Raises: ValueError if more blocks are needed than are free. Then nothing has been changed.
        """
        table, length = self._tables.get(text, []), self._lengths.get(text, 0)
        new_length = length + k.shape[1]
        into_shared = length % self._block_size > 0 and self._ref_counts[table[-1]] > 1  # by the first new token
        more_blocks = math.ceil(new_length / self._block_size) - len(table)
        if more_blocks + into_shared > self._ref_counts.count(0):
            raise ValueError(f"{more_blocks + into_shared} blocks are needed, {self._ref_counts.count(0)} are free")

        if into_shared:
            shared, own = table[-1], self._take_free_block()
            self.keys[own], self.values[own] = self.keys[shared], self.values[shared]
            self._ref_counts[shared] -= 1
            table[-1] = own
        for _ in range(more_blocks):
            table.append(self._take_free_block())

        t = torch.arange(length, new_length)  # (T,)
        block, place = torch.tensor(table)[t // self._block_size], t % self._block_size  # (T,) each
        self.keys[block, place] = k.transpose(0, 1)  # (T, G, K)
        self.values[block, place] = v.transpose(0, 1)  # (T, G, K)
        self._tables[text], self._lengths[text] = table, new_length

    def fork(self, source: Hashable, target: Hashable) -> None:
        """Begin the text target with all tokens of the text source. No key is copied, and no free block is needed.

        Raises: ValueError if there is a text target already.
        """
        if target in self._tables:
            raise ValueError(f"there is a text {target!r} already")
        self._tables[target], self._lengths[target] = self.table(source), self._lengths[source]
        for block in self._tables[target]:
            self._ref_counts[block] += 1

    def free(self, text: Hashable) -> None:
        """Forget a text, and with it those of its blocks that are in no other table. Its name may be used again."""
        for block in self._tables.pop(text):
            self._ref_counts[block] -= 1
        del self._lengths[text]

    def gather(self, text: Hashable) -> tuple[Tensor, Tensor]:
        """Keys and values of a text in the order of its tokens, (G, S, K) each. Later calls do not change them."""
        table, length = self._tables[text], self._lengths[text]
        k = self.keys[table].flatten(0, 1)[:length]  # (S, G, K)
        v = self.values[table].flatten(0, 1)[:length]  # (S, G, K)
        return k.transpose(0, 1), v.transpose(0, 1)

    def table(self, text: Hashable) -> list[int]:
        """The numbers of the text's blocks, in the order of its tokens, as a new list."""
        return list(self._tables[text])

    def ref_counts(self) -> list[int]:
        """For each of the num_blocks blocks, in how many tables it is."""
        return list(self._ref_counts)

    def _take_free_block(self) -> int:
        """Give any free block its first table."""
        block = self._ref_counts.index(0)
        self._ref_counts[block] = 1
        return block
