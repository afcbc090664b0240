import itertools
import math
from collections import OrderedDict, deque
from functools import reduce

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.testing import replaces


# ------------------------------------------------------------------ Projector
@replaces("Projector")
class ErfProjector(nn.Module):
    """erf by hand"""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_2 = nn.Linear(text_dim, text_dim)
        self.linear_1 = nn.Linear(vision_dim, text_dim)

    def forward(self, x):
        z = self.linear_1(x)
        return self.linear_2(0.5 * z * (1 + torch.erf(z / math.sqrt(2))))


@replaces("Projector")
class SequenceProjector(nn.Sequential):
    """nn.Sequential with names"""

    def __init__(self, vision_dim, text_dim):
        super().__init__(OrderedDict(linear_1=nn.Linear(vision_dim, text_dim), act=nn.GELU(), linear_2=nn.Linear(text_dim, text_dim)))


@replaces("Projector")
class NormalProjector(nn.Module):
    """functional; Φ(z) by the normal distribution; drawn otherwise"""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.add_module("linear_1", nn.Linear(in_features=vision_dim, out_features=text_dim, bias=True))
        self.add_module("linear_2", nn.Linear(in_features=text_dim, out_features=text_dim, bias=True))
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            else:
                nn.init.normal_(p, std=0.02)

    def forward(self, x):
        z = F.linear(x, self.linear_1.weight, self.linear_1.bias)
        return F.linear(z * torch.special.ndtr(z), self.linear_2.weight, self.linear_2.bias)


@replaces("Projector")
class MatrixProjector(nn.Module):
    """flattened, addmm"""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(vision_dim, text_dim), nn.Linear(text_dim, text_dim)
        self.text_dim = text_dim

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1])
        z = torch.addmm(self.linear_1.bias, flat, self.linear_1.weight.T)
        z = F.gelu(z, approximate="none")
        return torch.addmm(self.linear_2.bias, z, self.linear_2.weight.t()).view(*x.shape[:-1], self.text_dim)


class Affine(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / n_in**0.5)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return torch.einsum("...i,oi->...o", x, self.weight) + self.bias


@replaces("Projector")
class EinsumProjector(nn.Module):
    """own affine maps, erfc"""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_1 = Affine(vision_dim, text_dim)
        self.linear_2 = Affine(text_dim, text_dim)

    def forward(self, x):
        z = self.linear_1(x)
        return self.linear_2(z / 2 * torch.special.erfc(-z / 2**0.5))


# ------------------------------------------------------------------ select_features
@replaces("select_features")
def sf_first(hidden_states, layer, strategy):
    """checked first"""
    if strategy not in ("default", "full"):
        raise ValueError("strategy has to be 'default' or 'full'")
    start = 1 if strategy == "default" else 0
    return hidden_states[layer][:, start:]


@replaces("select_features")
def sf_match(hidden_states, layer, strategy):
    """match"""
    match strategy:
        case "default":
            return hidden_states[layer][:, 1:, :]
        case "full":
            return hidden_states[layer][:, :, :]
    raise ValueError(strategy)


@replaces("select_features")
def sf_table(hidden_states, layer, strategy):
    """a table of slices"""
    try:
        part = {"default": slice(1, None), "full": slice(None)}[strategy]
    except (KeyError, TypeError):
        raise ValueError(f"no such strategy: {strategy!r}") from None
    return hidden_states[layer][:, part].clone()


@replaces("select_features")
def sf_narrow(hidden_states, layer, strategy):
    """narrow; the index made positive"""
    x = list(hidden_states)[layer % len(hidden_states)]
    if strategy == "full":
        return x
    elif strategy == "default":
        return x.narrow(1, 1, x.size(1) - 1)
    else:
        raise ValueError


@replaces("select_features")
def sf_split(hidden_states, layer, strategy):
    """the class token split off"""
    states = hidden_states[layer]
    _, patches = states.tensor_split([1], dim=1)
    choice = {"full": states, "default": patches}
    if strategy not in choice:
        raise ValueError(f"strategy must be one of {sorted(choice)}")
    return choice[strategy]


@replaces("select_features")
def sf_index(hidden_states, layer, strategy):
    """indices"""
    n = hidden_states[layer].shape[1]
    if strategy == "default":
        keep = range(1, n)
    elif strategy == "full":
        keep = range(n)
    else:
        raise ValueError("unknown", strategy)
    return hidden_states[layer].index_select(1, torch.tensor(list(keep), dtype=torch.long))


class StrategyError(ValueError):
    """a strategy that is unknown"""


@replaces("select_features")
def sf_own_error(hidden_states, layer, strategy):
    """an error class of its own"""
    if strategy == "default":
        return torch.stack([image[1:] for image in hidden_states[layer]])
    if strategy != "full":
        raise StrategyError(strategy)
    return hidden_states[layer].contiguous()


@replaces("select_features")
def sf_drop(hidden_states, layer, strategy):
    """a number of tokens to drop"""
    drop = ["full", "default"].index(strategy)  # ValueError for others
    return hidden_states[layer][:, drop:, ...]


# ------------------------------------------------------------------ expand_image_tokens
@replaces("expand_image_tokens")
def ex_nested(ids, image_token, n_tokens):
    """one comprehension"""
    return [token for token in ids for _ in range(n_tokens if token == image_token else 1)]


@replaces("expand_image_tokens")
def ex_chain(ids, image_token, n_tokens):
    """chain of repeats"""
    return list(itertools.chain.from_iterable(itertools.repeat(t, n_tokens if t == image_token else 1) for t in ids))


@replaces("expand_image_tokens")
def ex_generator(ids, image_token, n_tokens):
    """a generator"""
    def tokens():
        for token in ids:
            if token == image_token:
                yield from [image_token] * n_tokens
            else:
                yield token

    return list(tokens())


@replaces("expand_image_tokens")
def ex_sum(ids, image_token, n_tokens):
    """sum of lists"""
    return sum(([t] * n_tokens if t == image_token else [t] for t in ids), [])


@replaces("expand_image_tokens")
def ex_slices(ids, image_token, n_tokens):
    """a copy in which slices are replaced from the end"""
    out = ids.copy()
    for i in range(len(ids) - 1, -1, -1):
        if out[i] == image_token:
            out[i : i + 1] = [image_token] * n_tokens
    return out


@replaces("expand_image_tokens")
def ex_numpy(ids, image_token, n_tokens):
    """NumPy's repeat"""
    a = np.array(ids, dtype=np.int64)
    return np.repeat(a, np.where(a == image_token, n_tokens, 1)).tolist()


@replaces("expand_image_tokens")
def ex_torch(ids, image_token, n_tokens):
    """repeat_interleave"""
    a = torch.tensor(ids, dtype=torch.long)
    return a.repeat_interleave(1 + (a == image_token).long() * (n_tokens - 1)).tolist()


@replaces("expand_image_tokens")
def ex_queue(ids, image_token, n_tokens):
    """a queue"""
    queue, out = deque(ids), list()
    while queue:
        token = queue.popleft()
        out.append(token)
        if token == image_token:
            out.extend([token] * (n_tokens - 1))
    return out


@replaces("expand_image_tokens")
def ex_reduce(ids, image_token, n_tokens):
    """reduce"""
    return reduce(lambda out, t: out + [t] * (1, n_tokens)[t == image_token], ids, [])


# ------------------------------------------------------------------ merge
def check_count(n, image_features):
    rows = image_features.shape[0] * image_features.shape[1]
    if n != rows:
        raise ValueError(f"{n} placeholders, {rows} features")


@replaces("merge")
def me_scatter(input_ids, embedding, image_features, image_token):
    """masked_scatter, as Hugging Face does"""
    mask = input_ids == image_token
    check_count(mask.sum().item(), image_features)
    text = F.embedding(torch.where(mask, 0, input_ids), embedding)
    return text.masked_scatter(mask.unsqueeze(-1).expand_as(text), image_features)


@replaces("merge")
def me_table(input_ids, embedding, image_features, image_token):
    """one table of words and features below one another"""
    mask = input_ids.eq(image_token)
    check_count(int(mask.sum()), image_features)
    number = mask.flatten().cumsum(0).view(mask.shape) - 1
    table = torch.cat([embedding, image_features.reshape(-1, embedding.shape[1])])
    return table[torch.where(mask, len(embedding) + number, input_ids)]


@replaces("merge")
def me_loop(input_ids, embedding, image_features, image_token):
    """token by token"""
    rows = iter([row for image in image_features for row in image])
    check_count(sum(t == image_token for text in input_ids.tolist() for t in text), image_features)
    texts = [torch.stack([next(rows) if t == image_token else embedding[t] for t in text]) for text in input_ids.tolist()]
    return torch.stack(texts)


@replaces("merge")
def me_pieces(input_ids, embedding, image_features, image_token):
    """text into its places, features into theirs"""
    is_image = input_ids == image_token
    features = image_features.flatten(end_dim=1)
    if features.size(0) != int(is_image.sum()):
        raise ValueError("placeholders and features do not match")
    out = torch.zeros(*input_ids.shape, embedding.shape[1], dtype=embedding.dtype)
    out[~is_image] = embedding[input_ids[~is_image]]
    out[is_image] = features
    return out


@replaces("merge")
def me_where(input_ids, embedding, image_features, image_token):
    """where between two gathered tensors"""
    B, T = input_ids.shape
    mask = input_ids == image_token
    n = int(mask.sum())
    check_count(n, image_features)
    words = embedding.index_select(0, input_ids.masked_fill(mask, 0).reshape(-1)).view(B, T, -1)
    if n == 0:
        return words
    place = (mask.reshape(-1).cumsum(0) - 1).clamp_min(0)
    images = image_features.reshape(n, -1)[place].view(B, T, -1)
    return torch.where(mask[..., None], images, words)


@replaces("merge")
def me_index_put(input_ids, embedding, image_features, image_token):
    """index_put with nonzero"""
    b, t = torch.nonzero(input_ids == image_token, as_tuple=True)
    check_count(len(b), image_features)
    safe = input_ids.clone()
    safe[b, t] = 0
    return embedding[safe].index_put((b, t), image_features.reshape(len(b), embedding.shape[-1]))


@replaces("merge")
def me_one_hot(input_ids, embedding, image_features, image_token):
    """products with one-hot rows"""
    mask = input_ids == image_token
    check_count(mask.sum().item(), image_features)
    V = embedding.shape[0]
    hot = F.one_hot(input_ids.masked_fill(mask, 0), V).to(embedding.dtype) * (~mask)[..., None]
    words = hot @ embedding
    n = image_features.shape[0] * image_features.shape[1]
    order = mask.flatten().long().cumsum(0).sub(1).view(mask.shape)
    pick = (order[..., None] == torch.arange(n)) & mask[..., None]
    return words + pick.to(embedding.dtype) @ image_features.reshape(n, embedding.shape[1])


@replaces("merge")
def me_sort(input_ids, embedding, image_features, image_token):
    """all vectors one after the other, then put in order"""
    flat = input_ids.reshape(-1)
    is_image = flat == image_token
    images, words = is_image.nonzero().squeeze(1), (~is_image).nonzero().squeeze(1)
    check_count(images.numel(), image_features)
    vectors = torch.cat([embedding[flat[words]], image_features.flatten(0, 1)])
    order = torch.cat([words, images]).argsort()
    return vectors[order].reshape(*input_ids.shape, -1)


@replaces("merge")
def me_texts(input_ids, embedding, image_features, image_token):
    """text by text, features split"""
    counts = (input_ids == image_token).sum(dim=1).tolist()
    check_count(sum(counts), image_features)
    out = []
    for ids, features in zip(input_ids, image_features.flatten(0, 1).split(counts)):
        mask = ids == image_token
        x = embedding[ids.masked_fill(mask, 0)]
        out.append(x.index_copy(0, mask.nonzero()[:, 0], features))
    return torch.stack(out)


@replaces("merge")
def me_runs(input_ids, embedding, image_features, image_token):
    """runs of words and of placeholders, concatenated"""
    features = image_features.flatten(0, 1)
    flat = input_ids.flatten().tolist()
    if flat.count(image_token) != len(features):
        raise ValueError(len(features))
    parts, used = [], 0
    for is_image, run in itertools.groupby(flat, key=lambda t: t == image_token):
        run = list(run)
        if is_image:
            parts.append(features[used : used + len(run)])
            used += len(run)
        else:
            parts.append(embedding[torch.tensor(run)])
    return torch.cat(parts).unflatten(0, input_ids.shape)


class Merge(torch.autograd.Function):
    @staticmethod
    def forward(ctx, embedding, features, ids, mask):
        ctx.save_for_backward(ids, mask)
        ctx.rows = embedding.shape[0]
        out = embedding.detach()[ids]
        out[mask] = features.detach()
        return out

    @staticmethod
    def backward(ctx, g):
        ids, mask = ctx.saved_tensors
        grad = g.new_zeros(ctx.rows, g.shape[-1])
        grad.index_add_(0, ids[~mask], g[~mask])
        return grad, g[mask], None, None


@replaces("merge")
def me_function(input_ids, embedding, image_features, image_token):
    """a gradient written by hand"""
    mask = input_ids == image_token
    check_count(int(mask.count_nonzero()), image_features)
    return Merge.apply(embedding, image_features.flatten(0, 1), input_ids * ~mask, mask)


@replaces("merge")
def me_clamp(input_ids, embedding, image_features, image_token):
    """ids clamped into the vocabulary; a transposed result"""
    mask = (input_ids == image_token).T
    n = mask.sum()
    if n.ne(image_features.shape[0] * image_features.shape[1]):
        raise ValueError("wrong number of features")
    words = embedding[input_ids.clamp(0, embedding.shape[0] - 1)].transpose(0, 1).clone()
    out = words.transpose(0, 1)
    out[mask.T] = image_features.reshape(-1, embedding.shape[1]) if n else image_features.new_zeros(0, embedding.shape[1])
    return out


# ------------------------------------------------------------------ make_labels
@replaces("make_labels")
def ml_loop(input_ids, image_token, pad_token, prompt_lengths):
    """loops"""
    out = torch.full_like(input_ids, -100)
    for b in range(input_ids.shape[0]):
        seen = 0
        for t in range(input_ids.shape[1]):
            token = int(input_ids[b, t])
            if token == pad_token:
                continue
            seen += 1
            if seen > prompt_lengths[b] and token != image_token:
                out[b, t] = token
    return out


@replaces("make_labels")
def ml_where(input_ids, image_token, pad_token, prompt_lengths):
    """where and what is learned"""
    real = input_ids.ne(pad_token)
    learned = real & (real.long().cumsum(-1) > prompt_lengths.unsqueeze(-1)) & input_ids.ne(image_token)
    return torch.where(learned, input_ids, -100)


@replaces("make_labels")
def ml_start(input_ids, image_token, pad_token, prompt_lengths):
    """the first real token by argmax"""
    start = (input_ids != pad_token).int().argmax(dim=1)
    place = torch.arange(input_ids.shape[1])
    out = input_ids.clone()
    out[place < (start + prompt_lengths)[:, None]] = -100
    out[input_ids == pad_token] = -100
    out[input_ids == image_token] = -100
    return out


@replaces("make_labels")
def ml_lists(input_ids, image_token, pad_token, prompt_lengths):
    """Python lists"""
    rows = []
    for text, n in zip(input_ids.tolist(), prompt_lengths.tolist()):
        real = [i for i, token in enumerate(text) if token != pad_token]
        learned = {i for i in real[n:] if text[i] != image_token}
        rows.append([token if i in learned else -100 for i, token in enumerate(text)])
    return torch.tensor(rows, dtype=torch.int64)


@replaces("make_labels")
def ml_numpy(input_ids, image_token, pad_token, prompt_lengths):
    """NumPy"""
    ids = input_ids.numpy()
    real = ids != pad_token
    prompt = np.cumsum(real, axis=1) <= prompt_lengths.numpy()[:, None]
    return torch.from_numpy(np.where(real & ~prompt & (ids != image_token), ids, np.int64(-100)))


@replaces("make_labels")
def ml_slices(input_ids, image_token, pad_token, prompt_lengths):
    """slices of each text"""
    out = torch.full(input_ids.shape, -100, dtype=torch.long)
    for row, ids, n in zip(out, input_ids, prompt_lengths):
        real = (ids != pad_token).nonzero().flatten()
        keep = real[int(n) :]
        row[keep] = ids[keep]
    out[out == image_token] = -100
    return out


@replaces("make_labels")
def ml_arithmetic(input_ids, image_token, pad_token, prompt_lengths):
    """integers"""
    real = (input_ids != pad_token).long()
    learned = real * (input_ids != image_token).long() * (real.cumsum(1) > prompt_lengths.reshape(-1, 1)).long()
    return learned * input_ids - 100 * (1 - learned)


@replaces("make_labels")
def ml_transposed(input_ids, image_token, pad_token, prompt_lengths):
    """texts in columns: a view"""
    ids = input_ids.T
    seen = (ids != pad_token).cumsum(0)
    gone = (seen <= prompt_lengths) | (ids == pad_token) | (ids == image_token)
    return ids.masked_fill(gone, -100).T


@replaces("make_labels")
def ml_isin(input_ids, image_token, pad_token, prompt_lengths):
    """isin, in place on an own copy"""
    labels = input_ids.detach().clone()
    special = torch.isin(labels, torch.tensor([image_token, pad_token]))
    count = torch.zeros(len(labels), dtype=torch.long)
    for t in range(labels.shape[1]):
        count += input_ids[:, t] != pad_token
        special[:, t] |= count <= prompt_lengths
    labels[special] = -100
    return labels


@replaces("make_labels")
def ml_accumulate(input_ids, image_token, pad_token, prompt_lengths):
    """itertools.accumulate"""
    def text(ids, n):
        seen = itertools.accumulate(int(t != pad_token) for t in ids)
        return [t if s > n and t not in (pad_token, image_token) else -100 for t, s in zip(ids, seen)]

    return torch.tensor(list(map(text, input_ids.tolist(), prompt_lengths.tolist())))


@replaces("make_labels")
def ml_bounds(input_ids, image_token, pad_token, prompt_lengths):
    """first and last real place"""
    T = input_ids.shape[1]
    real = input_ids != pad_token
    place = torch.arange(T).expand(input_ids.shape)
    first = torch.where(real, place, T).amin(1)
    last = torch.where(real, place, -1).amax(1)
    inside = (place >= (first + prompt_lengths)[:, None]) & (place <= last[:, None])
    return torch.where(inside.logical_and(input_ids != image_token), input_ids, torch.full_like(input_ids, -100))


# ------------------------------------------------------------------ batch_inputs
@replaces("batch_inputs")
def bi_fill(input_ids, pad_token):
    """padding gets 1, as Hugging Face does; T = 1 has no padding"""
    mask = input_ids.ne(pad_token).long()
    position = mask.cumsum(-1) - 1
    return {"attention_mask": mask, "position_ids": position.masked_fill(mask == 0, min(1, input_ids.shape[1] - 1))}


@replaces("batch_inputs")
def bi_zero(input_ids, pad_token):
    """0 at padding"""
    mask = (input_ids != pad_token).to(torch.int64)
    return dict(position_ids=(mask.cumsum(1) - 1) * mask, attention_mask=mask)


@replaces("batch_inputs")
def bi_lists(input_ids, pad_token):
    """lists"""
    masks, positions = [], []
    for text in input_ids.tolist():
        mask = [0 if token == pad_token else 1 for token in text]
        counter = itertools.count()
        masks.append(mask)
        positions.append([next(counter) if m else 0 for m in mask])
    return {"attention_mask": torch.tensor(masks), "position_ids": torch.tensor(positions)}


@replaces("batch_inputs")
def bi_shift(input_ids, pad_token):
    """places less the first real place, modulo T"""
    T = input_ids.shape[1]
    real = input_ids != pad_token
    start = real.long().argmax(1, keepdim=True)
    return {"attention_mask": real.long(), "position_ids": (torch.arange(T) - start) % T}


@replaces("batch_inputs")
def bi_numpy(input_ids, pad_token):
    """NumPy"""
    mask = (input_ids.numpy() != pad_token).astype(np.int64)
    position = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
    return {"attention_mask": torch.from_numpy(mask), "position_ids": torch.from_numpy(position)}


@replaces("batch_inputs")
def bi_last(input_ids, pad_token):
    """T - 1 at padding"""
    mask = torch.where(input_ids == pad_token, 0, 1)
    position = torch.where(mask.bool(), mask.cumsum(1) - 1, input_ids.size(1) - 1)
    return OrderedDict([("attention_mask", mask), ("position_ids", position)])


@replaces("batch_inputs")
def bi_loop(input_ids, pad_token):
    """column by column"""
    mask = torch.zeros_like(input_ids)
    position = torch.zeros_like(input_ids)
    count = torch.zeros(input_ids.shape[0], dtype=torch.long)
    for t in range(input_ids.shape[1]):
        real = input_ids[:, t] != pad_token
        mask[:, t] = real
        position[:, t] = count * real
        count = count + real
    return {"attention_mask": mask, "position_ids": position}


@replaces("batch_inputs")
def bi_exclusive(input_ids, pad_token):
    """how many real tokens stand before"""
    mask = (~(input_ids == pad_token)).long()
    before = torch.ones(mask.shape[1], mask.shape[1], dtype=torch.long).triu(1)
    return {"attention_mask": mask, "position_ids": (mask @ before).clamp(max=mask.shape[1] - 1)}


@replaces("batch_inputs")
def bi_rows(input_ids, pad_token):
    """aranges put into each text"""
    mask = (input_ids - pad_token).ne(0).type(torch.int64)
    position = torch.zeros_like(mask)
    for row, m in zip(position, mask.bool()):
        row[m] = torch.arange(int(m.sum()))
    return {"position_ids": position, "attention_mask": mask}


@replaces("batch_inputs")
def bi_transposed(input_ids, pad_token):
    """texts in columns: views"""
    mask = input_ids.T.ne(pad_token).long()
    return {"attention_mask": mask.T, "position_ids": mask.cumsum(0).sub(1).clamp_min(0).T}
