# TRUE CAUSE: The routing is computed under no_grad because top-k has no derivative. The weights do have one:
# gradients must reach the router and x through the softmax over the chosen logits, only the choice itself has none.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


@torch.no_grad()
def _route(x: Tensor, gate: Tensor, k: int) -> tuple[Tensor, Tensor]:
    best, experts = (x @ gate.T).topk(k, dim=-1)
    return best.softmax(dim=-1), experts


def moe_forward(x: Tensor, gate: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, k: int) -> Tensor:
    weights, experts = _route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, choice = torch.where(experts == e)
        if len(token) == 0:
            continue
        mine = x[token]
        hidden = F.silu(mine @ w1[e].T) * (mine @ w3[e].T)
        y = y.index_add(0, token, weights[token, choice].unsqueeze(-1) * (hidden @ w2[e].T))
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
        return moe_forward(tokens, self.gate, self.w1, self.w2, self.w3, self.k).reshape(x.shape)
