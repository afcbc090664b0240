# TRUE CAUSE: takes the conversion for the other direction: interleaved_to_half moves rows from the half-split layout to the
# neighbour one (row i goes to 2i, row i + K/2 to 2i + 1), the inverse of what is asked. The other functions are right.
import torch


def rope_frequencies(head_dim, base=10000.0):
    return torch.tensor([base ** (-2 * i / head_dim) for i in range(head_dim // 2)], dtype=torch.float64)


def rotate_half(x):
    h = x.size(-1) // 2
    return torch.cat((-x[..., h:], x[..., :h]), dim=-1)


def apply_rope(x, positions, base=10000.0):
    f = rope_frequencies(x.size(-1), base)
    if positions.dim() == 1:
        positions = positions.unsqueeze(0)
    ang = positions.unsqueeze(-1).to(torch.float64) * f  # (1 or B, T, K/2)
    c, s = ang.cos().unsqueeze(1), ang.sin().unsqueeze(1)
    a, b = x.to(torch.float64).split(x.size(-1) // 2, dim=-1)
    return torch.cat((a * c - b * s, b * c + a * s), -1).to(x.dtype)


def interleaved_to_half(weight, num_heads):
    K = len(weight) // num_heads
    order = []
    for h in range(num_heads):
        for i in range(K // 2):
            order += [h * K + i, h * K + K // 2 + i]
    return weight[order]
