"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A step is cut into parts: a mistake gets one wrong and takes the others from here. A text is read with such a step too.
"""

from collections.abc import Callable

import torch
from linear_recurrences import gradient_scan, lowest_eigenvalue, scan, step
from torch import Tensor

from grader.testing import replaces

Gate = Tensor | None


def fade(state: Tensor, a: Gate) -> Tensor:
    return state if a is None else a[..., None] * state


def held_under(state: Tensor, k: Tensor) -> Tensor:
    return (k[..., None] * state).sum(dim=-2)


def outer(k: Tensor, v: Tensor) -> Tensor:
    return k[..., None] * v[..., None, :]


def token(x: Gate, t: int) -> Gate:
    return None if x is None else x[..., t, :]


def zeros(q: Tensor, v: Tensor) -> Tensor:
    return q.new_zeros(*q.shape[:-2], q.shape[-1], v.shape[-1])


def read(
    wrong: Callable[..., Tensor], q: Tensor, k: Tensor, v: Tensor, a: Gate, beta: Gate, state: Gate
) -> tuple[Tensor, Tensor]:
    """A text, by another step than the right one."""
    S, outputs = zeros(q, v) if state is None else state, []
    for t in range(q.shape[-2]):
        S = wrong(S, k[..., t, :], v[..., t, :], token(a, t), token(beta, t))
        outputs.append(held_under(S, q[..., t, :]))
    return torch.stack(outputs, dim=-2), S


# Steps that are wrong, each for step and for scan


def unfaded_read(state: Tensor, k: Tensor, v: Tensor, a: Gate, beta: Gate) -> Tensor:
    return fade(state, a) + outer(k, v if beta is None else beta * (v - held_under(state, k)))


@replaces("step")
def held_before_fading(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """What is held under the key is read before the state has faded. In which order does the docstring take the two?"""
    return unfaded_read(state, k, v, a, beta)


@replaces("scan")
def held_before_fading_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your scan reads what is held under the key before the state has faded. In which order does the docstring of step
    take the two?"""
    return read(unfaded_read, q, k, v, a, beta, state)


def corrected_and_faded(state: Tensor, k: Tensor, v: Tensor, a: Gate, beta: Gate) -> Tensor:
    if beta is None:
        return fade(state, a) + outer(k, v)
    return fade(state - outer(k, beta * held_under(state, k)), a) + outer(k, beta * v)


@replaces("step")
def fades_after_correcting(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You correct the state first, and let it fade afterwards. With one number a that makes no difference, with a
    number for each row it does. Which of the two comes first in the docstring?"""
    return corrected_and_faded(state, k, v, a, beta)


@replaces("scan")
def fades_after_correcting_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your scan corrects the state first, and lets it fade afterwards. With one number a that makes no difference, with
    a number for each row it does. Which of the two comes first in the docstring?"""
    return read(corrected_and_faded, q, k, v, a, beta, state)


def everything_faded(state: Tensor, k: Tensor, v: Tensor, a: Gate, beta: Gate) -> Tensor:
    return fade(step(state, k, v, None, beta), a)


@replaces("step")
def fades_its_own_write(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """A value that is read back right after it was written is already smaller. What fades, and what has not been
    written by then?"""
    return everything_faded(state, k, v, a, beta)


@replaces("scan")
def fades_its_own_write_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """In your scan a token's own write has already faded when the token reads it. What fades, and what has not been
    written by then?"""
    return read(everything_faded, q, k, v, a, beta, state)


WRITES = {
    "v − β held": lambda v, held, beta: v - beta * held,
    "β v − held": lambda v, held, beta: beta * v - held,
    "v − held": lambda v, held, beta: v - held,
    "β v": lambda v, held, beta: beta * v,
    "β (v + held)": lambda v, held, beta: beta * (v + held),
    "β (held − v)": lambda v, held, beta: beta * (held - v),
    "β v + (1 − β) held": lambda v, held, beta: beta * v + (1 - beta) * held,
}


def with_write(written: str) -> Callable[..., Tensor]:
    def wrong(state: Tensor, k: Tensor, v: Tensor, a: Gate, beta: Gate) -> Tensor:
        state = fade(state, a)
        return state + outer(k, v if beta is None else WRITES[written](v, held_under(state, k), beta))

    return wrong


@replaces("step")
def write_without_beta(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You take away only a part of the old entry, but write all of the new one. What does beta multiply?"""
    return with_write("v − β held")(state, k, v, a, beta)


@replaces("step")
def erase_without_beta(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """The old entry is erased completely, even where beta is small. What does beta multiply?"""
    return with_write("β v − held")(state, k, v, a, beta)


@replaces("step", written=["v − held", "β v", "β (v + held)", "β (held − v)", "β v + (1 − β) held"])
def other_write(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, written: str) -> Tensor:
    """With beta, what you write under k is {written}. What should happen where beta is 0, and where the value is held
    already?"""
    return with_write(written)(state, k, v, a, beta)


@replaces(
    "scan",
    written=["v − β held", "β v − held", "v − held", "β v", "β (v + held)", "β (held − v)", "β v + (1 − β) held"],
)
def other_write_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, written: str
) -> tuple[Tensor, Tensor]:
    """With beta, what your scan writes under k is {written}. What should happen where beta is 0, and where the value is
    held already?"""
    return read(with_write(written), q, k, v, a, beta, state)


@replaces("step")
def reads_without_beta(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """Without beta you correct the state as if beta were 1. What does the docstring add then, and what is read?"""
    return step(state, k, v, a, torch.ones_like(v[..., :1]) if beta is None else beta)


@replaces("scan")
def text_corrected_without_beta(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Without beta your scan corrects the state as if beta were 1. What does linear attention write?"""
    return scan(q, k, v, a, torch.ones_like(v[..., :1]) if beta is None else beta, state)


def columns_faded(state: Tensor, k: Tensor, v: Tensor, a: Gate, beta: Gate) -> Tensor:
    return step(state if a is None else state * a[..., None, :], k, v, None, beta)


@replaces("step")
def columns_for_rows(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """Your gates multiply columns. How many numbers does a have, and which axis of the state has as many?"""
    return columns_faded(state, k, v, a, beta)


@replaces("scan")
def columns_for_rows_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """The gates of your scan multiply columns. How many numbers does a have, and which axis of the state has as
    many?"""
    return read(columns_faded, q, k, v, a, beta, state)


CHANGED_GATES = {
    "e^a": torch.exp,
    "1 − a": lambda a: 1 - a,
    "|a|": torch.abs,
    "the positive part of a": torch.relu,
    "sigmoid(a)": torch.sigmoid,
    "the first number of a": lambda a: a[..., :1],
    "the mean of a": lambda a: a.mean(-1, keepdim=True),
}


@replaces("step")
def gates_are_logarithms(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """In gated_delta_net the gate was a logarithm. What is a here, and what should a gate of 1 do?"""
    return step(state, k, v, None if a is None else a.exp(), beta)


@replaces(
    "step", gate=["1 − a", "|a|", "the positive part of a", "sigmoid(a)", "the first number of a", "the mean of a"]
)
def other_gate(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, gate: str) -> Tensor:
    """Row i of your state is multiplied by {gate}. By what does the docstring multiply it?"""
    return step(state, k, v, None if a is None else CHANGED_GATES[gate](a), beta)


@replaces(
    "scan",
    gate=["e^a", "1 − a", "|a|", "the positive part of a", "sigmoid(a)", "the first number of a", "the mean of a"],
)
def other_gate_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, gate: str
) -> tuple[Tensor, Tensor]:
    """In your scan row i of the state is multiplied by {gate}. By what does the docstring multiply it?"""
    return scan(q, k, v, None if a is None else CHANGED_GATES[gate](a), beta, state)


CHANGED_STRENGTHS = {
    "sigmoid(beta)": torch.sigmoid,
    "beta, cut off at 1,": lambda beta: beta.clamp(max=1.0),
    "2 · beta": lambda beta: 2 * beta,
}


@replaces("step", strength=["sigmoid(beta)", "beta, cut off at 1,", "2 · beta"])
def other_strength(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, strength: str) -> Tensor:
    """You use {strength} as the strength. In which range is beta, and what should you do with it?"""
    return step(state, k, v, a, None if beta is None else CHANGED_STRENGTHS[strength](beta))


@replaces("scan", strength=["sigmoid(beta)", "beta, cut off at 1,", "2 · beta"])
def other_strength_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, strength: str
) -> tuple[Tensor, Tensor]:
    """Your scan uses {strength} as the strength. In which range is beta, and what should you do with it?"""
    return scan(q, k, v, a, None if beta is None else CHANGED_STRENGTHS[strength](beta), state)


@replaces("step", ignored=["a", "beta"])
def gate_ignored(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, ignored: str) -> Tensor:
    """Your step gives the same whatever {ignored} is. Which of the three things that happen to the state needs it?"""
    return step(state, k, v, *((None, beta) if ignored == "a" else (a, None)))


@replaces("scan", ignored=["a", "beta"])
def gate_ignored_in_a_text(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, ignored: str
) -> tuple[Tensor, Tensor]:
    """Your scan gives the same whatever {ignored} is. What does a step need of it?"""
    return scan(q, k, v, *((None, beta) if ignored == "a" else (a, None)), state)


def normalised(k: Tensor) -> Tensor:
    return k / k.norm(dim=-1, keepdim=True)


@replaces("step")
def key_normalised(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You bring k to length 1. The docstring takes it as it comes: whose work is the normalizing?"""
    return step(state, normalised(k), v, a, beta)


@replaces("scan", which=["keys", "queries", "queries and keys"])
def keys_normalised(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, which: str
) -> tuple[Tensor, Tensor]:
    """You bring {which} to length 1. The docstring takes q and k as they come: whose work is the normalizing?"""
    q = normalised(q) if "queries" in which else q
    return scan(q, normalised(k) if "keys" in which else k, v, a, beta, state)


@replaces("scan", by=["√K", "K", "√V"])
def queries_scaled(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, by: str
) -> tuple[Tensor, Tensor]:
    """Your o is divided by {by}. Published code often does that. What does the docstring say about scaling?"""
    scale = {"√K": q.shape[-1] ** 0.5, "K": q.shape[-1], "√V": v.shape[-1] ** 0.5}[by]
    o, S = scan(q, k, v, a, beta, state)
    return o / scale, S


@replaces("step", number=["K numbers", "one number"])
def one_form_of_a(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, number: str) -> Tensor:
    """Your step only works if a has {number}. Which two shapes does the docstring allow?"""
    if a is None:
        return step(state, k, v, a, beta)
    if number == "K numbers":
        return step(torch.einsum("...ij,...ij->...ij", a[..., None].reshape(*k.shape, 1), state), k, v, None, beta)
    return step(state * a.reshape(*k.shape[:-1], 1, 1), k, v, None, beta)


@replaces("step")
def in_place(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """The state that you were given has changed. Who else may still need it?"""
    new = step(state, k, v, a, beta)
    return state.copy_(new)


@replaces("step")
def write_turned(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You add v kᵀ. The state is K × V: which of the two vectors has a number for each row?"""
    state = fade(state, a)
    return state + outer(v if beta is None else beta * (v - held_under(state, k)), k)


@replaces("step", held=["the mean over rows", "the sum over columns"])
def other_axis(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, held: str) -> Tensor:
    """You take {held} for what is held under k. In Sᵀk, over which axis of S does a sum run?"""
    state = fade(state, a)
    if beta is None:
        return state + outer(k, v)
    found = (k[..., None] * state).mean(dim=-2) if held == "the mean over rows" else (state @ k[..., None])[..., 0]
    return state + outer(k, beta * (v - found))


@replaces("step", missing=["any argument", "state", "k", "v", "a", "beta", "what is held"])
def step_without_gradient(
    state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, missing: str
) -> Tensor:
    """Your states are right, and no gradient goes through {missing}. Which line leaves the graph?"""
    if missing == "any argument":
        return step(state, k, v, a, beta).detach()
    if missing == "what is held":
        state = fade(state, a)
        return state + outer(k, v if beta is None else beta * (v - held_under(state, k).detach()))
    named = {"state": state, "k": k, "v": v, "a": a, "beta": beta}
    cut = None if named[missing] is None else named[missing].detach()
    return step(**(named | {missing: cut}))


@replaces("step", back=[False, True])
def step_in_float32(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, *, back: bool) -> Tensor:
    """In float64 your step is only as precise as float32. Which of your lines names a dtype, or makes a tensor without
    being told one?"""
    single = (None if x is None else x.float() for x in (state, k, v, a, beta))
    return step(*single).to(state.dtype if back else torch.float32)


@replaces("step")
def step_in_float64(state: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """Your state is always float64. What is the dtype of the arguments?"""
    return step(*(None if x is None else x.double() for x in (state, k, v, a, beta)))


# A text


@replaces("scan")
def read_before_write(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your first output is zero, or that of the old state. Does a token see its own write?"""
    S, outputs = zeros(q, v) if state is None else state, []
    for t in range(q.shape[-2]):
        outputs.append(held_under(S, q[..., t, :]))
        S = step(S, k[..., t, :], v[..., t, :], token(a, t), token(beta, t))
    return torch.stack(outputs, dim=-2), S


@replaces("scan")
def read_after_fading(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your tokens read when the state has faded and before they have written. Does a token see its own write?"""
    S, outputs = zeros(q, v) if state is None else state, []
    for t in range(q.shape[-2]):
        outputs.append(held_under(fade(S, token(a, t)), q[..., t, :]))
        S = step(S, k[..., t, :], v[..., t, :], token(a, t), token(beta, t))
    return torch.stack(outputs, dim=-2), S


@replaces("scan", reads=["its key", "all keys so far"])
def read_with_the_key(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, reads: str
) -> tuple[Tensor, Tensor]:
    """Your token reads the state with {reads}. Which of its three vectors asks the question?"""
    return scan(k if reads == "its key" else k.cumsum(-2), k, v, a, beta, state)


@replaces("scan")
def read_with_the_last_state(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """All your tokens read the last state, in which later tokens have written too. Which state does token t read?"""
    _, S = scan(q, k, v, a, beta, state)
    return q @ S, S


@replaces("scan")
def state_ignored(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your scan always begins with zeros. What should it do with a state that it is given?"""
    return scan(q, k, v, a, beta)


@replaces("scan")
def state_of_the_start_returned(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """The state that you return is one token too old. After which token does the next piece of the text go on?"""
    o, S = scan(q, k, v, a, beta, state)
    if q.shape[-2] == 1:
        return o, torch.zeros_like(S) if state is None else state.clone()
    return o, scan(*(None if x is None else x[..., :-1, :] for x in (q, k, v, a, beta)), state)[1]


@replaces("scan", order=["the state first", "o alone", "all states"])
def other_result(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, order: str
) -> tuple[Tensor, Tensor]:
    """You return {order}. What are the two results in the docstring?"""
    o, S = scan(q, k, v, a, beta, state)
    if order == "all states":
        lengths = range(1, q.shape[-2] + 1)
        texts = ([None if x is None else x[..., :n, :] for x in (q, k, v, a, beta)] for n in lengths)
        return o, torch.stack([scan(*text, state)[1] for text in texts], dim=-3)
    return (S, o) if order == "the state first" else o


@replaces("scan", at=["the front", "the end"])
def outputs_stacked_elsewhere(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, at: str
) -> tuple[Tensor, Tensor]:
    """The tokens of your o are at {at} of its axes. Where are they in q?"""
    o, S = scan(q, k, v, a, beta, state)
    return o.movedim(-2, 0 if at == "the front" else -1), S


@replaces("scan")
def tokens_on_the_first_axis(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your loop runs over the first axis. With texts and heads in front, which axis has the tokens?"""
    S = q.new_zeros(q.shape[-1], v.shape[-1]) if state is None else state
    outputs = []
    for t in range(len(q)):
        S = step(S, k[t], v[t], None if a is None else a[t], None if beta is None else beta[t])
        outputs.append(q[t] @ S)
    return torch.stack(outputs), S


@replaces("scan")
def first_gates_for_all(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """All your tokens use the gates of the first one. What do a and beta have an axis of T for?"""
    first = (None if x is None else x[..., :1, :].expand(*x.shape) for x in (a, beta))
    return scan(q, k, v, *first, state)


@replaces("scan")
def backwards(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your text is read from its end. Which token writes first?"""
    o, S = scan(*(None if x is None else x.flip(-2) for x in (q, k, v, a, beta)), state)
    return o.flip(-2), S


@replaces("scan", missing=["any argument", "q", "k", "v", "a", "beta", "state", "one token to the next"])
def scan_without_gradient(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, missing: str
) -> tuple[Tensor, Tensor]:
    """Your results are right, and no gradient goes through {missing}. Which line leaves the graph?"""
    if missing == "any argument":
        o, S = scan(q, k, v, a, beta, state)
        return o.detach(), S.detach()
    if missing == "one token to the next":
        return read(lambda S, *rest: step(S.detach(), *rest), q, k, v, a, beta, state)
    named = {"q": q, "k": k, "v": v, "a": a, "beta": beta, "state": state}
    cut = None if named[missing] is None else named[missing].detach()
    return scan(**(named | {missing: cut}))


@replaces("scan", back=[False, True])
def scan_in_float32(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None, *, back: bool
) -> tuple[Tensor, Tensor]:
    """In float64 your scan is only as precise as float32. Which of your lines names a dtype, or makes a tensor without
    being told one?"""
    o, S = scan(*(None if x is None else x.float() for x in (q, k, v, a, beta, state)))
    return (o.to(q.dtype), S.to(q.dtype)) if back else (o, S)


@replaces("scan")
def scan_in_float64(
    q: Tensor, k: Tensor, v: Tensor, a: Gate = None, beta: Gate = None, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your results are always float64. What is the dtype of q?"""
    return scan(*(None if x is None else x.double() for x in (q, k, v, a, beta, state)))


# A state that is trained


class Training:
    """gradient_scan in parts: those that are given are wrong, the others right."""

    def __init__(self, **parts: Callable) -> None:
        self.__dict__.update(parts)

    def check(self, batch: int) -> int:
        if batch < 1:
            raise ValueError("batch >= 1")
        return batch

    def begins(self, t: int, batch: int, T: int) -> bool:
        return t % batch == 0

    def at(self, first: Tensor, S: Tensor, start: Tensor) -> Tensor:
        """The state at which a gradient is taken, of that before the batch, the latest one and the very first."""
        return first

    def gradient(self, S: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return outer(k, held_under(S, k) - v)

    def updated(self, S: Tensor, first: Tensor, change: Tensor) -> Tensor:
        return S - change

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate) -> tuple[Tensor, Tensor]:
        batch = self.check(batch)
        S = start = first = zeros(q, v) if state is None else state
        outputs = []
        for t in range(q.shape[-2]):
            if self.begins(t, batch, q.shape[-2]):
                first = S
            slope = self.gradient(self.at(first, S, start), k[..., t, :], v[..., t, :])
            S = self.updated(S, first, eta[..., t, :, None] * slope)
            outputs.append(held_under(S, q[..., t, :]))
        return torch.stack(outputs, dim=-2), S


@replaces("gradient_scan")
def fresh_gradients(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """The size of the batch makes no difference in your code. At which state are the gradients of a batch taken?"""
    return Training(at=lambda first, S, start: S)(q, k, v, eta, batch, state)


@replaces("gradient_scan")
def gradients_at_the_first_state(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """From the second batch on your gradients are old. When does a new batch begin?"""
    return Training(at=lambda first, S, start: start)(q, k, v, eta, batch, state)


@replaces("gradient_scan")
def gradients_at_zeros(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your gradients are those of a state of zeros: −k vᵀ, and nothing is corrected. What does S' say under the key?"""
    return Training(gradient=lambda S, k, v: outer(k, -v) + 0 * S)(q, k, v, eta, batch, state)


@replaces("gradient_scan", factor=["twice", "half", "V times smaller than"])
def loss_without_the_half(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None, *, factor: str
) -> tuple[Tensor, Tensor]:
    """Your gradients are {factor} what they should be. Differentiate ½ |Sᵀk − v|² again; its squares are added
    up."""
    scale = {"twice": 2.0, "half": 0.5, "V times smaller than": 1 / v.shape[-1]}[factor]
    return gradient_scan(q, k, v, scale * eta, batch, state)


@replaces("gradient_scan")
def gradient_ascent(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your steps go up the loss. Where should Sᵀk be after a step, closer to v or further away?"""
    return gradient_scan(q, k, v, -eta, batch, state)


@replaces("gradient_scan")
def steps_from_the_start_of_the_batch(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Each of your tokens takes its step from S', and the steps of the tokens before it in the batch are lost. From
    which state does the formula subtract?"""
    return Training(updated=lambda S, first, change: first - change)(q, k, v, eta, batch, state)


@replaces("gradient_scan", shift=[-1, 1])
def batch_one_off(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None, *, shift: int
) -> tuple[Tensor, Tensor]:
    """Your new batch begins a token too early or too late. With batch = 3, at which tokens do batches begin?"""
    return Training(begins=lambda t, batch, T: t % batch == shift % batch)(q, k, v, eta, batch, state)


@replaces("gradient_scan")
def short_batch_first(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your first batch is the one that is shorter. Which one is it in the docstring?"""
    return Training(begins=lambda t, batch, T: t == 0 or (t - T) % batch == 0)(q, k, v, eta, batch, state)


@replaces("gradient_scan")
def batch_counts_batches(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """You cut the text into `batch` pieces. What does `batch` count, pieces or tokens in one?"""
    return gradient_scan(q, k, v, eta, -(-q.shape[-2] // batch) if batch > 0 else batch, state)


@replaces("gradient_scan")
def outputs_of_whole_batches(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """All tokens of a batch read the state after its last one. Which state does token t read?"""
    if batch < 1:
        raise ValueError("batch >= 1")
    S, outputs = state, []
    for Q, X, Y, steps in zip(*(x.split(batch, dim=-2) for x in (q, k, v, eta)), strict=True):
        _, S = gradient_scan(Q, X, Y, steps, batch, S)
        outputs.append(Q @ S)
    return torch.cat(outputs, dim=-2), S


@replaces("gradient_scan")
def outputs_before_the_batch(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """All tokens of a batch read S', the state before it. Which state does token t read?"""
    if batch < 1:
        raise ValueError("batch >= 1")
    S, outputs = zeros(q, v) if state is None else state, []
    for Q, X, Y, steps in zip(*(x.split(batch, dim=-2) for x in (q, k, v, eta)), strict=True):
        outputs.append(Q @ S)
        _, S = gradient_scan(Q, X, Y, steps, batch, S)
    return torch.cat(outputs, dim=-2), S


@replaces("gradient_scan")
def output_before_the_step(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your tokens read before they take their step. Is o_t read from S_t or from the state before?"""
    Training().check(batch)
    S = first = zeros(q, v) if state is None else state
    outputs = []
    for t in range(q.shape[-2]):
        first = S if t % batch == 0 else first
        outputs.append(held_under(S, q[..., t, :]))
        S = S - eta[..., t, :, None] * outer(k[..., t, :], held_under(first, k[..., t, :]) - v[..., t, :])
    return torch.stack(outputs, dim=-2), S


@replaces("gradient_scan", what=["the mean", "the first"])
def one_size_of_step(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None, *, what: str
) -> tuple[Tensor, Tensor]:
    """All your steps have the same size, {what} of eta. What is the axis of T in eta for?"""
    size = eta.mean(-2, keepdim=True) if what == "the mean" else eta[..., :1, :]
    return gradient_scan(q, k, v, size.expand_as(eta), batch, state)


@replaces("gradient_scan")
def gradients_averaged(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your steps are divided by the size of the batch. The formula subtracts each token's gradient: is there a mean in
    it?"""
    return gradient_scan(q, k, v, eta / batch if batch > 0 else eta, batch, state)


@replaces("gradient_scan")
def training_from_zeros(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your training always begins with zeros. What should it do with a state that it is given?"""
    return gradient_scan(q, k, v, eta, batch)


@replaces("gradient_scan")
def whole_batches_only(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your result has fewer tokens than the text: the last batch is dropped if it is shorter. What does the docstring
    say of it?"""
    T = q.shape[-2]
    kept = T if batch < 1 or batch > T else T // batch * batch
    return gradient_scan(*(x[..., :kept, :] for x in (q, k, v, eta)), batch, state)


@replaces("gradient_scan", when=["batch does not divide T", "batch is larger than T"])
def batches_refused(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None, *, when: str
) -> tuple[Tensor, Tensor]:
    """You refuse a text if {when}. What does the docstring say of the last batch?"""
    T = q.shape[-2]
    refused = batch > T if when == "batch is larger than T" else batch > 0 and T % batch > 0
    return gradient_scan(q, k, v, eta, 0 if refused else batch, state)


@replaces("gradient_scan", form=["none", "remainder", "below 0 only", "0 only"])
def batch_not_refused(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None, *, form: str
) -> tuple[Tensor, Tensor]:
    """What does your code do with a batch of 0 or below? From which number on is it allowed, and which error does the
    docstring promise?"""
    if form == "remainder":
        return Training(check=lambda batch: batch)(q, k, v, eta, batch, state)
    allowed = {"none": True, "below 0 only": batch >= 0, "0 only": batch != 0}[form]
    return gradient_scan(q, k, v, eta, q.shape[-2] if batch < 1 and allowed else batch, state)


@replaces("gradient_scan")
def training_in_place(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None
) -> tuple[Tensor, Tensor]:
    """Your training writes into the state that it was given. What does somebody find who wants to go on from there a
    second time?"""
    o, S = gradient_scan(q, k, v, eta, batch, state)
    return o, S if state is None else state.copy_(S)


@replaces("gradient_scan", cut=["any argument", "S'", "the gradients of the loss"])
def training_detached(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None, *, cut: str
) -> tuple[Tensor, Tensor]:
    """Your values are right, but no gradient goes through {cut}. Is a gradient that
    you took on the way a constant for a caller who trains the keys?"""
    if cut == "any argument":
        o, S = gradient_scan(q, k, v, eta, batch, state)
        return o.detach(), S.detach()
    if cut == "S'":
        return Training(at=lambda first, S, start: first.detach())(q, k, v, eta, batch, state)
    return Training(gradient=lambda S, k, v: outer(k, held_under(S, k) - v).detach())(q, k, v, eta, batch, state)


@replaces("gradient_scan", back=[False, True])
def training_in_float32(
    q: Tensor, k: Tensor, v: Tensor, eta: Tensor, batch: int, state: Gate = None, *, back: bool
) -> tuple[Tensor, Tensor]:
    """In float64 your training is only as precise as float32. Which of your lines names a dtype, or makes a tensor
    without being told one?"""
    q_, k_, v_, eta_ = (x.float() for x in (q, k, v, eta))
    o, S = gradient_scan(q_, k_, v_, eta_, batch, None if state is None else state.float())
    return (o.to(q.dtype), S.to(q.dtype)) if back else (o, S)


# Eigenvalues


def spectrum(k: Tensor, a: Gate, beta: Gate) -> Tensor:
    """All eigenvalues, complex, (..., K)."""
    eye = torch.eye(k.shape[-1], dtype=k.dtype)
    return torch.linalg.eigvals(step(eye, k, torch.zeros_like(k), a, beta))


@replaces("lowest_eigenvalue")
def eigenvalue_of_unit_keys(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """1 − beta is right for keys of length 1. What is the eigenvalue for a key of length 2?"""
    return lowest_eigenvalue(normalised(k), a, beta)


@replaces("lowest_eigenvalue")
def length_not_squared(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You take beta times the length of the key. What is k kᵀ k, if k has length 2?"""
    return lowest_eigenvalue(k / k.norm(dim=-1, keepdim=True).sqrt(), a, beta)


@replaces("lowest_eigenvalue")
def largest_eigenvalue(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You return the largest eigenvalue. Which one of all turns a state around?"""
    return spectrum(k, a, beta).real.amax(-1)


@replaces("lowest_eigenvalue", form=["the eigenvalue of the smallest size", "the smallest size of an eigenvalue"])
def smallest_in_size(k: Tensor, a: Gate = None, beta: Gate = None, *, form: str) -> Tensor:
    """You return {form}. A state is turned around by an eigenvalue below 0: which of −3 and 1 is smaller?"""
    values = spectrum(k, a, beta).real
    if form == "the smallest size of an eigenvalue":
        return values.abs().amin(-1)
    return values.gather(-1, values.abs().argmin(-1, keepdim=True))[..., 0]


@replaces("lowest_eigenvalue")
def largest_in_size(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You return the eigenvalue of the largest size. Which of −0.5 and 1 is smaller?"""
    values = spectrum(k, a, beta).real
    return values.gather(-1, values.abs().argmax(-1, keepdim=True))[..., 0]


@replaces("lowest_eigenvalue")
def first_eigenvalue(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You return the first eigenvalue of the list. Does torch.linalg.eigvals promise an order?"""
    return spectrum(k, a, beta).real[..., 0]


@replaces("lowest_eigenvalue")
def product_of_the_lowest(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You multiply the smallest eigenvalues of the two factors. Is that an eigenvalue of their product, if they belong
    to different directions?"""
    along = torch.ones_like(k[..., 0]) if beta is None else lowest_eigenvalue(k, None, beta)
    return along if a is None else along * a.amin(-1)


@replaces("lowest_eigenvalue")
def half_of_the_matrix(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """torch.linalg.eigvalsh only looks at one half of the matrix, and takes the other for its mirror image. Is your
    matrix symmetric if a has a number for each row?"""
    eye = torch.eye(k.shape[-1], dtype=k.dtype)
    return torch.linalg.eigvalsh(step(eye, k, torch.zeros_like(k), a, beta))[..., 0]


@replaces("lowest_eigenvalue")
def least_of_the_diagonal(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You return the smallest number on the diagonal. Of which matrices are those the eigenvalues, and is yours one?"""
    eye = torch.eye(k.shape[-1], dtype=k.dtype)
    return step(eye, k, torch.zeros_like(k), a, beta).diagonal(dim1=-2, dim2=-1).amin(-1)


@replaces("lowest_eigenvalue")
def singular_values(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """Singular values are never below 0. Which numbers tell whether a state is turned around?"""
    eye = torch.eye(k.shape[-1], dtype=k.dtype)
    return torch.linalg.svdvals(step(eye, k, torch.zeros_like(k), a, beta))[..., -1]


@replaces("lowest_eigenvalue")
def one_for_all_tokens(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You return one number for all tokens. How many transitions are there?"""
    return lowest_eigenvalue(k, a, beta).min()


@replaces("lowest_eigenvalue")
def eigenvalues_in_a_row(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """You return all eigenvalues of each token. What is the shape of the result in the docstring?"""
    return spectrum(k, a, beta).real


@replaces("lowest_eigenvalue")
def complex_eigenvalue(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """Your result is complex. Which dtype does the docstring ask for, and what do you know of the imaginary parts?"""
    values = spectrum(k, a, beta)
    return values.gather(-1, values.real.argmin(-1, keepdim=True))[..., 0]


@replaces("lowest_eigenvalue", ignored=["a", "beta"])
def eigenvalue_without(k: Tensor, a: Gate = None, beta: Gate = None, *, ignored: str) -> Tensor:
    """Your eigenvalue is the same whatever {ignored} is. Which factor of the transition does it make?"""
    return lowest_eigenvalue(k, *((None, beta) if ignored == "a" else (a, None)))


@replaces("lowest_eigenvalue")
def eigenvalue_in_float32(k: Tensor, a: Gate = None, beta: Gate = None) -> Tensor:
    """Your eigenvalue is always float32. What is the dtype of k?"""
    return lowest_eigenvalue(*(None if x is None else x.float() for x in (k, a, beta)))
