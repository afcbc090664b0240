"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from grouped_query_attention import GroupedQueryAttention, attention_parameters, grouped_attention, repeat_kv
from torch import Tensor, nn

from grader.testing import replaces

INF = float("inf")


@replaces("repeat_kv")
def tile(x: Tensor, n_rep: int) -> Tensor:
    """Your heads come in the order h0, h1, h0, h1. Query heads that share are neighbors: next to which head should
    the copies of h0 be?"""
    return x.repeat(1, n_rep, 1, 1)


@replaces("repeat_kv")
def repeated_without_a_gradient(x: Tensor, n_rep: int) -> Tensor:
    """Your heads are right, but no gradient leads from them to x, so W_k and W_v would not learn. What in your code
    cuts it off?"""
    return repeat_kv(x.detach(), n_rep)


@replaces("repeat_kv")
def repeat_seq(x: Tensor, n_rep: int) -> Tensor:
    """You repeated the positions, not the heads: S became longer. Which axis of (B, G, S, K) holds the heads?"""
    return x.repeat_interleave(n_rep, dim=2)


@replaces("repeat_kv")
def repeat_reshaped(x: Tensor, n_rep: int) -> Tensor:
    """Your copies are made along the positions and then cut into new heads. After which axis of (B, G, S, K) should
    the axis of the copies be?"""
    B, G, S, K = x.shape
    return x[:, :, :, None].expand(B, G, S, n_rep, K).reshape(B, G * n_rep, S, K)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float | None = None) -> Tensor:
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -INF)
    return torch.softmax(scores, dim=-1) @ v


def groups(q: Tensor, k: Tensor) -> int:
    return q.shape[1] // k.shape[1]


@replaces("grouped_attention", keys=[True, False])
def reads_modulo(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, keys: bool) -> Tensor:
    """In your result query head h reads kv head h mod G, at least for the values: neighbors never share. Which kv head
    does the formula give to h = 1?"""
    n = groups(q, k)
    return attend(q, k.repeat(1, n, 1, 1) if keys else repeat_kv(k, n), v.repeat(1, n, 1, 1), mask)


@replaces("grouped_attention")
def values_only(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your query heads read the values of the right head, with weights from the keys of another. Are keys and values
    shared in the same way?"""
    n = groups(q, k)
    return attend(q, k.repeat(1, n, 1, 1), repeat_kv(v, n), mask)


@replaces("grouped_attention")
def share_queries(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """All query heads of a group give the same in your result, as if they shared one query. Queries are not kept,
    so sharing them saves nothing: what should a group share?"""
    n = groups(q, k)
    mean = q.unflatten(1, (-1, n)).mean(2)
    return attend(repeat_kv(mean, n), repeat_kv(k, n), repeat_kv(v, n), mask)


@replaces("grouped_attention")
def first_head_for_all(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """All your query heads read the first kv head. Which one does query head h read, by the formula?"""
    groups(q, k)
    return attend(q, k[:, :1], v[:, :1], mask)


@replaces("grouped_attention", factor=["1", "1/K", "√K", "1/√(H K)", "1/√S", "1/√H"])
def other_scale(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, factor: str) -> Tensor:
    """Your scores are multiplied by {factor}. How many terms does the dot product of a query and a key have, and by
    what does the formula divide it?"""
    n, (_, H, _, K), S = groups(q, k), q.shape, k.shape[2]
    factors = {"1": 1.0, "1/K": 1 / K, "√K": K**0.5, "1/√(H K)": (H * K) ** -0.5, "1/√S": S**-0.5, "1/√H": H**-0.5}
    return attend(q, repeat_kv(k, n), repeat_kv(v, n), mask, scale=factors[factor])


@replaces("grouped_attention", axis=[1, 2])
def softmax_over_another_axis(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, axis: int) -> Tensor:
    """The weights with which a query of yours reads do not sum to 1. Which axis of the scores (B, H, T, S) has the
    keys?"""
    n = groups(q, k)
    scores = q @ repeat_kv(k, n).mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -INF)
    return torch.softmax(scores, dim=axis) @ repeat_kv(v, n)


@replaces("grouped_attention", hidden=[0.0, 1.0, -1.0, -10.0])
def finite_mask(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, hidden: float) -> Tensor:
    """Keys that the mask hides still get some weight in your result. Which score has a weight of exactly 0 after
    softmax?"""
    n = groups(q, k)
    scores = q @ repeat_kv(k, n).mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, hidden)
    return torch.softmax(scores, dim=-1) @ repeat_kv(v, n)


@replaces("grouped_attention")
def weights_masked_after(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """With a mask the weights of your queries do not sum to 1, as if hidden keys had taken their share. Before which
    step should the mask take effect?"""
    n = groups(q, k)
    weights = torch.softmax(q @ repeat_kv(k, n).mT / q.shape[-1] ** 0.5, dim=-1)
    return (weights if mask is None else weights * mask) @ repeat_kv(v, n)


@replaces("grouped_attention")
def one_output_for_each_group(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your result has G heads, fewer than there are queries. How many outputs does the docstring promise?"""
    n = groups(q, k)
    return attend(q.unflatten(1, (-1, n)).mean(2), k, v, None)


@replaces("grouped_attention")
def mask_inverted(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your queries read the keys that the mask hides. What does True mean in a mask of this course?"""
    n = groups(q, k)
    return attend(q, repeat_kv(k, n), repeat_kv(v, n), None if mask is None else ~mask)


@replaces("grouped_attention")
def mask_ignored(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mask changes nothing in your result. Between which two steps does it take effect?"""
    n = groups(q, k)
    return attend(q, repeat_kv(k, n), repeat_kv(v, n), None)


@replaces("grouped_attention")
def mask_meets_the_groups(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """With one mask for each text, your texts meet groups of heads. How many axes do your scores have, and how many
    does the mask have?"""
    (B, H, T, K), G = q.shape, k.shape[1]
    return attend(q.view(B, G, H // G, T, K), k[:, :, None], v[:, :, None], mask).reshape(B, H, T, K)


@replaces("attention_parameters")
def count_o_with_g(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """Your W_o is as wide as the kv heads. It reads the outputs of the query heads: how many are those?"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    return hidden_size * K * (num_heads + 3 * num_kv_heads)


@replaces("attention_parameters")
def count_as_mha(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """Your keys and values have H heads. How many do W_k and W_v make?"""
    return attention_parameters(hidden_size, num_heads, num_heads, head_dim)


@replaces("attention_parameters", missing=["W_k or W_v", "W_k and W_v", "W_q or W_o", "W_o and W_v"])
def matrices_missing(
    hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None, *, missing: str
) -> int:
    """Your count lacks a matrix. Which four matrices does the table list, and which of them have H heads?"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    large = 2 - missing.count("W_q or W_o") - missing.count("W_o and")
    small = 2 - (missing == "W_k and W_v") - ("W_v" in missing)
    return hidden_size * K * (large * num_heads + small * num_kv_heads)


@replaces("attention_parameters", square=[1, 2])
def count_square(
    hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None, *, square: int
) -> int:
    """One or both of your W_q and W_o are D × D. How many numbers do all query heads have together, if head_dim is
    given?"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    return hidden_size * (square * hidden_size + (2 - square) * num_heads * K + 2 * num_kv_heads * K)


@replaces("attention_parameters")
def head_dim_ignored(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """Your K is D / H whatever head_dim is. Is it so for Qwen3-0.6B, with D = 1024, H = 16 and K = 128?"""
    return attention_parameters(hidden_size, num_heads, num_kv_heads)


@replaces("attention_parameters", of=["all", "four of D"])
def biases_counted(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None, *, of: str) -> int:
    """Your count is a little too large, as if the matrices had biases. Does the docstring count any?"""
    K = hidden_size // num_heads if head_dim is None else head_dim
    biases = 4 * hidden_size if of == "four of D" else (num_heads + 2 * num_kv_heads) * K + hidden_size
    return attention_parameters(hidden_size, num_heads, num_kv_heads, head_dim) + biases


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
    """Your outputs are right, but your cache has H heads and not G, so it needs the memory that grouped queries
    should save. What is the latest moment to repeat heads?"""

    def keys(self, x, positions):
        return repeat_kv(super().keys(x, positions), self._copies())

    def values(self, x, positions):
        return repeat_kv(super().values(x, positions), self._copies())

    def _copies(self):
        return self.q_proj.weight.shape[0] // self.k_proj.weight.shape[0]


@replaces("GroupedQueryAttention")
class HeadDimFromG(nn.Module):
    """Your heads of keys and values are D / G wide. A query meets a key in a dot product: how wide must the key
    be?"""

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
    """Your heads are D / H wide although head_dim is given. What are the shapes of the matrices then, by the
    table?"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__(hidden_size, num_heads, num_kv_heads, None, rope_theta)


@replaces("GroupedQueryAttention")
class WithBias(nn.Module):
    """Your layers have a bias, and those of Llama have none. Which option of nn.Linear leaves it out?"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__()
        K = hidden_size // num_heads if head_dim is None else head_dim
        self.q_proj = nn.Linear(hidden_size, num_heads * K)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * K)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * K)
        self.o_proj = nn.Linear(num_heads * K, hidden_size)


@replaces("GroupedQueryAttention")
class ThetaIgnored(Parts):
    """rope_theta has no effect in your module. Which function has to know it?"""

    def __init__(self, hidden_size, num_heads, num_kv_heads, head_dim=None, rope_theta=10000.0):
        super().__init__(hidden_size, num_heads, num_kv_heads, head_dim)


@replaces("GroupedQueryAttention")
class NotCausal(Parts):
    """Your tokens attend to later ones. While a text is written, those do not exist yet: which keys may new token t
    see?"""

    def mask(self, P, T):
        return None


@replaces("GroupedQueryAttention", off=[1, 2])
class MaskOneMore(Parts):
    """Each of your tokens sees later ones, but not all. Which is the last key that new token t may see, if P are in the
    cache?"""

    off: int

    def mask(self, P, T):
        return torch.ones(T, P + T, dtype=torch.bool).tril(P + self.off)


@replaces("GroupedQueryAttention")
class TopLeftMask(Parts):
    """Your mask forgets the cache: new token t may see keys 0 to t of all, though it stands at position P + t.
    (is_causal=True of F.scaled_dot_product_attention does just that.)"""

    def mask(self, P, T):
        return torch.ones(T, P + T, dtype=torch.bool).tril()


@replaces("GroupedQueryAttention")
class NoMaskWithCache(Parts):
    """With a cache your new tokens see each other's future. One new token alone needs no mask: what about
    several?"""

    def mask(self, P, T):
        return super().mask(P, T) if P == 0 else None


@replaces("GroupedQueryAttention")
class PositionsRestart(Parts):
    """The positions of your new tokens start at 0 in every call. With P tokens in the cache, where is the next one?"""

    def positions(self, P, T):
        return torch.arange(T)


@replaces("GroupedQueryAttention", off=[-1, 1])
class PositionsOff(Parts):
    """With P tokens in the cache your new ones begin one position too early or too late. Counted from 0, where is the
    next token?"""

    off: int

    def positions(self, P, T):
        return torch.arange(T) + (P + self.off if P else 0)


@replaces("GroupedQueryAttention")
class HeadsForTokens(Parts):
    """Your mask or your positions count the heads in the cache instead of its tokens. The cache is (B, G, P, K): on
    which axis are the tokens?"""

    def past(self, cache):
        return cache["k"].shape[1]


@replaces("GroupedQueryAttention")
class PositionsFromHeads(Parts):
    """Your new tokens begin at position G, the number of heads in the cache. The cache is (B, G, P, K): on which
    axis are the tokens?"""

    def positions(self, P, T):
        G = self.k_proj.out_features // self.head_dim
        return torch.arange(T) + (G if P else 0)

    def mask(self, P, T):
        return torch.arange(P + T) <= self.positions(P, T)[:, None]


@replaces("GroupedQueryAttention")
class RotatesValues(Parts):
    """Your values are rotated. Positions matter for the scores: which two tensors make those?"""

    def values(self, x, positions):
        return self.rotate(super().values(x, positions), positions)


@replaces("GroupedQueryAttention")
class NoRotation(Parts):
    """Your result does not depend on positions. Which two tensors should be rotated?"""

    def rotate(self, x, positions):
        return x


@replaces("GroupedQueryAttention", rotated=["queries", "keys"])
class OnlyOneRotated(Parts):
    """Only the {rotated} of your module are rotated. When does a score depend on the distance of two tokens alone?"""

    rotated: str

    def keys(self, x, positions):
        k = self._split(self.k_proj(x))
        return self.rotate(k, positions) if self.rotated == "keys" else k

    def forward(self, x, cache=None):
        T, P = x.shape[1], 0 if cache is None else self.past(cache)
        positions = self.positions(P, T)
        q = self._split(self.q_proj(x))
        if self.rotated == "queries":
            q = self.rotate(q, positions)
        k, v = self.keys(x, positions), self.values(x, positions)
        if cache is not None:
            k, v = self.append(cache["k"], k), self.append(cache["v"], v)
        heads = grouped_attention(q, k, v, self.mask(P, T))
        return self.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}


@replaces("GroupedQueryAttention")
class RotatedBeforeSplit(Parts):
    """Your rotation runs over the whole width, so pairs join numbers of different heads. What comes first in the
    statement, the split or the rotation?"""

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
    """Your cache holds keys that are not rotated, so each call would have to turn all of them again. Does a key's
    position ever change?"""

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
    """Your cache holds the new keys and values alone. What will the next call know of the tokens before them?"""

    def forward(self, x, cache=None):
        output, full = super().forward(x, cache)
        return output, {name: tensor[:, :, -x.shape[1] :] for name, tensor in full.items()}


@replaces("GroupedQueryAttention")
class Prepends(Parts):
    """New keys and values come before the old ones in your cache. Which of them are later in the text?"""

    def append(self, old, new):
        return torch.cat([new, old], dim=2)


@replaces("GroupedQueryAttention")
class CacheInPlace(Parts):
    """The cache that you were given is changed. Whoever keeps it, to go on from there a second time, gets another
    text: what does the docstring return?"""

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
    """Your keys go on at position P, but the queries of new tokens start at 0 again. A score depends on the
    distance of the two: where is new token t?"""

    def query_positions(self, P, T):
        return torch.arange(T)


@replaces("GroupedQueryAttention")
class KeysRestart(Parts):
    """Your queries go on at position P, but the keys of new tokens start at 0 again. A score depends on the
    distance of the two: where is new token t?"""

    def keys(self, x, positions):
        return super().keys(x, torch.arange(x.shape[1]))


@replaces("GroupedQueryAttention")
class StridedHeads(Steps):
    """Your head owns numbers of the width that are not neighbors. Which rows belong to a head in the docstring, and
    in which order are the heads and their K numbers cut out of the width?"""

    def split(self, x):
        return x.unflatten(-1, (self.head_dim, -1)).permute(0, 3, 1, 2)

    def merge(self, heads):
        return heads.permute(0, 2, 3, 1).flatten(2)


@replaces("GroupedQueryAttention")
class InterleavedSplit(Steps):
    """Your split and your merge do not undo each other: one has (K, heads), the other (heads, K). Which rows of the
    matrices does a head own?"""

    def split(self, x):
        return x.unflatten(-1, (self.head_dim, -1)).permute(0, 3, 1, 2)


@replaces("GroupedQueryAttention")
class SplitNoTranspose(Steps):
    """Your heads are stretches of text: cutting (B, T, n K) into (B, n, T, K) directly keeps the order of the
    numbers. Which axis should be cut, and which two exchanged?"""

    def split(self, x):
        return x.reshape(x.shape[0], -1, x.shape[1], self.head_dim)


@replaces("GroupedQueryAttention")
class MergeNoTranspose(Steps):
    """A row of your merged heads mixes several tokens. H and K have to be neighbors before they become one axis:
    which two axes should be exchanged first?"""

    def merge(self, heads):
        return heads.reshape(heads.shape[0], heads.shape[2], -1)


@replaces("GroupedQueryAttention", by=["√D", "K"])
class ScaledTwice(Parts):
    """The scores of your module are divided by {by} in the end. How many numbers does a dot product of one head run
    over, and does grouped_attention divide already?"""

    by: str

    def forward(self, x, cache=None):
        T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
        positions = self.positions(P, T)
        q = self.rotate(self._split(self.q_proj(x)), positions)
        k, v = self.keys(x, positions), self.values(x, positions)
        if cache is not None:
            k, v = self.append(cache["k"], k), self.append(cache["v"], v)
        heads = grouped_attention(
            q * math.sqrt(self.head_dim) / (math.sqrt(x.shape[-1]) if self.by == "√D" else self.head_dim),
            k,
            v,
            self.mask(P, T),
        )
        return self.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}
