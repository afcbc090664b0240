"""The reference of unet_block against Hugging Face's blocks without time, a U-Net of matrices, and figures of papers.

Hugging Face's code is compared where `transformers` is installed. It is no dependency of the course.
"""

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from torch import Tensor, nn

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("unet_block")


def drawn(module: Any, generator: torch.Generator) -> Any:
    """float64, with numbers for all parameters that keep activations of size 1."""
    module.double().requires_grad_(False)
    for parameter in module.parameters():
        numbers = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.copy_(numbers / math.sqrt(max(math.prod(parameter.shape[1:]), 1)))
    return module


@pytest.mark.parametrize("channels", [(64, 32), (32, 32)])
def test_block_without_time_is_that_of_chameleon(
    ours: ModuleType, generator: torch.Generator, channels: tuple[int, int]
) -> None:
    """Its image tokeniser has the block of latent diffusion's autoencoder."""
    modeling = pytest.importorskip("transformers.models.chameleon.modeling_chameleon", reason=NO_TRANSFORMERS)
    from transformers import ChameleonVQVAEConfig

    theirs = drawn(modeling.ChameleonVQVAEEncoderResnetBlock(ChameleonVQVAEConfig(dropout=0.0), *channels), generator)
    theirs.norm1.eps = theirs.norm2.eps = 1e-5
    state = {name.replace("nin_shortcut", "conv_shortcut"): value for name, value in theirs.state_dict().items()}
    block = drawn(ours.ResBlock(*channels, time_dim=5, groups=32), generator)
    state |= {"time_emb_proj.weight": torch.zeros(channels[1], 5), "time_emb_proj.bias": torch.zeros(channels[1])}
    block.load_state_dict(state)
    x, temb = (
        torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((2, channels[0], 5, 7), (2, 5))
    )
    assert close(block(x, temb), theirs(x.clone()), atol=1e-12)


def test_what_the_norm_leaves_of_the_time(ours: ModuleType, generator: torch.Generator) -> None:
    """norm2 takes out what is the same for all channels of a group; what differs from channel to channel stays."""
    block = drawn(ours.ResBlock(4, 4, time_dim=1, groups=2), generator)
    x = torch.randn(1, 4, 5, 6, generator=generator, dtype=torch.float64)
    temb = torch.tensor([[3.0]], dtype=torch.float64)
    results = {}
    for name, weights in {"none": [0, 0, 0, 0], "by group": [2, 2, -5, -5], "by channel": [2, -2, 0, 0]}.items():
        block.time_emb_proj.weight.copy_(torch.tensor(weights)[:, None])
        block.time_emb_proj.bias.zero_()
        results[name] = block(x, temb)
    assert close(results["by group"], results["none"], atol=1e-10)
    assert not close(results["by channel"], results["none"], atol=1e-2)


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """(C, H, W) to (O, H, W), by scipy, one pair of channels at a time."""
    images = []
    for kernels, b in zip(weight, bias, strict=True):
        pairs = zip(x, kernels, strict=True)
        images.append(sum(correlate(channel, kernel, mode="same", method="direct") for channel, kernel in pairs) + b)
    return np.stack(images)


class Numpy:
    """The network in NumPy and scipy, one image at a time, in the order of its sentence in the docstring."""

    def __init__(self, net: Any, groups: int):
        self.p = {name: value.numpy() for name, value in net.state_dict().items()}
        self.groups = groups

    def conv(self, name: str, x: np.ndarray) -> np.ndarray:
        return convolved(x, self.p[f"{name}.weight"], self.p[f"{name}.bias"])

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        y: np.ndarray = self.p[f"{name}.weight"] @ x + self.p[f"{name}.bias"]
        return y

    def normed(self, name: str, x: np.ndarray) -> np.ndarray:
        parts = np.split(x, self.groups)
        parts = [(part - part.mean()) / np.sqrt(part.var() + 1e-5) for part in parts]
        y: np.ndarray = np.concatenate(parts) * self.p[f"{name}.weight"][:, None, None]
        return y + self.p[f"{name}.bias"][:, None, None]

    def silu(self, x: np.ndarray) -> np.ndarray:
        return x / (1 + np.exp(-x))

    def block(self, name: str, x: np.ndarray, temb: np.ndarray) -> np.ndarray:
        h = self.conv(f"{name}.conv1", self.silu(self.normed(f"{name}.norm1", x)))
        h = h + self.linear(f"{name}.time_emb_proj", self.silu(temb))[:, None, None]
        h = self.conv(f"{name}.conv2", self.silu(self.normed(f"{name}.norm2", h)))
        return (self.conv(f"{name}.conv_shortcut", x) if f"{name}.conv_shortcut.bias" in self.p else x) + h

    def __call__(self, x: np.ndarray, t: float, base: int) -> np.ndarray:
        omega = 10000 ** -np.linspace(0, 1, base // 2)
        temb = self.linear("time1", np.concatenate([np.sin(t * omega), np.cos(t * omega)]))
        temb = self.linear("time2", self.silu(temb))
        skip0 = self.block("down.0", self.conv("conv_in", x), temb)
        skip1 = self.block("down.1", self.conv("shrink.0", skip0)[:, ::2, ::2], temb)
        h = self.block("mid", skip1, temb)
        h = self.block("up.1", np.concatenate([h, skip1]), temb)
        h = self.conv("grow.0", np.kron(h, np.ones((1, 2, 2))))
        h = self.block("up.0", np.concatenate([h, skip0]), temb)
        return self.conv("conv_out", self.silu(self.normed("norm_out", h)))


def test_network_is_that_of_numpy(ours: ModuleType, generator: torch.Generator) -> None:
    net = drawn(ours.UNet(channels=2, base=6, multipliers=(1, 2), groups=3), generator)
    x = torch.randn(2, 2, 6, 4, generator=generator, dtype=torch.float64)
    t = torch.tensor([3.5, 712.0], dtype=torch.float64)
    theirs = Numpy(net, groups=3)
    for image, time, found in zip(x, t, net(x, t), strict=True):
        assert close(found, theirs(image.numpy(), time.item(), base=6), atol=1e-11)


def test_frequencies_are_those_of_ddpm(ours: ModuleType) -> None:
    """Its code: exp of -j · ln(10000) / (half - 1), sines first."""
    t = torch.tensor([0.0, 1.0, 999.0], dtype=torch.float64)
    for dim in (4, 128):
        waves = np.exp(np.arange(dim // 2) * -(np.log(10000) / (dim // 2 - 1)))
        angles = t.numpy()[:, None] * waves
        assert close(
            ours.timestep_embedding(t, dim), np.concatenate([np.sin(angles), np.cos(angles)], axis=1), atol=1e-12
        )
    (slowest,) = ours.timestep_embedding(torch.ones(1, dtype=torch.float64), 8)[:, 3]
    assert slowest == pytest.approx(math.sin(1e-4), rel=1e-12)


def count(*modules: Any) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_ddpm_for_small_images_has_its_35_7_million(ours: ModuleType) -> None:
    """Four levels of two blocks down and three up, attention at 16 × 16 and in the middle, as in its appendix B."""
    with torch.device("meta"):
        E, widths = 512, [128, 256, 256, 256]
        parts: list[nn.Module] = [nn.Linear(128, E), nn.Linear(E, E), nn.Conv2d(3, 128, 3)]

        def block(a: int, b: int) -> int:
            parts.append(ours.ResBlock(a, b, E, 32))
            return b

        def attention(c: int) -> None:
            parts.extend([nn.GroupNorm(32, c), *(nn.Conv2d(c, c, 1) for _ in range(4))])

        h, skips = 128, [128]
        for i, width in enumerate(widths):
            for _ in range(2):
                h = block(h, width)
                skips.append(h)
                if i == 1:
                    attention(h)
            if i < 3:
                parts.append(nn.Conv2d(h, h, 3))
                skips.append(h)
        block(h, h)
        attention(h)
        block(h, h)
        for i in reversed(range(4)):
            for _ in range(3):
                h = block(h + skips.pop(), widths[i])
                if i == 1:
                    attention(h)
            if i > 0:
                parts.append(nn.Conv2d(h, h, 3))
        parts.extend([nn.GroupNorm(32, h), nn.Conv2d(h, 3, 3)])
    assert skips == []
    assert round(count(*parts) / 1e6, 1) == 35.7


def test_shapes_of_the_statement(ours: ModuleType) -> None:
    """The table for multipliers (1, 2, 4) and images of 32 × 32, seen from inside."""
    b = 4
    net = ours.UNet(3, b, groups=2)
    seen = {}
    for name, module in net.named_modules():
        if name in ("conv_in", "mid") or name.rpartition(".")[0] in ("down", "shrink", "up", "grow"):
            module.register_forward_hook(
                lambda _, args, result, name=name: seen.update({name: (args[0].shape[1], *result.shape[1:])})
            )
    net(torch.zeros(1, 3, 32, 32), torch.zeros(1))
    expected = {
        "conv_in": (3, b, 32, 32), "down.0": (b, b, 32, 32), "shrink.0": (b, b, 16, 16), "down.1": (b, 2 * b, 16, 16),
        "shrink.1": (2 * b, 2 * b, 8, 8), "down.2": (2 * b, 4 * b, 8, 8), "mid": (4 * b, 4 * b, 8, 8),
        "up.2": (8 * b, 4 * b, 8, 8), "grow.1": (4 * b, 4 * b, 16, 16), "up.1": (6 * b, 2 * b, 16, 16),
        "grow.0": (2 * b, 2 * b, 32, 32), "up.0": (3 * b, b, 32, 32),
    }  # fmt: skip
    assert seen == expected


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    block = drawn(ours.ResBlock(2, 4, time_dim=3, groups=2), generator)
    x, temb = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((2, 2, 3, 2), (2, 3)))
    assert torch.autograd.gradcheck(block, (x.requires_grad_(), temb.requires_grad_()), fast_mode=True)
    net = drawn(ours.UNet(1, 4, (1, 2), groups=2), generator)
    t = torch.tensor([2.5], dtype=torch.float64)
    image = torch.randn(1, 1, 2, 4, generator=generator, dtype=torch.float64).requires_grad_()

    def result(x: Tensor) -> Tensor:
        y: Tensor = net(x, t)
        return y

    assert torch.autograd.gradcheck(result, (image,), fast_mode=True)
