"""The reference of expert_placement against NumPy's view of the docstrings, and the figures of its statement.

What is drawn comes from Python's generator and NumPy's RandomState, whose numbers stay the same between versions.
"""

import random
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import reference


def choices_of(seed: int, T: int, E: int, k: int, falling: float = 0.6) -> Tensor:
    """Draw k different experts for each token, where expert e is popular in proportion to (e + 1) ** -falling."""
    u = np.random.RandomState(seed).random_sample((T, E))
    scores = -falling * np.log(np.arange(1, E + 1)) - np.log(-np.log(u))
    return torch.from_numpy(np.argsort(-scores, axis=1)[:, :k].copy())


def placed(load: list[int], num_cards: int, slots: int) -> list[list[int]]:
    """Place experts with matrices of NumPy, where every share is a whole number.

    Loads are multiplied by a number that all numbers of copies divide.
    """
    E, places = len(load), num_cards * slots
    whole = int(np.lcm.reduce(np.arange(1, places + 1)))
    copies = np.ones(E, dtype=object)
    scaled = np.array([n * whole for n in load], dtype=object)
    while copies.sum() < places:
        copies[np.argmax(scaled // copies)] += 1
    share = scaled // copies
    held = np.zeros((num_cards, E), dtype=object)
    for e in np.lexsort((np.arange(E), [-s for s in share])):
        for _ in range(copies[e]):
            sums = held @ share
            sums[held.sum(axis=1) == slots] = 2 * sum(scaled) + 1
            held[np.argmin(sums), e] += 1
    return [[e for e in range(E) for _ in range(row[e])] for row in held]


@pytest.mark.parametrize("seed", range(30))
def test_placements_are_those_of_whole_numbers(seed: int) -> None:
    """Loads are primes, which seldom tie, or a few numbers that tie often and can be divided by up to 16 copies."""
    draw = random.Random(seed)
    num_cards, slots = draw.randint(1, 6), draw.randint(1, 5)
    E = draw.randint(-(-num_cards * slots // 2), num_cards * slots)
    primes = [p for p in range(100, 1000) if all(p % q for q in range(2, 32))]
    divided = 720_720  # by 1, 2, ..., 16
    load = draw.sample(primes, E) if seed % 2 else [divided * draw.choice([0, 1, 2, 4]) for _ in range(E)]
    ours = reference("expert_placement").place_experts([float(n) for n in load], num_cards, slots)
    assert ours == placed(load, num_cards, slots)


@pytest.mark.parametrize("seed", range(10))
def test_no_other_numbers_of_copies_have_a_smaller_largest_share(seed: int) -> None:
    draw = random.Random(seed)
    load = [draw.randint(0, 500) for _ in range(4)]
    placement = reference("expert_placement").place_experts([float(n) for n in load], 3, 3)
    copies = [sum(held.count(e) for held in placement) for e in range(4)]
    shares = [max(Fraction(n, c) for n, c in zip(load, way, strict=True)) for way in ways(4, 9)]
    assert max(Fraction(n, c) for n, c in zip(load, copies, strict=True)) == min(shares)


def ways(E: int, places: int) -> list[tuple[int, ...]]:
    """List all numbers of copies, at least one each, that fill the places."""
    cuts = combinations(range(1, places), E - 1)
    return [tuple(b - a for a, b in zip((0, *cut), (*cut, places), strict=True)) for cut in cuts]


def test_the_statement_says_what_the_two_rules_miss() -> None:
    """The busiest card of the example has 40. Of all placements, 35 is the least."""
    load = [60.0, 20.0, 15.0, 5.0]
    ours = reference("expert_placement").place_experts(load, 3, 2)
    assert [sum(load[e] / (3 if e == 0 else 1) for e in held) for held in ours] == [40, 35, 25]
    best: dict[tuple[int, ...], float] = {}
    for way in ways(4, 6):
        copies = [e for e, n in enumerate(way) for _ in range(n)]
        shares = [load[e] / way[e] for e in copies]
        for cards in product(range(3), repeat=6):
            if all(cards.count(card) == 2 for card in range(3)):
                busiest = max(sum(s for s, c in zip(shares, cards, strict=True) if c == card) for card in range(3))
                best[way] = min(best.get(way, busiest), busiest)
    assert min(best.values()) == best[2, 1, 1, 2] == 35


@pytest.mark.parametrize("seed", range(10))
def test_cards_work_and_traffic_are_those_of_counting_in_numpy(seed: int) -> None:
    ours = reference("expert_placement")
    draw = random.Random(seed)
    T, E, k, num_cards, slots, per_machine = 23, 9, 3, 6, 3, 2
    choices = choices_of(seed, T, E, k)
    placement = ours.place_experts([float(draw.randint(0, 99)) for _ in range(E)], num_cards, slots)
    held = np.array(placement)
    table = choices.numpy()
    for gather in (False, True):
        cards = ours.choose_cards(choices, placement, gather)
        for e in range(E):
            homes = np.nonzero(held == e)[0]
            mine = cards.numpy()[table == e]
            expected = np.resize(homes, len(mine)) if not gather else np.resize(mine[:1], len(mine))
            assert mine.tolist() == expected.tolist()
            assert set(mine.tolist()) <= set(homes.tolist())
        work = np.zeros((num_cards, E), dtype=int)
        np.add.at(work, (cards.numpy(), table), 1)
        tokens, experts = ours.card_work(choices, cards, num_cards)
        assert tokens.tolist() == work.sum(axis=1).tolist()
        assert experts.tolist() == (work > 0).sum(axis=1).tolist()
        home = torch.tensor([draw.randrange(num_cards) for _ in range(T)])
        there = np.zeros((T, num_cards // per_machine), dtype=bool)
        there[np.arange(T)[:, None], cards.numpy() // per_machine] = True
        there[np.arange(T), home.numpy() // per_machine] = False
        assert ours.machine_traffic(cards, home, per_machine) == there.sum()


@pytest.mark.parametrize("seed", range(10))
def test_gathered_experts_go_where_fewest_are(seed: int) -> None:
    """Replay the order: nobody had a card with fewer experts, or an equal one with a lower number."""
    ours = reference("expert_placement")
    E, num_cards, slots = 12, 5, 4
    choices = choices_of(seed, 7, E, 3)
    placement = ours.place_experts([float(E - e) for e in range(E)], num_cards, slots)
    cards = ours.choose_cards(choices, placement, gather=True)
    on = np.array([[e in held for held in placement] for e in range(E)])
    wanted = np.unique(choices)
    given = np.zeros(num_cards)
    for e in wanted[np.argsort(on[wanted].sum(axis=1), kind="stable")]:
        (card,) = set(cards[choices == e].tolist())
        assert card == np.where(on[e], given, np.inf).argmin()
        given[card] += 1


def test_figures_of_the_statement() -> None:
    """32 cards, 256 experts, 8 per token: what the busiest card does with and without copies."""
    ours = reference("expert_placement")
    E, k, num_cards = 256, 8, 32
    load = choices_of(0, 50_000, E, k).flatten().bincount(minlength=E).double()
    assert load.max() / load.mean() == pytest.approx(10.5, abs=0.1)
    prefill = choices_of(1, 16_384, E, k)
    steps = {T: [choices_of(100 * T + i, T, E, k) for i in range(20)] for T in (16, 64)}

    def work(choices: Tensor, placement: list[list[int]], gather: bool = False) -> Any:
        return ours.card_work(choices, ours.choose_cards(choices, placement, gather), num_cards)

    table = {}
    for slots in (8, 9, 12):
        placement = ours.place_experts(load.tolist(), num_cards, slots)
        busiest = int(work(prefill, placement)[0].max())
        means = []
        for T, gather in product((64, 16), (False, True)):
            read = torch.stack([work(step, placement, gather)[1] for step in steps[T]]).double()
            means.append((read.amax(dim=1).mean().item(), read.sum(dim=1).mean().item()))
        table[slots] = (busiest, *(f"{most:.1f} of {together:.0f}" for most, together in means))
    assert table == {  # in a prefill; in steps of 64 tokens, shared out and gathered; in steps of 16
        8: (6989, "8.0 of 196", "8.0 of 196", "5.3 of 90", "5.3 of 90"),
        9: (4245, "8.9 of 227", "7.9 of 196", "6.2 of 107", "5.2 of 90"),
        12: (4212, "11.8 of 303", "7.7 of 196", "7.3 of 119", "4.5 of 90"),
    }
