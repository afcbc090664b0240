"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from associative_recall_lab import most_pairs, phone_book, recall_by_place

from grader.testing import replaces


def drawn(batch, pairs, queries, keys, values, seed):
    """Keys, values, and the places that are asked for, drawn as they should be: each (B, _)."""
    tokens, _ = phone_book(batch, pairs, queries, keys, values, seed)
    names, questions = tokens[:, : 2 * pairs : 2], tokens[:, 2 * pairs :]
    return names, tokens[:, 1 : 2 * pairs : 2], (questions[:, :, None] == names[:, None]).int().argmax(-1)


def texts(names, numbers, asked):
    """The texts and labels that follow from what was drawn."""
    book = torch.stack([names, numbers], dim=-1).flatten(1)
    tokens = torch.cat([book, names.gather(1, asked)], dim=1)
    return tokens, torch.cat([torch.full_like(book, -100), numbers.gather(1, asked)], dim=1)


def second(seed):
    """A generator for what a mistake draws in its own way."""
    return torch.Generator().manual_seed(seed + 1_000_003)


def matches(tokens, pairs):
    """Which question is about which place, (B, Q, pairs)."""
    return tokens[:, 2 * pairs :, None] == tokens[:, None, : 2 * pairs : 2]


def right(logits, labels, pairs):
    """Which questions are answered right, (B, Q)."""
    return logits[:, 2 * pairs :].argmax(-1) == labels[:, 2 * pairs :]


@replaces("phone_book")
def same_key_twice(batch, pairs, queries, keys, values, seed):
    """One of your books has a key twice, and the question has two answers. How are numbers drawn so that none comes
    back?"""
    _, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(torch.randint(keys, (batch, pairs), generator=second(seed)), numbers, asked)


@replaces("phone_book")
def same_question_twice(batch, pairs, queries, keys, values, seed):
    """One of your texts asks for the same key twice. What does the docstring say of the queries?"""
    names, numbers, _ = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, numbers, torch.randint(pairs, (batch, queries), generator=second(seed)))


@replaces("phone_book")
def keys_in_order(batch, pairs, queries, keys, values, seed):
    """The keys of your books come in rising order, so the place of a key says something about it. Which orders does the
    docstring call equally likely?"""
    names, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names.sort(-1).values, numbers, asked)


@replaces("phone_book")
def always_the_first_keys(batch, pairs, queries, keys, values, seed):
    """Your books hold the keys 0 to pairs - 1 and never one of the others. Out of how many keys is a book chosen?"""
    _, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(torch.rand(batch, pairs, generator=second(seed)).argsort(-1), numbers, asked)


@replaces("phone_book")
def one_order_of_keys(batch, pairs, queries, keys, values, seed):
    """All books of your batch have the same keys in the same order. What is drawn for each text?"""
    names, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names[:1].expand(batch, -1), numbers, asked)


@replaces("phone_book")
def values_without_replacement(batch, pairs, queries, keys, values, seed):
    """No value occurs twice in your books. Two people may share a number: what does the docstring say of values?"""
    names, _, asked = drawn(batch, pairs, queries, keys, values, seed)
    order = torch.rand(batch, values, generator=second(seed)).argsort(-1)
    return texts(names, keys + order.repeat(1, -(-pairs // values))[:, :pairs], asked)


@replaces("phone_book")
def one_number_for_each_key(batch, pairs, queries, keys, values, seed):
    """A key has the same value in all texts of your batch, so a model can learn it once and need not read the book. For
    what is a value drawn?"""
    names, _, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, keys + torch.randint(values, (keys,), generator=second(seed))[names], asked)


@replaces("phone_book")
def value_from_key(batch, pairs, queries, keys, values, seed):
    """The value of a key can be computed from the key alone. What would a model have to remember?"""
    names, _, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, keys + names % values, asked)


@replaces("phone_book")
def one_order_for_all(batch, pairs, queries, keys, values, seed):
    """All texts of your batch ask in the same order. What is drawn for each text?"""
    names, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, numbers, asked[:1].expand(batch, -1))


@replaces("phone_book")
def asked_in_the_order_of_the_book(batch, pairs, queries, keys, values, seed):
    """A model could answer by counting: your questions come in the book's order."""
    names, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, numbers, asked.sort(-1).values)


@replaces("phone_book")
def asks_for_the_first_pairs(batch, pairs, queries, keys, values, seed):
    """Your texts ask for the first pairs of a book only, so the rest need not be remembered. Which pairs can be
    asked for?"""
    names, numbers, _ = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, numbers, torch.rand(batch, queries, generator=second(seed)).argsort(-1))


@replaces("phone_book")
def seeded_for_each_draw(batch, pairs, queries, keys, values, seed):
    """The order of your questions follows from the order of the keys: both come out of the same random numbers. How
    often do you start a generator with this seed?"""
    names, numbers, _ = drawn(batch, pairs, queries, keys, values, seed)
    order = torch.rand(batch, pairs, generator=torch.Generator().manual_seed(seed)).argsort(-1)
    return texts(names, numbers, order[:, :queries])


@replaces("phone_book", by=[-1, 1])
def labels_shifted(batch, pairs, queries, keys, values, seed, *, by):
    """Your labels stand one place beside the questions. Does the model write the value at the next place, or is it
    expected where the key stands?"""
    tokens, labels = phone_book(batch, pairs, queries, keys, values, seed)
    return tokens, labels.roll(by, 1)


@replaces("phone_book", where=["book", "keys"])
def labels_on_the_book(batch, pairs, queries, keys, values, seed, *, where):
    """You ask for values before anything could be known. Which places are questions?"""
    tokens, labels = phone_book(batch, pairs, queries, keys, values, seed)
    labels[:, : 2 * pairs : 2] = tokens[:, 1 : 2 * pairs : 2]
    if where == "book":
        labels[:, 1 : 2 * pairs : 2] = tokens[:, 1 : 2 * pairs : 2]
    return tokens, labels


@replaces("phone_book")
def labels_are_keys(batch, pairs, queries, keys, values, seed):
    """Your label of a question is the question. What does somebody who asks for Vera want to hear?"""
    tokens, labels = phone_book(batch, pairs, queries, keys, values, seed)
    return tokens, tokens.where(labels != -100, -100)


@replaces("phone_book", other=[-1, 0])
def other_number_for_no_label(batch, pairs, queries, keys, values, seed, *, other):
    """Where no answer is expected your label is {other}. Which number does cross_entropy leave out?"""
    tokens, labels = phone_book(batch, pairs, queries, keys, values, seed)
    return tokens, labels.where(labels != -100, other)


@replaces("phone_book")
def labels_of_the_questions_only(batch, pairs, queries, keys, values, seed):
    """Your labels have no places for the book. Which shape do both results have?"""
    tokens, labels = phone_book(batch, pairs, queries, keys, values, seed)
    return tokens, labels[:, 2 * pairs :]


@replaces("phone_book")
def values_in_the_questions(batch, pairs, queries, keys, values, seed):
    """The answer follows each of your questions, so the model reads it. What comes after the book?"""
    tokens, labels = phone_book(batch, pairs, queries, keys, values, seed)
    answered = torch.stack([tokens[:, 2 * pairs :], labels[:, 2 * pairs :]], dim=-1).flatten(1)
    none = torch.full_like(labels[:, 2 * pairs :], -100)
    expected = torch.stack([labels[:, 2 * pairs :], none], dim=-1).flatten(1)
    return torch.cat([tokens[:, : 2 * pairs], answered], dim=1), torch.cat([labels[:, : 2 * pairs], expected], dim=1)


@replaces("phone_book")
def keys_before_values(batch, pairs, queries, keys, values, seed):
    """All keys come first in your books, and then all values. In which order is an entry read aloud?"""
    tokens, labels = phone_book(batch, pairs, queries, keys, values, seed)
    return torch.cat([tokens[:, : 2 * pairs : 2], tokens[:, 1 : 2 * pairs : 2], tokens[:, 2 * pairs :]], dim=1), labels


@replaces("phone_book", missing=[1, "keys"])
def value_ids(batch, pairs, queries, keys, values, seed, *, missing):
    """Your values have numbers that belong to keys. Where do values begin?"""
    names, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, numbers - (keys if missing == "keys" else missing), asked)


@replaces("phone_book")
def last_value_missing(batch, pairs, queries, keys, values, seed):
    """The largest value never comes in your books. Does the upper end of randint belong to what it draws?"""
    names, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    return texts(names, keys + (numbers - keys) % max(values - 1, 1), asked)


@replaces("phone_book", given=[0, 42])
def seed_ignored(batch, pairs, queries, keys, values, seed, *, given):
    """Seed 1 and seed 2 give the same texts. Where does the seed go in?"""
    return phone_book(batch, pairs, queries, keys, values, given)


@replaces("phone_book", what=["orders", "values"])
def draw_without_the_seed(batch, pairs, queries, keys, values, seed, *, what):
    """With the same seed your texts differ. Which of your draws does the seed not reach?"""
    names, numbers, asked = drawn(batch, pairs, queries, keys, values, seed)
    if what == "values":
        return texts(names, keys + torch.randint(values, (batch, pairs)), asked)
    return texts(names, numbers, torch.rand(batch, pairs).argsort(-1)[:, :queries])


@replaces("phone_book", unchecked=["queries", "keys", "both"])
def impossible_book(batch, pairs, queries, keys, values, seed, *, unchecked):
    """You make a book that cannot be made, from too few pairs or too few keys, and return something else. Which two
    conditions does the docstring name?"""
    if unchecked != "keys":
        queries = min(queries, pairs)
    if unchecked != "queries":
        pairs = min(pairs, keys)
    return phone_book(batch, pairs, queries, keys, values, seed)


@replaces("recall_by_place")
def place_of_the_question(logits, tokens, labels, pairs):
    """You score the first question, the second, and so on. Asked for is the place of its key in the book."""
    score = torch.full((pairs,), torch.nan, dtype=torch.float64)
    hit = right(logits, labels, pairs).double().mean(0)
    score[: len(hit)] = hit
    return score


@replaces("recall_by_place")
def place_by_value(logits, tokens, labels, pairs):
    """You look for the place of the answer. Two people may share a number: whose place should count?"""
    asks = labels[:, 2 * pairs :, None] == tokens[:, None, 1 : 2 * pairs : 2]
    return (asks & right(logits, labels, pairs)[:, :, None]).sum((0, 1)).double() / asks.sum((0, 1))


@replaces("recall_by_place")
def mean_of_texts(logits, tokens, labels, pairs):
    """You averaged the shares of texts. A text without a question about a place says nothing about it."""
    hits = (matches(tokens, pairs) & right(logits, labels, pairs)[:, :, None]).any(1)
    return hits.double().mean(0)


@replaces("recall_by_place")
def share_of_all_questions(logits, tokens, labels, pairs):
    """You divided by the number of all questions. How many of them are about this place?"""
    hits = (matches(tokens, pairs) & right(logits, labels, pairs)[:, :, None]).sum((0, 1))
    return hits.double() / right(logits, labels, pairs).numel()


@replaces("recall_by_place", never=[0.0, 1.0])
def zero_for_never_asked(logits, tokens, labels, pairs, *, never):
    """Nobody asked for this pair, and you say {never}, as if somebody had. What is 0/0?"""
    return recall_by_place(logits, tokens, labels, pairs).nan_to_num(never)


@replaces("recall_by_place")
def counts_right_answers(logits, tokens, labels, pairs):
    """You counted the right answers for each place. How many would be right if the model knew everything?"""
    return (matches(tokens, pairs) & right(logits, labels, pairs)[:, :, None]).sum((0, 1)).double()


@replaces("recall_by_place")
def shifted_logits(logits, tokens, labels, pairs):
    """You read each answer one place before its question, as in a language model whose labels are shifted. Where does
    phone_book put the label?"""
    asks = matches(tokens, pairs)
    hits = logits[:, 2 * pairs - 1 : -1].argmax(-1) == labels[:, 2 * pairs :]
    return (asks & hits[:, :, None]).sum((0, 1)).double() / asks.sum((0, 1))


@replaces("recall_by_place")
def first_logits(logits, tokens, labels, pairs):
    """You read the answers at the beginning of the text, where the book is. At which places are the questions?"""
    asks = matches(tokens, pairs)
    hits = logits[:, : asks.shape[1]].argmax(-1) == labels[:, 2 * pairs :]
    return (asks & hits[:, :, None]).sum((0, 1)).double() / asks.sum((0, 1))


@replaces("recall_by_place")
def cut_logits(logits, tokens, labels, pairs):
    """You ignore logits beyond the largest token that occurs. What has a model said whose largest logit is there?"""
    return recall_by_place(logits[..., : int(tokens.max()) + 1], tokens, labels, pairs)


@replaces("recall_by_place")
def probability_of_the_answer(logits, tokens, labels, pairs):
    """You averaged the probability of the right answer. A model that says 0.6 for it answers right: how often does that
    happen?"""
    asks = matches(tokens, pairs)
    of_answer = logits[:, 2 * pairs :].softmax(-1).gather(-1, labels[:, 2 * pairs :, None])
    return (asks * of_answer).sum((0, 1)).double() / asks.sum((0, 1))


@replaces("recall_by_place")
def in_single_precision(logits, tokens, labels, pairs):
    """Your shares are float32. Which dtype does the docstring ask for?"""
    return recall_by_place(logits, tokens, labels, pairs).float()


@replaces("most_pairs")
def bits_of_keys_too(bits, values):
    """You count bits for keys. Who says the key: the memory, or the question?"""
    return most_pairs(bits, 2 * values)


@replaces("most_pairs")
def whole_bits_per_value(bits, values):
    """Six values do not need three bits each: three of them have 216 combinations, and 2⁸ is 256."""
    return bits // (values - 1).bit_length()


@replaces("most_pairs")
def bits_are_states(bits, values):
    """You compared the number of books with the number of bits. How many different states do 12 bits have?"""
    n = 0
    while values ** (n + 1) <= bits:
        n += 1
    return n


@replaces("most_pairs")
def one_bit_for_each_value(bits, values):
    """You divided by the number of values. How many bits tell 16 values apart?"""
    return bits // values


@replaces("most_pairs", how=[math.ceil, round])
def rounded(bits, values, *, how):
    """Your number of pairs is rounded to one that does not fit. With 8 bits and 8 values the quotient is 2.67: how many
    whole numbers of the book are known?"""
    return how(bits / math.log2(values))


@replaces("most_pairs")
def first_that_does_not_fit(bits, values):
    """You return the first book that is too large. Which one is the largest that fits?"""
    return most_pairs(bits, values) + 1


@replaces("most_pairs")
def book_smaller_than_memory(bits, values):
    """A book that fills the memory does not fit in yours. Are as many states as books enough?"""
    n = most_pairs(bits, values)
    return n - 1 if n > 0 and values**n == 2**bits else n


@replaces("most_pairs")
def natural_logarithms(bits, values):
    """Your result is one too small where the book fills the memory: the quotient of rounded logarithms is a little
    below a whole number. What decides without rounding?"""
    return math.floor(bits * math.log(2) / math.log(values))


@replaces("most_pairs")
def power_of_floats(bits, values):
    """You computed 2^bits as a floating-point number, and the largest of those is about 2^1024. What kind of number has
    no largest one in Python?"""
    return math.floor(math.log2(2.0**bits) / math.log2(values))


@replaces("most_pairs", ends="timeout")
def every_power_anew(bits, values):
    """You compute powers of a million bits anew for every n, up to a hundred thousand times. How close to the result
    can you begin?"""
    n = 0
    while values ** (n + 1) <= 2**bits:
        n += 1
    return n
