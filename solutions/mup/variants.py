"""Right solutions in other styles. None of them may lose a point."""

import math
import statistics
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from mup import scales
from torch import Tensor, nn

from grader.testing import replaces


@replaces("scales")
def matched(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> dict[str, float]:
    """a match statement; the keys in another order"""
    deep = math.exp((alpha - 1) * math.log(depth_ratio))
    match role:
        case "input":
            return {"multiplier": 1, "lr": 1, "init_std": 1}
        case "hidden":
            return {"multiplier": 1, "lr": deep / width_ratio, "init_std": 1 / math.sqrt(width_ratio)}
        case "output":
            return {"multiplier": width_ratio**-1, "lr": 1, "init_std": 1}
        case "vector":
            return {"multiplier": 1, "lr": deep, "init_std": 1}
    raise ValueError(role)


TABLE = {  # exponents of the width: init_std, lr, multiplier; and whether the depth counts
    "input": (0, 0, 0, False),
    "hidden": (Fraction(-1, 2), -1, 0, True),
    "output": (0, 0, -1, False),
    "vector": (0, 0, 0, True),
}


@replaces("scales")
def exponents(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> dict[str, float]:
    """a table of exponents"""
    if role not in TABLE:
        raise ValueError(f"{role}?")
    *powers, deep = TABLE[role]
    std, lr, multiplier = (width_ratio ** float(power) for power in powers)
    return {"init_std": std, "lr": lr * depth_ratio ** ((alpha - 1) * deep), "multiplier": multiplier}


@replaces("MupNet")
class ByHand(nn.Module):
    """no use of scales, noise over √D, the multiplier before the output matrix"""

    def __init__(self, noise: dict[str, Tensor], base_width: int, base_depth: int = 1, alpha: float = 1.0) -> None:
        super().__init__()
        L, D, _ = noise["w_hidden"].shape
        self.b_hidden = nn.Parameter(torch.zeros_like(noise["w_hidden"][..., 0]))
        self.w_out = nn.Parameter(noise["w_out"].clone().div_(math.sqrt(base_width)))
        self.w_hidden = nn.Parameter(noise["w_hidden"].div(D**0.5))
        self.w_in = nn.Parameter(noise["w_in"] / noise["w_in"].shape[-1] ** 0.5)
        self.m, self.depth, self.alpha = D / base_width, L / base_depth, alpha

    def forward(self, u: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, r = F.linear(u, self.w_in), self.depth**-self.alpha
        states = [x]
        for layer in range(len(self.w_hidden)):
            x = torch.add(x, F.linear(F.relu(x), self.w_hidden[layer], self.b_hidden[layer]), alpha=r)
            states += [x]
        return F.linear(x / self.m, self.w_out), states

    def learning_rates(self, lr: float) -> dict[str, float]:
        deep = lr * self.depth ** (self.alpha - 1)
        return {"b_hidden": deep, "w_hidden": deep / self.m, "w_in": lr, "w_out": lr}


@replaces("MupNet")
class Columns(nn.Module):
    """columns instead of rows, einsum, a tuple of states, parameters from a table of roles"""

    def __init__(self, noise: dict[str, Tensor], base_width: int, base_depth: int = 1, alpha: float = 1.0) -> None:
        super().__init__()
        L, D = noise["w_hidden"].shape[:2]
        self.ratios = {"width_ratio": D / base_width, "depth_ratio": L / base_depth, "alpha": alpha}
        self.by_name = {"w_in": "input", "w_hidden": "hidden", "w_out": "output", "b_hidden": "vector"}
        for name, x in noise.items():
            base = x.shape[1] if name == "w_in" else base_width
            std = scales(self.by_name[name], **self.ratios)["init_std"] / base**0.5
            self.register_parameter(name, nn.Parameter(torch.full_like(x, std) * x))
        self.register_parameter("b_hidden", nn.Parameter(noise["w_hidden"].sum(-1) * 0))
        self.register_buffer("r", torch.tensor((L / base_depth) ** -alpha, dtype=torch.float64), persistent=False)

    def forward(self, u: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        x = torch.einsum("di,bi->bd", self.w_in, u)
        states = (x,)
        for w, b in zip(self.w_hidden.unbind(), self.b_hidden.unbind(), strict=True):
            x = x + self.r.to(x.dtype) * (torch.einsum("de,be->bd", w, x.clamp(min=0)) + b)
            states = (*states, x)
        y = torch.einsum("od,bd->bo", self.w_out, x)
        return y * scales("output", **self.ratios)["multiplier"], states

    def learning_rates(self, lr: float) -> dict[str, float]:
        return {name: lr * scales(self.by_name[name], **self.ratios)["lr"] for name, _ in self.named_parameters()}


@replaces("MupNet")
class StateDict(nn.Module):
    """an empty net that loads its beginning; ratios kept as fractions"""

    def __init__(self, noise: dict[str, Tensor], base_width: int, base_depth: int = 1, alpha: float = 1.0) -> None:
        super().__init__()
        shapes = {name: x.shape for name, x in noise.items()} | {"b_hidden": noise["w_hidden"].shape[:2]}
        for name, shape in shapes.items():
            setattr(self, name, nn.Parameter(torch.empty(shape, dtype=noise["w_in"].dtype)))
        depth, width = shapes["b_hidden"]
        self.m, self.deep, self.alpha = Fraction(width, base_width), Fraction(depth, base_depth), alpha
        std = {"w_in": shapes["w_in"][1], "w_hidden": base_width * self.m, "w_out": base_width}
        start = {name: noise[name] * float(variance) ** -0.5 for name, variance in std.items()}
        self.load_state_dict(start | {"b_hidden": torch.zeros(shapes["b_hidden"])})

    def forward(self, u: Tensor) -> tuple[Tensor, list[Tensor]]:
        states = [(self.w_in @ u.mT).mT]
        for layer, bias in enumerate(self.b_hidden):
            x = states[-1]
            branch = (self.w_hidden[layer] @ x.relu().mT).mT + bias
            states.append(x + branch / float(self.deep) ** self.alpha)
        return (self.w_out @ states[-1].mT).mT / float(self.m), states

    def learning_rates(self, lr: float) -> dict[str, float]:
        deep = float(self.deep) ** (self.alpha - 1)
        return {"w_in": lr, "w_hidden": lr * deep / float(self.m), "b_hidden": lr * deep, "w_out": lr}


@replaces("coordinate_slopes")
def least_squares(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """torch.linalg.lstsq, in float32"""
    x = torch.tensor(widths, dtype=torch.float32).log()
    x = torch.stack([x, torch.ones_like(x)], dim=1)
    return torch.linalg.lstsq(x, torch.tensor(sizes).log()).solution[0].tolist()


@replaces("coordinate_slopes")
def by_statistics(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """the statistics module, to base 2"""
    x = [math.log2(width) for width in widths]
    return [
        statistics.linear_regression(x, [math.log2(s) for s in column]).slope for column in zip(*sizes, strict=True)
    ]


@replaces("coordinate_slopes")
def by_covariance(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """NumPy's covariance, a tuple of NumPy's floats"""
    table = np.log(np.column_stack([widths, sizes]))
    covariance = np.cov(table, rowvar=False)
    return tuple(float(each) for each in covariance[0, 1:] / covariance[0, 0])
