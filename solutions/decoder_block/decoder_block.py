"""One layer of Llama: RMSNorm, attention with rotary positions, RMSNorm, SwiGLU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    """Rotary positions (RoPE), given: turns the pair (x_i, x_{i + K/2}) by the angle position · theta^(−2i/K).

    x: (..., T, K), K even; positions: (T,), whole numbers.
    Returns: (..., T, K) in the dtype of x. Angles are computed in float64.
    """
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x²) + eps) * weight, over the last axis.

    x: floating point (..., D), any number of leading dimensions.
    weight: (D,), in the dtype of x.
    Returns: (..., D) in the dtype of x. float16 and bfloat16 are normalised in float32, float64 in float64.

    >>> rms_norm(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 10.0]))
    tensor([ 0.8485, 11.3137])
    """
    h = x if x.dtype == torch.float64 else x.float()  # 300² is more than float16 can hold
    h = h * torch.rsqrt(h.square().mean(-1, keepdim=True) + eps)  # (..., D)
    return weight * h.to(x.dtype)


def swiglu(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """W_down (silu(W_gate x) * W_up x), the feed-forward network of Llama.

    x: floating point (..., D), any number of leading dimensions.
    w_gate, w_up: (F, D), as in nn.Linear.
    w_down: (D, F).
    Returns: (..., D) in the dtype of x.

    >>> swiglu(torch.tensor([1.0, 2.0]), *torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), torch.tensor([[1.0], [10.0]]))
    tensor([ 1.4621, 14.6212])
    """
    gate = F.silu(F.linear(x, w_gate))  # (..., F)
    return F.linear(gate * F.linear(x, w_up), w_down)  # (..., D)


def swiglu_hidden_size(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """F, the hidden width that gives SwiGLU's three matrices the size of two matrices 4D wide.

    Two thirds of 4D, rounded down to a whole number; with ffn_dim_multiplier times that, rounded down again;
    and last the next multiple of multiple_of that is not smaller.

    >>> swiglu_hidden_size(4096)
    11008
    """
    width = 2 * 4 * hidden_size // 3
    if ffn_dim_multiplier is not None:
        width = int(ffn_dim_multiplier * width)
    return (width + multiple_of - 1) // multiple_of * multiple_of


class LlamaBlock(nn.Module):
    """One decoder layer: y = x + Attention(RMSNorm(x)), then y + SwiGLU(RMSNorm(y)).

    Parameters, as in Llama's checkpoints: q_proj.weight, k_proj.weight, v_proj.weight, o_proj.weight (D, D);
    gate_proj.weight, up_proj.weight (F, D); down_proj.weight (D, F); input_layernorm.weight and
    post_attention_layernorm.weight (D,), which begin as ones. There are no others, and no biases.

    hidden_size: D. num_heads: H heads of even width K = D/H; head h owns rows h*K to (h+1)*K - 1 of q, k and v.
    intermediate_size: F. rms_norm_eps: for both norms. rope_theta: the base of the rotary positions.

    >>> block = LlamaBlock(hidden_size=12, num_heads=3, intermediate_size=32)
    >>> sum(p.numel() for p in block.parameters())  # 4 D² + 3 D F + 2 D
    1752
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        rms_norm_eps: float = 1e-6,
        rope_theta: float = 10000.0,
    ):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, hidden_size // num_heads
        self.eps, self.rope_theta = rms_norm_eps, rope_theta
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)
        self.input_layernorm = nn.RMSNorm(hidden_size)
        self.post_attention_layernorm = nn.RMSNorm(hidden_size)

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        """The text after this layer. Token t attends to tokens 0 to t of x, whatever their positions.

        x: floating point (B, T, D), T >= 1, in the dtype of the parameters.
        positions: int64 (T,), what queries and keys are turned by; None: 0 to T - 1.
        Returns: (B, T, D) in the dtype of x. Angles are computed in float64. Gradients flow to x and to all
            parameters.
        """
        h = rms_norm(x, self.input_layernorm.weight, self.eps)
        x = x + self._attention(h, positions)
        h = rms_norm(x, self.post_attention_layernorm.weight, self.eps)
        return x + swiglu(h, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)

    def _attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        B, T, D = x.shape
        H, K = self.num_heads, self.head_dim
        q = self.q_proj(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        k = self.k_proj(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        v = self.v_proj(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        if positions is None:
            positions = torch.arange(T)
        q, k = _rotate(q, positions, self.rope_theta), _rotate(k, positions, self.rope_theta)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, K)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, D))
