"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from expert_capacity import assign_slots, combine, dispatch, expert_capacity
from torch import Tensor

from grader.testing import replaces


@replaces("expert_capacity", way=["down", "to the nearest whole number"])
def other_rounding(num_tokens, num_experts, k, capacity_factor, *, way):
    """Your capacity is rounded {way}. If 3.1 slots for each expert are just enough, how many whole slots does it
    need?"""
    return (math.floor if way == "down" else round)(num_tokens * k * capacity_factor / num_experts)


@replaces("expert_capacity")
def one_more(num_tokens, num_experts, k, capacity_factor):
    """Where the division leaves no remainder, your capacity is one slot too large. What is 3 rounded up?"""
    return int(num_tokens * k * capacity_factor / num_experts) + 1


@replaces("expert_capacity", missing=["k", "capacity_factor", "num_experts"])
def without_an_argument(num_tokens, num_experts, k, capacity_factor, *, missing):
    """Your capacity does not depend on {missing}. How does the number of slots of one expert change with it?"""
    used = {"k": k, "capacity_factor": capacity_factor, "num_experts": num_experts} | {missing: 1}
    return math.ceil(num_tokens * used["k"] * used["capacity_factor"] / used["num_experts"])


@replaces("expert_capacity")
def factor_divides(num_tokens, num_experts, k, capacity_factor):
    """Your capacity gets smaller as the capacity factor grows. What does a factor of 2 mean for the room that is to
    spare?"""
    return math.ceil(num_tokens * k / capacity_factor / num_experts)


@replaces("expert_capacity", early=["T k / E", "T / E", "T c / E"], way=["up", "down"])
def rounded_early(num_tokens, num_experts, k, capacity_factor, *, early, way):
    """You rounded {early} before you multiplied by the rest. How often does the formula round, and when?"""
    rest = {"T k / E": capacity_factor, "T / E": k * capacity_factor, "T c / E": k}[early]
    whole = math.ceil if way == "up" else math.floor
    return math.ceil(whole(num_tokens * k * capacity_factor / rest / num_experts) * rest)


@replaces("expert_capacity")
def at_most_tokens(num_tokens, num_experts, k, capacity_factor):
    """You limited the capacity to T. No expert gets more than T choices, but what does the formula say where k c is
    larger than E?"""
    return min(num_tokens, expert_capacity(num_tokens, num_experts, k, capacity_factor))


def number(queue: Tensor, num_experts: int) -> Tensor:
    """How many with the same expert come before each in the queue."""
    hot = F.one_hot(queue, num_experts)
    return (hot.cumsum(0) - hot).gather(1, queue[:, None]).squeeze(1)


def numbers(indices: Tensor, num_experts: int) -> Tensor:
    """The right slots, without a limit."""
    return number(indices.T.flatten(), num_experts).view(indices.T.shape).T


def limit(slots: Tensor, capacity: int) -> Tensor:
    return slots.masked_fill(slots >= capacity, -1)


@replaces("assign_slots")
def token_by_token(indices, num_experts, capacity):
    """You served all choices of a token before the next token came, so that second choices take slots from first
    choices of later tokens. Who comes first in the queue?"""
    return limit(number(indices.flatten(), num_experts), capacity).view(indices.shape)


@replaces("assign_slots")
def each_rank_alone(indices, num_experts, capacity):
    """You numbered the first choices of an expert from 0, and its second choices from 0 again, so that two tokens share
    a slot. Where do the second choices have to go on?"""
    return torch.stack([limit(number(column, num_experts), capacity) for column in indices.T], dim=1)


@replaces("assign_slots")
def only_the_rank_before(indices, num_experts, capacity):
    """A choice counts the choices of the rank just before it, and not those of all earlier ranks. How many first
    choices came to an expert by the time that third choices are served?"""
    columns, before = [], torch.zeros(num_experts, dtype=torch.int64)
    for column in indices.T:
        columns.append(limit(number(column, num_experts) + before[column], capacity))
        before = column.bincount(minlength=num_experts)
    return torch.stack(columns, dim=1)


@replaces("assign_slots", last=["choices", "tokens", "choices and tokens"])
def last_come_first(indices, num_experts, capacity, *, last):
    """Your last {last} come first. Which column of indices holds the best expert of a token, and which tokens keep
    their slots when an expert is full?"""
    axes = [axis for axis, name in enumerate(("tokens", "choices")) if name in last]
    return assign_slots(indices.flip(axes), num_experts, capacity).flip(axes)


@replaces("assign_slots")
def one_too_many(indices, num_experts, capacity):
    """You gave a slot whose number is the capacity. The slots are numbered from 0: which is the last?"""
    return limit(numbers(indices, num_experts), capacity + 1)


@replaces("assign_slots")
def one_too_few(indices, num_experts, capacity):
    """Your slots begin with 1, and each expert has one too few. A running sum includes the choice itself: how many came
    before it?"""
    return limit(numbers(indices, num_experts) + 1, capacity)


@replaces("assign_slots")
def from_one(indices, num_experts, capacity):
    """You kept the right choices and numbered their slots from 1 to the capacity. Which number does the first slot
    have?"""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where(slots >= 0, slots + 1, -1)


@replaces("assign_slots", mark=["0", "the last slot", "the capacity"])
def dropped_marked_otherwise(indices, num_experts, capacity, *, mark):
    """Whoever comes too late gets {mark} in your result. Is that a slot of somebody else, and how does the docstring
    mark a dropped choice?"""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where(slots >= 0, slots, {"0": 0, "the last slot": capacity - 1, "the capacity": capacity}[mark])


@replaces("assign_slots")
def nobody_dropped(indices, num_experts, capacity):
    """Your slots go on beyond the capacity. Which numbers are slots of a buffer, and what does a choice get that finds
    it full?"""
    return numbers(indices, num_experts)


@replaces("assign_slots")
def slots_of_all(indices, num_experts, capacity):
    """You numbered the slots through all experts, e · capacity + slot. Where does the numbering of each expert
    begin?"""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where(slots >= 0, indices * capacity + slots, -1)


@replaces("assign_slots", read=["token by token", "rank by rank"])
def wrong_way_back(indices, num_experts, capacity, *, read):
    """Your queue was counted in one order, and its slots were read back in another. Which axis of (T, k) runs fastest
    in the queue, and which one in a view?"""
    if read == "token by token":
        return assign_slots(indices, num_experts, capacity).T.reshape(indices.shape)
    return limit(number(indices.flatten(), num_experts), capacity).view(indices.T.shape).T


@replaces("assign_slots")
def all_or_nothing(indices, num_experts, capacity):
    """You dropped a token everywhere as soon as one of its experts was full. What happens to its other choices?"""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where((slots >= 0).all(-1, keepdim=True), slots, -1)


@replaces("assign_slots")
def one_queue_for_all(indices, num_experts, capacity):
    """You numbered all choices in one queue, whichever expert they ask for. How many buffers are there, and where does
    the numbering of each begin?"""
    return limit(torch.arange(indices.numel()).view(indices.shape[1], -1).T, capacity)


def kept(slots: Tensor) -> tuple[Tensor, Tensor]:
    """Token and rank of the choices that got a slot."""
    token, s = torch.where(slots >= 0)
    return token, s


def flat_places(indices, slots, capacity, place):
    """Where each choice is in (E · C, D): (T, k), a dropped one at this place."""
    last = {"slot 0": 0, "the last slot": capacity - 1, "the slot before": -1}[place]
    return indices * capacity + torch.where(slots >= 0, slots, last)


@replaces(
    "dispatch",
    place=["slot 0", "the last slot", "the slot before"],
    what=["token", "zeros", "sum"],
    order=["tokens", "ranks"],
)
def dropped_is_written(x, indices, slots, num_experts, capacity, *, place, what, order):
    """A dropped choice changes a slot that it never got. Where does an index of -1 lead, or what you made of it, and
    which choices may be written at all?"""
    places = flat_places(indices, slots, capacity, place)
    buffers = x.new_zeros(num_experts * capacity, x.shape[-1])
    T, k = indices.shape
    pairs = [(t, s) for t in range(T) for s in range(k)]
    for t, s in pairs if order == "tokens" else sorted(pairs, key=lambda pair: pair[::-1]):
        value = x[t] * (slots[t, s] >= 0) if what == "zeros" else x[t]
        buffers = buffers.index_put((places[t, s],), value, accumulate=what == "sum")
    return buffers.view(num_experts, capacity, -1)


@replaces("dispatch")
def wrong_repeat(x, indices, slots, num_experts, capacity):
    """Your list of tokens repeats all of them, and your list of choices goes token by token. Which token does choice
    number 1 of a flattened (T, k) belong to?"""
    rows = x.repeat(indices.shape[1], 1).view(*indices.shape, -1)
    token, s = kept(slots)
    buffers = x.new_zeros(num_experts, capacity, x.shape[-1])
    return buffers.index_put((indices[token, s], slots[token, s]), rows[token, s])


@replaces("dispatch")
def first_choice_only(x, indices, slots, num_experts, capacity):
    """You sent each token to its first choice alone. To which experts does a token with two slots go?"""
    return dispatch(x, indices[:, :1], slots[:, :1], num_experts, capacity)


@replaces("dispatch")
def packed(x, indices, slots, num_experts, capacity):
    """You filled each buffer from the top, without gaps. Which slot was each choice given?"""
    queue = torch.where(slots >= 0, indices, num_experts)
    packed = assign_slots(queue, num_experts + 1, capacity).where(slots >= 0, -1)
    return dispatch(x, indices, packed, num_experts, capacity)


@replaces("dispatch", turned=["view", "transpose"])
def slot_first(x, indices, slots, num_experts, capacity, *, turned):
    """Your buffers are laid out slot by slot. In (E, capacity, D), which rows follow one another in memory: those of
    one expert, or those of one slot?"""
    buffers = dispatch(x, indices, slots, num_experts, capacity).transpose(0, 1)
    return buffers if turned == "transpose" else buffers.reshape(num_experts, capacity, -1)


@replaces("dispatch")
def buffers_detached(x, indices, slots, num_experts, capacity):
    """The buffers are right, but no gradient leads back to x. Which line of yours cuts the way?"""
    return dispatch(x.detach(), indices, slots, num_experts, capacity)


@replaces("dispatch")
def always_float32(x, indices, slots, num_experts, capacity):
    """Your buffers are float32, whatever x is. Which dtype does the docstring ask for, and which one does a new tensor
    have?"""
    return dispatch(x.float(), indices, slots, num_experts, capacity)


@replaces("dispatch")
def float32_buffers_for_float64(x, indices, slots, num_experts, capacity):
    """Your buffers have torch's default dtype, and torch refuses to put tokens of float64 into them. Which dtype does
    the docstring ask for?"""
    token, s = kept(slots)
    buffers = torch.zeros(num_experts, capacity, x.shape[-1])
    return buffers.index_put((indices[token, s], slots[token, s]), x[token])


@replaces("dispatch", divisor=["k", "slots"])
def token_divided(x, indices, slots, num_experts, capacity, *, divisor):
    """You divided a token among its choices, so that each buffer has a part of it. Which vector does an expert need to
    see?"""
    parts = indices.shape[1] if divisor == "k" else (slots >= 0).sum(-1, keepdim=True).clamp(min=1)
    return dispatch(x / parts, indices, slots, num_experts, capacity)


def gathered(buffers: Tensor, indices: Tensor, slots: Tensor) -> Tensor:
    """What is in the slot of each choice, 0 for dropped ones: (T, k, D)."""
    return buffers[indices, slots.clamp(min=0)] * (slots >= 0)[..., None]


@replaces("combine", place=["slot 0", "the last slot", "the slot before"])
def dropped_is_read(buffers, indices, slots, weights, *, place):
    """A dropped choice adds the row of a slot that it never got. Where does an index of -1 lead, or what you made of
    it, and which choices may be read at all?"""
    return (buffers.flatten(0, 1)[flat_places(indices, slots, buffers.shape[1], place)] * weights[..., None]).sum(1)


@replaces("combine")
def capacity_of_slots(buffers, indices, slots, weights):
    """Your rows of expert e begin at e times the largest slot that occurs, plus 1. The last slots may be empty: what
    else knows the capacity?"""
    capacity = int(slots.max()) + 1
    rows = buffers.flatten(0, 1)[(indices * capacity + slots).clamp(min=0)]
    return (rows * (weights * (slots >= 0))[..., None]).sum(1)


@replaces("combine", total=["1", "1, with a floor", "1, without a guard", "as before"])
def weight_of_dropped_given_on(buffers, indices, slots, weights, *, total):
    """In your result the other choices of a token get the weight of a dropped one. What does the docstring say about
    that weight?"""
    left = weights * (slots >= 0)
    kept_sum = left.sum(-1, keepdim=True)
    if total == "1, with a floor":
        kept_sum = kept_sum.clamp(min=1e-9)
    elif total != "1, without a guard":
        kept_sum = torch.where(kept_sum == 0, 1.0, kept_sum)
    share = weights.sum(-1, keepdim=True) if total == "as before" else 1
    return combine(buffers, indices, slots, left / kept_sum * share)


@replaces("combine", by=["sum", "softmax"])
def sum_made_one(buffers, indices, slots, weights, *, by):
    """You changed the weights so that those of a token sum to 1. With one choice for each token every weight would be
    1: what would the router learn from?"""
    weights = weights / weights.sum(-1, keepdim=True) if by == "sum" else weights.softmax(-1)
    return combine(buffers, indices, slots, weights)


@replaces("combine", how=["sum", "mean of its slots", "mean of k"])
def no_weights(buffers, indices, slots, weights, *, how):
    """Your y does not depend on weights: every slot of a token counts alike. Which argument says how much each choice
    counts?"""
    y = gathered(buffers, indices, slots).sum(1)
    return (
        y
        / {
            "sum": 1,
            "mean of its slots": (slots >= 0).sum(-1, keepdim=True).clamp(min=1),
            "mean of k": indices.shape[1],
        }[how]
    )


@replaces("combine", stays=["last", "first"])
def one_choice_stays(buffers, indices, slots, weights, *, stays):
    """Only one slot of each token reaches your y. What happens to the result of its other choices: is it added, or
    written over?"""
    y = buffers.new_zeros(len(indices), buffers.shape[-1])
    for s in range(indices.shape[1])[:: 1 if stays == "last" else -1]:
        token = torch.where(slots[:, s] >= 0)[0]
        y = y.index_put((token,), weights[token, s, None] * buffers[indices[token, s], slots[token, s]])
    return y


@replaces("combine")
def best_choice_only(buffers, indices, slots, weights):
    """You read the first choice of each token alone. Which of its choices count?"""
    return combine(buffers, indices[:, :1], slots[:, :1], weights[:, :1])


@replaces("combine", weight=["expert", "first", "rank by rank", "reversed"])
def other_weight(buffers, indices, slots, weights, *, weight):
    """Each slot is multiplied by the weight of another choice. To which choice does the number in row t and column s of
    weights belong?"""
    other = {
        "expert": weights.gather(1, indices % weights.shape[1]),
        "first": weights[:, :1].expand_as(weights),
        "rank by rank": weights.T.reshape(weights.shape),
        "reversed": weights.flip(1),
    }
    return combine(buffers, indices, slots, other[weight])


@replaces("combine", cut=["weights", "buffers", "buffers and weights"])
def detached(buffers, indices, slots, weights, *, cut):
    """y is right, but no gradient reaches the {cut}. Which line of yours cuts the way back?"""
    buffers = buffers if cut == "weights" else buffers.detach()
    return combine(buffers, indices, slots, weights if cut == "buffers" else weights.detach())


@replaces("combine")
def all_or_nothing_back(buffers, indices, slots, weights):
    """A token with one dropped choice gets 0 from you. What happens to the results of its other choices, which have a
    slot?"""
    whole = (slots >= 0).all(-1, keepdim=True)
    return combine(buffers, indices, slots, weights) * whole


@replaces("combine")
def float32_sum_for_float64(buffers, indices, slots, weights):
    """Your y has torch's default dtype, and torch refuses to add rows of float64 to it. Which dtype does the docstring
    ask for?"""
    token, s = kept(slots)
    rows = weights[token, s, None] * buffers[indices[token, s], slots[token, s]]
    return torch.zeros(len(indices), buffers.shape[-1]).index_add(0, token, rows)


@replaces("combine")
def weights_changed(buffers, indices, slots, weights):
    """You set the weights of dropped choices to 0 in the tensor that you were given: whoever calls you finds them
    changed, and torch refuses where they carry a gradient. What makes a new tensor instead?"""
    weights[slots < 0] = 0.0
    return (buffers[indices, slots.clamp(min=0)] * weights[..., None]).sum(1)


@replaces("combine")
def slots_changed(buffers, indices, slots, weights):
    """You overwrote the -1 of dropped choices in the slots that you were given: whoever calls you no longer knows what
    was dropped. What makes a new tensor instead?"""
    kept = slots >= 0
    slots[~kept] = 0
    return (buffers[indices, slots] * (weights * kept)[..., None]).sum(1)
