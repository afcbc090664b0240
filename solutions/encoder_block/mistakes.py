"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from encoder_block import EncoderBlock, gelu
from torch import Tensor, nn

from grader.testing import replaces

INF = float("inf")


@replaces("gelu")
def gelu_tanh(x: Tensor) -> Tensor:
    """Your gelu(1) is 0.8412 and not 0.8413: this is the tanh approximation, with which GPT-2 was trained («gelu_new»).
    Which function gives Φ exactly?"""
    return F.gelu(x, approximate="tanh")


@replaces("gelu", factor=[1.702, 1.0])
def gelu_sigmoid(x: Tensor, *, factor: float) -> Tensor:
    """Your gelu is x times the sigmoid of {factor} · x, which is near Φ but not Φ. Which function gives Φ exactly?"""
    return x * torch.sigmoid(factor * x)


@replaces("gelu", divisor=[1.0, 2.0, math.sqrt(0.5)])
def gelu_of_other_variance(x: Tensor, *, divisor: float) -> Tensor:
    """Your Φ belongs to a normal distribution of another variance. That of erf(x) is 1/2: what must its argument be
    divided by for variance 1?"""
    return x * 0.5 * (1 + torch.erf(x / divisor))


@replaces("gelu")
def gelu_odd(x: Tensor) -> Tensor:
    """Your Φ runs from -1/2 to 1/2, so that negative inputs come out positive. From where to where does a distribution
    function run?"""
    return x * 0.5 * torch.erf(x / math.sqrt(2))


@replaces("gelu")
def gelu_doubled(x: Tensor) -> Tensor:
    """Your result is twice what it should be. What is Φ of a very large number, and what is 1 + erf of it?"""
    return 2 * F.gelu(x)


@replaces("gelu")
def gelu_is_phi(x: Tensor) -> Tensor:
    """You returned Φ(x). What does GELU do with its input besides?"""
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


@replaces("gelu")
def relu(x: Tensor) -> Tensor:
    """Your function is ReLU, which sets every negative number to 0. What is x Φ(x) at -1?"""
    return torch.relu(x)


def standardise(x: Tensor, eps: float, dim: int | tuple[int, ...] = -1) -> Tensor:
    mu, var = x.mean(dim, keepdim=True), x.var(dim, unbiased=False, keepdim=True)
    return (x - mu) / torch.sqrt(var + eps)


@replaces("layer_norm")
def unbiased_var(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """Your variance divides by D - 1, as torch.var and torch.std do unless told otherwise. By what does σ² divide
    here?"""
    return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + eps) * weight + bias


@replaces("layer_norm")
def eps_outside(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You added eps to the standard deviation. Where is it in the formula, outside the root or under it?"""
    std = x.var(-1, unbiased=False, keepdim=True).sqrt()
    return (x - x.mean(-1, keepdim=True)) / (std + eps) * weight + bias


@replaces("layer_norm", value=[1e-12, 1e-8, 1e-6, 1e-5, 0.0])
def eps_fixed(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12, *, value: float) -> Tensor:
    """The eps under your root is {value}, whatever the argument eps is. Where does the argument get lost?"""
    return standardise(x, value) * weight + bias


@replaces("layer_norm", value=[1e-8, 1e-6, 1e-5])
def other_default_eps(x: Tensor, weight: Tensor, bias: Tensor, eps: float | None = None, *, value: float) -> Tensor:
    """Where no eps is given, yours is {value}. Which one does the signature of the stub have?"""
    return standardise(x, value if eps is None else eps) * weight + bias


@replaces("layer_norm")
def no_root(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You divided by the variance. In which unit is a variance, if x is in metres?"""
    var = x.var(-1, unbiased=False, keepdim=True)
    return (x - x.mean(-1, keepdim=True)) / (var + eps) * weight + bias


@replaces("layer_norm", divisor=["root mean square", "standard deviation"])
def not_centred(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12, *, divisor: str) -> Tensor:
    """Your numbers are divided by their {divisor}, but their mean was not subtracted. What is the mean of a token after
    LayerNorm?"""
    square = x.pow(2).mean(-1, keepdim=True) if divisor == "root mean square" else x.var(-1, False, keepdim=True)
    return x / torch.sqrt(square + eps) * weight + bias


@replaces("layer_norm")
def deviations_from_zero(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You subtracted the mean, and divided by the root mean square of the numbers as they were before. From what does
    σ² measure deviations?"""
    square = x.pow(2).mean(-1, keepdim=True)
    return (x - x.mean(-1, keepdim=True)) / torch.sqrt(square + eps) * weight + bias


@replaces("layer_norm", over=["the whole tensor", "the first axis", "the axis of the tokens", "all axes but the first"])
def other_axes(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12, *, over: str) -> Tensor:
    """Your mean and variance run over {over}, so that a token's result depends on other tokens. Along which axis are
    the D columns of one token?"""
    axes = {
        "the whole tensor": tuple(range(x.dim())),
        "the first axis": 0,
        "the axis of the tokens": -2 if x.dim() > 1 else -1,
        "all axes but the first": tuple(range(1, x.dim())) or -1,
    }
    return standardise(x, eps, axes[over]) * weight + bias


@replaces("layer_norm", lost=["weight", "bias", "weight and bias"])
def no_affine(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12, *, lost: str) -> Tensor:
    """Your result does not depend on {lost}. What does the formula do with each column after the division?"""
    weight, bias = 1 if "weight" in lost else weight, 0 if "bias" in lost else bias
    return standardise(x, eps) * weight + bias


@replaces("layer_norm")
def affine_first(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You multiplied by weight and added bias before normalising. When does the formula do it, and what does the
    normalisation do to a shift that was added before?"""
    return standardise(x * weight + bias, eps)


@replaces("layer_norm")
def one_plus_weight(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You multiplied by 1 + weight. A new norm holds ones in its weight: what does your layer do with those?"""
    return standardise(x, eps) * (1 + weight) + bias


@replaces("layer_norm")
def axis_not_kept(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """The mean over the last axis has one axis fewer than x. How are (B, T, D) and (B, T) lined up, from the left or
    from the right?"""
    return (x - x.mean(-1)) / torch.sqrt(x.var(-1, unbiased=False) + eps) * weight + bias


def heads(block: EncoderBlock, x: Tensor, names: str = "qkv") -> list[Tensor]:
    """q, k and v, each (B, H, T, K)."""
    B, T, _ = x.shape
    projections = [getattr(block, f"{name}_proj") for name in names]
    return [p(x).reshape(B, T, block.num_heads, -1).transpose(1, 2) for p in projections]


def keys_only(x: Tensor, tokens: Tensor | None) -> Tensor | None:
    """The padding as numbers to add, (B, 1, 1, T)."""
    if tokens is None:
        return None
    padding = tokens[:, None, None, :] == 0
    return torch.zeros(padding.shape, dtype=x.dtype).masked_fill(padding, torch.finfo(x.dtype).min)


def joined(block: EncoderBlock, attended: Tensor) -> Tensor:
    return block.out_proj(attended.transpose(1, 2).flatten(2))


def attend(block: EncoderBlock, x: Tensor, mask: Tensor | None, scale: float | None = None) -> Tensor:
    """Self-attention with a mask that is ready for F.scaled_dot_product_attention."""
    return joined(block, F.scaled_dot_product_attention(*heads(block, x), attn_mask=mask, scale=scale))


def ffn(block: EncoderBlock, h: Tensor) -> Tensor:
    return block.fc2(gelu(block.fc1(h)))


def finish(block: EncoderBlock, x: Tensor, attended: Tensor) -> Tensor:
    """What follows the attention, right."""
    h = block.attn_norm(x + attended)
    return block.ffn_norm(h + ffn(block, h))


def both_halves(block, x, attention_mask, wrong, halves):
    """Half after half: those named in `halves` by wrong(norm, branch, x), the others as they should be."""

    def right(norm, branch, x):
        return norm(x + branch(x))

    mask = keys_only(x, attention_mask)
    first, second = (
        wrong if halves in ("both halves", half) else right for half in ("the first half", "the second half")
    )
    h = first(block.attn_norm, lambda x: attend(block, x, mask), x)
    return second(block.ffn_norm, lambda h: ffn(block, h), h)


@replaces("EncoderBlock", halves=["both halves", "the first half", "the second half"])
class PreNorm(EncoderBlock):
    """In {halves} of your layer the norm comes before the branch, and the sum stays as it is. GPT-2 and Llama do so:
    what does BERT normalise?"""

    halves: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return both_halves(self, x, attention_mask, lambda norm, branch, x: x + branch(norm(x)), self.halves)


@replaces("EncoderBlock", halves=["both halves", "the first half", "the second half"])
class NoResidual(EncoderBlock):
    """In {halves} of your layer the result of the branch replaces its input. What is it added to in the formula?"""

    halves: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return both_halves(self, x, attention_mask, lambda norm, branch, x: norm(branch(x)), self.halves)


@replaces("EncoderBlock", halves=["both halves", "the first half", "the second half"])
class NormInsideSum(EncoderBlock):
    """In {halves} of your layer only the branch is normalised, and its input is added afterwards. What do the brackets
    of LN(x + Attn(x)) enclose?"""

    halves: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return both_halves(self, x, attention_mask, lambda norm, branch, x: x + norm(branch(x)), self.halves)


@replaces("EncoderBlock", halves=["both halves", "the first half", "the second half"])
class NormMissing(EncoderBlock):
    """In {halves} of your layer the sum is not normalised. How many norms does the formula have, and around what?"""

    halves: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return both_halves(self, x, attention_mask, lambda norm, branch, x: x + branch(x), self.halves)


def second_half(block, x, attention_mask, reads, adds):
    attended = attend(block, x, keys_only(x, attention_mask))
    vectors = {"x": x, "Attn(x)": attended, "x + Attn(x)": x + attended, "h": block.attn_norm(x + attended)}
    return block.ffn_norm(vectors[adds] + ffn(block, vectors[reads]))


@replaces("EncoderBlock", vector=["x", "Attn(x)", "x + Attn(x)"])
class SecondSumWithoutH(EncoderBlock):
    """Your second sum adds the result of fc2 to {vector}. Which vector went into the second half?"""

    vector: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return second_half(self, x, attention_mask, "h", self.vector)


@replaces("EncoderBlock", vector=["x", "Attn(x)", "x + Attn(x)"])
class FfnWithoutH(EncoderBlock):
    """Your small network reads {vector}. What does it read in the formula?"""

    vector: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return second_half(self, x, attention_mask, self.vector, "h")


@replaces("EncoderBlock", norms=["ffn_norm, attn_norm", "attn_norm, attn_norm", "ffn_norm, ffn_norm"])
class OtherNorms(EncoderBlock):
    """The norms of your two sums are, in this order: {norms}. New norms are all alike, trained ones are not: which norm
    belongs to which sum?"""

    norms: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        first, second = (getattr(self, name) for name in self.norms.split(", "))
        h = first(x + attend(self, x, keys_only(x, attention_mask)))
        return second(h + ffn(self, h))


ACTIVATIONS = {
    "nothing": lambda x: x,
    "the tanh approximation": lambda x: F.gelu(x, approximate="tanh"),
    "x times the sigmoid of 1.702 x": lambda x: x * torch.sigmoid(1.702 * x),
    "a ReLU": torch.relu,
    "a SiLU": F.silu,
    "a tanh": torch.tanh,
}


@replaces(
    "EncoderBlock",
    activation=["nothing", "the tanh approximation", "x times the sigmoid of 1.702 x", "a ReLU", "a SiLU", "a tanh"],
)
class OtherActivation(EncoderBlock):
    """Between fc1 and fc2 your block has {activation}. What does the formula have there?"""

    activation: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + attend(self, x, keys_only(x, attention_mask)))
        return self.ffn_norm(h + self.fc2(ACTIVATIONS[self.activation](self.fc1(h))))


@replaces("EncoderBlock", where=["after fc2", "before fc1", "after fc1 and after fc2"])
class GeluElsewhere(EncoderBlock):
    """Your block applies gelu {where}. Where does the formula apply it, and how often?"""

    where: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + attend(self, x, keys_only(x, attention_mask)))
        wide = self.fc1(gelu(h) if "before" in self.where else h)
        narrow = self.fc2(gelu(wide) if "after fc1" in self.where else wide)
        return self.ffn_norm(h + (gelu(narrow) if "after fc2" in self.where else narrow))


@replaces("EncoderBlock")
class NoOutProj(EncoderBlock):
    """The heads' outputs are added to x as they are. Which matrix lets the heads mix?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = keys_only(x, attention_mask)
        attended = F.scaled_dot_product_attention(*heads(self, x), attn_mask=mask)
        return finish(self, x, attended.transpose(1, 2).flatten(2))


@replaces(
    "EncoderBlock", names=["k, q, v", "q, v, k", "v, k, q", "k, v, q", "v, q, k", "q, q, v", "q, k, k", "q, q, q"]
)
class OtherProjections(EncoderBlock):
    """Your queries, keys and values come from these projections, in this order: {names}. Which projection makes
    which?"""

    names: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = keys_only(x, attention_mask)
        attended = F.scaled_dot_product_attention(*heads(self, x, self.names.replace(", ", "")), attn_mask=mask)
        return finish(self, x, joined(self, attended))


@replaces("EncoderBlock", scale=["1/√D", "1/√K"])
class OneHead(EncoderBlock):
    """Your attention has one head of width D, whatever num_heads says. How many softmaxes does each query have?"""

    scale: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = (p(x)[:, None] for p in (self.q_proj, self.k_proj, self.v_proj))
        width = x.shape[-1] if self.scale == "1/√D" else x.shape[-1] // self.num_heads
        mask = keys_only(x, attention_mask)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=width**-0.5)
        return finish(self, x, joined(self, attended))


@replaces("EncoderBlock", views=["both", "split", "merged"])
class HeadsByView(EncoderBlock):
    """Your heads hold pieces of several tokens, or several tokens end in one row of the result. view and reshape move
    nothing: between which two shapes do axes have to change places?"""

    views: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        B, T, D = x.shape
        q, k, v = heads(self, x)
        if self.views != "merged":
            q, k, v = (p(x).reshape(q.shape) for p in (self.q_proj, self.k_proj, self.v_proj))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=keys_only(x, attention_mask))
        return finish(
            self, x, joined(self, attended) if self.views == "split" else self.out_proj(attended.reshape(B, T, D))
        )


@replaces("EncoderBlock", merged=["interleaved", "side by side"])
class InterleavedHeads(EncoderBlock):
    """Your head h owns the columns h, h + H, h + 2H and so on. The statement gives each head K neighbouring columns:
    how is a row of D numbers cut into heads?"""

    merged: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        B, T, _ = x.shape
        q, k, v = (
            p(x).reshape(B, T, -1, self.num_heads).permute(0, 3, 1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=keys_only(x, attention_mask))
        if self.merged == "interleaved":
            return finish(self, x, self.out_proj(attended.permute(0, 2, 3, 1).flatten(2)))
        return finish(self, x, joined(self, attended))


@replaces("EncoderBlock", scale=["1/√D", "1", "1/K", "√K", "1/√H", "1/√T"])
class OtherScale(EncoderBlock):
    """You multiplied the scores by {scale}. How many terms does the dot product of one head have, and how does its
    standard deviation grow with them?"""

    scale: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        _, T, D = x.shape
        H, K = self.num_heads, D // self.num_heads
        scales = {"1/√D": D**-0.5, "1": 1.0, "1/K": 1 / K, "√K": K**0.5, "1/√H": H**-0.5, "1/√T": T**-0.5}
        return finish(self, x, attend(self, x, keys_only(x, attention_mask), scale=scales[self.scale]))


@replaces("EncoderBlock", over=["queries", "heads"])
class OtherSoftmax(EncoderBlock):
    """Your softmax runs over the {over}. Whose weights have to sum to 1 for each query of each head?"""

    over: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        scores, mask = q @ k.mT / math.sqrt(q.shape[-1]), keys_only(x, attention_mask)
        weights = (scores if mask is None else scores + mask).softmax(-2 if self.over == "queries" else 1)
        return finish(self, x, joined(self, weights @ v))


@replaces("EncoderBlock")
class CausalEncoder(EncoderBlock):
    """Your tokens see only the tokens before them: the mask is causal. In which directions does an encoder read?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        mask = torch.full((T, T), torch.finfo(x.dtype).min, dtype=x.dtype).triu(1)
        padding = keys_only(x, attention_mask)
        mask = mask if padding is None else torch.minimum(mask, padding)
        return finish(self, x, attend(self, x, mask))


@replaces("EncoderBlock")
class MaskIgnored(EncoderBlock):
    """Your result is the same with and without attention_mask: tokens read the padding beside them. What has to happen
    to the scores of padding?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return finish(self, x, attend(self, x, None))


@replaces("EncoderBlock")
class MaskInverted(EncoderBlock):
    """Your tokens read the padding and nothing else. Which number means a token in attention_mask, and what does True
    mean where you use it?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        tokens = None if attention_mask is None else attention_mask == 0
        return finish(self, x, attend(self, x, keys_only(x, tokens)))


@replaces("EncoderBlock")
class MaskAddedAsIs(EncoderBlock):
    """You added the mask of 0 and 1 to the scores, which favours tokens a little. What would have to be added to a
    score so that its weight becomes 0?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = None if attention_mask is None else attention_mask[:, None, None, :].to(x.dtype)
        return finish(self, x, attend(self, x, mask))


@replaces("EncoderBlock")
class PaddingQueries(EncoderBlock):
    """Your mask hides padding as queries: these read nothing, and tokens still read the padding. Which axis of the
    scores are the keys on?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = keys_only(x, attention_mask)
        if mask is not None:
            mask = mask.mT.expand(-1, -1, -1, x.shape[1])
        return finish(self, x, attend(self, x, mask))


@replaces(
    "EncoderBlock",
    what=[
        "x of the block",
        "x of the attention",
        "scores",
        "values",
        "keys and values",
        "x and the result of attention",
    ],
)
class PaddingZeroed(EncoderBlock):
    """You set numbers of padding to 0, but padding still takes part in the softmax of each token: even a score of 0
    counts as e⁰ = 1. Which score leaves no weight at all?"""

    what: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        if attention_mask is None:
            return super().forward(x)
        kept = attention_mask[..., None].to(x.dtype)  # (B, T, 1)
        read = x * kept if "x" in self.what else x
        q, k, v = heads(self, read)
        v = v * kept[:, None] if "values" in self.what else v
        k = k * kept[:, None] if self.what in ("scores", "keys and values") else k
        attended = joined(self, F.scaled_dot_product_attention(q, k, v))
        x = x if self.what == "x of the attention" else read
        return finish(self, x, attended * kept if "result" in self.what else attended)


@replaces("EncoderBlock", by=[100, 10000])
class LoweredByTooLittle(EncoderBlock):
    """You lowered the scores of padding by a fixed number. Padding can hold any numbers, even some that make its score
    larger than that: which number does no score make up for?"""

    by: int

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = None
        if attention_mask is not None:
            mask = -self.by * (1 - attention_mask[:, None, None, :].to(x.dtype))
        return finish(self, x, attend(self, x, mask))


def masked_scores(block, x, hidden, low=-INF):
    q, k, v = heads(block, x)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return (scores if hidden is None else scores.masked_fill(hidden, low)), v


@replaces("EncoderBlock", hidden=["keys", "keys and queries"])
class NanWithoutKeys(EncoderBlock):
    """In some row of your scores every key is hidden, so that its largest score is -∞. What does your softmax subtract
    from the scores of such a row, and by what does it divide?"""

    hidden: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        hidden = None
        if attention_mask is not None:
            padding = attention_mask == 0
            hidden = padding[:, None, None, :]
            hidden = hidden | padding[:, None, :, None] if "queries" in self.hidden else hidden
        scores, v = masked_scores(self, x, hidden)
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock", form=["~mask", "attn_mask"])
class MaskOfBoolOnly(EncoderBlock):
    """Your code takes attention_mask as if it were bool, and it may hold integers as well. What does ~ make of an
    integer 1, and which question about each number has the answer True or False?"""

    form: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        if attention_mask is None:
            return super().forward(x)
        mask = attention_mask[:, None, None, :]
        if self.form == "attn_mask":
            return finish(self, x, attend(self, x, mask))
        scores, v = masked_scores(self, x, ~mask, torch.finfo(x.dtype).min)
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock")
class MaskOfIntegersOnly(EncoderBlock):
    """attention_mask may be bool as well, and torch does not subtract from a bool tensor. Which question about each
    number works for bool and for integers?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = None
        if attention_mask is not None:
            mask = (1 - attention_mask[:, None, None, :]) * torch.finfo(x.dtype).min
        scores, v = masked_scores(self, x, None)
        return finish(self, x, joined(self, (scores if mask is None else scores + mask).softmax(-1) @ v))


@replaces("EncoderBlock", axes=["(B, T)", "(B, 1, T)"])
class MaskWithoutAxes(EncoderBlock):
    """Your mask has the shape {axes}, and the scores have the shape (B, H, T, T). Shapes are lined up from the right:
    which axes are missing, and where?"""

    axes: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        hidden = None
        if attention_mask is not None:
            hidden = attention_mask == 0 if self.axes == "(B, T)" else attention_mask[:, None, :] == 0
        scores, v = masked_scores(self, x, hidden, torch.finfo(x.dtype).min)
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock", dtype=[torch.float64, torch.float32])
class MaskInOneDtype(EncoderBlock):
    """The numbers that your mask adds to the scores have one dtype, whatever x has. What is the dtype of a sum of two
    dtypes, and in which one does the block compute?"""

    dtype: torch.dtype

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        scores, v = masked_scores(self, x, None)
        if attention_mask is not None:
            padding = (attention_mask[:, None, None, :] == 0).to(self.dtype)
            scores = scores + padding * torch.finfo(self.dtype).min
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock", place=["attn_norm and ffn_norm", "attn_norm", "ffn_norm"], eps=[1e-12, 1e-6, 1e-5])
class EpsForgotten(EncoderBlock):
    """layer_norm_eps does not reach {place}: the eps there is always {eps}. Where do your norms get it from?"""

    place: str
    eps: float

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__(hidden_size, num_heads, intermediate_size, layer_norm_eps)
        for name in self.place.split(" and "):
            setattr(self, name, nn.LayerNorm(hidden_size, eps=self.eps))


@replaces("EncoderBlock", eps=[1e-8, 1e-6, 1e-5])
class OtherDefaultEps(EncoderBlock):
    """Where no layer_norm_eps is given, your norms have {eps}. Which one does the signature of the stub have?"""

    eps: float

    def __init__(
        self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float | None = None
    ) -> None:
        super().__init__(
            hidden_size, num_heads, intermediate_size, self.eps if layer_norm_eps is None else layer_norm_eps
        )


@replaces("EncoderBlock", names=[("q_proj", "k_proj", "v_proj"), ("k_proj",), ("fc1", "fc2")])
class BiasMissing(EncoderBlock):
    """Some linear maps of your block have no bias. For which of them does the table ask for one?"""

    names: tuple

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__(hidden_size, num_heads, intermediate_size, layer_norm_eps)
        for name in self.names:
            linear = getattr(self, name)
            setattr(self, name, nn.Linear(linear.in_features, linear.out_features, bias=False))


@replaces("EncoderBlock", place=["scores", "attention", "network"])
class Detached(EncoderBlock):
    """Your values are right, but some parameters never get a gradient. Which line of yours cuts the path from the
    result back to them?"""

    place: str

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        q, k = (q.detach(), k.detach()) if self.place == "scores" else (q, k)
        attended = joined(self, F.scaled_dot_product_attention(q, k, v, attn_mask=keys_only(x, attention_mask)))
        h = self.attn_norm(x + (attended.detach() if self.place == "attention" else attended))
        narrow = ffn(self, h)
        return self.ffn_norm(h + (narrow.detach() if self.place == "network" else narrow))
