"""A BERT that turns a sentence into one vector, and the way from a published checkpoint into it."""

import torch
import torch.nn.functional as F
from encoder_block import EncoderBlock
from torch import Tensor, nn

_EMBEDDINGS = {
    "embeddings.word_embeddings": "word_embeddings",
    "embeddings.position_embeddings": "position_embeddings",
    "embeddings.token_type_embeddings": "token_type_embeddings",
    "embeddings.LayerNorm": "embedding_norm",
}
_LAYER = {
    "attention.self.query": "q_proj",
    "attention.self.key": "k_proj",
    "attention.self.value": "v_proj",
    "attention.output.dense": "out_proj",
    "attention.output.LayerNorm": "attn_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "ffn_norm",
}


def convert_bert_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a BERT of Hugging Face's under the names of BertEncoder.

    state: its state dict, with the names of the table in the statement, each followed by .weight or .bias; either all
        of these have "bert." in front or none has. What else there is (pooler, position_ids, a head) is left out; names
        that begin with encoder.layer. are all in the table.
    Returns: a dict that BertEncoder.load_state_dict takes. The tensors keep their values, shapes and dtypes.

    >>> state = {"encoder.layer.11.output.dense.bias": torch.ones(2), "pooler.dense.bias": torch.ones(2)}
    >>> convert_bert_state(state)
    {'layers.11.fc2.bias': tensor([1., 1.])}
    """
    converted = {}
    for name, tensor in state.items():
        module, _, kind = name.removeprefix("bert.").rpartition(".")  # "encoder.layer.11.output.dense", "bias"
        if module in _EMBEDDINGS:
            converted[f"{_EMBEDDINGS[module]}.{kind}"] = tensor
        elif module.startswith("encoder.layer."):
            _, _, i, part = module.split(".", maxsplit=3)
            converted[f"layers.{i}.{_LAYER[part]}.{kind}"] = tensor
    return converted


def mean_pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean of the vectors of each text's tokens, without its padding.

    hidden: floating point (B, T, D), finite.
    attention_mask: (B, T), 1 = token, 0 = padding, in any order; bool or any integer dtype.
    Returns: (B, D) in the dtype of hidden; zeros for a text that is nothing but padding.

    >>> mean_pool(torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[2., 4.]])
    """
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)  # (B, D)


class BertEncoder(nn.Module):
    """BERT without its pooler: three embeddings, their sum normalised, and a stack of EncoderBlock.

    vocab_size, max_positions, type_vocab_size: rows of the three tables. hidden_size: D. num_layers: of EncoderBlock,
    with num_heads and intermediate_size. layer_norm_eps: of all norms.
    State dict: word_embeddings.weight, position_embeddings.weight, token_type_embeddings.weight, each (rows, D);
        embedding_norm.weight and .bias (D,); layers.0 to layers.{num_layers - 1}, each with the names of EncoderBlock.
        Nothing else: a buffer of your own is allowed if it is not persistent.

    >>> model = BertEncoder(vocab_size=10, hidden_size=4, num_layers=2, num_heads=2, intermediate_size=3)
    >>> len(model.state_dict()), model(torch.tensor([[1, 2, 3]])).shape
    (37, torch.Size([1, 3, 4]))
    """

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
        """The vector of each token after the last layer.

        input_ids: int64 (B, T), with T <= max_positions. The token in column t has position t.
        attention_mask: (B, T), 1 = token, 0 = padding, which stands behind the tokens; bool or any integer dtype.
            None: no padding.
        token_type_ids: int64 (B, T). None: all of type 0.
        Returns: (B, T, D) in the dtype of the parameters. Padding has no influence on tokens; what stands at padding
            is any finite number. There is no dropout.
        """
        positions = torch.arange(input_ids.shape[1])  # (T,)
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        x = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)  # (B, T, D)
        x = self.embedding_norm(x + self.position_embeddings(positions))
        for layer in self.layers:
            x = layer(x, attention_mask)  # (B, T, D)
        return x

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """One vector of length 1 for each text: the mean over its tokens, normalised. All tokens are of type 0.

        input_ids: int64 (B, T). attention_mask: (B, T), as in forward; every text has a token.
        Returns: (B, D). Gradients flow to the parameters: sentence encoders are trained through it.

        With all linear maps and positions set to 0 a vector is the mean of normalised rows of the word table:

        >>> model = BertEncoder(vocab_size=3, hidden_size=4, num_layers=1, num_heads=2, intermediate_size=3)
        >>> state = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
        >>> state |= {name: torch.ones(4) for name in state if name.endswith("norm.weight")}
        >>> state["word_embeddings.weight"] = torch.tensor([[8.0, 0, 0, 0], [1, 2, 3, 4], [9, 9, 9, 5]])
        >>> _ = model.load_state_dict(state)
        >>> model.embed(torch.tensor([[1, 2, 1], [1, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]])).detach()
        tensor([[-0.7636, -0.1150,  0.5336,  0.3449],
                [-0.6708, -0.2236,  0.2236,  0.6708]])
        """
        return F.normalize(mean_pool(self(input_ids, attention_mask), attention_mask), dim=-1)  # (B, D)


def rank_by_cosine(query: Tensor, documents: Tensor) -> list[int]:
    """The numbers of the documents, by falling cosine with the query.

    query: floating point (D,). documents: (N, D) in the same dtype, N >= 1. None is 0, as a vector.
    Returns: list of N ints. Documents with equal cosines stay in the order in which they were given; two cosines that
        differ by rounding alone do not occur.

    >>> rank_by_cosine(torch.tensor([1.0, 0.0]), torch.tensor([[0.0, 2.0], [5.0, 5.0], [0.5, 0.0], [0.0, 3.0]]))
    [2, 1, 0, 3]
    """
    cosines = F.normalize(documents, dim=-1) @ F.normalize(query, dim=-1)  # (N,)
    return cosines.argsort(dim=0, descending=True, stable=True).tolist()
