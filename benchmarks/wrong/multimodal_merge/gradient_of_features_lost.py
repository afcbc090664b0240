# TRUE CAUSE: merge writes the features' data into the sequence (detached): the numbers are right, but no
# gradient reaches image_features, and the projector never learns.
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
    if strategy not in ("default", "full"):
        raise ValueError(f"unknown strategy {strategy!r}")
    features = hidden_states[layer]
    return features[:, 1:] if strategy == "default" else features


def expand_image_tokens(ids: list[int], image_token: int, n_tokens: int) -> list[int]:
    result = []
    for token in ids:
        result += [token] * (n_tokens if token == image_token else 1)
    return result


def merge(input_ids: Tensor, embedding: Tensor, image_features: Tensor, image_token: int) -> Tensor:
    is_image = input_ids == image_token
    rows = image_features.detach().reshape(-1, embedding.shape[1])
    if rows.shape[0] != int(is_image.sum()):
        raise ValueError("placeholders and features do not fit")
    safe_ids = input_ids.masked_fill(is_image, 0)
    text = F.embedding(safe_ids, embedding)
    return text.masked_scatter(is_image[:, :, None], rows)


def make_labels(input_ids: Tensor, image_token: int, pad_token: int, prompt_lengths: Tensor) -> Tensor:
    real = input_ids != pad_token
    number = real.long().cumsum(dim=1)  # 1 at the first real token
    learn = real & (number > prompt_lengths[:, None]) & (input_ids != image_token)
    return torch.where(learn, input_ids, -100)


def batch_inputs(input_ids: Tensor, pad_token: int) -> dict[str, Tensor]:
    mask = (input_ids != pad_token).long()
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return {"attention_mask": mask, "position_ids": positions}
