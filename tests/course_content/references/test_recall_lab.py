"""The models of the recall lab against NumPy, and its task against plain Python."""

from types import ModuleType

import numpy as np
import pytest
import torch

from tests.course_content.references.solutions import reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("recall_lab")


@pytest.mark.parametrize("spacing", ["fixed", "random"])
def test_the_data_are_what_is_no_blank(ours: ModuleType, spacing: str) -> None:
    tokens, data = ours.make_batch(50, length=9, n_data=4, vocab=6, seed=3, spacing=spacing)
    for row, expected in zip(tokens.tolist(), data.tolist(), strict=True):
        assert [token for token in row[:9] if token != 6] == expected
        assert row[9:] == [7] * 4
        assert spacing == "random" or row[:4] == expected


def test_the_time_invariant_mixer_is_numpys_convolution(ours: ModuleType) -> None:
    model = ours.CopyModel("lti", length=7, n_data=2, d_model=5, seed=1)
    x = torch.randn(3, 9, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = model.mix(x).numpy()
    kernel = model.mixer.kernel.detach().numpy()
    for sequence, channel in np.ndindex(3, 5):
        expected = np.convolve(x[sequence, :, channel].numpy(), kernel[channel])[:9]
        np.testing.assert_allclose(y[sequence, :, channel], expected, atol=1e-5)


def test_the_selective_mixer_is_a_recurrence_by_hand(ours: ModuleType) -> None:
    model = ours.CopyModel("selective", length=7, n_data=2, d_model=5, d_state=3, seed=1).double()
    x = torch.randn(1, 9, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = model.mix(x)[0].numpy()
    weights = {name: tensor.detach().numpy() for name, tensor in model.mixer.named_parameters()}
    padded = np.concatenate([np.zeros((3, 5)), x[0].numpy()])
    h = np.zeros((5, 3))
    for t in range(9):
        u = (padded[t : t + 4].T * weights["conv.weight"][:, 0]).sum(-1) + weights["conv.bias"]
        u = u / (1 + np.exp(-u))
        delta = np.log1p(np.exp(weights["delta.weight"] @ u + weights["delta.bias"]))
        write = np.outer(delta * u, weights["B.weight"] @ u)
        h = np.exp(-delta[:, None] * np.exp(weights["A_log"])) * h + write
        np.testing.assert_allclose(y[t], h @ (weights["C.weight"] @ u) + weights["D"] * u, atol=1e-12)


def test_steps_begin_between_a_thousandth_and_a_tenth(ours: ModuleType) -> None:
    bias = ours.CopyModel("selective", d_model=64).mixer.delta.bias
    steps = torch.nn.functional.softplus(bias)
    assert 0.001 <= steps.min() <= steps.max() <= 0.101
