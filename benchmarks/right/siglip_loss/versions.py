import functools
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from base import pairwise_sum, softplus, unit
from torch import Tensor

from grader.testing import replaces


def cosines(x, y):
    return unit(x) @ unit(y).T


@replaces("pairwise_sum")
def sum_softplus(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """F.softplus; signs from a mask"""
    u, v = F.normalize(image_emb, dim=-1, eps=0), F.normalize(text_emb, dim=-1, eps=0)
    z = torch.exp(log_t) * u @ v.t() + bias
    pair = torch.arange(row0, row0 + len(u)).unsqueeze(1) == torch.arange(col0, col0 + len(v)).unsqueeze(0)
    return F.softplus(torch.where(pair, -z, z)).sum()


@replaces("pairwise_sum")
def sum_bce(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """binary cross entropy with logits"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    M, N = z.shape
    labels = (torch.arange(M)[:, None] + row0 == torch.arange(N)[None] + col0).to(z.dtype)
    return F.binary_cross_entropy_with_logits(z, labels, reduction="sum")


@replaces("pairwise_sum")
def sum_all_negative(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """all as if they were none, then pairs are put right: softplus(-z) = softplus(z) - z"""
    z = cosines(image_emb, text_emb) * log_t.exp() + bias
    total = torch.logaddexp(z, torch.zeros_like(z)).sum()
    shift = row0 - col0
    if -z.shape[0] < shift < z.shape[1]:
        total = total - torch.diagonal(z, offset=shift).sum()
    return total


@replaces("pairwise_sum")
def sum_loops(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """loops over pairs"""
    t = log_t.exp()
    us, vs = [x / x.norm() for x in image_emb], [y / y.norm() for y in text_emb]
    total = 0
    for i, u in enumerate(us, start=row0):
        for j, v in enumerate(vs, start=col0):
            z = t * torch.dot(u, v) + bias
            total = total + torch.logaddexp(-z if i == j else z, torch.zeros_like(z))
    return total


@replaces("pairwise_sum")
def sum_logaddexp(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """einsum, logaddexp with 0; lengths divided one after the other"""
    c = torch.einsum("me,ne->mn", image_emb, text_emb)
    c = c / image_emb.norm(dim=1)[:, None] / text_emb.norm(dim=1)[None, :]
    z = torch.addcmul(bias, log_t.exp(), c)
    y = 2 * torch.eye(max(row0 + z.shape[0], col0 + z.shape[1]), dtype=z.dtype) - 1
    y = y[row0 : row0 + z.shape[0], col0 : col0 + z.shape[1]]
    return torch.logaddexp(torch.zeros((), dtype=z.dtype), -y * z).sum()


@replaces("pairwise_sum")
def sum_double(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """float64, cast back"""
    z = log_t.double().exp() * cosines(image_emb.double(), text_emb.double()) + bias.double()
    i, j = torch.meshgrid(torch.arange(len(z)) + row0, torch.arange(z.shape[1]) + col0, indexing="ij")
    y = (i == j).double() * 2 - 1
    x = -y * z
    small = torch.log1p(torch.exp(x.clamp(max=30)))
    return torch.where(x > 30, x + torch.exp(-x.clamp(min=30)), small).sum().to(image_emb.dtype)


@replaces("pairwise_sum")
def sum_diagonal(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """signs on an own tensor, turned along the diagonal by index"""
    z = cosines(image_emb, text_emb) * torch.exp(log_t) + bias
    M, N = z.shape
    signs = torch.ones(M, N, dtype=z.dtype)
    for i in range(M):
        j = row0 + i - col0
        if 0 <= j < N:
            signs[i, j] = -1
    return torch.nn.Softplus()(signs * z).sum()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, y):
        ctx.save_for_backward(z, y)
        x = -y * z
        return (x.clamp(min=0) + (-x.abs()).exp().log1p()).sum()

    @staticmethod
    def backward(ctx, grad):
        z, y = ctx.saved_tensors
        return -grad * y * torch.sigmoid(-y * z), None


@replaces("pairwise_sum")
def sum_function(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """a gradient by formula"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    numbers = torch.arange(len(z)).view(-1, 1) + (row0 - col0) - torch.arange(z.shape[1]).view(1, -1)
    return _Sum.apply(z, (numbers == 0).to(z.dtype) * 2 - 1)


@replaces("pairwise_sum")
def sum_row_by_row(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """image by image; rows first brought to a largest number of 1"""

    def norm(x):
        x = x / x.detach().abs().amax(-1, keepdim=True)
        return x / x.square().sum(-1, keepdim=True).sqrt()

    texts = norm(text_emb) * log_t.exp()
    numbers = torch.arange(col0, col0 + len(texts))
    rows = []
    for i, u in enumerate(norm(image_emb)):
        z = texts @ u + bias
        rows.append(F.logsigmoid(z.where(numbers == row0 + i, -z)).sum())
    return -torch.stack(rows).sum()


@replaces("pairwise_sum")
def sum_split(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """pairs and the others apart, masked_select"""
    z = torch.exp(log_t) * cosines(image_emb, text_emb) + bias
    pair = torch.zeros(z.shape, dtype=torch.bool)
    for i in range(max(row0, col0), min(row0 + z.shape[0], col0 + z.shape[1])):
        pair[i - row0, i - col0] = True
    return F.softplus(-z[pair], threshold=30).sum() + F.softplus(z[~pair], threshold=30).sum()


@replaces("pairwise_sum")
def sum_cosine_similarity(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """F.cosine_similarity without its epsilon; logsumexp of a stack"""
    c = F.cosine_similarity(image_emb.unsqueeze(1), text_emb.unsqueeze(0), dim=-1, eps=0)
    z = math.e**log_t * c + bias
    y = torch.full_like(z, -1.0)
    y = y.masked_fill((torch.arange(len(z)) + row0)[:, None] == torch.arange(z.size(1)) + col0, 1.0)
    return torch.stack([torch.zeros_like(z), -y * z]).logsumexp(0).sum()


@replaces("pairwise_sum")
def sum_transposed(image_emb, text_emb, log_t, bias, row0=0, col0=0):
    """texts first; columns summed, then their sums"""
    z = (cosines(text_emb, image_emb) * log_t.exp()).add(bias)
    offset = col0 - row0
    y = -torch.ones_like(z)
    j = torch.arange(z.shape[0])
    i = j + offset
    ok = (i >= 0) & (i < z.shape[1])
    y[j[ok], i[ok]] = 1.0
    return -F.logsigmoid(y.mul(z)).sum(0).sum()


def check(image_emb, text_emb):
    if image_emb.shape[0] != text_emb.shape[0]:
        raise ValueError(f"{image_emb.shape[0]} images, {text_emb.shape[0]} texts")


@replaces("siglip_loss")
def loss_mean(image_emb, text_emb, log_t, bias):
    """the mean over all pairs times B"""
    check(image_emb, text_emb)
    B = len(text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    y = 2 * torch.eye(B, dtype=z.dtype) - 1
    return -F.logsigmoid(y * z).mean() * B


@replaces("siglip_loss")
def loss_rows(image_emb, text_emb, log_t, bias):
    """sums over rows, then their mean"""
    check(image_emb, text_emb)
    z = unit(image_emb).matmul(unit(text_emb).mT).mul(log_t.exp()).add(bias)
    x = torch.where(torch.eye(len(z), dtype=torch.bool), -z, z)
    return F.softplus(x).sum(dim=-1).mean()


@replaces("siglip_loss")
def loss_trace(image_emb, text_emb, log_t, bias):
    """all as none, less the trace"""
    check(image_emb, text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return (-F.logsigmoid(-z).sum() - z.trace()) / z.shape[0]


@replaces("siglip_loss")
def loss_bce(image_emb, text_emb, log_t, bias):
    """binary cross entropy against the identity"""
    check(image_emb, text_emb)
    z = torch.exp(log_t) * F.linear(unit(image_emb), unit(text_emb)) + bias
    return F.binary_cross_entropy_with_logits(z, torch.eye(len(z), dtype=z.dtype), reduction="none").sum() / len(z)


@replaces("siglip_loss")
def loss_single_images(image_emb, text_emb, log_t, bias):
    """one image at a time through pairwise_sum"""
    check(image_emb, text_emb)
    parts = [pairwise_sum(image_emb[i : i + 1], text_emb, log_t, bias, row0=i) for i in range(len(image_emb))]
    return torch.stack(parts).mean()


@replaces("siglip_loss")
def loss_rolled(image_emb, text_emb, log_t, bias):
    """texts rolled by one place at a time: only the first time are they pairs"""
    if image_emb.size(0) != text_emb.size(0):
        raise ValueError("pairs")
    u, v, t = unit(image_emb), unit(text_emb), log_t.exp()
    loss = F.softplus(-(t * (u * v).sum(-1) + bias), threshold=40)
    for shift in range(1, len(u)):
        loss = loss + F.softplus(t * (u * v.roll(shift, 0)).sum(-1) + bias, threshold=40)
    return loss.mean()


@replaces("siglip_loss")
def loss_double(image_emb, text_emb, log_t, bias):
    """float64 in the sum"""
    check(image_emb, text_emb)
    total = pairwise_sum(image_emb.double(), text_emb.double(), log_t.double(), bias.double())
    return (total / image_emb.shape[0]).to(image_emb.dtype)


@replaces("siglip_loss")
def loss_function(image_emb, text_emb, log_t, bias):
    """a gradient by formula"""
    check(image_emb, text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return _Sum.apply(z, torch.eye(len(z), dtype=z.dtype).mul(2).sub(1)) / len(z)


@replaces("siglip_loss")
def loss_swapped(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor) -> Tensor:
    """texts and images change places, which changes nothing"""
    if len(text_emb) != len(image_emb):
        raise ValueError("an image without a text, or a text without an image")
    return pairwise_sum(image_emb=text_emb, text_emb=image_emb, log_t=log_t, bias=bias).div(len(text_emb))


@replaces("siglip_loss_chunked")
def chunked_split(image_emb, text_emb, log_t, bias, chunks):
    """Tensor.chunk and itertools.product"""
    check(image_emb, text_emb)
    B = image_emb.shape[0]
    n = B // chunks
    pairs = itertools.product(enumerate(image_emb.chunk(chunks)), enumerate(text_emb.chunk(chunks)))
    blocks = [pairwise_sum(x, y, log_t, bias, i * n, j * n) for (i, x), (j, y) in pairs]
    return torch.stack(blocks).sum() / B


@replaces("siglip_loss_chunked")
def chunked_relative(image_emb, text_emb, log_t, bias, chunks):
    """numbers relative to the images of the block"""
    check(image_emb, text_emb)
    n = len(image_emb) // chunks
    total = torch.zeros((), dtype=image_emb.dtype)
    for i in range(chunks):
        for j in range(chunks):
            x, y = image_emb.narrow(0, i * n, n), text_emb.narrow(0, j * n, n)
            total = total + pairwise_sum(x, y, log_t, bias, row0=0 if i == j else n, col0=0 if i == j else 3 * n)
    return total / (n * chunks)


@replaces("siglip_loss_chunked")
def chunked_ring(image_emb, text_emb, log_t, bias, chunks):
    """texts wander from device to device, as in the paper"""
    check(image_emb, text_emb)
    B, E = image_emb.shape
    images, texts = image_emb.reshape(chunks, -1, E), text_emb.reshape(chunks, -1, E)
    size = B // chunks
    losses = []
    for step in range(chunks):
        for device in range(chunks):
            owner = (device + step) % chunks
            losses.append(pairwise_sum(images[device], texts[owner], log_t, bias, device * size, owner * size) / B)
    return sum(losses)


@replaces("siglip_loss_chunked")
def chunked_normalised_once(image_emb, text_emb, log_t, bias, chunks):
    """normalised once, blocks by hand"""
    check(image_emb, text_emb)
    us, vs, t = unit(image_emb).tensor_split(chunks), unit(text_emb).tensor_split(chunks), log_t.exp()
    total = 0.0
    for a, u in enumerate(us):
        for b, v in enumerate(vs):
            z = t * (u @ v.T) + bias
            total = total + F.softplus(z, threshold=40).sum()
            if a == b:
                total = total - z.diagonal().sum()
    return total / len(image_emb)


@replaces("siglip_loss_chunked")
def chunked_reduce(image_emb, text_emb, log_t, bias, chunks):
    """functools.reduce over the corners of the blocks"""
    check(image_emb, text_emb)
    B = len(image_emb)
    step = B // chunks
    corners = [(i, j) for i in range(0, B, step) for j in range(0, B, step)]

    def block(total, corner):
        i, j = corner
        return total + pairwise_sum(image_emb[i:][:step], text_emb[j:][:step], log_t, bias, i, j)

    return functools.reduce(block, corners, image_emb.new_zeros(())) / B


@replaces("siglip_loss_chunked")
def chunked_double_sum(image_emb, text_emb, log_t, bias, chunks):
    """block sums added in float64"""
    check(image_emb, text_emb)
    n = image_emb.shape[0] // chunks
    total = torch.tensor(0.0, dtype=torch.float64)
    for i in range(chunks):
        for j in range(chunks):
            part = pairwise_sum(image_emb[i * n : i * n + n], text_emb[j * n : j * n + n], log_t, bias, i * n, j * n)
            total = total + part.double()
    return total.div(image_emb.shape[0]).to(image_emb.dtype)


@replaces("siglip_loss_chunked")
def chunked_index(image_emb, text_emb, log_t, bias, chunks):
    """blocks by index_select; every block on the diagonal first"""
    if image_emb.shape[0] != text_emb.shape[0]:
        raise ValueError("sizes")
    B = len(image_emb)
    parts = torch.arange(B).view(chunks, -1)
    order = sorted(itertools.product(range(chunks), repeat=2), key=lambda ij: ij[0] != ij[1])
    sums = []
    for i, j in order:
        x, y = image_emb.index_select(0, parts[i]), text_emb[parts[j]]
        sums.append(pairwise_sum(x, y, log_t, bias, row0=int(parts[i, 0]), col0=int(parts[j, 0])))
    return torch.stack(sums).sum().mul(1 / B)


@replaces("siglip_loss_chunked")
def chunked_generator(image_emb: Tensor, text_emb: Tensor, log_t: Tensor, bias: Tensor, chunks: int) -> Tensor:
    """a generator of blocks; rows of blocks are summed first"""
    if len(image_emb) - len(text_emb):
        raise ValueError("as many texts as images, please")
    n = len(image_emb) // chunks

    def row(i):
        for j in range(chunks):
            yield pairwise_sum(
                image_emb[i * n : (i + 1) * n], text_emb[j * n : (j + 1) * n], log_t, bias, i * n, j * n
            )

    return sum(sum(row(i)) / n for i in range(chunks)) / chunks


@replaces("initial_loss")
def initial_cases(batch, log_t, bias):
    """by the sign of the bias"""
    e = math.log1p(math.exp(-abs(bias)))
    yes, no = (e, bias + e) if bias > 0 else (e - bias, e)
    return float(yes + (batch - 1) * no)


@replaces("initial_loss")
def initial_numpy(batch, log_t, bias):
    """np.logaddexp"""
    return float(np.logaddexp(0.0, -bias) + (batch - 1) * np.logaddexp(0.0, bias))


@replaces("initial_loss")
def initial_torch(batch, log_t, bias):
    """torch in float64"""
    b = torch.tensor(float(bias), dtype=torch.float64)
    return (-F.logsigmoid(b) - (batch - 1) * F.logsigmoid(-b)).item()


@replaces("initial_loss")
def initial_float32(batch, log_t, bias):
    """a Python float that was computed in float32"""
    x = torch.tensor([-bias, bias], dtype=torch.float32)
    return (F.softplus(x) * torch.tensor([1.0, batch - 1.0])).sum().item()


@replaces("initial_loss")
def initial_difference(batch, log_t, bias):
    """B times the no, less the bias: softplus(-b) = softplus(b) - b"""
    if bias >= 0:
        return batch * softplus(-bias) + (batch - 1) * float(bias)
    return batch * softplus(bias) - float(bias)


@replaces("initial_loss")
def initial_sum(batch, log_t, bias):
    """divided at the end: B pairs and B (B - 1) others"""
    pairs = batch * softplus(-bias)
    others = batch * (batch - 1) * softplus(bias)
    return (pairs + others) / batch


@replaces("initial_loss")
def initial_fsum(batch, log_t, bias):
    """math.fsum of two numbers; log1p or the number itself"""

    def loss(x):
        return math.log1p(math.exp(x)) if x < 30 else x + math.log1p(math.exp(-x))

    return math.fsum([loss(-bias), (batch - 1) * loss(bias)])


@replaces("initial_loss")
def initial_logsumexp(batch, log_t, bias):
    """logsumexp of (0, x)"""
    lse = torch.logsumexp(torch.tensor([[0.0, -bias], [0.0, bias]], dtype=torch.float64), dim=1)
    return float(lse @ torch.tensor([1.0, batch - 1.0], dtype=torch.float64))
