"""The reference of sampling against NumPy, all subsets of a vocabulary, and the warpers of Hugging Face's.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


def test_nucleus_is_the_smallest_set_of_that_mass(generator: torch.Generator) -> None:
    """By trying all subsets of the vocabulary."""
    V, p = 6, 0.7
    subsets = torch.tensor([[bool(n >> i & 1) for i in range(V)] for n in range(1, 2**V)])  # (2^V - 1, V)
    for _ in range(20):
        logits = torch.randn(V, generator=generator, dtype=torch.float64)
        mass = subsets.double() @ logits.softmax(-1)
        enough = mass >= p
        size = subsets[enough].sum(-1).min()
        best = subsets[(subsets.sum(-1) == size) & enough]
        best = best[(best.double() @ logits.softmax(-1)).argmax()]
        assert torch.equal(reference("sampling").top_p_filter(logits, p) > -torch.inf, best)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.7])
def test_filters_are_the_warpers_of_transformers(temperature: float, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    ours = reference("sampling")
    logits = torch.randn(5, 50, generator=generator, dtype=torch.float64)
    no_ids = torch.zeros(5, 0, dtype=torch.int64)
    for k in (1, 7, 80):
        assert torch.equal(ours.top_k_filter(logits, k), TopKLogitsWarper(k)(no_ids, logits))
        for p in (0.1, 0.5, 0.9):
            assert torch.equal(ours.top_p_filter(logits, p), TopPLogitsWarper(p)(no_ids, logits))
            warped = logits
            for warper in (TemperatureLogitsWarper(temperature), TopKLogitsWarper(k), TopPLogitsWarper(p)):
                warped = warper(no_ids, warped)
            assert close(ours.next_token_distribution(logits, temperature, k, p), warped.softmax(-1), 1e-12)
