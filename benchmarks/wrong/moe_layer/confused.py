# TRUE CAUSE: believes that the router's weight scales the token before it enters an expert (dispatch weights): it computes
# FFN_e(w * x) and adds these up, instead of w * FFN_e(x). The expert is not linear, so this is another function.
import torch
import torch.nn.functional as F
from torch import nn


def moe_forward(x, gate, w1, w2, w3, k):
    logits = F.linear(x, gate)
    values, experts = torch.topk(logits, k, dim=1)
    share = torch.softmax(values, dim=1)
    n_tokens = x.shape[0]
    rows = torch.arange(n_tokens).repeat_interleave(k)
    experts, share = experts.reshape(-1), share.reshape(-1)
    inputs = x[rows] * share.unsqueeze(1)
    result = torch.zeros_like(x)
    for e in range(gate.shape[0]):
        mine = (experts == e).nonzero().squeeze(1)
        batch = inputs[mine]
        hidden = F.silu(F.linear(batch, w1[e])) * F.linear(batch, w3[e])
        result = result.index_add(0, rows[mine], F.linear(hidden, w2[e]))
    return result


class MoELayer(nn.Module):
    def __init__(self, d_model, d_ff, num_experts, k):
        super().__init__()
        self.top_k = k

        def matrix(*shape):
            return nn.Parameter(torch.empty(*shape).normal_(std=0.02))

        self.gate = matrix(num_experts, d_model)
        self.w1, self.w3 = matrix(num_experts, d_ff, d_model), matrix(num_experts, d_ff, d_model)
        self.w2 = matrix(num_experts, d_model, d_ff)

    def forward(self, x):
        batch, length, width = x.shape
        tokens = x.reshape(batch * length, width)
        y = moe_forward(tokens, self.gate, self.w1, self.w2, self.w3, self.top_k)
        return y.reshape(batch, length, width)
