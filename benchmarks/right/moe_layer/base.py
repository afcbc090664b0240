import torch
import torch.nn.functional as F
from torch import Tensor, nn


def moe_forward(x: Tensor, gate: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, k: int) -> Tensor:
    top, experts = (x @ gate.T).topk(k, dim=-1)
    weights = top.softmax(dim=-1)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        tokens, slots = torch.where(experts == e)
        if len(tokens) == 0:
            continue
        h = x[tokens]
        out = (F.silu(h @ w1[e].T) * (h @ w3[e].T)) @ w2[e].T
        y = y.index_add(0, tokens, weights[tokens, slots, None] * out)
    return y


class MoELayer(nn.Module):
    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.gate = nn.Parameter(torch.randn(num_experts, d_model) * d_model**-0.5)
        self.w1 = nn.Parameter(torch.randn(num_experts, d_ff, d_model) * d_model**-0.5)
        self.w2 = nn.Parameter(torch.randn(num_experts, d_model, d_ff) * d_ff**-0.5)
        self.w3 = nn.Parameter(torch.randn(num_experts, d_ff, d_model) * d_model**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return moe_forward(x.flatten(0, 1), self.gate, self.w1, self.w2, self.w3, self.k).view(x.shape)
