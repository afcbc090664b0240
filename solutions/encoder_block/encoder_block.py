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
    Phi = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return x * Phi


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """(x - μ) / sqrt(σ² + eps) * weight + bias, with μ and σ² of every token on its own.

    x: floating point (..., D). weight, bias: (D,). σ² is the mean of squared deviations: it divides by D.
    Returns: the shape and dtype of x.

    >>> layer_norm(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), weight=torch.ones(4), bias=torch.zeros(4))
    tensor([[-1.3416, -0.4472,  0.4472,  1.3416]])
    """
    mu = x.mean(-1, keepdim=True)  # (..., 1)
    var = x.var(-1, unbiased=False, keepdim=True)  # (..., 1)
    return (x - mu) / torch.sqrt(var + eps) * weight + bias


class EncoderBlock(nn.Module):
    """LN(h + fc2(gelu(fc1(h)))) of h = LN(x + Attn(x)).

    hidden_size: D. num_heads: H, divides D. intermediate_size: F, the rows of fc1. layer_norm_eps: of both norms.
    Parameters: q_proj, k_proj, v_proj, out_proj (D, D), fc1 (F, D), fc2 (D, F), each a linear map with bias;
        attn_norm, ffn_norm: weight and bias (D,). No others.
    """

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(hidden_size, hidden_size)
        self.k_proj = nn.Linear(hidden_size, hidden_size)
        self.v_proj = nn.Linear(hidden_size, hidden_size)
        self.out_proj = nn.Linear(hidden_size, hidden_size)
        self.attn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)
        self.ffn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)

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
        B, T, D = x.shape
        q, k, v = (
            proj(x).view(B, T, self.num_heads, -1).transpose(1, 2)  # (B, H, T, K)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        mask = None
        if attention_mask is not None:
            # The lowest finite number, as in BERT's code: a softmax over -inf alone would be NaN.
            padding = attention_mask[:, None, None, :] == 0  # (B, 1, 1, T)
            mask = torch.zeros(padding.shape, dtype=x.dtype).masked_fill(padding, torch.finfo(x.dtype).min)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (B, H, T, K)
        attended = self.out_proj(attended.transpose(1, 2).reshape(B, T, D))  # (B, T, D)
        h = self.attn_norm(x + attended)  # (B, T, D)
        return self.ffn_norm(h + self.fc2(gelu(self.fc1(h))))  # (B, T, D)
