"""Placements in exact fractions, cards and work by counting, and what copies are good for.

Loads are multiples of 2520, which all numbers of copies up to 10 divide. So the load of a copy is a whole number, sums
are exact in every order, and what is equal on paper is equal in a computer.
"""

from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
import torch
from test_public import number

from grader.testing import assert_equal, needs, points

UNIT = 2520

SIZES = [  # experts, cards, places on each card; at most 9 copies more than there are experts
    (1, 3, 2),
    (5, 1, 7),
    (4, 7, 1),
    (6, 6, 1),
    (3, 2, 4),
    (7, 4, 3),
    (9, 5, 2),
    (11, 4, 5),
    (12, 6, 3),
    (24, 8, 4),
]


def random_loads(rng, E, high=60):
    """E loads that fall off, in a random order; the last fifth of them is 0."""
    falling = [UNIT * (1 + int(high * u**3)) for u in rng.rand(E).tolist()]
    for i in range(E // 5):
        falling[i] = 0
    return [float(falling[i]) for i in rng.randperm(E).tolist()]


def right_copies(load, places):
    """How many copies each expert gets. Copy j + 1 comes when the load over j is the largest of all that are left."""
    offers = sorted((-Fraction(n) / j, e) for e, n in enumerate(load) for j in range(1, places + 1))
    taken = Counter(e for _, e in offers[: places - len(load)])
    return [1 + taken[e] for e in range(len(load))]


def right_placement(load, num_cards, slots):
    """What place_experts should return."""
    copies = right_copies(load, num_cards * slots)
    queue = sorted((-Fraction(load[e]) / n, e) for e, n in enumerate(copies) for _ in range(n))
    cards = [[] for _ in range(num_cards)]
    for share, e in queue:
        _, card = min((-sum(share for share, _ in c), i) for i, c in enumerate(cards) if len(c) < slots)
        cards[card].append((share, e))
    return [sorted(e for _, e in card) for card in cards]


def check_placement(submission, load, num_cards, slots):
    placement = submission.place_experts(load, num_cards, slots)
    assert_equal(placement, right_placement(load, num_cards, slots), name="placement")


def random_placement(rng, E, num_cards, slots):
    """Each expert somewhere, and copies of random ones in the places that are left."""
    experts = [*range(E), *rng.randint(0, E, (num_cards * slots - E,)).tolist()]
    order = rng.randperm(len(experts)).tolist()
    return [sorted(experts[i] for i in order[c * slots : (c + 1) * slots]) for c in range(num_cards)]


def random_choices(rng, T, E, k):
    """int64 (T, k), different experts in each row, some of them chosen often."""
    scores = rng.randn(T, E) + 1.5 * rng.randn(E)
    return scores.argsort(-1)[:, :k].contiguous()


def cards_of(placement, e):
    """The card of each copy of an expert, in rising order."""
    return [card for card, experts in enumerate(placement) for each in experts if each == e]


def shared_out(choices, placement):
    """What choose_cards should return, expert by expert."""
    cards = torch.full_like(choices, -1)
    for e in set(choices.flatten().tolist()):
        copies = cards_of(placement, e)
        for turn, (t, s) in enumerate((choices == e).nonzero().tolist()):
            cards[t, s] = copies[turn % len(copies)]
    return cards


def gathered(choices, placement):
    """What choose_cards should return with gather=True."""
    card = {}  # of each expert that has been taken
    for _, e in sorted((len(set(cards_of(placement, e))), e) for e in set(choices.flatten().tolist())):
        given = list(card.values())
        card[e] = min((given.count(c), c) for c in cards_of(placement, e))[1]
    return torch.tensor([[card[e] for e in row] for row in choices.tolist()])


def most_read(choices, cards):
    """How many experts the card reads that reads the most."""
    pairs = set(zip(cards.flatten().tolist(), choices.flatten().tolist(), strict=True))
    return max(Counter(card for card, _ in pairs).values())


@points(3)
def test_copies(submission, rng):
    """how many copies each expert has"""
    for E, num_cards, slots in SIZES:
        load = random_loads(rng, E)
        placement = submission.place_experts(load, num_cards, slots)
        found = Counter(e for card in placement for e in card)
        expected = right_copies(load, num_cards * slots)
        assert_equal([found[e] for e in range(E)], expected, name="copies of each expert")
    load = [5.0, 8.0, 3.0]  # halves and thirds are no whole numbers
    for slots in (2, 3, 5):
        found = Counter(e for card in submission.place_experts(load, 2, slots) for e in card)
        assert_equal([found[e] for e in range(3)], right_copies(load, 2 * slots), name="copies of each expert")


@points(5)
def test_place(submission, rng):
    """copies on cards, the largest first"""
    for E, num_cards, slots in SIZES:
        check_placement(submission, random_loads(rng, E), num_cards, slots)
    for load in ([9.0, 4.0, 4.5, 1.0], [2.0, 0.5, 7.0]):
        check_placement(submission, load, 2, 3)


@points(2)
def test_ties(submission, rng):
    """equal loads and sums; two on one card"""
    for E, num_cards, slots in SIZES:
        load = [float(UNIT * (0, 1, 1, 2, 4)[i]) for i in rng.randint(0, 5, (E,)).tolist()]
        check_placement(submission, load, num_cards, slots)
    check_placement(submission, [0.0, 0.0, 0.0], 2, 3)
    check_placement(submission, [12.0, 6.0, 4.0, 4.0], 3, 2)  # a copy of expert 0 is as large as expert 1
    check_placement(submission, [100.0, 60.0, 1.0], 2, 3)  # both cards hold a copy of expert 0; one of them a second


@points(2)
def test_too_few_places(submission):
    """ValueError, but not for an exact fit"""
    load = [9.0, 2.0, 5.0, 4.0, 3.0, 1.0]
    check_placement(submission, load, 3, 2)
    check_placement(submission, load, 6, 1)
    for num_cards, slots in ((5, 1), (1, 5), (2, 2)):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.place_experts(load, num_cards, slots)


@points(1)
@needs(test_copies)
def test_largest_copy(submission, rng):
    """other numbers of copies are no better"""
    E, num_cards, slots = 4, 5, 2
    ways = [n for n in product(range(1, 8), repeat=E) if sum(n) == num_cards * slots]
    for _ in range(3):
        load = random_loads(rng, E)
        copies = Counter(e for card in submission.place_experts(load, num_cards, slots) for e in card)
        largest = max(load[e] / copies[e] for e in range(E))
        best = min(max(load[e] / n[e] for e in range(E)) for n in ways)
        assert_equal(largest, best, name="largest load of a copy")


@points(3)
def test_shared_out(submission, rng):
    """an expert's tokens take copies in turn"""
    for T, k, E, num_cards, slots in ((13, 2, 5, 4, 3), (9, 3, 7, 6, 2), (17, 1, 3, 2, 5), (11, 4, 6, 3, 7)):
        choices, placement = random_choices(rng, T, E, k), random_placement(rng, E, num_cards, slots)
        expected = shared_out(choices, placement)
        assert_equal(submission.choose_cards(choices, placement), expected, name="cards")
        assert_equal(submission.choose_cards(choices, placement, False), expected, name="cards")


@points(1)
@needs(test_shared_out)
def test_even_shares(submission, rng):
    """copies differ by one token at most"""
    T, E, k, num_cards = 47, 4, 2, 3
    choices = random_choices(rng, T, E, k)
    cards = submission.choose_cards(choices, [[0, 1, 3], [0, 1, 2], [0, 2, 3]])
    for e, homes in enumerate(([0, 1, 2], [0, 1], [1, 2], [0, 2])):
        mine = cards[choices == e]
        expected = [0] * num_cards
        for turn in range(len(mine)):
            expected[homes[turn % len(homes)]] += 1
        assert_equal(mine.bincount(minlength=num_cards).tolist(), expected, name=f"tokens of expert {e} on each card")


@points(1)
def test_two_on_one_card(submission):
    """two copies on one card have two turns"""
    choices = torch.tensor([[0, 1], [0, 2], [1, 0], [0, 3], [2, 0], [0, 1], [3, 0]])
    placement = [[0, 1, 2], [0, 0, 3]]
    expected = torch.tensor([[0, 0], [1, 0], [0, 1], [0, 1], [0, 1], [1, 0], [1, 0]])
    assert_equal(submission.choose_cards(choices, placement), expected, name="cards")


@points(3)
def test_gathered(submission, rng):
    """all tokens of an expert go to one card"""
    for T, k, E, num_cards, slots in (
        (13, 2, 5, 4, 3),
        (9, 3, 7, 6, 2),
        (17, 1, 3, 2, 5),
        (11, 4, 8, 3, 7),
        (6, 5, 12, 4, 5),
    ):
        choices, placement = random_choices(rng, T, E, k), random_placement(rng, E, num_cards, slots)
        cards = submission.choose_cards(choices, placement, gather=True)
        assert_equal(cards, gathered(choices, placement), name="cards")


@points(1)
def test_few_cards_first(submission):
    """those with the least choice go first"""
    choices = torch.tensor([[0, 3], [3, 1], [2, 0]])
    placement = [[0, 1, 3], [0, 1, 2], [1, 2, 4]]  # 3 on one card, 0 and 2 on two, 1 on all
    expected = torch.tensor([[1, 0], [0, 0], [2, 1]])
    assert_equal(submission.choose_cards(choices, placement, gather=True), expected, name="cards")
    choices = torch.tensor([[1, 0], [0, 1], [1, 0]])
    placement = [[0, 0, 1], [0, 1, 2]]  # three copies of expert 0 and two of expert 1, both on two cards
    expected = torch.tensor([[1, 0], [0, 1], [1, 0]])
    assert_equal(submission.choose_cards(choices, placement, gather=True), expected, name="cards")


@points(1)
def test_only_experts_count(submission):
    """tokens and unchosen experts don't count"""
    placement = [[0, 1, 2], [0, 1, 3], [4, 5, 6]]
    choices = torch.tensor([[3, 0], [3, 0], [3, 1], [3, 0]])  # card 1 has four tokens, for one expert
    expected = torch.tensor([[1, 0], [1, 0], [1, 0], [1, 0]])
    assert_equal(submission.choose_cards(choices, placement, gather=True), expected, name="cards")
    choices = torch.tensor([[0, 2], [1, 2], [3, 1]])  # expert 1 has more tokens than expert 0, and comes after it
    expected = torch.tensor([[0, 0], [1, 0], [1, 1]])
    assert_equal(submission.choose_cards(choices, [[0, 1, 2], [0, 1, 3]], gather=True), expected, name="cards")


@points(1)
@needs(test_gathered)
def test_even_reading(submission):
    """the busiest card reads as few as it can"""
    placement = [[0, 1, 2], [2, 3, 4], [0, 3, 5], [1, 4, 5]]
    choices = torch.tensor([[0, 1], [2, 3], [4, 5], [0, 5]])
    E, num_cards = 6, 4
    best = min(
        max(Counter(way).values())
        for way in product(range(num_cards), repeat=E)
        if all(e in placement[card] for e, card in enumerate(way))
    )
    cards = submission.choose_cards(choices, placement, gather=True)
    assert_equal(most_read(choices, cards), best, name="experts of the busiest card")


@points(3)
def test_work(submission, rng):
    """every choice, and every expert once"""
    for T, k, E, num_cards in ((13, 2, 5, 4), (9, 3, 7, 6), (17, 1, 3, 2), (8, 4, 6, 5)):
        choices, cards = random_choices(rng, T, E, k), rng.randint(0, num_cards, (T, k))
        tokens, experts = submission.card_work(choices, cards, num_cards)
        pairs = list(zip(cards.flatten().tolist(), choices.flatten().tolist(), strict=True))
        expected = [sum(card == c for c, _ in pairs) for card in range(num_cards)]
        assert_equal(tokens, torch.tensor(expected), name="choices computed")
        expected = [len({e for c, e in pairs if c == card}) for card in range(num_cards)]
        assert_equal(experts, torch.tensor(expected), name="experts read")


@points(1)
def test_idle_cards(submission):
    """idle cards are there, with zeros"""
    choices, cards = torch.tensor([[4, 0], [1, 4], [4, 1]]), torch.tensor([[3, 1], [3, 3], [1, 3]])
    tokens, experts = submission.card_work(choices, cards, 7)
    assert_equal(tokens, torch.tensor([0, 2, 0, 4, 0, 0, 0]), name="choices computed")
    assert_equal(experts, torch.tensor([0, 2, 0, 2, 0, 0, 0]), name="experts read")


@points(2)
def test_traffic(submission, rng):
    """one vector for each other machine"""
    for T, k, machines, per_machine in ((13, 4, 3, 2), (9, 5, 2, 3), (7, 3, 5, 4), (6, 2, 8, 1)):
        cards, home = (rng.randint(0, machines * per_machine, shape) for shape in ((T, k), (T,)))
        expected = 0
        for m in range(machines):
            here = range(m * per_machine, (m + 1) * per_machine)
            for t in range(T):
                expected += int(home[t]) not in here and any(card in here for card in cards[t].tolist())
        sent = submission.machine_traffic(cards, home, per_machine)
        assert_equal(number(sent), expected, name="vectors sent")


@points(1)
def test_own_machine(submission):
    """what stays in a machine costs nothing"""
    sent = submission.machine_traffic(torch.tensor([[3, 8], [4, 5]]), torch.tensor([1, 2]), cards_per_machine=3)
    assert_equal(number(sent), 3, name="vectors sent")
    cards, home = torch.tensor([[3, 4, 5], [0, 1, 1], [5, 5, 3]]), torch.tensor([4, 2, 5])
    sent = submission.machine_traffic(cards, home, cards_per_machine=3)
    assert_equal(number(sent), 0, name="vectors sent")
    sent = submission.machine_traffic(cards, home + 3, cards_per_machine=3)  # no token is in the machine of its experts
    assert_equal(number(sent), 3, name="vectors sent")


@points(1)
@needs(test_place, test_shared_out, test_gathered, test_work)
def test_what_copies_are_good_for(submission, rng):
    """a faster prefill; a step reads more"""
    E, num_cards, k = 24, 8, 3
    popularity = 1.5 * torch.arange(1, E + 1, dtype=torch.float64).log()

    def texts(T):
        gumbel = -(-rng.rand(T, E).log()).log()
        return (gumbel - popularity).argsort(-1, descending=True)[:, :k].contiguous()

    def work(choices, placement, **how):
        return submission.card_work(choices, submission.choose_cards(choices, placement, **how), num_cards)

    load = texts(2000).flatten().bincount(minlength=E).double().tolist()
    plain, copied = (submission.place_experts(load, num_cards, slots) for slots in (3, 4))
    prefill, step = texts(500), texts(29)
    busiest = [int(work(prefill, placement)[0].max()) for placement in (plain, copied)]
    assert busiest[1] < busiest[0], f"The busiest card computes {busiest[0]} without copies and {busiest[1]} with them."
    read = [int(work(step, placement)[1].sum()) for placement in (plain, copied)]
    assert read[1] > read[0], f"All cards read {read[0]} experts without copies and {read[1]} with them."
    read_gathered = int(work(step, copied, gather=True)[1].sum())
    assert_equal(read_gathered, read[0], name="experts read in all, with copies and gathered")
