"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from kv_cache import append_kv
from torch import Tensor, nn

from grader.testing import replaces


def joined(cache: dict | None, name: str, new: Tensor) -> Tensor:
    return new if cache is None else torch.cat([cache[name], new], dim=2)


def seen(cache: dict | None, k_new: Tensor) -> int:
    return k_new.shape[2] + (0 if cache is None else cache["length"])


def last(x: Tensor, window: int | None) -> Tensor:
    return x if window is None else x[:, :, -window:]


@replaces("append_kv", which=["keys and values", "keys", "values"])
def prepend(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, which: str) -> dict:
    """Your new {which} come before the old ones. The cache is in the order of the text: which entries belong at the
    end?"""
    k, v = joined(cache, "k", k_new), joined(cache, "v", v_new)
    if cache is not None and "keys" in which:
        k = torch.cat([k_new, cache["k"]], dim=2)
    if cache is not None and "values" in which:
        v = torch.cat([v_new, cache["v"]], dim=2)
    return {"k": last(k, window), "v": last(v, window), "length": seen(cache, k_new)}


@replaces("append_kv", which=["entries", "keys", "values"])
def replaced(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, which: str) -> dict:
    """Your cache holds the new {which} only, and those of the text before are lost. What does the old cache
    contribute?"""
    k = joined(cache, "k", k_new) if which == "values" else k_new
    v = joined(cache, "v", v_new) if which == "keys" else v_new
    return {"k": last(k, window), "v": last(v, window), "length": seen(cache, k_new)}


@replaces("append_kv", which=["entries", "keys", "values"])
def keeps_oldest(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, which: str) -> dict:
    """You kept the first W {which}, which never change once the cache is full. Which ones does a window keep?"""
    k, v = joined(cache, "k", k_new), joined(cache, "v", v_new)
    k = last(k, window) if which == "values" else k[:, :, :window]
    v = last(v, window) if which == "keys" else v[:, :, :window]
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv", number=["W + 1", "W - 1"])
def one_entry_off(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, number: str) -> dict:
    """With a window your full cache holds {number} entries. How many remain, those of the newest tokens included?"""
    k, v = joined(cache, "k", k_new), joined(cache, "v", v_new)
    if window is not None:
        start = max(0, k.shape[2] - (window + 1 if number == "W + 1" else window - 1))
        k, v = k[:, :, start:], v[:, :, start:]
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def start_below_zero(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You keep what comes from entry S − W on. With fewer entries than the window this start is negative, and Python
    counts it from the end: which entries do you throw away then, though there is room for all?"""
    k, v = joined(cache, "k", k_new), joined(cache, "v", v_new)
    start = 0 if window is None else k.shape[2] - window
    return {"k": k[:, :, start:], "v": v[:, :, start:], "length": seen(cache, k_new)}


@replaces("append_kv", which=["keys", "values"])
def only_one_cropped(
    cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, which: str
) -> dict:
    """Only your {which} are cropped to the window. What has to remain the same for key and value of a token?"""
    k, v = joined(cache, "k", k_new), joined(cache, "v", v_new)
    k, v = last(k, window) if which == "keys" else k, last(v, window) if which == "values" else v
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def first_not_cropped(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """A first piece that is longer than the window stays whole. How many entries may a cache have that begins with
    it?"""
    window = None if cache is None else window
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv", new_cropped=[False, True])
def room_before_appending(
    cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, new_cropped: bool
) -> dict:
    """Your result is wrong where the new entries fill the window. If you make room among the old entries first: where
    does your slice of them begin then, and what does Python take -0 for?"""
    k, v = (last(k_new, window), last(v_new, window)) if new_cropped else (k_new, v_new)
    if cache is not None:
        room = None if window is None else window - k.shape[2]
        k, v = torch.cat([last(cache["k"], room), k], dim=2), torch.cat([last(cache["v"], room), v], dim=2)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def old_cropped_only(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You crop the old entries to the window, and then the new ones are joined to them. How many entries are there
    afterwards?"""
    k, v = k_new, v_new
    if cache is not None:
        k, v = torch.cat([last(cache["k"], window), k], dim=2), torch.cat([last(cache["v"], window), v], dim=2)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def never_cropped(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your result is the same whatever window is, and the cache grows with the text. How many entries may it have?"""
    return {"k": joined(cache, "k", k_new), "v": joined(cache, "v", v_new), "length": seen(cache, k_new)}


@replaces("append_kv", counted=["all entries that remain", "the new tokens", "all old entries and the new tokens"])
def other_length(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, counted: str) -> dict:
    """Your length counts {counted}. What should it count, once entries have been dropped?"""
    k, v = joined(cache, "k", k_new), joined(cache, "v", v_new)
    number = k.shape[2] if counted.startswith("all old") else k_new.shape[2]
    if counted == "all entries that remain":
        number = last(k, window).shape[2]
    return {"k": last(k, window), "v": last(v, window), "length": number}


@replaces("append_kv", step=[0, 1])
def length_by_a_constant(
    cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, step: int
) -> dict:
    """Your length grows by {step} with each call after the first. How many tokens does a piece have?"""
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k, "v": v, "length": k_new.shape[2] if cache is None else cache["length"] + step}


@replaces("append_kv", axis=[0, 1, 3])
def along_another_axis(
    cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, axis: int
) -> dict:
    """You joined along axis {axis}. Which axis of (B, H, S, K) grows with the text?"""
    k = k_new if cache is None else torch.cat([cache["k"], k_new], dim=axis)
    v = v_new if cache is None else torch.cat([cache["v"], v_new], dim=axis)
    return {"k": last(k, window), "v": last(v, window), "length": seen(cache, k_new)}


@replaces("append_kv")
def written_into(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You put the new entries into the dict that you were given. Two continuations of one text may share it: what does
    the second one find there, and what does the docstring say about the old cache?"""
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    new = {"k": k, "v": v, "length": seen(cache, k_new)}
    if cache is None:
        return new
    cache.update(new)
    return cache


@replaces("append_kv", which=["old", "new", "old and new"])
def entries_detached(
    cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, which: str
) -> dict:
    """The values are right, and no gradient passes through the {which} entries of your cache. Which step leaves the
    graph?"""
    old = cache
    if cache is not None and "old" in which:
        old = cache | {name: cache[name].detach() for name in ("k", "v")}
    k, v = (k_new.detach(), v_new.detach()) if "new" in which else (k_new, v_new)
    k, v = last(joined(old, "k", k), window), last(joined(old, "v", v), window)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv", mixed=['"v" holds the keys', '"k" holds the values', '"k" and "v" are exchanged'])
def keys_and_values_mixed_up(
    cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None, *, mixed: str
) -> dict:
    """In your cache {mixed}. Which of the two new tensors belongs to the old keys?"""
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k if "holds the keys" in mixed else v, "v": v if "holds the values" in mixed else k} | {
        "length": seen(cache, k_new)
    }


class Layer(nn.Module):
    """The right layer, in parts. A mistake gets one of them wrong."""

    bias = False

    def __init__(self, hidden_size: int, num_heads: int, rope_theta: float = 10000.0, window: int | None = None):
        super().__init__()
        self.H, self.K = num_heads, hidden_size // num_heads
        self.theta, self.window = rope_theta, window
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(hidden_size, hidden_size, bias=self.bias))

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        position = torch.arange(x.shape[1]) + self.start(cache)
        q, k, v = self.project(x, self.angle(position, cache))
        return self.step(q, k, v, position, cache)

    def start(self, cache: dict | None) -> int:
        return 0 if cache is None else cache["length"]

    def angle(self, position: Tensor, cache: dict | None) -> Tensor:
        """The positions by which queries and keys are turned."""
        return position

    def project(self, x: Tensor, position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        return self.turn(q, position), self.turn(k, position), v

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        return self.attend(q, append_kv(cache, k, v), position), append_kv(cache, k, v, self.window)

    def split(self, y: Tensor) -> Tensor:
        return y.unflatten(-1, (self.H, self.K)).transpose(1, 2)

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, position, self.theta)

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        keep = self.mask(position[:, None], self.places(full))
        return self.out(F.scaled_dot_product_attention(q, full["k"], full["v"], attn_mask=keep))

    def places(self, full: dict) -> Tensor:
        S = full["k"].shape[2]
        return full["length"] - S + torch.arange(S)

    def mask(self, query: Tensor, key: Tensor) -> Tensor | None:
        keep = key <= query
        return keep if self.window is None else keep & (query - key < self.window)

    def out(self, y: Tensor) -> Tensor:
        return self.o_proj(y.transpose(1, 2).flatten(2))


def rotate(x: Tensor, position: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    angle = position[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    a, b = x[..., :half], x[..., half:]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x.dtype)


def with_closed(q: Tensor, full: dict, keep: Tensor, closed: float | None) -> Tensor:
    """Attention in which closed keys have this score; None: as torch does it."""
    if closed is None:
        return F.scaled_dot_product_attention(q, full["k"], full["v"], attn_mask=keep)
    scores = q @ full["k"].mT / q.shape[-1] ** 0.5
    return scores.masked_fill(~keep, closed).softmax(-1) @ full["v"]


@replaces("CachedAttention", in_mask=[False, True])
class PositionRestart(Layer):
    """Each piece begins at position 0 again: the first one is right, later ones are not. At which position is the first
    new token?"""

    in_mask: bool

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        here = torch.arange(x.shape[1])
        return self.step(*self.project(x, here), here if self.in_mask else here + self.start(cache), cache)


@replaces("CachedAttention")
class PositionFromEntries(Layer):
    """You took the number of entries for the position. A cropped cache is shorter than the text: which number says how
    many tokens came before?"""

    def angle(self, position: Tensor, cache: dict | None) -> Tensor:
        return position if cache is None else position - cache["length"] + cache["k"].shape[2]


@replaces("CachedAttention", by=[1, -1])
class PositionOneOff(Layer):
    """The positions of your later pieces are off by one. The tokens seen so far are numbers 0 to length − 1: which
    number is the next one?"""

    by: int

    def angle(self, position: Tensor, cache: dict | None) -> Tensor:
        return position if cache is None else position + self.by


@replaces("CachedAttention")
class OneNewToken(Layer):
    """With a cache you treat a piece as one token: all of its tokens have the position length, and each sees all
    others. At which position is the second one?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        if cache is None:
            return super().forward(x)
        q, k, v = self.project(x, torch.full((x.shape[1],), cache["length"]))
        kept = append_kv(cache, k, v, self.window)
        return self.out(F.scaled_dot_product_attention(q, kept["k"], kept["v"])), kept


class NotYetTurned(Layer):
    """Projects without turning; turns in the step."""

    def project(self, x: Tensor, position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        return q, k, v

    def all_turned(self, full: dict) -> dict:
        return full | {"k": self.turn(full["k"], self.places(full))}


@replaces("CachedAttention")
class CacheBeforeRope(NotYetTurned):
    """The keys in your cache are not turned, and later pieces meet them without a position. When does a key have to be
    turned: before it is stored, or after?"""

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        full = append_kv(cache, self.turn(k, position), v)
        return self.attend(self.turn(q, position), full, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class TurnedWhenUsed(NotYetTurned):
    """The outputs are right, but the keys in your cache are not turned, so each step has to turn all of them again.
    What does the statement say about stored keys?"""

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        full = self.all_turned(append_kv(cache, k, v))
        return self.attend(self.turn(q, position), full, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class CachedKeysTurnedAgain(NotYetTurned):
    """You turned the cached keys a second time. Which of the keys that you attend to are new?"""

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        full, kept = append_kv(cache, k, v), append_kv(cache, self.turn(k, position), v, self.window)
        return self.attend(self.turn(q, position), self.all_turned(full), position), kept


@replaces("CachedAttention", turned=["the queries alone", "the keys alone", "nothing", "the values, too"])
class OtherTurned(NotYetTurned):
    """You turned {turned}. A score should depend on the distance of two tokens: what has to turn for that, and what
    does a value carry?"""

    turned: str

    def project(self, x: Tensor, position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = super().project(x, position)
        q = self.turn(q, position) if self.turned in ("the queries alone", "the values, too") else q
        k = self.turn(k, position) if self.turned in ("the keys alone", "the values, too") else k
        return q, k, self.turn(v, position) if self.turned == "the values, too" else v


@replaces("CachedAttention")
class TurnedBackwards(Layer):
    """You turned in the other direction, by −mθ. Which of the two terms with a sine has the minus?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, -position, self.theta)


@replaces("CachedAttention")
class TurnedBeforeSplit(Layer):
    """You turned the D numbers of a token before you cut them into heads, so partners are D/2 apart, in different
    heads. How far apart are the two numbers of a pair?"""

    def project(self, x: Tensor, position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k = self.turn(self.q_proj(x), position), self.turn(self.k_proj(x), position)
        return self.split(q), self.split(k), self.split(self.v_proj(x))


@replaces("CachedAttention")
class TurnedBeforeTranspose(Layer):
    """You turned what is (B, T, H, K). _rotate takes the second to last axis for the positions: which axis is that in
    your tensor?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return super().turn(y.transpose(1, 2), position).transpose(1, 2)


@replaces("CachedAttention")
class Neighbours(Layer):
    """You turned neighbours, (x_{2i}, x_{2i+1}), as Meta's own files want it. Which number is the partner of x_i in the
    layout of this exercise?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        y = rotate(torch.cat([y[..., ::2], y[..., 1::2]], dim=-1), position, self.theta)
        return y.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


@replaces("CachedAttention", base=[10000.0, 500000.0])
class ThetaIgnored(Layer):
    """Your frequencies have the base {base} whatever rope_theta is. Where does the option have to arrive?"""

    base: float

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, position, self.base)


@replaces("CachedAttention", exponent=["−i/K", "−4i/K"])
class OtherExponent(Layer):
    """Your frequencies are θ^({exponent}). i goes from 0 to K/2 − 1: from where to where should the exponents go?"""

    exponent: str

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, position, self.theta**0.5 if self.exponent == "−i/K" else self.theta**2)


@replaces("CachedAttention")
class AnglesInX(Layer):
    """In float32 your angles at a large position are imprecise. How many digits after the point does an angle of a
    million have in float32, and in which dtype does the docstring want the angles?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        half = y.shape[-1] // 2
        angle = position[:, None].to(y.dtype) * self.theta ** (-torch.arange(half, dtype=y.dtype) / half)
        a, b = y[..., :half], y[..., half:]
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


@replaces("CachedAttention")
class Float32Angles(Layer):
    """In float64 your result is only as precise as float32, because your angles are no more precise. Which dtype do the
    numbers have that the frequencies are made from?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        half = y.shape[-1] // 2
        angle = position[:, None] * self.theta ** (-torch.arange(half) / half)
        a, b = y[..., :half], y[..., half:]
        cos, sin = angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("CachedAttention")
class TopLeftMask(Layer):
    """Your mask begins at the top left, as with is_causal=True: a single new token sees the first key and nothing else.
    Where among the keys are the new tokens?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        row, column = query - query[0], key - key[0]
        return (column <= row) if self.window is None else (column <= row) & (row - column < self.window)


@replaces("CachedAttention")
class NoMaskWithCache(Layer):
    """With a cache the tokens of a piece see each other's future. A single new token may see all keys: what about the
    first of several?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        keep = super().mask(query, key)
        return keep if int(query[0]) == 0 else keep | (key > query)


@replaces("CachedAttention")
class OneTokenUnmasked(Layer):
    """A single new token sees all keys that are there. With a window, W keys are kept and its own is joined to them:
    how many may it see?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor | None:
        return None if len(query) == 1 else super().mask(query, key)


@replaces("CachedAttention")
class IsCausalOfPieces(Layer):
    """Without a window, the first token of a later piece sees the first key of the text and nothing else; a single new
    token and a whole text come out right. Where among the keys are the new tokens?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor | None:
        if self.window is not None:
            return super().mask(query, key)
        return None if len(query) == 1 else key - key[0] <= query - query[0]


@replaces("CachedAttention", closed=[None, -torch.inf, -1e30, -1e9])
class KeysFromZero(Layer):
    """In your mask the keys have the positions 0 to S − 1. The cache need not begin where the text does: the last key
    and the newest query have the same position, so which position does the first key have?"""

    closed: float | None

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        keep = self.mask(position[:, None], torch.arange(full["k"].shape[2]))
        return self.out(with_closed(q, full, keep, self.closed))


@replaces("CachedAttention")
class KeysFromZeroWithoutWindow(Layer):
    """Without a window, a cache that begins later in the text lets the tokens of a piece see each other's future. At
    which position is the last of the keys, and so the first?"""

    def places(self, full: dict) -> Tensor:
        return torch.arange(full["k"].shape[2]) if self.window is None else super().places(full)


@replaces("CachedAttention")
class NotCausal(Layer):
    """Your tokens see later tokens. In a decoder a token may look only at itself and at what came before. Which keys
    does your mask have to close?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        return torch.ones_like(key <= query) if self.window is None else (query - key < self.window)


@replaces("CachedAttention")
class MaskAfterSoftmax(Layer):
    """The weights of a token do not add up to 1: the softmax has counted keys that the mask closes. What has to be done
    to the scores before it?"""

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        keep = self.mask(position[:, None], self.places(full))
        weights = (q @ full["k"].mT / self.K**0.5).softmax(-1)
        return self.out(weights * keep @ full["v"])


@replaces("CachedAttention", score=[0.0, -1.0])
class MaskedScore(Layer):
    """The scores of closed keys are {score} before the softmax. What weight does a key with this score get?"""

    score: float

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        return self.out(with_closed(q, full, self.mask(position[:, None], self.places(full)), self.score))


@replaces("CachedAttention")
class NewKeysOnly(Layer):
    """Your new tokens attend to each other and not to the cache, so each piece is a text of its own. Which keys does
    the first new token need?"""

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        new = {"k": k, "v": v, "length": seen(cache, k)}
        return self.attend(q, new, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class OldKeysOnly(Layer):
    """Your new tokens attend to the old cache and not to each other. Which keys may the last of them see?"""

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        kept = append_kv(cache, k, v, self.window)
        return self.attend(q, kept if cache is None else cache, position), kept


@replaces("CachedAttention", closed=[None, -torch.inf, -1e30, -1e9])
class CropBeforeAttending(Layer):
    """You attend to the cropped cache: the first tokens of a piece lose keys that are still in their window. What has
    to be cropped, and when?"""

    closed: float | None

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        kept = append_kv(cache, k, v, self.window)
        keep = self.mask(position[:, None], self.places(kept))
        return self.out(with_closed(q, kept, keep, self.closed)), kept


@replaces("CachedAttention")
class WindowNotMasked(Layer):
    """Within a piece your tokens look back farther than the window. What stops a token of a long piece from seeing the
    first one, if all keys are there?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        return key <= query


@replaces("CachedAttention", width=["W + 1", "W − 1"])
class WindowOneOff(Layer):
    """In your mask a token sees {width} keys, its own included. Which keys may it see if W = 1?"""

    width: str

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        keep = key <= query
        if self.window is None:
            return keep
        return keep & (query - key < (self.window + 1 if self.width == "W + 1" else self.window - 1))


@replaces("CachedAttention")
class CacheNotCropped(Layer):
    """The outputs are right, but your cache keeps everything although there is a window. How many of its entries can
    still be seen?"""

    def step(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        full = append_kv(cache, k, v)
        return self.attend(q, full, position), full


@replaces("CachedAttention")
class WritesIntoTheCache(Layer):
    """Your layer puts the new entries into the dict that it was given. Two continuations of one text may share it: what
    does the second one find there?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        y, new = super().forward(x, cache)
        if cache is None:
            return y, new
        cache.update(new)
        return y, cache


@replaces("CachedAttention", reset=[False, True])
class KeepsState(Layer):
    """Your layer remembers the text itself, so that two continuations of one cache follow each other. Where does all
    that it may know of a text have to come from?"""

    reset: bool  # where no cache is given

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        begins = cache is None and self.reset
        y, self.mine = super().forward(x, None if begins else getattr(self, "mine", cache))
        return y, self.mine


@replaces("CachedAttention", what=["keys", "values", "keys and values"])
class CacheDetached(Layer):
    """No gradient flows through the {what} of your cache, so a later piece cannot teach them anything. Which step of
    your code leaves the graph?"""

    what: str

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        y, new = super().forward(x, cache)
        k = new["k"].detach() if "keys" in self.what else new["k"]
        return y, {"k": k, "v": new["v"].detach() if "values" in self.what else new["v"], "length": new["length"]}


@replaces("CachedAttention", scale=["1", "1/√D", "1/K", "√K"])
class Scale(Layer):
    """Your scores are q·k times {scale}. A score is a sum over the K numbers of one head: how does its size grow with
    K?"""

    scale: str

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        factors = {"1": self.K**0.5, "1/√D": self.H**-0.5, "1/K": self.K**-0.5, "√K": float(self.K)}
        return super().attend(q * factors[self.scale], full, position)


@replaces("CachedAttention", where=["before attention", "after attention", "before and after attention"])
class NoTranspose(Layer):
    """Your heads are cut or joined by a reshape alone ({where}), which mixes tokens. Which axes of (B, T, H, K) have to
    change places?"""

    where: str

    def split(self, y: Tensor) -> Tensor:
        B, T, _ = y.shape
        return super().split(y) if self.where.startswith("after") else y.reshape(B, self.H, T, self.K)

    def out(self, y: Tensor) -> Tensor:
        B, H, T, K = y.shape
        return super().out(y) if self.where == "before attention" else self.o_proj(y.reshape(B, T, H * K))


@replaces("CachedAttention", back=[False, True])
class InterleavedHeads(Layer):
    """Your head h is made of every H-th number. Which rows of the matrices does it own according to the docstring?"""

    back: bool

    def split(self, y: Tensor) -> Tensor:
        return y.unflatten(-1, (self.K, self.H)).permute(0, 3, 1, 2)

    def out(self, y: Tensor) -> Tensor:
        return self.o_proj(y.permute(0, 2, 3, 1).flatten(2)) if self.back else super().out(y)


@replaces("CachedAttention")
class NoOutput(Layer):
    """Your output is the same whatever o_proj is. What happens to the heads after attention?"""

    def out(self, y: Tensor) -> Tensor:
        return y.transpose(1, 2).flatten(2)


@replaces("CachedAttention")
class Biases(Layer):
    """Your projections have biases. What does the docstring say about them, and what does nn.Linear do unless it is
    told otherwise?"""

    bias = True
