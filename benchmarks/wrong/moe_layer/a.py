# TRUE CAUSE: the router runs under torch.no_grad, softmax over the chosen logits included, so the gate gets no
# gradient and x none through the weights; only the choice of experts has none.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _route(x: Tensor, gate: Tensor, k: int) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        top = (x @ gate.T).topk(k, dim=-1)
        return top.values.softmax(dim=-1), top.indices


def moe_forward(x: Tensor, gate: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, k: int) -> Tensor:
    weights, chosen = _route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(gate.shape[0]):
        token, place = torch.where(chosen == e)
        if token.numel() == 0:
            continue
        rows = x[token]
        out = (F.silu(rows @ w1[e].T) * (rows @ w3[e].T)) @ w2[e].T
        y = y.index_add(0, token, weights[token, place].unsqueeze(-1) * out)
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
        tokens = x.reshape(-1, x.shape[-1])
        return moe_forward(tokens, self.gate, self.w1, self.w2, self.w3, self.k).view(x.shape)
