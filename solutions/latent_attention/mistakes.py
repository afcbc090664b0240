"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

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


@replaces("equivalent_groups")
def groups_of_latent_only(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    """Your cache holds the latent and nothing else. Which second tensor is kept for every token?"""
    return kv_rank / (2 * head_dim)


@replaces("equivalent_groups")
def groups_with_two_turned_keys(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    """You counted the turned key twice, as if there were a value beside it. Does position take part in the values?"""
    return (kv_rank + 2 * rope_dim) / (2 * head_dim)


@replaces("equivalent_groups")
def groups_rounded(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    """You rounded down to whole heads. The answer is a measure of memory, and the example has 2.25: which division
    keeps the fraction?"""
    return (kv_rank + rope_dim) // (2 * head_dim)


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
def split_in_halves(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """You cut each head's rows in the middle. N and V may differ: where does the key end?"""
    w_k, w_v = weight.unflatten(0, (num_heads, -1)).tensor_split(2, dim=1)
    return w_k, w_v


@replaces("split_up_projection")
def split_transposed(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """The last two axes of your matrices have changed places: (H, C, N). A row of nn.Linear's weight makes one number
    of the key, and has C entries. Which axis comes last?"""
    w_k, w_v = split_up_projection(weight, num_heads, nope_dim)
    return w_k.mT, w_v.mT


@replaces("split_up_projection")
def split_and_flat(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """Your matrices have no axis of heads: (H*N, C). The rows are right; which shape does the docstring ask for?"""
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


@replaces("absorbed_attention")
def scale_nope_only(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your scores are divided by √N. The dot product runs over N + R numbers, the turned ones included. By what is it
    divided?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, scale=q_nope.shape[-1] ** -0.5)


@replaces("absorbed_attention")
def scale_of_latents(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your scores are divided by √(C + R), the length of what you multiply. Moving the brackets changes no score: of
    which dot product is it the value?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, scale=(latent.shape[-1] + q_rope.shape[-1]) ** -0.5)


@replaces("absorbed_attention")
def scale_missing(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your scores are not divided by anything. What does the formula divide them by?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, scale=1.0)


@replaces("absorbed_attention")
def two_scales(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """You divided q · k by √N and q' · r by √R. Both are parts of one dot product: how many numbers has it?"""
    N, R = q_nope.shape[-1], q_rope.shape[-1]
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, scale=N**-0.5, rope_scale=R**-0.5)


@replaces("absorbed_attention")
def rope_not_scaled(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """You divided the first part of the score and added q' · r after that, undivided. What does the root in the formula
    stand under?"""
    scale = (q_nope.shape[-1] + q_rope.shape[-1]) ** -0.5
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, scale=scale, rope_scale=1.0)


@replaces("absorbed_attention")
def rope_forgotten(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """q' and r take no part in your scores, so your attention knows no positions. Which two dot products make a
    score?"""
    return attend(q_nope, q_rope * 0, latent, k_rope * 0, w_k, w_v)


@replaces("absorbed_attention")
def not_causal(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your queries see all S tokens. Which tokens come after query i?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=latent.shape[1])


@replaces("absorbed_attention")
def mask_top_left(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your mask begins at the top left: query i sees the tokens 0 to i. The queries are the last T of the S tokens: at
    which position does query 0 stand?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=0)


@replaces("absorbed_attention")
def masked_only_when_square(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """With S > T you mask nothing. A single query may see all tokens, but of several the first must not see the others.
    Which case did you have in mind?"""
    T, S = q_nope.shape[2], latent.shape[1]
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, offset=0 if T == S else S)


@replaces("absorbed_attention")
def masked_after_softmax(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """You set weights of the future to 0 after the softmax, so those that are left sum to less than 1. Where does a
    mask have to act, so that they still sum to 1?"""
    T, S = q_nope.shape[2], latent.shape[1]
    q = torch.cat([torch.einsum("bhtn,hnc->bhtc", q_nope, w_k), q_rope], dim=-1)
    scores = torch.einsum("bhtc,bsc->bhts", q, torch.cat([latent, k_rope], -1))
    weights = (scores / (q_nope.shape[-1] + q_rope.shape[-1]) ** 0.5).softmax(-1).tril(S - T)
    return torch.einsum("bhtc,hvc->bhtv", torch.einsum("bhts,bsc->bhtc", weights, latent), w_v)


@replaces("absorbed_attention")
def softmax_over_queries(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your softmax runs over the queries. Weights of one query, over all tokens that it sees, sum to 1: which axis of
    (B, H, T, S) is that?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v, dim=-2)


@replaces("absorbed_attention")
def two_softmaxes(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """You took one softmax of q · k and one of q' · r, and the mean of both. The two products are added up before
    anything else happens to them: what does the formula take the softmax of?"""
    first = attend(q_nope, q_rope * 0, latent, k_rope, w_k, w_v)
    return (first + attend(q_nope * 0, q_rope, latent, k_rope, w_k, w_v)) / 2


@replaces("absorbed_attention")
def first_head_for_all(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """All of your heads use the matrices of the first one. The latents are shared; what is it that each head has for
    itself?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k[:1].expand_as(w_k), w_v[:1].expand_as(w_v))


@replaces("absorbed_attention")
def heads_and_queries_mixed(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your results are right and stand in the wrong places: queries went into one axis together with the heads, and
    came out in another order. In which order did you merge the two axes, and in which did you part them?"""
    B, H, T, _ = q_nope.shape
    out = attend(q_nope, q_rope, latent, k_rope, w_k, w_v)
    return out.transpose(1, 2).reshape(B, H, T, -1)


@replaces("absorbed_attention")
def heads_last(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your result has the axes (B, T, H, V). The numbers are right; which order does the docstring have?"""
    return attend(q_nope, q_rope, latent, k_rope, w_k, w_v).transpose(1, 2)


@replaces("absorbed_attention")
def always_float64(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your result is float64 whatever comes in. Which dtype does the docstring promise?"""
    return attend(*(each.double() for each in (q_nope, q_rope, latent, k_rope, w_k, w_v)))


@replaces("absorbed_attention")
def always_float32(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Somewhere your numbers are float32 although float64 came in, and half of their digits are gone. Which of your
    lines names a dtype?"""
    out = attend(*(each.float() for each in (q_nope, q_rope, latent, k_rope, w_k, w_v)))
    return out.to(q_nope.dtype)


@replaces("absorbed_attention")
def without_gradient(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your values are right, and no gradient leads back from them. Which line leaves the graph?"""
    with torch.no_grad():
        return attend(q_nope, q_rope, latent, k_rope, w_k, w_v)


@replaces("absorbed_attention")
def cache_detached(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Your values are right, and latent and k_rope get no gradient. They come from a cache in some calls, and in others
    from tokens that are still learning: what does the docstring promise?"""
    return attend(q_nope, q_rope, latent.detach(), k_rope.detach(), w_k, w_v)


@replaces("absorbed_attention", ends="memory")
def absorb_rebuilds(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Somewhere a tensor has an axis of all tokens and one of all heads, and it is not the scores: the keys of all
    heads. Which factor can be multiplied with the query instead?"""
    T, S = q_nope.shape[2], latent.shape[1]
    keys = torch.einsum("bsc,hnc->bhsn", latent, w_k)
    scores = q_nope @ keys.mT + torch.einsum("bhtr,bsr->bhts", q_rope, k_rope)
    scores = scores / (q_nope.shape[-1] + q_rope.shape[-1]) ** 0.5
    weights = scores.masked_fill(torch.ones(T, S, dtype=torch.bool).triu(S - T + 1), -INF).softmax(-1)
    return torch.einsum("bhtc,hvc->bhtv", torch.einsum("bhts,bsc->bhtc", weights, latent), w_v)


@replaces("absorbed_attention", ends="memory")
def absorb_rebuilds_values(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """Somewhere a tensor has an axis of all tokens and one of all heads, and it is not the scores: the values of all
    heads. Which factor can be multiplied with the result instead?"""
    T, S = q_nope.shape[2], latent.shape[1]
    q_c = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k)
    scores = torch.einsum("bhtc,bsc->bhts", q_c, latent) + torch.einsum("bhtr,bsr->bhts", q_rope, k_rope)
    scores = scores / (q_nope.shape[-1] + q_rope.shape[-1]) ** 0.5
    weights = scores.masked_fill(torch.ones(T, S, dtype=torch.bool).triu(S - T + 1), -INF).softmax(-1)
    return weights @ torch.einsum("bsc,hvc->bhsv", latent, w_v)


@replaces("absorbed_attention", ends="memory")
def rebuilds_head_by_head(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """A loop over the heads makes the keys of one head from all latents, and then its values. The loop saves memory,
    and no work: which factor can be multiplied with the query, and which with the mean?"""
    T, S = q_nope.shape[2], latent.shape[1]
    hidden = torch.ones(T, S, dtype=torch.bool).triu(S - T + 1)
    heads = []
    for h in range(w_k.shape[0]):
        scores = q_nope[:, h] @ (latent @ w_k[h].T).mT + q_rope[:, h] @ k_rope.mT
        scores = scores / (q_nope.shape[-1] + q_rope.shape[-1]) ** 0.5
        heads.append(scores.masked_fill(hidden, -INF).softmax(-1) @ (latent @ w_v[h].T))
    return torch.stack(heads, dim=1)


@replaces("absorbed_attention", ends="memory")
def broadcast_copies(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """The formula is right, but a batched product with a broadcast axis copies the latents for every head. Can the
    heads be queries of one product?"""
    T, S = q_nope.shape[2], latent.shape[1]
    scores = (q_nope @ w_k) @ latent[:, None].mT + q_rope @ k_rope[:, None].mT
    scores = scores / (q_nope.shape[-1] + q_rope.shape[-1]) ** 0.5
    weights = scores.masked_fill(torch.ones(T, S, dtype=torch.bool).triu(S - T + 1), -INF).softmax(-1)
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
    """Your outputs are right, and your cache holds latents before their norm, so the norm runs again for all S tokens
    in every step. What depends on one token only is done once: before the cache, or after it?"""

    def norm(self, latent):
        return latent

    def attend(self, q_nope, q_rope, full, absorb):
        normed = self.normed(full["latent"], self.kv_a_layernorm.weight)
        return super().attend(q_nope, q_rope, {"latent": normed, "k_rope": full["k_rope"]}, absorb)


@replaces("LatentAttention")
class KeyCachedUnturned(Layer):
    """Your cache holds keys that are not turned, so all of them are turned again in each step. A key's position never
    changes: when can it be turned once and for all?"""

    def turn_key(self, y, positions):
        return y

    def attend(self, q_nope, q_rope, full, absorb):
        turned = self.turn(full["k_rope"], torch.arange(full["k_rope"].shape[1]))
        return super().attend(q_nope, q_rope, {"latent": full["latent"], "k_rope": turned}, absorb)


@replaces("LatentAttention")
class KeysTurnedAgain(Layer):
    """You turned the keys of the cache a second time: they were turned when they were made. Which keys still need
    it?"""

    def attend(self, q_nope, q_rope, full, absorb):
        T, S = q_nope.shape[2], full["k_rope"].shape[1]
        old, new = full["k_rope"].split([S - T, T], dim=1)
        again = torch.cat([self.turn(old, torch.arange(S - T)), new], dim=1)
        return super().attend(q_nope, q_rope, {"latent": full["latent"], "k_rope": again}, absorb)


@replaces("LatentAttention")
class PositionRestart(Layer):
    """Your second piece begins at position 0 again. How many tokens are in the cache?"""

    def start(self, cache):
        return 0


@replaces("LatentAttention")
class OneNewToken(Layer):
    """With a cache you give every token of a piece the position P. A piece may have several tokens: where does the
    second one stand?"""

    def forward(self, x, cache=None, absorb=False):
        self.together = cache is not None
        return super().forward(x, cache, absorb)

    def turn(self, y, positions):
        return rotate(y, positions[:1].expand_as(positions) if self.together else positions, self.theta)


@replaces("LatentAttention")
class QueryNotTurned(Layer):
    """Your keys are turned and your queries are not. A score then depends on the place of the key alone. What should it
    depend on?"""

    def turn_query(self, y, positions):
        return y


@replaces("LatentAttention")
class KeyNotTurned(Layer):
    """Your queries are turned and your keys are not. A score then depends on the place of the query alone. What should
    it depend on?"""

    def turn_key(self, y, positions):
        return y


@replaces("LatentAttention")
class NothingTurned(Layer):
    """Nothing is turned in your layer, so it does not know in which order the tokens came. What are the R numbers
    for?"""

    def turn(self, y, positions):
        return y


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


@replaces("LatentAttention")
class Neighbours(Layer):
    """You turned neighbours, (x_{2i}, x_{2i+1}), as DeepSeek's own files want it. In the layout of this course, what is
    the partner of x_i?"""

    def turn(self, y, positions):
        y = rotate(torch.cat([y[..., ::2], y[..., 1::2]], dim=-1), positions, self.theta)
        return y.unflatten(-1, (2, -1)).mT.flatten(-2)


@replaces("LatentAttention")
class NeighboursToHalves(Layer):
    """You took neighbours for pairs and put them out as halves, as Hugging Face does with rope_interleave=True. Which
    rows does a pair have here?"""

    def turn(self, y, positions):
        return rotate(torch.cat([y[..., ::2], y[..., 1::2]], dim=-1), positions, self.theta)


@replaces("LatentAttention")
class ThetaIgnored(Layer):
    """rope_theta has no effect: your frequencies always have the base 10000. From where do they take their base?"""

    def turn(self, y, positions):
        return rotate(y, positions, 10000.0)


@replaces("LatentAttention")
class HalfExponent(Layer):
    """Your frequencies are rope_theta^(-i/R), so each pair turns faster than it should. The exponents of the R/2 pairs
    go from 0 to nearly -1. Which factor is missing?"""

    def turn(self, y, positions):
        return rotate(y, positions, self.theta**0.5)


@replaces("LatentAttention")
class FrequenciesOfTheHead(Layer):
    """Your exponents are -2i/(N + R), as if the whole head were turned. Over how many numbers do the pairs run?"""

    def turn(self, y, positions):
        return rotate(y, positions, self.theta ** (self.R / (self.N + self.R)))


@replaces("LatentAttention")
class Float32Angles(Layer):
    """Your angles are float32. Far into a text an angle has few digits left behind the point. In which dtype does the
    docstring ask for the angles?"""

    def turn(self, y, positions):
        half = y.shape[-1] // 2
        angle = positions[:, None] * self.theta ** (-torch.arange(half) / half)
        a, b = y[..., :half], y[..., half:]
        cos, sin = angle.cos().to(y.dtype), angle.sin().to(y.dtype)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("LatentAttention")
class AnglesInX(Layer):
    """You compute the angles in the dtype of x. In float32 that leaves few digits behind the point at a large position.
    In which dtype does the docstring ask for the angles?"""

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


@replaces("LatentAttention")
class SplitNoTranspose(Layer):
    """You made (B, H, T, ·) of (B, T, ·) with view alone, which mixes tokens. The numbers of a token are cut into heads
    first: which two axes change places after that?"""

    def split(self, y):
        return y.reshape(y.shape[0], self.H, y.shape[1], self.N + self.R)


@replaces("LatentAttention")
class SharedKeyFirst(Layer):
    """You took the first R rows of kv_a_proj_with_mqa for the shared key. Which rows does the docstring give it?"""

    def down(self, x):
        k_rope, latent = self.kv_a_proj_with_mqa(x).split([self.R, self.C], dim=-1)
        return latent, k_rope


@replaces("LatentAttention")
class NormsTheCacheAgain(Layer):
    """Your norm runs over all tokens, and those in the cache have been normed when they came: with each call they go
    through it once more. What is it that the cache holds?"""

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
    """With q_rank your query is the product of two matrices and nothing else. What stands between them?"""

    def q_norm(self, y):
        return y


@replaces("LatentAttention")
class NormWithoutWeight(Layer):
    """The weight of the latent's norm has no effect in your layer. What is multiplied after the division?"""

    def norm(self, latent):
        return self.normed(latent, torch.ones_like(self.kv_a_layernorm.weight))


@replaces("LatentAttention")
class NormCentres(Layer):
    """You subtracted the mean before you divided: that is LayerNorm. What does RMSNorm leave out?"""

    def normed(self, y, weight):
        return F.layer_norm(y, weight.shape, weight, eps=1e-6)


@replaces("LatentAttention")
class NormWithAnotherEps(Layer):
    """The number under the root of your norm is not 1e-6. nn.RMSNorm has one of its own, which depends on the dtype:
    which one does the docstring give?"""

    def normed(self, y, weight):
        return F.rms_norm(y, weight.shape, weight)


@replaces("LatentAttention")
class QueryNormWithAnotherEps(Layer):
    """With q_rank the number under the root of the query's norm is not 1e-6. nn.RMSNorm has one of its own, which
    depends on the dtype: which one do both of your norms need?"""

    def q_norm(self, y):
        return F.rms_norm(y, y.shape[-1:], self.q_a_layernorm.weight)


@replaces("LatentAttention")
class NormEpsOutside(Layer):
    """Your 1e-6 is added after the root. Where does the formula have it?"""

    def normed(self, y, weight):
        return y / (y.square().mean(-1, keepdim=True).sqrt() + 1e-6) * weight


@replaces("LatentAttention")
class CachesHeads(Layer):
    """You cache what multi-head attention caches, keys and values of all heads. Of which two small tensors can all of
    it be made again?"""

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
    """You return the new tokens alone, and at the next call everything before them is forgotten. Which tokens has the
    new cache?"""

    def kept(self, full, new):
        return new


@replaces("LatentAttention")
class WritesIntoTheCache(Layer):
    """You put the new entries into the dict that you were given. Whoever keeps it to continue the text in two ways
    finds the first continuation in it: what does the docstring say of the cache that is passed in?"""

    def forward(self, x, cache=None, absorb=False):
        y, full = super().forward(x, cache, absorb)
        if cache is None:
            return y, full
        cache.update(full)
        return y, cache


@replaces("LatentAttention")
class NewTokensFirst(Layer):
    """Your new tokens stand before the old ones in the cache. It has the order of the text: where do they belong?"""

    def join(self, old, new):
        return torch.cat([new, old], dim=1)


@replaces("LatentAttention")
class KeepsState(Layer):
    """Your layer remembers the text itself, and two continuations of one cache get into each other's way. Where is all
    that it may know of the tokens before?"""

    def forward(self, x, cache=None, absorb=False):
        y, self.mine = super().forward(x, getattr(self, "mine", None), absorb)
        return y, self.mine


@replaces("LatentAttention")
class MatrixNotByHeads(Layer):
    """Your layer cuts kv_b_proj once, first the keys of all heads and then the values. Each head owns one block of N +
    V rows: which of your functions knows that already?"""

    def matrices(self):
        k, v = self.kv_b_proj.weight.tensor_split([self.H * self.N])
        return k.unflatten(0, (self.H, -1)), v.unflatten(0, (self.H, -1))


@replaces("LatentAttention")
class RebuildScalesByN(Layer):
    """Without absorb your scores are divided by √N, with it by another number. Both ways compute the same: over how
    many numbers does the dot product run?"""

    def attend(self, q_nope, q_rope, full, absorb):
        factor = 1.0 if absorb else ((self.N + self.R) / self.N) ** 0.5
        return super().attend(q_nope * factor, q_rope * factor, full, absorb)


@replaces("LatentAttention")
class RebuildNotCausal(Layer):
    """Without absorb your tokens see later ones. Which keys are closed to a query?"""

    def attend(self, q_nope, q_rope, full, absorb):
        if absorb:
            return super().attend(q_nope, q_rope, full, absorb)
        return attend(q_nope, q_rope, full["latent"], full["k_rope"], *self.matrices(), offset=full["latent"].shape[1])


@replaces("LatentAttention")
class RebuildTopLeftMask(Layer):
    """Without absorb your mask begins at the top left, as is_causal=True does: with a cache the first new token sees
    the first key of the text only. Where does it stand?"""

    def attend(self, q_nope, q_rope, full, absorb):
        if absorb:
            return super().attend(q_nope, q_rope, full, absorb)
        return attend(q_nope, q_rope, full["latent"], full["k_rope"], *self.matrices(), offset=0)


@replaces("LatentAttention")
class RebuildIsCausal(Layer):
    """Without absorb a piece of several tokens after a cache is masked from the top left, as is_causal=True does: its
    first token sees the first key of the text only. A single new token and a text at once come out right. Which keys
    does token t of a piece see?"""

    def attend(self, q_nope, q_rope, full, absorb):
        if absorb or q_nope.shape[2] == 1:
            return super().attend(q_nope, q_rope, full, absorb)
        return attend(q_nope, q_rope, full["latent"], full["k_rope"], *self.matrices(), offset=0)


@replaces("LatentAttention")
class RebuildPieceSeesAll(Layer):
    """Without absorb you mask a text at once, and with a cache nothing: a token of a piece sees those of its piece that
    come after it. A single new token may see all there is. And the first of several?"""

    def attend(self, q_nope, q_rope, full, absorb):
        T, S = q_nope.shape[2], full["latent"].shape[1]
        if absorb or T == S:
            return super().attend(q_nope, q_rope, full, absorb)
        return attend(q_nope, q_rope, full["latent"], full["k_rope"], *self.matrices(), offset=S)


@replaces("LatentAttention")
class MergeNoTranspose(Layer):
    """You flattened (B, H, T, V) as it was, and one row mixes several tokens. Which two axes change places first?"""

    def out(self, heads):
        B, H, T, V = heads.shape
        return self.o_proj(heads.reshape(B, T, H * V))


@replaces("LatentAttention")
class HeadsInside(Layer):
    """You merged the heads so that their first numbers stand together, then their second ones. Head h owns V
    neighbouring columns of o_proj: which of the two axes comes last before they are merged?"""

    def out(self, heads):
        return self.o_proj(heads.permute(0, 2, 3, 1).flatten(2))


@replaces("LatentAttention")
class Biases(Layer):
    """Your matrices have biases, which nn.Linear adds unless it is told not to. Which parameters does the docstring
    list?"""

    bias = True


@replaces("LatentAttention")
class AcceptsOdd(Layer):
    """You accept an odd rope_dim. Numbers are turned in pairs: what is left over, and what does the docstring raise?"""

    even = False


@replaces("LatentAttention")
class LatentsDetached(Layer):
    """Your values are right, and the latents are detached, so the first matrix and its norm learn nothing through them.
    Which parameters does the docstring promise gradients to?"""

    def norm(self, latent):
        return super().norm(latent).detach()


@replaces("LatentAttention")
class AbsorbWithoutGradient(Layer):
    """With absorb=True your layer gives no gradient to some parameters, since it leaves the graph there. Is absorbing
    for decoding only, or does the docstring promise gradients in both ways?"""

    def attend(self, q_nope, q_rope, full, absorb):
        heads = super().attend(q_nope, q_rope, full, absorb)
        return heads.detach() if absorb else heads


@replaces("LatentAttention")
class AbsorbedMatrixDetached(Layer):
    """With absorb=True your values are right, and no gradient reaches kv_b_proj: W_k and W_v are cut from its numbers
    (.data, detach) and not from the parameter. The docstring promises gradients to all parameters: is absorb an
    exception?"""

    def attend(self, q_nope, q_rope, full, absorb):
        self.absorbs = absorb
        return super().attend(q_nope, q_rope, full, absorb)

    def matrices(self):
        w_k, w_v = super().matrices()
        return (w_k.detach(), w_v.detach()) if self.absorbs else (w_k, w_v)


@replaces("LatentAttention")
class MatrixDetached(Layer):
    """Your values are right, and no gradient reaches kv_b_proj, with absorb and without: W_k and W_v are cut from its
    numbers (.data, detach) and not from the parameter. From what would it learn?"""

    def matrices(self):
        w_k, w_v = super().matrices()
        return w_k.detach(), w_v.detach()


@replaces("LatentAttention", ends="memory")
class AbsorbIgnored(Layer):
    """absorb has no effect: the keys and values of all heads are rebuilt whatever it says."""

    def attend(self, q_nope, q_rope, full, absorb):
        return super().attend(q_nope, q_rope, full, False)
