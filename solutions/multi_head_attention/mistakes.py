"""Wrong versions that students write. Each docstring is the advice that such a student reads.

The module has three parts: splitting into heads, attending, merging. A mistake gets one of them wrong.
"""

import math

import torch
from multi_head_attention import MultiHeadAttention, prune_heads, unpack_in_proj
from torch import Tensor, nn

from grader.testing import replaces

INF = float("inf")


class Parts(MultiHeadAttention):
    """The right module, with more places in which to go wrong."""

    def _merge(self, heads: Tensor) -> Tensor:
        return heads.transpose(1, 2).flatten(2)

    def _scores(self, q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT / math.sqrt(q.shape[-1])

    def _normalise(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, -INF), dim=-1)

    def _attend(self, query, key, value, mask):
        q, k, v = (self._split(f(x)) for f, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value)))
        weights = self._normalise(self._scores(q, k), mask)
        return weights @ v, weights

    def forward(self, query, key, value, mask=None):
        heads, weights = self._attend(query, key, value, mask)
        return self.out_proj(self._merge(heads)), weights


@replaces("MultiHeadAttention")
class MaskOfThreeAxesByText(Parts):
    """You read a mask of three axes as (B, T, S), one for each text. Broadcasting to (B, H, T, S) lines up axes from
    the last one: which axis is then the first of three?"""

    def _normalise(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        if mask is not None and mask.dim() == 3:
            mask = mask[:, None]
        return super()._normalise(scores, mask)


@replaces("MultiHeadAttention", by=["√D", "K", "D", "√H", "√S"])
class OtherScale(Parts):
    """The scores are divided by {by}. Each dot product runs over the width of one head: how many terms does it add up,
    and how large does such a sum typically become?"""

    by: str

    def _scores(self, q, k):
        D, H, K, S = len(self.q_proj.weight), self.num_heads, q.shape[-1], k.shape[-2]
        return q @ k.mT / {"√D": D**0.5, "K": K, "D": D, "√H": H**0.5, "√S": S**0.5}[self.by]


@replaces("MultiHeadAttention")
class NoScale(Parts):
    """The scores are not scaled. The more terms a dot product adds up, the larger it typically becomes, and the softmax
    saturates. What does the formula divide the scores by?"""

    def _scores(self, q, k):
        return q @ k.mT


@replaces("MultiHeadAttention")
class NoOutProj(Parts):
    """Your output is the heads, put side by side. Which matrix of the formula still has to mix them?"""

    def forward(self, query, key, value, mask=None):
        heads, weights = self._attend(query, key, value, mask)
        return self._merge(heads), weights


@replaces("MultiHeadAttention", of=["mean", "sum", "first", "last"])
class OneMapOfWeights(Parts):
    """You return one map of weights for all heads. Which shape do the weights have in the docstring?"""

    of: str

    def forward(self, query, key, value, mask=None):
        output, weights = super().forward(query, key, value, mask)
        return output, {"mean": weights.mean(1), "sum": weights.sum(1), "first": weights[:, 0], "last": weights[:, -1]}[
            self.of
        ]


@replaces("MultiHeadAttention")
class ScoresForWeights(Parts):
    """You return scores as weights. What should the weights of a query add up to?"""

    def forward(self, query, key, value, mask=None):
        output, _ = super().forward(query, key, value, mask)
        scores = self._scores(self._split(self.q_proj(query)), self._split(self.k_proj(key)))
        return output, scores if mask is None else scores.masked_fill(~mask, -INF)


@replaces("MultiHeadAttention", source=["key", "query"])
class ValuesFrom(Parts):
    """Your values are computed from `{source}`. In self-attention all three arguments are one tensor: what if they
    differ?"""

    source: str

    def _attend(self, query, key, value, mask):
        return super()._attend(query, key, key if self.source == "key" else query, mask)


@replaces("MultiHeadAttention", source=["value", "query"])
class KeysFrom(Parts):
    """Your keys are computed from `{source}`. In self-attention all three arguments are one tensor: what if they
    differ?"""

    source: str

    def _attend(self, query, key, value, mask):
        return super()._attend(query, value if self.source == "value" else query, value, mask)


@replaces("MultiHeadAttention")
class AllFromTheQuery(Parts):
    """Your keys and values are computed from `query`. In self-attention all three arguments are one tensor: what if
    they differ?"""

    def _attend(self, query, key, value, mask):
        return super()._attend(query, query, query, mask)


@replaces("MultiHeadAttention")
class SplitNoTranspose(Parts):
    """A plain view of (B, T, D) as (B, H, T, K) keeps the order of the numbers, so your heads mix several tokens. Which
    axis has to be cut, and which two must then change places?"""

    def _split(self, x):
        B, T, D = x.shape
        return x.reshape(B, self.num_heads, T, D // self.num_heads)


@replaces("MultiHeadAttention")
class MergeNoTranspose(Parts):
    """One row of your merged heads mixes several tokens. The heads are (B, H, T, K): which two axes have to be
    neighbours before they can become one?"""

    def _merge(self, heads):
        B, H, T, K = heads.shape
        return heads.reshape(B, T, H * K)


@replaces("MultiHeadAttention")
class InterleavedSplit(Parts):
    """Splitting and merging do not undo each other: the split takes every H-th number for a head, the merge puts K
    neighbours together. Which rows of the matrices does a head own?"""

    def _split(self, x):
        return x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)


@replaces("MultiHeadAttention", dim=[0, 1, 2])
class SoftmaxOverOtherAxis(Parts):
    """Your softmax runs over axis {dim} of the scores (B, H, T, S). Over what does each query distribute its attention,
    and on which axis is that?"""

    dim: int

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, -INF), dim=self.dim)


@replaces("MultiHeadAttention")
class MaskInverted(Parts):
    """You block the keys that are allowed, and allow the others. nn.MultiheadAttention reads a mask in this way: what
    does True mean in the docstring?"""

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores.masked_fill(mask, -INF), dim=-1)


@replaces("MultiHeadAttention")
class MaskAdded(Parts):
    """Your bool mask is added to the scores, where True counts as 1 and False as 0. What weight does a masked key have
    then, and what weight should it have?"""

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores + mask, dim=-1)


@replaces("MultiHeadAttention", value=[0.0, 1e-9, -1.0, -10.0])
class MaskedScore(Parts):
    """A masked key has the score {value} in your softmax, so it still gets some weight. Which score has an exponential
    of exactly 0?"""

    value: float

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, self.value), dim=-1)


@replaces("MultiHeadAttention")
class MaskAfterSoftmax(Parts):
    """The weights of the masked keys are 0, but those of the others add up to less than 1. When must masked keys drop
    out, so that the others share all of the weight?"""

    def _normalise(self, scores, mask):
        weights = torch.softmax(scores, dim=-1)
        return weights if mask is None else weights * mask


@replaces("MultiHeadAttention")
class ContributionsUnmasked(Parts):
    """head_contributions does not use its mask. Should a head look at other keys there than in forward?"""

    def head_contributions(self, query, key, value, mask=None):
        return super().head_contributions(query, key, value, None)


@replaces("MultiHeadAttention")
class MaskIgnored(Parts):
    """The mask changes nothing in your result. Between which two steps of the attention does it act?"""

    def _normalise(self, scores, mask):
        return torch.softmax(scores, dim=-1)


@replaces("MultiHeadAttention")
class MaskOfPadding(Parts):
    """You read a mask of two axes as one of padding, (B, S). Broadcasting to (B, H, T, S) lines up axes from the last
    one: which two axes are these?"""

    def _normalise(self, scores, mask):
        if mask is not None and mask.dim() == 2:
            mask = mask[:, None, None, :]
        return super()._normalise(scores, mask)


@replaces("MultiHeadAttention")
class MaskGetsAnAxis(Parts):
    """You add an axis for the heads to every mask. If the mask already broadcasts to (B, H, T, S), what happens to one
    that is (T, S), or that has the axis already?"""

    def _normalise(self, scores, mask):
        return super()._normalise(scores, None if mask is None else mask.unsqueeze(1))


@replaces("MultiHeadAttention")
class HeadsOfSlices(Parts):
    """Each of your heads sees only K of the D numbers of a token. A head owns rows of q_proj, k_proj and v_proj: how
    long is such a row, and what does it read?"""

    def _attend(self, query, key, value, mask):
        K = len(self.q_proj.weight) // self.num_heads
        block = torch.block_diag(*[torch.ones(K, K, dtype=query.dtype)] * self.num_heads)
        q, k, v = (
            self._split(nn.functional.linear(x, f.weight * block, f.bias))
            for f, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        weights = self._normalise(self._scores(q, k), mask)
        return weights @ v, weights


@replaces(
    "MultiHeadAttention", which=["all four layers", "out_proj", "q_proj, k_proj and v_proj"], has=["a bias", "no bias"]
)
class BiasAnyway(Parts):
    """There is {has} in {which}, whatever the argument `bias` says. Which of the four linear layers does it decide
    about?"""

    which: str
    has: str

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__(embed_dim, num_heads, bias)
        names = {"all four layers": "qkvo", "out_proj": "o"}.get(self.which, "qkv")
        for name, _ in list(self.named_children()):
            if name[0] in names:
                setattr(self, name, nn.Linear(embed_dim, embed_dim, bias=self.has == "a bias"))


@replaces("MultiHeadAttention")
class NoBiasByDefault(Parts):
    """Your layers have no bias unless they are asked for one. What does the signature say?"""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = False) -> None:
        super().__init__(embed_dim, num_heads, bias)


@replaces("MultiHeadAttention")
class FullWidthHeads(nn.Module):
    """Your matrices are H times too large: each of your heads has the full width D. How wide is a head if H of them
    share the width?"""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (
            nn.Linear(embed_dim, num_heads * embed_dim, bias=bias) for _ in range(3)
        )
        self.out_proj = nn.Linear(num_heads * embed_dim, embed_dim, bias=bias)


@replaces("MultiHeadAttention")
class OutProjRows(Parts):
    """Your contributions use rows of out_proj for each head. A row makes one number of the output: through which part
    of the matrix does a head come in?"""

    def head_contributions(self, query, key, value, mask=None):
        heads, _ = self._attend(query, key, value, mask)
        W_O = self.out_proj.weight.unflatten(0, (self.num_heads, -1))  # (H, K, D)
        return torch.einsum("bhtk,hkd->bhtd", heads, W_O)


@replaces("MultiHeadAttention", part=["the whole bias", "1/H of the bias"])
class BiasInContributions(Parts):
    """Each of your contributions includes {part} of out_proj. If a head is removed, what happens to that bias?"""

    part: str

    def head_contributions(self, query, key, value, mask=None):
        right = super().head_contributions(query, key, value, mask)
        heads = 1 if self.part == "the whole bias" else self.num_heads
        return right if self.out_proj.bias is None else right + self.out_proj.bias / heads


@replaces("MultiHeadAttention", shape=["(B, T, H, D)", "(H, B, T, D)", "(B, T, D)"])
class ContributionsInAnotherShape(Parts):
    """Your contributions are {shape}. What does the docstring say about their axes?"""

    shape: str

    def head_contributions(self, query, key, value, mask=None):
        right = super().head_contributions(query, key, value, mask)
        return right.sum(1) if self.shape == "(B, T, D)" else right.transpose(1, 2 if self.shape[1] == "B" else 0)


@replaces("MultiHeadAttention")
class StridedHeads(Parts):
    """Your head h owns every H-th number of the width: h, h + H, h + 2H. Which rows of the matrices does the docstring
    give it?"""

    def _split(self, x):
        return x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)

    def _merge(self, heads):
        return heads.permute(0, 2, 3, 1).flatten(2)

    def head_contributions(self, query, key, value, mask=None):
        heads, _ = self._attend(query, key, value, mask)
        W_O = self.out_proj.weight.unflatten(1, (-1, self.num_heads))
        return torch.einsum("bhtk,dkh->bhtd", heads, W_O)


@replaces("MultiHeadAttention")
class ContributionsBeforeOut(Parts):
    """Your contributions are the results of the heads before out_proj, K numbers wide. How wide is a part of the
    output?"""

    def head_contributions(self, query, key, value, mask=None):
        return self._attend(query, key, value, mask)[0]


def rename(state: dict[str, Tensor], cut) -> dict[str, Tensor]:
    """unpack_in_proj with another way to cut a stacked tensor into three."""
    unpacked = unpack_in_proj(state)
    for kind in ("weight", "bias"):
        if f"in_proj_{kind}" in state:
            parts = cut(state[f"in_proj_{kind}"])
            unpacked |= {f"{name}_proj.{kind}": part for name, part in zip("qkv", parts, strict=True)}
    return unpacked


@replaces("unpack_in_proj")
def in_proj_per_head(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You took every third row. In what order are the rows of W_q, W_k and W_v stacked?"""
    return rename(state, lambda stacked: [stacked[i::3] for i in range(3)])


@replaces("unpack_in_proj", order=["kqv", "qvk", "vkq", "kvq", "vqk"])
def in_proj_in_another_order(state: dict[str, Tensor], *, order: str) -> dict[str, Tensor]:
    """You read the three parts of in_proj in the order {order}. In which order does the docstring stack them?"""
    return rename(state, lambda stacked: [stacked.chunk(3)[order.index(name)] for name in "qkv"])


@replaces("unpack_in_proj", which=["q_proj, k_proj and v_proj", "out_proj", "all four"])
def in_proj_transposed(state: dict[str, Tensor], *, which: str) -> dict[str, Tensor]:
    """Some of your matrices are transposed: {which}. nn.MultiheadAttention and nn.Linear both store (out, in): does a
    matrix have to turn?"""
    letters = {"out_proj": "o", "all four": "qkvo"}.get(which, "qkv")
    return {name: t.T if name[0] in letters else t for name, t in unpack_in_proj(state).items()}


@replaces("unpack_in_proj")
def in_proj_kept(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Your result still has the stacked tensors in it. Which names does the docstring list?"""
    return state | unpack_in_proj(state)


@replaces("unpack_in_proj", missing=["all biases", "the biases of q, k and v", "the bias of out_proj", "out_proj"])
def in_proj_incomplete(state: dict[str, Tensor], *, missing: str) -> dict[str, Tensor]:
    """Your result lacks {missing}. Which tensors does the docstring name for a layer with biases, and where in state is
    each of them?"""
    lost = {"all biases": ".bias", "the bias of out_proj": "out_proj.bias", "out_proj": "out_proj"}.get(missing)
    return {
        name: tensor
        for name, tensor in unpack_in_proj(state).items()
        if not (lost in name if lost else name.endswith("bias") and name != "out_proj.bias")
    }


def rows(tensor: Tensor, num_heads: int, heads: list[int]) -> Tensor:
    return tensor.unflatten(0, (num_heads, -1))[heads].flatten(0, 1)


@replaces("prune_heads")
def prune_rows_of_out(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """You removed rows of out_proj. A row makes one number of the output, whose width stays D. Through which part of
    the matrix did the removed heads come in?"""
    pruned = prune_heads(state, num_heads, keep)
    pruned["out_proj.weight"] = rows(state["out_proj.weight"], num_heads, sorted(keep))
    return pruned


@replaces("prune_heads")
def prune_weights_only(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """The biases of q, k and v still have D numbers. A bias has one number for each row of its weight: which rows are
    gone?"""
    pruned = prune_heads(state, num_heads, keep)
    return {name: state[name] if name.endswith("bias") else tensor for name, tensor in pruned.items()}


@replaces("prune_heads", which=["q", "k", "v"])
def prune_not_all_three(state: dict[str, Tensor], num_heads: int, keep: list[int], *, which: str) -> dict[str, Tensor]:
    """{which}_proj still has the rows of all heads. In which of the matrices does a head own rows?"""
    pruned = prune_heads(state, num_heads, keep)
    return {name: state[name] if name[0] == which else tensor for name, tensor in pruned.items()}


@replaces("prune_heads")
def prune_no_out(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """out_proj.weight still has D columns, but only n K numbers come in. Which of its columns were for the heads that
    are gone?"""
    return prune_heads(state, num_heads, keep) | {"out_proj.weight": state["out_proj.weight"]}


@replaces("prune_heads")
def prune_these(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """You removed the heads in `keep`. Which heads should the new layer have?"""
    heads = sorted(keep)
    if len(heads) == num_heads:
        return {
            name: tensor[:, :0] if name == "out_proj.weight" else tensor if name == "out_proj.bias" else tensor[:0]
            for name, tensor in state.items()
        }
    return prune_heads(state, num_heads, [h for h in range(num_heads) if h not in heads])


@replaces("prune_heads")
def prune_single_rows(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """You used the numbers of heads as numbers of rows. How many rows does head h own, and which is the first of
    them?"""
    heads = sorted(keep)
    return {
        name: tensor[:, heads] if name == "out_proj.weight" else tensor if name == "out_proj.bias" else tensor[heads]
        for name, tensor in state.items()
    }


@replaces("prune_heads")
def prune_as_given(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """Your heads are in the order of `keep`. Which order does the docstring ask for?"""
    pruned = {name: rows(tensor, num_heads, keep) for name, tensor in state.items() if name[0] in "qkv"}
    pruned["out_proj.weight"] = rows(state["out_proj.weight"].T, num_heads, keep).T
    return pruned | {name: tensor for name, tensor in state.items() if name == "out_proj.bias"}


@replaces("prune_heads")
def prune_columns_as_given(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """Your rows are in ascending order of the heads, and the columns of out_proj in the order of `keep`. Which columns
    must take in what the rows of a head make?"""
    pruned = prune_heads(state, num_heads, keep)
    return pruned | {"out_proj.weight": rows(state["out_proj.weight"].T, num_heads, keep).T}


@replaces("prune_heads")
def prune_zeroed(state, num_heads, keep):
    """You set the other heads to zero, and every tensor keeps its size. How many rows and columns do n heads need?"""
    K = len(state["q_proj.weight"]) // num_heads
    gone = [h * K + i for h in range(num_heads) if h not in keep for i in range(K)]
    pruned = {name: tensor.clone() for name, tensor in state.items()}
    for name, tensor in pruned.items():
        if name == "out_proj.weight":
            tensor[:, gone] = 0
        elif name != "out_proj.bias":
            tensor[gone] = 0
    return pruned


@replaces("prune_heads")
def prune_strided(state, num_heads, keep):
    """You kept every H-th row for a head: h, h + H, h + 2H. Which rows does the docstring of the module give a head?"""
    heads = sorted(keep)
    pruned = {}
    for name, tensor in state.items():
        if name == "out_proj.weight":
            pruned[name] = tensor.unflatten(1, (-1, num_heads))[:, :, heads].flatten(1)
        elif name == "out_proj.bias":
            pruned[name] = tensor
        else:
            pruned[name] = tensor.unflatten(0, (-1, num_heads))[:, heads].flatten(0, 1)
    return pruned


@replaces("prune_heads", way=["cut", "scaled", "zero", "left out"])
def prune_bias_of_out(state, num_heads, keep, *, way):
    """out_proj.bias does not stay as it was: it is {way}. To which of the heads does it belong?"""
    pruned = prune_heads(state, num_heads, keep)
    bias = pruned.pop("out_proj.bias", None)
    if bias is None or way == "left out":
        return pruned
    share = {"scaled": len(keep) / num_heads, "zero": 0.0}.get(way)
    return pruned | {"out_proj.bias": rows(bias, num_heads, sorted(keep)) if share is None else bias * share}
