"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from transformer_params import count_params

from grader.testing import replaces


def sizes(config):
    """L, D, H, G, K, F"""
    D, H = config["d_model"], config["n_heads"]
    G, K, F = config.get("n_kv_heads", H), config.get("head_dim", D // H), config.get("d_ff", 4 * D)
    return config["n_layers"], D, H, G, K, F


def norm_size(config):
    return config["d_model"] * (1 if config.get("norm") == "rmsnorm" else 2)


def changed(config, **differences):
    """The right count, with this much added to parts of it."""
    count = count_params(config)
    for part, difference in differences.items():
        count[part] += difference
        count["total"] += difference
        count["non_embedding"] += 0 if part in ("embedding", "head") else difference
    return count


@replaces("count_params")
def tied_twice(config):
    """You counted an output matrix although tied is true. A tied head is the token table once more: the same
    numbers in the same memory."""
    return count_params({**config, "tied": False})


@replaces("count_params")
def no_head(config):
    """You left out the output matrix of a model whose head is not tied. It is V x D, and a matrix of its
    own."""
    return count_params({**config, "tied": True})


@replaces("count_params")
def head_with_positions(config):
    """You gave a head that is not tied the size of the whole embedding, positions included. For which of the rows of
    the two tables is there a logit?"""
    tied = config.get("tied", False)
    return changed(config, head=0 if tied else config.get("max_positions", 0) * config["d_model"])


def without(config, key):
    return {name: value for name, value in config.items() if name != key}


@replaces("count_params")
def mha(config):
    """You gave keys and values as many heads as the queries. With n_kv_heads there are fewer, and W_k and W_v
    are smaller."""
    return count_params(without(config, "n_kv_heads"))


@replaces("count_params")
def head_dim_divided(config):
    """You took D // H for the width of every head. Where the config names head_dim, that is the width: Gemma
    7B has 16 heads of 256, and D is 3072."""
    return count_params(without(config, "head_dim"))


@replaces("count_params")
def square_output(config):
    """You took W_o to be D x D. It takes in what all heads give, H * K numbers, and that is another number
    than D where the config names head_dim."""
    L, D, H, _, K, _ = sizes(config)
    return changed(config, attention=L * D * (D - H * K))


@replaces("count_params")
def two_matrices(config):
    """You gave the gated MLP two matrices. SwiGLU has three: gate and up, both D x F, and down, F x D."""
    L, D, *_, F = sizes(config)
    gated = config.get("mlp") == "swiglu"
    biases = F if config.get("mlp_bias") else 0
    return changed(config, mlp=-L * (D * F + biases) if gated else 0)


@replaces("count_params")
def width_is_four_d(config):
    """Your MLP is 4 D wide whatever d_ff says. Four is the default only."""
    return count_params(without(config, "d_ff"))


@replaces("count_params")
def output_bias_forgotten(config):
    """You left out the bias of W_o. "qkv" means those of the first three matrices alone; "all" has D numbers
    more."""
    L, D, *_ = sizes(config)
    return changed(config, attention=-L * D if config.get("attn_bias") == "all" else 0)


@replaces("count_params")
def output_bias_always(config):
    """You gave W_o a bias where attn_bias is "qkv". It has one only for "all"."""
    L, D, *_ = sizes(config)
    return changed(config, attention=L * D if config.get("attn_bias") == "qkv" else 0)


@replaces("count_params")
def biases_of_width_d(config):
    """Your biases of q, k and v all have D numbers. A bias is as long as what its matrix gives out: H * K for
    the queries, G * K for keys and values."""
    L, D, H, G, K, _ = sizes(config)
    has = config.get("attn_bias", "none") != "none"
    return changed(config, attention=L * (3 * D - H * K - 2 * G * K) if has else 0)


@replaces("count_params")
def biases_of_all_heads(config):
    """Your biases of k and v are as long as that of q. A bias is as long as what its matrix gives out: how many heads
    of keys and values are there?"""
    L, _, H, G, K, _ = sizes(config)
    has = config.get("attn_bias", "none") != "none"
    return changed(config, attention=2 * L * (H - G) * K if has else 0)


@replaces("count_params")
def one_bias_for_k_and_v(config):
    """You counted one bias for keys and values together. They have a matrix each: how many biases are that?"""
    L, _, _, G, K, _ = sizes(config)
    return changed(config, attention=0 if config.get("attn_bias", "none") == "none" else -L * G * K)


@replaces("count_params")
def qkv_means_none(config):
    """Where attn_bias is "qkv" you counted no bias at all. The key has three values: which of the four matrices have a
    bias by the second?"""
    return count_params({**config, "attn_bias": "all" if config.get("attn_bias") == "all" else "none"})


@replaces("count_params")
def no_bias_of_the_last_matrix(config):
    """With mlp_bias you counted the biases of the matrices that give out F. What does the matrix behind them give out,
    and has it a bias?"""
    return changed(config, mlp=-config["n_layers"] * config["d_model"] if config.get("mlp_bias") else 0)


@replaces("count_params")
def mlp_bias_of_width_d(config):
    """You gave every matrix of the MLP a bias of D numbers. A bias is as long as what its matrix gives out:
    which of them give out F?"""
    L, D, *_, F = sizes(config)
    into = 2 if config.get("mlp") == "swiglu" else 1
    return changed(config, mlp=L * into * (D - F) if config.get("mlp_bias") else 0)


@replaces("count_params")
def no_mlp_bias(config):
    """You left out the biases of the MLP. With mlp_bias each of its matrices has one."""
    return count_params({**config, "mlp_bias": False})


@replaces("count_params")
def norm_without_bias(config):
    """You gave each LayerNorm D parameters. It has a weight and a bias; RMSNorm has the weight alone."""
    return count_params({**config, "norm": "rmsnorm"})


@replaces("count_params")
def norm_always_with_bias(config):
    """You gave each RMSNorm 2 D parameters. It has no bias, and nothing to add it to: it does not centre."""
    return count_params({**config, "norm": "layernorm"})


@replaces("count_params")
def one_norm_per_layer(config):
    """You counted one norm in each layer. The attention has one and the MLP has one."""
    return changed(config, norm=-config["n_layers"] * norm_size(config))


@replaces("count_params")
def no_last_norm(config):
    """Your count lacks one norm. Each layer has two, and there is one more behind the last layer."""
    return changed(config, norm=-norm_size(config))


@replaces("count_params")
def no_positions(config):
    """You left out the table of positions. Where positions are learned, each has a row of D numbers."""
    return count_params({**config, "max_positions": 0})


@replaces("count_params")
def head_in_non_embedding(config):
    """Your non_embedding contains the head. An output matrix is as much a table of the vocabulary as the
    embedding is: both are taken off."""
    count = count_params(config)
    return {**count, "non_embedding": count["total"] - count["embedding"]}


@replaces("count_params")
def positions_in_non_embedding(config):
    """You took only the token table off for non_embedding. The table of positions is an embedding too."""
    count = count_params(config)
    tokens = config["vocab_size"] * config["d_model"]
    return {**count, "non_embedding": count["total"] - tokens - count["head"]}


@replaces("count_params")
def through_a_float(config):
    """Your numbers went through a float, which holds 53 bits and rounds what is larger. Whole numbers in Python are
    exact as long as no float joins in: is there a / that could be a //?"""
    return {part: int(float(number)) for part, number in count_params(config).items()}


@replaces("count_params")
def head_dim_as_float(config):
    """Your head_dim is a float, and whatever is multiplied by it is one, too: above 2**53 it is not exact. In Python
    a / b is a float even where it is whole. Which division of whole numbers gives a whole number?"""
    head_dim = config.get("head_dim", config["d_model"] / config["n_heads"])
    return {part: int(number) for part, number in count_params({**config, "head_dim": head_dim}).items()}


@replaces("count_params")
def overflow(config):
    """Your numbers wrap around: the ints of NumPy and torch have 64 bits, and a count of 10^19 does not fit.
    Python's own have as many digits as they need."""
    return {part: (number + 2**63) % 2**64 - 2**63 for part, number in count_params(config).items()}


@replaces("count_params")
def one_layer(config):
    """You counted one layer. There are n_layers of them, with parameters of their own each."""
    L, D = config["n_layers"], config["d_model"]
    count = count_params(config)
    less = {part: -(L - 1) * count[part] // L for part in ("attention", "mlp")}
    return changed(config, norm=-(L - 1) * norm_size(config), **less) if D else count


@replaces("count_params")
def kv_heads_are_groups(config):
    """You took n_kv_heads for the number of query heads that share one head of keys and values. The table calls it G:
    how wide are the keys of G heads?"""
    _, _, H, G, _, _ = sizes(config)
    return count_params({**config, "n_kv_heads": H // G if "n_kv_heads" in config else H})


@replaces("count_params")
def tied_counts_as_head(config):
    """In a tied model you counted the token table under head, and embedding lost it. Tied means that the head has no
    matrix of its own: where does the one matrix belong by the statement?"""
    count = count_params(config)
    if not config.get("tied", False):
        return count
    table = config["vocab_size"] * config["d_model"]
    return {**count, "embedding": count["embedding"] - table, "head": table}


@replaces("count_params")
def output_bias_of_width_q(config):
    """Your W_o has a bias of H·K numbers. A bias has one number for each output of its matrix: how many outputs has
    W_o?"""
    L, D, H, _, K, _ = sizes(config)
    return changed(config, attention=L * (H * K - D) if config.get("attn_bias") == "all" else 0)


@replaces("count_params")
def last_norm_is_layernorm(config):
    """Your last norm has a weight and a bias in every model. Which of the two does an RMSNorm have?"""
    return changed(config, norm=2 * config["d_model"] - norm_size(config))


@replaces("count_params")
def swiglu_biases_of_gelu(config):
    """A swiglu MLP has the biases F + D in your count, as a gelu MLP. How many of its three matrices have F
    outputs?"""
    L, _, _, _, _, F = sizes(config)
    swiglu = config.get("mlp") == "swiglu" and config.get("mlp_bias", False)
    return changed(config, mlp=-L * F if swiglu else 0)


@replaces("count_params")
def swiglu_two_thirds(config):
    """You took two thirds of d_ff for the width of a swiglu MLP. The config already names the width that the model has:
    what is left to reduce?"""
    L, D, _, _, _, F = sizes(config)
    bias = 2 if config.get("mlp_bias", False) else 0
    return changed(config, mlp=-L * (F - 2 * F // 3) * (3 * D + bias) if config.get("mlp") == "swiglu" else 0)


@replaces("count_params")
def narrower_swiglu(config):
    """Where d_ff is missing, you made the MLP of swiglu 8/3 D wide, as Llama's authors did to pay for its third matrix.
    Which width does the table name for a missing d_ff, and for which MLP?"""
    narrower = config.get("mlp") == "swiglu" and "d_ff" not in config
    return count_params({**config, "d_ff": 8 * config["d_model"] // 3} if narrower else config)


@replaces("count_params")
def tied_head_taken_off(config):
    """Your non_embedding leaves out the embedding, and the head a second time in a tied model. What is the size of a
    head that is tied?"""
    count = count_params(config)
    table = config["vocab_size"] * config["d_model"]
    return {**count, "non_embedding": count["non_embedding"] - (table if config.get("tied", False) else 0)}


@replaces("count_params")
def queries_as_wide_as_d(config):
    """Your queries are D wide, whatever head_dim is; keys and values have it. A head is as wide in its query as in its
    key, or the two could not be compared: how wide are H heads?"""
    L, D, H, _, K, _ = sizes(config)
    bias = 0 if config.get("attn_bias", "none") == "none" else D - H * K
    return changed(config, attention=L * (2 * D * (D - H * K) + bias))


@replaces("count_params")
def positions_in_every_layer(config):
    """You counted a table of positions in every layer. Learned positions are added once: where in the model?"""
    more = (config["n_layers"] - 1) * config.get("max_positions", 0) * config["d_model"]
    return changed(config, embedding=more)
