"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from grouped_query_attention import grouped_attention, repeat_kv
from hybrid_stack import HybridStack

from grader.testing import replaces


class Steps:
    """The right forward in steps, of which a mistake gets one wrong."""

    def start(self, state, batch):
        return self.init_state(batch) if state is None else state

    def normed(self, x, norm, place):
        return norm(x)

    def split(self, m, x):
        return x.unflatten(-1, (-1, m.K)).transpose(1, 2)

    def turned(self, x, first):
        return x

    def joined(self, state, name, new):
        return torch.cat([state[name], new], dim=2)

    def kept(self, x, T):
        return x

    def mask(self, T, P):
        return torch.ones(T, P + T, dtype=torch.bool).tril(P)

    def attend(self, q, k, v, mask):
        return grouped_attention(q, k, v, mask)

    def merged(self, heads):
        return heads.transpose(1, 2).flatten(2)

    def attention(self, m, x, state):
        T, P = x.shape[1], state["k"].shape[2]
        q, k = self.turned(self.split(m, m.q_proj(x)), P), self.turned(self.split(m, m.k_proj(x)), P)
        k, v = self.joined(state, "k", k), self.joined(state, "v", self.split(m, m.v_proj(x)))
        heads = self.attend(q, k, v, self.mask(T, P))
        return m.o_proj(self.merged(heads)), {"k": self.kept(k, T), "v": self.kept(v, T)}

    def inner(self, m, dt, B, C):
        parts = ((dt, m.dt_norm), (B, m.b_norm), (C, m.c_norm))
        return tuple(self.normed(x, norm, "inner") for x, norm in parts)

    def halves(self, m, x):  # u and z, (B, T, Ch) each
        return m.in_proj(x).chunk(2, dim=-1)

    def convolved(self, m, window):
        return F.silu(m.conv1d(window)).mT

    def parts(self, m, u):  # what x_proj gives: dt, B and C
        N, R = m.A_log.shape[1], m.dt_proj.in_features
        return m.x_proj(u).split([R, N, N], dim=-1)

    def delta(self, m, dt):
        return F.softplus(m.dt_proj(dt))

    def rates(self, m):
        return -torch.exp(m.A_log)

    def scanned(self, h, step, A, u, B):  # the next h from this one, (B, Ch, N)
        return torch.exp(step * A) * h + step * u * B

    def skip(self, m, u, raw):
        return m.D * u

    def gated(self, y, z, skip):
        return (y + skip) * F.silu(z)

    def conv_state(self, window, T, new, W):
        return window[..., T:]

    def mamba(self, m, x, state):
        raw, z = self.halves(m, x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        u = self.convolved(m, window)
        dt, B, C = self.inner(m, *self.parts(m, u))
        delta, A, h, ys = self.delta(m, dt), self.rates(m), state["ssm"], []
        for t in range(x.shape[1]):
            h = self.scanned(h, delta[:, t, :, None], A, u[:, t, :, None], B[:, t, None])
            ys.append((h * C[:, t, None]).sum(-1))
        y = m.out_proj(self.gated(torch.stack(ys, dim=1), z, self.skip(m, u, raw)))
        return y, {"conv": self.conv_state(window, x.shape[1], raw.mT, m.conv1d.kernel_size[0]), "ssm": h}

    def mix(self, m, x, state):
        return self.attention(m, x, state) if hasattr(m, "q_proj") else self.mamba(m, x, state)

    def swiglu(self, x, w1, w2, w3):
        return (F.silu(x @ w1.mT) * (x @ w3.mT)) @ w2.mT

    def weights(self, logits, k):
        """(B, T, E), 0 for those not chosen"""
        p = torch.softmax(logits, dim=-1)
        return torch.zeros_like(p).scatter(-1, logits.topk(k, dim=-1).indices, 1.0) * p

    def ffn(self, f, x):
        if not hasattr(f, "gate"):
            return self.swiglu(x, f.w1, f.w2, f.w3)
        each = self.swiglu(x[:, None], f.w1, f.w2, f.w3)  # (B, E, T, D)
        return torch.einsum("bte,betd->btd", self.weights(x @ f.gate.T, f.k), each)

    def layer(self, layer, x, state):
        y, state = self.mix(layer.mixer, self.normed(x, layer.norm1, "norm1"), state)
        x = x + y
        return x + self.ffn(layer.ffn, self.normed(x, layer.norm2, "norm2")), state

    def finish(self, x):
        return self.normed(x, self.norm, "last")

    def forward(self, x, state=None):
        new_state = []
        for layer, before in zip(self.layers, self.start(state, len(x)), strict=True):
            x, after = self.layer(layer, x, before)
            new_state.append(after)
        return self.finish(x), new_state


# A stack that goes through these steps already keeps what it gets wrong: two mistakes can then be made together.
Parts = HybridStack if hasattr(HybridStack, "swiglu") else type("Parts", (Steps, HybridStack), {})


# The layout and the parameters


@replaces("HybridStack", kinds=["attn and expert", "attn", "expert"])
class CountsFromOne(HybridStack):
    """Your layers of attention, of experts or of both come one layer too early. Which number does the first layer
    have?"""

    kinds: str

    def __init__(self, config):
        one_less = {
            f"{kind}_layer_offset": (config[f"{kind}_layer_offset"] - 1) % config[f"{kind}_layer_period"]
            for kind in self.kinds.split(" and ")
        }
        super().__init__({**config, **one_less})


@replaces("HybridStack")
class PlainMamba(HybridStack):
    """Your Mamba layers are those of lesson 7: they have nine parameters, and a layer of Jamba has twelve. Which three
    norms are missing?"""

    def __init__(self, config):
        super().__init__(config)
        for layer in self.layers:
            if hasattr(layer.mixer, "dt_norm"):
                del layer.mixer.dt_norm, layer.mixer.b_norm, layer.mixer.c_norm


# Norms


@replaces("HybridStack", parts_=["dt, B and C", "B and C", "dt", "B", "C"])
class InnerNormsMissing(Parts):
    """In your Mamba layers no norm changes {parts_} on the way from x_proj to the scan. Which three parts does x_proj
    give, and which of them has a norm?"""

    parts_: str

    def inner(self, m, dt, B, C):
        right = super().inner(m, dt, B, C)
        without = self.parts_.replace(" and", ",").split(", ")
        names = zip(("dt", "B", "C"), (dt, B, C), right, strict=True)
        return tuple(raw if name in without else normed for name, raw, normed in names)


def root_mean_square(x, eps=1e-6):
    return (x.square().mean(-1, keepdim=True) + eps).sqrt()


@replaces("HybridStack", weights_of=["b_norm twice", "c_norm twice", "c_norm and b_norm"])
class OtherInnerNorms(Parts):
    """The norms of your B and C have the weights of {weights_of}, in this order. Which of b_norm and c_norm belongs to
    which?"""

    weights_of: str

    def inner(self, m, dt, B, C):
        first, second = {
            "b_norm twice": (m.b_norm, m.b_norm),
            "c_norm twice": (m.c_norm, m.c_norm),
            "c_norm and b_norm": (m.c_norm, m.b_norm),
        }[self.weights_of]
        norms = ((dt, m.dt_norm), (B, first), (C, second))
        return tuple(self.normed(x, norm, "inner") for x, norm in norms)


@replaces("HybridStack")
class OneNormForThree(Parts):
    """You divided dt, B and C by one size, that of all R + 2N numbers together. Each of the three is a vector of its
    own: over which numbers does its norm take the mean?"""

    def inner(self, m, dt, B, C):
        size = root_mean_square(torch.cat([dt, B, C], dim=-1))
        return dt / size * m.dt_norm.weight, B / size * m.b_norm.weight, C / size * m.c_norm.weight


@replaces("HybridStack", where=["all", "norm1", "norm2", "last", "inner"], eps=[None, 1e-5, 1e-8, 1e-12])
class OtherEps(Parts):
    """Some or all of your norms have another eps. nn.RMSNorm takes the smallest step of the dtype unless it is told
    otherwise: which eps does the docstring give to all norms?"""

    where: str
    eps: float | None

    def normed(self, x, norm, place):
        if self.where not in ("all", place):
            return super().normed(x, norm, place)
        return F.rms_norm(x, norm.weight.shape, norm.weight, self.eps)


@replaces(
    "HybridStack", where=["all", "norm1", "norm2", "last", "inner"], form=["centred", "by the length", "no weight"]
)
class OtherNorm(Parts):
    """In some or all places your norm is another one. What does RMSNorm subtract from x, by what does it divide, and
    what does it multiply by?"""

    where: str
    form: str

    def normed(self, x, norm, place):
        if self.where not in ("all", place):
            return super().normed(x, norm, place)
        if self.form == "centred":
            return F.layer_norm(x, norm.weight.shape, norm.weight, eps=1e-6)
        if self.form == "by the length":
            return x / (x.square().sum(-1, keepdim=True) + 1e-6).sqrt() * norm.weight
        return x / root_mean_square(x)


# The layer


@replaces("HybridStack", halves_=["both halves", "the mixer", "the FFN"])
class PostNorm(Parts):
    """In your layer the norm comes after the sum ({halves_}), as in the Transformer of 2017. What does each norm of the
    statement normalise, and what stays as it is?"""

    halves_: str

    def layer(self, layer, x, state):
        if self.halves_ == "the FFN":
            y, state = self.mix(layer.mixer, self.normed(x, layer.norm1, "norm1"), state)
            x = x + y
        else:
            y, state = self.mix(layer.mixer, x, state)
            x = self.normed(x + y, layer.norm1, "norm1")
        if self.halves_ == "the mixer":
            return x + self.ffn(layer.ffn, self.normed(x, layer.norm2, "norm2")), state
        return self.normed(x + self.ffn(layer.ffn, x), layer.norm2, "norm2"), state


@replaces("HybridStack", halves_=["both sums", "the first sum", "the second sum"])
class AddsToTheNormed(Parts):
    """In your layer a norm replaces x, so that something is added to the normalised x ({halves_}). From which x does
    each sum start?"""

    halves_: str

    def layer(self, layer, x, state):
        h = self.normed(x, layer.norm1, "norm1")
        y, state = self.mix(layer.mixer, h, state)
        x = (x if self.halves_ == "the second sum" else h) + y
        h = self.normed(x, layer.norm2, "norm2")
        return (x if self.halves_ == "the first sum" else h) + self.ffn(layer.ffn, h), state


@replaces("HybridStack", halves_=["both sums", "the first sum", "the second sum"])
class NoResidual(Parts):
    """In your layer a result replaces x instead of being added to it ({halves_}). What is on the right of each line of
    the model?"""

    halves_: str

    def layer(self, layer, x, state):
        y, state = self.mix(layer.mixer, self.normed(x, layer.norm1, "norm1"), state)
        x = x + y if self.halves_ == "the second sum" else y
        y = self.ffn(layer.ffn, self.normed(x, layer.norm2, "norm2"))
        return (x + y if self.halves_ == "the first sum" else y), state


@replaces(
    "HybridStack", names=["norm2, norm1", "norm1, norm1", "norm2, norm2", "none, norm2", "norm1, none", "none, none"]
)
class OtherLayerNorms(Parts):
    """Your norms before mixer and FFN are, in this order: {names}. Which norm belongs where?"""

    names: str

    def layer(self, layer, x, state):
        first, second = self.names.split(", ")
        y, state = self.mix(layer.mixer, self.by_name(layer, first, x), state)
        x = x + y
        return x + self.ffn(layer.ffn, self.by_name(layer, second, x)), state

    def by_name(self, layer, name, x):
        return x if name == "none" else self.normed(x, getattr(layer, name), name)


@replaces("HybridStack")
class SideBySide(Parts):
    """Mixer and FFN look at the same x in your layer, as in GPT-J. What has the mixer added by the time that the FFN
    looks?"""

    def layer(self, layer, x, state):
        y, state = self.mix(layer.mixer, self.normed(x, layer.norm1, "norm1"), state)
        return x + y + self.ffn(layer.ffn, self.normed(x, layer.norm2, "norm2")), state


@replaces("HybridStack")
class FfnFirst(Parts):
    """Your FFN comes before the mixer. In which order does the statement have the two?"""

    def layer(self, layer, x, state):
        x = x + self.ffn(layer.ffn, self.normed(x, layer.norm2, "norm2"))
        y, state = self.mix(layer.mixer, self.normed(x, layer.norm1, "norm1"), state)
        return x + y, state


@replaces("HybridStack")
class NoLastNorm(Parts):
    """You return the sum that the layers leave. What follows the last layer?"""

    def finish(self, x):
        return x


# Experts


@replaces("HybridStack")
class Renormalised(Parts):
    """The weights of a token's k experts sum to 1 in your layer, as in Mixtral. Over which experts does Jamba's softmax
    run, and what is the weight for k = 1?"""

    def weights(self, logits, k):
        w = super().weights(logits, k)
        return w / w.sum(-1, keepdim=True)


@replaces("HybridStack")
class AllExperts(Parts):
    """In your layer every expert takes part, each by its probability. How many experts does a token have, and what
    happens to the other probabilities?"""

    def weights(self, logits, k):
        return torch.softmax(logits, dim=-1)


@replaces("HybridStack", each=["1", "1/k"])
class ExpertsUnweighted(Parts):
    """Each chosen expert has the weight {each} in your layer. From what would the router learn, and which number of the
    router is the weight?"""

    each: str

    def weights(self, logits, k):
        return (super().weights(logits, k) > 0).to(logits.dtype) / (k if self.each == "1/k" else 1)


@replaces("HybridStack", of=["a text", "the batch"])
class RoutesTogether(Parts):
    """Your router chooses once for all tokens of {of}, by the mean of their logits. Which vector should it look at?"""

    of: str

    def weights(self, logits, k):
        mean = logits.mean(1 if self.of == "a text" else (0, 1), keepdim=True)
        return super().weights(mean.expand_as(logits), k)


@replaces("HybridStack", weight=["sigmoid of the logit", "logit"])
class OtherRouterWeight(Parts):
    """The weight of a chosen expert is the {weight} in your layer. Over which numbers does Jamba's router take a
    softmax?"""

    weight: str

    def weights(self, logits, k):
        chosen = (super().weights(logits, k) > 0).to(logits.dtype)
        return chosen * (logits if self.weight == "logit" else torch.sigmoid(logits))


SWIGLU = {
    "silu is on W3 x": lambda a, b: a * F.silu(b),
    "silu is missing": lambda a, b: a * b,
    "silu is on both": lambda a, b: F.silu(a) * F.silu(b),
    "GELU replaces silu": lambda a, b: F.gelu(a) * b,
    "a sigmoid replaces silu": lambda a, b: torch.sigmoid(a) * b,
    "W3 x is left out": lambda a, b: F.silu(a) + 0 * b,
    "the branches are added": lambda a, b: F.silu(a) + b,
}


@replaces(
    "HybridStack",
    where=["every SwiGLU of your stack", "the SwiGLU of a layer without experts", "your experts"],
    form=[
        "silu is on W3 x",
        "silu is missing",
        "silu is on both",
        "GELU replaces silu",
        "a sigmoid replaces silu",
        "W3 x is left out",
        "the branches are added",
    ],
)
class OtherSwiGLU(Parts):
    """In {where} {form}. Which of the two branches has a silu, and how do they meet?"""

    where: str
    form: str

    def swiglu(self, x, w1, w2, w3):
        own = "your experts" if w1.dim() == 3 else "the SwiGLU of a layer without experts"
        if self.where not in ("every SwiGLU of your stack", own):
            return super().swiglu(x, w1, w2, w3)
        return SWIGLU[self.form](x @ w1.mT, x @ w3.mT) @ w2.mT


# Attention


@replaces("HybridStack", pairs=["halves", "neighbours"])
class Rotated(Parts):
    """Your attention has rotary positions, as GroupedQueryAttention has. What tells a layer of Jamba's attention the
    order of the tokens?"""

    pairs: str

    def turned(self, x, first):
        T, K = x.shape[-2:]
        half = K // 2
        frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / max(1, half))
        angles = torch.arange(first, first + T)[:, None] * frequencies
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        if self.pairs == "halves":
            a, b, rest = x.split([half, half, K - 2 * half], dim=-1)
            return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], dim=-1)
        a, b = x[..., 0 : 2 * half : 2], x[..., 1 : 2 * half : 2]
        turned = torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
        return torch.cat([turned, x[..., 2 * half :]], dim=-1)


@replaces("HybridStack")
class NoMask(Parts):
    """Your attention sees the whole text, including the tokens to come. Which of them has a model read that decodes?"""

    def mask(self, T, P):
        return None


@replaces("HybridStack", diagonal=[-1, 1])
class OtherDiagonal(Parts):
    """A token of your attention sees one key too few or one too many. Does token t see itself, and t + 1?"""

    diagonal: int

    def mask(self, T, P):
        mask = torch.ones(T, P + T, dtype=torch.bool).tril(P + self.diagonal)
        return mask | ~mask.any(-1, keepdim=True)


@replaces("HybridStack", single=["masked", "unmasked"])
class MaskWithoutPast(Parts):
    """A text at once is right, but behind a cache of P tokens your new token t sees only the keys 0 to t, as with
    is_causal. Which number does token t have among all keys?"""

    single: str

    def mask(self, T, P):
        return None if T == 1 and self.single == "unmasked" else torch.ones(T, P + T, dtype=torch.bool).tril()


@replaces("HybridStack")
class PieceUnmasked(Parts):
    """Once there is a cache, all your new tokens see each other, even later ones. That is right for one token at a
    time: what does a piece of several need?"""

    def mask(self, T, P):
        return None if P else super().mask(T, P)


@replaces("HybridStack")
class CacheNotKept(Parts):
    """The cache that you return holds the keys and values of the last piece only. Where are those of the pieces
    before?"""

    def kept(self, x, T):
        return x[:, :, -T:]


@replaces("HybridStack")
class NewTokensFirst(Parts):
    """In your cache new keys and values come before the old ones. Which key is the oldest, and which ones does your
    mask let a new token see?"""

    def joined(self, state, name, new):
        return torch.cat([new, state[name]], dim=2)


@replaces("HybridStack")
class CopiesInTheCache(Parts):
    """Your cache holds the keys and values of all H heads, each of the G several times over. What do grouped heads
    save, and when do the heads have to be repeated?"""

    def init_state(self, batch):
        return [
            {name: repeat_kv(x, 4 // x.shape[1]) if name in "kv" else x for name, x in each.items()}
            for each in super().init_state(batch)
        ]

    def joined(self, state, name, new):
        return torch.cat([state[name], repeat_kv(new, state[name].shape[1] // new.shape[1])], dim=2)


@replaces("HybridStack")
class PhantomToken(Parts):
    """Your empty cache has room for one token, whose key and value are 0, and attention takes it for a real one. How
    long is a cache without tokens?"""

    def init_state(self, batch):
        return [
            {name: F.pad(x, (0, 0, 0, 1)) if name in "kv" else x for name, x in each.items()}
            for each in super().init_state(batch)
        ]


@replaces("HybridStack")
class RepeatNotInterleave(Parts):
    """Your query heads read the heads of keys and values in turn: 0, 1, 0, 1. Which head does query head 1 of 4 read if
    G is 2?"""

    def attend(self, q, k, v, mask):
        copies = q.shape[1] // k.shape[1]
        return grouped_attention(q, k.repeat(1, copies, 1, 1), v.repeat(1, copies, 1, 1), mask)


@replaces("HybridStack")
class HeadsWithoutTranspose(Parts):
    """You went from (B, T, n K) to (B, n, T, K) in one step, so that a head holds numbers of several tokens. Which axis
    falls into n and K, and which two then have to change places?"""

    def split(self, m, x):
        return x.reshape(len(x), -1, x.shape[1], m.K)


@replaces("HybridStack")
class MergedWithoutTranspose(Parts):
    """You went from the heads, (B, H, T, K), to (B, T, H K) in one step, so that o_proj receives numbers of several
    tokens for one. Which two axes have to be neighbours first?"""

    def merged(self, heads):
        return heads.reshape(len(heads), heads.shape[2], -1)


@replaces("HybridStack", scale=["1", "1/K", "1/√D", "√K"])
class OtherScale(Parts):
    """Your scores are multiplied by {scale}. How many terms does the dot product of one head have, and what does the
    statement scale by?"""

    scale: str

    def attend(self, q, k, v, mask):
        K = q.shape[-1]
        scales = {"1": 1.0, "1/K": 1 / K, "1/√D": (K * q.shape[1]) ** -0.5, "√K": K**0.5}
        return grouped_attention(q * (scales[self.scale] * math.sqrt(K)), k, v, mask)


# Mamba


@replaces(
    "HybridStack",
    delta_=[
        "without its softplus",
        "softplus without b_Δ",
        "softplus with b_Δ added afterwards",
        "an exponential instead of softplus",
        "a ReLU instead of softplus",
        "a sigmoid instead of softplus",
    ],
)
class OtherDelta(Parts):
    """Your Δ is {delta_}. Which sign must a step have, and what goes into the softplus?"""

    delta_: str

    def delta(self, m, dt):
        full, bare = m.dt_proj(dt), F.linear(dt, m.dt_proj.weight)
        return {
            "without its softplus": full,
            "softplus without b_Δ": F.softplus(bare),
            "softplus with b_Δ added afterwards": F.softplus(bare) + m.dt_proj.bias,
            "an exponential instead of softplus": torch.exp(full),
            "a ReLU instead of softplus": torch.relu(full),
            "a sigmoid instead of softplus": torch.sigmoid(full),
        }[self.delta_]


@replaces("HybridStack", a=["A_log", "−A_log", "exp(A_log)", "−exp(−A_log)"])
class OtherA(Parts):
    """Your A is {a}. Of what is A_log the logarithm, and which sign makes the state fade?"""

    a: str

    def rates(self, m):
        log = m.A_log
        return {"A_log": log, "−A_log": -log, "exp(A_log)": log.exp(), "−exp(−A_log)": -torch.exp(-log)}[self.a]


@replaces(
    "HybridStack",
    line=[
        "B u without Δ",
        "1 + Δ A instead of exp(Δ A)",
        "exp(A) without Δ",
        "Δ A instead of exp(Δ A)",
        "(exp(Δ A) − 1)/A instead of Δ",
    ],
)
class OtherScan(Parts):
    """The line of your scan that makes h_t has {line}. What multiplies h_{t−1}, and what multiplies u_t and B_t in the
    statement?"""

    line: str

    def scanned(self, h, step, A, u, B):
        exact = torch.exp(step * A)
        return {
            "B u without Δ": exact * h + u * B,
            "1 + Δ A instead of exp(Δ A)": (1 + step * A) * h + step * u * B,
            "exp(A) without Δ": torch.exp(A) * h + step * u * B,
            "Δ A instead of exp(Δ A)": step * A * h + step * u * B,
            "(exp(Δ A) − 1)/A instead of Δ": exact * h + (exact - 1) / A * u * B,
        }[self.line]


@replaces(
    "HybridStack",
    end=[
        "the gate lacks its silu",
        "the gate is a sigmoid",
        "z is not used",
        "the skip is not gated",
        "the skip is missing",
        "the skip takes u as it came from in_proj",
        "D is not used in the skip",
    ],
)
class OtherMambaEnd(Parts):
    """In your Mamba layers {end}. What is multiplied by silu(z), and what has happened to u by the time that it is
    skipped?"""

    end: str

    def skip(self, m, u, raw):
        return {
            "the skip is missing": 0 * u,
            "the skip takes u as it came from in_proj": m.D * raw,
            "D is not used in the skip": u,
        }.get(self.end, m.D * u)

    def gated(self, y, z, skip):
        return {
            "the gate lacks its silu": (y + skip) * z,
            "the gate is a sigmoid": (y + skip) * torch.sigmoid(z),
            "z is not used": y + skip,
            "the skip is not gated": y * F.silu(z) + skip,
        }.get(self.end, (y + skip) * F.silu(z))


@replaces("HybridStack")
class GateAndInputSwapped(Parts):
    """You took the first half of in_proj for the gate and the second half for the input of the convolution. In which
    order does the docstring name their rows?"""

    def halves(self, m, x):
        return super().halves(m, x)[::-1]


@replaces("HybridStack", order=["dt, C, B", "B, C, dt", "B, dt, C"])
class OtherRowsOfXProj(Parts):
    """You took the rows of x_proj as {order}. In which order does the docstring name them?"""

    order: str

    def parts(self, m, u):
        N, R = m.A_log.shape[1], m.dt_proj.in_features
        names = self.order.split(", ")
        pieces = dict(zip(names, m.x_proj(u).split([R if name == "dt" else N for name in names], dim=-1), strict=True))
        return pieces["dt"], pieces["B"], pieces["C"]


@replaces("HybridStack", form=["no silu", "no bias", "turned around"])
class OtherConvolution(Parts):
    """The convolution of your Mamba layers differs ({form}). What does conv(u) include, what follows it, and which of
    its W weights meets the newest input?"""

    form: str

    def convolved(self, m, window):
        weight, bias = m.conv1d.weight, m.conv1d.bias
        weight = weight.flip(-1) if self.form == "turned around" else weight
        u = F.conv1d(window, weight, None if self.form == "no bias" else bias, groups=len(weight)).mT
        return u if self.form == "no silu" else F.silu(u)


@replaces(
    "HybridStack",
    holds=[
        "the inputs of the last piece alone",
        "the inputs of the last piece behind zeros",
        "the first W − 1 inputs of its window",
        "the last inputs, newest first",
        "the last W inputs",
    ],
)
class OtherConvState(Parts):
    """Your new conv state holds {holds}. After a piece of one token, which inputs does the next token's convolution
    need, and in which order?"""

    holds: str

    def conv_state(self, window, T, new, W):
        return {
            "the inputs of the last piece alone": new[..., 1 - W :],
            "the inputs of the last piece behind zeros": F.pad(new, (W - 1, 0))[..., 1 - W :],
            "the first W − 1 inputs of its window": window[..., : W - 1],
            "the last inputs, newest first": window[..., T:].flip(-1),
            "the last W inputs": window[..., -W:],
        }[self.holds]

    def convolved(self, m, window):  # as long as the inputs are, whatever the state holds
        return super().convolved(m, window)[:, -self.T :]

    def mamba(self, m, x, state):
        self.T = x.shape[1]
        return super().mamba(m, x, state)


@replaces("HybridStack")
class ConvStateAfterSilu(Parts):
    """Your conv state keeps what comes out of the convolution and its silu. What will the next piece be put beside, and
    which columns does it need?"""

    def mamba(self, m, x, state):
        y, after = super().mamba(m, x, state)
        out = self.convolved(m, torch.cat([state["conv"], self.halves(m, x)[0].mT], dim=-1)).mT
        return y, {**after, "conv": torch.cat([state["conv"], out], dim=-1)[..., x.shape[1] :]}


# Dtypes


@replaces("HybridStack", place=["norms", "router", "A", "steps", "scores", "state"])
class RoundedToFloat32(Parts):
    """Somewhere on the way your float64 stack computes in float32, as code for half precision does, and loses half of
    its digits. Which of your lines name a dtype?"""

    place: str

    def normed(self, x, norm, place):
        if self.place != "norms":
            return super().normed(x, norm, place)
        x32 = x.float()
        return (x32 / root_mean_square(x32)).to(x.dtype) * norm.weight

    def weights(self, logits, k):
        if self.place != "router":
            return super().weights(logits, k)
        p = torch.softmax(logits, dim=-1, dtype=torch.float32).to(logits.dtype)
        return torch.zeros_like(p).scatter(-1, logits.topk(k, dim=-1).indices, 1.0) * p

    def rates(self, m):
        return -torch.exp(m.A_log.float()).to(m.A_log.dtype) if self.place == "A" else super().rates(m)

    def delta(self, m, dt):
        delta = super().delta(m, dt)
        return delta.float().to(delta.dtype) if self.place == "steps" else delta

    def scanned(self, h, step, A, u, B):
        h = super().scanned(h, step, A, u, B)
        return h.float().to(u.dtype) if self.place == "state" else h

    def attend(self, q, k, v, mask):
        if self.place != "scores":
            return super().attend(q, k, v, mask)
        return super().attend(q.float(), k.float(), v.float(), mask).to(q.dtype)


@replaces("HybridStack")
class StateInFloat32(HybridStack):
    """Your first state is float32 whatever the stack is. From where can it take the dtype?"""

    def init_state(self, batch):
        return [{name: x.float() for name, x in each.items()} for each in super().init_state(batch)]


# The state


@replaces("HybridStack", forgotten=["everything", "conv", "ssm", "conv and ssm", "k and v"])
class StateForgotten(Parts):
    """From one piece to the next your stack forgets {forgotten}. What does your forward do with that part of the state
    which it is given?"""

    forgotten: str

    def start(self, state, batch):
        fresh = self.init_state(batch)
        if state is None:
            return fresh
        lost = ["conv", "ssm", "k", "v"] if self.forgotten == "everything" else self.forgotten.split(" and ")
        return [
            {name: new[name] if name in lost else old[name] for name in old}
            for old, new in zip(state, fresh, strict=True)
        ]


@replaces("HybridStack", layers_=["all", "Mamba", "attention"])
class SeveralTokensBegin(Parts):
    """You take several tokens for the beginning of a text, and drop the state that came with them; only a single token
    goes on from it. What tells you that a text begins here?"""

    layers_: str

    def mix(self, m, x, state):
        mine = self.layers_ in ("all", "attention" if hasattr(m, "q_proj") else "Mamba")
        if mine and x.shape[1] > 1:
            state = {name: old[:, :, :0] if name in "kv" else torch.zeros_like(old) for name, old in state.items()}
        return super().mix(m, x, state)


@replaces("HybridStack")
class OneMemory(HybridStack):
    """Your stack goes on from a state that it has kept itself, and not from the one that it is given. If two texts take
    turns, or one state is continued in two ways, what does your stack remember?"""

    memory = None

    def forward(self, x, state=None):
        y, self.memory = super().forward(x, None if state is None else self.memory)
        return y, self.memory


@replaces("HybridStack")
class StateInPlace(HybridStack):
    """After your call the state that you were given is another one: its list, a dict or a tensor in it was overwritten.
    Which of your lines writes where it should make something new?"""

    def forward(self, x, state=None):
        y, after = super().forward(x, state)
        if state is None:
            return y, after
        state[:] = after
        return y, state
