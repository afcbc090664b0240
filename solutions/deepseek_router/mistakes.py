"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from deepseek_router import deepseek_route, update_bias
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


def verify(E, k, n_group, topk_group):
    """The part that most get right."""
    if k > topk_group * E // n_group:
        raise ValueError("too few experts")


def best_groups(rating, topk_group):
    """Bool (T, n_group): the groups that stay."""
    stays = rating.topk(topk_group, dim=-1).indices
    return torch.zeros_like(rating, dtype=torch.bool).scatter(-1, stays, True)


def two_best(c, n_group):
    """Ratings (T, n_group)."""
    grouped = c.unflatten(-1, (n_group, -1))
    return grouped.topk(min(2, grouped.shape[-1]), dim=-1).values.sum(-1)


def choose(c, k, n_group, topk_group, rating=None, out=-INF):
    """Indices (T, k) of the k largest c in the best groups."""
    verify(c.shape[-1], k, n_group, topk_group)
    stays = best_groups(two_best(c, n_group) if rating is None else rating, topk_group)
    kept = c.unflatten(-1, (n_group, -1)).masked_fill(~stays[..., None], out).flatten(-2)
    return kept.topk(k, dim=-1).indices


def weigh(s, indices, r, norm):
    weights = s.gather(-1, indices)
    return r * (weights / weights.sum(-1, keepdim=True) if norm else weights)


@replaces("deepseek_route")
def softmax(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """The scores of a token sum to 1 in your code, as after a softmax over the experts. Does the score of an expert
    depend on the other logits in the formula?"""
    s = torch.softmax(logits, dim=-1)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def biased_weights(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights contain the bias. The bias only decides which experts are chosen. From which of your two tensors do
    the weights come?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s + bias, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def divided_by_biased_sum(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights are s divided by a sum of s + b. What has to be summed so that the weights of a token sum to the
    factor?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    total = (s + bias).gather(-1, indices).sum(-1, keepdim=True) if norm_topk_prob else 1.0
    return routed_scaling_factor * s.gather(-1, indices) / total, indices


@replaces("deepseek_route", squashed=[True, False])
def bias_on_logits(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True, *, squashed):
    """You added the bias to the logits. A step of gamma then counts less for an expert whose score is near 0 or 1. What
    does the formula add it to?"""
    s = torch.sigmoid(logits)
    c = torch.sigmoid(logits + bias) if squashed else logits + bias
    indices = choose(c, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route", part=["only about experts", "only about groups", "nothing"])
def bias_in_part(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True, *, part):
    """In your code the bias decides {part}. Which of the comparisons in the statement are made with s + b?"""
    s = torch.sigmoid(logits)
    rating = two_best(s + bias if "groups" in part else s, n_group)
    indices = choose(s + bias if "experts" in part else s, k, n_group, topk_group, rating)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def no_groups(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You chose the k best of all experts, wherever they are. How many groups may a token's experts come from?"""
    verify(logits.shape[-1], k, n_group, topk_group)
    s = torch.sigmoid(logits)
    indices = (s + bias).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route", by=["its best expert", "its three best", "all its experts", "its k / topk_group best"])
def another_rating(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True, *, by):
    """You rated a group by {by}. How many of its experts take part in a group's rating in DeepSeek-V3?"""
    s = torch.sigmoid(logits)
    c = s + bias
    size = logits.shape[-1] // n_group
    best = {"its best expert": 1, "its three best": 3, "all its experts": size}.get(by, max(1, k // topk_group))
    rating = c.unflatten(-1, (n_group, -1)).topk(min(best, size), dim=-1).values.sum(-1)
    indices = choose(c, k, n_group, topk_group, rating)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def two_always(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You ask for the two largest s + b of a group that has only one expert, and topk refuses. How many numbers can you
    ask for at most?"""
    s = torch.sigmoid(logits)
    rating = (s + bias).unflatten(-1, (n_group, -1)).topk(2, dim=-1).values.sum(-1)
    indices = choose(s + bias, k, n_group, topk_group, rating)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def interleaved_groups(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your groups take every n_group-th expert. Which experts are in group 0, by the docstring, and which of the two
    axes that E is split into comes first?"""
    verify(logits.shape[-1], k, n_group, topk_group)
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (-1, n_group))
    stays = best_groups(c.topk(min(2, c.shape[-2]), dim=-2).values.sum(-2), topk_group)
    indices = c.masked_fill(~stays[:, None], -INF).flatten(-2).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def mask_repeated(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You chose the right groups, and then repeated their mask as a whole: groups 0, 1, 2 … and again 0, 1, 2 … Experts
    of one group are neighbours: in which order should the mask name their groups?"""
    E = logits.shape[-1]
    verify(E, k, n_group, topk_group)
    s = torch.sigmoid(logits)
    stays = best_groups(two_best(s + bias, n_group), topk_group).repeat(1, E // n_group)
    indices = (s + bias).masked_fill(~stays, -INF).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def groups_of_the_batch(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """The same groups stay for the whole batch. Whose ratings decide about the groups of one token?"""
    s = torch.sigmoid(logits)
    rating = two_best(s + bias, n_group)
    indices = choose(s + bias, k, n_group, topk_group, rating.sum(0).expand_as(rating))
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route", out=[0.0, -1.0, -10.0, -1e2, -1e3, -1e4, -1e9, -1e10])
def closed_come_back(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True, *, out):
    """When all s + b are far enough below 0, experts of closed groups are chosen: theirs became {out}. Which value
    loses against every number?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group, out=out)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def local_indices(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your indices count within the groups that stayed, put side by side. An expert keeps its number among all E: how
    do you get from a place to that number?"""
    E = logits.shape[-1]
    verify(E, k, n_group, topk_group)
    s = torch.sigmoid(logits)
    stays = two_best(s + bias, n_group).topk(topk_group, dim=-1).indices.sort(-1).values
    experts = (stays[..., None] * (E // n_group) + torch.arange(E // n_group)).flatten(-2)
    indices = (s + bias).gather(-1, experts).topk(k, dim=-1).indices
    return weigh(s.gather(-1, experts), indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def indices_sorted(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your indices are sorted by number, and the weights are not: they belong to other experts now. The order within a
    row is free: in what must the two results agree?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices.sort(-1).values


@replaces("deepseek_route")
def equal_shares(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You take the same number of experts from each group that stays. May all k come from one group?"""
    verify(logits.shape[-1], k, n_group, topk_group)
    if k % topk_group:
        raise ValueError("k is no multiple of topk_group")
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (n_group, -1))
    stays = best_groups(two_best(s + bias, n_group), topk_group).nonzero()[:, 1].view(len(s), topk_group)
    inside = c.topk(k // topk_group, dim=-1).indices  # (T, n_group, k / topk_group)
    inside = inside + torch.arange(n_group)[:, None] * c.shape[-1]
    indices = inside.gather(1, stays[..., None].expand(-1, -1, inside.shape[-1])).flatten(1)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def shares_in_turn(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """The groups that stay give you their experts in turn. Among which experts are the k largest s + b, and may all k
    come from one group?"""
    verify(logits.shape[-1], k, n_group, topk_group)
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (n_group, -1))
    ranked = c.argsort(-1, descending=True) + c.shape[-1] * torch.arange(n_group)[:, None]  # (T, n_group, size)
    stays = two_best(s + bias, n_group).topk(topk_group, dim=-1).indices  # (T, topk_group), the best one first
    turns = ranked.gather(1, stays[..., None].expand(-1, -1, c.shape[-1])).mT  # (T, size, topk_group)
    indices = turns.flatten(1)[:, :k]
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def at_most_a_share(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """No group gives you more than its share of the k experts, k / topk_group rounded up. May all k come from one
    group?"""
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (n_group, -1))
    best = c.topk(min(-(-k // topk_group), c.shape[-1]), dim=-1).indices
    allowed = torch.zeros_like(c, dtype=torch.bool).scatter(-1, best, True)
    capped = c.masked_fill(~allowed, -INF).flatten(-2)
    indices = choose(capped, k, n_group, topk_group, two_best(s + bias, n_group))
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route", where=["only without the division", "only with the division", "nowhere"])
def factor_in_part(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True, *, where):
    """routed_scaling_factor has an effect {where} in your code. What should a token's weights sum to with
    norm_topk_prob=True, and what is one weight without it?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    used = {"only without the division": not norm_topk_prob, "only with the division": norm_topk_prob}.get(where, False)
    return weigh(s, indices, routed_scaling_factor if used else 1.0, norm_topk_prob), indices


@replaces("deepseek_route")
def factor_in_scores(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """The factor changes who is chosen: you multiplied the scores by it before adding the bias. Which of the two,
    choice or weights, does it belong to?"""
    s = routed_scaling_factor * torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, 1.0, norm_topk_prob), indices


@replaces("deepseek_route")
def divided_by_factor(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You divided by routed_scaling_factor. With 2.5, should the weights of a token sum to more than 1 or to less?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, 1 / routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def sum_over_all(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You divided by the sum over all experts, so the weights of a token sum to less than the factor. Who shares it in
    the formula?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s / s.sum(-1, keepdim=True) if norm_topk_prob else s, indices, routed_scaling_factor, False), indices


@replaces("deepseek_route")
def softmax_of_scores(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights are a softmax of the chosen sigmoids, so they are nearly equal. What does the formula divide each
    sigmoid by?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    weights = s.gather(-1, indices)
    return routed_scaling_factor * (weights.softmax(-1) if norm_topk_prob else weights), indices


@replaces("deepseek_route", when=["always", "never", "where norm_topk_prob is False"])
def divided_when(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True, *, when):
    """You divide by the sum {when}. What are the weights with norm_topk_prob=True, and what are they with False?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    norm = {"always": True, "never": False}.get(when, not norm_topk_prob)
    return weigh(s, indices, routed_scaling_factor, norm), indices


@replaces("deepseek_route")
def not_divided_at_k1(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """With k = 1 you do not divide by the sum; neither does DeepSeek's code. What does the docstring say of
    norm_topk_prob=True, and what is a number divided by itself?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob and k > 1), indices


@replaces("deepseek_route", small=[1e-8, 1e-6, 1e-5])
def epsilon_in_sum(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True, *, small):
    """Your weights sum to a little less than the factor, as if a small number had been added to the sum of the
    sigmoids. Can that sum be 0?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    chosen = s.gather(-1, indices)
    total = chosen.sum(-1, keepdim=True) + small if norm_topk_prob else 1.0
    return routed_scaling_factor * chosen / total, indices


@replaces("deepseek_route")
def detached(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights carry no gradient, so the router learns nothing. Which of its inputs is without one, and which
    learns from the loss?"""
    with torch.no_grad():
        return deepseek_route(logits, bias, k, n_group, topk_group, routed_scaling_factor, norm_topk_prob)


@replaces("deepseek_route")
def sum_detached(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights are right, but their gradients treat the sum below the fraction bar as a constant. Which logits does
    that sum depend on?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    chosen = s.gather(-1, indices)
    total = chosen.sum(-1, keepdim=True).detach() if norm_topk_prob else 1.0
    return routed_scaling_factor * chosen / total, indices


@replaces("deepseek_route")
def too_large_k(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Where the groups that stay have fewer than k experts, you chose from closed groups too. What does the docstring
    promise for that case?"""
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (n_group, -1))
    stays = best_groups(two_best(s + bias, n_group), topk_group)
    indices = c.masked_fill(~stays[..., None], -INF).flatten(-2).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def too_large_k_for_topk(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Where the groups that stay have fewer than k experts, it is topk that fails, with a RuntimeError. Which exception
    does the docstring promise, and what do you compare to find the case?"""
    s = torch.sigmoid(logits)
    size = logits.shape[-1] // n_group
    stays = two_best(s + bias, n_group).topk(topk_group, dim=-1).indices  # (T, topk_group)
    inside = (s + bias).unflatten(-1, (n_group, -1)).gather(1, stays[..., None].expand(-1, -1, size)).flatten(1)
    place = inside.topk(k, dim=-1).indices  # among the experts of the groups that stay
    indices = stays.gather(1, place // size) * size + place % size
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def full_groups_refused(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You raise ValueError when k is exactly the number of experts in the groups that stay. Is there anything wrong
    with choosing all of them?"""
    verify(logits.shape[-1], k + 1, n_group, topk_group)
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("update_bias")
def sign_flipped(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You raised the bias of overloaded experts, so they get still more tokens. In which direction should the bias of
    an expert with too many tokens move?"""
    return bias - (update_bias(bias, indices, gamma) - bias)


@replaces("update_bias", in_units_of=["one choice", "the mean load", "all choices"])
def proportional(bias: Tensor, indices: Tensor, gamma: float, *, in_units_of) -> Tensor:
    """Your step grows with the distance to the mean load. What does the formula take from that distance?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    mean = load.mean()
    unit = {"one choice": 1.0, "the mean load": mean, "all choices": load.sum()}[in_units_of]
    return bias + gamma * (mean - load) / unit


@replaces(
    "update_bias",
    what=[
        "T / E",
        "2 T / E",
        "the median load",
        "the mean rounded down",
        "the mean rounded",
        "the mean of the experts that were chosen",
    ],
)
def another_mean(bias: Tensor, indices: Tensor, gamma: float, *, what) -> Tensor:
    """You compare each load with {what}. How many choices do all tokens make together, and over how many experts is the
    mean?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    T, E, mean = len(indices), len(bias), load.mean()
    goal = {
        "T / E": T / E,
        "2 T / E": 2 * T / E,
        "the median load": load.median(),
        "the mean rounded down": mean.floor(),
        "the mean rounded": mean.round(),
        "the mean of the experts that were chosen": load[load > 0].mean(),
    }[what]
    return bias + gamma * torch.sign(goal - load)


@replaces("update_bias")
def idle_forgotten(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """Experts that nobody chose keep their bias, so they stay idle. What is their load, and does your mean count
    them?"""
    seen, load = indices.unique(return_counts=True)
    load = load.to(bias.dtype)
    return bias.index_add(0, seen, gamma * torch.sign(load.mean() - load))


@replaces("update_bias")
def short_count(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """Your count ends with the last expert that was chosen, so it has fewer than E numbers when the ones after it are
    idle. How does torch.bincount learn how many experts there are?"""
    load = torch.bincount(indices.flatten()).to(bias.dtype)
    return bias + gamma * torch.sign(load.mean() - load)


def chosen_or_not(bias, indices):
    """Load of 1 for each expert that was chosen, however often."""
    load = torch.zeros_like(bias)
    load[indices.flatten()] += 1
    return load


@replaces("update_bias", own_mean=[True, False])
def counted_once(bias: Tensor, indices: Tensor, gamma: float, *, own_mean) -> Tensor:
    """An expert's load is 1 in your code, however often it was chosen; load[indices] += 1 writes each place once. What
    adds up when an index is repeated?"""
    load = chosen_or_not(bias, indices)
    return bias + gamma * torch.sign((load.mean() if own_mean else indices.numel() / len(bias)) - load)


@replaces("update_bias", moved=["raised", "lowered"])
def never_zero(bias: Tensor, indices: Tensor, gamma: float, *, moved) -> Tensor:
    """An expert with exactly the mean load was {moved}. How many cases does your comparison have, and how many are
    there?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    if moved == "raised":
        return torch.where(load > load.mean(), bias - gamma, bias + gamma)
    return torch.where(load < load.mean(), bias + gamma, bias - gamma)


@replaces("update_bias", which=["overloaded", "underloaded"])
def one_direction(bias: Tensor, indices: Tensor, gamma: float, *, which) -> Tensor:
    """Your rule moves only {which} experts. What does the formula say of the others?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    step = torch.sign(load.mean() - load)
    return bias + gamma * (step.clamp(max=0) if which == "overloaded" else step.clamp(min=0))


@replaces("update_bias")
def first_choices(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You counted only the first expert of each token. How many numbers of indices belong to one token?"""
    load = torch.bincount(indices[:, 0], minlength=len(bias)).to(bias.dtype)
    return bias + gamma * torch.sign(load.mean() - load)


@replaces("update_bias")
def step_alone(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You returned the step, not the new bias. What is the bias of an expert with exactly the mean load after the
    update?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return gamma * torch.sign(load.mean() - load)


@replaces("update_bias")
def in_place(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You changed the bias that you were given, and it should stay as it is. Which of your operations writes into its
    operand?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return bias.add_(gamma * torch.sign(load.mean() - load))
