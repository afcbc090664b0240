# TRUE CAUSE: takes a decode step for one in which every token reads its own k experts, i.e. weights are not shared between
# the tokens of a batch: read = size (others + B L k expert), without the formula of hit experts (which expected_experts
# still computes rightly). decode_step reads too much, and crossover_batch follows.


def expected_experts(num_experts, k, tokens):
    left_out = ((num_experts - k) / num_experts) ** tokens
    return num_experts - num_experts * left_out


def resident_bytes(model, bytes_per_param=2):
    n = model["shared_params"]
    for _ in range(model["num_layers"]):
        n += model["num_experts"] * model["expert_params"]
    return n * bytes_per_param


def decode_step(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    used = model["num_layers"] * model["k"] * model["expert_params"]  # by one token
    moved = (model["shared_params"] + batch * used) * bytes_per_param
    work = 2 * (model["shared_params"] + used) * batch
    mem, cmp = moved / bandwidth, work / peak_flops
    bound, sec = ("compute", cmp) if cmp > mem else ("memory", mem)
    return dict(bytes=moved, flops=work, seconds=sec, bound=bound)


def crossover_batch(model, bandwidth, peak_flops, bytes_per_param=2):
    b, step = 0, 1
    limit = 10**9
    while step < limit and decode_step(model, step, bandwidth, peak_flops, bytes_per_param)["bound"] == "memory":
        step *= 2
    while step:
        if decode_step(model, b + step, bandwidth, peak_flops, bytes_per_param)["bound"] == "memory":
            b += step
        step //= 2
    return b + 1
