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
def leak_above_eps(weights: Tensor) -> bool:
    """You forgave a leak that is below the rounding of a 1. Zero is stored exactly, and far smaller numbers than that
    are stored, too: what is to be told apart from zero here?"""
    future = weights[..., ~causal_mask(*weights.shape[-2:])]
    return bool((future > torch.finfo(weights.dtype).eps).any())


@replaces("leaks_future")
def leak_first_head(weights: Tensor) -> bool:
    """You looked at the first head of the first sequence only. The other dimensions in front of T and S have
    to be searched too."""
    first = weights.reshape(-1, *weights.shape[-2:])[0]
    return bool((first[~causal_mask(*first.shape)] != 0).any())


@replaces("leaks_future")
def leak_in_every_head(weights: Tensor) -> bool:
    """You ask whether every head of every sequence leaks. One head that sees the answer is enough: which reduction over
    the dimensions in front of T and S says so?"""
    return bool((weights[..., ~causal_mask(*weights.shape[-2:])] != 0).any(-1).all())


@replaces("leaks_future")
def leak_of_the_next_key(weights: Tensor) -> bool:
    """You look at one future key of each query, the next one, and weight further ahead goes unnoticed. The keys
    after the next one give the answer away as well: which keys are the future of a query?"""
    T, S = weights.shape[-2:]
    return bool((weights.diagonal(S - T + 1, -2, -1) != 0).any())


@replaces("leaks_future")
def leak_in_float32(weights: Tensor) -> bool:
    """You convert the weights before you look at them, and a float64 weight of 1e-60 becomes 0 in float32. Which dtype
    can you compare with 0 without losing any number?"""
    return bool((weights.float()[..., ~causal_mask(*weights.shape[-2:])] != 0).any())


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
    """You kept the future and removed the past. Rows are queries i, and columns are keys j: which of the two
    positions must be the larger one?"""
    S = checked(T, S)
    return torch.arange(S)[None, :] >= torch.arange(T)[:, None] + (S - T)


@replaces("causal_mask")
def hidden(T: int, S: int | None = None) -> Tensor:
    """Your mask is True where a key is hidden. In this course True means «may attend»."""
    return ~causal_mask(T, S)


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


@replaces("causal_mask")
def strict_but_first(T: int, S: int | None = None) -> Tensor:
    """In your mask only the first token of a text may attend to itself, and every other token sees only the tokens
    before it. The input of position i is not the answer that position i predicts. Which token is the answer?"""
    S = checked(T, S)
    keep = torch.arange(S)[None, :] < torch.arange(T)[:, None] + (S - T)
    keep[:, 0] = True
    return keep


@replaces("causal_mask")
def offset_reversed(T: int, S: int | None = None) -> Tensor:
    """Your offset has the wrong sign: the larger S is, the fewer keys your queries see. The queries are the last T
    positions. At which position does the first of the T queries stand?"""
    S = checked(T, S)
    return torch.ones(T, S, dtype=torch.bool).tril(T - S)


@replaces("causal_mask")
def zero_is_missing(T: int, S: int | None = None) -> Tensor:
    """You treat S = 0 as if S were not given: 0 counts as false in Python. With no key at all there is no mask for T
    queries. How can you ask whether S is None?"""
    return causal_mask(T, S or T)


@replaces("causal_mask")
def equal_refused(T: int, S: int | None = None) -> Tensor:
    """You raise ValueError when S is given and equal to T. T queries on T keys are the usual square mask. For which
    S is there a query without any key?"""
    if S is not None and T >= S:
        raise ValueError("T < S")
    return causal_mask(T, S)


@replaces("causal_mask")
def not_bool(T: int, S: int | None = None) -> Tensor:
    """Your mask holds the numbers 1 and 0. The mask that is asked for holds True and False: which dtype has your
    tensor?"""
    return causal_mask(T, S).float()


@replaces("causal_mask")
def transposed(T: int, S: int | None = None) -> Tensor:
    """Your rows are keys and your columns are queries, so the shape is (S, T). A row belongs to one query. Which of
    the two positions must change along a row?"""
    return causal_mask(T, S).T


@replaces("additive_mask")
def factors(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """You return 1 and 0, a mask to multiply with. This mask is added to the scores before the softmax. Which number
    changes nothing when it is added, and which number makes the exponential 0?"""
    return keep.to(dtype)


@replaces("additive_mask")
def always_causal(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Your additive mask has a causal pattern of its own, and of `keep` it uses the shape only. keep may have any
    pattern, such as one that hides padding. Which cells of yours should be -inf?"""
    return torch.full(keep.shape, -INF, dtype=dtype).triu(1)


@replaces("additive_mask")
def one_minus_bool(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """You compute 1 - keep, and torch does not subtract bools. Bools have a «not» of their own. Do you need a number
    here at all, or a choice between two?"""
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(1 - keep, -INF)


@replaces("additive_mask")
def causal_from_the_end(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Your additive mask makes a causal pattern of the last two sizes of `keep`, and does not look at what is in it.
    keep may have any pattern, such as one that hides padding. Which cells of yours should be -inf?"""
    T, S = keep.shape[-2:]
    return torch.full(keep.shape, -INF, dtype=dtype).triu(S - T + 1)


@replaces("leaks_future")
def leak_as_tensor(weights: Tensor) -> bool:
    """You return a tensor with one True or False in it. The answer has to be a Python bool: how do you get the one
    value out of a tensor?"""
    return (weights[..., ~causal_mask(*weights.shape[-2:])] != 0).any()


@replaces("leaks_future")
def leak_by_row_sums(weights: Tensor) -> bool:
    """You ask whether the allowed weights of a row still sum to about 1. A tiny leak disappears in the rounding of
    such a sum. Which weights can you look at directly?"""
    sums = weights.masked_fill(~causal_mask(*weights.shape[-2:]), 0).sum(-1)
    return not torch.allclose(sums, torch.ones_like(sums))


@replaces("leaks_future")
def leak_by_exact_sums(weights: Tensor) -> bool:
    """You ask whether the allowed weights of a row sum to less than 1. Rounding alone takes such a sum below 1, and a
    leak that is smaller than rounding does not. Which weights can you look at directly?"""
    sums = weights.masked_fill(~causal_mask(*weights.shape[-2:]), 0).sum(-1)
    return bool((sums < 1).any())


@replaces("leaks_future")
def leak_on_diagonal(weights: Tensor) -> bool:
    """You count the weight that a token gives to itself as a leak. A token may attend to itself. Which is the first
    key that lies in the future of a query?"""
    T, S = weights.shape[-2:]
    return bool((weights.triu(S - T) != 0).any())


@replaces("leaks_future")
def leak_of_the_largest(weights: Tensor) -> bool:
    """You ask whether the key with the largest weight of a query lies in the future. A smaller weight on a future key
    carries the answer, too. Which weights have to be 0?"""
    future = ~causal_mask(*weights.shape[-2:])
    return bool(future.expand_as(weights).gather(-1, weights.argmax(-1, keepdim=True)).any())
