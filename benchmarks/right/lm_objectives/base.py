import torch
import torch.nn.functional as F
from torch import Tensor


def mlm_corrupt(
    input_ids: Tensor,
    special_mask: Tensor,
    select_u: Tensor,
    action_u: Tensor,
    random_ids: Tensor,
    mask_token_id: int,
    mlm_probability: float = 0.15,
    ignore_index: int = -100,
) -> tuple[Tensor, Tensor]:
    chosen = (select_u < mlm_probability) & ~special_mask
    mask = chosen & (action_u < 0.8)
    random = chosen & (action_u >= 0.8) & (action_u < 0.9)
    corrupted = input_ids.masked_fill(mask, mask_token_id)
    corrupted = torch.where(random, random_ids, corrupted)
    return corrupted, input_ids.masked_fill(~chosen, ignore_index)


def mean_loss(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    logits, labels = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    total = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="sum")
    return total / (labels != ignore_index).sum().clamp(min=1)


def mlm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    return mean_loss(logits, labels, ignore_index)


def clm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    if labels.shape[1] < 2:
        raise ValueError("nothing to predict")
    return mean_loss(logits[:, :-1], labels[:, 1:], ignore_index)


def span_corruption(
    ids: list[int], spans: list[tuple[int, int]], first_sentinel_id: int
) -> tuple[list[int], list[int]]:
    source, target = [], []
    sentinel, position = first_sentinel_id, 0
    last_end = -1
    for start, length in sorted(spans):
        if length < 1 or start < 0 or start + length > len(ids):
            raise ValueError("span outside of the text")
        if start <= last_end:
            raise ValueError("spans overlap or touch")
        source += ids[position:start] + [sentinel]
        target += [sentinel] + ids[start : start + length]
        position = last_end = start + length
        sentinel -= 1
    return source + ids[position:], target + [sentinel]
