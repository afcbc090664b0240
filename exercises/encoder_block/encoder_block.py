"""One layer of BERT: attention and a small network, each added to its input and then normalised."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gelu(x: Tensor) -> Tensor:
    """x Φ(x), with the exact distribution function Φ of the normal distribution.

    x: floating point, any shape.
    Returns: the shape and dtype of x.

    >>> gelu(torch.tensor([-1.0, 0.0, 1.0, 2.0]))
    tensor([-0.1587,  0.0000,  0.8413,  1.9545])
    """
    raise NotImplementedError


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """(x - μ) / sqrt(σ² + eps) * weight + bias, with μ and σ² of every token on its own.

    x: floating point (..., D). weight, bias: (D,). σ² is the mean of squared deviations: it divides by D.
    Returns: the shape and dtype of x.

    >>> layer_norm(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), weight=torch.ones(4), bias=torch.zeros(4))
    tensor([[-1.3416, -0.4472,  0.4472,  1.3416]])
    """
    raise NotImplementedError


class EncoderBlock(nn.Module):
    """LN(h + fc2(gelu(fc1(h)))) of h = LN(x + Attn(x)).

    hidden_size: D. num_heads: H, divides D. intermediate_size: F, the rows of fc1. layer_norm_eps: of both norms.
    Parameters: q_proj, k_proj, v_proj, out_proj (D, D), fc1 (F, D), fc2 (D, F), each a linear map with bias;
        attn_norm, ffn_norm: weight and bias (D,). No others.
    """

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        raise NotImplementedError

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """x: floating point (B, T, D), in the dtype of the parameters.
        attention_mask: (B, T), 1 = token, 0 = padding; bool or any integer dtype. None: no padding.
        Returns: (B, T, D). Padding has no influence on tokens; what stands at padding is any finite number.
            Gradients flow to x and to the parameters.

        With all linear maps set to 0, the sums and the norms are left:

        >>> block = EncoderBlock(hidden_size=4, num_heads=2, intermediate_size=3)
        >>> for linear in (block.q_proj, block.k_proj, block.v_proj, block.out_proj, block.fc1, block.fc2):
        ...     _ = linear.weight.data.zero_(), linear.bias.data.zero_()
        >>> block(torch.tensor([[[1.0, 2.0, 3.0, 4.0], [9.0, 9.0, 9.0, 5.0]]])).detach()
        tensor([[[-1.3416, -0.4472,  0.4472,  1.3416],
                 [ 0.5774,  0.5774,  0.5774, -1.7321]]])
        """
        raise NotImplementedError
