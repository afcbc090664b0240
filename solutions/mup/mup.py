"""Maximal update parametrisation: what is to change with width and depth, so that the learning rate need not.

All is said in ratios to a base model that was tuned: width_ratio is D / base width, depth_ratio is L / base depth.
"""

import torch
from torch import Tensor, nn


def scales(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> dict[str, float]:
    """The factors by which a parameter of the large model differs from that of the base model, for Adam.

    role: what the parameter is.
        "input": a matrix from a size that stays to the width; an embedding. Also biases and gains outside blocks.
        "hidden": a matrix from width to width, in a residual block.
        "output": a matrix from the width to a size that stays.
        "vector": a bias or a gain in a residual block.
    alpha: the blocks' exponent, see MupNet.
    Returns: {"init_std", "lr", "multiplier"}: the factors of its standard deviation at the beginning, of its learning
        rate, and of what it puts out.

        input     1                    1                                    1
        hidden    width_ratio^(-1/2)   depth_ratio^(alpha-1) / width_ratio  1
        output    1                    1                                    1 / width_ratio
        vector    1                    depth_ratio^(alpha-1)                1

    Raises: ValueError for any other role.

    >>> scales("hidden", width_ratio=4.0)
    {'init_std': 0.5, 'lr': 0.25, 'multiplier': 1.0}
    >>> scales("vector", width_ratio=4.0, depth_ratio=16.0, alpha=0.5)
    {'init_std': 1.0, 'lr': 0.25, 'multiplier': 1.0}
    """
    if role not in ("input", "hidden", "output", "vector"):
        raise ValueError(f"the role is {role!r}; it should be input, hidden, output or vector")
    std, lr, multiplier = 1.0, 1.0, 1.0
    if role in ("hidden", "vector"):
        lr = depth_ratio ** (alpha - 1)
    if role == "hidden":
        std = width_ratio**-0.5
        lr = lr / width_ratio
    if role == "output":
        multiplier = 1 / width_ratio
    return {"init_std": std, "lr": lr, "multiplier": multiplier}


class MupNet(nn.Module):
    """A residual network in which every matrix knows its role.

        x_0 = W_in u        x_{l+1} = x_l + r (W_l relu(x_l) + b_l)   for l = 0 ... L-1        y = m W_out x_L

    with the branches' factor r = depth_ratio^(-alpha), alpha from 0.5 to 1, and m the multiplier of "output".

    noise: {"w_in": (D, inputs), "w_hidden": (L, D, D), "w_out": (outputs, D)}, drawn from N(0, 1), in the dtype that
        the parameters shall have. It is not changed, and may be used again. Its shapes say the width D and the depth L.
    base_width, base_depth: of the base model.

    Parameters: w_in, w_hidden, w_out and b_hidden (L, D), and no others. The first three begin as their noise times the
    base standard deviation times the factor of scales, b_hidden as zeros. The base standard deviations are

        w_in 1/√inputs        w_hidden 1/√base_width        w_out 1/√base_width

    >>> noise = {"w_in": torch.ones(8, 4), "w_hidden": torch.ones(4, 8, 8), "w_out": torch.ones(2, 8)}
    >>> net = MupNet(noise, base_width=4, base_depth=1, alpha=0.5)
    >>> [round(w.max().item(), 4) for w in (net.w_in, net.w_hidden, net.w_out)]  # 1/√4, 1/√4 · 2^(-1/2), 1/√4
    [0.5, 0.3536, 0.5]
    >>> y, states = net(torch.ones(5, 4))
    >>> y.shape, len(states), states[4].shape
    (torch.Size([5, 2]), 5, torch.Size([5, 8]))
    >>> net.learning_rates(lr=1.0)
    {'w_in': 1.0, 'w_hidden': 0.25, 'b_hidden': 0.5, 'w_out': 1.0}
    >>> groups = [{"params": [p], "lr": net.learning_rates(0.01)[name]} for name, p in net.named_parameters()]
    >>> adam = torch.optim.Adam(groups)
    """

    def __init__(self, noise: dict[str, Tensor], base_width: int, base_depth: int = 1, alpha: float = 1.0) -> None:
        super().__init__()
        depth, width = noise["w_hidden"].shape[:2]
        inputs = noise["w_in"].shape[1]
        self.depth_ratio, self.alpha = depth / base_depth, alpha
        self.roles = {
            name: scales(role, width / base_width, self.depth_ratio, alpha)
            for name, role in (("w_in", "input"), ("w_hidden", "hidden"), ("b_hidden", "vector"), ("w_out", "output"))
        }
        base_std = {"w_in": inputs**-0.5, "w_hidden": base_width**-0.5, "w_out": base_width**-0.5}
        start = {name: noise[name] * std * self.roles[name]["init_std"] for name, std in base_std.items()}
        self.w_in = nn.Parameter(start["w_in"])
        self.w_hidden = nn.Parameter(start["w_hidden"])
        self.b_hidden = nn.Parameter(torch.zeros(depth, width, dtype=noise["w_hidden"].dtype))
        self.w_out = nn.Parameter(start["w_out"])

    def forward(self, u: Tensor) -> tuple[Tensor, list[Tensor]]:
        """u: (B, inputs), in the dtype of the parameters. Returns: y (B, outputs), and [x_0, ..., x_L], (B, D) each."""
        x = u @ self.w_in.mT
        states = [x]
        for w, b in zip(self.w_hidden, self.b_hidden, strict=True):
            x = x + self.depth_ratio**-self.alpha * (x.relu() @ w.mT + b)
            states.append(x)
        return self.roles["w_out"]["multiplier"] * (x @ self.w_out.mT), states

    def learning_rates(self, lr: float) -> dict[str, float]:
        """For Adam: the learning rate of each of the four parameters, by its name: lr times the factor of its role.
        b_hidden is a "vector"."""
        return {name: lr * role["lr"] for name, role in self.roles.items()}


def coordinate_slopes(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """The coordinate check: how the size of each quantity grows with the width, as a power.

    widths: at least two, all different. sizes: one row for each width: the mean absolute entry, above 0, of each of
        the quantities that are looked at.
    Returns: for each quantity the slope of the straight line, by least squares, through ln size over ln width: 0 if it
        does not change, 0.5 if it grows as √width.

    >>> [round(s, 6) for s in coordinate_slopes([64, 256, 1024], [[3.0, 1.0], [3.0, 2.0], [3.0, 4.0]])]
    [0.0, 0.5]
    """
    x = torch.tensor(widths, dtype=torch.float64).log()
    y = torch.tensor(sizes, dtype=torch.float64).log()  # (widths, quantities)
    x = (x - x.mean())[:, None]
    slopes = (x * (y - y.mean(dim=0))).sum(dim=0) / x.square().sum()
    return slopes.tolist()
