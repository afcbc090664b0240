# TRUE CAUSE: believes that all devices of a step work on different layers (pipeline): with n devices only L / n layers
# are waited for, so in step_latency the overhead and the exchanges are divided by devices as well as the work.
# In truth the devices share the work inside each layer and all layers wait for one another.
import math


def shapes_at_budget(budget, depths, head_dim=64):
    result = []
    for layers in depths:
        target = (budget / 12 / layers) ** 0.5
        below = int(target // head_dim)
        heads = below + 1 if target - below * head_dim >= (below + 1) * head_dim - target else below
        heads = max(heads, 1)
        width = heads * head_dim
        result.append(
            dict(layers=layers, width=width, heads=heads, params=12 * layers * width**2, aspect_ratio=width / layers)
        )
    return result


def levine_width(layers):
    return math.exp(5.039 + 0.0555 * layers)


def levine_shape(budget):
    # Newton on the logarithm: ln 12 + ln L + 2 (5.039 + 0.0555 L) = ln P
    layers = 1.0
    for _ in range(100):
        error = math.log(12) + math.log(layers) + 2 * (5.039 + 0.0555 * layers) - math.log(budget)
        layers = max(layers - error / (1 / layers + 2 * 0.0555), 0.1)
    return {"layers": layers, "width": levine_width(layers)}


def kv_bytes_per_token(layers, width, bytes_per_value=2):
    key = value = width * bytes_per_value
    return layers * (key + value)


def step_latency(layers, width, tokens, hw, devices=1):
    matrix = 12 * width**2
    work = max(2 * matrix * tokens / hw["peak_flops"], matrix * hw["bytes_per_param"] / hw["bandwidth"])
    one_layer = hw["layer_overhead"] + work
    if devices > 1:
        one_layer += 2 * hw["comm_latency"]
    layers_per_device = layers / devices
    return layers_per_device * one_layer


def fastest_shape(shapes, tokens, hw, devices=1):
    best, best_time = None, math.inf
    for shape in sorted(shapes, key=lambda shape: shape["layers"]):
        time = step_latency(shape["layers"], shape["width"], tokens, hw, devices)
        if time < best_time:
            best, best_time = shape, time
    return best
