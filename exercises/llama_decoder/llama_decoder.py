"""A whole Llama: an embedding, layers, a norm, and the embedding once more, from which the next token is read."""

import torch
import torch.nn.functional as F
from decoder_block import rms_norm, swiglu
from grouped_query_attention import GroupedQueryAttention
from rope import interleaved_to_half
from torch import Tensor, nn


class LlamaDecoder(nn.Module):
    """A decoder-only language model: embed_tokens, N layers, norm, and embed_tokens again as the output matrix.

    A layer is y = x + Attention(RMSNorm(x)), then y + SwiGLU(RMSNorm(y)). Attention is causal, with rotary
    positions, and query head h reads kv head ⌊h G / H⌋.

    vocab_size: V. hidden_size: D. num_layers: N. num_heads: H heads of width K = D / H, an even number.
    num_kv_heads: G, divides H. intermediate_size: F. rms_norm_eps: for every norm. rope_theta: the base of
    the rotary positions.

    The state_dict has these entries and no others, those of Hugging Face's LlamaModel. i runs from 0 to N - 1:

        embed_tokens.weight                        (V, D)
        layers.i.input_layernorm.weight            (D,)
        layers.i.self_attn.q_proj.weight           (H K, D)
        layers.i.self_attn.k_proj.weight           (G K, D)     and v_proj
        layers.i.self_attn.o_proj.weight           (D, H K)
        layers.i.post_attention_layernorm.weight   (D,)
        layers.i.mlp.gate_proj.weight              (F, D)       and up_proj
        layers.i.mlp.down_proj.weight              (D, F)
        norm.weight                                (D,)

    >>> model = LlamaDecoder(20, hidden_size=12, num_layers=2, num_heads=3, num_kv_heads=1, intermediate_size=16)
    >>> sum(p.numel() for p in model.parameters())
    2220
    >>> logits, cache = model(torch.tensor([[3, 1, 4, 1, 5]]))
    >>> logits.shape, len(cache), cache[0]["k"].shape
    (torch.Size([1, 5, 20]), 2, torch.Size([1, 1, 5, 4]))
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        num_kv_heads: int,
        intermediate_size: int,
        rms_norm_eps: float = 1e-5,
        rope_theta: float = 10000.0,
    ) -> None:
        raise NotImplementedError

    def forward(self, input_ids: Tensor, cache: list[dict] | None = None) -> tuple[Tensor, list[dict]]:
        """The logits of the token that follows each token, and the cache of each layer.

        input_ids: int64 (B, T), T >= 1: the next T tokens of B texts.
        cache: what forward returned for the tokens before; None: the texts begin here. It is not changed.
        Returns: logits (B, T, V) in the dtype of the parameters, the same as if the whole text had been given
            at once; logits[:, t] depends on token t and those before it. And a list of N dicts, one for each
            layer, with "k" and "v" (B, G, S, K): rotated keys and values of all S tokens so far. More entries
            in a dict are allowed. Angles are computed in float64. Gradients flow to all parameters.
        """
        raise NotImplementedError

    def generate(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        eos_token_id: int | None = None,
        pad_token_id: int | None = None,
    ) -> Tensor:
        """The texts, continued greedily: each new token is the one with the largest logit.

        input_ids: int64 (B, T), T >= 1: B prompts of the same length, without padding.
        max_new_tokens: 0 or more.
        eos_token_id: a row that has produced this token is finished; in the prompt it finishes nothing.
            None: no token does.
        pad_token_id: what follows in a finished row, as long as another is not; None: eos_token_id again. Without
            eos_token_id no row is finished, and it plays no part.
        Returns: int64 (B, T + n), the prompt and n new tokens, the end token included. n is max_new_tokens, or
            less: the step that finishes the last unfinished row is the last one.
        """
        raise NotImplementedError


def convert_gguf_state(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    """The weights of a GGUF file under the names of LlamaDecoder, in its order of rows.

    state: tensors by their names in the file, in any order and of any dtype:

        token_embd.weight           embed_tokens.weight
        blk.i.attn_norm.weight      layers.i.input_layernorm.weight
        blk.i.attn_q.weight         layers.i.self_attn.q_proj.weight            rows are moved
        blk.i.attn_k.weight         layers.i.self_attn.k_proj.weight            rows are moved
        blk.i.attn_v.weight         layers.i.self_attn.v_proj.weight
        blk.i.attn_output.weight    layers.i.self_attn.o_proj.weight
        blk.i.ffn_norm.weight       layers.i.post_attention_layernorm.weight
        blk.i.ffn_gate.weight       layers.i.mlp.gate_proj.weight
        blk.i.ffn_up.weight         layers.i.mlp.up_proj.weight
        blk.i.ffn_down.weight       layers.i.mlp.down_proj.weight
        output_norm.weight          norm.weight

    num_heads: H heads of queries; num_kv_heads: G heads of keys. Their pairs are neighbours in the file, rows
        2r and 2r + 1 of a head; here they are rows r and r + K/2.
    Returns: a dict of as many tensors, each with the shape and dtype that it had.

    >>> state = {"blk.0.attn_k.weight": torch.arange(8.0).view(8, 1), "output_norm.weight": torch.ones(1)}
    >>> for name, tensor in convert_gguf_state(state, num_heads=2, num_kv_heads=1).items():
    ...     print(name, tensor.flatten().tolist())
    layers.0.self_attn.k_proj.weight [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]
    norm.weight [1.0]
    """
    raise NotImplementedError
