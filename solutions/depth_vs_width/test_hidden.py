"""Shapes by comparing squares of whole numbers, the curve by bisection in logarithms, steps layer by layer."""

import math

import test_public

from grader.testing import assert_close, assert_equal, needs, points

GPT2_XL = 12 * 48 * 1600**2
# Powers of two: what is compared with them is exact, whatever the order of the operations.
POWERS = {"peak_flops": 2**48, "bandwidth": 2**40, "bytes_per_param": 2, "layer_overhead": 0.0, "comm_latency": 0.0}
H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "bytes_per_param": 2, "layer_overhead": 0.0, "comm_latency": 5e-6}


def hardware(rng, **others):
    """A slow device: steps of small models take seconds, so that no bound of 1e-9 hides a difference."""
    peak, bandwidth, o, a = (1 + rng.rand(4)).tolist()
    return {
        "peak_flops": 1e7 * peak,
        "bandwidth": 1e6 * bandwidth,
        "bytes_per_param": 2,
        "layer_overhead": 0.1 * o,
        "comm_latency": 0.03 * a,
        **others,
    }


def shape_of(L, heads, head_dim):
    D = heads * head_dim
    params = 4 * L * D * D + 2 * L * D * 4 * D  # four matrices of attention, and the two of the MLP
    return {"layers": L, "width": D, "heads": heads, "params": params, "aspect_ratio": D / L}


def nearest(budget, L, head_dim):
    """The shape of the most heads h of which h - 1/2 still fit: 12·L·((h - 1/2)·head_dim)² <= P, in whole numbers."""
    heads = 1
    while 3 * L * ((2 * heads + 1) * head_dim) ** 2 <= budget:
        heads += 1
    return shape_of(L, heads, head_dim)


def step(L, D, tokens, hw, devices):
    """One layer after the other, and in each the clock of a device that has the parts of a block to do."""
    clock = 0.0
    for _ in range(L):
        clock += hw["layer_overhead"]
        areas = [D * D] * 4 + [4 * D * D] * 2
        multiply = sum(2 * area * tokens for area in areas) / devices / hw["peak_flops"]
        read = sum(area * hw["bytes_per_param"] for area in areas) / devices / hw["bandwidth"]
        clock += multiply if multiply > read else read
        if devices > 1:
            clock += hw["comm_latency"] + hw["comm_latency"]
    return clock


@points(4)
@needs(test_public.test_example_shapes)
def test_nearest_width(submission, rng):
    """any budget, depth and width of a head"""
    for head_dim in (64, 80, 24):
        depths = rng.sizes(4, low=1, high=100)
        budget = int(rng.randint(10**7, 10**9, (1,)))
        expected = [nearest(budget, depth, head_dim) for depth in depths]
        assert_close(submission.shapes_at_budget(budget, depths, head_dim), expected, name="shapes")
        assert_close(submission.shapes_at_budget(float(budget), depths, head_dim), expected, name="shapes")
        if head_dim == 64:
            assert_close(submission.shapes_at_budget(budget, depths), expected, name="shapes of 64 by default")
    for head_dim in (5, 7):  # half of it is no whole number; 0.2 more than 4.5 heads are nearer to 5
        budget = math.ceil(36 * (4.5 * head_dim + 0.2) ** 2)
        assert_close(submission.shapes_at_budget(budget, [3], head_dim), [nearest(budget, 3, head_dim)], name="shapes")
    # 1.54 heads are nearer to 2 than to 1, and their weights are nearer to those of 1.
    assert_close(submission.shapes_at_budget(36 * 9714, [3]), [nearest(36 * 9714, 3, 64)], name="shapes")
    for shape in submission.shapes_at_budget(175e9, [96, 1]):
        for key in ("layers", "width", "heads", "params"):
            assert isinstance(shape[key], int), f"{key} is an int."


@points(2)
@needs(test_nearest_width)
def test_halfway(submission, rng):
    """halfway between two widths the larger one"""
    for lower in (5, 4):  # to be halfway between `lower` heads of width 64 and one more; 4.5 alone is rounded to even
        budget = 12 * 3 * ((2 * lower + 1) * 32) ** 2
        assert_close(submission.shapes_at_budget(budget, [3]), [shape_of(3, lower + 1, 64)], name="shapes")


@points(2)
@needs(test_nearest_width)
def test_one_head(submission, rng):
    """a tiny budget still buys one head"""
    L, head_dim = rng.sizes(2, low=5, high=40)
    expected = [shape_of(L, 1, head_dim), shape_of(L + 1, 1, head_dim)]
    assert_close(submission.shapes_at_budget(7, [L, L + 1], head_dim), expected, name="shapes")


@points(2)
def test_levine_curve(submission, rng):
    """a constant factor in width for each layer"""
    assert_close(math.log(submission.levine_width(0)), 5.039, name="logarithm of the width at 0")
    for layers in (rng.rand(3) * 100).tolist():
        width = submission.levine_width(layers)
        # 50 decimal places of exp(0.0555) are not needed: its series is exact to rounding after ten terms.
        factor = sum(0.0555**n / math.factorial(n) for n in range(12))
        assert_close(width, submission.levine_width(0) * factor**layers, name="width")


@points(4)
@needs(test_levine_curve)
def test_levine_shape(submission, rng):
    """the point of the curve with P weights"""
    for layers in (1.01, *(2 + 100 * rng.rand(2)).tolist(), 125 + 30 * float(rng.rand(1))):
        width = math.exp(5.039 + 0.0555 * layers)
        shape = submission.levine_shape(12 * layers * width * width)
        # L is promised to 1e-6, and the width follows it: 0.0555·L times as far off.
        assert_close(shape["layers"], layers, rtol=2e-6, atol=0.0, name="layers")
        assert_close(shape["width"], width, rtol=2e-5, atol=0.0, name="width")


@points(2)
def test_cache(submission, rng):
    """keys and values; four times the depth, twice it"""
    cache = submission.kv_bytes_per_token
    assert_close(cache(32, 4096), 524288, name="bytes of Llama 2 7B")
    assert_close(cache(24, 2048), 2 * 2 * 6 * 4096 * 2, name="bytes")  # 12·24·2048² = 12·6·4096²
    L, D = rng.sizes(2, low=3, high=90)
    for size in (1, 0.5, 4):
        assert_close(cache(L, D, size), sum(size * D for _ in range(2 * L)), name=f"bytes at {size} each")


@points(4)
def test_roofs(submission, rng):
    """the longer of two times, for any batch"""
    L, D = rng.sizes(2, low=20, high=60)
    for size in (2, 1, 4):
        hw = hardware(rng, layer_overhead=0.0, bytes_per_param=size)
        balance = hw["peak_flops"] * size / (2 * hw["bandwidth"])  # tokens for which both times are equal
        few, many = max(1, int(0.4 * balance)), int(2.5 * balance) + 1
        for tokens in (1, few, many):
            expected = step(L, D, tokens, hw, 1)
            assert_close(submission.step_latency(L, D, tokens, hw), expected, name=f"seconds for {tokens} tokens")


@points(4)
def test_layers_wait(submission, rng):
    """overhead and messages of every layer"""
    L, D = rng.sizes(2, low=20, high=60)
    L, D = L | 1, 2 * D  # an odd number of layers, which two devices cannot deal out evenly
    hw = hardware(rng)
    for tokens in (1, 50):
        for devices in (1, 2, 7):
            expected = step(L, D, tokens, hw, devices)
            found = submission.step_latency(L, D, tokens, hw, devices)
            assert_close(found, expected, name=f"seconds on {devices} devices")
    assert_close(submission.step_latency(L, D, 1, hw), step(L, D, 1, hw, 1), name="seconds on one device")


@points(2)
@needs(test_layers_wait)
def test_floor(submission, rng):
    """a million devices leave L·(o + 2a)"""
    L, D = rng.sizes(2, low=20, high=60)
    hw = hardware(rng)
    floor = L * (hw["layer_overhead"] + 2 * hw["comm_latency"])
    # What is left of the work is less than 60 · 12 · 60² · 2 / 1e6 seconds, divided by a million: 6e-6.
    found = submission.step_latency(L, D, 1, hw, 10**6)
    assert_close(found, floor, rtol=0.0, atol=1e-5, name="seconds on a million devices")
    found = submission.step_latency(2 * L, D, 1, hw, 10**6)
    assert_close(found, 2 * floor, rtol=0.0, atol=2e-5, name="seconds at twice the depth")


@points(2)
@needs(test_roofs)
def test_equal_time(submission, rng):
    """without overhead one budget is one time"""
    for tokens in (1, 4096):
        times = [submission.step_latency(L, D, tokens, POWERS) for L, D in ((6, 4096), (24, 2048), (96, 1024))]
        expected = step(6, 4096, tokens, POWERS, 1)
        assert_close([1e3 * t for t in times], [1e3 * expected] * 3, name="milliseconds of three shapes")


@points(4)
@needs(test_layers_wait)
def test_fastest(submission, rng):
    """another shape for other overheads and devices"""
    # 71, 50, 35, 25 and 18 heads, which is rounded: 24 layers have the fewest weights.
    shapes = [shape_of(L, heads, 64) for L, heads in ((96, 18), (12, 50), (24, 35), (6, 71), (48, 25))]
    for overhead, tokens, devices in ((0.0, 1, 1), (5e-6, 1, 1), (1e-6, 1, 8), (1e-6, 1, 1), (3e-6, 2048, 1)):
        hw = {**H100, "layer_overhead": overhead}
        times = [step(shape["layers"], shape["width"], tokens, hw, devices) for shape in shapes]
        expected = shapes[times.index(min(times))]
        found = submission.fastest_shape(shapes, tokens, hw, devices)
        assert_equal(found["layers"], expected["layers"], name="layers of the fastest shape")
        assert_close(found, expected, name="shape")
        if devices == 1:
            found = submission.fastest_shape(shapes, tokens, hw)
            assert_equal(found["layers"], expected["layers"], name="layers of the fastest shape, one device by default")


@points(2)
@needs(test_fastest)
def test_ties(submission, rng):
    """of equally fast shapes the one of fewest layers"""
    shapes = [shape_of(L, D // 64, 64) for L, D in ((24, 2048), (384, 512), (6, 4096), (96, 1024))]
    for order in ((0, 1, 2, 3), (2, 1, 3, 0), (3, 0, 1, 2)):
        found = submission.fastest_shape([shapes[n] for n in order], 1, POWERS)
        assert_equal(found["layers"], 6, name="layers of the fastest shape")
