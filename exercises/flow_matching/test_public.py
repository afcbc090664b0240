"""The examples of the docstrings, and the table of the statement."""

import torch

from grader.testing import assert_close, points


@points(2)
def test_example_training(submission):
    """two points on their lines, a loss, and four shifted times"""
    x0, noise = torch.tensor([[2.0], [2.0]]), torch.tensor([[-1.0], [0.0]])
    pair = submission.flow_pair(x0, noise, torch.tensor([0.25, 1.0]))
    assert_close(pair, (torch.tensor([[1.25], [0.0]]), torch.tensor([[-3.0], [-2.0]])))
    loss = submission.flow_loss(torch.tensor([[-2.0], [-2.0]]), x0, noise, torch.tensor([0.5, 0.5]))
    assert_close(loss, torch.tensor(0.7978846))
    loss = submission.flow_loss(torch.tensor([[-2.0], [-1.0]]), x0, noise, torch.tensor([0.9, 0.9]))
    assert_close(loss, torch.tensor(0.397), atol=6e-4)  # (1 + 1) / 2 · π(0.9), which has three digits
    shifted = submission.shift_time(torch.tensor([0.0, 0.25, 0.5, 1.0]), shift=3.0)
    assert_close(shifted, torch.tensor([0.0, 0.5, 0.75, 1.0]))


@points(2)
def test_example_sampling(submission):
    """two velocities, and 2 to 32 steps of each method"""
    xt, t = torch.tensor([[1.25], [3.0]]), torch.tensor([0.5, 1.0])
    velocity = submission.gaussian_velocity(xt, t, torch.tensor([2.0]), var=1.0)
    assert_close(velocity, torch.tensor([[-2.0], [1.0]]))
    x1, mean = torch.tensor([[1.0], [-1.0]]), torch.tensor([2.0])
    assert_close(submission.sample(x1, mean, 0.25, [1.0, 0.5, 0.0]), torch.tensor([[2.2], [1.8]]))
    found = submission.sample(x1, mean, 0.25, [1.0, 0.5, 0.0], method="heun")
    assert_close(found, torch.tensor([[2.48], [1.52]]))
    # The table of the statement; its digits are rounded.
    table = {
        "euler": {2: -0.300, 4: -0.159, 8: -0.085, 16: -0.044, 32: -0.023},
        "heun": {2: -0.0200, 4: 0.0048, 8: 0.0024, 16: 0.0008, 32: 0.0002},
    }
    x1, mean = x1[:1].double(), mean.double()
    for method, errors in table.items():
        for steps, error in errors.items():
            times = [1 - step / steps for step in range(steps + 1)]
            found = submission.sample(x1, mean, 0.25, times, method=method) - 2.5
            expected = torch.tensor([[error]], dtype=torch.float64)
            atol = 6e-4 if method == "euler" else 6e-5
            assert_close(found, expected, rtol=0.0, atol=atol, name=f"error of {method} in {steps} steps")
