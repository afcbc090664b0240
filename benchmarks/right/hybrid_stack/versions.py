import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


def _kinds(c):
    return [
        (i % c["attn_layer_period"] == c["attn_layer_offset"], i % c["expert_layer_period"] == c["expert_layer_offset"])
        for i in range(c["num_hidden_layers"])
    ]


def _shapes(c):
    """The table of the docstring: name -> shape."""
    d, f, n, w, r, e = (c[k] for k in ("hidden_size", "intermediate_size", "mamba_d_state", "mamba_d_conv", "mamba_dt_rank", "num_experts"))
    k, ch = d // c["num_attention_heads"], c["mamba_expand"] * d
    kv = c["num_key_value_heads"] * k
    table = {"norm.weight": (d,)}
    for i, (attention, sparse) in enumerate(_kinds(c)):
        p = f"layers.{i}."
        table |= {p + "norm2.weight": (d,), p + "norm1.weight": (d,)}
        m = p + "mixer."
        if attention:
            table |= {m + "q_proj.weight": (d, d), m + "k_proj.weight": (kv, d), m + "v_proj.weight": (kv, d), m + "o_proj.weight": (d, d)}
        else:
            table |= {
                m + "in_proj.weight": (2 * ch, d), m + "conv1d.weight": (ch, 1, w), m + "conv1d.bias": (ch,), m + "x_proj.weight": (r + 2 * n, ch),
                m + "dt_proj.weight": (ch, r), m + "dt_proj.bias": (ch,), m + "A_log": (ch, n), m + "D": (ch,), m + "out_proj.weight": (d, ch),
                m + "dt_norm.weight": (r,), m + "b_norm.weight": (n,), m + "c_norm.weight": (n,),
            }  # fmt: skip
        lead = (e,) if sparse else ()
        m = p + "ffn."
        table |= {m + "w1": (*lead, f, d), m + "w2": (*lead, d, f), m + "w3": (*lead, f, d)}
        if sparse:
            table[m + "gate"] = (e, d)
    return table


def _rms(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * weight


class _Tree(nn.Module):
    """Parameters by dotted names, in a tree of empty modules."""

    def grow(self, shapes):
        for name, shape in shapes.items():
            *path, leaf = name.split(".")
            node = self
            for part in path:
                if part not in node._modules:
                    node.add_module(part, nn.Module())
                node = node._modules[part]
            value = torch.ones(shape) if "norm" in name else torch.randn(shape) / math.sqrt(shape[-1])
            node.register_parameter(leaf, nn.Parameter(value))


def _empty(model, c, batch):
    """init_state from the config"""
    like = next(model.parameters())
    d = c["hidden_size"]
    ch, k = c["mamba_expand"] * d, d // c["num_attention_heads"]
    states = []
    for attention, _ in _kinds(c):
        if attention:
            states.append({name: like.new_zeros((batch, c["num_key_value_heads"], 0, k)) for name in "kv"})
        else:
            states.append({"conv": like.new_zeros((batch, ch, c["mamba_d_conv"] - 1)), "ssm": like.new_zeros((batch, ch, c["mamba_d_state"]))})
    return [{key: value.detach() for key, value in s.items()} for s in states]


class _Table(_Tree):

    def __init__(self, config):
        super().__init__()
        self.config = dict(config)
        self.grow(_shapes(config))

    def init_state(self, batch):
        return _empty(self, self.config, batch)

    def attention(self, m, x, state):
        c = self.config
        h, g = c["num_attention_heads"], c["num_key_value_heads"]
        width = c["hidden_size"] // h
        cut = lambda w, n: torch.einsum("btd,nkd->bntk", x, w.weight.view(n, width, -1))
        q = cut(m.q_proj, h).unflatten(1, (g, h // g))
        k, v = torch.cat((state["k"], cut(m.k_proj, g)), 2), torch.cat((state["v"], cut(m.v_proj, g)), 2)
        s = torch.einsum("bgrtk,bgsk->bgrts", q, k) / math.sqrt(width)
        past = k.shape[2] - x.shape[1]
        visible = torch.arange(k.shape[2])[None] <= past + torch.arange(x.shape[1])[:, None]
        p = torch.where(visible, s, -torch.inf).softmax(-1)
        o = torch.einsum("bgrts,bgsk->btgrk", p, v).flatten(2)
        return torch.einsum("bti,di->btd", o, m.o_proj.weight), {"k": k, "v": v}

    def mamba(self, m, x, state):
        c = self.config
        n, w, r = c["mamba_d_state"], c["mamba_d_conv"], c["mamba_dt_rank"]
        u, z = torch.einsum("btd,cd->bct", x, m.in_proj.weight).chunk(2, 1)
        inputs = torch.cat([state["conv"], u], -1)
        u = (inputs.unfold(-1, w, 1) * m.conv1d.weight).sum(-1) + m.conv1d.bias[:, None]
        u = F.silu(u).transpose(1, 2)
        made = torch.einsum("btc,rc->btr", u, m.x_proj.weight)
        dt, B, C = made[..., :r], _rms(made[..., r : r + n], m.b_norm.weight), _rms(made[..., r + n :], m.c_norm.weight)
        dt = F.softplus(torch.einsum("btr,cr->btc", _rms(dt, m.dt_norm.weight), m.dt_proj.weight) + m.dt_proj.bias)
        decay = torch.exp(-torch.einsum("btc,cn->btcn", dt, m.A_log.exp()))
        write = torch.einsum("btc,btn->btcn", dt * u, B)
        h, states = state["ssm"], []
        for a, b in zip(decay.unbind(1), write.unbind(1)):
            h = a * h + b
            states.append(h)
        y = torch.einsum("btcn,btn->btc", torch.stack(states, 1), C) + m.D * u
        return torch.einsum("btc,dc->btd", y * F.silu(z.transpose(1, 2)), m.out_proj.weight), {"ssm": h, "conv": inputs[..., inputs.shape[-1] - w + 1 :]}

    def feed(self, m, x, sparse):
        if not sparse:
            return torch.einsum("btf,df->btd", F.silu(torch.einsum("btd,fd->btf", x, m.w1)) * torch.einsum("btd,fd->btf", x, m.w3), m.w2)
        p = torch.einsum("btd,ed->bte", x, m.gate).softmax(-1)
        least = p.topk(self.config["num_experts_per_tok"], -1).values[..., -1:]
        p = torch.where(p >= least, p, torch.zeros_like(p))
        hidden = F.silu(torch.einsum("btd,efd->btef", x, m.w1)) * torch.einsum("btd,efd->btef", x, m.w3)
        return torch.einsum("bte,btef,edf->btd", p, hidden, m.w2)

    def forward(self, x, state=None):
        state = self.init_state(len(x)) if state is None else state
        after = []
        for i, (attention, sparse) in enumerate(_kinds(self.config)):
            layer = self.get_submodule(f"layers.{i}")
            mix = self.attention if attention else self.mamba
            y, new = mix(layer.mixer, _rms(x, layer.norm1.weight), state[i])
            x = x + y
            x = x + self.feed(layer.ffn, _rms(x, layer.norm2.weight), sparse)
            after.append(new)
        return _rms(x, self.norm.weight), after


@replaces("HybridStack")
class StackTable(_Table):
    """parameters from a table of shapes; einsum; every expert computed, the weights of most are 0"""


# modules


class _Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width).fill_(1.0))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-6)


class _Attention(nn.Module):
    def __init__(self, d, h, g):
        super().__init__()
        self.h, self.g, k = h, g, d // h
        self.o_proj, self.v_proj, self.k_proj, self.q_proj = (nn.Linear(a, b, bias=False) for a, b in ((h * k, d), (d, g * k), (d, g * k), (d, h * k)))

    def empty(self, batch):
        k = self.q_proj.out_features // self.h
        return {key: torch.zeros(batch, self.g, 0, k, dtype=self.q_proj.weight.dtype, device=self.q_proj.weight.device) for key in ("k", "v")}

    def forward(self, x, state):
        q = self.q_proj(x).unflatten(-1, (self.h, -1)).transpose(1, 2)
        k, v = (torch.cat([state[key], p(x).unflatten(-1, (self.g, -1)).transpose(1, 2)], -2) for key, p in (("k", self.k_proj), ("v", self.v_proj)))
        t, s, n = x.shape[1], k.shape[2], self.h // self.g
        mask = torch.ones(t, s, dtype=torch.bool).tril(s - t)
        wide = lambda z: z[:, :, None].expand(-1, -1, n, -1, -1).flatten(1, 2)
        o = F.scaled_dot_product_attention(q, wide(k), wide(v), attn_mask=mask)
        return self.o_proj(o.transpose(1, 2).flatten(2)), {"k": k, "v": v}


class _Mamba(nn.Module):
    """A scan by doubling: log2 T passes over pairs (decay, write)."""

    def __init__(self, d, ch, n, w, r):
        super().__init__()
        self.sizes, self.w = (r, n, n), w
        self.in_proj, self.out_proj = nn.Linear(d, 2 * ch, False), nn.Linear(ch, d, False)
        self.conv1d = nn.Conv1d(ch, ch, w, groups=ch)
        self.x_proj, self.dt_proj = nn.Linear(ch, r + 2 * n, False), nn.Linear(r, ch)
        self.A_log = nn.Parameter(torch.log(torch.arange(1.0, n + 1)).expand(ch, n).clone())
        self.D = nn.Parameter(torch.ones(ch))
        self.dt_norm, self.b_norm, self.c_norm = map(_Norm, self.sizes)

    def empty(self, batch):
        ch, n = self.A_log.shape
        make = lambda *s: torch.zeros(batch, ch, *s, dtype=self.A_log.dtype, device=self.A_log.device)
        return {"conv": make(self.w - 1), "ssm": make(n)}

    def forward(self, x, state):
        u, z = self.in_proj(x).mT.chunk(2, dim=1)
        line = torch.cat([state["conv"], u], dim=2)
        u = F.silu(F.conv1d(line, self.conv1d.weight, self.conv1d.bias, groups=line.shape[1])).mT
        dt, b, c = self.x_proj(u).split(self.sizes, -1)
        dt = F.softplus(self.dt_proj(self.dt_norm(dt)))
        b, c = self.b_norm(b), self.c_norm(c)
        decay = (dt[..., None] * -self.A_log.exp()).exp()
        h = (dt * u)[..., None] * b[:, :, None]
        h = torch.cat([h[:, :1] + decay[:, :1] * state["ssm"][:, None], h[:, 1:]], 1)
        shift = 1
        while shift < x.shape[1]:
            h = torch.cat([h[:, :shift], h[:, shift:] + decay[:, shift:] * h[:, :-shift]], 1)
            decay = torch.cat([decay[:, :shift], decay[:, shift:] * decay[:, :-shift]], 1)
            shift *= 2
        y = (h @ c[..., None])[..., 0] + self.D * u
        return self.out_proj(y * F.silu(z.mT)), {"conv": line[..., 1 - self.w :].clone(), "ssm": h[:, -1]}


class _Dense(nn.Module):
    def __init__(self, d, f):
        super().__init__()
        for name, shape in (("w1", (f, d)), ("w2", (d, f)), ("w3", (f, d))):
            setattr(self, name, nn.Parameter(torch.empty(shape).uniform_(-0.1, 0.1)))

    def forward(self, x):
        return F.linear(F.silu(F.linear(x, self.w1)) * F.linear(x, self.w3), self.w2)


class _Sparse(nn.Module):
    """Token by choice: the matrices of each choice are gathered."""

    def __init__(self, d, f, e, k):
        super().__init__()
        self.k = k
        self.gate = nn.Parameter(torch.empty(e, d).normal_(std=0.02))
        for name, shape in (("w1", (e, f, d)), ("w2", (e, d, f)), ("w3", (e, f, d))):
            setattr(self, name, nn.Parameter(torch.empty(shape).normal_(std=0.02)))

    def forward(self, x):
        logits = F.linear(x, self.gate)
        p = torch.exp(logits - logits.logsumexp(-1, keepdim=True))
        chosen = logits.argsort(-1, descending=True)[..., : self.k]
        y = torch.zeros_like(x)
        for e in range(len(self.gate)):
            mine = (chosen == e).any(-1)
            if mine.any():
                z = x[mine]
                out = F.linear(F.silu(F.linear(z, self.w1[e])) * F.linear(z, self.w3[e]), self.w2[e])
                y = y.index_put((mine,), out * p[mine][:, e, None], accumulate=True)
        return y


class _Layer(nn.Module):
    def __init__(self, c, attention, sparse):
        super().__init__()
        d, f = c["hidden_size"], c["intermediate_size"]
        self.ffn = _Sparse(d, f, c["num_experts"], c["num_experts_per_tok"]) if sparse else _Dense(d, f)
        if attention:
            self.mixer = _Attention(d, c["num_attention_heads"], c["num_key_value_heads"])
        else:
            self.mixer = _Mamba(d, c["mamba_expand"] * d, c["mamba_d_state"], c["mamba_d_conv"], c["mamba_dt_rank"])
        self.norm2, self.norm1 = _Norm(d), _Norm(d)

    def forward(self, x, state):
        mixed, state = self.mixer(self.norm1(x), state)
        h = x + mixed
        return h + self.ffn(self.norm2(h)), state


@replaces("HybridStack")
class StackScan(nn.Module):
    """modules of its own, scaled_dot_product_attention, a scan by doubling"""

    def __init__(self, config):
        super().__init__()
        self.norm = _Norm(config["hidden_size"])
        self.layers = nn.ModuleList([_Layer(config, *kind) for kind in _kinds(config)])

    def init_state(self, batch):
        return [layer.mixer.empty(batch) for layer in self.layers]

    def forward(self, x, state=None):
        states = []
        for layer, old in zip(self.layers, state or self.init_state(x.size(0))):
            x, new = layer(x, old)
            states.append(new)
        return self.norm(x), states


@replaces("HybridStack")
class StackTokens(nn.Module):
    """runs one token at a time through all layers, whatever T is"""

    def __init__(self, config):
        super().__init__()
        self.layers = nn.Sequential(*[_Layer(config, *kind) for kind in _kinds(config)])
        self.norm = _Norm(config["hidden_size"])

    def init_state(self, batch):
        return [layer.mixer.empty(batch) for layer in self.layers.children()]

    def _token(self, x, state):
        new = []
        for layer, old in zip(self.layers, state):
            x, s = layer(x, old)
            new.append(s)
        return self.norm(x), new

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(x.shape[0])
        rows = []
        for t in range(x.shape[1]):
            y, state = self._token(x[:, t : t + 1], state)
            rows.append(y)
        return torch.cat(rows, dim=1), state


@replaces("HybridStack")
class StackTexts(_Table):
    """each text on its own, the states put together at the end; gradients do not reach the state that is passed in"""

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(x.shape[0])
        outputs, states = [], []
        for b in range(x.shape[0]):
            own = [{key: value[b : b + 1].detach().clone() for key, value in s.items()} for s in state]
            y, new = _Table.forward(self, x[b : b + 1], own)
            outputs.append(y)
            states.append(new)
        joined = [OrderedDict((key, torch.cat([s[i][key] for s in states])) for key in states[0][i]) for i in range(len(states[0]))]
        return torch.cat(outputs), joined


@replaces("HybridStack")
class StackDouble(nn.Module):
    """computed in float64 by functional_call, rounded at the end; parameters only hold numbers"""

    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList()
        for kind in _kinds(config):
            self.layers.append(_Layer(config, *kind))
        self.norm = _Norm(config["hidden_size"])

    def init_state(self, batch):
        states = []
        for layer in self.layers:
            m = layer.mixer
            states.append(m.empty(batch))
        return states

    def forward(self, x, state=None):
        dtype = x.dtype
        state = self.init_state(x.shape[0]) if state is None else state
        x, new = x.double(), []
        for layer, old in zip(self.layers, state):
            wide = {name: p.double() for name, p in layer.named_parameters()}
            x, s = torch.func.functional_call(layer, wide, (x, {key: value.double() for key, value in old.items()}))
            new.append({key: value.to(dtype) for key, value in s.items()})
        return F.rms_norm(x, x.shape[-1:], self.norm.weight.double(), 1e-6).to(dtype), new
