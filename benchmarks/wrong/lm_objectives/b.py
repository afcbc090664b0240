# TRUE CAUSE: span_corruption numbers the sentinels in the order in which the spans are given. The sentinels count
# down in the order of the text, so the spans have to be sorted before they get their numbers.
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
    hide = chosen & (action_u < 0.8)
    swap = chosen & (action_u >= 0.8) & (action_u < 0.9)
    corrupted = torch.where(swap, random_ids, input_ids).masked_fill(hide, mask_token_id)
    return corrupted, input_ids.masked_fill(~chosen, ignore_index)


def mlm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    count = (labels != ignore_index).sum().clamp(min=1)
    flat, targets = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    return F.cross_entropy(flat, targets, ignore_index=ignore_index, reduction="sum") / count


def clm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    if labels.shape[1] < 2:
        raise ValueError("there is no next token")
    return mlm_loss(logits[:, :-1], labels[:, 1:], ignore_index)


def span_corruption(
    ids: list[int], spans: list[tuple[int, int]], first_sentinel_id: int
) -> tuple[list[int], list[int]]:
    numbered = [(start, length, first_sentinel_id - n) for n, (start, length) in enumerate(spans)]
    text, target = [], []
    position = 0
    for start, length, sentinel in sorted(numbered):
        if length < 1 or start < 0 or start + length > len(ids):
            raise ValueError(f"the span ({start}, {length}) is empty or leaves the text")
        if target and start <= position:
            raise ValueError("two spans overlap or touch")
        text += ids[position:start] + [sentinel]
        target += [sentinel] + ids[start : start + length]
        position = start + length
    text += ids[position:]
    target.append(first_sentinel_id - len(spans))
    return text, target
