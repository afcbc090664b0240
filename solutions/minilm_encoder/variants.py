"""Right solutions in other styles. None of them may lose a point."""

import re
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from encoder_block import EncoderBlock
from torch import nn

from grader.testing import replaces


@replaces("convert_bert_state")
def by_regular_expression(state):
    """regular expressions; an OrderedDict of copies"""
    table = {"self.query": "q_proj", "self.key": "k_proj", "self.value": "v_proj"}
    converted = OrderedDict()
    for name, value in state.items():
        if found := re.fullmatch(r"(?:bert\.)?embeddings\.(\w+)_embeddings\.weight", name):
            new = f"{found[1]}_embeddings.weight"
        elif found := re.fullmatch(r"(?:bert\.)?embeddings\.LayerNorm\.(weight|bias)", name):
            new = f"embedding_norm.{found[1]}"
        elif found := re.fullmatch(r"(?:bert\.)?encoder\.layer\.(\d+)\.attention\.(self\.\w+)\.(weight|bias)", name):
            new = f"layers.{found[1]}.{table[found[2]]}.{found[3]}"
        elif found := re.fullmatch(r"(?:bert\.)?encoder\.layer\.(\d+)\.(.*)\.(weight|bias)", name):
            part = {
                "attention.output.dense": "out_proj",
                "attention.output.LayerNorm": "attn_norm",
                "intermediate.dense": "fc1",
                "output.dense": "fc2",
                "output.LayerNorm": "ffn_norm",
            }[found[2]]
            new = f"layers.{found[1]}.{part}.{found[3]}"
        else:
            continue
        converted[new] = value.clone()
    return converted


@replaces("convert_bert_state")
def by_asking(state):
    """walks over the new names, and looks each up among the old"""
    prefix = "bert." if any(name.startswith("bert.") for name in state) else ""
    tables = ("word_embeddings", "position_embeddings", "token_type_embeddings")
    wanted = {f"{name}.weight": f"embeddings.{name}.weight" for name in tables}
    for kind in ("weight", "bias"):
        wanted[f"embedding_norm.{kind}"] = f"embeddings.LayerNorm.{kind}"
        for i in range(1000):
            for ours, theirs in zip(
                ("q_proj", "k_proj", "v_proj", "out_proj", "attn_norm", "fc1", "fc2", "ffn_norm"),
                ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
                 "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"),
                strict=True,
            ):  # fmt: skip
                wanted[f"layers.{i}.{ours}.{kind}"] = f"encoder.layer.{i}.{theirs}.{kind}"
    return {ours: state[prefix + theirs] for ours, theirs in wanted.items() if prefix + theirs in state}


@replaces("convert_bert_state")
def by_replacing(state):
    """str.replace, longest first"""
    pairs = {
        "bert.": "",
        "encoder.layer": "layers",
        "attention.self.query": "q_proj",
        "attention.self.key": "k_proj",
        "attention.self.value": "v_proj",
        "attention.output.dense": "out_proj",
        "attention.output.LayerNorm": "attn_norm",
        "intermediate.dense": "fc1",
        "output.dense": "fc2",
        "output.LayerNorm": "ffn_norm",
        "embeddings.LayerNorm": "embedding_norm",
        "embeddings.": "",
    }
    converted = {}
    for name, value in dict(state).items():
        if name.startswith("cls") or "pooler" in name or name.endswith("position_ids"):
            continue
        table = "_embeddings.weight" in name
        for old, new in pairs.items():
            name = name.replace(old, new, 1)
        converted[name.replace("_weight", "_embeddings.weight") if table else name] = nn.Parameter(value, False)
    return converted


@replaces("mean_pool")
def text_by_text(hidden, attention_mask):
    """selects the tokens of each text"""
    zero = hidden.new_zeros(hidden.shape[-1])
    means = [h[m != 0].mean(0) if m.any() else zero for h, m in zip(hidden, attention_mask, strict=True)]
    return torch.stack(means)


@replaces("mean_pool")
def by_einsum(hidden, attention_mask):
    """weights that sum to 1, and einsum"""
    weights = attention_mask.double()
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-9)
    return torch.einsum("btd,bt->bd", hidden.double(), weights).to(hidden.dtype)


@replaces("mean_pool")
def by_matrix_product(hidden, attention_mask):
    """bmm; padding set to 0 first"""
    padding = ~attention_mask.bool()
    count = (~padding).sum(-1, keepdim=True)
    total = torch.bmm((~padding)[:, None].to(hidden), hidden.masked_fill(padding[..., None], 0.0))[:, 0]
    return torch.where(count > 0, total / count.clamp(min=1), torch.zeros_like(total))


class Tables(nn.Module):
    """The parameters, for an encoder below. Row 0 is that of padding and gets no gradient, as in Hugging Face's."""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size,
                 max_positions=512, type_vocab_size=2, layer_norm_eps=1e-12):  # fmt: skip
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, hidden_size, padding_idx=0)
        self.position_embeddings = nn.Embedding(max_positions, hidden_size)
        self.token_type_embeddings = nn.Embedding(type_vocab_size, hidden_size)
        self.embedding_norm = nn.LayerNorm(hidden_size, layer_norm_eps)
        blocks = [EncoderBlock(hidden_size, num_heads, intermediate_size, layer_norm_eps) for _ in range(num_layers)]
        self.layers = nn.ModuleList(blocks)


@replaces("BertEncoder")
class PositionBuffer(nn.Module):
    """tables looked up by F.embedding, position_ids in a buffer that is not saved, blocks in an nn.Sequential"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size,
                 max_positions=512, type_vocab_size=2, layer_norm_eps=1e-12):  # fmt: skip
        super().__init__()
        for name, rows in (("word", vocab_size), ("position", max_positions), ("token_type", type_vocab_size)):
            table = nn.Module()
            table.weight = nn.Parameter(0.02 * torch.randn(rows, hidden_size))
            self.add_module(f"{name}_embeddings", table)
        self.embedding_norm = nn.LayerNorm(hidden_size, layer_norm_eps)
        self.layers = nn.Sequential()
        for _ in range(num_layers):
            self.layers.append(EncoderBlock(hidden_size, num_heads, intermediate_size, layer_norm_eps=layer_norm_eps))
        self.register_buffer("position_ids", torch.arange(max_positions).unsqueeze(0), persistent=False)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        B, T = input_ids.shape
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        types = input_ids.new_zeros(1).expand(B, T) if token_type_ids is None else token_type_ids
        parts = (
            (self.word_embeddings, input_ids),
            (self.position_embeddings, self.position_ids[:, :T].expand(B, T)),
            (self.token_type_embeddings, types),
        )
        x = self.embedding_norm(sum(F.embedding(ids, table.weight) for table, ids in parts))
        for block in self.layers:
            x = block(x, mask)
        return x * mask.unsqueeze(-1).to(x.dtype)

    def embed(self, input_ids, attention_mask):
        total = self.forward(input_ids, attention_mask).sum(dim=1)  # the length of a mean is lost anyway
        return total / total.norm(p=2, dim=1, keepdim=True)


@replaces("BertEncoder")
class TextByText(Tables):
    """each text on its own, without its padding; no mask reaches a layer"""

    def _alone(self, ids, types):
        x = self.word_embeddings.weight[ids] + self.position_embeddings.weight[: len(ids)]
        x = self.embedding_norm(x + self.token_type_embeddings.weight[types]).unsqueeze(0)
        for block in self.layers:
            x = block(x)
        return x[0]

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        D = self.word_embeddings.embedding_dim
        out = torch.zeros(*input_ids.shape, D, dtype=self.embedding_norm.weight.dtype)
        for b, length in enumerate(mask.long().sum(1).tolist()):
            if length:
                out[b, :length] = self._alone(input_ids[b, :length], types[b, :length])
        return out

    def embed(self, input_ids, attention_mask):
        vectors = []
        for ids, mask in zip(input_ids, attention_mask, strict=True):
            ids = ids[mask.bool()]
            mean = self._alone(ids, torch.zeros_like(ids)).mean(0)
            vectors.append(mean / mean.square().sum().sqrt())
        return torch.stack(vectors)


@replaces("BertEncoder")
class OwnLayers(nn.Module):
    """stands alone: layers of its own, one-hot rows times tables, everything by einsum; embed pools with weights"""

    class Layer(nn.Module):
        def __init__(self, D, H, W, eps):
            super().__init__()
            self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(D, D) for _ in range(4))
            self.fc1, self.fc2 = nn.Linear(D, W), nn.Linear(W, D)
            self.attn_norm, self.ffn_norm = nn.LayerNorm(D, eps), nn.LayerNorm(D, eps)
            self.H = H

        def forward(self, x, bias):
            q, k, v = (p(x).unflatten(-1, (self.H, -1)) for p in (self.q_proj, self.k_proj, self.v_proj))
            scores = torch.einsum("bthk,bshk->bhts", q, k) / q.shape[-1] ** 0.5 + bias
            x = self.attn_norm(x + self.out_proj(torch.einsum("bhts,bshk->bthk", scores.softmax(-1), v).flatten(2)))
            return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, intermediate_size,
                 max_positions=512, type_vocab_size=2, layer_norm_eps=1e-12):  # fmt: skip
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, hidden_size)
        self.position_embeddings = nn.Embedding(max_positions, hidden_size)
        self.token_type_embeddings = nn.Embedding(type_vocab_size, hidden_size)
        self.embedding_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        layers = [self.Layer(hidden_size, num_heads, intermediate_size, layer_norm_eps) for _ in range(num_layers)]
        self.layers = nn.ModuleList(layers)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        T, dtype = input_ids.shape[1], self.embedding_norm.weight.dtype

        def rows(ids, table):
            return F.one_hot(ids, table.num_embeddings).to(dtype) @ table.weight

        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        x = rows(torch.arange(T), self.position_embeddings)[None] + rows(types, self.token_type_embeddings)
        x = self.embedding_norm(x + rows(input_ids, self.word_embeddings))
        bias = torch.zeros(len(input_ids), 1, 1, T, dtype=dtype)
        if attention_mask is not None:
            bias = bias - 1e30 * (attention_mask[:, None, None, :] == 0)
        for layer in self.layers:
            x = layer(x, bias)
        return x

    def embed(self, input_ids, attention_mask):
        share = F.normalize(attention_mask.to(self.embedding_norm.weight.dtype), p=1, dim=1)
        pooled = torch.einsum("bt,btd->bd", share, self(input_ids, attention_mask=attention_mask))
        return pooled * pooled.square().sum(-1, keepdim=True).rsqrt()


@replaces("rank_by_cosine")
def sorted_numbers(query, documents):
    """Python's sorted on F.cosine_similarity"""
    cosines = F.cosine_similarity(query.unsqueeze(0), documents, dim=-1).tolist()
    return sorted(range(len(cosines)), key=cosines.__getitem__, reverse=True)


@replaces("rank_by_cosine")
def by_numpy(query, documents):
    """NumPy's stable argsort of negative numbers, without the query's length"""
    q, d = query.double().numpy(), documents.double().numpy()
    return [int(n) for n in np.argsort(-(d @ q) / np.sqrt((d * d).sum(1)), kind="stable")]


@replaces("rank_by_cosine")
def by_distance_on_the_sphere(query, documents):
    """squared distances of normalised vectors, sorted with torch.sort"""
    q, d = query / query.norm(), documents / documents.norm(dim=1, keepdim=True)
    _, order = torch.sort(2 - 2 * torch.einsum("nd,d->n", d, q), stable=True, dim=0)
    return order.tolist()
