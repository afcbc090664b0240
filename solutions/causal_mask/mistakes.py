"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from causal_mask import causal_mask
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("leaks_future")
def leak_square_only(weights: Tensor) -> bool:
    """You took legal looks back into the cache for leaks: the diagonal that ends in the last corner is the
    first one only for T = S. You have a function that knows where the future begins."""
    return bool((weights.triu(1) != 0).any())


@replaces("leaks_future")
def leak_tolerated(weights: Tensor) -> bool:
    """You forgave a small leak. Masked weights are exactly zero, so there is no rounding to allow for: any
    weight that is not zero carries the answer."""
    future = weights[..., ~causal_mask(*weights.shape[-2:])]
    return not torch.allclose(future, torch.zeros_like(future))


@replaces("leaks_future")
def leak_first_head(weights: Tensor) -> bool:
    """You looked at the first head of the first sequence only. The other dimensions in front of T and S have
    to be searched too."""
    first = weights.reshape(-1, *weights.shape[-2:])[0]
    return bool((first[~causal_mask(*first.shape)] != 0).any())


@replaces("leaks_future")
def leak_everywhere(weights: Tensor) -> bool:
    """You ask whether all future weights are non-zero. One is enough for a leak."""
    return bool((weights[..., ~causal_mask(*weights.shape[-2:])] != 0).all())


def checked(T: int, S: int | None) -> int:
    S = T if S is None else S
    if T > S:
        raise ValueError("T <= S")
    return S


@replaces("causal_mask")
def strict(T: int, S: int | None = None) -> Tensor:
    """A token may attend to itself. Position i predicts token i + 1, so its own input is not the answer. In
    your square mask the first row is all False, and its softmax is NaN."""
    S = checked(T, S)
    return torch.arange(S)[None, :] < torch.arange(T)[:, None] + (S - T)


@replaces("causal_mask")
def upper(T: int, S: int | None = None) -> Tensor:
    """You kept the future and removed the past. Rows are queries, columns are keys: which of i and j must be
    the larger?"""
    S = checked(T, S)
    return torch.arange(S)[None, :] >= torch.arange(T)[:, None] + (S - T)


@replaces("causal_mask")
def top_left(T: int, S: int | None = None) -> Tensor:
    """Right for T = S only. With cached keys query i stands at position i + S - T of the text, not at i: one
    new token would see the very first key and none of the others."""
    S = checked(T, S)
    return torch.ones(T, S, dtype=torch.bool).tril()


@replaces("causal_mask")
def one_too_far(T: int, S: int | None = None) -> Tensor:
    """Each query sees one key too many: the token that it has to predict. Look at the boundary, where j = i +
    S - T."""
    S = checked(T, S)
    return torch.ones(T, S, dtype=torch.bool).tril(S - T + 1)


@replaces("causal_mask")
def no_error(T: int, S: int | None = None) -> Tensor:
    """With more queries than keys you return a mask whose first rows are all False, and their softmax is NaN. T and S
    have probably been exchanged: raise ValueError."""
    S = T if S is None else S
    return torch.arange(S)[None, :] <= torch.arange(T)[:, None] + (S - T)


@replaces("additive_mask")
def inverted(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """You filled the allowed cells with -inf. In this course True means «may attend»: -inf belongs where keep
    is False."""
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(keep, -INF)


@replaces("additive_mask")
def minus_1e4(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """-10000 is not minus infinity: a score of 10000 on a forbidden key cancels it. Only -inf is zero after
    the softmax whatever the scores are."""
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(~keep, -1e4)


@replaces("additive_mask")
def minus_1e9(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """-1e9 is not minus infinity: it hides the problem that it should solve, and float16 cannot even hold it.
    Only -inf is zero after the softmax whatever the scores are."""
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(~keep, -1e9)


@replaces("additive_mask")
def lowest_finite(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The lowest finite number is not minus infinity: two such masks added together overflow, and a row that
    is masked everywhere becomes the average of forbidden keys. Use -inf itself."""
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(~keep, torch.finfo(dtype).min)


@replaces("additive_mask")
def zero_times_infinity(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """0 times infinity is NaN, so multiplying a mask of 0 and 1 by -inf spoils the allowed cells. Choose
    between two constants instead."""
    return (~keep).to(dtype) * -INF


@replaces("additive_mask")
def always_float32(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Your mask is float32 whatever dtype asks for: constants in Python become torch's default dtype. The
    dtype must be given where the tensor is made."""
    return torch.where(keep, 0.0, -INF)
