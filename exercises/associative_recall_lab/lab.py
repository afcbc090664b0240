"""Trains five layers on phone books: how large a book fits, and which of its places are known."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from grader.lab import Step
from grader.pictures import Curves, Line, Table

KEYS, VALUES = 64, 16
D, V, WINDOW = 64, 32, 16  # width of the model, length of a value, tokens that a window covers
STEPS, BATCH, RATE = 800, 32, 1e-2  # of training; a lab may call code 10,000 times in all
LARGEST = 32  # pairs of a book in training, from 2 up
SIZES = (4, 8, 12, 16, 24, 32)  # pairs of a book on which a model is measured
TEXTS = 256  # fresh texts of each size
KINDS = ("attention", "window", "linear", "state-space", "delta")
WIDTHS = (4, 8, 16, 32)  # lengths of a key
CORRECTED = (4, 8, 12, 16)  # pairs of a book that is corrected


def run(submission, rng):
    def book(pairs, seed):
        tokens, labels = submission.phone_book(BATCH, pairs, pairs, KEYS, VALUES, seed)
        return tokens, labels[:, -pairs:]

    models = {}
    for kind in KINDS:
        yield Step(f"training: {kind}")
        models[kind] = trained(kind, 8, book, LARGEST, rng.seed)
    places = {
        kind: {pairs: recall(submission, model, pairs, rng.seed) for pairs in SIZES} for kind, model in models.items()
    }
    yield Curves(
        "size",
        f"Right answers by the number of pairs in the book, K = 8 (guessing: {1 / VALUES:.2f})",
        "pairs",
        "accuracy",
        tuple(
            Line(kind, SIZES, [by_place.mean().item() for by_place in each.values()]) for kind, each in places.items()
        ),
        low=0.0,
        high=1.05,
    )
    yield Curves(
        "place",
        f"Right answers by the place in a book of {LARGEST} pairs",
        "place",
        "accuracy",
        tuple(Line(kind, list(range(1, LARGEST + 1)), each[LARGEST].tolist()) for kind, each in places.items()),
        low=0.0,
        high=1.05,
    )

    rows = []
    for K in WIDTHS:
        model = models["linear"]
        if K != 8:
            yield Step(f"training: linear, K = {K}")
            model = trained("linear", K, book, LARGEST, rng.seed)
        right = recall(submission, model, LARGEST, rng.seed).mean().item()
        bits = 32 * K * V
        rows.append(
            (f"K = {K}", [f"{bits:,}", f"{submission.most_pairs(bits, VALUES):,}", right, f"{proved(right):.0f}"])
        )
    yield Table(
        f"Linear attention on books of {LARGEST} pairs, which are {LARGEST * math.log2(VALUES):.0f} bits",
        ("bits of the state", "pairs by the bound", "accuracy", "bits proved"),
        rows,
    )

    generator = torch.Generator().manual_seed(rng.seed)
    results = {}
    for kind in KINDS[2:]:
        yield Step(f"training with corrections: {kind}")

        def corrected(pairs, seed):
            tokens, answers, _ = correct(*book(pairs, seed), generator)
            return tokens, answers

        model = trained(kind, 16, corrected, max(CORRECTED), rng.seed)
        results[kind] = [by_correction(submission, model, pairs, rng.seed, generator) for pairs in CORRECTED]
    for name, which in (("corrected", "names that got a new number"), ("untouched", "the other names")):
        yield Curves(
            name,
            f"Right answers for {which}, K = 16",
            "pairs",
            "accuracy",
            tuple(Line(kind, CORRECTED, [each[name] for each in found]) for kind, found in results.items()),
            low=0.0,
            high=1.05,
        )


class Mixer(nn.Module):
    """One head without positions. A convolution over 3 tokens comes first, so that a value has seen its key."""

    def __init__(self, kind, K):
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv1d(D, D, 3, groups=D, padding=2)
        self.q, self.k = nn.Linear(D, K, bias=False), nn.Linear(D, K, bias=False)
        self.v, self.out = nn.Linear(D, V, bias=False), nn.Linear(V, D, bias=False)
        self.gates = nn.Linear(D, 2)  # how much stays, and how much is written
        self.gates.bias.data.copy_(torch.tensor([3.0, 0.0]))  # 0.95 of the state stays at first

    def forward(self, x):  # (B, T, D)
        T = x.shape[1]
        u = F.silu(self.conv(x.mT)[..., :T].mT)
        q, k, v = self.q(u), self.k(u), self.v(u)
        apart = torch.arange(T)[:, None] - torch.arange(T)  # (T, T), how long ago
        seen = apart >= 0
        if self.kind in ("attention", "window"):
            if self.kind == "window":
                seen = seen & (apart < WINDOW)
            scores = q @ k.mT / k.shape[-1] ** 0.5
            return self.out(scores.masked_fill(~seen, -torch.inf).softmax(-1) @ v)
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        if self.kind == "linear":
            return self.out((q @ k.mT).masked_fill(~seen, 0.0) @ v)
        stays, strength = self.gates(u).split(1, dim=-1)  # (B, T, 1) each
        log_decay = F.logsigmoid(stays).cumsum(1)
        decay = (
            (log_decay - log_decay.mT).masked_fill(~seen, -torch.inf).exp()
        )  # (B, T, T), from a token to a later one
        writes = strength.sigmoid() * v
        if self.kind == "delta":  # each write is less by what the state held under its key: one triangular system
            held = strength.sigmoid() * (k @ k.mT * decay).tril(-1)
            writes = torch.linalg.solve_triangular(held + torch.eye(T), writes, upper=False, unitriangular=True)
        return self.out((q @ k.mT * decay) @ writes)


class Model(nn.Module):
    """Embedding, one mixer, and a linear read-out."""

    def __init__(self, kind, K):
        super().__init__()
        self.embed, self.head = nn.Embedding(KEYS + VALUES, D), nn.Linear(D, KEYS + VALUES)
        self.before, self.mixer, self.after = nn.RMSNorm(D), Mixer(kind, K), nn.RMSNorm(D)

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head(self.after(x + self.mixer(self.before(x))))


def trained(kind, K, draw, largest, seed):
    """A model that was trained on texts of draw(pairs, seed), whose last tokens are questions."""
    torch.manual_seed(seed)
    model = Model(kind, K)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    for step in range(STEPS):
        pairs = 2 + 7 * step % (largest - 1)  # all sizes from 2 to the largest, in turns
        tokens, answers = draw(pairs, seed * STEPS + step)
        logits = model(tokens)[:, -answers.shape[1] :]
        optimiser.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), answers.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return model


@torch.no_grad()
def recall(submission, model, pairs, seed):
    """The share of right answers for each place in fresh books of one size, (pairs,)."""
    tokens, labels = submission.phone_book(TEXTS, pairs, pairs, KEYS, VALUES, 10**8 + seed)
    return submission.recall_by_place(model(tokens), tokens, labels, pairs)


def proved(right):
    """At least so many bits of the largest book are known, by rate-distortion theory, if this share is right."""
    wrong = min(max(1 - right, 1e-9), 1 - 1 / VALUES)
    unsure = -wrong * math.log2(wrong) - (1 - wrong) * math.log2(1 - wrong)
    return LARGEST * (math.log2(VALUES) - unsure - wrong * math.log2(VALUES - 1))


def correct(tokens, answers, generator):
    """Read half of the names again, each with another number, before the questions.

    Returns the texts, their answers, and which of the questions ask for a number that was corrected.
    """
    batch, pairs = answers.shape
    book, questions = tokens[:, : 2 * pairs], tokens[:, 2 * pairs :]
    again = torch.rand(batch, pairs, generator=generator).argsort(-1)[:, : pairs // 2]
    names, numbers = book[:, ::2].gather(1, again), book[:, 1::2].gather(1, again) - KEYS
    shift = torch.randint(1, VALUES, numbers.shape, generator=generator)
    numbers = KEYS + (numbers + shift) % VALUES
    same = questions[:, :, None] == names[:, None]  # (B, pairs, pairs // 2)
    answers = torch.where(same.any(-1), (same * numbers[:, None]).sum(-1), answers)
    return torch.cat([book, torch.stack([names, numbers], -1).flatten(1), questions], dim=1), answers, same.any(-1)


@torch.no_grad()
def by_correction(submission, model, pairs, seed, generator):
    """The shares of right answers for names that were corrected, and for the others."""
    tokens, labels = submission.phone_book(TEXTS, pairs, pairs, KEYS, VALUES, 10**8 + seed)
    tokens, answers, is_new = correct(tokens, labels[:, 2 * pairs :], generator)
    right = model(tokens)[:, -pairs:].argmax(-1) == answers
    return {"corrected": right[is_new].double().mean().item(), "untouched": right[~is_new].double().mean().item()}
