"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from linear_attention import feature_map, linear_attention_parallel, linear_attention_recurrent

from grader.testing import replaces


@replaces(
    "feature_map",
    form=[
        "elu(x)",
        "elu(x) − 1",
        "elu(x + 1)",
        "elu(x) + 1 + 10⁻⁶",
        "x",
        "x + 1",
        "|x|",
        "x²",
        "relu(x)",
        "relu(x) + 1",
        "relu(x + 1)",
        "leaky_relu(x) + 1",
        "gelu(x) + 1",
        "softplus(x)",
        "sigmoid(x)",
        "tanh(x) + 1",
        "selu(x) + 1",
        "eˣ",
        "eˣ + 1",
        "x above 0 and eˣ below",
        "x + 1 above 0 and eˣ − 1 below",
        "x + 1 above 0 and e⁻ˣ below",
        "eˣ above 0 and x + 1 below",
    ],
)
def another_map(x, *, form: str):
    """Your φ is {form}. Compare it at −1, 0 and 2 with the docstring's example: where do the two differ, and is yours
    positive everywhere?"""
    low = x.clamp(max=0).exp()
    return {
        "elu(x)": F.elu(x),
        "elu(x) − 1": F.elu(x) - 1,
        "elu(x + 1)": F.elu(x + 1),
        "elu(x) + 1 + 10⁻⁶": F.elu(x) + 1 + 1e-6,
        "x": x * 1,
        "x + 1": x + 1,
        "|x|": x.abs(),
        "x²": x**2,
        "relu(x)": F.relu(x),
        "relu(x) + 1": F.relu(x) + 1,
        "relu(x + 1)": F.relu(x + 1),
        "leaky_relu(x) + 1": F.leaky_relu(x) + 1,
        "gelu(x) + 1": F.gelu(x) + 1,
        "softplus(x)": F.softplus(x),
        "sigmoid(x)": x.sigmoid(),
        "tanh(x) + 1": x.tanh() + 1,
        "selu(x) + 1": F.selu(x) + 1,
        "eˣ": x.exp(),
        "eˣ + 1": x.exp() + 1,
        "x above 0 and eˣ below": torch.where(x > 0, x, low),
        "x + 1 above 0 and eˣ − 1 below": torch.where(x > 0, x + 1, low - 1),
        "x + 1 above 0 and e⁻ˣ below": torch.where(x > 0, x + 1, (-x).exp()),
        "eˣ above 0 and x + 1 below": torch.where(x > 0, x.exp(), x + 1),
    }[form]


@replaces("feature_map", axis=[-1, -2])
def softmaxed_features(x, *, axis: int):
    """Your φ is a softmax along axis {axis}, so a feature depends on other numbers of x. What does the docstring mean
    by elementwise?"""
    return torch.softmax(x, dim=axis if x.dim() > 1 else -1)


@replaces("feature_map", at=[-1, 0.5, 1, 2])
def switch_elsewhere(x, *, at: float):
    """Your φ changes from eˣ to x + 1 at x = {at}, where the two differ, so φ makes a jump there. At which x do they
    have the same value?"""
    return torch.where(x > at, x + 1, torch.exp(x))


@replaces("feature_map", by=["where", "product", "sum"])
def exponential_everywhere(x, *, by: str):
    """Your φ is right for small x, but at 1000 its value or its gradient is not. Does your code compute eˣ there as
    well, and what does it do with the result?"""
    if by == "where":
        return torch.where(x > 0, x + 1, torch.exp(x))
    if by == "product":
        return (x > 0) * (x + 1) + (x <= 0) * torch.exp(x)
    return F.relu(x) + torch.exp(x) - F.relu(torch.exp(x) - 1)


@replaces("feature_map", back=[True, False])
def features_in_float32(x, *, back: bool):
    """float64 came into your φ, and only the digits of float32 are right. Which of your lines names a dtype, or makes a
    tensor without one?"""
    return feature_map(x.float()).to(x.dtype if back else torch.float32)


@replaces("feature_map")
def elu_in_place(x):
    """The x that you were given is not the same after your φ. Which operations make a new tensor, and which write into
    the old one?"""
    return F.elu_(x) + 1


def scores(q, k):
    return feature_map(q) @ feature_map(k).mT


def mean(weights, v):
    return (weights @ v) / weights.sum(-1, keepdim=True)


def future(q):
    T = q.shape[-2]
    return torch.ones(T, T, dtype=torch.bool).triu(1)


@replaces("linear_attention_parallel", by=["nothing", "the number of tokens seen", "T", "√K", "K"])
def divided_by(q, k, v, *, by: str):
    """You divide the sum of weighted values by {by}. If v is 1 everywhere a mean is 1: what does your token get, and
    what do its weights sum to?"""
    T, K = q.shape[-2:]
    divisors = {"nothing": 1, "T": T, "√K": K**0.5, "K": K}
    return scores(q, k).tril() @ v / divisors.get(by, torch.arange(1, T + 1, dtype=v.dtype)[:, None])


@replaces("linear_attention_parallel", keys=["seen", "all"])
def product_of_sums(q, k, v, *, keys: str):
    """You divide by the sum of φ(q_t) times a sum of φ(k_s), each a single number. With K = 1 that is right. How do two
    vectors of K numbers meet in the formula?"""
    k_sum = feature_map(k).cumsum(-2) if keys == "seen" else feature_map(k).sum(-2, keepdim=True)
    return (scores(q, k).tril() @ v) / (feature_map(q).sum(-1, keepdim=True) * k_sum.sum(-1, keepdim=True))


@replaces("linear_attention_parallel")
def global_normaliser(q, k, v):
    """Your numerator sums over the past and your denominator over all tokens, the future included. Which comes first in
    your code, the mask or the sum?"""
    weights = scores(q, k)
    return (weights.tril() @ v) / weights.sum(-1, keepdim=True)


@replaces("linear_attention_parallel")
def only_the_normaliser_is_causal(q, k, v):
    """Your denominator sums over the past and your numerator over all tokens, the future included. Which weights
    multiply v in your code?"""
    weights = scores(q, k)
    return (weights @ v) / weights.tril().sum(-1, keepdim=True)


@replaces("linear_attention_parallel")
def not_causal(q, k, v):
    """In your parallel form every token sees the whole text. Which of its weights should be 0?"""
    return mean(scores(q, k), v)


@replaces("linear_attention_parallel", behind=[1, 2], nothing=["NaN", "0"])
def without_itself(q, k, v, *, behind: int, nothing: str):
    """In your parallel form a token does not see itself. Does the sum over s ≤ t include t, and what is left for the
    first token otherwise?"""
    y = mean(scores(q, k).tril(-behind), v)
    return y if nothing == "NaN" else y.nan_to_num(0.0)


@replaces("linear_attention_parallel", ahead=[1, 2])
def one_too_far(q, k, v, *, ahead: int):
    """Your tokens see a token that comes after them. Which weights does tril keep, and what does its second argument
    move?"""
    return mean(scores(q, k).tril(ahead), v)


@replaces("linear_attention_parallel", itself=[0, 1])
def anti_causal(q, k, v, *, itself: int):
    """Each of your tokens sees what comes after it and nothing before. Rows are queries and columns are keys: on which
    side of the diagonal is the past?"""
    return mean(scores(q, k).triu(itself), v)


@replaces("linear_attention_parallel", scaled=["as they are", "divided by √K"])
def softmaxed(q, k, v, *, scaled: str):
    """The products φ(q) · φ(k) went through a softmax, {scaled}. They are positive already: what is left to do so that
    the weights of a token sum to 1?"""
    products = scores(q, k) / (q.shape[-1] ** 0.5 if "√K" in scaled else 1)
    return torch.softmax(products.masked_fill(future(q), float("-inf")), dim=-1) @ v


@replaces("linear_attention_parallel", scale=["1/√K", "1"])
def softmax_attention(q, k, v, *, scale: str):
    """Your weights are the softmax of q · k, ordinary attention. Can anything be taken out of the sum over the past
    then? What happens to q and to k here before they meet?"""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=None if scale == "1/√K" else 1.0)


@replaces("linear_attention_parallel")
def minus_infinity(q, k, v):
    """In your parallel form only the last token gets numbers, the others get NaN or infinity. Which weight does a token
    of the future have in your matrix, and does an exponential follow?"""
    return mean(scores(q, k).masked_fill(future(q), float("-inf")), v)


@replaces("linear_attention_parallel")
def map_of_the_product(q, k, v):
    """You applied φ to the products q · k. Can φ(q_t · k_s) be split into a part of t and a part of s? What does the
    formula apply φ to?"""
    return mean(feature_map(q @ k.mT).tril(), v)


@replaces(
    "linear_attention_parallel",
    of=["queries", "keys", "queries and keys"],
    sums=["both sums", "the numerator", "the denominator"],
)
def features_missing(q, k, v, *, of: str, sums: str):
    """Your {of} enter {sums} without φ. They may be negative: can the weights be those of a mean then?"""
    raw = ((q if "queries" in of else feature_map(q)) @ (k if "keys" in of else feature_map(k)).mT).tril()
    right = scores(q, k).tril()
    above, below = raw if sums != "the denominator" else right, raw if sums != "the numerator" else right
    return (above @ v) / below.sum(-1, keepdim=True)


@replaces("linear_attention_parallel", of=["queries", "keys", "queries and keys"])
def mapped_twice(q, k, v, *, of: str):
    """φ was applied twice to your {of}. What do q and k come as, and where in your code do they become features?"""
    q = feature_map(q) if "queries" in of else q
    return linear_attention_parallel(q, feature_map(k) if "keys" in of else k, v)


@replaces("linear_attention_parallel")
def values_mapped(q, k, v):
    """φ was applied to the values as well, so no y is negative. Which of q, k and v make the weights, and what is it
    that they average?"""
    return linear_attention_parallel(q, k, feature_map(v))


@replaces("linear_attention_parallel")
def roles_exchanged(q, k, v):
    """In your weights the key is that of token t and the query that of token s. Which of the two asks, the token that
    gets y_t or the one before it?"""
    return linear_attention_parallel(k, q, v)


@replaces("linear_attention_parallel", of=["q", "k", "q and k"], power=[-0.25, -0.5, 0.5])
def scaled_before_the_map(q, k, v, *, of: str, power: float):
    """You scaled {of} by a power of K before φ. Is φ(c x) a multiple of φ(x)? What would become of such a factor behind
    φ?"""
    c = q.shape[-1] ** power
    return linear_attention_parallel(q * c if "q" in of else q, k * c if "k" in of else k, v)


@replaces("linear_attention_parallel", over=["queries", "queries and keys", "all axes"])
def sum_over(q, k, v, *, over: str):
    """Your denominator sums over {over}. The weights of each token sum to 1: which axis of the matrix holds what a
    token t sees?"""
    weights = scores(q, k).tril()
    axes = {"queries": (-2,), "queries and keys": (-2, -1), "all axes": tuple(range(weights.dim()))}[over]
    return (weights / weights.sum(axes, keepdim=True)) @ v


@replaces(
    "linear_attention_parallel",
    small=[1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15],
)
def small_number_added(q, k, v, *, small: float):
    """In your parallel form the denominator is a little too large, so the weights of a token do not sum to 1. Can it be
    0 if all features are positive?"""
    weights = scores(q, k).tril()
    return (weights @ v) / (weights.sum(-1, keepdim=True) + small)


@replaces("linear_attention_parallel", low=[1.0, 1e-4, 1e-5, 1e-6, 1e-8, 1e-9, 1e-10, 1e-12])
def denominator_bounded(q, k, v, *, low: float):
    """Where all features are small your y is not a mean any more (parallel). How small can the denominator be, and is
    it ever 0 if all features are positive?"""
    weights = scores(q, k).tril()
    return weights @ v / weights.sum(-1, keepdim=True).clamp(min=low)


@replaces("linear_attention_parallel", back=[True, False])
def in_float32(q, k, v, *, back: bool):
    """float64 came into your parallel form, and only the digits of float32 are right. Which of your lines names a
    dtype, or makes a tensor without one?"""
    return linear_attention_parallel(q.float(), k.float(), v.float()).to(v.dtype if back else torch.float32)


@replaces("linear_attention_parallel")
def sum_without_axis(q, k, v):
    """A numerator (…, T, V) meets a denominator (…, T), so tokens meet the numbers of a value. Which axis is
    missing?"""
    weights = scores(q, k).tril()
    return (weights @ v) / weights.sum(-1)


@replaces("linear_attention_parallel", to=["q", "k", "v", "q and k", "q, k and v"])
def detached(q, k, v, *, to: str):
    """Your parallel values are right, but no gradient reaches {to}. Which step of your code leaves the graph?"""
    names = to.replace(",", "").split()
    q, k, v = (x.detach() if name in names else x for name, x in zip("qkv", (q, k, v), strict=True))
    return linear_attention_parallel(q, k, v)


class Steps:
    """linear_attention_recurrent in parts: what a mistake does not change is right."""

    def start(self, k, v, state):
        if state is not None:
            return state["S"], state["n"]
        leading, K = k.shape[:-2], k.shape[-1]
        return v.new_zeros(*leading, K, v.shape[-1]), v.new_zeros(*leading, K)

    def update(self, S, n, k, v):
        f = feature_map(k)
        return S + f[..., :, None] * v[..., None, :], n + f

    def total(self, S, q):
        return (feature_map(q)[..., :, None] * S).sum(-2)

    def weight(self, n, q):
        return (feature_map(q) * n).sum(-1, keepdim=True)

    def read(self, S, n, q):
        return self.total(S, q) / self.weight(n, q)

    def step(self, S, n, q, k, v):
        S, n = self.update(S, n, k, v)
        return S, n, self.read(S, n, q)

    def __call__(self, q, k, v, state=None):
        S, n = self.start(k, v, state)
        ys = []
        for t in range(v.shape[-2]):
            S, n, y = self.step(S, n, q[..., t, :], k[..., t, :], v[..., t, :])
            ys.append(y)
        return torch.stack(ys, -2), {"S": S, "n": n}


@replaces("linear_attention_recurrent", nothing=["NaN", "0"])
def previous_state(q, k, v, state=None, *, nothing: str):
    """In your recurrence a token does not see itself. Does the sum over s ≤ t include t, and what is in S and n when
    the first token reads them?"""

    class Wrong(Steps):
        def step(self, S, n, q, k, v):
            y = self.read(S, n, q)
            return *self.update(S, n, k, v), y if nothing == "NaN" else y.nan_to_num(0.0)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent", of=["S", "n"])
def not_carried(q, k, v, state=None, *, of: str):
    """With a state given your {of} starts from zeros, and the other sum does not. Do numerator and denominator speak of
    the same tokens then?"""

    class Wrong(Steps):
        def start(self, k, v, state):
            S, n = super().start(k, v, state)
            return (torch.zeros_like(S), n) if of == "S" else (S, torch.zeros_like(n))

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_ignored(q, k, v, state=None):
    """The state that is handed in has no effect in your version. What does a text that comes in pieces know of its
    earlier pieces?"""
    return linear_attention_recurrent(q, k, v)


@replaces("linear_attention_recurrent", of=["S", "n", "S and n"])
def state_of_the_piece(q, k, v, state=None, *, of: str):
    """Your y counts the state that was handed in, but the {of} that you return covers the new tokens only. What will
    the piece after the next one miss?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    piece = linear_attention_recurrent(q, k, v)[1]
    return y, {name: piece[name] if name in of.split() else after[name] for name in after}


@replaces("linear_attention_recurrent", of=["S", "n", "S and n"])
def state_not_read(q, k, v, state=None, *, of: str):
    """The state that you return is right, but y ignores the {of} that was handed in. What does the first new token see
    of the past?"""
    after = linear_attention_recurrent(q, k, v, state)[1]
    seen = state and {name: torch.zeros_like(x) if name in of.split() else x for name, x in state.items()}
    return linear_attention_recurrent(q, k, v, seen)[0], after


@replaces("linear_attention_recurrent")
def state_changed(q, k, v, state=None):
    """The S and n that were handed in are not the same afterwards, and torch refuses it where they need a gradient.
    Which operations make a new tensor, and which write into the old one?"""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            f = feature_map(k)
            S += f[..., :, None] * v[..., None, :]
            n += f
            return S, n

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def dict_changed(q, k, v, state=None):
    """The dict that was handed in holds other tensors afterwards. Whoever continues a text in two ways needs the old
    ones: in which dict do the new ones belong?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    if state is None:
        return y, after
    state.update(after)
    return y, state


@replaces("linear_attention_recurrent")
def map_after_the_sums(q, k, v, state=None):
    """Your sums hold k and k vᵀ as they are, and φ is applied to their products with q. Is φ of a sum the sum of φ?
    What does φ act on in the formula?"""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            return S + k[..., :, None] * v[..., None, :], n + k

        def read(self, S, n, q):
            return feature_map((q[..., :, None] * S).sum(-2)) / feature_map((q * n).sum(-1, keepdim=True))

    return Wrong()(q, k, v, state)


@replaces(
    "linear_attention_recurrent",
    small=[1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15],
)
def small_number_in_steps(q, k, v, state=None, *, small: float):
    """In your recurrence the denominator is a little too large, so the weights of a token do not sum to 1. Can n · φ(q)
    be 0 after the update if all features are positive?"""

    class Wrong(Steps):
        def weight(self, n, q):
            return super().weight(n, q) + small

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent", low=[1.0, 1e-4, 1e-5, 1e-6, 1e-8, 1e-9, 1e-10, 1e-12])
def bounded_in_steps(q, k, v, state=None, *, low: float):
    """Where all features are small your y is not a mean any more (recurrent). How small can n · φ(q) be, and is it ever
    0 after the update if all features are positive?"""

    class Wrong(Steps):
        def weight(self, n, q):
            return super().weight(n, q).clamp(min=low)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent", by=["nothing", "the number of tokens seen", "T", "√K", "K"])
def divided_by_in_steps(q, k, v, state=None, *, by: str):
    """In your recurrence the sum of weighted values is divided by {by}. If v is 1 everywhere a mean is 1: what does
    your token get, and what was n added up for?"""
    T, K = q.shape[-2:]
    sums = 1 if by in ("nothing", "√K", "K") else T

    class Wrong(Steps):
        seen = 0

        def weight(self, n, q):
            self.seen += 1
            return {"the number of tokens seen": self.seen, "√K": K**0.5, "K": K}.get(by, sums)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent", of=["q", "k"], sums=["S", "n", "S and n"])
def features_missing_in_steps(q, k, v, state=None, *, of: str, sums: str):
    """In your recurrence {of} meets {sums} without φ. Which weights stand above and below the line of the fraction, and
    are they the same?"""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            right = super().update(S, n, k, v)
            if of == "q":
                return right
            raw = S + k[..., :, None] * v[..., None, :], n + k
            return raw[0] if "S" in sums else right[0], raw[1] if "n" in sums.split() else right[1]

        def total(self, S, q):
            return (q[..., :, None] * S).sum(-2) if of == "q" and "S" in sums else super().total(S, q)

        def weight(self, n, q):
            raw = of == "q" and "n" in sums.split()
            return (q * n).sum(-1, keepdim=True) if raw else super().weight(n, q)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent", of=["queries", "keys", "queries and keys"])
def mapped_twice_in_steps(q, k, v, state=None, *, of: str):
    """In your recurrence φ was applied twice to the {of}. What do q and k come as, and where in your code do they
    become features?"""
    q = feature_map(q) if "queries" in of else q
    return linear_attention_recurrent(q, feature_map(k) if "keys" in of else k, v, state)


@replaces("linear_attention_recurrent")
def values_mapped_in_steps(q, k, v, state=None):
    """In your recurrence φ was applied to the values as well. Which of q, k and v make the weights, and what is it that
    they average?"""
    return linear_attention_recurrent(q, k, feature_map(v), state)


@replaces("linear_attention_recurrent")
def roles_exchanged_in_steps(q, k, v, state=None):
    """Your sums hold φ(q), and φ(k) reads them. Which of the two belongs to a token of the past, and which asks?"""
    return linear_attention_recurrent(k, q, v, state)


@replaces("linear_attention_recurrent", of=["q", "k", "q and k"], power=[-0.25, -0.5, 0.5])
def scaled_in_steps(q, k, v, state=None, *, of: str, power: float):
    """In your recurrence {of} is scaled by a power of K before φ. Is φ(c x) a multiple of φ(x)? What would become of
    such a factor behind φ?"""
    c = q.shape[-1] ** power
    return linear_attention_recurrent(q * c if "q" in of else q, k * c if "k" in of else k, v, state)


@replaces("linear_attention_recurrent")
def n_without_query(q, k, v, state=None):
    """You divide by the sum of the entries of n, whatever the query is. S meets φ(q_t): what does n meet in the
    formula?"""

    class Wrong(Steps):
        def weight(self, n, q):
            return n.sum(-1, keepdim=True)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def sums_multiplied(q, k, v, state=None):
    """You divide by the sum of φ(q_t) times the sum of n, each a single number. With K = 1 that is right. How do two
    vectors of K numbers meet in the formula?"""

    class Wrong(Steps):
        def weight(self, n, q):
            return feature_map(q).sum(-1, keepdim=True) * n.sum(-1, keepdim=True)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent", of=["S", "n", "S and n"])
def state_replaced(q, k, v, state=None, *, of: str):
    """Your {of} holds the last token alone, since each step forgets what was there. What does a step do with the old
    sums?"""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            S = torch.zeros_like(S) if "S" in of else S
            return super().update(S, torch.zeros_like(n) if "n" in of.split() else n, k, v)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_transposed(q, k, v, state=None):
    """Your S is (…, V, K). What do its rows and its columns belong to in the docstring?"""
    state = None if state is None else {"S": state["S"].mT, "n": state["n"]}
    y, state = linear_attention_recurrent(q, k, v, state)
    return y, {"S": state["S"].mT, "n": state["n"]}


@replaces("linear_attention_recurrent", axis=[-1, -2])
def n_has_an_axis_more(q, k, v, state=None, *, axis: int):
    """The n that you return has an extra axis of size 1. Which shape does the docstring give, and where did your code
    need the axis?"""
    y, after = linear_attention_recurrent(q, k, v, state and {"S": state["S"], "n": state["n"].squeeze(axis)})
    return y, {"S": after["S"], "n": after["n"].unsqueeze(axis)}


@replaces("linear_attention_recurrent")
def weight_without_axis(q, k, v, state=None):
    """A numerator (…, V) meets a denominator (…), one number for each head, so heads meet the numbers of a value. Which
    axis is missing?"""

    class Wrong(Steps):
        def weight(self, n, q):
            return super().weight(n, q)[..., 0]

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def tokens_in_front(q, k, v, state=None):
    """The tokens are the first axis of your y. Which axis do they belong on if there are leading ones?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    return y.movedim(-2, 0), after


@replaces("linear_attention_recurrent")
def pair_reversed(q, k, v, state=None):
    """You return the state first and y second. In which order does the docstring name them?"""
    return linear_attention_recurrent(q, k, v, state)[::-1]


@replaces("linear_attention_recurrent", back=[True, False])
def steps_in_float32(q, k, v, state=None, *, back: bool):
    """float64 came into your recurrence, and only the digits of float32 are right. Which of your lines names a dtype,
    or makes a tensor without one?"""
    state = state and {name: x.float() for name, x in state.items()}
    y, after = linear_attention_recurrent(q.float(), k.float(), v.float(), state)
    dtype = v.dtype if back else torch.float32
    return y.to(dtype), {name: x.to(dtype) for name, x in after.items()}


@replaces("linear_attention_recurrent", of=["S", "n", "S and n"])
def truncated(q, k, v, state=None, *, of: str):
    """The values of your recurrence are right, but no gradient reaches earlier tokens by way of {of}. Which step cuts
    the old sums off from the new ones?"""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            return super().update(S.detach() if "S" in of else S, n.detach() if "n" in of.split() else n, k, v)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent", of=["S", "n", "S and n"])
def state_detached(q, k, v, state=None, *, of: str):
    """Your values are right, but no gradient reaches the {of} that was handed in. Who computed that state, and may
    still want to learn from this piece?"""
    state = state and {name: x.detach() if name in of.split() else x for name, x in state.items()}
    return linear_attention_recurrent(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_before_last(q, k, v, state=None):
    """Your y is right, but the state that you return lacks the last token. The next piece begins after this token: what
    does it have to know?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    f = feature_map(k[..., -1, :])
    return y, {"S": after["S"] - f[..., :, None] * v[..., -1, None, :], "n": after["n"] - f}


@replaces("linear_attention_recurrent", of=["S", "n", "S and n"], by=["the number of tokens", "n"])
def state_is_a_mean(q, k, v, state=None, *, of: str, by: str):
    """Your y is right, but the {of} that you return is divided by {by}. The next piece adds its own tokens to it: can
    it add them to a mean?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    n = after["n"]
    if by == "the number of tokens":
        return y, {name: x / v.shape[-2] if name in of.split() else x for name, x in after.items()}
    return y, {"S": after["S"] / n[..., None] if "S" in of else after["S"], "n": n / n if "n" in of.split() else n}
