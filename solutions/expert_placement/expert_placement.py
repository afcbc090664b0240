"""Experts on several cards: who holds which, which copy a token goes to, and what each card has to do then."""

from collections import Counter, defaultdict

import torch
from torch import Tensor


def place_experts(load: list[float], num_cards: int, slots: int) -> list[list[int]]:
    """Lay experts, and copies of the busy ones, on cards so that all cards have about the same load.

    1. Each of the E experts gets one copy. Each place that is left gets one more copy, of the expert that has the
       largest load per copy at that moment: its load over the number of its copies. Of equal ones the lower number.
    2. The copies are laid down one by one, those with the larger load per copy first (of equal ones the lower number
       first): each on the card with the smallest sum so far among those that have a free place, of equal ones the
       card with the lower number. Two copies of one expert may come to lie on one card.

    load: E numbers, 0 or more: how many tokens went to each expert in a sample of texts. It is not changed.
    num_cards, slots: 1 or more; each card has slots places, and all of them are filled.
    Returns: for each card the numbers of its experts, in rising order.
    Raises: ValueError if there are fewer places than experts.

    >>> place_experts([60.0, 20.0, 15.0, 5.0], num_cards=3, slots=2)  # expert 0 has three copies
    [[0, 1], [0, 2], [0, 3]]
    """
    if num_cards * slots < len(load):
        raise ValueError(f"{num_cards} cards with {slots} places each cannot hold {len(load)} experts")
    copies = [1] * len(load)

    def share(e: int) -> float:  # the load of one copy
        return load[e] / copies[e]

    for _ in range(num_cards * slots - len(load)):
        copies[max(range(len(load)), key=share)] += 1  # of equal ones, max takes the first

    placement: list[list[int]] = [[] for _ in range(num_cards)]
    sums = [0.0] * num_cards
    for e in sorted(range(len(load)), key=lambda e: -share(e)):
        for _ in range(copies[e]):
            free = [card for card in range(num_cards) if len(placement[card]) < slots]
            card = min(free, key=lambda card: sums[card])
            placement[card].append(e)
            sums[card] += share(e)
    return [sorted(experts) for experts in placement]


def choose_cards(choices: Tensor, placement: list[list[int]], gather: bool = False) -> Tensor:
    """Which card computes each choice of each token.

    The copies of an expert are ordered by the number of their card.

    gather False, tokens are shared out: the tokens that chose an expert, in the order of the table, take its copies in
        turn: the first copy, the second, ..., the last, the first again.
    gather True, experts are read as seldom as possible: all tokens of an expert go to one card. The experts that occur
        in the table are taken one after the other, those that lie on fewer cards first, of equal ones the lower
        number first. Each goes to that one of its cards which has been given the fewest experts so far, of equal ones
        to the card with the lower number.

    choices: int64 (T, k), the k different experts of each token. It is not changed.
    placement: as place_experts returns it; each expert of the table is on some card.
    Returns: int64 (T, k), numbers of cards.

    >>> choices, placement = torch.tensor([[0, 1], [0, 2], [0, 1]]), [[0, 1], [0, 2]]
    >>> choose_cards(choices, placement).tolist()
    [[0, 0], [1, 1], [0, 0]]
    >>> choose_cards(choices, placement, gather=True).tolist()
    [[0, 0], [0, 1], [0, 0]]
    """
    copies = defaultdict(list)  # the cards of each expert, once for each copy
    for card, experts in enumerate(placement):
        for e in experts:
            copies[e].append(card)

    cards = torch.empty_like(choices)
    if gather:
        given = [0] * len(placement)  # how many experts each card computes
        for e in sorted(choices.unique().tolist(), key=lambda e: len(set(copies[e]))):
            card = min(copies[e], key=lambda card: given[card])
            cards[choices == e] = card
            given[card] += 1
    else:
        turn: Counter[int] = Counter()  # how many tokens each expert has had
        for t, experts in enumerate(choices.tolist()):
            for s, e in enumerate(experts):
                cards[t, s] = copies[e][turn[e] % len(copies[e])]
                turn[e] += 1
    return cards


def card_work(choices: Tensor, cards: Tensor, num_cards: int) -> tuple[Tensor, Tensor]:
    """What each card has to compute and to read.

    choices: int64 (T, k), experts. cards: int64 (T, k), the card that computes each choice. num_cards: all cards, also
        those that have nothing to do.
    Returns: two int64 tensors (num_cards,):
        how many choices the card computes; a token counts once for each of its experts there;
        how many different experts it reads for that. However many tokens need an expert, a card reads it once.

    >>> tokens, experts = card_work(torch.tensor([[0, 1], [0, 2], [0, 1]]), torch.tensor([[0, 0], [1, 1], [0, 0]]), 2)
    >>> tokens.tolist(), experts.tolist()
    ([4, 2], [2, 2])
    """
    tokens = torch.bincount(cards.flatten(), minlength=num_cards)
    read = torch.stack([cards.flatten(), choices.flatten()], dim=1).unique(dim=0)  # each pair of card and expert once
    experts = torch.bincount(read[:, 0], minlength=num_cards)
    return tokens, experts


def machine_traffic(cards: Tensor, home: Tensor, cards_per_machine: int) -> int:
    """How many vectors travel from one machine to another, one way.

    A token's vector is sent once to each machine, other than its own, in which at least one of its choices is computed,
    however many of them are.

    cards: int64 (T, k), the card that computes each choice. home: int64 (T,), the card on which each token is.
    cards_per_machine: machine m has the cards m · cards_per_machine and the following ones.

    >>> machine_traffic(torch.tensor([[2, 3], [0, 1], [0, 3]]), home=torch.tensor([0, 1, 2]), cards_per_machine=2)
    2
    """
    sent = 0
    for t, machines in enumerate((cards // cards_per_machine).tolist()):
        sent += len(set(machines) - {int(home[t]) // cards_per_machine})
    return sent
