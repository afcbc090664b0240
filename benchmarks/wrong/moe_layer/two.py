# TRUE CAUSE: (1) The weighted sum is divided by k (a mean over the chosen experts).
# (2) MoELayer starts all experts with the same numbers (one random matrix expanded over the experts).
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def moe_forward(x: Tensor, gate: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, k: int) -> Tensor:
    top, chosen = (x @ gate.T).topk(k, dim=-1)  # (T, k)
    weights = top.softmax(dim=-1)
    y = torch.zeros_like(x)
    for e in range(gate.shape[0]):
        token, slot = torch.where(chosen == e)
        xe = x[token]
        out = (F.silu(xe @ w1[e].T) * (xe @ w3[e].T)) @ w2[e].T
        y = y.index_add(0, token, weights[token, slot][:, None] * out)
    return y / k


class MoELayer(nn.Module):
    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.gate = nn.Parameter(torch.randn(num_experts, d_model) * d_model**-0.5)
        self.w1 = nn.Parameter((torch.randn(d_ff, d_model) * d_model**-0.5).repeat(num_experts, 1, 1))
        self.w2 = nn.Parameter((torch.randn(d_model, d_ff) * d_ff**-0.5).repeat(num_experts, 1, 1))
        self.w3 = nn.Parameter((torch.randn(d_ff, d_model) * d_model**-0.5).repeat(num_experts, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        return moe_forward(flat, self.gate, self.w1, self.w2, self.w3, self.k).reshape(x.shape)
