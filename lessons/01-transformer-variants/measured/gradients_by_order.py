"""Measure the gradients of orders of norm and addition before training, for part 9 of lesson 1; ten seconds.

For stacks of 12 and 36 layers it prints the size of the gradient of the last matrix in every sixth layer, and in the
first one, the mean of five runs. "inside" is so sensitive to the size of its scores that its largest gradient is 372
if all is computed in float32.

    12 layers       layer      1      6     12
                post-norm   1.10   1.68   2.58
                 pre-norm   1.55   0.87   0.67
                   inside   6.53   0.99   0.51
            scores halved   1.62   0.72   0.53
      inside, q and k too   1.36   0.68   0.55
    36 layers       layer      1      6     12     18     24     30     36
                post-norm   1.79   1.98   2.69   2.94   2.78   2.27   2.71
                 pre-norm   1.67   0.96   0.65   0.58   0.46   0.42   0.37
                   inside 384.42  60.20  12.25   5.64   1.11   0.42   0.29
            scores halved   3.86   1.45   0.80   0.56   0.37   0.33   0.29
      inside, q and k too   1.54   0.76   0.52   0.47   0.36   0.34   0.31
"""

import torch
from torch import Tensor, nn

torch.set_num_threads(1)

D, F, V = 64, 256, 16


def norm(x: Tensor) -> Tensor:
    return nn.functional.layer_norm(x, x.shape[-1:])


def same(x: Tensor) -> Tensor:
    return x


ORDERS = {  # where the norm of a half goes, the last norm, and what is done to queries and keys
    "post-norm": (lambda x, half: norm(x + half(x)), same, same),
    "pre-norm": (lambda x, half: x + half(norm(x)), norm, same),
    "inside": (lambda x, half: x + norm(half(x)), norm, same),
    "scores halved": (lambda x, half: x + norm(half(x)), norm, lambda x: x / 2**0.5),
    "inside, q and k too": (lambda x, half: x + norm(half(x)), norm, norm),
}


def gradients(order: str, L: int, seed: int) -> Tensor:
    """Return the size of the gradient of each layer's last matrix, (L,)."""
    place, last, qk = ORDERS[order]
    rng = torch.Generator().manual_seed(seed)

    def matrix(rows: int, columns: int) -> Tensor:
        return (torch.randn(rows, columns, generator=rng).double() / rows**0.5).requires_grad_()

    layers = [[*(matrix(D, D) for _ in range(4)), matrix(D, F), matrix(F, D)] for _ in range(L)]
    logits, x = matrix(D, V), torch.randn(8, 16, D, generator=rng).double()
    labels = torch.randint(0, V, (8 * 16,), generator=rng)
    for w_q, w_k, w_v, w_out, up, down in layers:

        def attention(x: Tensor, w_q: Tensor = w_q, w_k: Tensor = w_k, w: Tensor = w_v, out: Tensor = w_out) -> Tensor:
            scores = qk(x @ w_q) @ qk(x @ w_k).transpose(1, 2) / D**0.5
            return scores.softmax(-1) @ (x @ w) @ out

        def ffn(x: Tensor, up: Tensor = up, down: Tensor = down) -> Tensor:
            return torch.relu(x @ up) * 2**0.5 @ down

        x = place(place(x, attention), ffn)
    nn.functional.cross_entropy((last(x) @ logits).flatten(0, 1), labels).backward()
    return torch.stack([layer[-1].grad.norm() for layer in layers])


for L in (12, 36):
    layers = [1, *range(6, L + 1, 6)]
    print(f"{L} layers{'layer':>12}", *(f"{layer:6}" for layer in layers))
    for order in ORDERS:
        sizes = torch.stack([gradients(order, L, seed) for seed in range(5)]).mean(0)
        print(f"{order:>21}", *(f"{sizes[layer - 1]:6.2f}" for layer in layers))
