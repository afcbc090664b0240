"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from transformer_params import count_params

from grader.testing import replaces

TABLES = ("embedding", "head")


def sizes(config):
    """L, D, H, G, K, F"""
    D, H = config["d_model"], config["n_heads"]
    G, K, F = config.get("n_kv_heads", H), config.get("head_dim", D // H), config.get("d_ff", 4 * D)
    return config["n_layers"], D, H, G, K, F


def norm_size(config):
    return config["d_model"] * (1 if config.get("norm") == "rmsnorm" else 2)


def has_biases(config):
    return config.get("attn_bias", "none") != "none"


def gated(config):
    return config.get("mlp") == "swiglu"


def changed(config, **differences):
    """The right count, with this much added to parts of it."""
    count = count_params(config)
    for part, difference in differences.items():
        count[part] += difference
        count["total"] += difference
        count["non_embedding"] += 0 if part in TABLES else difference
    return count


def without(config, key):
    return {name: value for name, value in config.items() if name != key}


@replaces(
    "count_params",
    key=["n_kv_heads", "head_dim", "d_ff", "attn_bias", "mlp_bias", "norm", "max_positions", "tied"],
)
def key_ignored(config, *, key):
    """Your count is the same whatever {key} is. Which parts of the model does it change, and how?"""
    return count_params(without(config, key))


SETTINGS = {
    "swiglu": {"mlp": "swiglu"},
    "rmsnorm": {"norm": "rmsnorm"},
    "qkv biases": {"attn_bias": "qkv"},
    "all biases in the attention": {"attn_bias": "all"},
    "biases in the MLP": {"mlp_bias": True},
    "a tied head": {"tied": True},
    "one key-value head": {"n_kv_heads": 1},
}


@replaces(
    "count_params",
    setting=[
        "swiglu",
        "rmsnorm",
        "qkv biases",
        "all biases in the attention",
        "biases in the MLP",
        "a tied head",
        "one key-value head",
    ],
)
def one_kind_of_model(config, *, setting):
    """You count every model as one with {setting}. Which key of the config says what this model has?"""
    return count_params({**config, **SETTINGS[setting]})


DEFAULTS = {
    "tied = True": {"tied": True},
    "norm = rmsnorm": {"norm": "rmsnorm"},
    "mlp = swiglu": {"mlp": "swiglu"},
    "attn_bias = all": {"attn_bias": "all"},
    "attn_bias = qkv": {"attn_bias": "qkv"},
    "mlp_bias = True": {"mlp_bias": True},
    "n_kv_heads = 1": {"n_kv_heads": 1},
    "max_positions = 1024": {"max_positions": 1024},
    "max_positions = 2048": {"max_positions": 2048},
    "head_dim = 64": {"head_dim": 64},
    "head_dim = 128": {"head_dim": 128},
}


@replaces(
    "count_params",
    default=[
        "tied = True",
        "norm = rmsnorm",
        "mlp = swiglu",
        "attn_bias = all",
        "attn_bias = qkv",
        "mlp_bias = True",
        "n_kv_heads = 1",
        "max_positions = 1024",
        "max_positions = 2048",
        "head_dim = 64",
        "head_dim = 128",
    ],
)
def other_default(config, *, default):
    """Where that key is missing, you count a model with {default}. What does the last column of the table say about
    it?"""
    return count_params({**DEFAULTS[default], **config})


@replaces("count_params", times=[1, 2, 3, 8])
def other_default_width(config, *, times):
    """Where d_ff is missing, your MLP is {times} · D wide. What does the last column of the table say?"""
    return count_params({"d_ff": times * config["d_model"], **config})


@replaces("count_params", rounded=["down", "up", "to 256"])
def narrower_swiglu(config, *, rounded):
    """Where d_ff is missing, your MLP of swiglu is about 8/3 · D wide, as Llama's is. Which width does the table name
    for a missing d_ff, and for which MLP?"""
    if not gated(config) or "d_ff" in config:
        return count_params(config)
    width = 8 * config["d_model"]
    d_ff = {"down": width // 3, "up": -(-width // 3), "to 256": -(-width // 768) * 256}[rounded]
    return count_params({**config, "d_ff": d_ff})


@replaces("count_params")
def swiglu_two_thirds(config):
    """Your MLP of swiglu is two thirds of d_ff wide. If the config names the width that the model has, what is left
    to reduce?"""
    L, D, *_, F = sizes(config)
    bias = 2 if config.get("mlp_bias") else 0
    return changed(config, mlp=-L * (F - 2 * F // 3) * (3 * D + bias) if gated(config) else 0)


@replaces("count_params")
def kv_heads_are_groups(config):
    """You took n_kv_heads for the number of query heads that share a key. The statement calls it G: how wide are the
    keys of G heads?"""
    _, _, H, G, _, _ = sizes(config)
    return count_params({**config, "n_kv_heads": H // G if "n_kv_heads" in config else H})


@replaces(
    "count_params",
    heads=[
        "H heads for W_k",
        "H heads for W_v",
        "H heads for W_k and W_v",
        "G heads for W_q",
        "G heads for W_o",
        "G heads for W_q and W_o",
    ],
)
def other_heads(config, *, heads):
    """You count {heads}. Which matrices belong to the queries, and which to keys and values?"""
    L, D, H, G, K, _ = sizes(config)
    matrices = heads.count("W_") if heads.startswith("H") else -heads.count("W_")
    return changed(config, attention=matrices * L * D * (H - G) * K)


@replaces("count_params", what=["matrix", "bias", "matrix with one bias"])
def keys_and_values_as_one(config, *, what):
    """You counted one {what} for keys and values together. How many matrices make them, and how many biases do these
    have?"""
    L, D, _, G, K, _ = sizes(config)
    less = (D * G * K if "matrix" in what else 0) + (G * K if "bias" in what and has_biases(config) else 0)
    return changed(config, attention=-L * less)


@replaces("count_params", where=["W_q", "W_k and W_v", "W_o", "W_q and W_o", "all four matrices"])
def heads_share_the_width(config, *, where):
    """In your {where} the heads are D / H wide, whatever head_dim is. How many numbers do H heads of width K have
    together?"""
    L, D, H, G, K, _ = sizes(config)
    heads = {"W_q": H, "W_k and W_v": 2 * G, "W_o": H, "W_q and W_o": 2 * H}.get(where, 2 * H + 2 * G)
    return changed(config, attention=L * D * heads * (D // H - K))


@replaces("count_params")
def queries_as_wide_as_d(config):
    """Your queries are D wide with their bias, whatever head_dim is. How wide is one query, if it is compared with a
    key of K numbers?"""
    L, D, H, _, K, _ = sizes(config)
    return changed(config, attention=L * (2 * D + has_biases(config)) * (D - H * K))


@replaces("count_params", where=["no model", "every model with biases"])
def other_output_bias(config, *, where):
    """By your count, W_o has a bias in {where}. Which of the three values of attn_bias gives it one?"""
    biases = "all" if where == "no model" else "qkv"
    L, D, *_ = sizes(config)
    has = config.get("attn_bias") == biases
    return changed(config, attention=(-1 if biases == "all" else 1) * L * D if has else 0)


@replaces("count_params", counted=["qkv", "all"])
def none_is_true(config, *, counted):
    """Where attn_bias is "none", you count biases. Is a string that is not empty true or false in Python?"""
    return count_params({**config, "attn_bias": counted} if config.get("attn_bias") == "none" else config)


@replaces("count_params")
def qkv_means_none(config):
    """Where attn_bias is "qkv" you count no bias. The key has three values: which of the four matrices have a bias by
    the second?"""
    return count_params({**config, "attn_bias": "all" if config.get("attn_bias") == "all" else "none"})


@replaces(
    "count_params", long=["3 · D", "D", "H · K for each", "G · K for each", "D / H · (H + 2 · G)", "H · K", "2 · G · K"]
)
def other_qkv_biases(config, *, long):
    """Your biases of q, k and v have {long} numbers instead of their own. A bias is as long as what its matrix gives
    out: how long are these three?"""
    L, D, H, G, K, _ = sizes(config)
    number = {
        "3 · D": 3 * D,
        "D": D,
        "H · K for each": 3 * H * K,
        "G · K for each": 3 * G * K,
        "D / H · (H + 2 · G)": D // H * (H + 2 * G),
        "H · K": H * K,
        "2 · G · K": 2 * G * K,
    }[long]
    return changed(config, attention=L * (number - (H + 2 * G) * K) if has_biases(config) else 0)


@replaces("count_params", long=["H · K", "G · K"])
def other_length_of_output_bias(config, *, long):
    """Your W_o has a bias of {long} numbers. A bias has one number for each output of its matrix: how many outputs
    does W_o have?"""
    L, D, H, G, K, _ = sizes(config)
    number = (H if long == "H · K" else G) * K
    return changed(config, attention=L * (number - D) if config.get("attn_bias") == "all" else 0)


@replaces("count_params", biases=["with its bias", "though not its bias"])
def two_matrices(config, *, biases):
    """Your MLP of swiglu lacks a matrix D × F, {biases}. Which three matrices does the statement name?"""
    L, D, *_, F = sizes(config)
    bias = F if config.get("mlp_bias") and biases == "with its bias" else 0
    return changed(config, mlp=-L * (D * F + bias) if gated(config) else 0)


@replaces("count_params", kind=["gelu", "swiglu"], matrices=[1, 4])
def other_matrices(config, *, kind, matrices):
    """Your MLP of {kind} has {matrices} times D · F weights. How many matrices does the statement name for each
    kind?"""
    L, D, *_, F = sizes(config)
    right = 3 if gated(config) else 2
    same_kind = config.get("mlp", "gelu") == kind
    return changed(config, mlp=L * (matrices - right) * D * F if same_kind else 0)


@replaces(
    "count_params",
    biases=[
        "all have D numbers",
        "all have F numbers",
        "the one with D numbers is missing",
        "those with F numbers are missing",
        "only one has F numbers",
        "two always have F numbers",
    ],
)
def other_mlp_biases(config, *, biases):
    """Of the biases in your MLP, {biases}. A bias is as long as what its matrix gives out: how long is each of
    them?"""
    L, D, *_, F = sizes(config)
    up = 2 if gated(config) else 1
    number = {
        "all have D numbers": (up + 1) * D,
        "all have F numbers": (up + 1) * F,
        "the one with D numbers is missing": up * F,
        "those with F numbers are missing": D,
        "only one has F numbers": F + D,
        "two always have F numbers": 2 * F + D,
    }[biases]
    return changed(config, mlp=L * (number - up * F - D) if config.get("mlp_bias") else 0)


@replaces(
    "count_params", number=["L", "L + 1", "2 · L", "2 · L + 2", "3 · L", "3 · L + 1", "4 · L + 1", "1", "2", "no"]
)
def other_norms(config, *, number):
    """You count {number} norms. How many does a layer have, and what comes after the last layer?"""
    L = config["n_layers"]
    each, last = {
        "L": (1, 0),
        "L + 1": (1, 1),
        "2 · L": (2, 0),
        "2 · L + 2": (2, 2),
        "3 · L": (3, 0),
        "3 · L + 1": (3, 1),
        "4 · L + 1": (4, 1),
        "1": (0, 1),
        "2": (0, 2),
        "no": (0, 0),
    }[number]
    return changed(config, norm=((each - 2) * L + last - 1) * norm_size(config))


@replaces("count_params", where=["Your last norm", "The last norm of each layer", "The first norm of each layer"])
def bias_of_one_norm(config, *, where):
    """{where} has a weight and a bias in every model. Which of the two does an RMSNorm have?"""
    L, D, *_ = sizes(config)
    return changed(config, norm=(1 if "Your" in where else L) * (2 * D - norm_size(config)))


@replaces("count_params", where=["last norm", "norms in the layers"])
def weight_of_one_norm(config, *, where):
    """Your {where} have D parameters each in every model. What does a LayerNorm have besides its weight?"""
    L, D, *_ = sizes(config)
    return changed(config, norm=(1 if "last" in where else 2 * L) * (D - norm_size(config)))


@replaces("count_params", where=["attention", "mlp", "norm", "attention and mlp", "attention, mlp and norm"])
def one_layer(config, *, where):
    """Your {where} count one layer. How many layers are there, and which of them share parameters?"""
    L = config["n_layers"]
    count = count_params(config)
    less = {part: -(count[part] // L) * (L - 1) for part in ("attention", "mlp") if part in where}
    if "norm" in where:
        less["norm"] = -2 * (L - 1) * norm_size(config)
    return changed(config, **less)


@replaces("count_params")
def positions_in_every_layer(config):
    """You counted a table of positions in every layer. Learned positions are added once: where in the model?"""
    more = (config["n_layers"] - 1) * config.get("max_positions", 0) * config["d_model"]
    return changed(config, embedding=more)


@replaces("count_params", width=["one number", "K numbers"])
def other_positions(config, *, width):
    """A position has {width} in your table. To what is its row added?"""
    _, D, _, _, K, _ = sizes(config)
    return changed(config, embedding=config.get("max_positions", 0) * ((1 if width == "one number" else K) - D))


@replaces("count_params")
def head_with_positions(config):
    """Your head is as large as the whole embedding, positions included. For which rows of the two tables is there a
    logit?"""
    more = 0 if config.get("tied") else config.get("max_positions", 0) * config["d_model"]
    return changed(config, head=more)


@replaces("count_params")
def head_bias(config):
    """Your head has a bias of V numbers. How large does the statement make the head?"""
    return changed(config, head=0 if config.get("tied") else config["vocab_size"])


@replaces("count_params")
def tied_counts_as_head(config):
    """In a tied model you count the token table under head, and embedding has lost it. Which of the two has no matrix
    of its own, by the statement?"""
    count = count_params(config)
    if not config.get("tied"):
        return count
    table = config["vocab_size"] * config["d_model"]
    return {**count, "embedding": count["embedding"] - table, "head": table}


@replaces("count_params")
def head_in_embedding(config):
    """Where the head is not tied, your embedding contains it, and head is 0. Which part does the output matrix belong
    to?"""
    count = count_params(config)
    return {**count, "embedding": count["embedding"] + count["head"], "head": 0}


@replaces("count_params", left=["head", "position table", "norms", "last norm", "biases of the attention"])
def other_non_embedding(config, *, left):
    """Your non_embedding is wrong by as much as the {left}. Which two parts does it leave out, and does it leave out
    anything else?"""
    count = count_params(config)
    difference = {
        "head": count["head"],
        "position table": config.get("max_positions", 0) * config["d_model"],
        "norms": -count["norm"],
        "last norm": -norm_size(config),
        "biases of the attention": count_params({**config, "attn_bias": "none"})["attention"] - count["attention"],
    }[left]
    return {**count, "non_embedding": count["non_embedding"] + difference}


@replaces("count_params")
def tied_head_taken_off(config):
    """Your non_embedding of a tied model leaves out the table twice. What is the size of a head that is tied?"""
    count = count_params(config)
    table = config["vocab_size"] * config["d_model"]
    return {**count, "non_embedding": count["non_embedding"] - (table if config.get("tied") else 0)}


@replaces("count_params", part=["embedding", "attention", "mlp", "norm", "head"])
def total_without(config, *, part):
    """Your total is short by {part}. Which five numbers does it add up?"""
    count = count_params(config)
    return {
        **count,
        "total": count["total"] - count[part],
        "non_embedding": count["non_embedding"] - (0 if part in TABLES else count[part]),
    }


@replaces("count_params")
def total_of_all_entries(config):
    """Your total contains non_embedding as well as its parts. Which five numbers does the docstring add up?"""
    count = count_params(config)
    return {**count, "total": count["total"] + count["non_embedding"]}


@replaces("count_params")
def through_a_float(config):
    """Your numbers are not exact above 2^53, as where they go through a float. Which operation of yours makes a float
    of ints?"""
    return {part: int(float(number)) for part, number in count_params(config).items()}


@replaces("count_params")
def head_dim_as_float(config):
    """Your counts with head_dim are not exact above 2^53, as where the width of a head is a float. Which division of
    two ints gives an int?"""
    head_dim = config.get("head_dim", config["d_model"] / config["n_heads"])
    return {part: int(number) for part, number in count_params({**config, "head_dim": head_dim}).items()}


@replaces("count_params")
def overflow(config):
    """Your large numbers wrap around, as ints of 64 bits do in NumPy and torch. Which ints have as many digits as they
    need?"""
    return {part: (number + 2**63) % 2**64 - 2**63 for part, number in count_params(config).items()}
