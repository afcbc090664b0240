"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


@replaces("gelu")
def torchs_gelu(x: Tensor) -> Tensor:
    """F.gelu"""
    return F.gelu(x, approximate="none")


@replaces("gelu")
def normal_cdf(x: Tensor) -> Tensor:
    """the distribution function of torch.special"""
    return torch.special.ndtr(x).mul(x)


@replaces("gelu")
def number_by_number(x: Tensor) -> Tensor:
    """math.erf on Python numbers, scaled by a tensor so that gradients survive"""
    Phi = [0.5 * (1 + math.erf(v * 0.5**0.5)) for v in x.flatten().tolist()]
    phi = torch.exp(-(x.detach() ** 2) / 2) / math.sqrt(2 * math.pi)
    cdf = torch.tensor(Phi, dtype=x.dtype).reshape(x.shape) + phi * (x - x.detach())
    return x * cdf


@replaces("layer_norm")
def torchs_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """F.layer_norm"""
    return F.layer_norm(x, weight.shape, weight, bias, eps)


@replaces("layer_norm")
def einsum(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """the centring matrix, and a mean square by einsum"""
    D = x.shape[-1]
    centred = x @ (torch.eye(D, dtype=x.dtype) - 1 / D)
    var = torch.einsum("...d,...d->...", centred, centred) / D
    return torch.addcmul(bias, centred * (var + eps).rsqrt().unsqueeze(-1), weight)


@replaces("layer_norm")
def numpy_rows(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    """NumPy, row by row"""
    rows = [(row - row.mean()) / np.sqrt(row.var() + eps) for row in x.detach().numpy().reshape(-1, x.shape[-1])]
    return torch.from_numpy(np.stack(rows)).view(x.shape) * weight + bias


class Parts(nn.Module):
    """Not an entry: the parameters, for the blocks below."""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        super().__init__()
        if hidden_size % num_heads != 0:
            raise ValueError("heads")
        self.H, self.K = num_heads, hidden_size // num_heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, nn.Linear(hidden_size, hidden_size))
        self.fc1, self.fc2 = nn.Linear(hidden_size, intermediate_size), nn.Linear(intermediate_size, hidden_size)
        self.attn_norm = nn.LayerNorm(hidden_size, layer_norm_eps)
        self.ffn_norm = nn.LayerNorm(hidden_size, layer_norm_eps)


@replaces("EncoderBlock")
class HeadByHead(Parts):
    """a loop over heads, slices of columns, -inf and zeros for empty rows"""

    def forward(self, x, attention_mask=None):
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        outputs = []
        for h in range(self.H):
            own = slice(h * self.K, (h + 1) * self.K)
            scores = q[..., own] @ k[..., own].mT / math.sqrt(self.K)
            if attention_mask is not None:
                keep = attention_mask.bool()[:, None]
                scores = scores.masked_fill(~keep & keep.any(-1, keepdim=True), float("-inf"))
            outputs.append(scores.softmax(dim=-1) @ v[..., own])
        x = self.attn_norm(x + self.out_proj(torch.cat(outputs, dim=-1)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))


@replaces("EncoderBlock")
class Einsum(Parts):
    """einsum over named axes, weights viewed per head, large negative numbers added"""

    def forward(self, x, attention_mask=None):
        def per_head(linear):
            weight, bias = linear.weight.view(self.H, self.K, -1), linear.bias.view(self.H, 1, self.K)
            return torch.einsum("btd,hkd->bhtk", x, weight) + bias

        scores = torch.einsum("bhtk,bhsk->bhts", per_head(self.q_proj), per_head(self.k_proj)) / self.K**0.5
        if attention_mask is not None:
            scores = scores + (1 - attention_mask.to(x.dtype))[:, None, None, :] * torch.finfo(x.dtype).min
        attended = torch.einsum("bhts,bhsk->bthk", scores.softmax(-1), per_head(self.v_proj))
        columns = self.out_proj.weight.view(-1, self.H, self.K)
        h = self.attn_norm(x + torch.einsum("bthk,dhk->btd", attended, columns) + self.out_proj.bias)
        return self.ffn_norm(torch.add(h, self.fc2(F.gelu(self.fc1(h)))))


@replaces("EncoderBlock")
class TextByText(Parts):
    """padding cut off, each text on its own; zeros at padding"""

    def forward(self, x, attention_mask=None):
        results = []
        for b, text in enumerate(x):
            kept = torch.arange(len(text)) if attention_mask is None else attention_mask[b].nonzero()[:, 0]
            y = torch.zeros_like(text)
            if len(kept):
                tokens = text[kept]
                q, k, v = (p(tokens).unflatten(-1, (self.H, self.K)) for p in (self.q_proj, self.k_proj, self.v_proj))
                weights = torch.softmax(torch.einsum("thk,shk->hts", q, k) * self.K**-0.5, dim=2)
                h = self.attn_norm(tokens + self.out_proj(torch.einsum("hts,shk->thk", weights, v).flatten(1)))
                y = y.index_copy(0, kept, self.ffn_norm(h + self.fc2(F.gelu(self.fc1(h)))))
            results.append(y)
        return torch.stack(results)


@replaces("EncoderBlock")
class TorchsAttention(Parts):
    """F.multi_head_attention_forward with the three matrices stacked"""

    def forward(self, x, attention_mask=None):
        padding = None
        if attention_mask is not None:
            padding = attention_mask == 0
            padding = padding & ~padding.all(dim=1, keepdim=True)
        linears = (self.q_proj, self.k_proj, self.v_proj)
        time_first = x.transpose(0, 1)
        attended, _ = F.multi_head_attention_forward(
            time_first, time_first, time_first, self.H * self.K, self.H,
            torch.cat([p.weight for p in linears]), torch.cat([p.bias for p in linears]), None, None, False, 0.0,
            self.out_proj.weight, self.out_proj.bias, key_padding_mask=padding, need_weights=False,
        )  # fmt: skip
        h = self.attn_norm(x + attended.transpose(0, 1))
        return self.ffn_norm(h + self.fc2(F.gelu(self.fc1(h))))
