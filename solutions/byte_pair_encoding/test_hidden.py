"""Byte-pair encoding against the docstring word by word: a token is a character, and a merge is str.replace."""

from collections import Counter
from fractions import Fraction

import pytest

from grader.testing import assert_close, assert_equal, needs, points

ENGLISH = "the then there other mother bother smooth tooth low lower lowest slow new newer newest renew"
SCRIPTS = "їжак їжаки їжачок μήλο μήλα μήλων 林檎 林 檎林檎 né née naïve 🙂 🙂🙂 🙃"
REPEATS = "a aa aaa aaaa aaaaaaa abab ababab ababa bbbbb abbbabbb haha hahaha papaya banana"


def characters(word):
    """A word as a string in which each character is a token: the byte, or 256 and more for merges."""
    return word.encode().decode("latin-1")


def right_merges(counts, num_merges):
    """What learn_merges should return, with every word written out as often as it occurs."""
    words = [characters(word) for word, n in counts.items() for _ in range(n)]
    merges = []
    while len(merges) < num_merges and any(len(word) > 1 for word in words):
        pairs = Counter(word[i : i + 2] for word in words for i in range(len(word) - 1))
        best = max(sorted(pairs), key=pairs.get)  # the first of the largest, so the smallest pair
        words = [word.replace(best, chr(256 + len(merges))) for word in words]
        merges.append((ord(best[0]), ord(best[1])))
    return merges


def right_tokens(word, merges):
    """What encode should return. A merge can only fit where an earlier one has been joined, so one pass is enough."""
    tokens = characters(word)
    for i, (left, right) in enumerate(merges):
        tokens = tokens.replace(chr(left) + chr(right), chr(256 + i))
    return [ord(token) for token in tokens]


def random_counts(rng, words, high=9):
    """The words in a random order, each with a random number from 1 to high."""
    return {words[i]: 1 + int(n) for i, n in zip(rng.randperm(len(words)), rng.randint(0, high, (99,)), strict=False)}


def random_words(rng, letters, n, low=2, high=7):
    """n different words of these letters."""
    words = {}
    while len(words) < n:
        length = int(rng.randint(low, high + 1, ()))
        words["".join(letters[i] for i in rng.randint(0, len(letters), (length,)))] = None
    return list(words)


def check_merges(submission, counts, num_merges, what=""):
    expected = right_merges(counts, num_merges)
    assert_equal(submission.learn_merges(counts, num_merges), expected, name=f"merges{what}")


@points(2)
def test_english(submission, rng):
    """1, 7 and 25 merges of English words"""
    for num_merges in (1, 7, 25):
        check_merges(submission, random_counts(rng, ENGLISH.split()), num_merges)


@points(2)
def test_scripts(submission, rng):
    """three other scripts, accents and emoji"""
    for num_merges in (1, 7, 25):
        check_merges(submission, random_counts(rng, SCRIPTS.split()), num_merges)


@points(2)
def test_repeats(submission, rng):
    """words that repeat themselves"""
    for num_merges in (1, 7, 25):
        check_merges(submission, random_counts(rng, REPEATS.split()), num_merges)


@points(4)
def test_ties(submission, rng):
    """random words of three letters, many ties"""
    for _ in range(4):
        check_merges(submission, random_counts(rng, random_words(rng, "abc", 12), high=2), 20)


@points(2)
def test_order_of_words(submission, rng):
    """the order of the words decides nothing"""
    counts = random_counts(rng, random_words(rng, "xyz", 10), high=2)
    expected = right_merges(counts, 12)
    for words in (sorted(counts), sorted(counts, reverse=True)):
        assert_equal(submission.learn_merges({word: counts[word] for word in words}, 12), expected, name="merges")


@points(1)
def test_counts(submission):
    """one word that occurs often outweighs many"""
    counts = {"ab": 1, "abc": 1, "cab": 1, "zx": 4, "zxy": 20, "ayx": 23}
    assert_equal(submission.learn_merges(counts, 3), [(122, 120), (97, 121), (256 + 1, 120)], name="merges")


@points(1)
def test_old_and_new(submission):
    """the pair without new tokens wins a tie"""
    # xy is joined first. Then (xy, a) and (b, c) both occur 3 times, and (b, c) has the smaller numbers.
    merges = submission.learn_merges({"xya": 3, "xy": 4, "bc": 3, "xyz": 3}, 4)
    assert_equal(merges, [(120, 121), (98, 99), (256, 97), (256, 122)], name="merges")


@points(1)
def test_until_the_end(submission):
    """pairs that occur once, until none is left"""
    assert_equal(submission.learn_merges({"dog": 1, "a": 5}, 9), [(100, 111), (256, 103)], name="merges")
    for num_merges in (3, 4, 50):
        counts = {"abcd": 2, "ab": 2}
        expected = [(97, 98), (99, 100), (256, 257)]
        assert_equal(submission.learn_merges(counts, num_merges), expected, name="merges")


@points(1)
def test_nothing(submission):
    """0 merges, no words, words of one byte"""
    assert_equal(submission.learn_merges({"ab": 2, "abc": 1}, 1), [(97, 98)], name="merges")
    assert_equal(submission.learn_merges({"ab": 2, "abc": 1}, 0), [], name="merges, none asked for")
    assert_equal(submission.learn_merges({}, 3), [], name="merges of no words")
    assert_equal(submission.learn_merges({"a": 3, "b": 1}, 3), [], name="merges of words of one byte")


@points(1)
def test_borders(submission):
    """no pair reaches from one word into the next"""
    counts = {"zq": 3, "az": 3, "qa": 1}  # side by side, z and a would meet, and q and a more often
    assert_equal(submission.learn_merges(counts, 5), [(97, 122), (122, 113), (113, 97)], name="merges")
    alone = {"d": 9, "efg": 2}  # one word nine times: d and d never meet
    assert_equal(submission.learn_merges(alone, 5), [(101, 102), (256, 103)], name="merges")


@points(1)
def test_overlaps(submission):
    """aaa has (a, a) twice, and becomes aa, a"""
    counts = {"aaa": 2, "bc": 3}  # (a, a) occurs 4 times
    assert_equal(submission.learn_merges(counts, 1), [(97, 97)], name="first merge")
    assert_equal(submission.learn_merges(counts, 9), [(97, 97), (98, 99), (256, 97)], name="merges")
    counts = {"xaaaaay": 5}
    expected = right_merges(counts, 9)
    assert_equal(submission.learn_merges(counts, 9), expected, name="merges")


@points(2)
def test_order_of_learning(submission):
    """neither the longest nor the leftmost"""
    merges = right_merges({"bc": 20, "abc": 12, "ab": 5, "abab": 2, "cd": 1}, 5)  # bc, abc, ab, abab, cd
    for word in ("abc", "ababc", "abab", "bcd", "cdabab", "abcdab", "ababcababab"):
        assert_equal(submission.encode(word, merges), right_tokens(word, merges), name=f"tokens of {word}")


@points(1)
def test_runs(submission):
    """runs of one letter, where pairs overlap"""
    merges = right_merges({"aaaa": 3, "ab": 1}, 3)  # aa, aaaa, ab
    for n in (2, 3, 5, 6, 7, 11):
        for word in ("a" * n, "a" * n + "b"):
            assert_equal(submission.encode(word, merges), right_tokens(word, merges), name=f"tokens of {word}")


@points(1)
def test_unseen(submission, rng):
    """words and characters that were in no text"""
    merges = right_merges(random_counts(rng, ENGLISH.split()), 20)
    for word in ("theory", "Thé", "їжак", "🙂 the", "lowlow", "the\nother", "\x00\x7f"):
        assert_equal(submission.encode(word, merges), right_tokens(word, merges), name=f"tokens of {word!r}")


@points(1)
def test_short(submission):
    """nothing, one byte, one token in the end"""
    merges = [(97, 98), (256, 256)]
    for word, expected in (("", []), ("a", [97]), ("ab", [256]), ("abab", [257]), ("ba", [98, 97])):
        assert_equal(submission.encode(word, merges), expected, name=f"tokens of {word!r}")
    assert_equal(submission.encode("abé", []), [97, 98, 195, 169], name="tokens without merges")


@points(1)
def test_random_words(submission, rng):
    """random words by merges of others"""
    for letters in ("abc", "aéї"):
        merges = right_merges(random_counts(rng, random_words(rng, letters, 12)), 15)
        for word in random_words(rng, letters, 5, low=6, high=14):
            assert_equal(submission.encode(word, merges), right_tokens(word, merges), name=f"tokens of {word}")


@points(2)
def test_decode(submission, rng):
    """encoded words, alone and in a row"""
    for text in (ENGLISH, SCRIPTS, REPEATS):
        words = text.split()
        merges = right_merges(random_counts(rng, words), 25)
        for word in (words[0], words[3], words[-1], ""):
            assert_equal(submission.decode(right_tokens(word, merges), merges), word, name="text")
        ids = [i for word in words for i in [*right_tokens(word, merges), 32]]
        assert_equal(submission.decode(ids, merges), text + " ", name="text of all words")


@points(2)
def test_pieces_of_characters(submission):
    """a token that is a piece of a character"""
    grove = list("林".encode())  # three bytes
    merges = [(grove[1], grove[2]), (grove[0], 256)]
    assert_equal(submission.decode(grove, []), "林", name="text of three bytes")
    assert_equal(submission.decode([grove[0], 256, 257, 97], merges), "林林a", name="text of two characters and a")
    tokens = [[i] for i in range(256)] + [grove[1:], grove]
    for ids in ([256], [grove[0], 97, 256], [grove[0], grove[1]], [255, 97, grove[0]], [257, 128, 257]):
        expected = bytes(byte for i in ids for byte in tokens[i]).decode("utf-8", errors="replace")
        assert_equal(submission.decode(ids, merges), expected, name=f"text of {ids}")


@points(2)
def test_no_such_token(submission):
    """ValueError below 0 and above 255 + merges"""
    merges = [(97, 98), (256, 99)]
    assert_equal(submission.decode([0, 255, 256, 257], merges), "\x00\ufffdababc", name="text")
    for ids in ([257, 1000], [258], [-1], [97, -258, 98]):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.decode(ids, merges)
    assert_equal(submission.decode([], []), "", name="text of no tokens")
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.decode([256], [])


@points(2)
@needs(test_order_of_learning, test_short)
def test_bytes_per_token(submission, rng):
    """counts of words, and bytes, not letters"""
    alone = {"a": 3, "b": 2, "ab": 4, "abb": 3}  # a, b, ab, and ab b
    assert_close(submission.bytes_per_token(alone, [(97, 98)]), 22 / 15, rtol=1e-12, atol=0.0)
    for text in (ENGLISH, SCRIPTS):
        counts = random_counts(rng, text.split(), high=50)
        merges = right_merges(random_counts(rng, text.split()), 12)
        for used in (merges, merges[:3], []):
            num_bytes = sum(n * len(word.encode()) for word, n in counts.items())
            num_tokens = sum(n * len(right_tokens(word, used)) for word, n in counts.items())
            expected = float(Fraction(num_bytes, num_tokens))
            assert_close(submission.bytes_per_token(counts, used), expected, rtol=1e-12, atol=0.0)
