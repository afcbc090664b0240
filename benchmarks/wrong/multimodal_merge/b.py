# TRUE CAUSE: merge counts the placeholders of each text from 0, so that every text begins with the first image's
# features. They fill the placeholders in reading order over the whole batch: the second text goes on where the first
# has stopped.
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IGNORE = -100


class Projector(nn.Module):
    def __init__(self, vision_dim: int, text_dim: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, text_dim)
        self.linear_2 = nn.Linear(text_dim, text_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.gelu(self.linear_1(x)))


def select_features(hidden_states: Sequence[Tensor], layer: int, strategy: str) -> Tensor:
    if strategy == "full":
        return hidden_states[layer]
    if strategy == "default":
        return hidden_states[layer][:, 1:]
    raise ValueError(f"unknown strategy {strategy!r}")


def expand_image_tokens(ids: list[int], image_token: int, n_tokens: int) -> list[int]:
    expanded = []
    for token in ids:
        expanded.extend([token] * (n_tokens if token == image_token else 1))
    return expanded


def merge(input_ids: Tensor, embedding: Tensor, image_features: Tensor, image_token: int) -> Tensor:
    is_image = input_ids == image_token
    features = image_features.reshape(-1, embedding.shape[1])
    if is_image.sum().item() != len(features):
        raise ValueError(f"{is_image.sum().item()} placeholders for {len(features)} rows of features")
    text = F.embedding(input_ids.masked_fill(is_image, 0), embedding)
    number = is_image.cumsum(dim=1) - 1
    return text.index_put((is_image,), features[number[is_image]])


def make_labels(input_ids: Tensor, image_token: int, pad_token: int, prompt_lengths: Tensor) -> Tensor:
    real = input_ids != pad_token
    place = real.cumsum(dim=1)  # 1 for the first real token
    learned = real & (place > prompt_lengths[:, None]) & (input_ids != image_token)
    return input_ids.masked_fill(~learned, IGNORE)


def batch_inputs(input_ids: Tensor, pad_token: int) -> dict[str, Tensor]:
    attention_mask = (input_ids != pad_token).long()
    position_ids = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    return {"attention_mask": attention_mask, "position_ids": position_ids}
