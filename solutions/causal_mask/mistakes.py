"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from causal_mask import causal_mask
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


def checked(T: int, S: int | None) -> int:
    S = T if S is None else S
    if T > S:
        raise ValueError("T <= S")
    return S


def boundary(T: int, S: int, offset: int) -> Tensor:
    """True where key j is at most offset places behind row i."""
    return torch.arange(S)[None, :] <= torch.arange(T)[:, None] + offset


@replaces("causal_mask", short=[1, 2])
def strict(T: int, S: int | None = None, *, short: int) -> Tensor:
    """In your mask a token may not attend to itself, and row 0 of a square mask is all False. Position i predicts token
    i + 1: does its own input give the answer away?"""
    S = checked(T, S)
    return boundary(T, S, S - T - short)


@replaces("causal_mask")
def strict_but_first(T: int, S: int | None = None) -> Tensor:
    """In your mask only the first token of a text may attend to itself; every other token sees just the tokens before
    it. Which token is the answer that position i predicts?"""
    S = checked(T, S)
    keep = boundary(T, S, S - T - 1)
    keep[:, 0] = True
    return keep


@replaces("causal_mask", far=[1, 2])
def one_too_far(T: int, S: int | None = None, *, far: int) -> Tensor:
    """Your queries see a key that comes after them: the token they have to predict. At which j does a row of the mask
    turn False?"""
    S = checked(T, S)
    return boundary(T, S, S - T + far)


@replaces("causal_mask", off=[-1, 1])
def shifted_by_the_cache(T: int, S: int | None = None, *, off: int) -> Tensor:
    """Right for T = S, but with cached keys the boundary is one place off. The queries are the last T of S positions:
    where is the last query, and which keys does it see?"""
    S = checked(T, S)
    return boundary(T, S, S - T + (off if S > T else 0))


@replaces("causal_mask", of=["rows", "columns"])
def upper(T: int, S: int | None = None, *, of: str) -> Tensor:
    """You kept the future and removed the past. Rows are queries i, columns are keys j: which of the two positions must
    be the larger one?"""
    S = checked(T, S)
    offset = S - T if of == "rows" else 0
    return torch.ones(T, S, dtype=torch.bool).triu(offset)


@replaces("causal_mask")
def hidden(T: int, S: int | None = None) -> Tensor:
    """Your mask is True where a key is hidden. What does True mean in this course?"""
    return ~causal_mask(T, S)


@replaces("causal_mask")
def top_left(T: int, S: int | None = None) -> Tensor:
    """Right for T = S only: with cached keys, a single new token would see key 0 and nothing else. At which position of
    the text is query i when S − T tokens came before?"""
    S = checked(T, S)
    return boundary(T, S, 0)


@replaces("causal_mask")
def offset_reversed(T: int, S: int | None = None) -> Tensor:
    """The more keys there are, the fewer your queries see. The queries are the last T of S positions: where is the
    first of them?"""
    S = checked(T, S)
    return boundary(T, S, T - S)


@replaces("causal_mask")
def transposed(T: int, S: int | None = None) -> Tensor:
    """Your rows are keys and your columns are queries, so the shape is (S, T). Which of the two changes along a
    row?"""
    return causal_mask(T, S).T


@replaces("causal_mask", made=["float", "int"])
def not_bool(T: int, S: int | None = None, *, made: str) -> Tensor:
    """Your mask holds the numbers 1 and 0, not True and False. What is the dtype of your tensor, and which one does the
    docstring name?"""
    keep = causal_mask(T, S)
    return keep.float() if made == "float" else keep.long()


@replaces("causal_mask", rows=["hidden", "cut"])
def no_error(T: int, S: int | None = None, *, rows: str) -> Tensor:
    """With more queries than keys you return a mask. How many keys does the first query see then, and what does the
    statement say about that case?"""
    S = T if S is None else S
    return boundary(T, S, S - T if rows == "hidden" else max(S - T, 0))


@replaces("causal_mask")
def zero_is_missing(T: int, S: int | None = None) -> Tensor:
    """S = 0 has the same effect as no S at all. 0 counts as false in Python: how do you ask whether S is None?"""
    return causal_mask(T, S or T)


@replaces("causal_mask")
def equal_refused(T: int, S: int | None = None) -> Tensor:
    """You raise ValueError when S is given and equal to T, the usual square mask. For which S is there a query without
    any key?"""
    if S is not None and T >= S:
        raise ValueError("T < S")
    return causal_mask(T, S)


@replaces("additive_mask")
def inverted(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Your allowed cells hold −∞. What does True mean in this course, and what does adding −∞ do to a score?"""
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(keep, -INF)


@replaces("additive_mask", number=[-1e4, -1e5, -1e6, -1e8, -1e9, -1e10, -1e12, -1e20, -1e30, None])
def finite(keep: Tensor, dtype: torch.dtype = torch.float32, *, number: float | None) -> Tensor:
    """Your forbidden cells hold a large negative number. What becomes of a row in which every key is forbidden, and
    which number gives weight 0 whatever the scores are?"""
    lowest = torch.finfo(dtype).min if number is None else number
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(~keep, lowest)


@replaces("additive_mask")
def zero_times_infinity(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Your allowed cells are NaN. Do you compute with −∞ there, as in 0 · ∞ or ∞ − ∞? How can you choose between two
    numbers without any arithmetic?"""
    return (~keep).to(dtype) * -INF


@replaces("additive_mask", numbers=[(1, 0), (0, 1), (0, -1), (1, -1), (1, -INF), (0, INF)])
def other_numbers(keep: Tensor, dtype: torch.dtype = torch.float32, *, numbers: tuple[float, float]) -> Tensor:
    """These numbers are added to the scores before the softmax. Which number changes nothing when it is added, and
    which one makes the exponential 0?"""
    allowed, forbidden = numbers
    return torch.full(keep.shape, allowed, dtype=dtype).masked_fill(~keep, forbidden)


@replaces("additive_mask")
def always_float32(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Your mask is float32 whatever `dtype` says. Which dtype do Python's numbers get in a tensor, and where do you
    tell torch about another one?"""
    return torch.where(keep, 0.0, -INF)


@replaces("additive_mask")
def one_minus_bool(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """You subtract a bool tensor from a number, which torch refuses. Bools have a «not» of their own. Do you need a
    number here at all, or a choice between two?"""
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(1 - keep, -INF)


@replaces("additive_mask", corner=["first", "last"])
def always_causal(keep: Tensor, dtype: torch.dtype = torch.float32, *, corner: str) -> Tensor:
    """Your additive mask has a causal pattern whatever is in `keep`; only its shape matters. keep may have any pattern,
    such as one that hides padding. Which cells should be −∞?"""
    T, S = keep.shape[-2:]
    return torch.full(keep.shape, -INF, dtype=dtype).triu(1 if corner == "first" else S - T + 1)


def future_of(weights: Tensor) -> Tensor:
    """The weights on future keys, (..., number of them)."""
    return weights[..., ~causal_mask(*weights.shape[-2:])]


@replaces("leaks_future")
def leak_square_only(weights: Tensor) -> bool:
    """You take a look back into the cache for a leak. When one query sees two positions, which of the two keys is its
    future?"""
    return bool((weights.triu(1) != 0).any())


@replaces("leaks_future", below=[1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-16, 1e-20, None])
def leak_tolerated(weights: Tensor, *, below: float | None) -> bool:
    """A very small leak goes unnoticed. A hidden weight is exactly 0 after the softmax: is there any rounding that you
    would have to allow for?"""
    smallest = torch.finfo(weights.dtype).eps if below is None else below
    return bool((future_of(weights).abs() > smallest).any())


@replaces("leaks_future", to=["float32", "bfloat16"])
def leak_in_another_dtype(weights: Tensor, *, to: str) -> bool:
    """A weight of 1e-30 counts as a leak, and one of 1e-60 does not. In which dtype do you compare, and which numbers
    are 0 in it?"""
    return bool((future_of(weights.to(getattr(torch, to))) != 0).any())


@replaces("leaks_future", which=["first head", "first sequence", "first head of each"])
def leak_in_one_place(weights: Tensor, *, which: str) -> bool:
    """Leaks in some heads or sequences go unnoticed. Which of the dimensions before T and S do you search, and where in
    each?"""
    heads = weights[(None,) * (4 - weights.ndim)] if weights.ndim < 4 else weights  # (B, H, T, S)
    if "sequence" in which:
        heads = heads[:1]
    elif "each" in which:
        heads = heads[:, :1]
    else:
        heads = heads[:1, :1]
    return bool((future_of(heads) != 0).any())


@replaces("leaks_future", wanted=["heads", "keys", "both"])
def leak_in_all(weights: Tensor, *, wanted: str) -> bool:
    """A leak counts for you only if it is everywhere: in every head, or on every future key. How many weights does it
    take to give the answer away?"""
    leaks = future_of(weights) != 0
    if wanted == "both":
        return bool(leaks.all())
    return bool(leaks.any(-1).all() if wanted == "heads" else leaks.all(-1).any())


@replaces("leaks_future", which=["next", "last"])
def leak_of_one_key(weights: Tensor, *, which: str) -> bool:
    """You look at one future key of each query only, so weight on another one goes unnoticed. Which keys are the future
    of a query?"""
    T, S = weights.shape[-2:]
    if which == "next":
        return bool((weights.diagonal(S - T + 1, -2, -1) != 0).any())
    return bool((weights[..., :-1, -1] != 0).any())


@replaces("leaks_future", off=[0, -1, -99])
def leak_on_diagonal(weights: Tensor, *, off: int) -> bool:
    """Weights that keep to the mask are a leak for you. Which is the first key in the future of a query: may a token
    look at itself?"""
    T, S = weights.shape[-2:]
    return bool((weights.triu(S - T + off) != 0).any())


@replaces("leaks_future")
def leak_from_two_on(weights: Tensor) -> bool:
    """A leak to the very next key goes unnoticed. Which is the first key in the future of a query?"""
    T, S = weights.shape[-2:]
    return bool((weights.triu(S - T + 2) != 0).any())


@replaces("leaks_future", kind=["tensor", "count"])
def leak_as_another_type(weights: Tensor, *, kind: str) -> bool:
    """Your answer is not a Python bool. What type is what you return, and how do you make a bool of it?"""
    leaks = future_of(weights) != 0
    return leaks.any() if kind == "tensor" else leaks.sum().item()


@replaces("leaks_future", slack=[0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-4])
def leak_by_row_sums(weights: Tensor, *, slack: float) -> bool:
    """You ask whether the allowed weights of a row sum to less than 1. Does such a sum show rounding, or a leak that
    is smaller than rounding? Which weights can you look at directly?"""
    sums = weights.masked_fill(~causal_mask(*weights.shape[-2:]), 0).sum(-1)
    return bool((sums < 1 - slack).any())


@replaces("leaks_future")
def leak_of_the_largest(weights: Tensor) -> bool:
    """You ask whether a query's largest weight is on a future key. Does a smaller weight there give nothing away?"""
    future = ~causal_mask(*weights.shape[-2:])
    return bool(future.expand_as(weights).gather(-1, weights.argmax(-1, keepdim=True)).any())
