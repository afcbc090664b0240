# TRUE CAUSE: convert_bert_state maps attention.output.LayerNorm to ffn_norm and output.LayerNorm to attn_norm:
# the two norms of a layer are exchanged. All shapes fit.
import torch
import torch.nn.functional as F
from encoder_block import EncoderBlock
from torch import Tensor, nn

EMBEDDINGS = {
    "embeddings.word_embeddings": "word_embeddings",
    "embeddings.position_embeddings": "position_embeddings",
    "embeddings.token_type_embeddings": "token_type_embeddings",
    "embeddings.LayerNorm": "embedding_norm",
}
LAYER = {
    "attention.self.query": "q_proj",
    "attention.self.key": "k_proj",
    "attention.self.value": "v_proj",
    "attention.output.dense": "out_proj",
    "attention.output.LayerNorm": "ffn_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "attn_norm",
}


def convert_bert_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    result = {}
    for name, tensor in state.items():
        module, _, kind = name.removeprefix("bert.").rpartition(".")
        if module in EMBEDDINGS:
            result[f"{EMBEDDINGS[module]}.{kind}"] = tensor
        elif module.startswith("encoder.layer."):
            number, _, part = module.removeprefix("encoder.layer.").partition(".")
            result[f"layers.{number}.{LAYER[part]}.{kind}"] = tensor
    return result


def mean_pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    mask = (attention_mask != 0).to(hidden.dtype)[:, :, None]
    total = (hidden * mask).sum(dim=1)
    count = mask.sum(dim=1)
    return total / count.clamp(min=1)


class BertEncoder(nn.Module):
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
        self.word_embeddings = nn.Embedding(vocab_size, hidden_size)
        self.position_embeddings = nn.Embedding(max_positions, hidden_size)
        self.token_type_embeddings = nn.Embedding(type_vocab_size, hidden_size)
        self.embedding_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.layers = nn.ModuleList(
            EncoderBlock(hidden_size, num_heads, intermediate_size, layer_norm_eps) for _ in range(num_layers)
        )

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        positions = torch.arange(input_ids.shape[1])
        x = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)
        x = x + self.position_embeddings(positions)
        x = self.embedding_norm(x)
        for layer in self.layers:
            x = layer(x, attention_mask)
        return x

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.forward(input_ids, attention_mask)
        return F.normalize(mean_pool(hidden, attention_mask), dim=-1)


def rank_by_cosine(query: Tensor, documents: Tensor) -> list[int]:
    cosines = F.normalize(documents, dim=-1) @ F.normalize(query, dim=-1)
    return torch.argsort(cosines, descending=True, stable=True).tolist()
