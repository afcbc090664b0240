"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from expert_capacity import assign_slots, combine, dispatch, expert_capacity
from torch import Tensor

from grader.testing import replaces


@replaces("expert_capacity")
def floor(num_tokens, num_experts, k, capacity_factor):
    """Your capacity is rounded down. With c = 1 there are then fewer slots than choices even if all experts are
    equally popular: which way does the formula round?"""
    return int(num_tokens * k * capacity_factor / num_experts)


@replaces("expert_capacity")
def nearest(num_tokens, num_experts, k, capacity_factor):
    """Your capacity is rounded to the nearest whole number. With 3.1 slots for each expert, how many whole slots does
    an expert need?"""
    return round(num_tokens * k * capacity_factor / num_experts)


@replaces("expert_capacity")
def one_more(num_tokens, num_experts, k, capacity_factor):
    """You rounded down and added 1. Where the division leaves no remainder, that is one slot too many."""
    return int(num_tokens * k * capacity_factor / num_experts) + 1


@replaces("expert_capacity")
def no_k(num_tokens, num_experts, k, capacity_factor):
    """You made room for one choice of each token. For how many slots does every token ask?"""
    return math.ceil(num_tokens * capacity_factor / num_experts)


@replaces("expert_capacity")
def no_factor(num_tokens, num_experts, k, capacity_factor):
    """The capacity factor changes nothing in your capacity. Which argument makes room for experts that are more popular
    than others?"""
    return math.ceil(num_tokens * k / num_experts)


@replaces("expert_capacity")
def rounded_early(num_tokens, num_experts, k, capacity_factor):
    """You rounded T k / E before you multiplied by the capacity factor. How often does the formula round?"""
    return math.ceil(math.ceil(num_tokens * k / num_experts) * capacity_factor)


@replaces("expert_capacity")
def share_of_tokens(num_tokens, num_experts, k, capacity_factor):
    """You rounded T / E before you multiplied by k. How often does the formula round?"""
    return math.ceil(math.ceil(num_tokens / num_experts) * k * capacity_factor)


@replaces("expert_capacity")
def k_after_rounding(num_tokens, num_experts, k, capacity_factor):
    """You rounded T c / E before you multiplied by k. What is rounded up in the formula, and when?"""
    return math.ceil(num_tokens * capacity_factor / num_experts) * k


@replaces("expert_capacity")
def at_most_tokens(num_tokens, num_experts, k, capacity_factor):
    """You limited the capacity to T. No expert gets more than T choices, but the formula has no such limit: what
    does it say where k c is larger than E?"""
    return min(num_tokens, expert_capacity(num_tokens, num_experts, k, capacity_factor))


@replaces("expert_capacity")
def of_all_experts(num_tokens, num_experts, k, capacity_factor):
    """You did not divide by the number of experts. The slots of all experts together have room for all choices: how
    many of them has one expert?"""
    return math.ceil(num_tokens * k * capacity_factor)


def number(queue: Tensor, num_experts: int) -> Tensor:
    """How many with the same expert stand before each in the queue."""
    hot = F.one_hot(queue, num_experts)
    return (hot.cumsum(0) - hot).gather(1, queue[:, None]).squeeze(1)


def limit(slots: Tensor, capacity: int) -> Tensor:
    return slots.masked_fill(slots >= capacity, -1)


@replaces("assign_slots")
def token_by_token(indices, num_experts, capacity):
    """You served both choices of a token before the next token came, so second choices take slots from first
    choices of later tokens. With k = 1 that goes unnoticed. Who comes first in the queue?"""
    return limit(number(indices.flatten(), num_experts), capacity).view(indices.shape)


@replaces("assign_slots")
def each_rank_alone(indices, num_experts, capacity):
    """You numbered the first choices from 0 and the second choices from 0 again, so two tokens share a slot. Where
    do the second choices of an expert have to go on?"""
    return torch.stack([limit(number(column, num_experts), capacity) for column in indices.T], dim=1)


@replaces("assign_slots")
def last_choices_first(indices, num_experts, capacity):
    """You served the last choices first. In which column stands the best expert of a token?"""
    return assign_slots(indices.flip(1), num_experts, capacity).flip(1)


@replaces("assign_slots")
def last_come_first(indices, num_experts, capacity):
    """You counted from the end of the queue: the last that came keep a slot, the first are dropped."""
    return limit(number(indices.T.flatten().flip(0), num_experts).flip(0).view(indices.T.shape).T, capacity)


@replaces("assign_slots")
def one_too_many(indices, num_experts, capacity):
    """You gave a slot whose number is the capacity. They are numbered from 0: which is the last?"""
    return limit(number(indices.T.flatten(), num_experts).view(indices.T.shape).T, capacity + 1)


@replaces("assign_slots")
def one_too_few(indices, num_experts, capacity):
    """Your slots begin with 1, and an expert loses one of them. A running sum counts the choice itself too; how
    many came before it?"""
    return limit(number(indices.T.flatten(), num_experts).view(indices.T.shape).T + 1, capacity)


@replaces("assign_slots")
def from_one(indices, num_experts, capacity):
    """You kept the right choices and numbered their slots from 1 to the capacity. Which number has the first slot?"""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where(slots >= 0, slots + 1, -1)


@replaces("assign_slots")
def last_slot_shared(indices, num_experts, capacity):
    """You limited the slots with a minimum, so everyone who comes too late gets the last slot. They get none:
    -1."""
    return number(indices.T.flatten(), num_experts).view(indices.T.shape).T.clamp(max=capacity - 1)


@replaces("assign_slots")
def capacity_for_dropped(indices, num_experts, capacity):
    """You marked dropped choices with the capacity. Which mark does the docstring give them?"""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where(slots >= 0, slots, capacity)


@replaces("assign_slots")
def nobody_dropped(indices, num_experts, capacity):
    """You numbered the choices of each expert and did not look at the capacity. Which numbers are slots of a buffer
    with so many of them?"""
    return number(indices.T.flatten(), num_experts).view(indices.T.shape).T


@replaces("assign_slots")
def slots_of_all(indices, num_experts, capacity):
    """You numbered the slots through all experts, e · capacity + slot. Each expert counts its own from 0."""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where(slots >= 0, indices * capacity + slots, -1)


@replaces("assign_slots")
def wrong_way_back(indices, num_experts, capacity):
    """The queue was counted right, and then read back as if it stood token by token. It has all first choices in
    front: what is its shape as a table?"""
    return assign_slots(indices, num_experts, capacity).T.reshape(indices.shape)


@replaces("assign_slots")
def all_or_nothing(indices, num_experts, capacity):
    """You dropped a token everywhere as soon as one of its experts was full. Each choice is kept or dropped on its
    own."""
    slots = assign_slots(indices, num_experts, capacity)
    return torch.where((slots >= 0).all(-1, keepdim=True), slots, -1)


@replaces("assign_slots")
def one_queue_for_all(indices, num_experts, capacity):
    """You numbered all choices in one queue, whichever expert they ask for. How many buffers are there, and where does
    the numbering of each begin?"""
    number = torch.arange(indices.numel()).view(indices.shape[1], -1).T
    return number.masked_fill(number >= capacity, -1)


@replaces("assign_slots")
def only_the_rank_before(indices, num_experts, capacity):
    """A choice counts the choices of the rank just before it, and not those of all earlier ranks. With k = 2 that goes
    unnoticed. What has happened to the number of first choices by the time third choices are served?"""
    columns, before = [], torch.zeros(num_experts, dtype=torch.int64)
    for column in indices.T:
        columns.append(limit(number(column, num_experts) + before[column], capacity))
        before = column.bincount(minlength=num_experts)
    return torch.stack(columns, dim=1)


def kept(slots: Tensor) -> tuple[Tensor, Tensor]:
    """Token and rank of the choices that got a slot."""
    token, s = torch.where(slots >= 0)
    return token, s


@replaces("dispatch")
def dropped_into_last(x, indices, slots, num_experts, capacity):
    """You wrote dropped choices too: -1 as an index is the last slot. Which choices may be written at all?"""
    buffers = x.new_zeros(num_experts, capacity, x.shape[-1])
    for token, row in enumerate(indices.tolist()):
        for s, e in enumerate(row):
            buffers = buffers.index_put((torch.tensor(e), slots[token, s]), x[token])
    return buffers


@replaces("dispatch")
def dropped_into_first(x, indices, slots, num_experts, capacity):
    """You made the -1 of dropped choices a 0, and so they are written into slot 0. Which choices may be written at
    all?"""
    buffers = x.new_zeros(num_experts, capacity, x.shape[-1])
    for token, row in enumerate(indices.tolist()):
        for s, e in enumerate(row):
            buffers = buffers.index_put((torch.tensor(e), slots[token, s].clamp(min=0)), x[token])
    return buffers


def with_dropped(x, indices, slots, num_experts, capacity, accumulate, dropped=1.0):
    """Buffers into which dropped choices are written as well, times dropped and at slot 0, one choice after the
    other."""
    buffers = x.new_zeros(num_experts, capacity, x.shape[-1])
    for token, row in enumerate(indices.tolist()):
        for s, e in enumerate(row):
            value = x[token] if slots[token, s] >= 0 else dropped * x[token]
            place = torch.tensor(e), slots[token, s].clamp(min=0)
            buffers = buffers.index_put(place, value, accumulate=accumulate)
    return buffers


@replaces("dispatch")
def zeros_into_first(x, indices, slots, num_experts, capacity):
    """A dropped choice writes a row of zeros into slot 0 of its expert, and the token that has this slot is gone. Which
    choices may be written at all?"""
    return with_dropped(x, indices, slots, num_experts, capacity, accumulate=False, dropped=0.0)


@replaces("dispatch")
def zeros_into_last(x, indices, slots, num_experts, capacity):
    """A dropped choice writes a row of zeros into the last slot of its expert, which is what -1 means as an index, and
    the token that has this slot is gone. Which choices may be written at all?"""
    zeros = torch.where(slots >= 0, slots, capacity - 1)
    buffers = x.new_zeros(num_experts, capacity, x.shape[-1])
    for token, row in enumerate(indices.tolist()):
        for s, e in enumerate(row):
            buffers = buffers.index_put((torch.tensor(e), zeros[token, s]), x[token] * (slots[token, s] >= 0))
    return buffers


@replaces("dispatch")
def dropped_added_to_first(x, indices, slots, num_experts, capacity):
    """You made the -1 of dropped choices a 0 and added: slot 0 holds the sum of its own token and of those that were
    dropped. What has a dropped choice to add to a buffer?"""
    return with_dropped(x, indices, slots, num_experts, capacity, accumulate=True)


@replaces("dispatch")
def wrong_repeat(x, indices, slots, num_experts, capacity):
    """You laid all tokens once, and then all again, beside choices that stand token by token. The k choices of a
    token are neighbours in a flattened (T, k)."""
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
    """You filled each buffer from the top in token order. slots says where each token stands, and here there are
    gaps and another order."""
    queue = torch.where(slots >= 0, indices, num_experts)
    return dispatch(
        x, indices, assign_slots(queue, num_experts + 1, capacity).where(slots >= 0, -1), num_experts, capacity
    )


@replaces("dispatch")
def slot_first(x, indices, slots, num_experts, capacity):
    """Your buffers lie slot by slot and were read as if they lay expert by expert. Flattened, expert e begins at
    e · capacity."""
    return dispatch(x, indices, slots, num_experts, capacity).transpose(0, 1).reshape(num_experts, capacity, -1)


@replaces("dispatch")
def buffers_detached(x, indices, slots, num_experts, capacity):
    """The buffers are right, but no gradient leads back to x: it was detached, or turned into numbers."""
    return dispatch(x.detach(), indices, slots, num_experts, capacity)


@replaces("dispatch")
def always_float32(x, indices, slots, num_experts, capacity):
    """Your buffers are float32, whatever x is. A new tensor has torch's default dtype unless you say otherwise."""
    return dispatch(x.float(), indices, slots, num_experts, capacity)


@replaces("dispatch")
def float32_buffers_for_float64(x, indices, slots, num_experts, capacity):
    """Your buffers have torch's default dtype, float32, and torch refuses to put tokens of float64 into them. Which
    dtype does the docstring ask for?"""
    token, s = torch.where(slots >= 0)
    buffers = torch.zeros(num_experts, capacity, x.shape[-1])
    return buffers.index_put((indices[token, s], slots[token, s]), x[token])


@replaces("dispatch")
def token_divided(x, indices, slots, num_experts, capacity):
    """You divided a token among its choices: each buffer has a part of it. Which vector does an expert need to see?"""
    return dispatch(x, indices, slots, num_experts, capacity) / indices.shape[1]


def gathered(buffers: Tensor, indices: Tensor, slots: Tensor) -> Tensor:
    """What stands in the slot of each choice, 0 for dropped ones: (T, k, D)."""
    return buffers[indices, slots.clamp(min=0)] * (slots >= 0)[..., None]


@replaces("combine")
def dropped_reads_last(buffers, indices, slots, weights):
    """You read dropped choices too: -1 as an index is the last slot, which holds another token. Which choices may
    be read at all?"""
    return (buffers[indices, slots] * weights[..., None]).sum(1)


@replaces("combine")
def dropped_reads_first(buffers, indices, slots, weights):
    """You made the -1 of dropped choices a 0, and so they read slot 0, which holds another token. Which choices may
    be read at all?"""
    return (buffers[indices, slots.clamp(min=0)] * weights[..., None]).sum(1)


@replaces("combine")
def capacity_of_slots(buffers, indices, slots, weights):
    """You took the largest slot that occurs for the last one of a buffer, and looked for expert e at e times that many
    rows. The last slots may be empty: what else knows the capacity?"""
    capacity = int(slots.max()) + 1
    rows = buffers.flatten(0, 1)[(indices * capacity + slots).clamp(min=0)]
    return (rows * (weights * (slots >= 0))[..., None]).sum(1)


@replaces("combine")
def renormalised(buffers, indices, slots, weights):
    """You divided the weights of a token by the sum of its kept weights. The other choices then get the weight of a
    dropped choice: what does the docstring say about that weight?"""
    left = weights * (slots >= 0)
    return combine(buffers, indices, slots, left / left.sum(-1, keepdim=True).clamp(min=1e-9))


@replaces("combine")
def sum_made_one(buffers, indices, slots, weights):
    """You divided the weights of a token by their sum. With one choice for each token every weight would be 1, and the
    router could not learn from it: what does the formula divide by?"""
    return combine(buffers, indices, slots, weights / weights.sum(-1, keepdim=True))


@replaces("combine")
def no_weights(buffers, indices, slots, weights):
    """You added what stands in the slots of a token, each with the same weight. Which argument says how much each
    choice counts?"""
    return gathered(buffers, indices, slots).sum(1)


@replaces("combine")
def mean_of_kept(buffers, indices, slots, weights):
    """You took the mean over the slots of a token. Which argument says how much each choice counts?"""
    return gathered(buffers, indices, slots).sum(1) / (slots >= 0).sum(-1, keepdim=True).clamp(min=1)


@replaces("combine")
def last_choice_stays(buffers, indices, slots, weights):
    """Only the last slot of each token reached y: it was written over what the first had brought. The results of a
    token are added."""
    y = buffers.new_zeros(len(indices), buffers.shape[-1])
    for s in range(indices.shape[1]):
        token = torch.where(slots[:, s] >= 0)[0]
        y = y.index_put((token,), weights[token, s, None] * buffers[indices[token, s], slots[token, s]])
    return y


@replaces("combine")
def best_choice_only(buffers, indices, slots, weights):
    """You read the first choice of each token alone. Which of its choices count?"""
    return combine(buffers, indices[:, :1], slots[:, :1], weights[:, :1])


@replaces("combine")
def weights_by_expert(buffers, indices, slots, weights):
    """You looked up the weight by the number of the expert. Column s of weights belongs to a token's s-th choice,
    whichever expert that is."""
    return combine(buffers, indices, slots, weights.gather(1, indices % weights.shape[1]))


@replaces("combine")
def weights_detached(buffers, indices, slots, weights):
    """y is right, but no gradient reaches the weights: they were detached, or turned into numbers. The router would
    never learn."""
    return combine(buffers, indices, slots, weights.detach())


@replaces("combine")
def experts_detached(buffers, indices, slots, weights):
    """y is right, but no gradient reaches the buffers: they were detached, or turned into numbers. The experts
    would never learn."""
    return combine(buffers.detach(), indices, slots, weights)


@replaces("combine")
def all_or_nothing_back(buffers, indices, slots, weights):
    """A token with one dropped choice gets 0 from you. Its other choices have a slot: what happens to their results?"""
    whole = (slots >= 0).all(-1, keepdim=True)
    return combine(buffers, indices, slots, weights) * whole


@replaces("combine")
def weight_of_first(buffers, indices, slots, weights):
    """You multiplied all choices of a token by the weight of its first choice. Which column of weights belongs to which
    choice?"""
    return combine(buffers, indices, slots, weights[:, :1].expand_as(weights))


@replaces("combine")
def weights_changed(buffers, indices, slots, weights):
    """You set the weights of dropped choices to 0 in the tensor that you were given: whoever calls you finds them
    changed, and where they carry a gradient torch refuses. What makes a new tensor instead?"""
    weights[slots < 0] = 0.0
    return (buffers[indices, slots.clamp(min=0)] * weights[..., None]).sum(1)


@replaces("combine")
def slots_changed(buffers, indices, slots, weights):
    """combine writes a 0 over the -1 of dropped choices, in the slots that it was given: whoever calls you no longer
    knows what was dropped. What makes a new tensor instead?"""
    kept = slots >= 0
    slots[~kept] = 0
    return (buffers[indices, slots] * (weights * kept)[..., None]).sum(1)
