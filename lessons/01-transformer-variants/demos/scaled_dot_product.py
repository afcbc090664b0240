"""Your attention on a sentence."""

import torch

from grader.pictures import Heatmap

WORDS = ("we", "painted", "the", "boat", "and", "sold", "it")
#            a thing, an action, a pointer to a thing, who acts
FEATURES = ((0.2, 0.0, 0.4, 1.0), (0.0, 1.0, 0.0, 0.3), (0.1, 0.1, 0.1, 0.0), (1.0, 0.0, 0.0, 0.0),
            (0.1, 0.1, 0.0, 0.1), (0.0, 1.0, 0.0, 0.3), (0.2, 0.0, 1.0, 0.0))  # fmt: skip
#          what a word with each feature looks for, in the same four
LOOKS_FOR = ((0.2, 0.3, 0.0, 0.0), (0.6, 0.2, 0.0, 0.8), (1.0, 0.0, 0.0, 0.0), (0.0, 0.5, 0.0, 0.2))


def run(submission, rng):
    keys = torch.tensor(FEATURES)
    queries = 8 * keys @ torch.tensor(LOOKS_FOR)
    mask = torch.ones(len(WORDS), len(WORDS), dtype=torch.bool).tril()
    weights = submission.attention(queries, keys, keys, mask=mask)[1]
    title = "Your attention on a sentence, with a causal mask: rows attend to columns"
    yield Heatmap("attention", title, WORDS, WORDS, weights.tolist())
