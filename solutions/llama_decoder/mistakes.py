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

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            x, seen = layer(x, None if cache is None else cache[i])
            new_cache.append(seen)
        return x, new_cache

    def read(self, x):
        return F.linear(self.norm(x), self.embed_tokens.weight)

    def forward(self, input_ids, cache=None):
        x, cache = self.run(self.embed(input_ids), cache)
        return self.read(x), cache


@replaces("LlamaDecoder")
class OneCache(Parts):
    """One cache goes through all your layers, so the second one finds the keys of the first in it and takes them for
    its own past. How many caches does a model of N layers have?"""

    def run(self, x, cache):
        seen = None if cache is None else cache[0]
        for layer in self.layers:
            x, seen = layer(x, seen)
        return x, [seen] * len(self.layers)


@replaces("LlamaDecoder")
class LastCacheForAll(Parts):
    """A text at once is right and its continuation is not: you return the cache of the last layer for all of them.
    Each layer must get back its own."""

    def run(self, x, cache):
        x, new_cache = super().run(x, cache)
        return x, [new_cache[-1]] * len(self.layers)


@replaces("LlamaDecoder")
class NoFinalNorm(Parts):
    """You read the logits off the sum that the layers leave. There is one more RMSNorm between the last layer and the
    output matrix: which entry of the state have you not used?"""

    def read(self, x):
        return F.linear(x, self.embed_tokens.weight)


@replaces("LlamaDecoder")
class EmbeddingScaled(Parts):
    """You multiplied the embedding by √D, as the transformer of 2017 and Gemma do. Llama does not."""

    def embed(self, input_ids):
        return self.embed_tokens(input_ids) * math.sqrt(self.embed_tokens.embedding_dim)


@replaces("LlamaDecoder")
class Untied(Parts):
    """Your model has an output matrix of its own. This one is tied: the matrix that gives a token its vector also reads
    the logits off, and a checkpoint holds it once."""

    def __init__(self, vocab_size, hidden_size, *rest, **options):
        super().__init__(vocab_size, hidden_size, *rest, **options)
        self.lm_head = nn.Linear(hidden_size, vocab_size, bias=False)

    def read(self, x):
        return self.lm_head(self.norm(x))


@replaces("LlamaDecoder")
class TwoNames(Parts):
    """Your output layer shares the embedding's matrix, which is right, and it has registered it a second time: the
    state_dict has an entry that no checkpoint of this model has. F.linear takes any matrix and needs no layer."""

    def __init__(self, vocab_size, hidden_size, *rest, **options):
        super().__init__(vocab_size, hidden_size, *rest, **options)
        self.lm_head = nn.Linear(hidden_size, vocab_size, bias=False)
        self.lm_head.weight = self.embed_tokens.weight

    def read(self, x):
        return self.lm_head(self.norm(x))


@replaces("LlamaDecoder")
class OutputDetached(Parts):
    """The numbers are right, but as an output matrix the embedding gets no gradient: .data and .detach() cut it off.
    In training a tied matrix learns from both of its uses."""

    def read(self, x):
        return F.linear(self.norm(x), self.embed_tokens.weight.detach())


@replaces("LlamaDecoder")
class EpsNotPassedOn(LlamaDecoder):
    """rms_norm_eps changes nothing in your model: some default is used instead. Pass it on to every norm."""

    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        num_kv_heads,
        intermediate_size,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
    ):
        super().__init__(
            vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, 1e-6, rope_theta
        )


@replaces("LlamaDecoder")
class ThetaNotPassedOn(LlamaDecoder):
    """rope_theta does not reach your attention, which rotates with its default of 10000. SmolLM2 was trained with
    100000."""

    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        num_kv_heads,
        intermediate_size,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
    ):
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, rms_norm_eps)


@replaces("LlamaDecoder")
class EpsOfTheLastNormOnly(LlamaDecoder):
    """rms_norm_eps reaches the last norm of your model, and those in the layers keep a default. How many norms does a
    layer have, and from where do they get the number under the root?"""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        for layer in self.layers:
            layer.input_layernorm.eps = layer.post_attention_layernorm.eps = 1e-6


@replaces("LlamaDecoder")
class EpsNotInTheLastNorm(LlamaDecoder):
    """rms_norm_eps reaches the norms of your layers, and the one behind the last layer keeps a default. From where does
    it get the number under the root?"""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.norm.eps = 1e-6


class Steps(LlamaDecoder):
    """The right generate, with more places in which to go wrong."""

    def feed(self, ids, new, cache):
        return self(new, cache)

    def choose(self, logits):
        return logits[:, -1:].argmax(-1)

    def pad(self, eos_token_id, pad_token_id):
        return eos_token_id if pad_token_id is None else pad_token_id

    def before(self, input_ids, eos_token_id):
        """Which rows are finished, (B, 1)."""
        return torch.zeros(len(input_ids), 1, dtype=torch.bool)

    def over(self, finished):
        return finished.all()

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, new, cache = input_ids, input_ids, None
        finished = self.before(input_ids, eos_token_id)
        for _ in range(max_new_tokens):
            logits, cache = self.feed(ids, new, cache)
            new = self.choose(logits)
            if eos_token_id is not None:
                new = torch.where(finished, self.pad(eos_token_id, pad_token_id), new)
                finished = finished | (new == eos_token_id)
            ids = torch.cat([ids, new], dim=1)
            if self.over(finished):
                break
        return ids


@replaces("LlamaDecoder")
class WholeTextAgain(Steps):
    """You feed the whole text in every step, and the cache as well: all earlier tokens are then there twice, the second
    time at later positions. What does the model not know yet?"""

    def feed(self, ids, new, cache):
        return self(ids, cache)


@replaces("LlamaDecoder")
class CacheNotPassed(Steps):
    """After the prompt you feed the newest token alone and without the cache: the model answers as if the text had only
    just begun."""

    def feed(self, ids, new, cache):
        return self(new)


@replaces("LlamaDecoder")
class FirstLogit(Steps):
    """You take the next token from the first position. After a prompt of several tokens it is predicted where the
    prompt ends; with one token fed, the first position is also the last."""

    def choose(self, logits):
        return logits[:, :1].argmax(-1)


@replaces("LlamaDecoder")
class NewTokensOnly(Steps):
    """You return the new tokens without the prompt. The result is the text, continued."""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids = super().generate(input_ids, max_new_tokens, eos_token_id, pad_token_id)
        return ids[:, input_ids.shape[1] :]


@replaces("LlamaDecoder")
class PromptCounted(Steps):
    """Your text ends when it is max_new_tokens long. That limit is for the new tokens and not for the prompt."""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        left = max(0, max_new_tokens - input_ids.shape[1])
        return super().generate(input_ids, left, eos_token_id, pad_token_id)


@replaces("LlamaDecoder")
class AtLeastOne(Steps):
    """For max_new_tokens = 0 you produce one token: the one after the prompt is chosen before the loop begins."""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        return super().generate(input_ids, max(1, max_new_tokens), eos_token_id, pad_token_id)


@replaces("LlamaDecoder")
class EosDropped(Steps):
    """You stop before the end token is appended. It belongs to the text: a chat program looks for it to know that the
    answer is complete."""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, new, cache = input_ids, input_ids, None
        finished = self.before(input_ids, eos_token_id)
        for _ in range(max_new_tokens):
            logits, cache = self.feed(ids, new, cache)
            new = self.choose(logits)
            if eos_token_id is not None:
                new = torch.where(finished, self.pad(eos_token_id, pad_token_id), new)
                finished = finished | (new == eos_token_id)
            if self.over(finished):
                break
            ids = torch.cat([ids, new], dim=1)
        return ids


@replaces("LlamaDecoder")
class EosInPrompt(Steps):
    """An end token in the prompt finishes your row before it has begun. In a chat every earlier message ends with one:
    only what is produced counts."""

    def before(self, input_ids, eos_token_id):
        return (input_ids == eos_token_id).any(1, keepdim=True)

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        if eos_token_id is None:
            return super().generate(input_ids, max_new_tokens)
        ended = bool(self.before(input_ids, eos_token_id).all())
        return super().generate(input_ids, 0 if ended else max_new_tokens, eos_token_id, pad_token_id)


@replaces("LlamaDecoder")
class StopsWithFirstRow(Steps):
    """You stop as soon as one row is finished, and the others are cut off in the middle. When is there nothing left to
    do?"""

    def over(self, finished):
        return finished.any()


@replaces("LlamaDecoder")
class FinishedRowsGoOn(Steps):
    """Your finished rows go on to write, behind their end token. A row that has ended is only filled up, so that the
    batch stays a rectangle."""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, new, cache = input_ids, input_ids, None
        finished = self.before(input_ids, eos_token_id)
        for _ in range(max_new_tokens):
            logits, cache = self.feed(ids, new, cache)
            new = self.choose(logits)
            finished = finished | (new == eos_token_id) if eos_token_id is not None else finished
            ids = torch.cat([ids, new], dim=1)
            if self.over(finished):
                break
        return ids


@replaces("LlamaDecoder")
class OnlyTogether(Steps):
    """You stop only when all rows produce the end token in one and the same step, and a row that has ended goes on to
    write. How do you remember which rows have ended earlier, and what do they get instead of a token of their own?"""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, new, cache = input_ids, input_ids, None
        for _ in range(max_new_tokens):
            logits, cache = self.feed(ids, new, cache)
            new = self.choose(logits)
            ids = torch.cat([ids, new], dim=1)
            if eos_token_id is not None and (new == eos_token_id).all():
                break
        return ids


@replaces("LlamaDecoder")
class PadIgnored(Steps):
    """You fill finished rows with the end token although pad_token_id names another. The end token is for the case that
    none is given."""

    def pad(self, eos_token_id, pad_token_id):
        return eos_token_id


@replaces("LlamaDecoder")
class PadOfZero(Steps):
    """pad_token_id = 0 counts as none in yours: `or` takes 0 for nothing. Only None means that no token was given."""

    def pad(self, eos_token_id, pad_token_id):
        return pad_token_id or eos_token_id


@replaces("LlamaDecoder")
class EosOfZero(Steps):
    """Token 0 never ends your text: `if eos_token_id` takes 0 for nothing. Only None means that no token does."""

    @torch.no_grad()
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


@replaces("convert_gguf_state")
def rows_not_moved(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """Your names are right and all rows stay where they were. In the file the pairs of a head of q and k are
    neighbours, and your rotation joins r with r + K/2: every shape fits, and the rotation is another one."""
    return renamed(state)


@replaces("convert_gguf_state")
def values_moved_too(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """You moved the rows of v as well. Rows are moved for the rotation's sake: what is rotated, and what is not?"""
    return moved(state, {"q": num_heads, "k": num_kv_heads, "v": num_kv_heads})


@replaces("convert_gguf_state")
def keys_with_query_heads(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """You cut k into as many heads as q. It has G of them, each as wide as a query's."""
    return moved(state, {"q": num_heads, "k": num_heads})


@replaces("convert_gguf_state")
def moved_back(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """Your rows went the other way, from halves to neighbours. The file has neighbours: row 1 of a head goes to
    K/2."""
    converted = renamed(state)
    for name, tensor in converted.items():
        for part, heads in (("q", num_heads), ("k", num_kv_heads)):
            if f".{part}_proj." in name:
                halves = tensor.unflatten(0, (heads, 2, len(tensor) // heads // 2))
                converted[name] = halves.transpose(1, 2).flatten(0, 2)
    return converted


@replaces("convert_gguf_state")
def norms_swapped(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """You exchanged the two norms of a layer, which have the same shape. attn_norm stands before the attention, and
    Hugging Face calls that one input_layernorm."""
    names = {"attn_norm": "ffn_norm", "ffn_norm": "attn_norm"}
    swapped = {}
    for name, tensor in state.items():
        parts = name.split(".")
        swapped[".".join(names.get(part, part) for part in parts)] = tensor
    return convert_gguf_state(swapped, num_heads, num_kv_heads)


@replaces("convert_gguf_state")
def one_digit(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """From layer 10 on your names are wrong: the number of a layer may have two digits."""
    short = {}
    for name, tensor in state.items():
        parts = name.split(".")
        short[".".join([parts[0], parts[1][0], *parts[2:]]) if parts[0] == "blk" else name] = tensor
    return convert_gguf_state(short, num_heads, num_kv_heads)


def look_up_at_one_place(state: dict[str, Tensor], end: str) -> None:
    """Fails where the part of a name, with this end, does not begin behind one digit and a dot."""
    known = {name.split(".")[-2] + end: name for name in state}
    for name in state:
        if name.startswith("blk."):
            known[name[6:].removesuffix(".weight") + end]


@replaces("convert_gguf_state")
def number_at_one_place(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """You read the number of the layer at one place of the name, and the part from the second place behind it. From
    layer 10 on the number has two digits, and your part begins with a dot. Where does a name divide?"""
    look_up_at_one_place(state, "")
    return convert_gguf_state(state, num_heads, num_kv_heads)


@replaces("convert_gguf_state")
def rest_at_one_place(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """You read the number of the layer at one place of the name, and all the rest from the second place behind it. From
    layer 10 on the number has two digits, and your rest begins with a dot. Where does a name divide?"""
    look_up_at_one_place(state, ".weight")
    return convert_gguf_state(state, num_heads, num_kv_heads)


@replaces("convert_gguf_state")
def pattern_of_one_digit(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """Your pattern has one digit for the number of the layer, and the names of layer 10 and of the next ones do not
    match it. How many digits may follow one another?"""
    for name in state:
        if name.startswith("blk."):
            re.match(r"blk\.(\d)\.(\w+)", name).groups()
    return convert_gguf_state(state, num_heads, num_kv_heads)


@replaces("LlamaDecoder")
class OneLayer(Parts):
    """Only your first layer runs, and its cache stands for all. What does layer 1 get as its input?"""

    def run(self, x, cache):
        x, seen = self.layers[0](x, None if cache is None else cache[0])
        return x, [seen] * len(self.layers)


@replaces("LlamaDecoder")
class OneNormForBoth(Parts):
    """input_layernorm stands before the attention and before the MLP as well. Each layer has two norms. Which entry
    of the state have you not used?"""

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            attended, seen = layer.self_attn(layer.input_layernorm(x), None if cache is None else cache[i])
            x = x + attended
            x = x + layer.mlp(layer.input_layernorm(x))
            new_cache.append(seen)
        return x, new_cache


@replaces("LlamaDecoder")
class SideBySide(Parts):
    """Attention and MLP both read the input of the layer. In Llama the MLP reads what the attention has added. Which
    of x and y goes into the second norm?"""

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            attended, seen = layer.self_attn(layer.input_layernorm(x), None if cache is None else cache[i])
            x = x + attended + layer.mlp(layer.post_attention_layernorm(x))
            new_cache.append(seen)
        return x, new_cache


@replaces("LlamaDecoder")
class NormsAfterSums(Parts):
    """Your norms stand behind the sums. Llama normalises what goes into each branch and leaves the sum as it is.
    Where does the norm stand in the formula of a layer?"""

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            attended, seen = layer.self_attn(x, None if cache is None else cache[i])
            x = layer.input_layernorm(x + attended)
            x = layer.post_attention_layernorm(x + layer.mlp(x))
            new_cache.append(seen)
        return x, new_cache


@replaces("LlamaDecoder")
class NormsInTheStream(Parts):
    """You add each branch to the normalised x, so that the sum is normalised anew in every layer. In the formula of a
    layer x stands twice: which of the two goes through RMSNorm?"""

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            x = layer.input_layernorm(x)
            attended, seen = layer.self_attn(x, None if cache is None else cache[i])
            x = layer.post_attention_layernorm(x + attended)
            x = x + layer.mlp(x)
            new_cache.append(seen)
        return x, new_cache


@replaces("LlamaDecoder")
class FirstNormInTheStream(Parts):
    """You add the attention to the normalised x; the MLP is added to y itself, as it should be. In the formula of a
    layer x stands twice: which of the two goes through RMSNorm?"""

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            x = layer.input_layernorm(x)
            attended, seen = layer.self_attn(x, None if cache is None else cache[i])
            x = x + attended
            x = x + layer.mlp(layer.post_attention_layernorm(x))
            new_cache.append(seen)
        return x, new_cache


@replaces("LlamaDecoder")
class LastLogitsOnly(Parts):
    """You return the logits of the last token only. generate needs no more, and training needs the logits of all T
    tokens. Which shape does the docstring name?"""

    def read(self, x):
        return super().read(x)[:, -1:]


@replaces("LlamaDecoder")
class NeverStops(Steps):
    """You go on to max_new_tokens although every row is finished, and fill up rows with padding. When is there
    nothing left to do?"""

    def over(self, finished):
        return False


@replaces("convert_gguf_state")
def gate_and_up_exchanged(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """You exchanged gate_proj and up_proj, which have the same shape. Which of the two names stands in ffn_gate?"""
    names = {"ffn_gate": "ffn_up", "ffn_up": "ffn_gate"}
    swapped = {".".join(names.get(part, part) for part in name.split(".")): tensor for name, tensor in state.items()}
    return convert_gguf_state(swapped, num_heads, num_kv_heads)


def turned_from_zero(attention: nn.Module, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
    """The attention of a layer, with the new tokens at positions 0 to T - 1 whatever the cache holds."""
    T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
    q, k, v = (
        proj(x).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
        for proj in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    q, k = (apply_rope(each, torch.arange(T), attention.rope_theta) for each in (q, k))
    if cache is not None:
        k, v = torch.cat([cache["k"], k], dim=2), torch.cat([cache["v"], v], dim=2)
    heads = grouped_attention(q, k, v, torch.ones(T, P + T, dtype=torch.bool).tril(P))
    return attention.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}


@replaces("LlamaDecoder")
class PositionsRestart(Parts):
    """A text at once is right and its continuation is not: with a cache, your new queries and keys are turned as if
    the text began with them. How many tokens stand before the first of them, and which of its arguments tells the
    attention so?"""

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            past = None if cache is None else cache[i]
            attended, seen = turned_from_zero(layer.self_attn, layer.input_layernorm(x), past)
            x = x + attended
            x = x + layer.mlp(layer.post_attention_layernorm(x))
            new_cache.append(seen)
        return x, new_cache


class OwnAttention(Parts):
    """The right model with an attention written out, in which more can go wrong."""

    def turn(self, x: Tensor, positions: Tensor, theta: float) -> Tensor:
        return apply_rope(x, positions, theta)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return grouped_attention(q, k, v, mask)

    def attention(self, part: nn.Module, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
        q, k, v = (
            proj(x).unflatten(-1, (-1, part.head_dim)).transpose(1, 2)
            for proj in (part.q_proj, part.k_proj, part.v_proj)
        )
        q, k = (self.turn(each, torch.arange(P, P + T), part.rope_theta) for each in (q, k))
        if cache is not None:
            k, v = torch.cat([cache["k"], k], dim=2), torch.cat([cache["v"], v], dim=2)
        heads = self.attend(q, k, v, torch.ones(T, P + T, dtype=torch.bool).tril(P))
        return part.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            past = None if cache is None else cache[i]
            attended, seen = self.attention(layer.self_attn, layer.input_layernorm(x), past)
            x = x + attended
            x = x + layer.mlp(layer.post_attention_layernorm(x))
            new_cache.append(seen)
        return x, new_cache


@replaces("LlamaDecoder")
class HalfExponent(OwnAttention):
    """Your rotary frequencies are rope_theta^(-i/K), so the later pairs turn faster than they should. The exponents of
    the K/2 pairs go from 0 to nearly -1. Where do yours end?"""

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
    """Queries and keys are not rotated in your layers, so the model does not know in which order the tokens came. What
    does rope_theta stand for?"""

    def turn(self, x, positions, theta):
        return x


@replaces("LlamaDecoder")
class HeadsTiled(OwnAttention):
    """Your heads of queries go round: head h reads kv head h mod G, since the heads of keys and values were repeated as
    a whole. Neighbours share a kv head: which of them does head 1 read if H = 4 and G = 2?"""

    def attend(self, q, k, v, mask):
        n = q.shape[1] // k.shape[1]
        return grouped_attention(q, k.repeat(1, n, 1, 1), v.repeat(1, n, 1, 1), mask)


@replaces("LlamaDecoder")
class MaskFromTheTopLeft(OwnAttention):
    """A text at once is right, and a piece of several tokens that continues it is not: your mask begins at the top
    left, so the first token of the piece sees the first key only. How many keys stand before it?"""

    def attend(self, q, k, v, mask):
        T, S = mask.shape
        return grouped_attention(q, k, v, mask if T == 1 else torch.ones(T, S, dtype=torch.bool).tril())


@replaces("LlamaDecoder")
class PieceSeesAll(OwnAttention):
    """A text at once is right, and a piece of several tokens that continues it is not: with a cache you mask nothing.
    A single new token may see all there is. And the first of several?"""

    def attend(self, q, k, v, mask):
        T, S = mask.shape
        return grouped_attention(q, k, v, mask if T == S else torch.ones_like(mask))


@replaces("LlamaDecoder")
class EosInWholeText(Steps):
    """After each step you look for the end token in the whole text, so a row whose prompt holds one is finished with
    its first new token. In a chat every earlier message ends with one. Which part of the text can finish a row?"""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, new, cache = input_ids, input_ids, None
        finished = torch.zeros(len(input_ids), 1, dtype=torch.bool)
        for _ in range(max_new_tokens):
            logits, cache = self.feed(ids, new, cache)
            new = self.choose(logits)
            if eos_token_id is not None:
                new = torch.where(finished, self.pad(eos_token_id, pad_token_id), new)
            ids = torch.cat([ids, new], dim=1)
            if eos_token_id is not None:
                finished = (ids == eos_token_id).any(1, keepdim=True)
            if self.over(finished):
                break
        return ids


@replaces("LlamaDecoder")
class FinishedRowsWakeUp(Steps):
    """Your finished rows wake up: in each step you ask anew whether the newest token is the end token, and in a row
    that is filled up it is the pad token. What do you have to remember of the steps before?"""

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, new, cache = input_ids, input_ids, None
        finished = self.before(input_ids, eos_token_id)
        for _ in range(max_new_tokens):
            logits, cache = self.feed(ids, new, cache)
            new = self.choose(logits)
            if eos_token_id is not None:
                new = torch.where(finished, self.pad(eos_token_id, pad_token_id), new)
                finished = new == eos_token_id
            ids = torch.cat([ids, new], dim=1)
            if self.over(finished):
                break
        return ids


def turned_when_read(attention: nn.Module, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
    """The attention of a layer, whose cache holds keys as they come out of k_proj."""
    T, P = x.shape[1], 0 if cache is None else cache["k"].shape[2]
    q, k, v = (
        proj(x).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
        for proj in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    if cache is not None:
        k, v = torch.cat([cache["k"], k], dim=2), torch.cat([cache["v"], v], dim=2)
    turned = apply_rope(k, torch.arange(P + T), attention.rope_theta)
    q = apply_rope(q, torch.arange(P, P + T), attention.rope_theta)
    heads = grouped_attention(q, turned, v, torch.ones(T, P + T, dtype=torch.bool).tril(P))
    return attention.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}


@replaces("LlamaDecoder")
class KeysCachedUnturned(Parts):
    """Your logits are right, and your cache holds keys as they were before the rotation, so every step turns all of
    them again. The position of a token never changes: what does the docstring keep under "k"?"""

    def run(self, x, cache):
        new_cache = []
        for i, layer in enumerate(self.layers):
            past = None if cache is None else cache[i]
            attended, seen = turned_when_read(layer.self_attn, layer.input_layernorm(x), past)
            x = x + attended
            x = x + layer.mlp(layer.post_attention_layernorm(x))
            new_cache.append(seen)
        return x, new_cache
