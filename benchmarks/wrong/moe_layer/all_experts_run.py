# TRUE CAUSE: Every expert runs on all tokens and its output is multiplied by a weight of 0 where it was not
# chosen, so NaN in an expert that nobody chose spoils everything.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def moe_forward(x: Tensor, gate: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, k: int) -> Tensor:
    top, chosen = (x @ gate.T).topk(k, dim=-1)  # (T, k)
    weights = top.softmax(dim=-1)
    combine = torch.zeros(x.shape[0], gate.shape[0], dtype=x.dtype).scatter(1, chosen, weights)
    y = torch.zeros_like(x)
    for e in range(gate.shape[0]):
        out = (F.silu(x @ w1[e].T) * (x @ w3[e].T)) @ w2[e].T
        y = y + combine[:, e : e + 1] * out
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
        flat = x.reshape(-1, x.shape[-1])
        return moe_forward(flat, self.gate, self.w1, self.w2, self.w3, self.k).reshape(x.shape)
