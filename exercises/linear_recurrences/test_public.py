"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, points


@points(3)
def test_example_step(submission):
    """the same write by three layers"""
    state = torch.tensor([[8.0], [4.0]])
    k, v, half = torch.tensor([1.0, 0.0]), torch.tensor([6.0]), torch.tensor([0.5])
    for expected, gates in (
        ([14.0, 4.0], {}),
        ([10.0, 2.0], {"a": half}),
        ([7.0, 4.0], {"beta": half}),
        ([5.0, 2.0], {"a": half, "beta": half}),
    ):
        assert_close(submission.step(state, k, v, **gates), torch.tensor(expected)[:, None])


@points(2)
def test_example_scan(submission):
    """a token that reads its own write, and the parity of four bits"""
    one, half, state = torch.ones(1, 2), torch.tensor([[0.5]]), torch.tensor([[8.0], [4.0]])
    k, v = torch.tensor([[1.0, 0.0]]), torch.tensor([[6.0]])
    found = submission.scan(one, k, v, a=half, beta=half, state=state)
    assert_close(found, (torch.tensor([[7.0]]), torch.tensor([[5.0], [2.0]])))
    bits = torch.tensor([1.0, 0.0, 1.0, 1.0]).view(4, 1)
    one = torch.ones(4, 1)
    found = submission.scan(one, one, 0 * one, beta=2 * bits, state=torch.ones(1, 1))
    assert_close(found, (torch.tensor([[-1.0], [-1.0], [1.0], [-1.0]]), torch.tensor([[-1.0]])))


@points(2)
def test_example_gradient_scan(submission):
    """three tokens in batches of 1, 2 and 3"""
    one, v = torch.ones(3, 1), torch.tensor([[4.0], [8.0], [2.0]])
    for batch, expected in ((1, [2.0, 5.0, 3.5]), (2, [2.0, 6.0, 4.0]), (3, [2.0, 6.0, 7.0])):
        o = torch.tensor(expected)[:, None]
        assert_close(submission.gradient_scan(one, one, v, 0.5 * one, batch), (o, o[-1:]))


@points(1)
def test_example_eigenvalue(submission):
    """a token that erases, one that turns around, one that fades"""
    k = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 1.0]])
    lowest = submission.lowest_eigenvalue(k, beta=torch.tensor([[1.0], [2.0], [1.0]]))
    assert_close(
        lowest, torch.tensor([0.0, -1.0, -1.0]), rtol=1e-4, atol=1e-4
    )  # float32: eigenvalues lose a few digits
    assert_close(
        submission.lowest_eigenvalue(k[0], a=torch.tensor([0.9, 0.5])), torch.tensor(0.5), rtol=1e-4, atol=1e-4
    )
