"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from encoder_block import EncoderBlock, gelu
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("gelu")
def gelu_tanh(x: Tensor) -> Tensor:
    """This is the tanh approximation: gelu(1) is 0.8412 and not 0.8413. GPT-2 was trained with it («gelu_new»),
    BERT with the exact Φ, by erf."""
    return F.gelu(x, approximate="tanh")


@replaces("gelu")
def gelu_sigmoid(x: Tensor) -> Tensor:
    """x sigmoid(1.702 x) is an approximation too rough for BERT's weights; CLIP was trained with it. Φ is exact
    by erf."""
    return x * torch.sigmoid(1.702 * x)


@replaces("gelu")
def gelu_sqrt(x: Tensor) -> Tensor:
    """gelu(1) is 0.9214 here. erf belongs to a normal distribution of variance 1/2; what must its argument be
    divided by for variance 1?"""
    return x * 0.5 * (1 + torch.erf(x))


@replaces("gelu")
def gelu_odd(x: Tensor) -> Tensor:
    """Your Φ runs from -1/2 to 1/2, so negative inputs come out positive. A distribution function runs from 0
    to 1."""
    return x * 0.5 * torch.erf(x / math.sqrt(2))


@replaces("gelu")
def gelu_is_phi(x: Tensor) -> Tensor:
    """You return Φ(x). GELU gates its input: x times that."""
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


@replaces("gelu")
def relu(x: Tensor) -> Tensor:
    """ReLU sets every negative number to 0. BERT uses GELU, which lets small negative ones through."""
    return torch.relu(x)


def standardise(x: Tensor, eps: float, dim: int | tuple[int, ...] = -1) -> Tensor:
    mu, var = x.mean(dim, keepdim=True), x.var(dim, unbiased=False, keepdim=True)
    return (x - mu) / torch.sqrt(var + eps)


@replaces("layer_norm")
def unbiased_var(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """torch.var and torch.std divide by n - 1 unless told otherwise. LayerNorm divides by n."""
    return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + eps) * weight + bias


@replaces("layer_norm")
def eps_outside(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You added eps to the standard deviation. It belongs to the variance, under the root."""
    std = x.var(-1, unbiased=False, keepdim=True).sqrt()
    return (x - x.mean(-1, keepdim=True)) / (std + eps) * weight + bias


@replaces("layer_norm")
def eps_fixed(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """Your eps is a constant: the argument of that name has no effect."""
    return standardise(x, 1e-12) * weight + bias


@replaces("layer_norm")
def no_root(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You divided by the variance. Divide by the standard deviation, its root."""
    var = x.var(-1, unbiased=False, keepdim=True)
    return (x - x.mean(-1, keepdim=True)) / (var + eps) * weight + bias


@replaces("layer_norm")
def not_centred(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """The mean was not subtracted. Dividing by the root mean square alone is RMSNorm, which Llama uses."""
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight + bias


@replaces("layer_norm")
def over_all(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """One mean and one variance for the whole tensor: a token's result depends on the others in the batch. Each
    token has its own two numbers."""
    return standardise(x, eps, tuple(range(x.dim()))) * weight + bias


@replaces("layer_norm")
def over_batch(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You normalised every column over the first axis, as BatchNorm does. LayerNorm looks along the columns of
    one token."""
    return standardise(x, eps, 0) * weight + bias


@replaces("layer_norm")
def no_affine(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """weight and bias have no effect. After the normalisation comes a learned factor and a learned shift for
    each column."""
    return standardise(x, eps)


@replaces("layer_norm")
def bias_forgotten(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """Your result lacks the bias. What does the formula do after the multiplication by weight?"""
    return standardise(x, eps) * weight


@replaces("layer_norm")
def over_tokens(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You normalised along the axis of the tokens, so the result of a token depends on the other tokens of its text.
    On which axis do the D columns of one token lie?"""
    return standardise(x, eps, -2 if x.dim() > 1 else -1) * weight + bias


@replaces("layer_norm")
def over_text(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You took mean and variance over all axes but the first, as for images, so the tokens of a text share them. Every
    token has two numbers of its own: over which axis are they taken?"""
    return standardise(x, eps, tuple(range(1, x.dim())) or -1) * weight + bias


@replaces("layer_norm")
def affine_first(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You multiplied by weight and added bias before normalising. In the formula both come after the division: what
    does the normalisation do to a shift that was added before?"""
    return standardise(x * weight + bias, eps)


@replaces("layer_norm")
def one_plus_weight(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """You multiplied by 1 + weight. A new norm holds ones in its weight: what does your layer do with those?"""
    return standardise(x, eps) * (1 + weight) + bias


def heads(block: EncoderBlock, x: Tensor) -> list[Tensor]:
    """q, k and v, each (B, H, T, K)."""
    B, T, _ = x.shape
    projections = (block.q_proj, block.k_proj, block.v_proj)
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


@replaces("EncoderBlock")
class PreNorm(EncoderBlock):
    """You normalise what goes into each branch, and the sums stay as they are. That is the order of GPT-2 and
    Llama; BERT normalises after adding."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = x + attend(self, self.attn_norm(x), keys_only(x, attention_mask))
        return h + ffn(self, self.ffn_norm(h))


@replaces("EncoderBlock")
class NoResidual(EncoderBlock):
    """The branches replace their input. Each one is added to it: without the sums a layer forgets what it has
    read."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.ffn_norm(ffn(self, self.attn_norm(attend(self, x, keys_only(x, attention_mask)))))


@replaces("EncoderBlock")
class NoSecondResidual(EncoderBlock):
    """The result of the small network is not added to its input. The first sum is there, the second one is
    missing."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.ffn_norm(ffn(self, self.attn_norm(x + attend(self, x, keys_only(x, attention_mask)))))


@replaces("EncoderBlock")
class ResidualFromX(EncoderBlock):
    """Your second sum adds the input of the block. The second branch begins at h, after the first norm, and
    that is what its result is added to."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + attend(self, x, keys_only(x, attention_mask)))
        return self.ffn_norm(x + ffn(self, h))


@replaces("EncoderBlock")
class NormInsideSum(EncoderBlock):
    """You normalised the branch and then added: x + LN(...). The norm belongs around the whole sum."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = x + self.attn_norm(attend(self, x, keys_only(x, attention_mask)))
        return h + self.ffn_norm(ffn(self, h))


@replaces("EncoderBlock")
class NormsSwapped(EncoderBlock):
    """attn_norm and ffn_norm have changed places. Fresh ones are alike, so this shows only with trained
    weights."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.ffn_norm(x + attend(self, x, keys_only(x, attention_mask)))
        return self.attn_norm(h + ffn(self, h))


@replaces("EncoderBlock")
class NoActivation(EncoderBlock):
    """Between fc1 and fc2 nothing happens, and two linear maps in a row are one. Where does gelu go?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + attend(self, x, keys_only(x, attention_mask)))
        return self.ffn_norm(h + self.fc2(self.fc1(h)))


class OtherActivation(EncoderBlock):
    """A block with an activation of its own between fc1 and fc2."""

    def activation(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        wide: list[Tensor] = []
        hooks = [
            self.fc1.register_forward_hook(lambda fc1, given, result: wide.append(result)),
            self.fc2.register_forward_pre_hook(lambda fc2, given: self.activation(wide.pop())),
        ]
        try:
            return super().forward(x, attention_mask)
        finally:
            for hook in hooks:
                hook.remove()


@replaces("EncoderBlock")
class TanhInTheBlock(OtherActivation):
    """Your gelu is exact, and the block works with the tanh approximation between fc1 and fc2. GPT-2 was trained with
    that one («gelu_new»): with which of the two was BERT?"""

    def activation(self, x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")


@replaces("EncoderBlock")
class ReluInTheBlock(OtherActivation):
    """Between fc1 and fc2 your block has a ReLU, and the gelu that you wrote is not called. Which of the two lets small
    negative numbers through, as BERT does?"""

    def activation(self, x: Tensor) -> Tensor:
        return torch.relu(x)


@replaces("EncoderBlock")
class NoOutProj(EncoderBlock):
    """The heads were put side by side and added as they are. They pass through out_proj first, which lets them
    mix."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = keys_only(x, attention_mask)
        attended = F.scaled_dot_product_attention(*heads(self, x), attn_mask=mask)
        return finish(self, x, attended.transpose(1, 2).flatten(2))


@replaces("EncoderBlock")
class OneHead(EncoderBlock):
    """You attend with one head of width D, whatever num_heads says."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = (p(x)[:, None] for p in (self.q_proj, self.k_proj, self.v_proj))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=keys_only(x, attention_mask))
        return finish(self, x, joined(self, attended))


@replaces("EncoderBlock")
class HeadsByView(EncoderBlock):
    """Your heads hold pieces of several tokens: viewing (B, T, D) as (B, H, T, K) does not move anything. Give
    D two axes first, then let axes change places."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        B, T, D = x.shape
        shape = B, self.num_heads, T, D // self.num_heads
        q, k, v = (p(x).reshape(shape) for p in (self.q_proj, self.k_proj, self.v_proj))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=keys_only(x, attention_mask))
        return finish(self, x, self.out_proj(attended.reshape(B, T, D)))


@replaces("EncoderBlock")
class MergeByView(EncoderBlock):
    """The heads were split rightly and merged wrongly: reshape alone puts several tokens into one row. Swap the
    head and the time axis back first."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        attended = F.scaled_dot_product_attention(*heads(self, x), attn_mask=keys_only(x, attention_mask))
        return finish(self, x, self.out_proj(attended.reshape(x.shape)))


@replaces("EncoderBlock")
class ScaleByD(EncoderBlock):
    """You divided the scores by √D. Each head has its own dot products, of K terms."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = keys_only(x, attention_mask)
        return finish(self, x, attend(self, x, mask, scale=x.shape[-1] ** -0.5))


@replaces("EncoderBlock")
class NoScale(EncoderBlock):
    """Your scores are not divided by anything. What does the formula divide a dot product of K terms by?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return finish(self, x, attend(self, x, keys_only(x, attention_mask), scale=1.0))


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
    """attention_mask has no effect: tokens read the padding beside them."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return finish(self, x, attend(self, x, None))


@replaces("EncoderBlock")
class ZeroPaddedInputs(EncoderBlock):
    """You set padded vectors to 0. A zero vector is still a key, with the bias as its content, and takes part
    in every softmax. It has to leave the softmax."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        kept = x if attention_mask is None else x * attention_mask[..., None].to(x.dtype)
        return finish(self, x, attend(self, kept, None))


@replaces("EncoderBlock")
class MaskInverted(EncoderBlock):
    """Your tokens read the padding and nothing else. In attention_mask 1 is a token; torch's own layers mean
    the opposite."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        tokens = None if attention_mask is None else attention_mask == 0
        return finish(self, x, attend(self, x, keys_only(x, tokens)))


@replaces("EncoderBlock")
class MaskAddedAsIs(EncoderBlock):
    """You added the mask of 0 and 1 to the scores, which favours tokens a little. A number that is added must
    be 0 for tokens and hugely negative for padding."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = None if attention_mask is None else attention_mask[:, None, None, :].to(x.dtype)
        return finish(self, x, attend(self, x, mask))


@replaces("EncoderBlock")
class PaddingQueries(EncoderBlock):
    """Your mask lies along the queries: padded ones read nothing, and tokens still read the padding. Padding
    hides keys, the last axis."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = keys_only(x, attention_mask)
        if mask is not None:
            mask = mask.mT.expand(-1, -1, -1, x.shape[1])
        return finish(self, x, attend(self, x, mask))


@replaces("EncoderBlock")
class MaskAfterSoftmax(EncoderBlock):
    """The weights of padding were set to 0 after the softmax, and the rest no longer sums to 1. Mask the
    scores."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        if attention_mask is not None:
            v = v * attention_mask[:, None, :, None].to(x.dtype)
        return finish(self, x, joined(self, F.scaled_dot_product_attention(q, k, v)))


@replaces("EncoderBlock")
class KeysAndValuesZeroed(EncoderBlock):
    """You set keys and values of padding to 0. A key of zeros has the score 0, and e⁰ = 1 counts in every softmax, so
    padding takes weight away from the tokens. Which score leaves no weight at all?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        if attention_mask is not None:
            kept = attention_mask[:, None, :, None].to(x.dtype)
            k, v = k * kept, v * kept
        return finish(self, x, joined(self, F.scaled_dot_product_attention(q, k, v)))


@replaces("EncoderBlock")
class ScoresZeroed(EncoderBlock):
    """You set the scores of padding to 0, and e⁰ = 1 counts in the softmax. Which score has an exponential of 0?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            scores = scores * attention_mask[:, None, None, :].to(x.dtype)
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock")
class LoweredBy10000(EncoderBlock):
    """You lower the scores of padding by 10000. Padding can hold any numbers, and where its score is larger than that
    it is read after all. How low must a number be that no score makes up for?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = None
        if attention_mask is not None:
            mask = -10000.0 * (1 - attention_mask[:, None, None, :].to(x.dtype))
        return finish(self, x, attend(self, x, mask))


@replaces("EncoderBlock")
class AllPaddingNan(EncoderBlock):
    """A text that is nothing but padding became NaN: a softmax over -inf alone is 0/0. Give that row zeros, or
    use the lowest finite number in place of -inf."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            scores = scores.masked_fill(attention_mask[:, None, None, :] == 0, -INF)
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock")
class EpsForgotten(EncoderBlock):
    """layer_norm_eps does not reach the norms: they work with a constant."""

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__(hidden_size, num_heads, intermediate_size)


@replaces("EncoderBlock")
class EpsOfTorch(EncoderBlock):
    """Your norms have the eps of nn.LayerNorm, 1e-5, whatever layer_norm_eps says. BERT's is 1e-12."""

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__(hidden_size, num_heads, intermediate_size, 1e-5)


@replaces("EncoderBlock")
class Detached(EncoderBlock):
    """The weights of attention were computed without gradients, so q_proj and k_proj never learn."""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        mask = keys_only(x, attention_mask)
        attended = F.scaled_dot_product_attention(q.detach(), k.detach(), v, attn_mask=mask)
        return finish(self, x, joined(self, attended))


@replaces("EncoderBlock")
class EpsOfFirstNormOnly(EncoderBlock):
    """layer_norm_eps reaches attn_norm alone, and ffn_norm keeps the eps that nn.LayerNorm has by itself. Which norms
    does the docstring name?"""

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__(hidden_size, num_heads, intermediate_size, layer_norm_eps)
        self.ffn_norm = torch.nn.LayerNorm(hidden_size)


@replaces("EncoderBlock")
class EpsOfSecondNormOnly(EncoderBlock):
    """layer_norm_eps reaches ffn_norm alone, and attn_norm keeps the eps that nn.LayerNorm has by itself. Which norms
    does the docstring name?"""

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__(hidden_size, num_heads, intermediate_size, layer_norm_eps)
        self.attn_norm = torch.nn.LayerNorm(hidden_size)


@replaces("EncoderBlock")
class InterleavedHeads(EncoderBlock):
    """Your head h owns the columns h, h + H, h + 2H and so on: you gave the last axis the sizes (K, H). The statement
    gives each head K neighbouring columns: in which order do the two sizes stand then?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        B, T, _ = x.shape
        q, k, v = (
            p(x).reshape(B, T, -1, self.num_heads).permute(0, 3, 1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=keys_only(x, attention_mask))
        return finish(self, x, joined(self, attended))


@replaces("EncoderBlock")
class PaddingZeroed(EncoderBlock):
    """You set the vectors of padding to 0 at the entrance and behind the attention. A zero vector still is a key with
    a score of its own: what does its score add to the sum in the softmax of a real token?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        kept = torch.ones(x.shape[:2]) if attention_mask is None else attention_mask
        kept = kept[..., None].to(x.dtype)
        return finish(self, x * kept, attend(self, x * kept, None) * kept)


@replaces("EncoderBlock")
class FfnReadsX(EncoderBlock):
    """Your small network reads x, the input of the block. By the formula it reads h: what does h hold that x does not
    have yet?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + attend(self, x, keys_only(x, attention_mask)))
        return self.ffn_norm(h + ffn(self, x))


@replaces("EncoderBlock")
class PaddingZeroedAtEntrance(EncoderBlock):
    """You set the vectors of padding to 0 at the entrance, and go on without a mask. A zero vector still is a key, with
    the biases as its content: where does it have to be taken out?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        kept = x if attention_mask is None else x * attention_mask[..., None].to(x.dtype)
        return finish(self, kept, attend(self, kept, None))


@replaces("EncoderBlock")
class MaskOfBoolOnly(EncoderBlock):
    """You use attention_mask as if it were bool. It may also hold integers, and of those ~ is not the opposite: ~1 is
    -2, which is no condition for masked_fill. Which question about each number has the answer True or False?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            scores = scores.masked_fill(~attention_mask[:, None, None, :], torch.finfo(x.dtype).min)
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock")
class IntegersAsAttnMask(EncoderBlock):
    """You handed attention_mask on as it came. torch's attention takes bool, or numbers to add in the dtype of x, and
    attention_mask may hold integers. Which question about each number has the answer True or False?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return finish(self, x, attend(self, x, None if attention_mask is None else attention_mask[:, None, None, :]))


@replaces("layer_norm")
def torchs_default_eps(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Where no eps is given, yours is 1e-5, the one of nn.LayerNorm. Which one does the signature of the stub have?"""
    return standardise(x, eps) * weight + bias


@replaces("EncoderBlock")
class PaddedQueriesMaskedToo(EncoderBlock):
    """Your mask takes padding out as keys and as queries, so a query of padding has no key left, and its softmax is
    0/0. What stands at padding may be any finite number: for which of the two does padding have to be hidden?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            tokens = attention_mask != 0
            scores = scores.masked_fill(~(tokens[:, None, :, None] & tokens[:, None, None, :]), -INF)
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock")
class MaskInFloat64(EncoderBlock):
    """The numbers that your mask adds to the scores are float64, whatever x is. The sum of float32 and float64 is
    float64, and does not fit the values any more: in which dtype does the block compute?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            padding = (attention_mask[:, None, None, :] == 0).double()
            scores = scores + padding * torch.finfo(torch.float64).min
        return finish(self, x, joined(self, scores.softmax(-1) @ v))


@replaces("EncoderBlock")
class MaskInFloat32(EncoderBlock):
    """The numbers that your mask adds to the scores are float32, whatever x is. The sum of bfloat16 and float32 is
    float32, and does not fit the values any more: in which dtype does the block compute?"""

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        q, k, v = heads(self, x)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            padding = (attention_mask[:, None, None, :] == 0).float()
            scores = scores + padding * torch.finfo(torch.float32).min
        return finish(self, x, joined(self, scores.softmax(-1) @ v))
