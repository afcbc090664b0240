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
    """Your scores come from a softmax over the experts: those of a token sum to 1. In DeepSeek-V3 each logit becomes a
    score on its own, without a look at the others."""
    s = torch.softmax(logits, dim=-1)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def biased_weights(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights contain the bias. The bias only decides which experts are chosen, and the sigmoids alone say how
    much they count. From which of your two tensors do you gather the weights?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s + bias, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def bias_on_logits(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You added the bias to the logits, and the sigmoid then flattens it for experts that are nearly certain. It
    belongs on the score: after the sigmoid, where a step of gamma is the same for every token."""
    indices = choose(torch.sigmoid(logits + bias), k, n_group, topk_group)
    return weigh(torch.sigmoid(logits), indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def no_groups(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You chose the k best of all experts, wherever they stand. Before that, only topk_group of the n_group groups
    stay, and nothing from the others may be chosen."""
    verify(logits.shape[-1], k, n_group, topk_group)
    s = torch.sigmoid(logits)
    indices = (s + bias).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def group_max(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You rated a group by its best expert. That was the rule of DeepSeek-V2; in V3 a group needs two good
    experts to be rated well."""
    s = torch.sigmoid(logits)
    c = s + bias
    rating = c.unflatten(-1, (n_group, -1)).amax(-1)
    indices = choose(c, k, n_group, topk_group, rating)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def unbiased_groups(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You rated the groups without the bias. The whole choice, of groups and of experts, is made with it; else an
    overloaded group stays as attractive as it was."""
    s = torch.sigmoid(logits)
    rating = two_best(s, n_group)
    indices = choose(s + bias, k, n_group, topk_group, rating)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def interleaved_groups(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your groups take every n_group-th expert. The experts of a group are neighbours: the first E / n_group of them
    are group 0. Which of the two axes that E is cut into comes first?"""
    verify(logits.shape[-1], k, n_group, topk_group)
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (-1, n_group))
    stays = best_groups(c.topk(min(2, c.shape[-2]), dim=-2).values.sum(-2), topk_group)
    indices = c.masked_fill(~stays[:, None], -INF).flatten(-2).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def masked_with_zero(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You set the experts of the other groups to 0. With a negative bias s + b can lie below 0, and 0 is larger:
    experts of closed groups are chosen again. Which value loses against every number?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group, out=0.0)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def masked_with_a_small_number(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You set the experts of the other groups to a negative number that seemed low enough. Nobody says how far below 0
    the biases of a layer lie, and only their differences count. Which value loses against every number?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group, out=-1e4)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def local_indices(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your indices count within the groups that stayed, put side by side. An expert keeps its number among all E;
    what has to be added to its place to get that back?"""
    E = logits.shape[-1]
    verify(E, k, n_group, topk_group)
    s = torch.sigmoid(logits)
    stays = two_best(s + bias, n_group).topk(topk_group, dim=-1).indices.sort(-1).values
    experts = (stays[..., None] * (E // n_group) + torch.arange(E // n_group)).flatten(-2)
    indices = (s + bias).gather(-1, experts).topk(k, dim=-1).indices
    return weigh(s.gather(-1, experts), indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def indices_sorted(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You sorted the indices by number, and the weights stayed as they were: they belong to other experts now. Within a
    row any order is right: in what do the two results have to agree?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices.sort(-1).values


@replaces("deepseek_route")
def scaled_before_norm(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Where you divide by the sum, the factor has no effect: it was multiplied in before the division, so that the sum
    has it too and it cancels, or it is used in the other case alone. What is to be the sum of a token's weights in the
    end?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(routed_scaling_factor * s, indices, 1.0, norm_topk_prob), indices


@replaces("deepseek_route")
def factor_in_scores(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You multiplied the sigmoids by the factor before the choice. Beside scores that were multiplied the bias counts
    less, so others are chosen. What does the factor belong to?"""
    s = routed_scaling_factor * torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, 1.0, norm_topk_prob), indices


@replaces("deepseek_route")
def sum_over_all(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You divided by the sum over all experts, so the weights of a token sum to less than the factor. Only the k
    chosen share it among themselves."""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s / s.sum(-1, keepdim=True) if norm_topk_prob else s, indices, routed_scaling_factor, False), indices


@replaces("deepseek_route")
def softmax_of_scores(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights are a softmax of the chosen sigmoids. They sum to the factor, and are nearly equal, since a sigmoid
    lies between 0 and 1. By what does the formula divide each of them?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    weights = s.gather(-1, indices)
    return routed_scaling_factor * (weights.softmax(-1) if norm_topk_prob else weights), indices


@replaces("deepseek_route")
def detached(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights carry no gradient, so the router learns nothing. Only the bias is without one: it is moved by its
    rule, and the logits by the loss."""
    with torch.no_grad():
        return deepseek_route(logits, bias, k, n_group, topk_group, routed_scaling_factor, norm_topk_prob)


@replaces("deepseek_route")
def too_large_k(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Where k is larger than the number of experts in the groups that stay, you chose from the others too. There is no
    right answer: raise ValueError."""
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (n_group, -1))
    stays = best_groups(two_best(s + bias, n_group), topk_group)
    indices = c.masked_fill(~stays[..., None], -INF).flatten(-2).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def too_large_k_for_topk(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You take the k best of the groups that stay, and where these have fewer than k experts it is topk that fails,
    with a RuntimeError. Which exception does the docstring promise, and what has to be compared for it?"""
    s = torch.sigmoid(logits)
    size = logits.shape[-1] // n_group
    stays = two_best(s + bias, n_group).topk(topk_group, dim=-1).indices  # (T, topk_group)
    inside = (s + bias).unflatten(-1, (n_group, -1)).gather(1, stays[..., None].expand(-1, -1, size)).flatten(1)
    place = inside.topk(k, dim=-1).indices  # among the experts of the groups that stay
    indices = stays.gather(1, place // size) * size + place % size
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("update_bias")
def sign_flipped(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You raised the bias of overloaded experts, so they get still more tokens. In which direction must the
    bias of an expert move that has too many tokens?"""
    return bias - (update_bias(bias, indices, gamma) - bias)


@replaces("update_bias")
def proportional(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """Your step grows with the distance to the mean load. It is gamma for any distance: only the direction is read from
    the load."""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return bias + gamma * (load.mean() - load)


@replaces("update_bias")
def tokens_per_expert(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You compared the loads with T / E. Every token makes k choices, and all of them are load: the mean is k times as
    large."""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return bias + gamma * torch.sign(len(indices) / len(bias) - load)


@replaces("update_bias")
def two_choices(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """Your mean load is that of two choices for each token. How many a token makes is said by the shape of indices."""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return bias + gamma * torch.sign(2 * len(indices) / len(bias) - load)


@replaces("update_bias")
def idle_forgotten(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """Experts that nobody chose are missing from your count: they keep their bias and stay idle, and your mean load is
    too large without them. Count a load of 0 as well."""
    seen, load = indices.unique(return_counts=True)
    load = load.to(bias.dtype)
    return bias.index_add(0, seen, gamma * torch.sign(load.mean() - load))


@replaces("update_bias")
def short_count(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """Your count ends at the last expert that was chosen. If the experts after it are idle it has fewer than E numbers:
    torch.bincount must be told how many there are."""
    load = torch.bincount(indices.flatten()).to(bias.dtype)
    return bias + gamma * torch.sign(load.mean() - load)


def chosen_or_not(bias, indices):
    """Load of 1 for each expert that was chosen, however often."""
    load = torch.zeros_like(bias)
    load[indices.flatten()] += 1
    return load


@replaces("update_bias")
def counted_once(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """The load of an expert is 1 in your code, however often it was chosen. load[indices] += 1 writes each place once,
    also where its index is repeated: what adds up as often as an index comes?"""
    load = chosen_or_not(bias, indices)
    return bias + gamma * torch.sign(load.mean() - load)


@replaces("update_bias")
def counted_once_beside_the_mean(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """The load of an expert is 1 in your code, however often it was chosen, and your mean is the right one.
    load[indices] += 1 writes each place once, also where its index is repeated: what adds up as often as an index
    comes?"""
    return bias + gamma * torch.sign(indices.numel() / len(bias) - chosen_or_not(bias, indices))


@replaces("update_bias")
def never_zero(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """An expert with exactly the mean load was raised, as if it had too few tokens. Your comparison knows two cases,
    and there are three."""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return torch.where(load > load.mean(), bias - gamma, bias + gamma)


@replaces("update_bias")
def never_zero_down(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """An expert with exactly the mean load was lowered, as if it had too many tokens. Your comparison knows two cases,
    and there are three."""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return torch.where(load < load.mean(), bias + gamma, bias - gamma)


@replaces("deepseek_route")
def equal_shares(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You take the same number of experts from each group that stays. All k may come from one group. Among which
    experts are the k largest s + b to be found?"""
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
    """The groups that stay give you their experts in turn, so that none gives two more than another. All k may come
    from one group. Among which experts are the k largest s + b to be found?"""
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
    """No group gives you more than its share of the k experts, k / topk_group rounded up. All k may come from one
    group. Among which experts are the k largest s + b to be found?"""
    s = torch.sigmoid(logits)
    c = (s + bias).unflatten(-1, (n_group, -1))
    best = c.topk(min(-(-k // topk_group), c.shape[-1]), dim=-1).indices
    allowed = torch.zeros_like(c, dtype=torch.bool).scatter(-1, best, True)
    capped = c.masked_fill(~allowed, -INF).flatten(-2)
    indices = choose(capped, k, n_group, topk_group, two_best(s + bias, n_group))
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def group_sum(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You rated a group by all of its experts, so many mediocre experts beat two very good ones. How many experts of a
    group take part in its rating?"""
    s = torch.sigmoid(logits)
    rating = (s + bias).unflatten(-1, (n_group, -1)).sum(-1)
    indices = choose(s + bias, k, n_group, topk_group, rating)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def two_always(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You ask for the two largest s + b of a group that has only one expert, and topk refuses that. How many numbers
    can you ask for at most?"""
    s = torch.sigmoid(logits)
    rating = (s + bias).unflatten(-1, (n_group, -1)).topk(2, dim=-1).values.sum(-1)
    indices = choose(s + bias, k, n_group, topk_group, rating)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def factor_with_norm_only(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You multiply by the factor only where you divide by the sum. With norm_topk_prob=False it belongs to the
    weights too. Which of your lines run in that case?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor if norm_topk_prob else 1.0, norm_topk_prob), indices


@replaces("deepseek_route")
def no_factor(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """routed_scaling_factor has no effect: your weights are the same for every factor. What has the sum of a token's
    weights to be?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, 1.0, norm_topk_prob), indices


@replaces("deepseek_route")
def always_divided(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You divide by the sum whatever norm_topk_prob says. What are the weights if it is False?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, True), indices


@replaces("deepseek_route")
def divided_by_biased_sum(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Your weights are s above the line, and the sum below the line is that of s + b. What has to be summed
    so that the weights of a token sum to the factor?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    total = (s + bias).gather(-1, indices).sum(-1, keepdim=True) if norm_topk_prob else 1.0
    return routed_scaling_factor * s.gather(-1, indices) / total, indices


@replaces("deepseek_route")
def no_bias(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """The bias has no effect: your choice is made by the sigmoids alone. By which number are groups and experts
    compared?"""
    s = torch.sigmoid(logits)
    indices = choose(s, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def not_divided_at_k1(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """With k = 1 you do not divide by the sum, as the code of DeepSeek does. With norm_topk_prob=True the k chosen
    share the factor among themselves: what is left for a single one?"""
    s = torch.sigmoid(logits)
    indices = choose(s + bias, k, n_group, topk_group)
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob and k > 1), indices


@replaces("deepseek_route")
def mask_repeated(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You chose the right groups, and then repeated their mask as a whole: groups 0, 1, 2 … and again 0, 1, 2 … Experts
    of one group are neighbours: in which order has the mask to name the group of each expert?"""
    E = logits.shape[-1]
    verify(E, k, n_group, topk_group)
    s = torch.sigmoid(logits)
    stays = best_groups(two_best(s + bias, n_group), topk_group).repeat(1, E // n_group)
    indices = (s + bias).masked_fill(~stays, -INF).topk(k, dim=-1).indices
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("deepseek_route")
def groups_of_the_batch(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """You added up the ratings of all tokens, and the same groups stay for the whole batch. Each token has groups of
    its own: which shape has the table of the groups that stay?"""
    s = torch.sigmoid(logits)
    rating = two_best(s + bias, n_group)
    indices = choose(s + bias, k, n_group, topk_group, rating.sum(0).expand_as(rating))
    return weigh(s, indices, routed_scaling_factor, norm_topk_prob), indices


@replaces("update_bias")
def mean_of_chosen(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """Your mean is that of the experts which were chosen at least once, so it is too large if some experts are idle.
    Over how many experts does the mean run?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return bias + gamma * torch.sign(load[load > 0].mean() - load)


@replaces("update_bias")
def whole_mean(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You rounded the mean load down to a whole number. An expert whose load lies just below the true mean then keeps
    its bias. Which kind of division gives you the mean?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias))
    return bias + gamma * torch.sign(indices.numel() // len(bias) - load).to(bias.dtype)


@replaces("update_bias")
def first_choices(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You counted only the first expert of each token. All k choices are load: how many numbers of indices belong to
    one token?"""
    load = torch.bincount(indices[:, 0], minlength=len(bias)).to(bias.dtype)
    return bias + gamma * torch.sign(load.mean() - load)


@replaces("update_bias")
def in_place(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """You changed the bias that you were given. It stays as it is, and the new one is returned. Which of your
    operations writes into its operand?"""
    load = torch.bincount(indices.flatten(), minlength=len(bias)).to(bias.dtype)
    return bias.add_(gamma * torch.sign(load.mean() - load))
