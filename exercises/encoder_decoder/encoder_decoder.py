"""The decoder of an encoder-decoder transformer: one layer, and what it reads in training."""

import torch
from torch import Tensor, nn


def shift_right(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """What the decoder reads while it is trained to write the labels.

    labels: int64 (B, T), T >= 1; -100 where there is no label. It is not changed.
    Returns: int64 (B, T): the start token, then the labels without the last one of each row, with
        pad_token_id in place of -100.

    >>> shift_right(torch.tensor([[5, 6, 7, -100], [8, -100, -100, -100]]), decoder_start_token_id=2, pad_token_id=1)
    tensor([[2, 5, 6, 7],
            [2, 8, 1, 1]])
    """
    raise NotImplementedError


class Seq2SeqDecoderBlock(nn.Module):
    """A post-norm decoder layer: causal self-attention, cross-attention to the memory, MLP.

    Parameters: self_q_proj, self_k_proj, self_v_proj, self_out_proj, cross_q_proj, cross_k_proj, cross_v_proj and
        cross_out_proj, each an nn.Linear(d_model, d_model); fc1 nn.Linear(d_model, ffn_dim) and fc2
        nn.Linear(ffn_dim, d_model); self_norm, cross_norm and ffn_norm, each an nn.LayerNorm(d_model, eps=eps).

    All tensors have the dtype of the parameters. Masks: None, or integer or bool with 1 for a real token and
    0 for padding.

    With all linear layers 0, but a cross_out_proj.bias of (0, 4), the three sums are (3, 1), (1, -1 + 4), (-1, 1):

    >>> block = Seq2SeqDecoderBlock(d_model=2, num_heads=1, ffn_dim=3)
    >>> for name, parameter in block.named_parameters():
    ...     _ = parameter.data.zero_() if "norm" not in name else None
    >>> block.cross_out_proj.bias.data[1] = 4.0
    >>> block(torch.tensor([[[3.0, 1.0]]]), memory=torch.ones(1, 5, 2)).detach().round(decimals=3)
    tensor([[[-1.,  1.]]])
    """

    def __init__(self, d_model: int, num_heads: int, ffn_dim: int, eps: float = 1e-5) -> None:
        """d_model: D. num_heads: H, divides D. ffn_dim: the rows of fc1. eps: of all three norms."""
        raise NotImplementedError

    def memory_kv(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and values of the cross-attention: (B, S, D) -> two (B, H, S, K)."""
        raise NotImplementedError

    def decode(
        self,
        x: Tensor,
        memory_k: Tensor,
        memory_v: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        """The layer, with the keys and values of the memory given: x (B, T, D) -> (B, T, D).

        memory_k, memory_v: (B, H, S, K), from memory_kv.
        memory_mask: (B, S). target_mask: (B, T). Padding is hidden as a key, and as a query it is a token like any
            other; a query without any key gets zeros from its attention, before the output projection.
        """
        raise NotImplementedError

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        """The layer: x (B, T, D) and memory (B, S, D) -> (B, T, D). Masks as in decode."""
        raise NotImplementedError
