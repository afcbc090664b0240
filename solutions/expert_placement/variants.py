"""Right solutions in other styles. None of them may lose a point."""

import heapq
from collections import Counter
from fractions import Fraction
from itertools import cycle

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces


@replaces("place_experts")
def heaps_and_fractions(load: list[float], num_cards: int, slots: int) -> list[list[int]]:
    """a heap of experts and a heap of cards, in exact fractions"""
    if len(load) > num_cards * slots:
        raise ValueError("places")
    experts = [(-Fraction(n), e, 1) for e, n in enumerate(load)]
    heapq.heapify(experts)
    for _ in range(num_cards * slots - len(load)):
        _, e, n = experts[0]
        heapq.heapreplace(experts, (-Fraction(load[e]) / (n + 1), e, n + 1))
    cards = [(Fraction(0), card, []) for card in range(num_cards)]
    full = []
    for share, e, n in sorted(experts):
        for _ in range(n):
            total, card, held = heapq.heappop(cards)
            held.append(e)
            if len(held) == slots:
                full.append((card, held))
            else:
                heapq.heappush(cards, (total - share, card, held))
    return [sorted(held) for _, held in sorted(full)]


@replaces("place_experts")
def tables_of_torch(load: list[float], num_cards: int, slots: int) -> list[list[int]]:
    """float32 tensors, with infinity on cards that are full"""
    number, copies = torch.tensor(load), torch.ones(len(load))
    spare = num_cards * slots - len(load)
    if spare < 0:
        raise ValueError(f"{-spare} experts have no place")
    for _ in range(spare):
        copies[(number / copies).argmax()] += 1
    share = number / copies
    queue = share.argsort(descending=True, stable=True).repeat_interleave(
        copies[share.argsort(descending=True, stable=True)].long()
    )
    sums, used = torch.zeros(num_cards), torch.zeros(num_cards, dtype=torch.int64)
    table = torch.zeros(num_cards, slots, dtype=torch.int64)
    for e in queue:
        card = sums.masked_fill(used == slots, torch.inf).argmin()
        table[card, used[card]] = e
        sums[card] += share[e]
        used[card] += 1
    return table.sort(dim=1).values.tolist()


@replaces("place_experts")
def seats_of_a_parliament(load: list[float], num_cards: int, slots: int) -> list[tuple[int, ...]]:
    """all quotients are sorted once, and cards are sorted again and again; tuples instead of lists"""
    places = num_cards * slots
    if places < len(load):
        raise ValueError(places)
    quotients = sorted((-votes / n, e) for e, votes in enumerate(load) for n in range(1, places + 1))
    copies = Counter(range(len(load))) + Counter(e for _, e in quotients[: places - len(load)])
    cards = [[0.0, card, ()] for card in range(num_cards)]
    done = []
    for e in sorted(copies, key=lambda e: (-load[e] / copies[e], e)):
        for _ in range(copies[e]):
            cards.sort()
            cards[0][0] += load[e] / copies[e]
            cards[0][2] += (e,)
            if len(cards[0][2]) == slots:
                done.append(cards.pop(0))
    return [tuple(sorted(held)) for _, _, held in sorted(done, key=lambda card: card[1])]


@replaces("choose_cards")
def one_hot_and_running_sums(choices: Tensor, placement: list[list[int]], gather: bool = False) -> Tensor:
    """tables of experts and cards, a running sum for the turns"""
    held = torch.tensor(placement)
    E = int(max(held.max(), choices.max())) + 1
    copies = torch.stack([(held == e).sum(dim=1) for e in range(E)])  # (E, cards)
    if gather:
        on = copies > 0
        given, where = torch.zeros(len(placement)), torch.zeros(E, dtype=torch.int64)
        wanted = torch.bincount(choices.flatten(), minlength=E) > 0
        for e in on.sum(dim=1).argsort(stable=True):
            if wanted[e]:
                where[e] = given.masked_fill(~on[e], torch.inf).argmin()
                given[where[e]] += 1
        return where[choices]
    taken = torch.nn.functional.one_hot(choices, E).sum(dim=1)  # (T, E)
    before = (taken.cumsum(dim=0) - taken).gather(1, choices)
    turn = before % copies.sum(dim=1)[choices]
    return (copies.cumsum(dim=1)[choices] <= turn.unsqueeze(-1)).sum(dim=-1)


@replaces("choose_cards")
def cycles(choices: Tensor, placement: list[list[int]], gather: bool = False) -> Tensor:
    """itertools.cycle for each expert, and recursion over those that are still without a card"""
    copies = {}
    for card in range(len(placement)):
        for e in placement[card]:
            copies.setdefault(e, []).append(card)
    if not gather:
        turns = {e: cycle(cards) for e, cards in copies.items()}
        return torch.tensor([[next(turns[e]) for e in row] for row in choices.tolist()])

    def take(waiting: set[int], given: dict[int, int]) -> dict[int, int]:
        if not waiting:
            return given
        e = min(waiting, key=lambda e: (len({*copies[e]}), e))
        load = Counter(given.values())
        return take(waiting - {e}, {**given, e: min((load[card], card) for card in copies[e])[1]})

    where = take(set(choices.flatten().tolist()), {})
    return choices.clone().apply_(where.get)


@replaces("choose_cards")
def in_numpy(choices: Tensor, placement: list[list[int]], gather: bool = False) -> Tensor:
    """NumPy, with masks for each expert; the result is a transposed view"""
    table, held = choices.numpy(), np.array(placement)
    cards = np.zeros(table.shape[::-1], dtype=np.int64).T
    experts = np.unique(table)
    if gather:
        experts = experts[np.argsort([(held == e).any(axis=1).sum() for e in experts], kind="stable")]
    given = np.zeros(len(held))
    for e in experts:
        where = np.nonzero(held == e)[0]
        mine = table == e
        if gather:
            best = where[given[where].argmin()]
            given[best] += 1
            cards[mine] = best
        else:
            cards[mine] = np.resize(where, mine.sum())
    return torch.from_numpy(cards)


@replaces("card_work")
def masks(choices: Tensor, cards: Tensor, num_cards: int) -> tuple[Tensor, Tensor]:
    """a mask for each card; a list instead of a tuple"""
    here = [cards == card for card in range(num_cards)]
    tokens = torch.stack([mine.sum() for mine in here])
    return [tokens, torch.tensor([choices[mine].unique().numel() for mine in here])]


@replaces("card_work")
def table_of_cards_and_experts(choices: Tensor, cards: Tensor, num_cards: int) -> tuple[Tensor, Tensor]:
    """a table of how many tokens of each expert a card has"""
    table = torch.zeros(num_cards, int(choices.max()) + 1, dtype=torch.int64)
    table.index_put_((cards, choices), torch.ones((), dtype=torch.int64), accumulate=True)
    return table.sum(dim=1), (table > 0).sum(dim=1)


@replaces("card_work")
def counters(choices: Tensor, cards: Tensor, num_cards: int) -> tuple[Tensor, Tensor]:
    """loops over rows, a counter and sets"""
    tokens, experts = Counter(), [set() for _ in range(num_cards)]
    for row, where in zip(choices, cards, strict=True):
        for e, card in zip(row.tolist(), where.tolist(), strict=True):
            tokens[card] += 1
            experts[card].add(e)
    return torch.tensor([tokens[card] for card in range(num_cards)]), torch.tensor([*map(len, experts)])


@replaces("machine_traffic")
def table_of_machines(cards: Tensor, home: Tensor, cards_per_machine: int) -> Tensor:
    """a table of tokens and machines; the result is a tensor without axes"""
    machine, own = cards // cards_per_machine, home.unsqueeze(1) // cards_per_machine
    wanted = torch.zeros(len(cards), int(max(machine.max(), own.max())) + 1, dtype=torch.bool)
    return wanted.scatter(1, machine, value=True).scatter(1, own, value=False).sum()


@replaces("machine_traffic")
def sorted_rows(cards: Tensor, home: Tensor, cards_per_machine: int) -> int:
    """sorted rows that begin with the own machine: each change is a vector"""
    sent = 0
    for row, own in zip(cards.numpy(), home.numpy(), strict=True):
        machines = np.unique([own // cards_per_machine, *(row // cards_per_machine)])
        sent += len(machines) - 1
    return sent


@replaces("machine_traffic")
def pairs_of_token_and_machine(cards: Tensor, home: Tensor, cards_per_machine: int) -> int:
    """a set of pairs (token, machine), by divmod"""
    own = [divmod(card, cards_per_machine)[0] for card in home.tolist()]
    there = {(t, divmod(card, cards_per_machine)[0]) for t, row in enumerate(cards.tolist()) for card in row}
    return len(there - {*enumerate(own)})
