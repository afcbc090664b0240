import math
import re
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from base import EMBEDDINGS, LAYER, mean_pool
from encoder_block import EncoderBlock
from torch import nn

from grader.testing import replaces

NAMES = {
    "attention.self.query": "q_proj",
    "attention.self.key": "k_proj",
    "attention.self.value": "v_proj",
    "attention.output.dense": "out_proj",
    "attention.output.LayerNorm": "attn_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "ffn_norm",
}


@replaces("convert_bert_state")
def convert_regex(state):
    """one regular expression for the layers, one for the embeddings"""
    out = {}
    for name, tensor in state.items():
        if m := re.fullmatch(r"(?:bert\.)?encoder\.layer\.(\d+)\.(.+)\.(weight|bias)", name):
            out[f"layers.{m[1]}.{NAMES[m[2]]}.{m[3]}"] = tensor
        elif m := re.fullmatch(r"(?:bert\.)?embeddings\.(\w+_embeddings)\.weight", name):
            out[m[1] + ".weight"] = tensor
        elif m := re.fullmatch(r"(?:bert\.)?embeddings\.LayerNorm\.(weight|bias)", name):
            out["embedding_norm." + m[1]] = tensor
    return out


@replaces("convert_bert_state")
def convert_replacements(state):
    """a chain of replacements, the longer names first"""
    chain = [
        ("encoder.layer.", "layers."),
        ("attention.self.query", "q_proj"),
        ("attention.self.key", "k_proj"),
        ("attention.self.value", "v_proj"),
        ("attention.output.dense", "out_proj"),
        ("attention.output.LayerNorm", "attn_norm"),
        ("intermediate.dense", "fc1"),
        ("output.dense", "fc2"),
        ("output.LayerNorm", "ffn_norm"),
        ("embeddings.LayerNorm", "embedding_norm"),
        ("embeddings.word_embeddings", "word_embeddings"),
        ("embeddings.position_embeddings", "position_embeddings"),
        ("embeddings.token_type_embeddings", "token_type_embeddings"),
    ]
    ours = ("layers.", "embedding_norm.", "word_embeddings.", "position_embeddings.", "token_type_embeddings.")
    out = {}
    for name, tensor in state.items():
        new = name[5:] if name.startswith("bert.") else name
        if not new.startswith(("encoder.layer.", "embeddings.")):
            continue
        for theirs, mine in chain:
            new = new.replace(theirs, mine)
        if new.startswith(ours):
            out[new] = tensor
    return out


@replaces("convert_bert_state")
def convert_table(state):
    """a complete table of names, as long as there are layers"""
    table = {theirs: mine for theirs, mine in EMBEDDINGS.items()}
    numbers = {int(n) for n in re.findall(r"encoder\.layer\.(\d+)\.", "\n".join(state))}
    for i in numbers:
        table.update({f"encoder.layer.{i}.{theirs}": f"layers.{i}.{mine}" for theirs, mine in LAYER.items()})
    out = {}
    for theirs, mine in table.items():
        for kind in (".weight", ".bias"):
            for prefix in ("", "bert."):
                if prefix + theirs + kind in state:
                    out[mine + kind] = state[prefix + theirs + kind]
    return out


@replaces("convert_bert_state")
def convert_split(state):
    """split at the dots, match"""

    def rename(parts):
        match parts:
            case ["bert", *rest]:
                return rename(rest)
            case ["embeddings", "LayerNorm", kind]:
                return ["embedding_norm", kind]
            case ["embeddings", ("word_embeddings" | "position_embeddings" | "token_type_embeddings") as table, kind]:
                return [table, kind]
            case ["encoder", "layer", number, *middle, kind]:
                return ["layers", number, NAMES[".".join(middle)], kind]
        return None

    renamed = ((rename(name.split(".")), tensor) for name, tensor in state.items())
    return {".".join(parts): tensor for parts, tensor in renamed if parts}


@replaces("convert_bert_state")
def convert_clones(state):
    """copies of the tensors in an OrderedDict, sorted by name"""
    out = OrderedDict()
    for name in sorted(state):
        short = name.replace("bert.", "", 1) if name.startswith("bert.") else name
        module, kind = short.rsplit(".", 1) if "." in short else (short, "")
        if module in EMBEDDINGS:
            out[EMBEDDINGS[module] + "." + kind] = state[name].detach().clone()
        elif short.startswith("encoder.layer."):
            _, _, i, part = module.split(".", 3)
            out[".".join(["layers", i, LAYER[part], kind])] = state[name].detach().clone()
    return dict(out)


@replaces("convert_bert_state")
def convert_prefix_once(state):
    """the prefix is found once for all names"""
    prefix = "bert." if any(k.startswith("bert.embeddings.") or k.startswith("bert.encoder.") for k in state) else ""
    out = {}
    for name in state.keys():
        if not name.startswith(prefix):
            continue
        short = name[len(prefix) :]
        for theirs, mine in EMBEDDINGS.items():
            if short.startswith(theirs + "."):
                out[mine + short[len(theirs) :]] = state[name]
        if short.startswith("encoder.layer."):
            i = short.split(".")[2]
            rest = short[len(f"encoder.layer.{i}.") :]
            theirs = next(t for t in LAYER if rest.startswith(t + "."))
            out[f"layers.{i}.{LAYER[theirs]}{rest[len(theirs):]}"] = state[name]
    return out


@replaces("convert_bert_state")
def convert_suffixes(state):
    """by what a name ends with; attention's names first"""
    out = {}
    for name, tensor in state.items():
        name = name.removeprefix("bert.")
        stem, kind = name.rpartition(".")[::2]
        if stem.startswith("encoder.layer."):
            number = stem.split(".")[2]
            for theirs, mine in sorted(LAYER.items(), key=lambda pair: -len(pair[0])):
                if stem.endswith("." + theirs):
                    out[f"layers.{number}.{mine}.{kind}"] = tensor
                    break
        elif stem.startswith("embeddings."):
            last = stem.split(".")[-1]
            if last == "LayerNorm" or last.endswith("_embeddings"):
                out[f"{'embedding_norm' if last == 'LayerNorm' else last}.{kind}"] = tensor
    return out


@replaces("convert_bert_state")
def convert_functions(state):
    """re.sub with a function; what was not changed is left out"""

    def layer(m):
        return f"layers.{m.group(1)}.{NAMES[m.group(2)]}.{m.group(3)}"

    renamed = {}
    for old, value in state.items():
        new = re.sub(r"^bert\.", "", old)
        new, n = re.subn(r"^encoder\.layer\.(\d+)\.(.*)\.(\w+)$", layer, new)
        if not n:
            new, n = re.subn(r"^embeddings\.LayerNorm\.", "embedding_norm.", new)
        if not n:
            new, n = re.subn(r"^embeddings\.((?:word|position|token_type)_embeddings)\.", r"\1.", new)
        if n:
            renamed[new] = value
    return renamed


@replaces("mean_pool")
def pool_loops(hidden, attention_mask):
    """text by text, tokens picked by a mask"""
    out = []
    for h, m in zip(hidden, attention_mask):
        tokens = h[m != 0]
        out.append(tokens.mean(0) if len(tokens) else (h * 0).sum(0))
    return torch.stack(out)


@replaces("mean_pool")
def pool_einsum(hidden, attention_mask):
    """einsum, nan-free by max"""
    mask = attention_mask.to(hidden.dtype)
    count = torch.maximum(mask.sum(1, keepdim=True), torch.ones((), dtype=hidden.dtype))
    return torch.einsum("btd,bt->bd", hidden, mask) / count


@replaces("mean_pool")
def pool_bmm(hidden, attention_mask):
    """weights 1/n times the vectors"""
    mask = attention_mask.bool()
    weights = mask.to(hidden.dtype) / mask.sum(-1, keepdim=True).clamp_min(1)
    return torch.bmm(weights.unsqueeze(1), hidden).squeeze(1)


@replaces("mean_pool")
def pool_masked_fill(hidden, attention_mask):
    """masked_fill, then a sum"""
    padding = attention_mask == 0
    total = hidden.masked_fill(padding[..., None], 0).sum(1)
    count = (~padding).sum(1)
    return total / count.where(count > 0, torch.ones_like(count))[:, None]


@replaces("mean_pool")
def pool_sentence_transformers(hidden, attention_mask):
    """as in sentence-transformers, with a minimum that half precision knows"""
    expanded = attention_mask.unsqueeze(-1).expand(hidden.size()).to(hidden.dtype)
    return torch.sum(hidden * expanded, 1) / torch.clamp(expanded.sum(1), min=1e-6)


@replaces("mean_pool")
def pool_where(hidden, attention_mask):
    """torch.where at both places"""
    mask = attention_mask.bool().unsqueeze(-1)
    n = mask.sum(1)
    mean = torch.where(mask, hidden, torch.zeros_like(hidden)).sum(1) / n.clamp(min=1)
    return torch.where(n > 0, mean, torch.zeros_like(mean))


@replaces("mean_pool")
def pool_softmax(hidden, attention_mask):
    """a softmax over equal scores of the tokens"""
    keep = attention_mask.bool()
    scores = torch.zeros(keep.shape, dtype=hidden.dtype).masked_fill(~keep, float("-inf"))
    weights = scores.softmax(dim=1).nan_to_num(0.0)
    return (weights.unsqueeze(1) @ hidden)[:, 0]


@replaces("mean_pool")
def pool_index_add(hidden, attention_mask):
    """tokens of the batch as one list, index_add"""
    B, T, D = hidden.shape
    text, place = torch.nonzero(attention_mask, as_tuple=True)
    sums = torch.zeros(B, D, dtype=hidden.dtype).index_add(0, text, hidden[text, place])
    counts = torch.bincount(text, minlength=B).clamp(min=1)
    return sums / counts.unsqueeze(1).to(hidden.dtype)


@replaces("mean_pool")
def pool_nanmean(hidden, attention_mask):
    """nanmean over NaN at padding; nothing but padding apart"""
    keep = (attention_mask > 0)[..., None]
    mean = torch.where(keep, hidden, torch.nan).nanmean(1) if hidden.shape[1] else hidden.sum(1)
    return torch.where(keep.any(1), mean, torch.zeros((), dtype=hidden.dtype))


@replaces("mean_pool")
def pool_double(hidden, attention_mask):
    """float64, a loop over time"""
    total = torch.zeros(hidden.shape[0], hidden.shape[2], dtype=torch.float64)
    count = torch.zeros(hidden.shape[0], 1, dtype=torch.float64)
    for t in range(hidden.shape[1]):
        m = attention_mask[:, t : t + 1].to(torch.float64)
        total = total + m * hidden[:, t].double()
        count = count + m
    return (total / count.clamp(min=1)).to(hidden.dtype)


@replaces("mean_pool")
def pool_transposed(hidden, attention_mask):
    """(B, D, T) times (B, T, 1)"""
    mask = attention_mask.to(hidden)
    n = mask.sum(dim=1).add(mask.sum(dim=1).eq(0))
    return hidden.mT.matmul(mask.unsqueeze(2)).squeeze(2).div(n.unsqueeze(1))


class Table(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width).normal_(std=0.02))


@replaces("BertEncoder")
class BertTables(nn.Module):
    """tables of its own and plain indexing; position 0 … T − 1 by a slice"""

    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        intermediate_size,
        max_positions=512,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    ):
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            self.layers.append(
                EncoderBlock(
                    hidden_size=hidden_size,
                    num_heads=num_heads,
                    intermediate_size=intermediate_size,
                    layer_norm_eps=layer_norm_eps,
                )
            )
        self.embedding_norm = nn.LayerNorm(hidden_size, layer_norm_eps)
        self.token_type_embeddings = Table(type_vocab_size, hidden_size)
        self.position_embeddings = Table(max_positions, hidden_size)
        self.word_embeddings = Table(vocab_size, hidden_size)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        types = self.token_type_embeddings.weight
        x = self.word_embeddings.weight[input_ids] + self.position_embeddings.weight[: input_ids.size(1)]
        x = x + (types[0] if token_type_ids is None else types[token_type_ids])
        h = self.embedding_norm(x)
        for block in self.layers:
            h = block(h, attention_mask=attention_mask)
        return h

    def embed(self, input_ids, attention_mask):
        pooled = mean_pool(self.forward(input_ids, attention_mask), attention_mask)
        return pooled / pooled.norm(dim=-1, keepdim=True)


@replaces("BertEncoder")
class BertBuffer(nn.Module):
    """a buffer of positions, a full mask where none is given, pooling of its own"""

    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        intermediate_size,
        max_positions=512,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    ):
        super().__init__()
        embedding = lambda n: nn.Embedding(n, hidden_size)
        self.word_embeddings, self.position_embeddings = embedding(vocab_size), embedding(max_positions)
        self.token_type_embeddings = embedding(type_vocab_size)
        self.embedding_norm = nn.LayerNorm((hidden_size,), eps=layer_norm_eps, elementwise_affine=True)
        self.layers = nn.Sequential(
            *[EncoderBlock(hidden_size, num_heads, intermediate_size, layer_norm_eps) for _ in range(num_layers)]
        )
        self.register_buffer("positions", torch.arange(max_positions).unsqueeze(0), persistent=False)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        B, T = input_ids.shape
        if T > self.positions.shape[1]:
            raise ValueError(f"{T} tokens are too many")
        mask = torch.ones(B, T, dtype=torch.bool) if attention_mask is None else attention_mask.bool()
        kinds = input_ids.new_zeros(B, T) if token_type_ids is None else token_type_ids
        x = sum((self.word_embeddings(input_ids), self.position_embeddings(self.positions[:, :T].expand(B, T)), self.token_type_embeddings(kinds)))
        x = self.embedding_norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        return x

    def embed(self, input_ids, attention_mask):
        h = self(input_ids, attention_mask)
        weights = attention_mask.to(h.dtype)
        total = torch.einsum("btd,bt->bd", h, weights)
        return F.normalize(total, p=2, dim=1, eps=0)


@replaces("BertEncoder")
class BertOneByOne(nn.Module):
    """embed runs each text alone, without its padding"""

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        intermediate_size: int,
        max_positions: int = 512,
        type_vocab_size: int = 2,
        layer_norm_eps: float = 1e-12,
    ) -> None:
        super().__init__()
        D = hidden_size
        tables = dict(word=vocab_size, position=max_positions, token_type=type_vocab_size)
        for name, rows in tables.items():
            setattr(self, f"{name}_embeddings", nn.Embedding(rows, D))
        self.embedding_norm = nn.LayerNorm(D, eps=layer_norm_eps)
        blocks = {str(i): EncoderBlock(D, num_heads, intermediate_size, layer_norm_eps) for i in range(num_layers)}
        self.layers = nn.ModuleDict(blocks)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        positions = torch.arange(input_ids.size(-1)).expand_as(input_ids)
        if token_type_ids is None:
            token_type_ids = input_ids * 0
        x = self.embedding_norm(
            self.position_embeddings(positions)
            + self.token_type_embeddings(token_type_ids)
            + self.word_embeddings(input_ids)
        )
        for block in self.layers.values():
            x = block(x, attention_mask)
        return x

    def embed(self, input_ids, attention_mask):
        vectors = []
        for ids, mask in zip(input_ids, attention_mask):
            n = int(mask.sum())
            h = self(ids[None, :n])[0].mean(0)
            vectors.append(h / torch.sqrt(torch.dot(h, h)))
        return torch.stack(vectors)


@replaces("BertEncoder")
class BertCut(nn.Module):
    """columns that are padding in every text are cut off, zeros stand at padding"""

    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        intermediate_size,
        max_positions=512,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    ):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, hidden_size)
        self.position_embeddings = nn.Embedding(max_positions, hidden_size)
        self.token_type_embeddings = nn.Embedding(type_vocab_size, hidden_size)
        for table in (self.word_embeddings, self.position_embeddings, self.token_type_embeddings):
            nn.init.normal_(table.weight, std=0.02)
        self.embedding_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.layers = nn.ModuleList(
            [EncoderBlock(hidden_size, num_heads, intermediate_size, layer_norm_eps) for _ in range(num_layers)]
        )

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        T = input_ids.shape[1]
        used = T if attention_mask is None else int(attention_mask.bool().sum(1).max())
        ids = input_ids[:, :used]
        x = F.embedding(ids, self.word_embeddings.weight) + self.position_embeddings.weight[None, :used]
        if token_type_ids is not None:
            x = x + self.token_type_embeddings(token_type_ids[:, :used])
        else:
            x = x + self.token_type_embeddings.weight[:1]
        x = self.embedding_norm(x)
        mask = None if attention_mask is None else attention_mask[:, :used].long()
        for layer in self.layers:
            x = layer(x, mask)
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        return F.pad(x, (0, 0, 0, T - used))

    def embed(self, input_ids, attention_mask):
        pooled = mean_pool(self.forward(input_ids, attention_mask, None), attention_mask)
        return pooled * pooled.square().sum(-1, keepdim=True).rsqrt()


@replaces("BertEncoder")
class BertByHand(nn.Module):
    """one_hot products for the tables, a norm by hand, recursion over layers"""

    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        intermediate_size,
        max_positions=512,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    ):
        super().__init__()
        self.eps = layer_norm_eps
        self.word_embeddings = Table(vocab_size, hidden_size)
        self.position_embeddings = Table(max_positions, hidden_size)
        self.token_type_embeddings = Table(type_vocab_size, hidden_size)
        self.embedding_norm = nn.ParameterDict({"weight": torch.ones(hidden_size), "bias": torch.zeros(hidden_size)})
        self.layers = nn.ModuleList()
        while len(self.layers) < num_layers:
            self.layers.append(EncoderBlock(hidden_size, num_heads, intermediate_size, layer_norm_eps=layer_norm_eps))

    def stack(self, x, mask, i):
        return x if i == 0 else self.layers[i - 1](self.stack(x, mask, i - 1), mask)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        B, T = input_ids.shape
        kinds = torch.zeros(B, T, dtype=torch.int64) if token_type_ids is None else token_type_ids
        types = self.token_type_embeddings.weight
        words = torch.index_select(self.word_embeddings.weight, 0, input_ids.flatten()).view(B, T, -1)
        x = words + F.one_hot(kinds, len(types)).to(types.dtype) @ types
        x = x + self.position_embeddings.weight.narrow(0, 0, T)
        x = x - x.mean(-1, keepdim=True)
        x = x / torch.sqrt(x.square().mean(-1, keepdim=True) + self.eps)
        x = x * self.embedding_norm["weight"] + self.embedding_norm["bias"]
        return self.stack(x, attention_mask, len(self.layers))

    def embed(self, input_ids, attention_mask):
        h = self.forward(input_ids=input_ids, attention_mask=attention_mask)
        total = h.masked_fill(attention_mask.eq(0).unsqueeze(-1), 0.0).sum(1)
        return total / torch.linalg.vector_norm(total, dim=-1, keepdim=True)


def scaled(x):
    """rows with a largest number of 1, so that no square vanishes or overflows"""
    return x / x.abs().amax(-1, keepdim=True)


@replaces("rank_by_cosine")
def rank_sorted(query, documents):
    """Python's sort by the negative cosine"""
    cosines = F.cosine_similarity(scaled(documents), scaled(query).unsqueeze(0), dim=-1).tolist()
    return sorted(range(len(cosines)), key=lambda i: -cosines[i])


@replaces("rank_by_cosine")
def rank_reverse(query, documents):
    """sorted with reverse keeps the order of equal ones too"""
    dots = [torch.dot(scaled(d), query.to(d)) / scaled(d).norm() for d in documents]
    return sorted(range(len(dots)), key=dots.__getitem__, reverse=True)


@replaces("rank_by_cosine")
def rank_sort(query, documents):
    """torch.sort, stable"""
    d = scaled(documents)
    cosines = (d * query).sum(1) / d.norm(dim=1)
    return torch.sort(cosines, descending=True, stable=True).indices.tolist()


@replaces("rank_by_cosine")
def rank_numpy(query, documents):
    """np.argsort of the negative, stable"""
    q, d = query.detach().double().numpy(), documents.detach().double().numpy()
    cosines = (d * q).sum(1) / np.sqrt((d * d).sum(1))
    return np.argsort(-cosines, kind="stable").tolist()


@replaces("rank_by_cosine")
def rank_math(query, documents):
    """Python floats; pairs of (-cosine, number)"""
    q = query.tolist()

    def cosine(d):
        return sum(a * b for a, b in zip(q, d)) / (math.hypot(*q) * math.hypot(*d))

    pairs = sorted((-cosine(d), i) for i, d in enumerate(documents.tolist()))
    return [i for _, i in pairs]


@replaces("rank_by_cosine")
def rank_fsum(query, documents):
    """exact sums"""
    q = [float(x) for x in query]
    score = {}
    for i, d in enumerate(documents.double().tolist()):
        score[i] = math.fsum(map(lambda a, b: a * b, q, d)) / math.sqrt(math.fsum(x * x for x in d))
    return sorted(score, key=score.get, reverse=True)


@replaces("rank_by_cosine")
def rank_counting(query, documents):
    """the rank is the number of those before"""
    d = documents.double() / documents.double().norm(dim=-1, keepdim=True)
    c = (d * query.double()).sum(-1)
    earlier = torch.arange(len(c))[:, None] > torch.arange(len(c))
    before = (c[None, :] > c[:, None]) | ((c[None, :] == c[:, None]) & earlier)
    order = [0] * len(c)
    for i, place in enumerate(before.sum(1).tolist()):
        order[place] = i
    return order


@replaces("rank_by_cosine")
def rank_insertion(query, documents):
    """insertion: behind all that are not smaller"""
    unit = lambda x: x.double() / torch.linalg.vector_norm(x.double(), dim=-1, keepdim=True)
    u, best = unit(query), []
    for i, d in enumerate(documents):
        c = float((unit(d) * u).sum())
        place = len(best)
        while place and best[place - 1][0] < c:
            place -= 1
        best.insert(place, (c, i))
    return [i for _, i in best]


@replaces("rank_by_cosine")
def rank_angles(query, documents):
    """by rising distance of the unit vectors, which falls with the cosine"""
    unit = lambda x: x / x.norm(dim=-1, keepdim=True)
    distance = (unit(documents.double()) - unit(query.double())).square().sum(-1)
    return distance.argsort(stable=True).tolist()


@replaces("rank_by_cosine")
def rank_repeated_max(query, documents):
    """the best one is taken out, again and again; argmax by hand"""
    q = F.normalize(query.double(), dim=0, eps=0)
    c = (F.normalize(documents.double(), dim=1, eps=0) * q).sum(1).tolist()
    left, order = list(range(len(c))), []
    while left:
        best = max(left, key=lambda i: (c[i], -i))
        left.remove(best)
        order.append(best)
    return order


@replaces("rank_by_cosine")
def rank_lexsort(query, documents):
    """np.lexsort by number, then by cosine"""
    d = torch.nn.functional.normalize(documents.double(), dim=-1, eps=1e-300)
    c = (d * query.double()).sum(-1)
    return [int(i) for i in np.lexsort((np.arange(len(c)), -c.detach().numpy()))]
