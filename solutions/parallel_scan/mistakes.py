"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from parallel_scan import combine, parallel_scan

from grader.testing import replaces


def with_start(a, b, h0):
    """b whose first entry is the state after the first step."""
    return b if h0 is None else torch.cat([b[..., :1] + a[..., :1] * h0[..., None], b[..., 1:]], -1)


def one_round(a, b, stride):
    joined = combine((a[..., :-stride], b[..., :-stride]), (a[..., stride:], b[..., stride:]))
    return tuple(torch.cat([old[..., :stride], new], -1) for old, new in zip((a, b), joined, strict=True))


@replaces("combine")
def swapped(left, right):
    """Your pair does the right step first: you get a₁b₂ + b₁. The left step is the earlier one: which of the
    two decays acts on the other's b?"""
    return combine(right, left)


@replaces("combine")
def own_b_decays(left, right):
    """Each of your b is multiplied by the a of its own step. A step adds its b after its decay: only what was
    there before is multiplied. Put the second step into the first on paper."""
    (a1, b1), (a2, b2) = left, right
    return a2 * a1, a1 * b1 + a2 * b2


@replaces("combine")
def sum_of_b(left, right):
    """You added the two b. By the time of the second b the first one has been through a step: what does that do
    to it?"""
    (a1, b1), (a2, b2) = left, right
    return a2 * a1, b1 + b2


@replaces("combine")
def last_decay_only(left, right):
    """Your pair has the b of both steps and the a of the later one alone. What came before both of them decays
    twice."""
    _, b = combine(left, right)
    return right[0], b


@replaces("combine")
def sum_of_a(left, right):
    """You added the decays. Added is what stands in an exponent, log-decays; these are the factors
    themselves."""
    _, b = combine(left, right)
    return left[0] + right[0], b


@replaces("combine")
def all_decays(left, right):
    """Your b is a₂a₁b₁ + b₂: the first step's b decays by its own step as well. It enters after that decay, not
    before it."""
    (a1, b1), (a2, b2) = left, right
    return a2 * a1, a2 * a1 * b1 + b2


@replaces("parallel_scan")
def by_division(a, b, h0=None):
    """You divide by the running product of a. One a = 0 makes that 0/0, and after enough steps the product is 0
    in floating point without any. Combine steps; do not take them back."""
    product = a.cumprod(-1)
    h = product * (b / product).cumsum(-1)
    return h if h0 is None else h + product * h0[..., None]


@replaces("parallel_scan")
def by_logarithms(a, b, h0=None):
    """You add up the logarithms of a. A negative a has none, that of 0 is -inf, and the exponential that takes
    the sums back overflows after a few hundred steps. Combining needs products only."""
    sums = a.log().cumsum(-1)
    h = sums.exp() * (b * (-sums).exp()).cumsum(-1)
    return h if h0 is None else h + sums.exp() * h0[..., None]


@replaces("parallel_scan")
def no_decay(a, b, h0=None):
    """Your result is the running sum of b: no a occurs in it. That is a scan of additions; here two entries are
    combined as two steps."""
    return with_start(a, b, h0).cumsum(-1)


@replaces("parallel_scan")
def exclusive(a, b, h0=None):
    """Your h_t is the state before step t, and the last step is lost. This scan is inclusive: what does h_0
    hold?"""
    start = torch.zeros_like(b[..., 0]) if h0 is None else h0
    return torch.cat([start[..., None], parallel_scan(a, b, h0)[..., :-1]], -1)


@replaces("parallel_scan")
def h0_ignored(a, b, h0=None):
    """You start from zeros whatever h0 is, so a text that comes in pieces loses its past at every cut."""
    return parallel_scan(a, b)


@replaces("parallel_scan")
def h0_not_decayed(a, b, h0=None):
    """h0 was added to b_0 as it is. It is the state before the first step: what does that step do with it?"""
    return parallel_scan(a, b if h0 is None else torch.cat([b[..., :1] + h0[..., None], b[..., 1:]], -1))


@replaces("parallel_scan")
def h0_decays_once(a, b, h0=None):
    """Each h_t has a_t h0 in it: h0 as if it had gone through step t alone. It has gone through all steps up to
    t."""
    h = parallel_scan(a, b)
    return h if h0 is None else h + a * h0[..., None]


@replaces("parallel_scan")
def h0_everywhere(a, b, h0=None):
    """h0 was added to every state. It enters before the first step, and decays from there."""
    h = parallel_scan(a, b)
    return h if h0 is None else h + h0[..., None]


@replaces("parallel_scan")
def b_changed(a, b, h0=None):
    """You put h0 into the first b in place, and the caller's b holds other numbers afterwards; one that needs a
    gradient does not let you. In which tensor can the first step stand instead?"""
    if h0 is not None:
        b[..., 0] += a[..., 0] * h0
    return parallel_scan(a, b)


@replaces("parallel_scan")
def rounds_in_place(a, b, h0=None):
    """Your rounds write into a and b, which are the caller's. What does the docstring say of the arguments, and where
    does the result of a round belong?"""
    b = with_start(a, b, h0)
    stride = 1
    while stride < b.shape[-1]:
        joined_a, joined_b = one_round(a, b, stride)
        a[..., stride:], b[..., stride:] = joined_a[..., stride:], joined_b[..., stride:]
        stride *= 2
    return b


@replaces("parallel_scan")
def rounds_rounded_down(a, b, h0=None):
    """Right for powers of two. For other lengths the last round is missing, since the logarithm was rounded
    down: go on until the stride reaches T."""
    b = with_start(a, b, h0)
    for r in range(int(math.log2(b.shape[-1]))):
        a, b = one_round(a, b, 2**r)
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


@replaces("parallel_scan")
def odd_entry_left_alone(a, b, h0=None):
    """You join pairs, and where their number is odd the last entry is passed on as it came, so its state knows nothing
    of the past. It has no partner on its right: what stands on its left?"""
    return in_pairs(a, with_start(a, b, h0), lambda h, a, b: b)


@replaces("parallel_scan")
def odd_entry_without_decay(a, b, h0=None):
    """You join pairs, and where their number is odd the last b is added to the state before it, which does not decay.
    What does the step of that entry do with the state that it finds?"""
    return in_pairs(a, with_start(a, b, h0), lambda h, a, b: h[..., : b.shape[-1]] + b)


@replaces("parallel_scan")
def one_stride(a, b, h0=None):
    """Your stride grows by 1 in each round. After the round with stride 1 an entry holds two steps, and the
    entry one place before it shares one of them; the next that shares none is two places away, then four."""
    b = with_start(a, b, h0)
    for stride in range(1, min(b.shape[-1], 20)):
        a, b = one_round(a, b, stride)
    return b


@replaces("parallel_scan")
def a_first(a, b, h0=None):
    """You updated a, and then b with the new a. In one round both are made from the old values: the later
    entry's own decay, before it is joined."""
    b, stride = with_start(a, b, h0), 1
    while stride < b.shape[-1]:
        a, _ = one_round(a, b, stride)
        _, b = one_round(a, b, stride)
        stride *= 2
    return b


@replaces("parallel_scan")
def a_kept(a, b, h0=None):
    """Only b is joined in your rounds, and a stays as it was. From the second round on an entry holds several
    steps, and its decay is that of all of them."""
    b, stride = with_start(a, b, h0), 1
    while stride < b.shape[-1]:
        _, b = one_round(a, b, stride)
        stride *= 2
    return b


@replaces("parallel_scan")
def rolled(a, b, h0=None):
    """The end of the sequence reaches its start: torch.roll shifts in a circle. Before the first entry stands
    nothing, that is, the step that changes nothing."""
    b, stride = with_start(a, b, h0), 1
    while stride < b.shape[-1]:
        a, b = combine((a.roll(stride, -1), b.roll(stride, -1)), (a, b))
        stride *= 2
    return b


@replaces("parallel_scan")
def backwards(a, b, h0=None):
    """Your scan runs from the last step to the first: each entry was joined with the one behind it. On which
    side is the past?"""
    b = with_start(a, b, h0)
    return parallel_scan(a.flip(-1), b.flip(-1)).flip(-1)


@replaces("parallel_scan")
def first_axis(a, b, h0=None):
    """Your scan runs along the first axis, which is time only if there is no other. Count the axis from the
    end."""
    if h0 is not None and b.dim() > 1:
        b = with_start(a, b, h0)
        return parallel_scan(a.movedim(0, -1), b.movedim(0, -1)).movedim(-1, 0)
    return parallel_scan(a.movedim(0, -1), b.movedim(0, -1), h0).movedim(-1, 0)


@replaces("parallel_scan")
def clamped(a, b, h0=None):
    """You replaced very small decays by a small positive number, so a state is never forgotten entirely. What has an
    a of 0 to do with the state?"""
    return parallel_scan(torch.where(a.abs() < 1e-6, 1e-6, a), b, h0)


@replaces("parallel_scan")
def in_float32(a, b, h0=None):
    """Your scan runs in float32, and float64 inputs lose half of their digits. At which step does the dtype change?"""
    return parallel_scan(a.float(), b.float(), None if h0 is None else h0.float()).to(b.dtype)


@replaces("parallel_scan")
def detached(a, b, h0=None):
    """Your values are right and carry no gradient. A model learns its decays through this function. Which step of your
    code leaves the graph?"""
    return parallel_scan(a.detach(), b.detach(), None if h0 is None else h0.detach())


@replaces("parallel_scan", ends="memory")
def one_matrix(a, b, h0=None):
    """You built the T x T matrix of all decays: for a million steps, 8 TB in float64. No round of a scan needs
    more than a few tensors of T numbers."""
    T = b.shape[-1]
    past = torch.ones(T, T, dtype=torch.bool).tril()  # s <= t
    steps = torch.where(past.tril(-1), a[..., :, None], 1.0).cumprod(-2) * past
    return (steps * with_start(a, b, h0)[..., None, :]).sum(-1)


@replaces("parallel_scan", ends="timeout")
def loop(a, b, h0=None):
    """Right, and one step after the other: a million rounds where twenty are enough."""
    h = b[..., 0] * 0 if h0 is None else h0
    states = []
    for t in range(b.shape[-1]):
        h = a[..., t] * h + b[..., t]
        states.append(h)
    return torch.stack(states, dim=-1)


@replaces("parallel_scan")
def half_the_rounds(a, b, h0=None):
    """Your loop ends one round too early: with the last stride an entry holds at most half of the steps, if T is large.
    How many steps has the last entry to hold?"""
    b, stride = with_start(a, b, h0), 1
    while stride < b.shape[-1] // 2:
        a, b = one_round(a, b, stride)
        stride *= 2
    return b


@replaces("parallel_scan")
def clamped_above_zero(a, b, h0=None):
    """You raised every decay to a tiny positive number, so negative decays are lost and an a of 0 no longer clears the
    state exactly. Which operation of your scan cannot bear a 0?"""
    return parallel_scan(a.clamp(min=1e-12), b, h0)


@replaces("parallel_scan")
def h0_detached(a, b, h0=None):
    """No gradient reaches h0. In a text that comes in pieces h0 is made by the piece before. Which step of your code
    leaves the graph?"""
    return parallel_scan(a, b, None if h0 is None else h0.detach())


@replaces("parallel_scan")
def decays_of_h0_by_logarithms(a, b, h0=None):
    """Your values are right, and the gradient of an a of 0 is NaN: on its way it goes through a function that is
    infinitely steep at 0, as a logarithm is. Which two operations does a step consist of?"""
    h = parallel_scan(a, b)
    if h0 is None:
        return h
    return h + a.sign().cumprod(-1) * a.abs().log().cumsum(-1).exp() * h0[..., None]


@replaces("parallel_scan")
def b_decays_at_once(a, b, h0=None):
    """Your step is h ← a (h + b): the new b decays in its own step. In a h + b, which of the two terms is multiplied by
    a?"""
    return parallel_scan(a, a * b, h0)


@replaces("parallel_scan")
def a_one_early(a, b, h0=None):
    """Your step t uses the decay of step t − 1. Which a stands in the formula of h_t?"""
    start = b if h0 is None else torch.cat([b[..., :1] + a[..., :1] * h0[..., None], b[..., 1:]], -1)
    return parallel_scan(torch.cat([a[..., :1], a[..., :-1]], -1), start)


@replaces("parallel_scan")
def b_weighed(a, b, h0=None):
    """Your step is a h + (1 − a) b, a running average. In this recurrence b is added as it is. What stands before b in
    the formula?"""
    return parallel_scan(a, (1 - a) * b, h0)


@replaces("parallel_scan")
def sign_lost(a, b, h0=None):
    """Your decays lost their sign. A negative a turns the state around in each step. Which function of your code
    returns no negative number?"""
    return parallel_scan(a.abs(), b, h0)


@replaces("parallel_scan")
def nothing_is_zero(a, b, h0=None):
    """Where nothing stands before an entry, you join it with the step (0, 0). That step forgets everything, so the
    products of a begin with 0, and h0 is lost. Which step changes nothing?"""
    stride = 1
    while stride < b.shape[-1]:
        zeros = torch.zeros_like(a[..., :stride])
        earlier = torch.cat([zeros, a[..., :-stride]], -1), torch.cat([zeros, b[..., :-stride]], -1)
        a, b = combine(earlier, (a, b))
        stride *= 2
    return b if h0 is None else a * h0[..., None] + b


@replaces("parallel_scan")
def h0_without_time(a, b, h0=None):
    """You multiplied the products of a by h0 as it is. Shapes are compared from their last axes on, so the last axis of
    h0 meets the steps; a single sequence does not notice. Which axis of a is missing in h0?"""
    h = parallel_scan(a, b)
    return h if h0 is None else h + a.cumprod(-1) * h0


@replaces("parallel_scan")
def h0_without_time_at_first(a, b, h0=None):
    """You multiplied the a of the first step by h0 as it is. Shapes are compared from their last axes on, and your
    slice of a still has an axis for the steps. Which axis of a is missing in h0?"""
    return parallel_scan(a, b if h0 is None else torch.cat([a[..., :1] * h0 + b[..., :1], b[..., 1:]], -1))
