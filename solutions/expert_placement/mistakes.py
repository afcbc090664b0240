"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math
from collections import Counter

import torch
from expert_placement import card_work, choose_cards, machine_traffic, place_experts
from torch import Tensor

from grader.testing import replaces

Placement = list[list[int]]


def copied(load, places, score=lambda n, copies: n / copies, choose=max, order=list) -> list[int]:
    """How many copies each expert gets: one more for the one with the best score, of equal ones the first."""
    if places < len(load):
        raise ValueError("places")
    copies = [1] * len(load)
    for _ in range(places - len(load)):
        copies[choose(order(range(len(load))), key=lambda e: score(load[e], copies[e]))] += 1
    return copies


def queued(load, copies, key=lambda n, copies: -n / copies) -> list[int]:
    """The copies in the order of laying down, an expert as often as it has copies."""
    return [e for e in sorted(range(len(load)), key=lambda e: key(load[e], copies[e])) for _ in range(copies[e])]


def laid(
    queue, num_cards, slots, weight, best=lambda total, held, card: total, last=False, room=None, check=None
) -> Placement:
    """Copies on cards: each on the best card that has a free place."""
    cards, totals = [[] for _ in range(num_cards)], [0.0] * num_cards
    for e in queue:
        free = [card for card in range(num_cards) if len(cards[card]) < (slots if room is None else room)]
        if check is not None:
            free = check(free, cards, e)
        card = min(reversed(free) if last else free, key=lambda card: best(totals[card], cards[card], card))
        cards[card].append(e)
        totals[card] += weight(e)
    return [sorted(held) for held in cards]


def placed(load, num_cards, slots, *, copies=None, queue=None, weight=None, **how) -> Placement:
    """The right placement, with one part of it exchanged."""
    copies = copied(load, num_cards * slots) if copies is None else copies
    queue = queued(load, copies) if queue is None else queue
    return laid(queue, num_cards, slots, weight or (lambda e: load[e] / copies[e]), **how)


@replaces("place_experts")
def copies_by_total_load(load, num_cards, slots):
    """All your copies go to the same expert. What is the load of one of its copies after it got the second?"""
    return placed(load, num_cards, slots, copies=copied(load, num_cards * slots, score=lambda n, copies: n))


@replaces("place_experts")
def copies_one_each(load, num_cards, slots):
    """No expert gets a third copy before all others have a second. A very busy expert can need three: which load
    decides who gets the next copy?"""
    return placed(load, num_cards, slots, copies=copied(load, num_cards * slots, score=lambda n, copies: (-copies, n)))


@replaces("place_experts")
def copies_by_the_load_after(load, num_cards, slots):
    """You compare the loads that copies would have after one more is made. Which load per copy does the docstring
    compare?"""
    copies = copied(load, num_cards * slots, score=lambda n, copies: n / (copies + 1))
    return placed(load, num_cards, slots, copies=copies)


@replaces("place_experts")
def copies_for_the_idle(load, num_cards, slots):
    """You copied the experts that are chosen least. Which card do the others wait for?"""
    return placed(load, num_cards, slots, copies=copied(load, num_cards * slots, choose=min))


@replaces("place_experts")
def copies_in_proportion(load, num_cards, slots):
    """Your copies go by an expert's part of the whole load, rounded down, and what is left over goes to the experts in
    their order. Who should get each place that is left?"""
    spare = num_cards * slots - len(load)
    if spare < 0:
        raise ValueError("places")
    copies = [1 + int(spare * n // max(sum(load), 1)) for n in load]
    for i in range(num_cards * slots - sum(copies)):
        copies[i % len(load)] += 1
    return placed(load, num_cards, slots, copies=copies)


@replaces("place_experts")
def copies_of_whole_loads(load, num_cards, slots):
    """Your load per copy is rounded down to a whole number. What is 7 over 2?"""
    copies = copied(load, num_cards * slots, score=lambda n, copies: n // copies)
    queue = queued(load, copies, key=lambda n, copies: -(n // copies))
    return placed(load, num_cards, slots, copies=copies, queue=queue, weight=lambda e: load[e] // copies[e])


@replaces("place_experts")
def copies_to_the_higher_number(load, num_cards, slots):
    """Of experts with equal loads per copy, you copied the one with the higher number. Which one comes first in the
    docstring?"""
    copies = copied(load, num_cards * slots, order=lambda experts: [*experts][::-1])
    return placed(load, num_cards, slots, copies=copies)


@replaces("place_experts")
def no_copies(load, num_cards, slots):
    """Each expert has one copy, and places are left empty. What are they for?"""
    place_experts(load, num_cards, slots)
    return placed(load, num_cards, slots, copies=[1] * len(load))


@replaces("place_experts")
def packs_in_expert_order(load, num_cards, slots):
    """Your copies are laid down in the order of their numbers, so a large one can come last and find only full cards.
    In which order does the docstring lay them down?"""
    return placed(load, num_cards, slots, queue=queued(load, copied(load, num_cards * slots), key=lambda n, copies: 0))


@replaces("place_experts")
def packs_smallest_first(load, num_cards, slots):
    """You lay the smallest copies down first. Which is easier to even out at the end, with a small copy or with a large
    one?"""
    copies = copied(load, num_cards * slots)
    return placed(load, num_cards, slots, queue=queued(load, copies, key=lambda n, copies: n / copies))


@replaces("place_experts")
def packs_by_whole_load(load, num_cards, slots):
    """You sorted by the load of the expert. If it has three copies, how large is each of those that you lay down?"""
    copies = copied(load, num_cards * slots)
    return placed(load, num_cards, slots, queue=queued(load, copies, key=lambda n, copies: -n))


@replaces("place_experts")
def first_copies_first(load, num_cards, slots):
    """You laid down one copy of each expert, and the further ones afterward. Does it matter in the docstring whether a
    copy is the first?"""
    copies = copied(load, num_cards * slots)
    order = queued(load, [1] * len(load), key=lambda n, c: 0)
    order.sort(key=lambda e: -load[e] / copies[e])
    return placed(load, num_cards, slots, queue=order + [e for e in order for _ in range(copies[e] - 1)])


@replaces("place_experts")
def equal_copies_by_age(load, num_cards, slots):
    """Where a copy and another expert are equally large, you laid the copy down last, because it was made last. What
    decides between equal ones?"""
    copies = [1] * len(load)
    made = [*range(len(load))]
    for _ in range(num_cards * slots - len(load)):
        made.append(max(range(len(load)), key=lambda e: load[e] / copies[e]))
        copies[made[-1]] += 1
    right = copied(load, num_cards * slots)
    return placed(load, num_cards, slots, queue=sorted(made, key=lambda e: -load[e] / right[e]))


@replaces("place_experts")
def equal_experts_backward(load, num_cards, slots):
    """Where two experts have equally large copies, you laid those of the higher number down first. Sorting in rising
    order and then reversing turns equal ones around, too. Which comes first in the docstring?"""
    return placed(load, num_cards, slots, queue=queued(load, copied(load, num_cards * slots), lambda n, c: n / c)[::-1])


@replaces("place_experts")
def packs_whole_load(load, num_cards, slots):
    """You added the whole load of an expert to each card with a copy of it. A card with one of three copies does a
    third of the work: how much is added?"""
    return placed(load, num_cards, slots, weight=lambda e: load[e])


@replaces("place_experts")
def fewest_experts_first(load, num_cards, slots):
    """You laid each copy on the card with the fewest experts. All cards are full in the end anyway: what should be
    even?"""
    return placed(load, num_cards, slots, best=lambda total, held, card: len(held))


@replaces("place_experts")
def back_and_forth(load, num_cards, slots):
    """You went through the cards to the last, then back to the first. Which card has the smallest sum so far?"""
    lap = [*range(num_cards), *reversed(range(num_cards))]
    queue = queued(load, copied(load, num_cards * slots))
    cards = [[] for _ in range(num_cards)]
    for i, e in enumerate(queue):
        cards[lap[i % len(lap)]].append(e)
    return [sorted(held) for held in cards]


@replaces("place_experts")
def one_card_after_another(load, num_cards, slots):
    """You filled one card before the next, so the first has all the large copies. Which card has the smallest sum so
    far?"""
    queue = queued(load, copied(load, num_cards * slots))
    return [sorted(queue[card * slots : (card + 1) * slots]) for card in range(num_cards)]


@replaces("place_experts")
def more_than_fits(load, num_cards, slots):
    """One of your cards has more experts than places. Among which cards is the smallest sum looked for?"""
    return placed(load, num_cards, slots, room=num_cards * slots)


@replaces("place_experts")
def equal_cards_backward(load, num_cards, slots):
    """Of cards with equal sums you took the one with the higher number. Which one does the docstring take?"""
    return placed(load, num_cards, slots, last=True)


@replaces("place_experts")
def equal_cards_by_free_places(load, num_cards, slots):
    """Of cards with equal sums you took the one with the fewest experts. What does the docstring say about equal
    ones?"""
    return placed(load, num_cards, slots, best=lambda total, held, card: (total, len(held)))


@replaces("place_experts")
def never_two_on_a_card(load, num_cards, slots):
    """You keep two copies of an expert off the same card. It would be better, but what does the docstring say?"""

    def others(free, cards, e):
        return [card for card in free if e not in cards[card]] or free

    return placed(load, num_cards, slots, check=others)


@replaces("place_experts")
def in_the_order_of_laying(load, num_cards, slots):
    """The right experts are on each card, in the order in which they were laid down. In which order are they
    returned?"""
    copies = copied(load, num_cards * slots)
    order = queued(load, [1] * len(load), key=lambda n, c: 0)
    order.sort(key=lambda e: -load[e] / copies[e])
    return [sorted(held, key=order.index) for held in place_experts(load, num_cards, slots)]


@replaces("place_experts", rest=["are nowhere", "are on cards that are full"])
def too_few_places(load, num_cards, slots, *, rest: str):
    """If there are too few places, some experts {rest}. What should happen instead?"""
    if len(load) <= num_cards * slots:
        return place_experts(load, num_cards, slots)
    order = sorted(range(len(load)), key=lambda e: -load[e])
    if rest == "are nowhere":
        order = order[: num_cards * slots]
    return placed(load, num_cards, slots, copies=[1] * len(load), queue=order, room=len(load))


@replaces("place_experts")
def no_place_left_over(load, num_cards, slots):
    """Your code raises an error where there are just as many places as experts. How many copies have to be made
    then?"""
    if len(load) >= num_cards * slots:
        raise ValueError("too few places")
    return place_experts(load, num_cards, slots)


@replaces("place_experts")
def cards_of_each_expert(load, num_cards, slots):
    """You return the cards of each expert. What does the docstring list, and for what?"""
    placement = place_experts(load, num_cards, slots)
    return [homes(placement, e) for e in range(len(load))]


@replaces("place_experts")
def different_experts(load, num_cards, slots):
    """A card with two copies of one expert names it once. How many numbers does each of your lists have?"""
    return [sorted(set(held)) for held in place_experts(load, num_cards, slots)]


def homes(placement, e) -> list[int]:
    """The card of each copy."""
    return [card for card, held in enumerate(placement) for each in held if each == e]


def shared(choices, placement, pick) -> Tensor:
    """Cards by a function of the expert's cards, the row, the column and how many of its tokens came before."""
    cards, came = torch.empty_like(choices), Counter()
    for t, row in enumerate(choices.tolist()):
        for s, e in enumerate(row):
            copies = homes(placement, e)
            cards[t, s] = copies[pick(len(copies), t, s, came[e]) % len(copies)]
            came[e] += 1
    return cards


def gathered(choices, placement, *, order=None, cards=homes, tie=0, weight=lambda mine: 1, given=None) -> Tensor:
    """The right way of gathering, with one part of it exchanged."""
    result, given = torch.empty_like(choices), [0] * len(placement) if given is None else given
    experts = choices.unique().tolist()
    for e in sorted(experts, key=order or (lambda e: len(set(homes(placement, e))))):
        card = min(cards(placement, e), key=lambda card: (given[card], tie * card))
        result[choices == e] = card
        given[card] += weight(choices == e)
    return result


@replaces("choose_cards")
def first_copy_only(choices, placement, gather=False):
    """The further copies of an expert never get a token. Whose turn is it after the first?"""
    return choose_cards(choices, placement, True) if gather else shared(choices, placement, lambda n, t, s, i: 0)


@replaces("choose_cards", of=["token", "choice"])
def turn_of_the_token(choices, placement, gather=False, *, of: str):
    """Your turn goes by the number of the {of} in the table, so two tokens that choose the same expert can meet at one
    copy while another has nothing to do. Which tokens should be counted?"""
    k = choices.shape[1]
    return (
        choose_cards(choices, placement, True)
        if gather
        else shared(choices, placement, lambda n, t, s, i: t if of == "token" else t * k + s)
    )


@replaces("choose_cards")
def turns_begin_with_the_second(choices, placement, gather=False):
    """The first token of an expert goes to its second copy. Is the token itself counted before it is served?"""
    return choose_cards(choices, placement, True) if gather else shared(choices, placement, lambda n, t, s, i: i + 1)


@replaces("choose_cards")
def shared_out_in_blocks(choices, placement, gather=False):
    """The first tokens of an expert all go to the first copy, the next ones to the second. In which order do they take
    the copies?"""
    if gather:
        return choose_cards(choices, placement, True)
    total = Counter(choices.flatten().tolist())
    cards, came = torch.empty_like(choices), Counter()
    for t, row in enumerate(choices.tolist()):
        for s, e in enumerate(row):
            copies = homes(placement, e)
            cards[t, s] = copies[came[e] // math.ceil(total[e] / len(copies))]
            came[e] += 1
    return cards


@replaces("choose_cards")
def column_by_column(choices, placement, gather=False):
    """All first choices take their turns before the second choices. In which order do the tokens come in the table?"""
    if gather:
        return choose_cards(choices, placement, True)
    return shared(choices.T, placement, lambda n, t, s, i: i).T


@replaces("choose_cards")
def one_turn_for_each_card(choices, placement, gather=False):
    """Of an expert with two copies on one card, you counted only one. How many turns do two copies have?"""
    if gather:
        return choose_cards(choices, placement, True)
    return choose_cards(choices, [sorted(set(held)) for held in placement])


@replaces("choose_cards")
def to_the_idlest_card(choices, placement, gather=False):
    """You send each token to the card with the fewest tokens so far. That is often even better, but what does the
    docstring ask for?"""
    if gather:
        return choose_cards(choices, placement, True)
    cards, tokens = torch.empty_like(choices), [0] * len(placement)
    for t, row in enumerate(choices.tolist()):
        for s, e in enumerate(row):
            cards[t, s] = card = min(homes(placement, e), key=lambda card: tokens[card])
            tokens[card] += 1
    return cards


@replaces("choose_cards")
def one_counter_for_all(choices, placement, gather=False):
    """All experts share one counter of turns, which only counts choices with several copies. What does a token of
    expert 0 change for the tokens of expert 1?"""
    if gather:
        return choose_cards(choices, placement, True)
    cards, came = torch.empty_like(choices), 0
    for t, row in enumerate(choices.tolist()):
        for s, e in enumerate(row):
            copies = homes(placement, e)
            cards[t, s] = copies[came % len(copies)]
            came += len(copies) > 1
    return cards


@replaces("choose_cards")
def gather_ignored(choices, placement, gather=False):
    """Your result is shared out even if gather is True. What is different then?"""
    return choose_cards(choices, placement)


@replaces("choose_cards")
def gather_reversed(choices, placement, gather=False):
    """You gather if gather is False, and share out if it is True. Which way is the default?"""
    return choose_cards(choices, placement, not gather)


@replaces("choose_cards")
def gather_in_order(choices, placement, gather=False):
    """You took the experts in the order of their numbers, so one with a choice can take the place of one that has none.
    Who should go first?"""
    return gathered(choices, placement, order=lambda e: e) if gather else choose_cards(choices, placement)


@replaces("choose_cards")
def gather_as_they_come(choices, placement, gather=False):
    """You took the experts in the order in which they come in the table. Who should go first?"""
    order = choices.flatten().tolist().index
    return gathered(choices, placement, order=order) if gather else choose_cards(choices, placement)


@replaces("choose_cards")
def gather_popular_first(choices, placement, gather=False):
    """You took the experts with the most tokens first. A card reads an expert once however many want it: which experts
    have the least choice?"""
    if not gather:
        return choose_cards(choices, placement)
    return gathered(choices, placement, order=lambda e: -int((choices == e).sum()))


@replaces("choose_cards")
def gather_many_cards_first(choices, placement, gather=False):
    """You took the experts that lie on the most cards first. Who has to take what is left then?"""
    if not gather:
        return choose_cards(choices, placement)
    return gathered(choices, placement, order=lambda e: -len(set(homes(placement, e))))


@replaces("choose_cards")
def gather_by_copies(choices, placement, gather=False):
    """You ordered the experts by their copies. If both copies of an expert are on the same card, between how many cards
    can it choose?"""
    if not gather:
        return choose_cards(choices, placement)
    return gathered(choices, placement, order=lambda e: len(homes(placement, e)))


@replaces("choose_cards")
def gather_by_tokens(choices, placement, gather=False):
    """You count the tokens that a card has been given. How often does a card read an expert that a hundred tokens
    want?"""
    if not gather:
        return choose_cards(choices, placement)
    return gathered(choices, placement, weight=lambda mine: int(mine.sum()))


@replaces("choose_cards")
def gather_at_first_card(choices, placement, gather=False):
    """Each of your experts goes to the first of its cards, whatever that card has been given already. What should be
    counted?"""
    return gathered(choices, placement, weight=lambda mine: 0) if gather else choose_cards(choices, placement)


@replaces("choose_cards")
def gather_ties_to_the_last(choices, placement, gather=False):
    """Of cards that have been given equally many experts, you took the one with the higher number. Which one does the
    docstring take?"""
    return gathered(choices, placement, tie=-1) if gather else choose_cards(choices, placement)


@replaces("choose_cards")
def gather_equal_experts_backward(choices, placement, gather=False):
    """Of experts that lie on equally many cards, you took the higher number first. Which comes first in the
    docstring?"""
    if not gather:
        return choose_cards(choices, placement)
    return gathered(choices, placement, order=lambda e: (len(set(homes(placement, e))), -e))


@replaces("choose_cards")
def gather_all_experts(choices, placement, gather=False):
    """You give cards to all experts, also to those that no token chose. Which experts does a card read in this
    step?"""
    if not gather:
        return choose_cards(choices, placement)
    where, given = {}, [0] * len(placement)
    for e in sorted({e for held in placement for e in held}, key=lambda e: (len(set(homes(placement, e))), e)):
        where[e] = min(homes(placement, e), key=lambda card: given[card])
        given[where[e]] += 1
    return torch.tensor([[where[e] for e in row] for row in choices.tolist()])


@replaces("choose_cards", each=["token", "choice"])
def gather_token_by_token(choices, placement, gather=False, *, each: str):
    """Tokens of the same expert go to different cards, because you decide for each {each} anew. What decides where the
    second token of an expert goes?"""
    if not gather:
        return choose_cards(choices, placement)
    if each == "token":
        return torch.cat([choose_cards(row[None], placement, True) for row in choices])
    cards, given = torch.empty_like(choices), [0] * len(placement)
    for t, row in enumerate(choices.tolist()):
        for s, e in enumerate(row):
            cards[t, s] = card = min(homes(placement, e), key=lambda card: given[card])
            given[card] += 1
    return cards


@replaces("choose_cards")
def cards_as_lists(choices, placement, gather=False):
    """Your cards are a list of lists. What does the docstring return?"""
    return choose_cards(choices, placement, gather).tolist()


@replaces("choose_cards")
def cards_as_floats(choices, placement, gather=False):
    """Your cards are floating-point numbers, the default of torch.zeros and torch.empty. Which dtype does the docstring
    ask for?"""
    return choose_cards(choices, placement, gather).float()


@replaces("card_work")
def work_without_idle_cards(choices, cards, num_cards):
    """The cards after the last busy one are missing in your counts, though they have a 0. How can the counting know how
    many cards there are?"""
    tokens, experts = card_work(choices, cards, num_cards)
    last = int(cards.max()) + 1
    return tokens[:last], experts[:last]


@replaces("card_work")
def all_idle_cards_left_out(choices, cards, num_cards):
    """Cards that have nothing to do are missing in your counts. How many numbers should each of them have?"""
    tokens, experts = card_work(choices, cards, num_cards)
    return tokens[tokens > 0], experts[tokens > 0]


@replaces("card_work")
def tokens_for_experts(choices, cards, num_cards):
    """Your two results are the same. What does a card read for a hundred tokens that want the same expert?"""
    tokens, _ = card_work(choices, cards, num_cards)
    return tokens, tokens.clone()


@replaces("card_work")
def experts_for_tokens(choices, cards, num_cards):
    """You count the different experts of a card in both results. How much does a card compute for a hundred tokens that
    want the same expert?"""
    _, experts = card_work(choices, cards, num_cards)
    return experts.clone(), experts


@replaces("card_work")
def results_swapped(choices, cards, num_cards):
    """Your two results are right, and in the other order. Which comes first?"""
    tokens, experts = card_work(choices, cards, num_cards)
    return experts, tokens


@replaces("card_work")
def token_counts_once(choices, cards, num_cards):
    """A token counts once for a card in your first result. If two of its experts are there, how often does the card
    compute something for it?"""
    _, experts = card_work(choices, cards, num_cards)
    rows = torch.arange(len(cards))[:, None].expand_as(cards)
    return card_work(rows, cards, num_cards)[1], experts


@replaces("card_work", of=["first", "last"])
def read_on_one_card_only(choices, cards, num_cards, *, of: str):
    """An expert that works on two cards counts only for the {of} of them. What does each card have to read?"""
    tokens, _ = card_work(choices, cards, num_cards)
    pairs = zip(choices.flatten().tolist(), cards.flatten().tolist(), strict=True)
    where = dict(pairs if of == "last" else [*pairs][::-1])
    return tokens, torch.bincount(torch.tensor([*where.values()]), minlength=num_cards)


@replaces("card_work")
def experts_of_all_cards(choices, cards, num_cards):
    """Every card that has work reads all experts of the table in your count. Which experts does a card need?"""
    tokens, _ = card_work(choices, cards, num_cards)
    return tokens, (tokens > 0) * len(choices.unique())


@replaces("card_work")
def work_as_floats(choices, cards, num_cards):
    """Your counts are floating-point numbers. Which dtype does the docstring ask for?"""
    tokens, experts = card_work(choices, cards, num_cards)
    return tokens.float(), experts.float()


@replaces("card_work")
def work_as_lists(choices, cards, num_cards):
    """Your counts are lists. What does the docstring return?"""
    tokens, experts = card_work(choices, cards, num_cards)
    return tokens.tolist(), experts.tolist()


def vectors(cards, home, place, own=None, count=len) -> int:
    """For each token, count the different places of its choices without its own."""
    own = place if own is None else own
    pairs = zip(cards.tolist(), home.tolist(), strict=True)
    return sum(count({place(card) for card in row} - {own(mine)}) for row, mine in pairs)


@replaces("machine_traffic")
def traffic_per_expert(cards, home, cards_per_machine):
    """Two choices of a token in the same machine cost two vectors in your count. How often does its vector travel
    there?"""
    return int((cards // cards_per_machine != (home // cards_per_machine)[:, None]).sum())


@replaces("machine_traffic")
def traffic_of_cards(cards, home, cards_per_machine):
    """You count cards, also those of the token's own machine. Between what is the slow network?"""
    return vectors(cards, home, lambda card: card)


@replaces("machine_traffic")
def own_machine_counted(cards, home, cards_per_machine):
    """You count the machines of a token, its own among them. Does its vector travel there?"""
    return vectors(cards, home, lambda card: card // cards_per_machine, own=lambda mine: None)


@replaces("machine_traffic")
def only_own_card_free(cards, home, cards_per_machine):
    """A token that goes to another card of its own machine costs a vector in your count. What is compared with the
    token's home?"""
    sent = 0
    for row, mine in zip(cards.tolist(), home.tolist(), strict=True):
        sent += len({card // cards_per_machine for card in row if card != mine})
    return sent


@replaces("machine_traffic")
def other_cards_elsewhere(cards, home, cards_per_machine):
    """You count the different cards in other machines. For two cards in one machine, how many vectors travel there?"""
    sent = 0
    for row, mine in zip(cards.tolist(), home.tolist(), strict=True):
        sent += len({card for card in row if card // cards_per_machine != mine // cards_per_machine})
    return sent


@replaces("machine_traffic", of=["all cards", "home"])
def machines_by_remainder(cards, home, cards_per_machine, *, of: str):
    """You take a remainder for the machine of {of}. Which cards does machine 0 have?"""
    if of == "home":
        return vectors(cards, home, lambda card: card // cards_per_machine, own=lambda mine: mine % cards_per_machine)
    return vectors(cards, home, lambda card: card % cards_per_machine)


@replaces("machine_traffic")
def home_is_a_machine(cards, home, cards_per_machine):
    """You took home for the number of a machine. What does the docstring say about it?"""
    return vectors(cards, home, lambda card: card // cards_per_machine, own=lambda mine: mine)


@replaces("machine_traffic")
def there_and_back(cards, home, cards_per_machine):
    """Your number is twice the right one. Are the results, which come back, counted as well?"""
    return 2 * machine_traffic(cards, home, cards_per_machine)


@replaces("machine_traffic")
def tokens_that_leave(cards, home, cards_per_machine):
    """A token whose choices are in two other machines costs one vector in your count. Where does its vector have to
    be?"""
    return vectors(cards, home, lambda card: card // cards_per_machine, count=lambda others: len(others) > 0)


@replaces("machine_traffic")
def once_for_all_tokens(cards, home, cards_per_machine):
    """You count pairs of machines, however many tokens go from one to the other. Does each token have a vector of its
    own?"""
    machine, own = cards // cards_per_machine, home // cards_per_machine
    pairs = {(a, b) for row, a in zip(machine.tolist(), own.tolist(), strict=True) for b in row if a != b}
    return len(pairs)
