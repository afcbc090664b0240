"""A key-value cache in blocks: texts of any length share one store, and texts that begin alike share its blocks."""

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
        raise NotImplementedError

    def append(self, text: Hashable, k: Tensor, v: Tensor) -> None:
        """Add T tokens at the end of a text. A name that is not in the cache begins a new text.

        text: its name. k, v: (G, T, K), T >= 1, in the default dtype. They are not changed.
        Raises: ValueError if more blocks are needed than are free. Then nothing has been changed.
        """
        raise NotImplementedError

    def fork(self, source: Hashable, target: Hashable) -> None:
        """Begin the text target with all tokens of the text source. No key is copied, and no free block is needed.

        Raises: ValueError if there is a text target already.
        """
        raise NotImplementedError

    def free(self, text: Hashable) -> None:
        """Forget a text, and with it those of its blocks that are in no other table. Its name may be used again."""
        raise NotImplementedError

    def gather(self, text: Hashable) -> tuple[Tensor, Tensor]:
        """Keys and values of a text in the order of its tokens, (G, S, K) each. Later calls do not change them."""
        raise NotImplementedError

    def table(self, text: Hashable) -> list[int]:
        """The numbers of the text's blocks, in the order of its tokens, as a new list."""
        raise NotImplementedError

    def ref_counts(self) -> list[int]:
        """For each of the num_blocks blocks, in how many tables it is."""
        raise NotImplementedError
