"""Right solutions in other styles."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from hybrid_stack import HybridStack
from torch import Tensor, nn

from grader.testing import replaces


class Both(NamedTuple):
    y: Tensor
    state: tuple


def shapes(config, i):
    """The parameters of layer i by name."""
    D, F_ = config["hidden_size"], config["intermediate_size"]
    found = {"norm1.weight": (D,), "norm2.weight": (D,)}
    if i % config["attn_layer_period"] == config["attn_layer_offset"]:
        kv = D * config["num_key_value_heads"] // config["num_attention_heads"]
        for name, rows in zip("qkvo", (D, kv, kv, D), strict=True):
            found[f"mixer.{name}_proj.weight"] = (rows, D)
    else:
        Ch, N, R = D * config["mamba_expand"], config["mamba_d_state"], config["mamba_dt_rank"]
        found |= {"mixer.in_proj.weight": (2 * Ch, D), "mixer.x_proj.weight": (R + 2 * N, Ch), "mixer.A_log": (Ch, N)}
        found |= {"mixer.conv1d.weight": (Ch, 1, config["mamba_d_conv"]), "mixer.conv1d.bias": (Ch,), "mixer.D": (Ch,)}
        found |= {"mixer.dt_proj.weight": (Ch, R), "mixer.dt_proj.bias": (Ch,), "mixer.out_proj.weight": (D, Ch)}
        found |= {f"mixer.{name}_norm.weight": (n,) for name, n in (("dt", R), ("b", N), ("c", N))}
    first = ()
    if i % config["expert_layer_period"] == config["expert_layer_offset"]:
        first = (config["num_experts"],)
        found["ffn.gate"] = (*first, D)
    return found | {"ffn.w1": (*first, F_, D), "ffn.w2": (*first, D, F_), "ffn.w3": (*first, F_, D)}


class Bag(nn.Module):
    """Parameters and nothing else; a dot in a name makes a bag in a bag."""

    def __init__(self, entries):
        super().__init__()
        for name, shape in entries.items():
            head, _, rest = name.partition(".")
            if not rest:
                self.register_parameter(head, nn.Parameter(0.2 * torch.randn(shape)))
            elif head not in self._modules:
                inside = {n[len(head) + 1 :]: s for n, s in entries.items() if n.startswith(f"{head}.")}
                self.add_module(head, Bag(inside))


def rms(x, gain):
    return x * (x.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * gain


@replaces("HybridStack")
class TokenByToken(nn.Module):
    """bags of parameters, and a whole text as a loop over decoding; results are named tuples"""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.norm = Bag({"weight": (config["hidden_size"],)})
        self.layers = nn.Sequential(*(Bag(shapes(config, i)) for i in range(config["num_hidden_layers"])))

    def init_state(self, batch):
        c, zeros = self.config, self.norm.weight.new_zeros
        K, Ch = c["hidden_size"] // c["num_attention_heads"], c["mamba_expand"] * c["hidden_size"]
        states = ()
        for layer in self.layers:
            if "A_log" in layer.mixer._parameters:
                conv = zeros(batch, Ch, c["mamba_d_conv"] - 1)
                states += ({"ssm": zeros(batch, Ch, c["mamba_d_state"]), "conv": conv},)
            else:
                states += ({name: zeros(batch, c["num_key_value_heads"], 0, K) for name in "vk"},)
        return states

    def attention(self, m, x, state):
        G = self.config["num_key_value_heads"]
        K = self.config["hidden_size"] // self.config["num_attention_heads"]
        q = torch.einsum("bd,ed->be", x, m.q_proj.weight).view(len(x), G, -1, K)
        new = {name: (x @ getattr(m, f"{name}_proj").weight.T).view(len(x), G, 1, K) for name in "kv"}
        state = {name: torch.cat((state[name], new[name]), 2) for name in "kv"}
        p = torch.einsum("bgrk,bgsk->bgrs", q, state["k"]).mul(K**-0.5).softmax(-1)
        return torch.einsum("bgrs,bgsk->bgrk", p, state["v"]).flatten(1) @ m.o_proj.weight.T, state

    def mamba(self, m, x, state):
        N, R = m.A_log.shape[1], len(m.dt_norm.weight)
        u, z = (x @ m.in_proj.weight.T).tensor_split(2, -1)
        window = torch.cat([state["conv"], u[..., None]], -1)
        u = F.silu((window * m.conv1d.weight[:, 0]).sum(-1) + m.conv1d.bias)
        row = u @ m.x_proj.weight.T
        dt, B, C = rms(row[:, :R], m.dt_norm.weight), row[:, R:-N], row[:, -N:]
        B, C = rms(B, m.b_norm.weight), rms(C, m.c_norm.weight)
        delta = (dt @ m.dt_proj.weight.T + m.dt_proj.bias).exp().log1p()[..., None]
        h = torch.exp(-m.A_log.exp() * delta) * state["ssm"] + delta * u[..., None] @ B[:, None]
        y = (h @ C[..., None])[..., 0] + u * m.D
        return (y * z * z.sigmoid()) @ m.out_proj.weight.T, {"conv": window[..., 1:], "ssm": h}

    def feed(self, f, x):
        if "gate" not in f._parameters:
            return F.linear(F.silu(F.linear(x, f.w1)) * F.linear(x, f.w3), f.w2)
        p, who = (x @ f.gate.T).softmax(-1).topk(self.config["num_experts_per_tok"], sorted=False)
        hidden = torch.einsum("bkfd,bd->bkf", f.w1[who], x)
        hidden = F.silu(hidden) * torch.einsum("bkfd,bd->bkf", f.w3[who], x)
        return torch.einsum("bkdf,bkf,bk->bd", f.w2[who], hidden, p)

    def forward(self, x, state=None):
        states, ys = self.init_state(len(x)) if state is None else tuple(state), []
        for token in x.unbind(1):
            after = ()
            for layer, before in zip(self.layers, states, strict=True):
                mixer = self.mamba if "ssm" in before else self.attention
                y, now = mixer(layer.mixer, rms(token, layer.norm1.weight), before)
                token = token + y
                token = token + self.feed(layer.ffn, rms(token, layer.norm2.weight))
                after += (now,)
            states = after
            ys.append(rms(token, self.norm.weight))
        return Both(torch.stack(ys, 1), states)


@replaces("HybridStack")
class OtherFormulas(HybridStack):
    """torch's own attention, a scan by doubling, all experts and a mask; y is a transposed view"""

    def attention(self, m, x, state):
        T, P, K = x.shape[1], state["k"].shape[2], m.K
        q, k, v = (F.linear(x, getattr(m, f"{n}_proj").weight).unflatten(2, (-1, K)).permute(0, 2, 1, 3) for n in "qkv")
        k, v = torch.cat([state["k"], k], 2), torch.cat([state["v"], v], 2)
        mask = torch.zeros(T, P + T, dtype=x.dtype).masked_fill(torch.ones(T, P + T).triu(P + 1) > 0, -torch.inf)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        return m.o_proj(y.permute(0, 2, 1, 3).reshape(x.shape)), {"k": k, "v": v}

    def mamba(self, m, x, state):
        T, N = x.shape[1], m.A_log.shape[1]
        u, z = m.in_proj(x).mT.chunk(2, dim=1)  # (B, Ch, T)
        joined = torch.cat([state["conv"], u], dim=2)
        u = F.silu(F.conv1d(joined, m.conv1d.weight, m.conv1d.bias, groups=len(m.D)))
        dt, B, C = m.x_proj(u.mT).split([m.dt_norm.weight.numel(), N, N], dim=2)
        delta = F.softplus(m.dt_proj(m.dt_norm(dt))).mT
        a = torch.exp(torch.einsum("bct,cn->bcnt", delta, -m.A_log.exp()))
        b = torch.einsum("bct,btn->bcnt", delta * u, m.b_norm(B))
        b = torch.cat([b[..., :1] + a[..., :1] * state["ssm"][..., None], b[..., 1:]], dim=-1)
        step = 1
        while step < T:
            b = torch.cat([b[..., :step], a[..., step:] * b[..., :-step] + b[..., step:]], dim=-1)
            a = torch.cat([a[..., :step], a[..., step:] * a[..., :-step]], dim=-1)
            step *= 2
        y = torch.einsum("bcnt,btn->bct", b, m.c_norm(C)) + m.D[:, None] * u
        return m.out_proj((y * F.silu(z)).mT), {"conv": joined[..., T:], "ssm": b[..., -1]}

    def feed(self, f, x):
        if not hasattr(f, "gate"):
            return f(x)
        p = torch.softmax(x @ f.gate.T, -1)
        kept = p >= p.sort(-1, descending=True).values[..., f.k - 1, None]
        hidden = F.silu(torch.einsum("btd,efd->btef", x, f.w1)) * torch.einsum("btd,efd->btef", x, f.w3)
        return torch.einsum("btef,edf,bte->btd", hidden, f.w2, p * kept)

    def forward(self, x, state=None):
        state = list(self.init_state(x.shape[0]) if state is None else state)
        for i, layer in enumerate(self.layers):
            mixer = self.attention if "k" in state[i] else self.mamba
            y, state[i] = mixer(layer.mixer, layer.norm1(x), state[i])
            x = x + y
            x = x + self.feed(layer.ffn, layer.norm2(x))
        return [self.norm(x).mT.contiguous().mT, state]


class Silu(torch.autograd.Function):
    """silu by NumPy, with its derivative by hand."""

    @staticmethod
    def forward(ctx, x):
        s = torch.from_numpy(1 / (1 + np.exp(-x.detach().numpy())))
        ctx.save_for_backward(x, s)
        return x * s

    @staticmethod
    def backward(ctx, grad):
        x, s = ctx.saved_tensors
        return grad * (s + x * s * (1 - s))


@replaces("HybridStack")
class FromParts(HybridStack):
    """experts by a loop over tokens with a silu of its own; the scan as an explicit sum over the past"""

    def expert(self, x, w1, w2, w3):
        return (Silu.apply(x @ w1.mT) * (x @ w3.mT)) @ w2.mT

    def feed(self, f, x):
        if not hasattr(f, "gate"):
            return self.expert(x, f.w1, f.w2, f.w3)
        rows = []
        for token in x.flatten(0, 1):
            p = (f.gate @ token).softmax(0)
            best = p.argsort(descending=True)[: f.k].tolist()
            rows.append(torch.stack([p[e] * self.expert(token, f.w1[e], f.w2[e], f.w3[e]) for e in best]).sum(0))
        return torch.stack(rows).view_as(x)

    def mamba(self, m, x, state):
        T, (_, N) = x.shape[1], m.A_log.shape
        u, z = m.in_proj(x).chunk(2, dim=-1)
        window = torch.cat([state["conv"], u.transpose(1, 2)], dim=-1)
        u = F.silu(m.conv1d(window)).transpose(1, 2)
        numbers = m.x_proj(u)
        dt, B, C = numbers[..., : -2 * N], numbers[..., -2 * N : -N], numbers[..., -N:]
        delta = F.softplus(m.dt_proj(m.dt_norm(dt)))
        past = torch.ones(T, T, dtype=torch.bool).tril()
        time = (delta[:, :, None] * past.tril(-1)[..., None]).cumsum(1)  # (B, T, T, Ch)
        L = torch.exp(-time[..., None] * m.A_log.exp()) * past[..., None, None]
        hs = torch.einsum("btscn,bsc,bsn->btcn", L, delta * u, m.b_norm(B))
        hs = hs + torch.exp(-delta.cumsum(1)[..., None] * m.A_log.exp()) * state["ssm"][:, None]
        y = torch.einsum("btcn,btn->btc", hs, m.c_norm(C)) + m.D * u
        return m.out_proj(y * F.silu(z)), {"conv": window[..., T:], "ssm": hs[:, -1]}

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(len(x))
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            h = layer.norm1(x)
            y, now = layer.mixer(h, before) if "k" in before else self.mamba(layer.mixer, h, before)
            x = x + y
            x = x + self.feed(layer.ffn, layer.norm2(x))
            after.append(now)
        return self.norm(x), after


class Lists(nn.Module):
    """A layer whose memory is whatever it is handed; keys and values of each head apart."""

    def __init__(self, inner):
        super().__init__()
        self.norm1, self.mixer, self.norm2, self.ffn = inner.norm1, inner.mixer, inner.norm2, inner.ffn

    def attention(self, x, state):
        m, (B, T, D) = self.mixer, x.shape
        K, P, heads = m.K, state["k"].size(2), []
        keys = torch.cat((state["k"], m.k_proj(x).view(B, T, m.G, K).transpose(1, 2)), dim=2)
        values = torch.cat((state["v"], m.v_proj(x).view(B, T, m.G, K).transpose(1, 2)), dim=2)
        for h in range(D // K):
            q, g = m.q_proj(x)[..., h * K : (h + 1) * K], h * m.G // (D // K)
            rows = []
            for t in range(T):
                scores = (keys[:, g, : P + t + 1] @ q[:, t, :, None])[..., 0] / K**0.5
                rows.append((scores.softmax(-1)[:, None] @ values[:, g, : P + t + 1])[:, 0])
            heads.append(torch.stack(rows, 1))
        return m.o_proj(torch.cat(heads, -1)), {"k": keys, "v": values, "length": P + T}

    def forward(self, x, state):
        if "k" in state:
            y, state = self.attention(self.norm1(x), state)
        else:
            y, state = self.mixer(self.norm1(x), {name: state[name] for name in ("conv", "ssm")})
        x = x + y
        return x + self.ffn(self.norm2(x)), state


@replaces("HybridStack")
class HalfAndHalf(HybridStack):
    """a text is its first half and then its second; heads and queries one by one; an entry more in the cache"""

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList(Lists(layer) for layer in self.layers)
        self.register_buffer("steps", torch.zeros(1), persistent=False)

    def forward(self, x, state=None):
        state = self.init_state(x.shape[0]) if state is None else state
        T = x.shape[1]
        if T > 2:
            first, state = self.forward(x[:, : T // 2], state)
            second, state = self.forward(x[:, T // 2 :], state)
            return torch.cat([first, second], dim=1), state
        after = [None] * len(self.layers)
        for i, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            x, after[i] = layer(x, before)
        return F.rms_norm(x, x.shape[-1:], self.norm.weight, 1e-6), after
