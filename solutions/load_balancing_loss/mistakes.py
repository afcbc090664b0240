"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
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


def shares(logits: Tensor, k: int, mask: Tensor | None) -> tuple[Tensor, Tensor, int]:
    """f, p and E, as they should be."""
    logits, real = everything(logits, mask)
    return mean(choices(logits, k), real), mean(logits.softmax(-1), real), logits.shape[-1]


@replaces("load_balancing_loss")
def chosen_by_probability(logits, k, mask=None):
    """You chose the experts by their probabilities, and of logits that lie far apart all but the largest probability
    are 0: a choice among zeros is none. What was k chosen by?"""
    logits, real = everything(logits, mask)
    p = logits.softmax(-1)
    return logits.shape[-1] * (mean(choices(p, k), real) * mean(p, real)).sum()


@replaces("load_balancing_loss")
def p_squared(logits, k, mask=None):
    """You took the mean probability twice. A router can be even on average while every single choice goes to the same
    expert: f counts what was chosen."""
    _, p, E = shares(logits, k, mask)
    return E * (p * p).sum()


@replaces("load_balancing_loss")
def f_squared(logits, k, mask=None):
    """You took the counts twice. They are the right measure, but a count has no gradient, and nothing can be learnt
    from it: the other factor has to be a probability."""
    f, _, E = shares(logits, k, mask)
    return E * (f * f).sum()


@replaces("load_balancing_loss")
def no_factor_e(logits, k, mask=None):
    """Your loss shrinks with the number of experts: even use scores k / E. Which factor of the formula makes it k
    for any E?"""
    f, p, _ = shares(logits, k, mask)
    return (f * p).sum()


@replaces("load_balancing_loss")
def divided_by_k(logits, k, mask=None):
    """You divided f by k, so that even use scores 1. Some papers do. Here f is a share of tokens and sums to k."""
    f, p, E = shares(logits, k, mask)
    return E * (f * p).sum() / k


@replaces("load_balancing_loss")
def first_choice(logits, k, mask=None):
    """You counted the best expert of each token only. A token makes k choices, and each makes an expert busy."""
    f, _, E = shares(logits, 1, mask)
    _, p, _ = shares(logits, k, mask)
    return E * (f * p).sum()


@replaces("load_balancing_loss")
def counts_not_shares(logits, k, mask=None):
    """Your f is a number of tokens, so the loss grows with the batch. It is a share of them."""
    f, p, E = shares(logits, k, mask)
    _, real = everything(logits, mask)
    return E * (f * real.sum() * p).sum()


@replaces("load_balancing_loss")
def weights_of_chosen(logits, k, mask=None):
    """Your p holds the weights of the chosen experts alone, renormalised over k. An expert that was not chosen then
    has probability 0 and no gradient. p comes from the softmax over all E."""
    f, _, E = shares(logits, k, mask)
    logits, real = everything(logits, mask)
    kept = logits.masked_fill(choices(logits, k) == 0, float("-inf"))
    return E * (f * mean(kept.softmax(-1), real)).sum()


@replaces("load_balancing_loss")
def softmax_of_mean(logits, k, mask=None):
    """You averaged the logits and took one softmax. p is the average of the probabilities: first a softmax for
    every token, then the mean."""
    f, _, E = shares(logits, k, mask)
    return E * (f * mean(*everything(logits, mask)).softmax(-1)).sum()


@replaces("load_balancing_loss")
def softmax_over_tokens(logits, k, mask=None):
    """Your softmax runs over the tokens. Every token has a probability for each expert: those of one token sum to 1."""
    f, _, E = shares(logits, k, mask)
    logits, real = everything(logits, mask)
    return E * (f * mean(logits.softmax(0), real)).sum()


@replaces("load_balancing_loss")
def detached(logits, k, mask=None):
    """Your loss is a number without a gradient: p was detached, or computed under no_grad. Only f may be cut off."""
    if mask is not None and not mask.any():
        return load_balancing_loss(logits, k, mask)
    return load_balancing_loss(logits.detach(), k, mask)


@replaces("load_balancing_loss")
def counts_with_a_gradient(logits, k, mask=None):
    """You gave the counts the gradient of the probabilities, and the loss now changes the router through f as well.
    Its value is right. Which of the two factors does the docstring let the gradient through?"""
    logits, real = everything(logits, mask)
    p = logits.softmax(-1)
    counts = choices(logits, k) + p - p.detach()
    return logits.shape[-1] * (mean(counts, real) * mean(p, real)).sum()


@replaces("load_balancing_loss")
def mask_ignored(logits, k, mask=None):
    """Padding counts in your loss. Pads are all alike, so they all choose the same experts: leave them out of f and
    of p."""
    return load_balancing_loss(logits, k)


@replaces("load_balancing_loss")
def f_with_padding(logits, k, mask=None):
    """p leaves padding out, f still counts it. What a pad chose makes no expert busy."""
    f, _, E = shares(logits, k, None)
    real = everything(logits, mask)[1]
    return E * (f * shares(logits, k, mask)[1]).sum() * (real.sum() > 0)


@replaces("load_balancing_loss")
def divided_by_all(logits, k, mask=None):
    """You left the pads out of the sums and then divided by the number of all tokens, pads included. Then f no longer
    sums to k, nor p to 1."""
    logits, real = everything(logits, mask)
    f, p = (choices(logits, k) * real).mean(0), (logits.softmax(-1) * real).mean(0)
    return logits.shape[-1] * (f * p).sum()


@replaces("load_balancing_loss")
def p_divided_by_all(logits, k, mask=None):
    """f is right, but p was divided by the number of all tokens, pads included: it no longer sums to 1."""
    f, _, E = shares(logits, k, mask)
    logits, real = everything(logits, mask)
    return E * (f * (logits.softmax(-1) * real).mean(0)).sum()


@replaces("load_balancing_loss")
def mask_as_index(logits, k, mask=None):
    """A mask of numbers was used as an index: logits[mask] with 0 and 1 in it takes the tokens 0 and 1, again and
    again. Make it bool first."""
    if mask is None:
        return load_balancing_loss(logits, k)
    mask = mask.expand(logits.shape[:-1]).reshape(-1)
    return load_balancing_loss(logits.flatten(0, -2)[mask if mask.dtype == torch.bool else mask.long()], k)


@replaces("load_balancing_loss")
def mask_from_the_front(logits, k, mask=None):
    """You repeat the numbers of the mask one after the other until every token has one. That serves a mask that has the
    last axes in full: which tokens belong to the two numbers of a mask (2, 1)?"""
    if mask is not None:
        mask = mask.flatten().repeat(logits[..., 0].numel() // mask.numel()).view(logits.shape[:-1])
    return load_balancing_loss(logits, k, mask)


@replaces("load_balancing_loss")
def mask_in_wrong_order(logits, k, mask=None):
    """You repeated each entry of the mask, where the whole mask has to come once for every layer: the tokens of
    layer 1 stand behind all those of layer 0."""
    if mask is not None:
        times = logits[..., 0].numel() // mask.numel()
        mask = mask.flatten().repeat_interleave(times).view(logits.shape[:-1])
    return load_balancing_loss(logits, k, mask)


@replaces("load_balancing_loss")
def mask_not_stretched(logits, k, mask=None):
    """Your mask has as many numbers as it came with, and the tokens of all layers do not fit them: one mask (B, T) may
    stand for L layers. Which shape must it have before it is flattened like the logits?"""
    if mask is None:
        return load_balancing_loss(logits, k)
    tokens = wide(logits).flatten(0, -2)
    real = mask.reshape(-1, 1).to(tokens.dtype)
    return tokens.shape[-1] * (mean(choices(tokens, k), real) * mean(tokens.softmax(-1), real)).sum()


@replaces("load_balancing_loss")
def whole_numbers_as_index(logits, k, mask=None):
    """Your mask holds whole numbers, and as an index they name the rows 0 and 1; only a bool mask picks. What must
    become of it first?"""
    if mask is None or mask.dtype == torch.bool:
        return load_balancing_loss(logits, k, mask)
    return load_balancing_loss(logits[mask.long().expand(logits.shape[:-1])], k)


@replaces("load_balancing_loss")
def index_not_stretched(logits, k, mask=None):
    """You pick the real tokens with a mask that was flattened as it came. One mask (B, T) may stand for L layers, and
    has too few numbers for their tokens then. Which shape must it have before it is flattened like the logits?"""
    return load_balancing_loss(logits if mask is None else logits.flatten(0, -2)[mask.bool().flatten()], k)


@replaces("load_balancing_loss")
def index_of_fewer_axes(logits, k, mask=None):
    """You pick the real tokens with the mask as it came, and torch lays it on the first axes of the logits. One mask
    (B, T) may stand for L layers: which shape must it have before you pick with it?"""
    return load_balancing_loss(logits if mask is None else logits[mask.bool()], k)


@replaces("load_balancing_loss")
def tokens_of_one_layer(logits, k, mask=None):
    """You summed over the tokens of all layers and divided by the ones in the mask, which has those of one layer. How
    many real tokens are there in the pool?"""
    if mask is None:
        return load_balancing_loss(logits, k)
    layers = logits[..., 0].numel() / mask.numel()
    return load_balancing_loss(logits, k, mask) * layers**2


@replaces("load_balancing_loss")
def mean_of_layers(logits, k, mask=None):
    """You averaged one loss for each entry of the first axis. Here all layers are one pool before f and p are
    taken. (Pooled, one layer's excess can hide another's lack, so there is a case for your version.)"""
    if logits.dim() < 3:
        return load_balancing_loss(logits, k, mask)
    masks = [None] * len(logits) if mask is None else mask.expand(logits.shape[:-1])
    return torch.stack([load_balancing_loss(layer, k, m) for layer, m in zip(logits, masks, strict=True)]).mean()


@replaces("load_balancing_loss")
def in_half_precision(logits, k, mask=None):
    """Half precision was kept all the way. With 8 bits the numbers between 256 and 512 are even, and a count can be
    off; a probability is off in its third digit. Go to float32 first, from bfloat16 as well as from float16."""
    if logits.dtype == torch.float64:
        return load_balancing_loss(logits, k, mask)
    E = logits.shape[-1]
    logits = logits.flatten(0, -2) if mask is None else logits[mask.bool().expand(logits.shape[:-1])]
    return E * (choices(logits, k).mean(0) * logits.softmax(-1).mean(0)).sum()


@replaces("load_balancing_loss")
def float16_stays(logits, k, mask=None):
    """bfloat16 becomes float32 in your code, and float16 stays as it is. How many dtypes are half precision?"""
    if logits.dtype != torch.float16:
        return load_balancing_loss(logits, k, mask)
    E = logits.shape[-1]
    logits = logits.flatten(0, -2) if mask is None else logits[mask.bool().expand(logits.shape[:-1])]
    return E * (choices(logits, k).mean(0) * logits.softmax(-1).mean(0)).sum()


@replaces("load_balancing_loss")
def float64_by_way_of_float32(logits, k, mask=None):
    """Your result is float64 and has the digits of float32: all logits went through it. Which of them does the
    docstring send there?"""
    return load_balancing_loss(logits.float(), k, mask).to(wide(logits).dtype)


@replaces("load_balancing_loss")
def always_float32(logits, k, mask=None):
    """Everything went to float32, float64 logits too. Only half precision needs that: float64 stays float64."""
    return load_balancing_loss(logits.float(), k, mask)


@replaces("load_balancing_loss")
def exp_overflows(logits, k, mask=None):
    """exp of a large logit is infinite, and infinity divided by infinity is NaN. A softmax that is written by hand
    subtracts the largest logit of each token first; torch.softmax does."""
    f, _, E = shares(logits, k, mask)
    logits, real = everything(logits, mask)
    e = logits.exp()
    return E * (f * mean(e / e.sum(-1, keepdim=True), real)).sum()


@replaces("load_balancing_loss")
def half_without_a_token(logits, k, mask=None):
    """Where no token is real, your 0 has the dtype of the logits. The loss of half precision is float32, with tokens or
    without."""
    loss = load_balancing_loss(logits, k, mask)
    return loss.to(logits.dtype) if mask is not None and not mask.any() else loss


@replaces("load_balancing_loss")
def nothing_is_nan(logits, k, mask=None):
    """Where the mask leaves no token you divide 0 by 0. A batch of padding has no loss: it is 0."""
    logits, real = everything(logits, mask)
    f, p = ((values * real).sum(0) / real.sum() for values in (choices(logits, k), logits.softmax(-1)))
    return logits.shape[-1] * (f * p).sum()


@replaces("load_balancing_loss")
def weights_as_load(logits, k, mask=None):
    """Your f adds up the weights that the chosen experts get. By the formula f is a share of tokens: how much does an
    expert count for a token that chose it with a small weight?"""
    logits, real = everything(logits, mask)
    top = logits.topk(k, dim=-1)
    load = torch.zeros_like(logits).scatter(-1, top.indices, k * top.values.softmax(-1))
    return logits.shape[-1] * (mean(load, real) * mean(logits.softmax(-1), real)).sum()


@replaces("load_balancing_loss")
def probabilities_as_load(logits, k, mask=None):
    """Your f adds up the probabilities of the chosen experts. By the formula f is a share of tokens: how much does an
    expert count for a token that chose it with probability 0.3?"""
    logits, real = everything(logits, mask)
    p = logits.softmax(-1)
    return logits.shape[-1] * (mean(choices(logits, k) * p, real) * mean(p, real)).sum()


@replaces("load_balancing_loss")
def padding_zeroed(logits, k, mask=None):
    """You multiplied the logits by the mask, and padding stayed in the pool with logits of 0. Which probabilities does
    a softmax make of those, and by how many tokens do you divide?"""
    logits, real = everything(logits, mask)
    logits = logits * real
    return logits.shape[-1] * (choices(logits, k).mean(0) * logits.softmax(-1).mean(0)).sum()


@replaces("load_balancing_loss")
def product_of_each_token(logits, k, mask=None):
    """You multiplied choices and probabilities token by token and averaged the products. f and p are averages
    themselves: which comes first, the mean or the product?"""
    logits, real = everything(logits, mask)
    return logits.shape[-1] * mean(choices(logits, k) * logits.softmax(-1), real).sum()


@replaces("load_balancing_loss")
def fresh_zero(logits, k, mask=None):
    """Where no token is real you return a new zero. It is float32 whatever the logits are, and hangs on no logit, so
    that nothing can go backward from it. What is the sum of your pool, when it is empty?"""
    if mask is not None and not mask.any():
        return torch.tensor(0.0)
    return load_balancing_loss(logits, k, mask)


@replaces("load_balancing_loss")
def padding_minus_infinity(logits, k, mask=None):
    """You gave padding logits of −infinity. A softmax over nothing but −infinity is NaN, and NaN stays NaN in every sum
    and times 0. That is how keys are masked; how does a whole token leave the pool?"""
    logits, real = everything(logits, mask)
    p = logits.masked_fill(real == 0, float("-inf")).softmax(-1)
    return logits.shape[-1] * (mean(choices(logits, k), real) * mean(p, real)).sum()


def z_values(logits: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """logsumexp (N,), and which tokens are real (N,)."""
    logits, real = everything(logits, mask)
    return logits.logsumexp(-1), real[:, 0]


@replaces("router_z_loss")
def z_without_square(logits, mask=None):
    """Your z-loss is the mean of logsumexp itself. That has no lower end: all logits would sink for ever. What in
    the formula pulls it to 0?"""
    return mean(*z_values(logits, mask))


@replaces("router_z_loss")
def z_square_of_mean(logits, mask=None):
    """You took the mean first and squared it. A token at 5 and one at −5 then cancel: square for each token, then
    average."""
    return mean(*z_values(logits, mask)).square()


@replaces("router_z_loss")
def z_sum(logits, mask=None):
    """Your z-loss is a sum, and grows with the batch. It is a mean over the real tokens."""
    z, real = z_values(logits, mask)
    return (z.square() * real).sum()


@replaces("router_z_loss")
def z_of_probabilities(logits, mask=None):
    """You took the logsumexp of probabilities. They sum to 1, whatever the logits are: after the softmax their size
    is gone."""
    z, real = z_values(torch.softmax(wide(logits), dim=-1), mask)
    return mean(z.square(), real)


@replaces("router_z_loss")
def mean_square(logits, mask=None):
    """That is the mean square of the logits. The formula squares one number for each token, log Σ exp of its
    logits."""
    logits, real = everything(logits, mask)
    return mean(logits.square().mean(-1), real[:, 0])


@replaces("router_z_loss")
def z_over_tokens(logits, mask=None):
    """Your logsumexp runs over the tokens and gives one number for each expert. On which axis do the logits of one
    token lie?"""
    logits, real = everything(logits, mask)
    return logits.masked_fill(real == 0, float("-inf")).logsumexp(0).square().mean()


@replaces("router_z_loss")
def z_overflows(logits, mask=None):
    """exp of 1000 is infinite, and the log of e^−1000 is −infinity, although log Σ exp itself is about 1000. torch has
    one function for the three steps."""
    logits, real = everything(logits, mask)
    return mean(logits.exp().sum(-1).log().square(), real[:, 0])


@replaces("router_z_loss")
def z_mask_ignored(logits, mask=None):
    """Padding counts in your z-loss. Leave those tokens out of the mean."""
    return router_z_loss(logits)


@replaces("router_z_loss")
def z_mask_not_stretched(logits, mask=None):
    """Your mask has as many numbers as it came with, and the tokens of all layers do not fit them: one mask (B, T) may
    stand for L layers. Which shape must it have before it is flattened like the logits?"""
    if mask is None:
        return router_z_loss(logits)
    z = wide(logits).flatten(0, -2).logsumexp(-1)
    real = mask.flatten().to(z.dtype)
    return (z.square() * real).sum() / real.sum().clamp(min=1)


@replaces("router_z_loss")
def z_whole_numbers_as_index(logits, mask=None):
    """Your mask holds whole numbers, and as an index they name the rows 0 and 1; only a bool mask picks. What must
    become of it first?"""
    if mask is None or mask.dtype == torch.bool:
        return router_z_loss(logits, mask)
    return router_z_loss(logits[mask.long().expand(logits.shape[:-1])])


@replaces("router_z_loss")
def z_index_not_stretched(logits, mask=None):
    """You pick the real tokens with a mask that was flattened as it came. One mask (B, T) may stand for L layers, and
    has too few numbers for their tokens then. Which shape must it have before it is flattened like the logits?"""
    return router_z_loss(logits if mask is None else logits.flatten(0, -2)[mask.bool().flatten()])


@replaces("router_z_loss")
def z_index_of_fewer_axes(logits, mask=None):
    """You pick the real tokens with the mask as it came, and torch lays it on the first axes of the logits. One mask
    (B, T) may stand for L layers: which shape must it have before you pick with it?"""
    return router_z_loss(logits if mask is None else logits[mask.bool()])


@replaces("router_z_loss")
def z_by_axes_of_logits(logits, mask=None):
    """You look at the axes of the logits to see whether they have layers. One mask for all layers, or one for each: the
    axes of the mask decide, and expand does it without a question."""
    if mask is None or not mask.any():
        return router_z_loss(logits, mask)
    tokens = logits[:, mask.bool()] if logits.dim() == 4 else logits[mask.bool()]
    return router_z_loss(tokens)


@replaces("router_z_loss")
def z_divided_by_all(logits, mask=None):
    """You left the pads out of the sum and divided by the number of all tokens. The mean is over the real ones."""
    z, real = z_values(logits, mask)
    return (z.square() * real).mean()


@replaces("router_z_loss")
def z_tokens_of_one_layer(logits, mask=None):
    """You summed over the tokens of all layers and divided by the ones in the mask, which has those of one layer. How
    many real tokens are there in the pool?"""
    if mask is None:
        return router_z_loss(logits)
    return router_z_loss(logits, mask) * (logits[..., 0].numel() / mask.numel())


@replaces("router_z_loss")
def z_fresh_zero(logits, mask=None):
    """Where no token is real you return a new zero. It is float32 whatever the logits are, and hangs on no logit, so
    that nothing can go backward from it. What is the sum of your pool, when it is empty?"""
    if mask is not None and not mask.any():
        return torch.tensor(0.0)
    return router_z_loss(logits, mask)


@replaces("router_z_loss")
def z_padding_minus_infinity(logits, mask=None):
    """You gave padding logits of −infinity. The logsumexp of nothing but −infinity is −infinity, and its square is
    infinite. How does a whole token leave the pool?"""
    logits, real = everything(logits, mask)
    return logits.masked_fill(real == 0, float("-inf")).logsumexp(-1).square().mean()


@replaces("router_z_loss")
def z_detached(logits, mask=None):
    """Your z-loss has no gradient, so it cannot make any logit smaller: something was detached."""
    return router_z_loss(logits.detach(), mask)


@replaces("router_z_loss")
def z_in_half_precision(logits, mask=None):
    """The logsumexp was computed in half precision: its third digit is rounded, and squared. Go to float32 first,
    from bfloat16 as well as from float16."""
    if logits.dtype == torch.float64:
        return router_z_loss(logits, mask)
    logits = logits.flatten(0, -2) if mask is None else logits[mask.bool().expand(logits.shape[:-1])]
    return logits.logsumexp(-1).square().mean()


@replaces("router_z_loss")
def z_float16_stays(logits, mask=None):
    """bfloat16 becomes float32 in your code, and float16 stays as it is. How many dtypes are half precision?"""
    if logits.dtype != torch.float16:
        return router_z_loss(logits, mask)
    z = logits.logsumexp(-1)
    return (z if mask is None else z[mask.bool().expand(z.shape)]).square().mean()


@replaces("router_z_loss")
def z_always_float32(logits, mask=None):
    """Everything went to float32, float64 logits too. Only half precision needs that: float64 stays float64."""
    return router_z_loss(logits.float(), mask)


@replaces("router_z_loss")
def z_nothing_is_nan(logits, mask=None):
    """Where the mask leaves no token you divide 0 by 0. A batch of padding has no loss: it is 0."""
    z, real = z_values(logits, mask)
    return (z.square() * real).sum() / real.sum()


@replaces("router_z_loss")
def z_padding_zeroed(logits, mask=None):
    """You multiplied the logits by the mask, and padding stayed in the pool with logits of 0. What is the logsumexp
    of E zeros?"""
    logits, real = everything(logits, mask)
    return (logits * real).logsumexp(-1).square().mean()


@replaces("router_z_loss")
def z_of_the_largest(logits, mask=None):
    """You squared the largest logit of each token. The formula squares log Σ exp: which of the E logits take part in
    it?"""
    logits, real = everything(logits, mask)
    return mean(logits.amax(-1).square(), real[:, 0])


@replaces("router_z_loss")
def z_mean_of_layers(logits, mask=None):
    """You averaged one z-loss for each entry of the first axis. With a mask the entries have different numbers of real
    tokens: what is the one pool that the docstring speaks of?"""
    if logits.dim() < 3:
        return router_z_loss(logits, mask)
    masks = [None] * len(logits) if mask is None else mask.expand(logits.shape[:-1])
    return torch.stack([router_z_loss(layer, m) for layer, m in zip(logits, masks, strict=True)]).mean()
