"""The sparse feed-forward layer of Mixtral: a router, E experts, and work for k of them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def moe_forward(x: Tensor, gate: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, k: int) -> Tensor:
    """For every token the weighted sum of its k best experts' outputs.

    x: (T, D), T >= 1 tokens; float32 or float64, as all that follows. gate: (E, D), the router.
    w1, w3: (E, F, D), w2: (E, D, F): expert e is W2_e (silu(W1_e x) * W3_e x).
    k: 1 <= k <= E. No two logits of a token are equal. An expert may be chosen by no token.
    Returns: (T, D) in the dtype of x. Gradients flow to x, gate, w1, w2 and w3; the weights of an expert that nobody
        chose get gradient 0. If they are NaN, their own gradient may be NaN.
    An expert runs on the tokens that chose it, and on no others. So an expert that nobody chose may hold NaN, and a
    token may overflow in an expert that it did not choose: neither shows in the result or in the gradient of x.

    >>> nan = float("nan")
    >>> x = torch.tensor([[1.0, 2.0]])
    >>> gate = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])  # logits 1, 2 and -1: weights 0.2689 and 0.7311
    >>> w1 = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]], [[nan, nan]]])
    >>> w3 = torch.tensor([[[1.0, 1.0]], [[1.0, 0.0]], [[nan, nan]]])
    >>> w2 = torch.tensor([[[1.0], [0.0]], [[0.0], [10.0]], [[nan], [nan]]])
    >>> moe_forward(x, gate, w1, w2, w3, k=2)  # 0.2689 * [2.1932, 0] + 0.7311 * [0, 17.6159]
    tensor([[ 0.5898, 12.8783]])
    """
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1)  # (T, k): TopK(l)
    weights = torch.softmax(chosen, dim=-1)  # (T, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)  # (n,): who chose e, and as which of its k choices
        h = x[token]  # (n, D)
        h = F.silu(h @ w1[e].T) * (h @ w3[e].T)  # (n, F)
        y = y.index_add(0, token, weights[token, slot, None] * (h @ w2[e].T))  # (T, D)
    return y


class MoELayer(nn.Module):
    """moe_forward with parameters of its own, for a batch of texts.

    Parameters: gate (E, D), w1 (E, F, D), w2 (E, D, F) and w3 (E, F, D). There are no others, and no biases. They
    begin random and finite; no two experts begin equal.

    >>> layer = MoELayer(d_model=8, d_ff=16, num_experts=4, k=2)
    >>> sum(p.numel() for p in layer.parameters())  # 4 · 3 · 8 · 16 + 4 · 8
    1568
    """

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        """d_model: D; d_ff: F; num_experts: E; k: 1 <= k <= E, how many of them each token uses."""
        super().__init__()
        self.k = k
        self.gate = nn.Parameter(torch.randn(num_experts, d_model) / d_model**0.5)
        self.w1 = nn.Parameter(torch.randn(num_experts, d_ff, d_model) / d_model**0.5)
        self.w2 = nn.Parameter(torch.randn(num_experts, d_model, d_ff) / d_ff**0.5)
        self.w3 = nn.Parameter(torch.randn(num_experts, d_ff, d_model) / d_model**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, D), B and T >= 1, in the dtype of the parameters. Returns: (B, T, D), each token on its own."""
        y = moe_forward(x.flatten(0, 1), self.gate, self.w1, self.w2, self.w3, self.k)  # (B * T, D)
        return y.view(x.shape)
