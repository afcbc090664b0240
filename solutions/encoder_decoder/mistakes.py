"""Wrong versions that students write. Each docstring is the advice that such a student reads.

The layer has three parts; a mistake gets one of them wrong and takes the others from here.
"""

import torch
import torch.nn.functional as F
from encoder_decoder import Seq2SeqDecoderBlock
from torch import Tensor

from grader.testing import replaces


@replaces("shift_right")
def shift_left(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You shifted to the left, so the decoder reads the token after the one that it should predict. It may read
    what comes before: the start token first."""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([labels[:, 1:], start], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


@replaces("shift_right")
def not_shifted(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You overwrote the first token and moved nothing: at each position the decoder reads the very token that
    it should predict."""
    shifted = labels.clone()
    shifted[:, 0] = decoder_start_token_id
    return shifted.masked_fill(shifted == -100, pad_token_id)


@replaces("shift_right")
def minus_100_left(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """-100 stands in the decoder's input, and the embedding has no row -100. It is a convention for labels:
    which token belongs there?"""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    return torch.cat([start, labels[:, :-1]], dim=1)


@replaces("shift_right")
def pad_first(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You began with the padding token. T5 happens to use the same one for both; in general the first token
    is decoder_start_token_id."""
    start = torch.full_like(labels[:, :1], pad_token_id)
    shifted = torch.cat([start, labels[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


@replaces("shift_right")
def pad_of_bart(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """Your padding is always token 1, that of BART. Another model pads with another token: pad_token_id says which."""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([start, labels[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == -100, 1)


@replaces("shift_right")
def one_longer(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """Your input is one longer than the labels. The last label is only predicted and never read."""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([start, labels], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


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


def self_attention(block, x, keep, attend=attention):
    q, k, v = (split(block, proj(x)) for proj in (block.self_q_proj, block.self_k_proj, block.self_v_proj))
    return block.self_out_proj(attend(q, k, v, keep))


def cross_attention(block, x, k, v, keep, attend=attention):
    return block.cross_out_proj(attend(split(block, block.cross_q_proj(x)), k, v, keep))


def layer(block, x, k, v, target_keep, memory_keep, attend=attention, gelu=F.gelu):
    x = block.self_norm(x + self_attention(block, x, target_keep, attend))
    x = block.cross_norm(x + cross_attention(block, x, k, v, memory_keep, attend))
    return block.ffn_norm(x + block.fc2(gelu(block.fc1(x))))


@replaces("Seq2SeqDecoderBlock")
class TargetMaskNotCausal(Seq2SeqDecoderBlock):
    """When target_mask is given, it replaces your causal mask, and a target sees later targets. A key has to pass both
    masks. How can you join two conditions?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keep = causal(x, None) if target_mask is None else as_keys(target_mask)
        return layer(self, x, memory_k, memory_v, keep, as_keys(memory_mask))


@replaces("Seq2SeqDecoderBlock")
class SelfNotCausal(Seq2SeqDecoderBlock):
    """Your self-attention sees the whole target, also the tokens that are still to be predicted. The decoder
    writes from left to right: which keys may query t see?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        return layer(self, x, memory_k, memory_v, as_keys(target_mask), as_keys(memory_mask))


@replaces("Seq2SeqDecoderBlock")
class CrossCausal(Seq2SeqDecoderBlock):
    """Your cross-attention is causal: the first word of the target sees the first word of the source only. The
    source is complete before decoding starts."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keep = torch.ones(x.shape[1], memory_k.shape[2], dtype=torch.bool).tril()
        keep = keep if memory_mask is None else keep & as_keys(memory_mask)
        return layer(self, x, memory_k, memory_v, causal(x, target_mask), keep)


@replaces("Seq2SeqDecoderBlock")
class RolesSwapped(Seq2SeqDecoderBlock):
    """In your cross-attention keys and values have changed places. Queries are compared with keys, and the
    values are what is averaged."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        return layer(self, x, memory_v, memory_k, causal(x, target_mask), as_keys(memory_mask))


@replaces("Seq2SeqDecoderBlock")
class IgnoresMemoryMask(Seq2SeqDecoderBlock):
    """Padding in the source is read like any word: memory_mask does not reach the cross-attention."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        return layer(self, x, memory_k, memory_v, causal(x, target_mask), None)


@replaces("Seq2SeqDecoderBlock")
class IgnoresTargetMask(Seq2SeqDecoderBlock):
    """Padding in the target is read like any word: target_mask does not reach the self-attention. Being causal
    hides padding on the right only."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        return layer(self, x, memory_k, memory_v, causal(x, None), as_keys(memory_mask))


@replaces("Seq2SeqDecoderBlock")
class InvertedMasks(Seq2SeqDecoderBlock):
    """You read the padding and hid the words: in these masks 1 means a real token, while torch's
    nn.MultiheadAttention wants True where a key is hidden."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        flipped = [None if mask is None else ~mask.bool() for mask in (memory_mask, target_mask)]
        return layer(self, x, memory_k, memory_v, causal(x, flipped[1]), as_keys(flipped[0]))


@replaces("Seq2SeqDecoderBlock")
class ForgetsMaskInForward(Seq2SeqDecoderBlock):
    """Your decode uses the masks, and your forward does not pass them to decode. Which arguments does decode have?"""

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        return self.decode(x, *self.memory_kv(memory))


@replaces("Seq2SeqDecoderBlock")
class CrossQueryBeforeSelf(Seq2SeqDecoderBlock):
    """The query of your cross-attention is made of the input of the layer. The sub-layers follow one another:
    it comes from what the first LayerNorm returns."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        y = self.self_norm(x + self_attention(self, x, causal(x, target_mask)))
        y = self.cross_norm(y + cross_attention(self, x, memory_k, memory_v, as_keys(memory_mask)))
        return self.ffn_norm(y + self.fc2(F.gelu(self.fc1(y))))


@replaces("Seq2SeqDecoderBlock")
class CrossResidualFromX(Seq2SeqDecoderBlock):
    """Your cross-attention is added to x, the input of the layer, so the self-attention acts on the queries alone. Each
    sub-layer is added to what it was given: what was that for the second one?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        y = self.self_norm(x + self_attention(self, x, causal(x, target_mask)))
        y = self.cross_norm(x + cross_attention(self, y, memory_k, memory_v, as_keys(memory_mask)))
        return self.ffn_norm(y + self.fc2(F.gelu(self.fc1(y))))


@replaces("Seq2SeqDecoderBlock")
class LastResidualFromSelf(Seq2SeqDecoderBlock):
    """Your MLP is added to what the first LayerNorm returned, so the cross-attention acts through the MLP alone. Each
    sub-layer is added to what it was given: what was that for the third one?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        x = self.self_norm(x + self_attention(self, x, causal(x, target_mask)))
        y = self.cross_norm(x + cross_attention(self, x, memory_k, memory_v, as_keys(memory_mask)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(y))))


@replaces("Seq2SeqDecoderBlock")
class LastResidualFromX(Seq2SeqDecoderBlock):
    """Your MLP is added to x, the input of the layer, so both attentions act through the MLP alone. Each sub-layer is
    added to what it was given: what was that for the third one?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        y = self.self_norm(x + self_attention(self, x, causal(x, target_mask)))
        y = self.cross_norm(y + cross_attention(self, y, memory_k, memory_v, as_keys(memory_mask)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(y))))


@replaces("Seq2SeqDecoderBlock")
class PreNorm(Seq2SeqDecoderBlock):
    """You normalise the input of each sub-layer, as T5 and GPT-2 do. The transformer of 2017 and BART normalise
    the sum after it."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        x = x + self_attention(self, self.self_norm(x), causal(x, target_mask))
        x = x + cross_attention(self, self.cross_norm(x), memory_k, memory_v, as_keys(memory_mask))
        return x + self.fc2(F.gelu(self.fc1(self.ffn_norm(x))))


@replaces("Seq2SeqDecoderBlock")
class NoResidual(Seq2SeqDecoderBlock):
    """The cross-attention replaces what was there instead of adding to it, and the layer forgets what it has
    written. All three sub-layers add to their input."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        x = self.self_norm(x + self_attention(self, x, causal(x, target_mask)))
        x = self.cross_norm(cross_attention(self, x, memory_k, memory_v, as_keys(memory_mask)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))


@replaces("Seq2SeqDecoderBlock")
class CrossFirst(Seq2SeqDecoderBlock):
    """You look at the source first and at the target afterwards. In this layer the self-attention comes
    first."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        x = self.cross_norm(x + cross_attention(self, x, memory_k, memory_v, as_keys(memory_mask)))
        x = self.self_norm(x + self_attention(self, x, causal(x, target_mask)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))


@replaces("Seq2SeqDecoderBlock")
class Relu(Seq2SeqDecoderBlock):
    """You took ReLU, as the paper of 2017 did. BART's activation, and this layer's, is GELU."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keeps = causal(x, target_mask), as_keys(memory_mask)
        return layer(self, x, memory_k, memory_v, *keeps, gelu=torch.relu)


@replaces("Seq2SeqDecoderBlock")
class GeluTanh(Seq2SeqDecoderBlock):
    """You took the tanh approximation of GELU, which is GPT-2's and differs in the fourth digit. Here it is the
    exact one, with erf."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keeps = causal(x, target_mask), as_keys(memory_mask)
        return layer(self, x, memory_k, memory_v, *keeps, gelu=lambda h: F.gelu(h, approximate="tanh"))


@replaces("Seq2SeqDecoderBlock")
class ScaleByWidth(Seq2SeqDecoderBlock):
    """You divided the scores by the root of the whole width D. A score is a sum over the K numbers of one head."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        def attend(q, k, v, keep):
            return attention(q, k, v, keep, scale=x.shape[-1] ** -0.5)

        return layer(self, x, memory_k, memory_v, causal(x, target_mask), as_keys(memory_mask), attend)


@replaces("Seq2SeqDecoderBlock")
class NotScaled(Seq2SeqDecoderBlock):
    """Your scores are not divided by √K, so the softmax gets sharper the wider the heads are. T5 leaves the
    division out; this layer does not."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        def attend(q, k, v, keep):
            return attention(q, k, v, keep, scale=1.0)

        return layer(self, x, memory_k, memory_v, causal(x, target_mask), as_keys(memory_mask), attend)


@replaces("Seq2SeqDecoderBlock")
class NanOnEmpty(Seq2SeqDecoderBlock):
    """A query without any key has nothing but -inf in its row of scores, and their softmax is 0 / 0. Such a query
    gets zeros."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        def attend(q, k, v, keep):
            scores = q @ k.mT * q.shape[-1] ** -0.5
            scores = scores if keep is None else scores.masked_fill(~keep, float("-inf"))
            return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)

        return layer(self, x, memory_k, memory_v, causal(x, target_mask), as_keys(memory_mask), attend)


@replaces("Seq2SeqDecoderBlock")
class NanCoveredUp(Seq2SeqDecoderBlock):
    """Your result is right, and an empty source makes gradients NaN: you add -inf to all scores of a query without
    keys, and put zeros over the NaN of its softmax afterwards. The way back leads through that softmax to every score:
    what could be added in such a row before it?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        def attend(q, k, v, keep):
            scores = q @ k.mT * q.shape[-1] ** -0.5
            if keep is not None:
                scores = scores + torch.zeros(keep.shape, dtype=q.dtype).masked_fill(~keep, float("-inf"))
            return (scores.softmax(-1).nan_to_num(0.0) @ v).transpose(1, 2).flatten(2)

        return layer(self, x, memory_k, memory_v, causal(x, target_mask), as_keys(memory_mask), attend)


@replaces("Seq2SeqDecoderBlock")
class AverageOnEmpty(Seq2SeqDecoderBlock):
    """You masked with a large negative number instead of -inf. A query without any key then averages all the
    keys that it must not see: such a query gets zeros."""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        def attend(q, k, v, keep):
            scores = q @ k.mT * q.shape[-1] ** -0.5
            scores = scores if keep is None else scores.masked_fill(~keep, -1e30)
            return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)

        return layer(self, x, memory_k, memory_v, causal(x, target_mask), as_keys(memory_mask), attend)


@replaces("Seq2SeqDecoderBlock")
class MemoryDetached(Seq2SeqDecoderBlock):
    """No gradient reaches the memory in yours, so an encoder in front of this layer never learns. Which step of
    memory_kv leaves the graph?"""

    def memory_kv(self, memory):
        return super().memory_kv(memory.detach())


@replaces("Seq2SeqDecoderBlock")
class InterleavedHeads(Seq2SeqDecoderBlock):
    """Your heads take every H-th number of the memory's keys and values. Head h owns K neighbouring ones: D is
    split into H times K, in this order."""

    def memory_kv(self, memory):
        def heads(x):
            return x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)

        return heads(self.cross_k_proj(memory)), heads(self.cross_v_proj(memory))


@replaces("shift_right")
def padded_before_shift(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You looked for -100 in the labels and put the padding token at the same places of the shifted tensor, so the last
    real token of a row is lost. In which of the two tensors do the -100 stand that have to go?"""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    return torch.cat([start, labels[:, :-1]], dim=1).masked_fill(labels == -100, pad_token_id)


@replaces("shift_right")
def labels_overwritten(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You put the padding token into the labels themselves. The loss still reads them, and knows by -100 which places
    do not count. Which operation makes a new tensor?"""
    labels[labels == -100] = pad_token_id
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    return torch.cat([start, labels[:, :-1]], dim=1)


@replaces("shift_right")
def pad_of_0(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You put token 0 in place of -100. Models differ in their padding token. Which argument names the padding
    token?"""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([start, labels[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == -100, 0)


@replaces("shift_right")
def clamped_to_pad(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """You raise everything below pad_token_id to it. That takes -100 away, and also every token with a smaller number
    than the padding token. Which one number has to be replaced?"""
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    return torch.cat([start, labels[:, :-1].clamp(min=pad_token_id)], dim=1)


@replaces("Seq2SeqDecoderBlock")
class MultipliedMasks(Seq2SeqDecoderBlock):
    """You set the keys and values of padding to 0. A key of zeros gets the score 0, and e⁰ = 1 counts in the softmax.
    Which score gives a key no weight at all?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keep = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        q, k, v = (split(self, proj(x)) for proj in (self.self_q_proj, self.self_k_proj, self.self_v_proj))
        if target_mask is not None:
            real = target_mask.to(x.dtype)[:, None, :, None]
            k, v = k * real, v * real
        x = self.self_norm(x + self.self_out_proj(attention(q, k, v, keep)))
        if memory_mask is not None:
            real = memory_mask.to(x.dtype)[:, None, :, None]
            memory_k, memory_v = memory_k * real, memory_v * real
        x = self.cross_norm(x + cross_attention(self, x, memory_k, memory_v, None))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))


@replaces("Seq2SeqDecoderBlock")
class CrossEpsFixed(Seq2SeqDecoderBlock):
    """eps does not reach the LayerNorm after the cross-attention. Which of the three norms have the eps of the
    constructor?"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__(d_model, num_heads, ffn_dim, eps)
        self.cross_norm = torch.nn.LayerNorm(d_model)


@replaces("Seq2SeqDecoderBlock")
class FfnEpsFixed(Seq2SeqDecoderBlock):
    """eps does not reach the last LayerNorm, which keeps torch's default. Which of the three norms have the eps of the
    constructor?"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__(d_model, num_heads, ffn_dim, eps)
        self.ffn_norm = torch.nn.LayerNorm(d_model)


@replaces("Seq2SeqDecoderBlock")
class SelfEpsFixed(Seq2SeqDecoderBlock):
    """eps does not reach the LayerNorm after the self-attention. Which of the three norms have the eps of the
    constructor?"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__(d_model, num_heads, ffn_dim, eps)
        self.self_norm = torch.nn.LayerNorm(d_model)


@replaces("Seq2SeqDecoderBlock")
class TargetMaskOnQueries(Seq2SeqDecoderBlock):
    """You applied target_mask to the queries, the rows of the scores, so padded targets are still read as keys. Which
    axis of (B, H, T, S) holds the keys?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keep = causal(x, None)
        keep = keep if target_mask is None else keep & target_mask.bool()[:, None, :, None]
        return layer(self, x, memory_k, memory_v, keep, as_keys(memory_mask))


@replaces("Seq2SeqDecoderBlock")
class InterleavedEverywhere(Seq2SeqDecoderBlock):
    """Your heads take every H-th number of all queries, keys and values. Head h owns K neighbouring numbers. Into which
    two axes is D split, and in which order?"""

    def _split(self, x):
        return x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)


@replaces("Seq2SeqDecoderBlock")
class StrictlyCausal(Seq2SeqDecoderBlock):
    """In your self-attention a target does not see itself. The input is shifted already, so position t holds an earlier
    token. Which positions may query t see?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        keep = causal(x, target_mask) & torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril(-1)
        return layer(self, x, memory_k, memory_v, keep, as_keys(memory_mask))


@replaces("Seq2SeqDecoderBlock")
class NoSelfResidual(Seq2SeqDecoderBlock):
    """Your self-attention replaces x instead of adding to x. What stands inside of the first LayerNorm?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        x = self.self_norm(self_attention(self, x, causal(x, target_mask)))
        x = self.cross_norm(x + cross_attention(self, x, memory_k, memory_v, as_keys(memory_mask)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))


@replaces("Seq2SeqDecoderBlock")
class NoLastResidual(Seq2SeqDecoderBlock):
    """Your MLP replaces x instead of adding to x. What stands inside of the last LayerNorm?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        x = self.self_norm(x + self_attention(self, x, causal(x, target_mask)))
        x = self.cross_norm(x + cross_attention(self, x, memory_k, memory_v, as_keys(memory_mask)))
        return self.ffn_norm(self.fc2(F.gelu(self.fc1(x))))


@replaces("Seq2SeqDecoderBlock")
class MixedHeadsEverywhere(Seq2SeqDecoderBlock):
    """You viewed (B, T, D) as (B, H, T, K), for queries, keys and values alike: each head then holds numbers of several
    tokens. First split D into H and K. Which two axes have to change places after that?"""

    def _split(self, x):
        return x.reshape(x.shape[0], self.num_heads, x.shape[1], -1)


@replaces("Seq2SeqDecoderBlock")
class NothingAddedOnEmpty(Seq2SeqDecoderBlock):
    """A query without any key adds nothing at all in yours. Its attention is the zero vector, which goes through the
    output projection like every other: what does that make of zeros?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        def some(keep):
            return True if keep is None else keep.any(-1).expand(len(x), 1, x.shape[1])[:, 0, :, None]

        keep, memory_keep = causal(x, target_mask), as_keys(memory_mask)
        x = self.self_norm(x + self_attention(self, x, keep) * some(keep))
        x = self.cross_norm(x + cross_attention(self, x, memory_k, memory_v, memory_keep) * some(memory_keep))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))


def real_pairs(x, target_mask):
    return causal(x, target_mask) if target_mask is None else causal(x, target_mask) & as_queries(target_mask)


def as_queries(mask):
    return mask.bool()[:, None, :, None]


@replaces("Seq2SeqDecoderBlock")
class TargetMaskOnBothAxes(Seq2SeqDecoderBlock):
    """In your self-attention a padded target reads nothing: you applied target_mask to the queries as well as to the
    keys. The docstring hides padding as a key only. What may the query of a padded target read then?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        return layer(self, x, memory_k, memory_v, real_pairs(x, target_mask), as_keys(memory_mask))


@replaces("Seq2SeqDecoderBlock")
class PaddedTargetsReadNothing(Seq2SeqDecoderBlock):
    """In yours a padded target reads neither the target nor the memory: you applied target_mask to the queries of both
    attentions. The docstring hides padding as a key only. What may the query of a padded target read then?"""

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        memory_keep = as_keys(memory_mask)
        if target_mask is not None:
            every = torch.ones(memory_k.shape[2], dtype=torch.bool) if memory_keep is None else memory_keep
            memory_keep = as_queries(target_mask) & every
        return layer(self, x, memory_k, memory_v, real_pairs(x, target_mask), memory_keep)
