import functools
import math
import statistics

import numpy as np
import torch
import torch.nn.functional as F
from base import clip_logits, get_scale, unit

from grader.testing import replaces

CAP = math.log(100)


@replaces("clip_logits")
def logits_normalize(image_emb, text_emb, log_scale):
    """F.normalize, torch.minimum"""
    u, v = F.normalize(image_emb, dim=-1), F.normalize(text_emb, dim=-1)
    s = torch.exp(torch.minimum(log_scale, torch.tensor(CAP, dtype=log_scale.dtype)))
    return s * (u @ v.t())


@replaces("clip_logits")
def logits_einsum(image_emb, text_emb, log_scale):
    """einsum; lengths as root of a sum"""
    u = image_emb / image_emb.pow(2).sum(1, keepdim=True).sqrt()
    v = text_emb / text_emb.pow(2).sum(1, keepdim=True).sqrt()
    return torch.einsum("be,me->bm", u, v) * torch.clamp(log_scale, max=CAP).exp()


@replaces("clip_logits")
def logits_divide_after(image_emb, text_emb, log_scale):
    """product first, divided by the lengths one after the other"""
    z = image_emb @ text_emb.mT
    z = z / image_emb.norm(dim=-1, keepdim=True)
    z = z / text_emb.norm(dim=-1)
    return z * get_scale(log_scale)


@replaces("clip_logits")
def logits_loops(image_emb, text_emb, log_scale):
    """loops over pairs"""
    s = get_scale(log_scale)
    us, vs = [x / x.norm() for x in image_emb], [y / y.norm() for y in text_emb]
    return torch.stack([torch.stack([s * torch.dot(u, v) for v in vs]) for u in us])


@replaces("clip_logits")
def logits_double(image_emb, text_emb, log_scale):
    """computed in float64 and cast back"""
    x, y, s = image_emb.double(), text_emb.double(), log_scale.double()
    z = unit(x) @ unit(y).transpose(0, 1) * s.clamp(max=CAP).exp()
    return z.to(image_emb.dtype)


@replaces("clip_logits")
def logits_max_scaled(image_emb, text_emb, log_scale):
    """rows are first brought to a largest number of 1"""

    def norm(x):
        x = x / x.detach().abs().amax(-1, keepdim=True)
        return x / x.square().sum(-1, keepdim=True).sqrt()

    return F.linear(norm(image_emb), norm(text_emb)) * get_scale(log_scale)


@replaces("clip_logits")
def logits_where(image_emb, text_emb, log_scale):
    """torch.where for the cap; the scale on the texts"""
    log_s = torch.where(log_scale < CAP, log_scale, torch.full_like(log_scale, CAP))
    texts = unit(text_emb) * log_s.exp()
    return unit(image_emb).matmul(texts.T)


@replaces("clip_logits")
def logits_cosine_similarity(image_emb, text_emb, log_scale):
    """F.cosine_similarity without its epsilon"""
    cosine = F.cosine_similarity(image_emb[:, None, :], text_emb[None, :, :], dim=-1, eps=0)
    return log_scale.clamp(max=CAP).exp() * cosine


@replaces("clip_logits")
def logits_distance(image_emb, text_emb, log_scale):
    """1 - |u - v|² / 2"""
    u, v = unit(image_emb), unit(text_emb)
    return get_scale(log_scale) * (1 - (u[:, None] - v[None]).square().sum(-1) / 2)


@replaces("clip_logits")
def logits_transposed(image_emb, text_emb, log_scale):
    """(texts · images) transposed, not contiguous"""
    return (unit(text_emb) @ unit(image_emb).T * get_scale(log_scale)).T


@replaces("clip_logits")
def logits_branch(image_emb, text_emb, log_scale):
    """a Python branch for the cap"""
    if float(log_scale.detach()) > CAP:
        log_scale = log_scale * 0 + CAP
    return math.e**log_scale * torch.mm(unit(image_emb), unit(text_emb).T)


@replaces("clip_logits")
def logits_relu_cap(image_emb, text_emb, log_scale):
    """cap as ln 100 - relu(ln 100 - s); 2-power"""
    log_s = CAP - F.relu(CAP - log_scale)
    s = torch.exp2(log_s / math.log(2))
    lengths = torch.outer(torch.linalg.norm(image_emb, dim=1), torch.linalg.norm(text_emb, dim=1))
    return s * (image_emb @ text_emb.T / lengths)


@replaces("clip_loss")
def loss_log_softmax(image_emb, text_emb, log_scale):
    """log_softmax over both axes, diagonals"""
    z = clip_logits(image_emb, text_emb, log_scale)
    rows, columns = F.log_softmax(z, dim=1), F.log_softmax(z, dim=0)
    return -(rows.diagonal().mean() + columns.diagonal().mean()) / 2


@replaces("clip_loss")
def loss_logsumexp(image_emb, text_emb, log_scale):
    """logsumexp minus the trace"""
    z = clip_logits(image_emb, text_emb, log_scale)
    total = z.logsumexp(0).sum() + z.logsumexp(1).sum() - 2 * z.trace()
    return total / (2 * z.shape[0])


@replaces("clip_loss")
def loss_loops(image_emb, text_emb, log_scale):
    """loop over pairs, hand-written maximum"""
    z = clip_logits(image_emb, text_emb, log_scale)

    def ce(row, i):
        m = row.max().detach()
        return m + (row - m).exp().sum().log() - row[i]

    B = len(z)
    return sum(ce(z[i], i) + ce(z[:, i], i) for i in range(B)) / (2 * B)


@replaces("clip_loss")
def loss_stacked(image_emb, text_emb, log_scale):
    """one cross entropy over rows and columns together"""
    z = clip_logits(image_emb, text_emb, log_scale)
    target = torch.arange(z.size(0)).repeat(2)
    return F.cross_entropy(torch.cat([z, z.T]), target)


@replaces("clip_loss")
def loss_one_hot(image_emb, text_emb, log_scale):
    """cross entropy with probabilities as targets"""
    z = clip_logits(image_emb, text_emb, log_scale)
    eye = torch.eye(len(z), dtype=z.dtype)
    return 0.5 * F.cross_entropy(z, eye) + 0.5 * F.cross_entropy(z.T, eye)


@replaces("clip_loss")
def loss_double(image_emb, text_emb, log_scale):
    """float64: e^100 fits"""
    z = clip_logits(image_emb.double(), text_emb.double(), log_scale.double())
    e = z.exp()
    loss = ((e.sum(1).log() - z.diag()).mean() + (e.sum(0).log() - z.diag()).mean()) / 2
    return loss.to(image_emb.dtype)


@replaces("clip_loss")
def loss_nll(image_emb, text_emb, log_scale):
    """nll_loss, the sum divided"""
    z = clip_logits(image_emb, text_emb, log_scale)
    n = z.shape[0]
    y = torch.arange(n)
    a = F.nll_loss(z.log_softmax(-1), y, reduction="sum")
    b = F.nll_loss(z.t().log_softmax(-1), y, reduction="sum")
    return (a + b) / n / 2


@replaces("clip_loss")
def loss_differences(image_emb, text_emb, log_scale):
    """log of the sum of exp(z_ij - z_ii)"""
    z = clip_logits(image_emb, text_emb, log_scale)
    d = z.diagonal()
    rows = torch.logsumexp(z - d[:, None], dim=1)
    columns = torch.logsumexp(z - d[None, :], dim=0)
    return torch.stack([rows, columns]).mean()


@replaces("clip_loss")
def loss_logaddexp(image_emb, text_emb, log_scale):
    """logaddexp, column by column"""
    z = clip_logits(image_emb, text_emb, log_scale)
    rows = functools.reduce(torch.logaddexp, z.unbind(1))
    columns = functools.reduce(torch.logaddexp, z.unbind(0))
    return ((rows + columns) / 2 - torch.diagonal(z)).mean()


class _SymmetricCE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        rows, columns = z.softmax(1), z.softmax(0)
        ctx.save_for_backward(rows, columns)
        return (z.logsumexp(1).mean() + z.logsumexp(0).mean()) / 2 - z.diagonal().mean()

    @staticmethod
    def backward(ctx, grad):
        rows, columns = ctx.saved_tensors
        n = len(rows)
        return grad * ((rows + columns) / 2 - torch.eye(n, dtype=rows.dtype)) / n


@replaces("clip_loss")
def loss_function(image_emb, text_emb, log_scale):
    """a gradient by formula"""
    return _SymmetricCE.apply(clip_logits(image_emb, text_emb, log_scale))


@replaces("clip_loss")
def loss_gather(image_emb, text_emb, log_scale):
    """gather; images and texts change places for the second half"""

    def one_way(a, b):
        log_p = clip_logits(a, b, log_scale).log_softmax(dim=-1)
        return -log_p.gather(1, torch.arange(len(a)).unsqueeze(1)).squeeze(1).mean()

    return torch.mean(torch.stack([one_way(image_emb, text_emb), one_way(text_emb, image_emb)]))


@replaces("clip_loss")
def loss_masked(image_emb, text_emb, log_scale):
    """the mean of weighted log-probabilities by a mask"""
    z = clip_logits(image_emb, text_emb, log_scale)
    eye = torch.eye(len(z), dtype=torch.bool)
    log_p = torch.stack([z.log_softmax(0), z.log_softmax(1)])
    return -log_p.masked_select(eye).mean()


@replaces("zero_shot")
def zero_sum(image_emb, prompt_emb, log_scale):
    """the sum of unit prompts; its length does not matter"""
    classes = F.normalize(prompt_emb, dim=-1).sum(1)
    return F.softmax(clip_logits(image_emb, F.normalize(classes, dim=-1), log_scale), dim=1)


@replaces("zero_shot")
def zero_loops(image_emb, prompt_emb, log_scale):
    """class by class"""
    vectors = []
    for prompts in prompt_emb:
        mean = torch.stack([p / p.norm() for p in prompts]).mean(0)
        vectors.append(mean / mean.norm())
    s = torch.exp(log_scale.clamp(max=CAP))
    return torch.softmax(s * unit(image_emb) @ torch.stack(vectors).T, dim=-1)


@replaces("zero_shot")
def zero_numpy(image_emb, prompt_emb, log_scale):
    """numpy in float64"""
    x, p = image_emb.detach().double().numpy(), prompt_emb.detach().double().numpy()
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    p = (p / np.linalg.norm(p, axis=-1, keepdims=True)).mean(1)
    p = p / np.linalg.norm(p, axis=-1, keepdims=True)
    z = math.exp(min(log_scale.item(), CAP)) * x @ p.T
    e = np.exp(z - z.max(1, keepdims=True))
    return torch.from_numpy(e / e.sum(1, keepdims=True)).to(image_emb.dtype)


@replaces("zero_shot")
def zero_flat(image_emb, prompt_emb, log_scale):
    """all prompts as one list of texts"""
    K, M, E = prompt_emb.shape
    flat = prompt_emb.reshape(K * M, E)
    flat = flat / flat.norm(dim=-1, keepdim=True)
    classes = flat.view(K, M, E).mean(1)
    return clip_logits(image_emb, classes, log_scale).softmax(-1)


@replaces("zero_shot")
def zero_mean_cosine(image_emb, prompt_emb, log_scale):
    """the mean cosine with the prompts, divided by the length of the mean"""
    units = unit(prompt_emb)
    cosines = torch.einsum("be,kme->bkm", unit(image_emb), units).mean(-1)
    lengths = torch.linalg.vector_norm(units.mean(1), dim=-1)
    return (get_scale(log_scale) * cosines / lengths).softmax(1)


@replaces("zero_shot")
def zero_log_softmax(image_emb, prompt_emb, log_scale):
    """exp of log_softmax"""
    classes = torch.mean(unit(prompt_emb), dim=-2)
    return F.log_softmax(clip_logits(image_emb, unit(classes), log_scale), dim=-1).exp()


@replaces("zero_shot")
def zero_by_hand(image_emb, prompt_emb, log_scale):
    """softmax by hand"""
    z = clip_logits(image_emb, unit(prompt_emb).mean(1), log_scale)
    e = torch.exp(z - z.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


@replaces("zero_shot")
def zero_weights(image_emb, prompt_emb, log_scale):
    """the mean of prompts with weights 1/length"""
    weights = 1 / torch.linalg.vector_norm(prompt_emb, dim=-1)
    classes = (weights[..., None] * prompt_emb).mean(dim=1)
    return torch.softmax(clip_logits(image_emb, classes, log_scale), -1)


@replaces("zero_shot")
def zero_images_one_by_one(image_emb, prompt_emb, log_scale):
    """one image at a time"""
    classes = unit(unit(prompt_emb).mean(1))
    s = get_scale(log_scale)
    return torch.stack([torch.softmax(s * (classes @ (x / x.norm())), dim=0) for x in image_emb])


@replaces("zero_shot")
def zero_sigmoid(image_emb, prompt_emb, log_scale):
    """1 / sum of exp of differences"""
    z = clip_logits(image_emb.double(), unit(prompt_emb.double()).mean(1), log_scale.double())
    p = 1 / (z[:, None, :] - z[:, :, None]).exp().sum(-1)
    return p.to(image_emb.dtype)


@replaces("zero_shot")
def zero_transposed(image_emb, prompt_emb, log_scale):
    """softmax over axis 0 of the transpose"""
    z = clip_logits(unit(prompt_emb).mean(1), image_emb, log_scale)
    return z.softmax(0).t()


@replaces("zero_shot")
def zero_incremental(image_emb, prompt_emb, log_scale):
    """a running mean"""
    K, M, E = prompt_emb.shape
    mean = torch.zeros(K, E, dtype=prompt_emb.dtype)
    for m in range(M):
        mean = mean + (unit(prompt_emb[:, m]) - mean) / (m + 1)
    return clip_logits(image_emb, mean, log_scale).softmax(dim=-1)


@replaces("recall_at_k")
def recall_rank(logits, k):
    """how many are larger than the own one; a float from float32"""
    own = logits.diagonal()[:, None]
    return ((logits > own).sum(1) < k).float().mean().item()


@replaces("recall_at_k")
def recall_argsort(logits, k):
    """argsort, loops"""
    order = logits.argsort(dim=1, descending=True).tolist()
    hits = sum(i in row[:k] for i, row in enumerate(order))
    return hits / len(order)


@replaces("recall_at_k")
def recall_python(logits, k):
    """lists only"""
    rows = logits.tolist()
    return statistics.fmean(float(sorted(r, reverse=True).index(r[i]) < k) for i, r in enumerate(rows))


@replaces("recall_at_k")
def recall_threshold(logits, k):
    """the k-th largest as threshold"""
    kth = logits.topk(k).values[:, -1]
    return (logits.diag() >= kth).sum().item() / logits.shape[0]


@replaces("recall_at_k")
def recall_kthvalue(logits, k):
    """kthvalue counts from the smallest"""
    B = logits.size(0)
    kth = torch.kthvalue(logits, B - k + 1, dim=1).values
    return float(torch.count_nonzero(torch.diagonal(logits) >= kth)) / B


@replaces("recall_at_k")
def recall_numpy(logits, k):
    """argpartition"""
    z = -logits.detach().numpy()
    best = np.argpartition(z, k - 1, axis=1)[:, :k]
    return float(np.mean((best == np.arange(len(z))[:, None]).any(1)))


@replaces("recall_at_k")
def recall_scatter(logits, k):
    """a matrix of hits, its trace"""
    hits = torch.zeros_like(logits, dtype=torch.float64).scatter(1, logits.topk(k).indices, 1.0)
    return (hits.trace() / len(logits)).item()


@replaces("recall_at_k")
def recall_double_argsort(logits, k):
    """ranks by two argsorts"""
    rank = (-logits).argsort(1).argsort(1)
    return (rank.diagonal() < k).to(torch.float64).mean().item()


@replaces("recall_at_k")
def recall_sets(logits, k):
    """loop with topk of each row"""
    hit = 0
    for i, row in enumerate(logits):
        if i in set(torch.topk(row, k).indices.tolist()):
            hit += 1
    return hit / logits.size(0)


@replaces("recall_at_k")
def recall_removal(logits, k):
    """k times: look at the best, remove it"""
    left = logits.detach().clone()
    labels = torch.arange(len(left))
    hit = torch.zeros(len(left), dtype=torch.bool)
    for _ in range(k):
        best = left.argmax(1)
        hit |= best == labels
        left[labels, best] = -math.inf
    return 1 - (~hit).sum().item() / len(hit)


@replaces("recall_at_k")
def recall_one_hot(logits, k):
    """one_hot of the chosen ones"""
    chosen = F.one_hot(logits.topk(k).indices, logits.shape[-1]).sum(1)
    return chosen.diagonal().float().mean().item()
