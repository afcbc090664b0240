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


def test_each_caption_is_one_combination(ours: ModuleType) -> None:
    assert len({tuple(words) for words in ours.captions(torch.arange(64)).tolist()}) == 64


def test_pictures_without_noise_are_all_different(ours: ModuleType) -> None:
    combinations = torch.arange(64)
    mean = sum(ours.render(combinations, seed) for seed in range(40)) / 40
    clean = mean.round().clamp(0, 1)  # what is left of the noise has a deviation of 0.05
    assert torch.allclose(mean, clean, atol=0.4)
    assert len({tuple(picture.flatten().tolist()) for picture in clean}) == 64
    for c, picture in enumerate(clean):
        names = list(ours.COLOURS.values())[c // 16], "".join(list(ours.SHAPES.values())[c // 4 % 4])
        assert picture.sum().item() == sum(names[0]) * names[1].count("#")


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
