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


def ddim(x: Tensor, eps: Tensor, ab: float, after: float) -> Tensor:
    x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
    return math.sqrt(after) * x0 + math.sqrt(1 - after) * eps


def guided(x: Tensor, ab: float, means: Tensor, var: float, weights: Tensor, label: int, scale: float) -> Tensor:
    return guide(gaussian_eps(x, ab, means[label], var), mixture_eps(x, ab, means, var, weights), scale)


# guide and guide_batched


@replaces("guide")
def from_cond(eps_cond, eps_uncond, scale):
    """Your guidance begins at eps_cond, so s = 1 goes past it. With Ho and Salimans' w that is right, and here
    s = 1 + w: what should s = 1 return?"""
    return eps_cond + scale * (eps_cond - eps_uncond)


@replaces("guide")
def away(eps_cond, eps_uncond, scale):
    """Your difference has the opposite sign: the larger s, the farther from the label. What should s = 1 return?"""
    return eps_uncond + scale * (eps_uncond - eps_cond)


@replaces("guide")
def exchanged(eps_cond, eps_uncond, scale):
    """You exchanged the two predictions: at s = 0 you return the one with the label."""
    return guide(eps_uncond, eps_cond, scale)


@replaces("guide")
def cond_times_scale(eps_cond, eps_uncond, scale):
    """You multiplied eps_cond and left the other out. A longer ε is more noise, not more of the label: in which
    direction does guidance go?"""
    return scale * eps_cond


@replaces("guide")
def sum_of_both(eps_cond, eps_uncond, scale):
    """You added s times eps_cond to eps_uncond, so that at s = 1 there is twice the noise. s multiplies what the label
    changes."""
    return eps_uncond + scale * eps_cond


@replaces("guide")
def difference_alone(eps_cond, eps_uncond, scale):
    """You return s times the difference. To what is it added?"""
    return scale * (eps_cond - eps_uncond)


@replaces("guide_batched")
def halves_exchanged(eps_both, scale):
    """You took the first half for the one without labels, and the guidance leads away from them. In which order are the
    halves?"""
    return guide_batched(eps_both.roll(len(eps_both) // 2, 0), scale)


@replaces("guide_batched")
def interleaved(eps_both, scale):
    """You took every second row for the rows with label. The rows with label stand first, all of them. Which row
    belongs to row 0?"""
    if len(eps_both) % 2:
        raise ValueError("odd")
    return guide(eps_both[::2], eps_both[1::2], scale)


@replaces("guide_batched")
def last_axis(eps_both, scale):
    """You cut the last axis into halves. On which axis do the 2B rows lie?"""
    if len(eps_both) % 2:
        raise ValueError("odd")
    half = eps_both.shape[-1] // 2
    return guide(eps_both[..., :half], eps_both[..., half : 2 * half], scale)


@replaces("guide_batched")
def doubled_again(eps_both, scale):
    """You returned the guided prediction twice, 2B rows, as some samplers want it. Here it is B rows."""
    guided_once = guide_batched(eps_both, scale)
    return torch.cat([guided_once, guided_once])


@replaces("guide_batched")
def odd_row_dropped(eps_both, scale):
    """With an odd number of rows you dropped one, and guided rows by rows that do not belong to them. What
    should happen?"""
    B = len(eps_both) // 2
    return guide(eps_both[:B], eps_both[B : 2 * B], scale)


@replaces("guide_batched")
def odd_left_to_torch(eps_both, scale):
    """With an odd number of rows you leave it to torch, which raises a RuntimeError or nothing at all. Which
    error does the contract name?"""
    eps_cond, eps_uncond = eps_both[: (len(eps_both) + 1) // 2], eps_both[(len(eps_both) + 1) // 2 :]
    return guide(eps_cond, eps_uncond, scale)


# drop_labels


@replaces("drop_labels")
def kept_and_dropped(labels, null_label, p, u):
    """You dropped the labels whose u is above p. With p = 0.1, how many should go?"""
    return torch.where(u > p, null_label, labels)


@replaces("drop_labels")
def at_most_p(labels, null_label, p, u):
    """You drop where u equals p as well, and so at p = 0 a label whose u is 0. Which sign does the contract have?"""
    return torch.where(u <= p, null_label, labels)


@replaces("drop_labels")
def zero_for_null(labels, null_label, p, u):
    """You put 0 for a dropped label, and 0 is a class. Which number says "no label"?"""
    return labels * (u >= p)


@replaces("drop_labels")
def all_or_none(labels, null_label, p, u):
    """You let one number decide for the whole batch. Each row has its own u."""
    return torch.full_like(labels, null_label) if u[0] < p else labels.clone()


@replaces("drop_labels")
def of_float(labels, null_label, p, u):
    """Your labels are floating point. An embedding looks up whole numbers."""
    return torch.where(u < p, float(null_label), labels.double())


@replaces("drop_labels")
def into_the_labels(labels, null_label, p, u):
    """You write the null labels into the labels that you were given, and the true ones are lost to whoever calls. Where
    could the new labels stand?"""
    labels[u < p] = null_label
    return labels


# gaussian_eps


@replaces("gaussian_eps")
def no_root(xt, ab, mean, var):
    """You left out √(1 − ᾱ), which is the factor between the score and ε."""
    return (xt - math.sqrt(ab) * mean) / variance(ab, var)


@replaces("gaussian_eps")
def no_square_root(xt, ab, mean, var):
    """You multiplied by 1 − ᾱ. What ε was multiplied by when x_t was made is its root."""
    return (1 - ab) * (xt - math.sqrt(ab) * mean) / variance(ab, var)


@replaces("gaussian_eps")
def the_score(xt, ab, mean, var):
    """You returned the score, the gradient of log p. By what is it multiplied to be ε, and with which sign?"""
    return -(xt - math.sqrt(ab) * mean) / variance(ab, var)


@replaces("gaussian_eps")
def minus_eps(xt, ab, mean, var):
    """Your ε has the opposite sign. It leads from the data to the noise, the score leads back."""
    return -gaussian_eps(xt, ab, mean, var)


@replaces("gaussian_eps")
def all_from_the_mean(xt, ab, mean, var):
    """You divided by √(1 − ᾱ) only, as if every x0 were the mean. x0 has a width of its own: what is the variance of
    x_t?"""
    return (xt - math.sqrt(ab) * mean) / math.sqrt(1 - ab)


@replaces("gaussian_eps")
def width_not_shrunk(xt, ab, mean, var):
    """You took var + 1 − ᾱ for the variance of x_t. x0 was multiplied by √ᾱ: what does that do to its variance?"""
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / (var + 1 - ab)


@replaces("gaussian_eps")
def mean_not_shrunk(xt, ab, mean, var):
    """You took the mean of x0 for that of x_t. By what was x0 multiplied?"""
    return gaussian_eps(xt, ab, mean / math.sqrt(ab), var)


@replaces("gaussian_eps")
def mean_by_ab(xt, ab, mean, var):
    """You multiplied the mean by ᾱ. By what was x0 multiplied?"""
    return gaussian_eps(xt, ab, mean * math.sqrt(ab), var)


@replaces("gaussian_eps")
def by_deviation(xt, ab, mean, var):
    """You divided by the standard deviation of x_t. What does the gradient of −z²/(2 v) by z have below the line?"""
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / math.sqrt(variance(ab, var))


@replaces("gaussian_eps")
def var_squared(xt, ab, mean, var):
    """You squared var. It is a variance, not a standard deviation."""
    return gaussian_eps(xt, ab, mean, var * var)


# mixture_eps


@replaces("mixture_eps")
def weights_alone(xt, ab, means, var, weights):
    """You weighed the classes by their weights, wherever x_t is, so it is pulled to the middle of all. How probable is
    each class given x_t?"""
    return gaussian_eps(xt, ab, weights @ means, var)


@replaces("mixture_eps")
def weights_ignored(xt, ab, means, var, weights):
    """All classes are equally probable to you before x_t is seen. Where do the weights come in?"""
    return mixture_eps(xt, ab, means, var, torch.full_like(weights, 1 / len(weights)))


@replaces("mixture_eps")
def weights_not_logs(xt, ab, means, var, weights):
    """You added the weights to the logits of the softmax. A factor before exp is which term inside of it?"""
    v = variance(ab, var)
    return weighed(xt, ab, means, var, weights - squared(xt, math.sqrt(ab) * means) / (2 * v))


@replaces("mixture_eps")
def nearest_class(xt, ab, means, var, weights):
    """You gave x_t to its most probable class. Between two classes it belongs to both in part."""
    v = variance(ab, var)
    logits = weights.log() - squared(xt, math.sqrt(ab) * means) / (2 * v)
    return gaussian_eps(xt, ab, means[logits.argmax(-1)], var)


@replaces("mixture_eps")
def without_two(xt, ab, means, var, weights):
    """In your r_m the squared distance is divided by v_t. What stands below the line in the exponent of a Gaussian?"""
    v = variance(ab, var)
    return weighed(xt, ab, means, var, weights.log() - squared(xt, math.sqrt(ab) * means) / v)


@replaces("mixture_eps")
def variance_of_noise(xt, ab, means, var, weights):
    """In the probabilities of the classes you took 1 − ᾱ for the variance of x_t. The classes have a width too."""
    return weighed(xt, ab, means, var, weights.log() - squared(xt, math.sqrt(ab) * means) / (2 * (1 - ab)))


@replaces("mixture_eps")
def variance_of_data(xt, ab, means, var, weights):
    """In the probabilities of the classes you took var for the variance of x_t. x_t has noise in it."""
    return weighed(xt, ab, means, var, weights.log() - squared(xt, math.sqrt(ab) * means) / (2 * var))


@replaces("mixture_eps")
def distance_to_x0(xt, ab, means, var, weights):
    """You took the distances to the means of x0. x_t lies around √ᾱ times these."""
    return weighed(xt, ab, means, var, weights.log() - squared(xt, means) / (2 * variance(ab, var)))


@replaces("mixture_eps")
def distance_not_squared(xt, ab, means, var, weights):
    """In your r_m stands the distance itself. Which power of the distance has the exponent of a Gaussian?"""
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
    """Your softmax runs over the batch. The probabilities of the classes add up to 1 for each x_t."""
    logits = weights.log() - squared(xt, math.sqrt(ab) * means) / (2 * variance(ab, var))
    return gaussian_eps(xt, ab, logits.softmax(0) @ means, var)


@replaces("mixture_eps")
def underflows(xt, ab, means, var, weights):
    """Far from all means every exp is 0, and you divide 0 by 0. A softmax of the exponents does not: what does it
    subtract first?"""
    p = weights * torch.exp(-squared(xt, math.sqrt(ab) * means) / (2 * variance(ab, var)))
    return gaussian_eps(xt, ab, p / p.sum(-1, keepdim=True) @ means, var)


@replaces("mixture_eps")
def largest_of_the_batch(xt, ab, means, var, weights):
    """You subtract the largest exponent of the whole batch before exp. A row that lies farther out than another has
    nothing but zeros then, and 0/0. Over what does the softmax of one row run?"""
    logits = weights.log() - squared(xt, math.sqrt(ab) * means) / (2 * variance(ab, var))
    p = torch.exp(logits - logits.max())
    return gaussian_eps(xt, ab, p / p.sum(-1, keepdim=True) @ means, var)


@replaces("mixture_eps")
def not_normalised(xt, ab, means, var, weights):
    """Your probabilities of the classes do not add up to 1: they are densities, and their sum is p(x_t)."""
    v = variance(ab, var)
    p = weights * torch.exp(-squared(xt, math.sqrt(ab) * means) / (2 * v))
    each = torch.stack([gaussian_eps(xt, ab, mean, var) for mean in means], dim=1)
    return (p[..., None] * each).sum(1)


@replaces("mixture_eps")
def sum_of_classes(xt, ab, means, var, weights):
    """You added the ε of all classes, as if each were there in full. Each counts by its probability given x_t."""
    return sum(gaussian_eps(xt, ab, mean, var) for mean in means)


# sample


@replaces("sample")
def not_guided(xT, means, var, weights, label, scale, abars):
    """Your sampler uses the ε of the class, whatever the scale is. Where does guide come in?"""
    return sample(xT, means, var, weights, label, 1.0, abars)


@replaces("sample")
def guided_above_one(xT, means, var, weights, label, scale, abars):
    """You guide only where the scale is above 1, and below it you use the prediction with the label, so s = 0 samples
    the class. What does guide return for s = 0, and for s = 0.5?"""
    return sample(xT, means, var, weights, label, max(scale, 1.0), abars)


@replaces("sample")
def one_more(xT, means, var, weights, label, scale, abars):
    """Your sampler guides by 1 + s. At s = 1 it should sample the class itself."""
    return sample(xT, means, var, weights, label, 1.0 + scale, abars)


@replaces("sample")
def first_label(xT, means, var, weights, label, scale, abars):
    """Your sampler leads to class 0 whatever the label is. Which of the means belongs to the label?"""
    return sample(xT, means, var, weights, 0, scale, abars)


@replaces("sample")
def finished_samples_guided(xT, means, var, weights, label, scale, abars):
    """You sampled twice to the end, with the label and without, and guided the two results. Both walks would have to be
    at the same x: what does guide mix, and in which steps?"""
    with_label, without = (sample(xT, means, var, weights, label, s, abars) for s in (1.0, 0.0))
    return guide(with_label, without, scale)


@replaces("sample")
def wrong_end(xT, means, var, weights, label, scale, abars):
    """You go through abars from its beginning. It falls: at which end is there most noise, as in xT?"""
    return sample(xT, means, var, weights, label, scale, abars[::-1])


@replaces("sample")
def stops_early(xT, means, var, weights, label, scale, abars):
    """You stopped at the first entry of abars, where x still has noise in it. To which ᾱ does the last step lead?"""
    x = xT
    for ab, after in zip(abars[:0:-1], abars[-2::-1], strict=True):
        x = ddim(x, guided(x, ab, means, var, weights, label, scale), ab, after)
    return x.clone()


@replaces("sample")
def round_to_the_last(xT, means, var, weights, label, scale, abars):
    """After the first entry of abars you looked up index −1, which is the last one in Python, and went back to the
    noise. To which ᾱ does the last step lead?"""
    x = xT
    for i in reversed(range(len(abars))):
        x = ddim(x, guided(x, abars[i], means, var, weights, label, scale), abars[i], abars[i - 1])
    return x


@replaces("sample")
def begins_late(xT, means, var, weights, label, scale, abars):
    """You took xT for what it would be at the last entry but one, and left the last out."""
    return sample(xT, means, var, weights, label, scale, abars[:-1] or abars)


@replaces("sample")
def noise_of_the_unguided(xT, means, var, weights, label, scale, abars):
    """Your x0 is made with the guided ε, and the noise that you put back is the one without the label, as a later
    variant does it. How many ε has a step of the statement?"""
    x = xT
    for ab, after in zip(reversed(abars), [*abars[-2::-1], 1.0], strict=True):
        x0 = ddim(x, guided(x, ab, means, var, weights, label, scale), ab, 1.0)
        x = math.sqrt(after) * x0 + math.sqrt(1 - after) * mixture_eps(x, ab, means, var, weights)
    return x


@replaces("sample")
def straight_to_x0(xT, means, var, weights, label, scale, abars):
    """After each step you went on with the predicted x0 alone, without the noise that belongs to the next ᾱ."""
    x = xT
    for ab in reversed(abars):
        x = ddim(x, guided(x, ab, means, var, weights, label, scale), ab, 1.0)
    return x


@replaces("sample")
def noise_of_cond(xT, means, var, weights, label, scale, abars):
    """You made x0 from the guided ε and added back the one of the class. Both halves of a DDIM step use the same ε."""
    x = xT
    for ab, after in zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True):
        eps = guided(x, ab, means, var, weights, label, scale)
        x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
        x = math.sqrt(after) * x0 + math.sqrt(1 - after) * gaussian_eps(x, ab, means[label], var)
    return x


@replaces("sample")
def noise_of_this_step(xT, means, var, weights, label, scale, abars):
    """You put back as much noise as the step began with: x0 has the factor of ᾱ′, and ε that of ᾱ. To which step do
    both belong, and do their squares add up to 1?"""
    x = xT
    for ab, after in zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True):
        eps = guided(x, ab, means, var, weights, label, scale)
        x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
        x = math.sqrt(after) * x0 + math.sqrt(1 - ab) * eps
    return x


@replaces("sample")
def clipped(xT, means, var, weights, label, scale, abars):
    """You clipped x0 to −1 … 1 in each step. Samplers of images do that; where do the means of the classes lie here?"""
    x = xT
    for ab, after in zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True):
        eps = guided(x, ab, means, var, weights, label, scale)
        x0 = ((x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)).clamp(-1, 1)
        x = math.sqrt(after) * x0 + math.sqrt(1 - after) * eps
    return x


@replaces("sample")
def uncond_is_middle(xT, means, var, weights, label, scale, abars):
    """Without the label you took one Gaussian around the mean of all classes. How are the data
    distributed then?"""
    x = xT
    for ab, after in zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True):
        middle = gaussian_eps(x, ab, weights @ means, var)
        x = ddim(x, guide(gaussian_eps(x, ab, means[label], var), middle, scale), ab, after)
    return x


@replaces("sample")
def all_but_the_label(xT, means, var, weights, label, scale, abars):
    """Without the label you took the mixture of the other classes, so that at s = 0 none of the samples is of the
    label's. A network without a label does not know which class is meant: which data has it seen?"""
    others = weights * (torch.arange(len(weights)) != label)
    x = xT
    for ab, after in zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True):
        uncond = mixture_eps(x, ab, means, var, others / others.sum())
        x = ddim(x, guide(gaussian_eps(x, ab, means[label], var), uncond, scale), ab, after)
    return x


@replaces("sample")
def no_roots(xT, means, var, weights, label, scale, abars):
    """Your steps multiply x0 by ᾱ and ε by 1 − ᾱ. Which powers have squares that add up to 1?"""
    x = xT
    for ab, after in zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True):
        eps = guided(x, ab, means, var, weights, label, scale)
        x0 = (x - (1 - ab) * eps) / ab
        x = after * x0 + (1 - after) * eps
    return x


# more of the same functions


@replaces("guide")
def weighted_mean(eps_cond, eps_uncond, scale):
    """You took a weighted mean of the two predictions, which never leaves the way between them. With s > 1 guidance
    goes past eps_cond. What should s = 2 return?"""
    return (scale * eps_cond + eps_uncond) / (1 + scale)


@replaces("gaussian_eps")
def no_noise_in_variance(xt, ab, mean, var):
    """You took ᾱ·var for the variance of x_t. Noise was added to x0: which variance does the noise bring in?"""
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / (ab * var)


@replaces("mixture_eps")
def one_gaussian(xt, ab, means, var, weights):
    """You described the mixture by one Gaussian with its mean and its total variance. Between two classes a mixture
    has few points, and a Gaussian has many. How probable is each class given x_t?"""
    mean = weights @ means
    total = var + weights @ (means - mean).square()
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / (ab * total + 1 - ab)


@replaces("mixture_eps")
def farthest(xt, ab, means, var, weights):
    """The farther a class is from x_t, the more it counts in your sum. Which sign has the exponent of a Gaussian?"""
    v = variance(ab, var)
    return weighed(xt, ab, means, var, weights.log() + squared(xt, math.sqrt(ab) * means) / (2 * v))


@replaces("sample")
def predictions_exchanged(xT, means, var, weights, label, scale, abars):
    """You gave the two predictions to guide in the wrong order, so s = 0 samples the class. Which prediction does guide
    start from?"""
    return sample(xT, means, var, weights, label, 1.0 - scale, abars)


@replaces("sample")
def keeps_noise(xT, means, var, weights, label, scale, abars):
    """You mixed x0 and ε with the ᾱ of the step itself, so x stays where it was. To which ᾱ does a step lead?"""
    return xT.clone()
