"""The phone book of associative_recall_lab by counting, its bound by products, and the layers of its lab by loops."""

import importlib.util
import math
from collections import Counter
from itertools import permutations, product
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import close, reference
from tests.paths import ROOT


@pytest.fixture
def ours() -> ModuleType:
    return reference("associative_recall_lab")


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    path = ROOT / "exercises" / "associative_recall_lab" / "lab.py"
    spec = importlib.util.spec_from_file_location("lab_of_associative_recall", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_possible_text_is_drawn_about_as_often(ours: ModuleType) -> None:
    """Write down all texts of two pairs, two questions, three keys and two values, and count how often each comes."""
    possible = {
        (*(token for entry in zip(names, numbers, strict=True) for token in entry), *asked)
        for names in permutations(range(3), 2)
        for numbers in product((3, 4), repeat=2)
        for asked in permutations(names)
    }
    tokens, labels = ours.phone_book(200 * len(possible), pairs=2, queries=2, keys=3, values=2, seed=5)
    counts = Counter(tuple(text) for text in tokens.tolist())
    assert set(counts) == possible
    assert all(110 < count < 290 for count in counts.values())  # 200, give or take 6 standard deviations of 14
    for text, expected in zip(tokens.tolist(), labels.tolist(), strict=True):
        book = dict([text[:2], text[2:4]])
        assert expected == [-100] * 4 + [book[key] for key in text[4:]]


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_those_of_masked_means(ours: ModuleType, seed: int) -> None:
    """With NumPy: the place of each question by searching in the sorted keys, then means that leave out NaN."""
    B, pairs, queries, keys, values = 60, 6, 2 + seed, 9, 4
    tokens, labels = ours.phone_book(B, pairs, queries, keys, values, seed)
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(B, 2 * pairs + queries, keys + values, generator=generator)
    logits += 2 * torch.nn.functional.one_hot(labels.clamp(min=0), keys + values)  # about half of the answers are right
    names, asked = tokens[:, : 2 * pairs : 2].numpy(), tokens[:, 2 * pairs :].numpy()
    order = np.argsort(names, axis=1)
    spots = [np.searchsorted(row, keys) for row, keys in zip(np.sort(names, axis=1), asked, strict=True)]
    place = np.take_along_axis(order, np.stack(spots), axis=1)
    hit = (logits.numpy().argmax(-1) == labels.numpy())[:, 2 * pairs :]
    expected = np.array([np.nanmean(np.where(place == p, hit, np.nan)) for p in range(pairs)])
    assert 0.1 < expected.min() < expected.max() < 0.9
    assert close(ours.recall_by_place(logits, tokens, labels, pairs), expected, atol=1e-12)


def test_the_bound_is_that_of_products(ours: ModuleType) -> None:
    for values in range(2, 40):
        books, n = 1, 0
        for bits in range(90):
            while books * values <= 1 << bits:
                books, n = books * values, n + 1
            assert ours.most_pairs(bits, values) == n


def test_the_bound_of_a_million_bits(ours: ModuleType) -> None:
    bits = 1_000_000
    for values in (2, 3, 10, 1000, 1_000_000):
        n = ours.most_pairs(bits, values)
        assert values**n <= 1 << bits < values ** (n + 1)


def test_the_statement_is_right_about_its_example(ours: ModuleType) -> None:
    tokens = torch.tensor([[3, 6, 0, 4, 2, 6, 2, 3]])
    labels = torch.tensor([[-100] * 6 + [6, 6]])
    logits = torch.eye(7)[labels.clamp(min=0)]
    assert ours.recall_by_place(logits, tokens, labels, 3).nan_to_num(-1).tolist() == [1.0, -1.0, 1.0]


def test_the_statement_is_right_about_the_bound(ours: ModuleType) -> None:
    assert [ours.most_pairs(32 * K * 32, 16) for K in (4, 8, 16, 32)] == [1024, 2048, 4096, 8192]
    assert ours.most_pairs(8, 6) == 3
    assert (6**3, 2**8) == (216, 256)


def by_loops(mixer: Any, x: Tensor, window: int) -> Tensor:
    """Compute what a mixer of the lab does, one token after another, as lesson 8 writes it."""
    T = x.shape[0]
    weight, bias = mixer.conv.weight[:, 0], mixer.conv.bias  # (D, 3)
    padded = torch.cat([torch.zeros(2, x.shape[1], dtype=x.dtype), x])
    outputs: list[Tensor] = []
    keys: list[Tensor] = []
    values: list[Tensor] = []
    state: Tensor | None = None
    for t in range(T):
        u = bias + sum(weight[:, j] * padded[t + j] for j in range(3))
        u = u * u.sigmoid()
        q, k, v = mixer.q(u), mixer.k(u), mixer.v(u)
        if mixer.kind in ("attention", "window"):
            keys.append(k)
            values.append(v)
            first = max(0, t + 1 - window) if mixer.kind == "window" else 0
            weights = torch.stack([key @ q for key in keys[first:]]).div(math.sqrt(len(k))).softmax(0)
            outputs.append(sum(w * value for w, value in zip(weights, values[first:], strict=True)))
            continue
        q, k = q / q.norm(), k / k.norm()
        state = torch.zeros(len(k), len(v), dtype=x.dtype) if state is None else state
        stays, strength = mixer.gates(u).sigmoid()
        if mixer.kind == "linear":
            state = state + torch.outer(k, v)
        elif mixer.kind == "state-space":
            state = stays * state + strength * torch.outer(k, v)
        else:
            state = stays * state
            state = state + strength * torch.outer(k, v - state.T @ k)
        outputs.append(state.T @ q)
    return mixer.out(torch.stack(outputs))


@pytest.mark.parametrize("kind", ["attention", "window", "linear", "state-space", "delta"])
def test_layers_of_the_lab_are_those_of_the_lesson(lab: ModuleType, kind: str) -> None:
    torch.manual_seed(3)
    mixer = lab.Mixer(kind, 8).double()
    torch.nn.init.normal_(mixer.gates.weight)
    x = torch.randn(2, 40, lab.D, dtype=torch.float64)
    with torch.no_grad():
        expected = torch.stack([by_loops(mixer, text, lab.WINDOW) for text in x])
        assert close(mixer(x), expected, atol=1e-10)


def test_corrections_of_the_lab(lab: ModuleType, ours: ModuleType) -> None:
    """Half of the names are read twice, with two numbers, and the second is the answer."""
    tokens, labels = ours.phone_book(30, pairs=6, queries=6, keys=lab.KEYS, values=lab.VALUES, seed=0)
    old = labels[:, 12:]
    corrected, answers, is_new = lab.correct(tokens, old, torch.Generator().manual_seed(1))
    assert corrected.shape == (30, 12 + 6 + 6)
    for text, wanted, before, new in zip(
        corrected.tolist(), answers.tolist(), old.tolist(), is_new.tolist(), strict=True
    ):
        book: dict[int, int] = {}
        for key, value in zip(text[:18:2], text[1:18:2], strict=True):
            assert book.get(key) != value
            book[key] = value
        assert wanted == [book[key] for key in text[18:]]
        assert sum(new) == 3
        assert [w != b for w, b in zip(wanted, before, strict=True)] == new


def test_bits_that_answers_prove(lab: ModuleType) -> None:
    """All right prove every bit of the book, guessing none; and in between the figures of the statement."""
    assert lab.proved(1.0) == pytest.approx(128, abs=1e-5)
    assert lab.proved(1 / 16) == pytest.approx(0, abs=1e-9)
    assert lab.proved(0.01) == pytest.approx(0, abs=1e-9)
    # an error is one of 15 other values: the mutual information of that channel, symbol by symbol
    channel = np.full((16, 16), 0.3 / 15) + np.eye(16) * (0.7 - 0.3 / 15)
    assert lab.proved(0.7) == pytest.approx(32 * (channel / 16 * np.log2(channel * 16)).sum())


def test_a_state_far_below_the_bound_forgets(lab: ModuleType, ours: ModuleType) -> None:
    """The first row of the statement's table: 128 numbers, room for 1024 pairs, and a third of 32 known."""

    def book(pairs: int, seed: int) -> tuple[Tensor, Tensor]:
        tokens, labels = ours.phone_book(lab.BATCH, pairs, pairs, lab.KEYS, lab.VALUES, seed)
        return tokens, labels[:, -pairs:]

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a lab; matrices this small are slower with more
    try:
        model = lab.trained("linear", 4, book, lab.LARGEST, seed=0)
    finally:
        torch.set_num_threads(threads)
    assert lab.recall(ours, model, 32, seed=0).mean().item() == pytest.approx(0.32, abs=0.04)
