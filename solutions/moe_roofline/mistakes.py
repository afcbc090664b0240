"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from moe_roofline import crossover_batch, decode_step, expected_experts, resident_bytes

from grader.testing import replaces

# the experts that are hit


@replaces("expected_experts")
def k_times_batch(num_experts, k, tokens):
    """Your count gives every token experts of its own until all are used up, but two tokens may pick the same one. How
    likely is it that B tokens all leave a given expert alone?"""
    return min(num_experts, k * tokens)


@replaces("expected_experts")
def with_replacement(num_experts, k, tokens):
    """By your formula a token can pick the same expert twice. Its k experts differ: how many does a single token hit,
    and with what probability does it miss a given one?"""
    return num_experts * (1 - (1 - 1 / num_experts) ** (k * tokens))


@replaces("expected_experts")
def one_choice(num_experts, k, tokens):
    """Your tokens pick one expert each, whatever k is. How many does a single token hit?"""
    return num_experts * (1 - (1 - 1 / num_experts) ** tokens)


@replaces("expected_experts", factor=["1", "k", "k · B"])
def not_times_e(num_experts, k, tokens, *, factor):
    """You multiply the probability that a given expert is hit by {factor}. Of how many experts is this the
    probability?"""
    times = {"1": 1, "k": k, "k · B": k * tokens}[factor]
    return expected_experts(num_experts, k, tokens) / num_experts * times


@replaces("expected_experts")
def missed(num_experts, k, tokens):
    """Your number falls as the batch grows: it is that of the experts that are missed. Which ones are asked for?"""
    return num_experts - expected_experts(num_experts, k, tokens)


@replaces("expected_experts", rounding=["round", "floor", "ceil"])
def whole_experts(num_experts, k, tokens, *, rounding):
    """You return a whole number of experts. Does an average over many steps have to be whole?"""
    average = expected_experts(num_experts, k, tokens)
    return float({"round": round, "floor": math.floor, "ceil": math.ceil}[rounding](average))


@replaces("expected_experts")
def chosen_by_all(num_experts, k, tokens):
    """The power of k/E is the probability that every token picks the expert. How many tokens have to pick it before it
    is hit?"""
    return num_experts * (k / num_experts) ** tokens


@replaces("expected_experts", empty=[True, False])
def batch_forgotten(num_experts, k, tokens, *, empty):
    """Your number of experts is the same for every batch. Which probability becomes smaller with each further token?"""
    return k if tokens or not empty else 0.0


@replaces("expected_experts")
def all_of_all(num_experts, k, tokens):
    """Where k = E you return E, even if there are no tokens. How many experts are hit then?"""
    return num_experts if k == num_experts else expected_experts(num_experts, k, tokens)


@replaces("expected_experts", more=["more", "fewer"])
def another_power(num_experts, k, tokens, *, more):
    """Your result is that of one token {more}. How many experts does a single token hit?"""
    return expected_experts(num_experts, k, tokens + 1 if more == "more" else max(0, tokens - 1))


@replaces("expected_experts")
def times_batch(num_experts, k, tokens):
    """You multiplied the probability of a miss by the number of tokens. The tokens pick independently: how probable is
    it that all of them miss an expert?"""
    return num_experts * (1 - (1 - k / num_experts) * tokens)


# what is held


@replaces("resident_bytes")
def holds_active(model, bytes_per_param=2):
    """You hold only the k experts that a token uses. Which experts may the next token want?"""
    return resident_bytes({**model, "num_experts": model["k"]}, bytes_per_param)


@replaces("resident_bytes")
def holds_one_layer(model, bytes_per_param=2):
    """You count the experts of one layer. How many layers have experts of their own?"""
    return resident_bytes({**model, "num_layers": 1}, bytes_per_param)


@replaces("resident_bytes")
def holds_one_expert(model, bytes_per_param=2):
    """You count one expert in each layer. How many are there?"""
    return resident_bytes({**model, "num_experts": 1}, bytes_per_param)


@replaces("resident_bytes", times=["num_experts", "num_layers", "num_layers · num_experts"])
def holds_shared_more_than_once(model, bytes_per_param=2, *, times):
    """You multiply shared_params by {times}, too. expert_params belong to one expert of one layer: what do
    shared_params belong to?"""
    L, E = model["num_layers"], model["num_experts"]
    copies = {"num_experts": E, "num_layers": L, "num_layers · num_experts": L * E}[times]
    return resident_bytes({**model, "shared_params": copies * model["shared_params"]}, bytes_per_param)


@replaces("resident_bytes")
def holds_experts_only(model, bytes_per_param=2):
    """You count only the experts. What else has to be in memory?"""
    return resident_bytes({**model, "shared_params": 0}, bytes_per_param)


@replaces("resident_bytes", size=[1, 2, 4])
def always_the_same_size(model, bytes_per_param=2, *, size):
    """Your parameters take {size} bytes each, whatever bytes_per_param is. How large is a parameter of 4 bits, or one
    of float32?"""
    return resident_bytes(model, size)


@replaces("resident_bytes", part=["the shared parameters", "the experts"])
def one_part_in_bytes(model, bytes_per_param=2, *, part):
    """bytes_per_param multiplies only {part} in your result. How many bytes do the other parameters take?"""
    shared, all_of_them = model["shared_params"], resident_bytes(model, 1)
    return all_of_them + (bytes_per_param - 1) * (shared if part == "the shared parameters" else all_of_them - shared)


@replaces("resident_bytes", size=["rounded down", "rounded up"])
def whole_bytes(model, bytes_per_param=2, *, size):
    """bytes_per_param is {size} to a whole number in your result. How many bytes do two parameters of 4 bits take?"""
    return resident_bytes(model, math.floor(bytes_per_param) if size == "rounded down" else math.ceil(bytes_per_param))


# the step


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
    """You read k experts in every layer, whatever the batch. That is right for one token: what does a second one
    pick?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=model["k"])


@replaces("decode_step")
def reads_everything(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You read all experts in every step. Does a step need an expert that no token of the batch picked?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=model["num_experts"])


@replaces("decode_step", rounding=["round", "floor", "ceil"])
def reads_whole_experts(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, rounding):
    """You read a whole number of experts in each layer. The layers differ, and this is their average: does it have to
    be whole?"""
    average = expected_experts(model["num_experts"], model["k"], batch)
    hit = {"round": round, "floor": math.floor, "ceil": math.ceil}[rounding](average)
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=hit)


@replaces("decode_step")
def reads_without_overlap(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You read k experts for each sequence, at most all of them. What if two sequences pick the same expert?"""
    hit = min(model["num_experts"], model["k"] * batch)
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=hit)


@replaces("decode_step", hit=[True, False])
def reads_for_each(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, hit):
    """What you read grows in proportion to the batch. How often does a weight have to be read if several tokens of the
    batch need it?"""
    right = step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=None if hit else model["k"])
    return with_times(batch * right["bytes"], right["flops"], bandwidth, peak_flops)


@replaces("decode_step")
def shared_for_each(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You read the shared parameters once for every sequence. How many tokens of the batch can a weight serve after it
    is read?"""
    right = step(model, batch, bandwidth, peak_flops, bytes_per_param)
    more = bytes_per_param * (batch - 1) * model["shared_params"]
    return with_times(right["bytes"] + more, right["flops"], bandwidth, peak_flops)


@replaces("decode_step")
def one_layer(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your step has the experts of one layer only. Through how many layers does a token go?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, layers=1)


@replaces("decode_step", times=["num_experts", "num_layers"])
def shared_more_than_once(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, times):
    """Your step multiplies shared_params by {times}, too. expert_params belong to one expert of one layer: what do
    shared_params belong to?"""
    copies = {**model, "shared_params": model[times] * model["shared_params"]}
    return step(copies, batch, bandwidth, peak_flops, bytes_per_param)


@replaces("decode_step")
def reads_one_layer(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your step reads the experts of one layer only. Its work is right: through how many layers does a token go?"""
    hit = expected_experts(model["num_experts"], model["k"], batch) / model["num_layers"]
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, hit=hit)


@replaces("decode_step")
def works_on_one_layer(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your tokens work with the experts of one layer only. What is read is right: through how many layers does a token
    go?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, working=model["k"] / model["num_layers"])


@replaces("decode_step", on=["all experts that are read", "all E experts", "one expert"])
def works_on_others(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, on):
    """In each layer, your tokens work with {on}. To how many does the router send one token?"""
    hit = expected_experts(model["num_experts"], model["k"], batch)
    working = {"all experts that are read": hit, "all E experts": model["num_experts"], "one expert": 1}[on]
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, working=working)


@replaces("decode_step")
def multiply_adds(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """You count one FLOP for each weight and token. Which two operations does a matrix product do with a weight?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=1)


@replaces("decode_step", flops=[3, 4, 6])
def training_work(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, flops):
    """You count {flops} FLOPs for each weight and token. Is there more than a forward pass in a decode step?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=flops)


@replaces("decode_step")
def work_of_one(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your work does not grow with the batch. Reading is done once for all sequences: is computing, too?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=2 / batch)


@replaces("decode_step", factor=[1, 2])
def work_in_bytes(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, factor):
    """Your FLOPs depend on bytes_per_param. Does a multiplication become more work if the weight takes more bytes?"""
    return step(model, batch, bandwidth, peak_flops, bytes_per_param, work=factor * bytes_per_param)


@replaces("decode_step", size=[1, 2, 4])
def reads_the_same_size(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, size):
    """Your step reads {size} bytes for each parameter, whatever bytes_per_param is. How much is read if weights have 4
    bits?"""
    return step(model, batch, bandwidth, peak_flops, size)


@replaces("decode_step", part=["the shared parameters", "the experts"])
def reads_one_part_in_bytes(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, part):
    """In what your step reads, bytes_per_param multiplies only {part}. How many bytes do the other parameters take?"""
    right = step(model, batch, bandwidth, peak_flops, bytes_per_param)
    shared = model["shared_params"]
    other = right["bytes"] / bytes_per_param - shared if part == "the shared parameters" else shared
    return with_times(right["bytes"] - (bytes_per_param - 1) * other, right["flops"], bandwidth, peak_flops)


@replaces("decode_step")
def sum_of_times(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your seconds are the sum of both times. The next weights are read while the last ones are computed with: for
    which of the two do you wait?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    total = right["bytes"] / bandwidth + right["flops"] / peak_flops
    return {**right, "seconds": total}


@replaces("decode_step", of=["the shorter time", "the time to read", "the time to compute"])
def another_time(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, of):
    """Your seconds are {of}. When is the step over?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    reading, computing = right["bytes"] / bandwidth, right["flops"] / peak_flops
    times = {"the shorter time": min(reading, computing), "the time to read": reading, "the time to compute": computing}
    return {**right, "seconds": times[of]}


@replaces("decode_step")
def bound_swapped(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your bound names the faster of the two. Which of them limits the step?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return {**right, "bound": "compute" if right["bound"] == "memory" else "memory"}


@replaces("decode_step")
def tie_is_compute(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Where both take the same time, you say "compute". What does the statement say of that case?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    tie = right["bytes"] / bandwidth == right["flops"] / peak_flops
    return {**right, "bound": "compute"} if tie else right


@replaces("decode_step")
def rates_swapped(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your times are bytes over the peak and FLOPs over the bandwidth. In which unit is the bandwidth?"""
    return step(model, batch, peak_flops, bandwidth, bytes_per_param)


@replaces("decode_step", part=["what is read", "the work", "both what is read and the work"])
def without_the_shared(model, batch, bandwidth, peak_flops, bytes_per_param=2, *, part):
    """Your step counts only the experts, in {part}. Every token goes through attention as well: which parameters does
    that take?"""
    right = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
    less, fewer = bytes_per_param * model["shared_params"], 2 * batch * model["shared_params"]
    read = right["bytes"] - (less if part != "the work" else 0)
    return with_times(read, right["flops"] - (fewer if part != "what is read" else 0), bandwidth, peak_flops)


@replaces("decode_step")
def shared_works_once(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """Your shared parameters work once for the whole batch. They are read once; with how many tokens is each of them
    multiplied?"""
    right = step(model, batch, bandwidth, peak_flops, bytes_per_param)
    return with_times(right["bytes"], right["flops"] - 2 * (batch - 1) * model["shared_params"], bandwidth, peak_flops)


# where computing takes over


def whole(number, rounding):
    up = {"floor": math.floor, "ceil": math.ceil, "round": round, "next": lambda x: math.floor(x) + 1}
    return up[rounding](number)


@replaces("crossover_batch", off=[-1, 1])
def off_by_one(model, bandwidth, peak_flops, bytes_per_param=2, *, off):
    """Your answer is off by one. Which of the two times is longer at the batch that you return, and which at the one
    before it?"""
    return crossover_batch(model, bandwidth, peak_flops, bytes_per_param) + off


@replaces("crossover_batch", rounding=["next", "ceil", "floor", "round"])
def ridge_point(model, bandwidth, peak_flops, bytes_per_param=2, *, rounding):
    """That is where a dense model crosses over. How many experts does a large batch read, and how many does each of its
    tokens work with?"""
    return whole(bytes_per_param * peak_flops / (2 * bandwidth), rounding)


@replaces("crossover_batch", rounding=["next", "ceil", "round"])
def all_experts_hit(model, bandwidth, peak_flops, bytes_per_param=2, *, rounding):
    """Your crossover is that of a batch that hits all experts. That is close for a large batch: how many are read if
    the batch is small?"""
    S, L, P = model["shared_params"], model["num_layers"], model["expert_params"]
    total, active = S + L * model["num_experts"] * P, S + L * model["k"] * P
    return whole(bytes_per_param * peak_flops * total / (2 * bandwidth * active), rounding)


@replaces("crossover_batch", rounding=["next", "ceil", "round"])
def times_e_over_k(model, bandwidth, peak_flops, bytes_per_param=2, *, rounding):
    """Your crossover is the dense one times E/k. Do attention and the embeddings also wait for a batch that many times
    larger?"""
    ridge = bytes_per_param * peak_flops / (2 * bandwidth)
    return whole(ridge * model["num_experts"] / model["k"], rounding)


@replaces("crossover_batch")
def power_of_two(model, bandwidth, peak_flops, bytes_per_param=2):
    """You return a power of two, the first that is bound by compute. Between which two batches is the smallest one?"""
    batch = 1
    while decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)["bound"] == "memory":
        batch *= 2
    return batch


@replaces("crossover_batch")
def tie_is_a_crossover(model, bandwidth, peak_flops, bytes_per_param=2):
    """You return a batch for which both take the same time. By what is that one bound?"""
    found = crossover_batch(model, bandwidth, peak_flops, bytes_per_param)
    before = decode_step(model, max(1, found - 1), bandwidth, peak_flops, bytes_per_param)
    return found - (before["bytes"] / bandwidth == before["flops"] / peak_flops)


@replaces("crossover_batch")
def from_two(model, bandwidth, peak_flops, bytes_per_param=2):
    """You never return a batch of 1. On a device whose arithmetic is slow, by what is a batch of 1 bound?"""
    return max(2, crossover_batch(model, bandwidth, peak_flops, bytes_per_param))


@replaces("crossover_batch", limit=[100, 500, 512, 999, 1000, 1001, 1024, 2048, 4096, 5000, 8192, 9999, 10000, 10001])
def search_ends(model, bandwidth, peak_flops, bytes_per_param=2, *, limit):
    """Your search ends at a batch of {limit} and returns that, bound by compute or not. How can a search go on that
    does not know how far up the answer is?"""
    return min(limit, crossover_batch(model, bandwidth, peak_flops, bytes_per_param))


@replaces("crossover_batch", found=[None, -1, 0, 1], limit=[100, 1000, 10000])
def nothing_found(model, bandwidth, peak_flops, bytes_per_param=2, *, found, limit):
    """Your search ends before it gets to a batch that is bound by compute. How can a search go on that does not know
    how far up the answer is?"""
    batch = crossover_batch(model, bandwidth, peak_flops, bytes_per_param)
    return batch if batch <= limit else found


@replaces("crossover_batch")
def two_bytes_again(model, bandwidth, peak_flops, bytes_per_param=2):
    """Your crossover is that of 2 bytes per parameter, whatever bytes_per_param is. Where does that number get lost?"""
    return crossover_batch(model, bandwidth, peak_flops)
