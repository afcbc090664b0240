"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from guided_sampling import gaussian_eps, guide, guide_batched, mixture_eps, sample
from torch import Tensor

from grader.testing import replaces


def squared(xt: Tensor, means: Tensor) -> Tensor:
    """Squared distances (B, M)."""
    return (xt[:, None] - means).square().sum(-1)


def weighed(xt: Tensor, ab: float, means: Tensor, var: float, logits: Tensor) -> Tensor:
    """ε of a mixture whose classes have these logits."""
    return gaussian_eps(xt, ab, logits.softmax(-1) @ means, var)


def variance(ab: float, var: float) -> float:
    return ab * var + 1 - ab


def log_joint(xt: Tensor, ab: float, means: Tensor, var: float, weights: Tensor) -> Tensor:
    """The right logits (B, M) of the classes."""
    return weights.log() - squared(xt, math.sqrt(ab) * means) / (2 * variance(ab, var))


def ddim(x: Tensor, eps: Tensor, ab: float, after: float) -> Tensor:
    x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
    return math.sqrt(after) * x0 + math.sqrt(1 - after) * eps


def steps(abars):
    """ᾱ of each step, and the ᾱ to go to."""
    return zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True)


def guided(x: Tensor, ab: float, means: Tensor, var: float, weights: Tensor, label: int, scale: float) -> Tensor:
    return guide(gaussian_eps(x, ab, means[label], var), mixture_eps(x, ab, means, var, weights), scale)


# guide and guide_batched


@replaces("guide")
def from_cond(eps_cond, eps_uncond, scale):
    """Your guidance begins at eps_cond, so s = 1 goes past it. With Ho and Salimans' w that is right, but here s = 1 +
    w: what should s = 1 return?"""
    return eps_cond + scale * (eps_cond - eps_uncond)


@replaces("guide")
def one_less(eps_cond, eps_uncond, scale):
    """At s = 1 you return eps_uncond, and at s = 2 eps_cond. Which scale should return which of the two?"""
    return eps_uncond + (scale - 1) * (eps_cond - eps_uncond)


@replaces("guide")
def away(eps_cond, eps_uncond, scale):
    """Your difference has the opposite sign: the larger s, the farther from the label. What should s = 1 return?"""
    return eps_uncond + scale * (eps_uncond - eps_cond)


@replaces("guide")
def exchanged(eps_cond, eps_uncond, scale):
    """The two predictions are exchanged: at s = 0 you return the one with the label. Which one should s = 0 return?"""
    return guide(eps_uncond, eps_cond, scale)


@replaces("guide")
def cond_times_scale(eps_cond, eps_uncond, scale):
    """Your result is s times eps_cond, and eps_uncond changes nothing. A longer ε is more noise, not more of the label:
    in which direction does guidance go?"""
    return scale * eps_cond


@replaces("guide")
def sum_of_both(eps_cond, eps_uncond, scale):
    """You added s times eps_cond to eps_uncond, so at s = 1 there is twice the noise. What does s multiply in the
    formula?"""
    return eps_uncond + scale * eps_cond


@replaces("guide")
def difference_alone(eps_cond, eps_uncond, scale):
    """You return s times the difference. What is it added to?"""
    return scale * (eps_cond - eps_uncond)


@replaces("guide")
def weighted_mean(eps_cond, eps_uncond, scale):
    """You took a weighted mean of the two predictions, which never leaves the way between them. What should s = 2
    return?"""
    return (scale * eps_cond + eps_uncond) / (1 + scale)


@replaces("guide_batched")
def halves_exchanged(eps_both, scale):
    """You took the first half for the one without labels, so guidance leads away from them. In which order are the
    halves?"""
    return guide_batched(eps_both.roll(len(eps_both) // 2, 0), scale)


@replaces("guide_batched")
def interleaved(eps_both, scale):
    """You took every second row for the rows with label. All rows with label come first: which row belongs to row 0?"""
    if len(eps_both) % 2:
        raise ValueError("odd")
    return guide(eps_both[::2], eps_both[1::2], scale)


@replaces("guide_batched")
def last_axis(eps_both, scale):
    """You cut the last axis into halves. Which axis has the 2B rows?"""
    if len(eps_both) % 2:
        raise ValueError("odd")
    half = eps_both.shape[-1] // 2
    return guide(eps_both[..., :half], eps_both[..., half : 2 * half], scale)


@replaces("guide_batched")
def doubled_again(eps_both, scale):
    """You returned the guided prediction twice, 2B rows, as some samplers want it. How many rows does the docstring
    promise?"""
    guided_once = guide_batched(eps_both, scale)
    return torch.cat([guided_once, guided_once])


@replaces("guide_batched", row=["last", "middle"])
def odd_row_dropped(eps_both, scale, *, row):
    """With an odd number of rows you leave one out and return the rest. Which row belongs to which then, and what does
    the contract say?"""
    B = len(eps_both) // 2
    return guide(eps_both[:B], eps_both[B : 2 * B] if row == "last" else eps_both[len(eps_both) - B :], scale)


@replaces("guide_batched")
def odd_left_to_torch(eps_both, scale):
    """With an odd number of rows you leave it to torch, which raises a RuntimeError or nothing at all. Which error does
    the contract name?"""
    eps_cond, eps_uncond = eps_both[: (len(eps_both) + 1) // 2], eps_both[(len(eps_both) + 1) // 2 :]
    return guide(eps_cond, eps_uncond, scale)


@replaces("guide_batched", error=[AssertionError, TypeError, IndexError])
def another_error(eps_both, scale, *, error):
    """With an odd number of rows you raise {error}. Which error does the contract name?"""
    if len(eps_both) % 2:
        raise error("an odd number of rows")
    return guide_batched(eps_both, scale)


# drop_labels


@replaces("drop_labels", equal=[False, True])
def kept_and_dropped(labels, null_label, p, u, *, equal):
    """You dropped the labels whose u is above p. With p = 0.1, what share of the labels should be dropped?"""
    return torch.where(u >= p if equal else u > p, null_label, labels)


@replaces("drop_labels")
def at_most_p(labels, null_label, p, u):
    """You drop where u equals p as well, and so at p = 0 a label whose u is 0. Which sign does the contract have?"""
    return torch.where(u <= p, null_label, labels)


@replaces("drop_labels", used=[0, -1])
def other_null(labels, null_label, p, u, *, used):
    """A dropped label becomes {used}, whatever null_label is. Which number says "no label", and which are classes?"""
    return torch.where(u < p, used, labels)


@replaces("drop_labels", decider=["the first u", "the mean of u"])
def all_or_none(labels, null_label, p, u, *, decider):
    """You drop all labels of the batch or none: {decider} decides. How many decisions does the docstring want?"""
    drop = (u[0] if decider == "the first u" else u.mean()) < p
    return torch.full_like(labels, null_label) if drop else labels.clone()


@replaces("drop_labels", dtype=[torch.float64, torch.float32, torch.int32])
def of_another_dtype(labels, null_label, p, u, *, dtype):
    """Your labels are {dtype}. Which dtype does the docstring promise?"""
    return torch.where(u < p, null_label, labels).to(dtype)


@replaces("drop_labels")
def rows_removed(labels, null_label, p, u):
    """You removed the dropped labels. Which label does the network read for these rows of the batch?"""
    return labels[u >= p]


@replaces("drop_labels")
def into_the_labels(labels, null_label, p, u):
    """You write the null labels into the labels that you were given, and whoever calls loses the true ones. Where could
    you put the new labels?"""
    labels[u < p] = null_label
    return labels


# gaussian_eps


@replaces("gaussian_eps", factor=["1", "1 − ᾱ", "√ᾱ", "1 / √(1 − ᾱ)"])
def other_factor(xt, ab, mean, var, *, factor):
    """Your ε is {factor} times (x_t − √ᾱ μ) / v_t. What was ε multiplied by when x_t was made?"""
    factors = {"1": 1.0, "1 − ᾱ": 1 - ab, "√ᾱ": math.sqrt(ab), "1 / √(1 − ᾱ)": 1 / math.sqrt(1 - ab)}
    return factors[factor] * (xt - math.sqrt(ab) * mean) / variance(ab, var)


@replaces("gaussian_eps")
def the_score(xt, ab, mean, var):
    """You returned the score, the gradient of log p. What do you multiply it by to get ε, and with which sign?"""
    return -(xt - math.sqrt(ab) * mean) / variance(ab, var)


@replaces("gaussian_eps")
def minus_eps(xt, ab, mean, var):
    """Your ε has the opposite sign. Does it lead from the data to the noise, or back?"""
    return -gaussian_eps(xt, ab, mean, var)


@replaces("gaussian_eps", v=["1 − ᾱ", "var + 1 − ᾱ", "ᾱ·var", "var", "1", "ᾱ²·var + 1 − ᾱ", "√ᾱ·var + 1 − ᾱ"])
def other_variance(xt, ab, mean, var, *, v):
    """You divided by {v} as if it were the variance of x_t. What does multiplying x0 by √ᾱ do to its variance, and what
    does the noise add?"""
    values = {
        "1 − ᾱ": 1 - ab,
        "var + 1 − ᾱ": var + 1 - ab,
        "ᾱ·var": ab * var,
        "var": var,
        "1": 1.0,
        "ᾱ²·var + 1 − ᾱ": ab * ab * var + 1 - ab,
        "√ᾱ·var + 1 − ᾱ": math.sqrt(ab) * var + 1 - ab,
    }
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / values[v]


@replaces("gaussian_eps", mu=["μ", "ᾱ μ", "μ / √ᾱ", "0"])
def other_mean(xt, ab, mean, var, *, mu):
    """You took {mu} for the mean of x_t. What was x0 multiplied by?"""
    factors = {"μ": 1 / math.sqrt(ab), "ᾱ μ": math.sqrt(ab), "μ / √ᾱ": 1 / ab, "0": 0.0}
    return gaussian_eps(xt, ab, mean * factors[mu], var)


@replaces("gaussian_eps")
def by_deviation(xt, ab, mean, var):
    """You divided by the standard deviation of x_t. What is the gradient of −z²/(2 v) by z divided by?"""
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / math.sqrt(variance(ab, var))


@replaces("gaussian_eps", power=[2, 0.5])
def other_power_of_var(xt, ab, mean, var, *, power):
    """You took var to the power {power}. Is it a variance or a standard deviation?"""
    return gaussian_eps(xt, ab, mean, var**power)


# mixture_eps


@replaces("mixture_eps", shares=["their weights", "equal shares"])
def same_everywhere(xt, ab, means, var, weights, *, shares):
    """The classes count by {shares} in your sum, wherever x_t is, so it is pulled to the middle of all. How probable is
    each class given x_t?"""
    return gaussian_eps(xt, ab, weights @ means if shares == "their weights" else means.mean(0), var)


@replaces("mixture_eps")
def weights_ignored(xt, ab, means, var, weights):
    """Your result is the same whatever the weights are. How probable is a class before x_t is seen?"""
    return mixture_eps(xt, ab, means, var, torch.full_like(weights, 1 / len(weights)))


@replaces("mixture_eps")
def weights_not_logs(xt, ab, means, var, weights):
    """You added the weights to the logits of the softmax. Which term inside of exp is a factor before it?"""
    v = variance(ab, var)
    return weighed(xt, ab, means, var, weights - squared(xt, math.sqrt(ab) * means) / (2 * v))


@replaces("mixture_eps")
def weights_after_softmax(xt, ab, means, var, weights):
    """You multiplied probabilities that add up to 1 by the weights. What do the products add up to, and what should
    they?"""
    r = (-squared(xt, math.sqrt(ab) * means) / (2 * variance(ab, var))).softmax(-1) * weights
    each = torch.stack([gaussian_eps(xt, ab, mean, var) for mean in means], dim=1)
    return (r[..., None] * each).sum(1)


@replaces("mixture_eps")
def nearest_class(xt, ab, means, var, weights):
    """Your x_t belongs to its most probable class alone. What is the ε halfway between two classes?"""
    return gaussian_eps(xt, ab, means[log_joint(xt, ab, means, var, weights).argmax(-1)], var)


@replaces("mixture_eps", divisor=["v_t", "4 v_t", "2 v_t²", "2 √v_t"])
def other_divisor(xt, ab, means, var, weights, *, divisor):
    """In your r_m the squared distance is divided by {divisor}. What is it divided by in the exponent of a Gaussian
    with the variance v_t?"""
    v = variance(ab, var)
    below = {"v_t": v, "4 v_t": 4 * v, "2 v_t²": 2 * v * v, "2 √v_t": 2 * math.sqrt(v)}[divisor]
    return weighed(xt, ab, means, var, weights.log() - squared(xt, math.sqrt(ab) * means) / below)


@replaces("mixture_eps", v=["1 − ᾱ", "var", "var + 1 − ᾱ", "ᾱ·var", "1"])
def other_variance_of_classes(xt, ab, means, var, weights, *, v):
    """In the probabilities of the classes you took {v} for the variance of x_t. The classes have a width, and x_t has
    noise in it: what do both add?"""
    values = {"1 − ᾱ": 1 - ab, "var": var, "var + 1 − ᾱ": var + 1 - ab, "ᾱ·var": ab * var, "1": 1.0}
    return weighed(xt, ab, means, var, weights.log() - squared(xt, math.sqrt(ab) * means) / (2 * values[v]))


@replaces("mixture_eps", mu=["μ_m", "ᾱ μ_m"])
def other_centres(xt, ab, means, var, weights, *, mu):
    """Your probabilities of the classes use the distances of x_t to {mu}. Around which points is the x_t of each
    class?"""
    centres = means if mu == "μ_m" else ab * means
    return weighed(xt, ab, means, var, weights.log() - squared(xt, centres) / (2 * variance(ab, var)))


@replaces("mixture_eps")
def distance_not_squared(xt, ab, means, var, weights):
    """Your r_m contain the distance itself. Which power of the distance is in the exponent of a Gaussian?"""
    d = squared(xt, math.sqrt(ab) * means).sqrt()
    return weighed(xt, ab, means, var, weights.log() - d / (2 * variance(ab, var)))


@replaces("mixture_eps")
def mean_over_axes(xt, ab, means, var, weights):
    """You averaged the squares over the D axes. Densities of independent numbers are multiplied: what happens to their
    exponents?"""
    d = squared(xt, math.sqrt(ab) * means) / xt.shape[-1]
    return weighed(xt, ab, means, var, weights.log() - d / (2 * variance(ab, var)))


@replaces("mixture_eps")
def over_the_batch(xt, ab, means, var, weights):
    """Your softmax runs over the batch. For what do the probabilities of the classes add up to 1?"""
    return gaussian_eps(xt, ab, log_joint(xt, ab, means, var, weights).softmax(0) @ means, var)


@replaces("mixture_eps", guard=[0.0, 1e-30, 1e-12, 1e-8])
def underflows(xt, ab, means, var, weights, *, guard):
    """Far from all means every exp is 0. What do your r_m add up to there, and what does a softmax subtract before it
    takes exp?"""
    p = weights * torch.exp(-squared(xt, math.sqrt(ab) * means) / (2 * variance(ab, var)))
    each = torch.stack([gaussian_eps(xt, ab, mean, var) for mean in means], dim=1)
    return ((p / (p.sum(-1, keepdim=True) + guard))[..., None] * each).sum(1)


@replaces("mixture_eps")
def largest_of_the_batch(xt, ab, means, var, weights):
    """You subtract the largest exponent of the whole batch before exp. What is left of a row that is much farther out
    than another, and over what does the softmax of one row run?"""
    logits = log_joint(xt, ab, means, var, weights)
    p = torch.exp(logits - logits.max())
    return gaussian_eps(xt, ab, p / p.sum(-1, keepdim=True) @ means, var)


@replaces("mixture_eps")
def not_normalised(xt, ab, means, var, weights):
    """Your r_m do not add up to 1. What is the sum of all w_m exp(…), and what turns these numbers into
    probabilities?"""
    p = log_joint(xt, ab, means, var, weights).exp()
    each = torch.stack([gaussian_eps(xt, ab, mean, var) for mean in means], dim=1)
    return (p[..., None] * each).sum(1)


@replaces("mixture_eps")
def sum_of_classes(xt, ab, means, var, weights):
    """You added the ε of all classes, as if each were there in full. How much does each class count, given x_t?"""
    return sum(gaussian_eps(xt, ab, mean, var) for mean in means)


@replaces("mixture_eps")
def one_gaussian(xt, ab, means, var, weights):
    """You described the mixture by one Gaussian with its mean and its total variance. Between two classes a mixture has
    few points, and a Gaussian has many. How probable is each class given x_t?"""
    mean = weights @ means
    total = var + weights @ (means - mean).square()
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / (ab * total + 1 - ab)


@replaces("mixture_eps")
def farthest(xt, ab, means, var, weights):
    """The farther a class is from x_t, the more it counts in your sum. Which sign does the exponent of a Gaussian
    have?"""
    v = variance(ab, var)
    return weighed(xt, ab, means, var, weights.log() + squared(xt, math.sqrt(ab) * means) / (2 * v))


# sample


@replaces("sample", used=[1.0, 0.0, 7.5])
def scale_ignored(xT, means, var, weights, label, scale, abars, *, used):
    """Your samples are those of the scale {used}, whatever scale is. Where does guide come in?"""
    return sample(xT, means, var, weights, label, used, abars)


@replaces("sample")
def guided_above_one(xT, means, var, weights, label, scale, abars):
    """Below a scale of 1 you use the prediction with the label, so s = 0 samples the class. What does guide return for
    s = 0, and for s = 0.5?"""
    return sample(xT, means, var, weights, label, max(scale, 1.0), abars)


@replaces("sample", by=[1.0, -1.0])
def other_scale(xT, means, var, weights, label, scale, abars, *, by):
    """Your sampler guides as if s were {by} more. What should it sample at s = 1?"""
    return sample(xT, means, var, weights, label, scale + by, abars)


@replaces("sample")
def predictions_exchanged(xT, means, var, weights, label, scale, abars):
    """The two predictions are exchanged in your guidance, so s = 0 samples the class. Which prediction does guide start
    from?"""
    return sample(xT, means, var, weights, label, 1.0 - scale, abars)


@replaces("sample", used=[0, -1])
def one_label(xT, means, var, weights, label, scale, abars, *, used):
    """Your sampler leads to the same class whatever the label is. Which of the means belongs to the label?"""
    return sample(xT, means, var, weights, used % len(means), scale, abars)


@replaces("sample")
def finished_samples_guided(xT, means, var, weights, label, scale, abars):
    """You sampled twice to the end, with the label and without, and guided the two results. At which x does guide need
    both predictions, and in which steps?"""
    with_label, without = (sample(xT, means, var, weights, label, s, abars) for s in (1.0, 0.0))
    return guide(with_label, without, scale)


@replaces("sample")
def wrong_end(xT, means, var, weights, label, scale, abars):
    """You go through abars from its beginning. It falls: which end has the most noise, like xT?"""
    return sample(xT, means, var, weights, label, scale, abars[::-1])


@replaces("sample")
def stops_early(xT, means, var, weights, label, scale, abars):
    """Your result is x at the first entry of abars, where it still has noise in it. To which ᾱ does the last step
    lead?"""
    x = xT
    for ab, after in zip(abars[:0:-1], abars[-2::-1], strict=True):
        x = ddim(x, guided(x, ab, means, var, weights, label, scale), ab, after)
    return x.clone()


@replaces("sample")
def round_to_the_last(xT, means, var, weights, label, scale, abars):
    """After the first entry of abars you went on to the last one, and so back to the noise. To which ᾱ does the last
    step lead, and what is index −1 in Python?"""
    x = xT
    for i in reversed(range(len(abars))):
        x = ddim(x, guided(x, abars[i], means, var, weights, label, scale), abars[i], abars[i - 1])
    return x


@replaces("sample")
def begins_late(xT, means, var, weights, label, scale, abars):
    """You left the last entry of abars out, as if xT belonged to the one before. Where does sampling begin?"""
    return sample(xT, means, var, weights, label, scale, abars[:-1] or abars)


@replaces("sample", which=["with", "without"])
def other_noise(xT, means, var, weights, label, scale, abars, *, which):
    """Your x0 is made from the guided ε, and the noise that you put back is the prediction {which} the label. How many
    different ε does a step of the statement use?"""
    x = xT
    for ab, after in steps(abars):
        x0 = ddim(x, guided(x, ab, means, var, weights, label, scale), ab, 1.0)
        with_label, without = gaussian_eps(x, ab, means[label], var), mixture_eps(x, ab, means, var, weights)
        x = math.sqrt(after) * x0 + math.sqrt(1 - after) * (with_label if which == "with" else without)
    return x


@replaces("sample")
def straight_to_x0(xT, means, var, weights, label, scale, abars):
    """After each step you went on with the predicted x0 alone. How much noise belongs to the next ᾱ?"""
    x = xT
    for ab in reversed(abars):
        x = ddim(x, guided(x, ab, means, var, weights, label, scale), ab, 1.0)
    return x


@replaces("sample")
def x0_not_shrunk(xT, means, var, weights, label, scale, abars):
    """You put the noise of the next step back to x0 without its factor. What is x0 multiplied by in x at ᾱ′?"""
    x = xT
    for ab, after in steps(abars):
        eps = guided(x, ab, means, var, weights, label, scale)
        x = ddim(x, eps, ab, 1.0) + math.sqrt(1 - after) * eps
    return x


@replaces("sample")
def noise_of_this_step(xT, means, var, weights, label, scale, abars):
    """You put back as much noise as the step began with: x0 has the factor of ᾱ′, and ε that of ᾱ. To which step do
    both belong, and do their squares add up to 1?"""
    x = xT
    for ab, after in steps(abars):
        eps = guided(x, ab, means, var, weights, label, scale)
        x = math.sqrt(after) * ddim(x, eps, ab, 1.0) + math.sqrt(1 - ab) * eps
    return x


@replaces("sample", bound=[1.0, 2.0])
def clipped(xT, means, var, weights, label, scale, abars, *, bound):
    """Your x0 never leaves −{bound} to {bound}. Samplers of images clip it; where are the means of the classes here?"""
    x = xT
    for ab, after in steps(abars):
        eps = guided(x, ab, means, var, weights, label, scale)
        x = math.sqrt(after) * ddim(x, eps, ab, 1.0).clamp(-bound, bound) + math.sqrt(1 - after) * eps
    return x


@replaces("sample")
def uncond_is_middle(xT, means, var, weights, label, scale, abars):
    """Without the label you took one Gaussian around the mean of all classes. How are the data distributed if the label
    is not known?"""
    x = xT
    for ab, after in steps(abars):
        middle = gaussian_eps(x, ab, weights @ means, var)
        x = ddim(x, guide(gaussian_eps(x, ab, means[label], var), middle, scale), ab, after)
    return x


@replaces("sample")
def all_but_the_label(xT, means, var, weights, label, scale, abars):
    """Without the label you took the mixture of the other classes, so that at s = 0 no sample is of the label's class.
    A network without a label does not know which class is meant: which data has it seen?"""
    others = weights * (torch.arange(len(weights)) != label)
    x = xT
    for ab, after in steps(abars):
        uncond = mixture_eps(x, ab, means, var, others / others.sum())
        x = ddim(x, guide(gaussian_eps(x, ab, means[label], var), uncond, scale), ab, after)
    return x


@replaces("sample")
def no_roots(xT, means, var, weights, label, scale, abars):
    """Your steps multiply x0 by ᾱ and ε by 1 − ᾱ. Which powers have squares that add up to 1?"""
    x = xT
    for ab, after in steps(abars):
        eps = guided(x, ab, means, var, weights, label, scale)
        x0 = (x - (1 - ab) * eps) / ab
        x = after * x0 + (1 - after) * eps
    return x


@replaces("sample")
def keeps_noise(xT, means, var, weights, label, scale, abars):
    """Your x stays what it was, as if each step led to the ᾱ that it began with. To which ᾱ does a step lead?"""
    return xT.clone()
