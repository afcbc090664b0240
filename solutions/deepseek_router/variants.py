"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


class Routing(NamedTuple):
    weights: Tensor
    indices: Tensor


def verify(E, k, G, M):
    if k > M * (E // G):
        raise ValueError("does not fit")


@replaces("deepseek_route")
def token_by_token(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """Python loops over tokens, groups and choices; a list"""
    E = logits.shape[-1]
    verify(E, k, n_group, topk_group)
    size = E // n_group
    rows, chosen_rows = [], []
    for row in logits:
        scores = [1 / (1 + (-value).exp()) for value in row]
        c = [float(score) + float(b) for score, b in zip(scores, bias, strict=True)]
        ratings = {g: sum(sorted(c[g * size : (g + 1) * size])[-2:]) for g in range(n_group)}
        stay = set(sorted(ratings, key=ratings.get)[-topk_group:])
        chosen = sorted((e for e in range(E) if e // size in stay), key=lambda e: -c[e])[:k]
        total = sum(scores[e] for e in chosen) if norm_topk_prob else 1.0
        rows.append(torch.stack([scores[e] / total * routed_scaling_factor for e in chosen]))
        chosen_rows.append(chosen)
    return [torch.stack(rows), torch.tensor(chosen_rows)]


@replaces("deepseek_route")
def like_transformers(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """masks by scatter, unsorted topk, a tiny number beside the sum"""
    T, E = logits.shape
    verify(E, k, n_group, topk_group)
    scores = logits.sigmoid()
    biased = scores.detach() + bias
    rating = biased.view(T, n_group, -1).sort(dim=-1, descending=True).values[..., :2].sum(dim=-1)
    best = torch.topk(rating, k=topk_group, dim=-1, sorted=False)[1]
    mask = torch.zeros_like(rating).scatter_(1, best, 1)
    mask = mask.unsqueeze(-1).expand(-1, n_group, E // n_group).reshape(T, E)
    indices = torch.topk(biased.masked_fill(mask == 0, float("-inf")), k=k, dim=-1, sorted=False)[1]
    weights = scores.gather(1, indices)
    if norm_topk_prob:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
    return weights * routed_scaling_factor, indices


@replaces("deepseek_route")
def gathered_groups(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """only the experts of the groups that stay, with their numbers; worst first, as a named tuple"""
    E = logits.shape[-1]
    verify(E, k, n_group, topk_group)
    number = torch.arange(E).view(n_group, -1)  # (G, E/G)
    c = torch.sigmoid(logits.detach()) + bias
    best, second = c[:, number].sort(-1).values[..., -1], c[:, number].sort(-1).values[..., -2:-1].sum(-1)
    if number.shape[-1] == 1:
        second = 0.0
    stays = (best + second).argsort(-1)[:, -topk_group:]
    experts = number[stays].flatten(1)  # (T, M * E/G)
    places = c.gather(1, experts).argsort(-1)[:, -k:]
    indices = experts.gather(1, places)
    weights = torch.sigmoid(torch.take_along_dim(logits, indices, 1))
    return Routing(routed_scaling_factor * (F.normalize(weights, p=1, dim=-1) if norm_topk_prob else weights), indices)


@replaces("deepseek_route")
def threshold_and_einsum(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """thresholds in float64, experts by rising number, einsum with a one-hot; not contiguous"""
    T, E = logits.shape
    verify(E, k, n_group, topk_group)
    c = torch.special.expit(logits.double()) + bias.double()
    blocks = c.chunk(n_group, dim=-1)
    rating = torch.stack([block.topk(min(2, block.shape[-1])).values.sum(-1) for block in blocks], dim=-1)
    stays = rating >= rating.kthvalue(n_group - topk_group + 1, dim=-1, keepdim=True).values
    c = torch.where(stays.repeat_interleave(E // n_group, dim=-1), c, -torch.inf)
    chosen = c >= c.kthvalue(E - k + 1, dim=-1, keepdim=True).values
    indices = chosen.nonzero()[:, 1].view(T, k)
    weights = torch.einsum("te,kte->kt", logits.sigmoid(), F.one_hot(indices.T, E).to(logits.dtype)).T
    if norm_topk_prob:
        weights = weights / weights.sum(dim=1).unsqueeze(1)
    return weights * routed_scaling_factor, indices


@replaces("deepseek_route")
def numpy_choice(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """NumPy chooses, torch weighs through a logarithm"""
    T, E = logits.shape
    verify(E, k, n_group, topk_group)
    c = 1 / (1 + np.exp(-logits.detach().numpy())) + bias.numpy()
    c = c.reshape(T, n_group, E // n_group)
    ranking = np.argsort(np.sort(c)[..., -2:].sum(-1))  # worst group first
    np.put_along_axis(c, ranking[:, : n_group - topk_group, None], -np.inf, axis=1)
    indices = torch.from_numpy(np.argpartition(-c.reshape(T, E), k - 1)[:, :k].copy())
    log = F.logsigmoid(logits).gather(1, indices)
    return (log.softmax(-1) if norm_topk_prob else log.exp()) * routed_scaling_factor, indices


@replaces("update_bias")
def expert_by_expert(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """whole numbers and three cases, without division"""
    E, total = len(bias), indices.numel()
    new = bias.clone()
    for e in range(E):
        load = int((indices == e).sum()) * E
        if load > total:
            new[e] -= gamma
        elif load < total:
            new[e] += gamma
    return new


@replaces("update_bias")
def one_hot_shares(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """shares of all choices, from a one-hot sum"""
    share = F.one_hot(indices, bias.numel()).double().mean((0, 1)) * indices.shape[-1]
    step = torch.sign(share - share.mean()).to(bias.dtype)
    return torch.add(bias, step, alpha=-gamma)


@replaces("update_bias")
def scattered(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """scatter_add in a loop over the slots, comparison with T k / E"""
    load = torch.zeros(len(bias), dtype=torch.float64)
    for slot in indices.unbind(-1):
        load = load.scatter_add(0, slot, torch.ones(len(slot), dtype=torch.float64))
    mean = indices.numel() / len(bias)
    return bias + gamma * ((load < mean).to(bias.dtype) - (load > mean).to(bias.dtype))


@replaces("update_bias")
def numpy_unique(bias: Tensor, indices: Tensor, gamma: float) -> Tensor:
    """NumPy counts"""
    load = np.zeros(len(bias))
    numbers, counts = np.unique(indices.numpy(), return_counts=True)
    load[numbers] = counts
    return torch.from_numpy((bias.numpy() - gamma * np.sign(load - load.mean())).astype(bias.numpy().dtype))
