import functools
import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from torch import Tensor

from grader.testing import replaces


@replaces("mlm_corrupt")
def corrupt_loops(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """token by token; draws as Python floats"""
    out, labels = input_ids.clone(), torch.full_like(input_ids, ignore_index)
    for b in range(input_ids.shape[0]):
        for t in range(input_ids.shape[1]):
            if special_mask[b, t] or not select_u[b, t] < mlm_probability:
                continue
            labels[b, t] = input_ids[b, t]
            a = action_u[b, t].item()
            if a < 0.8:
                out[b, t] = mask_token_id
            elif a < 0.9:
                out[b, t] = random_ids[b, t]
    return out, labels


@replaces("mlm_corrupt")
def corrupt_where(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """nested torch.where"""
    chosen = torch.logical_and(select_u < mlm_probability, torch.logical_not(special_mask))
    shown = torch.where(action_u < 0.8, mask_token_id, torch.where(action_u < 0.9, random_ids, input_ids))
    return torch.where(chosen, shown, input_ids), torch.where(chosen, input_ids, ignore_index)


@replaces("mlm_corrupt")
def corrupt_in_place(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """boolean index on copies, as in Hugging Face's collator"""
    labels = input_ids.clone()
    inputs = input_ids.clone()
    chosen = (select_u < mlm_probability).masked_fill(special_mask, False)
    labels[~chosen] = ignore_index
    replaced = chosen & (action_u < 0.8)
    inputs[replaced] = mask_token_id
    swapped = chosen & ~replaced & (action_u < 0.9)
    inputs[swapped] = random_ids[swapped]
    return inputs, labels


@replaces("mlm_corrupt")
def corrupt_numpy(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """np.select in float64"""
    ids, action = input_ids.numpy(), action_u.double().numpy()
    chosen = (select_u.double().numpy() < mlm_probability) & ~special_mask.numpy()
    shown = np.select([~chosen, action < 0.8, action < 0.9], [ids, np.full_like(ids, mask_token_id), random_ids.numpy()], ids)
    return torch.from_numpy(shown), torch.from_numpy(np.where(chosen, ids, ignore_index).astype(np.int64))


@replaces("mlm_corrupt")
def corrupt_integers(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """sums of products with 0 and 1"""
    chosen = (select_u < mlm_probability).long() * (1 - special_mask.long())
    mask = chosen * (action_u < 0.8).long()
    random = chosen * (action_u < 0.9).long() - mask
    corrupted = mask * mask_token_id + random * random_ids + (1 - mask - random) * input_ids
    return corrupted, chosen * input_ids + (1 - chosen) * ignore_index


@replaces("mlm_corrupt")
def corrupt_flat(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """flat lists and zip"""
    shown, labels = [], []
    for i, s, u, a, r in zip(*(x.flatten().tolist() for x in (input_ids, special_mask, select_u, action_u, random_ids))):
        chosen = u < mlm_probability and not s
        labels.append(i if chosen else ignore_index)
        shown.append((mask_token_id if a < 0.8 else r if a < 0.9 else i) if chosen else i)
    shape = input_ids.shape
    return torch.tensor(shown, dtype=torch.int64).view(shape), torch.tensor(labels, dtype=torch.int64).view(shape)


@replaces("mlm_corrupt")
def corrupt_indices(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """index pairs of the chosen ones, index_put"""
    where = torch.nonzero((select_u < mlm_probability) & (special_mask == False), as_tuple=True)  # noqa: E712
    tokens, actions = input_ids[where], action_u[where]
    new = torch.where(actions < 0.9, random_ids[where], tokens)
    new = torch.where(actions < 0.8, torch.full_like(new, mask_token_id), new)
    labels = torch.full(input_ids.shape, ignore_index, dtype=torch.int64)
    return input_ids.index_put(where, new), labels.index_put(where, tokens)


class Corrupted(NamedTuple):
    inputs: Tensor
    labels: Tensor


@replaces("mlm_corrupt")
def corrupt_named(
    input_ids: Tensor,
    special_mask: Tensor,
    select_u: Tensor,
    action_u: Tensor,
    random_ids: Tensor,
    mask_token_id: int,
    mlm_probability: float = 0.15,
    ignore_index: int = -100,
) -> Corrupted:
    """special tokens get a draw of 1; a NamedTuple; computed transposed"""
    u = torch.where(special_mask, torch.ones_like(select_u), select_u).T
    chosen = u < mlm_probability
    inputs = input_ids.T.clone()
    inputs = torch.where(chosen & (action_u.T < 0.9), random_ids.T, inputs)
    inputs = inputs.masked_fill(chosen & (action_u.T < 0.8), mask_token_id)
    return Corrupted(inputs.T, input_ids.T.masked_fill(chosen.logical_not(), ignore_index).T)


@replaces("mlm_corrupt")
def corrupt_buckets(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """the action as a number, gathered from a stack"""
    action = (action_u >= 0.8).long() + (action_u >= 0.9).long()
    chosen = (select_u < mlm_probability) ^ ((select_u < mlm_probability) & special_mask)
    action[~chosen] = 2
    options = torch.stack([torch.full_like(input_ids, mask_token_id), random_ids, input_ids], dim=-1)
    corrupted = torch.gather(options, -1, action.unsqueeze(-1)).squeeze(-1)
    labels = torch.full_like(input_ids, ignore_index)
    labels[chosen] = input_ids[chosen]
    return corrupted, labels


@replaces("mlm_corrupt")
def corrupt_rows(
    input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100
):
    """text by text, stacked"""
    rows = []
    for ids, special, u, a, r in zip(input_ids, special_mask, select_u, action_u, random_ids):
        chosen = u.lt(mlm_probability).logical_and(~special)
        first, second = chosen & a.lt(0.8), chosen & a.ge(0.8) & a.lt(0.9)
        new = ids.masked_fill(first, mask_token_id).masked_scatter(second, r[second])
        rows.append((new, ids.masked_fill(~chosen, ignore_index)))
    return tuple(torch.stack(x) for x in zip(*rows))


def picked(logits, labels, ignore_index):
    """logits and labels of the positions that count"""
    keep = labels != ignore_index
    return logits[keep], labels[keep]


def loss_by_log_softmax(logits, labels, ignore_index):
    x, y = picked(logits, labels, ignore_index)
    if len(y) == 0:
        return logits.sum() * 0.0
    return -x.log_softmax(-1).gather(-1, y[:, None]).mean()


def loss_by_logsumexp(logits, labels, ignore_index):
    keep = labels.ne(ignore_index)
    safe = torch.where(keep, labels, 0)
    each = logits.logsumexp(-1) - torch.take_along_dim(logits, safe[..., None], -1)[..., 0]
    return (each * keep).sum() / max(int(keep.sum()), 1)


def loss_by_nll(logits, labels, ignore_index):
    logp = F.log_softmax(logits, dim=-1).permute(0, 2, 1)
    total = F.nll_loss(logp, labels, ignore_index=ignore_index, reduction="sum")
    count = torch.count_nonzero(labels != ignore_index)
    return total / torch.where(count == 0, torch.ones_like(count), count).to(logits.dtype)


def loss_by_one_hot(logits, labels, ignore_index):
    keep = labels != ignore_index
    hot = F.one_hot(labels.masked_fill(~keep, 0), logits.shape[-1]).to(logits.dtype) * keep[..., None]
    n = hot.sum()
    loss = -(hot * F.log_softmax(logits, -1)).sum()
    return loss / n if n > 0 else loss


def loss_by_loops(logits, labels, ignore_index):
    total, count = logits.sum() * 0, 0
    for row, ys in zip(logits, labels.tolist()):
        for x, y in zip(row, ys):
            if y != ignore_index:
                m = x.max().detach()
                total = total + torch.log(torch.exp(x - m).sum()) + m - x[y]
                count += 1
    return total / max(count, 1)


def loss_by_double(logits, labels, ignore_index):
    x, y = picked(logits.double(), labels, ignore_index)
    total = F.cross_entropy(x, y, reduction="sum")
    return (total / max(y.numel(), 1)).to(logits.dtype)


def loss_by_renaming(logits, labels, ignore_index):
    renamed = labels.masked_fill(labels == ignore_index, -1)
    if not (renamed >= 0).any():
        return (logits * 0).sum()
    return F.cross_entropy(logits.transpose(1, 2), renamed, ignore_index=-1)


def loss_by_weights(logits, labels, ignore_index):
    keep = (labels != ignore_index).to(logits.dtype)
    each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=ignore_index, reduction="none")
    return torch.dot(each, keep.flatten() / keep.sum().clamp_min(1.0))


def loss_by_differences(logits, labels, ignore_index):
    x, y = picked(logits, labels, ignore_index)
    own = x[torch.arange(len(y)), y].unsqueeze(-1)
    each = torch.logsumexp(x - own, dim=-1)
    return each.mean() if len(each) else each.sum()


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, labels, ignore_index):
        keep = labels != ignore_index
        x = logits - logits.amax(-1, keepdim=True)
        logp = x - x.exp().sum(-1, keepdim=True).log()
        y = labels.where(keep, torch.zeros_like(labels)).unsqueeze(-1)
        n = max(keep.sum().item(), 1)
        ctx.save_for_backward(logp, y, keep)
        ctx.n = n
        return -(logp.gather(-1, y).squeeze(-1) * keep).sum() / n

    @staticmethod
    def backward(ctx, grad):
        logp, y, keep = ctx.saved_tensors
        d = logp.exp().scatter_add(-1, y, -torch.ones_like(y, dtype=logp.dtype))
        return grad * d * keep.unsqueeze(-1) / ctx.n, None, None


def loss_by_sequences(logits, labels, ignore_index):
    sums, n = [], 0
    for x, y in zip(logits, labels):
        sums.append(F.cross_entropy(x, y, ignore_index=ignore_index, reduction="sum"))
        n += sum(label != ignore_index for label in y.tolist())
    total = functools.reduce(torch.add, sums)
    return total / n if n else total


@replaces("mlm_loss")
def mlm_log_softmax(logits, labels, ignore_index=-100):
    """log_softmax of the picked rows; 0 times the logits without labels"""
    return loss_by_log_softmax(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_logsumexp(logits, labels, ignore_index=-100):
    """logsumexp minus the own logit, times a mask"""
    return loss_by_logsumexp(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_nll(logits, labels, ignore_index=-100):
    """nll_loss over (B, V, T)"""
    return loss_by_nll(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_one_hot(logits, labels, ignore_index=-100):
    """one_hot"""
    return loss_by_one_hot(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_loops(logits, labels, ignore_index=-100):
    """loops, hand-written maximum"""
    return loss_by_loops(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_double(logits, labels, ignore_index=-100):
    """float64, cast back"""
    return loss_by_double(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_renaming(logits, labels, ignore_index=-100):
    """ignored labels become -1; the mean of cross_entropy unless there are none"""
    return loss_by_renaming(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_weights(logits, labels, ignore_index=-100):
    """cross entropies without reduction, weighted"""
    return loss_by_weights(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_differences(logits, labels, ignore_index=-100):
    """logsumexp of differences to the own logit"""
    return loss_by_differences(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_function(logits, labels, ignore_index=-100):
    """a gradient by formula"""
    return _CrossEntropy.apply(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_sequences(logits, labels, ignore_index=-100):
    """sequence by sequence, sums"""
    return loss_by_sequences(logits, labels, ignore_index)


@replaces("mlm_loss")
def mlm_index_select(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """all positions that count as one tensor, an early return that keeps the graph"""
    flat, y = logits.view(-1, logits.size(-1)) if logits.is_contiguous() else logits.flatten(0, 1), labels.flatten()
    index = torch.nonzero(y != ignore_index).squeeze(-1)
    if index.numel() == 0:
        return flat[:0].sum()
    return F.cross_entropy(flat.index_select(0, index), y.index_select(0, index))


def check(labels):
    if labels.size(-1) < 2:
        raise ValueError("at least two positions are needed")


@replaces("clm_loss")
def clm_log_softmax(logits, labels, ignore_index=-100):
    """slices"""
    check(labels)
    return loss_by_log_softmax(logits[:, :-1, :], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def clm_rolled(logits, labels, ignore_index=-100):
    """labels rolled, the last one ignored"""
    check(labels)
    shifted = labels.roll(-1, dims=1)
    shifted[:, -1] = ignore_index
    return loss_by_logsumexp(logits, shifted, ignore_index)


@replaces("clm_loss")
def clm_padded(logits, labels, ignore_index=-100):
    """labels shifted by padding"""
    check(labels)
    return loss_by_nll(logits, F.pad(labels, (0, 1), value=ignore_index)[:, 1:], ignore_index)


@replaces("clm_loss")
def clm_narrow(logits, labels, ignore_index=-100):
    """narrow, one_hot"""
    T = logits.shape[1]
    if T < 2:
        raise ValueError(f"T = {T}")
    return loss_by_one_hot(logits.narrow(1, 0, T - 1), labels.narrow(1, 1, T - 1), ignore_index)


@replaces("clm_loss")
def clm_loops(logits, labels, ignore_index=-100):
    """loops"""
    check(labels)
    return loss_by_loops(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def clm_time_steps(logits, labels, ignore_index=-100):
    """position by position"""
    check(labels)
    total, n = 0, 0
    for t in range(labels.shape[1] - 1):
        total = total + F.cross_entropy(logits[:, t], labels[:, t + 1], ignore_index=ignore_index, reduction="sum")
        n = n + (labels[:, t + 1] != ignore_index).sum()
    return total / n.clamp(min=1)


@replaces("clm_loss")
def clm_double(logits, labels, ignore_index=-100):
    """float64"""
    check(labels)
    return loss_by_double(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def clm_hugging_face(logits, labels, ignore_index=-100):
    """as in transformers, apart from the case without labels"""
    check(labels)
    shift_logits = logits[..., :-1, :].contiguous()
    shift_labels = labels[..., 1:].contiguous()
    if (shift_labels == ignore_index).all():
        return shift_logits.sum() * 0
    loss_fct = torch.nn.CrossEntropyLoss(ignore_index=ignore_index)
    return loss_fct(shift_logits.view(-1, shift_logits.size(-1)), shift_labels.view(-1))


@replaces("clm_loss")
def clm_weights(logits, labels, ignore_index=-100):
    """weighted cross entropies"""
    check(labels)
    return loss_by_weights(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def clm_function(logits, labels, ignore_index=-100):
    """a gradient by formula"""
    check(labels)
    return _CrossEntropy.apply(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def clm_sequences(logits, labels, ignore_index=-100):
    """sequence by sequence"""
    check(labels)
    return loss_by_sequences(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def clm_pairs(logits, labels, ignore_index=-100):
    """index pairs of the labels that count"""
    check(labels)
    b, t = torch.nonzero(labels[:, 1:] != ignore_index, as_tuple=True)
    logp = logits[b, t].log_softmax(-1)
    return -logp[torch.arange(len(b)), labels[b, t + 1]].sum() / max(len(b), 1)


@replaces("span_corruption")
def span_flags(ids, spans, first_sentinel_id):
    """a flag for every token"""
    inside = [False] * len(ids)
    for start, length in spans:
        if length < 1 or start < 0 or start + length > len(ids):
            raise ValueError(f"bad span {(start, length)}")
        around = range(max(start - 1, 0), min(start + length + 1, len(ids)))
        if any(inside[i] for i in around):
            raise ValueError("spans overlap or touch")
        for i in range(start, start + length):
            inside[i] = True
    source, target, sentinel = [], [], first_sentinel_id
    for i, token in enumerate(ids):
        if not inside[i]:
            source.append(token)
            continue
        if i == 0 or not inside[i - 1]:
            source.append(sentinel)
            target.append(sentinel)
            sentinel -= 1
        target.append(token)
    target.append(sentinel)
    return source, target


@replaces("span_corruption")
def span_backwards(ids, spans, first_sentinel_id):
    """from the last span to the first, slices replaced in a copy"""
    ordered = sorted(spans, key=lambda span: span[0])
    for start, length in ordered:
        if length <= 0 or start < 0 or start + length > len(ids):
            raise ValueError("span")
    for (a, n), (b, _) in itertools.pairwise(ordered):
        if a + n >= b:
            raise ValueError("too close")
    source, pieces = list(ids), []
    for number, (start, length) in reversed(list(enumerate(ordered))):
        sentinel = first_sentinel_id - number
        pieces.insert(0, [sentinel, *ids[start : start + length]])
        source[start : start + length] = [sentinel]
    return source, [x for piece in pieces for x in piece] + [first_sentinel_id - len(ordered)]


@replaces("span_corruption")
def span_dict(ids, spans, first_sentinel_id):
    """start → length, one walk over the text"""
    lengths = {}
    for start, length in spans:
        if start in lengths or length < 1 or start not in range(len(ids)) or start + length > len(ids):
            raise ValueError("span")
        lengths[start] = length
    source, target, sentinel, i = [], [], first_sentinel_id, 0
    while i < len(ids):
        if i in lengths:
            n = lengths.pop(i)
            source.append(sentinel)
            target.extend([sentinel, *ids[i : i + n]])
            sentinel -= 1
            i += n
            if i in lengths:
                raise ValueError("spans touch")
        else:
            source.append(ids[i])
            i += 1
    if lengths:
        raise ValueError("spans overlap")
    return source, target + [sentinel]


@dataclass(order=True)
class Span:
    start: int
    length: int

    @property
    def end(self):
        return self.start + self.length


@replaces("span_corruption")
def span_dataclass(ids, spans, first_sentinel_id):
    """dataclasses, comprehensions"""
    ordered = sorted(Span(*s) for s in spans)
    if any(s.length < 1 or s.start < 0 or s.end > len(ids) for s in ordered):
        raise ValueError("span leaves the text")
    if any(not a.end < b.start for a, b in zip(ordered, ordered[1:])):
        raise ValueError("spans overlap or touch")
    ends = [0] + [s.end for s in ordered]
    starts = [s.start for s in ordered] + [len(ids)]
    kept = [list(ids[a:b]) for a, b in zip(ends, starts)]
    source, target = kept[0], []
    for n, s in enumerate(ordered):
        source = source + [first_sentinel_id - n] + kept[n + 1]
        target = target + [first_sentinel_id - n] + list(ids[s.start : s.end])
    return source, target + [first_sentinel_id - len(ordered)]


@replaces("span_corruption")
def span_recursive(ids, spans, first_sentinel_id):
    """recursion over the first span that is left"""

    def rest(position, todo, sentinel, allowed):
        if not todo:
            return ids[position:], [sentinel]
        start, length = todo[0]
        if start < allowed or length < 1 or start + length > len(ids):
            raise ValueError("bad spans")
        end = start + length
        source, target = rest(end, todo[1:], sentinel - 1, end + 1)
        return ids[position:start] + [sentinel] + source, [sentinel] + ids[start:end] + target

    return rest(0, sorted(spans), first_sentinel_id, 0)


@replaces("span_corruption")
def span_groupby(ids, spans, first_sentinel_id):
    """a number of the span for each token, groupby"""
    owner = [None] * len(ids)
    for n, (start, length) in enumerate(sorted(map(tuple, spans))):
        if length < 1 or start < 0 or start + length > len(ids):
            raise ValueError("span")
        if any(x is not None for x in owner[max(0, start - 1) : start + length + 1]):
            raise ValueError("spans too close")
        owner[start : start + length] = [n] * length
    source, target = [], []
    for n, group in itertools.groupby(zip(owner, ids), key=lambda pair: pair[0]):
        tokens = [token for _, token in group]
        if n is None:
            source.extend(tokens)
        else:
            source.append(first_sentinel_id - n)
            target.extend([first_sentinel_id - n] + tokens)
    return source, target + [first_sentinel_id - len(spans)]


@replaces("span_corruption")
def span_torch(ids, spans, first_sentinel_id):
    """tensors, split by sizes"""
    ordered = sorted(spans)
    sizes, position = [], 0
    for i, (start, length) in enumerate(ordered):
        gap = start - position
        if length < 1 or gap < (1 if i else 0) or start + length > len(ids):
            raise ValueError("span")
        sizes += [gap, length]
        position = start + length
    sizes.append(len(ids) - position)
    parts = [p.tolist() for p in torch.tensor(ids, dtype=torch.int64).split(sizes)]
    source, target = parts[0], []
    for n in range(len(ordered)):
        source = source + [first_sentinel_id - n] + parts[2 * n + 2]
        target += [first_sentinel_id - n] + parts[2 * n + 1]
    target.append(first_sentinel_id - len(ordered))
    return source, target


@replaces("span_corruption")
def span_pairs_checked(ids: list[int], spans: list[tuple[int, int]], first_sentinel_id: int) -> tuple[list[int], list[int]]:
    """every pair of spans is compared"""
    for i, (start, length) in enumerate(spans):
        if length < 1:
            raise ValueError("a span needs a token")
        if not 0 <= start <= len(ids) - length:
            raise ValueError("a span leaves the text")
        for other, n in spans[:i]:
            if start <= other + n and other <= start + length:
                raise ValueError("two spans overlap or touch")
    rank = {span[0]: sum(o[0] < span[0] for o in spans) for span in spans}
    hidden = {i for start, n in spans for i in range(start, start + n)}
    source = [first_sentinel_id - rank[i] if i in rank else x for i, x in enumerate(ids) if i in rank or i not in hidden]
    target = []
    for start, n in sorted(spans):
        target += [first_sentinel_id - rank[start], *ids[start : start + n]]
    return source, target + [first_sentinel_id - len(spans)]


@replaces("span_corruption")
def span_iterator(ids, spans, first_sentinel_id):
    """an iterator of the tokens, islice; sentinels from count"""
    ordered = sorted(spans)
    end = -1
    for start, length in ordered:
        if length < 1 or start < 0 or start <= end or start + length > len(ids):
            raise ValueError((start, length))
        end = start + length
    tokens, sentinels = iter(ids), itertools.count(first_sentinel_id, -1)
    source, target, position = [], [], 0
    for start, length in ordered:
        source.extend(itertools.islice(tokens, start - position))
        sentinel = next(sentinels)
        source.append(sentinel)
        target.append(sentinel)
        target.extend(itertools.islice(tokens, length))
        position = start + length
    source.extend(tokens)
    target.append(next(sentinels))
    return source, target


@replaces("span_corruption")
def span_numpy(ids, spans, first_sentinel_id):
    """numpy marks; plain ints in the result"""
    n = len(ids)
    cover = np.zeros(n + 1, dtype=int)
    for start, length in spans:
        if length < 1 or start < 0 or start + length > n:
            raise ValueError("span outside")
        cover[start : start + length + 1] += 1  # one more, so that touching ones collide
    if (cover > 1).any():
        raise ValueError("collision")
    inside = np.zeros(n + 2, dtype=bool)
    for start, length in spans:
        inside[start + 1 : start + length + 1] = True
    begins = inside[1:-1] & ~inside[:-2]
    number = begins.cumsum() - 1
    source, target = [], []
    for i in range(n):
        if begins[i]:
            source.append(first_sentinel_id - int(number[i]))
            target.append(first_sentinel_id - int(number[i]))
        (target if inside[i + 1] else source).append(ids[i])
    return source, target + [first_sentinel_id - len(spans)]
