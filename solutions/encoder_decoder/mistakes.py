"""Wrong versions that students write. Each docstring is the advice that such a student reads.

The layer has three sub-layers; a mistake gets one of them wrong and takes the others from here.
"""

import torch
import torch.nn.functional as F
from encoder_decoder import Seq2SeqDecoderBlock
from torch import Tensor, nn

from grader.testing import replaces


@replaces("shift_right")
def shift_left(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You shifted to the left, so that the decoder reads tokens after the one that it should predict. What has it read
    when it predicts the first one?"""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([labels[:, 1:], start], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


@replaces("shift_right")
def not_shifted(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """The start token replaces the first label in yours, and no label moves. Which token does the decoder read where it
    should predict the second label?"""
    shifted = labels.clone()
    shifted[:, 0] = decoder_start_token_id
    return shifted.masked_fill(shifted == -100, pad_token_id)


@replaces("shift_right")
def last_label_first(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """Your rows begin with their last label. What does the decoder read before it has written anything?"""
    shifted = labels.roll(1, dims=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


def shifted_by(labels, start, pad=None):
    shifted = torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], dim=1)
    return shifted if pad is None else shifted.masked_fill(shifted == -100, pad)


@replaces("shift_right")
def minus_100_left(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """There is a -100 in what the decoder reads, and the embedding has no row -100. Which token belongs there?"""
    return shifted_by(labels, decoder_start_token_id)


@replaces("shift_right")
def pad_first(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """Your rows begin with the padding token. For T5 it happens to be the start token as well: which argument names the
    start token?"""
    return shifted_by(labels, pad_token_id, pad_token_id)


@replaces("shift_right", start=[0, 1, 2])
def fixed_start(labels: Tensor, decoder_start_token_id: int, pad_token_id: int, *, start: int) -> Tensor:
    """Your rows begin with token {start}, whatever the model. Which argument names the start token?"""
    return shifted_by(labels, start, pad_token_id)


@replaces("shift_right", pad=[0, 1])
def fixed_pad(labels: Tensor, decoder_start_token_id: int, pad_token_id: int, *, pad: int) -> Tensor:
    """You replaced -100 by token {pad}, whatever the model. Which argument names the padding token?"""
    return shifted_by(labels, decoder_start_token_id, pad)


@replaces("shift_right")
def start_for_padding(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You replaced -100 by the start token. Which of the two token ids is meant for padding?"""
    return shifted_by(labels, decoder_start_token_id, decoder_start_token_id)


@replaces("shift_right")
def one_longer(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """Your rows are one longer than those of the labels. Which label is predicted, but never read?"""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([start, labels], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


@replaces("shift_right")
def rows_shifted(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You moved whole rows down. Along which axis of (B, T) do the tokens of one text follow one another?"""
    return shifted_by(labels.T, decoder_start_token_id, pad_token_id).T


@replaces("shift_right")
def padded_before_shift(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You looked for -100 in the labels and put the padding token at the same places of the shifted rows, so that a
    real token is lost. Where is each -100 after the shift?"""
    return shifted_by(labels, decoder_start_token_id).masked_fill(labels == -100, pad_token_id)


@replaces("shift_right")
def labels_overwritten(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You put the padding token into the labels themselves. The loss still reads them: how does it know which places do
    not count?"""
    labels[labels == -100] = pad_token_id
    return shifted_by(labels, decoder_start_token_id)


@replaces("shift_right")
def clamped_to_pad(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You raise everything below pad_token_id to it. What happens to a real token with a smaller number than the
    padding token?"""
    return shifted_by(labels.clamp(min=pad_token_id), decoder_start_token_id)


def split(block, x):
    return x.view(*x.shape[:2], block.num_heads, -1).transpose(1, 2)


def attention(q, k, v, keep=None, scale=None):
    """softmax(QKᵀ/√K) V, heads joined; keep broadcasts to (B, H, T, S)."""
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    keep = torch.ones(k.shape[2], dtype=torch.bool) if keep is None else keep
    some = keep.any(dim=-1, keepdim=True)
    weights = scores.masked_fill(~keep & some, float("-inf")).softmax(-1) * some
    return (weights @ v).transpose(1, 2).flatten(2)


def causal(x, target_mask):
    keep = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    return keep if target_mask is None else keep & target_mask.bool()[:, None, None, :]


def as_keys(mask):
    return None if mask is None else mask.bool()[:, None, None, :]


def as_queries(mask):
    return mask.bool()[:, None, :, None]


class Parts(Seq2SeqDecoderBlock):
    """The layer in parts, for the mistakes to replace."""

    def name(self, name):  # of the projection that is used instead of this one
        return name

    def project(self, name, x):
        return split(self, getattr(self, self.name(f"{name}_proj"))(x))

    def attend(self, q, k, v, keep, part):
        return attention(q, k, v, keep)

    def activation(self, x):
        return F.gelu(x)

    def masks(self, x, memory_k, memory_mask, target_mask):
        """What the self-attention and the cross-attention keep."""
        return causal(x, target_mask), as_keys(memory_mask)

    def self_attention(self, x, keep):
        q, k, v = (self.project(f"self_{name}", x) for name in "qkv")
        return getattr(self, self.name("self_out_proj"))(self.attend(q, k, v, keep, "self"))

    def cross_attention(self, x, k, v, keep):
        attended = self.attend(self.project("cross_q", x), k, v, keep, "cross")
        return getattr(self, self.name("cross_out_proj"))(attended)

    def ffn(self, x):
        return self.fc2(self.activation(self.fc1(x)))

    def sub_layer(self, norm, branch, x, part):
        return norm(x + branch(x))

    def memory_kv(self, memory):
        return self.project("cross_k", memory), self.project("cross_v", memory)

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keep, memory_keep = self.masks(x, memory_k, memory_mask, target_mask)
        x = self.sub_layer(self.self_norm, lambda x: self.self_attention(x, keep), x, "self-attention")
        x = self.sub_layer(
            self.cross_norm, lambda x: self.cross_attention(x, memory_k, memory_v, memory_keep), x, "cross-attention"
        )
        return self.sub_layer(self.ffn_norm, self.ffn, x, "MLP")


@replaces("Seq2SeqDecoderBlock")
class TargetMaskNotCausal(Parts):
    """When target_mask is given, your self-attention sees later targets. Which two conditions does a key have to
    fulfil?"""

    def masks(self, x, memory_k, memory_mask, target_mask):
        return causal(x, None) if target_mask is None else as_keys(target_mask), as_keys(memory_mask)


@replaces("Seq2SeqDecoderBlock")
class SelfNotCausal(Parts):
    """Your self-attention sees the whole target, including the tokens that are still to be predicted. The decoder
    writes from left to right: which keys may query t see?"""

    def masks(self, x, memory_k, memory_mask, target_mask):
        return as_keys(target_mask), as_keys(memory_mask)


@replaces("Seq2SeqDecoderBlock", diagonal=[-1, 1])
class OtherDiagonal(Parts):
    """Query t of your self-attention sees one target too few or one too many. Position t holds an earlier token
    already, since the input is shifted: does t see itself, and t + 1?"""

    diagonal: int

    def masks(self, x, memory_k, memory_mask, target_mask):
        keep = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril(self.diagonal)
        return keep if target_mask is None else keep & as_keys(target_mask), as_keys(memory_mask)


@replaces("Seq2SeqDecoderBlock")
class LooksAhead(Parts):
    """In your self-attention position t sees t and everything after it. Which half of the matrix of scores holds
    earlier keys?"""

    def masks(self, x, memory_k, memory_mask, target_mask):
        keep = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu()
        return keep if target_mask is None else keep & as_keys(target_mask), as_keys(memory_mask)


@replaces("Seq2SeqDecoderBlock")
class CrossCausal(Parts):
    """Your cross-attention is causal: the first word of the target sees only the first word of the source. How much of
    the source is known before decoding starts?"""

    def masks(self, x, memory_k, memory_mask, target_mask):
        keep = torch.ones(x.shape[1], memory_k.shape[2], dtype=torch.bool).tril()
        return causal(x, target_mask), keep if memory_mask is None else keep & as_keys(memory_mask)


@replaces("Seq2SeqDecoderBlock", lost=["memory_mask", "target_mask", "memory_mask and target_mask"])
class MaskIgnored(Parts):
    """Your decode gives the same result with and without {lost}: padding is read like any word. Which scores does each
    mask have to hide?"""

    lost: str

    def masks(self, x, memory_k, memory_mask, target_mask):
        memory_mask = None if "memory_mask" in self.lost else memory_mask
        return causal(x, None if "target_mask" in self.lost else target_mask), as_keys(memory_mask)


@replaces("Seq2SeqDecoderBlock", inverted=["memory_mask", "target_mask", "memory_mask and target_mask"])
class InvertedMasks(Parts):
    """With {inverted} you read the padding and hide the words. What does 1 mean in these masks, and what does True mean
    where you use them?"""

    inverted: str

    def masks(self, x, memory_k, memory_mask, target_mask):
        def turned(name, mask):
            return mask if mask is None or name not in self.inverted else ~mask.bool()

        return causal(x, turned("target_mask", target_mask)), as_keys(turned("memory_mask", memory_mask))


@replaces("Seq2SeqDecoderBlock", lost=["memory_mask", "target_mask", "memory_mask and target_mask"])
class MasksLostInForward(Parts):
    """Your decode uses the masks, but forward gives the same result with and without {lost}. What does forward hand
    on?"""

    lost: str

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        memory_mask = None if "memory_mask" in self.lost else memory_mask
        target_mask = None if "target_mask" in self.lost else target_mask
        return self.decode(x, *self.memory_kv(memory), memory_mask, target_mask)


@replaces("Seq2SeqDecoderBlock")
class MasksExchangedInForward(Parts):
    """A mask of your forward has a size that does not fit the keys. Which of the two masks is (B, S), and in which
    order does decode take them?"""

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        return self.decode(x, *self.memory_kv(memory), target_mask, memory_mask)


@replaces("Seq2SeqDecoderBlock", axes=["queries", "queries and keys"])
class TargetMaskOnQueries(Parts):
    """Your target_mask hides the {axes} of padding in the self-attention. What may the query of a padded target read,
    and which axis of (B, H, T, S) holds the keys?"""

    axes: str

    def masks(self, x, memory_k, memory_mask, target_mask):
        keep = causal(x, target_mask if "keys" in self.axes else None)
        return keep if target_mask is None else keep & as_queries(target_mask), as_keys(memory_mask)


@replaces("Seq2SeqDecoderBlock", alone=[True, False])
class PaddedTargetsReadNoMemory(Parts):
    """In your layer a padded target does not read the memory. The docstring hides padding as a key: what may the query
    of a padded target read?"""

    alone: bool

    def masks(self, x, memory_k, memory_mask, target_mask):
        keep, memory_keep = causal(x, target_mask), as_keys(memory_mask)
        if target_mask is not None:
            every = torch.ones(memory_k.shape[2], dtype=torch.bool) if memory_keep is None else memory_keep
            memory_keep = as_queries(target_mask) & every
            keep = keep if self.alone else keep & as_queries(target_mask)
        return keep, memory_keep


@replaces("Seq2SeqDecoderBlock", form=["~mask", "1 - mask", "mask"])
class MaskOfOneDtype(Parts):
    """Does your code work for masks of bool and for masks of integers? ~1 is -2, nothing can be subtracted from a bool
    tensor, and masked_fill wants bool: which question about each number has the answer True or False?"""

    form: str

    def masks(self, x, memory_k, memory_mask, target_mask):
        return (causal(x, None), target_mask), (None, memory_mask)

    def attend(self, q, k, v, keep, part):
        keep, mask = keep
        if mask is None:
            return attention(q, k, v, keep)
        mask = mask[:, None, None, :]
        scores = torch.zeros(mask.shape)
        if self.form == "1 - mask":
            hidden = (scores - 1e30 * (1 - mask)) < 0
        else:
            hidden = scores.masked_fill(~mask if self.form == "~mask" else mask, 1.0) == (self.form == "~mask")
        return attention(q, k, v, ~hidden if keep is None else keep & ~hidden)


@replaces("Seq2SeqDecoderBlock")
class MaskWithoutAxes(Parts):
    """Your mask has the shape (B, S) or (B, T), and the scores have the shape (B, H, T, S). Shapes are lined up from
    the right: which axes are missing, and where?"""

    def masks(self, x, memory_k, memory_mask, target_mask):
        keep = causal(x, None)
        return (
            keep if target_mask is None else keep & target_mask.bool(),
            None if memory_mask is None else memory_mask.bool(),
        )


@replaces("Seq2SeqDecoderBlock", zeroed=["keys and values", "values", "scores"])
class PaddingZeroed(Parts):
    """You set numbers of padding to 0, but padding still takes part in the softmax: even a score of 0 counts as e⁰ = 1.
    Which score gives a key no weight at all?"""

    zeroed: str

    def masks(self, x, memory_k, memory_mask, target_mask):
        return (causal(x, None), target_mask), (None, memory_mask)

    def attend(self, q, k, v, keep, part):
        keep, mask = keep
        if mask is not None:
            real = mask.to(q.dtype)[:, None, :, None]
            k = k if self.zeroed == "values" else k * real
            v = v if self.zeroed == "scores" else v * real
        return attention(q, k, v, keep)


@replaces("Seq2SeqDecoderBlock", exchanged=["decode", "memory_kv", "memory_kv and decode"])
class KeysAndValuesExchanged(Parts):
    """In your {exchanged} the keys and values of the memory are exchanged. Which of them are compared with queries, and
    which are averaged?"""

    exchanged: str

    def memory_kv(self, memory):
        k, v = super().memory_kv(memory)
        return (v, k) if "memory_kv" in self.exchanged else (k, v)

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        if "decode" in self.exchanged:
            memory_k, memory_v = memory_v, memory_k
        return super().decode(x, memory_k, memory_v, memory_mask, target_mask)


@replaces(
    "Seq2SeqDecoderBlock",
    pairs=[
        "self_k for cross_k, self_v for cross_v",
        "self_k for cross_k",
        "self_v for cross_v",
        "self_q for cross_q",
        "cross_q for self_q, cross_k for self_k, cross_v for self_v",
        "self_out for cross_out, cross_out for self_out",
        "self_out for cross_out",
        "cross_k for cross_v",
        "cross_v for cross_k",
        "self_k for self_q, self_q for self_k",
        "self_v for self_k, self_k for self_v",
        "self_k for self_v",
        "self_q for self_k",
    ],
)
class OtherProjections(Parts):
    """Your layer uses {pairs}. Which projection makes what of which tensor?"""

    pairs: str

    def name(self, name):
        for pair in self.pairs.split(", "):
            used, _, wanted = pair.partition(" for ")
            if name == f"{wanted}_proj":
                return f"{used}_proj"
        return name


@replaces("Seq2SeqDecoderBlock")
class MemoryNotSplit(Parts):
    """Your memory_kv returns keys and values of the shape (B, S, D). Which shape does its docstring promise, and what
    does decode get then?"""

    def memory_kv(self, memory):
        return self.cross_k_proj(memory), self.cross_v_proj(memory)

    def cross_attention(self, x, k, v, keep):
        k, v = (split(self, each) if each.dim() == 3 else each for each in (k, v))
        return super().cross_attention(x, k, v, keep)


def steps(block, x, memory_k, memory_v, memory_mask, target_mask, reads, adds):
    """The layer in which sub-layer i reads vector reads[i] and adds vector adds[i]: 0 is x, 1 and 2 follow a norm."""
    keep, memory_keep = block.masks(x, memory_k, memory_mask, target_mask)
    vectors = [x]
    branches = (
        (block.self_norm, lambda x: block.self_attention(x, keep)),
        (block.cross_norm, lambda x: block.cross_attention(x, memory_k, memory_v, memory_keep)),
        (block.ffn_norm, block.ffn),
    )
    for (norm, branch), read, add in zip(branches, reads, adds, strict=True):
        vectors.append(norm(vectors[add] + branch(vectors[read])))
    return vectors[-1]


@replaces(
    "Seq2SeqDecoderBlock",
    reads=[
        "cross-attention takes its queries from x, the input of the layer",
        "MLP reads x, the input of the layer",
        "MLP reads what the first norm returned",
    ],
)
class ReadsAnother(Parts):
    """Your {reads}. The sub-layers follow one another: what does each of them get from the one before?"""

    reads: str

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        reads = (0, 0, 2) if "queries" in self.reads else (0, 1, 0 if "x" in self.reads else 1)
        return steps(self, x, memory_k, memory_v, memory_mask, target_mask, reads, (0, 1, 2))


@replaces(
    "Seq2SeqDecoderBlock",
    adds=[
        "cross-attention is added to x, the input of the layer",
        "MLP is added to x, the input of the layer",
        "MLP is added to what the first norm returned",
    ],
)
class AddsAnother(Parts):
    """Your {adds}. Each sub-layer is added to what it was given: what was that?"""

    adds: str

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        adds = (0, 0, 2) if "cross" in self.adds else (0, 1, 0 if "x" in self.adds else 1)
        return steps(self, x, memory_k, memory_v, memory_mask, target_mask, (0, 1, 2), adds)


class OtherSubLayer(Parts):
    """One sub-layer, or all of them, with another order of sum and norm."""

    where = "every sub-layer"

    def other(self, norm, branch, x):
        raise NotImplementedError

    def sub_layer(self, norm, branch, x, part):
        other = self.where in ("every sub-layer", part)
        return self.other(norm, branch, x) if other else super().sub_layer(norm, branch, x, part)


@replaces("Seq2SeqDecoderBlock", where=["every sub-layer", "self-attention", "cross-attention", "MLP"])
class PreNorm(OtherSubLayer):
    """In your layer the norm comes before the branch ({where}), as in T5 and GPT-2. What is normalised in LN(x +
    ...)?"""

    where: str

    def other(self, norm, branch, x):
        return x + branch(norm(x))


@replaces("Seq2SeqDecoderBlock", where=["every sub-layer", "self-attention", "cross-attention", "MLP"])
class NormInsideSum(OtherSubLayer):
    """In your layer only the branch is normalised, and then added ({where}). What do the brackets of LN(x + ...)
    enclose?"""

    where: str

    def other(self, norm, branch, x):
        return x + norm(branch(x))


@replaces("Seq2SeqDecoderBlock", where=["every sub-layer", "self-attention", "cross-attention", "MLP"])
class NoResidual(OtherSubLayer):
    """In your layer the result of a branch replaces its input ({where}). What do the brackets of LN(x + ...)
    enclose?"""

    where: str

    def other(self, norm, branch, x):
        return norm(branch(x))


@replaces("Seq2SeqDecoderBlock", where=["every sub-layer", "self-attention", "cross-attention", "MLP"])
class NormMissing(OtherSubLayer):
    """In your layer a sum is not normalised ({where}). How many norms does the layer have, and what follows each
    sum?"""

    where: str

    def other(self, norm, branch, x):
        return x + branch(x)


@replaces("Seq2SeqDecoderBlock")
class CrossFirst(Parts):
    """You look at the source first, and at the target afterwards. In which order do the two attentions follow one
    another?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keep, memory_keep = self.masks(x, memory_k, memory_mask, target_mask)
        x = self.cross_norm(x + self.cross_attention(x, memory_k, memory_v, memory_keep))
        x = self.self_norm(x + self.self_attention(x, keep))
        return self.ffn_norm(x + self.ffn(x))


@replaces(
    "Seq2SeqDecoderBlock",
    norms=["cross, self, ffn", "self, ffn, cross", "ffn, cross, self", "self, self, ffn", "self, self, self"],
)
class OtherNorms(Parts):
    """The norms of your three sums are, in this order: {norms}. New norms are all alike, trained ones are not: which
    norm belongs to which sum?"""

    norms: str

    def sub_layer(self, norm, branch, x, part):
        index = ["self-attention", "cross-attention", "MLP"].index(part)
        return getattr(self, f"{self.norms.split(', ')[index]}_norm")(x + branch(x))


@replaces("Seq2SeqDecoderBlock", name_of=["a ReLU", "the tanh approximation of GELU", "a SiLU", "nothing"])
class OtherActivation(Parts):
    """Between fc1 and fc2 your layer has {name_of}. What does the formula have there?"""

    name_of: str

    def activation(self, x):
        if self.name_of == "nothing":
            return x
        return {"a ReLU": F.relu, "a SiLU": F.silu}.get(self.name_of, lambda x: F.gelu(x, approximate="tanh"))(x)


@replaces("Seq2SeqDecoderBlock", where=["both", "self", "cross"], scale=["1/√D", "1", "1/K", "√K"])
class OtherScale(Parts):
    """You multiplied the scores by {scale}: in the attention to the target, to the source, or in both. How many terms
    does the dot product of one head have?"""

    where: str
    scale: str

    def attend(self, q, k, v, keep, part):
        K = q.shape[-1]
        scales = {"1/√D": (K * self.num_heads) ** -0.5, "1": 1.0, "1/K": 1 / K, "√K": K**0.5}
        return attention(q, k, v, keep, scales[self.scale] if self.where in ("both", part) else None)


@replaces("Seq2SeqDecoderBlock")
class NanOnEmpty(Parts):
    """Every key of some query is hidden: its largest score is -∞. What does your softmax subtract from the scores, and
    by what does it divide? What should such a query get?"""

    def attend(self, q, k, v, keep, part):
        scores = q @ k.mT * q.shape[-1] ** -0.5
        scores = scores if keep is None else scores.masked_fill(~keep, float("-inf"))
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


@replaces("Seq2SeqDecoderBlock")
class NanCoveredUp(Parts):
    """Your result is right, but a query without keys makes gradients NaN. The way back leads through everything that
    was computed, also what was replaced afterwards: what does your softmax get for such a query?"""

    def attend(self, q, k, v, keep, part):
        scores = q @ k.mT * q.shape[-1] ** -0.5
        if keep is not None:
            scores = scores + torch.zeros(keep.shape, dtype=q.dtype).masked_fill(~keep, float("-inf"))
        return (scores.softmax(-1).nan_to_num(0.0) @ v).transpose(1, 2).flatten(2)


@replaces("Seq2SeqDecoderBlock", hidden=["filled", "lowered by 1e9", "lowered by 1e30"])
class AverageOnEmpty(Parts):
    """A query without any key averages keys that it must not see: all its scores are equally low, or lowered by the
    same number. What does a softmax make of such scores, and what should this query get?"""

    hidden: str

    def attend(self, q, k, v, keep, part):
        scores = q @ k.mT * q.shape[-1] ** -0.5
        if keep is not None and self.hidden == "filled":
            scores = scores.masked_fill(~keep, -1e30)
        elif keep is not None:
            scores = scores - float(self.hidden.rpartition(" ")[2]) * (~keep).to(q.dtype)
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


@replaces("Seq2SeqDecoderBlock", where=["both", "self", "cross"])
class NothingAddedOnEmpty(Parts):
    """A query without any key adds nothing at all in your layer. Its attention is the zero vector, which goes through
    the output projection like every other: what does that make of zeros?"""

    where: str

    def some(self, x, keep):
        return 1 if keep is None else keep.any(-1).expand(len(x), 1, x.shape[1])[:, 0, :, None]

    def self_attention(self, x, keep):
        return super().self_attention(x, keep) * (1 if self.where == "cross" else self.some(x, keep))

    def cross_attention(self, x, k, v, keep):
        return super().cross_attention(x, k, v, keep) * (1 if self.where == "self" else self.some(x, keep))


@replaces("Seq2SeqDecoderBlock", cut=["memory", "queries and keys", "x"])
class Detached(Parts):
    """Your values are right, but a gradient is missing or incomplete. Which line of yours cuts the way back to the
    memory, to x or to a projection?"""

    cut: str

    def memory_kv(self, memory):
        return super().memory_kv(memory.detach() if self.cut == "memory" else memory)

    def attend(self, q, k, v, keep, part):
        q, k = (q.detach(), k.detach()) if self.cut == "queries and keys" else (q, k)
        return attention(q, k, v, keep)

    def self_attention(self, x, keep):
        return super().self_attention(x.detach() if self.cut == "x" else x, keep)


@replaces("Seq2SeqDecoderBlock", where=["everywhere", "memory_kv"])
class InterleavedHeads(Parts):
    """Your head h owns the numbers h, h + H, h + 2H and so on. In the statement it owns K neighbouring ones: how is a
    row of D numbers cut into heads?"""

    where: str

    def project(self, name, x):
        if self.where == "memory_kv" and name not in ("cross_k", "cross_v"):
            return super().project(name, x)
        projected = getattr(self, f"{name}_proj")(x)
        return projected.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)


@replaces("Seq2SeqDecoderBlock", where=["everywhere", "memory_kv", "the end"])
class HeadsByView(Parts):
    """Your heads hold numbers of several tokens, or are joined so that one row holds several tokens. view and reshape
    move nothing: which two axes have to change places?"""

    where: str

    def project(self, name, x):
        heads = super().project(name, x)
        mixed = self.where == "everywhere" or (self.where == "memory_kv" and name in ("cross_k", "cross_v"))
        return getattr(self, f"{name}_proj")(x).reshape(heads.shape) if mixed else heads

    def attend(self, q, k, v, keep, part):
        attended = attention(q, k, v, keep)
        if self.where != "the end":
            return attended
        return split(self, attended).reshape(attended.shape)


@replaces("Seq2SeqDecoderBlock", place=["self_norm", "cross_norm", "ffn_norm", "all norms"], eps=[1e-5, 1e-6, 1e-12])
class EpsForgotten(Parts):
    """eps does not reach {place}: it is always {eps} there. Where do your three norms get it from?"""

    place: str
    eps: float

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__(d_model, num_heads, ffn_dim, eps)
        for name in ("self_norm", "cross_norm", "ffn_norm"):
            if self.place in (name, "all norms"):
                setattr(self, name, nn.LayerNorm(d_model, eps=self.eps))


@replaces("Seq2SeqDecoderBlock", default=[1e-6, 1e-12])
class OtherDefaultEps(Parts):
    """Where no eps is given, your norms have {default}. Which one does the signature of the stub have?"""

    default: float

    def __init__(self, d_model, num_heads, ffn_dim, eps=None):
        super().__init__(d_model, num_heads, ffn_dim, self.default if eps is None else eps)
