# TRUE CAUSE: mlm_corrupt does not exclude the special tokens from being chosen: special_mask is not used.
import torch
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
    chosen = select_u < mlm_probability
    labels = torch.where(chosen, input_ids, ignore_index)
    masked = chosen & (action_u < 0.8)
    replaced = chosen & (action_u >= 0.8) & (action_u < 0.9)
    corrupted = torch.where(masked, mask_token_id, input_ids)
    corrupted = torch.where(replaced, random_ids, corrupted)
    return corrupted, labels


def mlm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    logp = logits.log_softmax(dim=-1)
    keep = labels != ignore_index
    target = torch.where(keep, labels, 0)
    picked = -logp.gather(-1, target[..., None])[..., 0]
    return (picked * keep).sum() / keep.sum().clamp(min=1)


def clm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    if labels.shape[1] < 2:
        raise ValueError("nothing to predict")
    return mlm_loss(logits[:, :-1], labels[:, 1:], ignore_index)


def span_corruption(
    ids: list[int], spans: list[tuple[int, int]], first_sentinel_id: int
) -> tuple[list[int], list[int]]:
    source, target = [], []
    position = 0
    sentinel = first_sentinel_id
    for number, (start, length) in enumerate(sorted(spans)):
        if length < 1 or start < 0 or start + length > len(ids):
            raise ValueError("not a span of the text")
        if number > 0 and start <= position:
            raise ValueError("spans overlap or touch")
        source += ids[position:start] + [sentinel]
        target += [sentinel] + ids[start : start + length]
        position = start + length
        sentinel -= 1
    return source + ids[position:], target + [sentinel]
