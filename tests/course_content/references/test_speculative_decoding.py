"""The reference of speculative_decoding against Hugging Face's step, frequencies of texts, and exact sums.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

G, V = 4, 6


def step(B: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the small model (B, G, V) and of the large one (B, G + 1, V), not far from it, and drafts (B, G)."""
    small = torch.randn(B, G, V, generator=generator, dtype=torch.float64)
    large = torch.randn(B, G + 1, V, generator=generator, dtype=torch.float64)
    large[:, :G] += small
    draft = torch.multinomial(small.softmax(-1).flatten(0, 1), 1, generator=generator).view(B, G)
    return small, large, draft


def test_steps_are_those_of_hugging_face(generator: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give transformers the draws that ours is given, one text after the other."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.generation.utils import _speculative_sampling

    B = 200
    small, large, draft = step(B, generator)
    u = torch.rand(B, G, generator=generator, dtype=torch.float64)
    u_last = torch.rand(B, generator=generator, dtype=torch.float64)
    tokens, accepted = reference("speculative_decoding").verify(draft, small.softmax(-1), large.softmax(-1), u, u_last)
    assert set(accepted.tolist()) == set(range(G + 1))
    for b in range(B):

        def drawn(probs: Tensor, num_samples: int, b: int = b) -> Tensor:
            cdf = np.cumsum(probs[0].numpy())
            return torch.tensor([[np.searchsorted(cdf, u_last[b].item(), side="right")] * num_samples])

        monkeypatch.setattr(torch, "rand_like", lambda _, b=b: u[b])
        monkeypatch.setattr(torch, "multinomial", drawn)
        theirs, matches = _speculative_sampling(draft[b : b + 1], small[b : b + 1], G, large[b : b + 1])
        assert int(matches) == accepted[b]
        assert theirs[0].tolist() == tokens[b, : accepted[b] + 1].tolist()


def test_the_first_token_is_as_frequent_as_in_the_large_model(generator: torch.Generator) -> None:
    n = 200_000
    ours = reference("speculative_decoding")
    q, p = torch.randn(2, V, generator=generator, dtype=torch.float64).softmax(-1)
    draft = torch.multinomial(q, n, replacement=True, generator=generator)[:, None]
    u, u_last = torch.rand(2, n, generator=generator, dtype=torch.float64)
    tokens, accepted = ours.verify(draft, q.expand(n, 1, V), p.expand(n, 2, V), u[:, None], u_last)
    # a share of n draws has a standard deviation of at most 0.5 / √n; five of them
    assert close(torch.bincount(tokens[:, 0], minlength=V) / n, p.float(), 2.5 / n**0.5)
    assert abs(accepted.double().mean() - ours.acceptance_rate(p, q)) < 2.5 / n**0.5


@pytest.mark.parametrize("gamma", [0, 1, 5, 30])
def test_expected_tokens_is_the_quotient_of_the_paper(gamma: int) -> None:
    """Compute the probabilities in exact fractions."""
    for alpha in (Fraction(0), Fraction(1, 3), Fraction(3, 4), 1 - Fraction(1, 2**40)):
        exact = (1 - alpha ** (gamma + 1)) / (1 - alpha)
        assert reference("speculative_decoding").expected_tokens(float(alpha), gamma) == pytest.approx(exact, rel=1e-12)
