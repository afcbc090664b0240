# TRUE CAUSE: the losses clamp the ignored labels at 0 before they gather, which assumes a negative ignore_index; it
# may be any number, and one of V or more makes gather raise. Ignored labels must be replaced by their mask.
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
    chosen = (select_u < mlm_probability) & ~special_mask
    labels = torch.where(chosen, input_ids, ignore_index)
    hide = chosen & (action_u < 0.8)
    swap = chosen & (action_u >= 0.8) & (action_u < 0.9)
    corrupted = torch.where(hide, mask_token_id, input_ids)
    corrupted = torch.where(swap, random_ids, corrupted)
    return corrupted, labels


def _mean_nll(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    counted = labels != ignore_index
    target = labels.clamp(min=0)
    log_p = logits.log_softmax(dim=-1).gather(-1, target.unsqueeze(-1)).squeeze(-1)
    nll = -(log_p * counted).sum()
    return nll / counted.sum().clamp(min=1)


def mlm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    return _mean_nll(logits, labels, ignore_index)


def clm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    if labels.shape[1] < 2:
        raise ValueError("the next token needs at least two positions")
    return _mean_nll(logits[:, :-1], labels[:, 1:], ignore_index)


def span_corruption(
    ids: list[int], spans: list[tuple[int, int]], first_sentinel_id: int
) -> tuple[list[int], list[int]]:
    source, target = [], []
    sentinel = first_sentinel_id
    end_of_last = -1  # so that a span may begin at 0
    done = 0
    for start, length in sorted(spans):
        if length < 1 or start < 0 or start + length > len(ids):
            raise ValueError(f"span {(start, length)} does not fit")
        if start <= end_of_last:
            raise ValueError("spans overlap or touch")
        source += ids[done:start] + [sentinel]
        target += [sentinel] + ids[start : start + length]
        sentinel -= 1
        done = end_of_last = start + length
    return source + ids[done:], target + [sentinel]
