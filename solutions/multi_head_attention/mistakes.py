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
    """You take a mask of three axes for one of each text, (B, T, S). It broadcasts to (B, H, T, S), as everything
    does in torch: from the last axis on. Which axis is then the first of three?"""

    def _normalise(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        if mask is not None and mask.dim() == 3:
            mask = mask[:, None]
        return super()._normalise(scores, mask)


@replaces("MultiHeadAttention")
class ScaleD(Parts):
    """The scores are divided by √D. Each dot product runs over the width of one head: how many products does it
    add up, and how large does their sum become?"""

    def _scores(self, q, k):
        return q @ k.mT / math.sqrt(self.q_proj.weight.shape[0])


@replaces("MultiHeadAttention")
class NoScale(Parts):
    """The scores are not scaled. A dot product of K independent products has a standard deviation that grows with
    K, and the softmax saturates. By what do the formula's scores get divided?"""

    def _scores(self, q, k):
        return q @ k.mT


@replaces("MultiHeadAttention")
class ScaleK(Parts):
    """The scores are divided by K. It is the standard deviation of a sum of K terms that has to be undone, not
    its number of terms."""

    def _scores(self, q, k):
        return q @ k.mT / q.shape[-1]


@replaces("MultiHeadAttention")
class NoOutProj(Parts):
    """Your heads are only put side by side. Nothing mixes them yet: the last matrix of the formula is missing."""

    def forward(self, query, key, value, mask=None):
        heads, weights = self._attend(query, key, value, mask)
        return self._merge(heads), weights


@replaces("MultiHeadAttention")
class AveragedWeights(Parts):
    """You returned one map of weights, the mean over the heads. Which shape do the weights have in the
    docstring?"""

    def forward(self, query, key, value, mask=None):
        output, weights = super().forward(query, key, value, mask)
        return output, weights.mean(1)


@replaces("MultiHeadAttention")
class ValueIsKey(Parts):
    """Your values are computed from `key`. In self-attention key and value are one tensor: what if they are two?"""

    def _attend(self, query, key, value, mask):
        return super()._attend(query, key, key, mask)


@replaces("MultiHeadAttention")
class SplitNoTranspose(Parts):
    """You cut (B, T, D) into (B, H, T, K) with one view. That keeps the order of the numbers, so your heads are
    stretches of text, mixed with slices of width. Which axis must be cut, and which two must then change
    places?"""

    def _split(self, x):
        B, T, D = x.shape
        return x.reshape(B, self.num_heads, T, D // self.num_heads)


@replaces("MultiHeadAttention")
class MergeNoTranspose(Parts):
    """The heads (B, H, T, K) were flattened as they lie, so one row of the result mixes several tokens. Before
    the axes H and K can become one, they must be neighbours."""

    def _merge(self, heads):
        B, H, T, K = heads.shape
        return heads.reshape(B, T, H * K)


@replaces("MultiHeadAttention")
class InterleavedSplit(Parts):
    """Splitting and merging do not undo each other: you cut D into (K, H) and put it together from (H, K). A head
    owns K neighbouring rows of the matrices."""

    def _split(self, x):
        return x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)


@replaces("MultiHeadAttention")
class SoftmaxOverQueries(Parts):
    """Your softmax runs over the queries: each column sums to 1. Every query distributes its attention over the
    keys. On which axis do those lie?"""

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, -INF), dim=-2)


@replaces("MultiHeadAttention")
class SoftmaxOverHeads(Parts):
    """Your softmax runs over axis 1, which holds the heads. For three axes that would be the queries, and it is
    neither: count from the end, where the keys are."""

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, -INF), dim=1)


@replaces("MultiHeadAttention")
class MaskInverted(Parts):
    """You blocked the keys that are allowed. nn.MultiheadAttention reads a mask in this way: what does True mean in
    the docstring?"""

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores.masked_fill(mask, -INF), dim=-1)


@replaces("MultiHeadAttention")
class MaskAdded(Parts):
    """Your bool mask was added to the scores, where True counts as 1 and False as 0: that prefers the allowed
    keys a little. A masked key must get no weight at all."""

    def _normalise(self, scores, mask):
        return torch.softmax(scores if mask is None else scores + mask, dim=-1)


@replaces("MultiHeadAttention")
class MaskAfterSoftmax(Parts):
    """You set weights to 0 after the softmax, and the others keep the share they had: their sum is below 1. The
    masked keys must be out before the sum is taken."""

    def _normalise(self, scores, mask):
        weights = torch.softmax(scores, dim=-1)
        return weights if mask is None else weights * mask


@replaces("MultiHeadAttention")
class ContributionsUnmasked(Parts):
    """head_contributions does not use its mask: a head contributes what it does in forward, with the same
    mask."""

    def head_contributions(self, query, key, value, mask=None):
        return super().head_contributions(query, key, value, None)


@replaces("MultiHeadAttention")
class MaskIgnored(Parts):
    """The mask changes nothing in your result. Between which two steps of the attention does it act?"""

    def _normalise(self, scores, mask):
        return torch.softmax(scores, dim=-1)


@replaces("MultiHeadAttention")
class MaskOfPadding(Parts):
    """You take every mask with two axes for one of padding, (B, S), and set axes between them. A mask that broadcasts
    to (B, H, T, S) needs no help: of which shape is one with two axes?"""

    def _normalise(self, scores, mask):
        if mask is not None and mask.dim() == 2:
            mask = mask[:, None, None, :]
        return super()._normalise(scores, mask)


@replaces("MultiHeadAttention")
class MaskGetsAnAxis(Parts):
    """You set an axis for the heads into every mask. A mask that broadcasts to (B, H, T, S) needs no help: what becomes
    of one that is (T, S), and of one that has the axis already?"""

    def _normalise(self, scores, mask):
        return super()._normalise(scores, None if mask is None else mask.unsqueeze(1))


@replaces("MultiHeadAttention")
class HeadsOfSlices(Parts):
    """Each of your heads sees only its own K of the D numbers of a token, through a K x K block of each matrix. A head
    owns rows of q_proj, k_proj and v_proj: how long is such a row, and what does it read?"""

    def _attend(self, query, key, value, mask):
        K = len(self.q_proj.weight) // self.num_heads
        block = torch.block_diag(*[torch.ones(K, K, dtype=query.dtype)] * self.num_heads)
        q, k, v = (
            self._split(nn.functional.linear(x, f.weight * block, f.bias))
            for f, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        weights = self._normalise(self._scores(q, k), mask)
        return weights @ v, weights


@replaces("MultiHeadAttention")
class NoBias(MultiHeadAttention):
    """Your layers have no bias, whatever `bias` says. Which parameter names does a checkpoint with biases have?"""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__(embed_dim, num_heads, bias=False)


@replaces("MultiHeadAttention")
class BiasAlways(MultiHeadAttention):
    """Your layers have a bias with bias=False too. What does nn.Linear do if it is not told about the bias?"""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__(embed_dim, num_heads, bias=True)


@replaces("MultiHeadAttention")
class FullWidthHeads(nn.Module):
    """Each of your heads has the full width D, so the matrices are H times too large. The heads share the width:
    K is D / H."""

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (
            nn.Linear(embed_dim, num_heads * embed_dim, bias=bias) for _ in range(3)
        )
        self.out_proj = nn.Linear(num_heads * embed_dim, embed_dim, bias=bias)


@replaces("MultiHeadAttention")
class OutProjRows(Parts):
    """You took the rows of out_proj for each head. Its rows are the outputs; what a head feeds in comes through
    its columns."""

    def head_contributions(self, query, key, value, mask=None):
        heads, _ = self._attend(query, key, value, mask)
        W_O = self.out_proj.weight.unflatten(0, (self.num_heads, -1))  # (H, K, D)
        return torch.einsum("bhtk,hkd->bhtd", heads, W_O)


@replaces("MultiHeadAttention")
class BiasInEachHead(Parts):
    """The bias of out_proj is in each of your contributions, so that their sum holds it H times. To which head does
    a bias belong?"""

    def head_contributions(self, query, key, value, mask=None):
        right = super().head_contributions(query, key, value, mask)
        return right if self.out_proj.bias is None else right + self.out_proj.bias


@replaces("MultiHeadAttention")
class BiasShared(Parts):
    """Each of your contributions holds a part of the bias of out_proj. The sum over heads should be the output
    without that bias: removing a head does not remove it."""

    def head_contributions(self, query, key, value, mask=None):
        right = super().head_contributions(query, key, value, mask)
        return right if self.out_proj.bias is None else right + self.out_proj.bias / self.num_heads


@replaces("MultiHeadAttention")
class ContributionsTimeFirst(Parts):
    """Your contributions are (B, T, H, D). Which of the two axes, heads and time, comes first in the docstring?"""

    def head_contributions(self, query, key, value, mask=None):
        return super().head_contributions(query, key, value, mask).transpose(1, 2)


@replaces("MultiHeadAttention")
class BiasOfOutAlways(Parts):
    """Your out_proj has a bias even with bias=False. How many of the four linear layers does `bias` decide about?"""

    def __init__(self, embed_dim, num_heads, bias=True):
        super().__init__(embed_dim, num_heads, bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim)


@replaces("MultiHeadAttention")
class StridedHeads(Parts):
    """Your head h owns every H-th number of the width: h, h + H, h + 2H. The docstring says which rows of the
    matrices belong to a head: do they lie apart?"""

    def _split(self, x):
        return x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)

    def _merge(self, heads):
        return heads.permute(0, 2, 3, 1).flatten(2)

    def head_contributions(self, query, key, value, mask=None):
        heads, _ = self._attend(query, key, value, mask)
        W_O = self.out_proj.weight.unflatten(1, (-1, self.num_heads))
        return torch.einsum("bhtk,dkh->bhtd", heads, W_O)


@replaces("MultiHeadAttention")
class ValueIsQuery(Parts):
    """Your values are computed from `query`, and in cross-attention there are T of them instead of S. Which positions
    do the weights of a query speak of?"""

    def forward(self, query, key, value, mask=None):
        return super().forward(query, key, query, mask)

    def head_contributions(self, query, key, value, mask=None):
        return super().head_contributions(query, key, query, mask)


@replaces("MultiHeadAttention")
class ContributionsBeforeOut(Parts):
    """Your contributions are the results of the heads, K numbers wide, before out_proj. The contribution of a head is
    a part of the output: how wide is the output?"""

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
    """You took every third row. The three matrices are stacked one after the other: first all rows of W_q, then
    all of W_k."""
    return rename(state, lambda stacked: [stacked[i::3] for i in range(3)])


@replaces("unpack_in_proj")
def in_proj_kqv(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You exchanged queries and keys. In which order does the docstring stack the three matrices?"""
    return rename(state, lambda stacked: [stacked.chunk(3)[i] for i in (1, 0, 2)])


@replaces("unpack_in_proj")
def in_proj_no_bias(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Your result has no biases. How is in_proj_bias stacked, and which other bias is in state?"""
    return {name: tensor for name, tensor in unpack_in_proj(state).items() if name.endswith("weight")}


@replaces("unpack_in_proj")
def in_proj_bias_of_out_only(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """With biases your result has that of out_proj, and those of q, k and v are missing. A bias has one number for each
    row of its weight: where do the 3D numbers stand that belong to the rows of in_proj_weight?"""
    unpacked = unpack_in_proj(state)
    return {name: t for name, t in unpacked.items() if name.startswith("out_proj") or name.endswith("weight")}


@replaces("unpack_in_proj")
def in_proj_no_bias_of_out(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """With biases your result lacks that of out_proj. How many tensors does the docstring name for a layer with
    biases?"""
    return {name: tensor for name, tensor in unpack_in_proj(state).items() if name != "out_proj.bias"}


@replaces("unpack_in_proj")
def in_proj_no_out(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """out_proj is missing from your result. Under which names does the docstring return its parameters?"""
    return {name: tensor for name, tensor in unpack_in_proj(state).items() if not name.startswith("out_proj")}


@replaces("unpack_in_proj")
def in_proj_qvk(state):
    """Keys and values have changed places. In which order does the docstring stack the three matrices?"""
    unpacked = unpack_in_proj(state)
    other = {"q": "q", "k": "v", "v": "k", "o": "o"}
    return {name: unpacked[other[name[0]] + name[1:]] for name in unpacked}


def rows(tensor: Tensor, num_heads: int, heads: list[int]) -> Tensor:
    return tensor.unflatten(0, (num_heads, -1))[heads].flatten(0, 1)


@replaces("prune_heads")
def prune_rows_of_out(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """You removed rows of out_proj. Those are the outputs of the layer, and its width D stays. Through what did
    the removed heads feed in?"""
    pruned = prune_heads(state, num_heads, keep)
    pruned["out_proj.weight"] = rows(state["out_proj.weight"], num_heads, sorted(keep))
    return pruned


@replaces("prune_heads")
def prune_weights_only(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """The biases of q, k and v kept all D numbers. A bias has one number for each row of its weight: which rows are
    gone?"""
    pruned = prune_heads(state, num_heads, keep)
    return {name: state[name] if name.endswith("bias") else tensor for name, tensor in pruned.items()}


@replaces("prune_heads")
def prune_no_out(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """out_proj.weight still has D columns, and only n K numbers come in. Which of its columns waited for the
    heads that are gone?"""
    return prune_heads(state, num_heads, keep) | {"out_proj.weight": state["out_proj.weight"]}


@replaces("prune_heads")
def prune_these(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """You removed the heads in `keep`. Which heads shall the new layer have?"""
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
    """Your heads stand in the order of `keep`. Which order does the docstring ask for?"""
    pruned = {name: rows(tensor, num_heads, keep) for name, tensor in state.items() if name[0] in "qkv"}
    pruned["out_proj.weight"] = rows(state["out_proj.weight"].T, num_heads, keep).T
    return pruned | {name: tensor for name, tensor in state.items() if name == "out_proj.bias"}


@replaces("prune_heads")
def prune_columns_as_given(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """Your rows stand in ascending order of the heads, and the columns of out_proj in the order of `keep`. Which
    columns wait for what the rows of a head make?"""
    pruned = prune_heads(state, num_heads, keep)
    return pruned | {"out_proj.weight": rows(state["out_proj.weight"].T, num_heads, keep).T}


@replaces("prune_heads")
def prune_zeroed(state, num_heads, keep):
    """You set the other heads to zero, and every tensor keeps its size. The pruned layer has n heads: how many rows
    and columns do n heads need?"""
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
    """You kept every H-th row for a head: h, h + H, h + 2H. The rows of a head are neighbours: in which order do its
    rows and the heads stand in a matrix?"""
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


@replaces("prune_heads")
def prune_bias_of_out(state, num_heads, keep):
    """You cut out_proj.bias as if it belonged to heads. It is added to the output, of width D: does the output become
    narrower?"""
    pruned = prune_heads(state, num_heads, keep)
    if "out_proj.bias" in state:
        pruned["out_proj.bias"] = state["out_proj.bias"].unflatten(0, (num_heads, -1))[sorted(keep)].flatten()
    return pruned
