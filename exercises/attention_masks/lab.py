"""Changes one word of a sentence after another under each of the student's masks, and shows which outputs move."""

import torch

from grader.lab import Step
from grader.pictures import Heatmap, Table

WORDS = ("the", "boat", "that", "we", "painted", "sank")
TARGET = ("1st", "2nd", "3rd")  # words of a translation, as far as it is written
WIDTH = 8  # of the vectors
PREFIX, WINDOW, LAYERS = 3, 2, 3


def run(submission, rng):
    T = len(WORDS)
    words = torch.ones(1, T, dtype=torch.long)
    padded = words.clone()
    padded[:, -2:] = 0
    target = torch.ones(1, len(TARGET), dtype=torch.long)
    sides = submission.variant_masks("encoder-decoder", words, target_mask=target)
    masks = {
        "encoder": submission.bidirectional_mask(T),
        "causal": submission.prefix_lm_mask(T, 0),
        f"prefix of {PREFIX}": submission.prefix_lm_mask(T, PREFIX),
        f"window of {WINDOW}": submission.sliding_window_mask(T, WINDOW),
        "padded": submission.with_padding(submission.bidirectional_mask(T), padded)[0, 0],
        "cross": sides["cross"][0, 0],
    }
    titles = {
        "encoder": "Encoder: everything",
        "causal": "Causal: a prefix of 0",
        f"prefix of {PREFIX}": f"Prefix LM, a prefix of {PREFIX}",
        f"window of {WINDOW}": f"A window of {WINDOW}",
        "padded": "Encoder, the last two words are padding",
        "cross": "Cross-attention, from three words of a translation",
    }
    layer = Layer(rng)
    counts = []
    for name, mask in masks.items():
        yield Step(f"changing each word: {name}")
        change = influence(lambda source, queries, mask=mask: layer(queries, source, mask), layer, len(mask))
        yield picture(name, titles[name], change)
        counts.append((name, counted(change)))
    yield Step(f"changing each word: a window of {WINDOW}, {LAYERS} layers")
    deep = influence(lambda source, _: stacked(layer, source, masks[f"window of {WINDOW}"]), layer, T)
    yield picture("deep", f"A window of {WINDOW} in each of {LAYERS} layers", deep)
    counts.append((f"{LAYERS} windows", counted(deep)))
    yield Table("Pairs of a word that changed and an output that moved", ("pairs", "from a later word"), counts)


class Layer:
    """One attention with weights of its own, the same for every mask."""

    def __init__(self, rng):
        self.source = rng.randn(len(WORDS), WIDTH)
        self.target = rng.randn(len(TARGET), WIDTH)
        self.other = rng.randn(len(WORDS), WIDTH)  # what a word is changed to
        self.weights = [rng.randn(WIDTH, WIDTH) / WIDTH**0.5 for _ in range(3)]

    def __call__(self, queries, source, mask):
        """(T, D) and (S, D) -> (T, D); a query that may look at nothing gets zeros."""
        q, k, v = queries @ self.weights[0], source @ self.weights[1], source @ self.weights[2]
        scores = (q @ k.T / WIDTH**0.5).exp() * mask
        return scores @ v / scores.sum(-1, keepdim=True).clamp(min=1e-12)


def stacked(layer, x, mask):
    for _ in range(LAYERS):
        x = x + layer(x, x, mask)
    return x


def influence(outputs, layer, T):
    """How far each output (row) moves if a word (column) changes; the change of the word itself is not counted."""
    own = len(WORDS) == T  # self-attention: queries are made of the words as well
    columns = []
    for key in range(len(WORDS)):
        changed = layer.source.clone()
        changed[key] = layer.other[key]
        before = outputs(layer.source, layer.source if own else layer.target)
        after = outputs(changed, changed if own else layer.target)
        columns.append((after - before).norm(dim=-1))
    return torch.stack(columns, dim=1)  # (T, S)


def picture(name, title, change):
    rows = WORDS if len(change) == len(WORDS) else TARGET
    return Heatmap(name.replace(" ", "-"), f"{title}: how far each output (row) moves", rows, WORDS, change.tolist())


def counted(change):
    moved = change > 0
    later = moved.triu(1) if len(moved) == len(WORDS) else torch.zeros_like(moved)
    return [str(moved.sum().item()), str(later.sum().item())]
