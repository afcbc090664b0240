"""The training tasks of BERT, GPT and T5."""

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
    """Chooses tokens, hides most of them, and says what stood there: BERT's inputs and labels.

    input_ids: int64 (B, T).
    special_mask: bool (B, T), True for tokens that are never chosen.
    select_u, action_u: floating point (B, T) in [0, 1). A token is chosen if select_u < mlm_probability. Of the
        chosen ones action_u < 0.8 becomes mask_token_id, else action_u < 0.9 the token of random_ids,
        and the others stay.
    random_ids: int64 (B, T).
    Returns: corrupted int64 (B, T), and labels int64 (B, T): the token of input_ids where one was chosen,
        ignore_index elsewhere.

    >>> ids = torch.tensor([[2, 15, 16, 17, 18]])
    >>> special = torch.tensor([[True, False, False, False, False]])
    >>> u = torch.tensor([[0.01, 0.02, 0.03, 0.04, 0.5]])
    >>> a = torch.tensor([[0.1, 0.2, 0.85, 0.95, 0.3]])
    >>> mlm_corrupt(ids, special, u, a, torch.tensor([[21, 22, 23, 24, 25]]), mask_token_id=4)
    (tensor([[ 2,  4, 23, 17, 18]]), tensor([[-100,   15,   16,   17, -100]]))
    """
    chosen = (select_u < mlm_probability) & ~special_mask  # (B, T)
    labels = torch.where(chosen, input_ids, ignore_index)
    corrupted = torch.where(chosen & (action_u < 0.9), random_ids, input_ids)
    corrupted = torch.where(chosen & (action_u < 0.8), mask_token_id, corrupted)
    return corrupted, labels


def mlm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """The mean cross-entropy over all labels of the batch that are not ignore_index.

    logits: float32 or float64 (B, T, V).
    labels: int64 (B, T), each a token below V or ignore_index, which may be any number.
    Returns: a tensor without axes in the dtype of logits, finite for large logits; 0 if there is no label.
        Gradients flow to the logits; without labels they are 0.

    >>> ids = torch.tensor([[0, 1, 2, 0]])
    >>> mlm_loss(2.0 * torch.nn.functional.one_hot(ids, 3), ids)
    tensor(0.2395)
    """
    keep = labels != ignore_index  # (B, T)
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    targets = labels.masked_fill(~keep, 0)  # some valid token
    losses = -log_p.gather(-1, targets[..., None])[..., 0]  # (B, T)
    return (losses * keep).sum() / keep.sum().clamp(min=1)


def clm_loss(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """The mean cross-entropy of the next token: the logits at position t against the label at t + 1.

    logits: float32 or float64 (B, T, V).
    labels: int64 (B, T), not shifted: each a token below V or ignore_index, which may be any number.
    Returns: a tensor without axes in the dtype of logits, finite for large logits; 0 if there is no label to
        predict. Gradients flow to the logits; without such labels they are 0.
    Raises: ValueError if T < 2.

    >>> ids = torch.tensor([[0, 1, 2, 0]])
    >>> clm_loss(2.0 * torch.nn.functional.one_hot(ids, 3), ids)  # bets on the token that it has just read
    tensor(2.2395)
    """
    T = labels.shape[1]
    if T < 2:
        raise ValueError(f"there is no next token in a sequence of {T}")
    return mlm_loss(logits[:, :-1], labels[:, 1:], ignore_index)


def span_corruption(
    ids: list[int], spans: list[tuple[int, int]], first_sentinel_id: int
) -> tuple[list[int], list[int]]:
    """T5's task: the text with a sentinel in place of each span, and the spans with their sentinels.

    ids: the tokens.
    spans: (start, length) in any order, possibly none.
    first_sentinel_id: the sentinel of the first span in the text; the next ones count down.
    Returns: input and target. The target ends with one more sentinel, and nothing after it.
    Raises: ValueError for a length below 1, a span that leaves the text (also by a start below 0), and spans
        that overlap or touch.

    >>> span_corruption([10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20], [(2, 2), (8, 1)], 32099)
    ([10, 11, 32099, 14, 15, 16, 17, 32098, 19, 20], [32099, 12, 13, 32098, 18, 32097])
    """
    corrupted, target = [], []
    sentinel, end = first_sentinel_id, -1  # end: where the span before ended
    for start, length in sorted(spans):
        if length < 1 or start <= end or start < 0 or start + length > len(ids):
            raise ValueError(f"the span {(start, length)} is empty, leaves the text or meets another")
        corrupted += [*ids[max(end, 0) : start], sentinel]
        target += [sentinel, *ids[start : start + length]]
        sentinel, end = sentinel - 1, start + length
    return corrupted + ids[max(end, 0) :], [*target, sentinel]
