# TRUE CAUSE: takes the vector of a sentence to be that of its first token, [CLS], as in BERT's own classifier: embed normalises
# h[:, 0] in place of the mean over the tokens. mean_pool itself is right but is not used.
import re

import torch
from encoder_block import EncoderBlock
from torch import nn

TABLE = [
    (r"embeddings\.(word|position|token_type)_embeddings\.(\w+)", r"\1_embeddings.\2"),
    (r"embeddings\.LayerNorm\.(\w+)", r"embedding_norm.\1"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.(q|k|v)(?:uery|ey|alue)\.(\w+)", r"layers.\1.\2_proj.\3"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(\w+)", r"layers.\1.out_proj.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(\w+)", r"layers.\1.attn_norm.\2"),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense\.(\w+)", r"layers.\1.fc1.\2"),
    (r"encoder\.layer\.(\d+)\.output\.dense\.(\w+)", r"layers.\1.fc2.\2"),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm\.(\w+)", r"layers.\1.ffn_norm.\2"),
]


def convert_bert_state(state):
    mine = {}
    for key, value in state.items():
        short = key[5:] if key.startswith("bert.") else key
        for pattern, new in TABLE:
            found = re.fullmatch(pattern, short)
            if found:
                mine[found.expand(new)] = value
    return mine


def mean_pool(hidden, attention_mask):
    m = attention_mask.bool().unsqueeze(-1)
    n = m.sum(1)
    return hidden.masked_fill(~m, 0.0).sum(1) / torch.where(n == 0, 1, n).to(hidden.dtype)


class BertEncoder(nn.Module):
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
        self.embedding_norm = nn.LayerNorm(hidden_size, layer_norm_eps)
        blocks = [
            EncoderBlock(hidden_size, num_heads, intermediate_size, layer_norm_eps=layer_norm_eps)
            for _ in range(num_layers)
        ]
        self.layers = nn.ModuleList(blocks)

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        T = input_ids.size(1)
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        h = self.word_embeddings(input_ids) + self.position_embeddings.weight[:T] + self.token_type_embeddings(types)
        h = self.embedding_norm(h)
        for block in self.layers:
            h = block(h, attention_mask)
        return h

    def embed(self, input_ids, attention_mask):
        cls = self(input_ids, attention_mask)[:, 0]  # the first token stands for the whole text
        return cls / cls.norm(dim=1, keepdim=True)


def rank_by_cosine(query, documents):
    cos = (documents @ query) / documents.norm(dim=1)
    return sorted(range(len(cos)), key=lambda i: -cos[i].item())
