"""Your placement of busy experts."""

from grader.pictures import Table

LOADS = (40.0, 9.0, 8.0, 7.0, 6.0, 5.0, 3.0, 2.0)
CARDS = 4


def run(submission, rng):
    rows = []
    for slots in (2, 3):
        placement = submission.place_experts(list(LOADS), CARDS, slots)
        copies = [sum(card.count(expert) for card in placement) for expert in range(len(LOADS))]
        loads = [sum(LOADS[expert] / copies[expert] for expert in card) for card in placement]
        rows.append((f"{slots} places each", [f"{load:.1f}" for load in loads]))
    columns = tuple(f"card {card}" for card in range(CARDS))
    yield Table("The load of each card: without copies, and with four", columns, rows)
