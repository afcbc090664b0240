"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from parallel_scan import combine, parallel_scan

from grader.testing import replaces


def with_first(a, b, first):
    """b with another first entry; nothing changes if it is None."""
    return b if first is None else torch.cat([first[..., None], b[..., 1:]], -1)


def with_start(a, b, h0):
    """b whose first entry is the state after the first step."""
    return with_first(a, b, None if h0 is None else b[..., 0] + a[..., 0] * h0)


def one_round(a, b, stride):
    joined = combine((a[..., :-stride], b[..., :-stride]), (a[..., stride:], b[..., stride:]))
    return tuple(torch.cat([old[..., :stride], new], -1) for old, new in zip((a, b), joined, strict=True))


@replaces("combine")
def swapped(left, right):
    """Your pair does the right step first: its b is a₁b₂ + b₁. The left step is the earlier one: which of the two
    decays acts on the other's b?"""
    return combine(right, left)


@replaces(
    "combine",
    formula=["b₁ + b₂", "a₁b₁ + a₂b₂", "a₂a₁b₁ + b₂", "a₁b₁ + b₂", "b₁ + a₂b₂", "a₂(b₁ + b₂)", "a₁(b₁ + b₂)"],
)
def other_b(left, right, *, formula):
    """Your b is {formula}. A step adds its b after its decay. Put the result of the first step into the second on
    paper: which decay does b₁ go through, and which b₂?"""
    (a1, b1), (a2, b2) = left, right
    b = {
        "b₁ + b₂": b1 + b2,
        "a₁b₁ + a₂b₂": a1 * b1 + a2 * b2,
        "a₂a₁b₁ + b₂": a2 * a1 * b1 + b2,
        "a₁b₁ + b₂": a1 * b1 + b2,
        "b₁ + a₂b₂": b1 + a2 * b2,
        "a₂(b₁ + b₂)": a2 * (b1 + b2),
        "a₁(b₁ + b₂)": a1 * (b1 + b2),
    }[formula]
    return a2 * a1, b


@replaces("combine", formula=["a₁", "a₂", "a₁ + a₂", "a₁ + a₂ − a₁a₂"])
def other_a(left, right, *, formula):
    """Your a is {formula}. A state that enters the first step leaves the second one multiplied by two decays: by what
    factor together?"""
    a1, a2 = left[0], right[0]
    a = {"a₁": a1, "a₂": a2, "a₁ + a₂": a1 + a2, "a₁ + a₂ − a₁a₂": a1 + a2 - a1 * a2}[formula]
    return a, combine(left, right)[1]


@replaces("parallel_scan", guard=["nothing", "a sum", "a clamp"])
def by_division(a, b, h0=None, *, guard):
    """Your result goes wrong where an a is 0, or where the product of many a is 0 in floating point. Do you undo steps,
    by a division for instance? How would you only combine them?"""
    product = a.cumprod(-1)
    divisor = {"nothing": product, "a sum": product + 1e-12, "a clamp": product.clamp(min=1e-12)}[guard]
    h = product * (b / divisor).cumsum(-1)
    return h if h0 is None else h + product * h0[..., None]


@replaces("parallel_scan")
def by_logarithms(a, b, h0=None):
    """A negative a makes your states NaN. Which function of your code has no value there, and what does it give for a =
    0? Combining two steps takes products and sums alone."""
    sums = a.log().cumsum(-1)
    h = sums.exp() * (b * (-sums).exp()).cumsum(-1)
    return h if h0 is None else h + sums.exp() * h0[..., None]


@replaces("parallel_scan")
def no_decay(a, b, h0=None):
    """Your result is a running sum of b: nothing decays from step to step. Two neighbouring entries are two steps: what
    does the second do to the state that it finds?"""
    return with_start(a, b, h0).cumsum(-1)


@replaces("parallel_scan")
def exclusive(a, b, h0=None):
    """Your h_t is the state before step t, and the last step is lost. According to the docstring, which steps does h_0
    include?"""
    start = torch.zeros_like(b[..., 0]) if h0 is None else h0
    return torch.cat([start[..., None], parallel_scan(a, b, h0)[..., :-1]], -1)


@replaces("parallel_scan", always=[True, False])
def start_included(a, b, h0=None, *, always):
    """You return T + 1 states, and the first one is the state before step 0. Which steps does the docstring want the
    states of?"""
    start = torch.zeros_like(b[..., 0]) if h0 is None else h0
    h = parallel_scan(a, b, h0)
    return torch.cat([start[..., None], h], -1) if always or h0 is not None else h


@replaces("parallel_scan")
def h0_ignored(a, b, h0=None):
    """You start from zeros whatever h0 is. If a text comes in pieces, what does the second piece know of the first?"""
    return parallel_scan(a, b)


@replaces("parallel_scan", first=["b₀ + h0", "h0", "a₀ h0", "a₀ (h0 + b₀)"])
def other_first_state(a, b, h0=None, *, first):
    """With an h0, your first state is {first}. h0 is the state before step 0: what do a₀ and b₀ make of it?"""
    if h0 is None:
        return parallel_scan(a, b)
    a0, b0 = a[..., 0], b[..., 0]
    states = {"b₀ + h0": b0 + h0, "h0": h0 + 0 * b0, "a₀ h0": a0 * h0, "a₀ (h0 + b₀)": a0 * (h0 + b0)}
    return parallel_scan(a, with_first(a, b, states[first]))


@replaces("parallel_scan", decay=["1", "a_t", "the product of the a before a_t"])
def other_decay_of_h0(a, b, h0=None, *, decay):
    """The share of h0 in your h_t is h0 times {decay}. How many steps has h0 gone through by then, step t included?"""
    h = parallel_scan(a, b)
    if h0 is None:
        return h
    ones = torch.ones_like(a[..., :1])
    decays = {"1": torch.ones_like(a), "a_t": a}
    return h + decays.get(decay, torch.cat([ones, a[..., :-1]], -1).cumprod(-1)) * h0[..., None]


@replaces("parallel_scan")
def b_changed(a, b, h0=None):
    """You put h0 into the first entry of b in place: the caller's b is changed, and a b that needs a gradient does not
    allow it. In which tensor could the first state go instead?"""
    if h0 is not None:
        b[..., 0] += a[..., 0] * h0
    return parallel_scan(a, b)


def rounds_in_place(a, b):
    stride = 1
    while stride < b.shape[-1]:
        joined_a, joined_b = one_round(a, b, stride)
        a[..., stride:], b[..., stride:] = joined_a[..., stride:], joined_b[..., stride:]
        stride *= 2
    return b


@replaces("parallel_scan", written=[("a", "b"), ("a",)])
def arguments_changed(a, b, h0=None, *, written):
    """Your rounds write into the caller's tensors. What does the docstring say of the arguments, and where could the
    result of a round go?"""
    b = with_start(a, b, h0)
    return rounds_in_place(a, b if "b" in written else b.clone())


@replaces("parallel_scan")
def own_copy_changed(a, b, h0=None):
    """Your values are right, but backward fails: a round overwrites numbers that autograd has saved for the round
    before. Where could a round put its results instead?"""
    return rounds_in_place(a.clone(), with_start(a, b, h0).clone())


@replaces("parallel_scan")
def overlapping(a, b, h0=None):
    """In a round you multiply a slice in place by another slice of the same tensor, and the two overlap. Which values
    should a round read: those before it, or those that it has already written?"""
    a, b = a.clone(), with_start(a, b, h0).clone()
    stride = 1
    while stride < b.shape[-1]:
        b[..., stride:] += a[..., stride:] * b[..., :-stride]
        a[..., stride:] *= a[..., :-stride]
        stride *= 2
    return b


@replaces("parallel_scan", rounds=["stride < T // 2", "2 stride < T", "log₂ T rounded down"])
def rounds_missing(a, b, h0=None, *, rounds):
    """For some T, your last entries do not hold all steps from the first on. After the round with stride s an entry
    holds up to 2s steps: how many must the last entry hold?"""
    b, stride, T = with_start(a, b, h0), 1, b.shape[-1]
    end = {"stride < T // 2": T // 2, "2 stride < T": T / 2}
    while stride < end.get(rounds, 2 ** int(math.log2(T))):
        a, b = one_round(a, b, stride)
        stride *= 2
    return b


def in_pairs(a, b, odd):
    """The states, by joining neighbours and filling in; odd(h, a, b) is an entry without a partner."""
    even = b.shape[-1] // 2 * 2
    if not even:
        return b
    left, right = ((a[..., i:even:2], b[..., i:even:2]) for i in (0, 1))
    second = in_pairs(*combine(left, right), odd)
    before = torch.cat([torch.zeros_like(second[..., :1]), second[..., :-1]], -1)
    h = torch.stack([left[0] * before + left[1], second], -1).flatten(-2)
    return torch.cat([h, odd(h[..., -1:], a[..., even:], b[..., even:])], -1)


@replaces("parallel_scan", last=["b", "h + b", "h"])
def odd_entry(a, b, h0=None, *, last):
    """Where the number of entries is odd, in any round, your last state is wrong. It has no partner on its right: what
    does its step do with the state on its left?"""
    ways = {
        "b": lambda h, a, b: b,
        "h + b": lambda h, a, b: h[..., : b.shape[-1]] + b,
        "h": lambda h, a, b: h[..., : b.shape[-1]],
    }
    return in_pairs(a, with_start(a, b, h0), ways[last])


@replaces("parallel_scan", stride=["+ 1", "* 3", "* 4", "1", "from 2"])
def other_strides(a, b, h0=None, *, stride):
    """Your strides are not 1, 2, 4, 8. After the first of these rounds an entry holds two steps: how far away is the
    next entry that shares none of them?"""
    b, distance = with_start(a, b, h0), 2 if stride == "from 2" else 1
    for r in range(1, min(b.shape[-1], 20)):
        if distance < b.shape[-1]:
            a, b = one_round(a, b, distance)
        distance = {"+ 1": r + 1, "* 3": 3**r, "* 4": 4**r, "1": 1, "from 2": 2 ** (r + 1)}[stride]
    return b


@replaces("parallel_scan")
def a_first(a, b, h0=None):
    """In a round you updated a, and then b with the new a. Both are made from the values before the round: how many
    steps does the a hold that b is multiplied by?"""
    b, stride = with_start(a, b, h0), 1
    while stride < b.shape[-1]:
        a, _ = one_round(a, b, stride)
        _, b = one_round(a, b, stride)
        stride *= 2
    return b


@replaces("parallel_scan")
def a_kept(a, b, h0=None):
    """Your rounds join b and leave a as it was. From the second round on an entry holds several steps: what is their
    decay together?"""
    b, stride = with_start(a, b, h0), 1
    while stride < b.shape[-1]:
        _, b = one_round(a, b, stride)
        stride *= 2
    return b


@replaces("parallel_scan")
def rolled(a, b, h0=None):
    """The end of the sequence reaches its start, as if it were a circle. Nothing comes before the first entry: what
    should become of it in a round?"""
    b, stride = with_start(a, b, h0), 1
    while stride < b.shape[-1]:
        a, b = combine((a.roll(stride, -1), b.roll(stride, -1)), (a, b))
        stride *= 2
    return b


@replaces("parallel_scan")
def backwards(a, b, h0=None):
    """Your scan runs from the last step to the first: each entry is joined with the ones after it. On which side is the
    past?"""
    b = with_start(a, b, h0)
    return parallel_scan(a.flip(-1), b.flip(-1)).flip(-1)


@replaces("parallel_scan")
def first_axis(a, b, h0=None):
    """Your scan runs along the first axis, which is time only if there is no other. Where is T in the shape (...,
    T)?"""
    if h0 is not None and b.dim() > 1:
        b = with_start(a, b, h0)
        return parallel_scan(a.movedim(0, -1), b.movedim(0, -1)).movedim(-1, 0)
    return parallel_scan(a.movedim(0, -1), b.movedim(0, -1), h0).movedim(-1, 0)


@replaces("parallel_scan", guard=["where", "plus"], eps=[1e-3, 1e-6])
def never_zero(a, b, h0=None, *, guard, eps):
    """An a of 0 does not clear the state entirely, as if it had been replaced by a small number. Which operation of
    your scan cannot take a 0, and is it needed?"""
    return parallel_scan(a + eps if guard == "plus" else torch.where(a.abs() < eps, eps, a), b, h0)


@replaces("parallel_scan", floor=["none", "0", "1e-12", "1e-6"])
def sign_lost(a, b, h0=None, *, floor):
    """A step with a negative a should turn the sign of the state around, and yours does not. Which function in your
    code never returns a negative number?"""
    return parallel_scan(a.abs() if floor == "none" else a.clamp(min=float(floor)), b, h0)


@replaces("parallel_scan", cast_back=[True, False])
def in_float32(a, b, h0=None, *, cast_back):
    """Your scan runs in float32, so float64 inputs lose half of their digits. At which step does the dtype change?"""
    h = parallel_scan(a.float(), b.float(), None if h0 is None else h0.float())
    return h.to(b.dtype) if cast_back else h


@replaces("parallel_scan")
def always_float64(a, b, h0=None):
    """Your result is float64 where a and b are float32. More digits on the way are fine: but which dtype does the
    caller expect back?"""
    return parallel_scan(a.double(), b.double(), None if h0 is None else h0.double())


@replaces("parallel_scan", what=["a", "b", "h0", "a, b or h0"])
def detached(a, b, h0=None, *, what):
    """Your values are right, but no gradient reaches {what}. Which step of your code leaves the graph: a detach, a
    no_grad, NumPy, a new tensor?"""
    names = what.replace(" or", ",").split(", ")
    a, b = (x.detach() if name in names else x for name, x in (("a", a), ("b", b)))
    return parallel_scan(a, b, h0.detach() if h0 is not None and "h0" in names else h0)


@replaces("parallel_scan", ends="memory")
def one_matrix(a, b, h0=None):
    """Your code needs more memory than a scan. A matrix of T x T decays, for instance, would take 8 TB in float64 for a
    million steps: how many numbers does a round need?"""
    T = b.shape[-1]
    past = torch.ones(T, T, dtype=torch.bool).tril()  # s <= t
    steps = torch.where(past.tril(-1), a[..., :, None], 1.0).cumprod(-2) * past
    return (steps * with_start(a, b, h0)[..., None, :]).sum(-1)


@replaces("parallel_scan", ends="timeout")
def loop(a, b, h0=None):
    """Right, but too slow for a million steps. How many operations on whole tensors does your code start, and how many
    does doubling need?"""
    h = b[..., 0] * 0 if h0 is None else h0
    states = []
    for t in range(b.shape[-1]):
        h = a[..., t] * h + b[..., t]
        states.append(h)
    return torch.stack(states, dim=-1)


@replaces("parallel_scan")
def decays_of_h0_by_logarithms(a, b, h0=None):
    """Your values are right, but a gradient is NaN where an a is 0. Which function on its way is infinitely steep
    there? A step consists of a product and a sum."""
    h = parallel_scan(a, b)
    if h0 is None:
        return h
    return h + a.sign().cumprod(-1) * a.abs().log().cumsum(-1).exp() * h0[..., None]


@replaces("parallel_scan", factor=["a_t", "1 − a_t", "1 − |a_t|"])
def b_weighted(a, b, h0=None, *, factor):
    """Your step t adds ({factor}) times b_t. What is b_t multiplied by in the formula of h_t?"""
    return parallel_scan(a, {"a_t": a, "1 − a_t": 1 - a, "1 − |a_t|": 1 - a.abs()}[factor] * b, h0)


@replaces("parallel_scan", shift=["t − 1", "t + 1"])
def other_decay(a, b, h0=None, *, shift):
    """Your step t uses the decay of step {shift}. Which a is in the formula of h_t?"""
    start = with_start(a, b, h0)
    if shift == "t − 1":
        return parallel_scan(torch.cat([a[..., :1], a[..., :-1]], -1), start)
    return parallel_scan(torch.cat([a[..., 1:], a[..., -1:]], -1), start)


@replaces("parallel_scan")
def nothing_is_zero(a, b, h0=None):
    """As long as there is no h0 you are right. Where nothing comes before an entry you join it with the step (0, 0),
    which forgets everything. Which step changes nothing?"""
    stride = 1
    while stride < b.shape[-1]:
        zeros = torch.zeros_like(a[..., :stride])
        earlier = torch.cat([zeros, a[..., :-stride]], -1), torch.cat([zeros, b[..., :-stride]], -1)
        a, b = combine(earlier, (a, b))
        stride *= 2
    return b if h0 is None else a * h0[..., None] + b


@replaces("parallel_scan", where=["all steps", "the first step"])
def h0_without_time(a, b, h0=None, *, where):
    """Your product lines up the last axis of h0 with the steps of a. Shapes are compared from their last axes on: which
    axis of a is missing in h0?"""
    if h0 is None:
        return parallel_scan(a, b)
    if where == "all steps":
        return parallel_scan(a, b) + a.cumprod(-1) * h0
    return parallel_scan(a, torch.cat([a[..., :1] * h0 + b[..., :1], b[..., 1:]], -1))
