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

    def normed(self, x, norm):
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
        return tuple(self.normed(x, norm) for x, norm in ((dt, m.dt_norm), (B, m.b_norm), (C, m.c_norm)))

    def mamba(self, m, x, state):
        T, N, R = x.shape[1], m.A_log.shape[1], m.dt_proj.in_features
        u, z = m.in_proj(x).chunk(2, dim=-1)
        window = torch.cat([state["conv"], u.mT], dim=-1)
        u = F.silu(m.conv1d(window)).mT
        dt, B, C = self.inner(m, *m.x_proj(u).split([R, N, N], dim=-1))
        delta, A, h, ys = F.softplus(m.dt_proj(dt)), -torch.exp(m.A_log), state["ssm"], []
        for t in range(T):
            step = delta[:, t, :, None]
            h = torch.exp(step * A) * h + step * u[:, t, :, None] * B[:, t, None]
            ys.append((h * C[:, t, None]).sum(-1))
        y = m.out_proj((torch.stack(ys, dim=1) + m.D * u) * F.silu(z))
        return y, {"conv": window[..., T:], "ssm": h}

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
        y, state = self.mix(layer.mixer, self.normed(x, layer.norm1), state)
        x = x + y
        return x + self.ffn(layer.ffn, self.normed(x, layer.norm2)), state

    def finish(self, x):
        return self.normed(x, self.norm)

    def forward(self, x, state=None):
        new_state = []
        for layer, before in zip(self.layers, self.start(state, len(x)), strict=True):
            x, after = self.layer(layer, x, before)
            new_state.append(after)
        return self.finish(x), new_state


# A stack that goes through these steps already keeps what it gets wrong: two mistakes can then be made together.
Parts = HybridStack if hasattr(HybridStack, "swiglu") else type("Parts", (Steps, HybridStack), {})


def root_mean_square(x, eps=1e-6):
    return (x.square().mean(-1, keepdim=True) + eps).sqrt()


@replaces("HybridStack")
class CountsFromOne(HybridStack):
    """Attention and experts stand one layer too early, as if the first layer had number 1. Layers are counted
    from 0."""

    def __init__(self, config):
        one_less = {
            f"{kind}_layer_offset": (config[f"{kind}_layer_offset"] - 1) % config[f"{kind}_layer_period"]
            for kind in ("attn", "expert")
        }
        super().__init__({**config, **one_less})


@replaces("HybridStack")
class PlainMamba(HybridStack):
    """Your Mamba layers are those of lesson 7: they have nine parameters, and a layer of Jamba has twelve.
    Which three norms are missing?"""

    def __init__(self, config):
        super().__init__(config)
        for layer in self.layers:
            if hasattr(layer.mixer, "dt_norm"):
                del layer.mixer.dt_norm, layer.mixer.b_norm, layer.mixer.c_norm


@replaces("HybridStack")
class NoInnerNorms(Parts):
    """The three norms within Mamba are there and do nothing: what x_proj gives goes on as it is. dt, B and C
    each pass their own norm first."""

    def inner(self, m, dt, B, C):
        return dt, B, C


@replaces("HybridStack")
class OneNormForBoth(Parts):
    """B and C are divided by their size and then multiplied by the same weights, those of b_norm. Who uses
    c_norm?"""

    def inner(self, m, dt, B, C):
        return self.normed(dt, m.dt_norm), self.normed(B, m.b_norm), self.normed(C, m.b_norm)


@replaces("HybridStack")
class Renormalised(Parts):
    """The weights of a token's k experts sum to 1 in your layer, as in Mixtral. Jamba takes the softmax over
    all experts, and what the others have is lost: with k = 1 the weight is less than 1."""

    def weights(self, logits, k):
        w = super().weights(logits, k)
        return w / w.sum(-1, keepdim=True)


@replaces("HybridStack")
class AllExperts(Parts):
    """Every expert takes part, each by its probability. Only the k most probable do; what happens to the
    other probabilities?"""

    def weights(self, logits, k):
        return torch.softmax(logits, dim=-1)


@replaces("HybridStack")
class ExpertsUnweighted(Parts):
    """You add what the chosen experts give, each in full. How probable the router found them is their weight,
    and the only way for the router to learn."""

    def weights(self, logits, k):
        return (super().weights(logits, k) > 0).to(logits.dtype)


@replaces("HybridStack")
class SiluOnW3(Parts):
    """silu is on the branch of w3. It belongs on that of w1; w3 is linear."""

    def swiglu(self, x, w1, w2, w3):
        return super().swiglu(x, w3, w2, w1)


@replaces("HybridStack")
class PostNorm(Parts):
    """Your norms stand after the sums, as in the Transformer of 2017. Here each normalises what goes into a
    mixer or an FFN, and the sum itself is left as it is."""

    def layer(self, layer, x, state):
        y, state = self.mix(layer.mixer, x, state)
        x = self.normed(x + y, layer.norm1)
        return self.normed(x + self.ffn(layer.ffn, x), layer.norm2), state


@replaces("HybridStack")
class AddsToTheNormed(Parts):
    """You overwrote x with its normalised version and then added to that. The sum starts from x as it came
    into the layer."""

    def layer(self, layer, x, state):
        x = self.normed(x, layer.norm1)
        y, state = self.mix(layer.mixer, x, state)
        x = self.normed(x + y, layer.norm2)
        return x + self.ffn(layer.ffn, x), state


@replaces("HybridStack")
class FirstNormOverX(Parts):
    """You overwrote x with norm1(x) and added the mixer to that; the FFN is added to x itself, as it should be. The sum
    starts from x as it came in: which of the two goes through the norm?"""

    def layer(self, layer, x, state):
        x = self.normed(x, layer.norm1)
        y, state = self.mix(layer.mixer, x, state)
        x = x + y
        return x + self.ffn(layer.ffn, self.normed(x, layer.norm2)), state


@replaces("HybridStack")
class ConvStateAfterSilu(Parts):
    """Your state keeps what comes out of the convolution and its silu. The next piece is put beside what goes into it:
    which columns of u does it need?"""

    def mamba(self, m, x, state):
        y, after = super().mamba(m, x, state)
        u, _ = m.in_proj(x).chunk(2, dim=-1)
        out = F.silu(m.conv1d(torch.cat([state["conv"], u.mT], dim=-1)))
        return y, {**after, "conv": torch.cat([state["conv"], out], dim=-1)[..., x.shape[1] :]}


@replaces("HybridStack")
class SideBySide(Parts):
    """Mixer and FFN both look at the same x, as in GPT-J. Here the FFN sees what the mixer has added."""

    def layer(self, layer, x, state):
        y, state = self.mix(layer.mixer, self.normed(x, layer.norm1), state)
        return x + y + self.ffn(layer.ffn, self.normed(x, layer.norm2)), state


@replaces("HybridStack")
class SameNormTwice(Parts):
    """norm1 stands before the mixer and before the FFN too. Where is norm2?"""

    def layer(self, layer, x, state):
        y, state = self.mix(layer.mixer, self.normed(x, layer.norm1), state)
        x = x + y
        return x + self.ffn(layer.ffn, self.normed(x, layer.norm1)), state


@replaces("HybridStack")
class NoLastNorm(Parts):
    """You return the sum that the layers leave. One more norm follows the last layer."""

    def finish(self, x):
        return x


@replaces("HybridStack")
class DefaultEps(Parts):
    """Your norms are right but for their eps: nn.RMSNorm takes the smallest step of the dtype unless it is
    told otherwise."""

    def normed(self, x, norm):
        return F.rms_norm(x, norm.weight.shape, norm.weight)


@replaces("HybridStack")
class OneNormForThree(Parts):
    """You divided dt, B and C by one size, that of all R + 2N numbers together. Each of the three is a vector of its
    own: over which numbers does its norm take the mean?"""

    def inner(self, m, dt, B, C):
        size = root_mean_square(torch.cat([dt, B, C], dim=-1))
        return dt / size * m.dt_norm.weight, B / size * m.b_norm.weight, C / size * m.c_norm.weight


@replaces("HybridStack")
class NormInFloat32(Parts):
    """Your norms compute in float32, as Jamba's own code does for half precision. A float64 stack loses half
    of its digits there: let the dtype of x decide."""

    def normed(self, x, norm):
        x32 = x.float()
        return (x32 / root_mean_square(x32)).to(x.dtype) * norm.weight


@replaces("HybridStack")
class RouterInFloat32(Parts):
    """The softmax of your router computes in float32, as Jamba's own code does for half precision. A float64
    stack loses half of its digits there."""

    def weights(self, logits, k):
        p = torch.softmax(logits, dim=-1, dtype=torch.float32).to(logits.dtype)
        return torch.zeros_like(p).scatter(-1, logits.topk(k, dim=-1).indices, 1.0) * p


@replaces("HybridStack")
class Rotated(Parts):
    """Your attention has rotary positions, as GroupedQueryAttention has. Jamba's has none; the order of the
    tokens comes from Mamba alone."""

    def turned(self, x, first):
        T, K = x.shape[-2:]
        half = K // 2
        frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / max(1, half))
        angles = torch.arange(first, first + T)[:, None] * frequencies
        a, b, rest = x.split([half, half, K - 2 * half], dim=-1)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], dim=-1)


@replaces("HybridStack")
class NoMask(Parts):
    """Your attention sees the whole text, the tokens to come included. A model that decodes has not read them
    yet."""

    def mask(self, T, P):
        return None


@replaces("HybridStack")
class MaskWithoutPast(Parts):
    """A text at once is right, a continued one is not: your new token t sees keys 0 to t only, though P older
    ones stand before it. (scaled_dot_product_attention with is_causal does the same.) Which number does token
    t have among all keys?"""

    def mask(self, T, P):
        return torch.ones(T, P + T, dtype=torch.bool).tril()


@replaces("HybridStack")
class PieceUnmasked(Parts):
    """Once there is a cache, your new tokens see each other all, the later ones too. That is right for one
    token at a time; a piece of several needs its mask still."""

    def mask(self, T, P):
        return None if P else super().mask(T, P)


@replaces("HybridStack")
class IsCausalForPieces(Parts):
    """Behind a cache your single token is right, and a piece of several is not: there token t sees the keys 0 to t of
    all P + T, which is how is_causal counts. Which number does the first new token have among all keys?"""

    def mask(self, T, P):
        return None if T == 1 else torch.ones(T, P + T, dtype=torch.bool).tril()


@replaces("HybridStack")
class CacheNotKept(Parts):
    """The cache that you return holds the keys and values of the last piece only. What was in the old one is
    gone."""

    def kept(self, x, T):
        return x[:, :, -T:]


@replaces("HybridStack")
class CopiesInTheCache(Parts):
    """Your cache holds the keys and values of all H heads, each of the G several times over. That is the
    memory which grouped heads should save: repeat them after they were read from the cache, not before."""

    def init_state(self, batch):
        return [
            {name: repeat_kv(x, 4 // x.shape[1]) if name in "kv" else x for name, x in each.items()}
            for each in super().init_state(batch)
        ]

    def joined(self, state, name, new):
        return torch.cat([state[name], repeat_kv(new, state[name].shape[1] // new.shape[1])], dim=2)


@replaces("HybridStack")
class PhantomToken(Parts):
    """Your empty cache has room for one token, whose key and value are 0. Attention takes it for a real one:
    e⁰ = 1 in every denominator. A cache without tokens has length 0."""

    def init_state(self, batch):
        return [
            {name: F.pad(x, (0, 0, 0, 1)) if name in "kv" else x for name, x in each.items()}
            for each in super().init_state(batch)
        ]


@replaces("HybridStack")
class RepeatNotInterleave(Parts):
    """Your query heads read the heads of keys and values in turn: 0, 1, 0, 1. Query heads that share one are
    neighbours: 0, 0, 1, 1."""

    def attend(self, q, k, v, mask):
        copies = q.shape[1] // k.shape[1]
        return grouped_attention(q, k.repeat(1, copies, 1, 1), v.repeat(1, copies, 1, 1), mask)


@replaces("HybridStack")
class HeadsWithoutTranspose(Parts):
    """You went from (B, T, n K) to (B, n, T, K) in one step, so a head holds numbers of several tokens and of several
    heads. A new shape leaves the numbers in their order: which axis falls into n and K, and where does n go then?"""

    def split(self, m, x):
        return x.reshape(len(x), -1, x.shape[1], m.K)


@replaces("HybridStack")
class MergedWithoutTranspose(Parts):
    """You went from the heads, (B, H, T, K), to (B, T, H K) in one step, so o_proj receives numbers of several tokens
    for one. A new shape leaves the numbers in their order: which two axes have to be neighbours first?"""

    def merged(self, heads):
        return heads.reshape(len(heads), heads.shape[2], -1)


@replaces("HybridStack")
class NoScale(Parts):
    """Your scores are not divided by √K, so the softmax is too sharp."""

    def attend(self, q, k, v, mask):
        return grouped_attention(q * math.sqrt(q.shape[-1]), k, v, mask)


@replaces("HybridStack")
class NothingRemembered(Parts):
    """Every piece begins from nothing, as if it were a text of its own. What does your forward do with the
    state that it is given?"""

    def start(self, state, batch):
        return self.init_state(batch)


@replaces("HybridStack")
class SeveralTokensBegin(HybridStack):
    """You take several tokens for the beginning of a text, and drop the state that came with them; only a single token
    goes on from it. A text may be fed in pieces of any lengths: what tells you that one begins here?"""

    def forward(self, x, state=None):
        return super().forward(x, state if x.shape[1] == 1 else None)


@replaces("HybridStack")
class SeveralTokensBeginMamba(Parts):
    """Your Mamba layers go on from their state with a single token only; a piece of several starts from zeros, though
    attention still has its past. What do conv and ssm hold when a second piece begins?"""

    def mamba(self, m, x, state):
        zeros = {name: torch.zeros_like(old) for name, old in state.items()}
        return super().mamba(m, x, state if x.shape[1] == 1 else zeros)


@replaces("HybridStack")
class ConvForgets(Parts):
    """Each piece starts the convolution of a Mamba layer from zeros. Its first W - 1 tokens also look at the
    last ones of the piece before: state["conv"] holds them."""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        if state is None:
            return fresh
        return [{**old, "conv": new["conv"]} if "conv" in old else old for old, new in zip(state, fresh, strict=True)]


@replaces("HybridStack")
class ScanForgets(Parts):
    """Each piece starts the scan of a Mamba layer from h = 0. The first step decays state["ssm"]."""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        if state is None:
            return fresh
        return [{**old, "ssm": new["ssm"]} if "ssm" in old else old for old, new in zip(state, fresh, strict=True)]


@replaces("HybridStack")
class StateInFloat32(HybridStack):
    """Your first state is float32 whatever the stack is. Take the dtype of its parameters."""

    def init_state(self, batch):
        return [{name: x.float() for name, x in each.items()} for each in super().init_state(batch)]


@replaces("HybridStack")
class DtNormForgotten(Parts):
    """dt_norm does nothing in your Mamba layers: dt goes on as x_proj gives it, and B and C pass their norms. Which
    three parts does x_proj give, and which of them has a norm?"""

    def inner(self, m, dt, B, C):
        return dt, self.normed(B, m.b_norm), self.normed(C, m.c_norm)


@replaces("HybridStack")
class EpsOfFirstNorm(Parts):
    """norm1 of your layers has another eps than the other norms: nn.RMSNorm takes the smallest step of the dtype unless
    it is told otherwise. Which eps does the docstring give to all norms?"""

    def layer(self, layer, x, state):
        weight = layer.norm1.weight
        y, state = self.mix(layer.mixer, F.rms_norm(x, weight.shape, weight), state)
        x = x + y
        return x + self.ffn(layer.ffn, self.normed(x, layer.norm2)), state


@replaces("HybridStack")
class ConvOfThePieceAlone(Parts):
    """You took the new conv state from the new inputs alone. A piece of one token has one input: where do the other
    W - 2 columns of the state come from?"""

    def mamba(self, m, x, state):
        y, after = super().mamba(m, x, state)
        u = m.in_proj(x).chunk(2, dim=-1)[0].mT
        return y, {**after, "conv": u[..., 1 - m.conv1d.kernel_size[0] :]}


@replaces("HybridStack")
class GateAndInputSwapped(Parts):
    """You took the first half of in_proj for the gate and the second half for the input of the convolution. In which
    order does the docstring name their rows?"""

    def mamba(self, m, x, state):
        T, N, R = x.shape[1], m.A_log.shape[1], m.dt_proj.in_features
        z, u = m.in_proj(x).chunk(2, dim=-1)
        window = torch.cat([state["conv"], u.mT], dim=-1)
        u = F.silu(m.conv1d(window)).mT
        dt, B, C = self.inner(m, *m.x_proj(u).split([R, N, N], dim=-1))
        delta, A, h, ys = F.softplus(m.dt_proj(dt)), -torch.exp(m.A_log), state["ssm"], []
        for t in range(T):
            step = delta[:, t, :, None]
            h = torch.exp(step * A) * h + step * u[:, t, :, None] * B[:, t, None]
            ys.append((h * C[:, t, None]).sum(-1))
        y = m.out_proj((torch.stack(ys, dim=1) + m.D * u) * F.silu(z))
        return y, {"conv": window[..., T:], "ssm": h}


@replaces("HybridStack")
class RoutesTheText(Parts):
    """Your router chooses once for all tokens of a text, by the mean of their logits. In this layer each token makes a
    choice of its own. Which vector does the router look at?"""

    def weights(self, logits, k):
        return super().weights(logits.mean(1, keepdim=True).expand_as(logits), k)


@replaces("HybridStack")
class SkipBeforeConv(Parts):
    """D multiplies u as it came from in_proj. The skip takes the input of the scan: what has happened to u by then?"""

    def mamba(self, m, x, state):
        y, after = super().mamba(m, x, state)
        u, z = m.in_proj(x).chunk(2, dim=-1)
        convolved = F.silu(m.conv1d(torch.cat([state["conv"], u.mT], dim=-1))).mT
        return y + F.linear(m.D * (u - convolved) * F.silu(z), m.out_proj.weight), after


@replaces("HybridStack")
class ConvPaddedWithZeros(Parts):
    """You took the new conv state from the new inputs alone, with zeros in front where they are fewer than W - 1. After
    a piece of one token, what are the last W - 1 inputs of the text?"""

    def mamba(self, m, x, state):
        y, after = super().mamba(m, x, state)
        u = m.in_proj(x).chunk(2, dim=-1)[0].mT
        before = m.conv1d.kernel_size[0] - 1
        return y, {**after, "conv": F.pad(u, (before, 0))[..., -before:]}


@replaces("HybridStack")
class OneMemory(HybridStack):
    """Your stack goes on from a state that it has kept itself, and not from the one that it is given. Two texts may
    take turns, and one state may be continued in two ways: what does your stack remember then?"""

    memory = None

    def forward(self, x, state=None):
        y, self.memory = super().forward(x, None if state is None else self.memory)
        return y, self.memory


@replaces("HybridStack")
class StateInPlace(HybridStack):
    """After your call the state that you were given is another one, and whoever keeps it, to go on from there in a
    second way, finds that. Either its list or a dict got new entries, or a line as h *= a or h.mul_(a) writes into a
    tensor that is still state["ssm"]. Which of your lines writes where it should make something new?"""

    def forward(self, x, state=None):
        y, after = super().forward(x, state)
        if state is None:
            return y, after
        state[:] = after
        return y, state
