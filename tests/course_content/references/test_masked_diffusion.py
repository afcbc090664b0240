"""The reference of masked_diffusion against orders of writing, torch's cross-entropy, and a search by hand."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.solutions import close, reference

T, V = 4, 5
MASK = V - 1


def test_the_mean_loss_is_that_of_all_orders_of_writing(generator: torch.Generator) -> None:
    """T times the mean over times and masks is the mean of -ln p(text) over all orders, whatever the model says."""
    ids = torch.randint(0, MASK, (1, T), generator=generator)
    hiding = {each: torch.randn(1, T, V, generator=generator, dtype=torch.float64)
              for each in itertools.product([False, True], repeat=T)}  # fmt: skip

    def nll(hidden: tuple[bool, ...], i: int) -> float:
        others = hiding[hidden][0, i, torch.arange(V) != MASK]  # the tokens before the mask keep their numbers
        return float(F.cross_entropy(others, ids[0, i]))

    def written_in(order: tuple[int, ...]) -> float:
        return sum(nll(tuple(i in order[n:] for i in range(T)), order[n]) for n in range(T))

    expected = np.mean([written_in(order) for order in itertools.permutations(range(T))])

    nodes, weights = np.polynomial.legendre.leggauss(6)
    mean = 0.0
    for t, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        for hidden, logits in hiding.items():
            noisy = ids.masked_fill(torch.tensor(hidden), MASK)
            loss = reference("masked_diffusion").diffusion_loss(logits, ids, noisy, torch.tensor([t]), MASK)
            mean += weight * t ** sum(hidden) * (1 - t) ** (T - sum(hidden)) * float(loss)
    assert mean * T == pytest.approx(expected, rel=1e-12)


def corrupted(B: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """logits, ids, noisy and t."""
    ids = torch.randint(0, MASK, (B, T), generator=generator)
    t = 0.2 + 0.8 * torch.rand(B, generator=generator, dtype=torch.float64)
    u = torch.rand(B, T, generator=generator, dtype=torch.float64)
    logits = torch.randn(B, T, V, generator=generator, dtype=torch.float64)
    return logits, ids, reference("masked_diffusion").mask_tokens(ids, t, u, MASK), t


def test_the_loss_is_cross_entropy_of_torch(generator: torch.Generator) -> None:
    """Sum over all labels that are not ignored, divided by the probability of a mask, as in LLaDA's training."""
    logits, ids, noisy, t = corrupted(6, generator)
    labels = torch.where(noisy == MASK, ids, -100)
    no_mask = logits.clone()
    no_mask[..., MASK] = -torch.inf
    nll = F.cross_entropy(no_mask.flatten(0, 1), labels.flatten(), reduction="none")
    expected = (nll / t.repeat_interleave(T)).sum() / labels.numel()
    loss = reference("masked_diffusion").diffusion_loss
    assert close(loss(logits, ids, noisy, t, MASK), expected, 1e-12)
    inputs = logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, ids, noisy, t, MASK), inputs)


def test_a_step_fills_the_set_of_places_of_which_the_model_is_surest(generator: torch.Generator) -> None:
    """Try all sets of positions of that size."""
    step = reference("masked_diffusion").unmask_step
    for _ in range(20):
        logits, _, tokens, _ = corrupted(1, generator)
        p = logits[0, :, :MASK].softmax(-1)
        places = (tokens[0] == MASK).nonzero()[:, 0].tolist()
        for n in range(T + 1):
            sets = list(itertools.combinations(places, min(n, len(places))))
            best = max(sets, key=lambda each: float(p[list(each)].amax(-1).sum()))
            expected = tokens.clone()
            expected[0, list(best)] = p[list(best)].argmax(-1)
            assert torch.equal(step(tokens, logits, torch.tensor([n]), MASK), expected)
