"""One tensor for each text, and tables of blocks that are never used twice. Which free block is taken is not compared,
only which texts have blocks in common."""

from itertools import combinations, count

import pytest
import test_public
import torch

from grader.testing import assert_equal, needs, points

G, K = 2, 3


def numbered(first, T):
    """Keys (G, T, K) of tokens with the numbers first, first + 1, ...: token 7 has 7.00, 7.01, 7.02 and 7.10, ..."""
    number = torch.arange(first, first + T).view(1, T, 1)
    return number + (10 * torch.arange(G).view(G, 1, 1) + torch.arange(K)) / 100


class Life:
    """A cache, and what should be in it. Both are compared after each step."""

    def __init__(self, submission, num_blocks, block_size):
        self.cache = submission.PagedCache(num_blocks, block_size, G, K)
        self.num_blocks, self.block_size = num_blocks, block_size
        self.keys = {}  # (G, S, K) by the name of the text; a value is its key with the other sign
        self.tables = {}  # by the name of the text, of blocks from an endless store
        self.next_block, self.next_token = count(), 1

    def append(self, text, T):
        k = numbered(self.next_token, T)
        self.next_token += T
        table = self.table_after(text, T)
        if self.fits(table):
            self.cache.append(text, k, -k)
            self.keys[text] = torch.cat([self.keys[text], k], dim=1) if text in self.keys else k
            self.tables[text] = table
        else:
            with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
                self.cache.append(text, k, -k)
        self.compare()

    def table_after(self, text, T):
        """The table of the text if T tokens are appended one by one."""
        table = list(self.tables.get(text, []))
        S = self.keys[text].shape[1] if text in self.keys else 0
        others = {block for name, blocks in self.tables.items() if name != text for block in blocks}
        for t in range(S, S + T):
            if t % self.block_size == 0:
                table.append(next(self.next_block))
            elif table[-1] in others:
                table[-1] = next(self.next_block)
        return table

    def fits(self, table):
        return len({block for blocks in [*self.tables.values(), table] for block in blocks}) <= self.num_blocks

    def fork(self, source, target):
        if target in self.keys:
            with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
                self.cache.fork(source, target)
        else:
            self.cache.fork(source, target)
            self.keys[target], self.tables[target] = self.keys[source], list(self.tables[source])
        self.compare()

    def free(self, text):
        self.cache.free(text)
        del self.keys[text], self.tables[text]
        self.compare()

    def compare(self):
        self.compare_tokens()
        self.compare_blocks()

    def compare_tokens(self):
        for text, k in self.keys.items():
            assert_equal(self.cache.gather(text), (k, -k))

    def compare_blocks(self):
        """Tables have the right lengths and the right blocks in common, and the counts are those of the tables."""
        found = {text: self.table(text) for text in self.tables}
        for text, table in self.tables.items():
            assert_equal(len(found[text]), len(table), name=f"number of blocks of {text!r}")
        for a, b in combinations(self.tables, 2):
            tables = f"the tables are {found[a]} and {found[b]}."
            for i, (x, y) in enumerate(zip(self.tables[a], self.tables[b], strict=False)):
                shared = found[a][i] == found[b][i]
                assert shared or x != y, f"Block {i} of {a!r} and {b!r} should be the same, and {tables}"
                assert not shared or x == y, f"Block {i} of {a!r} and {b!r} should be two blocks, and {tables}"
        blocks = [block for table in found.values() for block in table]
        outside = set(blocks) - set(range(self.num_blocks))
        assert not outside, (
            f"A table has the block {min(outside)}, and there are the blocks 0 to {self.num_blocks - 1}."
        )
        assert_equal(self.cache.ref_counts(), [blocks.count(block) for block in range(self.num_blocks)])

    def compare_store(self):
        """Token t of a text is in block table[t // block_size], at place t % block_size."""
        keys, values = self.cache.keys, self.cache.values
        shape = (self.num_blocks, self.block_size, G, K)
        assert_equal(tuple(keys.shape), shape, name="shape of the keys' store")
        assert_equal(tuple(values.shape), shape, name="shape of the values' store")
        for text, k in self.keys.items():
            table = self.table(text)
            places = [(table[t // self.block_size], t % self.block_size) for t in range(k.shape[1])]
            stored = torch.stack([keys[place] for place in places], dim=1)
            assert_equal(stored, k, name=f"keys of {text!r} in the store, by its table")
            stored = torch.stack([values[place] for place in places], dim=1)
            assert_equal(stored, -k, name=f"values of {text!r} in the store, by its table")

    def table(self, text):
        table = self.cache.table(text)
        assert isinstance(table, list | tuple), f"table returns a list of block numbers, not {table!r}."
        assert all(isinstance(block, int) for block in table), f"table returns a list of whole numbers, not {table!r}."
        return list(table)


@points(3)
def test_one_text(submission):
    """one text in pieces, blocks of 1, 2, 4 and 7"""
    for block_size in (4, 2, 7, 1):
        life = Life(submission, -(-30 // block_size), block_size)
        for T in (1, 1, 2, block_size, 2 * block_size + 1, 1):
            life.append("a", T)
            assert_equal(sum(life.cache.ref_counts()), len(life.tables["a"]), name="sum of the counts")
        whole = Life(submission, 3, block_size)
        whole.append("a", 3 * block_size)  # exactly full


@points(2)
@needs(test_one_text)
def test_store(submission):
    """each token is where the table of its text says"""
    for block_size in (3, 1, 5):
        life = Life(submission, 19, block_size)
        for text, T in (("a", 2), ("b", block_size), ("a", 2 * block_size), ("c", block_size + 1), ("b", 1), ("a", 1)):
            life.append(text, T)
            life.compare_store()


@points(3)
@needs(test_one_text)
def test_several_texts(submission):
    """texts that grow in turn, end and begin again"""
    for block_size in (4, 1, 3):
        life = Life(submission, 13, block_size)
        for text, T in (("a", 1), ("b", block_size), ("c", 2), ("a", block_size), ("b", 1), ("c", 2 * block_size)):
            life.append(text, T)
        life.free("b")
        life.append("d", 2 * block_size)
        life.append("b", 2)  # a new text of the same name
        life.free("a")
        life.append("c", 3)
        life.append("a", 1)
        life.compare_store()


@points(3)
@needs(test_public.test_example_tokens)
def test_copy_on_write(submission):
    """who writes into a shared block leaves it"""
    for writer, other in (("a", "b"), ("b", "a")):
        life = Life(submission, 7, block_size=4)
        life.append("a", 6)
        life.fork("a", "b")
        life.append(writer, 1)  # gets a copy of the second block
        life.append(other, 1)  # has the old one for itself now, and writes in place
        life.append(writer, 2)
        life.append(other, 5)
        life.compare_store()


@points(1)
@needs(test_copy_on_write)
def test_last_owner(submission):
    """who is left alone with a block writes in place"""
    life = Life(submission, 3, block_size=4)
    life.append("a", 6)
    life.fork("a", "b")
    life.append("b", 1)  # the third block
    life.append("a", 2)  # the store is full, but nothing is needed
    life.free("b")
    life.fork("a", "c")
    life.free("a")
    life.append("c", 3)  # a full block is followed by a new one
    life.fork("c", "d")
    life.free("c")
    life.append("d", 1)
    life.compare_store()


@points(2)
@needs(test_public.test_example_tokens)
def test_full_blocks(submission):
    """full blocks are never copied, a fork copies nothing"""
    for block_size in (1, 3):
        life = Life(submission, 4, block_size)
        life.append("a", 2 * block_size)
        life.fork("a", "b")
        life.append("a", 1)
        life.append("b", 1)  # now the store is full
        life.fork("a", "c")
        life.fork("c", "d")
        life.compare_store()


@points(2)
@needs(test_copy_on_write)
def test_family(submission):
    """four texts from one, which is forgotten first"""
    life = Life(submission, 12, block_size=3)
    life.append("a", 5)
    for target in ("b", "c", "d"):
        life.fork("a", target)
    life.append("c", 1)
    life.free("a")
    life.append("d", 4)
    life.fork("d", "a")
    life.append("b", 2)
    life.append("a", 1)
    life.append("d", 3)
    life.free("c")
    life.append("b", 1)
    life.compare_store()


@points(2)
@needs(test_one_text)
def test_no_room(submission):
    """too few free blocks: ValueError, nothing changed"""
    life = Life(submission, 3, block_size=4)
    life.append("a", 3)
    life.append("b", 1)
    for T in (6, 40):
        life.append("a", T)  # one block is free
    life.compare_store()
    life.append("a", 5)  # exactly what is free
    life.append("a", 1)
    life.append("b", 4)
    life.append("b", 3)  # its own block still has room
    life.compare_store()


@points(1)
@needs(test_copy_on_write)
def test_no_room_for_a_copy(submission):
    """the copy needs a free block as well"""
    life = Life(submission, 3, block_size=4)
    life.append("a", 7)
    life.fork("a", "b")
    life.append("b", 2)  # a copy and one block more
    life.compare_store()
    life.append("b", 1)  # the copy takes the last free block
    life.append("a", 1)
    life.fork("b", "c")
    life.append("c", 1)  # b is full
    life.free("a")
    life.append("c", 1)
    life.fork("c", "d")
    life.append("d", 1)
    life.compare_store()
    life.free("c")
    life.append("d", 1)


@points(1)
@needs(test_no_room)
def test_no_room_for_a_new_text(submission):
    """a text that did not fit is not there"""
    life = Life(submission, 2, block_size=3)
    life.append("a", 2)
    life.append("b", 4)
    life.fork("a", "b")  # its name is not taken
    life.free("b")
    life.append("b", 5)
    life.append("b", 2)
    life.append("a", 2)
    life.compare_store()


@points(1)
@needs(test_public.test_example_tokens)
def test_name_in_use(submission):
    """a fork onto a text: ValueError, nothing changed"""
    life = Life(submission, 5, block_size=2)
    life.append("a", 3)
    life.append("b", 1)
    life.fork("a", "b")
    life.fork("a", "a")
    life.fork("a", "c")
    life.fork("b", "c")
    life.free("b")
    life.fork("a", "b")


@points(1)
@needs(test_several_texts, test_full_blocks)
def test_all_freed(submission):
    """after all is freed the whole store can be used"""
    for block_size in (3, 1):
        life = Life(submission, 5, block_size)
        for _ in range(3):
            life.append("a", 2 * block_size)
            life.fork("a", "b")
            life.append("b", block_size + 1)
            life.append("c", block_size)
            for text in ("a", "c", "b"):
                life.free(text)
            life.append("all", 5 * block_size)
            life.free("all")


@points(1)
@needs(test_one_text)
def test_names(submission):
    """names are strings, numbers, tuples, None"""
    life = Life(submission, 11, block_size=2)
    names = ["", 0, None, (), ("user", 7), "0", -1]
    for name in names:
        life.append(name, 1)
    for name in names:
        life.append(name, 1)
    life.fork(0, ("user", 8))
    life.fork(None, 3)
    life.fork(("user", 7), 0)  # in use
    life.append(None, 1)
    life.free("")
    life.append("", 1)


@points(1)
@needs(test_one_text)
def test_two_caches(submission):
    """two caches side by side, one in float64"""
    first = Life(submission, 4, block_size=3)
    torch.set_default_dtype(torch.float64)
    try:
        cache = submission.PagedCache(4, 2, G, K)
        k = numbered(1, 3).double() / 3
        cache.append("a", k, 2 * k)
        assert_equal(cache.keys.dtype, torch.float64, name="dtype of the keys' store")
        assert_equal(cache.values.dtype, torch.float64, name="dtype of the values' store")
        assert_equal(cache.gather("a"), (k, 2 * k))
    finally:
        torch.set_default_dtype(torch.float32)
    first.append("a", 4)
    second = Life(submission, 5, block_size=2)
    second.append("b", 3)
    first.append("b", 4)
    second.append("a", 4)
    for life in (first, second):
        life.compare()
        life.compare_store()


@points(8)
@needs(test_several_texts, test_copy_on_write, test_full_blocks, test_no_room)
def test_random_lives(submission, rng):
    """random lives of up to five texts in a small store"""
    for block_size in (2, 1, 4, 7):
        life = Life(submission, 8, block_size)
        names, lengths = ["a", "b", "c", "d", "e"], [1, 1, 1, 1, 2, 2, block_size, 2 * block_size + 1]
        for _ in range(40):
            first, second = (names[i] for i in rng.randperm(len(names))[:2].tolist())
            step, length = rng.randint(0, 24, (2,)).tolist()
            if step < 12 and first in life.keys and second not in life.keys:
                life.fork(first, second)
            elif step < 15 and first in life.keys:
                life.free(first)
            else:
                life.append(first, lengths[length % len(lengths)])
        life.compare_store()
