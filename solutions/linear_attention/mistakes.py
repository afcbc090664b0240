"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from linear_attention import feature_map, linear_attention_parallel, linear_attention_recurrent

from grader.testing import replaces


def scores(q, k):
    return feature_map(q) @ feature_map(k).mT


def mean(weights, v):
    return (weights @ v) / weights.sum(-1, keepdim=True)


def future(q):
    T = q.shape[-2]
    return torch.ones(T, T, dtype=torch.bool).triu(1)


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

    def read(self, S, n, q):
        f = feature_map(q)
        return (f[..., :, None] * S).sum(-2) / (f * n).sum(-1, keepdim=True)

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


@replaces("feature_map")
def elu_only(x):
    """elu alone goes down to -1: weights become negative, and a denominator may pass through 0. What lifts all
    of it above 0?"""
    return F.elu(x)


@replaces("feature_map")
def rectified(x):
    """relu is 0 for half of all numbers. If all features of a query are 0, its weights are 0/0; and where it is
    0 there is no gradient. φ is positive everywhere."""
    return F.relu(x)


@replaces("feature_map")
def exponential(x):
    """Your φ is the exponential for all x. It is one for x <= 0 only; above that it grows like x, since a few
    large features would take all of the weight."""
    return torch.exp(x)


@replaces("feature_map")
def smooth(x):
    """Your φ is softplus. It is positive and smooth and looks much like elu(x) + 1, but at 0 it is ln 2 where
    that is 1."""
    return F.softplus(x)


@replaces("feature_map")
def identity(x):
    """Queries and keys go in as they are, so that weights are plain products and may be negative. What makes a
    product of features positive?"""
    return x * 1


@replaces("feature_map")
def softmaxed_features(x):
    """Your φ is a softmax over the K numbers of a token. This φ looks at each number by itself."""
    return torch.softmax(x, dim=-1)


@replaces("feature_map")
def switch_at_one(x):
    """Your φ changes from the exponential to x + 1 at x = 1, where the two differ: φ makes a jump there. At which x
    have exp(x) and x + 1 the same value?"""
    return torch.where(x > 1, x + 1, torch.exp(x))


@replaces("feature_map")
def exponential_everywhere(x):
    """Your values are right, and the gradient of a large x is NaN. torch.where computes both branches for every x: what
    is exp(1000), and what is 0 times that?"""
    return torch.where(x > 0, x + 1, torch.exp(x))


@replaces("feature_map")
def one_for_positive(x):
    """Where x > 0 your φ is x itself, and just below 0 it is nearly 1: φ makes a jump at 0. What does elu(x) + 1 give
    for x = 2?"""
    return torch.where(x > 0, x, torch.exp(x.clamp(max=0)))


@replaces("linear_attention_parallel")
def no_normaliser(q, k, v):
    """Your y is the sum of the weighted values and grows with the text. With v = 1 everywhere a mean is 1: what
    has to be divided by?"""
    return scores(q, k).tril() @ v


@replaces("linear_attention_parallel")
def product_of_sums(q, k, v):
    """You divided by the sum of φ(q_t) times the sum of all φ(k_s). The sum of the weights is a scalar product: each
    entry of φ(q_t) meets its own entry of the sum of the keys. With K = 1 it is the same."""
    weights = scores(q, k).tril()
    keys = feature_map(k).cumsum(-2).sum(-1, keepdim=True)
    return (weights @ v) / (feature_map(q).sum(-1, keepdim=True) * keys)


@replaces("linear_attention_parallel")
def global_normaliser(q, k, v):
    """Your numerator is causal and your denominator sums over all tokens, the future included. Which of the two
    happened first in your code, the mask or the sum?"""
    weights = scores(q, k)
    return (weights.tril() @ v) / weights.sum(-1, keepdim=True)


@replaces("linear_attention_parallel")
def not_causal(q, k, v):
    """Every token sees the whole text: nothing removes the weights of the future."""
    return mean(scores(q, k), v)


@replaces("linear_attention_parallel")
def without_itself(q, k, v):
    """A token does not see itself in your mask: the diagonal is gone with the future. For the first token
    nothing is left, and its y is 0/0."""
    return mean(scores(q, k).tril(-1), v)


@replaces("linear_attention_parallel")
def anti_causal(q, k, v):
    """Each token sees itself and what comes after it: the wrong triangle was kept. Rows are queries and columns
    are keys."""
    return mean(scores(q, k).triu(), v)


@replaces("linear_attention_parallel")
def softmaxed(q, k, v):
    """The products of features went through a softmax. They are positive already and are the weights, up to
    their sum: the feature map is what stands in the place of the exponential."""
    return torch.softmax(scores(q, k).masked_fill(future(q), float("-inf")), dim=-1) @ v


@replaces("linear_attention_parallel")
def softmax_attention(q, k, v):
    """Your weights are made of the products q · k, as in ordinary attention: of them a softmax is taken, or another
    function. Nothing of that can be taken out of the sum over the past, so there is no recurrent form of fixed size.
    What happens to q and to k before they meet?"""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@replaces("linear_attention_parallel")
def minus_infinity(q, k, v):
    """You put -inf where the future is, and no exponential follows that would make 0 of it: sums over -inf are
    -inf or NaN. What weight has a token that is not seen?"""
    return mean(scores(q, k).masked_fill(future(q), float("-inf")), v)


@replaces("linear_attention_parallel")
def map_of_the_product(q, k, v):
    """You applied φ to the products q · k. Then nothing can be taken out of the sum over the past, and there is
    no recurrent form. φ belongs on q and on k before they meet."""
    return mean(feature_map(q @ k.mT).tril(), v)


@replaces("linear_attention_parallel")
def keys_only(q, k, v):
    """φ was applied to the keys, and the queries went in as they are, with negative numbers. Both need it."""
    return mean((q @ feature_map(k).mT).tril(), v)


@replaces("linear_attention_parallel")
def scaled(q, k, v):
    """The queries were divided by the root of K before φ. Softmax attention scales products so as not to become
    too sharp; inside φ it is another function of q."""
    return mean(scores(q / q.shape[-1] ** 0.5, k).tril(), v)


@replaces("linear_attention_parallel")
def divided_by_count(q, k, v):
    """You divided by the number of tokens seen. The weights of a token do not sum to that: what do they sum
    to?"""
    counts = torch.arange(1, q.shape[-2] + 1, dtype=v.dtype)
    return (scores(q, k).tril() @ v) / counts[:, None]


@replaces("linear_attention_parallel")
def sum_over_queries(q, k, v):
    """Your normaliser sums over the queries, so that each key gives away a weight of 1 in all. It is each query
    whose weights sum to 1: which axis of the matrix holds the keys?"""
    weights = scores(q, k).tril()
    return (weights / weights.sum(-2, keepdim=True)) @ v


@replaces("linear_attention_parallel")
def small_number_added(q, k, v):
    """You added a small number to the denominator. It is positive already; where all features are small the
    added number outweighs it, and the weights no longer sum to 1."""
    weights = scores(q, k).tril()
    return (weights @ v) / (weights.sum(-1, keepdim=True) + 1e-6)


@replaces("linear_attention_parallel")
def denominator_bounded(q, k, v):
    """You keep the denominator above a small number, and where all features are smaller, y is no mean any more. Can it
    be 0, if all features are positive?"""
    weights = scores(q, k).tril()
    return weights @ v / weights.sum(-1, keepdim=True).clamp(min=1e-6)


@replaces("linear_attention_parallel")
def in_float32(q, k, v):
    """Your matrix is float32, and float64 inputs lose half of their digits on the way. What casts, or makes a
    tensor without a dtype?"""
    return linear_attention_parallel(q.float(), k.float(), v.float()).to(v.dtype)


@replaces("linear_attention_parallel")
def queries_only(q, k, v):
    """You applied φ to the queries, and the keys went in as they are, with negative numbers. Which of the two has to be
    positive so that a weight is positive?"""
    return mean((feature_map(q) @ k.mT).tril(), v)


@replaces("linear_attention_recurrent")
def previous_state(q, k, v, state=None):
    """Each token reads the state before it is written into it, so that it does not see itself, and the first
    one divides 0 by 0. Update, then read."""

    class Wrong(Steps):
        def step(self, S, n, q, k, v):
            return *self.update(S, n, k, v), self.read(S, n, q)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def normaliser_not_carried(q, k, v, state=None):
    """S continues from the state, and n starts from zeros: the sum of values comes from the whole text, the sum
    of weights from the last piece. Both are state."""

    class Wrong(Steps):
        def start(self, k, v, state):
            S, n = super().start(k, v, state)
            return S, torch.zeros_like(n)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_changed(q, k, v, state=None):
    """You add to S and n in place, and the first of these are the tensors of the state that was handed in: whoever
    keeps it to continue the text in two ways has lost it. Gradients fail as well. How does a step make sums of its
    own?"""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            f = feature_map(k)
            S += f[..., :, None] * v[..., None, :]
            n += f
            return S, n

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def dict_changed(q, k, v, state=None):
    """You put the new sums into the dict that was handed in, and the caller finds another state in it. In which dict do
    they belong?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    if state is None:
        return y, after
    state.update(after)
    return y, state


@replaces("linear_attention_recurrent")
def map_after_the_sums(q, k, v, state=None):
    """Your sums hold k and k vᵀ as they are, and φ comes last, on their products with q. φ of a sum is not the sum of
    φ. On what does φ act in the weights of a token?"""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            return S + k[..., :, None] * v[..., None, :], n + k

        def read(self, S, n, q):
            return feature_map((q[..., :, None] * S).sum(-2)) / feature_map((q * n).sum(-1, keepdim=True))

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def bounded_in_steps(q, k, v, state=None):
    """You keep n · φ(q) above a small number, and where all features are smaller, y is no mean any more. Can it be 0
    after the update, if all features are positive?"""

    class Wrong(Steps):
        def read(self, S, n, q):
            f = feature_map(q)
            return (f[..., :, None] * S).sum(-2) / (f * n).sum(-1, keepdim=True).clamp(min=1e-6)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_ignored(q, k, v, state=None):
    """The state that is handed in has no effect: a text that comes in pieces loses its past at every cut."""
    return linear_attention_recurrent(q, k, v)


@replaces("linear_attention_recurrent")
def sum_of_values(q, k, v, state=None):
    """Your recurrence has no normaliser: y is the sum of the weighted values. What has n been added up for?"""

    class Wrong(Steps):
        def read(self, S, n, q):
            return (feature_map(q)[..., :, None] * S).sum(-2)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def raw_query(q, k, v, state=None):
    """The state is read with q itself. Its weights are products of features, as in the parallel form: which map
    is missing?"""

    class Wrong(Steps):
        def read(self, S, n, q):
            return (q[..., :, None] * S).sum(-2) / (q * n).sum(-1, keepdim=True)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def raw_keys_in_n(q, k, v, state=None):
    """S adds up φ(k_s) v_sᵀ and n adds up k_s without φ. The numerator and the denominator have to speak of the
    same weights."""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            return super().update(S, n, k, v)[0], n + k

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def n_without_query(q, k, v, state=None):
    """You divided by the sum of the entries of n. Each entry counts as much as the query asks for it: n meets
    φ(q_t) as S does."""

    class Wrong(Steps):
        def read(self, S, n, q):
            return (feature_map(q)[..., :, None] * S).sum(-2) / n.sum(-1, keepdim=True)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def sums_multiplied(q, k, v, state=None):
    """You divided by the sum of φ(q_t) times the sum of n. What the weights sum to is the scalar product of the two:
    each entry of n counts as much as the query asks for it."""

    class Wrong(Steps):
        def read(self, S, n, q):
            f = feature_map(q)
            return (f[..., :, None] * S).sum(-2) / (f.sum(-1, keepdim=True) * n.sum(-1, keepdim=True))

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_replaced(q, k, v, state=None):
    """S and n hold the last token alone: each step overwrites them. They are sums over the past."""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            return super().update(torch.zeros_like(S), torch.zeros_like(n), k, v)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_transposed(q, k, v, state=None):
    """Your S is (…, V, K). It is (…, K, V): rows belong to features of the key, columns to the value."""
    state = None if state is None else {"S": state["S"].mT, "n": state["n"]}
    y, state = linear_attention_recurrent(q, k, v, state)
    return y, {"S": state["S"].mT, "n": state["n"]}


@replaces("linear_attention_recurrent")
def small_number_in_steps(q, k, v, state=None):
    """You added a small number to n · φ(q). It is positive already, after the update; where all features are
    small the added number outweighs it, and y shrinks towards 0."""

    class Wrong(Steps):
        def read(self, S, n, q):
            f = feature_map(q)
            return (f[..., :, None] * S).sum(-2) / ((f * n).sum(-1, keepdim=True) + 1e-6)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def truncated(q, k, v, state=None):
    """The values are right, and the state was detached in every step: no gradient reaches earlier keys and
    values, nor the state that came in."""

    class Wrong(Steps):
        def update(self, S, n, k, v):
            return super().update(S.detach(), n.detach(), k, v)

    return Wrong()(q, k, v, state)


@replaces("linear_attention_recurrent")
def state_before_last(q, k, v, state=None):
    """Your y is right, and the state that you return lacks the last token. The next piece of the text begins after this
    token: what does it have to know?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    f = feature_map(k[..., -1, :])
    return y, {"S": after["S"] - f[..., :, None] * v[..., -1, None, :], "n": after["n"] - f}


@replaces("linear_attention_recurrent")
def state_detached(q, k, v, state=None):
    """The values are right, and no gradient reaches the tensors of the state that was handed in: you cut it off at the
    start. Who computed that state, and may still want to learn from this piece?"""
    return linear_attention_recurrent(q, k, v, state and {name: x.detach() for name, x in state.items()})


@replaces("linear_attention_recurrent")
def divided_by_steps(q, k, v, state=None):
    """You divided by the number of tokens seen. The weights of a token do not sum to that number: what do they sum
    to?"""
    S, n = Steps().start(k, v, state)
    ys = []
    for t in range(v.shape[-2]):
        S, n = Steps().update(S, n, k[..., t, :], v[..., t, :])
        ys.append((feature_map(q[..., t, :])[..., :, None] * S).sum(-2) / (t + 1))
    return torch.stack(ys, -2), {"S": S, "n": n}


@replaces("linear_attention_recurrent")
def state_is_a_mean(q, k, v, state=None):
    """You divided S and n by the number of tokens before you returned them. They are sums: their quotient is the mean,
    and only sums of two pieces can be added. What do the next tokens do with the state?"""
    y, after = linear_attention_recurrent(q, k, v, state)
    return y, {name: x / v.shape[-2] for name, x in after.items()}
