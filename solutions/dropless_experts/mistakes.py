"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from dropless_experts import grouped_matmul, padded_rows, sort_by_expert
from torch import Tensor

from grader.testing import replaces


@replaces("sort_by_expert")
def no_leading_zero(indices, num_experts):
    """Your offsets are E numbers, of which the first is the end of expert 0. Where does expert 0 begin, and how many
    borders do E segments have?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, offsets[1:]


@replaces("sort_by_expert")
def no_end(indices, num_experts):
    """Your offsets say where each expert begins, and the last segment has no end. How many borders do E segments
    have?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, offsets[:-1]


@replaces("sort_by_expert")
def counts_for_offsets(indices, num_experts):
    """You returned how many copies each expert has. An offset is a place in order: how many copies come before a
    segment?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, offsets.diff()


@replaces("sort_by_expert")
def counts_after_zero(indices, num_experts):
    """Your offsets are a 0 and then the number of copies of each expert. What turns the lengths of neighbouring
    segments into the places where they begin?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, F.pad(offsets.diff(), (1, 0))


@replaces("sort_by_expert")
def last_places(indices, num_experts):
    """Your entry e + 1 is the last place of expert e, where the contract has the first place after it. What would
    rows[offsets[e]:offsets[e + 1]] leave out?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, torch.cat([offsets[:1], offsets[1:] - 1])


@replaces("sort_by_expert")
def ends_for_beginnings(indices, num_experts):
    """Your entry e says where the part of expert e ends, and the last number occurs twice. How many copies come before
    the part of expert 0?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, torch.cat([offsets[1:], offsets[-1:]])


@replaces("sort_by_expert")
def unused_experts_forgotten(indices, num_experts):
    """Your offsets end at the last expert that somebody chose. Those after it have an entry too, though their segments
    are empty: how can the counting know how many experts there are?"""
    expert = indices.flatten()
    counts = torch.bincount(expert)
    return torch.argsort(expert, stable=True), F.pad(counts.cumsum(0), (1, 0))


@replaces("sort_by_expert")
def idle_experts_left_out(indices, num_experts):
    """Your offsets have no entry for an expert that nobody chose. How many offsets do E experts need, whoever is
    chosen?"""
    expert = indices.flatten()
    _, counts = torch.unique(expert, return_counts=True)
    return torch.argsort(expert, stable=True), F.pad(counts.cumsum(0), (1, 0))


@replaces("sort_by_expert")
def slot_major(indices, num_experts):
    """You numbered all first choices before all second choices, s · T + t. In this numbering copy 1 is the first choice
    of token 1. Which copy is number 1 in the contract?"""
    return sort_by_expert(indices.T, num_experts)


@replaces("sort_by_expert")
def first_choices_first(indices, num_experts):
    """Within an expert you list the first choices before the second ones. The numbers are right and their order is not:
    by what does the contract sort the copies of one expert?"""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices.T, num_experts)
    s, t = order // max(T, 1), order % max(T, 1)
    return t * k + s, offsets


@replaces("sort_by_expert")
def latest_first(indices, num_experts):
    """The experts follow each other as they should, and the copies of one expert are in falling order. What does a
    stable sort do with equal entries, and what becomes of their order if a list is reversed?"""
    expert = indices.flatten()
    order = torch.argsort(expert, descending=True, stable=True).flip(0)
    return order, sort_by_expert(indices, num_experts)[1]


@replaces("sort_by_expert", turned=[False, True])
def last_expert_first(indices, num_experts, *, turned):
    """Your order begins with the copies of the last expert. Whose segment comes first according to the offsets?"""
    expert = indices.flatten()
    if turned:
        order = torch.argsort(expert, stable=True).flip(0)
    else:
        order = torch.argsort(expert, descending=True, stable=True)
    return order, sort_by_expert(indices, num_experts)[1]


@replaces("sort_by_expert")
def inverse_permutation(indices, num_experts):
    """Your order says for each copy at which place it is. That is the way back: what is the first entry of the list
    that the docstring asks for, a place or a copy?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return torch.argsort(order), offsets


@replaces("sort_by_expert")
def tokens_for_copies(indices, num_experts):
    """Your order holds tokens, so a token that chose k experts occurs k times, and nobody can tell which weight belongs
    to which row. What is numbered, tokens or copies?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order // indices.shape[1], offsets


@replaces("sort_by_expert")
def sorted_experts(indices, num_experts):
    """Your order holds the sorted experts themselves. Which copy was each of them, before they were sorted?"""
    _, offsets = sort_by_expert(indices, num_experts)
    return indices.flatten().sort(stable=True).values, offsets


@replaces("sort_by_expert")
def choices_as_given(indices, num_experts):
    """Your order is 0, 1, 2, ... : the copies have not been moved. By what are they sorted?"""
    return torch.arange(indices.numel()), sort_by_expert(indices, num_experts)[1]


@replaces("sort_by_expert")
def counted_from_one(indices, num_experts):
    """Your copies are numbered from 1. Which number does copy t · k + s have for the first choice of token 0?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order + 1, offsets


@replaces("sort_by_expert")
def only_first_choices(indices, num_experts):
    """You sorted the first choice of each token and left the others out. How many copies do T tokens with k choices
    make?"""
    order, offsets = sort_by_expert(indices[:, :1], num_experts)
    return order * indices.shape[1], offsets


@replaces("sort_by_expert")
def order_of_an_empty_list(indices, num_experts):
    """Without any token your order is float32. Which dtype does torch.tensor give an empty list, and which should order
    have, however many copies there are?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return torch.tensor(order.tolist()), offsets


@replaces("sort_by_expert")
def flattened_by_view(indices, num_experts):
    """Your code asks view to flatten indices whose rows are not neighbours in memory, as those of a sorted table are
    where it was cut to k columns. view never copies: which way to flatten copies where it has to?"""
    return sort_by_expert(indices.view(-1, 1), num_experts)


@replaces("sort_by_expert", which=["order", "offsets", "both"], dtype=[torch.int32, torch.float32])
def other_dtype(indices, num_experts, *, which, dtype):
    """The dtype {dtype} of your result ({which}) is not the one in the docstring. Which dtype do copies and places
    have?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order if which == "offsets" else order.to(dtype), offsets if which == "order" else offsets.to(dtype)


@replaces("sort_by_expert")
def pair_swapped(indices, num_experts):
    """You returned the offsets first. In which order does the docstring name the two?"""
    return sort_by_expert(indices, num_experts)[::-1]


def segments(rows: Tensor, offsets: Tensor) -> list[Tensor]:
    """The rows of each expert."""
    ends = offsets.tolist()
    return [rows[ends[e] : ends[e + 1]] for e in range(len(ends) - 1)]


def owners(offsets: Tensor) -> Tensor:
    """The expert of each row."""
    return torch.arange(len(offsets) - 1).repeat_interleave(offsets.diff())


@replaces("grouped_matmul", how=["taken as it is", "reshaped"])
def weight_not_transposed(rows, weight, offsets, *, how):
    """You multiplied by weight[e] without transposing it: it was {how}. A row has I numbers: which axis of the (out,
    in) matrix do they have to meet?"""
    matrices = weight if how == "taken as it is" else weight.reshape(len(weight), weight.shape[2], weight.shape[1])
    return torch.cat([mine @ matrices[e] for e, mine in enumerate(segments(rows, offsets))])


@replaces("grouped_matmul")
def dense_and_mask(rows, weight, offsets):
    """NaN in the matrix of one expert reaches the rows of others. 0 · NaN is NaN: which rows does the matrix of an
    empty segment meet?"""
    hot = F.one_hot(owners(offsets), len(weight)).to(rows.dtype)
    return torch.einsum("me,mi,eoi->mo", hot, rows, weight)


@replaces("grouped_matmul")
def dense_and_where(rows, weight, offsets):
    """The values are right, but gradients become NaN if an expert that nobody chose holds NaN. The gradient of what is
    not selected is 0 times NaN: which products need not be computed at all?"""
    owner = owners(offsets)
    result = rows.new_zeros(len(rows), weight.shape[1])
    for e in range(len(weight)):
        result = torch.where((owner == e)[:, None], rows @ weight[e].T, result)
    return result


@replaces("grouped_matmul", which=["last", "first"])
def segment_left_out(rows, weight, offsets, *, which):
    """The rows of the {which} expert are missing from your result. How many segments do E + 1 offsets bound?"""
    found = list(enumerate(segments(rows, offsets)))
    found = found[:-1] if which == "last" else found[1:]
    return torch.cat([rows.new_zeros(0, weight.shape[1]), *(mine @ weight[e].T for e, mine in found)])


@replaces("grouped_matmul", which=["last", "first"])
def row_left_out(rows, weight, offsets, *, which):
    """Each of your segments lacks its {which} row. Which of offsets[e] and offsets[e + 1] is a place of expert e, and
    which ends does a Python slice include?"""
    found = segments(rows, offsets)
    return torch.cat([(mine[:-1] if which == "last" else mine[1:]) @ weight[e].T for e, mine in enumerate(found)])


@replaces("grouped_matmul")
def matrices_of_filled_segments(rows, weight, offsets):
    """After an empty segment, each of yours meets the matrix of an expert before its own, as if empty segments did not
    count. Which number does a segment keep?"""
    filled = [mine for mine in segments(rows, offsets) if len(mine)]
    pieces = [mine @ weight[e].T for e, mine in enumerate(filled)]
    return torch.cat([rows.new_zeros(0, weight.shape[1]), *pieces])


@replaces("grouped_matmul")
def nothing_to_join(rows, weight, offsets):
    """Without any row your list of pieces is empty, and torch.cat of an empty list is an error. What does a segment
    without rows contribute to the list?"""
    return torch.cat([mine @ weight[e].T for e, mine in enumerate(segments(rows, offsets)) if len(mine)])


@replaces("grouped_matmul")
def nothing_to_stack(rows, weight, offsets):
    """Without any row torch.stack gets an empty list, which is an error. M may be 0: which shape should the result have
    then?"""
    return torch.stack(list(grouped_matmul(rows, weight, offsets)))


@replaces("grouped_matmul", columns=["no", "I"])
def empty_result(rows, weight, offsets, *, columns):
    """If there is no row, your result has {columns} columns. How many does it have for one row, and does that number
    depend on M?"""
    if len(rows) == 0:
        return rows.new_zeros(0) if columns == "no" else rows.new_zeros(0, rows.shape[1])
    return grouped_matmul(rows, weight, offsets)


@replaces("grouped_matmul")
def float32_result(rows, weight, offsets):
    """Your result is float32 whatever the rows are. Which dtype does torch give a new tensor, unless it is told
    otherwise?"""
    return grouped_matmul(rows, weight, offsets).float()


@replaces("grouped_matmul")
def equal_segments(rows, weight, offsets):
    """You cut the rows into E pieces of the same length. The segments are as long as the router made them: what says
    where each one ends?"""
    pieces = [mine @ weight[e].T for e, mine in enumerate(rows.tensor_split(len(weight)))]
    return torch.cat(pieces)


@replaces("grouped_matmul")
def offsets_as_lengths(rows, weight, offsets):
    """You took the offsets for the lengths of the segments. They are places: how do you get from two places to the
    length between them?"""
    pieces = rows.split(offsets[1:].tolist())
    return torch.cat([mine @ weight[e].T for e, mine in enumerate(pieces)])


@replaces("grouped_matmul")
def border_belongs_to_the_one_before(rows, weight, offsets):
    """The first row of each segment met the matrix of the segment before. To which expert does the place offsets[e]
    belong?"""
    owner = torch.searchsorted(offsets, torch.arange(len(rows))) - 1
    return torch.einsum("mi,moi->mo", rows, weight[owner])


@replaces("grouped_matmul", matrix=[0, -1])
def one_matrix_for_all(rows, weight, offsets, *, matrix):
    """All your rows met the same matrix. Which one belongs to segment e?"""
    return rows @ weight[matrix].T


@replaces("grouped_matmul", by=[1, -1])
def matrix_of_a_neighbour(rows, weight, offsets, *, by):
    """Your segments meet the matrices of their neighbours. Which matrix belongs to the rows from offsets[e] to
    offsets[e + 1]?"""
    E = len(weight)
    return torch.cat([mine @ weight[(e + by) % E].T for e, mine in enumerate(segments(rows, offsets))])


@replaces("grouped_matmul", missing=["weight", "rows", "rows and weight"])
def product_detached(rows, weight, offsets, *, missing):
    """The values are right, and no gradient reaches {missing}. Which step leaves the graph?"""
    rows = rows.detach() if "rows" in missing else rows
    return grouped_matmul(rows, weight.detach() if "weight" in missing else weight, offsets)


def gated(rows, w1, w2, w3, offsets, *, gate=F.silu):
    h = gate(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
    return grouped_matmul(h, w2, offsets)


def added(rows, token, order, x, k):
    return torch.zeros_like(x).index_add(0, token, rows)


def layer(
    x,
    indices,
    weights,
    w1,
    w2,
    w3,
    *,
    token=lambda order, T, k: order // k,  # whose copies they are
    taken=lambda token, order, T, k: token,  # which rows of x they are
    scale=lambda weights, order: weights.flatten()[order, None],
    ffn=gated,
    weigh=lambda rows, scale: scale * rows,
    combine=added,
):
    """dropless_forward in parts: a mistake gets one of them wrong."""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices, len(w1))
    owner, factor = token(order, T, k), scale(weights, order)
    rows = ffn(x[taken(owner, order, T, k)], w1, w2, w3, offsets)
    return combine(weigh(rows, factor), owner, order, x, k)


@replaces("dropless_forward")
def copy_modulo_tokens(x, indices, weights, w1, w2, w3):
    """You took copy c for token c % T, as if all first choices came first. The copies of one token are neighbours, 0 to
    k − 1 for token 0: which operation finds the token of copy c?"""
    return layer(x, indices, weights, w1, w2, w3, token=lambda order, T, k: order % max(T, 1))


@replaces("dropless_forward")
def copy_modulo_choices(x, indices, weights, w1, w2, w3):
    """c % k says for which of its choices a copy was made, and you took it for the token. Which operation says whose
    copy it is?"""
    return layer(x, indices, weights, w1, w2, w3, token=lambda order, T, k: order % k)


@replaces("dropless_forward")
def tokens_repeated_as_a_whole(x, indices, weights, w1, w2, w3):
    """Your copy c is made from token c % T, as if x were repeated as a whole. With k = 1 your result is right. The
    copies of one token are neighbours: in which order do its rows have to be repeated?"""
    return layer(x, indices, weights, w1, w2, w3, taken=lambda token, order, T, k: order % max(T, 1))


@replaces("dropless_forward")
def copy_for_token(x, indices, weights, w1, w2, w3):
    """You indexed x with the numbers of the copies, of which there are k times as many as tokens. With k = 1 both are
    the same: whose copy is number c?"""
    return layer(x, indices, weights, w1, w2, w3, token=lambda order, T, k: order)


@replaces("dropless_forward")
def weights_not_permuted(x, indices, weights, w1, w2, w3):
    """The rows have been sorted by expert and the weights have not, so a row gets the weight of another copy. Which
    entry of the flattened weights belongs to the row at place p?"""
    return layer(x, indices, weights, w1, w2, w3, scale=lambda weights, order: weights.flatten()[:, None])


@replaces("dropless_forward")
def weights_permuted_back(x, indices, weights, w1, w2, w3):
    """You permuted the weights the opposite way. order[p] is the copy at place p: which of order and its inverse do the
    weights need?"""

    def permuted_back(weights, order):
        return weights.flatten()[torch.argsort(order), None]

    return layer(x, indices, weights, w1, w2, w3, scale=permuted_back)


@replaces("dropless_forward", column=[0, -1])
def weight_of_one_choice(x, indices, weights, w1, w2, w3, *, column):
    """All copies of a token have the same weight, that of one of its choices. Copy t · k + s has a weight of its own:
    in which row and column?"""
    return layer(x, indices, weights[:, [column]].expand(weights.shape), w1, w2, w3)


@replaces("dropless_forward")
def weights_choice_by_choice(x, indices, weights, w1, w2, w3):
    """You flattened the weights column by column. Copy t · k + s is the s-th choice of token t: which weight comes
    second in the flattened table?"""
    return layer(x, indices, weights, w1, w2, w3, scale=lambda weights, order: weights.T.flatten()[order, None])


@replaces("dropless_forward")
def overwrites(x, indices, weights, w1, w2, w3):
    """Of the k rows of a token only one is left, as where each is written over the one before. With k = 1 your result
    is right. What happens to y[token] += rows if a token is named twice?"""

    def written(rows, token, order, x, k):
        return torch.zeros_like(x).index_put((token,), rows)  # its gradient reaches all k rows, as in a student's

    return layer(x, indices, weights, w1, w2, w3, combine=written)


@replaces("dropless_forward")
def not_put_back(x, indices, weights, w1, w2, w3):
    """You added up k neighbours of the sorted rows. They are neighbours because they went to one expert, and belong to
    different tokens: what has to come before the sum?"""
    return layer(
        x,
        indices,
        weights,
        w1,
        w2,
        w3,
        combine=lambda rows, token, order, x, k: rows.view(len(x), k, x.shape[1]).sum(1),
    )


@replaces("dropless_forward")
def put_back_by_order(x, indices, weights, w1, w2, w3):
    """You put the rows back by indexing with order once more, which sorts them a second time. Which permutation undoes
    order?"""

    def sorted_twice(rows, token, order, x, k):
        return rows[order].view(len(x), k, x.shape[1]).sum(1)

    return layer(x, indices, weights, w1, w2, w3, combine=sorted_twice)


@replaces("dropless_forward")
def choices_in_front(x, indices, weights, w1, w2, w3):
    """Your rows are back in the order of the copies, and then you added up rows that are T apart, as if all first
    choices came first. Copy t · k + s belongs to token t: which k rows are its own?"""

    def far_apart(rows, token, order, x, k):
        return rows[torch.argsort(order)].view(k, len(x), x.shape[1]).sum(0)

    return layer(x, indices, weights, w1, w2, w3, combine=far_apart)


@replaces("dropless_forward")
def mean_of_choices(x, indices, weights, w1, w2, w3):
    """Your result is the sum divided by k. The weights already say how much each expert counts: what does the formula
    divide by?"""
    return layer(x, indices, weights / weights.shape[1], w1, w2, w3)


@replaces("dropless_forward")
def residual_added(x, indices, weights, w1, w2, w3):
    """Your result contains x itself. Is there a residual connection in the formula of y, and what does your sum begin
    with?"""
    return x + layer(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward", how=["stack", "view"])
def stops_without_tokens(x, indices, weights, w1, w2, w3, *, how):
    """With no token your code stops: stack needs at least one tensor, and view cannot guess a −1 where there are no
    numbers. T may be 0: which sizes of the result do you know without guessing?"""

    def guessed(rows, token, order, x, k):
        return rows[torch.argsort(order)].view(len(x), k, -1).sum(1)

    if how == "view":
        return layer(x, indices, weights, w1, w2, w3, combine=guessed)
    return torch.stack(list(layer(x, indices, weights, w1, w2, w3)))


@replaces("dropless_forward")
def weights_by_view(x, indices, weights, w1, w2, w3):
    """Your code asks view to flatten a tensor whose rows are not neighbours in memory, and view never copies. What
    comes in may be such a view: which way to flatten copies where it has to?"""
    return layer(x, indices, weights, w1, w2, w3, scale=lambda weights, order: weights.view(-1)[order, None])


@replaces("dropless_forward")
def weights_beside_the_numbers(x, indices, weights, w1, w2, w3):
    """Your weights have one axis, (T k,), and torch lays it along the D numbers of a row. A weight belongs to a whole
    row: which shape has to meet (T k, D)?"""
    return layer(x, indices, weights, w1, w2, w3, weigh=lambda rows, scale: rows * scale[:, 0])


@replaces("dropless_forward")
def zeros_of_float32(x, indices, weights, w1, w2, w3):
    """Your zeros are float32, and rows of another dtype cannot be added to them. Where can the zeros take their dtype
    from?"""

    def into_float32(rows, token, order, x, k):
        return torch.zeros(x.shape).index_add(0, token, rows)

    return layer(x, indices, weights, w1, w2, w3, combine=into_float32)


@replaces("dropless_forward")
def weight_on_input(x, indices, weights, w1, w2, w3):
    """You multiplied what goes into the expert by the weight. The expert is not linear: is its result for twice the
    input twice the result?"""
    k = indices.shape[1]
    copies = (weights[:, :, None] * x[:, None]).flatten(0, 1)
    order, offsets = sort_by_expert(indices, len(w1))
    return added(gated(copies[order], w1, w2, w3, offsets), order // k, order, x, k)


@replaces("dropless_forward")
def weights_left_out(x, indices, weights, w1, w2, w3):
    """Your result is the same whatever the weights are. What does each row get multiplied by?"""
    return layer(x, indices, torch.ones_like(weights), w1, w2, w3)


@replaces("dropless_forward")
def renormalises(x, indices, weights, w1, w2, w3):
    """You divided the weights of a token by their sum. They come from outside and are meant as they are: must they add
    up to 1?"""
    return layer(x, indices, weights / weights.sum(-1, keepdim=True), w1, w2, w3)


@replaces("dropless_forward")
def softmax_of_weights(x, indices, weights, w1, w2, w3):
    """You took the softmax of the weights. What arrives here has been through the router already: are these logits?"""
    return layer(x, indices, torch.softmax(weights, dim=-1), w1, w2, w3)


@replaces("dropless_forward", missing=["weights", "x", "the matrices"])
def input_detached(x, indices, weights, w1, w2, w3, *, missing):
    """The values are right, and no gradient reaches {missing}. Which step leaves the graph?"""
    if missing == "weights":
        weights = weights.detach()
    elif missing == "x":
        x = x.detach()
    else:
        w1, w2, w3 = w1.detach(), w2.detach(), w3.detach()
    return layer(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def gate_and_up_swapped(x, indices, weights, w1, w2, w3):
    """Your silu is on W3 x. Which of the two matrices makes the gate in the formula?"""
    return layer(x, indices, weights, w3, w2, w1)


@replaces("dropless_forward", function=["the sigmoid", "GELU", "GELU's tanh approximation", "ReLU", "no function"])
def other_gate(x, indices, weights, w1, w2, w3, *, function):
    """You applied {function} to W1 x. Which function does the formula name, and how is it defined in the statement?"""
    functions = {
        "the sigmoid": torch.sigmoid,
        "GELU": F.gelu,
        "GELU's tanh approximation": lambda a: F.gelu(a, approximate="tanh"),
        "ReLU": F.relu,
        "no function": lambda a: a,
    }

    def ffn(rows, w1, w2, w3, offsets):
        return gated(rows, w1, w2, w3, offsets, gate=functions[function])

    return layer(x, indices, weights, w1, w2, w3, ffn=ffn)


@replaces("dropless_forward", missing=["W1", "W3"])
def two_matrices(x, indices, weights, w1, w2, w3, *, missing):
    """Your experts are networks of two matrices: {missing} changes nothing. What does the formula multiply inside
    silu's parenthesis, and what beside it?"""

    def ffn(rows, w1, w2, w3, offsets):
        first = w3 if missing == "W1" else w1
        return grouped_matmul(F.silu(grouped_matmul(rows, first, offsets)), w2, offsets)

    return layer(x, indices, weights, w1, w2, w3, ffn=ffn)


@replaces("dropless_forward", where=["around the product of both branches", "on both branches"])
def silu_elsewhere(x, indices, weights, w1, w2, w3, *, where):
    """Your silu is {where}. On which branch does the formula have it?"""

    def ffn(rows, w1, w2, w3, offsets):
        a, b = grouped_matmul(rows, w1, offsets), grouped_matmul(rows, w3, offsets)
        return grouped_matmul(F.silu(a * b) if where.startswith("around") else F.silu(a) * F.silu(b), w2, offsets)

    return layer(x, indices, weights, w1, w2, w3, ffn=ffn)


@replaces("dropless_forward")
def branches_added(x, indices, weights, w1, w2, w3):
    """You added the two branches of an expert. What does ⊙ stand for in the formula?"""

    def ffn(rows, w1, w2, w3, offsets):
        h = F.silu(grouped_matmul(rows, w1, offsets)) + grouped_matmul(rows, w3, offsets)
        return grouped_matmul(h, w2, offsets)

    return layer(x, indices, weights, w1, w2, w3, ffn=ffn)


@replaces("dropless_forward")
def all_experts_and_mask(x, indices, weights, w1, w2, w3):
    """NaN in an expert that nobody chose reaches your result. 0 · NaN is NaN: on which tokens does such an expert
    run?"""
    y = torch.zeros_like(x)
    for e in range(len(w1)):
        share = ((indices == e) * weights).sum(-1, keepdim=True)
        y = y + share * ((F.silu(x @ w1[e].T) * (x @ w3[e].T)) @ w2[e].T)
    return y


@replaces("dropless_forward")
def buffers_as_long_as_the_longest(x, indices, weights, w1, w2, w3):
    """The values are right, but an expert that nobody chose computes: if it holds NaN, its gradient is NaN instead of
    0. Which rows does a segment without rows need?"""

    def ffn(rows, w1, w2, w3, offsets):
        found = segments(rows, offsets)
        longest = max(len(mine) for mine in found)
        padded = torch.stack([F.pad(mine, (0, 0, 0, longest - len(mine))) for mine in found])
        out = (F.silu(padded @ w1.mT) * (padded @ w3.mT)) @ w2.mT
        return torch.cat([out[e, : len(mine)] for e, mine in enumerate(found)])

    return layer(x, indices, weights, w1, w2, w3, ffn=ffn)


@replaces("dropless_forward", factor=[1, 1.25, 1.5, 2])
def capacity(x, indices, weights, w1, w2, w3, *, factor):
    """Where many tokens chose one expert, some of them get no answer from it, as with a capacity factor. All tokens may
    choose one expert: which segment is too long?"""
    T, k = indices.shape
    C = math.ceil(factor * T * k / len(w1))
    order, offsets = sort_by_expert(indices, len(w1))
    place = torch.arange(len(order)) - offsets[indices.flatten()[order]]
    kept = torch.zeros_like(order).scatter(0, order, (place < C).long()).view(T, k)
    return layer(x, indices, torch.where(kept > 0, weights, 0.0), w1, w2, w3)


@replaces("dropless_forward", choice=["first", "last"])
def one_choice_only(x, indices, weights, w1, w2, w3, *, choice):
    """Only the {choice} choice of each token reached the output. With k = 1 your result is right: how many rows are
    added for each token?"""
    kept = slice(None, 1) if choice == "first" else slice(-1, None)
    return layer(x, indices[:, kept], weights[:, kept], w1, w2, w3)


def with_blocks(offsets, block, blocks):
    return padded_rows(offsets, block) | {"blocks": blocks, "block_rows": blocks * block}


@replaces("padded_rows", rounding=[math.floor, round])
def blocks_not_rounded_up(offsets, block, *, rounding):
    """In your count some rows fill no block and have no place. How many blocks of 4 rows do 5 rows need?"""
    return with_blocks(offsets, block, sum(rounding(n / block) for n in offsets.diff().tolist()))


@replaces("padded_rows")
def blocks_of_the_total(offsets, block):
    """You filled blocks with the rows of all experts together. A block is multiplied by one matrix: can two experts
    share it?"""
    return with_blocks(offsets, block, -(-int(offsets[-1]) // block))


@replaces("padded_rows")
def blocks_of_the_fullest(offsets, block):
    """You gave each expert as many blocks as the fullest one needs. How many of them does a segment of 1 row take?"""
    lengths = offsets.diff().tolist()
    return with_blocks(offsets, block, len(lengths) * -(-max(lengths) // block))


@replaces("padded_rows")
def empty_expert_takes_a_block(offsets, block):
    """An expert without copies takes a block in your count. How many blocks do 0 rows need?"""
    return with_blocks(offsets, block, sum(max(1, -(-n // block)) for n in offsets.diff().tolist()))


@replaces("padded_rows", empty_too=[False, True])
def one_block_more(offsets, block, *, empty_too):
    """In your count a segment that fills its last block exactly takes another one. How many blocks of 4 rows do 8 rows
    need, and how many do 0 rows?"""
    return with_blocks(offsets, block, sum(n // block + 1 for n in offsets.diff().tolist() if n or empty_too))


@replaces("padded_rows")
def fractions_of_blocks(offsets, block):
    """Your blocks are fractions. Can an expert compute a third of a block?"""
    found = padded_rows(offsets, block)
    return found | {"blocks": sum(n / block for n in offsets.diff().tolist()), "block_rows": found["rows"]}


@replaces("padded_rows", name=["blocks", "rows"])
def block_rows_mixed_up(offsets, block, *, name):
    """Your block_rows is the same number as {name}. How many rows does each block have, whether they are copies or
    not?"""
    found = padded_rows(offsets, block)
    return found | {"block_rows": found[name]}


@replaces("padded_rows")
def buffers_for_the_mean(offsets, block):
    """Your buffers are as long as the mean segment, rounded up, so the fullest one does not fit in. How long must each
    buffer be if nobody may be dropped?"""
    found = padded_rows(offsets, block)
    E = len(offsets) - 1
    return found | {"capacity_rows": -(-found["rows"] // E) * E}


@replaces("padded_rows")
def buffers_for_the_busy(offsets, block):
    """You gave no buffer to experts without copies. In a layout of fixed shape nobody knows beforehand who will be
    idle: how many buffers are there?"""
    lengths = offsets.diff().tolist()
    return padded_rows(offsets, block) | {"capacity_rows": sum(n > 0 for n in lengths) * max(lengths)}


@replaces("padded_rows")
def one_buffer(offsets, block):
    """Your capacity_rows is the length of one buffer. How many experts get one?"""
    return padded_rows(offsets, block) | {"capacity_rows": max(offsets.diff().tolist())}


@replaces("padded_rows")
def buffers_in_blocks(offsets, block):
    """You rounded the length of the buffers up to whole blocks. The last entry of the dict has nothing to do with
    blocks: how long is the fullest segment?"""
    lengths = offsets.diff().tolist()
    return padded_rows(offsets, block) | {"capacity_rows": len(lengths) * -(-max(lengths) // block) * block}


@replaces("padded_rows")
def buffers_one_too_many(offsets, block):
    """You counted one buffer for each entry of offsets. How many experts do E + 1 offsets belong to?"""
    return padded_rows(offsets, block) | {"capacity_rows": len(offsets) * max(offsets.diff().tolist())}


@replaces("padded_rows")
def offsets_for_lengths(offsets, block):
    """You took the offsets for the lengths of the segments. Between which two offsets are the rows of expert e?"""
    lengths = offsets[1:].tolist()
    blocks = sum(-(-n // block) for n in lengths)
    longest = len(lengths) * max(lengths)
    return {"rows": sum(lengths), "blocks": blocks, "block_rows": blocks * block, "capacity_rows": longest}


@replaces("padded_rows")
def tensors_for_numbers(offsets, block):
    """The numbers in your dict are tensors. Which type does the docstring promise?"""
    return {name: torch.tensor(number) for name, number in padded_rows(offsets, block).items()}
