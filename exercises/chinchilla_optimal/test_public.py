"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, points

HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
SOURCE = {"E": 1.6934, "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849}
REFIT = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


@points(2)
def test_example_optimal(submission):
    """Chinchilla's budget by three fits, and others by the refit"""
    loss = submission.predicted_loss(70e9, 1.4e12, HOFFMANN)
    assert_close(loss, 1.9366, rtol=0.0, atol=6e-5, name="loss")  # the examples are rounded, as all numbers here
    best = submission.compute_optimal(5.88e23, REFIT)
    assert_close(best["n"] / 1e9, 73.02, rtol=0.0, atol=0.006, name="billions of parameters")
    assert_close(best["d"] / 1e12, 1.342, rtol=0.0, atol=0.0006, name="trillions of tokens")
    assert_close(best["tokens_per_param"], 18.38, rtol=0.0, atol=0.006, name="tokens per parameter")
    assert_close(best["loss"], 1.9739, rtol=0.0, atol=6e-5, name="loss")
    # the table of the statement, and the two budgets below it
    for coef, n, d, ratio in ((HOFFMANN, 32.5, 3.02, 92.8), (SOURCE, 40.7, 2.41, 59.2), (REFIT, 73.0, 1.34, 18.4)):
        best = submission.compute_optimal(5.88e23, coef)
        assert_close(best["n"] / 1e9, n, rtol=0.0, atol=0.06, name="billions of parameters")
        assert_close(best["d"] / 1e12, d, rtol=0.0, atol=0.006, name="trillions of tokens")
        assert_close(best["tokens_per_param"], ratio, rtol=0.0, atol=0.06, name="tokens per parameter")
    for flops, ratio in ((1e21, 21.6), (1e25, 17.1)):
        best = submission.compute_optimal(flops, REFIT)
        assert_close(best["tokens_per_param"], ratio, rtol=0.0, atol=0.06, name="tokens per parameter")


@points(2)
def test_example_fits(submission):
    """a minimum at 3.455B, and 2 times a square root"""
    sizes = torch.tensor([1e9, 2e9, 4e9, 8e9], dtype=torch.float64)
    losses = torch.tensor([2.30, 2.24, 2.23, 2.26], dtype=torch.float64)
    n = submission.isoflop_optimum(sizes, losses)
    assert_close(n / 1e9, 3.455, rtol=0.0, atol=6e-4, name="billions of parameters")
    x, y = torch.tensor([1.0, 4.0, 16.0]).double(), torch.tensor([2.0, 4.0, 8.0]).double()
    fit = submission.power_law_fit(x, y)
    assert_close(fit, {"exponent": 0.5, "coefficient": 2.0}, rtol=1e-6, atol=0.0, name="fit")


@points(2)
def test_example_lifetime(submission):
    """34B on 3.7T instead of 73B on 1.34T"""
    target = REFIT["E"] + REFIT["A"] / 73e9 ** REFIT["alpha"] + REFIT["B"] / 1.34e12 ** REFIT["beta"]
    best = submission.lifetime_optimal(target, 1e13, REFIT)
    # N is promised to 5 parts in 1000; D moves by about as much, and F by 1 part in 100,000.
    assert_close(best["n"], 34.4729e9, rtol=6e-3, atol=0.0, name="n")
    assert_close(best["d"], 3.74602e12, rtol=2e-2, atol=0.0, name="d")
    assert_close(best["flops"], 1.464274e24, rtol=2e-5, atol=0.0, name="flops")
