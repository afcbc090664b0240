"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from moe_roofline import crossover_batch, decode_step, expected_experts, resident_bytes

from grader.testing import replaces


@replaces("expected_experts")
def k_times_batch(num_experts, k, tokens):
    """You gave every token experts of its own until all are used up. Two tokens may pick the same expert, so fewer
    than k · B are hit. How likely is it that B tokens all leave a given expert alone?"""
    return min(num_experts, k * tokens)


@replaces("expected_experts")
def with_replacement(num_experts, k, tokens):
    """You let a token pick k times among all experts, so it can pick the same one twice. Its k experts differ: with
    which probability does it miss a given one? One token hits exactly k."""
    return num_experts * (1 - (1 - 1 / num_experts) ** (k * tokens))


@replaces("expected_experts")
def one_choice(num_experts, k, tokens):
    """Your tokens pick one expert each. They pick k: one token hits exactly k."""
    return num_experts * (1 - (1 - 1 / num_experts) ** tokens)


@replaces("expected_experts")
def probability(num_experts, k, tokens):
    """That is the probability that one given expert is hit. How many of the E are hit on average?"""
    return expected_experts(num_experts, k, tokens) / num_experts


@replaces("expected_experts")
def missed(num_experts, k, tokens):
    """You counted the experts that are missed. The others are hit."""
    return num_experts - expected_experts(num_experts, k, tokens)


@replaces("expected_experts")
def whole_experts(num_experts, k, tokens):
    """You rounded to whole experts. An average need not be whole: over many steps and layers the parts add up."""
    return float(round(expected_experts(num_experts, k, tokens)))


@replaces("expected_experts")
def chosen_by_all(num_experts, k, tokens):
    """You took the power of k/E: the probability that every token picks an expert. It is hit as soon as one
    does."""
    return num_experts * (k / num_experts) ** tokens


@replaces("expected_experts")
def batch_forgotten(num_experts, k, tokens):
    """Your number of experts is the same for every batch. Which factor becomes smaller with every further token?"""
    return num_experts * (1 - (1 - k / num_experts)) if tokens else 0.0


@replaces("expected_experts")
def all_of_all(num_experts, k, tokens):
    """Where a token takes all experts you return E, whatever the number of tokens is. How many experts are hit where
    there is no token?"""
    return num_experts if k == num_experts else expected_experts(num_experts, k, tokens)


@replaces("expected_experts")
def times_batch(num_experts, k, tokens):
    """You multiplied the probability of a miss by the number of tokens. The tokens pick independently: how probable
    is it that all of them miss an expert?"""
    return num_experts * (1 - (1 - k / num_experts) * tokens)


@replaces("resident_bytes")
def holds_active(model, bytes_per_param=2):
    """You hold the k experts that a token uses. The next token wants others, and no memory is filled as quickly as
    it is read: which experts have to be there?"""
    return resident_bytes({**model, "num_experts": model["k"]}, bytes_per_param)


@replaces("resident_bytes")
def holds_one_layer(model, bytes_per_param=2):
    """You counted the experts of one layer. Every layer has E of its own."""
    return resident_bytes({**model, "num_layers": 1}, bytes_per_param)


@replaces("resident_bytes")
def holds_whole_models(model, bytes_per_param=2):
    """You multiplied the shared parameters by the number of experts, too. Attention and embedding exist once."""
    return resident_bytes({**model, "shared_params": model["num_experts"] * model["shared_params"]}, bytes_per_param)


@replaces("resident_bytes")
def holds_shared_in_each_layer(model, bytes_per_param=2):
    """You multiplied the shared parameters by the number of layers, too. expert_params are those of one layer: of how
    many layers are shared_params?"""
    return resident_bytes({**model, "shared_params": model["num_layers"] * model["shared_params"]}, bytes_per_param)


@replaces("resident_bytes")
def holds_experts_only(model, bytes_per_param=2):
    """You counted the experts alone. What is outside them has to be in memory as well."""
    return resident_bytes({**model, "shared_params": 0}, bytes_per_param)


@replaces("resident_bytes")
def always_two_bytes(model, bytes_per_param=2):
    """You took 2 bytes for each parameter. bytes_per_param says how many there are: 1 for 8 bits, 4 for float32."""
    return resident_bytes(model)


@replaces("resident_bytes")
def holds_parameters(model, bytes_per_param=2):
    """You returned the number of parameters. How many bytes does each of them take?"""
    return resident_bytes(model, 1)


@replaces("resident_bytes")
def whole_bytes(model, bytes_per_param=2):
    """You turned bytes_per_param into a whole number, and half a byte became 0. How many bytes do two parameters of 4
    bits take?"""
    return resident_bytes(model, int(bytes_per_param))


def step(model, batch, bandwidth, peak_flops, bytes_per_param=2, hit=None, layers=None, working=None, work=2):
    """The right step; a mistake changes one of its parts."""
    S, P, L, k = (model[key] for key in ("shared_params", "expert_params", "num_layers", "k"))
    hit = expected_experts(model["num_experts"], k, batch) if hit is None else hit
    read = bytes_per_param * (S + (L if layers is None else layers) * hit * P)
    flops = work * batch * (S + (L if layers is None else layers) * (k if working is None else working) * P)
    return with_times(read, flops, bandwidth, peak_flops)


def with_times(read, flops, bandwidth, peak_flops):
    reading, computing = read / bandwidth, flops / peak_flops
    bound = "memory" if reading >= computing else "compute"
    return {"bytes": read, "flops": flops, "seconds": max(reading, computing), "bound": bound}


@replaces("decode_step")
def reads_active(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You read k experts in every layer, for any batch. That is true of one token; the second one picks others."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=model["k"])


@replaces("decode_step")
def reads_everything(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You read all experts in every step. An expert that no token of the batch picked stays where it is."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=model["num_experts"])


@replaces("decode_step")
def reads_whole_experts(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You rounded the experts that are hit up to a whole number before you multiplied. An average need not be
    whole: the layers of a model differ in it, and the parts add up."""
    hit = math.ceil(expected_experts(model["num_experts"], model["k"], batch))
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=hit)


@replaces("decode_step")
def reads_for_each(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You read k experts, and all else, once for every sequence. A weight that is in the cores serves all tokens of
    the batch that need it: that is why one makes batches."""
    right = step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=model["k"])
    return with_times(batch * right["bytes"], right["flops"], bandwidth, peak_flops)


@replaces("decode_step")
def shared_for_each(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You read the shared parameters once for every sequence. A weight is read once and serves all tokens of the
    batch."""
    right = step(model, batch, bandwidth, peak_flops, bytes_per_param)
    more = bytes_per_param * (batch - 1) * model["shared_params"]
    return with_times(right["bytes"] + more, right["flops"], bandwidth, peak_flops)


@replaces("decode_step")
def one_layer(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your step has the experts of one layer. expert_params is one expert of one layer, and there are
    num_layers."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, layers=1)


@replaces("decode_step")
def shared_in_each_layer(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your step multiplies the shared parameters by the number of layers, too. expert_params are those of one layer:
    of how many layers are shared_params?"""
    all_layers = {**model, "shared_params": model["num_layers"] * model["shared_params"]}
    return step(all_layers, batch, bandwidth, peak_flops, bytes_per_param)


@replaces("decode_step")
def reads_one_layer(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your step reads the experts of one layer only. Its work is right: how many layers does a token pass?"""
    hit = expected_experts(model["num_experts"], model["k"], batch) / model["num_layers"]
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=hit)


@replaces("decode_step")
def works_on_hit(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your tokens work on every expert that is read. Each of them works on its own k, whatever the others
    picked."""
    hit = expected_experts(model["num_experts"], model["k"], batch)
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, working=hit)


@replaces("decode_step")
def works_on_all(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your tokens work on all experts. Each of them works on its own k: that is the point of a sparse model."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, working=model["num_experts"])


@replaces("decode_step")
def multiply_adds(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You counted one FLOP for each weight and token. A multiplication and an addition are two."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=1)


@replaces("decode_step")
def training_work(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You counted 6 FLOPs for each weight and token. That is training, with its backward pass; decoding has
    none."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=6)


@replaces("decode_step")
def work_of_one(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your work does not grow with the batch. Reading is done once for all, computing for each sequence."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=2 / batch)


@replaces("decode_step")
def work_in_bytes(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You multiplied bytes by the batch for the work. The 2 of the FLOPs is a multiplication and an addition; it
    only happens to be the number of bytes of 16 bits."""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=bytes_per_param)


@replaces("decode_step")
def two_bytes(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You took 2 bytes for each parameter that is read. bytes_per_param says how many there are."""
    return step(model, batch, bandwidth, peak_flops)


@replaces("decode_step")
def sum_of_times(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You added the two times. Reading the next weights and computing with the last ones go on at once: on which of
    the two do you wait?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return {**right, "seconds": right["bytes"] / bandwidth + right["flops"] / peak_flops}


@replaces("decode_step")
def faster_of_times(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You took the shorter of the two times. The step is over when both are."""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return {**right, "seconds": min(right["bytes"] / bandwidth, right["flops"] / peak_flops)}


@replaces("decode_step")
def bound_swapped(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your bound names the faster of the two. Bound is the step by what takes longer."""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return {**right, "bound": "compute" if right["bound"] == "memory" else "memory"}


@replaces("decode_step")
def tie_is_compute(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Where both take the same time, you say "compute". What does the statement say of that case?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    tie = right["bytes"] / bandwidth == right["flops"] / peak_flops
    return {**right, "bound": "compute"} if tie else right


@replaces("decode_step")
def devices_swapped(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You divided bytes by the peak and FLOPs by the bandwidth. Bandwidth is bytes per second."""
    return step(model, batch, peak_flops, bandwidth, bytes_per_param)


@replaces("decode_step")
def active_for_one_layer(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your tokens work on the experts of one layer only. What is read is right: how many layers does a token pass?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, working=model["k"] / model["num_layers"])


@replaces("decode_step")
def shared_not_read(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your step reads the experts alone. Every token passes attention as well: which parameters does that read?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return with_times(right["bytes"] - bytes_per_param * model["shared_params"], right["flops"], bandwidth, peak_flops)


@replaces("decode_step")
def shared_not_worked_on(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """The work of your step is that of the experts alone. Every token passes attention as well: on which parameters
    does it work there?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return with_times(right["bytes"], right["flops"] - 2 * batch * model["shared_params"], bandwidth, peak_flops)


@replaces("crossover_batch")
def last_bound_by_memory(model, bandwidth, peak_flops, bytes_per_param=2):
    """You returned the last batch that is bound by memory. The first one that is not is the next."""
    return crossover_batch(model, bandwidth, peak_flops, bytes_per_param) - 1


@replaces("crossover_batch")
def ridge_point(model, bandwidth, peak_flops, bytes_per_param=2):
    """That is the crossover of a dense model. In a sparse one all experts are read, sooner or later, and each works
    on a part of the tokens."""
    return math.floor(bytes_per_param * peak_flops / (2 * bandwidth)) + 1


@replaces("crossover_batch")
def ridge_rounded_up(model, bandwidth, peak_flops, bytes_per_param=2):
    """That is the crossover of a dense model, and where the division leaves no remainder it is one too few: reading
    and computing then take the same time. In a sparse model all experts are read, and each works on a part of the
    tokens."""
    return math.ceil(bytes_per_param * peak_flops / (2 * bandwidth))


@replaces("crossover_batch")
def all_experts_hit(model, bandwidth, peak_flops, bytes_per_param=2):
    """You took it that the batch hits all experts. That is close for a large batch; here some are small, and fewer
    experts are read."""
    S, L, P = model["shared_params"], model["num_layers"], model["expert_params"]
    total, active = S + L * model["num_experts"] * P, S + L * model["k"] * P
    return math.floor(bytes_per_param * peak_flops * total / (2 * bandwidth * active)) + 1


@replaces("crossover_batch")
def times_e_over_k(model, bandwidth, peak_flops, bytes_per_param=2):
    """You multiplied the dense crossover by E/k. Attention and embeddings work on every token, as in a dense model:
    only the experts wait for more of them."""
    ridge = bytes_per_param * peak_flops / (2 * bandwidth)
    return math.floor(ridge * model["num_experts"] / model["k"]) + 1


@replaces("crossover_batch")
def power_of_two(model, bandwidth, peak_flops, bytes_per_param=2):
    """You doubled the batch until it was bound by arithmetic. The smallest such batch lies somewhere between that
    and half of it."""
    batch = 1
    while decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)["bound"] == "memory":
        batch *= 2
    return batch


@replaces("crossover_batch")
def from_two(model, bandwidth, peak_flops, bytes_per_param=2):
    """Your search never asks for a batch of 1. On a slow enough device that one is bound by arithmetic already."""
    return max(2, crossover_batch(model, bandwidth, peak_flops, bytes_per_param))


@replaces("crossover_batch")
def stops_at_1000(model, bandwidth, peak_flops, bytes_per_param=2):
    """Your search ends at a batch of 1000 and returns that, bound by arithmetic or not. How does it find the smallest
    batch where this lies further up?"""
    return min(1000, crossover_batch(model, bandwidth, peak_flops, bytes_per_param))


@replaces("crossover_batch")
def stops_at_10000(model, bandwidth, peak_flops, bytes_per_param=2):
    """Your search ends at a batch of 10000 and returns that, bound by arithmetic or not. With many experts of which few
    are used the smallest batch lies further up."""
    return min(10000, crossover_batch(model, bandwidth, peak_flops, bytes_per_param))


@replaces("crossover_batch")
def nothing_found(model, bandwidth, peak_flops, bytes_per_param=2):
    """Your search ends before it has come to a batch that is bound by arithmetic, and then returns nothing. There
    always is one: how does a search find it that does not know how far up it lies?"""
    found = crossover_batch(model, bandwidth, peak_flops, bytes_per_param)
    return found if found <= 1000 else None


@replaces("crossover_batch")
def two_bytes_again(model, bandwidth, peak_flops, bytes_per_param=2):
    """Your crossover is that of 2 bytes per parameter, whatever bytes_per_param is. It has to be handed on."""
    return crossover_batch(model, bandwidth, peak_flops)


@replaces("decode_step")
def shared_works_once(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your shared parameters work once for the whole batch. They are read once; how many tokens is each of them
    multiplied with?"""
    right = step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return with_times(right["bytes"], right["flops"] - 2 * (batch - 1) * model["shared_params"], bandwidth, peak_flops)
