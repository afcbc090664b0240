"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from grouped_query_attention import GroupedQueryAttention, attention_parameters, grouped_attention, repeat_kv
from torch import Tensor, nn

from grader.testing import replaces

INF = float("inf")


@replaces("repeat_kv")
def tile(x: Tensor, n_rep: int) -> Tensor:
    """You put the heads one after another and then all of them again: h0, h1, h0, h1. Query heads that share are
    neighbours, so the copies of a head must be too. With one head, or with n_rep = 1, nobody sees the
    difference."""
    return x.repeat(1, n_rep, 1, 1)


@replaces("repeat_kv")
def repeated_without_a_gradient(x: Tensor, n_rep: int) -> Tensor:
    """Your heads are right, and no gradient leads from them to x, so W_k and W_v would not learn. Which step leaves the
    graph?"""
    return repeat_kv(x.detach(), n_rep)


@replaces("repeat_kv")
def repeat_seq(x: Tensor, n_rep: int) -> Tensor:
    """You repeated the positions, not the heads: S became longer. Which axis of (B, G, S, K) holds the heads?"""
    return x.repeat_interleave(n_rep, dim=2)


@replaces("repeat_kv")
def repeat_reshaped(x: Tensor, n_rep: int) -> Tensor:
    """The new axis stands in the wrong place: after S, so the positions of a head are repeated and then cut into
    new heads. The copies must lie right behind the head that they copy."""
    B, G, S, K = x.shape
    return x[:, :, :, None].expand(B, G, S, n_rep, K).reshape(B, G * n_rep, S, K)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float | None = None) -> Tensor:
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -INF)
    return torch.softmax(scores, dim=-1) @ v


def groups(q: Tensor, k: Tensor) -> int:
    return q.shape[1] // k.shape[1]


@replaces("grouped_attention")
def reads_modulo(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your query head h reads kv head h mod G: neighbours never share. The formula divides, and rounds down."""
    n = groups(q, k)
    return attend(q, k.repeat(1, n, 1, 1), v.repeat(1, n, 1, 1), mask)


@replaces("grouped_attention")
def keys_only(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your query heads find the right keys and then read the values of another head. Keys and values are shared
    in the same way."""
    n = groups(q, k)
    return attend(q, repeat_kv(k, n), v.repeat(1, n, 1, 1), mask)


@replaces("grouped_attention")
def share_queries(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """You averaged the queries of a group, so all its heads compute the same. Queries stay separate: they cost no
    memory, since they are not kept. Only keys and values are shared."""
    n = groups(q, k)
    mean = q.unflatten(1, (-1, n)).mean(2)
    return attend(repeat_kv(mean, n), repeat_kv(k, n), repeat_kv(v, n), mask)


@replaces("grouped_attention")
def first_head_for_all(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """All your query heads read the first kv head. That is multi-query attention, and the other heads are kept
    for nothing."""
    groups(q, k)
    return attend(q, k[:, :1], v[:, :1], mask)


@replaces("grouped_attention")
def no_scale(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """The scores are not divided by the root of the head width."""
    n = groups(q, k)
    return attend(q, repeat_kv(k, n), repeat_kv(v, n), mask, scale=1.0)


@replaces("grouped_attention")
def mask_inverted(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """You blocked the keys that are allowed: in this course True means «may attend»."""
    n = groups(q, k)
    return attend(q, repeat_kv(k, n), repeat_kv(v, n), None if mask is None else ~mask)


@replaces("grouped_attention")
def mask_ignored(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mask changes nothing in your result. It belongs between the scores and the softmax."""
    n = groups(q, k)
    return attend(q, repeat_kv(k, n), repeat_kv(v, n), None)


@replaces("grouped_attention")
def mask_meets_the_groups(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your scores have five axes, (B, G, H/G, T, S), and a mask (B, 1, 1, S) has four. Axes are matched from the right:
    so its texts meet your groups. Where does the mask need an axis more?"""
    (B, H, T, K), G = q.shape, k.shape[1]
    return attend(q.view(B, G, H // G, T, K), k[:, :, None], v[:, :, None], mask).reshape(B, H, T, K)


@replaces("attention_parameters")
def count_o_with_g(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """You sized W_o by the kv heads. What it reads is the outputs of the query heads: how many are those?"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    return hidden_size * K * (num_heads + 3 * num_kv_heads)


@replaces("attention_parameters")
def count_as_mha(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """You counted the keys and values of H heads. There are only G, and this is where weights are saved."""
    return attention_parameters(hidden_size, num_heads, num_heads, head_dim)


@replaces("attention_parameters")
def count_without_o(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """One matrix is missing: the heads go through W_o before they leave the layer."""
    K = hidden_size // num_heads if head_dim is None else head_dim
    return hidden_size * K * (num_heads + 2 * num_kv_heads)


@replaces("attention_parameters")
def count_square(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """You took W_q and W_o as D × D. That holds while K is D / H; a config may give a head_dim of its own."""
    K = hidden_size // num_heads if head_dim is None else head_dim
    return 2 * hidden_size**2 + 2 * hidden_size * num_kv_heads * K


@replaces("attention_parameters")
def one_count_square(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """You took one of W_q and W_o as D × D. W_q makes the numbers of all query heads, and W_o reads as many: how many
    are that, if a config gives a head_dim of its own?"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    return hidden_size * (num_heads * K + 2 * num_kv_heads * K + hidden_size)


@replaces("attention_parameters")
def head_dim_ignored(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """Your K is D / H whatever head_dim says. Gemma 2B has D = 2048, H = 8 and K = 256, Qwen3-0.6B D = 1024, H =
    16 and K = 128: one of them is not D / H."""
    return attention_parameters(hidden_size, num_heads, num_kv_heads)


class Parts(GroupedQueryAttention):
    """The right module, with more places in which to go wrong."""

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        half = x.shape[-1] // 2
        angles = positions[:, None] * self.rope_theta ** (-torch.arange(half, dtype=torch.float64) / half)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)

    def past(self, cache: dict[str, Tensor]) -> int:
        return cache["k"].shape[2]

    def positions(self, P: int, T: int) -> Tensor:
        return torch.arange(P, P + T)

    def mask(self, P: int, T: int) -> Tensor | None:
        return torch.ones(T, P + T, dtype=torch.bool).tril(P)

    def keys(self, x: Tensor, positions: Tensor) -> Tensor:
        return self.rotate(self._split(self.k_proj(x)), positions)

    def values(self, x: Tensor, positions: Tensor) -> Tensor:
        return self._split(self.v_proj(x))

    def append(self, old: Tensor, new: Tensor) -> Tensor:
        return torch.cat([old, new], dim=2)

    def forward(self, x, cache=None):
        T, P = x.shape[1], 0 if cache is None else self.past(cache)
        positions = self.positions(P, T)
        q = self.rotate(self._split(self.q_proj(x)), positions)
        k, v = self.keys(x, positions), self.values(x, positions)
        if cache is not None:
            k, v = self.append(cache["k"], k), self.append(cache["v"], v)
        heads = grouped_attention(q, k, v, self.mask(P, T))
        return self.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}


@replaces("GroupedQueryAttention")
class CachesRepeated(Parts):
    """Your outputs are right, and your cache is as large as that of multi-head attention: the heads in it are
    repeated already. You pay the memory that grouped queries were invented to save. When is the latest moment to
    repeat?"""

    def keys(self, x, positions):
        return repeat_kv(super().keys(x, positions), self._copies())

    def values(self, x, positions):
        return repeat_kv(super().values(x, positions), self._copies())

    def _copies(self):
        return self.q_proj.weight.shape[0] // self.k_proj.weight.shape[0]


@replaces("GroupedQueryAttention")
class HeadDimFromG(nn.Module):
    """Your heads of keys and values are D / G wide. There are fewer of them, and not wider ones: a key must be as
    wide as the query that it meets."""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        width = hidden_size // num_kv_heads if head_dim is None else head_dim
        K = hidden_size // num_heads if head_dim is None else head_dim
        self.q_proj = nn.Linear(hidden_size, num_heads * K, bias=False)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * width, bias=False)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * width, bias=False)
        self.o_proj = nn.Linear(num_heads * K, hidden_size, bias=False)


@replaces("GroupedQueryAttention")
class HeadDimIgnored(Parts):
    """Your heads are D / H wide although the config gives a head_dim. Then W_q is not square."""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__(hidden_size, num_heads, num_kv_heads, None, rope_theta)


@replaces("GroupedQueryAttention")
class WithBias(nn.Module):
    """Your layers have a bias; those of Llama have none, and a checkpoint without them does not fit. nn.Linear
    has one unless it is told otherwise."""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        K = hidden_size // num_heads if head_dim is None else head_dim
        self.q_proj = nn.Linear(hidden_size, num_heads * K)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * K)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * K)
        self.o_proj = nn.Linear(num_heads * K, hidden_size)


@replaces("GroupedQueryAttention")
class ThetaIgnored(Parts):
    """The frequencies do not depend on rope_theta in your module. Llama 3 has 500000 where Llama 2 had 10000."""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__(hidden_size, num_heads, num_kv_heads, head_dim)


@replaces("GroupedQueryAttention")
class NotCausal(Parts):
    """Your tokens attend to later ones. While a text is written those do not exist yet: what would differ between
    feeding it at once and in pieces?"""

    def mask(self, P, T):
        return None


@replaces("GroupedQueryAttention")
class TopLeftMask(Parts):
    """Your mask forgets the cache: new token t may see keys 0 to t of all, though it stands at position P + t.
    (is_causal=True of F.scaled_dot_product_attention does just that.)"""

    def mask(self, P, T):
        return torch.ones(T, P + T, dtype=torch.bool).tril()


@replaces("GroupedQueryAttention")
class NoMaskWithCache(Parts):
    """With a cache your mask is gone. One new token needs none, but several at once must not see each other's
    future."""

    def mask(self, P, T):
        return super().mask(P, T) if P == 0 else None


@replaces("GroupedQueryAttention")
class PositionsRestart(Parts):
    """The positions of new tokens start at 0 again. With P tokens in the cache the next one is number P."""

    def positions(self, P, T):
        return torch.arange(T)


@replaces("GroupedQueryAttention")
class HeadsForTokens(Parts):
    """You took the number of heads in the cache for the number of its tokens, and your mask is as long as if it were.
    The cache is (B, G, P, K): on which axis do the tokens lie?"""

    def past(self, cache):
        return cache["k"].shape[1]


@replaces("GroupedQueryAttention")
class PositionsFromHeads(Parts):
    """Your new tokens stand at a position that counts the heads of the cache, and not its tokens. The cache is (B, G,
    P, K): on which axis do the tokens lie?"""

    def positions(self, P, T):
        G = self.k_proj.out_features // self.head_dim
        return torch.arange(T) + (G if P else 0)

    def mask(self, P, T):
        return torch.arange(P + T) <= self.positions(P, T)[:, None]


@replaces("GroupedQueryAttention")
class RotatesValues(Parts):
    """You rotated the values too. They carry content; position is for the scores, so for queries and keys."""

    def values(self, x, positions):
        return self.rotate(super().values(x, positions), positions)


@replaces("GroupedQueryAttention")
class NoRotation(Parts):
    """Nothing is rotated: your attention does not know in which order the past was."""

    def rotate(self, x, positions):
        return x


@replaces("GroupedQueryAttention")
class KeysNotRotated(Parts):
    """Only the queries are rotated. A score depends on the distance only if both are turned, each by its own
    position."""

    def keys(self, x, positions):
        return self._split(self.k_proj(x))


@replaces("GroupedQueryAttention")
class RotatedBeforeSplit(Parts):
    """You rotated before splitting into heads, over the whole width: pairs then join numbers of different heads,
    and frequencies run over all heads instead of each. First split."""

    def keys(self, x, positions):
        return self._split(self.rotate(self.k_proj(x), positions))

    def forward(self, x, cache=None):
        T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
        positions = self.positions(P, T)
        q = self._split(self.rotate(self.q_proj(x), positions))
        k, v = self.keys(x, positions), self.values(x, positions)
        if cache is not None:
            k, v = self.append(cache["k"], k), self.append(cache["v"], v)
        heads = grouped_attention(q, k, v, self.mask(P, T))
        return self.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}


@replaces("GroupedQueryAttention")
class CacheBeforeRotation(Parts):
    """Your cache holds keys that are not rotated, and each call has to turn all of them again. A key's position
    never changes: rotate it once, then keep it."""

    def forward(self, x, cache=None):
        T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
        q = self.rotate(self._split(self.q_proj(x)), self.positions(P, T))
        k, v = self._split(self.k_proj(x)), self.values(x, None)
        if cache is not None:
            k, v = self.append(cache["k"], k), self.append(cache["v"], v)
        heads = grouped_attention(q, self.rotate(k, torch.arange(P + T)), v, self.mask(P, T))
        return self.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}


@replaces("GroupedQueryAttention")
class CacheOnlyNew(Parts):
    """You return the new keys and values alone, and at the next call everything before them is forgotten. The new
    cache holds old and new."""

    def forward(self, x, cache=None):
        output, full = super().forward(x, cache)
        return output, {name: tensor[:, :, -x.shape[1] :] for name, tensor in full.items()}


@replaces("GroupedQueryAttention")
class Prepends(Parts):
    """New keys and values stand before the old ones in your cache. They are the later ones: they go to the
    end."""

    def append(self, old, new):
        return torch.cat([new, old], dim=2)


@replaces("GroupedQueryAttention")
class CacheInPlace(Parts):
    """You wrote the longer keys and values into the cache that you were given. Whoever keeps it, to go on from there a
    second time, finds it changed. What does the docstring return?"""

    def forward(self, x, cache=None):
        output, longer = super().forward(x, cache)
        if cache is None:
            return output, longer
        cache.update(longer)
        return output, cache


class Steps(Parts):
    """The same once more, with heads, rotations and the way back apart."""

    def split(self, x: Tensor) -> Tensor:
        return self._split(x)

    def merge(self, heads: Tensor) -> Tensor:
        return heads.transpose(1, 2).flatten(2)

    def query_positions(self, P: int, T: int) -> Tensor:
        return self.positions(P, T)

    def forward(self, x, cache=None):
        T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
        q = self.rotate(self.split(self.q_proj(x)), self.query_positions(P, T))
        k = self.rotate(self.split(self.k_proj(x)), self.positions(P, T))
        v = self.split(self.v_proj(x))
        if cache is not None:
            k, v = self.append(cache["k"], k), self.append(cache["v"], v)
        heads = grouped_attention(q, k, v, self.mask(P, T))
        return self.o_proj(self.merge(heads)), {"k": k, "v": v}


@replaces("GroupedQueryAttention")
class QueriesRestart(Steps):
    """The keys go on at position P, and the queries of new tokens start at 0 again. A score depends on the distance of
    the two: where does new token t stand?"""

    def query_positions(self, P, T):
        return torch.arange(T)


@replaces("GroupedQueryAttention")
class KeysRestart(Parts):
    """The queries go on at position P, and the keys of new tokens start at 0 again. A score depends on the distance of
    the two: where does new token t stand?"""

    def keys(self, x, positions):
        return super().keys(x, torch.arange(x.shape[1]))


@replaces("GroupedQueryAttention")
class StridedHeads(Steps):
    """Your head h owns the numbers h, h + H, h + 2H, which lie apart, and with G heads of keys others. The docstring
    says which rows belong to a head: in which order are the heads and their K numbers cut out of the width?"""

    def split(self, x):
        return x.unflatten(-1, (self.head_dim, -1)).permute(0, 3, 1, 2)

    def merge(self, heads):
        return heads.permute(0, 2, 3, 1).flatten(2)


@replaces("GroupedQueryAttention")
class InterleavedSplit(Steps):
    """Splitting and merging do not undo each other: you cut the width into (K, heads) and put it together from (heads,
    K). A head owns K neighbouring rows of the matrices."""

    def split(self, x):
        return x.unflatten(-1, (self.head_dim, -1)).permute(0, 3, 1, 2)


@replaces("GroupedQueryAttention")
class SplitNoTranspose(Steps):
    """You cut (B, T, n K) into (B, n, T, K) at once. That keeps the order of the numbers, so your heads are stretches
    of text. Which axis must be cut, and which two must then change places?"""

    def split(self, x):
        return x.reshape(x.shape[0], -1, x.shape[1], self.head_dim)


@replaces("GroupedQueryAttention")
class MergeNoTranspose(Steps):
    """The heads (B, H, T, K) were put together as they lie, so one row mixes several tokens. Before H and K can become
    one axis, they must be neighbours."""

    def merge(self, heads):
        return heads.reshape(heads.shape[0], heads.shape[2], -1)


@replaces("GroupedQueryAttention")
class ScaledByD(Parts):
    """The scores of your module are scaled by the root of D. Each dot product runs over the K numbers of one
    head."""

    def forward(self, x, cache=None):
        T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
        positions = self.positions(P, T)
        q = self.rotate(self._split(self.q_proj(x)), positions)
        k, v = self.keys(x, positions), self.values(x, positions)
        if cache is not None:
            k, v = self.append(cache["k"], k), self.append(cache["v"], v)
        heads = grouped_attention(q * math.sqrt(self.head_dim / x.shape[-1]), k, v, self.mask(P, T))
        return self.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}
