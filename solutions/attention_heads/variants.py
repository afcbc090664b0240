"""Right solutions in other styles. None of them may lose a point."""

import numpy as np
import torch
from torch import Tensor, nn

from grader.testing import replaces


@replaces("previous_token_score")
def query_by_query(weights: Tensor) -> Tensor:
    """a list of the weights of all queries, stacked"""
    T = weights.shape[-1]
    each = [weights[:, :, :, i, i - 1] for i in range(1, T)]
    return torch.stack(each, dim=-1).mean(dim=-1).mean(dim=1)


@replaces("previous_token_score")
def shifted_main_diagonal(weights: Tensor) -> Tensor:
    """the main diagonal of a part of the map, as a product with the identity; float64 inside"""
    part = weights[..., 1:, :-1].double()
    n = part.shape[-1]
    total = torch.einsum("lbhij,ij->lh", part, torch.eye(n, dtype=torch.float64))
    return (total / (n * weights.shape[1])).to(weights.dtype)


@replaces("previous_token_score")
def picked(weights: Tensor) -> Tensor:
    """two lists of indices; texts moved to the front; a result that is turned"""
    i = torch.arange(1, weights.shape[-1])
    return weights.movedim(1, 0).transpose(1, 2)[..., i, i - 1].mean((0, -1)).T


@replaces("induction_score")
def masked_mean(weights: Tensor, period: int) -> Tensor:
    """a table of distances, and a mean over the True places"""
    T = weights.shape[-1]
    i, j = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
    wanted = (i >= period) & (i - j == period - 1)
    return weights[..., wanted].flatten(3).mean((1, -1))


@replaces("induction_score")
def gathered(weights: Tensor, period: int) -> Tensor:
    """gather along the keys, for the later queries only"""
    L, B, H, T, _ = weights.shape
    key = torch.arange(1, T - period + 1).view(1, 1, 1, -1, 1).expand(L, B, H, -1, 1)
    return weights[..., period:, :].gather(-1, key).sum((1, 3, 4)) / (B * (T - period))


@replaces("induction_score")
def numpy_diagonal(weights: Tensor, period: int) -> Tensor:
    """NumPy's diagonal of the later rows, whose first wanted key is 1"""
    later = weights.numpy()[:, :, :, period:, :]
    return torch.from_numpy(np.ascontiguousarray(np.diagonal(later, 1, 3, 4).mean(axis=(1, 3))))


@replaces("attention_entropy")
def by_xlogy(weights: Tensor) -> Tensor:
    """xlogy, text by text"""
    texts = [-torch.special.xlogy(text, text).sum(-1).mean(-1) for text in weights.unbind(1)]
    return sum(texts) / len(texts)


@replaces("attention_entropy")
def ones_for_zeros(weights: Tensor) -> Tensor:
    """ln 1 in the place of ln 0; a single einsum"""
    logs = torch.where(weights > 0, weights, torch.ones_like(weights)).log()
    return -torch.einsum("lbhij,lbhij->lh", weights, logs) / (weights.shape[1] * weights.shape[3])


@replaces("attention_entropy")
def of_a_distribution(weights: Tensor) -> Tensor:
    """torch.distributions, in float64"""
    entropy = torch.distributions.Categorical(probs=weights.double()).entropy()
    return entropy.mean(dim=(1, 3)).to(weights.dtype)


@replaces("attention_entropy")
def only_what_is_seen(weights: Tensor) -> Tensor:
    """query by query in plain Python numbers, without the future"""
    L, B, H, T, _ = weights.shape
    result = torch.zeros(L, H, dtype=torch.float64)
    for i in range(T):
        row = weights[..., i, : i + 1].double()
        logs = row.log()
        result -= (row * torch.where(row == 0, torch.zeros_like(logs), logs)).sum((1, -1))
    return (result / (B * T)).to(weights.dtype)


@replaces("ablate_heads")
def head_by_head(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """a sum over the heads that stay, and a zero that depends on both"""
    H, K = per_head.shape[1], per_head.shape[3]
    blocks = w_o.split(K, dim=1)
    result = 0 * per_head[:, 0] @ blocks[0].mT
    for h in set(range(H)) - set(heads):
        result = result + per_head[:, h] @ blocks[h].T
    return result


@replaces("ablate_heads")
def columns_of_zeros(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """zeros in W_O; one einsum over heads and their numbers"""
    H, K = per_head.shape[1], per_head.shape[3]
    kept = torch.tensor([h not in heads for h in range(H)]).repeat_interleave(K)
    blocks = torch.where(kept, w_o, torch.zeros(())).view(-1, H, K)
    return torch.einsum("bhtk,dhk->btd", per_head, blocks.to(per_head.dtype))


@replaces("ablate_heads")
def written_into_a_copy(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """a copy with zeros; columns first, so that the result is a turned view"""
    read = per_head.clone()
    read[:, heads, :, :] = 0.0
    columns = read.permute(1, 3, 0, 2).flatten(0, 1).flatten(1)  # (H*K, B*T)
    return (w_o @ columns).view(-1, per_head.shape[0], per_head.shape[2]).permute(1, 2, 0)


class Projection(nn.Module):
    def __init__(self, w_o: Tensor, heads: list[int], width: int) -> None:
        super().__init__()
        self.w_o, self.heads, self.width = w_o, heads, width

    def forward(self, rows: Tensor) -> Tensor:
        stay = [c for c in range(rows.shape[-1]) if c // self.width not in self.heads]
        return nn.functional.linear(rows[..., stay], self.w_o[:, stay])


@replaces("ablate_heads")
def only_columns_that_stay(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """a module that leaves out numbers and columns, instead of multiplying by zeros"""
    rows = torch.cat(list(per_head.unbind(1)), dim=-1)
    return Projection(w_o, heads, per_head.shape[-1])(rows)
