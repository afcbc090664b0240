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


@replaces("append_kv")
def prepend(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your new entries stand before the old ones. The cache is in the order of the text: which go to the end?"""
    k = k_new if cache is None else torch.cat([k_new, cache["k"]], dim=2)
    v = v_new if cache is None else torch.cat([v_new, cache["v"]], dim=2)
    return {"k": last(k, window), "v": last(v, window), "length": seen(cache, k_new)}


@replaces("append_kv")
def replaced(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your new cache holds the new entries only, and the text before them is lost. What does the old cache
    contribute?"""
    return {"k": last(k_new, window), "v": last(v_new, window), "length": seen(cache, k_new)}


@replaces("append_kv")
def keeps_oldest(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You kept the first W entries, and the cache never changes once it is full. Keep the newest."""
    k, v = joined(cache, "k", k_new)[:, :, :window], joined(cache, "v", v_new)[:, :, :window]
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def one_too_many(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your cache holds one entry more than the window. W entries remain, those of the newest tokens
    included."""
    window = None if window is None else window + 1
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def start_below_zero(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You keep what stands from entry S − W on. With fewer entries than the window this start is negative, and Python
    counts it from the end: which entries do you throw away then, though there is room for all?"""
    k, v = joined(cache, "k", k_new), joined(cache, "v", v_new)
    start = 0 if window is None else k.shape[2] - window
    return {"k": k[:, :, start:], "v": v[:, :, start:], "length": seen(cache, k_new)}


@replaces("append_kv")
def only_keys_cropped(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You cropped the keys and not the values: key and value of a token must stay beside each other."""
    k, v = last(joined(cache, "k", k_new), window), joined(cache, "v", v_new)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def first_not_cropped(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """A first piece that is longer than the window stays whole: you crop only where there is an old cache."""
    window = None if cache is None else window
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def room_before_appending(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You make room among the old entries, and append all new ones after that. A piece may be as long as the window or
    longer: where does your slice of the old entries begin then, and who crops the new ones?"""
    k, v = k_new, v_new
    if cache is not None:
        room = None if window is None else window - k_new.shape[2]
        k, v = torch.cat([last(cache["k"], room), k], dim=2), torch.cat([last(cache["v"], room), v], dim=2)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def all_of_minus_zero(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Where the new entries fill the window, your slice of the old ones begins at -0, which is 0, and all of them stay.
    How many old entries are to remain then?"""
    k, v = last(k_new, window), last(v_new, window)
    if cache is not None:
        room = None if window is None else window - k.shape[2]
        k, v = torch.cat([last(cache["k"], room), k], dim=2), torch.cat([last(cache["v"], room), v], dim=2)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


@replaces("append_kv")
def never_cropped(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """window takes no part, and your cache grows with the text. That it does not is the reason for a window."""
    return {"k": joined(cache, "k", k_new), "v": joined(cache, "v", v_new), "length": seen(cache, k_new)}


@replaces("append_kv")
def length_of_entries(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your length counts entries, so it stands still once the window is full. It counts all tokens seen: take
    it from the old cache, not from a shape."""
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k, "v": v, "length": k.shape[2]}


@replaces("append_kv")
def length_of_piece(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your length is that of the newest piece. The tokens that the old cache counted belong to it."""
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k, "v": v, "length": k_new.shape[2]}


@replaces("append_kv")
def one_by_one_only(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your length grows by 1 in each call. A piece may have several tokens: how many has this one?"""
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    return {"k": k, "v": v, "length": k_new.shape[2] if cache is None else cache["length"] + 1}


@replaces("append_kv")
def along_heads(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You joined along the axis of the heads. Of (B, H, S, K) it is S that grows."""
    k = k_new if cache is None else torch.cat([cache["k"], k_new], dim=1)
    v = v_new if cache is None else torch.cat([cache["v"], v_new], dim=1)
    return {"k": last(k, window), "v": last(v, window), "length": seen(cache, k_new)}


@replaces("append_kv")
def written_into(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You put the new entries into the dict that you were given. Two continuations of one text may share it, and a
    layer that appends to it twice finds its new tokens there already. What does the docstring say of the old cache?"""
    k, v = last(joined(cache, "k", k_new), window), last(joined(cache, "v", v_new), window)
    new = {"k": k, "v": v, "length": seen(cache, k_new)}
    if cache is None:
        return new
    cache.update(new)
    return cache


@replaces("append_kv")
def old_entries_detached(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """You detached the old entries before the new ones were joined to them, so a later piece teaches nothing to the
    earlier tokens. Gradients flow to the tensors of the cache handed in, too: which step leaves the graph?"""
    old = None if cache is None else cache | {name: cache[name].detach() for name in ("k", "v")}
    k, v = last(joined(old, "k", k_new), window), last(joined(old, "v", v_new), window)
    return {"k": k, "v": v, "length": seen(cache, k_new)}


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
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        q, k, v = self.turn(q, position), self.turn(k, position), self.value(v, position)
        full = append_kv(cache, k, v)
        return self.attend(q, full, position), append_kv(cache, k, v, self.window)

    def start(self, cache: dict | None) -> int:
        return 0 if cache is None else cache["length"]

    def split(self, y: Tensor) -> Tensor:
        return y.unflatten(-1, (self.H, self.K)).transpose(1, 2)

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, position, self.theta)

    def value(self, v: Tensor, position: Tensor) -> Tensor:
        return v

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        S = full["k"].shape[2]
        keep = self.mask(position[:, None], full["length"] - S + torch.arange(S))
        return self.out(F.scaled_dot_product_attention(q, full["k"], full["v"], attn_mask=keep))

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


@replaces("CachedAttention")
class PositionRestart(Layer):
    """Each piece begins at position 0 again. The first one is right, later ones are not: at which position
    does the first new token stand?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        here = torch.arange(x.shape[1])
        q, k = self.turn(q, here), self.turn(k, here)
        full = append_kv(cache, k, v)
        return self.attend(q, full, here + self.start(cache)), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class PositionRestartInMask(Layer):
    """Each piece begins at position 0 again, for the angles and for the mask: one new token then sees the
    first key of the text only. At which position does the first new token stand?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        here = torch.arange(x.shape[1])
        q, k = self.turn(q, here), self.turn(k, here)
        return self.attend(q, append_kv(cache, k, v), here), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class PositionFromEntries(Layer):
    """You took the number of entries for the position. A cropped cache is shorter than the text: once the
    window is full, all new tokens stand at the same place. Use length."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        true = torch.arange(x.shape[1]) + self.start(cache)
        position = true if cache is None else true - cache["length"] + cache["k"].shape[2]
        q, k = self.turn(q, position), self.turn(k, position)
        full = append_kv(cache, k, v)
        return self.attend(q, full, true), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class PositionOneLate(Layer):
    """Positions of your later pieces are one too far: length is the number of tokens seen, and they count
    from 0, so the next one stands at length itself."""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, position + 1 if int(position[0]) > 0 else position, self.theta)


@replaces("CachedAttention")
class CacheBeforeRope(Layer):
    """Your keys are stored before they are turned, and later pieces meet them without a position. Turn first,
    then store."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        full = append_kv(cache, self.turn(k, position), v)
        return self.attend(self.turn(q, position), full, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class TurnedWhenUsed(Layer):
    """Your cache holds keys that are not turned, and each step turns all of them again. The outputs are right,
    but the work grows with the text, and the cache is not the one described: keys are stored turned."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        full = append_kv(cache, k, v)
        S = full["k"].shape[2]
        full["k"] = self.turn(full["k"], full["length"] - S + torch.arange(S))
        return self.attend(self.turn(q, position), full, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class CachedKeysTurnedAgain(Layer):
    """You turned the cached keys a second time: they were turned when they were stored. Only the new ones need
    it."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        full, kept = append_kv(cache, k, v), append_kv(cache, self.turn(k, position), v, self.window)
        S = full["k"].shape[2]
        full["k"] = self.turn(full["k"], full["length"] - S + torch.arange(S))
        return self.attend(self.turn(q, position), full, position), kept


@replaces("CachedAttention")
class ValuesTurned(Layer):
    """You turned the values too. They carry content, not position, and nothing turns them back later."""

    def value(self, v: Tensor, position: Tensor) -> Tensor:
        return self.turn(v, position)


@replaces("CachedAttention")
class NothingTurned(Layer):
    """Your attention knows no positions: nothing is turned. What tells it that two tokens are far apart?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return y


@replaces("CachedAttention")
class Neighbours(Layer):
    """You turned neighbours, (x_{2i}, x_{2i+1}), as Meta's own files want it. In this layout, Hugging Face's,
    the partner of x_i is x_{i+K/2}."""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        y = rotate(torch.cat([y[..., ::2], y[..., 1::2]], dim=-1), position, self.theta)
        return y.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


@replaces("CachedAttention")
class ThetaIgnored(Layer):
    """rope_theta has no effect: your frequencies always have the base 10000. From where do the frequencies take their
    base?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, position, 10000.0)


@replaces("CachedAttention")
class AnglesInX(Layer):
    """You compute the angles in the dtype of x. In float32 an angle at a large position is imprecise, since few digits
    are left behind the point. In which dtype does the docstring ask for the angles?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        half = y.shape[-1] // 2
        angle = position[:, None].to(y.dtype) * self.theta ** (-torch.arange(half, dtype=y.dtype) / half)
        a, b = y[..., :half], y[..., half:]
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


@replaces("CachedAttention")
class Float32Angles(Layer):
    """Your angles are float32, and in float64 the result has only half of its digits. Which dtype do the
    numbers have that the frequencies are made from?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        half = y.shape[-1] // 2
        angle = position[:, None] * self.theta ** (-torch.arange(half) / half)
        a, b = y[..., :half], y[..., half:]
        cos, sin = angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("CachedAttention")
class TopLeftMask(Layer):
    """Your mask begins at the top left, as if the new tokens stood at the beginning: a single new token sees
    the first key and nothing else. They stand at the end of the keys. (is_causal=True does the same.)"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        row, column = query - query[0], key - key[0]
        return (column <= row) if self.window is None else (column <= row) & (row - column < self.window)


@replaces("CachedAttention")
class NoMaskWithCache(Layer):
    """With a cache you mask nothing. One new token may see all keys, but the tokens of a piece must not see
    each other's future."""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        keep = super().mask(query, key)
        return keep if int(query[0]) == 0 else keep | (key > query)


@replaces("CachedAttention")
class OneTokenUnmasked(Layer):
    """You give a single new token no mask. Without a window it may look at everything that is there. With one, W
    keys are kept and its own is joined to them: how many may it see?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor | None:
        return None if len(query) == 1 else super().mask(query, key)


@replaces("CachedAttention")
class IsCausalOfPieces(Layer):
    """Without a window you leave the mask of a piece to is_causal, which begins at the top left: its first token sees
    the first key of the text and nothing else. A single new token and a whole text come out right. Where among the keys
    do the new tokens stand?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor | None:
        if self.window is not None:
            return super().mask(query, key)
        return None if len(query) == 1 else key - key[0] <= query - query[0]


@replaces("CachedAttention")
class KeysFromZero(Layer):
    """In your mask the keys stand at positions 0 to S - 1. The cache need not begin where the text does: the last of
    its keys and the newest query stand at the same position. At which one does the first key stand?"""

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        keep = self.mask(position[:, None], torch.arange(full["k"].shape[2]))
        return self.out(F.scaled_dot_product_attention(q, full["k"], full["v"], attn_mask=keep))


@replaces("CachedAttention")
class KeysFromZeroWithoutWindow(Layer):
    """Without a window the keys stand at positions 0 to S - 1 in your mask, and a cache that begins later in the text
    lets the tokens of a piece see each other's future. At which position does the last of the keys stand, and so the
    first?"""

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        S = full["k"].shape[2]
        keep = self.mask(position[:, None], torch.arange(S) + (0 if self.window is None else full["length"] - S))
        return self.out(F.scaled_dot_product_attention(q, full["k"], full["v"], attn_mask=keep))


class PlacesForPositions(Layer):
    """Counts keys from 0 in the mask, with a number for the scores of closed keys."""

    closed = 0.0

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        keep = self.mask(position[:, None], torch.arange(full["k"].shape[2]))
        scores = q @ full["k"].mT / self.K**0.5
        return self.out(scores.masked_fill(~keep, self.closed).softmax(-1) @ full["v"])


@replaces("CachedAttention")
class NanOfKeysFromZero(PlacesForPositions):
    """In your mask the keys stand at positions 0 to S - 1, and a query that finds none of them open has a softmax over
    -inf alone, which is NaN. The cache need not begin where the text does: the last of its keys and the newest query
    stand at the same position. At which one does the first key stand?"""

    closed = -torch.inf


@replaces("CachedAttention")
class AverageOfKeysFromZero(PlacesForPositions):
    """In your mask the keys stand at positions 0 to S - 1, and a query that finds none of them open averages all. The
    cache need not begin where the text does: the last of its keys and the newest query stand at the same position. At
    which one does the first key stand?"""

    closed = -1e30


@replaces("CachedAttention")
class NotCausal(Layer):
    """Your tokens see later tokens. In a decoder a token may look only at itself and at what came before. Which keys
    does your mask have to close?"""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        return torch.ones_like(key <= query) if self.window is None else (query - key < self.window)


@replaces("CachedAttention")
class NewKeysOnly(Layer):
    """Your new tokens attend to each other and not to the cache, so each piece is a text of its own."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        q, k = self.turn(q, position), self.turn(k, position)
        new = {"k": k, "v": v, "length": self.start(cache) + x.shape[1]}
        return self.attend(q, new, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class CropBeforeAttending(Layer):
    """You cropped to the window before attending: the first tokens of a piece lose keys that are still in
    their window. Crop what is kept, not what is attended to."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        kept = append_kv(cache, self.turn(k, position), v, self.window)
        return self.attend(self.turn(q, position), kept, position), kept


class FirstCropped(Layer):
    """Crops to the window, then attends, with a number for the scores of closed keys."""

    closed = 0.0

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        kept = append_kv(cache, self.turn(k, position), v, self.window)
        S = kept["k"].shape[2]
        keep = self.mask(position[:, None], kept["length"] - S + torch.arange(S))
        scores = self.turn(q, position) @ kept["k"].mT / self.K**0.5
        return self.out(scores.masked_fill(~keep, self.closed).softmax(-1) @ kept["v"]), kept


@replaces("CachedAttention")
class AverageOfCropped(FirstCropped):
    """You cropped to the window before attending. The first tokens of a piece lose keys that are still in their window,
    and where all of their keys are closed by a large negative number they average later tokens. What has to be cropped,
    and when?"""

    closed = -1e30


@replaces("CachedAttention")
class NanOfCropped(FirstCropped):
    """You cropped to the window before attending. The first tokens of a piece lose keys that are still in their window,
    and a softmax over -inf alone is NaN. What has to be cropped, and when?"""

    closed = -torch.inf


@replaces("CachedAttention")
class WindowNotMasked(Layer):
    """Within a piece your tokens look back farther than the window: cropping the cache alone does not stop
    them. The mask has a second condition."""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        return key <= query


@replaces("CachedAttention")
class WindowOneTooWide(Layer):
    """Your window is one key too wide: W counts the token itself, so W = 1 sees only itself. Cropped caches
    then lack the key that a whole pass has."""

    def mask(self, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) if self.window is None else (key <= query) & (query - key <= self.window)


@replaces("CachedAttention")
class CacheNotCropped(Layer):
    """Your cache keeps everything although there is a window. The outputs are right, and the memory grows with
    the text all the same."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        full = append_kv(cache, self.turn(k, position), v)
        return self.attend(self.turn(q, position), full, position), full


@replaces("CachedAttention")
class WritesIntoTheCache(Layer):
    """Your layer puts the new entries into the dict that it was given. Two continuations of one text may share it: what
    do they find there, and what does forward return?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        y, new = super().forward(x, cache)
        if cache is None:
            return y, new
        cache.update(new)
        return y, cache


@replaces("CachedAttention")
class KeepsState(Layer):
    """Your layer remembers the text itself, and two continuations of one cache get into each other's way. All
    that it may know is in the cache that it is given; without one a new text begins."""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        y, self.mine = super().forward(x, getattr(self, "mine", None))
        return y, self.mine


@replaces("CachedAttention")
class NoScale(Layer):
    """Your scores are not divided by √K, so the softmax is sharper than it should be."""

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        return super().attend(q * self.K**0.5, full, position)


@replaces("CachedAttention")
class ScaleD(Layer):
    """Your scores are divided by √D. A score is a sum over the K numbers of one head: scale by √K."""

    def attend(self, q: Tensor, full: dict, position: Tensor) -> Tensor:
        return super().attend(q * self.H**-0.5, full, position)


@replaces("CachedAttention")
class SplitNoTranspose(Layer):
    """You cut (B, T, D) into (B, H, T, K) with view alone, which mixes tokens. The D numbers of a token are
    cut into (H, K) first, and then the axes change places."""

    def split(self, y: Tensor) -> Tensor:
        return y.reshape(y.shape[0], self.H, y.shape[1], self.K)


@replaces("CachedAttention")
class MergeNoTranspose(Layer):
    """You flattened (B, H, T, K) to (B, T, D) as it was, and one row mixes several tokens. Swap heads and time
    back first."""

    def out(self, y: Tensor) -> Tensor:
        B, H, T, K = y.shape
        return self.o_proj(y.reshape(B, T, H * K))


@replaces("CachedAttention")
class NoOutput(Layer):
    """o_proj takes no part. The heads stand side by side after attention, and W_o mixes them."""

    def out(self, y: Tensor) -> Tensor:
        return y.transpose(1, 2).flatten(2)


@replaces("CachedAttention")
class Biases(Layer):
    """Your projections have biases, which nn.Linear adds unless it is told not to. A checkpoint without them
    would not fit."""

    bias = True


@replaces("append_kv")
def values_for_keys(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """Your entries "v" hold the keys. Which of the two new tensors goes behind the old values?"""
    k = last(joined(cache, "k", k_new), window)
    return {"k": k, "v": k, "length": seen(cache, k_new)}


@replaces("CachedAttention")
class OneNewToken(Layer):
    """With a cache you treat a piece as one token: all of its tokens stand at position length, and each sees all
    others. A piece may have several tokens. At which position does the second one stand?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        if cache is None:
            return super().forward(x)
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        here = torch.full((x.shape[1],), cache["length"])
        q, k = self.turn(q, here), self.turn(k, here)
        full = append_kv(cache, k, v)
        kept = full if self.window is None else append_kv(cache, k, v, self.window)
        return self.out(F.scaled_dot_product_attention(q, kept["k"], kept["v"])), kept


@replaces("CachedAttention")
class KeptUntilNone(Layer):
    """Your layer keeps the text itself and looks at cache only to see whether a new text begins. Two continuations of
    one cache then follow each other. From where has the layer to take the keys?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        y, self.mine = super().forward(x, None if cache is None else getattr(self, "mine", cache))
        return y, self.mine


@replaces("CachedAttention")
class HalfExponent(Layer):
    """Your frequencies are θ^(−i/K), so each pair turns faster than it should. The exponents of the K/2 pairs go from 0
    to nearly −1. Which factor is missing?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, position, self.theta**0.5)


@replaces("CachedAttention")
class CacheDetached(Layer):
    """You detached what goes into the cache, so a later piece teaches nothing to the earlier tokens; and if your layer
    attends to what append_kv returns, keys and values learn nothing at all. Gradients flow through the cache too. Which
    step of your code leaves the graph?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        y, cache = super().forward(x, cache)
        return y, {"k": cache["k"].detach(), "v": cache["v"].detach(), "length": cache["length"]}


@replaces("CachedAttention")
class KeysNotTurned(Layer):
    """You turned the queries and not the keys. A score then depends on the place of the query alone. What should it
    depend on?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        full = append_kv(cache, k, v)
        return self.attend(self.turn(q, position), full, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class QueriesNotTurned(Layer):
    """You turned the keys and not the queries. A score then depends on the place of the key alone. What should it
    depend on?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        position = torch.arange(x.shape[1]) + self.start(cache)
        k = self.turn(k, position)
        full = append_kv(cache, k, v)
        return self.attend(q, full, position), append_kv(cache, k, v, self.window)


@replaces("CachedAttention")
class TurnedBackwards(Layer):
    """You turned in the other direction, by −mθ. Which of the two terms with a sine has the minus?"""

    def turn(self, y: Tensor, position: Tensor) -> Tensor:
        return rotate(y, -position, self.theta)


@replaces("CachedAttention")
class TurnedBeforeSplit(Layer):
    """You turned the D numbers of a token before you cut them into heads, so partners lie D/2 apart, in different
    heads. How far apart are the two numbers of a pair?"""

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        position = torch.arange(x.shape[1]) + self.start(cache)
        q, k = self.turn(self.q_proj(x), position), self.turn(self.k_proj(x), position)
        q, k, v = self.split(q), self.split(k), self.split(self.v_proj(x))
        full = append_kv(cache, k, v)
        return self.attend(q, full, position), append_kv(cache, k, v, self.window)
