"""The examples of the docstrings, and the table of the statement."""

from grader.testing import assert_close, points

GPT2_XL = 12 * 48 * 1600**2
H100 = {
    "peak_flops": 989e12,
    "bandwidth": 3.35e12,
    "bytes_per_param": 2,
    "layer_overhead": 5e-6,
    "comm_latency": 5e-6,
}


@points(2)
def test_example_shapes(submission):
    """the budget of GPT-2 XL in 6 to 96 layers"""
    deep = {"layers": 48, "width": 1600, "heads": 25, "params": GPT2_XL, "aspect_ratio": 1600 / 48}
    broad = {"layers": 6, "width": 4544, "heads": 71, "params": 1486651392, "aspect_ratio": 4544 / 6}
    assert_close(submission.shapes_at_budget(GPT2_XL, [48, 6]), [deep, broad], name="shapes")
    widths = [shape["width"] for shape in submission.shapes_at_budget(GPT2_XL, [6, 12, 24, 48, 96])]
    assert_close(widths, [4544, 3200, 2240, 1600, 1152], name="widths")


@points(2)
def test_example_levine(submission):
    """48 layers of width 2215; 80.5 layers for 175B"""
    # The examples are rounded to one digit and to two behind the point.
    assert_close(submission.levine_width(48), 2215.0, rtol=0.0, atol=0.05, name="width")
    shape = submission.levine_shape(175e9)
    assert_close(shape["layers"], 80.51, rtol=0.0, atol=0.01, name="layers")
    assert_close(shape["width"], 13458.6, rtol=0.0, atol=0.1, name="width")


@points(2)
def test_example_latency(submission):
    """GPT-2 XL's budget on an H100: 300 KiB, 1.12 ms, 0.83 ms"""
    assert_close(submission.kv_bytes_per_token(48, 1600), 307200, name="bytes")
    # In microseconds, rounded to one digit behind the point.
    for devices, expected in ((1, 1120.3), (8, 830.0)):
        seconds = submission.step_latency(48, 1600, 1, H100, devices)
        assert_close(seconds * 1e6, expected, rtol=0.0, atol=0.06, name=f"microseconds on {devices}")
    # The table of the statement: KiB of a token, and milliseconds, rounded to three digits behind the point.
    bare = {**H100, "layer_overhead": 0.0}
    table = {
        (6, 4544): (106.5, 0.888, 0.918, 0.201),
        (12, 3200): (150, 0.880, 0.940, 0.290),
        (24, 2240): (210, 0.863, 0.983, 0.468),
        (48, 1600): (300, 0.880, 1.120, 0.830),
        (96, 1152): (432, 0.913, 1.393, 1.554),
    }
    for (layers, width), (kib, *times) in table.items():
        assert_close(submission.kv_bytes_per_token(layers, width) / 1024, kib, name=f"KiB of {layers} × {width}")
        for hw, devices, expected in zip((bare, H100, H100), (1, 1, 8), times, strict=True):
            ms = 1e3 * submission.step_latency(layers, width, 1, hw, devices)
            name = f"milliseconds of {layers} × {width} on {devices}"
            assert_close(ms, expected, rtol=0.0, atol=6e-4, name=name)
