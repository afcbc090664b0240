"""Your pictures and texts, matched."""

import torch

from grader.pictures import Heatmap

TEXTS = ("red boat", "blue boat", "red door")
#             boat, door, red, blue
FEATURES = ((1.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 1.0, 0.0))


def run(submission, rng):
    texts = torch.tensor(FEATURES, dtype=torch.float64)
    images = texts + 0.3 * rng.randn(*texts.shape)
    log_scale = torch.tensor(5.0, dtype=torch.float64).log()
    probabilities = submission.clip_logits(images, texts, log_scale).softmax(-1)
    pictures = tuple(f"picture of a {text}" for text in TEXTS)
    yield Heatmap(
        "matches", "Which text belongs to each picture, by your logits", pictures, TEXTS, probabilities.tolist()
    )
