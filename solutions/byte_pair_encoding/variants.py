"""Right solutions in other styles. None of them may lose a point."""

import codecs
import heapq
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
from byte_pair_encoding import encode

from grader.testing import replaces


@replaces("learn_merges")
def characters(counts: dict[str, int], num_merges: int) -> list[tuple[int, int]]:
    """a token is a character, and str.replace joins"""
    words = Counter({word.encode().decode("latin-1"): n for word, n in counts.items()})
    merges = []
    for new in range(256, 256 + num_merges):
        pairs = Counter()
        for word, n in words.items():
            for left, right in pairwise(word):
                pairs[left + right] += n
        if not pairs:
            break
        best = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[0][0]
        words = Counter({word.replace(best, chr(new)): n for word, n in words.items()})
        merges.append((ord(best[0]), ord(best[1])))
    return merges


@replaces("learn_merges")
def running_counts(counts: dict[str, int], num_merges: int) -> list[tuple[int, int]]:
    """counts that are kept up to date, only where the pair stands"""
    words = [list(word.encode()) for word in counts]
    often = list(counts.values())
    pairs, places = Counter(), defaultdict(set)
    merges = []

    def tally(w: int, sign: int) -> None:
        for pair in zip(words[w], words[w][1:], strict=False):
            pairs[pair] += sign * often[w]
            places[pair].add(w)

    for w in range(len(words)):
        tally(w, 1)
    while len(merges) < num_merges:
        best = max(pairs, key=lambda pair: (pairs[pair], -pair[0], -pair[1]), default=None)
        if best is None or pairs[best] == 0:
            return merges
        for w in places.pop(best):
            tally(w, -1)
            ids, i = words[w], 0
            while i < len(ids) - 1:
                if ids[i] == best[0] and ids[i + 1] == best[1]:
                    ids[i : i + 2] = [256 + len(merges)]
                i += 1
            tally(w, 1)
        merges.append(best)
    return merges


@replaces("learn_merges")
def numpy_unique(counts: dict[str, int], num_merges: int) -> list[list[int]]:
    """one array for all words, each written out as often as it occurs, with −1 between them"""
    text = [byte for word, n in counts.items() for _ in range(n) for byte in (*word.encode(), -1)]
    ids = np.array(text, dtype=np.int64)
    merges = []
    for new in range(256, 256 + num_merges):
        pairs = np.stack([ids[:-1], ids[1:]], axis=1)
        found, number = np.unique(pairs[(pairs >= 0).all(axis=1)], axis=0, return_counts=True)
        if len(found) == 0:
            break
        best = found[number.argmax()]  # sorted, so the first of the largest is the smallest pair
        joined, skip = [], False
        for i, here in enumerate(ids):
            if skip:
                skip = False
            elif i + 1 < len(ids) and here == best[0] and ids[i + 1] == best[1]:
                joined.append(new)
                skip = True
            else:
                joined.append(int(here))
        ids = np.array(joined, dtype=np.int64)
        merges.append(best.tolist())
    return merges


@replaces("encode")
def merge_after_merge(word: str, merges: list[tuple[int, int]]) -> list[int]:
    """one pass over the merges, each of them by str.replace"""
    tokens = word.encode().decode("latin-1")
    for i, (left, right) in enumerate(merges):
        tokens = tokens.replace(chr(left) + chr(right), chr(256 + i))
    return [ord(token) for token in tokens]


@replaces("encode")
def heap(word: str, merges: list[tuple[int, int]]) -> list[int]:
    """a heap of (rank, place) over a linked list"""
    rank = {pair: i for i, pair in enumerate(merges)}
    ids = list(word.encode())
    after, before = [*range(1, len(ids) + 1)], [*range(-1, len(ids) - 1)]
    queue = []

    def offer(i: int) -> None:
        if i >= 0 and after[i] < len(ids) and (ids[i], ids[after[i]]) in rank:
            heapq.heappush(queue, (rank[ids[i], ids[after[i]]], i))

    for i in range(len(ids)):
        offer(i)
    while queue:
        best, i = heapq.heappop(queue)
        if ids[i] is None or after[i] >= len(ids) or rank.get((ids[i], ids[after[i]])) != best:
            continue
        gone = after[i]
        ids[i], ids[gone], after[i] = 256 + best, None, after[gone]
        if after[i] < len(ids):
            before[after[i]] = i
        offer(before[i])
        offer(i)
    return [i for i in ids if i is not None]


@replaces("encode")
def one_place_at_a_time(word: str, merges: list[tuple[int, int]]) -> tuple[int, ...]:
    """recursion that joins one pair, the leftmost of the lowest rank; a tuple instead of a list"""

    def joined(ids: tuple[int, ...]) -> tuple[int, ...]:
        fitting = [(merges.index(ids[i : i + 2]), i) for i in range(len(ids) - 1) if ids[i : i + 2] in merges]
        if not fitting:
            return ids
        rank, i = min(fitting)
        return joined((*ids[:i], 256 + rank, *ids[i + 2 :]))

    return joined(tuple(word.encode()))


@replaces("decode")
def recursion(ids: list[int], merges: list[tuple[int, int]]) -> str:
    """a token is spelled by spelling its halves"""

    def spell(i: int) -> bytes:
        if i < 256:
            return bytes([i])  # a ValueError below 0
        if i - 256 >= len(merges):
            raise ValueError(i)
        left, right = merges[i - 256]
        return spell(left) + spell(right)

    return str(b"".join(map(spell, ids)), "utf-8", "replace")


@replaces("decode")
def unmerged(ids: list[int], merges: list[tuple[int, int]]) -> str:
    """the last merge is taken apart first, until only bytes are left"""
    if any(i not in range(256 + len(merges)) for i in ids):
        raise ValueError("ids")
    flat = list(ids)
    for new in reversed(range(256, 256 + len(merges))):
        flat = [part for i in flat for part in (merges[new - 256] if i == new else (i,))]
    return np.array(flat, dtype=np.uint8).tobytes().decode(errors="replace")


@replaces("decode")
def stream(ids: list[int], merges: list[tuple[int, int]]) -> str:
    """token by token, with a decoder that keeps what is not finished"""
    tokens = {i: bytes([i]) for i in range(256)}
    for i, (left, right) in enumerate(merges, start=256):
        tokens[i] = tokens[left] + tokens[right]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = ""
    for i in ids:
        if i not in tokens:
            raise ValueError(i)
        text += decoder.decode(tokens[i])
    return text + decoder.decode(b"", final=True)


@replaces("bytes_per_token")
def numpy_dot(counts: dict[str, int], merges: list[tuple[int, int]]) -> float:
    """two products of vectors in NumPy"""
    often = np.array(list(counts.values()))
    num_bytes = np.array([len(word.encode()) for word in counts])
    num_tokens = np.array([len(encode(word, merges)) for word in counts])
    return float(often @ num_bytes / (often @ num_tokens))


@replaces("bytes_per_token")
def written_out(counts: dict[str, int], merges: list[tuple[int, int]]) -> float:
    """every word as often as it occurs, and an exact fraction"""
    words = [word for word, n in counts.items() for _ in range(n)]
    return float(Fraction(sum(len(w.encode()) for w in words), sum(len(encode(w, merges)) for w in words)))


@replaces("bytes_per_token")
def weighted_mean(counts: dict[str, int], merges: list[tuple[int, int]]) -> float:
    """a mean over tokens of the bytes of their words"""
    share = [
        (n * len(encode(word, merges)), len(word.encode()) / len(encode(word, merges))) for word, n in counts.items()
    ]
    return sum(tokens * ratio for tokens, ratio in share) / sum(tokens for tokens, _ in share)
