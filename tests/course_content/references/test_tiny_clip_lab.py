"""The parts of the tiny CLIP lab against plain Python, and its steps against torch's own cross-entropy."""

from collections import Counter
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F

from tests.course_content.references.solutions import reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("tiny_clip_lab")


def test_every_word_is_shown_and_twelve_combinations_are_not(ours: ModuleType) -> None:
    assert len(set(ours.HELD_OUT)) == 12
    assert set(ours.HELD_OUT) < set(range(64))
    shown = torch.tensor([c for c in range(64) if c not in ours.HELD_OUT])
    words = Counter(ours.captions(shown).flatten().tolist())
    assert set(words) == set(range(12))
    assert min(words.values()) >= 9


def test_the_first_step_is_torchs_cross_entropy(ours: ModuleType) -> None:
    model = ours.TinyCLIP(seed=3)
    combinations = ours.sample_batch(20, 0)
    with torch.no_grad():
        u = F.normalize(model.encode_image(ours.render(combinations, 0)), dim=-1)
        v = F.normalize(model.encode_text(ours.captions(combinations)), dim=-1)
        logits, own = u @ v.T / 0.07, torch.arange(20)
        expected = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    (first,) = model.fit(steps=1, batch=20)
    assert abs(first - expected.item()) < 1e-4


def test_siglip_begins_where_its_paper_says(ours: ModuleType) -> None:
    """Orthogonal vectors and a bias of -10: a loss of 10 and a little."""
    (first,) = ours.TinyCLIP(seed=0).fit("siglip", steps=1, batch=48)
    assert 9.0 < first < 11.5
