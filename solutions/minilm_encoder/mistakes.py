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


@replaces(
    "convert_bert_state",
    pair=[
        "attn_norm and ffn_norm",
        "q_proj and k_proj",
        "k_proj and v_proj",
        "q_proj and v_proj",
        "q_proj and out_proj",
    ],
)
def swapped(state: dict[str, Tensor], *, pair: str) -> dict[str, Tensor]:
    """{pair} are swapped. Their tensors have the same shapes, so the state dict loads without complaint. Which row of
    the table does each of them belong to?"""
    one, other = pair.split(" and ")
    places = {one: other, other: one}
    converted = convert_bert_state(state)
    return {".".join(places.get(part, part) for part in name.split(".")): value for name, value in converted.items()}


@replaces("convert_bert_state")
def short_name_first(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """out_proj or attn_norm gets a name that no module has. In which order do you replace, if output.dense is also the
    end of attention.output.dense?"""
    pairs = sorted(RENAMED, key=lambda pair: not pair[0].startswith("output."))
    return {renamed(name.removeprefix("bert."), pairs): value for name, value in state.items() if not left_out(name)}


@replaces("convert_bert_state")
def ending_decides(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """out_proj and attn_norm get the names of fc2 and ffn_norm. Do the ends output.dense and output.LayerNorm occur in
    other rows of the table, too?"""
    pairs = {"out_proj": "fc2", "attn_norm": "ffn_norm"}
    converted = {}
    for name, value in convert_bert_state(state).items():
        converted[".".join(pairs.get(part, part) for part in name.split("."))] = value
    return converted


@replaces("convert_bert_state")
def pooler_kept(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names that are not in the table go through, and load_state_dict refuses them. What should become of a pooler,
    position_ids or a head?"""
    return {renamed(name.removeprefix("bert.")): value for name, value in state.items()}


@replaces("convert_bert_state")
def first_name_decides(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Your result depends on which name comes first. A head has names of its own, without "bert.": which names can
    tell whether there is a prefix?"""
    if not next(iter(state)).startswith("bert."):
        return convert_bert_state({name: value for name, value in state.items() if not name.startswith("bert.")})
    return convert_bert_state(state)


@replaces("convert_bert_state")
def prefix_kept(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """In a checkpoint where all names of the encoder begin with "bert.", yours still do. What has to happen before you
    look at the rest of a name?"""
    return {renamed(name): value for name, value in state.items() if not left_out(name)}


@replaces("convert_bert_state")
def prefix_not_expected(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Nothing is left of a checkpoint whose names begin with "bert.". Where do you look a name up, and with or without
    this prefix?"""
    return convert_bert_state({name: value for name, value in state.items() if not name.startswith("bert.")})


@replaces("convert_bert_state")
def one_digit(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Layers 10 and 11 become layer 1 in your code. How many digits can the number of a layer have, and what separates
    it from the rest of the name?"""
    converted = {}
    for name, value in convert_bert_state(state).items():
        parts = name.split(".")
        if parts[0] == "layers":
            parts[1] = parts[1][0]
        converted[".".join(parts)] = value
    return converted


@replaces("convert_bert_state")
def transposed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """You transposed the matrices of the linear maps. In which order does nn.Linear keep its two axes, and does the
    file differ from that?"""
    linear = ("_proj.weight", "fc1.weight", "fc2.weight")
    return {name: value.T if name.endswith(linear) else value for name, value in convert_bert_state(state).items()}


@replaces("mean_pool")
def mean_over_padding(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The padding is in your mean, so a text's vector depends on the longest text beside it. Which vectors belong in
    the sum, and how many are they?"""
    return hidden.mean(1)


@replaces("mean_pool")
def mean_is_float32(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean of vectors in half precision comes back in another dtype. Which dtype does your mask have, and which
    should the result have?"""
    mask = attention_mask.unsqueeze(-1).float()
    return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)


@replaces("mean_pool", by=["T", "√n", "1", "n − 1"])
def divided_otherwise(hidden: Tensor, attention_mask: Tensor, *, by: str) -> Tensor:
    """For a text with n tokens among T columns you divide the sum by {by}. How many vectors are in the sum?"""
    n = attention_mask.sum(1, keepdim=True).to(hidden.dtype)
    divisor = {"T": torch.full_like(n, hidden.shape[1]), "√n": n.sqrt(), "1": torch.ones_like(n), "n − 1": n - 1}[by]
    return (hidden * attention_mask.unsqueeze(-1).to(hidden.dtype)).sum(1) / divisor.clamp(min=1)


@replaces("mean_pool", eps=[1e-3, 1e-5, 1e-6, 1e-8])
def epsilon_added(hidden: Tensor, attention_mask: Tensor, *, eps: float) -> Tensor:
    """Your means are a little too small: {eps} is added to every number of tokens. For which texts do you need it, and
    what does it do to the others?"""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(1) / (mask.sum(1) + eps)


@replaces("mean_pool")
def cls_pooling(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You return the vector of the first token. Which vectors does the formula of the mean contain?"""
    return hidden[:, 0]


@replaces("mean_pool")
def empty_nan(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """A text that is nothing but padding gets NaN. How many tokens does it have, and what do you divide by?"""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(1) / mask.sum(1)


@replaces("mean_pool")
def first_columns(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You count the tokens of a text and average as many vectors from its beginning. Where may the padding be in
    mean_pool?"""
    lengths = attention_mask.long().sum(1, keepdim=True)
    return mean_pool(hidden, torch.arange(hidden.shape[1]) < lengths)


@replaces("mean_pool")
def mean_of_padding(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You average the vectors of the padding. Which number marks a token in attention_mask?"""
    return mean_pool(hidden, attention_mask == 0)


@replaces("mean_pool")
def largest_of_each(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """You take the largest number of each column. Which pooling gives every token the same share?"""
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
    """Without token_type_ids you add no type vector. Which type do all tokens have then, and is its vector 0?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        if token_type_ids is not None:
            return super().forward(input_ids, attention_mask, token_type_ids)
        x = self.word_embeddings(input_ids) + self.position_embeddings(torch.arange(input_ids.shape[1]))
        return through(self, self.embedding_norm(x), attention_mask)


@replaces("BertEncoder")
class TypesIgnored(BertEncoder):
    """Your result does not depend on token_type_ids. Which row of the table of types does a token of type 1 get?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return super().forward(input_ids, attention_mask)


@replaces("BertEncoder")
class NoEmbeddingNorm(BertEncoder):
    """The sum of the embeddings goes into the first layer as it is. What does the formula of x_t do with the sum?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return through(self, embedded(self, input_ids, token_type_ids, norm=False), attention_mask)


@replaces("BertEncoder")
class NoPositions(BertEncoder):
    """The order of the words has no effect on their vectors: no position is added. What tells the first token from the
    second?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return through(self, embedded(self, input_ids, token_type_ids, position=0.0), attention_mask)


@replaces("BertEncoder", first=[1, 2])
class PositionsFromOne(BertEncoder):
    """Your first token has position {first}. RoBERTa leaves rows free at the start of its table. Which position does
    the stub give to column 0?"""

    first: int

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return through(self, embedded(self, input_ids, token_type_ids, shift=self.first), attention_mask)


@replaces("BertEncoder")
class ScaledWords(BertEncoder):
    """Your word vectors are multiplied by √D, as in the first Transformer. Does the formula of x_t scale them?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        words = self.word_embeddings(input_ids)
        x = self.position_embeddings(torch.arange(input_ids.shape[1])) + words * words.shape[-1] ** 0.5
        x = x + self.token_type_embeddings(torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids)
        return through(self, self.embedding_norm(x), attention_mask)


@replaces("BertEncoder", before=["positions", "types", "positions and types"])
class NormTooEarly(BertEncoder):
    """Your embedding_norm comes before the {before} are added. What does LN take in the formula of x_t?"""

    before: str

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        early, late = self.word_embeddings(input_ids), 0.0
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        for name, part in (
            ("positions", self.position_embeddings(torch.arange(input_ids.shape[1]))),
            ("types", self.token_type_embeddings(types)),
        ):
            early, late = (early, late + part) if name in self.before else (early + part, late)
        return through(self, self.embedding_norm(early) + late, attention_mask)


@replaces("BertEncoder", which=["first", "last"])
class LayerSkipped(BertEncoder):
    """Your {which} layer has no effect. How many layers does x go through?"""

    which: str

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        x = embedded(self, input_ids, token_type_ids)
        for layer in self.layers[1:] if self.which == "first" else self.layers[:-1]:
            x = layer(x, attention_mask)
        return x


@replaces("BertEncoder")
class MaskNotPassed(BertEncoder):
    """The vectors of your tokens depend on the padding beside them. Which function reads other tokens, and does it
    know which of them are padding?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return super().forward(input_ids, None, token_type_ids)


@replaces("BertEncoder")
class InfinitePadding(BertEncoder):
    """Your tokens are right, but padding gets infinite numbers. What does mean_pool make of them, and what may there
    be at padding?"""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        y = super().forward(input_ids, attention_mask, token_type_ids)
        return y if attention_mask is None else y.masked_fill(attention_mask.unsqueeze(-1) == 0, float("-inf"))


@replaces("BertEncoder")
class EmbedsUnmasked(BertEncoder):
    """Your pooling leaves the padding out, but the vectors that you pool have read it. How many of the calls in embed
    need the mask?"""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(mean_pool(self(input_ids), attention_mask), dim=-1)


@replaces("BertEncoder")
class NotNormalised(BertEncoder):
    """The vectors of embed are not of length 1. What does the last line of the formulas do?"""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return mean_pool(self(input_ids, attention_mask), attention_mask)


@replaces("BertEncoder")
class NormalisedOverBatch(BertEncoder):
    """A text's vector depends on the other texts of the batch: each column is normalized over them. Which axis holds
    the numbers of one text?"""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(mean_pool(self(input_ids, attention_mask), attention_mask), dim=0)


@replaces("BertEncoder", again=[False, True])
class NormalisedTokens(BertEncoder):
    """You bring each token's vector to length 1 before the mean, so that a long vector counts no more than a short
    one. Which vectors does the stub average, and which one gets length 1?"""

    again: bool

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        mean = mean_pool(F.normalize(self(input_ids, attention_mask), dim=-1), attention_mask)
        return F.normalize(mean, dim=-1) if self.again else mean


@replaces("BertEncoder")
class NoGradient(BertEncoder):
    """No gradient flows from embed to the parameters, so nobody can train with it. Who should decide whether gradients
    are wanted?"""

    @torch.no_grad()
    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return super().embed(input_ids, attention_mask)


@replaces("BertEncoder")
class SharedLayer(BertEncoder):
    """All your layers share one set of weights. Does [block] * n make n blocks, or n references to one?"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        self.layers = torch.nn.ModuleList([self.layers[0]] * num_layers)


@replaces("BertEncoder")
class PlainList(BertEncoder):
    """Your layers are missing from the state dict, so an optimizer does not find them, either. Where does nn.Module
    look for its parts?"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        layers = list(self.layers)
        del self.layers
        self.layers = layers


@replaces("BertEncoder")
class SavedPositions(BertEncoder):
    """Your position_ids are in the state dict, and a converted checkpoint does not have them. Which buffers does a
    state dict leave out?"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        self.register_buffer("position_ids", torch.arange(len(self.position_embeddings.weight)))


@replaces("BertEncoder", which=["embedding_norm", "attn_norm", "ffn_norm", "attn_norm and ffn_norm"], eps=[1e-12, 1e-5])
class EpsForgotten(BertEncoder):
    """layer_norm_eps does not reach {which}, whose eps is always {eps}. Which norms does the stub give it to?"""

    which: str
    eps: float

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options) -> None:
        super().__init__(vocab_size, hidden_size, num_layers, num_heads, intermediate_size, *args, **options)
        for name, module in self.named_modules():
            if name and name.split(".")[-1] in self.which.split(" and "):
                module.eps = self.eps


@replaces("BertEncoder")
class FirstTokenEmbedded(BertEncoder):
    """Your vector depends on the first token's output alone. Which vectors does the stub average?"""

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(self(input_ids, attention_mask)[:, 0], dim=-1)


@replaces("BertEncoder")
class MaskReversed(BertEncoder):
    """Your layers hide the tokens and read the padding. Which number marks a token in attention_mask?"""

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        return super().forward(input_ids, None if attention_mask is None else attention_mask == 0, token_type_ids)


def cosines(query: Tensor, documents: Tensor) -> Tensor:
    return F.normalize(documents, dim=-1) @ F.normalize(query, dim=-1)


@replaces("rank_by_cosine")
def dot_product(query: Tensor, documents: Tensor) -> list[int]:
    """You rank by dot product, so a long vector wins by its length. What else is in a cosine?"""
    return (documents @ query).argsort(descending=True, stable=True).tolist()


@replaces("rank_by_cosine")
def by_distance(query: Tensor, documents: Tensor) -> list[int]:
    """You rank by distance. When does the nearest vector also have the largest cosine, and is that so here?"""
    return (documents - query).norm(dim=-1).argsort(stable=True).tolist()


@replaces("rank_by_cosine")
def ascending(query: Tensor, documents: Tensor) -> list[int]:
    """Your ranking begins with the worst document. In which direction does argsort go unless told otherwise?"""
    return cosines(query, documents).argsort(stable=True).tolist()


@replaces("rank_by_cosine")
def ties_reversed(query: Tensor, documents: Tensor) -> list[int]:
    """Your order is right except for equal cosines, which come out reversed. What happens to equal ones if you sort
    upward and turn the list around?"""
    return cosines(query, documents).argsort(stable=True).flip(0).tolist()


@replaces("rank_by_cosine")
def ties_by_topk(query: Tensor, documents: Tensor) -> list[int]:
    """Your order is right except for equal cosines. Which sort promises to leave equal ones in the order in which they
    were given?"""
    return cosines(query, documents).topk(len(documents)).indices.tolist()


@replaces("rank_by_cosine")
def ranks(query: Tensor, documents: Tensor) -> list[int]:
    """Your list says which place each document takes. Is the first number of the result to be a place, or the number
    of the best document?"""
    return cosines(query, documents).argsort(descending=True, stable=True).argsort().tolist()


@replaces("BertEncoder")
class NormsInFront(BertEncoder):
    """Your blocks normalize before attention and before the network, as GPT-2 does. What does attn_norm take in the
    formula of EncoderBlock?"""

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


@replaces("rank_by_cosine")
def cosines_returned(query: Tensor, documents: Tensor) -> list[int]:
    """You return the cosines. What should the list contain, and in which order?"""
    return cosines(query, documents).tolist()


@replaces("rank_by_cosine")
def ranked_from_one(query: Tensor, documents: Tensor) -> list[int]:
    """You count the documents from 1. Which number does the first one have in the stub?"""
    return [n + 1 for n in cosines(query, documents).argsort(descending=True, stable=True).tolist()]
