"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from flash_attention import flash_forward, merge
from torch import Tensor

from grader.testing import replaces

INF = float("inf")
Pair = tuple[Tensor, Tensor]


@replaces("merge")
def merge_overflows(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You take the exponential of a log-sum-exp as it is, and exp(10000) is infinite. What of the two is all that the
    shares depend on?"""
    a, b = lse_a.exp()[..., None], lse_b.exp()[..., None]
    return (a * out_a + b * out_b) / (a + b), (lse_a.exp() + lse_b.exp()).log()


@replaces("merge")
def merge_nan(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Two sets without keys give NaN in your result: -inf minus -inf. What could be taken for their maximum, so that
    the exponentials are 0?"""
    lse = torch.logaddexp(lse_a, lse_b)
    a, b = (lse_a - lse).exp()[..., None], (lse_b - lse).exp()[..., None]
    return a * out_a + b * out_b, lse


@replaces("merge")
def merge_nan_if_one_is_empty(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """A set without keys makes your whole result NaN or infinite. Which difference do you form where one of the two is
    -inf, and what should its exponential be?"""
    ratio = (lse_b - lse_a).exp()
    out = (out_a + ratio[..., None] * out_b) / (1 + ratio[..., None])
    return out, lse_a + ratio.log1p()


@replaces("merge")
def merge_mean(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Your output is the mean of the two, whatever their masses. A set with a larger sum of exp(score) counts more: by
    how much?"""
    return (out_a + out_b) / 2, merge(out_a, lse_a, out_b, lse_b)[1]


@replaces("merge")
def merge_sum(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You added the two outputs. Each is a mean already: which two numbers of sum 1 do they get as weights?"""
    return out_a + out_b, merge(out_a, lse_a, out_b, lse_b)[1]


@replaces("merge")
def merge_swapped(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Your shares have changed places: the output of the first set is weighed by the mass of the second. Which belongs
    to which?"""
    return merge(out_b, lse_a, out_a, lse_b)


@replaces("merge")
def merge_not_divided(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Your two shares do not sum to 1: you took exp(lse - m) with the larger of both as m and did not divide. By what
    are they divided?"""
    m = torch.maximum(lse_a, lse_b)
    m = m.masked_fill(m == -INF, 0.0)
    out = (lse_a - m).exp()[..., None] * out_a + (lse_b - m).exp()[..., None] * out_b
    return out, torch.logaddexp(lse_a, lse_b)


@replaces("merge")
def merge_larger_only(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You kept the output of the set with the larger log-sum-exp alone. The other has a share too: how large is it?"""
    first = (lse_a >= lse_b)[..., None]
    return torch.where(first, out_a, out_b), torch.logaddexp(lse_a, lse_b)


@replaces("merge")
def merge_lse_is_maximum(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Your log-sum-exp is the larger of the two. Both sets together have more mass than either: which logarithm is
    missing?"""
    return merge(out_a, lse_a, out_b, lse_b)[0], torch.maximum(lse_a, lse_b)


@replaces("merge")
def merge_lse_added(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You added the two log-sum-exps, and the sum of two logarithms is that of a product. What is it that both sets
    have together: the product of their masses?"""
    return merge(out_a, lse_a, out_b, lse_b)[0], lse_a + lse_b


@replaces("merge")
def merge_empty_is_clamped(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """Two sets without keys get a finite log-sum-exp from you. Merged with a third set they would have a share: which
    one should they have?"""
    out, lse = merge(out_a, lse_a, out_b, lse_b)
    return out, torch.where(lse == -INF, torch.finfo(lse.dtype).min, lse)


@replaces("merge")
def merge_shares_without_axis(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Pair:
    """You multiply an output (..., V) by shares (...), and the last axis of the shares meets V. There is one share for
    each query: which axis do they lack?"""
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


@replaces("flash_forward")
def output_not_rescaled(q, k, v, block_q, block_k, causal=False):
    """Your sum follows the new maximum, and your output still hangs on the old one. Both were summed with exp(s - m):
    what has to happen to both?"""

    class Wrong(Forward):
        def output(self, o, old, p, v):
            return o + p @ v

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def sum_not_rescaled(q, k, v, block_q, block_k, causal=False):
    """Your output follows the new maximum, and your sum still hangs on the old one. Both were summed with exp(s - m):
    what has to happen to both?"""

    class Wrong(Forward):
        def sum(self, l, old, p):  # noqa: E741
            return l + p.sum(-1)

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def no_maximum(q, k, v, block_q, block_k, causal=False):
    """You take exp(s) as it is, which overflows at scores of 89 in float32 and of 710 in float64, and is 0 far below.
    The maximum of what has been seen is enough: what is it subtracted from?"""

    class Wrong(Forward):
        start = 0.0

        def larger(self, m, s):
            return m

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def maximum_starts_at_zero(q, k, v, block_q, block_k, causal=False):
    """Your maximum begins at 0, so it is too large where all scores of a row are far below 0, and every exponential is
    0 there. Which number is below all scores?"""

    class Wrong(Forward):
        start = 0.0

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def one_maximum_for_the_tile(q, k, v, block_q, block_k, causal=False):
    """You take one maximum for a whole tile. A row far below it has nothing left: 0 / 0. Over which axis does the
    maximum go?"""

    class Wrong(Forward):
        def larger(self, m, s):
            return torch.maximum(m, s.amax((-1, -2))[..., None])

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def lse_without_maximum(q, k, v, block_q, block_k, causal=False):
    """You return log l as the log-sum-exp. l was the sum of exp(s - m): what is missing?"""

    class Wrong(Forward):
        def log(self, m, l):  # noqa: E741
            return l.log()

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def lse_without_log(q, k, v, block_q, block_k, causal=False):
    """Your log-sum-exp is m + l. Which function turns the factor exp(m) into a term?"""

    class Wrong(Forward):
        def log(self, m, l):  # noqa: E741
            return m + l

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def lse_is_maximum(q, k, v, block_q, block_k, causal=False):
    """You return the largest score of each query. What is the logarithm of the sum larger by?"""

    class Wrong(Forward):
        def log(self, m, l):  # noqa: E741
            return m

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def lse_of_plain_products(q, k, v, block_q, block_k, causal=False):
    """Your output is right, and your log-sum-exp is that of q · k without the division by √K. Of which scores does the
    docstring speak?"""
    longer = q * q.shape[-1] ** 0.5
    right = flash_forward(q, k, v, block_q, block_k, causal)
    return right[0], flash_forward(longer, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward")
def scale_missing(q, k, v, block_q, block_k, causal=False):
    """Your scores are plain dot products. What does the formula divide them by?"""

    class Wrong(Forward):
        scale = 1.0

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def scale_of_values(q, k, v, block_q, block_k, causal=False):
    """You divided the scores by √V. Over how many numbers does the dot product of a query and a key run?"""

    class Wrong(Forward):
        scale = v.shape[-1] ** -0.5

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def not_divided(q, k, v, block_q, block_k, causal=False):
    """Your output is the sum of exp(s - m) v. What is left to be done at the end?"""

    class Wrong(Forward):
        def divided(self, o, l):  # noqa: E741
            return o

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def divided_in_each_tile(q, k, v, block_q, block_k, causal=False):
    """You divided by the sum after each tile, and the next tile goes on from there. Weights of the first tile are
    divided again: when is the sum complete?"""
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
    """You took a softmax in each tile and the mean of their outputs. A tile with larger scores counts more: which
    numbers say how much?"""
    outs = []
    for rows in tiles(q.shape[2], block_q):
        each = [(score(q, k, rows, cols, causal), v[:, :, cols]) for cols in tiles(k.shape[2], block_k)]
        outs.append(sum(s.softmax(-1).nan_to_num(0.0) @ values for s, values in each) / len(each))
    return torch.cat(outs, 2), flash_forward(q, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward")
def last_tile_only(q, k, v, block_q, block_k, causal=False):
    """Your output is that of the last tile of keys that a query sees. What becomes of the tiles before?"""
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
    """The last tile of keys is not full, and you left it out. Which keys did the last query not see?"""

    class Wrong(Forward):
        def cols(self, S, block):
            return tiles(S // block * block, block) if block <= S else tiles(S, block)

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def padded_keys_count(q, k, v, block_q, block_k, causal=False):
    """You filled the last tile of keys up with zeros. Such a key has the score 0, and exp(0) = 1 counts in the sum and
    in the log-sum-exp. Which score has a key that is not there?"""
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


@replaces("flash_forward")
def mask_local(q, k, v, block_q, block_k, causal=False):
    """Your mask compares places in the tile. Whether a key lies in the future depends on where the tile lies: which two
    numbers does it begin at?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            return s.masked_fill(torch.ones(s.shape[-2:], dtype=torch.bool).triu(1), -INF) if causal else s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def mask_top_left(q, k, v, block_q, block_k, causal=False):
    """Your mask begins at the top left: query i sees the keys 0 to i. The queries are the last T of the S positions: at
    which one does query 0 stand?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            if causal:
                future = torch.arange(k.shape[2])[cols] > torch.arange(q.shape[2])[rows][:, None]
                s = s.masked_fill(future, -INF)
            return s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def mask_one_late(q, k, v, block_q, block_k, causal=False):
    """Each of your queries sees one key of its future. Is the key at its own position the last one it sees?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            T, S = q.shape[2], k.shape[2]
            s = score(q, k, rows, cols, False)
            if causal:
                future = torch.arange(S)[cols] > torch.arange(S - T, S)[rows][:, None] + 1
                s = s.masked_fill(future, -INF)
            return s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def whole_tiles_only(q, k, v, block_q, block_k, causal=False):
    """You leave out tiles that lie in the future as a whole, and in the others you mask nothing. What about a tile
    through which the diagonal runs?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            last = k.shape[2] - q.shape[2] + rows.stop - 1
            return torch.full_like(s, -INF) if causal and cols.start > last else s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def tile_left_out_by_its_first_row(q, k, v, block_q, block_k, causal=False):
    """You leave out a tile if its first key lies after your first query. The other queries of the tile see further:
    which of them decides whether nobody needs it?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, causal)
            return torch.full_like(s, -INF) if causal and cols.start > rows.start else s

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def causal_ignored(q, k, v, block_q, block_k, causal=False):
    """causal has no effect: your queries see all keys. Which scores does it close?"""
    return flash_forward(q, k, v, block_q, block_k)


@replaces("flash_forward")
def always_causal(q, k, v, block_q, block_k, causal=False):
    """Your queries never see a key of their future, although causal is False if nothing is said. What does the argument
    decide?"""
    return flash_forward(q, k, v, block_q, block_k, q.shape[2] <= k.shape[2])


@replaces("flash_forward")
def masked_with_a_small_number(q, k, v, block_q, block_k, causal=False):
    """Your masked scores are -10000, and other scores may be as low as that. Which score is below all of them?"""

    class Wrong(Forward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, causal)
            return s.masked_fill(s == -INF, -1e4)

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def sum_not_masked(q, k, v, block_q, block_k, causal=False):
    """Your weights of the future are 0, and the sum that you divide by still contains them. Where does the mask have to
    act, so that both know it?"""
    out, lse = flash_forward(q, k, v, block_q, block_k, causal)
    full = flash_forward(q, k, v, block_q, block_k)[1]
    return out * (lse - full).exp()[..., None], full


@replaces("flash_forward")
def forward_in_float32(q, k, v, block_q, block_k, causal=False):
    """Somewhere your numbers are float32 although float64 came in, and half of their digits are gone. With which dtype
    do m, l and the output begin?"""
    out, lse = flash_forward(q.float(), k.float(), v.float(), block_q, block_k, causal)
    return out.to(q.dtype), lse.to(q.dtype)


@replaces("flash_forward")
def forward_to_float64(q, k, v, block_q, block_k, causal=False):
    """Your results are float64 whatever comes in. Which dtype does the docstring promise?"""
    return flash_forward(q.double(), k.double(), v.double(), block_q, block_k, causal)


@replaces("flash_forward")
def results_made_without_a_dtype(q, k, v, block_q, block_k, causal=False):
    """Your results are float32 although float64 came in. A tensor that is made by its size alone has torch's default
    dtype, and what is written into it is rounded: which of yours is made so?"""
    out, lse = flash_forward(q, k, v, block_q, block_k, causal)
    return out.float(), lse.float()


@replaces("flash_forward")
def maximum_without_axis(q, k, v, block_q, block_k, causal=False):
    """You subtract the maxima (B, H, queries) from a tile (B, H, queries, keys), and your queries meet its keys. Which
    axis do the maxima lack?"""
    outs = []
    for rows in tiles(q.shape[2], block_q):
        for cols in tiles(k.shape[2], block_k):
            s = score(q, k, rows, cols, causal)
            outs.append((s - s.amax(-1)).exp() @ v[:, :, cols])
    return torch.cat(outs, 2), flash_forward(q, k, v, block_q, block_k, causal)[1]


@replaces("flash_forward")
def rescaled_without_axis(q, k, v, block_q, block_k, causal=False):
    """You multiply e^{m − m'} (B, H, queries) with an output (B, H, queries, V), and queries meet the numbers of a
    value. Which axis does the factor lack?"""

    class Wrong(Forward):
        def output(self, o, old, p, v):
            return old * o.expand_as(p @ v) + p @ v

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def divided_without_axis(q, k, v, block_q, block_k, causal=False):
    """An output (B, H, queries, V) meets a tensor (B, H, queries), l or the factor e^{m − m'}, and so queries meet the
    numbers of a value. Which axis is missing?"""

    class Wrong(Forward):
        def divided(self, o, l):  # noqa: E741
            return o / l

    return Wrong()(q, k, v, block_q, block_k, causal)


@replaces("flash_forward")
def lse_has_an_axis_more(q, k, v, block_q, block_k, causal=False):
    """Your log-sum-exp has an axis of 1 at the end. Which shape does the docstring give?"""
    out, lse = flash_forward(q, k, v, block_q, block_k, causal)
    return out, lse[..., None]


@replaces("flash_forward", ends="memory")
def whole_matrix(q, k, v, block_q, block_k, causal=False):
    """A tensor with all queries and all keys exists. Which of your lines makes it?"""
    everything = slice(0, q.shape[2])
    s = score(q, k, everything, slice(0, k.shape[2]), causal)
    return s.softmax(-1) @ v, s.logsumexp(-1)


@replaces("flash_forward", ends="memory")
def block_k_ignored(q, k, v, block_q, block_k, causal=False):
    """A tile has all keys, whatever block_k is: with many queries that is the whole matrix."""
    return Forward()(q, k, v, block_q, k.shape[2], causal)


@replaces("flash_forward", ends="memory")
def block_q_ignored(q, k, v, block_q, block_k, causal=False):
    """A tile has all queries, whatever block_q is: with many keys that is the whole matrix."""
    return Forward()(q, k, v, q.shape[2], block_k, causal)


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


@replaces("flash_backward")
def no_delta(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dS is P ⊙ dP, which is not the derivative of a softmax: raising one weight lowers the others of its row.
    Which term says that?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * dp

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_added(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """You added δ to dP. If all values were the same, no score could change the output: what has dP - δ to be then?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * (dp + delta)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_outside(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dS is P ⊙ dP - δ. Each key gets its part of δ: in proportion to what?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * dp - delta

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_is_a_mean(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your δ is the mean over the V numbers of a query, and so too small. Which dot product is it?"""

    class Wrong(Backward):
        def delta(self, out, d_out):
            return (d_out * out).mean(-1, keepdim=True)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_of_the_tile(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your δ is Σ_j P_ij dP_ij over the keys of one tile. The sum goes over the whole row: which two tensors, that you
    have from the beginning, give it without any tile?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * (dp - (p * dp).sum(-1, keepdim=True))

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def delta_without_axis(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """δ or lse, which have one number for each query, meet a tile (B, H, queries, keys), and your queries meet its
    keys. Which axis is missing where you subtract them?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * (dp - delta[..., 0])

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def derivative_of_a_sigmoid(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dS is P (1 - P) dP, the diagonal of the derivative. What does a score do to the weights of the other
    keys?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return p * (1 - p) * dp

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def gradient_of_weights(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """You went on with dP as if it were dS. Between scores and weights stands the softmax: which of your lines takes
    its derivative?"""

    class Wrong(Backward):
        def ds(self, p, dp, delta):
            return dp

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def scale_missing_in_dq(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dq is too large by √K. Scores were divided by it on the way forward: which gradients have that factor
    too?"""

    class Wrong(Backward):
        factor_q = q.shape[-1] ** 0.5

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def scale_missing_in_dk(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dk is too large by √K. Scores were divided by it on the way forward: which gradients have that factor
    too?"""

    class Wrong(Backward):
        factor_k = q.shape[-1] ** 0.5

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def scale_missing_in_both(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dq and dk are too large by √K. Scores were divided by it on the way forward: where does the factor go on the
    way back?"""

    class Wrong(Backward):
        factor_q = factor_k = q.shape[-1] ** 0.5

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def weights_without_scale(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """You computed the weights again from plain dot products. lse is that of the scaled scores: what do the weights of
    a row sum to in your version?"""

    class Wrong(Backward):
        def scores(self, q, k, rows, cols, causal):
            return score(q, k, rows, cols, causal, 1.0)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def softmax_of_the_tile(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your weights sum to 1 in each tile. They should sum to 1 over all keys of a query: which argument knows the sum
    of the whole row?"""

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
    """You computed the weights again without the mask: keys of the future get a gradient. What does causal do to the
    scores, forward and backward?"""
    return Backward()(q, k, v, out, lse, d_out, block_q, block_k, False)


@replaces("flash_backward")
def backward_mask_top_left(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your mask of the backward pass begins at the top left: query i sees the keys 0 to i. Where does query 0 stand
    among the S positions?"""

    class Wrong(Backward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            if causal:
                future = torch.arange(k.shape[2])[cols] > torch.arange(q.shape[2])[rows][:, None]
                s = s.masked_fill(future, -INF)
            return s

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def backward_mask_local(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your mask of the backward pass compares places in the tile. Whether a key lies in the future depends on where the
    tile lies: which two numbers does it begin at?"""

    class Wrong(Backward):
        def scores(self, q, k, rows, cols, causal):
            s = score(q, k, rows, cols, False)
            return s.masked_fill(torch.ones(s.shape[-2:], dtype=torch.bool).triu(1), -INF) if causal else s

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def dv_of_scores(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dv is dSᵀ dO. The output is P V: with which matrix does dO go back to the values?"""

    class Wrong(Backward):
        def dv(self, p, ds, d_out):
            return ds.mT @ d_out

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def dq_of_the_last_tile(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dq is that of the last tile of keys. A query has met all tiles: what becomes of the others?"""
    right = Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal)
    last = tiles(k.shape[2], block_k)[-1]

    class Last(Backward):
        def cols(self, S, block):
            return [last]

    return Last()(q, k, v, out, lse, d_out, block_q, block_k, causal)[0], *right[1:]


@replaces("flash_backward")
def dkv_of_the_last_tile(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your dk and dv are those of the last tile of queries. A key was read by all queries: what becomes of the
    others?"""
    right = Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal)
    last = tiles(q.shape[2], block_q)[-1]

    class Last(Backward):
        def rows(self, T, block):
            return [last]

    return right[0], *Last()(q, k, v, out, lse, d_out, block_q, block_k, causal)[1:]


@replaces("flash_backward")
def backward_drops_remainder(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Keys of the last tile, which is not full, get no gradient from you. How many keys are left for it?"""

    class Wrong(Backward):
        def cols(self, S, block):
            return tiles(S // block * block, block) if block <= S else tiles(S, block)

    return Wrong()(q, k, v, out, lse, d_out, block_q, block_k, causal)


@replaces("flash_backward")
def gradients_in_another_order(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your three gradients are right and stand in another order. In which one does the docstring name them?"""
    dq, dk, dv = Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal)
    return dk, dv, dq


@replaces("flash_backward")
def backward_in_float32(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Somewhere in your backward pass numbers are float32 although float64 came in, and half of their digits are gone.
    Which of your lines names a dtype, or makes a tensor without one?"""
    single = (x.float() for x in (q, k, v, out, lse, d_out))
    return tuple(x.to(q.dtype) for x in Backward()(*single, block_q, block_k, causal))


@replaces("flash_backward")
def gradients_made_without_a_dtype(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Your gradients are float32 although float64 came in. A tensor that is made by its size alone has torch's default
    dtype, and what is added to it is rounded: which of yours is made so?"""
    return tuple(x.float() for x in Backward()(q, k, v, out, lse, d_out, block_q, block_k, causal))


@replaces("flash_backward", ends="memory")
def autograd_backward(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """Autograd keeps the scores and the weights of plain attention: tensors with all queries and all keys."""
    leaves = [x.detach().clone().requires_grad_() for x in (q, k, v)]
    with torch.enable_grad():
        s = score(leaves[0], leaves[1], slice(0, q.shape[2]), slice(0, k.shape[2]), causal)
        return torch.autograd.grad(s.softmax(-1) @ leaves[2], leaves, d_out)


@replaces("flash_backward", ends="memory")
def backward_block_k_ignored(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """A tile of the backward pass has all keys, whatever block_k is: with many queries that is the whole matrix."""
    return Backward()(q, k, v, out, lse, d_out, block_q, k.shape[2], causal)


@replaces("flash_backward", ends="memory")
def backward_block_q_ignored(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """A tile of the backward pass has all queries, whatever block_q is: with many keys that is the whole matrix."""
    return Backward()(q, k, v, out, lse, d_out, q.shape[2], block_k, causal)
