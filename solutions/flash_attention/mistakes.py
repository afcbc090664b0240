"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from flash_attention import flash_forward, merge
from torch import Tensor

from grader.testing import replaces

INF = float("inf")
Pair = tuple[Tensor, Tensor]


@replaces("merge")
def merge_overflows(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Your result is infinite or NaN where a log-sum-exp is 10000. What is exp(10000), and on which difference do both
    shares depend?"""
    a, b = lse_a.exp()[..., None], lse_b.exp()[..., None]
    return (a * out_a + b * out_b) / (a + b), (lse_a.exp() + lse_b.exp()).log()


@replaces("merge", guarded=[False, True])
def merge_nan(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor, *, guarded: bool) -> Pair:
    """Two sets without keys give NaN in your result. Both log-sum-exps are −∞ there: what do you subtract from them,
    and what do you divide by?"""
    if guarded:
        m = torch.maximum(lse_a, lse_b)
        m = m.masked_fill(m == -INF, 0.0)
        a, b = (lse_a - m).exp(), (lse_b - m).exp()
        return (a[..., None] * out_a + b[..., None] * out_b) / (a + b)[..., None], m + (a + b).log()
    lse = torch.logaddexp(lse_a, lse_b)
    a, b = (lse_a - lse).exp()[..., None], (lse_b - lse).exp()[..., None]
    return a * out_a + b * out_b, lse


@replaces("merge", first=[True, False])
def merge_nan_if_one_is_empty(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor, *, first: bool) -> Pair:
    """A set without keys makes your whole result NaN or infinite. Which difference do you form when one log-sum-exp is
    −∞, and what should its exponential be?"""
    if first:
        ratio = (lse_b - lse_a).exp()
        return (out_a + ratio[..., None] * out_b) / (1 + ratio[..., None]), lse_a + ratio.log1p()
    ratio = (lse_a - lse_b).exp()
    return (ratio[..., None] * out_a + out_b) / (1 + ratio[..., None]), lse_b + ratio.log1p()


@replaces("merge", how=["mean", "sum"])
def merge_without_masses(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor, *, how: str) -> Pair:
    """Your output is the {how} of the two, whatever their masses. Both are means already: how much should a set with a
    larger sum of exp(score) count?"""
    both = out_a + out_b
    return both / 2 if how == "mean" else both, merge(out_a, lse_a, out_b, lse_b)[1]


@replaces("merge")
def merge_shares_of_logarithms(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You weigh the outputs by the log-sum-exps themselves. Which mass does a set have whose log-sum-exp is 3, and
    which if it is −3?"""
    share = (lse_a / (lse_a + lse_b))[..., None]
    return share * out_a + (1 - share) * out_b, merge(out_a, lse_a, out_b, lse_b)[1]


@replaces("merge")
def merge_swapped(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Your shares have changed places: the output of the first set is weighed by the mass of the second. Which set has
    the larger share if lse_a is larger than lse_b?"""
    return merge(out_b, lse_a, out_a, lse_b)


@replaces("merge")
def merge_not_divided(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Your two shares do not sum to 1: they are exp(lse − m), with the larger of both as m. What is their sum, and what
    should it be?"""
    m = torch.maximum(lse_a, lse_b)
    m = m.masked_fill(m == -INF, 0.0)
    out = (lse_a - m).exp()[..., None] * out_a + (lse_b - m).exp()[..., None] * out_b
    return out, torch.logaddexp(lse_a, lse_b)


@replaces("merge")
def merge_larger_only(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You kept only the output of the set with the larger log-sum-exp. How large is the share of the other?"""
    first = (lse_a >= lse_b)[..., None]
    return torch.where(first, out_a, out_b), torch.logaddexp(lse_a, lse_b)


@replaces("merge", which=["larger", "sum", "mean"])
def merge_another_lse(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor, *, which: str) -> Pair:
    """Your log-sum-exp is the {which} of the two. The masses of two sets add up: what is the logarithm of their sum?"""
    lse = {"larger": torch.maximum(lse_a, lse_b), "sum": lse_a + lse_b, "mean": (lse_a + lse_b) / 2}[which]
    return merge(out_a, lse_a, out_b, lse_b)[0], lse


@replaces("merge", value=[None, 0.0, -1e4, -1e9, -1e30])
def merge_empty_is_clamped(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor, *, value: float | None) -> Pair:
    """Two sets without keys get a finite log-sum-exp from you. Merged with a third set they would have a share: how
    large should it be?"""
    out, lse = merge(out_a, lse_a, out_b, lse_b)
    return out, torch.where(lse == -INF, torch.finfo(lse.dtype).min if value is None else value, lse)


@replaces("merge")
def merge_shares_without_axis(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You multiply an output (..., V) by shares (...), so the last axis of the shares meets V. There is one share for
    each query: which axis do the shares lack?"""
    lse = torch.logaddexp(lse_a, lse_b)
    base = lse.masked_fill(lse == -INF, 0.0)
    return out_a * (lse_a - base).exp() + out_b * (lse_b - base).exp(), lse


def tiles(length: int, block: int) -> list[slice]:
    return [slice(start, min(start + block, length)) for start in range(0, length, block)]


def score(q: Tensor, k: Tensor, rows: slice, cols: slice, causal: bool, scale: float | None = None) -> Tensor:
    T, S = q.shape[2], k.shape[2]
    s = q[:, :, rows] @ k[:, :, cols].mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        future = torch.arange(S)[cols] > torch.arange(S - T, S)[rows][:, None]
        s = s.masked_fill(future, -INF)
    return s


def positions(q: Tensor, k: Tensor, rows: slice, cols: slice, forgotten: str) -> tuple[Tensor, Tensor]:
    """Where the queries and the keys of a tile are, without what is forgotten."""
    T, S = q.shape[2], k.shape[2]
    query, key = torch.arange(T)[rows], torch.arange(S)[cols]
    if "queries" in forgotten:
        query = query - rows.start
    if "keys" in forgotten:
        key = key - cols.start
    return query[:, None] + (0 if "S − T" in forgotten else S - T), key


class Forward:
    """The right one, in parts. A mistake gets one of them wrong."""

    scale: float | None = None
    start = -INF

    def rows(self, T: int, block: int) -> list[slice]:
        return tiles(T, block)

    def cols(self, S: int, block: int) -> list[slice]:
        return tiles(S, block)

    def scores(self, q: Tensor, k: Tensor, rows: slice, cols: slice, causal: bool) -> Tensor:
        return score(q, k, rows, cols, causal, self.scale)

    def larger(self, m: Tensor, s: Tensor) -> Tensor:
        return torch.maximum(m, s.amax(-1))

    def sum(self, l: Tensor, old: Tensor, p: Tensor) -> Tensor:  # noqa: E741
        return l * old + p.sum(-1)

    def output(self, o: Tensor, old: Tensor, p: Tensor, v: Tensor) -> Tensor:
        return o * old[..., None] + p @ v

    def divided(self, o: Tensor, l: Tensor) -> Tensor:  # noqa: E741
        return o / l[..., None]

    def log(self, m: Tensor, l: Tensor) -> Tensor:  # noqa: E741
        return m + l.log()

    def __call__(self, q, k, v, block_q, block_k, causal=False):
        outs, logs = [], []
        for rows in self.rows(q.shape[2], block_q):
            m = torch.full_like(q[:, :, rows, 0], self.start)
            l, o = torch.zeros_like(m), torch.zeros_like(q[:, :, rows, :1])  # noqa: E741
            for cols in self.cols(k.shape[2], block_k):
                s = self.scores(q, k, rows, cols, causal)
                new = self.larger(m, s)
                old, p = (m - new).exp(), (s - new[..., None]).exp()
                l, o, m = self.sum(l, old, p), self.output(o, old, p, v[:, :, cols]), new  # noqa: E741
            outs.append(self.divided(o, l))
            logs.append(self.log(m, l))
        return torch.cat(outs, 2), torch.cat(logs, 2)


@replaces("flash_forward", part=["output", "sum", "output and sum"])
def not_rescaled(q, k, v, block_q, block_k, causal=False, *, part: str):
    """Your {part} does not follow a new maximum: it was summed with exp(s − m) for the old one. By what does exp(s − m)
    change when m does?"""

    class Wrong(Forward):
        def sum(self, l, old, p):  # noqa: E741
            return l * (1 if "sum" in part else old) + p.sum(-1)

        def output(self, o, old, p, v):
            return o * (1 if "output" in part else old[..., None]) + p @ v

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def no_maximum(q, k, v, block_q, block_k, causal=False):
    """You take exp(s) as it is: it overflows from 89 on in float32 and from 710 on in float64, and is 0 far below. What
    can be subtracted from all scores of a row?"""

    class Wrong(Forward):
        start = 0.0

        def larger(self, m, s):
            return m

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward", first=[0.0, -1.0, -10.0, -100.0, -1000.0])
def maximum_starts_too_high(q, k, v, block_q, block_k, causal=False, *, first: float):
    """Your maximum begins at {first}. What becomes of exp(s − m) in a row whose scores are all near −10000, and which
    number is below all scores?"""

    class Wrong(Forward):
        start = first

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward", of=["tile", "all heads"])
def one_maximum_for_many_rows(q, k, v, block_q, block_k, causal=False, *, of: str):
    """Several queries share one maximum in your code, so a row far below it has only zeros left. Over which axis does
    the maximum run?"""

    class Wrong(Forward):
        def larger(self, m, s):
            return torch.maximum(m, s.amax((-1, -2))[..., None] if of == "tile" else s.amax())

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def maximum_falls(q, k, v, block_q, block_k, causal=False):
    """Your maximum is that of the newest tile, so it can fall again. What is e^{m − m′} when m is 10000 and m′ is
    −10000?"""

    class Wrong(Forward):
        def larger(self, m, s):
            return s.amax(-1)

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward", what=["log l", "m + l", "m", "log m + log l"])
def another_log_sum_exp(q, k, v, block_q, block_k, causal=False, *, what: str):
    """Your log-sum-exp is {what}. l is the sum of exp(s − m): what is the logarithm of the sum of exp(s)?"""

    class Wrong(Forward):
        def log(self, m, l):  # noqa: E741
            return {"log l": l.log(), "m + l": m + l, "m": m, "log m + log l": m.log() + l.log()}[what]

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def lse_of_plain_products(q, k, v, block_q, block_k, causal=False):
    """Your output is right, and your log-sum-exp is that of q · k without the division by √K. Which scores does the
    docstring speak of?"""
    longer = q * q.shape[-1] ** 0.5
    right = flash_forward(q, k, v, block_q, block_k, causal)
    return right[0], flash_forward(longer, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward", by=["nothing", "√V", "K", "√(H K)"])
def another_scale(q, k, v, block_q, block_k, causal=False, *, by: str):
    """You divided the scores by {by}. Over how many numbers does the dot product of a query and a key run, and what
    does the formula divide it by?"""
    K, V, H = q.shape[-1], v.shape[-1], q.shape[1]
    divisor = {"nothing": 1.0, "√V": V**0.5, "K": K, "√(H K)": (H * K) ** 0.5}[by]

    class Wrong(Forward):
        scale = 1 / divisor

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def not_divided(q, k, v, block_q, block_k, causal=False):
    """Your output is the sum of exp(s − m) v. What do the weights of a query have to sum to?"""

    class Wrong(Forward):
        def divided(self, o, l):  # noqa: E741
            return o

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def divided_in_each_tile(q, k, v, block_q, block_k, causal=False):
    """You divided by the sum after each tile, so the first tile is divided again with the next. When is the sum
    complete?"""
    outs = []
    for rows in tiles(q.shape[2], block_q):
        m = torch.full_like(q[:, :, rows, 0], -INF)
        l, o = torch.zeros_like(m), 0.0  # noqa: E741
        for cols in tiles(k.shape[2], block_k):
            s = score(q, k, rows, cols, causal)
            new = torch.maximum(m, s.amax(-1))
            old, p = (m - new).exp(), (s - new[..., None]).exp()
            l = l * old + p.sum(-1)  # noqa: E741
            o, m = (o * old[..., None] + p @ v[:, :, cols]) / l[..., None], new
        outs.append(o)
    return torch.cat(outs, 2), flash_forward(q, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward")
def mean_of_the_tiles(q, k, v, block_q, block_k, causal=False):
    """You took a softmax in each tile and the mean of their outputs. Which numbers say how much a tile counts?"""
    outs = []
    for rows in tiles(q.shape[2], block_q):
        each = [(score(q, k, rows, cols, causal), v[:, :, cols]) for cols in tiles(k.shape[2], block_k)]
        outs.append(sum(s.softmax(-1).nan_to_num(0.0) @ values for s, values in each) / len(each))
    return torch.cat(outs, 2), flash_forward(q, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward")
def last_tile_only(q, k, v, block_q, block_k, causal=False):
    """Your output is that of the last tile of keys that a query sees. What becomes of the tiles before it?"""
    outs = []
    for rows in tiles(q.shape[2], block_q):
        o = 0.0
        for cols in tiles(k.shape[2], block_k):
            s = score(q, k, rows, cols, causal)
            o = torch.where((s.amax(-1) == -INF)[..., None], o, s.softmax(-1).nan_to_num(0.0) @ v[:, :, cols])
        outs.append(o)
    return torch.cat(outs, 2), flash_forward(q, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward")
def drops_remainder(q, k, v, block_q, block_k, causal=False):
    """The last tile of keys is not full, and you left it out. How many keys does a query see in all?"""

    class Wrong(Forward):
        def cols(self, S, block):
            return tiles(S // block * block, block) if block <= S else tiles(S, block)

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def padded_keys_count(q, k, v, block_q, block_k, causal=False):
    """You filled the last tile of keys with zeros. Such a key has the score 0, and exp(0) = 1 counts. Which score does
    a key have that is not there?"""
    missing = 0 if causal else -k.shape[2] % block_k
    k, v = (torch.nn.functional.pad(x, (0, 0, 0, missing)) for x in (k, v))
    return flash_forward(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def drops_rows(q, k, v, block_q, block_k, causal=False):
    """The last tile of queries is not full, and its outputs are zeros. How many queries are left for it?"""
    out, lse = flash_forward(q, k, v, block_q, block_k, causal)
    T = q.shape[2]
    if T % block_q and block_q < T:
        keep = torch.arange(T) < T // block_q * block_q
        out, lse = out * keep[:, None], lse * keep
    return out, lse


@replaces(
    "flash_forward",
    forgotten=[
        "S − T",
        "where the tile's queries begin",
        "where the tile's keys begin",
        "where the tile's queries and keys begin",
        "where the tile's queries and keys begin, and S − T",
    ],
    guarded=[False, True],
)
def mask_misplaced(q, k, v, block_q, block_k, causal=False, *, forgotten: str, guarded: bool):
    """Whether a key is in the future depends on where query and key are in the whole text. Your mask leaves out
    {forgotten}: at which positions are the queries and keys of a tile?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            query, key = positions(q, k, rows, cols, forgotten)
            return s.masked_fill(key > query, -INF) if causal else s

        def larger(self, m, s):
            new = torch.maximum(m, s.amax(-1))
            return new.masked_fill(new == -INF, 0.0) if guarded else new

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward", much=["many", "few"])
def mask_one_off(q, k, v, block_q, block_k, causal=False, *, much: str):
    """Each of your queries sees one key too {much}. Which is the last key that a query sees?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            query, key = positions(q, k, rows, cols, "")
            return s.masked_fill(key > query + (1 if much == "many" else -1), -INF) if causal else s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def whole_tiles_only(q, k, v, block_q, block_k, causal=False):
    """You leave out tiles that are all in the future, and mask nothing in the others. What about a tile that the
    diagonal runs through?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            last = k.shape[2] - q.shape[2] + rows.stop - 1
            return torch.full_like(s, -INF) if causal and cols.start > last else s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def tile_left_out_by_its_first_row(q, k, v, block_q, block_k, causal=False):
    """You leave out a tile if its first key comes after your first query. The other queries of the tile see further:
    which of them decides whether nobody needs it?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, causal)
            return torch.full_like(s, -INF) if causal and cols.start > rows.start else s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def causal_ignored(q, k, v, block_q, block_k, causal=False):
    """causal has no effect: your queries see all keys. Which scores should it close?"""
    return flash_forward(q, k, v, block_q, block_k)


@replaces("flash_forward")
def always_causal(q, k, v, block_q, block_k, causal=False):
    """Your queries never see a key of their future, although causal is False by default. What does the argument
    decide?"""
    return flash_forward(q, k, v, block_q, block_k, q.shape[2] <= k.shape[2])


@replaces("flash_forward", number=[0.0, -10.0, -100.0, -1e3, -1e4])
def masked_with_a_number(q, k, v, block_q, block_k, causal=False, *, number: float):
    """Your masked scores are {number}, and other scores may be as low as that. Which score is below all of them?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, causal)
            return s.masked_fill(s == -INF, number)

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def sum_not_masked(q, k, v, block_q, block_k, causal=False):
    """Your weights of the future are 0, but the sum that you divide by still contains them. Where does the mask have to
    act for both to know it?"""
    out, lse = flash_forward(q, k, v, block_q, block_k, causal)
    full = flash_forward(q, k, v, block_q, block_k)[1]
    return out * (lse - full).exp()[..., None], full


@replaces("flash_forward")
def forward_in_float32(q, k, v, block_q, block_k, causal=False):
    """Somewhere your numbers are float32 although float64 came in, and half of their digits are gone. In which dtype do
    m, l and the output begin?"""
    out, lse = flash_forward(q.float(), k.float(), v.float(), block_q, block_k, causal)
    return out.to(q.dtype), lse.to(q.dtype)


@replaces("flash_forward")
def forward_to_float64(q, k, v, block_q, block_k, causal=False):
    """Your results are float64 whatever comes in. Which dtype does the docstring promise?"""
    return flash_forward(q.double(), k.double(), v.double(), block_q, block_k, causal)


@replaces("flash_forward")
def results_made_without_a_dtype(q, k, v, block_q, block_k, causal=False):
    """Your results are float32 although float64 came in. Which dtype does a tensor have that is made from its size
    alone?"""
    out, lse = flash_forward(q, k, v, block_q, block_k, causal)
    return out.float(), lse.float()


@replaces("flash_forward")
def maximum_without_axis(q, k, v, block_q, block_k, causal=False):
    """You subtract the maxima (B, H, queries) from a tile (B, H, queries, keys), so your queries meet its keys. Which
    axis do the maxima lack?"""
    outs = []
    for rows in tiles(q.shape[2], block_q):
        for cols in tiles(k.shape[2], block_k):
            s = score(q, k, rows, cols, causal)
            outs.append((s - s.amax(-1)).exp() @ v[:, :, cols])
    return torch.cat(outs, 2), flash_forward(q, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward")
def rescaled_without_axis(q, k, v, block_q, block_k, causal=False):
    """You multiply e^{m − m′} (B, H, queries) by an output (B, H, queries, V), so queries meet the numbers of a value.
    Which axis does the factor lack?"""

    class Wrong(Forward):
        def output(self, o, old, p, v):
            return old * o.expand_as(p @ v) + p @ v

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def divided_without_axis(q, k, v, block_q, block_k, causal=False):
    """An output (B, H, queries, V) meets a tensor (B, H, queries), l or the factor e^{m − m′}, so queries meet the
    numbers of a value. Which axis is missing?"""

    class Wrong(Forward):
        def divided(self, o, l):  # noqa: E741
            return o / l

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def lse_has_an_axis_more(q, k, v, block_q, block_k, causal=False):
    """Your log-sum-exp has an extra axis of size 1 at the end. Which shape does the docstring give?"""
    out, lse = flash_forward(q, k, v, block_q, block_k, causal)
    return out, lse[..., None]


@replaces("flash_forward", every=["queries", "keys", "queries and keys"], ends="memory")
def tiles_too_large(q, k, v, block_q, block_k, causal=False, *, every: str):
    """You hold more than block_q queries by block_k keys at once, all queries or all keys. Which of your tensors has an
    axis of each, and how long are they?"""
    T, S = q.shape[2], k.shape[2]
    if every == "queries and keys":
        s = score(q, k, slice(0, T), slice(0, S), causal)
        return s.softmax(-1) @ v, s.logsumexp(-1)
    return Forward()(q, k, v, T if every == "queries" else block_q, S if every == "keys" else block_k, causal)


class Backward:
    """The right one, in parts. A mistake gets one of them wrong."""

    factor_q = factor_k = 1.0

    def delta(self, out: Tensor, d_out: Tensor) -> Tensor:
        return (d_out * out).sum(-1, keepdim=True)

    def weights(self, s: Tensor, lse: Tensor) -> Tensor:
        return (s - lse[..., None]).exp()

    def scores(self, q: Tensor, k: Tensor, rows: slice, cols: slice, causal: bool) -> Tensor:
        return score(q, k, rows, cols, causal)

    def ds(self, p: Tensor, dp: Tensor, delta: Tensor) -> Tensor:
        return p * (dp - delta)

    def rows(self, T: int, block: int) -> list[slice]:
        return tiles(T, block)

    def cols(self, S: int, block: int) -> list[slice]:
        return tiles(S, block)

    def dv(self, p: Tensor, ds: Tensor, d_out: Tensor) -> Tensor:
        return p.mT @ d_out

    def __call__(self, q, k, v, out, lse, d_out, block_q, block_k, causal=False):
        scale = q.shape[-1] ** -0.5
        delta = self.delta(out, d_out)
        dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for rows in self.rows(q.shape[2], block_q):
            for cols in self.cols(k.shape[2], block_k):
                p = self.weights(self.scores(q, k, rows, cols, causal), lse[:, :, rows])
                ds = self.ds(p, d_out[:, :, rows] @ v[:, :, cols].mT, delta[:, :, rows])
                dv[:, :, cols] += self.dv(p, ds, d_out[:, :, rows])
                dq[:, :, rows] += ds @ k[:, :, cols] * scale * self.factor_q
                dk[:, :, cols] += ds.mT @ q[:, :, rows] * scale * self.factor_k
        return dq, dk, dv


@replaces("flash_backward", form=["P ⊙ dP", "P ⊙ (dP + δ)", "P ⊙ dP − δ", "P ⊙ (1 − P) ⊙ dP", "dP", "dP − P ⊙ δ"])
def another_ds(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, form: str):
    """Your dS is {form}. If all values were equal, no score could change the output: what would dS have to be then, and
    what is yours?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return {
                "P ⊙ dP": p * dp,
                "P ⊙ (dP + δ)": p * (dp + delta),
                "P ⊙ dP − δ": p * dp - delta,
                "P ⊙ (1 − P) ⊙ dP": p * (1 - p) * dp,
                "dP": dp,
                "dP − P ⊙ δ": dp - p * delta,
            }[form]

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def sign_of_ds(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dS has the wrong sign. Should a score rise whose value fits d_out better than the average, δ?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * (delta - dp)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_not_divided(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dS is dP − δ, without the weights P. How much can the score of a key matter that has nearly no weight?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return dp - delta

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_is_a_mean(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your δ is a mean over the V numbers of a query, so it is too small. What does Σ_c in its formula say?"""

    class Wrong(Backward):
        def delta(self, out, d_out):
            return (d_out * out).mean(-1, keepdim=True)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_of_the_tile(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your δ is Σ_j P_ij dP_ij over the keys of one tile only. Which two tensors that you have from the beginning give
    the sum over the whole row?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * (dp - (p * dp).sum(-1, keepdim=True))

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_without_axis(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """δ or lse, with one number for each query, meets a tile (B, H, queries, keys), so your queries meet its keys.
    Which axis is missing?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * (dp - delta[..., 0])

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward", which=["dq is", "dk is", "dq and dk are"], size=["large", "small"])
def scale_of_gradients(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, which: str, size: str):
    """Your {which} too {size} by the factor √K. Scores are products divided by √K: which gradients get that factor, and
    how often?"""
    by = q.shape[-1] ** (0.5 if size == "large" else -0.5)

    class Wrong(Backward):
        factor_q = by if "dq" in which else 1.0
        factor_k = by if "dk" in which else 1.0

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def dv_scaled(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dv is divided by √K as well. Does the output P V contain the values before or after any scaling?"""
    dq, dk, dv = Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal)
    return dq, dk, dv * q.shape[-1] ** -0.5


@replaces("flash_backward", by=["nothing", "√V", "K"])
def weights_of_another_scale(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, by: str):
    """You computed the weights from products divided by {by}. lse belongs to the scores of the forward pass: what do
    the weights of a row sum to in your version?"""
    divisor = {"nothing": 1.0, "√V": v.shape[-1] ** 0.5, "K": q.shape[-1]}[by]

    class Wrong(Backward):
        def scores(self, q, k, rows, cols, causal):
            return score(q, k, rows, cols, causal, 1 / divisor)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def softmax_of_the_tile(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your weights sum to 1 within each tile. Over which keys should they sum to 1, and which argument knows the sum of
    the whole row?"""

    class Wrong(Backward):
        def weights(self, s, lse):
            return s.softmax(-1).nan_to_num(0.0)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def weights_not_divided(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your weights are exp(s), without lse. What do the weights of a query have to sum to?"""

    class Wrong(Backward):
        def weights(self, s, lse):
            return s.exp()

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def backward_not_causal(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """You computed the weights without the mask, so keys of the future get a gradient. What does causal do to the
    scores, forward and backward?"""
    return Backward()(q, k, v, out, lse, d_out, block_q, block_k, False)


@replaces(
    "flash_backward",
    forgotten=[
        "S − T",
        "where the tile's queries begin",
        "where the tile's keys begin",
        "where the tile's queries and keys begin",
        "where the tile's queries and keys begin, and S − T",
    ],
)
def backward_mask_misplaced(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, forgotten: str):
    """Whether a key is in the future depends on where query and key are in the whole text. Your mask in the backward
    pass leaves out {forgotten}: at which positions are the queries and keys of a tile?"""

    class Wrong(Backward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            query, key = positions(q, k, rows, cols, forgotten)
            return s.masked_fill(key > query, -INF) if causal else s

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward", much=["many", "few"])
def backward_mask_one_off(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, much: str):
    """In the backward pass each query sees one key too {much}. Which is the last key that it saw on the way forward?"""

    class Wrong(Backward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            query, key = positions(q, k, rows, cols, "")
            return s.masked_fill(key > query + (1 if much == "many" else -1), -INF) if causal else s

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def dv_of_scores(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dv is dSᵀ dO. The output is P V: with which matrix does dO go back to the values?"""

    class Wrong(Backward):
        def dv(self, p, ds, d_out):
            return ds.mT @ d_out

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward", which=["dq is", "dk is", "dv is", "dk and dv are"])
def gradient_of_the_last_tile(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, which: str):
    """Your {which} from the last tile alone. Each query meets all tiles of keys, and each key all tiles of queries:
    what becomes of the tiles before?"""
    right = Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal)
    last_rows, last_cols = tiles(q.shape[2], block_q)[-1], tiles(k.shape[2], block_k)[-1]

    class Last(Backward):
        def rows(self, T, block):
            return tiles(T, block) if "dq" in which else [last_rows]

        def cols(self, S, block):
            return [last_cols] if "dq" in which else tiles(S, block)

    wrong = Last()(q, k, v, out, lse, d_out, block_q, block_k, causal)
    return tuple(w if name in which else r for name, w, r in zip(("dq", "dk", "dv"), wrong, right, strict=True))


@replaces("flash_backward", axis=["keys", "queries"])
def backward_drops_remainder(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, axis: str):
    """The last tile of {axis} is not full, and it has no part in your gradients. How many {axis} are left for it?"""

    class Wrong(Backward):
        def rows(self, T, block):
            return tiles(T // block * block, block) if axis == "queries" and block <= T else tiles(T, block)

        def cols(self, S, block):
            return tiles(S // block * block, block) if axis == "keys" and block <= S else tiles(S, block)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward", order=[(1, 2, 0), (2, 0, 1), (1, 0, 2), (2, 1, 0), (0, 2, 1)])
def gradients_in_another_order(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, order: tuple[int, ...]):
    """Your three gradients are right but come in another order. In which one does the docstring name them?"""
    right = Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal)
    return tuple(right[i] for i in order)


@replaces("flash_backward")
def backward_in_float32(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Somewhere in your backward pass numbers are float32 although float64 came in, and half of their digits are gone.
    Which of your lines names a dtype, or makes a tensor without one?"""
    single = (x.float() for x in (q, k, v, out, lse, d_out))
    return tuple(x.to(q.dtype) for x in Backward()(*single, block_q, block_k, causal))


@replaces("flash_backward")
def gradients_made_without_a_dtype(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your gradients are float32 although float64 came in. Which dtype does a tensor have that is made from its size
    alone?"""
    return tuple(x.float() for x in Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal))


@replaces("flash_backward", every=["queries", "keys", "queries and keys"], ends="memory")
def backward_tiles_too_large(q, k, v, out, lse, d_out, block_q, block_k, causal=False, *, every: str):
    """On the way back you hold more than block_q queries by block_k keys at once. Which of your tensors, or of
    autograd's, has an axis of each, and how long are they?"""
    T, S = q.shape[2], k.shape[2]
    if every != "queries and keys":
        sizes = T if every == "queries" else block_q, S if every == "keys" else block_k
        return Backward()(q, k, v, out, lse, d_out, *sizes, causal)
    leaves = [x.detach().clone().requires_grad_() for x in (q, k, v)]
    with torch.enable_grad():
        s = score(leaves[0], leaves[1], slice(0, T), slice(0, S), causal)
        return torch.autograd.grad(s.softmax(-1) @ leaves[2], leaves, d_out)
