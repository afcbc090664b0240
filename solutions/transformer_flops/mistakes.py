"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from transformer_flops import attention_crossover, forward_flops, mfu, six_nd, train_flops

from grader.testing import replaces


@replaces("matmul_flops")
def macs(m, k, n):
    """Your number is half the FLOPs. By the statement, how many FLOPs are a multiplication and the addition that goes
    with it?"""
    return m * k * n


@replaces("matmul_flops", additions=["k - 1", "k + 1"])
def other_additions(m, k, n, *, additions):
    """You count k multiplications and {additions} additions for each number of the result. How many of each does the
    statement count?"""
    return m * n * (k + (k - 1 if additions == "k - 1" else k + 1))


@replaces("matmul_flops", size=["m", "k", "n"])
def size_missing(m, k, n, *, size):
    """Your FLOPs are the same whatever {size} is. How many numbers does the result have, and how many products are
    added up for each of them?"""
    return 2 * m * k * n // {"m": m, "k": k, "n": n}[size]


PARTS = ("qkv", "scores", "values", "out", "mlp", "logits")


def changed(flops, **parts):
    """The count with other values for some parts, and the total that follows."""
    flops = {**flops, **parts}
    return {**flops, "total": sum(flops[part] for part in PARTS)}


def scaled(flops, where, times, over=1):
    """The count with the parts that are named there multiplied by a fraction."""
    named = [part for part in PARTS if part in where or where == "all parts"]
    return changed(flops, **{part: flops[part] * times // over for part in named})


def taken(flops, other, where):
    """The count with the parts that are named there as in another count."""
    return changed(flops, **{part: other[part] for part in PARTS if part in where or where == "all parts"})


def without(config, key):
    return {name: value for name, value in config.items() if name != key}


def sizes(config):
    """L, D, H, G, K, F and the number of matrices of the MLP"""
    c = config
    D, H = c["d_model"], c["n_heads"]
    matrices = 3 if c.get("mlp") == "swiglu" else 2
    return c["n_layers"], D, H, c.get("n_kv_heads", H), c.get("head_dim", D // H), c.get("d_ff", 4 * D), matrices


def with_narrower_swiglu(config, rounded):
    """The config with Llama's width, if it is one of swiglu that names none."""
    if config.get("mlp") != "swiglu" or "d_ff" in config:
        return config
    width = 8 * config["d_model"]
    d_ff = {"down": width // 3, "up": -(-width // 3), "to 256": -(-width // 768) * 256}[rounded]
    return {**config, "d_ff": d_ff}


@replaces("forward_flops", product=["scores", "values"])
def one_attention_product(config, batch, seq_len, causal=False, *, product):
    """Your count has no FLOPs for {product}. What is multiplied with what before the softmax, and what after it?"""
    return changed(forward_flops(config, batch, seq_len, causal), **{product: 0})


@replaces("forward_flops")
def no_output(config, batch, seq_len, causal=False):
    """Your out costs nothing. Through which matrix do the results of the heads pass?"""
    return changed(forward_flops(config, batch, seq_len, causal), out=0)


@replaces("forward_flops")
def no_logits(config, batch, seq_len, causal=False):
    """Your logits cost nothing. With which matrix is the last vector of each token multiplied?"""
    return changed(forward_flops(config, batch, seq_len, causal), logits=0)


@replaces("forward_flops")
def tied_without_logits(config, batch, seq_len, causal=False):
    """Your logits cost nothing where the head is tied. What does a tied head save: numbers to store, or
    multiplications?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return changed(flops, logits=0) if config.get("tied", False) else flops


@replaces(
    "forward_flops",
    where=["qkv", "scores", "values", "scores and values", "out", "mlp", "logits", "all parts"],
)
def half(config, batch, seq_len, causal=False, *, where):
    """Your FLOPs of {where} are half of what they should be. Do you count the additions as well as the
    multiplications, and in how many products?"""
    return scaled(forward_flops(config, batch, seq_len, causal), where, 1, 2)


@replaces("forward_flops", where=["scores", "values", "scores and values"])
def groups_meet_the_keys(config, batch, seq_len, causal=False, *, where):
    """Your {where} are those of G heads. The query heads of a group share their keys and values: do they share a table
    of scores, too?"""
    _, _, H, G, *_ = sizes(config)
    return scaled(forward_flops(config, batch, seq_len, causal), where, G, H)


@replaces("forward_flops", where=["scores", "values", "scores and values"])
def one_head(config, batch, seq_len, causal=False, *, where):
    """Your {where} are those of one head. How many heads of a layer compare their queries with keys?"""
    _, _, H, *_ = sizes(config)
    return scaled(forward_flops(config, batch, seq_len, causal), where, 1, H)


@replaces("forward_flops", where=["scores", "values", "scores and values"])
def full_width_heads(config, batch, seq_len, causal=False, *, where):
    """In your {where} each head works with vectors of the full width D. How many numbers does a query of one head
    have?"""
    _, D, _, _, K, *_ = sizes(config)
    return scaled(forward_flops(config, batch, seq_len, causal), where, D, K)


@replaces("forward_flops", where=["scores", "values", "scores and values"])
def one_key_for_each_query(config, batch, seq_len, causal=False, *, where):
    """Your {where} have as many pairs as there are tokens. How many keys does one query meet?"""
    _, _, H, _, K, *_ = sizes(config)
    one = 2 * config["n_layers"] * batch * H * K * seq_len
    flops = forward_flops(config, batch, seq_len, causal)
    return changed(flops, **{part: one for part in ("scores", "values") if part in where})


@replaces("forward_flops", heads=["3 H", "2 H + G", "H + G", "H", "2 G", "3 G"])
def other_projections(config, batch, seq_len, causal=False, *, heads):
    """Your qkv has as many columns as {heads} heads of width K have. How many heads make queries, how many make keys
    and how many make values?"""
    L, D, H, G, K, *_ = sizes(config)
    number = {"3 H": 3 * H, "2 H + G": 2 * H + G, "H + G": H + G, "H": H, "2 G": 2 * G, "3 G": 3 * G}[heads]
    return changed(forward_flops(config, batch, seq_len, causal), qkv=2 * L * batch * seq_len * D * number * K)


@replaces("forward_flops")
def square_projections(config, batch, seq_len, causal=False):
    """Your qkv is three matrices D × D. How wide are queries, keys and values where the config has n_kv_heads or
    head_dim?"""
    L, D, *_ = sizes(config)
    return changed(forward_flops(config, batch, seq_len, causal), qkv=6 * L * batch * seq_len * D * D)


@replaces("forward_flops", where=["qkv", "scores", "values", "scores and values", "out", "qkv and out", "all parts"])
def head_dim_ignored(config, batch, seq_len, causal=False, *, where):
    """Your FLOPs of {where} are those of heads of width D / H, whatever the config says. Which key can make H · K
    differ from D?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return taken(flops, forward_flops(without(config, "head_dim"), batch, seq_len, causal), where)


@replaces("forward_flops", where=["scores", "values", "scores and values"])
def pairs_across_the_batch(config, batch, seq_len, causal=False, *, where):
    """In your {where} all B · T tokens of a batch meet each other. Which keys does a query of one sequence meet?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return taken(flops, forward_flops(config, 1, batch * seq_len, causal), where)


@replaces("forward_flops", where=["qkv", "scores and values", "out", "mlp", "logits", "all parts"])
def batch_forgotten(config, batch, seq_len, causal=False, *, where):
    """Your FLOPs of {where} are the same for every batch. How many sequences pass through the model?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return taken(flops, forward_flops(config, 1, seq_len, causal), where)


@replaces("forward_flops", where=["qkv", "scores and values", "out", "mlp", "all parts"])
def one_layer(config, batch, seq_len, causal=False, *, where):
    """Your FLOPs of {where} are those of one layer. Which key of the config says how many layers there are?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return taken(flops, forward_flops({**config, "n_layers": 1}, batch, seq_len, causal), where)


@replaces("forward_flops")
def layers_in_the_total_only(config, batch, seq_len, causal=False):
    """Your total counts all layers, but your parts are those of one. What does the docstring say of each part?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return {**forward_flops({**config, "n_layers": 1}, batch, seq_len, causal), "total": flops["total"]}


@replaces("forward_flops", pairs=["T² // 2", "T² / 2", "T (T - 1) / 2", "T² - T", "T (T + 1)", "T ((T + 1) // 2)"])
def other_triangle(config, batch, seq_len, causal=False, *, pairs):
    """With causal you count {pairs} pairs for each head. How many do three tokens have, if each of them meets itself
    and the earlier ones?"""
    flops = forward_flops(config, batch, seq_len)
    if not causal:
        return flops
    T = seq_len
    number = {
        "T² // 2": T * T // 2,
        "T² / 2": T * T / 2,
        "T (T - 1) / 2": T * (T - 1) // 2,
        "T² - T": T * T - T,
        "T (T + 1)": T * (T + 1),
        "T ((T + 1) // 2)": T * ((T + 1) // 2),
    }[pairs]
    _, _, H, _, K, *_ = sizes(config)
    one = config["n_layers"] * 2 * batch * H * K * number
    return changed(flops, scores=one, values=one)


@replaces("forward_flops", where=["scores", "values", "scores and values"])
def causal_ignored(config, batch, seq_len, causal=False, *, where):
    """Your {where} are the same whatever causal is. Which pairs of a query and a key does it leave out?"""
    return taken(forward_flops(config, batch, seq_len, causal), forward_flops(config, batch, seq_len), where)


@replaces("forward_flops", where=["scores", "values", "scores and values"])
def always_the_triangle(config, batch, seq_len, causal=False, *, where):
    """Your {where} have causal pairs only, even where causal is false. How many pairs does a plain kernel compute
    before it masks some?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return taken(flops, forward_flops(config, batch, seq_len, causal=True), where)


@replaces("forward_flops")
def causal_turned_around(config, batch, seq_len, causal=False):
    """You count all T² pairs where causal is true, and the triangle where it is false. Which of them does a kernel
    compute that knows the mask?"""
    return forward_flops(config, batch, seq_len, causal=not causal)


@replaces("forward_flops")
def triangle_everywhere(config, batch, seq_len, causal=False):
    """With causal you made all products smaller. Which of the six products are made of pairs of a query and a
    key?"""
    flops = forward_flops(config, batch, seq_len)
    return scaled(flops, "all parts", seq_len + 1, 2 * seq_len) if causal else flops


@replaces("forward_flops", result=[int, float])
def triangle_through_a_float(config, batch, seq_len, causal=False, *, result):
    """Your causal scores and values are floats or went through one, and a float is exact only up to 2^53. Which
    division of two ints gives an int?"""
    flops = forward_flops(config, batch, seq_len, causal)
    if not causal:
        return flops
    _, _, H, _, K, *_ = sizes(config)
    one = result(config["n_layers"] * 2 * batch * H * K * (seq_len * (seq_len + 1) / 2))
    return changed(flops, scores=one, values=one)


@replaces("forward_flops")
def through_a_float(config, batch, seq_len, causal=False):
    """All your counts went through a float, which is exact only up to 2^53. Which of your factors is not an int?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return changed(flops, **{part: int(float(flops[part])) for part in PARTS})


def wrapped(number):
    return (number + 2**63) % 2**64 - 2**63


@replaces("forward_flops")
def overflow(config, batch, seq_len, causal=False):
    """Your large numbers wrap around, as ints of 64 bits do in NumPy and torch. Which ints have as many digits as
    they need?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return {part: wrapped(number) for part, number in flops.items()}


@replaces("forward_flops", matrices=["one", "two", "three", "one for gelu and two for swiglu", "twice as many"])
def other_matrices(config, batch, seq_len, causal=False, *, matrices):
    """The number of matrices in your MLP, by its FLOPs: {matrices}. How many does the docstring name for gelu, and how
    many for swiglu?"""
    flops = forward_flops(config, batch, seq_len, causal)
    *_, right = sizes(config)
    number = {"one": 1, "two": 2, "three": 3, "twice as many": 2 * right}.get(matrices, right - 1)
    return scaled(flops, "mlp", number, right)


@replaces("forward_flops")
def d_ff_ignored(config, batch, seq_len, causal=False):
    """Your MLP is 4 · D wide whatever d_ff says. When does the docstring take 4 · D?"""
    return forward_flops(without(config, "d_ff"), batch, seq_len, causal)


@replaces("forward_flops", rounded=["down", "up", "to 256"])
def narrower_swiglu(config, batch, seq_len, causal=False, *, rounded):
    """Where d_ff is missing, your MLP of swiglu is about 8/3 · D wide, as Llama's is. Which width does the docstring
    name for a missing d_ff, and for which MLP?"""
    return forward_flops(with_narrower_swiglu(config, rounded), batch, seq_len, causal)


@replaces("forward_flops")
def logits_in_every_layer(config, batch, seq_len, causal=False):
    """You counted the logits in each layer. After which layer does the model need them?"""
    return scaled(forward_flops(config, batch, seq_len, causal), "logits", config["n_layers"])


@replaces("forward_flops", tokens=["one token of each sequence", "one token of the batch", "all tokens but one"])
def logits_of_some_tokens(config, batch, seq_len, causal=False, *, tokens):
    """Your logits are those of {tokens}. For which tokens does the docstring count them?"""
    number = {"one token of each sequence": batch, "one token of the batch": 1}.get(tokens, batch * (seq_len - 1))
    flops = forward_flops(config, batch, seq_len, causal)
    return scaled(flops, "logits", number, batch * seq_len)


@replaces("forward_flops", where=["total", "logits"])
def embedding_counted(config, batch, seq_len, causal=False, *, where):
    """Your {where} contains the product with a V × D table twice. Which table is multiplied, and in which one is a
    row looked up?"""
    flops = forward_flops(config, batch, seq_len, causal)
    if where == "logits":
        return scaled(flops, "logits", 2)
    return {**flops, "total": flops["total"] + flops["logits"]}


@replaces("forward_flops", part=["qkv", "scores", "values", "scores and values", "out", "mlp", "logits"])
def total_without(config, batch, seq_len, causal=False, *, part):
    """Your parts are right, but your total is smaller than their sum by as much as {part}. Which parts did you add
    up?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return {**flops, "total": flops["total"] - sum(flops[name] for name in PARTS if name in part)}


@replaces("train_flops", passes=[1, 2, 4, 6], again=[0, 1, 2])
def other_backward(config, batch, seq_len, recompute=False, *, passes, again):
    """Without recompute, your step costs {passes} times a forward pass. Which two gradients does Y = X · W need, and
    what does each of them cost?"""
    return (passes + again * recompute) * forward_flops(config, batch, seq_len)["total"]


@replaces("train_flops", more=["nothing", "half a forward pass", "a backward pass", "a whole step"])
def other_recompute(config, batch, seq_len, recompute=False, *, more):
    """With recompute, your step costs {more} more than without. Which pass runs once more, and how much does it
    cost?"""
    total = forward_flops(config, batch, seq_len)["total"]
    halves = {"nothing": 0, "half a forward pass": 1, "a backward pass": 4, "a whole step": 6}[more]
    return 3 * total + (halves * total // 2 if recompute else 0)


@replaces("train_flops")
def recompute_turned_around(config, batch, seq_len, recompute=False):
    """Your step costs four forward passes without recompute, and three with it. In which case does a pass run
    twice?"""
    return train_flops(config, batch, seq_len, recompute=not recompute)


@replaces("train_flops", what=["scores", "scores and values", "qkv, scores, values, out and mlp"])
def part_recomputed(config, batch, seq_len, recompute=False, *, what):
    """With recompute, your step only adds {what} of one forward pass. Which activations are there if none were
    kept?"""
    flops = forward_flops(config, batch, seq_len)
    return 3 * flops["total"] + recompute * sum(flops[part] for part in PARTS if part in what)


@replaces("train_flops", what=["scores and values", "logits"])
def part_untrained(config, batch, seq_len, recompute=False, *, what):
    """Your step has no FLOPs for {what}, neither forward nor backward. Which products of the forward pass need
    gradients?"""
    flops = forward_flops(config, batch, seq_len)
    return (4 if recompute else 3) * (flops["total"] - sum(flops[part] for part in PARTS if part in what))


@replaces("train_flops", times=["once", "not at all"], what=["scores and values", "logits", "mlp"])
def short_backward(config, batch, seq_len, recompute=False, *, times, what):
    """Your backward pass counts {what} {times}. Both factors of each product need a gradient: how many products is
    that?"""
    flops = forward_flops(config, batch, seq_len)
    left_out = (1 if times == "once" else 2) * sum(flops[part] for part in PARTS if part in what)
    return train_flops(config, batch, seq_len, recompute) - left_out


@replaces("train_flops")
def causal_training(config, batch, seq_len, recompute=False):
    """Your step counts causal pairs only. Which pairs does the docstring count in training?"""
    return (4 if recompute else 3) * forward_flops(config, batch, seq_len, causal=True)["total"]


@replaces("train_flops")
def training_through_a_float(config, batch, seq_len, recompute=False):
    """Your step went through a float, which is exact only up to 2^53. Which of your factors is not an int?"""
    return int((4.0 if recompute else 3.0) * forward_flops(config, batch, seq_len)["total"])


@replaces("six_nd", factor=[1, 2, 3, 4, 8, 12])
def other_factor(n_params, n_tokens, *, factor):
    """You count {factor} FLOPs for each parameter and token. What does a weight cost a token forward, and what
    backward?"""
    return factor * n_params * n_tokens


@replaces("six_nd", result=[int, float])
def six_as_a_float(n_params, n_tokens, *, result):
    """Your product of two ints is a float or went through one, and a float is exact only up to 2^53. Which of your
    three factors is not an int?"""
    return result(6.0 * n_params * n_tokens)


@replaces("attention_crossover", times=["a quarter as far", "half as far", "twice as far", "four times as far"])
def crossover_elsewhere(config, *, times):
    """Your crossover is {times} as it should be. What does one weight cost a token, and what do scores and values
    together cost for each key that it meets?"""
    factor = {"a quarter as far": 0.25, "half as far": 0.5, "twice as far": 2}.get(times, 4)
    return factor * attention_crossover(config)


@replaces("attention_crossover")
def crossover_of_causal_pairs(config):
    """Your crossover is almost twice as far as it should be, as it is with causal pairs. Which pairs does the docstring
    count?"""
    return 2 * attention_crossover(config) - 1


@replaces("attention_crossover", times=[3, 6, 12])
def crossover_of_the_width(config, *, times):
    """Your crossover is {times} · D for every config. Which weights does a layer have, and which of them change with
    d_ff, mlp, n_kv_heads or head_dim?"""
    return float(times * config["d_model"])


@replaces("attention_crossover", lacking=["mlp", "qkv", "out", "qkv and out", "keys and values", "queries"])
def crossover_of_fewer_weights(config, *, lacking):
    """The weights in your crossover are short by those of {lacking}. Which matrices does a layer have?"""
    _, D, H, G, K, F, matrices = sizes(config)
    each = {"mlp": matrices * F, "queries": H * K, "keys and values": 2 * G * K}
    each |= {"qkv": (H + 2 * G) * K, "out": H * K, "qkv and out": (2 * H + 2 * G) * K}
    return attention_crossover(config) - D * each[lacking] / (2 * H * K)


@replaces("attention_crossover", tables=["one table", "two tables", "one table, shared by the layers,"])
def crossover_with_head(config, *, tables):
    """The weights in your crossover contain {tables} of V × D numbers. Which weights does a layer have of its own?"""
    L, D, H, _, K, *_ = sizes(config)
    number = {"one table": 1, "two tables": 2}.get(tables, 1 / L)
    return attention_crossover(config) + number * config["vocab_size"] * D / (2 * H * K)


@replaces(
    "attention_crossover",
    compared=["the weights of all layers with the pairs of one", "the pairs of all layers with the weights of one"],
)
def crossover_of_all_layers(config, *, compared):
    """You compare {compared}. Should the crossover depend on the number of layers?"""
    L, *_ = sizes(config)
    return attention_crossover(config) * (L if compared.startswith("the weights") else 1 / L)


@replaces("attention_crossover", heads=["G heads meet", "one head meets"])
def crossover_of_fewer_heads(config, *, heads):
    """In your crossover {heads} the keys. How many query heads of a layer have a score for every key?"""
    _, _, H, G, *_ = sizes(config)
    return attention_crossover(config) * H / (G if "G" in heads else 1)


@replaces("attention_crossover", key=["n_kv_heads", "head_dim", "d_ff", "mlp"])
def crossover_ignores(config, *, key):
    """Your crossover is the same whatever {key} is. Which weights of a layer does it change, or which products between
    tokens?"""
    return attention_crossover(without(config, key))


@replaces("attention_crossover", matrices=["one matrix", "three matrices"])
def crossover_of_other_mlp(config, *, matrices):
    """In your crossover every MLP has {matrices}. How many does it have with gelu, and how many with swiglu?"""
    _, D, H, _, K, F, right = sizes(config)
    number = 1 if matrices == "one matrix" else 3
    return attention_crossover(config) + (number - right) * D * F / (2 * H * K)


@replaces("attention_crossover", rounded=["down", "up", "to 256"])
def crossover_of_narrower_swiglu(config, *, rounded):
    """Where d_ff is missing, your MLP of swiglu is about 8/3 · D wide, as Llama's is. Which width does the statement
    name for a missing d_ff?"""
    return attention_crossover(with_narrower_swiglu(config, rounded))


@replaces("attention_crossover", to=["down", "up", "to the nearest"])
def crossover_rounded(config, *, to):
    """You rounded the crossover to a whole number. Two straight lines meet there: does that happen at a whole T
    only?"""
    whole = {"down": math.floor, "up": math.ceil, "to the nearest": round}[to]
    return whole(attention_crossover(config))


@replaces("attention_crossover", where=["of each key", "of out"])
def crossover_of_divided_heads(config, *, where):
    """The cost {where} in your crossover is that of heads with D numbers together. How many do they have where the
    config names head_dim?"""
    _, D, H, _, K, *_ = sizes(config)
    right = attention_crossover(config)
    return right * H * K / D if where == "of each key" else right + (D - H * K) * D / (2 * H * K)


@replaces("mfu", factor=[1, 2, 3, 4, 8, 12])
def other_flops_of_a_token(n_params, tokens_per_second, peak_flops, *, factor):
    """Your share counts {factor} · N FLOPs for each token. How many does the docstring count?"""
    return mfu(n_params, tokens_per_second, peak_flops) * factor / 6


@replaces("mfu")
def percent(n_params, tokens_per_second, peak_flops):
    """You returned percent. Which number is a share of one half?"""
    return 100 * six_nd(n_params, tokens_per_second) / peak_flops


@replaces("mfu")
def upside_down(n_params, tokens_per_second, peak_flops):
    """You divided the peak by what was achieved. Which of the two is larger in practice, and how large can a share
    be?"""
    return peak_flops / six_nd(n_params, tokens_per_second)


@replaces("mfu", digits=[2, 3, 4])
def rounded_share(n_params, tokens_per_second, peak_flops, *, digits):
    """Your share is rounded to {digits} digits. Is the rounding in the example part of the function, or of the line
    that prints its result?"""
    return round(mfu(n_params, tokens_per_second, peak_flops), digits)


@replaces("mfu")
def whole_share(n_params, tokens_per_second, peak_flops):
    """Your share is rounded down to a whole number. Which division keeps the fraction?"""
    return six_nd(n_params, tokens_per_second) // peak_flops
