"""The examples of the docstrings."""

import torch

from grader.testing import assert_equal, points

CHOICES = [[0, 1], [0, 2], [0, 1]]


def number(sent):
    """An int. A tensor without axes is as good."""
    return sent.item() if hasattr(sent, "item") else sent


@points(2)
def test_example_place(submission):
    """three copies of expert 0, on all cards"""
    placement = submission.place_experts([60.0, 20.0, 15.0, 5.0], num_cards=3, slots=2)
    assert_equal(placement, [[0, 1], [0, 2], [0, 3]], name="placement")


@points(1)
def test_example_shared_out(submission):
    """both cards have turns for expert 0"""
    cards = submission.choose_cards(torch.tensor(CHOICES), [[0, 1], [0, 2]])
    assert_equal(cards, torch.tensor([[0, 0], [1, 1], [0, 0]]), name="cards")


@points(1)
def test_example_gathered(submission):
    """all tokens of expert 0 go to card 0"""
    cards = submission.choose_cards(torch.tensor(CHOICES), [[0, 1], [0, 2]], gather=True)
    assert_equal(cards, torch.tensor([[0, 0], [0, 1], [0, 0]]), name="cards")


@points(2)
def test_example_work(submission):
    """4 and 2 choices, 2 experts on each card"""
    cards = torch.tensor([[0, 0], [1, 1], [0, 0]])
    tokens, experts = submission.card_work(torch.tensor(CHOICES), cards, 2)
    assert_equal(tokens, torch.tensor([4, 2]), name="choices computed")
    assert_equal(experts, torch.tensor([2, 2]), name="experts read")


@points(2)
def test_example_traffic(submission):
    """two of three tokens leave their machine"""
    cards = torch.tensor([[2, 3], [0, 1], [0, 3]])
    sent = submission.machine_traffic(cards, home=torch.tensor([0, 1, 2]), cards_per_machine=2)
    assert_equal(number(sent), 2, name="vectors sent")
