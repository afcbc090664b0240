"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from depth_vs_width import fastest_shape, levine_shape, levine_width, shapes_at_budget, step_latency

from grader.testing import replaces


def shape(L, D, head_dim, per_block=12):
    return {
        "layers": L,
        "width": D,
        "heads": D // head_dim,
        "params": per_block * L * D**2,
        "aspect_ratio": D / L,
    }


def exact_width(budget, L):
    return math.sqrt(budget / (12 * L))


@replaces("shapes_at_budget")
def half_a_head_rounded_down(budget, depths, head_dim=64):
    """To round you added head_dim // 2, which is less than half of an odd head_dim. How does Python write the half of
    5?"""
    widths = [int(exact_width(budget, L) + head_dim // 2) // head_dim * head_dim for L in depths]
    return [shape(L, max(head_dim, D), head_dim) for L, D in zip(depths, widths, strict=True)]


@replaces("shapes_at_budget")
def rounded_down(budget, depths, head_dim=64):
    """You took the width below, and for half of the depths the one above is nearer. Which way of rounding
    looks in both directions?"""
    return [shape(L, max(1, int(exact_width(budget, L) // head_dim)) * head_dim, head_dim) for L in depths]


@replaces("shapes_at_budget")
def rounded_up(budget, depths, head_dim=64):
    """You took the width above, and for half of the depths the one below is nearer."""
    return [shape(L, math.ceil(exact_width(budget, L) / head_dim) * head_dim, head_dim) for L in depths]


@replaces("shapes_at_budget")
def half_to_even(budget, depths, head_dim=64):
    """You used round(), and halfway between two whole numbers it takes the even one: round(4.5) is 4. Here
    the larger one is wanted."""
    return [shape(L, max(1, round(exact_width(budget, L) / head_dim)) * head_dim, head_dim) for L in depths]


@replaces("shapes_at_budget")
def half_rounded_down(budget, depths, head_dim=64):
    """Halfway between two widths you took the smaller one. Both are equally near: which of them does the docstring
    want?"""
    heads = [max(1, math.ceil(exact_width(budget, L) / head_dim - 0.5)) for L in depths]
    return [shape(L, h * head_dim, head_dim) for L, h in zip(depths, heads, strict=True)]


def heads_by_weights(budget, L, head_dim):
    lower = max(1, int(exact_width(budget, L) // head_dim))
    return min((lower + 1, lower), key=lambda heads: abs(12 * L * (heads * head_dim) ** 2 - budget))


@replaces("shapes_at_budget")
def nearest_weights(budget, depths, head_dim=64):
    """You took the width whose number of weights is nearest to the budget. Weights grow like the square of the width,
    so the middle between two widths is not the middle between their weights: what has to be near to what here?"""
    return [shape(L, heads_by_weights(budget, L, head_dim) * head_dim, head_dim) for L in depths]


@replaces("shapes_at_budget")
def not_whole_heads(budget, depths, head_dim=64):
    """Your width is the whole number nearest to the square root, and the heads do not divide it. The width
    is a multiple of head_dim."""
    return [shape(L, max(head_dim, math.floor(exact_width(budget, L) + 0.5)), head_dim) for L in depths]


@replaces("shapes_at_budget")
def no_head(budget, depths, head_dim=64):
    """For a budget of less than half a head your width is 0, and a model of no weights came out. What is
    the least that a layer can have?"""
    return [shape(L, math.floor(exact_width(budget, L) / head_dim + 0.5) * head_dim, head_dim) for L in depths]


@replaces("shapes_at_budget")
def always_64(budget, depths, head_dim=64):
    """You took 64 for the width of a head, whatever head_dim says."""
    return shapes_at_budget(budget, depths)


@replaces("shapes_at_budget")
def attention_only(budget, depths, head_dim=64):
    """You counted 4·D² weights for a block, which is its attention. Two more matrices stand behind it: how
    large are they?"""
    heads = [max(1, math.floor(math.sqrt(budget / (4 * L)) / head_dim + 0.5)) for L in depths]
    return [shape(L, h * head_dim, head_dim, 4) for L, h in zip(depths, heads, strict=True)]


@replaces("shapes_at_budget")
def params_of_attention(budget, depths, head_dim=64):
    """Your widths are right, and params is a third of what these shapes have: you left the MLP out, which
    holds 8·D² of a block's weights."""
    return [{**s, "params": s["params"] // 3} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def params_of_budget(budget, depths, head_dim=64):
    """You returned the budget as params. Rounding to whole heads has changed the number of weights: count
    those of the shape that came out."""
    return [{**s, "params": int(budget)} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def params_of_one_block(budget, depths, head_dim=64):
    """params is that of one block. The budget is shared by all of them."""
    return [{**s, "params": 12 * s["width"] ** 2} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def ratio_upside_down(budget, depths, head_dim=64):
    """Your aspect ratio is layers by width, a small number. It is the width for each layer, D/L."""
    return [{**s, "aspect_ratio": s["layers"] / s["width"]} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def whole_ratio(budget, depths, head_dim=64):
    """Your aspect ratio is a whole number, and D is seldom a multiple of L. What does // make of a quotient?"""
    return [{**s, "aspect_ratio": s["width"] // s["layers"]} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def sorted_by_depth(budget, depths, head_dim=64):
    """You sorted the shapes by depth. They are asked for in the order of depths."""
    return shapes_at_budget(budget, sorted(depths), head_dim)


@replaces("shapes_at_budget")
def product_fixed(budget, depths, head_dim=64):
    """You solved 12·(L·D)² = P, as if a model of half the depth had twice the width. One block has 12·D² weights:
    what do L blocks have?"""
    heads = [max(1, math.floor(math.sqrt(budget / 12) / L / head_dim + 0.5)) for L in depths]
    return [shape(L, h * head_dim, head_dim, 12 * L) for L, h in zip(depths, heads, strict=True)]


@replaces("shapes_at_budget")
def layers_forgotten(budget, depths, head_dim=64):
    """Your width is the same for every depth: you gave the whole budget to one block. How many blocks share it?"""
    heads = max(1, math.floor(math.sqrt(budget / 12) / head_dim + 0.5))
    return [shape(L, heads * head_dim, head_dim) for L in depths]


@replaces("shapes_at_budget")
def root_forgotten(budget, depths, head_dim=64):
    """You took P / 12L for the width, without a root. 12·L·D² is the budget: what undoes the square?"""
    heads = [max(1, math.floor(budget / (12 * L) / head_dim + 0.5)) for L in depths]
    return [shape(L, h * head_dim, head_dim) for L, h in zip(depths, heads, strict=True)]


@replaces("levine_width")
def base_ten(layers):
    """You raised 10 to the power of the fit. Its logarithm is the natural one: a width of 10⁵ for six
    layers can't be meant."""
    return 10 ** (5.039 + 0.0555 * layers)


@replaces("levine_width")
def no_exponential(layers):
    """You returned the logarithm of the width. What undoes it?"""
    return 5.039 + 0.0555 * layers


@replaces("levine_width")
def layers_over_curve(layers):
    """You added the slope once and did not multiply it by the number of layers: the width is the same for every depth.
    Which term of the fit grows with L?"""
    return math.exp(5.039 + 0.0555)


@replaces("levine_shape")
def whole_layers(budget):
    """You rounded to a whole number of layers. Here both are real numbers, so that the parameters are
    exactly the budget."""
    exact = levine_shape(budget)
    return {"layers": round(exact["layers"]), "width": levine_width(round(exact["layers"]))}


@replaces("levine_shape")
def without_depth(budget):
    """You solved 12·D² = P, which gives the whole budget to one block. There are L of them, and L is the
    unknown."""
    width = math.sqrt(budget / 12)
    return {"layers": (math.log(width) - 5.039) / 0.0555, "width": width}


@replaces("levine_shape")
def width_not_squared(budget):
    """You solved 12·L·D = P. The matrices of a block are squares of the width."""
    low, high = 1e-9, 1000.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if 12 * middle * levine_width(middle) < budget else (low, middle)
    return {"layers": low, "width": levine_width(low)}


@replaces("levine_shape")
def searched_to_100(budget):
    """Your search ends at 100 layers, and a larger budget gets exactly 100. The curve has no last point: how can a
    search find its own upper end?"""
    found = levine_shape(budget)
    return found if found["layers"] < 100 else {"layers": 100.0, "width": levine_width(100)}


@replaces("levine_shape")
def product_on_the_curve(budget):
    """You solved 12·(L·D)² = P on the curve. One block has 12·D² weights, and L blocks have L times as many: is the L
    squared as well?"""
    low, high = 1e-9, 10000.0
    for _ in range(200):
        middle = (low + high) / 2
        size = math.log(12) + 2 * math.log(middle) + 2 * (5.039 + 0.0555 * middle)
        low, high = (middle, high) if size < math.log(budget) else (low, middle)
    return {"layers": low, "width": levine_width(low)}


def one_round(budget, L):
    """The depth that the curve has for the width which the budget leaves to L layers."""
    return (math.log(math.sqrt(budget / (12 * L))) - 5.039) / 0.0555


@replaces("levine_shape")
def depth_from_width(budget):
    """You take the width that the budget leaves to L layers, the depth of that width on the curve, and begin again.
    Each round makes an error about 9/L times as large: what becomes of it where the answer has few layers?"""
    L = 50.0
    for _ in range(200):
        L = max(1.0, one_round(budget, L))
    return {"layers": L, "width": levine_width(L)}


@replaces("levine_shape")
def depth_below_zero(budget):
    """On the way your L falls below 0, where it has no root and no logarithm. A step of your iteration goes too far
    where the answer has few layers. Between which two depths does it lie for certain?"""
    L = 50.0
    for _ in range(200):
        L = one_round(budget, L)
    return {"layers": L, "width": levine_width(L)}


@replaces("kv_bytes_per_token")
def keys_only(layers, width, bytes_per_value=2):
    """Your number is half of it: you counted keys or values. The cache holds both."""
    return layers * width * bytes_per_value


@replaces("kv_bytes_per_token")
def one_layer(layers, width, bytes_per_value=2):
    """You counted the cache of one layer. Every layer keeps keys and values of its own: that is why depth
    costs memory."""
    return 2 * width * bytes_per_value


@replaces("kv_bytes_per_token")
def always_16_bits(layers, width, bytes_per_value=2):
    """You took 2 bytes for each number, whatever bytes_per_value says."""
    return 4 * layers * width


@replaces("kv_bytes_per_token")
def whole_bytes(layers, width, bytes_per_value=2):
    """You turned bytes_per_value into a whole number, and half a byte became 0. The docstring allows a float: how many
    bytes do two numbers of 4 bits take?"""
    return 2 * layers * width * int(bytes_per_value)


@replaces("kv_bytes_per_token")
def whole_bytes_at_least_one(layers, width, bytes_per_value=2):
    """You counted at least one whole byte for each number. Two numbers of 4 bits share a byte: what is
    bytes_per_value then?"""
    return 2 * layers * width * math.ceil(bytes_per_value)


def times(width, tokens, hw):
    weights = 12 * width**2
    return 2 * weights * tokens / hw["peak_flops"], weights * hw["bytes_per_param"] / hw["bandwidth"]


def outside(hw, devices):
    return hw["layer_overhead"] + (2 * hw["comm_latency"] if devices > 1 else 0)


@replaces("step_latency")
def sum_of_roofs(layers, width, tokens, hw, devices=1):
    """You added the time of reading to that of computing. A device does both at once: which of the two does
    it wait for?"""
    return layers * (outside(hw, devices) + sum(times(width, tokens, hw)) / devices)


@replaces("step_latency")
def shorter_time(layers, width, tokens, hw, devices=1):
    """You took the shorter of the two times. Nobody can go on before the slower one of reading and
    computing is done."""
    return layers * (outside(hw, devices) + min(times(width, tokens, hw)) / devices)


@replaces("step_latency")
def all_divided(layers, width, tokens, hw, devices=1):
    """You divided overhead and messages by the number of devices, too, as if each had some of the layers to itself.
    They all have to launch every layer, and to wait for the messages of the others: which terms does a second device
    make smaller?"""
    return layers * (outside(hw, devices) + max(times(width, tokens, hw))) / devices


@replaces("step_latency")
def messages_to_itself(layers, width, tokens, hw, devices=1):
    """You charged for communication on a single device, which has nobody to talk to."""
    return layers * (outside(hw, 2) + max(times(width, tokens, hw)) / devices)


@replaces("step_latency")
def one_message(layers, width, tokens, hw, devices=1):
    """You charged one exchange for each layer. There are two, behind the attention and behind the MLP."""
    messages = hw["comm_latency"] if devices > 1 else 0
    return layers * (hw["layer_overhead"] + messages + max(times(width, tokens, hw)) / devices)


@replaces("step_latency")
def messages_of_all(layers, width, tokens, hw, devices=1):
    """You multiplied the messages by the number of devices. In this model an exchange takes a seconds,
    however many take part."""
    messages = 2 * hw["comm_latency"] * devices if devices > 1 else 0
    return layers * (hw["layer_overhead"] + messages + max(times(width, tokens, hw)) / devices)


@replaces("step_latency")
def overhead_once(layers, width, tokens, hw, devices=1):
    """You charged overhead and communication once for the step. Every layer pays them, since it waits for
    the one before: this is what depth costs."""
    return outside(hw, devices) + layers * max(times(width, tokens, hw)) / devices


@replaces("step_latency")
def not_divided(layers, width, tokens, hw, devices=1):
    """More devices did not make the work inside a layer shorter. They share it."""
    return layers * (outside(hw, devices) + max(times(width, tokens, hw)))


@replaces("step_latency")
def one_flop(layers, width, tokens, hw, devices=1):
    """You counted one FLOP for a weight and a token. It is a multiplication and an addition."""
    return step_latency(layers, width, tokens / 2, hw, devices)


@replaces("step_latency")
def reads_for_each_token(layers, width, tokens, hw, devices=1):
    """You read the weights again for every token. They are read once and serve all tokens of the step: that
    is why a larger batch costs so little."""
    compute, memory = times(width, tokens, hw)
    return layers * (outside(hw, devices) + max(compute, memory * tokens) / devices)


@replaces("step_latency")
def reads_16_bits(layers, width, tokens, hw, devices=1):
    """You took 2 bytes for each weight, whatever bytes_per_param says."""
    return step_latency(layers, width, tokens, {**hw, "bytes_per_param": 2}, devices)


@replaces("step_latency")
def attention_read(layers, width, tokens, hw, devices=1):
    """You gave a layer 4·D² weights. The MLP has twice as many besides."""
    compute, memory = times(width, tokens, hw)
    return layers * (outside(hw, devices) + max(compute, memory) / 3 / devices)


@replaces("step_latency")
def overhead_without_messages(layers, width, tokens, hw, devices=1):
    """The messages between the devices cost nothing in your step. What do several devices have to do behind the
    attention and behind the MLP?"""
    return layers * (hw["layer_overhead"] + max(times(width, tokens, hw)) / devices)


@replaces("step_latency")
def layers_shared(layers, width, tokens, hw, devices=1):
    """You gave each device some of the layers, and the devices work at the same time. Layers wait for one another: what
    do the devices share by the statement?"""
    return math.ceil(layers / devices) * (outside(hw, devices) + max(times(width, tokens, hw)))


def in_a_row(layers, width, tokens, hw, devices, messages):
    work = layers / devices * (hw["layer_overhead"] + max(times(width, tokens, hw)))
    return work + messages * (devices - 1) * hw["comm_latency"]


@replaces("step_latency")
def handed_on(layers, width, tokens, hw, devices=1):
    """You gave each device some of the layers, with exchanges only where one device hands on to the next. By the
    statement all devices work on each layer together: how often do they exchange results then?"""
    return in_a_row(layers, width, tokens, hw, devices, 2)


@replaces("step_latency")
def handed_on_once(layers, width, tokens, hw, devices=1):
    """You gave each device some of the layers, with one message where a device hands on to the next. By the statement
    all devices work on each layer together: how often do they exchange results then?"""
    return in_a_row(layers, width, tokens, hw, devices, 1)


@replaces("fastest_shape")
def first_of_equals(shapes, tokens, hw, devices=1):
    """Of shapes that are equally fast you took the one that came first in the list. Let the number of
    layers decide."""
    return min(shapes, key=lambda s: step_latency(s["layers"], s["width"], tokens, hw, devices))


@replaces("fastest_shape")
def deepest_of_equals(shapes, tokens, hw, devices=1):
    """Of shapes that are equally fast you took the one with the most layers. The fewest are asked for."""
    return min(shapes, key=lambda s: (step_latency(s["layers"], s["width"], tokens, hw, devices), -s["layers"]))


@replaces("fastest_shape")
def always_broad(shapes, tokens, hw, devices=1):
    """You took the shape with the fewest layers. Widths are rounded, so another one can have fewer weights
    to read, and without overhead that is what counts: ask step_latency."""
    return min(shapes, key=lambda s: s["layers"])


@replaces("fastest_shape")
def slowest(shapes, tokens, hw, devices=1):
    """You returned the slowest shape. The fastest takes the least time."""
    return max(shapes, key=lambda s: (step_latency(s["layers"], s["width"], tokens, hw, devices), -s["layers"]))


@replaces("fastest_shape")
def on_one_device(shapes, tokens, hw, devices=1):
    """You did not hand the number of devices on: the result is always the best shape for one."""
    return fastest_shape(shapes, tokens, hw)


@replaces("fastest_shape")
def for_one_token(shapes, tokens, hw, devices=1):
    """You did not hand the number of tokens on. With many of them the work outweighs the overhead."""
    return fastest_shape(shapes, 1, hw, devices)
