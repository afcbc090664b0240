"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from load_balancing_loss import load_balancing_loss, router_z_loss
from torch import Tensor

from grader.testing import replaces


def wide(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def everything(logits: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """All tokens (N, E), and which of them are real as numbers (N, 1)."""
    mask = torch.ones(logits.shape[:-1]) if mask is None else mask.expand(logits.shape[:-1])
    logits = wide(logits).flatten(0, -2)
    return logits, mask.reshape(-1, 1).to(logits.dtype)


def choices(logits: Tensor, k: int) -> Tensor:
    return torch.zeros_like(logits).scatter(-1, logits.topk(k, dim=-1).indices, 1.0)


def mean(values: Tensor, real: Tensor) -> Tensor:
    return (values * real).sum(0) / real.sum().clamp(min=1)


def balance(f: Tensor, p: Tensor) -> Tensor:
    return len(p) * (f * p).sum()


def with_p(probabilities: Tensor, logits: Tensor, k: int, mask: Tensor | None) -> Tensor:
    """The right loss for these probabilities (N, E) of all tokens."""
    tokens, real = everything(logits, mask)
    return balance(mean(choices(tokens, k), real), mean(probabilities, real))


def with_f(load: Tensor, logits: Tensor, mask: Tensor | None) -> Tensor:
    """The right loss if this is how much each expert counts for each token (N, E)."""
    tokens, real = everything(logits, mask)
    return balance(mean(load, real), mean(tokens.softmax(-1), real))


@replaces("load_balancing_loss")
def chosen_by_probability(logits, k, mask=None):
    """Your loss is wrong where logits are so far apart that all but one of a token's probabilities are rounded to 0.
    What do you choose its k experts by?"""
    tokens, _ = everything(logits, mask)
    return with_f(choices(tokens.softmax(-1), k), logits, mask)


@replaces("load_balancing_loss")
def p_squared(logits, k, mask=None):
    """Your loss is E Σ p², in which no choice is counted. If all tokens prefer the same expert by a hair, what does p
    say of that, and what does f?"""
    tokens, _ = everything(logits, mask)
    return with_f(tokens.softmax(-1), logits, mask)


@replaces("load_balancing_loss")
def f_squared(logits, k, mask=None):
    """Your loss is E Σ f², and both of its factors are counts. What is the gradient of a count, and which factor of the
    formula has one?"""
    return with_p(choices(everything(logits, mask)[0], k), logits, k, mask)


@replaces("load_balancing_loss", factor=["1", "1/E", "E²", "E·k"])
def other_factor(logits, k, mask=None, *, factor):
    """Your loss is {factor} · Σ f p. Which factor makes even use score k, however many experts there are?"""
    E = logits.shape[-1]
    factors = {"1": 1, "1/E": 1 / E, "E²": E**2, "E·k": E * k}
    return load_balancing_loss(logits, k, mask) / E * factors[factor]


@replaces("load_balancing_loss", axis=[0, 1])
def experts_of_other_axis(logits, k, mask=None, *, axis):
    """Your factor is the size of axis {axis} of the logits. Which axis has the experts, however many axes come before
    it?"""
    return load_balancing_loss(logits, k, mask) / logits.shape[-1] * logits.shape[axis]


@replaces("load_balancing_loss")
def divided_by_k(logits, k, mask=None):
    """Your loss is the right one divided by k: even use scores 1, as in some papers. What do the shares f sum to in
    this statement?"""
    return load_balancing_loss(logits, k, mask) / k


@replaces("load_balancing_loss", power=[1, 2])
def grows_with_tokens(logits, k, mask=None, *, power):
    """Your loss grows with the number of tokens. What do f and p each sum to in the formulas, however many tokens there
    are?"""
    _, real = everything(logits, mask)
    return load_balancing_loss(logits, k, mask) * real.sum() ** power


@replaces("load_balancing_loss", counted=[1, 2, 3])
def built_in_k(logits, k, mask=None, *, counted):
    """You count {counted} of a token's experts, whatever k is. How many of them does a token make busy?"""
    return load_balancing_loss(logits, counted, mask)


@replaces("load_balancing_loss")
def smallest(logits, k, mask=None):
    """You counted the experts of the k smallest logits. Does a large logit mean that an expert suits a token well, or
    badly?"""
    tokens, _ = everything(logits, mask)
    return with_f(choices(-tokens, k), logits, mask)


@replaces("load_balancing_loss")
def columns_of_largest(logits, k, mask=None):
    """Your f ends at the largest index that was chosen, so it does not fit p. Does an expert that nobody chose have a
    share, too?"""
    if mask is not None and not mask.any():
        return load_balancing_loss(logits, k, mask)
    tokens, real = everything(logits, mask)
    pool = tokens[real[:, 0] > 0]
    f = F.one_hot(pool.topk(k, dim=-1).indices).sum(1).to(pool.dtype).mean(0)
    return logits.shape[-1] * (f * pool.softmax(-1).mean(0)).sum()


@replaces("load_balancing_loss", renormalised=[False, True])
def p_of_chosen(logits, k, mask=None, *, renormalised):
    """In your p, an expert counts 0 for each token that did not choose it. Which experts does the formula's softmax run
    over, and which of its values go into the mean?"""
    tokens, _ = everything(logits, mask)
    kept = choices(tokens, k)
    p = tokens.masked_fill(kept == 0, -math.inf).softmax(-1) if renormalised else tokens.softmax(-1) * kept
    return with_p(p, logits, k, mask)


@replaces("load_balancing_loss")
def softmax_of_mean(logits, k, mask=None):
    """Your p is the softmax of the mean logits. Which comes first in the formula of p, the softmax or the mean?"""
    return with_p(mean(*everything(logits, mask)).softmax(-1).expand(*logits.shape).flatten(0, -2), logits, k, mask)


@replaces("load_balancing_loss", axis=[0, 1, -2, None])
def softmax_axis(logits, k, mask=None, *, axis):
    """Without padding all experts are alike in your p or in your f. Along which axis do the probabilities of one token
    sum to 1, and along which does it choose its k experts?"""
    p = wide(logits).flatten(0, -2).softmax(0) if axis is None else wide(logits).softmax(axis).flatten(0, -2)
    return with_p(p, logits, k, mask)


@replaces("load_balancing_loss", averaged=["log-probabilities", "sigmoids", "logits"])
def p_of_others(logits, k, mask=None, *, averaged):
    """Your p averages {averaged}. The p of all experts should sum to 1: which function of a token's logits does the
    formula average?"""
    tokens, _ = everything(logits, mask)
    functions = {"log-probabilities": tokens.log_softmax(-1), "sigmoids": tokens.sigmoid(), "logits": tokens}
    return with_p(functions[averaged], logits, k, mask)


@replaces("load_balancing_loss")
def softmax_twice(logits, k, mask=None):
    """Your p is nearly even, as if the softmax had been taken of probabilities. What are the numbers that go into your
    last softmax?"""
    return with_p(everything(logits, mask)[0].softmax(-1).softmax(-1), logits, k, mask)


@replaces("load_balancing_loss", counts=["renormalised weight", "probability"])
def weights_as_load(logits, k, mask=None, *, counts):
    """A chosen expert counts with its {counts} in your f. By the formula f is a share of tokens: how much does an
    expert count for a token that chose it?"""
    tokens, _ = everything(logits, mask)
    load = choices(tokens, k) * tokens.softmax(-1)
    return with_f(load / load.sum(-1, keepdim=True) if counts == "renormalised weight" else load, logits, mask)


@replaces("load_balancing_loss")
def product_of_each_token(logits, k, mask=None):
    """You multiplied choices by probabilities token by token, and averaged the products. Which comes first in the
    formulas, the mean or the product?"""
    tokens, real = everything(logits, mask)
    return logits.shape[-1] * mean(choices(tokens, k) * tokens.softmax(-1), real).sum()


@replaces("load_balancing_loss")
def not_summed(logits, k, mask=None):
    """Your result has one number for each expert. What does the formula do with the E products?"""
    tokens, real = everything(logits, mask)
    return logits.shape[-1] * mean(choices(tokens, k), real) * mean(tokens.softmax(-1), real)


@replaces("load_balancing_loss")
def detached(logits, k, mask=None):
    """The value of your loss is right, and no gradient leads from it to the logits. Which of the two factors has one,
    and which step of your code leaves the graph?"""
    return load_balancing_loss(logits.detach(), k, mask)


@replaces("load_balancing_loss")
def counts_with_a_gradient(logits, k, mask=None):
    """The value of your loss is right, and its gradient is not: it is as if the counts had one, too. Which of the two
    factors does the docstring let the gradient through?"""
    tokens, _ = everything(logits, mask)
    p = tokens.softmax(-1)
    return with_f(choices(tokens, k) + p - p.detach(), logits, mask)


@replaces("load_balancing_loss")
def mask_inverted(logits, k, mask=None):
    """Your loss is that of the padding alone. What does a 1 in the mask say of a token?"""
    return load_balancing_loss(logits, k, None if mask is None else mask == 0)


@replaces("load_balancing_loss", part=["f", "p", "f and p"])
def padding_counts(logits, k, mask=None, *, part):
    """Padding still counts in your {part}. Which tokens does the statement take the means over, in both f and p?"""
    tokens, real = everything(logits, mask)
    f = choices(tokens, k).mean(0) if "f" in part else mean(choices(tokens, k), real)
    return balance(f, tokens.softmax(-1).mean(0) if "p" in part else mean(tokens.softmax(-1), real))


@replaces("load_balancing_loss", part=["f", "p", "f and p"])
def padding_in_sums(logits, k, mask=None, *, part):
    """Your {part} adds up all tokens and divides by the number of real ones. How many tokens should there be in the
    sums, and how many below them?"""
    tokens, real = everything(logits, mask)
    n = real.sum().clamp(min=1)
    f = choices(tokens, k).sum(0) / n if "f" in part else mean(choices(tokens, k), real)
    return balance(f, tokens.softmax(-1).sum(0) / n if "p" in part else mean(tokens.softmax(-1), real))


@replaces("load_balancing_loss", power=[1, 2])
def divided_by_all(logits, k, mask=None, *, power):
    """With a mask your loss is too small, as if padding were left out of the sums and counted in what you divide by.
    What should f and p each sum to?"""
    _, real = everything(logits, mask)
    return load_balancing_loss(logits, k, mask) * real.mean() ** power


@replaces("load_balancing_loss", value=[0.0, -1e4, -math.inf], counted=[False, True])
def padding_filled(logits, k, mask=None, *, value, counted):
    """Padding is still in your pool, with logits of {value}. What does the softmax make of E equal logits, and how does
    a whole token leave the pool?"""
    tokens, real = everything(logits, mask)
    tokens = tokens.masked_fill(real == 0, value)
    f = choices(tokens, k).mean(0) if counted else mean(choices(tokens, k), real)
    return balance(f, tokens.softmax(-1).mean(0))


def picked_by_numbers(logits: Tensor, mask: Tensor | None, flattened: bool) -> Tensor:
    """The pool, if numbers in a mask are taken for the numbers of rows."""
    if mask is None or mask.dtype == torch.bool:
        tokens, real = everything(logits, mask)
        return tokens[real[:, 0] > 0]
    index = mask.long().expand(logits.shape[:-1])
    return logits.flatten(0, -2)[index.flatten()] if flattened else logits[index]


def unstretched(values: Tensor, mask: Tensor | None, use: str) -> tuple[Tensor, Tensor]:
    """Values (..., n) of tokens and numbers (..., 1) to weigh them by, with the mask as it came."""
    if mask is None or use == "multiplied":
        flat = values.flatten(0, -2)
        return flat, torch.ones(len(flat), 1) if mask is None else mask.reshape(-1, 1).to(values.dtype)
    pool = values.flatten(0, -2)[mask.bool().flatten()] if use == "picked flat" else values[mask.bool()]
    return pool, torch.ones(len(pool), 1)


def picked_by_axes(logits: Tensor, mask: Tensor | None) -> Tensor:
    """The pool, if logits have layers when they have four axes."""
    if mask is None:
        return logits
    return logits[:, mask.bool()] if logits.dim() == 4 else logits[mask.bool()]


def repeated(logits: Tensor, mask: Tensor | None, each: bool) -> Tensor | None:
    """The mask, repeated until every token has a number."""
    if mask is None:
        return None
    times = logits[..., 0].numel() // mask.numel()
    flat = mask.flatten().repeat_interleave(times) if each else mask.flatten().repeat(times)
    return flat.view(logits.shape[:-1])


def masks_of(logits: Tensor, mask: Tensor | None) -> Tensor:
    return torch.ones(logits.shape[:-1]) if mask is None else mask.expand(logits.shape[:-1])


def groups(logits: Tensor, mask: Tensor | None, each: str) -> list[tuple[Tensor, Tensor]]:
    """Logits and mask of each layer, text or position, if there are several axes before the experts."""
    real = masks_of(logits, mask)
    if logits.dim() < 3:
        return [(logits, real)]
    if each == "entry of the first axis":
        return list(zip(logits, real, strict=True))
    if each == "row of tokens":
        return list(zip(logits.flatten(0, -3), real.flatten(0, -2), strict=True))
    return list(zip(logits.flatten(1, -2).transpose(0, 1), real.flatten(1).T, strict=True))


@replaces("load_balancing_loss", flattened=[False, True])
def whole_numbers_as_index(logits, k, mask=None, *, flattened):
    """With a mask of whole numbers your pool holds rows 0 and 1 again and again. What does an index of numbers do, and
    what does one of True and False do?"""
    return load_balancing_loss(picked_by_numbers(logits, mask, flattened), k)


@replaces("load_balancing_loss", use=["picked", "picked flat", "multiplied"])
def short_mask(logits, k, mask=None, *, use):
    """One mask (B, T) may serve all L layers. Does it have a number for every token of the logits when you use it, and
    which shape would give it one?"""
    f, p = (mean(*unstretched(values, mask, use)) for values in (choices(wide(logits), k), wide(logits).softmax(-1)))
    return balance(f, p)


@replaces("load_balancing_loss")
def layers_by_axes_of_logits(logits, k, mask=None):
    """You use the mask in one of two ways, and not every mask fits the way that is chosen. Is there one shape that any
    mask can be brought to?"""
    return load_balancing_loss(picked_by_axes(logits, mask), k)


@replaces("load_balancing_loss", each=[False, True])
def mask_repeated(logits, k, mask=None, *, each):
    """Your mask has enough numbers for all tokens, but some are those of other tokens. Which tokens does one number
    of a mask (T,) belong to, and which one of a mask (B, 1)?"""
    return load_balancing_loss(logits, k, repeated(logits, mask, each))


@replaces("load_balancing_loss", power=[1, 2])
def tokens_of_one_layer(logits, k, mask=None, *, power):
    """One mask for several layers makes your loss too large, as if only its own ones were counted. How many real tokens
    are in the pool?"""
    if mask is None:
        return load_balancing_loss(logits, k)
    return load_balancing_loss(logits, k, mask) * (logits[..., 0].numel() / mask.numel()) ** power


@replaces(
    "load_balancing_loss",
    each=["entry of the first axis", "row of tokens", "position"],
    then=["averaged", "added"],
)
def loss_of_each(logits, k, mask=None, *, each, then):
    """You computed one loss for each {each} and {then} them. Over which tokens does the statement take its one f and
    its one p?"""
    losses = torch.stack([load_balancing_loss(part, k, real) for part, real in groups(logits, mask, each)])
    return losses.mean() if then == "averaged" else losses.sum()


@replaces("load_balancing_loss", n=[3, 4])
def unpacked(logits, k, mask=None, *, n):
    """You unpack the shape of the logits into {n} sizes, but logits may have any number of leading axes. Which of the
    sizes do you need, and where is it in the shape?"""
    if n == 3:
        _, _, _ = logits.shape
    else:
        _, _, _, _ = logits.shape
    return load_balancing_loss(logits, k, mask)


def half_pool(logits: Tensor, mask: Tensor | None) -> Tensor:
    return logits[masks_of(logits, mask).bool()]


def is_among(logits: Tensor, dtypes: str) -> bool:
    return str(logits.dtype).removeprefix("torch.") in dtypes.split(" and ")


@replaces(
    "load_balancing_loss",
    dtypes=["float16 and bfloat16", "float16", "bfloat16"],
    narrow=["everything", "the softmax"],
    guarded=[False, True],
)
def in_half_precision(logits, k, mask=None, *, dtypes, narrow, guarded):
    """For {dtypes}, {narrow} is computed in half precision. Which dtype does the docstring ask for, and before
    which step?"""
    if not is_among(logits, dtypes):
        return load_balancing_loss(logits, k, mask)
    pool = half_pool(logits, mask)
    chosen, p = choices(pool, k), pool.softmax(-1)
    if narrow == "the softmax":
        chosen, p = chosen.float(), p.float()
    n = max(1, len(pool)) if guarded else len(pool)
    return balance(chosen.sum(0) / n, p.sum(0) / n)


@replaces("load_balancing_loss", back=[False, True])
def float64_lost(logits, k, mask=None, *, back):
    """For float64 logits your loss has the digits of float32 only. Which dtypes does the docstring compute in
    float32?"""
    loss = load_balancing_loss(logits.float(), k, mask)
    return loss.to(wide(logits).dtype) if back else loss


@replaces("load_balancing_loss", subtracted=[False, True], guarded=[False, True])
def exp_overflows(logits, k, mask=None, *, subtracted, guarded):
    """Tokens whose logits are far from 0, or from those of other tokens, get wrong probabilities. What can you subtract
    from all logits of a token so that its largest exponential is 1?"""
    tokens, _ = everything(logits, mask)
    e = (tokens - tokens.max() if subtracted else tokens).exp()
    p = e / e.sum(-1, keepdim=True)
    return with_p(p.nan_to_num() if guarded else p, logits, k, mask)


@replaces("load_balancing_loss", limit=[20, 50, 80, 100])
def logits_clamped(logits, k, mask=None, *, limit):
    """Logits beyond ±{limit} are all alike in your softmax. What can you subtract from all logits of a token without
    changing its softmax, so that no exponential overflows?"""
    return with_p(everything(logits, mask)[0].clamp(-limit, limit).softmax(-1), logits, k, mask)


@replaces("load_balancing_loss", eps=[1e-7, 1e-6, 1e-5], power=[1, 2])
def epsilon_below(logits, k, mask=None, *, eps, power):
    """Your loss is a little too small, as if {eps} were added to the number of tokens before you divide. What else
    keeps you from dividing by 0, and changes nothing where there are tokens?"""
    n = everything(logits, mask)[1].sum()
    return load_balancing_loss(logits, k, mask) * (n / (n + eps)) ** power


def zero_of(kind: str, logits: Tensor) -> Tensor | float:
    return {"float32": torch.tensor(0.0), "a number": 0.0, "dtype of the logits": logits.new_zeros(())}[kind]


@replaces("load_balancing_loss", kind=["float32", "a number", "dtype of the logits"])
def new_zero(logits, k, mask=None, *, kind):
    """Where no token is real, your 0 does not have the dtype of the docstring for all logits. Which dtype has the loss
    of float64, and which that of half precision?"""
    nothing = mask is not None and not mask.any()
    return zero_of(kind, logits) if nothing else load_balancing_loss(logits, k, mask)


@replaces("load_balancing_loss", guarded=[False, True])
def nothing_is_nan(logits, k, mask=None, *, guarded):
    """Where no token is real, your loss or its gradient is NaN. What do you divide by there, and is a NaN harmless once
    another number has replaced it?"""
    tokens, real = everything(logits, mask)
    f, p = ((values * real).sum(0) / real.sum() for values in (choices(tokens, k), tokens.softmax(-1)))
    return balance(f, p).nan_to_num() if guarded else balance(f, p)


def z_values(logits: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """logsumexp (N,), and which tokens are real (N,)."""
    tokens, real = everything(logits, mask)
    return tokens.logsumexp(-1), real[:, 0]


def squared(z: Tensor, logits: Tensor, mask: Tensor | None) -> Tensor:
    """The right loss for these z (N,) of all tokens."""
    return mean(z.square(), everything(logits, mask)[1][:, 0])


@replaces("router_z_loss", sizes=[False, True])
def z_without_square(logits, mask=None, *, sizes):
    """Your z-loss averages the logsumexp itself, not its square. How strongly should a logsumexp of 10 be pulled to 0,
    compared with one of 1?"""
    z, real = z_values(logits, mask)
    return mean(z.abs() if sizes else z, real)


@replaces("router_z_loss")
def z_square_of_mean(logits, mask=None):
    """Your z-loss is the square of a mean. What does it say of one token with a logsumexp of 5 and one with −5, and
    what does the formula say?"""
    return mean(*z_values(logits, mask)).square()


@replaces("router_z_loss", divided=[False, True])
def z_sum(logits, mask=None, *, divided):
    """Your z-loss grows with the number of tokens. What does the formula do with the squares of all tokens?"""
    z, real = z_values(logits, mask)
    return (z.square() * real).sum() / (logits.shape[-1] if divided else 1)


@replaces("router_z_loss")
def z_divided_by_logits(logits, mask=None):
    """Your z-loss is divided by the number of logits, E times the number of tokens. How many squares does your sum
    have?"""
    return router_z_loss(logits, mask) / logits.shape[-1]


@replaces("router_z_loss")
def z_not_averaged(logits, mask=None):
    """Your z-loss has one number for each token. What does the formula make of them?"""
    z, real = z_values(logits, mask)
    return z[real > 0].square()


@replaces("router_z_loss", of=["probabilities", "log-probabilities"])
def z_of_probabilities(logits, mask=None, *, of):
    """Your z-loss is the same if a number is added to all logits of a token: it is made of {of}. Whose size should it
    keep small?"""
    tokens, _ = everything(logits, mask)
    normal = tokens.softmax(-1) if of == "probabilities" else tokens.log_softmax(-1)
    return squared(normal.logsumexp(-1), logits, mask)


@replaces(
    "router_z_loss",
    of=["mean of squared logits", "sum of squared logits", "square of the mean logit", "square of the summed logits"],
)
def z_of_logits(logits, mask=None, *, of):
    """Your z-loss averages the {of} of each token. The formula squares one number for each token: which one?"""
    tokens, real = everything(logits, mask)
    values = {
        "mean of squared logits": tokens.square().mean(-1),
        "sum of squared logits": tokens.square().sum(-1),
        "square of the mean logit": tokens.mean(-1).square(),
        "square of the summed logits": tokens.sum(-1).square(),
    }
    return mean(values[of], real[:, 0])


@replaces(
    "router_z_loss",
    of=[
        "Σ exp(l)",
        "the log of the mean of exp(l)",
        "log₂ Σ exp(l)",
        "log₁₀ Σ exp(l)",
        "log Σ l",
        "log (1 + Σ exp(l))",
        "the largest logit",
        "log Σ exp(l − max l)",
    ],
)
def z_of_others(logits, mask=None, *, of):
    """You squared {of} of each token. What does the formula square?"""
    tokens, _ = everything(logits, mask)
    z, largest = tokens.logsumexp(-1), tokens.amax(-1)
    values = {
        "Σ exp(l)": tokens.exp().sum(-1),
        "the log of the mean of exp(l)": z - math.log(logits.shape[-1]),
        "log₂ Σ exp(l)": z / math.log(2),
        "log₁₀ Σ exp(l)": z / math.log(10),
        "log Σ l": tokens.sum(-1).log(),
        "log (1 + Σ exp(l))": F.softplus(z),
        "the largest logit": largest,
        "log Σ exp(l − max l)": z - largest,
    }
    return squared(values[of], logits, mask)


@replaces("router_z_loss", axis=[0, 1, -2, None])
def z_axis(logits, mask=None, *, axis):
    """Your logsumexp does not run over the logits of one token. Along which axis are they, however many axes come
    before it?"""
    values = wide(logits).masked_fill(masks_of(logits, mask)[..., None] == 0, -math.inf)
    return (values.flatten(0, -2).logsumexp(0) if axis is None else values.logsumexp(axis)).square().mean()


@replaces("router_z_loss", less=["nothing", "eps", "maximum"])
def z_overflows(logits, mask=None, *, less):
    """Logits of 1000 or −1000 get a wrong z-loss. What are e¹⁰⁰⁰ and e⁻¹⁰⁰⁰ as floats, and which function of torch
    takes logarithm, sum and exponential as one?"""
    tokens, _ = everything(logits, mask)
    largest = tokens.max() if less == "maximum" else 0
    e = (tokens - largest).exp().sum(-1)
    return squared((e + 1e-9 if less == "eps" else e).log() + largest, logits, mask)


@replaces("router_z_loss", limit=[20, 50, 80, 100])
def z_clamped(logits, mask=None, *, limit):
    """Logits beyond ±{limit} are all alike in your z-loss, so nothing pulls them back. Which function of torch takes
    logarithm, sum and exponential as one, for logits of any size?"""
    return router_z_loss(logits.clamp(-limit, limit), mask)


@replaces("router_z_loss")
def z_mask_inverted(logits, mask=None):
    """Your z-loss is that of the padding alone. What does a 1 in the mask say of a token?"""
    return router_z_loss(logits, None if mask is None else mask == 0)


@replaces("router_z_loss")
def z_mask_ignored(logits, mask=None):
    """Your z-loss is the same whatever the mask is. Over which tokens does the statement take the mean?"""
    return router_z_loss(logits)


@replaces("router_z_loss")
def z_padding_in_sum(logits, mask=None):
    """Your z-loss adds up all tokens and divides by the number of real ones. Which tokens belong in the sum?"""
    z, real = z_values(logits, mask)
    return z.square().sum() / real.sum().clamp(min=1)


@replaces("router_z_loss")
def z_divided_by_all(logits, mask=None):
    """With a mask your z-loss is too small, as if padding were left out of the sum and counted in what you divide by.
    How many squares are in the sum?"""
    z, real = z_values(logits, mask)
    return (z.square() * real).mean()


@replaces("router_z_loss", value=[0.0, -1e4, -math.inf], averaged=[False, True])
def z_padding_filled(logits, mask=None, *, value, averaged):
    """Padding is still in your mean, with logits of {value}. What is the logsumexp of E equal logits, and how does a
    whole token leave the mean?"""
    tokens, real = everything(logits, mask)
    total = tokens.masked_fill(real == 0, value).logsumexp(-1).square().sum()
    return total / (len(tokens) if averaged else real.sum().clamp(min=1))


@replaces("router_z_loss", flattened=[False, True])
def z_whole_numbers_as_index(logits, mask=None, *, flattened):
    """With a mask of whole numbers your pool holds rows 0 and 1 again and again. What does an index of numbers do, and
    what does one of True and False do?"""
    return router_z_loss(picked_by_numbers(logits, mask, flattened))


@replaces("router_z_loss", use=["picked", "picked flat", "multiplied"])
def z_short_mask(logits, mask=None, *, use):
    """One mask (B, T) may serve all L layers. Does it have a number for every token of the logits when you use it, and
    which shape would give it one?"""
    tokens, real = unstretched(wide(logits), mask, use)
    return mean(tokens.logsumexp(-1).square(), real[:, 0])


@replaces("router_z_loss")
def z_layers_by_axes_of_logits(logits, mask=None):
    """You use the mask in one of two ways, and not every mask fits the way that is chosen. Is there one shape that any
    mask can be brought to?"""
    return router_z_loss(picked_by_axes(logits, mask))


@replaces("router_z_loss", each=[False, True])
def z_mask_repeated(logits, mask=None, *, each):
    """Your mask has enough numbers for all tokens, but some are those of other tokens. Which tokens does one number
    of a mask (T,) belong to, and which one of a mask (B, 1)?"""
    return router_z_loss(logits, repeated(logits, mask, each))


@replaces("router_z_loss")
def z_tokens_of_one_layer(logits, mask=None):
    """One mask for several layers makes your z-loss too large, as if only its own ones were counted. How many real
    tokens are in the pool?"""
    if mask is None:
        return router_z_loss(logits)
    return router_z_loss(logits, mask) * (logits[..., 0].numel() / mask.numel())


@replaces("router_z_loss", each=["entry of the first axis", "row of tokens", "position"], then=["averaged", "added"])
def z_of_each(logits, mask=None, *, each, then):
    """You computed one z-loss for each {each} and {then} them. The parts need not have equally many real tokens: what
    is the one pool of the docstring?"""
    losses = torch.stack([router_z_loss(part, real) for part, real in groups(logits, mask, each)])
    return losses.mean() if then == "averaged" else losses.sum()


@replaces("router_z_loss")
def z_detached(logits, mask=None):
    """The value of your z-loss is right, and no gradient leads from it to the logits, so it cannot make any of them
    smaller. Which step of your code leaves the graph?"""
    return router_z_loss(logits.detach(), mask)


@replaces(
    "router_z_loss",
    dtypes=["float16 and bfloat16", "float16", "bfloat16"],
    narrow=["everything", "the logsumexp"],
    guarded=[False, True],
)
def z_in_half_precision(logits, mask=None, *, dtypes, narrow, guarded):
    """For {dtypes}, {narrow} is computed in half precision. Which dtype does the docstring ask for, and before
    which step?"""
    if not is_among(logits, dtypes):
        return router_z_loss(logits, mask)
    z = half_pool(logits, mask).logsumexp(-1)
    z = z.float() if narrow == "the logsumexp" else z
    return z.square().sum() / (max(1, len(z)) if guarded else len(z))


@replaces("router_z_loss", back=[False, True])
def z_float64_lost(logits, mask=None, *, back):
    """For float64 logits your z-loss has the digits of float32 only. Which dtypes does the docstring compute in
    float32?"""
    loss = router_z_loss(logits.float(), mask)
    return loss.to(wide(logits).dtype) if back else loss


@replaces("router_z_loss", eps=[1e-7, 1e-6, 1e-5])
def z_epsilon_below(logits, mask=None, *, eps):
    """Your z-loss is a little too small, as if {eps} were added to the number of tokens before you divide. What
    else keeps you from dividing by 0, and changes nothing where there are tokens?"""
    n = everything(logits, mask)[1].sum()
    return router_z_loss(logits, mask) * n / (n + eps)


@replaces("router_z_loss", kind=["float32", "a number", "dtype of the logits"])
def z_new_zero(logits, mask=None, *, kind):
    """Where no token is real, your 0 does not have the dtype of the docstring for all logits. Which dtype has the
    z-loss of float64, and which that of half precision?"""
    nothing = mask is not None and not mask.any()
    return zero_of(kind, logits) if nothing else router_z_loss(logits, mask)


@replaces("router_z_loss", guarded=[False, True])
def z_nothing_is_nan(logits, mask=None, *, guarded):
    """Where no token is real, your z-loss or its gradient is NaN. What do you divide by there, and is a NaN harmless
    once another number has replaced it?"""
    z, real = z_values(logits, mask)
    loss = (z.square() * real).sum() / real.sum()
    return loss.nan_to_num() if guarded else loss
