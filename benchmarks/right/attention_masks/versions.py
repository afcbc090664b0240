from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from base import bidirectional_mask, prefix_lm_mask, sliding_window_mask, with_padding
from torch import Tensor

from grader.testing import replaces


# ------------------------------------------------------------ bidirectional_mask
@replaces("bidirectional_mask")
def bi_full(T, S=None):
    """full"""
    return torch.full((T, T if S is None else S), True)


@replaces("bidirectional_mask")
def bi_or(T, S=None):
    """S or T; sizes are at least 1"""
    return torch.ones((T, S or T)).bool()


@replaces("bidirectional_mask")
def bi_expand(T, S=None):
    """an expanded view of one number"""
    return torch.tensor(True).expand(T, S if S is not None else T)


@replaces("bidirectional_mask")
def bi_list(T, S=None):
    """nested lists"""
    columns = T if S is None else S
    return torch.tensor([[True] * columns for _ in range(T)])


@replaces("bidirectional_mask")
def bi_numpy(T, S=None):
    """NumPy"""
    S = T if S is None else S
    return torch.from_numpy(np.ones((T, S), dtype=bool))


@replaces("bidirectional_mask")
def bi_compare(T, S=None):
    """zeros, compared with zero"""
    return torch.zeros(T, T if S is None else S, dtype=torch.int8).eq(0)


@replaces("bidirectional_mask")
def bi_not(T, S=None):
    """not False"""
    if S is None:
        return ~torch.zeros(T, T, dtype=torch.bool)
    return ~torch.zeros(T, S, dtype=torch.bool)


@replaces("bidirectional_mask")
def bi_transposed(T, S=None):
    """the transpose of (S, T)"""
    S = T if S is None else S
    return torch.ones(S, T, dtype=torch.bool).T


@replaces("bidirectional_mask")
def bi_outer(T, S=None):
    """position differences below infinity"""
    S = T if S is None else S
    return (torch.arange(T).unsqueeze(1) - torch.arange(S).unsqueeze(0)).abs() < float("inf")


# ------------------------------------------------------------ prefix_lm_mask
@replaces("prefix_lm_mask")
def pre_tril(T, prefix_len):
    """tril, then columns set"""
    mask = torch.ones(T, T).tril().bool()
    mask[:, :prefix_len] = True
    return mask


@replaces("prefix_lm_mask")
def pre_block(T, prefix_len):
    """tril, then the square of the prefix"""
    mask = torch.tril(torch.ones(T, T, dtype=torch.bool))
    mask[:prefix_len, :prefix_len] = True
    return mask


@replaces("prefix_lm_mask")
def pre_lists(T, prefix_len):
    """lists"""
    return torch.tensor([[j <= i or j < prefix_len for j in range(T)] for i in range(T)])


@replaces("prefix_lm_mask")
def pre_max(T, prefix_len):
    """each query sees max(i + 1, prefix) keys"""
    seen = torch.arange(1, T + 1).clamp(min=prefix_len)
    return torch.arange(T).expand(T, T) < seen.unsqueeze(-1)


@replaces("prefix_lm_mask")
def pre_forbidden(T, prefix_len):
    """what is not forbidden"""
    forbidden = torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1)
    forbidden[:, :prefix_len] = False
    return forbidden.logical_not()


@replaces("prefix_lm_mask")
def pre_numpy(T, prefix_len):
    """NumPy"""
    i, j = np.indices((T, T))
    return torch.from_numpy((i >= j) | (j < prefix_len))


@replaces("prefix_lm_mask")
def pre_rows(T, prefix_len):
    """row after row"""
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i, row in enumerate(mask):
        row[: max(i + 1, prefix_len)] = True
    return mask


@replaces("prefix_lm_mask")
def pre_cat(T, prefix_len):
    """two blocks side by side"""
    left = torch.ones(T, prefix_len, dtype=torch.bool)
    i = torch.arange(T)
    right = i[:, None] >= i[prefix_len:][None]
    return torch.cat((left, right), dim=1)


@replaces("prefix_lm_mask")
def pre_rank(T, prefix_len):
    """each position gets a rank; the prefix has one rank"""
    rank = torch.arange(T)
    rank[:prefix_len] = 0 if prefix_len == 0 else prefix_len - 1
    return rank[:, None] >= rank


@replaces("prefix_lm_mask")
def pre_transposed(T, prefix_len):
    """made transposed, returned as a view"""
    a = torch.arange(T)
    return torch.logical_or(a[:, None] <= a[None], (a < prefix_len)[:, None]).mT


@replaces("prefix_lm_mask")
def pre_additive(T, prefix_len):
    """a mask of -inf, compared with 0"""
    additive = torch.full((T, T), -torch.inf).triu(1)
    additive = additive.index_fill(1, torch.arange(prefix_len), 0.0)
    return additive == 0


@replaces("prefix_lm_mask")
def pre_where(T, prefix_len):
    """where"""
    key = torch.where(torch.arange(T) < prefix_len, -1, torch.arange(T))
    return torch.le(key.view(1, T), torch.arange(T).view(T, 1))


# ------------------------------------------------------------ sliding_window_mask
@replaces("sliding_window_mask")
def win_tril_triu(T, window, S=None):
    """a band: tril and triu"""
    S = T if S is None else S
    ones = torch.ones(T, S, dtype=torch.bool)
    return ones.tril(S - T) & ones.triu(S - T - window + 1)


@replaces("sliding_window_mask")
def win_xor(T, window, S=None):
    """causal, without what lies too far back"""
    S = T if S is None else S
    ones = torch.ones(T, S, dtype=torch.bool)
    return torch.tril(ones, S - T) ^ torch.tril(ones, S - T - window)


@replaces("sliding_window_mask")
def win_lists(T, window, S=None):
    """lists"""
    S = S or T
    return torch.tensor([[0 <= i + S - T - j < window for j in range(S)] for i in range(T)])


@replaces("sliding_window_mask")
def win_distance(T, window, S=None):
    """distances"""
    if S is None:
        S = T
    distance = torch.arange(S - T, S).unsqueeze(1) - torch.arange(S).unsqueeze(0)
    return distance.ge(0).logical_and(distance.lt(window))


@replaces("sliding_window_mask")
def win_last(T, window, S=None):
    """the last T rows of the whole square"""
    S = T if S is None else S
    p = torch.arange(S)
    square = (p[None] <= p[:, None]) & (p[None] > p[:, None] - window)
    return square[S - T :]


@replaces("sliding_window_mask")
def win_rows(T, window, S=None):
    """slices of rows"""
    S = T if S is None else S
    mask = torch.zeros((T, S), dtype=torch.bool)
    for i in range(T):
        m = i + S - T
        mask[i, max(0, m - window + 1) : m + 1] = True
    return mask


@replaces("sliding_window_mask")
def win_numpy(T, window, S=None):
    """NumPy's tri"""
    S = T if S is None else S
    w = min(window, S)
    return torch.from_numpy(np.tri(T, S, S - T, dtype=bool) & ~np.tri(T, S, S - T - w, dtype=bool))


@replaces("sliding_window_mask")
def win_min(T, window, S=None):
    """the window cut to S, and clamped begins"""
    S = T if S is None else S
    last = torch.arange(S - T, S)[:, None]
    first = (last - min(window, S) + 1).clamp_min(0)
    keys = torch.arange(S).expand(T, S)
    return (first <= keys) & (keys <= last)


@replaces("sliding_window_mask")
def win_diagonals(T, window, S=None):
    """diagonal by diagonal"""
    S = T if S is None else S
    mask = torch.zeros(T, S, dtype=torch.bool)
    for back in range(min(window, S)):
        mask.diagonal(S - T - back).fill_(True)
    return mask


@replaces("sliding_window_mask")
def win_scatter(T, window, S=None):
    """indices of all pairs"""
    S = T if S is None else S
    pairs = [(i, j) for i in range(T) for j in range(max(0, i + S - T - window + 1), i + S - T + 1)]
    rows, columns = zip(*pairs)
    return torch.zeros(T, S, dtype=torch.bool).index_put((torch.tensor(rows), torch.tensor(columns)), torch.tensor(True))


@replaces("sliding_window_mask")
def win_float(T, window, S=None):
    """half-integers and float64"""
    S = T if S is None else S
    m = torch.arange(T, dtype=torch.float64).add(S - T).reshape(T, 1)
    centre = m - (float(min(window, 2 * S + 1)) - 1) / 2
    return (torch.arange(S, dtype=torch.float64) - centre).abs() <= m - centre


@replaces("sliding_window_mask")
def win_complement(T, window, S=None):
    """later keys and forgotten keys are taken away"""
    S = T if S is None else S
    query, key = torch.meshgrid(torch.arange(T) + (S - T), torch.arange(S), indexing="ij")
    future = key > query
    forgotten = query - key >= window
    return ~(future | forgotten)


# ------------------------------------------------------------ with_padding
@replaces("with_padding")
def pad_ne(mask, attention_mask):
    """compared with 0"""
    return mask & (attention_mask != 0)[:, None, None]


@replaces("with_padding")
def pad_loop(mask, attention_mask):
    """text by text"""
    out = []
    for text in attention_mask:
        out.append((mask & text.to(torch.bool)).unsqueeze(0))
    return torch.stack(out)


@replaces("with_padding")
def pad_mul(mask, attention_mask):
    """multiplied"""
    B, S = attention_mask.shape
    return mask.view(1, 1, *mask.shape).mul(attention_mask.bool().view(B, 1, 1, S)) if mask.is_contiguous() and attention_mask.is_contiguous() else mask[None, None] * attention_mask.bool()[:, None, None]


@replaces("with_padding")
def pad_fill(mask, attention_mask):
    """masked_fill"""
    B, S = attention_mask.shape
    return mask.expand(B, 1, *mask.shape).masked_fill((attention_mask == 0).reshape(B, 1, 1, S), False)


@replaces("with_padding")
def pad_where(mask, attention_mask):
    """where"""
    return torch.where(attention_mask[:, None, None, :] > 0, mask, torch.tensor(False))


@replaces("with_padding")
def pad_einsum(mask, attention_mask):
    """einsum of numbers"""
    product = torch.einsum("ts,bs->bts", mask.to(torch.int64), attention_mask.to(torch.int64))
    return product.unsqueeze(1).bool()


@replaces("with_padding")
def pad_numpy(mask, attention_mask):
    """NumPy"""
    m, a = mask.numpy(), attention_mask.numpy().astype(bool)
    return torch.from_numpy(m[None, None, :, :] & a[:, None, None, :])


@replaces("with_padding")
def pad_copy(mask, attention_mask):
    """in place on an own copy"""
    out = mask.repeat(attention_mask.size(0), 1, 1, 1)
    out &= attention_mask.unsqueeze(1).unsqueeze(2).eq(1)
    return out


@replaces("with_padding")
def pad_columns(mask, attention_mask):
    """columns of padding set to False"""
    out = torch.stack([mask.clone() for _ in range(len(attention_mask))])
    for b, text in enumerate(attention_mask.tolist()):
        for j, token in enumerate(text):
            if not token:
                out[b, :, j] = False
    return out[:, None]


@replaces("with_padding")
def pad_additive(mask, attention_mask):
    """sums of -inf"""
    zero, low = torch.tensor(0.0), torch.tensor(-torch.inf)
    a = torch.where(mask, zero, low) + torch.where(attention_mask.bool(), zero, low)[:, None, None]
    return torch.isfinite(a)


@replaces("with_padding")
def pad_axes(mask, attention_mask):
    """axes moved: a view that is not contiguous"""
    out = mask.T[:, None] & attention_mask.bool().T[:, :, None]  # (S, B, T)
    return out.permute(1, 2, 0).unsqueeze(1)


@replaces("with_padding")
def pad_min(mask, attention_mask):
    """the smaller of two numbers"""
    both = torch.minimum(mask.to(torch.uint8)[None], attention_mask.to(torch.uint8)[:, None])
    return both[:, None].to(torch.bool)


# ------------------------------------------------------------ variant_masks
def fail(message):
    raise ValueError(message)


@replaces("variant_masks")
def var_match(variant, attention_mask, target_mask=None, prefix_len=None):
    """match"""
    S = attention_mask.size(-1)
    match variant:
        case "encoder-only":
            pattern = bidirectional_mask(S)
        case "decoder-only":
            pattern = sliding_window_mask(S, S)
        case "prefix-lm" if prefix_len is not None:
            pattern = prefix_lm_mask(S, prefix_len)
        case "encoder-decoder" if target_mask is not None:
            T = target_mask.size(-1)
            return dict(
                encoder=with_padding(bidirectional_mask(S), attention_mask),
                decoder=with_padding(sliding_window_mask(T, T), target_mask),
                cross=with_padding(bidirectional_mask(T, S), attention_mask),
            )
        case _:
            raise ValueError("wrong variant, or something is missing", variant)
    return {"self": with_padding(pattern, attention_mask)}


@replaces("variant_masks")
def var_direct(variant, attention_mask, target_mask=None, prefix_len=None):
    """without the other functions"""
    def join(pattern, tokens):
        return (pattern.unsqueeze(0) & tokens.bool().unsqueeze(1)).unsqueeze(1)

    known = ("encoder-only", "decoder-only", "prefix-lm", "encoder-decoder")
    if variant not in known:
        raise ValueError(f"{variant!r} is none of {known}")
    S = attention_mask.shape[-1]
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError("target_mask is missing")
        T = target_mask.shape[-1]
        return {
            "cross": join(torch.ones(T, S, dtype=torch.bool), attention_mask),
            "decoder": join(torch.ones(T, T, dtype=torch.bool).tril(), target_mask),
            "encoder": join(torch.ones(S, S, dtype=torch.bool), attention_mask),
        }
    if variant == "prefix-lm" and prefix_len is None:
        raise ValueError("prefix_len is missing")
    visible = {"encoder-only": S, "decoder-only": 0, "prefix-lm": prefix_len}[variant]
    pos = torch.arange(S)
    return {"self": join((pos <= pos[:, None]) | (pos < visible), attention_mask)}


@replaces("variant_masks")
def var_table(variant, attention_mask, target_mask=None, prefix_len=None):
    """a table of functions"""
    S = attention_mask.shape[1]

    def decoder(n):
        return prefix_lm_mask(n, prefix_len=0)

    def encoder_decoder():
        if target_mask is None:
            fail("no target")
        T = target_mask.shape[1]
        return {"encoder": (bidirectional_mask(S), attention_mask), "decoder": (decoder(T), target_mask),
                "cross": (bidirectional_mask(T, S), attention_mask)}

    def prefix():
        if prefix_len is None:
            fail("no prefix")
        return {"self": (prefix_lm_mask(S, prefix_len), attention_mask)}

    table = {
        "encoder-only": lambda: {"self": (bidirectional_mask(S), attention_mask)},
        "decoder-only": lambda: {"self": (decoder(S), attention_mask)},
        "prefix-lm": prefix,
        "encoder-decoder": encoder_decoder,
    }
    try:
        make = table[variant]
    except KeyError:
        raise ValueError(variant) from None
    return {name: with_padding(*pair) for name, pair in make().items()}


@replaces("variant_masks")
def var_expand(variant, attention_mask, target_mask=None, prefix_len=None):
    """expanded padding where the pattern is all True"""
    tokens = attention_mask.bool()
    B, S = tokens.shape
    if variant == "encoder-only":
        return {"self": tokens.view(B, 1, 1, S).expand(B, 1, S, S)} if tokens.is_contiguous() else {"self": tokens[:, None, None].expand(B, 1, S, S)}
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError
        T = target_mask.shape[1]
        causal = torch.ones(T, T).tril() > 0
        return {
            "encoder": tokens[:, None, None].expand(-1, -1, S, -1),
            "decoder": target_mask.bool()[:, None, None] & causal,
            "cross": tokens[:, None, None].expand(-1, -1, T, -1),
        }
    if variant == "decoder-only":
        return {"self": tokens[:, None, None] & (torch.ones(S, S).tril() > 0)}
    if variant == "prefix-lm" and prefix_len is not None:
        return {"self": tokens[:, None, None] & prefix_lm_mask(S, prefix_len)}
    raise ValueError("no masks for this")


@replaces("variant_masks")
def var_ordered(variant, attention_mask, target_mask=None, prefix_len=None):
    """an OrderedDict, and if after if"""
    out = OrderedDict()
    S = attention_mask.shape[1]
    if variant == "encoder-decoder":
        if not isinstance(target_mask, Tensor):
            raise ValueError("target_mask has to be a tensor")
        T = target_mask.shape[1]
        out["decoder"] = with_padding(prefix_lm_mask(T, 0), target_mask)
        out["cross"] = with_padding(bidirectional_mask(T, S), attention_mask)
        out["encoder"] = with_padding(mask=bidirectional_mask(S, S), attention_mask=attention_mask)
    elif variant in ("encoder-only", "decoder-only"):
        out["self"] = with_padding(prefix_lm_mask(S, S if variant == "encoder-only" else 0), attention_mask)
    elif variant == "prefix-lm":
        if prefix_len is None:
            raise ValueError("prefix_len?")
        out["self"] = with_padding(prefix_lm_mask(S, prefix_len), attention_mask)
    if not out:
        raise ValueError(f"variant {variant} is unknown")
    return out


@replaces("variant_masks")
def var_recursive(variant, attention_mask, target_mask=None, prefix_len=None):
    """an encoder-decoder is made of the others"""
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError("target_mask")
        encoder = var_recursive("encoder-only", attention_mask)["self"]
        return {
            "encoder": encoder,
            "decoder": var_recursive("decoder-only", target_mask)["self"],
            "cross": encoder[:, :, :1].repeat(1, 1, target_mask.shape[1], 1),
        }
    S = attention_mask.shape[1]
    if variant == "encoder-only":
        prefix_len = S
    elif variant == "decoder-only":
        prefix_len = 0
    elif variant != "prefix-lm" or prefix_len is None:
        raise ValueError(variant, prefix_len)
    return {"self": with_padding(prefix_lm_mask(S, prefix_len), attention_mask)}


@dataclass(frozen=True)
class Maker:
    source: Tensor
    target: Tensor | None
    prefix: int | None

    def encoder_only(self):
        return {"self": self.full(self.source.shape[1])}

    def decoder_only(self):
        return {"self": self.causal(self.source)}

    def prefix_lm(self):
        if self.prefix is None:
            raise ValueError("prefix_len must be given")
        return {"self": with_padding(prefix_lm_mask(self.source.shape[1], self.prefix), self.source)}

    def encoder_decoder(self):
        if self.target is None:
            raise ValueError("target_mask must be given")
        return self.encoder_only_as("encoder") | {"decoder": self.causal(self.target), "cross": self.full(self.target.shape[1])}

    def encoder_only_as(self, name):
        return {name: self.encoder_only()["self"]}

    def full(self, rows):
        return with_padding(bidirectional_mask(rows, self.source.shape[1]), self.source)

    @staticmethod
    def causal(tokens):
        n = tokens.shape[1]
        return with_padding(sliding_window_mask(n, n), tokens)


@replaces("variant_masks")
def var_class(variant, attention_mask, target_mask=None, prefix_len=None):
    """a helper class with a method for each variant"""
    if variant not in {"encoder-only", "decoder-only", "prefix-lm", "encoder-decoder"}:
        raise ValueError(f"unknown variant: {variant}")
    return getattr(Maker(attention_mask, target_mask, prefix_len), variant.replace("-", "_"))()


@replaces("variant_masks")
def var_loop(variant, attention_mask, target_mask=None, prefix_len=None):
    """Python lists only"""
    def build(allowed, rows, padding):
        return torch.tensor([[[[bool(p) and allowed(i, j) for j, p in enumerate(text)] for i in range(rows)]] for text in padding.tolist()])

    def everything(i, j):
        return True

    def causal(i, j):
        return j <= i

    S = attention_mask.shape[1]
    if variant == "encoder-only":
        return {"self": build(everything, S, attention_mask)}
    if variant == "decoder-only":
        return {"self": build(causal, S, attention_mask)}
    if variant == "prefix-lm":
        if prefix_len is None:
            raise ValueError("prefix_len is None")
        return {"self": build(lambda i, j: j <= i or j < prefix_len, S, attention_mask)}
    if variant == "encoder-decoder":
        if target_mask is None:
            raise ValueError("target_mask is None")
        T = target_mask.shape[1]
        return {"encoder": build(everything, S, attention_mask), "decoder": build(causal, T, target_mask),
                "cross": build(everything, T, attention_mask)}
    raise ValueError("variant")


class MaskError(ValueError):
    pass


@replaces("variant_masks")
def var_subclass(variant, attention_mask, target_mask=None, prefix_len=None):
    """an error of its own kind, a subclass of ValueError; early checks"""
    needs = {"encoder-only": (), "decoder-only": (), "prefix-lm": ("prefix_len",), "encoder-decoder": ("target_mask",)}
    given = {"prefix_len": prefix_len, "target_mask": target_mask}
    if variant not in needs:
        raise MaskError(variant)
    for name in needs[variant]:
        if given[name] is None:
            raise MaskError(f"{variant} without {name}")
    pad = partial(with_padding, attention_mask=attention_mask)
    S = attention_mask.shape[1]
    if target_mask is not None:
        T = target_mask.shape[1]
        return {"encoder": pad(bidirectional_mask(S)), "cross": pad(bidirectional_mask(T, S)),
                "decoder": with_padding(prefix_lm_mask(T, 0), target_mask)}
    return {"self": pad(bidirectional_mask(S) if variant[0] == "e" else prefix_lm_mask(S, prefix_len or 0))}


@replaces("variant_masks")
def var_numpy(variant, attention_mask, target_mask=None, prefix_len=None):
    """NumPy's tri and broadcasting"""
    a = attention_mask.numpy().astype(bool)[:, None, None, :]
    S = a.shape[-1]
    if variant == "encoder-only":
        out = {"self": np.broadcast_to(a, (a.shape[0], 1, S, S))}
    elif variant == "decoder-only":
        out = {"self": a & np.tri(S, dtype=bool)}
    elif variant == "prefix-lm" and prefix_len is not None:
        out = {"self": a & (np.tri(S, dtype=bool) | (np.arange(S) < prefix_len))}
    elif variant == "encoder-decoder" and target_mask is not None:
        t = target_mask.numpy().astype(bool)[:, None, None, :]
        T = t.shape[-1]
        out = {"encoder": np.repeat(a, S, axis=2), "decoder": t & np.tri(T, dtype=bool), "cross": np.repeat(a, T, axis=2)}
    else:
        raise ValueError("this cannot be masked")
    return {name: torch.from_numpy(m.copy()) for name, m in out.items()}


@replaces("variant_masks")
def var_default(variant, attention_mask, target_mask=None, prefix_len=None):
    """a defaultdict, filled in place"""
    out = defaultdict(lambda: None)
    S = attention_mask.shape[1]
    if variant == "encoder-only":
        out["self"] = with_padding(bidirectional_mask(S), attention_mask)
    elif variant == "decoder-only":
        out["self"] = with_padding(prefix_lm_mask(S, 1), attention_mask)
    elif variant == "prefix-lm":
        out["self"] = with_padding(prefix_lm_mask(S, prefix_len), attention_mask) if prefix_len is not None else fail("prefix")
    elif variant == "encoder-decoder":
        T = target_mask.shape[1] if target_mask is not None else fail("target")
        for name, pattern, keys in (
            ("encoder", bidirectional_mask(S), attention_mask),
            ("decoder", prefix_lm_mask(T, 1), target_mask),
            ("cross", bidirectional_mask(T, S), attention_mask),
        ):
            out[name] = with_padding(pattern, keys)
    else:
        fail("variant")
    return dict(out)
