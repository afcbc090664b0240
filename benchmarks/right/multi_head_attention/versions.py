import copy
import math
from collections import OrderedDict, namedtuple
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.testing import replaces


# ------------------------------------------------------------------ MultiHeadAttention
@replaces("MultiHeadAttention")
class LoopHeads(nn.Module):
    """head by head; the output is the sum of the contributions"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__()
        self.D, self.H, self.K = embed_dim, num_heads, embed_dim // num_heads
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias)
        self.v_proj = nn.Linear(embed_dim, embed_dim, bias)
        self.k_proj = nn.Linear(embed_dim, embed_dim, bias)
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias)

    def one(self, h, q, k, v, mask):
        part = slice(h * self.K, (h + 1) * self.K)
        scores = q[..., part] @ k[..., part].transpose(1, 2) / self.K**0.5
        if mask is not None:
            full = mask.expand(q.shape[0], self.H, q.shape[1], k.shape[1])
            scores = scores.masked_fill(full[:, h].logical_not(), float("-inf"))
        weights = torch.softmax(scores, dim=-1)
        return weights @ v[..., part] @ self.out_proj.weight[:, part].T, weights

    def parts(self, query, key, value, mask):
        q, k, v = self.q_proj(query), self.k_proj(key), self.v_proj(value)
        terms, weights = zip(*[self.one(h, q, k, v, mask) for h in range(self.H)])
        return torch.stack(terms, dim=1), torch.stack(weights, dim=1)

    def forward(self, query, key, value, mask=None):
        terms, weights = self.parts(query, key, value, mask)
        out = terms.sum(1)
        if self.out_proj.bias is not None:
            out = out + self.out_proj.bias
        return out, weights

    def head_contributions(self, query, key, value, mask=None):
        return self.parts(query, key, value, mask)[0]


Attended = namedtuple("Attended", "output weights")


@replaces("MultiHeadAttention")
class EinsumHeads(nn.Module):
    """einsum with the weights; a NamedTuple"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            layer = nn.Linear(embed_dim, embed_dim, bias=bias)
            nn.init.xavier_uniform_(layer.weight)
            if bias:
                nn.init.zeros_(layer.bias)
            setattr(self, name, layer)
        self.heads = num_heads

    def cut(self, layer, x):
        w = layer.weight.view(self.heads, -1, x.shape[-1])
        y = torch.einsum("btd,hkd->bhtk", x, w)
        return y if layer.bias is None else y + layer.bias.view(self.heads, 1, -1)

    def read(self, query, key, value, mask):
        q, k, v = self.cut(self.q_proj, query), self.cut(self.k_proj, key), self.cut(self.v_proj, value)
        scores = torch.einsum("bhtk,bhsk->bhts", q, k).div(math.sqrt(q.size(-1)))
        if mask is not None:
            scores = torch.where(mask, scores, torch.tensor(-torch.inf, dtype=scores.dtype))
        weights = F.softmax(scores, -1)
        return torch.einsum("bhts,bhsk->bhtk", weights, v), weights

    def forward(self, query, key, value, mask=None):
        read, weights = self.read(query, key, value, mask)
        w = self.out_proj.weight.reshape(-1, self.heads, read.shape[-1])
        out = torch.einsum("bhtk,dhk->btd", read, w)
        if self.out_proj.bias is not None:
            out = out + self.out_proj.bias
        return Attended(out, weights)

    def head_contributions(self, query, key, value, mask=None):
        read, _ = self.read(query, key, value, mask)
        return torch.stack([r @ w.T for r, w in zip(read.unbind(1), self.out_proj.weight.chunk(self.heads, dim=1))], dim=1)


@replaces("MultiHeadAttention")
class BatchedHeads(nn.Module):
    """heads as batch, bmm, softmax by hand, an additive mask"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__()
        assert embed_dim % num_heads == 0
        make = partial(nn.Linear, embed_dim, embed_dim, bias=bias)
        self.k_proj, self.q_proj, self.out_proj, self.v_proj = make(), make(), make(), make()
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads

    def split(self, x):
        B, T, _ = x.shape
        return x.reshape(B, T, self.num_heads, self.head_dim).permute(0, 2, 1, 3).reshape(B * self.num_heads, T, self.head_dim)

    def attend(self, query, key, value, mask):
        B, T, S = query.size(0), query.size(1), key.size(1)
        q = self.split(self.q_proj(query)) * self.head_dim**-0.5
        scores = torch.bmm(q, self.split(self.k_proj(key)).transpose(1, 2)).view(B, self.num_heads, T, S)
        if mask is not None:
            scores = scores + torch.zeros(mask.shape, dtype=scores.dtype).masked_fill(~mask, -torch.inf)
        e = (scores - scores.amax(-1, keepdim=True).detach()).exp()
        weights = e / e.sum(-1, keepdim=True)
        read = torch.bmm(weights.view(-1, T, S), self.split(self.v_proj(value)))
        return read.view(B, self.num_heads, T, self.head_dim), weights

    def forward(self, query, key, value, mask=None):
        read, weights = self.attend(query, key, value, mask)
        return self.out_proj(torch.cat(read.unbind(1), dim=-1)), weights

    def head_contributions(self, query, key, value, mask=None):
        read, _ = self.attend(query, key, value, mask)
        return read @ self.out_proj.weight.T.reshape(self.num_heads, self.head_dim, -1)


@replaces("MultiHeadAttention")
class BlockHeads(nn.Module):
    """contributions by out_proj on heads alone, less the bias; output by sdpa, weights aside"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__()
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.k_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.v_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.num_heads = num_heads

    def project(self, query, key, value, mask):
        split = lambda y: y.view(*y.shape[:2], self.num_heads, -1).transpose(1, 2)  # noqa: E731
        q, k, v = split(self.q_proj(query)), split(self.k_proj(key)), split(self.v_proj(value))
        if mask is not None:
            mask = mask.expand(*q.shape[:3], k.shape[2])
        return q, k, v, mask

    def forward(self, query, key, value, mask=None):
        q, k, v, mask = self.project(query, key, value, mask)
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        scores = torch.matmul(q, k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -math.inf)
        return self.out_proj(read.transpose(1, 2).reshape(query.shape)), scores.softmax(dim=-1)

    def head_contributions(self, query, key, value, mask=None):
        q, k, v, mask = self.project(query, key, value, mask)
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (B, H, T, K)
        eye = torch.eye(self.num_heads, dtype=read.dtype)
        alone = torch.einsum("bhtk,hg->bhtgk", read, eye).flatten(-2)  # all other heads are zero
        return F.linear(alone, self.out_proj.weight)


class Head(nn.Module):
    """a head that looks at its rows of the shared layers"""

    def __init__(self, owner, h, K):
        super().__init__()
        self.owner, self.part, self.K = [owner], slice(h * K, (h + 1) * K), K

    def forward(self, query, key, value, mask):
        o, part = self.owner[0], self.part

        def rows(layer, x):
            return F.linear(x, layer.weight[part], None if layer.bias is None else layer.bias[part])

        scores = rows(o.q_proj, query) @ rows(o.k_proj, key).mT / math.sqrt(self.K)
        if mask is not None:
            scores[~mask] = -torch.inf
        weights = scores.softmax(-1)
        return weights @ rows(o.v_proj, value), weights


@replaces("MultiHeadAttention")
class ModuleHeads(nn.Module):
    """an object for each head"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__()
        for name in ["q_proj", "k_proj", "v_proj", "out_proj"]:
            self.add_module(name, nn.Linear(embed_dim, embed_dim, bias=bias))
        self.units = nn.ModuleList(Head(self, h, embed_dim // num_heads) for h in range(num_heads))

    def run(self, query, key, value, mask):
        if mask is None:
            masks = [None] * len(self.units)
        else:
            masks = mask.expand(query.shape[0], len(self.units), query.shape[1], key.shape[1]).unbind(1)
        return [unit(query, key, value, m) for unit, m in zip(self.units, masks)]

    def forward(self, query, key, value, mask=None):
        outs = self.run(query, key, value, mask)
        return self.out_proj(torch.cat([r for r, _ in outs], -1)), torch.stack([w for _, w in outs], 1)

    def head_contributions(self, query, key, value, mask=None):
        outs = self.run(query, key, value, mask)
        terms = [r @ self.out_proj.weight[:, u.part].T for (r, _), u in zip(outs, self.units)]
        return torch.stack(terms).transpose(0, 1)


@replaces("MultiHeadAttention")
class MergedHeads(nn.Module):
    """W_V and W_O multiplied first; scores by log_softmax; axes (B, T, S, H)"""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True):
        super().__init__()
        self.h = num_heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(embed_dim, embed_dim, bias=bias) for _ in range(4))

    def weights(self, query, key, mask):
        q = self.q_proj(query).unflatten(2, (self.h, -1))
        k = self.k_proj(key).unflatten(2, (self.h, -1))
        scores = torch.einsum("bthk,bshk->bhts", q / q.shape[-1] ** 0.5, k)
        if mask is not None:
            scores = scores.masked_fill(torch.logical_not(mask), -torch.inf)
        return torch.exp(torch.log_softmax(scores, dim=-1))

    def head_contributions(self, query, key, value, mask=None):
        w = self.weights(query, key, mask)
        D = query.shape[-1]
        v, o = self.v_proj.weight.view(self.h, -1, D), self.out_proj.weight.view(D, self.h, -1)
        ov = torch.einsum("hke,dhk->hed", v, o)
        terms = torch.einsum("bhts,bse,hed->bhtd", w, value, ov)
        if self.v_proj.bias is not None:
            terms = terms + torch.einsum("hk,dhk->hd", self.v_proj.bias.view(self.h, -1), o)[:, None]
        return terms

    def forward(self, query, key, value, mask=None):
        w = self.weights(query, key, mask)
        v = self.v_proj(value).unflatten(2, (self.h, -1))
        return self.out_proj(torch.einsum("bhts,bshk->bthk", w, v).flatten(2)), w


# ------------------------------------------------------------------ unpack_in_proj
@replaces("unpack_in_proj")
def un_slices(state):
    """slices"""
    w = state["in_proj_weight"]
    D = w.shape[1]
    out = {
        "q_proj.weight": w[:D],
        "k_proj.weight": w[D : 2 * D],
        "v_proj.weight": w[2 * D :],
        "out_proj.weight": state["out_proj.weight"],
    }
    if "in_proj_bias" in state:
        b = state["in_proj_bias"]
        out["q_proj.bias"], out["k_proj.bias"], out["v_proj.bias"] = b[:D], b[D : 2 * D], b[2 * D : 3 * D]
        out["out_proj.bias"] = state["out_proj.bias"]
    return out


@replaces("unpack_in_proj")
def un_loop(state):
    """one loop over both kinds"""
    out = {}
    for kind in ("weight", "bias"):
        packed = state.get(f"in_proj_{kind}")
        if packed is None:
            continue
        for letter, part in zip("qkv", packed.tensor_split(3)):
            out[f"{letter}_proj.{kind}"] = part
        out[f"out_proj.{kind}"] = state[f"out_proj.{kind}"]
    return out


@replaces("unpack_in_proj")
def un_clone(state):
    """clones in an OrderedDict"""
    out = OrderedDict()
    for name, tensor in state.items():
        if name.startswith("in_proj_"):
            kind = name.removeprefix("in_proj_")
            n = tensor.shape[0] // 3
            for i, letter in enumerate(("q", "k", "v")):
                out[f"{letter}_proj.{kind}"] = tensor[i * n : (i + 1) * n].clone()
        else:
            out[name] = tensor.clone()
    return out


@replaces("unpack_in_proj")
def un_view(state):
    """unflatten and unbind"""
    q, k, v = state["in_proj_weight"].unflatten(0, (3, -1)).unbind(0)
    new = dict(zip(("q_proj.weight", "k_proj.weight", "v_proj.weight"), (q, k, v)), **{"out_proj.weight": state["out_proj.weight"]})
    if "in_proj_bias" in state:
        new.update(zip(("q_proj.bias", "k_proj.bias", "v_proj.bias"), state["in_proj_bias"].view(3, -1)))
        new.update({"out_proj.bias": state["out_proj.bias"]})
    return new


@replaces("unpack_in_proj")
def un_pop(state):
    """a copy of the dict, from which is popped"""
    rest = dict(state)
    for kind in ("weight", "bias"):
        if f"in_proj_{kind}" in rest:
            q, k, v = torch.split(rest.pop(f"in_proj_{kind}"), state["out_proj.weight"].shape[0])
            rest |= {f"q_proj.{kind}": q, f"k_proj.{kind}": k, f"v_proj.{kind}": v}
    return rest


@replaces("unpack_in_proj")
def un_load(state):
    """torch's own module and its parameters"""
    D = state["out_proj.weight"].shape[0]
    narrow = {name: (lambda x, i=i: x.narrow(0, i * D, D)) for i, name in enumerate(("q_proj", "k_proj", "v_proj"))}
    out = {f"{name}.weight": cut(state["in_proj_weight"]) for name, cut in narrow.items()}
    if "in_proj_bias" in state:
        out.update({f"{name}.bias": cut(state["in_proj_bias"]) for name, cut in narrow.items()})
    out.update({name: state[name] for name in state if name.startswith("out_proj")})
    return out


@replaces("unpack_in_proj")
def un_index(state):
    """index_select"""
    D = state["in_proj_weight"].size(-1)

    def part(name, i):
        return state[name].index_select(0, torch.arange(i * D, (i + 1) * D))

    out = {"out_proj.weight": state["out_proj.weight"]}
    for i, letter in enumerate("qkv"):
        out[letter + "_proj.weight"] = part("in_proj_weight", i)
        if "in_proj_bias" in state:
            out[letter + "_proj.bias"] = part("in_proj_bias", i)
    if "out_proj.bias" in state:
        out["out_proj.bias"] = state["out_proj.bias"]
    return out


@replaces("unpack_in_proj")
def un_numpy(state):
    """NumPy's split"""
    def parts(name):
        return [torch.from_numpy(a.copy()) for a in np.split(state[name].detach().numpy(), 3)]

    pairs = list(zip(["q_proj.weight", "k_proj.weight", "v_proj.weight"], parts("in_proj_weight")))
    pairs.append(("out_proj.weight", state["out_proj.weight"].detach()))
    if len(state) == 4:
        pairs += zip(["q_proj.bias", "k_proj.bias", "v_proj.bias"], parts("in_proj_bias"))
        pairs.append(("out_proj.bias", state["out_proj.bias"].detach()))
    return dict(pairs)


@replaces("unpack_in_proj")
def un_generator(state):
    """a generator of pairs"""
    def pairs():
        for name in state:
            where, _, kind = name.rpartition("_" if name.startswith("in_proj") else ".")
            if where == "in_proj":
                yield from ((f"{letter}_proj.{kind}", row) for letter, row in zip("qkv", state[name].chunk(3, dim=0)))
            else:
                yield name, state[name]

    return dict(pairs())


# ------------------------------------------------------------------ prune_heads
QKV = ("q_proj", "k_proj", "v_proj")


@replaces("prune_heads")
def pr_view(state, num_heads, keep):
    """heads as an axis"""
    keep = sorted(keep)
    out = {}
    for name, x in state.items():
        layer, kind = name.split(".")
        if layer in QKV:
            out[name] = x.unflatten(0, (num_heads, -1))[keep].flatten(0, 1)
        elif kind == "weight":
            out[name] = x.unflatten(1, (num_heads, -1))[:, keep].flatten(1)
        else:
            out[name] = x
    return out


@replaces("prune_heads")
def pr_mask(state, num_heads, keep):
    """a boolean mask of rows"""
    D = state["q_proj.weight"].shape[0]
    rows = torch.zeros(num_heads, D // num_heads, dtype=torch.bool)
    for h in keep:
        rows[h] = True
    rows = rows.flatten()
    out = {name: x[rows] for name, x in state.items() if not name.startswith("out")}
    out["out_proj.weight"] = state["out_proj.weight"][:, rows]
    if "out_proj.bias" in state:
        out["out_proj.bias"] = state["out_proj.bias"]
    return out


@replaces("prune_heads")
def pr_cat(state, num_heads, keep):
    """slices, one beside the other"""
    K = state["out_proj.weight"].shape[1] // num_heads
    parts = [slice(h * K, h * K + K) for h in range(num_heads) if h in keep]
    out = OrderedDict()
    for name in state:
        if name == "out_proj.bias":
            out[name] = state[name].clone()
        elif name == "out_proj.weight":
            out[name] = torch.cat([state[name][:, p] for p in parts], dim=1)
        else:
            out[name] = torch.cat([state[name][p] for p in parts])
    return out


@replaces("prune_heads")
def pr_repeat(state, num_heads, keep):
    """index_select with a grid"""
    K = state["v_proj.weight"].shape[0] // num_heads
    heads = torch.tensor(keep).sort().values
    index = (heads[:, None] * K + torch.arange(K)).reshape(-1)
    dims = {"out_proj.weight": 1, "out_proj.bias": None}
    return {n: (x if dims.get(n, 0) is None else x.index_select(dims.get(n, 0), index)) for n, x in state.items()}


@replaces("prune_heads")
def pr_chunks(state, num_heads, keep):
    """chunks"""
    wanted = set(keep)

    def choose(x, dim):
        return torch.cat([part for h, part in enumerate(x.chunk(num_heads, dim)) if h in wanted], dim)

    new = dict(state)
    for name in QKV:
        new[f"{name}.weight"] = choose(state[f"{name}.weight"], 0)
        if f"{name}.bias" in state:
            new[f"{name}.bias"] = choose(state[f"{name}.bias"], 0)
    new["out_proj.weight"] = choose(state["out_proj.weight"], 1)
    return new


@replaces("prune_heads")
def pr_delete(state, num_heads, keep):
    """NumPy: what goes is deleted"""
    D = state["k_proj.weight"].shape[1]
    K = D // num_heads
    gone = [r for r in range(D) if r // K not in keep]
    out = {}
    for name, x in state.items():
        a = x.detach().numpy()
        if name == "out_proj.weight":
            a = np.delete(a, gone, axis=1)
        elif name != "out_proj.bias":
            a = np.delete(a, gone, axis=0)
        out[name] = torch.from_numpy(np.array(a))
    return out


@replaces("prune_heads")
def pr_transposed(state, num_heads, keep):
    """columns as rows of the transpose: a result that is not contiguous"""
    D = len(state["out_proj.weight"])
    rows = [r for r in range(D) if r * num_heads // D in set(keep)]
    out = {name: tensor[rows] for name, tensor in state.items() if name[0] != "o"}
    out["out_proj.weight"] = state["out_proj.weight"].T[rows].T
    out.update({name: tensor for name, tensor in state.items() if name == "out_proj.bias"})
    return out


@replaces("prune_heads")
def pr_deep(state, num_heads, keep):
    """copies, head by head copied forward in place"""
    state = {name: copy.copy(x.detach().clone()) for name, x in state.items()}
    K = state["out_proj.weight"].shape[0] // num_heads
    keep = sorted(keep)
    for new, old in enumerate(keep):
        for name, x in state.items():
            if name == "out_proj.bias":
                continue
            x = x.detach() if name != "out_proj.weight" else x.detach().T
            x[new * K : (new + 1) * K] = x[old * K : (old + 1) * K].clone()
    n = len(keep) * K
    return {name: x if name == "out_proj.bias" else x[:, :n] if name == "out_proj.weight" else x[:n] for name, x in state.items()}


@replaces("prune_heads")
def pr_matrix(state, num_heads, keep):
    """take_along_dim and gather"""
    W = state["out_proj.weight"]
    K = W.shape[1] // num_heads
    index = torch.cat([torch.arange(h * K, (h + 1) * K) for h in sorted(keep)])
    out = {}
    for name, x in state.items():
        if name == "out_proj.bias":
            out[name] = x
        elif name == "out_proj.weight":
            out[name] = x.gather(1, index.expand(x.shape[0], -1))
        else:
            out[name] = torch.take_along_dim(x, index.view(-1, *[1] * (x.dim() - 1)), dim=0)
    return out


@replaces("prune_heads")
def pr_match(state, num_heads, keep):
    """match, and stack of heads"""
    order = sorted(set(keep))
    result = {}
    for name, x in state.items():
        match name.split("."):
            case ["out_proj", "bias"]:
                result[name] = x
            case ["out_proj", "weight"]:
                blocks = x.reshape(x.shape[0], num_heads, -1)
                result[name] = torch.stack([blocks[:, h] for h in order], dim=1).flatten(1)
            case _:
                blocks = x.reshape(num_heads, -1, *x.shape[1:])
                result[name] = torch.stack([blocks[h] for h in order]).flatten(0, 1)
    return result
