# TRUE CAUSE: merge raises only if there are more placeholders than rows of features; surplus features are dropped
# silently, although any mismatch, I·P not equal to the placeholders, must raise ValueError.
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
    if strategy not in ("default", "full"):
        raise ValueError(f"unknown strategy {strategy!r}")
    features = hidden_states[layer]
    return features if strategy == "full" else features[:, 1:]


def expand_image_tokens(ids: list[int], image_token: int, n_tokens: int) -> list[int]:
    expanded: list[int] = []
    for token in ids:
        expanded.extend([token] * (n_tokens if token == image_token else 1))
    return expanded


def merge(input_ids: Tensor, embedding: Tensor, image_features: Tensor, image_token: int) -> Tensor:
    is_image = input_ids == image_token
    rows = image_features.reshape(-1, embedding.shape[1])
    if int(is_image.sum()) > rows.shape[0]:
        raise ValueError(f"{int(is_image.sum())} placeholders, {rows.shape[0]} rows of features")
    text = F.embedding(input_ids.masked_fill(is_image, 0), embedding)
    return text.masked_scatter(is_image.unsqueeze(-1), rows)


def make_labels(input_ids: Tensor, image_token: int, pad_token: int, prompt_lengths: Tensor) -> Tensor:
    real = input_ids != pad_token
    number = real.long().cumsum(dim=1)  # the first real token is number 1
    learn = real & (number > prompt_lengths.unsqueeze(1)) & (input_ids != image_token)
    return torch.where(learn, input_ids, IGNORE)


def batch_inputs(input_ids: Tensor, pad_token: int) -> dict[str, Tensor]:
    attention_mask = (input_ids != pad_token).long()
    position_ids = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    return {"attention_mask": attention_mask, "position_ids": position_ids}
