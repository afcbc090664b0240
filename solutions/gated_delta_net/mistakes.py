"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A step of the recurrence and a chunk are cut into parts: a mistake gets one wrong and takes the others from here.
"""

import torch
import torch.nn.functional as F
from gated_delta_net import gated_delta_chunked, gated_delta_recurrent, gates, l2_normalize

from grader.testing import replaces

INF = float("inf")


# l2_normalize


@replaces("l2_normalize")
def eps_outside(x, eps=1e-6):
    """You add eps to the root, and the statement adds it under the root, where it also keeps the gradient finite at a
    row of zeros: what is the slope of a root at 0?"""
    return x / (x.square().sum(-1, keepdim=True).sqrt() + eps)


@replaces("l2_normalize")
def eps_as_floor(x, eps=1e-6):
    """Your length is the larger of the root and eps, so eps has no effect on any ordinary row. Where does eps stand
    in the formula?"""
    return F.normalize(x, dim=-1, eps=eps)


@replaces("l2_normalize")
def eps_left_out(x, eps=1e-6):
    """You divide by the length alone, and a row of zeros becomes 0/0, which is NaN. What stands under the root beside
    the sum?"""
    return x / x.square().sum(-1, keepdim=True).sqrt()


@replaces("l2_normalize")
def eps_squared(x, eps=1e-6):
    """You add the square of eps under the root. With the usual eps hardly a digit shows it, with a large one many do.
    What does the formula add to the sum?"""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + eps**2)


@replaces("l2_normalize")
def mean_of_squares(x, eps=1e-6):
    """You divide by the root of the mean of the squares, as RMSNorm does, so a row comes out with the length √K.
    Which length should it have?"""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


@replaces("l2_normalize")
def no_root(x, eps=1e-6):
    """You divide by the sum of the squares. For (3, 4) that is 25: what is the length of (3, 4)?"""
    return x / (x.square().sum(-1, keepdim=True) + eps)


@replaces("l2_normalize")
def first_axis(x, eps=1e-6):
    """Your sum runs over the first axis, so rows of different texts share a length. Over which axis does one key
    lie?"""
    return x * torch.rsqrt(x.square().sum(0, keepdim=True) + eps)


@replaces("l2_normalize")
def one_length(x, eps=1e-6):
    """You divide all rows by one length, that of the whole tensor. How many lengths does a tensor of rows have?"""
    return x * torch.rsqrt(x.square().sum() + eps)


@replaces("l2_normalize")
def eps_ignored(x, eps=1e-6):
    """eps has no effect: your function takes 1e-6 whatever is passed. Which name should stand in the place of the
    number?"""
    return l2_normalize(x)


@replaces("l2_normalize")
def length_detached(x, eps=1e-6):
    """Your values are right, and no gradient goes through the length: it was taken as a constant. If one number of a
    row grows, what happens to the others of the result?"""
    return x * torch.rsqrt(x.detach().square().sum(-1, keepdim=True) + eps)


# gates


@replaces("gates")
def growing(a, b, A_log, dt_bias):
    """Your g is positive, so the state grows with every token. Which sign has the logarithm of a number between 0 and
    1?"""
    g, beta = gates(a, b, A_log, dt_bias)
    return -g, beta


@replaces("gates")
def minus_in_the_exponent(a, b, A_log, dt_bias):
    """Your minus stands within the exponential: you divide by exp(A_log), and g is positive. What is the minus of the
    formula put before?"""
    return torch.exp(-A_log) * F.softplus(a + dt_bias), torch.sigmoid(b)


@replaces("gates")
def decay_itself(a, b, A_log, dt_bias):
    """You return e^g, and g is asked for. Who takes the exponential of g later?"""
    g, beta = gates(a, b, A_log, dt_bias)
    return g.exp(), beta


@replaces("gates")
def a_not_exponentiated(a, b, A_log, dt_bias):
    """You multiply by A_log itself. Its name says what it is the logarithm of: where A_log is negative, your g is
    positive."""
    return -A_log * F.softplus(a + dt_bias), torch.sigmoid(b)


@replaces("gates")
def bias_outside(a, b, A_log, dt_bias):
    """You add dt_bias to the softplus, so g can become positive. What goes into the softplus?"""
    return -torch.exp(A_log) * (F.softplus(a) + dt_bias), torch.sigmoid(b)


@replaces("gates")
def no_bias(a, b, A_log, dt_bias):
    """dt_bias has no effect in your g. To what is it added?"""
    return -torch.exp(A_log) * F.softplus(a), torch.sigmoid(b)


@replaces("gates")
def no_softplus(a, b, A_log, dt_bias):
    """You multiply a + dt_bias by exp(A_log) as it is, so g is positive where a is below −dt_bias. Which function
    makes every number positive?"""
    return -torch.exp(A_log) * (a + dt_bias), torch.sigmoid(b)


@replaces("gates")
def overflowing(a, b, A_log, dt_bias):
    """Your g is infinite at a = 1000: you take the logarithm of 1 + eˣ as it stands, and eˣ is infinite. What is
    softplus(1000), nearly?"""
    return -torch.exp(A_log) * torch.log(1 + torch.exp(a + dt_bias)), torch.sigmoid(b)


@replaces("gates")
def chosen_after_overflow(a, b, A_log, dt_bias):
    """Your g is right, and at a = 1000 the gradient of a is NaN: torch.where takes the right one of two values, and the
    other one, an infinite eˣ, meets a zero on the way back. What may be put into the exponential where it is not
    wanted?"""
    x = a + dt_bias
    return -torch.exp(A_log) * torch.where(x > 30, x, torch.log1p(torch.exp(x))), torch.sigmoid(b)


@replaces("gates")
def beta_raw(a, b, A_log, dt_bias):
    """You return b as it is. A strength lies between 0 and 1: through which function does b go?"""
    return gates(a, b, A_log, dt_bias)[0], b * 1


@replaces("gates")
def beta_doubled(a, b, A_log, dt_bias):
    """Your β goes from 0 to 2. Some models do that, to get negative eigenvalues; which range does β have here?"""
    g, beta = gates(a, b, A_log, dt_bias)
    return g, 2 * beta


@replaces("gates")
def a_and_b_exchanged(a, b, A_log, dt_bias):
    """You made g from b and β from a. Which of the two goes with A_log?"""
    return gates(b, a, A_log, dt_bias)


@replaces("gates")
def pair_exchanged(a, b, A_log, dt_bias):
    """You return β first. In which order does the docstring have the two?"""
    g, beta = gates(a, b, A_log, dt_bias)
    return beta, g


@replaces("gates")
def first_head_for_all(a, b, A_log, dt_bias):
    """All your heads use the A_log of the first. A_log is (H,): with which axis of a does it meet?"""
    return gates(a, b, A_log[:1].expand_as(A_log), dt_bias)


# gated_delta_recurrent


class Steps:
    """gated_delta_recurrent in parts: what a mistake does not change is right."""

    def begin(self, state, zeros):
        return zeros if state is None else state

    def decayed(self, S, g):
        return torch.exp(g)[..., None, None] * S

    def held(self, S, k):
        return torch.einsum("bhkv,bhk->bhv", S, k)

    def write(self, v, held, beta):
        return beta[..., None] * (v - held)

    def added(self, S, k, write):
        return S + k[..., :, None] * write[..., None, :]

    def read(self, S, q):
        return torch.einsum("bhkv,bhk->bhv", S, q)

    def step(self, S, q, k, v, g, beta):
        S = self.decayed(S, g)
        S = self.added(S, k, self.write(v, self.held(S, k), beta))
        return S, self.read(S, q)

    def __call__(self, q, k, v, g, beta, state=None):
        (Bt, T, H, K), V = k.shape, v.shape[-1]
        S, outputs = self.begin(state, v.new_zeros(Bt, H, K, V)), []
        for t in range(T):
            S, o = self.step(S, q[:, t], k[:, t], v[:, t], g[:, t], beta[:, t])
            outputs.append(o)
        return torch.stack(outputs, dim=1), S


@replaces("gated_delta_recurrent")
def adds_like_linear_attention(q, k, v, g, beta, state=None):
    """You write β v, whatever the state says already. Write the same key twice: what should the second reading be?
    Look first at what the state holds there."""

    class Wrong(Steps):
        def held(self, S, k):
            return 0.0

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def reads_before_decay(q, k, v, g, beta, state=None):
    """You read what the state holds before it has decayed. Two things happen in a step before the write: in which
    order does the statement have them?"""

    class Wrong(Steps):
        def step(self, S, q, k, v, g, beta):
            held = self.held(S, k)
            S = self.added(self.decayed(S, g), k, self.write(v, held, beta))
            return S, self.read(S, q)

    return Wrong()(q, k, v, g, beta, state)


class BetaOnV(Steps):
    """Steps that write β v − held."""

    def write(self, v, held, beta):
        return beta[..., None] * v - held


@replaces("gated_delta_recurrent")
def beta_on_v_only(q, k, v, g, beta, state=None):
    """You write β v − held, so β weighs only the first of the two. With β = 0 nothing at all should happen: what does
    your step take away then?"""
    return BetaOnV()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def beta_on_held_only(q, k, v, g, beta, state=None):
    """You write v − β held: the new value goes in whole, and only the old one is weighed. How much of v should be
    written when β is 0?"""

    class Wrong(Steps):
        def write(self, v, held, beta):
            return v - beta[..., None] * held

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def beta_ignored(q, k, v, g, beta, state=None):
    """β has no effect: every write replaces the whole entry. What does β = 1/2 mean for a write?"""

    class Wrong(Steps):
        def write(self, v, held, beta):
            return v - held

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def beta_twice(q, k, v, g, beta, state=None):
    """Your write is weighed by β twice. You may have put β on the key and on the difference: how often does the
    formula have it?"""

    class Wrong(Steps):
        def write(self, v, held, beta):
            return beta[..., None] ** 2 * (v - held)

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def whole_state_weighed(q, k, v, g, beta, state=None):
    """You keep 1 − β of the whole state and add β k vᵀ, so a write makes all entries fade. Which part of the state
    should a write under k change?"""

    class Wrong(Steps):
        def step(self, S, q, k, v, g, beta):
            S = (1 - beta)[..., None, None] * self.decayed(S, g)
            S = self.added(S, k, beta[..., None] * v)
            return S, self.read(S, q)

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def held_under_query(q, k, v, g, beta, state=None):
    """You read what the state holds under q, and write under k. Under which vector lies the entry that is to be
    replaced?"""

    class Wrong(Steps):
        def step(self, S, q, k, v, g, beta):
            S = self.decayed(S, g)
            S = self.added(S, k, self.write(v, self.held(S, q), beta))
            return S, self.read(S, q)

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def q_and_k_exchanged(q, k, v, g, beta, state=None):
    """q and k have changed places: you write under the query and read with the key. Which of them does a token write
    under?"""
    return gated_delta_recurrent(k, q, v, g, beta, state)


@replaces("gated_delta_recurrent")
def output_before_write(q, k, v, g, beta, state=None):
    """Your o is read from the state before the token has written into it. A token should be able to read what it has
    just written: which of the four steps comes last?"""

    class Wrong(Steps):
        def step(self, S, q, k, v, g, beta):
            S = self.decayed(S, g)
            o = self.read(S, q)
            return self.added(S, k, self.write(v, self.held(S, k), beta)), o

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def output_before_everything(q, k, v, g, beta, state=None):
    """Your o is read from the state that the token before has left: the token's own decay and its write have no
    effect on it. Which S does the last line of the rule read?"""

    class Wrong(Steps):
        def step(self, S, q, k, v, g, beta):
            return super().step(S, q, k, v, g, beta)[0], self.read(S, q)

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def write_decays_too(q, k, v, g, beta, state=None):
    """You write first and let the state decay afterwards, so a token's own write is weakened by its own decay. Which
    S does e^g multiply in the statement?"""

    class Wrong(Steps):
        def step(self, S, q, k, v, g, beta):
            S = self.decayed(self.added(S, k, self.write(v, self.held(S, k), beta)), g)
            return S, self.read(S, q)

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def decay_one_token_late(q, k, v, g, beta, state=None):
    """You let the state decay at the end of a step, after the token has read, so each decay acts one token late. When
    does token t need the decay g_t?"""

    class Wrong(Steps):
        def step(self, S, q, k, v, g, beta):
            S = self.added(S, k, self.write(v, self.held(S, k), beta))
            return self.decayed(S, g), self.read(S, q)

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def no_decay(q, k, v, g, beta, state=None):
    """g has no effect: nothing ever fades. That is the delta rule without its gate; what does the first of the four
    steps do?"""

    class Wrong(Steps):
        def decayed(self, S, g):
            return S

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def log_as_decay(q, k, v, g, beta, state=None):
    """You multiply the state by g itself, and with g = 0 nothing is left of it. g is a logarithm: by what should the
    state be multiplied when g is 0?"""

    class Wrong(Steps):
        def decayed(self, S, g):
            return g[..., None, None] * S

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def grows(q, k, v, g, beta, state=None):
    """Your state is multiplied by e^{−g} and grows. g is negative or 0 already: what is e^g for g = −1?"""
    return gated_delta_recurrent(q, k, v, -g, beta, state)


@replaces("gated_delta_recurrent")
def decay_of_first_head(q, k, v, g, beta, state=None):
    """All heads decay by the g of the first. Which axis of g holds the heads?"""
    return gated_delta_recurrent(q, k, v, g[..., :1].expand_as(g), beta, state)


@replaces("gated_delta_recurrent")
def scaled_query(q, k, v, g, beta, state=None):
    """Your o is divided by √K. Qwen3-Next does that; what does the statement say about scaling q?"""
    return gated_delta_recurrent(q * q.shape[-1] ** -0.5, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def normalises_inside(q, k, v, g, beta, state=None):
    """You normalise q and k inside. Keys of other lengths come in, and the result should differ: who normalises here,
    you or the caller?"""
    return gated_delta_recurrent(l2_normalize(q), l2_normalize(k), v, g, beta, state)


@replaces("gated_delta_recurrent")
def with_normaliser(q, k, v, g, beta, state=None):
    """You divide the output by the sum of the weights of all writes so far, as linear attention with a normaliser
    does. What does the last of the four steps divide by?"""
    o, S = gated_delta_recurrent(q, k, v, g, beta, state)
    n = (k.cumsum(1) * q).sum(-1, keepdim=True)
    return o / n, S


@replaces("gated_delta_recurrent")
def state_ignored(q, k, v, g, beta, state=None):
    """Your function starts from zeros also where a state is passed in. What do the tokens of a second piece know of
    the first?"""
    return gated_delta_recurrent(q, k, v, g, beta)


@replaces("gated_delta_recurrent")
def state_one_token_old(q, k, v, g, beta, state=None):
    """The state that you return lacks the last token. After which step of the loop is it taken?"""
    o, S = gated_delta_recurrent(q, k, v, g, beta, state)
    T = k.shape[1]
    if T == 1:
        return o, torch.zeros_like(S) if state is None else state
    return o, gated_delta_recurrent(*(tensor[:, : T - 1] for tensor in (q, k, v, g, beta)), state)[1]


@replaces("gated_delta_recurrent")
def state_transposed(q, k, v, g, beta, state=None):
    """The last two axes of your state have changed places, as in the paper. In which order does the docstring have K
    and V?"""
    o, S = gated_delta_recurrent(q, k, v, g, beta, state)
    return o, S.mT


@replaces("gated_delta_recurrent")
def tokens_in_front(q, k, v, g, beta, state=None):
    """Your o has the tokens in front, (T, Bt, H, V): torch.stack puts its new axis first unless it is told otherwise.
    Where does the docstring have T?"""
    o, S = gated_delta_recurrent(q, k, v, g, beta, state)
    return o.transpose(0, 1), S


@replaces("gated_delta_recurrent")
def heads_before_tokens(q, k, v, g, beta, state=None):
    """Your o has the axes (Bt, H, T, V). The numbers are right: in which order does the docstring have the two in the
    middle?"""
    o, S = gated_delta_recurrent(q, k, v, g, beta, state)
    return o.transpose(1, 2), S


@replaces("gated_delta_recurrent")
def writes_into_the_state(q, k, v, g, beta, state=None):
    """Your state decays in place (*=, mul_), and the first one is the tensor that you were given. Whoever keeps it, to
    go on from there a second time, finds it changed. What does the docstring say of it?"""

    class Wrong(Steps):
        def decayed(self, S, g):
            return S.mul_(torch.exp(g)[..., None, None])

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def detached_between_tokens(q, k, v, g, beta, state=None):
    """Your values are right, and the state is detached after each token: no gradient leads to an earlier one. Which
    tokens made the state that this one reads?"""

    class Wrong(Steps):
        def decayed(self, S, g):
            return super().decayed(S.detach(), g)

    return Wrong()(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def recurrent_in_float32(q, k, v, g, beta, state=None):
    """You compute in float32 whatever comes in, and float64 loses half of its digits. Which dtype do the results
    have?"""
    inputs = (q.float(), k.float(), v.float(), g.float(), beta.float(), None if state is None else state.float())
    o, S = gated_delta_recurrent(*inputs)
    return o.to(q.dtype), S.to(q.dtype)


# gated_delta_chunked


class Chunks:
    """gated_delta_chunked in parts: what a mistake does not change is right."""

    def check(self, chunk):
        if chunk < 1:
            raise ValueError("chunk >= 1")
        return chunk

    def begin(self, state, zeros):
        return zeros if state is None else state

    def sums(self, g):  # (Bt, H, Q, 1)
        return g.cumsum(2)

    def decay(self, G):  # (Bt, H, Q, Q)
        future = torch.ones(G.shape[2], G.shape[2], dtype=torch.bool).triu(1)
        return torch.exp((G - G.mT).masked_fill(future, -INF))

    def since_start(self, G, decay):  # (Bt, H, Q, 1)
        return torch.exp(G)

    def system(self, k, beta, decay):
        return beta * decay * (k @ k.mT)

    def right_side(self, S, k, v, beta, start):
        return beta * (v - start * (k @ S))

    def solve(self, M, right):
        return torch.linalg.solve_triangular(M, right, upper=False, unitriangular=True)

    def reads(self, q, k, decay):
        return decay * (q @ k.mT)

    def from_before(self, q, S, start):
        return start * (q @ S)

    def left(self, decay):  # (Bt, H, Q, 1): of each write at the end
        return decay[:, :, -1, :, None]

    def carry(self, S, start):
        return start[:, :, -1:] * S

    def __call__(self, q, k, v, g, beta, chunk, state=None):
        chunk = self.check(chunk)
        (Bt, _, H, K), V = k.shape, v.shape[-1]
        S, outputs = self.begin(state, v.new_zeros(Bt, H, K, V)), []
        first = (tensor.transpose(1, 2) for tensor in (q, k, v, g[..., None], beta[..., None]))
        for q_, k_, v_, g_, beta_ in zip(*(tensor.split(chunk, dim=2) for tensor in first), strict=True):
            G = self.sums(g_)
            decay = self.decay(G)
            start = self.since_start(G, decay)
            U = self.solve(self.system(k_, beta_, decay), self.right_side(S, k_, v_, beta_, start))
            outputs.append(self.from_before(q_, S, start) + self.reads(q_, k_, decay) @ U)
            S = self.carry(S, start) + (self.left(decay) * k_).mT @ U
        return torch.cat(outputs, dim=2).transpose(1, 2), S


@replaces("gated_delta_chunked")
def divides_decays(q, k, v, g, beta, chunk, state=None):
    """You make e^{G_i − G_j} as a product of e^{G_i} and e^{−G_j}, and after strong decay one of the two is infinite
    where the product is harmless. Can you make the exponent first?"""

    class Wrong(Chunks):
        def decay(self, G):
            return (torch.exp(G) * torch.exp(-G.mT)).tril()

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def mask_after_exp(q, k, v, g, beta, chunk, state=None):
    """You take the exponential and multiply by the mask afterwards. Above the diagonal the exponent is positive and
    may be large: what is infinity times zero?"""

    class Wrong(Chunks):
        def decay(self, G):
            return torch.exp(G - G.mT) * torch.ones(G.shape[2], G.shape[2], dtype=G.dtype).tril()

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chosen_after_exp(q, k, v, g, beta, chunk, state=None):
    """Your values are right, and after strong decay the gradient of g is NaN. You take the exponential of everything
    and put 0 above the diagonal afterwards: which number does the derivative of the exponential meet there?"""

    class Wrong(Chunks):
        def decay(self, G):
            return torch.exp(G - G.mT).tril()

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chunks_weigh_v_only(q, k, v, g, beta, chunk, state=None):
    """Your chunks write β v − held, as if β weighed only the new value. With β = 0 nothing at all should happen: what
    is taken away from the state then?"""
    return BetaOnV()(q, k, v, g, beta, state)


@replaces("gated_delta_chunked")
def no_system(q, k, v, g, beta, chunk, state=None):
    """Inside a chunk your tokens correct the state of the chunk's start, and do not see what their neighbours have
    just written. Write one key twice within a chunk and read it: what do you get?"""

    class Wrong(Chunks):
        def solve(self, M, right):
            return right

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def inverse_cut_short(q, k, v, g, beta, chunk, state=None):
    """You multiply by I − M in the place of solving the system, which is right for two tokens. For the third, what
    has the second token written: did it know of the first?"""

    class Wrong(Chunks):
        def solve(self, M, right):
            return right - M.tril(-1) @ right

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def system_subtracted(q, k, v, g, beta, chunk, state=None):
    """Your system is (I − M) U: what earlier tokens of the chunk have written is added to v and not taken away. On
    which side of the equation does the sum over j < i stand?"""

    class Wrong(Chunks):
        def system(self, k, beta, decay):
            return -super().system(k, beta, decay)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def system_without_beta(q, k, v, g, beta, chunk, state=None):
    """Your M has no β. Compare a chunk of two tokens with two steps of the recurrence, on paper: which β multiplies
    k_2 · k_1?"""

    class Wrong(Chunks):
        def system(self, k, beta, decay):
            return decay * (k @ k.mT)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def beta_of_the_writer(q, k, v, g, beta, chunk, state=None):
    """Your M_ij has β_j, that of the earlier token. Token j has its β in u_j already: whose strength weighs the
    correction that token i makes?"""

    class Wrong(Chunks):
        def system(self, k, beta, decay):
            return beta.mT * decay * (k @ k.mT)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def system_without_decay(q, k, v, g, beta, chunk, state=None):
    """Your M has no decay, so a token corrects what its neighbours wrote as if it were still whole. How much of u_j
    is left when token i looks?"""

    class Wrong(Chunks):
        def system(self, k, beta, decay):
            return beta * (k @ k.mT)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def system_with_diagonal(q, k, v, g, beta, chunk, state=None):
    """Your M has its diagonal too, so a token takes its own write away from itself. For which j does the statement
    define M_ij?"""

    class Wrong(Chunks):
        def solve(self, M, right):
            eye = torch.eye(M.shape[-1], dtype=M.dtype)
            return torch.linalg.solve_triangular(eye + M.tril(), right, upper=False)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def system_of_queries(q, k, v, g, beta, chunk, state=None):
    """Your M has q_i · k_j. What does a token look up before it writes, and with which of its vectors?"""
    outputs, S = [], v.new_zeros(*k.shape[:1], *k.shape[2:], v.shape[-1]) if state is None else state
    if chunk < 1:
        raise ValueError("chunk >= 1")

    class Wrong(Chunks):
        def system(self, k, beta, decay):
            return beta * decay * (self.queries @ k.mT)

    wrong = Wrong()
    for piece in zip(*(tensor.split(chunk, dim=1) for tensor in (q, k, v, g, beta)), strict=True):
        wrong.queries = piece[0].transpose(1, 2)
        o, S = wrong(*piece, chunk, S)
        outputs.append(o)
    return torch.cat(outputs, dim=1), S


@replaces("gated_delta_chunked")
def right_side_not_decayed(q, k, v, g, beta, chunk, state=None):
    """Your tokens correct S as it was at the chunk's start. By token i it has faded: by which factor?"""

    class Wrong(Chunks):
        def right_side(self, S, k, v, beta, start):
            return beta * (v - k @ S)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def right_side_without_state(q, k, v, g, beta, chunk, state=None):
    """Your tokens do not look at what the state held at the chunk's start: they correct only what their own chunk
    wrote. Write one key in two chunks and read it: what is missing from the right side?"""

    class Wrong(Chunks):
        def right_side(self, S, k, v, beta, start):
            return beta * v

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def right_side_without_beta(q, k, v, g, beta, chunk, state=None):
    """Your right side has no β, so the first token of a chunk writes with full strength. Which of the terms of u_i
    does β_i multiply?"""

    class Wrong(Chunks):
        def right_side(self, S, k, v, beta, start):
            return v - start * (k @ S)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def right_side_beta_on_v_only(q, k, v, g, beta, chunk, state=None):
    """On your right side β weighs v and not what the state holds under the key. With β = 0 nothing at all should
    happen: what is taken away from the state then?"""

    class Wrong(Chunks):
        def right_side(self, S, k, v, beta, start):
            return beta * v - start * (k @ S)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def beta_after_the_system(q, k, v, g, beta, chunk, state=None):
    """You solve a system without β and multiply by β what comes out. What token i finds of its neighbours they have
    written with their own β: where does β stand before anything is solved?"""

    class Wrong(Chunks):
        def system(self, k, beta, decay):
            self.beta = beta
            return decay * (k @ k.mT)

        def right_side(self, S, k, v, beta, start):
            return v - start * (k @ S)

        def solve(self, M, right):
            return self.beta * super().solve(M, right)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def own_write_unread(q, k, v, g, beta, chunk, state=None):
    """In your chunks a token does not read its own write: the sum in o stops at j < i. A token reads after it has
    written: where does the sum end?"""

    class Wrong(Chunks):
        def reads(self, q, k, decay):
            return super().reads(q, k, decay).tril(-1)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def reads_without_decay(q, k, v, g, beta, chunk, state=None):
    """Your tokens read the writes of their chunk undecayed. How old is the first write for the last token of a
    chunk?"""

    class Wrong(Chunks):
        def reads(self, q, k, decay):
            return (q @ k.mT).tril()

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def state_not_decayed_for_reads(q, k, v, g, beta, chunk, state=None):
    """Your tokens read the state as it was at the chunk's start. How old is it for the last token of a chunk?"""

    class Wrong(Chunks):
        def from_before(self, q, S, start):
            return q @ S

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def first_decay_of_chunk_missing(q, k, v, g, beta, chunk, state=None):
    """Your S begins to decay with the second token of the chunk. Column 0 of the decays says what is left of the first
    write, and that was made after its own decay. When was S made?"""

    class Wrong(Chunks):
        def since_start(self, G, decay):
            return decay[:, :, :, :1]

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def write_not_decayed(q, k, v, g, beta, chunk, state=None):
    """Your new state takes in all writes of the chunk undecayed. What the first token wrote has lived through the
    rest of the chunk: what is left of it at the end?"""

    class Wrong(Chunks):
        def left(self, decay):
            return 1.0

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def write_decays_from_start(q, k, v, g, beta, chunk, state=None):
    """Your new state weighs the write of token j by e^{G_j}, so the last write counts least. Which steps come after
    token j, those before it or those behind it?"""

    class Wrong(Chunks):
        def sums(self, g):
            self.start = torch.exp(g.cumsum(2))
            return super().sums(g)

        def left(self, decay):
            return self.start

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def carry_not_decayed(q, k, v, g, beta, chunk, state=None):
    """The old state goes into the new one as it was at the chunk's start. How many decays lie between the two?"""

    class Wrong(Chunks):
        def carry(self, S, start):
            return S

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def carry_dropped(q, k, v, g, beta, chunk, state=None):
    """Each of your chunks makes its new state from its own writes alone, so a token knows its chunk and the one
    before. Of which two parts does the last S_i of a chunk consist?"""

    class Wrong(Chunks):
        def carry(self, S, start):
            return 0.0

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def sums_without_own(q, k, v, g, beta, chunk, state=None):
    """Your G_i leaves g_i out, so the state that token i sees has not decayed at token i. Where does the sum G_i
    end?"""

    class Wrong(Chunks):
        def sums(self, g):
            return g.cumsum(2) - g

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def sums_from_the_text(q, k, v, g, beta, chunk, state=None):
    """Your G goes on from one chunk to the next, so the state decays again by all that lies before its chunk. Where
    does G start?"""

    class Wrong(Chunks):
        before = 0.0

        def sums(self, g):
            G = self.before + g.cumsum(2)
            self.before = G[:, :, -1:]
            return G

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def whole_chunks_only(q, k, v, g, beta, chunk, state=None):
    """Your result has fewer tokens than the text: what is left after the last whole chunk is dropped. What can be
    done with a piece that is shorter?"""
    T = k.shape[1]
    kept = T if chunk < 1 or chunk > T else T // chunk * chunk
    return gated_delta_chunked(*(tensor[:, :kept] for tensor in (q, k, v, g, beta)), chunk, state)


@replaces("gated_delta_chunked")
def must_divide(q, k, v, g, beta, chunk, state=None):
    """You refuse a chunk that does not divide T. What does the docstring say of the last piece?"""
    if chunk < 1 or k.shape[1] % chunk:
        raise ValueError("chunk does not divide T")
    return gated_delta_chunked(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def padding_returned(q, k, v, g, beta, chunk, state=None):
    """Your o has more tokens than the text: those that fill the last chunk are still there. How many tokens came
    in?"""
    o, S = gated_delta_chunked(q, k, v, g, beta, chunk, state)
    return F.pad(o, (0, 0, 0, 0, 0, -o.shape[1] % chunk)), S


@replaces("gated_delta_chunked")
def chunks_apart(q, k, v, g, beta, chunk, state=None):
    """Your chunks start anew: each is right as a text of its own, and no state goes from one to the next, nor in from
    the caller. What does a chunk know of those before it?"""
    if chunk < 1:
        raise ValueError("chunk >= 1")
    pieces = zip(*(tensor.split(chunk, dim=1) for tensor in (q, k, v, g, beta)), strict=True)
    results = [gated_delta_chunked(*piece, chunk) for piece in pieces]
    return torch.cat([o for o, _ in results], dim=1), results[-1][1]


@replaces("gated_delta_chunked")
def chunked_state_ignored(q, k, v, g, beta, chunk, state=None):
    """Your first chunk starts from zeros also where a state is passed in. What do the tokens of a second piece know
    of the first?"""
    return gated_delta_chunked(q, k, v, g, beta, chunk)


@replaces("gated_delta_chunked")
def state_of_last_start(q, k, v, g, beta, chunk, state=None):
    """The state that you return is the one with which the last chunk started. When is it due for its last update?"""
    o, S = gated_delta_chunked(q, k, v, g, beta, chunk, state)
    start = (k.shape[1] - 1) // chunk * chunk
    if start == 0:
        return o, torch.zeros_like(S) if state is None else state
    return o, gated_delta_chunked(*(tensor[:, :start] for tensor in (q, k, v, g, beta)), chunk, state)[1]


@replaces("gated_delta_chunked")
def chunks_with_heads_before_tokens(q, k, v, g, beta, chunk, state=None):
    """Your chunked o has the axes (Bt, H, T, V), in which it was computed. In which order does the docstring have
    them?"""
    o, S = gated_delta_chunked(q, k, v, g, beta, chunk, state)
    return o.transpose(1, 2), S


@replaces("gated_delta_chunked")
def chunks_write_into_the_state(q, k, v, g, beta, chunk, state=None):
    """Your chunks change the state in place (*=, mul_), and the first one is the tensor that you were given. Whoever
    keeps it, to go on from there a second time, finds it changed. What does the docstring say of it?"""

    class Wrong(Chunks):
        def carry(self, S, start):
            return S.mul_(start[:, :, -1:])

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chunks_add(q, k, v, g, beta, chunk, state=None):
    """Your chunks write β v and correct nothing, neither the state nor each other: linear attention with a decay.
    Write the same key twice: what should the second reading be?"""

    class Wrong(Chunks):
        def solve(self, M, right):
            return right

        def right_side(self, S, k, v, beta, start):
            return beta * v

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chunks_normalise(q, k, v, g, beta, chunk, state=None):
    """You normalise q and k inside the chunked form. Keys of other lengths come in, and the result should differ: who
    normalises here, you or the caller?"""
    return gated_delta_chunked(l2_normalize(q), l2_normalize(k), v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chunks_scale_queries(q, k, v, g, beta, chunk, state=None):
    """Your chunked form divides by √K. Qwen3-Next does that; what does the statement say about scaling q?"""
    return gated_delta_chunked(q * q.shape[-1] ** -0.5, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def no_check(q, k, v, g, beta, chunk, state=None):
    """Your code does not look at `chunk` before it uses it, and for a chunk below 1 something else happens than a
    ValueError. Where can you raise one?"""
    if chunk < 1:
        chunk = k.shape[1]
    return gated_delta_chunked(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def no_check_of_split(q, k, v, g, beta, chunk, state=None):
    """Your code hands `chunk` to split, which complains of a chunk of 0 with an error of its own kind. Which one does
    the docstring raise, and where?"""

    class Wrong(Chunks):
        def check(self, chunk):
            return chunk

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def no_check_of_padding(q, k, v, g, beta, chunk, state=None):
    """Your code takes a remainder by `chunk` before it looks at it, and with 0 that is a ZeroDivisionError. Which error
    does the docstring raise, and where?"""
    missing = -k.shape[1] % chunk
    return gated_delta_chunked(q, k, v, g, beta, chunk if missing >= 0 else k.shape[1], state)


@replaces("gated_delta_chunked")
def no_check_of_count(q, k, v, g, beta, chunk, state=None):
    """Your code divides by `chunk`, to count the chunks, before it looks at it, and with 0 that is a ZeroDivisionError.
    Which error does the docstring raise, and where?"""
    count = (k.shape[1] + chunk - 1) // chunk
    return gated_delta_chunked(q, k, v, g, beta, chunk if count > 0 else k.shape[1], state)


@replaces("gated_delta_chunked")
def zeros_for_a_chunk_below_zero(q, k, v, g, beta, chunk, state=None):
    """For a chunk below 0 your loop over the chunks does not run at all, and zeros come back. At 0 range itself raises
    the error. From which number on is a chunk allowed?"""
    if chunk < 0:
        (Bt, _, H, K), V = k.shape, v.shape[-1]
        return torch.zeros_like(v), v.new_zeros(Bt, H, K, V) if state is None else state
    return gated_delta_chunked(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chunks_detached(q, k, v, g, beta, chunk, state=None):
    """Your values are right, and the state is detached between two chunks: no gradient leads to an earlier chunk.
    Which tokens made the state that a chunk starts with?"""

    class Wrong(Chunks):
        def carry(self, S, start):
            return super().carry(S.detach(), start)

        def right_side(self, S, k, v, beta, start):
            return super().right_side(S.detach(), k, v, beta, start)

        def from_before(self, q, S, start):
            return super().from_before(q, S.detach(), start)

    return Wrong()(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chunks_in_float32(q, k, v, g, beta, chunk, state=None):
    """You go through float32, as Hugging Face's code does, and float64 loses half of its digits. Let the dtype of the
    arguments decide: who asked for another one?"""
    single = [tensor.float() for tensor in (q, k, v, g, beta)]
    o, S = gated_delta_chunked(*single, chunk, None if state is None else state.float())
    return o.to(q.dtype), S.to(q.dtype)


@replaces("gated_delta_chunked", ends="memory")
def one_chunk(q, k, v, g, beta, chunk, state=None):
    """Right values, from a single chunk as long as the text: its matrices have T × T entries."""
    if chunk < 1:
        raise ValueError("chunk >= 1")
    return Chunks()(q, k, v, g, beta, k.shape[1], state)
