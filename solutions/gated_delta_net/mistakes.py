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
    """You add eps to the root, and the statement adds it under the root. What is the slope of a root at 0, and which
    numbers does it get for a row of zeros?"""
    return x / (x.square().sum(-1, keepdim=True).sqrt() + eps)


@replaces("l2_normalize", of=["length", "square"])
def eps_as_floor(x, eps=1e-6, *, of):
    """Your eps has no effect on any ordinary row: it only replaces lengths that are smaller. What does the formula do
    with eps?"""
    square = x.square().sum(-1, keepdim=True)
    return x / (square.sqrt().clamp(min=eps) if of == "length" else square.clamp(min=eps).sqrt())


@replaces("l2_normalize")
def eps_squared(x, eps=1e-6):
    """You add the square of eps under the root. With the usual eps hardly a digit shows it, with a large one many do.
    What does the formula add to the sum?"""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + eps**2)


@replaces("l2_normalize", value=[1e-6, 0.0])
def eps_ignored(x, eps=1e-6, *, value):
    """Your function adds {value} under the root, whatever eps is. Where does the argument get lost?"""
    return x / (x.square().sum(-1, keepdim=True) + value).sqrt()


@replaces("l2_normalize", value=[1e-12, 1e-8, 1e-5])
def other_default(x, eps=None, *, value):
    """Where no eps is given, yours is {value}. Which one does the signature of the stub have?"""
    return l2_normalize(x, value if eps is None else eps)


@replaces(
    "l2_normalize", length=["root of the mean square", "sum of squares", "sum of absolute values", "largest number"]
)
def other_length(x, eps=1e-6, *, length):
    """You divide a row by its {length}. What is the length of (3, 4), and which number do you get for it?"""
    square = x.square()
    return (
        x
        / {
            "root of the mean square": (square.mean(-1, keepdim=True) + eps).sqrt(),
            "sum of squares": square.sum(-1, keepdim=True) + eps,
            "sum of absolute values": x.abs().sum(-1, keepdim=True) + eps,
            "largest number": x.abs().amax(-1, keepdim=True) + eps,
        }[length]
    )


@replaces("l2_normalize", over=["the first axis", "the whole tensor", "the last axis but one"])
def other_axis(x, eps=1e-6, *, over):
    """Your sum of squares runs over {over}, so that rows share a length. Along which axis are the K numbers of one
    key?"""
    axis = {
        "the first axis": 0,
        "the whole tensor": tuple(range(x.dim())),
        "the last axis but one": max(x.dim() - 2, 0),
    }
    return x * torch.rsqrt(x.square().sum(axis[over], keepdim=True) + eps)


@replaces("l2_normalize")
def length_detached(x, eps=1e-6):
    """Your values are right, but no gradient goes through the length: it was taken as a constant. If one number of a
    row grows, what happens to the other numbers of the result?"""
    return x * torch.rsqrt(x.detach().square().sum(-1, keepdim=True) + eps)


# gates


@replaces(
    "gates",
    formula=[
        "exp(A_log) · softplus(a + dt_bias)",
        "exp(−A_log) · softplus(a + dt_bias)",
        "−A_log · softplus(a + dt_bias)",
        "−softplus(a + dt_bias)",
        "−exp(A_log) · (softplus(a) + dt_bias)",
        "−exp(A_log) · softplus(a)",
        "−exp(A_log) · (a + dt_bias)",
        "−exp(A_log) · ReLU(a + dt_bias)",
        "−exp(A_log) · softplus(a − dt_bias)",
        "−softplus(exp(A_log) · a + dt_bias)",
        "e^g",
    ],
)
def other_decay(a, b, A_log, dt_bias, *, formula):
    """Your g is {formula}. What does each of a, A_log and dt_bias do in the statement's formula, and which sign must g
    have?"""
    A, x = torch.exp(A_log), a + dt_bias
    g = {
        "exp(A_log) · softplus(a + dt_bias)": A * F.softplus(x),
        "exp(−A_log) · softplus(a + dt_bias)": F.softplus(x) / A,
        "−A_log · softplus(a + dt_bias)": -A_log * F.softplus(x),
        "−softplus(a + dt_bias)": -F.softplus(x) + 0 * A_log,
        "−exp(A_log) · (softplus(a) + dt_bias)": -A * (F.softplus(a) + dt_bias),
        "−exp(A_log) · softplus(a)": -A * F.softplus(a),
        "−exp(A_log) · (a + dt_bias)": -A * x,
        "−exp(A_log) · ReLU(a + dt_bias)": -A * torch.relu(x),
        "−exp(A_log) · softplus(a − dt_bias)": -A * F.softplus(a - dt_bias),
        "−softplus(exp(A_log) · a + dt_bias)": -F.softplus(A * a + dt_bias),
        "e^g": torch.exp(-A * F.softplus(x)),
    }
    return g[formula], torch.sigmoid(b)


@replaces("gates", written=["log(1 + exp(x))", "log1p(exp(x))"])
def overflowing(a, b, A_log, dt_bias, *, written):
    """Your g is infinite at a = 1000. How large is e¹⁰⁰⁰, and what is softplus(1000), nearly?"""
    e = torch.exp(a + dt_bias)
    return -torch.exp(A_log) * (torch.log1p(e) if written.startswith("log1p") else torch.log(1 + e)), torch.sigmoid(b)


@replaces("gates", limit=[20, 30, 80])
def limited(a, b, A_log, dt_bias, *, limit):
    """Your softplus does not grow beyond {limit}, and at a = 1000 it has no gradient. What is softplus(1000),
    nearly?"""
    return -torch.exp(A_log) * torch.log1p(torch.exp((a + dt_bias).clamp(max=limit))), torch.sigmoid(b)


@replaces("gates", limit=[20, 30])
def chosen_after_overflow(a, b, A_log, dt_bias, *, limit):
    """Your g is right, but at a = 1000 the gradient of a is NaN. torch.where takes one of two values: what does the
    other one, eˣ, bring to the way back?"""
    x = a + dt_bias
    return -torch.exp(A_log) * torch.where(x > limit, x, torch.log1p(torch.exp(x))), torch.sigmoid(b)


@replaces(
    "gates", formula=["b", "2 · sigmoid(b)", "sigmoid(−b)", "sigmoid(a)", "exp(b)", "tanh(b)", "softmax over heads"]
)
def other_strength(a, b, A_log, dt_bias, *, formula):
    """Your β is {formula}. Which range must a strength have, and which function of which number gives it in the
    statement?"""
    beta = {
        "b": b * 1,
        "2 · sigmoid(b)": 2 * torch.sigmoid(b),
        "sigmoid(−b)": torch.sigmoid(-b),
        "sigmoid(a)": torch.sigmoid(a),
        "exp(b)": torch.exp(b),
        "tanh(b)": torch.tanh(b),
        "softmax over heads": b.softmax(-1),
    }
    return gates(a, b, A_log, dt_bias)[0], beta[formula]


@replaces("gates")
def a_and_b_exchanged(a, b, A_log, dt_bias):
    """You made g from b and β from a. Which of the two goes with A_log?"""
    return gates(b, a, A_log, dt_bias)


@replaces("gates")
def pair_exchanged(a, b, A_log, dt_bias):
    """You return β first. In which order does the docstring have the two?"""
    g, beta = gates(a, b, A_log, dt_bias)
    return beta, g


@replaces("gates", name=["A_log", "dt_bias", "A_log and dt_bias"])
def first_head_for_all(a, b, A_log, dt_bias, *, name):
    """All your heads use the first number of {name}. Which axis of a does an axis of H numbers meet?"""
    A_log = A_log[:1].expand_as(A_log) if "A_log" in name else A_log
    return gates(a, b, A_log, dt_bias[:1].expand_as(dt_bias) if "dt_bias" in name else dt_bias)


# A step of the recurrence. A chunked form with the same misunderstanding gives the same, so both get these.


class Steps:
    """gated_delta_recurrent in parts: those that are given are wrong, the others right."""

    def __init__(self, **parts):
        self.__dict__.update(parts)

    def decayed(self, S, g):
        return torch.exp(g)[..., None, None] * S

    def held(self, S, k):
        return torch.einsum("bhkv,bhk->bhv", S, k)

    def write(self, v, held, beta):
        return beta * (v - held)

    def added(self, S, k, write):
        return S + k[..., :, None] * write[..., None, :]

    def corrected(self, S, k, v, beta):
        return self.added(S, k, self.write(v, self.held(S, k), beta[..., None]))

    def step(self, S, q, k, v, g, beta):
        S = self.corrected(self.decayed(S, g), k, v, beta)
        return S, self.held(S, q)

    def __call__(self, q, k, v, g, beta, state=None):
        (Bt, T, H, K), V = k.shape, v.shape[-1]
        S, outputs = v.new_zeros(Bt, H, K, V) if state is None else state, []
        for t in range(T):
            S, o = self.step(S, q[:, t], k[:, t], v[:, t], g[:, t], beta[:, t])
            outputs.append(o)
        return torch.stack(outputs, dim=1), S


WRITES = {
    "β v − held": lambda v, held, beta: beta * v - held,
    "v − β held": lambda v, held, beta: v - beta * held,
    "v − held": lambda v, held, beta: v - held,
    "v": lambda v, held, beta: v + 0 * beta,
    "β² (v − held)": lambda v, held, beta: beta**2 * (v - held),
    "β (v + held)": lambda v, held, beta: beta * (v + held),
    "β (held − v)": lambda v, held, beta: beta * (held - v),
}


@replaces(
    "gated_delta_recurrent",
    written=["β v − held", "v − β held", "v − held", "v", "β² (v − held)", "β (v + held)", "β (held − v)"],
)
def other_write(q, k, v, g, beta, state=None, *, written):
    """What you write under k is {written}. What should happen to the state where β is 0, and where v is held
    already?"""
    return Steps(write=WRITES[written])(q, k, v, g, beta, state)


@replaces("gated_delta_chunked", written=["v − β held", "v − held", "v", "β² (v − held)", "β (held − v)", "β v − held"])
def chunks_with_other_write(q, k, v, g, beta, chunk, state=None, *, written):
    """What your chunks write under k is {written}. What should happen to the state where β is 0, and where v is held
    already?"""
    return Steps(write=WRITES[written])(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def adds_like_linear_attention(q, k, v, g, beta, state=None):
    """You write β v, whatever the state says already. Write the same key twice: what should the second reading be?"""
    return Steps(write=lambda v, held, beta: beta * v)(q, k, v, g, beta, state)


@replaces("gated_delta_chunked")
def chunks_add(q, k, v, g, beta, chunk, state=None):
    """Your chunks write β v and correct nothing, neither the state nor each other. Write the same key twice: what
    should the second reading be?"""
    return Steps(write=lambda v, held, beta: beta * v)(q, k, v, g, beta, state)


def wrong_order(order):
    steps = Steps()

    def step(S, q, k, v, g, beta):
        old, faded = S, steps.decayed(S, g)
        if order == "held is read before the state fades":
            new = steps.added(faded, k, steps.write(v, steps.held(S, k), beta[..., None]))
            return new, steps.held(new, q)
        if order == "the state fades between the write and the read":
            new = steps.decayed(steps.corrected(S, k, v, beta), g)
            return new, steps.held(new, q)
        if order == "the state fades last":
            new = steps.corrected(S, k, v, beta)
            return steps.decayed(new, g), steps.held(new, q)
        return steps.corrected(faded, k, v, beta), steps.held(old if "fades" in order else faded, q)

    steps.step = step
    return steps


@replaces(
    "gated_delta_recurrent",
    order=[
        "held is read before the state fades",
        "the state fades between the write and the read",
        "the state fades last",
        "o is read before the state fades",
        "o is read before the write",
    ],
)
def other_order(q, k, v, g, beta, state=None, *, order):
    """In your step {order}. In which order does the statement have the four steps?"""
    return wrong_order(order)(q, k, v, g, beta, state)


@replaces(
    "gated_delta_chunked",
    order=[
        "held is read before the state fades",
        "the state fades between the write and the read",
        "the state fades last",
        "o is read before the state fades",
        "o is read before the write",
    ],
)
def chunks_of_other_order(q, k, v, g, beta, chunk, state=None, *, order):
    """Your chunks give what single steps would give if {order}. Which of the four steps comes first, and where does
    that leave each sum over j: at j < i or at j ≤ i?"""
    return wrong_order(order)(q, k, v, g, beta, state)


def whole_weighed(S, q, k, v, g, beta):
    S = (1 - beta)[..., None, None] * Steps().decayed(S, g)
    S = Steps().added(S, k, beta[..., None] * v)
    return S, Steps().held(S, q)


@replaces("gated_delta_recurrent")
def whole_state_weighed(q, k, v, g, beta, state=None):
    """You keep 1 − β of the whole state and add β k vᵀ, so that a write makes all entries fade. Which part of the state
    should a write under k change?"""
    return Steps(step=whole_weighed)(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent", names=["q, k, q", "q, q, k", "k, k, k", "k, q, q", "q, q, q"])
def other_vectors(q, k, v, g, beta, state=None, *, names):
    """The vectors with which your step looks up, writes and reads are {names}, in this order. Which of q and k does
    each of the three need?"""

    def step(S, q, k, v, g, beta):
        look, under, read = ({"q": q, "k": k}[name] for name in names.split(", "))
        S, steps = Steps().decayed(S, g), Steps()
        S = steps.added(S, under, steps.write(v, steps.held(S, look), beta[..., None]))
        return S, steps.held(S, read)

    return Steps(step=step)(q, k, v, g, beta, state)


@replaces("gated_delta_chunked", names=["q, k", "k, k", "q, q"])
def chunks_with_other_vectors(q, k, v, g, beta, chunk, state=None, *, names):
    """The vectors with which your chunks write and read are {names}, in this order. Which of q and k does each of the
    two need?"""
    write, read = ({"q": q, "k": k}[name] for name in names.split(", "))
    return gated_delta_chunked(read, write, v, g, beta, chunk, state)


FACTORS = {
    "1": torch.zeros_like,
    "e^{−g}": torch.neg,
    "e^{g/2}": lambda g: g / 2,
    "the e^g of the first head": lambda g: g[..., :1].expand_as(g),
}


@replaces("gated_delta_recurrent", factor=["1", "e^{−g}", "e^{g/2}", "the e^g of the first head"])
def other_factor(q, k, v, g, beta, state=None, *, factor):
    """Your state is multiplied by {factor} in each step. Which factor does the statement have, and which numbers can it
    be for g from −100 to 0?"""
    return gated_delta_recurrent(q, k, v, FACTORS[factor](g), beta, state)


@replaces("gated_delta_chunked", factor=["1", "e^{−g}", "e^{g/2}", "the e^g of the first head"])
def chunks_with_other_factor(q, k, v, g, beta, chunk, state=None, *, factor):
    """In your chunks a token's decay is {factor}. Which factor does the statement have, and which numbers can it be for
    g from −100 to 0?"""
    return gated_delta_chunked(q, k, v, FACTORS[factor](g), beta, chunk, state)


@replaces("gated_delta_recurrent", factor=["g", "1 + g"])
def log_as_decay(q, k, v, g, beta, state=None, *, factor):
    """You multiply the state by {factor}. g is a logarithm, from −100 to 0: which numbers can a factor be that only
    makes things fade?"""
    decay = g if factor == "g" else 1 + g
    return Steps(decayed=lambda S, g: g[..., None, None] * S)(q, k, v, decay, beta, state)


SCALES = {
    "q is divided by √K": lambda q, k: (q * q.shape[-1] ** -0.5, k),
    "q is divided by K": lambda q, k: (q / q.shape[-1], k),
    "q and k are normalised": lambda q, k: (l2_normalize(q), l2_normalize(k)),
    "k is normalised": lambda q, k: (q, l2_normalize(k)),
    "q and k are normalised, q divided by √K": lambda q, k: (l2_normalize(q) * q.shape[-1] ** -0.5, l2_normalize(k)),
}


@replaces(
    "gated_delta_recurrent",
    scale=[
        "q is divided by √K",
        "q is divided by K",
        "q and k are normalised",
        "k is normalised",
        "q and k are normalised, q divided by √K",
    ],
)
def scaled_inside(q, k, v, g, beta, state=None, *, scale):
    """In your recurrent form {scale}. Which lengths may q and k have, and who scales or normalises them: you or the
    caller?"""
    return gated_delta_recurrent(*SCALES[scale](q, k), v, g, beta, state)


@replaces(
    "gated_delta_chunked",
    scale=[
        "q is divided by √K",
        "q is divided by K",
        "q and k are normalised",
        "k is normalised",
        "q and k are normalised, q divided by √K",
    ],
)
def chunks_scaled_inside(q, k, v, g, beta, chunk, state=None, *, scale):
    """In your chunked form {scale}. Which lengths may q and k have, and who scales or normalises them: you or the
    caller?"""
    return gated_delta_chunked(*SCALES[scale](q, k), v, g, beta, chunk, state)


@replaces("gated_delta_recurrent")
def with_normaliser(q, k, v, g, beta, state=None):
    """You divide the output by the sum of the weights of all writes so far, as linear attention with a normaliser does.
    What does the last of the four steps divide by?"""
    o, S = gated_delta_recurrent(q, k, v, g, beta, state)
    return o / (k.cumsum(1) * q).sum(-1, keepdim=True), S


@replaces("gated_delta_recurrent")
def state_ignored(q, k, v, g, beta, state=None):
    """Your function starts from zeros even where a state is passed in. What do the tokens of a second piece know of the
    first?"""
    return gated_delta_recurrent(q, k, v, g, beta)


@replaces("gated_delta_chunked")
def chunked_state_ignored(q, k, v, g, beta, chunk, state=None):
    """Your first chunk starts from zeros even where a state is passed in. What do the tokens of a second piece know of
    the first?"""
    return gated_delta_chunked(q, k, v, g, beta, chunk)


def before(tensors, end, form, state):
    """The state after `end` tokens."""
    if end > 0:
        return form(*(tensor[:, :end] for tensor in tensors), state=state)[1]
    _, k, v, *_ = tensors
    return v.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1]) if state is None else state


@replaces("gated_delta_recurrent")
def state_one_token_old(q, k, v, g, beta, state=None):
    """The state that you return lacks the last token. After which step of the loop is it taken?"""
    o, _ = gated_delta_recurrent(q, k, v, g, beta, state)
    return o, before((q, k, v, g, beta), k.shape[1] - 1, gated_delta_recurrent, state)


@replaces("gated_delta_chunked")
def state_of_last_start(q, k, v, g, beta, chunk, state=None):
    """The state that you return is the one with which the last chunk started. When is it due for its last update?"""
    o, _ = gated_delta_chunked(q, k, v, g, beta, chunk, state)
    return o, before((q, k, v, g, beta), (k.shape[1] - 1) // chunk * chunk, gated_delta_recurrent, state)


def laid_out(result, axes):
    o, S = result
    if axes == "the last two axes of S":
        return o, S.mT
    return o.transpose(*((0, 1) if "texts" in axes else (1, 2))), S


@replaces("gated_delta_recurrent", axes=["the last two axes of S", "tokens and heads of o", "texts and tokens of o"])
def axes_exchanged(q, k, v, g, beta, state=None, *, axes):
    """You have exchanged {axes}. In which order does the docstring have the axes of o, (Bt, T, H, V), and of S, (Bt, H,
    K, V)?"""
    return laid_out(gated_delta_recurrent(q, k, v, g, beta, state), axes)


@replaces("gated_delta_chunked", axes=["the last two axes of S", "tokens and heads of o"])
def axes_exchanged_in_chunks(q, k, v, g, beta, chunk, state=None, *, axes):
    """In your chunked form {axes} are exchanged. In which order does the docstring have the axes of o, (Bt, T, H, V),
    and of S, (Bt, H, K, V)?"""
    return laid_out(gated_delta_chunked(q, k, v, g, beta, chunk, state), axes)


@replaces("gated_delta_recurrent")
def writes_into_the_state(q, k, v, g, beta, state=None):
    """You change the state in place (*=, mul_), and the first one is the tensor that you were given. What does somebody
    find who wants to go on from there a second time?"""
    return Steps(decayed=lambda S, g: S.mul_(torch.exp(g)[..., None, None]))(q, k, v, g, beta, state)


@replaces("gated_delta_recurrent")
def detached_between_tokens(q, k, v, g, beta, state=None):
    """Your values are right, but no gradient leads from a token to an earlier one. Which tokens made the state that
    this one reads, and where is the way back to them cut?"""
    return Steps(decayed=lambda S, g: torch.exp(g)[..., None, None] * S.detach())(q, k, v, g, beta, state)


def in_float32(form, tensors, state, *chunk):
    single = [tensor.float() for tensor in tensors]
    o, S = form(*single, *chunk, None if state is None else state.float())
    return o.to(tensors[0].dtype), S.to(tensors[0].dtype)


@replaces("gated_delta_recurrent")
def recurrent_in_float32(q, k, v, g, beta, state=None):
    """Your recurrent form computes in float32 even if float64 comes in, and loses half of the digits. Which dtype do
    the results have to be computed in?"""
    return in_float32(gated_delta_recurrent, (q, k, v, g, beta), state)


@replaces("gated_delta_chunked")
def chunks_in_float32(q, k, v, g, beta, chunk, state=None):
    """Your chunked form goes through float32, as Hugging Face's code does, and float64 loses half of its digits. Who
    asked for another dtype than that of the arguments?"""
    return in_float32(gated_delta_chunked, (q, k, v, g, beta), state, chunk)


# gated_delta_chunked


class Chunks:
    """gated_delta_chunked in parts: those that are given are wrong, the others right."""

    def __init__(self, **parts):
        self.__dict__.update(parts)

    def check(self, chunk):
        if chunk < 1:
            raise ValueError("chunk >= 1")
        return chunk

    def sums(self, g):  # (Bt, H, Q, 1)
        return g.cumsum(2)

    def decay(self, G):  # (Bt, H, Q, Q)
        future = torch.ones(G.shape[2], G.shape[2], dtype=torch.bool).triu(1)
        return torch.exp((G - G.mT).masked_fill(future, -INF))

    def since_start(self, G, decay):  # (Bt, H, Q, 1)
        return torch.exp(G)

    def system(self, q, k, beta, decay, G):
        return beta * decay * (k @ k.mT)

    def right_side(self, S, k, v, beta, start):
        return beta * (v - start * (k @ S))

    def solve(self, M, right, beta):
        return torch.linalg.solve_triangular(M, right, upper=False, unitriangular=True)

    def reads(self, q, k, decay):
        return decay * (q @ k.mT)

    def from_before(self, q, S, start):
        return start * (q @ S)

    def left(self, decay, start):  # (Bt, H, Q, 1): of each write at the end
        return decay[:, :, -1, :, None]

    def carry(self, S, start):
        return start[:, :, -1:] * S

    def __call__(self, q, k, v, g, beta, chunk, state=None):
        chunk = self.check(chunk)
        (Bt, _, H, K), V = k.shape, v.shape[-1]
        S, outputs = v.new_zeros(Bt, H, K, V) if state is None else state, []
        first = (tensor.transpose(1, 2) for tensor in (q, k, v, g[..., None], beta[..., None]))
        for q_, k_, v_, g_, beta_ in zip(*(tensor.split(chunk, dim=2) for tensor in first), strict=True):
            G = self.sums(g_)
            decay = self.decay(G)
            start = self.since_start(G, decay)
            right = self.right_side(S, k_, v_, beta_, start)
            U = self.solve(self.system(q_, k_, beta_, decay, G), right, beta_)
            outputs.append(self.from_before(q_, S, start) + self.reads(q_, k_, decay) @ U)
            S = self.carry(S, start) + (self.left(decay, start) * k_).mT @ U
        return torch.cat(outputs, dim=2).transpose(1, 2), S


def lower(G):
    return torch.ones(G.shape[2], G.shape[2], dtype=torch.bool).tril()


@replaces("gated_delta_chunked", masked=["tril", "times", "filled"], last_row=["alike", "by difference"])
def decays_as_product(q, k, v, g, beta, chunk, state=None, *, masked, last_row):
    """You make e^{G_i − G_j} as a product or a quotient of e^{G_i} and e^{G_j}. After strong decay one of them is 0, or
    its inverse infinite: what is the exponent before anything is exponentiated?"""

    rows = []

    def decay(G):
        rows.append(torch.exp(G[:, :, -1:] - G))
        product = torch.exp(G) * torch.exp(-G.mT)
        if masked == "times":
            return product * lower(G)
        return product.tril() if masked == "tril" else product.masked_fill(~lower(G), 0.0)

    chunks = Chunks(decay=decay)
    if last_row == "by difference":
        chunks.left = lambda decay, start: rows[-1]
    return chunks(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def mask_after_exp(q, k, v, g, beta, chunk, state=None):
    """You take the exponential of all differences and multiply by the mask afterwards. How large can an exponent above
    the diagonal be, and what is infinity times zero?"""
    return Chunks(decay=lambda G: torch.exp(G - G.mT) * lower(G))(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chosen_after_exp(q, k, v, g, beta, chunk, state=None):
    """Your values are right, but after strong decay a gradient is NaN. How large is the exponential above the diagonal
    before you put 0 there, and what does its derivative make of that on the way back?"""
    return Chunks(decay=lambda G: torch.exp(G - G.mT).tril())(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def no_system(q, k, v, g, beta, chunk, state=None):
    """Inside a chunk your tokens correct the state of the chunk's start, and do not see what their neighbours have just
    written. Write one key twice within a chunk and read it: what do you get?"""
    return Chunks(solve=lambda M, right, beta: right)(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked", terms=[1, 2])
def inverse_cut_short(q, k, v, g, beta, chunk, state=None, *, terms):
    """Only the first few tokens of each of your chunks write what they should: your inverse of I + M stops too early.
    When token 3 looks at the write of token 2, did that know of token 1?"""

    def solve(M, right, beta):
        U = right
        for _ in range(terms):
            U = right - M.tril(-1) @ U
        return U

    return Chunks(solve=solve)(q, k, v, g, beta, chunk, state)


@replaces(
    "gated_delta_chunked",
    has=[
        "β_j in place of β_i",
        "no β",
        "no decay",
        "q_i in place of k_i",
        "another sign",
        "a decay without g_i",
    ],
)
def other_system(q, k, v, g, beta, chunk, state=None, *, has):
    """Your M_ij has {has}. Put a chunk of two tokens beside two steps of the recurrence: what does token 2 take away of
    what token 1 has written?"""
    systems = {
        "β_j in place of β_i": lambda q, k, beta, decay, G: beta.mT * decay * (k @ k.mT),
        "no β": lambda q, k, beta, decay, G: decay * (k @ k.mT),
        "no decay": lambda q, k, beta, decay, G: beta * (k @ k.mT),
        "q_i in place of k_i": lambda q, k, beta, decay, G: beta * decay * (q @ k.mT),
        "another sign": lambda q, k, beta, decay, G: -beta * decay * (k @ k.mT),
        "a decay without g_i": lambda q, k, beta, decay, G: beta * F.pad(decay, (0, 0, 1, -1)) * (k @ k.mT),
    }
    return Chunks(system=systems[has])(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def system_with_diagonal(q, k, v, g, beta, chunk, state=None):
    """Your M has its diagonal too, so that a token takes its own write away from itself. For which j does the statement
    define M_ij?"""

    def solve(M, right, beta):
        return torch.linalg.solve_triangular(torch.eye(M.shape[-1], dtype=M.dtype) + M.tril(), right, upper=False)

    return Chunks(solve=solve)(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked", right=["β (V − K S)", "β V", "V − e^G K S", "β V − e^G K S", "β (V + e^G K S)"])
def other_right_side(q, k, v, g, beta, chunk, state=None, *, right):
    """The right side of your system is {right}. What does u_1, the write of a chunk's first token, look like in the
    statement?"""
    sides = {
        "β (V − K S)": lambda S, k, v, beta, start: beta * (v - k @ S),
        "β V": lambda S, k, v, beta, start: beta * v,
        "V − e^G K S": lambda S, k, v, beta, start: v - start * (k @ S),
        "β V − e^G K S": lambda S, k, v, beta, start: beta * v - start * (k @ S),
        "β (V + e^G K S)": lambda S, k, v, beta, start: beta * (v + start * (k @ S)),
    }
    return Chunks(right_side=sides[right])(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def beta_after_the_system(q, k, v, g, beta, chunk, state=None):
    """You solve a system without β and multiply what comes out by β. With which strength did the neighbours write what
    token i finds: where is β before anything is solved?"""
    chunks = Chunks(
        system=lambda q, k, beta, decay, G: decay * (k @ k.mT),
        right_side=lambda S, k, v, beta, start: v - start * (k @ S),
        solve=lambda M, right, beta: beta * Chunks().solve(M, right, beta),
    )
    return chunks(q, k, v, g, beta, chunk, state)


@replaces(
    "gated_delta_chunked",
    read=[
        "the writes of their chunk undecayed",
        "the state of the chunk's start undecayed",
        "nothing of the state before their chunk",
        "nothing of their own chunk",
    ],
)
def other_reads(q, k, v, g, beta, chunk, state=None, *, read):
    """Your tokens read {read}. Of which two parts does o_i consist, and how much is left of each by token i?"""
    parts = {
        "the writes of their chunk undecayed": {"reads": lambda q, k, decay: (q @ k.mT).tril()},
        "the state of the chunk's start undecayed": {"from_before": lambda q, S, start: q @ S},
        "nothing of the state before their chunk": {"from_before": lambda q, S, start: 0 * (q @ S)},
        "nothing of their own chunk": {"reads": lambda q, k, decay: 0 * (q @ k.mT)},
    }
    return Chunks(**parts[read])(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def first_decay_of_chunk_missing(q, k, v, g, beta, chunk, state=None):
    """Your S begins to decay with the second token of the chunk. Was S made before the first token's decay or after it,
    and when was the first write made?"""
    return Chunks(since_start=lambda G, decay: decay[:, :, :, :1])(q, k, v, g, beta, chunk, state)


@replaces(
    "gated_delta_chunked",
    takes=[
        "all writes of the chunk undecayed",
        "the write of token j times e^{G_j}",
        "the old state undecayed",
        "nothing of the old state",
    ],
)
def other_new_state(q, k, v, g, beta, chunk, state=None, *, takes):
    """Your new state takes in {takes}. Of which two parts does the last S_i of a chunk consist, and how much is left of
    each at its end?"""
    parts = {
        "all writes of the chunk undecayed": {"left": lambda decay, start: 1.0},
        "the write of token j times e^{G_j}": {"left": lambda decay, start: start},
        "the old state undecayed": {"carry": lambda S, start: S},
        "nothing of the old state": {"carry": lambda S, start: 0.0},
    }
    return Chunks(**parts[takes])(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def sums_without_own(q, k, v, g, beta, chunk, state=None):
    """Your G_i leaves g_i out, so that the state which token i sees has not decayed at token i. Where does the sum G_i
    end?"""
    return Chunks(sums=lambda g: g.cumsum(2) - g)(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def sums_from_the_text(q, k, v, g, beta, chunk, state=None):
    """Your G goes on from one chunk to the next, so that the state decays again by all that comes before its chunk.
    Where does G start?"""
    last = [torch.zeros(())]

    def sums(g):
        G = last[-1] + g.cumsum(2)
        last.append(G[:, :, -1:])
        return G

    return Chunks(sums=sums)(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def whole_chunks_only(q, k, v, g, beta, chunk, state=None):
    """Your result has fewer tokens than the text: what is left after the last whole chunk is dropped. What can be done
    with a piece that is shorter?"""
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
    """Your o has more tokens than the text: those that fill the last chunk are still there. How many tokens came in?"""
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
def chunks_write_into_the_state(q, k, v, g, beta, chunk, state=None):
    """Your chunks change the state in place (*=, mul_), and the first one is the tensor that you were given. What does
    somebody find who wants to go on from there a second time?"""
    return Chunks(carry=lambda S, start: S.mul_(start[:, :, -1:]))(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked", form=["none", "split", "remainder", "count", "loop", "only 0"])
def chunk_not_refused(q, k, v, g, beta, chunk, state=None, *, form):
    """What does your code do with a chunk of 0 or below before it can refuse it? From which number on is a chunk
    allowed, and which error does the docstring promise?"""
    T = k.shape[1]
    if form == "split":
        return Chunks(check=lambda chunk: chunk)(q, k, v, g, beta, chunk, state)
    if form == "remainder":
        chunk = chunk if -T % chunk >= 0 else T
    if form == "count":
        chunk = chunk if (T + chunk - 1) // chunk > 0 else T
    if form == "loop" and chunk < 0:
        return torch.zeros_like(v), before((q, k, v, g, beta), 0, gated_delta_recurrent, state)
    if chunk < (1 if form == "none" else 0):
        chunk = T
    return gated_delta_chunked(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked")
def chunks_detached(q, k, v, g, beta, chunk, state=None):
    """Your values are right, but no gradient leads from a chunk to an earlier one. Which tokens made the state that a
    chunk starts with, and where is the way back to them cut?"""
    right = Chunks()
    chunks = Chunks(
        carry=lambda S, start: right.carry(S.detach(), start),
        right_side=lambda S, k, v, beta, start: right.right_side(S.detach(), k, v, beta, start),
        from_before=lambda q, S, start: right.from_before(q, S.detach(), start),
    )
    return chunks(q, k, v, g, beta, chunk, state)


@replaces("gated_delta_chunked", ends="memory")
def one_chunk(q, k, v, g, beta, chunk, state=None):
    """Your matrices have T × T entries, as if the text were a single chunk. How many entries does a matrix of one chunk
    need?"""
    if chunk < 1:
        raise ValueError("chunk >= 1")
    return Chunks()(q, k, v, g, beta, k.shape[1], state)
