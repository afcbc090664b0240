"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from dropless_experts import grouped_matmul, padded_rows, sort_by_expert
from torch import Tensor

from grader.testing import replaces


@replaces("sort_by_expert")
def no_leading_zero(indices, num_experts):
    """Your offsets are the running sum of the counts and nothing else: E numbers, of which the first is the end of
    expert 0. Where does expert 0 begin, and how many borders do E segments have?"""
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
    """You returned how many copies each expert has. An offset is a place in order: how many copies lie before the
    segment begins?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, offsets.diff()


@replaces("sort_by_expert")
def counts_after_zero(indices, num_experts):
    """Your offsets are a 0 and then the number of copies of each expert, which do not rise. What turns lengths that
    follow each other into places?"""
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
    """Your entry e says where the part of expert e ends, and the last number stands there twice: you counted the copies
    of expert e too, as searchsorted does with right=True. How many copies lie before the part of expert 0?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, torch.cat([offsets[1:], offsets[-1:]])


@replaces("sort_by_expert")
def unused_experts_forgotten(indices, num_experts):
    """Your offsets end at the last expert that somebody chose. Those after it have an entry too, though their segments
    are empty: from where can the counting know how many experts there are?"""
    expert = indices.flatten()
    counts = torch.bincount(expert)
    return torch.argsort(expert, stable=True), F.pad(counts.cumsum(0), (1, 0))


@replaces("sort_by_expert")
def idle_experts_left_out(indices, num_experts):
    """Your offsets have no entry for an expert that nobody chose: unique counts what occurs. Which length have the
    offsets for E experts, whoever is chosen?"""
    expert = indices.flatten()
    _, counts = torch.unique(expert, return_counts=True)
    return torch.argsort(expert, stable=True), F.pad(counts.cumsum(0), (1, 0))


@replaces("sort_by_expert")
def slot_major(indices, num_experts):
    """You numbered all first choices before all second choices, s · T + t. In this numbering copy 1 is the first
    choice of token 1. Which copy is number 1 in the contract?"""
    return sort_by_expert(indices.T, num_experts)


@replaces("sort_by_expert")
def first_choices_first(indices, num_experts):
    """Within an expert you list the first choices before the second ones. The numbers are right and their order is
    not: by what does the contract sort the copies of one expert?"""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices.T, num_experts)
    s, t = order // max(T, 1), order % max(T, 1)
    return t * k + s, offsets


@replaces("sort_by_expert")
def latest_first(indices, num_experts):
    """The experts follow each other as they should, and the copies of one expert lie in falling order. What does a
    stable sort do with equal entries, and what does it do if the list is turned round?"""
    expert = indices.flatten()
    order = torch.argsort(expert, descending=True, stable=True).flip(0)
    return order, sort_by_expert(indices, num_experts)[1]


@replaces("sort_by_expert")
def last_expert_first(indices, num_experts):
    """Your order begins with the copies of the last expert. Whose segment do the offsets put in front?"""
    expert = indices.flatten()
    return torch.argsort(expert, descending=True, stable=True), sort_by_expert(indices, num_experts)[1]


@replaces("sort_by_expert")
def inverse_permutation(indices, num_experts):
    """Your order says for each copy at which place it lies. That is the way back: what stands at place 0 of the list
    that is asked for, a place or a copy?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return torch.argsort(order), offsets


@replaces("sort_by_expert")
def tokens_for_copies(indices, num_experts):
    """Your order holds tokens, so a token that chose k experts stands in it k times, and nobody can tell which weight
    belongs to which row. What is numbered, tokens or copies?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order // indices.shape[1], offsets


@replaces("sort_by_expert")
def sorted_experts(indices, num_experts):
    """You returned the sorted experts themselves. torch.sort returns two tensors: which of them says who lies
    where?"""
    _, offsets = sort_by_expert(indices, num_experts)
    return indices.flatten().sort(stable=True).values, offsets


@replaces("sort_by_expert")
def choices_as_given(indices, num_experts):
    """Your order is 0, 1, 2, ... : the copies have not been moved. By what are they sorted?"""
    return torch.arange(indices.numel()), sort_by_expert(indices, num_experts)[1]


@replaces("sort_by_expert")
def only_first_choices(indices, num_experts):
    """You sorted the first choice of each token and left the others out. How many copies do T tokens with k choices
    make?"""
    order, offsets = sort_by_expert(indices[:, :1], num_experts)
    return order * indices.shape[1], offsets


@replaces("sort_by_expert")
def order_of_an_empty_list(indices, num_experts):
    """Without any token your order is float32: torch.tensor makes that of an empty list, since it sees no number in it.
    Which dtype has order, however many copies there are?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return torch.tensor(order.tolist()), offsets


@replaces("sort_by_expert")
def flattened_by_view(indices, num_experts):
    """Your code asks view to flatten indices whose rows are not neighbours in memory, as those of a sorted table are
    where it was cut to k columns. view never copies: which way to flatten copies where it has to?"""
    return sort_by_expert(indices.view(-1, 1), num_experts)


@replaces("sort_by_expert")
def float_offsets(indices, num_experts):
    """Your offsets are floats: histc counts in floating point. Which dtype do places have?"""
    order, _ = sort_by_expert(indices, num_experts)
    counts = torch.histc(indices.flatten().float(), bins=num_experts, min=0, max=num_experts - 1)
    return order, F.pad(counts.cumsum(0), (1, 0))


@replaces("sort_by_expert")
def int32_offsets(indices, num_experts):
    """Your offsets are int32, as kernels for grouped products like them. Which dtype does the docstring give them?"""
    order, offsets = sort_by_expert(indices, num_experts)
    return order, offsets.int()


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


@replaces("grouped_matmul")
def weight_not_transposed(rows, weight, offsets):
    """You multiplied by weight[e] as it lies, (out, in). A row has I numbers: which axis of the matrix do they have to
    meet?"""
    return torch.cat([mine @ weight[e] for e, mine in enumerate(segments(rows, offsets))])


@replaces("grouped_matmul")
def dense_and_mask(rows, weight, offsets):
    """Every row met every matrix, and a zero was meant to take away what is too much. 0 · NaN is NaN: which rows does
    the matrix of an empty segment meet?"""
    hot = F.one_hot(owners(offsets), len(weight)).to(rows.dtype)
    return torch.einsum("me,mi,eoi->mo", hot, rows, weight)


@replaces("grouped_matmul")
def dense_and_where(rows, weight, offsets):
    """Every row met every matrix, and torch.where chose among the results. The values are right, but the gradient of
    what was not chosen is 0 times NaN. Which products need not be computed at all?"""
    owner = owners(offsets)
    result = rows.new_zeros(len(rows), weight.shape[1])
    for e in range(len(weight)):
        result = torch.where((owner == e)[:, None], rows @ weight[e].T, result)
    return result


@replaces("grouped_matmul")
def last_segment_left_out(rows, weight, offsets):
    """The rows of the last expert are missing from your result. How many segments do E + 1 offsets bound?"""
    found = segments(rows, offsets)[:-1]
    pieces = [mine @ weight[e].T for e, mine in enumerate(found)]
    return torch.cat([rows.new_zeros(0, weight.shape[1]), *pieces])


@replaces("grouped_matmul")
def last_row_left_out(rows, weight, offsets):
    """Each of your segments lacks its last row. offsets[e + 1] is excluded already, as the end of a Python slice
    is."""
    pieces = [mine[:-1] @ weight[e].T for e, mine in enumerate(segments(rows, offsets))]
    return torch.cat(pieces)


@replaces("grouped_matmul")
def matrices_of_filled_segments(rows, weight, offsets):
    """You left out the empty segments and then counted the others from 0, so after an empty one each segment meets the
    matrix of the expert before. Which number does a segment keep?"""
    filled = [mine for mine in segments(rows, offsets) if len(mine)]
    pieces = [mine @ weight[e].T for e, mine in enumerate(filled)]
    return torch.cat([rows.new_zeros(0, weight.shape[1]), *pieces])


@replaces("grouped_matmul")
def nothing_to_join(rows, weight, offsets):
    """Without any row your list of pieces is empty, and torch.cat of an empty list is an error. What could stand in
    the list from the beginning?"""
    return torch.cat([mine @ weight[e].T for e, mine in enumerate(segments(rows, offsets)) if len(mine)])


@replaces("grouped_matmul")
def nothing_to_stack(rows, weight, offsets):
    """Your rows are stacked one by one, and torch.stack of an empty list is an error. M may be 0: which shape has the
    result then?"""
    return torch.stack(list(grouped_matmul(rows, weight, offsets)))


@replaces("grouped_matmul")
def float32_result(rows, weight, offsets):
    """Your result is float32 whatever the rows are: torch.zeros makes float32 unless it is told otherwise."""
    return grouped_matmul(rows, weight, offsets).float()


@replaces("grouped_matmul")
def equal_segments(rows, weight, offsets):
    """You cut the rows into E pieces of the same length. The segments are as long as the router made them: what says
    where each one ends?"""
    pieces = [mine @ weight[e].T for e, mine in enumerate(rows.tensor_split(len(weight)))]
    return torch.cat(pieces)


@replaces("grouped_matmul")
def offsets_as_lengths(rows, weight, offsets):
    """You took the offsets for the lengths of the segments. They are places: how does one get from two places to the
    length between them?"""
    pieces = rows.split(offsets[1:].tolist())
    return torch.cat([mine @ weight[e].T for e, mine in enumerate(pieces)])


@replaces("grouped_matmul")
def border_belongs_to_the_one_before(rows, weight, offsets):
    """The first row of each segment met the matrix of the segment before: a place that equals an offset was counted to
    the left of it. To which expert does the place offsets[e] belong?"""
    owner = torch.searchsorted(offsets, torch.arange(len(rows))) - 1
    return torch.einsum("mi,moi->mo", rows, weight[owner])


@replaces("grouped_matmul")
def one_matrix_for_all(rows, weight, offsets):
    """All your rows met the first matrix. Which one belongs to segment e?"""
    return rows @ weight[0].T


@replaces("grouped_matmul")
def matrices_detached(rows, weight, offsets):
    """The values are right, and no gradient reaches the matrices: the experts would not learn. Which step leaves the
    graph?"""
    return grouped_matmul(rows, weight.detach(), offsets)


@replaces("grouped_matmul")
def product_detached(rows, weight, offsets):
    """The values are right, and no gradient leads from the result to rows and weight. Which step leaves the graph?"""
    return grouped_matmul(rows, weight, offsets).detach()


class Layer:
    """dropless_forward in parts: a mistake gets one of them wrong."""

    def token(self, order: Tensor, T: int, k: int) -> Tensor:
        return order // k

    def rows(self, x: Tensor, token: Tensor, scale: Tensor) -> Tensor:
        return x[token]

    def scale(self, weights: Tensor, order: Tensor) -> Tensor:
        return weights.flatten()[order, None]

    def ffn(self, rows: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, offsets: Tensor) -> Tensor:
        h = F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
        return grouped_matmul(h, w2, offsets)

    def weigh(self, rows: Tensor, scale: Tensor) -> Tensor:
        return scale * rows

    def combine(self, rows: Tensor, token: Tensor, order: Tensor, x: Tensor, k: int) -> Tensor:
        return torch.zeros_like(x).index_add(0, token, rows)

    def __call__(self, x, indices, weights, w1, w2, w3):
        T, k = indices.shape
        order, offsets = sort_by_expert(indices, len(w1))
        token, scale = self.token(order, T, k), self.scale(weights, order)
        rows = self.ffn(self.rows(x, token, scale), w1, w2, w3, offsets)
        return self.combine(self.weigh(rows, scale), token, order, x, k)


@replaces("dropless_forward")
def copy_modulo_tokens(x, indices, weights, w1, w2, w3):
    """You took copy c for token c % T, as if all first choices came first. The copies of one token are neighbours, 0
    to k − 1 for token 0: which operation finds the token of copy c?"""

    class Wrong(Layer):
        def token(self, order, T, k):
            return order % max(T, 1)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def copy_modulo_choices(x, indices, weights, w1, w2, w3):
    """c % k says for which of its choices a copy was made, and you gathered the token of this number. Which operation
    says whose copy it is?"""

    class Wrong(Layer):
        def token(self, order, T, k):
            return order % k

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def tokens_repeated_as_a_whole(x, indices, weights, w1, w2, w3):
    """You repeated x as a whole, k times one behind the other, as repeat does, so that copy c is made of token c % T.
    With k = 1 your result is right. The copies of one token are neighbours: in which order are rows repeated then?"""

    class Wrong(Layer):
        def token(self, order, T, k):
            self.taken = order % max(T, 1)
            return super().token(order, T, k)

        def rows(self, x, token, scale):
            return x[self.taken]

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def copy_for_token(x, indices, weights, w1, w2, w3):
    """You indexed x with the numbers of the copies, of which there are k times as many as tokens. With k = 1 both are
    the same: whose copy is number c?"""

    class Wrong(Layer):
        def token(self, order, T, k):
            return order

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def weights_not_permuted(x, indices, weights, w1, w2, w3):
    """The rows have been sorted by expert and the weights have not, so a row gets the weight of another copy. Which
    entry of the flattened weights belongs to the row at place p?"""

    class Wrong(Layer):
        def scale(self, weights, order):
            return weights.flatten()[:, None]

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def weights_permuted_back(x, indices, weights, w1, w2, w3):
    """You permuted the weights the opposite way. order[p] is the copy that lies at place p: which of order and its
    inverse do the weights need?"""

    class Wrong(Layer):
        def scale(self, weights, order):
            return weights.flatten()[torch.argsort(order), None]

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def weight_of_first_choice(x, indices, weights, w1, w2, w3):
    """All copies of a token were weighed by the weight of its first choice. Copy t · k + s has a weight of its own: in
    which row and column?"""

    class Wrong(Layer):
        def scale(self, weights, order):
            return weights[order // weights.shape[1], :1]

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def overwrites(x, indices, weights, w1, w2, w3):
    """Of the k rows of a token one remained, since each wrote over the one before; y[token] += rows does so too where
    a token is named twice. With k = 1 your result is right. What adds all of them up?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return torch.zeros_like(x).index_put((token,), rows)  # its gradient reaches all k rows, as in a student's

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def not_put_back(x, indices, weights, w1, w2, w3):
    """You added up k neighbours of the sorted rows. They are neighbours because they went to one expert, and belong to
    different tokens: what has to come before the sum?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return rows.view(len(x), k, x.shape[1]).sum(1)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def put_back_by_order(x, indices, weights, w1, w2, w3):
    """You put the rows back by indexing with order once more, which sorts them a second time. Which permutation undoes
    order?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return rows[order].view(len(x), k, x.shape[1]).sum(1)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def choices_in_front(x, indices, weights, w1, w2, w3):
    """Your rows are back in the order of the copies, and then you added up rows that lie T apart, as if all first
    choices came first. Copy t · k + s belongs to token t: which k rows are its own?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return rows[torch.argsort(order)].view(k, len(x), x.shape[1]).sum(0)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def mean_of_choices(x, indices, weights, w1, w2, w3):
    """Your result is the sum divided by k. The weights say already how much each expert counts: what does the formula
    divide by?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return super().combine(rows, token, order, x, k) / k

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def residual_added(x, indices, weights, w1, w2, w3):
    """Your result holds x itself too: the sum was not begun with zeros. Is there a residual connection in the formula
    of y?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return x.index_add(0, token, rows)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def minus_one_of_nothing(x, indices, weights, w1, w2, w3):
    """With no token your code stops: view cannot guess a −1 where there are no numbers. Which sizes do you know
    without guessing?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return rows[torch.argsort(order)].view(len(x), k, -1).sum(1)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def weights_by_view(x, indices, weights, w1, w2, w3):
    """Your code asks view to flatten a tensor whose rows are not neighbours in memory, and view never copies. What
    comes in may be such a view: which way to flatten copies where it has to?"""

    class Wrong(Layer):
        def scale(self, weights, order):
            return weights.view(-1)[order, None]

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def no_token_to_stack(x, indices, weights, w1, w2, w3):
    """Your tokens are stacked one by one, and torch.stack of an empty list is an error. T may be 0: which shape has the
    result then?"""
    return torch.stack(list(Layer()(x, indices, weights, w1, w2, w3)))


@replaces("dropless_forward")
def weights_beside_the_numbers(x, indices, weights, w1, w2, w3):
    """Your weights have one axis, (T k,), and torch lays it along the D numbers of a row. A weight belongs to a whole
    row: which shape has to meet (T k, D)?"""

    class Wrong(Layer):
        def weigh(self, rows, scale):
            return rows * scale[:, 0]

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def zeros_of_float32(x, indices, weights, w1, w2, w3):
    """Your zeros are float32, and rows of another dtype cannot be added to them. From where can the zeros take their
    dtype?"""

    class Wrong(Layer):
        def combine(self, rows, token, order, x, k):
            return torch.zeros(x.shape).index_add(0, token, rows)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def weight_on_input(x, indices, weights, w1, w2, w3):
    """You multiplied what goes into the expert by the weight. The expert is not linear: is its result for twice the
    input twice the result?"""

    class Wrong(Layer):
        def rows(self, x, token, scale):
            return scale * x[token]

        def weigh(self, rows, scale):
            return rows

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def weights_left_out(x, indices, weights, w1, w2, w3):
    """Your result is the plain sum of the chosen experts, and the weights change nothing. What does each row get
    multiplied by?"""

    class Wrong(Layer):
        def weigh(self, rows, scale):
            return rows

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def renormalises(x, indices, weights, w1, w2, w3):
    """You divided the weights of a token by their sum. They come from outside and are meant as they are: must they add
    up to 1?"""
    return Layer()(x, indices, weights / weights.sum(-1, keepdim=True), w1, w2, w3)


@replaces("dropless_forward")
def softmax_of_weights(x, indices, weights, w1, w2, w3):
    """You took the softmax of the weights. What arrives here has been through the router already: are these logits?"""
    return Layer()(x, indices, torch.softmax(weights, dim=-1), w1, w2, w3)


@replaces("dropless_forward")
def weights_detached(x, indices, weights, w1, w2, w3):
    """The values are right, and no gradient reaches the weights: the router could not learn. Which step leaves the
    graph?"""
    return Layer()(x, indices, weights.detach(), w1, w2, w3)


@replaces("dropless_forward")
def x_detached(x, indices, weights, w1, w2, w3):
    """The values are right, and no gradient reaches x: the layers below could not learn. Which step leaves the
    graph?"""
    return Layer()(x.detach(), indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def gate_and_up_swapped(x, indices, weights, w1, w2, w3):
    """Your silu is on W3 x. Which of the two matrices makes the gate in the formula?"""
    return Layer()(x, indices, weights, w3, w2, w1)


@replaces("dropless_forward")
def sigmoid_gate(x, indices, weights, w1, w2, w3):
    """You gate with the sigmoid of W1 x. Which factor does silu have beside the sigmoid?"""

    class Wrong(Layer):
        def ffn(self, rows, w1, w2, w3, offsets):
            h = torch.sigmoid(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
            return grouped_matmul(h, w2, offsets)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def gelu_gate(x, indices, weights, w1, w2, w3):
    """Your gate is a GELU. It looks much like silu and has other numbers: which function does the formula name?"""

    class Wrong(Layer):
        def ffn(self, rows, w1, w2, w3, offsets):
            h = F.gelu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
            return grouped_matmul(h, w2, offsets)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def two_matrices(x, indices, weights, w1, w2, w3):
    """Your experts are W2 silu(W1 x), a network of two matrices. Where does w3 come in?"""

    class Wrong(Layer):
        def ffn(self, rows, w1, w2, w3, offsets):
            return grouped_matmul(F.silu(grouped_matmul(rows, w1, offsets)), w2, offsets)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def silu_of_product(x, indices, weights, w1, w2, w3):
    """Your silu is around the product of both branches. On which of the two does the formula have it?"""

    class Wrong(Layer):
        def ffn(self, rows, w1, w2, w3, offsets):
            h = F.silu(grouped_matmul(rows, w1, offsets) * grouped_matmul(rows, w3, offsets))
            return grouped_matmul(h, w2, offsets)

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def all_experts_and_mask(x, indices, weights, w1, w2, w3):
    """Every expert ran on every token, and zeros were meant to remove what nobody asked for. 0 · NaN is NaN: on which
    tokens does an expert run that nobody chose?"""
    y = torch.zeros_like(x)
    for e in range(len(w1)):
        share = ((indices == e) * weights).sum(-1, keepdim=True)
        y = y + share * ((F.silu(x @ w1[e].T) * (x @ w3[e].T)) @ w2[e].T)
    return y


@replaces("dropless_forward")
def buffers_as_long_as_the_longest(x, indices, weights, w1, w2, w3):
    """You filled every segment up with zeros to the length of the longest and sent all of it through all three
    matrices. An expert that nobody chose then computes with its NaN, and its gradient is 0 · NaN. Which rows does a
    segment without rows need?"""

    class Wrong(Layer):
        def ffn(self, rows, w1, w2, w3, offsets):
            found = segments(rows, offsets)
            longest = max(len(mine) for mine in found)
            padded = torch.stack([F.pad(mine, (0, 0, 0, longest - len(mine))) for mine in found])
            h = F.silu(padded @ w1.mT) * (padded @ w3.mT)
            full = h @ w2.mT
            return torch.cat([full[e, : len(mine)] for e, mine in enumerate(found)])

    return Wrong()(x, indices, weights, w1, w2, w3)


@replaces("dropless_forward")
def capacity(x, indices, weights, w1, w2, w3):
    """An expert that too many tokens chose left some of them without an answer: there is a limit in your code, as with
    a capacity factor. All tokens may choose one expert. Which segment is too long?"""
    T, k = indices.shape
    C = -(-5 * T * k // (4 * len(w1)))
    order, offsets = sort_by_expert(indices, len(w1))
    place = torch.arange(len(order)) - offsets[indices.flatten()[order]]
    kept = torch.zeros_like(order).scatter(0, order, (place < C).long()).view(T, k)
    return Layer()(x, indices, torch.where(kept > 0, weights, 0.0), w1, w2, w3)


@replaces("dropless_forward")
def first_choices_only(x, indices, weights, w1, w2, w3):
    """Only the first choice of each token reached the output. With k = 1 your result is right: how many rows are added
    for each token?"""
    return Layer()(x, indices[:, :1], weights[:, :1], w1, w2, w3)


def full(lengths: list[int], block: int) -> int:
    """Blocks, as they should be counted."""
    return sum(-(-n // block) for n in lengths)


@replaces("padded_rows")
def blocks_rounded_down(offsets, block):
    """You rounded the number of blocks down, and the rows that fill no block have no place. How many blocks of 4 rows
    do 5 rows need?"""
    found = padded_rows(offsets, block)
    blocks = sum(n // block for n in offsets.diff().tolist())
    return found | {"blocks": blocks, "block_rows": blocks * block}


@replaces("padded_rows")
def blocks_of_the_total(offsets, block):
    """You filled blocks with the rows of all experts together. A block is multiplied by one matrix: can two experts
    share it?"""
    found = padded_rows(offsets, block)
    blocks = -(-found["rows"] // block)
    return found | {"blocks": blocks, "block_rows": blocks * block}


@replaces("padded_rows")
def blocks_of_the_fullest(offsets, block):
    """You gave each expert as many blocks as the fullest one needs. That is what blocks are there to avoid: how many of
    them does a segment of 1 row take?"""
    lengths = offsets.diff().tolist()
    blocks = len(lengths) * -(-max(lengths) // block)
    return padded_rows(offsets, block) | {"blocks": blocks, "block_rows": blocks * block}


@replaces("padded_rows")
def empty_expert_takes_a_block(offsets, block):
    """An expert without copies takes a block in your count. How many blocks do 0 rows need?"""
    found = padded_rows(offsets, block)
    blocks = sum(max(1, -(-n // block)) for n in offsets.diff().tolist())
    return found | {"blocks": blocks, "block_rows": blocks * block}


@replaces("padded_rows")
def one_block_more(offsets, block):
    """You divided and added 1, so a segment that fills its last block exactly takes another one. How many blocks of 4
    rows do 8 rows need?"""
    found = padded_rows(offsets, block)
    blocks = sum(n // block + 1 for n in offsets.diff().tolist() if n)
    return found | {"blocks": blocks, "block_rows": blocks * block}


@replaces("padded_rows")
def one_block_more_for_all(offsets, block):
    """You divided and added 1, so a segment that fills its last block exactly takes another one, and an expert without
    copies takes a block. How many blocks of 4 rows do 8 rows need, and how many do 0 rows?"""
    found = padded_rows(offsets, block)
    blocks = sum(n // block + 1 for n in offsets.diff().tolist())
    return found | {"blocks": blocks, "block_rows": blocks * block}


@replaces("padded_rows")
def fractions_of_blocks(offsets, block):
    """Your blocks are fractions: you divided and did not round. Can an expert compute a third of a block?"""
    found = padded_rows(offsets, block)
    return found | {"blocks": sum(n / block for n in offsets.diff().tolist()), "block_rows": found["rows"]}


@replaces("padded_rows")
def block_rows_are_blocks(offsets, block):
    """Your block_rows is the number of blocks. How many rows does each of them have?"""
    found = padded_rows(offsets, block)
    return found | {"block_rows": found["blocks"]}


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
    """You rounded the length of the buffers up to whole blocks. The last number of the dict knows no blocks: how long
    is the fullest segment?"""
    lengths = offsets.diff().tolist()
    return padded_rows(offsets, block) | {"capacity_rows": len(lengths) * -(-max(lengths) // block) * block}


@replaces("padded_rows")
def buffers_one_too_many(offsets, block):
    """You counted one buffer for each entry of offsets. How many experts have E + 1 offsets?"""
    return padded_rows(offsets, block) | {"capacity_rows": len(offsets) * max(offsets.diff().tolist())}


@replaces("padded_rows")
def offsets_for_lengths(offsets, block):
    """You took the offsets for the lengths of the segments. Between which two offsets do the rows of expert e lie?"""
    lengths = offsets[1:].tolist()
    blocks = full(lengths, block)
    longest = len(lengths) * max(lengths)
    return {"rows": sum(lengths), "blocks": blocks, "block_rows": blocks * block, "capacity_rows": longest}


@replaces("padded_rows")
def tensors_for_numbers(offsets, block):
    """The numbers in your dict are tensors. What makes a Python int of a tensor with one number?"""
    return {name: torch.tensor(number) for name, number in padded_rows(offsets, block).items()}
