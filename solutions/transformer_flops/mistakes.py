"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from transformer_flops import attention_crossover, forward_flops, mfu, six_nd, train_flops

from grader.testing import replaces


@replaces("matmul_flops")
def macs(m, k, n):
    """Your number is half of it. You counted a multiplication with its addition as one; that is a MAC, and it
    has two FLOPs."""
    return m * k * n


@replaces("matmul_flops")
def additions_less_one(m, k, n):
    """You counted k - 1 additions for k products. That is so for a sum from scratch, but a chip starts from 0
    and adds k times, and the convention of all papers is 2 m k n."""
    return m * n * (2 * k - 1)


def without(config, key):
    return {name: value for name, value in config.items() if name != key}


def sizes(config):
    """L, D, H, G, K, F and the number of matrices of the MLP"""
    c = config
    D, H = c["d_model"], c["n_heads"]
    matrices = 3 if c.get("mlp") == "swiglu" else 2
    return c["n_layers"], D, H, c.get("n_kv_heads", H), c.get("head_dim", D // H), c.get("d_ff", 4 * D), matrices


def with_narrower_swiglu(config):
    """The config with Llama's width, if it is one of swiglu that names none."""
    narrower = config.get("mlp") == "swiglu" and "d_ff" not in config
    return {**config, "d_ff": 8 * config["d_model"] // 3} if narrower else config


def changed(flops, **parts):
    """The count with other values for some parts, and the total that follows."""
    flops = {**flops, **parts}
    return {**flops, "total": sum(number for part, number in flops.items() if part != "total")}


@replaces("forward_flops")
def one_attention_product(config, batch, seq_len, causal=False):
    """You counted one product between tokens. With what are the weights multiplied after the softmax?"""
    return changed(forward_flops(config, batch, seq_len, causal), values=0)


@replaces("forward_flops")
def groups_in_the_scores(config, batch, seq_len, causal=False):
    """You let only G heads meet the keys. Grouped heads share keys and values: how many heads have scores?"""
    flops = forward_flops(config, batch, seq_len, causal)
    _, _, H, G, *_ = sizes(config)
    return changed(flops, scores=flops["scores"] * G // H, values=flops["values"] * G // H)


@replaces("forward_flops")
def keys_of_all_heads(config, batch, seq_len, causal=False):
    """You gave keys and values as many heads as the queries. With n_kv_heads there are fewer, and their
    projections are smaller."""
    return forward_flops(without(config, "n_kv_heads"), batch, seq_len, causal)


@replaces("forward_flops")
def one_head(config, batch, seq_len, causal=False):
    """Your scores and values are those of one head. There are H of them in each layer."""
    flops = forward_flops(config, batch, seq_len, causal)
    _, _, H, *_ = sizes(config)
    return changed(flops, scores=flops["scores"] // H, values=flops["values"] // H)


@replaces("forward_flops")
def head_dim_ignored(config, batch, seq_len, causal=False):
    """You took D / H for the width of a head. Which key of the config can say another width?"""
    return forward_flops(without(config, "head_dim"), batch, seq_len, causal)


@replaces("forward_flops")
def width_of_the_model_in_the_scores(config, batch, seq_len, causal=False):
    """You took D numbers for a score. The heads have H * K together, which is another number where the config
    names head_dim."""
    flops = forward_flops(config, batch, seq_len, causal)
    _, D, H, _, K, *_ = sizes(config)
    return changed(flops, scores=flops["scores"] * D // (H * K), values=flops["values"] * D // (H * K))


@replaces("forward_flops")
def pairs_across_the_batch(config, batch, seq_len, causal=False):
    """You flattened the batch to B T tokens and squared that. Tokens of different sequences do not meet: B
    times T squared, not B T squared."""
    flops = forward_flops(config, batch, seq_len, causal)
    together = forward_flops(config, 1, batch * seq_len, causal)
    return changed(flops, scores=together["scores"], values=together["values"])


@replaces("forward_flops")
def batch_forgotten(config, batch, seq_len, causal=False):
    """You counted one sequence whatever the batch is. How many sequences pass through the model?"""
    return forward_flops(config, 1, seq_len, causal)


@replaces("forward_flops")
def half_of_the_square(config, batch, seq_len, causal=False):
    """You took T²/2 for the causal pairs. The diagonal counts, since a token meets itself: 1 + 2 + ... +
    T."""
    flops = forward_flops(config, batch, seq_len)
    if not causal:
        return flops
    T = seq_len
    _, _, H, _, K, *_ = sizes(config)
    one = config["n_layers"] * 2 * batch * H * K * (T * T // 2)
    return changed(flops, scores=one, values=one)


@replaces("forward_flops")
def half_of_the_square_as_a_float(config, batch, seq_len, causal=False):
    """You took T²/2 for the causal pairs. The diagonal counts, since a token meets itself: 1 + 2 + ... + T. And what /
    makes of two ints is a float, where exact ints are asked for."""
    flops = forward_flops(config, batch, seq_len)
    if not causal:
        return flops
    _, _, H, _, K, *_ = sizes(config)
    one = config["n_layers"] * 2 * batch * H * K * (seq_len**2 / 2)
    return changed(flops, scores=one, values=one)


@replaces("forward_flops")
def triangle_without_diagonal(config, batch, seq_len, causal=False):
    """Your causal pairs are those of a token and an earlier one, T (T - 1) / 2. A token meets itself as
    well."""
    flops = forward_flops(config, batch, seq_len)
    if not causal:
        return flops
    T = seq_len
    _, _, H, _, K, *_ = sizes(config)
    one = config["n_layers"] * 2 * batch * H * K * (T * (T - 1) // 2)
    return changed(flops, scores=one, values=one)


@replaces("forward_flops")
def always_the_square(config, batch, seq_len, causal=False):
    """You count all T² pairs also where causal is true."""
    return forward_flops(config, batch, seq_len)


@replaces("forward_flops")
def always_the_triangle(config, batch, seq_len, causal=False):
    """You count only causal pairs, whatever causal says. A plain kernel computes all T² and masks half of
    them."""
    return forward_flops(config, batch, seq_len, causal=True)


@replaces("forward_flops")
def triangle_through_a_float(config, batch, seq_len, causal=False):
    """Your causal pairs go through a float, as T * (T + 1) / 2 is one: it counts exactly only up to 2^53. One of T
    and T + 1 is even, so // is exact."""
    flops = forward_flops(config, batch, seq_len, causal)
    if not causal:
        return flops
    _, _, H, _, K, *_ = sizes(config)
    one = int(config["n_layers"] * 2 * batch * H * K * (seq_len * (seq_len + 1) / 2))
    return changed(flops, scores=one, values=one)


def wrapped(number):
    return (number + 2**63) % 2**64 - 2**63


@replaces("forward_flops")
def overflow(config, batch, seq_len, causal=False):
    """Your numbers wrap around: the ints of NumPy and torch have 64 bits, and 10^19 does not fit. Python's
    own have as many digits as they need."""
    flops = forward_flops(config, batch, seq_len, causal)
    return {part: wrapped(number) for part, number in flops.items()}


@replaces("forward_flops")
def triangle_everywhere(config, batch, seq_len, causal=False):
    """With causal you made all products smaller. Which of the six products are made of pairs of a query and a
    key?"""
    flops = forward_flops(config, batch, seq_len, causal)
    if not causal:
        return flops
    T = seq_len
    return changed(
        {
            part: number if part in ("scores", "values") else number * (T + 1) // (2 * T)
            for part, number in (flops.items())
        }
    )


@replaces("forward_flops")
def no_output(config, batch, seq_len, causal=False):
    """Your out is missing. Through which matrix do the results of the heads pass?"""
    return changed(forward_flops(config, batch, seq_len, causal), out=0)


@replaces("forward_flops")
def two_matrices(config, batch, seq_len, causal=False):
    """You counted two products in the gated MLP. Which third matrix does swiglu have?"""
    return forward_flops({**config, "mlp": "gelu"}, batch, seq_len, causal)


@replaces("forward_flops")
def width_is_four_d(config, batch, seq_len, causal=False):
    """Your MLP is 4 D wide whatever d_ff says. Four is the default only."""
    return forward_flops(without(config, "d_ff"), batch, seq_len, causal)


@replaces("forward_flops")
def narrower_swiglu(config, batch, seq_len, causal=False):
    """Where d_ff is missing, you made the MLP of swiglu 8/3 D wide, as Llama's authors did to pay for its third matrix.
    Which width does the docstring name for a missing d_ff, and for which MLP?"""
    return forward_flops(with_narrower_swiglu(config), batch, seq_len, causal)


@replaces("forward_flops")
def tied_without_logits(config, batch, seq_len, causal=False):
    """Your logits cost nothing where the head is tied. It has no matrix of its own then, and is multiplied all the
    same: which numbers does a tied head save?"""
    flops = forward_flops(config, batch, seq_len, causal)
    return changed(flops, logits=0) if config.get("tied", False) else flops


@replaces("forward_flops")
def no_logits(config, batch, seq_len, causal=False):
    """You left out the logits. Each token's last vector meets all V columns of the head; for GPT-2 with 1024
    tokens that is 27 % of the work."""
    return changed(forward_flops(config, batch, seq_len, causal), logits=0)


@replaces("forward_flops")
def logits_in_every_layer(config, batch, seq_len, causal=False):
    """You counted the logits in each layer. They are made once, behind the last."""
    flops = forward_flops(config, batch, seq_len, causal)
    return changed(flops, logits=config["n_layers"] * flops["logits"])


@replaces("forward_flops")
def logits_of_last_token(config, batch, seq_len, causal=False):
    """You counted the logits of one token for each sequence, as when decoding. A forward pass as in training
    makes those of all T."""
    flops = forward_flops(config, batch, seq_len, causal)
    return changed(flops, logits=flops["logits"] // seq_len)


@replaces("forward_flops")
def embedding_counted(config, batch, seq_len, causal=False):
    """Your total has the logits twice. The embedding is no product: it is a look-up of one row for each
    token, and costs nothing here."""
    flops = forward_flops(config, batch, seq_len, causal)
    return {**flops, "total": flops["total"] + flops["logits"]}


@replaces("forward_flops")
def one_layer(config, batch, seq_len, causal=False):
    """You counted one layer. Which key of the config says how many there are?"""
    return forward_flops({**config, "n_layers": 1}, batch, seq_len, causal)


@replaces("forward_flops")
def full_width_heads(config, batch, seq_len, causal=False):
    """Each of your heads compares vectors of the full width D. The heads divide the width among themselves: how many
    numbers has a query of one head?"""
    count = forward_flops(config, batch, seq_len, causal)
    _, D, _, _, K, _, _ = sizes(config)
    return changed(count, scores=count["scores"] // K * D, values=count["values"] // K * D)


@replaces("forward_flops")
def square_output(config, batch, seq_len, causal=False):
    """Your output projection is D x D. It reads the results of H heads of width K: how many numbers are that where the
    config names head_dim?"""
    L, D, _, _, _, _, _ = sizes(config)
    return changed(forward_flops(config, batch, seq_len, causal), out=2 * L * batch * seq_len * D * D)


@replaces("train_flops")
def backward_as_forward(config, batch, seq_len, recompute=False):
    """You let backward cost as much as forward. It makes two products for each: which two gradients has Y = X
    W?"""
    return (3 if recompute else 2) * forward_flops(config, batch, seq_len)["total"]


@replaces("train_flops")
def recompute_ignored(config, batch, seq_len, recompute=False):
    """With recompute the forward pass runs a second time, before backward can use its activations. You did
    not count that time."""
    return train_flops(config, batch, seq_len)


@replaces("train_flops")
def recompute_doubles(config, batch, seq_len, recompute=False):
    """You let recompute double the whole step. Only forward runs again; the gradients are made once."""
    return train_flops(config, batch, seq_len) * (2 if recompute else 1)


@replaces("train_flops")
def weights_alone(config, batch, seq_len, recompute=False):
    """You trained the weights alone, as 6 N D does. Scores and values have gradients as well: three times all
    of the forward pass."""
    flops = forward_flops(config, batch, seq_len)
    return (4 if recompute else 3) * (flops["total"] - flops["scores"] - flops["values"])


@replaces("train_flops")
def causal_training(config, batch, seq_len, recompute=False):
    """You took the causal pairs for training. This step counts all T², as a plain kernel computes them."""
    return (4 if recompute else 3) * forward_flops(config, batch, seq_len, causal=True)["total"]


@replaces("train_flops")
def recompute_as_backward(config, batch, seq_len, recompute=False):
    """With recompute you added the work of a whole backward pass. Which pass runs once more, and how much does it
    cost?"""
    return train_flops(config, batch, seq_len) // 3 * (5 if recompute else 3)


@replaces("train_flops")
def one_gradient_of_attention(config, batch, seq_len, recompute=False):
    """Your backward pass counts scores and values once. Queries times keys has two factors: how many of the two need a
    gradient?"""
    count = forward_flops(config, batch, seq_len)
    return train_flops(config, batch, seq_len, recompute) - count["scores"] - count["values"]


@replaces("train_flops")
def no_logits_in_training(config, batch, seq_len, recompute=False):
    """You left the logits out of training. Does the head of the model learn?"""
    count = forward_flops(config, batch, seq_len)
    return (4 if recompute else 3) * (count["total"] - count["logits"])


@replaces("six_nd")
def two_nd(n_params, n_tokens):
    """You counted the forward pass. Training has 2 FLOPs forward and 4 backward for each parameter and
    token."""
    return 2 * n_params * n_tokens


@replaces("six_nd")
def three_nd(n_params, n_tokens):
    """You counted pairs of a multiplication and an addition. Each of them is two FLOPs, and 6 N D counts
    both."""
    return 3 * n_params * n_tokens


@replaces("six_nd")
def six_as_a_float(n_params, n_tokens):
    """Your product of two ints went through a float, which holds 53 bits and rounds what is larger. Python's own ints
    have as many digits as they need: which of your three factors is not one of them?"""
    return int(6.0 * n_params * n_tokens)  # an int, since the float itself would pass for a close one


@replaces("attention_crossover")
def crossover_of_scores(config):
    """Your crossover is twice too far: you set one of the two products against the weights. Scores and values
    cost 4 H K T together for a token."""
    return 2 * attention_crossover(config)


@replaces("attention_crossover")
def crossover_is_six_d(config):
    """You returned 6 D. That is right for a GPT block, with all heads alike and an MLP 4 D wide; other layers
    have other weights."""
    return 6.0 * config["d_model"]


@replaces("attention_crossover")
def crossover_of_mlp(config):
    """You set scores and values against the MLP alone. The projections of queries, keys, values and output
    are weights of the layer too."""
    _, D, H, _, K, F, matrices = sizes(config)
    return matrices * D * F / (2 * H * K)


@replaces("attention_crossover")
def crossover_with_groups(config):
    """You let only G heads meet the keys. How many query heads have a score for every key?"""
    _, _, H, G, *_ = sizes(config)
    return attention_crossover(config) * H / G


@replaces("attention_crossover")
def crossover_with_head(config):
    """You counted the output matrix among the weights of a layer. The logits are made once for the whole
    model."""
    _, D, H, _, K, *_ = sizes(config)
    return attention_crossover(config) + config["vocab_size"] * D / (2 * H * K)


@replaces("attention_crossover")
def crossover_of_two_matrices(config):
    """You gave every MLP two matrices. How many has that of swiglu?"""
    return attention_crossover({**config, "mlp": "gelu"})


@replaces("attention_crossover")
def crossover_of_narrower_swiglu(config):
    """Where d_ff is missing, you made the MLP of swiglu 8/3 D wide. Which width does a missing d_ff stand for, by the
    statement?"""
    return attention_crossover(with_narrower_swiglu(config))


@replaces("attention_crossover")
def crossover_of_full_keys(config):
    """You gave keys and values as many heads as the queries. With n_kv_heads there are fewer, and a layer has fewer
    weights."""
    return attention_crossover(without(config, "n_kv_heads"))


@replaces("attention_crossover")
def crossover_of_divided_heads(config):
    """You took D / H for the width of a head. Which key of the config can say another width?"""
    return attention_crossover(without(config, "head_dim"))


@replaces("attention_crossover")
def crossover_of_four_d(config):
    """Your MLP is 4 D wide whatever d_ff says. Four is the default only."""
    return attention_crossover(without(config, "d_ff"))


@replaces("attention_crossover")
def crossover_rounded(config):
    """Your crossover is an int. It is where two straight lines meet, a float, and seldom whole."""
    return int(attention_crossover(config))


@replaces("attention_crossover")
def crossover_of_the_width(config):
    """You divided by the width D of the model. A query has a score for every key in each head: how many numbers
    have all heads together, where the config names head_dim?"""
    D, H = config["d_model"], config["n_heads"]
    return attention_crossover(config) * H * config.get("head_dim", D // H) / D


@replaces("attention_crossover")
def crossover_of_causal_pairs(config):
    """Your crossover is twice too far: you counted the pairs of a causal attention. Which pairs does the docstring
    count?"""
    return 2 * attention_crossover(config) - 1


@replaces("mfu")
def forward_utilisation(n_params, tokens_per_second, peak_flops):
    """You counted 2 N FLOPs for a token, those of a forward pass. How many does training take?"""
    return mfu(n_params, tokens_per_second, peak_flops) / 3


@replaces("mfu")
def percent(n_params, tokens_per_second, peak_flops):
    """You returned percent. Between which two numbers does a share lie?"""
    return 100 * six_nd(n_params, tokens_per_second) / peak_flops


@replaces("mfu")
def upside_down(n_params, tokens_per_second, peak_flops):
    """You divided the peak by what was achieved. Which of the two is larger, and how large can a share be?"""
    return peak_flops / six_nd(n_params, tokens_per_second)


@replaces("mfu")
def three_n(n_params, tokens_per_second, peak_flops):
    """You took 3 N for a token, which counts a multiplication with its addition as one. How many FLOPs are the two?"""
    return mfu(n_params, tokens_per_second, peak_flops) / 2


@replaces("mfu")
def with_recomputation(n_params, tokens_per_second, peak_flops):
    """You took 8 N for a token, with a forward pass that runs twice. How many FLOPs for each token does the docstring
    name?"""
    return mfu(n_params, tokens_per_second, peak_flops) * 4 / 3
