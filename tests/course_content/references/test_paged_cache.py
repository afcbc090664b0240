"""The reference of paged_cache against one tensor for each text, whose blocks are sets of owners, and attention."""

import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.solutions import close, reference

G, K = 2, 5


class Block:
    """A block somewhere: how many of its places are filled, and whose it is."""

    def __init__(self, owner: str, filled: int = 0):
        self.filled, self.owners = filled, {owner}


class Texts:
    """What a cache should hold: one tensor for each text, and its blocks as objects."""

    def __init__(self, num_blocks: int, block_size: int):
        self.num_blocks, self.block_size = num_blocks, block_size
        self.tokens: dict[str, Tensor] = {}  # (2, G, S, K): keys and values
        self.blocks: dict[str, list[Block]] = {}

    def in_use(self) -> list[Block]:
        return list({id(block): block for blocks in self.blocks.values() for block in blocks}.values())

    def append(self, text: str, new: Tensor) -> bool:
        """Append tokens, and return whether there was room for them."""
        mine = self.blocks.get(text, [])
        last = mine[-1] if mine and mine[-1].filled < self.block_size else None
        room = self.block_size - last.filled if last else 0
        moves = last is not None and last.owners != {text}
        more = -(-max(new.shape[2] - room, 0) // self.block_size)
        if len(self.in_use()) + more + moves > self.num_blocks:
            return False
        if last and moves:
            last.owners.remove(text)
            mine[-1] = Block(text, last.filled)
        for _ in range(new.shape[2]):
            if not mine or mine[-1].filled == self.block_size:
                mine.append(Block(text))
            mine[-1].filled += 1
        self.blocks[text] = mine
        self.tokens[text] = torch.cat([self.tokens[text], new], dim=2) if text in self.tokens else new
        return True

    def fork(self, source: str, target: str) -> bool:
        if target in self.blocks:
            return False
        self.tokens[target], self.blocks[target] = self.tokens[source], list(self.blocks[source])
        for block in self.blocks[target]:
            block.owners.add(target)
        return True

    def free(self, text: str) -> None:
        del self.tokens[text]
        for block in self.blocks.pop(text):
            block.owners.remove(text)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend with one query for each head to all tokens of a text."""
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]


def attend_by_table(q: Tensor, cache: Any, table: list[int], length: int) -> Tensor:
    """Attend to the blocks in the store, one after another, as a kernel for paged attention reads them."""
    weights, sums, left = torch.zeros(G, 1, 1), torch.zeros(G, 1, K), length
    for block in table:
        filled = min(left, cache.keys.shape[1])
        scores = q @ cache.keys[block, :filled].permute(1, 2, 0) / K**0.5  # (G, 1, filled)
        weights = weights + scores.exp().sum(-1, keepdim=True)
        sums = sums + scores.exp() @ cache.values[block, :filled].transpose(0, 1)
        left -= filled
    assert left == 0
    return sums / weights


def assert_same(cache: Any, texts: Texts, q: Tensor) -> None:
    places: dict[int, Block] = {}
    for text, blocks in texts.blocks.items():
        k, v = cache.gather(text)
        assert torch.equal(torch.stack([k, v]), texts.tokens[text])
        table = cache.table(text)
        assert len(table) == len(blocks)
        for number, block in zip(table, blocks, strict=True):
            assert places.setdefault(number, block) is block
        expected = attend(q, *texts.tokens[text])
        assert close(attend(q, k, v), expected, atol=1e-6)
        assert close(attend_by_table(q, cache, table, k.shape[1]), expected, atol=1e-5)  # float32
    assert len(places) == len(texts.in_use())
    assert cache.ref_counts() == [len(places[i].owners) if i in places else 0 for i in range(texts.num_blocks)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("block_size", [1, 2, 3, 5, 16])
def test_lives_of_texts_are_those_of_one_tensor_each(block_size: int, seed: int, generator: torch.Generator) -> None:
    draw = random.Random(seed)
    cache = reference("paged_cache").PagedCache(12, block_size, G, K)
    texts = Texts(12, block_size)
    q = torch.randn(G, 1, K, generator=generator)
    seen = {"appended": 0, "no room": 0, "forked": 0, "in use": 0, "freed": 0}
    for _ in range(150):
        text, other = draw.sample("abcde", 2)
        step = draw.random()
        if step < 0.3 and text in texts.blocks:
            done = texts.fork(text, other)
            seen["forked" if done else "in use"] += 1
            if done:
                cache.fork(text, other)
            else:
                with pytest.raises(ValueError, match="already"):
                    cache.fork(text, other)
        elif step < 0.45 and text in texts.blocks:
            texts.free(text)
            cache.free(text)
            seen["freed"] += 1
        else:
            new = torch.randn(2, G, draw.choice([1, 1, 2, block_size, 2 * block_size + 1]), K, generator=generator)
            done = texts.append(text, new)
            seen["appended" if done else "no room"] += 1
            if done:
                cache.append(text, *new)
            else:
                with pytest.raises(ValueError, match="are free"):
                    cache.append(text, *new)
        assert_same(cache, texts, q)
    assert min(seen.values()) > 0


def test_what_was_returned_is_not_changed_by_later_calls() -> None:
    """Tests of a submission cannot see this, because results reach them as copies."""
    cache = reference("paged_cache").PagedCache(4, 2, G, K)
    new = torch.rand(G, 3, K)
    cache.append("a", new, -new)
    k, v = cache.gather("a")
    table, counts = cache.table("a"), cache.ref_counts()
    kept = k.clone(), v.clone(), list(table), list(counts)
    cache.free("a")
    cache.append("b", new + 1, new + 1)
    cache.fork("b", "c")
    cache.append("c", new, new)
    assert torch.equal(k, kept[0])
    assert torch.equal(v, kept[1])
    assert (table, counts) == kept[2:]


def test_eight_answers_to_one_prompt_take_118_blocks_in_place_of_552() -> None:
    """1000 tokens of a prompt and 100 of each answer, in blocks of 16: the numbers behind the question at the end."""

    def tokens(T: int) -> tuple[Tensor, Tensor]:
        return torch.rand(1, T, 1), torch.rand(1, T, 1)

    shared, alone = (reference("paged_cache").PagedCache(552, 16, 1, 1) for _ in range(2))
    shared.append(0, *tokens(1000))
    for i in range(1, 8):
        shared.fork(i - 1, i)
    for i in range(8):
        shared.append(i, *tokens(100))
        alone.append(i, *tokens(1100))
    assert sum(count > 0 for count in shared.ref_counts()) == 118
    assert sum(count > 0 for count in alone.ref_counts()) == 552
    assert shared.ref_counts().count(8) == 62
