"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from collections import Counter
from itertools import pairwise

from byte_pair_encoding import _join, decode, encode, learn_merges

from grader.testing import replaces


def by_bytes(word: str) -> list[int]:
    return list(word.encode())


def by_letters(word: str) -> list[int]:
    return [ord(letter) for letter in word]


def tally(words) -> Counter:
    pairs = Counter()
    for ids, n in words:
        for pair in pairwise(ids):
            pairs[pair] += n
    return pairs


def most_frequent(pairs: Counter):
    return min(pairs, key=lambda pair: (-pairs[pair], pair))


def learn(counts, num_merges, *, split=by_bytes, tally=tally, choose=most_frequent, join=_join, first=256):
    """The right version, with one part of it exchanged."""
    words = [(split(word), n) for word, n in counts.items()]
    merges = []
    while len(merges) < num_merges and (pairs := tally(words)):
        merges.append(choose(pairs))
        words = [(join(ids, merges[-1], first + len(merges) - 1), n) for ids, n in words]
    return merges


def spelled(merges) -> list[bytes]:
    """The bytes of each token."""
    tokens = [bytes([i]) for i in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return tokens


def join_first(ids, pair, new):
    """Join the pair where it stands first, and nowhere else."""
    for i in range(len(ids) - 1):
        if (ids[i], ids[i + 1]) == pair:
            return [*ids[:i], new, *ids[i + 2 :]]
    return ids


def join_overlapping(ids, pair, new):
    """Join each pair of neighbours, also those that share a token."""
    found = [neighbours == pair for neighbours in pairwise(ids)]
    used = [False, *found]  # whether a token is the second one of a pair
    return [new if here else i for i, here, gone in zip(ids, [*found, False], used, strict=True) if here or not gone]


def join_from_the_right(ids, pair, new):
    return _join(ids[::-1], pair[::-1], new)[::-1]


def join_but_last(ids, pair, new):
    """Leave a pair that ends the word as it is."""
    return [*_join(ids[:-1], pair, new), ids[-1]]


@replaces("learn_merges")
def counts_words_once(counts, num_merges):
    """A word that occurs five times counts once in your table. What does the number beside each word say?"""
    return learn_merges(dict.fromkeys(counts, 1), num_merges)


@replaces("learn_merges")
def tie_largest(counts, num_merges):
    """Of pairs that are equally frequent you took the largest. Which one does the docstring ask for?"""
    return learn(counts, num_merges, choose=lambda pairs: max(pairs, key=lambda pair: (pairs[pair], pair)))


@replaces("learn_merges", found=["first", "last"])
def tie_by_order(counts, num_merges, *, found: str):
    """Of pairs that are equally frequent you took the one found {found}, so your merges change when the words come in
    another order. What should decide instead?"""

    def choose(pairs):
        order = list(pairs) if found == "first" else list(pairs)[::-1]
        return max(order, key=pairs.get)

    return learn(counts, num_merges, choose=choose)


@replaces("learn_merges", which=["first", "last"])
def tie_by_text(counts, num_merges, *, which: str):
    """Of pairs that are equally frequent you took the one whose text comes {which} in the alphabet. The docstring
    compares pairs of numbers: which of two tokens is smaller, an old one or a new one?"""
    words = [(by_bytes(word), n) for word, n in counts.items()]
    merges = []
    while len(merges) < num_merges and (pairs := tally(words)):
        texts = spelled(merges)
        best = [pair for pair in pairs if pairs[pair] == max(pairs.values())]
        choose = min if which == "first" else max
        merges.append(choose(best, key=lambda pair, texts=texts: (texts[pair[0]], texts[pair[1]])))
        words = [(_join(ids, merges[-1], 255 + len(merges)), n) for ids, n in words]
    return merges


@replaces("learn_merges", between=["nothing", "a space"])
def across_words(counts, num_merges, *, between: str):
    """You put all words in a row with {between} between them, and counted pairs that reach from one word into the
    next. Where should the neighbours of a word's last byte be looked for?"""
    text = (" " if "space" in between else "").join(word for word, n in counts.items() for _ in range(n))
    return learn_merges({text: 1} if text else {}, num_merges)


@replaces("learn_merges")
def overlaps_not_counted(counts, num_merges):
    """In aaa you counted the pair (a, a) once, as str.count does. How many tokens of aaa have an a to their right?"""

    def count(words):
        pairs = Counter()
        for ids, n in words:
            for pair in set(pairwise(ids)):
                pairs[pair] += n * (len(ids) - len(_join(ids, pair, -1)))
        return pairs

    return learn(counts, num_merges, tally=count)


@replaces("learn_merges")
def once_per_word(counts, num_merges):
    """You counted a pair once in each word that contains it. How many times does abab have a and b as neighbours?"""

    def count(words):
        pairs = Counter()
        for ids, n in words:
            for pair in set(pairwise(ids)):
                pairs[pair] += n
        return pairs

    return learn(counts, num_merges, tally=count)


@replaces("learn_merges")
def joins_first_only(counts, num_merges):
    """You joined the pair where it stands first in a word, and left it where it stands again. Where does your loop
    stop?"""
    return learn(counts, num_merges, join=join_first)


@replaces("learn_merges")
def joins_overlaps(counts, num_merges):
    """You turned aaa into aa, aa. After the first two a are joined, only one is left: from where should the search go
    on?"""
    return learn(counts, num_merges, join=join_overlapping)


@replaces("learn_merges")
def joins_from_the_right(counts, num_merges):
    """You turned aaa into a, aa. From which end of a word are pairs joined?"""
    return learn(counts, num_merges, join=join_from_the_right)


@replaces("learn_merges")
def last_pair_left(counts, num_merges):
    """You left the pair where it stands at the end of a word. At which index does the last pair of a word of n tokens
    begin?"""
    return learn(counts, num_merges, join=join_but_last)


@replaces("learn_merges")
def stops_at_two(counts, num_merges):
    """You stopped although there was still a pair in the words, one that occurs once. When is there nothing left to
    join?"""
    return learn(counts, num_merges, tally=lambda words: {p: n for p, n in tally(words).items() if n > 1})


@replaces("learn_merges")
def stops_at_first_word(counts, num_merges):
    """You stopped when the first of the words had become one token. What about the other words?"""
    return learn(counts, num_merges, tally=lambda words: tally(words) if all(len(w) > 1 for w, _ in words) else {})


@replaces("learn_merges", function=["min", "max"])
def nothing_left(counts, num_merges, *, function: str):
    """Your code ends in an error when each word has become one token, because {function} gets no pairs to choose from.
    What should learn_merges return then?"""
    merges = learn_merges(counts, num_merges)
    if len(merges) < num_merges:
        min([]) if function == "min" else max([])
    return merges


@replaces("learn_merges")
def counts_only_once(counts, num_merges):
    """None of your merges has a number above 255, because you counted pairs only at the beginning. Which pairs are
    there after the first merge that were not there before?"""
    pairs = tally((by_bytes(word), n) for word, n in counts.items())
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:num_merges]


@replaces("learn_merges", which=["neighbours on both sides", "neighbour on the left", "neighbour on the right"])
def stale_counts(counts, num_merges, *, which: str):
    """You keep the counts up to date instead of counting again, and some pairs stay too frequent. When x and y are
    joined in a x y b, which pairs with the {which} are gone?"""
    words = [(by_bytes(word), n) for word, n in counts.items()]
    pairs = tally(words)
    merges = []
    while len(merges) < num_merges and pairs:
        best = most_frequent(pairs)
        new = 256 + len(merges)
        merges.append(best)
        joined = [(_join(ids, best, new), n) for ids, n in words]
        was, now = tally(words), tally(joined)
        for pair in was | now:
            gone = was[pair] > now[pair]
            left = pair[1] == best[0] and "right" not in which
            right = pair[0] == best[1] and "left" not in which
            if pair == best or not (gone and (left or right)):
                pairs[pair] += now[pair] - was[pair]
            if pairs[pair] <= 0 or pair == best:
                del pairs[pair]
        words = joined
    return merges


@replaces("learn_merges", number=[255, 257])
def first_number(counts, num_merges, *, number: int):
    """Your first merge makes the token {number}. Which numbers do the single bytes have, and which one comes after
    them?"""
    return learn(counts, num_merges, first=number)


@replaces("learn_merges")
def letters_not_bytes(counts, num_merges):
    """Your tokens are characters. How many bytes does é have in UTF-8, and which number is the largest that a byte can
    have?"""
    return learn(counts, num_merges, split=by_letters)


@replaces("learn_merges", by=[1, -1])
def number_of_merges(counts, num_merges, *, by: int):
    """The number of your merges is wrong by one. How many should there be for num_merges = 0, and how many for 1?"""
    return learn_merges(counts, max(num_merges + by, 0))


@replaces("learn_merges", of=["bytes", "str"])
def merges_of_texts(counts, num_merges, *, of: str):
    """Your merges are pairs of {of}. Which kind of pair does the docstring's example show?"""
    merges = learn_merges(counts, num_merges)
    tokens = spelled(merges)
    texts = [token if of == "bytes" else token.decode(errors="replace") for token in tokens]
    return [(texts[left], texts[right]) for left, right in merges]


@replaces("learn_merges", key=["pair", "number"])
def merges_as_dict(counts, num_merges, *, key: str):
    """You return a dict whose keys are each {key} that you learned. What holds the order of learning in the docstring's
    example?"""
    merges = learn_merges(counts, num_merges)
    numbered = {256 + i: pair for i, pair in enumerate(merges)}
    return numbered if key == "number" else {pair: number for number, pair in numbered.items()}


@replaces("encode")
def longest_match(word, merges):
    """You take the longest token that fits, from left to right. Take the merges bc, ab and ab+ab in this order of
    learning: what becomes of ababc if the first one is joined first?"""
    numbers = {token: i for i, token in reversed([*enumerate(spelled(merges))])}
    rest, ids = word.encode(), []
    while rest:
        length = max(n for n in range(1, len(rest) + 1) if rest[:n] in numbers)
        ids.append(numbers[rest[:length]])
        rest = rest[length:]
    return ids


@replaces("encode", side=["left", "right"])
def from_one_side(word, merges, *, side: str):
    """You join the pair furthest to the {side} that fits. Of all merges that fit, which one was learned first?"""
    ranks = {pair: i for i, pair in enumerate(merges)}
    ids = by_bytes(word)
    while places := [i for i, pair in enumerate(pairwise(ids)) if pair in ranks]:
        i = places[0 if side == "left" else -1]
        ids[i : i + 2] = [256 + ranks[ids[i], ids[i + 1]]]
    return ids


@replaces("encode")
def last_learned_first(word, merges):
    """Of several merges that fit, you take the one that was learned last. Which of them came first when the words were
    learned?"""
    ranks = {pair: i for i, pair in enumerate(merges)}
    ids = by_bytes(word)
    while fitting := [ranks[pair] for pair in pairwise(ids) if pair in ranks]:
        ids = _join(ids, merges[max(fitting)], 256 + max(fitting))
    return ids


@replaces("encode")
def smallest_pair_first(word, merges):
    """Of several merges that fit, you take the smallest pair. That decides between equal counts in learning: what
    decides here?"""
    ranks = {pair: i for i, pair in enumerate(merges)}
    ids = by_bytes(word)
    while fitting := [pair for pair in pairwise(ids) if pair in ranks]:
        ids = _join(ids, min(fitting), 256 + ranks[min(fitting)])
    return ids


@replaces("encode")
def one_merge_only(word, merges):
    """You joined one pair and then returned. Do the tokens that are left have a pair that fits, too?"""
    ranks = {pair: i for i, pair in enumerate(merges)}
    ids = by_bytes(word)
    fitting = [ranks[pair] for pair in pairwise(ids) if pair in ranks]
    return _join(ids, merges[min(fitting)], 256 + min(fitting)) if fitting else ids


def in_turn(word, merges, join=_join, split=by_bytes, first=256):
    """Each merge in the order of learning."""
    ids = split(word)
    for i, pair in enumerate(merges):
        ids = join(ids, pair, first + i)
    return ids


@replaces("encode")
def encode_joins_first_only(word, merges):
    """You joined each pair where it stands first in the word, and left it where it stands again. Where does your loop
    stop?"""
    return in_turn(word, merges, join_first)


@replaces("encode")
def encode_joins_overlaps(word, merges):
    """You turned aaa into aa, aa. After the first two a are joined, only one is left: from where should the search go
    on?"""
    return in_turn(word, merges, join_overlapping)


@replaces("encode")
def encode_from_the_right(word, merges):
    """You turned aaa into a, aa. From which end of a word are pairs joined?"""
    return in_turn(word, merges, join_from_the_right)


@replaces("encode")
def encode_last_pair_left(word, merges):
    """You left the pair where it stands at the end of the word. At which index does the last pair of a word of n tokens
    begin?"""
    return in_turn(word, merges, join_but_last) if word else []


@replaces("encode")
def two_tokens_left(word, merges):
    """You stopped when there were two tokens left. Can these two be a pair that was learned?"""
    ranks = {pair: i for i, pair in enumerate(merges)}
    ids = by_bytes(word)
    while len(ids) > 2 and (fitting := [ranks[pair] for pair in pairwise(ids) if pair in ranks]):
        ids = _join(ids, merges[min(fitting)], 256 + min(fitting))
    return ids


@replaces("encode")
def encode_letters(word, merges):
    """Your word begins as one token per character. How many bytes does é have in UTF-8, and what can the number of a
    byte be at most?"""
    return in_turn(word, merges, split=by_letters)


@replaces("encode", number=[0, 255, 257])
def encode_first_number(word, merges, *, number: int):
    """Your first merge makes the token {number}. Which numbers do the single bytes have, and which one comes after
    them?"""
    return in_turn(word, merges, first=number)


@replaces("encode", length=["no byte", "one token"])
def encode_too_short(word, merges, *, length: str):
    """Your code ends in an error for a word of {length}, because min gets no pairs to choose from. What should encode
    return when there is nothing to join?"""
    ids = encode(word, merges)
    if len(ids) < (1 if length == "no byte" else 2):
        min([])
    return ids


@replaces("encode")
def unseen_pair(word, merges):
    """Your code ends in a KeyError when no pair of the word was learned. What is the rank of a pair that is in no
    merge?"""
    ranks = {pair: i for i, pair in enumerate(merges)}
    ids = by_bytes(word)
    while len(ids) > 1:
        first = min(pairwise(ids), key=lambda pair: ranks.get(pair, len(merges)))
        ids = _join(ids, first, 256 + ranks[first])
    return ids


@replaces("encode", of=["bytes", "str"])
def encode_texts(word, merges, *, of: str):
    """Your tokens are {of}. What stands for a token in the docstring's example?"""
    texts = [spelled(merges)[i] for i in encode(word, merges)]
    return texts if of == "bytes" else [text.decode(errors="replace") for text in texts]


@replaces("decode", errors=["replace", "ignore"])
def token_by_token(ids, merges, *, errors: str):
    """You turned each token into text by itself. A character can be spread over two tokens: at what moment can its
    bytes be read?"""
    decode(ids, merges)
    return "".join(spelled(merges)[i].decode(errors=errors) for i in ids)


@replaces("decode")
def byte_by_byte(ids, merges):
    """You turned each byte into a character by itself, so é became Ã©. How many bytes can a character of UTF-8 have?"""
    decode(ids, merges)
    return "".join(chr(byte) for i in ids for byte in spelled(merges)[i])


@replaces("decode")
def invalid_ignored(ids, merges):
    """Bytes that are no valid UTF-8 disappear in your text. What does the docstring put in their place?"""
    decode(ids, merges)
    return b"".join(spelled(merges)[i] for i in ids).decode(errors="ignore")


@replaces("decode")
def invalid_raises(ids, merges):
    """Your code ends in a UnicodeDecodeError for bytes that are no valid UTF-8. A model can stop in the middle of a
    character: what does the docstring put there?"""
    decode(ids, merges)
    return b"".join(spelled(merges)[i] for i in ids).decode()


@replaces("decode")
def counts_from_the_end(ids, merges):
    """A list answers to −1 as well, with its last token. Is there a token −1?"""
    decode([i for i in ids if i >= 0], merges)
    return b"".join(spelled(merges)[i] for i in ids).decode(errors="replace")


@replaces("decode", kind=["list", "dict"])
def lookup_error(ids, merges, *, kind: str):
    """For a number that is no token, your code ends in the error of a {kind}. Which exception does the docstring
    name?"""
    tokens = spelled(merges)
    table = dict(enumerate(tokens)) if kind == "dict" else tokens
    return b"".join(table[i] for i in ids).decode(errors="replace")


@replaces("decode")
def one_number_too_many(ids, merges):
    """The number 256 + len(merges) passes your check, and then there is no such token. Which number does the last token
    have?"""
    decode([i for i in ids if i != 256 + len(merges)], merges)
    return b"".join(spelled(merges)[i] for i in ids).decode(errors="replace")


@replaces("decode", what=["nothing", "U+FFFD", "the last token"])
def unknown_becomes(ids, merges, *, what: str):
    """A number that is no token becomes {what} in your text, and nobody notices. What does the docstring ask for?"""
    tokens = spelled(merges)
    table, other = dict(enumerate(tokens)), {"nothing": b"", "U+FFFD": b"\xff"}.get(what, tokens[-1])
    return b"".join(table.get(i, other) for i in ids).decode(errors="replace")


@replaces("decode")
def halves_exchanged(ids, merges):
    """Your tokens are spelled from the right. In a pair, which token stands first in the text?"""
    decode(ids, merges)
    tokens = [bytes([i]) for i in range(256)]
    for left, right in merges:
        tokens.append(tokens[right] + tokens[left])
    return b"".join(tokens[i] for i in ids).decode(errors="replace")


@replaces("decode")
def with_spaces(ids, merges):
    """You put a space between tokens. Which bytes does a text have besides those of its tokens?"""
    decode(ids, merges)
    return b" ".join(spelled(merges)[i] for i in ids).decode(errors="replace")


def lengths(counts, merges) -> list[tuple[int, int, int]]:
    """Bytes, tokens and number of each word."""
    return [(len(word.encode()), len(encode(word, merges)), n) for word, n in counts.items()]


@replaces("bytes_per_token", counting=["each word once", "each word as often as it occurs"])
def mean_over_words(counts, merges, *, counting: str):
    """You took the mean of the words' own ratios, counting {counting}. A long word has more bytes and more tokens: what
    is divided by what over the whole text?"""
    ratios = [(b / t, n if "often" in counting else 1) for b, t, n in lengths(counts, merges)]
    return sum(ratio * n for ratio, n in ratios) / sum(n for _, n in ratios)


@replaces("bytes_per_token")
def words_once(counts, merges):
    """Your result does not depend on how often a word occurs. How many bytes and tokens does a word bring that occurs
    three times?"""
    return sum(b for b, _, _ in lengths(counts, merges)) / sum(t for _, t, _ in lengths(counts, merges))


@replaces("bytes_per_token", of=["bytes", "tokens"])
def half_weighted(counts, merges, *, of: str):
    """You count the {of} of a word as often as it occurs, and the rest once. Which two sums are over the whole text?"""
    num_bytes = sum(b * (n if of == "bytes" else 1) for b, _, n in lengths(counts, merges))
    return num_bytes / sum(t * (n if of == "tokens" else 1) for _, t, n in lengths(counts, merges))


@replaces("bytes_per_token")
def characters_per_token(counts, merges):
    """You counted characters. What does len count in a str, and how many bytes does é have?"""
    return sum(n * len(word) for word, n in counts.items()) / sum(t * n for _, t, n in lengths(counts, merges))


@replaces("bytes_per_token")
def tokens_per_byte(counts, merges):
    """You divided the tokens by the bytes. Should the result be above 1 or below when tokens are several bytes
    long?"""
    return sum(t * n for _, t, n in lengths(counts, merges)) / sum(b * n for b, _, n in lengths(counts, merges))


@replaces("bytes_per_token", how=["down", "to two digits"])
def rounded(counts, merges, *, how: str):
    """You rounded the result {how}. What is 11 bytes over 4 tokens, and 10 over 3?"""
    num_bytes = sum(b * n for b, _, n in lengths(counts, merges))
    num_tokens = sum(t * n for _, t, n in lengths(counts, merges))
    return num_bytes // num_tokens if how == "down" else round(num_bytes / num_tokens, 2)


@replaces("bytes_per_token")
def one_text(counts, merges):
    """You encoded the words as one text, so merges reach from one word into the next. What does the docstring say about
    each of them?"""
    text = "".join(word for word, n in counts.items() for _ in range(n))
    return len(text.encode()) / len(encode(text, merges))
