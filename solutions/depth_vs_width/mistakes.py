"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from depth_vs_width import fastest_shape, kv_bytes_per_token, levine_shape, levine_width, shapes_at_budget, step_latency

from grader.testing import replaces


def shape(L, D, head_dim, per_block=12):
    return {
        "layers": L,
        "width": D,
        "heads": D // head_dim,
        "params": per_block * L * D**2,
        "aspect_ratio": D / L,
    }


def shapes_of(heads, depths, head_dim, per_block=12):
    return [shape(L, max(1, h) * head_dim, head_dim, per_block) for L, h in zip(depths, heads, strict=True)]


def exact_width(budget, L, per_block=12):
    return math.sqrt(budget / (per_block * L))


@replaces("shapes_at_budget", way=["down", "up"])
def always_one_way(budget, depths, head_dim=64, *, way):
    """You always round {way} to a whole number of heads. When is the neighbour on the other side nearer?"""
    whole = {"down": math.floor, "up": math.ceil}[way]
    return shapes_of([whole(exact_width(budget, L) / head_dim) for L in depths], depths, head_dim)


@replaces("shapes_at_budget")
def half_a_head_rounded_down(budget, depths, head_dim=64):
    """With an odd head_dim, your rounding adds a little less than half of it. What is 5 // 2, and what is half of 5?"""
    return shapes_of([int(exact_width(budget, L) + head_dim // 2) // head_dim for L in depths], depths, head_dim)


@replaces("shapes_at_budget")
def half_to_even(budget, depths, head_dim=64):
    """Halfway between two whole numbers your rounding takes the even one, so that 4.5 becomes 4, as Python's round()
    does. Which one does the docstring want?"""
    return shapes_of([round(exact_width(budget, L) / head_dim) for L in depths], depths, head_dim)


@replaces("shapes_at_budget")
def half_rounded_down(budget, depths, head_dim=64):
    """Halfway between two widths you took the smaller one. Both are equally near: which of them does the docstring
    want?"""
    return shapes_of([math.ceil(exact_width(budget, L) / head_dim - 0.5) for L in depths], depths, head_dim)


def heads_by_weights(budget, L, head_dim):
    lower = max(1, int(exact_width(budget, L) // head_dim))
    return min((lower + 1, lower), key=lambda heads: abs(12 * L * (heads * head_dim) ** 2 - budget))


@replaces("shapes_at_budget")
def nearest_weights(budget, depths, head_dim=64):
    """You took the width whose number of weights is nearest to the budget. Weights grow like the square of the width:
    what has to be near to what here?"""
    return shapes_of([heads_by_weights(budget, L, head_dim) for L in depths], depths, head_dim)


@replaces("shapes_at_budget", way=["nearest", "down", "up"])
def not_whole_heads(budget, depths, head_dim=64, *, way):
    """Your width is a whole number near the square root, but how many heads are that? Of what does the width have to be
    a multiple?"""
    whole = {"nearest": lambda x: math.floor(x + 0.5), "down": math.floor, "up": math.ceil}[way]
    return [shape(L, max(head_dim, whole(exact_width(budget, L))), head_dim) for L in depths]


@replaces("shapes_at_budget")
def no_head(budget, depths, head_dim=64):
    """For a budget of less than half a head your width is 0, and the model has no weights. What is the least that a
    layer can have?"""
    return [shape(L, math.floor(exact_width(budget, L) / head_dim + 0.5) * head_dim, head_dim) for L in depths]


@replaces("shapes_at_budget", heads=["of 64", "of head_dim"])
def always_64(budget, depths, head_dim=64, *, heads):
    """Your widths are multiples of 64 whatever head_dim is. When should the 64 count?"""
    found = shapes_at_budget(budget, depths)
    return found if heads == "of 64" else [{**s, "heads": s["width"] // head_dim} for s in found]


@replaces("shapes_at_budget", weights=[1, 4, 8], params=["alike", "right"])
def other_block(budget, depths, head_dim=64, *, weights, params):
    """Your widths are those of blocks with {weights}·D² weights. Which matrices does a block have, and how large are
    they together?"""
    heads = [math.floor(exact_width(budget, L, weights) / head_dim + 0.5) for L in depths]
    return shapes_of(heads, depths, head_dim, weights if params == "alike" else 12)


@replaces("shapes_at_budget", weights=[1, 2, 4, 8])
def params_of_other_block(budget, depths, head_dim=64, *, weights):
    """Your widths are right, but params counts {weights}·D² for each block. How large are a block's matrices of
    attention and of its MLP together?"""
    return [{**s, "params": s["params"] * weights // 12} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def params_of_budget(budget, depths, head_dim=64):
    """You returned the budget as params. How many weights does a shape have after its width was rounded to whole
    heads?"""
    return [{**s, "params": int(budget)} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def params_of_one_block(budget, depths, head_dim=64):
    """Your params is the number of weights of one block. How many blocks share the budget?"""
    return [{**s, "params": 12 * s["width"] ** 2} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget")
def ratio_upside_down(budget, depths, head_dim=64):
    """Your aspect ratio is layers divided by width. Which of the two is divided by the other in D/L?"""
    return [{**s, "aspect_ratio": s["layers"] / s["width"]} for s in shapes_at_budget(budget, depths, head_dim)]


@replaces("shapes_at_budget", rounding=["//", "round"])
def whole_ratio(budget, depths, head_dim=64, *, rounding):
    """Your aspect ratio is a whole number, and D is seldom a multiple of L. Where is the rest of the division lost?"""
    found = shapes_at_budget(budget, depths, head_dim)
    return [
        {**s, "aspect_ratio": s["width"] // s["layers"] if rounding == "//" else round(s["aspect_ratio"])}
        for s in found
    ]


@replaces("shapes_at_budget", descending=[False, True])
def sorted_by_depth(budget, depths, head_dim=64, *, descending):
    """Your shapes are sorted by depth. In which order does the docstring ask for them?"""
    return shapes_at_budget(budget, sorted(depths, reverse=descending), head_dim)


@replaces("shapes_at_budget")
def product_fixed(budget, depths, head_dim=64):
    """You solved 12·(L·D)² = P, as if a model of half the depth had twice the width. One block has 12·D² weights: what
    do L blocks have?"""
    heads = [math.floor(math.sqrt(budget / 12) / L / head_dim + 0.5) for L in depths]
    return [shape(L, max(1, h) * head_dim, head_dim, 12 * L) for L, h in zip(depths, heads, strict=True)]


@replaces("shapes_at_budget")
def layers_forgotten(budget, depths, head_dim=64):
    """Your width is the same for every depth: you gave the whole budget to one block. How many blocks share it?"""
    return shapes_of([math.floor(exact_width(budget, 1) / head_dim + 0.5)] * len(depths), depths, head_dim)


@replaces("shapes_at_budget")
def root_forgotten(budget, depths, head_dim=64):
    """You took P / 12L for the width. 12·L·D² is the budget: what undoes the square?"""
    return shapes_of([math.floor(budget / (12 * L) / head_dim + 0.5) for L in depths], depths, head_dim)


@replaces("levine_width", base=[10, 2])
def other_base(layers, *, base):
    """Your width is a power of {base}. Which number is raised to a power in exp(x)?"""
    return base ** (5.039 + 0.0555 * layers)


@replaces("levine_width")
def no_exponential(layers):
    """You returned the logarithm of the width. What undoes it?"""
    return 5.039 + 0.0555 * layers


@replaces("levine_width")
def layers_over_curve(layers):
    """Your width is the same for every depth. Which term of the fit grows with L?"""
    return math.exp(5.039 + 0.0555)


@replaces("levine_width")
def constants_exchanged(layers):
    """Your two constants are exchanged. How much wider does each layer make the model: by 5 %, or by more than a
    hundred times?"""
    return math.exp(0.0555 + 5.039 * layers)


@replaces("levine_shape", way=["nearest", "down", "up"], step=[1, 0.1, 0.01])
def rounded_layers(budget, *, way, step):
    """Your number of layers is rounded, in steps of {step}. Both numbers are real here: how near to the curve's point
    does the docstring want them?"""
    whole = {"nearest": round, "down": math.floor, "up": math.ceil}[way]
    layers = whole(levine_shape(budget)["layers"] / step) * step
    return {"layers": layers, "width": levine_width(layers)}


@replaces("levine_shape")
def without_depth(budget):
    """You solved 12·D² = P, which gives the whole budget to one block. How many blocks share it?"""
    width = math.sqrt(budget / 12)
    return {"layers": (math.log(width) - 5.039) / 0.0555, "width": width}


@replaces("levine_shape", weights=[1, 4, 8, 24])
def other_block_on_the_curve(budget, *, weights):
    """Your point of the curve has {weights}·L·D² = P. How many weights does one block have?"""
    return levine_shape(12 / weights * budget)


@replaces("levine_shape", powers=[(1, 1), (2, 2), (2, 1), (0, 1)])
def other_powers_on_the_curve(budget, *, powers):
    """Put your L and D into 12·L·D²: what comes out? Which of L and D is squared, and why?"""
    low, high = 1e-9, 10000.0
    for _ in range(200):
        middle = (low + high) / 2
        size = math.log(12) + powers[0] * math.log(middle) + powers[1] * (5.039 + 0.0555 * middle)
        low, high = (middle, high) if size < math.log(budget) else (low, middle)
    return {"layers": low, "width": levine_width(low)}


@replaces("levine_shape", end=[50, 64, 80, 96, 100, 120])
def search_with_an_end(budget, *, end):
    """Your search ends at {end} layers, and a larger budget gets exactly {end}. The curve has no last point: how can a
    search find its own upper end?"""
    found = levine_shape(budget)
    return found if found["layers"] < end else {"layers": float(end), "width": levine_width(end)}


def one_round(budget, L):
    """The depth that the curve has for the width which the budget leaves to L layers."""
    return (math.log(math.sqrt(budget / (12 * L))) - 5.039) / 0.0555


@replaces("levine_shape")
def depth_from_width(budget):
    """You take the width that the budget leaves to L layers, then the depth of that width on the curve, and so on. Each
    round multiplies an error by about 9/L: what if L is small?"""
    L = 50.0
    for _ in range(200):
        L = max(1.0, one_round(budget, L))
    return {"layers": L, "width": levine_width(L)}


@replaces("levine_shape")
def depth_below_zero(budget):
    """Does your L fall below 0 on the way, where it has no root and no logarithm? Between which two depths is the
    answer certain to be?"""
    L = 50.0
    for _ in range(200):
        L = one_round(budget, L)
    return {"layers": L, "width": levine_width(L)}


@replaces("kv_bytes_per_token", share=["half", "twice"])
def keys_only(layers, width, bytes_per_value=2, *, share):
    """Your number is {share} what it should be. Which two vectors of width D does each layer keep of a token?"""
    return kv_bytes_per_token(layers, width, bytes_per_value) * (0.5 if share == "half" else 2)


@replaces("kv_bytes_per_token")
def one_layer(layers, width, bytes_per_value=2):
    """You counted the cache of one layer. Can a layer use the keys and values of another one?"""
    return 2 * width * bytes_per_value


@replaces("kv_bytes_per_token")
def fixed_bytes(layers, width, bytes_per_value=2):
    """You counted 2 bytes for each number, whatever bytes_per_value says. When does its default count?"""
    return 4 * layers * width


@replaces("kv_bytes_per_token", whole=[math.floor, math.ceil])
def whole_bytes(layers, width, bytes_per_value=2, *, whole):
    """You turned bytes_per_value into a whole number. How many bytes do two numbers of 4 bits take?"""
    return 2 * layers * width * whole(bytes_per_value)


def times(width, tokens, hw):
    weights = 12 * width**2
    return 2 * weights * tokens / hw["peak_flops"], weights * hw["bytes_per_param"] / hw["bandwidth"]


def work(width, tokens, hw, devices):
    return max(times(width, tokens, hw)) / devices


def messages(hw, devices):
    return 2 * hw["comm_latency"] if devices > 1 else 0


def outside(hw, devices):
    return hw["layer_overhead"] + messages(hw, devices)


@replaces("step_latency")
def sum_of_roofs(layers, width, tokens, hw, devices=1):
    """You added the time of reading to that of computing. A device does both at once: which of the two does it wait
    for?"""
    return layers * (outside(hw, devices) + sum(times(width, tokens, hw)) / devices)


@replaces("step_latency", roof=["the shorter one", "computing", "reading"])
def other_roof(layers, width, tokens, hw, devices=1, *, roof):
    """Your layer does not take the longer of the two times. Which has to be done before the next layer can begin:
    computing, reading, or both?"""
    computing, reading = times(width, tokens, hw)
    time = {"the shorter one": min(computing, reading), "computing": computing, "reading": reading}[roof]
    return layers * (outside(hw, devices) + time / devices)


@replaces("step_latency", shared=["the overhead", "the messages", "overhead and messages"])
def more_is_divided(layers, width, tokens, hw, devices=1, *, shared):
    """You divided {shared} by the number of devices. All of them launch every layer and wait for the messages of the
    others: which terms does a second device make smaller?"""
    overhead = hw["layer_overhead"] / (1 if shared == "the messages" else devices)
    exchange = messages(hw, devices) / (1 if shared == "the overhead" else devices)
    return layers * (overhead + exchange + work(width, tokens, hw, devices))


@replaces("step_latency", exchanges=[1, 2])
def messages_to_itself(layers, width, tokens, hw, devices=1, *, exchanges):
    """You charged a single device for communication. With whom does it exchange results?"""
    return layers * (hw["layer_overhead"] + exchanges * hw["comm_latency"] + work(width, tokens, hw, devices))


@replaces("step_latency", exchanges=[0, 1, 4])
def other_exchanges(layers, width, tokens, hw, devices=1, *, exchanges):
    """Exchanges in each of your layers: {exchanges}. After which parts of a block must several devices exchange
    results?"""
    return layers * (hw["layer_overhead"] + exchanges / 2 * messages(hw, devices) + work(width, tokens, hw, devices))


@replaces("step_latency", count=["all", "others", "log"])
def messages_of_all(layers, width, tokens, hw, devices=1, *, count):
    """In your step an exchange takes longer, the more devices take part. Does a change with their number in the
    statement?"""
    factor = {"all": devices, "others": devices - 1, "log": math.log2(devices)}[count]
    return layers * (hw["layer_overhead"] + messages(hw, devices) * factor + work(width, tokens, hw, devices))


@replaces("step_latency", once=["the overhead", "the exchanges", "overhead and exchanges"])
def once_for_the_step(layers, width, tokens, hw, devices=1, *, once):
    """You charged {once} once for the whole step. Which layers can begin before the one below them is done?"""
    overhead = hw["layer_overhead"] * (layers if once == "the exchanges" else 1)
    exchange = messages(hw, devices) * (layers if once == "the overhead" else 1)
    return overhead + exchange + layers * work(width, tokens, hw, devices)


@replaces("step_latency")
def not_divided(layers, width, tokens, hw, devices=1):
    """In your step more devices do not make the work inside a layer shorter. What do they share?"""
    return layers * (outside(hw, devices) + work(width, tokens, hw, 1))


@replaces("step_latency", flops=[1, 3, 6])
def other_flops(layers, width, tokens, hw, devices=1, *, flops):
    """FLOPs that your step counts for each weight and token: {flops}. Which operations does a weight take part in when
    a token passes forward?"""
    return step_latency(layers, width, tokens * flops / 2, hw, devices)


@replaces("step_latency")
def reads_for_each_token(layers, width, tokens, hw, devices=1):
    """Your step reads the weights again for every token. How often do they have to be read if all tokens are processed
    at the same time?"""
    compute, memory = times(width, tokens, hw)
    return layers * (outside(hw, devices) + max(compute, memory * tokens) / devices)


@replaces("step_latency", size=[1, 2])
def fixed_size_read(layers, width, tokens, hw, devices=1, *, size):
    """Bytes that your step reads for each weight, whatever bytes_per_param says: {size}. On what does the time of
    reading depend?"""
    return step_latency(layers, width, tokens, {**hw, "bytes_per_param": size}, devices)


@replaces("step_latency", weights=[1, 4, 8])
def other_block_read(layers, width, tokens, hw, devices=1, *, weights):
    """You gave a layer {weights}·D² weights. How large are its matrices of attention and of its MLP together?"""
    return layers * (outside(hw, devices) + work(width, tokens, hw, devices) * weights / 12)


@replaces("step_latency")
def layers_shared(layers, width, tokens, hw, devices=1):
    """You gave each device some of the layers, as if all devices could work on their own at the same time. Layers wait
    for one another: what do the devices share?"""
    return math.ceil(layers / devices) * (outside(hw, devices) + work(width, tokens, hw, 1))


@replaces("step_latency", exchanges=[1, 2])
def handed_on(layers, width, tokens, hw, devices=1, *, exchanges):
    """You gave each device some of the layers, with exchanges only where one device hands on to the next. In the
    statement all devices work on each layer together: how often do they exchange results?"""
    own = layers / devices * (hw["layer_overhead"] + work(width, tokens, hw, 1))
    return own + exchanges * (devices - 1) * hw["comm_latency"]


@replaces("fastest_shape", place=["first", "last"])
def place_among_equals(shapes, tokens, hw, devices=1, *, place):
    """Of equally fast shapes you took the one that comes {place} in the list. Which of them is asked for?"""
    ordered = shapes if place == "first" else shapes[::-1]
    return min(ordered, key=lambda s: step_latency(s["layers"], s["width"], tokens, hw, devices))


@replaces("fastest_shape")
def deepest_of_equals(shapes, tokens, hw, devices=1):
    """Of equally fast shapes you took the one with the most layers. Which of them is asked for?"""
    return min(shapes, key=lambda s: (step_latency(s["layers"], s["width"], tokens, hw, devices), -s["layers"]))


@replaces("fastest_shape", least=["layers", "params"])
def least_of_something(shapes, tokens, hw, devices=1, *, least):
    """You took the shape with the smallest number of {least}, whatever the device. Which function of yours says how
    long a step takes?"""
    return min(shapes, key=lambda s: s[least])


@replaces("fastest_shape")
def slowest(shapes, tokens, hw, devices=1):
    """You returned the slowest shape. Does the fastest one take the most time or the least?"""
    return max(shapes, key=lambda s: (step_latency(s["layers"], s["width"], tokens, hw, devices), -s["layers"]))


@replaces("fastest_shape")
def on_one_device(shapes, tokens, hw, devices=1):
    """Your result is the best shape for one device, however many there are. Where does devices get lost?"""
    return fastest_shape(shapes, tokens, hw)


@replaces("fastest_shape")
def for_one_token(shapes, tokens, hw, devices=1):
    """Your result is the best shape for one token, however many there are. Where does tokens get lost?"""
    return fastest_shape(shapes, 1, hw, devices)
