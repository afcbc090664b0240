"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math
import re

import torch
import torch.nn.functional as F
from grouped_query_attention import grouped_attention
from llama_decoder import LlamaDecoder, convert_gguf_state
from rope import apply_rope, interleaved_to_half
from torch import Tensor, nn

from grader.testing import replaces


class Parts(LlamaDecoder):
    """The right model, with more places in which to go wrong."""

    def embed(self, input_ids):
        return self.embed_tokens(input_ids)

    def attention(self, part, x, past):
        return part(x, past)

    def mlp(self, part, x):
        return part(x)

    def layer(self, layer, x, past):
        attended, seen = self.attention(layer.self_attn, layer.input_layernorm(x), past)
        x = x + attended
        return x + self.mlp(layer.mlp, layer.post_attention_layernorm(x)), seen

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            x, seen = self.layer(layer, x, None if cache is None else cache[i])
            new_cache.append(seen)
        return x, new_cache

    def read(self, x):
        return F.linear(self.norm(x), self.embed_tokens.weight)

    def forward(self, input_ids, cache=None):
        x, cache = self.run(self.embed(input_ids), cache)
        return self.read(x), cache


class OwnAttention(Parts):
    """The right model with an attention written out."""

    def split(self, y, K):
        return y.unflatten(-1, (-1, K)).transpose(1, 2)

    def merge(self, y):
        return y.transpose(1, 2).flatten(2)

    def turn(self, x, positions, theta):
        return apply_rope(x, positions, theta)

    def place(self, q, k, v, positions, theta):
        return self.turn(q, positions, theta), self.turn(k, positions, theta), v

    def positions(self, T, P):
        return torch.arange(P, P + T)

    def extend(self, old, new):
        return torch.cat([old, new], dim=2)

    def mask(self, T, P):
        return torch.ones(T, P + T, dtype=torch.bool).tril(P)

    def attend(self, q, k, v, mask):
        return grouped_attention(q, k, v, mask)

    def attention(self, part, x, past):
        T, P = x.shape[1], 0 if past is None else past["k"].shape[2]
        q, k, v = (self.split(proj(x), part.head_dim) for proj in (part.q_proj, part.k_proj, part.v_proj))
        q, k, v = self.place(q, k, v, self.positions(T, P), part.rope_theta)
        if past is not None:
            k, v = self.extend(past["k"], k), self.extend(past["v"], v)
        return part.o_proj(self.merge(self.attend(q, k, v, self.mask(T, P)))), {"k": k, "v": v}


@replaces("LlamaDecoder")
class OneCache(Parts):
    """One cache goes through all your layers, so the second layer takes the keys of the first for its own past. How
    many caches does a model of N layers have?"""

    def run(self, x, cache):
        seen = None if cache is None else cache[0]
        for layer in self.layers:
            x, seen = layer(x, seen)
        return x, [seen] * len(self.layers)


@replaces("LlamaDecoder", which=["first", "last"], when=["read", "returned"])
class CacheOfOneLayer(Parts):
    """A whole text is right and its continuation is not: every layer goes on from the keys and values of the {which}
    one. Whose cache does layer i need?"""

    which: str
    when: str

    def run(self, x, cache):
        at = 0 if self.which == "first" else -1
        if self.when == "read" and cache is not None:
            cache = [cache[at]] * len(self.layers)
        x, new_cache = super().run(x, cache)
        return x, [new_cache[at]] * len(self.layers) if self.when == "returned" else new_cache


@replaces("LlamaDecoder")
class CacheIgnored(Parts):
    """A whole text is right, and your logits are the same whatever the cache holds. Where does a layer get the keys and
    values of the tokens before from?"""

    def run(self, x, cache):
        return super().run(x, None)


@replaces("LlamaDecoder")
class OnlyNewKept(OwnAttention):
    """Your cache holds the keys and values of the last piece alone. What does a third piece need to know of the first
    one?"""

    def attention(self, part, x, past):
        y, seen = super().attention(part, x, past)
        return y, {name: tensor[:, :, -x.shape[1] :] for name, tensor in seen.items()}


@replaces("LlamaDecoder")
class NewBeforeOld(OwnAttention):
    """Your cache has the new keys and values before those of the earlier tokens. Which columns of the mask are the past
    then?"""

    def extend(self, old, new):
        return torch.cat([new, old], dim=2)


@replaces("LlamaDecoder")
class KeysCachedUnturned(OwnAttention):
    """Your logits are right, and your cache holds keys as they were before the rotation, so every step turns all
    of them. A token never changes its position: what does the docstring keep under "k"?"""

    def place(self, q, k, v, positions, theta):
        return self.turn(q, positions, theta), k, v

    def attend(self, q, k, v, mask):
        theta = self.layers[0].self_attn.rope_theta
        return grouped_attention(q, self.turn(k, torch.arange(k.shape[2]), theta), v, mask)


@replaces("LlamaDecoder", first=["0", "P − 1", "P + 1"])
class PositionsOfPiece(OwnAttention):
    """A whole text is right and its continuation is not: with P tokens in the cache, your first new token is at
    position {first}. At which positions are the tokens before it?"""

    first: str

    def positions(self, T, P):
        first = {"0": 0, "P − 1": P - 1, "P + 1": P + 1}[self.first] if P else 0
        return torch.arange(first, first + T)


@replaces("LlamaDecoder")
class HalfExponent(OwnAttention):
    """Your rotary frequencies are rope_theta^(−i/K), so the later pairs turn faster than they should. The exponents of
    the K/2 pairs go from 0 to nearly −1: where do yours end?"""

    def turn(self, x, positions, theta):
        return apply_rope(x, positions, theta**0.5)


@replaces("LlamaDecoder")
class NeighboursTurned(OwnAttention):
    """You turned neighbours, numbers 2r and 2r + 1 of a head, as a GGUF file has its pairs. In this model, and in
    Hugging Face's, what is the partner of number r?"""

    def turn(self, x, positions, theta):
        y = apply_rope(torch.cat([x[..., ::2], x[..., 1::2]], dim=-1), positions, theta)
        return y.unflatten(-1, (2, -1)).mT.flatten(-2)


@replaces("LlamaDecoder")
class NothingTurned(OwnAttention):
    """Your logits do not depend on where the tokens before are, only on which they are. What does rope_theta do in this
    model, and to which vectors?"""

    def turn(self, x, positions, theta):
        return x


@replaces("LlamaDecoder", turned=["queries", "keys", "queries, keys and values"])
class OthersTurned(OwnAttention):
    """Your attention turns {turned}. Which vectors have to be turned so that a score depends on the distance between
    two tokens and on nothing else?"""

    turned: str

    def place(self, q, k, v, positions, theta):
        names = zip(("queries", "keys", "values"), (q, k, v), strict=True)
        return tuple(self.turn(y, positions, theta) if name in self.turned else y for name, y in names)


@replaces("LlamaDecoder")
class Float32Angles(OwnAttention):
    """In float64 your logits are only as precise as float32. Which dtype does the docstring ask for in the angles, and
    which dtype do the numbers have that yours are made from?"""

    def turn(self, x, positions, theta):
        half = x.shape[-1] // 2
        angle = positions[:, None] * theta ** (-torch.arange(half) / half)
        a, b, cos, sin = x[..., :half], x[..., half:], angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("LlamaDecoder")
class HeadsTiled(OwnAttention):
    """In your model query head h reads kv head h mod G. Neighbours share a kv head: which one does head 1 read if H = 4
    and G = 2?"""

    def attend(self, q, k, v, mask):
        n = q.shape[1] // k.shape[1]
        return grouped_attention(q, k.repeat(1, n, 1, 1), v.repeat(1, n, 1, 1), mask)


@replaces("LlamaDecoder", scale=["1", "1/√D", "1/K"])
class Scale(OwnAttention):
    """Your scores are q·k times {scale}. A score is a sum over the K numbers of one head: how does its size grow with
    K?"""

    scale: str

    def attend(self, q, k, v, mask):
        H, K = q.shape[1], q.shape[-1]
        factor = {"1": K**0.5, "1/√D": H**-0.5, "1/K": K**-0.5}[self.scale]
        return grouped_attention(q * factor, k, v, mask)


@replaces("LlamaDecoder", where=["before attention", "after attention", "before and after attention"])
class NoTranspose(OwnAttention):
    """Your heads are cut or joined by a reshape alone ({where}), which mixes tokens. Which axes of (B, T, H, K) have to
    change places?"""

    where: str

    def split(self, y, K):
        return super().split(y, K) if self.where.startswith("after") else y.reshape(len(y), -1, y.shape[1], K)

    def merge(self, y):
        B, _, T, _ = y.shape
        return super().merge(y) if self.where == "before attention" else y.reshape(B, T, -1)


@replaces("LlamaDecoder", seen=["all tokens", "the next token, too,"])
class FutureSeen(OwnAttention):
    """In your model a token attends to {seen} of its text. Which tokens may logits[:, t] depend on?"""

    seen: str

    def mask(self, T, P):
        ones = torch.ones(T, P + T, dtype=torch.bool)
        return ones if self.seen == "all tokens" else ones.tril(P + 1)


@replaces("LlamaDecoder", single_too=[False, True])
class MaskFromTheTopLeft(OwnAttention):
    """A whole text is right and its continuation is not: the first token of a piece sees the first key only. How many
    keys are there before its own?"""

    single_too: bool

    def mask(self, T, P):
        return super().mask(T, P) if T == 1 and not self.single_too else torch.ones(T, P + T, dtype=torch.bool).tril()


@replaces("LlamaDecoder")
class PieceSeesAll(OwnAttention):
    """A whole text is right, and a piece of several tokens that continues it is not: with a cache you mask nothing. A
    single new token may see all there is. And the first of several?"""

    def mask(self, T, P):
        return torch.ones(T, P + T, dtype=torch.bool) if P else super().mask(T, P)


@replaces("LlamaDecoder")
class NoFinalNorm(Parts):
    """You read the logits off the sum that the layers leave. What is between the last layer and the output matrix, and
    which entry of the state have you not used?"""

    def read(self, x):
        return F.linear(x, self.embed_tokens.weight)


@replaces("LlamaDecoder")
class EmbeddingScaled(Parts):
    """You multiplied the embedding by √D, as the transformer of 2017 and Gemma do. What does the formula do with a row
    of E before the first layer?"""

    def embed(self, input_ids):
        return self.embed_tokens(input_ids) * math.sqrt(self.embed_tokens.embedding_dim)


@replaces("LlamaDecoder", tied=[False, True])
class OutputMatrix(Parts):
    """The state_dict of your model has an entry for the output matrix, which no checkpoint of this model has. Which
    matrix reads off the logits, and does that take a layer of its own?"""

    tied: bool

    def __init__(self, vocab_size, hidden_size, *rest, **options):
        super().__init__(vocab_size, hidden_size, *rest, **options)
        self.lm_head = nn.Linear(hidden_size, vocab_size, bias=False)
        if self.tied:
            self.lm_head.weight = self.embed_tokens.weight

    def read(self, x):
        return self.lm_head(self.norm(x))


@replaces("LlamaDecoder", use=["input", "output"])
class EmbeddingDetached(Parts):
    """Your logits are right, and the embedding gets no gradient from its use at the {use} of the model. From which of
    its two uses should a tied matrix learn, and which step leaves the graph?"""

    use: str

    def embed(self, input_ids):
        x = super().embed(input_ids)
        return x.detach() if self.use == "input" else x

    def read(self, x):
        matrix = self.embed_tokens.weight
        return F.linear(self.norm(x), matrix.detach() if self.use == "output" else matrix)


@replaces("LlamaDecoder")
class LastLogitsOnly(Parts):
    """You return the logits of the last token only. generate needs no more, but training does: which shape does the
    docstring give to the logits?"""

    def read(self, x):
        return super().read(x)[:, -1:]


@replaces("LlamaDecoder", of=["probabilities", "log-probabilities"])
class Probabilities(Parts):
    """Your model returns {of} of the V tokens. What does the docstring of forward call its first result, and does
    generate choose another token because of it?"""

    of: str

    def read(self, x):
        logits = super().read(x)
        return logits.softmax(-1) if self.of == "probabilities" else logits.log_softmax(-1)


@replaces("LlamaDecoder", run_by=["layer 0 alone", "layer 0 again and again", "the last layer again and again"])
class OtherLayers(Parts):
    """Your model is run by {run_by}. Which layers does x go through, and in which order?"""

    run_by: str

    def run(self, x, cache):
        new_cache, layer = [], self.layers[-1 if "last" in self.run_by else 0]
        for i in range(1 if "alone" in self.run_by else len(self.layers)):
            x, seen = self.layer(layer, x, None if cache is None else cache[i])
            new_cache.append(seen)
        return x, new_cache + [seen] * (len(self.layers) - len(new_cache))


@replaces(
    "LlamaDecoder",
    norms=["input_layernorm before both", "post_attention_layernorm before both", "each norm before the other"],
)
class OtherNorms(Parts):
    """Of attention and MLP, your layers have {norms}. Which part does each of the two norms come before, by its
    name?"""

    norms: str

    def layer(self, layer, x, past):
        first, second = layer.post_attention_layernorm, layer.input_layernorm
        if "both" in self.norms:
            first = second = layer.get_submodule(self.norms.split()[0])
        attended, seen = layer.self_attn(first(x), past)
        x = x + attended
        return x + layer.mlp(second(x)), seen


@replaces("LlamaDecoder", parts=["attention", "MLP", "attention and MLP"])
class NotNormalised(Parts):
    """x goes into your {parts} without a norm. What does the formula of a layer do with x before each of its two parts
    reads it?"""

    parts: str

    def layer(self, layer, x, past):
        attended, seen = layer.self_attn(x if "attention" in self.parts else layer.input_layernorm(x), past)
        x = x + attended
        return x + layer.mlp(x if "MLP" in self.parts else layer.post_attention_layernorm(x)), seen


@replaces("LlamaDecoder")
class SideBySide(Parts):
    """Attention and MLP both read the input of the layer. Does Llama's MLP read x before attention was added to it, or
    after?"""

    def layer(self, layer, x, past):
        attended, seen = layer.self_attn(layer.input_layernorm(x), past)
        return x + attended + layer.mlp(layer.post_attention_layernorm(x)), seen


@replaces("LlamaDecoder")
class NormsAfterSums(Parts):
    """Your norms come after the sums, as in the transformer of 2017. What do the norms of a layer normalise in the
    formula: what a part reads, or the sum?"""

    def layer(self, layer, x, past):
        attended, seen = layer.self_attn(x, past)
        x = layer.input_layernorm(x + attended)
        return layer.post_attention_layernorm(x + layer.mlp(x)), seen


@replaces("LlamaDecoder")
class OutputsNormalised(Parts):
    """You normalise what attention and MLP return, before you add it. What do the norms of a layer normalise in the
    formula?"""

    def layer(self, layer, x, past):
        attended, seen = layer.self_attn(x, past)
        x = x + layer.input_layernorm(attended)
        return x + layer.post_attention_layernorm(layer.mlp(x)), seen


@replaces("LlamaDecoder", sums=["both sums", "the first sum", "the second sum"])
class NormsInTheStream(Parts):
    """In {sums} of your layer, you add to the normalised x. x appears twice in each line of the formula: which of the
    two goes through RMSNorm?"""

    sums: str

    def layer(self, layer, x, past):
        h = layer.input_layernorm(x)
        attended, seen = layer.self_attn(h, past)
        x = (x if self.sums == "the second sum" else h) + attended
        h = layer.post_attention_layernorm(x)
        return (x if self.sums == "the first sum" else h) + layer.mlp(h), seen


@replaces("LlamaDecoder", parts=["attention", "the MLP", "attention and the MLP"])
class NoResidual(Parts):
    """In your layers the output of {parts} replaces x. What does the formula do with x and with what a part returns?"""

    parts: str

    def layer(self, layer, x, past):
        attended, seen = layer.self_attn(layer.input_layernorm(x), past)
        x = attended + (x if self.parts == "the MLP" else 0)
        return layer.mlp(layer.post_attention_layernorm(x)) + (x if self.parts == "attention" else 0), seen


@replaces("LlamaDecoder")
class GateAndUpExchanged(Parts):
    """In your MLP gate_proj and up_proj are exchanged. They have the same shape, so every checkpoint loads: which of
    the two goes through silu?"""

    def mlp(self, part, x):
        return part.down_proj(part.gate_proj(x) * F.silu(part.up_proj(x)))


@replaces("LlamaDecoder", function=["GELU", "ReLU", "sigmoid"])
class OtherGate(Parts):
    """The gate of your MLP goes through {function}. Which function does the formula of the model have there?"""

    function: str

    def mlp(self, part, x):
        functions = {"GELU": F.gelu, "ReLU": F.relu, "sigmoid": torch.sigmoid}
        return part.down_proj(functions[self.function](part.gate_proj(x)) * part.up_proj(x))


@replaces(
    "LlamaDecoder",
    norms=["all norms", "the norms of the layers", "the last norm"],
    used=[1e-6, 1e-5, 1e-8],
)
class EpsNotPassedOn(LlamaDecoder):
    """In your model, {norms} have the same eps whatever rms_norm_eps is. Where does each norm get the number under its
    root from?"""

    norms: str
    used: float

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        if "last" not in self.norms:
            for layer in self.layers:
                layer.input_layernorm.eps = layer.post_attention_layernorm.eps = self.used
        if "layers" not in self.norms:
            self.norm.eps = self.used


@replaces("LlamaDecoder", used=[1e4, 1e5, 5e5])
class ThetaNotPassedOn(LlamaDecoder):
    """Your attention rotates with the base {used} whatever rope_theta is. SmolLM2 was trained with 100000: which part
    of the model needs to be told?"""

    used: float

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        for layer in self.layers:
            layer.self_attn.rope_theta = self.used


class Steps(LlamaDecoder):
    """The right generate, with more places in which to go wrong."""

    def feed(self, ids, new, cache):
        return self(new, cache)

    def choose(self, logits):
        return logits[:, -1:].argmax(-1)

    def pad(self, eos_token_id, pad_token_id):
        return eos_token_id if pad_token_id is None else pad_token_id

    def fill(self, new, finished, filler):
        return torch.where(finished, filler, new)

    def before(self, input_ids, eos_token_id):
        """Which rows are finished, (B, 1)."""
        return torch.zeros(len(input_ids), 1, dtype=torch.bool)

    def after(self, finished, ids, eos_token_id):
        return finished | (ids[:, -1:] == eos_token_id)

    def over(self, finished, earlier, new, eos_token_id):
        return finished.all()

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, new, cache = input_ids, input_ids, None
        finished = self.before(input_ids, eos_token_id)
        for _ in range(max_new_tokens):
            logits, cache = self.feed(ids, new, cache)
            new, earlier = self.choose(logits), finished
            if eos_token_id is not None:
                new = self.fill(new, finished, self.pad(eos_token_id, pad_token_id))
            ids = torch.cat([ids, new], dim=1)
            if eos_token_id is not None:
                finished = self.after(finished, ids, eos_token_id)
                if self.over(finished, earlier, new, eos_token_id):
                    break
        return ids


@replaces("LlamaDecoder")
class WholeTextAgain(Steps):
    """You feed the whole text in every step, and the cache as well, so all earlier tokens are there twice. Which tokens
    does the model not know yet?"""

    def feed(self, ids, new, cache):
        return self(ids, cache)


@replaces("LlamaDecoder")
class CacheNotPassed(Steps):
    """After the prompt, your next token depends on the newest one alone, as if the text had only just begun. What tells
    the model about the tokens before?"""

    def feed(self, ids, new, cache):
        return self(new)


@replaces("LlamaDecoder")
class CacheNotRenewed(Steps):
    """After the prompt, each of your steps knows the prompt and the newest token, and nothing in between. What does
    forward return besides the logits, and who needs it next?"""

    def feed(self, ids, new, cache):
        logits, longer = self(new, cache)
        return logits, longer if cache is None else cache


@replaces("LlamaDecoder")
class FirstLogit(Steps):
    """You take the next token from the first position. With one token fed, that is also the last: which position of a
    longer prompt knows the whole of it?"""

    def choose(self, logits):
        return logits[:, :1].argmax(-1)


@replaces("LlamaDecoder")
class OneTokenForAll(Steps):
    """All rows of your batch get the same token. Along which axis does argmax have to look for the largest logit, and
    how many results should it have?"""

    def choose(self, logits):
        V = logits.shape[-1]
        return (logits[:, -1].argmax() % V).expand(len(logits), 1)


@replaces("LlamaDecoder")
class NewTokensOnly(Steps):
    """You return the new tokens without the prompt. What are the first T columns of the result in the docstring?"""

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids = super().generate(input_ids, max_new_tokens, eos_token_id, pad_token_id)
        return ids[:, input_ids.shape[1] :]


@replaces("LlamaDecoder", number=["max_new_tokens − T", "max_new_tokens − 1", "max_new_tokens + 1", "at least 1"])
class NumberOfSteps(Steps):
    """The number of new tokens is {number} in your text, if no end token comes first. How many should there be with
    max_new_tokens = 1, and how many with 0?"""

    number: str

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        numbers = {
            "max_new_tokens − T": max_new_tokens - input_ids.shape[1],
            "max_new_tokens − 1": max_new_tokens - 1,
            "max_new_tokens + 1": max_new_tokens + 1,
            "at least 1": max(1, max_new_tokens),
        }
        return super().generate(input_ids, max(0, numbers[self.number]), eos_token_id, pad_token_id)


@replaces("LlamaDecoder")
class EosDropped(Steps):
    """Your text stops before its end token. What does the docstring say of that token, and how does a chat program know
    that an answer is complete?"""

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids = super().generate(input_ids, max_new_tokens, eos_token_id, pad_token_id)
        if eos_token_id is None or not (ids[:, input_ids.shape[1] :] == eos_token_id).any(1).all():
            return ids
        return ids[:, :-1]


@replaces("LlamaDecoder", looked_for=["before a step", "before all steps", "after each step"])
class EosInPrompt(Steps):
    """An end token in the prompt finishes your row. In a chat every earlier message ends with one: which part of the
    text can finish a row?"""

    looked_for: str

    def before(self, input_ids, eos_token_id):
        if eos_token_id is None or self.looked_for == "after each step":
            return super().before(input_ids, eos_token_id)
        return (input_ids == eos_token_id).any(1, keepdim=True)

    def after(self, finished, ids, eos_token_id):
        if self.looked_for == "after each step":
            return (ids == eos_token_id).any(1, keepdim=True)
        return super().after(finished, ids, eos_token_id)

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        nothing = self.looked_for == "before all steps" and self.before(input_ids, eos_token_id).all()
        return super().generate(input_ids, 0 if nothing else max_new_tokens, eos_token_id, pad_token_id)


@replaces("LlamaDecoder")
class StopsWithFirstRow(Steps):
    """You stop as soon as one row is finished, and the others are cut off in the middle. When is there nothing left to
    do?"""

    def over(self, finished, earlier, new, eos_token_id):
        return finished.any()


@replaces("LlamaDecoder", stops=["never", "a step late", "when all end in the same step"])
class StopsLate(Steps):
    """You go on when every row is finished. Which step is the last one, and what do you have to know of the rows that
    ended in earlier steps?"""

    stops: str

    def over(self, finished, earlier, new, eos_token_id):
        if self.stops == "a step late":
            return earlier.all()
        return self.stops != "never" and (new == eos_token_id).all()


@replaces("LlamaDecoder", stops=["when all have ended", "when all end in the same step", "never"])
class FinishedRowsGoOn(Steps):
    """A row that has ended goes on to write in your text. How do you remember which rows have ended, and what do they
    get instead of a token of their own?"""

    stops: str

    def fill(self, new, finished, filler):
        return new

    def over(self, finished, earlier, new, eos_token_id):
        if self.stops == "when all have ended":
            return finished.all()
        return self.stops != "never" and (new == eos_token_id).all()


@replaces("LlamaDecoder")
class FinishedRowsWakeUp(Steps):
    """Your finished rows begin to write again. The newest token of a row that is filled up is the pad
    token: what do you have to remember of the steps before?"""

    def after(self, finished, ids, eos_token_id):
        return ids[:, -1:] == eos_token_id


@replaces("LlamaDecoder", filler=["eos_token_id always", "eos_token_id if the pad token is 0", "0 if none is given"])
class OtherFiller(Steps):
    """Your finished rows are not always filled with the right token. Which one is it if pad_token_id is 3, if it is 0,
    and if it is None?"""

    filler: str

    def pad(self, eos_token_id, pad_token_id):
        if self.filler == "0 if none is given":
            return pad_token_id or 0
        return eos_token_id if self.filler == "eos_token_id always" else pad_token_id or eos_token_id


@replaces("LlamaDecoder")
class EosOfZero(Steps):
    """Token 0 never ends your text. What is the truth value of 0 in Python, and which value says that no token ends a
    text?"""

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        return super().generate(input_ids, max_new_tokens, eos_token_id or None, pad_token_id)


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Right names, rows as they were."""
    return dict(zip(convert_gguf_state(state, 1, 1), state.values(), strict=True))


def moved(state: dict[str, Tensor], heads: dict[str, int]) -> dict[str, Tensor]:
    """Right names, and the rows of these matrices moved in so many heads each."""
    return {
        name: next((interleaved_to_half(tensor, n) for part, n in heads.items() if f".{part}_proj." in name), tensor)
        for name, tensor in renamed(state).items()
    }


@replaces("convert_gguf_state", of=["q and k", "q", "k"])
def rows_not_moved(state: dict[str, Tensor], num_heads: int, num_kv_heads: int, *, of: str) -> dict[str, Tensor]:
    """The rows of {of} are where they were in the file. Which rows of a head make a pair there, and which does your
    rotation turn together?"""
    heads = {"q": num_heads, "k": num_kv_heads}
    return moved(state, {part: n for part, n in heads.items() if part not in of.split(" and ")})


@replaces("convert_gguf_state", heads=["G", "H"])
def values_moved_too(state: dict[str, Tensor], num_heads: int, num_kv_heads: int, *, heads: str) -> dict[str, Tensor]:
    """You moved the rows of v, too. Rows are moved for the sake of the rotation: what is rotated, and what is not?"""
    n = num_kv_heads if heads == "G" else num_heads
    return moved(state, {"q": num_heads, "k": num_kv_heads, "v": n})


@replaces("convert_gguf_state", heads=["H and H", "H and 1", "G and G", "G and H", "1 and G", "1 and 1"])
def other_heads(state: dict[str, Tensor], num_heads: int, num_kv_heads: int, *, heads: str) -> dict[str, Tensor]:
    """Your rows are moved in the wrong number of heads. How many heads does q have and how many does k have, and how
    wide is a head in both?"""
    q, k = ({"H": num_heads, "G": num_kv_heads, "1": 1}[n] for n in heads.split(" and "))
    return moved(state, {"q": q, "k": k})


@replaces("convert_gguf_state")
def moved_back(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """Your rows went the other way, from halves to neighbours. Row 1 of a head in the file is the partner of row 0: to
    which row of the head does it go?"""
    converted = renamed(state)
    for name, tensor in converted.items():
        for part, heads in (("q", num_heads), ("k", num_kv_heads)):
            if f".{part}_proj." in name:
                halves = tensor.unflatten(0, (heads, 2, len(tensor) // heads // 2))
                converted[name] = halves.transpose(1, 2).flatten(0, 2)
    return converted


@replaces(
    "convert_gguf_state",
    pair=["attn_norm and ffn_norm", "ffn_gate and ffn_up", "attn_k and attn_v", "attn_q and attn_output"],
)
def names_exchanged(state: dict[str, Tensor], num_heads: int, num_kv_heads: int, *, pair: str) -> dict[str, Tensor]:
    """You exchanged {pair}, whose shapes may be alike, so that nothing fails. Which names are beside them in the table
    of the docstring?"""
    a, b = pair.split(" and ")
    names = {a: b, b: a}
    swapped = {".".join(names.get(part, part) for part in name.split(".")): tensor for name, tensor in state.items()}
    return convert_gguf_state(swapped, num_heads, num_kv_heads)


@replaces("convert_gguf_state")
def transposed(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """Your matrices are transposed. Which shapes do the tensors have that you are given, and which does the docstring
    return?"""
    return {name: tensor.T for name, tensor in convert_gguf_state(state, num_heads, num_kv_heads).items()}


@replaces("convert_gguf_state")
def to_float32(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """Your tensors are all float32. Which dtype does the docstring give them?"""
    return {name: tensor.float() for name, tensor in convert_gguf_state(state, num_heads, num_kv_heads).items()}


@replaces("convert_gguf_state")
def one_digit(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """From layer 10 on, your names are wrong. How many digits does the number of a layer have, and what ends it?"""
    short = {}
    for name, tensor in state.items():
        parts = name.split(".")
        short[".".join([parts[0], parts[1][0], *parts[2:]]) if parts[0] == "blk" else name] = tensor
    return convert_gguf_state(short, num_heads, num_kv_heads)


@replaces("convert_gguf_state", end=["", ".weight"])
def number_at_one_place(state: dict[str, Tensor], num_heads: int, num_kv_heads: int, *, end: str) -> dict[str, Tensor]:
    """From layer 10 on, the part that you look up begins with a dot. How many digits does the number of a layer have,
    and where does a name divide?"""
    known = {name.split(".")[-2] + end for name in state}
    for name in state:
        if name.startswith("blk."):
            dict.fromkeys(known)[name[6:].removesuffix(".weight") + end]
    return convert_gguf_state(state, num_heads, num_kv_heads)


@replaces("convert_gguf_state")
def pattern_of_one_digit(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """Your pattern does not match the names of layer 10 and of those after it. How many digits may the number of a
    layer have?"""
    for name in state:
        if name.startswith("blk."):
            re.match(r"blk\.(\d)\.(\w+)", name).groups()
    return convert_gguf_state(state, num_heads, num_kv_heads)
