"""A language model that fills in blanks in any order: how text is masked, what is learned, how it is filled in."""

import torch
import torch.nn.functional as F
from torch import Tensor


def mask_tokens(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """The texts at time t: each token, independently of the others, is replaced by the mask with probability t.

    ids: int64 (B, T), without masks. It is not changed.
    t: floating point (B,), one time for each text, 0 < t <= 1. u: (B, T), in the dtype of t, 0 <= u < 1; a token is
        masked where u < t of its text.
    Returns: int64 (B, T).

    >>> ids, u = torch.tensor([[5, 6, 7], [5, 6, 7]]), torch.tensor([[0.2, 0.5, 0.9], [0.2, 0.5, 0.9]])
    >>> mask_tokens(ids, torch.tensor([0.5, 1.0]), u, mask_id=9)
    tensor([[9, 6, 7],
            [9, 9, 9]])
    """
    raise NotImplementedError


def diffusion_loss(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """The training loss: -log p(token) at the masked places, over t, summed and divided by B T, masked or not.

    The model never predicts the mask: p is the softmax over the other V - 1 tokens, whatever the logit of mask_id is.

    logits: float32 or float64 (B, T, V), finite. ids: int64 (B, T), without masks. noisy: int64 (B, T), ids with some
        tokens replaced by mask_id. t: (B,), in the dtype of logits, 0 < t <= 1, the time of each text.
    Returns: a scalar in the dtype of logits; 0 if nothing is masked. Gradients flow to the logits of masked places,
        and are 0 for all others and for the logits of mask_id.

    >>> ids, noisy = torch.tensor([[0, 1, 1, 0]]), torch.tensor([[2, 2, 1, 0]])
    >>> diffusion_loss(torch.zeros(1, 4, 3), ids, noisy, torch.tensor([0.25]), mask_id=2)  # (2 ln 2) / 0.25 / 4
    tensor(1.3863)
    """
    raise NotImplementedError


def unmask_schedule(num_masked: int, steps: int) -> list[int]:
    """How many masks each step removes: as evenly as possible, and the larger numbers first.

    num_masked: 0 or more. steps: 1 or more, and possibly more than num_masked.
    Returns: a list of `steps` ints with the sum num_masked, of which no two differ by more than 1.

    >>> unmask_schedule(8, 3)
    [3, 3, 2]
    """
    raise NotImplementedError


def unmask_step(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """One step of writing: the masked places where the model is surest get their most probable token.

    At each masked place the model proposes its most probable token other than the mask. Its confidence is the
    probability of that token, in the softmax over all tokens other than the mask.

    tokens: int64 (B, T), some of them mask_id. It is not changed.
    logits: float32 or float64 (B, T, V), finite, also at places that are not masked. At a masked place the two largest
        probabilities lie 0.001 or more apart, and so do any two confidences of a text: rounding decides nothing.
    counts: int64 (B,), 0 or more: how many places of each text are filled; all of its masked ones if there are fewer.
    Returns: int64 (B, T). Places that were not masked, and masked ones that are not filled, stay as they are.

    >>> p = torch.tensor([[[0.6, 0.4, 0.0], [0.1, 0.9, 0.0], [0.3, 0.7, 0.0]]]) + 1e-6
    >>> unmask_step(torch.tensor([[2, 0, 2]]), p.log(), torch.tensor([1]), mask_id=2)
    tensor([[2, 0, 1]])
    """
    raise NotImplementedError
