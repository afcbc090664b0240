"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


class Attended(NamedTuple):
    output: Tensor
    weights: Tensor


@replaces("MultiHeadAttention")
class HeadByHead(nn.Module):
    """a loop over heads that slices the matrices; a named tuple"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__()
        if embed_dim % num_heads != 0:
            raise ValueError("bad heads")
        self.heads, self.width = num_heads, embed_dim // num_heads
        for name in ("out_proj", "v_proj", "k_proj", "q_proj"):
            setattr(self, name, nn.Linear(embed_dim, embed_dim, bias))

    def one(self, h, query, key, value, mask):
        own = slice(h * self.width, (h + 1) * self.width)
        q, k, v = (
            F.linear(x, f.weight[own], None if f.bias is None else f.bias[own])
            for f, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        scores = torch.bmm(q * self.width**-0.5, k.transpose(1, 2))
        if mask is not None:
            mask = mask.expand(len(q), self.heads, *scores.shape[1:])[:, h]
            scores = torch.where(mask, scores, float("-inf"))
        weights = scores.softmax(-1)
        return weights, weights @ v @ self.out_proj.weight[:, own].T

    def forward(self, query, key, value, mask=None):
        weights = [self.one(h, query, key, value, mask)[0] for h in range(self.heads)]
        output = self.head_contributions(query, key, value, mask).sum(1)
        if self.out_proj.bias is not None:
            output = output + self.out_proj.bias
        return Attended(output, torch.stack(weights, dim=1))

    def head_contributions(self, query, key, value, mask=None):
        return torch.stack([self.one(h, query, key, value, mask)[1] for h in range(self.heads)], dim=1)


@replaces("MultiHeadAttention")
class TorchFunction(nn.Module):
    """torch's own function with the mask inverted; a head alone is the output with the other heads zeroed"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError("bad heads")
        self.num_heads = num_heads
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.k_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.v_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)

    def _run(self, W_O, b_O, query, key, value, mask):
        (B, T, D), S, H = query.shape, key.shape[1], self.num_heads
        three = self.q_proj, self.k_proj, self.v_proj
        if mask is not None:
            mask = ~mask.expand(B, H, T, S).reshape(B * H, T, S)
        output, weights = F.multi_head_attention_forward(
            *(x.transpose(0, 1) for x in (query, key, value)),
            D,
            H,
            in_proj_weight=None,
            in_proj_bias=None if self.q_proj.bias is None else torch.cat([f.bias for f in three]),
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=W_O,
            out_proj_bias=b_O,
            attn_mask=mask,
            use_separate_proj_weight=True,
            q_proj_weight=three[0].weight,
            k_proj_weight=three[1].weight,
            v_proj_weight=three[2].weight,
            average_attn_weights=False,
        )
        return output.transpose(0, 1), weights

    def forward(self, query, key, value, mask=None):
        return self._run(self.out_proj.weight, self.out_proj.bias, query, key, value, mask)

    def head_contributions(self, query, key, value, mask=None):
        D = query.shape[-1]
        owner = torch.arange(D) // (D // self.num_heads)
        alone = [self.out_proj.weight * (owner == h) for h in range(self.num_heads)]
        return torch.stack([self._run(W, None, query, key, value, mask)[0] for W in alone], dim=1)


@replaces("MultiHeadAttention")
class Einsum(nn.Module):
    """einsum over reshaped parameters, exponentials by hand; an extra buffer"""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True):
        super().__init__()
        width, rest = divmod(embed_dim, num_heads)
        if rest:
            raise ValueError("bad heads")
        self.register_buffer("shape", torch.tensor([num_heads, width]), persistent=False)
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            nn.Linear(embed_dim, embed_dim, bias=bias) for _ in range(4)
        )

    def _project(self, f, x):
        H, K = self.shape.tolist()
        y = torch.einsum("btd,hkd->bhtk", x, f.weight.view(H, K, -1))
        return y if f.bias is None else y + f.bias.view(H, 1, K)

    def _both(self, query, key, value, mask):
        H, K = self.shape.tolist()
        q, k, v = self._project(self.q_proj, query), self._project(self.k_proj, key), self._project(self.v_proj, value)
        scores = torch.einsum("bhtk,bhsk->bhts", q, k) * K**-0.5
        if mask is not None:
            scores = scores + torch.zeros(mask.shape, dtype=scores.dtype).masked_fill(mask.logical_not(), -torch.inf)
        e = torch.exp(scores - scores.amax(-1, keepdim=True))
        weights = e / e.sum(-1, keepdim=True)
        return torch.einsum("bhts,bhsk,dhk->bhtd", weights, v, self.out_proj.weight.view(-1, H, K)), weights

    def forward(self, query, key, value, mask=None):
        parts, weights = self._both(query, key, value, mask)
        output = torch.einsum("bhtd->btd", parts)
        return [output if self.out_proj.bias is None else output + self.out_proj.bias, weights]

    def head_contributions(self, query, key, value, mask=None):
        return self._both(query, key, value, mask)[0]


class Softmax(torch.autograd.Function):
    """In NumPy, derivative by hand."""

    @staticmethod
    def forward(ctx, scores):
        x = scores.detach().numpy()
        e = np.exp(x - x.max(-1, keepdims=True))
        p = torch.from_numpy(e / e.sum(-1, keepdims=True))
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (g - (p * g).sum(-1, keepdim=True))


class Matrix(nn.Module):
    """nn.Linear without nn.Linear."""

    def __init__(self, D, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(D, D) / D**0.5)
        self.bias = nn.Parameter(torch.zeros(D)) if bias else None

    def forward(self, x):
        y = x @ self.weight.mT
        return y if self.bias is None else y + self.bias


@replaces("MultiHeadAttention")
class OwnParts(nn.Module):
    """heads in the batch axis, own linear layer, a custom autograd Function; views as results"""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True):
        super().__init__()
        if embed_dim / num_heads != embed_dim // num_heads:
            raise ValueError("bad heads")
        self.H = num_heads
        self.q_proj, self.k_proj = Matrix(embed_dim, bias), Matrix(embed_dim, bias)
        self.v_proj, self.out_proj = Matrix(embed_dim, bias), Matrix(embed_dim, bias)

    def _heads(self, query, key, value, mask):
        B, T, D = query.shape
        S, H = key.shape[1], self.H
        q = self.q_proj(query).view(B, T, H, D // H).permute(0, 2, 1, 3).reshape(B * H, T, D // H)
        k = self.k_proj(key).view(B, S, H, D // H).permute(0, 2, 3, 1).reshape(B * H, D // H, S)
        v = self.v_proj(value).view(B, S, H, D // H).permute(0, 2, 1, 3).reshape(B * H, S, D // H)
        scores = torch.bmm(q, k).view(B, H, T, S) / (D / H) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(mask == False, -torch.inf)  # noqa: E712
        weights = Softmax.apply(scores)
        return torch.bmm(weights.reshape(B * H, T, S), v).view(B, H, T, D // H), weights

    def forward(self, query, key, value, mask=None):
        heads, weights = self._heads(query, key, value, mask)
        merged = torch.cat(heads.unbind(1), dim=-1)
        return self.out_proj(merged), weights

    def head_contributions(self, query, key, value, mask=None):
        heads, _ = self._heads(query, key, value, mask)
        K = heads.shape[-1]
        padded = torch.stack(
            [F.pad(heads[:, h], (h * K, (self.H - 1 - h) * K)) for h in range(self.H)], dim=2
        )  # (B, T, H, D), zeros where other heads write
        return (padded @ self.out_proj.weight.T).transpose(1, 2)


@replaces("unpack_in_proj")
def by_row_numbers(state):
    """slices by row number, weights as strided views"""
    D = state["out_proj.weight"].shape[0]
    unpacked = {}
    for i, name in enumerate(("q_proj", "k_proj", "v_proj")):
        for kind in ("bias", "weight"):
            if "in_proj_" + kind in state:
                unpacked[f"{name}.{kind}"] = state["in_proj_" + kind].narrow(0, i * D, D)
    return {**unpacked, **{name: state[name] for name in state if name.startswith("out_proj.")}}


@replaces("unpack_in_proj")
def numpy_split(state):
    """NumPy; new parameters"""
    unpacked = {name: nn.Parameter(tensor.clone()) for name, tensor in state.items() if "out_proj" in name}
    for name, tensor in state.items():
        if name not in unpacked:
            kind = name.removeprefix("in_proj_")
            for part, array in zip("qkv", np.split(tensor.numpy(), 3, axis=0), strict=True):
                unpacked[f"{part}_proj.{kind}"] = torch.from_numpy(array.copy())
    return unpacked


@replaces("prune_heads")
def mask_of_rows(state, num_heads, keep):
    """a bool mask over the rows"""
    chosen = torch.tensor([h in keep for h in range(num_heads)])
    if len(keep) == 0 or int(chosen.sum()) != len(keep):
        raise ValueError("bad keep")
    width = state["q_proj.weight"].shape[0] // num_heads
    rows = chosen.repeat_interleave(width)
    pruned = {name: tensor[rows] for name, tensor in state.items() if not name.startswith("out")}
    pruned["out_proj.weight"] = state["out_proj.weight"][:, rows]
    if "out_proj.bias" in state:
        pruned["out_proj.bias"] = state["out_proj.bias"]
    return pruned


@replaces("prune_heads")
def cat_of_slices(state, num_heads, keep):
    """slices of each head put together"""
    if not keep:
        raise ValueError("no head")
    for h in keep:
        if h < 0 or h >= num_heads or keep.count(h) > 1:
            raise ValueError("bad head")
    pruned = dict(state)
    for name, tensor in state.items():
        if name != "out_proj.bias":
            dim = 1 if name == "out_proj.weight" else 0
            width = tensor.shape[dim] // num_heads
            parts = [tensor.narrow(dim, h * width, width) for h in range(num_heads) if h in keep]
            pruned[name] = torch.cat(parts, dim=dim)
    return pruned


@replaces("prune_heads")
def numpy_delete(state, num_heads, keep):
    """NumPy deletes the rows of the heads that go"""
    if sorted(set(keep)) != sorted(keep) or not keep or min(keep) < 0 or max(keep) >= num_heads:
        raise ValueError("bad keep")
    D = len(state["out_proj.weight"])
    gone = [row for row in range(D) if row // (D // num_heads) not in keep]
    axes = {name: 1 if name == "out_proj.weight" else 0 for name in state if name != "out_proj.bias"}
    pruned = {name: torch.from_numpy(np.delete(state[name].numpy(), gone, axis)) for name, axis in axes.items()}
    return pruned | {name: tensor for name, tensor in state.items() if name == "out_proj.bias"}
