"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from minilm_encoder import BertEncoder, convert_bert_state, mean_pool
from torch import Tensor

from grader.testing import replaces

# In this order names can be replaced wherever they occur: "output.dense" is also the end of "attention.output.dense".
RENAMED = [
    ("encoder.layer.", "layers."),
    ("embeddings.LayerNorm", "embedding_norm"),
    ("attention.self.query", "q_proj"),
    ("attention.self.key", "k_proj"),
    ("attention.self.value", "v_proj"),
    ("attention.output.dense", "out_proj"),
    ("attention.output.LayerNorm", "attn_norm"),
    ("intermediate.dense", "fc1"),
    ("output.dense", "fc2"),
    ("output.LayerNorm", "ffn_norm"),
    ("embeddings.word", "word"),
    ("embeddings.position_e", "position_e"),
    ("embeddings.token_type", "token_type"),
]


def renamed(name: str, pairs: list[tuple[str, str]] = RENAMED) -> str:
    for theirs, ours in pairs:
        name = name.replace(theirs, ours)
    return name


def left_out(name: str) -> bool:
    return "pooler" in name or "position_ids" in name or name.startswith("cls.")


@replaces("convert_bert_state")
def norms_swapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """attn_norm and ffn_norm have changed places, and since all norms have one shape the state dict loads without a
    word. attention.output.LayerNorm is the norm after the attention."""
    pairs = {"attn_norm": "ffn_norm", "ffn_norm": "attn_norm"}
    converted = convert_bert_state(state)
    parts = {name: name.split(".") for name in converted}
    return {".".join(pairs.get(part, part) for part in parts[name]): value for name, value in converted.items()}


@replaces("convert_bert_state")
def queries_are_keys(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Queries and keys have changed places. Their matrices have one shape, so nothing complains, and every token is
    read by those that it should read."""
    converted = convert_bert_state(state)
    pairs = {"q_proj": "k_proj", "k_proj": "q_proj"}
    parts = {name: name.split(".") for name in converted}
    return {".".join(pairs.get(part, part) for part in parts[name]): value for name, value in converted.items()}


@replaces("convert_bert_state")
def short_name_first(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You replace output.dense before attention.output.dense, which ends the same: out_proj then gets a name that no
    module has. Which of the two names must be looked for first?"""
    pairs = sorted(RENAMED, key=lambda pair: not pair[0].startswith("output."))
    return {renamed(name.removeprefix("bert."), pairs): value for name, value in state.items() if not left_out(name)}


@replaces("convert_bert_state")
def ending_decides(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You look at the end of a name, and output.dense and output.LayerNorm are also the ends of two longer names of the
    table: out_proj and attn_norm get the names of fc2 and ffn_norm. What stands in front of these ends?"""
    pairs = {"out_proj": "fc2", "attn_norm": "ffn_norm"}
    converted = {}
    for name, value in convert_bert_state(state).items():
        converted[".".join(pairs.get(part, part) for part in name.split("."))] = value
    return converted


@replaces("convert_bert_state")
def pooler_kept(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names that are not in the table went through, and load_state_dict refuses them: BertEncoder has no pooler, no
    position_ids and no head."""
    return {renamed(name.removeprefix("bert.")): value for name, value in state.items()}


@replaces("convert_bert_state")
def first_name_decides(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You look at the first name to see whether "bert." stands in front of all. A head has names of its own, without
    it, and may come first. Which names are sure to tell?"""
    if not next(iter(state)).startswith("bert."):
        return convert_bert_state({name: value for name, value in state.items() if not name.startswith("bert.")})
    return convert_bert_state(state)


@replaces("convert_bert_state")
def prefix_kept(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """In a checkpoint with a head all names of the encoder begin with "bert.", and yours still do. What has to go
    before you look at the rest of the name?"""
    return {renamed(name): value for name, value in state.items() if not left_out(name)}


@replaces("convert_bert_state")
def prefix_not_expected(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of a checkpoint whose names begin with "bert." nothing is left: none of them is in a row of your table. What
    has to be taken off before you look a name up, and is it that and nothing more?"""
    return convert_bert_state({name: value for name, value in state.items() if not name.startswith("bert.")})


@replaces("convert_bert_state")
def one_digit(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You read one digit of the layer's number, so layers 10 and 11 become layer 1. bert-base has twelve layers. Split
    the name at its dots."""
    converted = {}
    for name, value in convert_bert_state(state).items():
        parts = name.split(".")
        if parts[0] == "layers":
            parts[1] = parts[1][0]
        converted[".".join(parts)] = value
    return converted


@replaces("convert_bert_state")
def transposed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You transposed the matrices of the linear maps. The file has them as nn.Linear does, (out, in); GPT-2's files
    have them the other way round."""
    linear = ("_proj.weight", "fc1.weight", "fc2.weight")
    return {name: value.T if name.endswith(linear) else value for name, value in convert_bert_state(state).items()}


@replaces("mean_pool")
def mean_over_padding(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The padding is in your mean, so the vector of a text depends on how long the longest text beside it is. Sum over
    tokens alone, and divide by their number."""
    return hidden.mean(1)


@replaces("mean_pool")
def mean_is_float32(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Your mask is float32, and so is its product with vectors of half precision: the mean comes back in another dtype
    than hidden has. In which dtype should the mask be?"""
    mask = attention_mask.unsqueeze(-1).float()
    return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)


@replaces("mean_pool")
def divided_by_length(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The sum is over tokens alone, and you divided it by the length of the row with its padding. How many vectors are
    in the sum?"""
    return (hidden * attention_mask.unsqueeze(-1)).mean(1)


@replaces("mean_pool")
def cls_pooling(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You took the vector of the first token, [CLS], and left the others out. all-MiniLM-L6-v2 was trained with the
    mean over all tokens."""
    return hidden[:, 0]


@replaces("mean_pool")
def empty_nan(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """A text that is nothing but padding has no token, and 0/0 is NaN. Keep the divisor from being 0."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(1) / mask.sum(1)


@replaces("mean_pool")
def first_columns(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You counted the tokens of a text and averaged as many vectors from its beginning. The docstring allows padding in
    any place: where do the tokens stand then?"""
    lengths = attention_mask.long().sum(1, keepdim=True)
    return mean_pool(hidden, torch.arange(hidden.shape[1]) < lengths)


@replaces("mean_pool")
def mean_of_padding(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You averaged the vectors of the padding. Which number stands for a token in attention_mask?"""
    return mean_pool(hidden, attention_mask == 0)


@replaces("mean_pool")
def largest_of_each(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You took the largest number of each column over the tokens. Which of the poolings gives every token the same
    share?"""
    tokens = attention_mask.bool()[..., None]
    largest = hidden.masked_fill(~tokens, float("-inf")).amax(1)
    return torch.where(tokens.any(1), largest, torch.zeros_like(largest))


def embedded(
    model: BertEncoder,
    input_ids: Tensor,
    types: Tensor | None,
    *,
    shift: int = 0,
    position: float = 1.0,
    norm: bool = True,
) -> Tensor:
    """The sum of the three embeddings and its norm; right unless told otherwise."""
    types = torch.zeros_like(input_ids) if types is None else types
    where = torch.arange(input_ids.shape[1]) + shift
    x = model.word_embeddings(input_ids) + position * model.position_embeddings(where)
    x = x + model.token_type_embeddings(types)
    return model.embedding_norm(x) if norm else x


def through(model: BertEncoder, x: Tensor, mask: Tensor | None) -> Tensor:
    for layer in model.layers:
        x = layer(x, mask)
    return x


@replaces("BertEncoder")
class NoTokenType(BertEncoder):
    """Without token_type_ids you added nothing. Type 0 has a learned vector as well, and every token of a single text
    gets it."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        if token_type_ids is not None:
            return super().forward(input_ids, attention_mask, token_type_ids)
        x = self.word_embeddings(input_ids) + self.position_embeddings(torch.arange(input_ids.shape[1]))
        return through(self, self.embedding_norm(x), attention_mask)


@replaces("BertEncoder")
class TypesIgnored(BertEncoder):
    """token_type_ids has no effect: every token gets the vector of type 0."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return super().forward(input_ids, attention_mask)


@replaces("BertEncoder")
class NoEmbeddingNorm(BertEncoder):
    """The sum of the embeddings goes into the first layer as it is. embedding_norm is applied to it before."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return through(self, embedded(self, input_ids, token_type_ids, norm=False), attention_mask)


@replaces("BertEncoder")
class NoPositions(BertEncoder):
    """Your texts are bags of words: no position was added, and attention itself knows no order."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return through(self, embedded(self, input_ids, token_type_ids, position=0.0), attention_mask)


@replaces("BertEncoder")
class PositionsFromOne(BertEncoder):
    """Your first token has position 1. BERT counts from 0; it is RoBERTa that leaves rows free at the start."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return through(self, embedded(self, input_ids, token_type_ids, shift=1), attention_mask)


@replaces("BertEncoder")
class MaskNotPassed(BertEncoder):
    """The layers do not get the mask: their tokens read the padding, and pooling with the mask comes too late. Every
    layer needs it."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return super().forward(input_ids, None, token_type_ids)


@replaces("BertEncoder")
class InfinitePadding(BertEncoder):
    """Your tokens are right, and -inf stands at padding. A sum with weights of 0 makes NaN of that: what may stand
    there by the docstring?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        y = super().forward(input_ids, attention_mask, token_type_ids)
        return y if attention_mask is None else y.masked_fill(attention_mask.unsqueeze(-1) == 0, float("-inf"))


@replaces("BertEncoder")
class EmbedsUnmasked(BertEncoder):
    """embed pools with the mask, and calls the model without it: the vectors that it pools have read the padding."""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(mean_pool(self(input_ids), attention_mask), dim=-1)


@replaces("BertEncoder")
class NotNormalised(BertEncoder):
    """The vectors of embed have the length that the mean left them. Divide each by its length."""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return mean_pool(self(input_ids, attention_mask), attention_mask)


@replaces("BertEncoder")
class NormalisedOverBatch(BertEncoder):
    """You normalised along axis 0: each column over the texts, and a text's vector depends on its neighbours. Which
    axis holds the numbers of one text?"""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(mean_pool(self(input_ids, attention_mask), attention_mask), dim=0)


@replaces("BertEncoder")
class NormalisedTokens(BertEncoder):
    """You normalised the tokens' vectors and then took the mean, which is shorter than 1. First the mean, then its
    length."""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return mean_pool(F.normalize(self(input_ids, attention_mask), dim=-1), attention_mask)


@replaces("BertEncoder")
class DirectionsAveraged(BertEncoder):
    """You brought each token's vector to length 1 before the mean, so that a long vector counts no more than a short
    one; the result has length 1, and another direction. Which vectors does the docstring average?"""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        directions = F.normalize(self(input_ids, attention_mask), dim=-1)
        return F.normalize(mean_pool(directions, attention_mask), dim=-1)


@replaces("BertEncoder")
class NoGradient(BertEncoder):
    """embed runs without gradients, so nobody can train with it. Whether gradients are wanted is for the caller to
    say."""

    @torch.no_grad()
    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return super().embed(input_ids, attention_mask)


@replaces("BertEncoder")
class SharedLayer(BertEncoder):
    """All your layers are one: [block] * n repeats the same object, and the last layer's weights overwrite the others
    when a state dict is loaded. ALBERT shares its layers, BERT does not."""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        self.layers = torch.nn.ModuleList([self.layers[0]] * num_layers)


@replaces("BertEncoder")
class PlainList(BertEncoder):
    """The layers are in a plain list, where nn.Module does not look: they are missing from the state dict and from
    the optimiser. What is torch's list for modules?"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        layers = list(self.layers)
        del self.layers
        self.layers = layers


@replaces("BertEncoder")
class SavedPositions(BertEncoder):
    """Your position_ids are in the state dict, and no converted checkpoint has them. register_buffer takes
    persistent=False."""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        self.register_buffer("position_ids", torch.arange(len(self.position_embeddings.weight)))


@replaces("BertEncoder")
class EpsForgotten(BertEncoder):
    """layer_norm_eps does not reach the layers: their norms work with a constant."""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        for layer in self.layers:
            layer.attn_norm.eps = layer.ffn_norm.eps = 1e-12


@replaces("BertEncoder")
class EpsOfTorch(BertEncoder):
    """embedding_norm has the eps of nn.LayerNorm, 1e-5. It has layer_norm_eps too, like the norms of the layers."""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        self.embedding_norm.eps = 1e-5


@replaces("BertEncoder")
class FirstTokenEmbedded(BertEncoder):
    """embed returns the vector of the first token, at length 1. BERT was trained with it, sentence encoders such as
    MiniLM were not: which vectors does the docstring average?"""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(self(input_ids, attention_mask)[:, 0], dim=-1)


@replaces("BertEncoder")
class MaskReversed(BertEncoder):
    """Your layers take 1 for padding, as key_padding_mask of torch's own layers does. Which number stands for a token
    in the docstring?"""

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        return super().forward(input_ids, None if attention_mask is None else attention_mask == 0, token_type_ids)


def cosines(query: Tensor, documents: Tensor) -> Tensor:
    return F.normalize(documents, dim=-1) @ F.normalize(query, dim=-1)


@replaces("rank_by_cosine")
def dot_product(query: Tensor, documents: Tensor) -> list[int]:
    """You ranked by dot product, and a long vector wins by its length. The cosine divides by both lengths."""
    return (documents @ query).argsort(descending=True, stable=True).tolist()


@replaces("rank_by_cosine")
def by_distance(query: Tensor, documents: Tensor) -> list[int]:
    """You ranked by distance. For vectors of length 1 that is the same order; these have any length, so normalise
    them first or use the cosine."""
    return (documents - query).norm(dim=-1).argsort(stable=True).tolist()


@replaces("rank_by_cosine")
def ascending(query: Tensor, documents: Tensor) -> list[int]:
    """Your ranking begins with the document that fits worst. argsort goes from small to large unless told otherwise."""
    return cosines(query, documents).argsort(stable=True).tolist()


@replaces("rank_by_cosine")
def ties_reversed(query: Tensor, documents: Tensor) -> list[int]:
    """Your order is right but for equal cosines, which come out reversed: that is what sorting upwards and turning the
    list round does."""
    return cosines(query, documents).argsort(stable=True).flip(0).tolist()


@replaces("rank_by_cosine")
def ties_by_topk(query: Tensor, documents: Tensor) -> list[int]:
    """Your order is right but for equal cosines, which torch.topk returns in no order that it promises. Which way of
    sorting keeps those as they were given?"""
    return cosines(query, documents).topk(len(documents)).indices.tolist()


@replaces("rank_by_cosine")
def ranks(query: Tensor, documents: Tensor) -> list[int]:
    """Your list says which place each document takes. Wanted is which document takes each place: the best one's number
    comes first."""
    return cosines(query, documents).argsort(descending=True, stable=True).argsort().tolist()


@replaces("BertEncoder")
class NormsInFront(BertEncoder):
    """Your blocks normalise before attention and before the network, as GPT-2 does. BERT normalises each sum: what does
    attn_norm take in the formula of EncoderBlock?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        x = embedded(self, input_ids, token_type_ids)
        for layer in self.layers:
            y, (B, T, D) = layer.attn_norm(x), x.shape
            q, k, v = (
                proj(y).view(B, T, layer.num_heads, -1).transpose(1, 2)
                for proj in (layer.q_proj, layer.k_proj, layer.v_proj)
            )
            keep = None if attention_mask is None else attention_mask.bool()[:, None, None]
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)
            x = x + layer.out_proj(attended.transpose(1, 2).reshape(B, T, D))
            x = x + layer.fc2(F.gelu(layer.fc1(layer.ffn_norm(x))))
        return x
