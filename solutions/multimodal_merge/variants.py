"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import OrderedDict
from itertools import chain

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


@replaces("Projector")
class BareParameters(nn.Module):
    """erf by hand, a buffer, parameters registered the other way round"""

    def __init__(self, vision_dim: int, text_dim: int) -> None:
        super().__init__()
        self.register_buffer("root", torch.tensor(math.sqrt(2)))
        self.linear_2 = nn.Linear(text_dim, text_dim)
        self.linear_1 = nn.Module()
        self.linear_1.bias = nn.Parameter(torch.zeros(text_dim))
        self.linear_1.weight = nn.Parameter(torch.randn(text_dim, vision_dim) / vision_dim**0.5)

    def forward(self, x: Tensor) -> Tensor:
        z = torch.einsum("...v,tv->...t", x, self.linear_1.weight) + self.linear_1.bias
        z = z * 0.5 * (1.0 + torch.erf(z * 0.5**0.5))
        return torch.einsum("...t,st->...s", z, self.linear_2.weight) + self.linear_2.bias


@replaces("Projector")
class NamedSequential(nn.Sequential):
    """a Sequential whose parts have names"""

    def __init__(self, vision_dim, text_dim):
        first, second = nn.Linear(vision_dim, text_dim), nn.Linear(text_dim, text_dim)
        super().__init__(OrderedDict(linear_1=first, act=nn.GELU(), linear_2=second))


@replaces("select_features")
def by_table(hidden_states, layer, strategy):
    """a dictionary of first tokens, narrow, a copy"""
    first = {"default": 1, "full": 0}
    if strategy not in first:
        raise ValueError(strategy)
    states = list(hidden_states)[layer]
    return states.narrow(1, first[strategy], states.size(1) - first[strategy]).clone()


@replaces("expand_image_tokens")
def in_one_line(ids, image_token, n_tokens):
    """chained slices of lists; returns a tuple"""
    return tuple(chain.from_iterable([i] * n_tokens if i == image_token else [i] for i in ids))


@replaces("expand_image_tokens")
def with_numpy(ids, image_token, n_tokens):
    """repeat by counts"""
    ids = np.array(ids)
    return np.repeat(ids, np.where(ids == image_token, n_tokens, 1)).tolist()


@replaces("merge")
def position_by_position(input_ids, embedding, image_features, image_token):
    """loops, and an iterator over the patches"""
    patches = [patch for image in image_features for patch in image]
    if sum(row.count(image_token) for row in input_ids.tolist()) != len(patches):
        raise ValueError("placeholders and features differ in number")
    patches = iter(patches)
    texts = [[next(patches) if i == image_token else embedding[i] for i in row] for row in input_ids.tolist()]
    return torch.stack([torch.stack(text) for text in texts])


@replaces("merge")
def one_table(input_ids, embedding, image_features, image_token):
    """the patches as more rows of the vocabulary; a result that is not contiguous"""
    V, D = embedding.shape
    places = (input_ids == image_token).flatten()
    rows = image_features.view(-1, D)
    if int(places.sum()) != rows.shape[0]:
        raise ValueError
    ids = torch.where(places, V - 1 + places.cumsum(0), input_ids.flatten())
    columns = torch.cat([embedding, rows]).T[:, ids]  # (D, B * T)
    return columns.reshape(D, *input_ids.shape).permute(1, 2, 0)


@replaces("merge")
def boolean_index(input_ids, embedding, image_features, image_token):
    """x[mask] = rows, in place on what was looked up"""
    mask = input_ids.eq(image_token)
    n = image_features.size(0) * image_features.size(1)
    if torch.count_nonzero(mask).item() != n:
        raise ValueError(f"{n} rows of features do not fit")
    x = F.embedding(torch.where(mask, torch.zeros_like(input_ids), input_ids), embedding)
    x[mask] = image_features.flatten(0, 1)
    return x


class Merge(torch.autograd.Function):
    @staticmethod
    def forward(ctx, embedding, rows, ids, places):
        ctx.save_for_backward(ids, places)
        ctx.V = len(embedding)
        x = embedding.new_empty(len(ids), embedding.shape[1])
        x[places], x[~places] = rows, embedding[ids[~places]]
        return x

    @staticmethod
    def backward(ctx, g):
        ids, places = ctx.saved_tensors
        of_words = F.one_hot(ids[~places], ctx.V).to(g.dtype).T @ g[~places]
        return of_words, g[places], None, None


@replaces("merge")
def own_backward(input_ids, embedding, image_features, image_token):
    """a custom autograd Function with the derivative by hand"""
    ids = input_ids.reshape(-1)
    places = ids == image_token
    if places.sum() != image_features[..., 0].numel():
        raise ValueError("placeholders and features differ in number")
    x = Merge.apply(embedding, image_features.reshape(-1, image_features.shape[-1]), ids, places)
    return x.view(*input_ids.shape, -1)


@replaces("make_labels")
def token_by_token(input_ids, image_token, pad_token, prompt_lengths):
    """loops over lists"""
    out = []
    for row, n in zip(input_ids.tolist(), prompt_lengths.tolist(), strict=True):
        first = next(t for t, token in enumerate(row) if token != pad_token)
        ignored = {pad_token, image_token}
        out.append([-100 if t < first + n or token in ignored else token for t, token in enumerate(row)])
    return torch.tensor(out)


@replaces("make_labels")
def from_first_real(input_ids, image_token, pad_token, prompt_lengths):
    """argmax finds the first real token; writes into a copy"""
    labels = input_ids.clone()
    first = (input_ids != pad_token).int().argmax(dim=1, keepdim=True)
    column = torch.arange(input_ids.size(1)).expand_as(input_ids)
    labels[column < first + prompt_lengths.unsqueeze(1)] = -100
    labels[(input_ids == pad_token) | (input_ids == image_token)] = -100
    return labels


@replaces("batch_inputs")
def positions_of_hugging_face(input_ids, pad_token):
    """1 at padding, as generate does it"""
    mask = torch.where(input_ids == pad_token, 0, 1)
    positions = mask.cumsum(-1) - 1
    return {"position_ids": positions.masked_fill(mask == 0, 1), "attention_mask": mask}


@replaces("batch_inputs")
def from_numpy(input_ids, pad_token):
    """columns less the first real one, 0 at padding; an expanded view"""
    real = input_ids.numpy() != pad_token
    column = np.arange(real.shape[1])
    positions = np.where(real, column - real.argmax(1)[:, None], 0)
    return OrderedDict(position_ids=torch.from_numpy(positions), attention_mask=torch.from_numpy(real).to(torch.int64))
