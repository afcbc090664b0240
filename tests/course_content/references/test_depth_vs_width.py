"""The reference of depth_vs_width against Lambert's W of scipy, GPT-2 blocks of transformers, and published shapes.

They are compared where `scipy` and `transformers` are installed. Neither is a dependency of the course.
"""

import math
import re

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference
from tests.paths import ROOT

NO_SCIPY = "compares with scipy, which is not installed"
H100 = {
    "peak_flops": 989e12,
    "bandwidth": 3.35e12,
    "bytes_per_param": 2,
    "layer_overhead": 5e-6,
    "comm_latency": 5e-6,
}
GPT2_XL = 12 * 48 * 1600**2


@pytest.mark.parametrize("budget", [3.2e5, 1e6, 1.5e9, 175e9, 1e12, 1e16])
def test_levine_shape_is_lambert_w(budget: float) -> None:
    """12·L·exp(2·(5.039 + 0.0555·L)) = P is W·exp(W) = x with W = 0.111·L and x = 0.111·P / (12·exp(10.078))."""
    special = pytest.importorskip("scipy.special", reason=NO_SCIPY)
    layers = special.lambertw(0.111 * budget / 12 / math.exp(10.078)).real / 0.111
    shape = reference("depth_vs_width").levine_shape(budget)
    assert shape["layers"] == pytest.approx(layers, rel=1e-9)
    assert shape["width"] == pytest.approx(math.exp(5.039 + 0.0555 * layers), rel=1e-9)


def test_levine_published() -> None:
    """GPT-3's 175B want about 80 layers of width 13.5K instead of 96 of 12288; a trillion wants a width near 30K."""
    ours = reference("depth_vs_width")
    gpt3, trillion = ours.levine_shape(175e9), ours.levine_shape(1e12)
    assert round(gpt3["layers"]) == 81
    assert round(gpt3["width"], -2) == 13500
    assert round(trillion["width"], -3) == 30000


def test_a_block_of_gpt2_has_these_weights() -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    (shape,) = reference("depth_vs_width").shapes_at_budget(GPT2_XL, [48])
    with torch.device("meta"):
        config = transformers.GPT2Config(n_embd=shape["width"], n_layer=shape["layers"], n_head=shape["heads"])
        model = transformers.GPT2Model(config)
    matrices = [parameter for block in model.h for parameter in block.parameters() if parameter.ndim == 2]
    assert sum(matrix.numel() for matrix in matrices) == shape["params"] == GPT2_XL


def test_kaplan() -> None:
    """The shape that the statement begins with has a tenth fewer weights than GPT-2 XL."""
    assert round(12 * 6 * 4288**2 / GPT2_XL, 2) == 0.9


def test_table_of_the_statement() -> None:
    ours = reference("depth_vs_width")
    statement = (ROOT / "exercises" / "depth_vs_width" / "README.md").read_text(encoding="utf-8")
    for shape in ours.shapes_at_budget(GPT2_XL, [6, 12, 24, 48, 96]):
        L, D = shape["layers"], shape["width"]
        free = {**H100, "layer_overhead": 0.0}
        latencies = [ours.step_latency(L, D, 1, hw, n) for hw, n in ((free, 1), (H100, 1), (H100, 8))]
        row = [
            f"{L} × {D}",
            f"{shape['aspect_ratio']:.0f}",
            f"{ours.kv_bytes_per_token(L, D) / 1024:g} KiB",
            *(f"{1e3 * seconds:.3f} ms" for seconds in latencies),
        ]
        assert re.search(re.escape("| " + " | ".join(row) + " |"), statement), row
