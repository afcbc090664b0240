"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from latent_attention import absorbed_attention, split_up_projection
from torch import Tensor, nn

from grader.testing import replaces

INF = float("inf")
Cache = dict[str, Tensor]


@replaces("equivalent_groups")
def groups_without_two(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    """You counted one vector of head_dim numbers for each head. Grouped-query attention keeps a key and a value for
    each head: how many numbers is that?"""
    return (kv_rank + rope_dim) / head_dim


@replaces("equivalent_groups", numbers=["C", "R", "C + 2R", "2C + R"])
def groups_of_other_numbers(kv_rank: int, rope_dim: int, head_dim: int, *, numbers: str) -> float:
    """You counted {numbers} numbers of each token in the cache. Which two tensors are kept, and is one of them kept
    twice?"""
    C, R = kv_rank, rope_dim
    counted = {"C": C, "R": R, "C + 2R": C + 2 * R, "2C + R": 2 * C + R}[numbers]
    return counted / (2 * head_dim)


@replaces("equivalent_groups", rounding=[math.floor, math.ceil, round])
def groups_rounded(kv_rank: int, rope_dim: int, head_dim: int, *, rounding: Callable) -> float:
    """You rounded to whole heads. The answer is a measure of memory, and the example has 2.25: which division keeps the
    fraction?"""
    return rounding((kv_rank + rope_dim) / (2 * head_dim))


@replaces("equivalent_groups")
def groups_upside_down(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    """Your result is larger the smaller the cache is. How many heads fit into the numbers of this cache?"""
    return 2 * head_dim / (kv_rank + rope_dim)


@replaces("split_up_projection")
def split_ignores_heads(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """You cut the whole matrix once, first all keys and then all values. Each head owns one block of N + V rows: what
    does the second head get from your cut?"""
    k, v = weight.tensor_split([num_heads * nope_dim])
    return k.unflatten(0, (num_heads, -1)), v.unflatten(0, (num_heads, -1))


@replaces("split_up_projection")
def split_heads_inside(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """Your head h takes every H-th row. A head's rows are neighbours: which of the two new axes comes first?"""
    w = weight.unflatten(0, (-1, num_heads)).transpose(0, 1)
    return w[:, :nope_dim], w[:, nope_dim:]


@replaces("split_up_projection")
def split_values_first(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """Within a head you took the last N rows for the key. Which part of a block comes first?"""
    w = weight.unflatten(0, (num_heads, -1))
    V = w.shape[1] - nope_dim
    return w[:, V:], w[:, :V]


@replaces("split_up_projection")
def split_returned_swapped(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """You returned the matrix of the values first. In which order does the docstring name the two?"""
    return split_up_projection(weight, num_heads, nope_dim)[::-1]


@replaces("split_up_projection")
def split_in_halves(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """You cut each head's rows in the middle. N and V may differ: where does the key end?"""
    w_k, w_v = weight.unflatten(0, (num_heads, -1)).tensor_split(2, dim=1)
    return w_k, w_v


@replaces("split_up_projection", how=["transposed", "reshaped"])
def split_transposed(weight: Tensor, num_heads: int, nope_dim: int, *, how: str) -> tuple[Tensor, Tensor]:
    """Your matrices are (H, C, N) and (H, C, V), as if {how}. A row of nn.Linear's weight makes one number of the key,
    and has C entries: which axis comes last?"""
    w_k, w_v = split_up_projection(weight, num_heads, nope_dim)
    if how == "transposed":
        return w_k.mT, w_v.mT
    return w_k.reshape(num_heads, -1, nope_dim), w_v.reshape(num_heads, -1, w_v.shape[1])


@replaces("split_up_projection")
def split_and_flat(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """Your matrices have no axis of heads: (H*N, C). The rows are right: which shape does the docstring ask for?"""
    w_k, w_v = split_up_projection(weight, num_heads, nope_dim)
    return w_k.flatten(0, 1), w_v.flatten(0, 1)


def attend(
    q_nope: Tensor,
    q_rope: Tensor,
    latent: Tensor,
    k_rope: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    scale: float | None = None,
    rope_scale: float | None = None,
    offset: int | None = None,
    dim: int = -1,
) -> Tensor:
    """The right one, with places in which to go wrong."""
    T, S = q_nope.shape[2], latent.shape[1]
    right = (q_nope.shape[-1] + q_rope.shape[-1]) ** -0.5
    q_c = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k)
    scores = torch.einsum("bhtc,bsc->bhts", q_c, latent) * (right if scale is None else scale)
    rope_scale = (right if scale is None else scale) if rope_scale is None else rope_scale
    scores = scores + torch.einsum("bhtr,bsr->bhts", q_rope, k_rope) * rope_scale
    keep = torch.ones(T, S, dtype=torch.bool).tril(S - T if offset is None else offset)
    weights = scores.masked_fill(~keep, -INF).softmax(dim)
    read = torch.einsum("bhts,bsc->bhtc", weights.nan_to_num(0.0) if dim != -1 else weights, latent)
    return torch.einsum("bhtc,hvc->bhtv", read, w_v)


def right_scale(q_nope: Tensor, q_rope: Tensor) -> float:
    return (q_nope.shape[-1] + q_rope.shape[-1]) ** -0.5


def right_scores(q_nope: Tensor, q_rope: Tensor, latent: Tensor, k_rope: Tensor, w_k: Tensor) -> Tensor:
    """(B, H, T, S), not masked."""
    q = torch.cat([torch.einsum("bhtn,hnc->bhtc", q_nope, w_k), q_rope], dim=-1)
    scores = torch.einsum("bhtc,bsc->bhts", q, torch.cat([latent, k_rope], -1))
    return scores * right_scale(q_nope, q_rope)


def hidden(T: int, S: int) -> Tensor:
    """(T, S), True in the future."""
    return torch.ones(T, S, dtype=torch.bool).triu(S - T + 1)


def mean_of_latents(weights: Tensor, latent: Tensor, w_v: Tensor) -> Tensor:
    return torch.einsum("bhtc,hvc->bhtv", torch.einsum("bhts,bsc->bhtc", weights, latent), w_v)


@replaces("absorbed_attention", scale=["1/√N", "1/√R", "1/√(C + R)", "1/√C", "1", "1/(N + R)", "√(N + R)"])
def other_scale(q_nope, q_rope, latent, k_rope, w_k, w_v, *, scale):
    """Your scores are multiplied by {scale}. Moving the brackets changes no score: over how many numbers does the dot
    product of a query with a rebuilt key run?"""
    N, R, C = q_nope.shape[-1], q_rope.shape[-1], latent.shape[-1]
    scales = {
        "1/√N": N**-0.5,
        "1/√R": R**-0.5,
        "1/√(C + R)": (C + R) ** -0.5,
        "1/√C": C**-0.5,
        "1": 1.0,
        "1/(N + R)": 1 / (N + R),
        "√(N + R)": (N + R) ** 0.5,
    }
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, scale=scales[scale])


@replaces("absorbed_attention")
def two_scales(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """You divided q · k by √N and q' · r by √R. Both are parts of one dot product: how many numbers does it have?"""
    N, R = q_nope.shape[-1], q_rope.shape[-1]
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, scale=N**-0.5, rope_scale=R**-0.5)


@replaces("absorbed_attention", part=["q · k", "q' · r"])
def part_not_scaled(q_nope, q_rope, latent, k_rope, w_k, w_v, *, part):
    """In your scores {part} is not divided by the root. What is divided by √(N + R) in the formula?"""
    right = right_scale(q_nope, q_rope)
    return attend(
        q_nope,
        q_rope,
        latent,
        k_rope,
        w_k,
        w_v,
        scale=1.0 if part == "q · k" else right,
        rope_scale=right if part == "q · k" else 1.0,
    )


@replaces("absorbed_attention", part=["q · k", "q' · r"])
def part_forgotten(q_nope, q_rope, latent, k_rope, w_k, w_v, *, part):
    """{part} changes nothing in your scores. Which two dot products make a score?"""
    if part == "q · k":
        return attend(q_nope * 0, q_rope, latent, k_rope, w_k, w_v)
    return attend(q_nope, q_rope * 0, latent, k_rope, w_k, w_v)


@replaces("absorbed_attention")
def not_causal(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your queries see all S tokens. Which tokens come after query i?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=latent.shape[1])


@replaces("absorbed_attention")
def mask_top_left(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your mask begins at the top left: query i sees the tokens 0 to i. The queries are the last T of the S tokens: at
    which position is query 0?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=0)


@replaces("absorbed_attention", end=["S - T + i + 1", "S - T + i - 1"])
def mask_one_off(q_nope, q_rope, latent, k_rope, w_k, w_v, *, end):
    """Your query i sees the tokens 0 to {end}. Which token is the query's own?"""
    return attend(
        q_nope,
        q_rope,
        latent,
        k_rope,
        w_k,
        w_v,
        offset=latent.shape[1] - q_nope.shape[2] + (1 if end.endswith("+ 1") else -1),
    )


@replaces("absorbed_attention")
def masked_only_when_square(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """With S > T your queries see all tokens. A single query may, but which tokens may the first of several see?"""
    T, S = q_nope.shape[2], latent.shape[1]
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=0 if T == S else S)


@replaces("absorbed_attention")
def masked_after_softmax(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your weights of the past sum to less than 1: the softmax has counted the future. Where does a mask have to act,
    so that they still sum to 1?"""
    T, S = q_nope.shape[2], latent.shape[1]
    weights = right_scores(q_nope, q_rope, latent, k_rope, w_k).softmax(-1).tril(S - T)
    return mean_of_latents(weights, latent, w_v)


@replaces("absorbed_attention", score=[0.0, -1.0])
def masked_score(q_nope, q_rope, latent, k_rope, w_k, w_v, *, score):
    """The scores of future tokens are {score} before the softmax. What weight does a token with this score get?"""
    scores = right_scores(q_nope, q_rope, latent, k_rope, w_k)
    weights = scores.masked_fill(hidden(q_nope.shape[2], latent.shape[1]), score).softmax(-1)
    return mean_of_latents(weights, latent, w_v)


@replaces("absorbed_attention")
def softmax_over_queries(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your softmax runs over the queries. Weights of one query, over all tokens that it sees, sum to 1: which axis of
    (B, H, T, S) is that?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, dim=-2)


@replaces("absorbed_attention")
def two_softmaxes(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your weights are the mean of a softmax of q · k and one of q' · r. What does the formula take the softmax of?"""
    first = attend(q_nope, q_rope * 0, latent, k_rope, w_k, w_v)
    return (first + attend(q_nope * 0, q_rope, latent, k_rope, w_k, w_v)) / 2


@replaces("absorbed_attention", which=["w_k", "w_v", "w_k and w_v"])
def first_head_for_all(q_nope, q_rope, latent, k_rope, w_k, w_v, *, which):
    """All of your heads use {which} of the first one. The latents are shared: what does each head have for itself?"""
    k = w_k[:1].expand_as(w_k) if "w_k" in which else w_k
    return attend(q_nope, q_rope, latent, k_rope, k, w_v[:1].expand_as(w_v) if "w_v" in which else w_v)


@replaces("absorbed_attention")
def heads_and_queries_mixed(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your numbers are right and in the wrong places: heads and queries are mixed up, as where two axes are merged in
    one order and parted in another. In which order does your result have them?"""
    B, H, T, _ = q_nope.shape
    out = attend(q_nope, q_rope, latent, k_rope, w_k, w_v)
    return out.transpose(1, 2).reshape(B, H, T, -1)


@replaces("absorbed_attention")
def heads_last(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your result has the axes (B, T, H, V). The numbers are right: which order does the docstring have?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v).transpose(1, 2)


@replaces("absorbed_attention")
def not_out_of_the_latents(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """You returned the mean of the latents, with C numbers for each head. What turns it into a mean of values?"""
    weights = right_scores(q_nope, q_rope, latent, k_rope, w_k)
    weights = weights.masked_fill(hidden(q_nope.shape[2], latent.shape[1]), -INF).softmax(-1)
    return torch.einsum("bhts,bsc->bhtc", weights, latent)


@replaces("absorbed_attention")
def always_float64(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your result is float64 whatever comes in. Which dtype does the docstring promise?"""
    return attend(*(each.double() for each in (q_nope, q_rope, latent, k_rope, w_k, w_v)))


@replaces("absorbed_attention", back=[True, False])
def always_float32(q_nope, q_rope, latent, k_rope, w_k, w_v, *, back):
    """In float64 your result is only as precise as float32. Which of your lines names a dtype, or makes a tensor
    without being told one?"""
    out = attend(*(each.float() for each in (q_nope, q_rope, latent, k_rope, w_k, w_v)))
    return out.to(q_nope.dtype) if back else out


@replaces("absorbed_attention", missing=["any argument", "latent and k_rope", "w_k and w_v"])
def without_gradient(q_nope, q_rope, latent, k_rope, w_k, w_v, *, missing):
    """Your values are right, and no gradient reaches {missing}. Which line leaves the graph?"""
    if missing == "latent and k_rope":
        return attend(q_nope, q_rope, latent.detach(), k_rope.detach(), w_k, w_v)
    if missing == "w_k and w_v":
        return attend(q_nope, q_rope, latent, k_rope, w_k.detach(), w_v.detach())
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v).detach()


@replaces("absorbed_attention", ends="memory", what=["keys", "values"])
def absorb_rebuilds(q_nope, q_rope, latent, k_rope, w_k, w_v, *, what):
    """Somewhere a tensor has an axis of all tokens and one of all heads, and it is not the scores: the {what} of all
    heads. With which smaller tensor can w_k or w_v be multiplied instead?"""
    T, S = q_nope.shape[2], latent.shape[1]
    if what == "keys":
        scores = q_nope @ torch.einsum("bsc,hnc->bhsn", latent, w_k).mT
        scores = (scores + torch.einsum("bhtr,bsr->bhts", q_rope, k_rope)) * right_scale(q_nope, q_rope)
    else:
        scores = right_scores(q_nope, q_rope, latent, k_rope, w_k)
    weights = scores.masked_fill(hidden(T, S), -INF).softmax(-1)
    if what == "keys":
        return mean_of_latents(weights, latent, w_v)
    return weights @ torch.einsum("bsc,hvc->bhsv", latent, w_v)


@replaces("absorbed_attention", ends="memory")
def rebuilds_head_by_head(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """A loop over the heads makes the keys of one head from all latents, and then its values. The loop saves memory,
    and no work: which factor can be multiplied with the query, and which with the mean?"""
    T, S = q_nope.shape[2], latent.shape[1]
    heads = []
    for h in range(w_k.shape[0]):
        scores = q_nope[:, h] @ (latent @ w_k[h].T).mT + q_rope[:, h] @ k_rope.mT
        scores = scores * right_scale(q_nope, q_rope)
        heads.append(scores.masked_fill(hidden(T, S), -INF).softmax(-1) @ (latent @ w_v[h].T))
    return torch.stack(heads, dim=1)


@replaces("absorbed_attention", ends="memory")
def broadcast_copies(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """The formula is right, but a batched product with a broadcast axis copies the latents for every head. Can the
    heads be queries of one product?"""
    T, S = q_nope.shape[2], latent.shape[1]
    scores = (q_nope @ w_k) @ latent[:, None].mT + q_rope @ k_rope[:, None].mT
    weights = (scores * right_scale(q_nope, q_rope)).masked_fill(hidden(T, S), -INF).softmax(-1)
    return (weights @ latent[:, None]) @ w_v.mT


def rms(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x, weight.shape, weight, eps=1e-6)


def rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    angle = positions[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    a, b = x[..., :half], x[..., half:]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x.dtype)


def rebuilt(q_nope, q_rope, latent, k_rope, w_k, w_v):
    T, S, H = q_nope.shape[2], latent.shape[1], len(w_k)
    k = torch.cat([torch.einsum("bsc,hnc->bhsn", latent, w_k), k_rope[:, None].expand(-1, H, -1, -1)], dim=-1)
    v = torch.einsum("bsc,hvc->bhsv", latent, w_v)
    keep = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return F.scaled_dot_product_attention(torch.cat([q_nope, q_rope], dim=-1), k, v, attn_mask=keep)


class Weight(nn.Module):
    """The parameter of a norm."""

    def __init__(self, size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


class Layer(nn.Module):
    """The right layer, in parts. A mistake gets one of them wrong."""

    bias = False
    even = True

    def __init__(self, hidden_size, num_heads, kv_rank, nope_dim, rope_dim, v_dim, q_rank=None, rope_theta=10000.0):
        super().__init__()
        if self.even and rope_dim % 2:
            raise ValueError("odd")
        self.H, self.C, self.N, self.R, self.V = num_heads, kv_rank, nope_dim, rope_dim, v_dim
        self.q_rank, self.theta = q_rank, rope_theta
        width = num_heads * (nope_dim + rope_dim)
        if q_rank is None:
            self.q_proj = nn.Linear(hidden_size, width, bias=self.bias)
        else:
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=self.bias)
            self.q_a_layernorm = Weight(q_rank)
            self.q_b_proj = nn.Linear(q_rank, width, bias=self.bias)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=self.bias)
        self.kv_a_layernorm = Weight(kv_rank)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=self.bias)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=self.bias)

    def forward(self, x: Tensor, cache: Cache | None = None, absorb: bool = False) -> tuple[Tensor, Cache]:
        P = self.start(cache)
        positions = torch.arange(P, P + x.shape[1])
        q_nope, q_rope = self.cut(self.split(self.queries(x)))
        latent, k_rope = self.down(x)
        new = {"latent": self.norm(latent), "k_rope": self.turn_key(k_rope, positions)}
        full = new if cache is None else {name: self.join(cache[name], new[name]) for name in new}
        heads = self.attend(q_nope, self.turn_query(q_rope, positions), full, absorb)
        return self.out(heads), self.kept(full, new)

    def start(self, cache: Cache | None) -> int:
        return 0 if cache is None else cache["latent"].shape[1]

    def queries(self, x: Tensor) -> Tensor:
        if self.q_rank is None:
            return self.q_proj(x)
        return self.q_b_proj(self.q_norm(self.q_a_proj(x)))

    def q_norm(self, y: Tensor) -> Tensor:
        return self.normed(y, self.q_a_layernorm.weight)

    def split(self, y: Tensor) -> Tensor:
        return y.unflatten(-1, (self.H, self.N + self.R)).transpose(1, 2)

    def cut(self, q: Tensor) -> tuple[Tensor, ...]:
        return q.split([self.N, self.R], dim=-1)

    def down(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.kv_a_proj_with_mqa(x).split([self.C, self.R], dim=-1)

    def norm(self, latent: Tensor) -> Tensor:
        return self.normed(latent, self.kv_a_layernorm.weight)

    def normed(self, y: Tensor, weight: Tensor) -> Tensor:
        return rms(y, weight)

    def turn(self, y: Tensor, positions: Tensor) -> Tensor:
        return rotate(y, positions, self.theta)

    def turn_query(self, y: Tensor, positions: Tensor) -> Tensor:
        return self.turn(y, positions)

    def turn_key(self, y: Tensor, positions: Tensor) -> Tensor:
        return self.turn(y, positions)

    def join(self, old: Tensor, new: Tensor) -> Tensor:
        return torch.cat([old, new], dim=1)

    def matrices(self) -> tuple[Tensor, Tensor]:
        return split_up_projection(self.kv_b_proj.weight, self.H, self.N)

    def attend(self, q_nope: Tensor, q_rope: Tensor, full: Cache, absorb: bool) -> Tensor:
        way = absorbed_attention if absorb else rebuilt
        return way(q_nope, q_rope, full["latent"], full["k_rope"], *self.matrices())

    def out(self, heads: Tensor) -> Tensor:
        return self.o_proj(heads.transpose(1, 2).flatten(2))

    def kept(self, full: Cache, new: Cache) -> Cache:
        return full


@replaces("LatentAttention")
class LatentNotNormed(Layer):
    """Your latents are W_c x as it comes out of the matrix. What happens to it before anything else reads it?"""

    def norm(self, latent):
        return latent


@replaces("LatentAttention")
class NormAfterCache(Layer):
    """Your outputs are right, but your cache holds latents before their norm, so the norm runs again for all S tokens
    in every step. What depends on one token only: when can that be done once?"""

    def norm(self, latent):
        return latent

    def attend(self, q_nope, q_rope, full, absorb):
        normed = self.normed(full["latent"], self.kv_a_layernorm.weight)
        return super().attend(q_nope, q_rope, {"latent": normed, "k_rope": full["k_rope"]}, absorb)


@replaces("LatentAttention")
class KeyCachedUnturned(Layer):
    """Your outputs are right, but your cache holds keys that are not turned, so all of them are turned again in each
    step. A key's position never changes: when can it be turned once and for all?"""

    def turn_key(self, y, positions):
        return y

    def attend(self, q_nope, q_rope, full, absorb):
        turned = self.turn(full["k_rope"], torch.arange(full["k_rope"].shape[1]))
        return super().attend(q_nope, q_rope, {"latent": full["latent"], "k_rope": turned}, absorb)


@replaces("LatentAttention")
class KeysTurnedAgain(Layer):
    """You turned the keys of the cache a second time. Which keys have not been turned yet?"""

    def attend(self, q_nope, q_rope, full, absorb):
        T, S = q_nope.shape[2], full["k_rope"].shape[1]
        old, new = full["k_rope"].split([S - T, T], dim=1)
        again = torch.cat([self.turn(old, torch.arange(S - T)), new], dim=1)
        return super().attend(q_nope, q_rope, {"latent": full["latent"], "k_rope": again}, absorb)


@replaces("LatentAttention", what=["queries", "keys", "queries and keys"])
class PositionRestart(Layer):
    """The new {what} of a later piece are turned as if it began at position 0. How many tokens are in the cache?"""

    what: str

    def turn_query(self, y, positions):
        return self.turn(y, positions - positions[0] if "queries" in self.what else positions)

    def turn_key(self, y, positions):
        return self.turn(y, positions - positions[0] if "keys" in self.what else positions)


@replaces("LatentAttention", by=[1, -1])
class PositionOneOff(Layer):
    """The positions of your later pieces are off by one. The tokens in the cache are numbers 0 to P − 1: which number
    is the next one?"""

    by: int

    def turn(self, y, positions):
        return rotate(y, positions + self.by if int(positions[0]) > 0 else positions, self.theta)


@replaces("LatentAttention")
class OneNewToken(Layer):
    """With a cache you give every token of a piece the position P. A piece may have several tokens: at which position
    is the second one?"""

    def forward(self, x, cache=None, absorb=False):
        self.together = cache is not None
        return super().forward(x, cache, absorb)

    def turn(self, y, positions):
        return rotate(y, positions[:1].expand_as(positions) if self.together else positions, self.theta)


@replaces("LatentAttention", turned=["the queries alone", "the keys alone", "nothing"])
class OtherTurned(Layer):
    """You turned {turned}. A score should depend on the distance of two tokens: what has to turn for that?"""

    turned: str

    def turn_query(self, y, positions):
        return self.turn(y, positions) if self.turned == "the queries alone" else y

    def turn_key(self, y, positions):
        return self.turn(y, positions) if self.turned == "the keys alone" else y


@replaces("LatentAttention")
class TurnsEverything(Layer):
    """You turned all N + R numbers of queries and keys. If the unturned part were turned too, W_k could not be moved to
    the query: why?"""

    def forward(self, x, cache=None, absorb=False):
        self.P = self.start(cache)
        return super().forward(x, cache, absorb)

    def attend(self, q_nope, q_rope, full, absorb):
        T, S, even = q_nope.shape[2], full["latent"].shape[1], self.N // 2 * 2
        w_k, w_v = self.matrices()
        keys = torch.einsum("bsc,hnc->bhsn", full["latent"], w_k)
        keys = torch.cat([self.turn(keys[..., :even], torch.arange(S)), keys[..., even:]], dim=-1)
        q = torch.cat([self.turn(q_nope[..., :even], torch.arange(self.P, self.P + T)), q_nope[..., even:]], dim=-1)
        shared = full["k_rope"][:, None].expand(-1, self.H, -1, -1)
        keep = torch.ones(T, S, dtype=torch.bool).tril(S - T)
        v = torch.einsum("bsc,hvc->bhsv", full["latent"], w_v)
        q, k = torch.cat([q, q_rope], dim=-1), torch.cat([keys, shared], dim=-1)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


@replaces("LatentAttention", back=[True, False])
class Neighbours(Layer):
    """You turned neighbours, (x_{2i}, x_{2i+1}), as DeepSeek's own files want it. In the layout of this course, what is
    the partner of x_i?"""

    back: bool  # to their places, or halves as Hugging Face's rope_interleave=True leaves them

    def turn(self, y, positions):
        y = rotate(torch.cat([y[..., ::2], y[..., 1::2]], dim=-1), positions, self.theta)
        return y.unflatten(-1, (2, -1)).mT.flatten(-2) if self.back else y


@replaces("LatentAttention", base=[10000.0, 500000.0])
class ThetaIgnored(Layer):
    """Your frequencies have the base {base} whatever rope_theta is. Where does the option have to arrive?"""

    base: float

    def turn(self, y, positions):
        return rotate(y, positions, self.base)


@replaces("LatentAttention", exponent=["-i/R", "-4i/R", "-2i/(N + R)"])
class OtherExponent(Layer):
    """Your frequencies are rope_theta^({exponent}). i goes from 0 to R/2 - 1: from where to where should the exponents
    go?"""

    exponent: str

    def turn(self, y, positions):
        power = {"-i/R": 0.5, "-4i/R": 2.0, "-2i/(N + R)": self.R / (self.N + self.R)}[self.exponent]
        return rotate(y, positions, self.theta**power)


@replaces("LatentAttention")
class Float32Angles(Layer):
    """Your results are only as precise as angles in float32. Far into a text such an angle has few digits after the
    point: in which dtype does the docstring want the angles?"""

    def turn(self, y, positions):
        half = y.shape[-1] // 2
        angle = positions[:, None] * self.theta ** (-torch.arange(half) / half)
        a, b = y[..., :half], y[..., half:]
        cos, sin = angle.cos().to(y.dtype), angle.sin().to(y.dtype)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("LatentAttention")
class AnglesInX(Layer):
    """In float32 your angles at a large position are imprecise. How many digits after the point does such an angle have
    in float32, and in which dtype does the docstring want the angles?"""

    def turn(self, y, positions):
        half = y.shape[-1] // 2
        angle = positions[:, None].to(y.dtype) * self.theta ** (-torch.arange(half, dtype=y.dtype) / half)
        a, b = y[..., :half], y[..., half:]
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


@replaces("LatentAttention")
class QueryRopeFirst(Layer):
    """In the query of a head you took the first R numbers for the part that is turned. Which part do its rows begin
    with?"""

    def cut(self, q):
        rope, nope = q.split([self.R, self.N], dim=-1)
        return nope, rope


@replaces("LatentAttention")
class QueriesNotByHeads(Layer):
    """You cut the queries once for all heads, first H·N numbers and then H·R. Each head owns N + R neighbouring rows:
    which axis has to be there before you cut?"""

    def split(self, y):
        nope, rope = y.split([self.H * self.N, self.H * self.R], dim=-1)
        parts = [nope.unflatten(-1, (self.H, self.N)), rope.unflatten(-1, (self.H, self.R))]
        return torch.cat(parts, dim=-1).transpose(1, 2)


@replaces("LatentAttention", where=["before attention", "after attention", "before and after attention"])
class NoTranspose(Layer):
    """Your heads are cut or joined by a reshape alone ({where}), which mixes tokens. Which axes of (B, T, H, ·) have to
    change places?"""

    where: str

    def split(self, y):
        if self.where.startswith("after"):
            return super().split(y)
        return y.reshape(y.shape[0], self.H, y.shape[1], self.N + self.R)

    def out(self, heads):
        B, H, T, V = heads.shape
        return super().out(heads) if self.where == "before attention" else self.o_proj(heads.reshape(B, T, H * V))


@replaces("LatentAttention", where=["queries", "outputs"])
class HeadsInside(Layer):
    """Head h of your {where} is made of every H-th number. Which neighbouring rows or columns does a head own according
    to the docstring?"""

    where: str

    def split(self, y):
        if self.where == "outputs":
            return super().split(y)
        return y.unflatten(-1, (self.N + self.R, self.H)).permute(0, 3, 1, 2)

    def out(self, heads):
        return super().out(heads) if self.where == "queries" else self.o_proj(heads.permute(0, 2, 3, 1).flatten(2))


@replaces("LatentAttention")
class SharedKeyFirst(Layer):
    """You took the first R rows of kv_a_proj_with_mqa for the shared key. Which rows does the docstring give it?"""

    def down(self, x):
        k_rope, latent = self.kv_a_proj_with_mqa(x).split([self.R, self.C], dim=-1)
        return latent, k_rope


@replaces("LatentAttention")
class NormsTheCacheAgain(Layer):
    """The latents in your cache go through the norm once more with each call. What does the cache hold: latents before
    their norm, or after it?"""

    def norm(self, latent):
        return latent

    def kept(self, full, new):
        return full | {"latent": super().norm(full["latent"])}

    def attend(self, q_nope, q_rope, full, absorb):
        return super().attend(q_nope, q_rope, self.kept(full, None), absorb)


@replaces("LatentAttention")
class NormOverBoth(Layer):
    """Your norm runs over all C + R numbers that come out of the first matrix. Whose norm is it, and how long is its
    weight?"""

    def down(self, x):
        y = self.kv_a_proj_with_mqa(x)
        y = y / (y.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        latent, k_rope = y.split([self.C, self.R], dim=-1)
        return latent * self.kv_a_layernorm.weight, k_rope

    def norm(self, latent):
        return latent


@replaces("LatentAttention")
class SharedKeyNormed(Layer):
    """You normed the shared key as well. What happens to it, after its matrix and before the cache?"""

    def turn_key(self, y, positions):
        return self.turn(y / (y.square().mean(-1, keepdim=True) + 1e-6).sqrt(), positions)


@replaces("LatentAttention")
class QNormMissing(Layer):
    """With q_rank your query is the product of two matrices and nothing else. What comes between them?"""

    def q_norm(self, y):
        return y


@replaces("LatentAttention", norms=["the latent's norm", "the query's norm", "both norms"])
class NormWithoutWeight(Layer):
    """The weight of {norms} has no effect in your layer. What is multiplied after the division?"""

    norms: str

    def norm(self, latent):
        weight = self.kv_a_layernorm.weight
        return self.normed(latent, weight if "query" in self.norms else torch.ones_like(weight))

    def q_norm(self, y):
        weight = self.q_a_layernorm.weight
        return self.normed(y, weight if "latent" in self.norms else torch.ones_like(weight))


@replaces("LatentAttention")
class NormCentres(Layer):
    """You subtracted the mean before you divided, as LayerNorm does. What does RMSNorm leave out?"""

    def normed(self, y, weight):
        return F.layer_norm(y, weight.shape, weight, eps=1e-6)


@replaces("LatentAttention", norms=["the latent's norm", "the query's norm", "both norms"], eps=[None, 1e-5, 1e-8])
class NormWithAnotherEps(Layer):
    """The number under the root of {norms} is not 1e-6. Which one does nn.RMSNorm take if it is told none, and how many
    norms does a layer with q_rank have?"""

    norms: str
    eps: float | None

    def norm(self, latent):
        if "query" in self.norms:
            return super().norm(latent)
        return F.rms_norm(latent, latent.shape[-1:], self.kv_a_layernorm.weight, eps=self.eps)

    def q_norm(self, y):
        if "latent" in self.norms:
            return super().q_norm(y)
        return F.rms_norm(y, y.shape[-1:], self.q_a_layernorm.weight, eps=self.eps)


@replaces("LatentAttention")
class NormEpsOutside(Layer):
    """Your 1e-6 is added after the root. Where does the formula have it?"""

    def normed(self, y, weight):
        return y / (y.square().mean(-1, keepdim=True).sqrt() + 1e-6) * weight


@replaces("LatentAttention")
class CachesHeads(Layer):
    """Your cache also holds keys and values of all heads, as multi-head attention keeps them. From which two small
    tensors can all of it be made again?"""

    def forward(self, x, cache=None, absorb=False):
        own = None if cache is None else {"latent": cache["latent"], "k_rope": cache["k_rope"]}
        y, full = super().forward(x, own, absorb)
        w_k, w_v = self.matrices()
        return y, full | {
            "k": torch.einsum("bsc,hnc->bhsn", full["latent"], w_k),
            "v": torch.einsum("bsc,hvc->bhsv", full["latent"], w_v),
        }


@replaces("LatentAttention")
class SharedKeyForEachHead(Layer):
    """Your cache holds the shared key once for each head. All heads read the same one: how many are kept?"""

    def start(self, cache):
        return 0 if cache is None else cache["latent"].shape[1]

    def forward(self, x, cache=None, absorb=False):
        if cache is not None and cache["k_rope"].dim() == 4:
            cache = {"latent": cache["latent"], "k_rope": cache["k_rope"][:, 0]}
        y, full = super().forward(x, cache, absorb)
        return y, full | {"k_rope": full["k_rope"][:, None].expand(-1, self.H, -1, -1)}


@replaces("LatentAttention")
class CacheOnlyNew(Layer):
    """You return the new tokens alone, and at the next call everything before them is forgotten. Which tokens does the
    new cache hold?"""

    def kept(self, full, new):
        return new


@replaces("LatentAttention")
class WritesIntoTheCache(Layer):
    """You put the new entries into the dict that you were given. Somebody may continue the text in two ways: what does
    the second continuation find there?"""

    def forward(self, x, cache=None, absorb=False):
        y, full = super().forward(x, cache, absorb)
        if cache is None:
            return y, full
        cache.update(full)
        return y, cache


@replaces("LatentAttention", what=["latents", "keys", "latents and keys"])
class NewTokensFirst(Layer):
    """The {what} of new tokens come before the old ones in your cache. It has the order of the text: where do they
    belong?"""

    what: str

    def join(self, old, new):
        kind = "latents" if old.shape[-1] == self.C else "keys"
        return torch.cat([new, old] if kind in self.what else [old, new], dim=1)


@replaces("LatentAttention", reset=[False, True])
class KeepsState(Layer):
    """Your layer remembers the text itself, so that two continuations of one cache follow each other. Where does all
    that it may know of the tokens before have to come from?"""

    reset: bool  # where no cache is given

    def forward(self, x, cache=None, absorb=False):
        begins = cache is None and self.reset
        y, self.mine = super().forward(x, None if begins else getattr(self, "mine", cache), absorb)
        return y, self.mine


@replaces("LatentAttention")
class MatrixNotByHeads(Layer):
    """Your layer cuts kv_b_proj once, first the keys of all heads and then the values. Each head owns one block of N +
    V rows: which of your functions knows that already?"""

    def matrices(self):
        k, v = self.kv_b_proj.weight.tensor_split([self.H * self.N])
        return k.unflatten(0, (self.H, -1)), v.unflatten(0, (self.H, -1))


class RebuildsOnItsOwn(Layer):
    """The right layer, in which a mistake gets the way without absorb wrong."""

    def attend(self, q_nope, q_rope, full, absorb):
        if absorb:
            return super().attend(q_nope, q_rope, full, absorb)
        return self.rebuild(q_nope, q_rope, full["latent"], full["k_rope"], *self.matrices())


@replaces("LatentAttention", scale=["1/√N", "1/√R", "1", "1/√V"])
class RebuildScale(RebuildsOnItsOwn):
    """Without absorb your scores are multiplied by {scale}, with it by another number. Both ways compute the same: over
    how many numbers does the dot product run?"""

    scale: str

    def rebuild(self, *arguments):
        scales = {"1/√N": self.N**-0.5, "1/√R": self.R**-0.5, "1": 1.0, "1/√V": self.V**-0.5}
        return attend(*arguments, scale=scales[self.scale])


@replaces("LatentAttention", when=["in every call", "in a call with a cache"])
class RebuildSeesTheFuture(RebuildsOnItsOwn):
    """Without absorb, your tokens see later ones of their piece {when}. A single new token may see all there is: and
    the first of several?"""

    when: str

    def rebuild(self, q_nope, q_rope, latent, k_rope, w_k, w_v):
        T, S = q_nope.shape[2], latent.shape[1]
        offset = 0 if self.when.endswith("cache") and T == S else S
        return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=offset)


@replaces("LatentAttention", single_too=[True, False])
class RebuildTopLeftMask(RebuildsOnItsOwn):
    """Without absorb your mask begins at the top left, as with is_causal=True: the first token of a later piece sees
    the first key of the text only. Where is it among the keys?"""

    single_too: bool

    def rebuild(self, q_nope, q_rope, latent, k_rope, w_k, w_v):
        alone = q_nope.shape[2] == 1 and not self.single_too
        return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=None if alone else 0)


@replaces("LatentAttention")
class Biases(Layer):
    """Your matrices have biases. Which parameters does the docstring list, and what does nn.Linear do unless it is told
    otherwise?"""

    bias = True


@replaces("LatentAttention")
class AcceptsOdd(Layer):
    """You accept an odd rope_dim. Numbers are turned in pairs: what is left over, and what does the docstring raise?"""

    even = False


@replaces("LatentAttention", what=["latents", "shared key"])
class PartDetached(Layer):
    """Your values are right, but no gradient flows through the {what}, so its matrix learns nothing from it. Which
    parameters does the docstring promise gradients to?"""

    what: str

    def norm(self, latent):
        return super().norm(latent).detach() if self.what == "latents" else super().norm(latent)

    def turn_key(self, y, positions):
        return super().turn_key(y.detach() if self.what == "shared key" else y, positions)


@replaces("LatentAttention")
class AbsorbWithoutGradient(Layer):
    """With absorb=True your layer gives no gradient to some parameters, since it leaves the graph there. Is absorbing
    for decoding only, or does the docstring promise gradients in both ways?"""

    def attend(self, q_nope, q_rope, full, absorb):
        heads = super().attend(q_nope, q_rope, full, absorb)
        return heads.detach() if absorb else heads


@replaces("LatentAttention", when=["with absorb=True", "with absorb and without"])
class MatrixDetached(Layer):
    """Your values are right, and no gradient reaches kv_b_proj, {when}. What are W_k and W_v cut from: the parameter,
    or its numbers alone?"""

    when: str

    def attend(self, q_nope, q_rope, full, absorb):
        self.detaches = absorb or self.when.endswith("without")
        return super().attend(q_nope, q_rope, full, absorb)

    def matrices(self):
        w_k, w_v = super().matrices()
        return (w_k.detach(), w_v.detach()) if self.detaches else (w_k, w_v)


@replaces("LatentAttention", ends="memory")
class AbsorbIgnored(Layer):
    """The keys and values of all heads are rebuilt even with absorb=True. Which of your functions reads the latents as
    they are?"""

    def attend(self, q_nope, q_rope, full, absorb):
        return super().attend(q_nope, q_rope, full, False)
