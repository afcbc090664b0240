"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from hybrid_layout import layout

from grader.testing import replaces


def pairs(config, attention, moe):
    """The layout where attention(i) and moe(i) say what layer i is."""
    return [
        ["attention" if attention(i) else "mamba", "moe" if moe(i) else "mlp"]
        for i in range(config["num_hidden_layers"])
    ]


def keys(config):
    """Period and offset of attention, period and offset of the experts."""
    return [config[f"{kind}_layer_{key}"] for kind in ("attn", "expert") for key in ("period", "offset")]


@replaces("layout")
def period_start(config):
    """You put attention and experts into the first layer of each period. The offset says which layer of the period it
    is; Jamba has attention in the fifth of eight."""
    p, _, q, _ = keys(config)
    return pairs(config, lambda i: i % p == 0, lambda i: i % q == 0)


@replaces("layout")
def ratio_as_period(config):
    """Your period is one layer too long. 1:7 is one layer of attention to seven others: how many layers is that until
    the next one?"""
    p, o, q, r = keys(config)
    return pairs(config, lambda i: i % (p + 1) == o, lambda i: i % (q + 1) == r)


@replaces("layout")
def one_based(config):
    """Your pattern stands one layer too early: you counted layers from 1. They are counted from 0."""
    p, o, q, r = keys(config)
    return pairs(config, lambda i: (i + 1) % p == o % p, lambda i: (i + 1) % q == r % q)


@replaces("layout")
def offset_added(config):
    """You added the offset to i before you took the remainder. For Jamba's numbers this gives the same layers. With
    an offset of 1 in a period of 3 it gives layer 2: which layer is asked for?"""
    p, o, q, r = keys(config)
    return pairs(config, lambda i: (i + o) % p == 0, lambda i: (i + r) % q == 0)


@replaces("layout")
def never_both(config):
    """You gave no attention layer experts. In Jamba the two never meet, since attention has even numbers and experts
    odd ones, but no rule forbids it: the mixer of a layer says nothing of its FFN."""
    return [[mixer, "mlp" if mixer == "attention" else ffn] for mixer, ffn in layout(config)]


@replaces("layout")
def one_expert_is_none(config):
    """With one expert your layers have none: you ask for num_experts > 1 as well, as the code of transformers does.
    Which two numbers decide here whether a layer is MoE?"""
    return [[mixer, ffn if config["num_experts"] > 1 else "mlp"] for mixer, ffn in layout(config)]


@replaces("layout")
def exchanged(config):
    """Attention and experts have changed places: you read the keys expert_* for the mixer and attn_* for the FFN. Which
    of the two networks is the mixer?"""
    p, o, q, r = keys(config)
    return pairs(config, lambda i: i % q == r, lambda i: i % p == o)


def count(config, name):
    return sum(name in pair for pair in layout(config))


def width(config):
    return config["hidden_size"] // config["num_attention_heads"]


@replaces("kv_cache_bytes")
def kv_all_layers(config, context, batch=1, bytes_per_value=2):
    """You gave every layer a KV cache. A Mamba layer keeps no keys and no values: how many layers are attention?"""
    kept = 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * width(config)
    return kept * context * batch * bytes_per_value


@replaces("kv_cache_bytes")
def keys_only(config, context, batch=1, bytes_per_value=2):
    """Your number is half of it: you counted one vector for each token and head. Which two vectors does attention
    keep?"""
    kept = count(config, "attention") * config["num_key_value_heads"] * width(config)
    return kept * context * batch * bytes_per_value


@replaces("kv_cache_bytes")
def query_heads(config, context, batch=1, bytes_per_value=2):
    """You counted the query heads. Queries are used once and not kept, and the keys and values have fewer heads: which
    key of the config says how many?"""
    kept = 2 * count(config, "attention") * config["num_attention_heads"] * width(config)
    return kept * context * batch * bytes_per_value


@replaces("kv_cache_bytes")
def one_sequence_cached(config, context, batch=1, bytes_per_value=2):
    """You counted the keys and values of one sequence whatever batch is. Can two sequences share their keys?"""
    return count(config, "attention") * 2 * config["num_key_value_heads"] * width(config) * context * bytes_per_value


@replaces("kv_cache_bytes")
def two_bytes_cached(config, context, batch=1, bytes_per_value=2):
    """You took 2 bytes for every number of the cache. Which argument says how many bytes a number has?"""
    return 2 * count(config, "attention") * 2 * config["num_key_value_heads"] * width(config) * context * batch


@replaces("kv_cache_bytes")
def cached_by_division(config, context, batch=1, bytes_per_value=2):
    """You divided the number of layers by the period to count the attention layers. With 9 layers, a period of 4 and
    an offset of 0, which layers are attention?"""
    layers = config["num_hidden_layers"] // config["attn_layer_period"]
    return layers * 2 * config["num_key_value_heads"] * width(config) * context * batch * bytes_per_value


def state(config, columns, factor=1, expand=None):
    channels = config["hidden_size"] * (config["mamba_expand"] if expand is None else expand)
    return factor * count(config, "mamba") * channels * columns


@replaces("ssm_state_bytes")
def state_twice(config, batch=1, bytes_per_value=2):
    """Your state is twice as large as it is: the 2 of keys and values is not in it. A Mamba layer keeps one state, and
    the columns of its convolution."""
    return state(config, config["mamba_d_state"] + config["mamba_d_conv"], factor=2) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def no_expand(config, batch=1, bytes_per_value=2):
    """You took the width D of the model for the number of channels. Inside a Mamba layer it is mamba_expand times as
    wide."""
    return state(config, config["mamba_d_state"] + config["mamba_d_conv"], expand=1) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def without_convolution(config, batch=1, bytes_per_value=2):
    """You counted the N numbers of the state and forgot what the convolution needs. It reads the last inputs, so these
    are kept too."""
    return state(config, config["mamba_d_state"]) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def one_column_less(config, batch=1, bytes_per_value=2):
    """You kept W - 1 columns for the convolution. That would do, since the W-th is the new token itself; but the count
    asked for is that of Mamba's own code, which allocates W."""
    return state(config, config["mamba_d_state"] + config["mamba_d_conv"] - 1) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def state_every_layer(config, batch=1, bytes_per_value=2):
    """You gave every layer a state. Which kind of layer has none?"""
    channels = config["hidden_size"] * config["mamba_expand"]
    columns = config["mamba_d_state"] + config["mamba_d_conv"]
    return config["num_hidden_layers"] * channels * columns * batch * bytes_per_value


@replaces("ssm_state_bytes")
def states_by_division(config, batch=1, bytes_per_value=2):
    """You divided the number of layers by the period to count the attention layers, and took the others for Mamba.
    With 9 layers, a period of 4 and an offset of 0, which layers are attention?"""
    layers = config["num_hidden_layers"] - config["num_hidden_layers"] // config["attn_layer_period"]
    columns = config["mamba_d_state"] + config["mamba_d_conv"]
    return layers * config["hidden_size"] * config["mamba_expand"] * columns * batch * bytes_per_value


@replaces("ssm_state_bytes")
def expand_of_two(config, batch=1, bytes_per_value=2):
    """Your channels are twice the width D in every model. Jamba has mamba_expand = 2: what does another config say?"""
    return state(config, config["mamba_d_state"] + config["mamba_d_conv"], expand=2) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def states_of_one_sequence(config, batch=1, bytes_per_value=2):
    """You counted the states of one sequence whatever batch is. Can two sequences share a state?"""
    return state(config, config["mamba_d_state"] + config["mamba_d_conv"]) * bytes_per_value


def one_of_each(config):
    """Numbers in the state of one Mamba layer, and of one token in one attention layer."""
    channels = config["hidden_size"] * config["mamba_expand"]
    columns = config["mamba_d_state"] + config["mamba_d_conv"]
    return channels * columns, 2 * config["num_key_value_heads"] * width(config)


@replaces("crossover_context")
def where_equal(config):
    """Where the division has no remainder, your context is the one at which both layers keep the same. Asked is the
    first at which attention keeps more."""
    values, token = one_of_each(config)
    return -(-values // token)


@replaces("crossover_context")
def rounded_down(config):
    """You rounded the quotient down. With that many tokens attention still keeps less, or the same: from how many on
    does it keep more?"""
    values, token = one_of_each(config)
    return values // token


@replaces("crossover_context")
def whole_model(config):
    """You compared all Mamba layers with all attention layers. How many layers of each kind does the docstring
    compare?"""
    values, token = one_of_each(config)
    return count(config, "mamba") * values // max(1, count(config, "attention") * token) + 1


@replaces("crossover_context")
def up_and_one(config):
    """You rounded the quotient up and added 1. Where the division leaves a rest, the number that was rounded up is
    already enough: why one more?"""
    values, token = one_of_each(config)
    return -(-values // token) + 1


@replaces("crossover_context")
def crossover_of_twice_the_width(config):
    """Your Mamba layer has 2·D channels in every model. Jamba has mamba_expand = 2: what does another config say?"""
    values, token = one_of_each({**config, "mamba_expand": 2})
    return values // token + 1


@replaces("crossover_context")
def crossover_of_query_heads(config):
    """Your token keeps a key and a value for each query head. Which key of the config says how many heads of keys
    and values there are?"""
    values, _ = one_of_each(config)
    return values // (2 * config["num_attention_heads"] * width(config)) + 1


def parts(config):
    """What the sum is made of; a mistake changes one of the parts."""
    D, H, G, K = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"], width(config)
    N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    Ch = config["mamba_expand"] * D
    return {
        "tables": 2 * config["vocab_size"] * D,
        "last norm": D,
        "norms": 2 * D,
        "attention": D * K * (2 * H + 2 * G),
        "in_proj": 2 * D * Ch,
        "convolution": Ch * W + Ch,
        "other mamba": D * Ch + Ch * (R + 2 * N) + R * Ch + Ch + Ch * N + Ch,
        "inner norms": R + 2 * N,
        "router": config["num_experts"] * D,
        "expert": 3 * D * config["intermediate_size"],
        "E": config["num_experts"],
        "k": config["num_experts_per_tok"],
        "layers": layout(config),
    }


def add(p):
    result = {}
    for name, experts in (("total", p["E"]), ("active", p["k"])):
        numbers = p["tables"] + p["last norm"]
        for mixer, ffn in p["layers"]:
            mamba = p["in_proj"] + p["convolution"] + p["other mamba"] + p["inner norms"]
            numbers += p["norms"] + (p["attention"] if mixer == "attention" else mamba)
            numbers += p["expert"] if ffn == "mlp" else p["router"] + experts * p["expert"]
        result[name] = numbers
    return result


@replaces("count_params")
def no_inner_norms(config):
    """Your Mamba layers are R + 2N parameters short each. Jamba normalises Δ, B and C, which Mamba alone does not."""
    return add({**parts(config), "inner norms": 0})


@replaces("count_params")
def moe_everywhere(config):
    """You gave every layer experts. Which layers have them, and what do the others have?"""
    p = parts(config)
    return add({**p, "layers": [[mixer, "moe"] for mixer, _ in p["layers"]]})


@replaces("count_params")
def share_of_all(config):
    """You took k/E of everything for the active part. Mixers, tables, routers and the dense layers serve every token:
    only the experts shrink to k of E."""
    p = parts(config)
    total = add(p)["total"]
    return {"total": total, "active": total * p["k"] // p["E"]}


@replaces("count_params")
def router_of_k(config):
    """Your active router scores k experts. To choose k of them it has to score all E, so a token uses the whole of
    it."""
    p = parts(config)
    return {"total": add(p)["total"], "active": add({**p, "router": p["router"] // p["E"] * p["k"]})["active"]}


@replaces("count_params")
def one_branch(config):
    """Your in_proj is half of it. It makes one branch for the state and one for the gate: how many numbers come out
    of it?"""
    p = parts(config)
    return add({**p, "in_proj": p["in_proj"] // 2})


@replaces("count_params")
def full_convolution(config):
    """Your convolution mixes the channels. Mamba's is depthwise: each channel has a kernel of W numbers of its own."""
    Ch = config["mamba_expand"] * config["hidden_size"]
    return add({**parts(config), "convolution": Ch * Ch * config["mamba_d_conv"] + Ch})


@replaces("count_params")
def tied(config):
    """You counted the table of the vocabulary once. Jamba's embedding and head are not tied: how many tables are
    there?"""
    p = parts(config)
    return add({**p, "tables": p["tables"] // 2})


@replaces("count_params")
def rank_by_sixteenth(config):
    """You took D / 16 for the rank of Δ. That is a common default: which key of the config holds the rank?"""
    return add(parts({**config, "mamba_dt_rank": config["hidden_size"] // 16}))


@replaces("count_params")
def rank_rounded_up(config):
    """You took D / 16, rounded up, for the rank of Δ. That is Mamba's default: which key of the config holds the
    rank?"""
    return add(parts({**config, "mamba_dt_rank": -(-config["hidden_size"] // 16)}))


@replaces("count_params")
def mamba_of_twice_the_width(config):
    """The Mamba layers that you count have 2·D channels in every model. Jamba has mamba_expand = 2: what does another
    config say?"""
    return add(parts({**config, "mamba_expand": 2}))


@replaces("count_params")
def mamba_in_every_layer(config):
    """You counted the parameters of Mamba in every layer, and those of attention on top of them in some. How many
    mixers has a layer?"""
    p = parts(config)
    mamba = p["in_proj"] + p["convolution"] + p["other mamba"] + p["inner norms"]
    return add({**p, "attention": p["attention"] + mamba})


@replaces("count_params")
def no_last_norm(config):
    """You counted the norms inside the layers only. What does the model do between its last layer and the head?"""
    return add({**parts(config), "last norm": 0})


@replaces("count_params")
def one_norm(config):
    """You counted one norm for each layer. A layer has a mixer and a feed-forward network: what stands before each
    of the two?"""
    return add({**parts(config), "norms": config["hidden_size"]})


@replaces("count_params")
def idle_experts(config):
    """Your active part has the experts that the router did not choose. How many experts does a token pass through?"""
    p = parts(config)
    return {"total": add(p)["total"], "active": add({**p, "k": p["E"] - p["k"]})["active"]}


@replaces("count_params")
def square_attention(config):
    """All four matrices of your attention are D x D. The matrices of keys and values have fewer heads: how many rows
    has each of them?"""
    return add({**parts(config), "attention": 4 * config["hidden_size"] ** 2})


@replaces("count_params")
def no_router(config):
    """You left the router out. It is a matrix with one row for each expert: where do its parameters belong?"""
    return add({**parts(config), "router": 0})


@replaces("layout")
def whole_blocks_only(config):
    """You built the stack of whole blocks, each of one period of attention: layers left over at its end are lost, and
    the pattern of the experts begins anew in each block. What does the statement count with i in both rules?"""
    p, o, q, r = keys(config)
    whole = {**config, "num_hidden_layers": config["num_hidden_layers"] // p * p}
    return pairs(whole, lambda i: i % p == o, lambda i: i % p % q == r)


@replaces("layout")
def block_repeated(config):
    """Your stack repeats one block of attn_layer_period layers, and the pattern of the experts begins anew in each
    block. What does the statement count with i in both rules?"""
    p, o, q, r = keys(config)
    return pairs(config, lambda i: i % p == o, lambda i: i % p % q == r)
