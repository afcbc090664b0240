from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Projector(nn.Module):
    def __init__(self, vision_dim: int, text_dim: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, text_dim)
        self.linear_2 = nn.Linear(text_dim, text_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.gelu(self.linear_1(x)))


def select_features(hidden_states: Sequence[Tensor], layer: int, strategy: str) -> Tensor:
    states = hidden_states[layer]
    if strategy == "default":
        return states[:, 1:]
    if strategy == "full":
        return states
    raise ValueError(f"unknown strategy {strategy}")


def expand_image_tokens(ids: list[int], image_token: int, n_tokens: int) -> list[int]:
    out = []
    for token in ids:
        out += [token] * (n_tokens if token == image_token else 1)
    return out


def merge(input_ids: Tensor, embedding: Tensor, image_features: Tensor, image_token: int) -> Tensor:
    is_image = input_ids == image_token
    features = image_features.flatten(0, 1)
    if is_image.sum() != len(features):
        raise ValueError(f"{int(is_image.sum())} placeholders for {len(features)} rows of features")
    out = embedding[input_ids.masked_fill(is_image, 0)]
    out[is_image] = features
    return out


def make_labels(input_ids: Tensor, image_token: int, pad_token: int, prompt_lengths: Tensor) -> Tensor:
    real = input_ids != pad_token
    number = real.cumsum(dim=1) - 1
    ignored = ~real | (number < prompt_lengths[:, None]) | (input_ids == image_token)
    return input_ids.masked_fill(ignored, -100)


def batch_inputs(input_ids: Tensor, pad_token: int) -> dict[str, Tensor]:
    attention_mask = (input_ids != pad_token).long()
    position_ids = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    return {"attention_mask": attention_mask, "position_ids": position_ids}
