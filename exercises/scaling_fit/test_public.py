"""The examples of the docstrings."""

import math

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(5)
def test_example_prediction(submission):
    """Chinchilla 1.9366, Gopher 1.9933"""
    theta = torch.tensor([math.log(1.69), math.log(406.4), math.log(410.7), 0.34, 0.28], dtype=torch.float64)
    n, d = torch.tensor([[70e9, 280e9], [1.4e12, 0.3e12]], dtype=torch.float64)
    expected = torch.tensor([1.9366, 1.9933], dtype=torch.float64)
    assert_close(submission.log_prediction(theta, n, d).exp(), expected, atol=1e-4, name="loss")  # five digits


@points(5)
def test_example_objective(submission):
    """residuals -0.3, 1.5 and -0.02, delta 0.1"""
    theta = torch.tensor([0.0, -60.0, -60.0, 0.3, 0.3], dtype=torch.float64)
    n = d = torch.full((3,), 1e9, dtype=torch.float64)
    loss = torch.tensor([0.3, -1.5, 0.02], dtype=torch.float64).exp()
    objective = submission.huber_objective(theta, n, d, loss, 0.1)
    assert_equal(objective.shape, (), name="shape of the objective")
    expected = torch.tensor(0.1702, dtype=torch.float64)  # 0.1 (0.3 - 0.05) + 0.1 (1.5 - 0.05) + 0.02² / 2
    assert_close(objective, expected, name="objective")


@points(7)
@needs(test_example_prediction, test_example_objective)
def test_example_fit(submission):
    """25 points without noise give the law back"""
    n, d = torch.cartesian_prod(torch.logspace(8, 10, 5).double(), torch.logspace(9, 12, 5).double()).T
    E, A, B, alpha, beta = 1.69, 406.4, 410.7, 0.34, 0.28
    loss = E + A / n**alpha + B / d**beta
    inits = torch.tensor([[0.5, 5.0, 5.0, 0.3, 0.25], [0.6, 6.5, 6.5, 0.35, 0.3]], dtype=torch.float64)
    start = submission.huber_objective(inits[0], n, d, loss)
    assert_close(start, torch.tensor(2.6691e-3, dtype=torch.float64), rtol=1e-4, name="objective of the first start")
    fit = submission.fit_loss_law(n, d, loss, inits)
    assert_equal(sorted(fit), ["A", "B", "E", "alpha", "beta", "objective"], name="keys")
    for name, value in fit.items():
        assert isinstance(value, float), f'fit["{name}"] is a {type(value).__name__}, not a float.'
    assert_close(fit["alpha"], alpha, rtol=0.0, atol=1e-3, name='fit["alpha"]')  # bounds of the statement
    assert_close(fit["beta"], beta, rtol=0.0, atol=1e-3, name='fit["beta"]')
    assert_close(fit["E"], E, rtol=5e-3, name='fit["E"]')
    assert_close(fit["A"], A, rtol=5e-2, name='fit["A"]')
    assert_close(fit["B"], B, rtol=5e-2, name='fit["B"]')
    assert_close(fit["objective"], 0.0, atol=1e-6, name='fit["objective"]')  # at the starts 1e-4 and more
