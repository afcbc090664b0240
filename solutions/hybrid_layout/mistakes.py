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


def by_rule(config, kind, rule):
    """The layout where rule(i, period, offset) says where attention, the experts or both are; the others are right."""
    p, o, q, r = keys(config)
    return pairs(
        config,
        lambda i: rule(i, p, o) if "attention" in kind else i % p == o,
        lambda i: rule(i, q, r) if "experts" in kind else i % q == r,
    )


@replaces("layout", kind=["attention", "experts", "attention and experts"], end=["first", "last"])
def one_end_of_the_period(config, *, kind: str, end: str):
    """Your {kind} are in the {end} layer of each period. Jamba has attention in the fifth of eight layers and experts
    in the second of two: which keys of the config say so?"""
    return by_rule(config, kind, lambda i, period, offset: i % period == (0 if end == "first" else period - 1))


@replaces("layout", kind=["attention", "experts", "attention and experts"])
def ratio_as_period(config, *, kind: str):
    """Your period of {kind} is one layer too long. 1:7 means one layer of attention to seven others: how many layers is
    that until the next one?"""
    return by_rule(config, kind, lambda i, period, offset: i % (period + 1) == offset)


@replaces("layout", kind=["attention", "attention and experts"], when=["early", "late"])
def shifted(config, *, kind: str, when: str):
    """Your {kind} come one layer too {when}. From which number are layers counted, and what is the first i for which i
    mod period is the offset?"""
    step = 1 if when == "early" else -1
    return by_rule(config, kind, lambda i, period, offset: (i + step) % period == offset)


@replaces("layout", kind=["attention", "attention and experts"])
def from_the_end(config, *, kind: str):
    """Your {kind} are in the right place only if the offset is counted from the end of a period. Which remainder does a
    layer of this kind have in the formula?"""
    return by_rule(config, kind, lambda i, period, offset: i % period == period - 1 - offset)


@replaces("layout", kind=["attention", "experts", "attention and experts"])
def offset_added(config, *, kind: str):
    """You added the offset to i before taking the remainder, for {kind}. With Jamba's numbers that gives the same
    layers. With an offset of 1 in a period of 3 it gives layer 2: which one should it be?"""
    return by_rule(config, kind, lambda i, period, offset: (i + offset) % period == 0)


@replaces("layout", what=["attention and Mamba", "attention and Mamba, MoE and SwiGLU"])
def negated(config, *, what: str):
    """You exchanged {what}. Which of the two does a layer get when the remainder equals the offset?"""
    mixers = {"attention": "mamba", "mamba": "attention"} if "Mamba" in what else {}
    ffns = {"moe": "mlp", "mlp": "moe"} if "MoE" in what else {}
    return [[mixers.get(mixer, mixer), ffns.get(ffn, ffn)] for mixer, ffn in layout(config)]


@replaces("layout")
def ffn_first(config):
    """Your pairs begin with the feed-forward network. Which of the two does the docstring name first?"""
    return [[ffn, mixer] for mixer, ffn in layout(config)]


@replaces("layout")
def never_both(config):
    """Your attention layers never have experts. In Jamba the two never meet, but does any rule forbid it?"""
    return [[mixer, "mlp" if mixer == "attention" else ffn] for mixer, ffn in layout(config)]


@replaces("layout")
def one_expert_is_none(config):
    """With one expert your layers have no MoE: the code of transformers asks for num_experts > 1 as well. Which two
    numbers decide it here?"""
    return [[mixer, ffn if config["num_experts"] > 1 else "mlp"] for mixer, ffn in layout(config)]


@replaces("layout")
def exchanged(config):
    """You read the keys expert_* for the mixer and attn_* for the FFN. Which of the two networks is attention?"""
    p, o, q, r = keys(config)
    return pairs(config, lambda i: i % q == r, lambda i: i % p == o)


@replaces("layout", rest=[True, False])
def block_repeated(config, *, rest: bool):
    """Your pattern of experts begins again in each block of attn_layer_period layers. What does i count in both rules
    of the statement?"""
    p, o, q, r = keys(config)
    stack = config if rest else {**config, "num_hidden_layers": config["num_hidden_layers"] // p * p}
    return pairs(stack, lambda i: i % p == o, lambda i: i % p % q == r)


def count(config, name):
    return sum(name in pair for pair in layout(config))


def width(config):
    return config["hidden_size"] // config["num_attention_heads"]


def layers_of(config, what):
    """How many attention layers there are, by a wrong count."""
    L, period = config["num_hidden_layers"], config["attn_layer_period"]
    return {"all layers": L, "L / period, rounded down": L // period, "L / period, rounded up": -(-L // period)}[what]


def token_values(config, what="2 · G · K"):
    """What an attention layer keeps of a token."""
    D, K = config["hidden_size"], width(config)
    H, G = config["num_attention_heads"], config["num_key_value_heads"]
    return {
        "2 · G · K": 2 * G * K,
        "G · K": G * K,
        "2 · H · K": 2 * H * K,
        "2 · G · D": 2 * G * D,
        "2 · K": 2 * K,
        "3 · G · K": 3 * G * K,
        "(H + 2G) · K": (H + 2 * G) * K,
    }[what]


def state_values(config, what="Ch · (N + W)"):
    """What a Mamba layer keeps of a text."""
    D, N, W = config["hidden_size"], config["mamba_d_state"], config["mamba_d_conv"]
    Ch = config["mamba_expand"] * D
    return {
        "Ch · (N + W)": Ch * (N + W),
        "2 · Ch · (N + W)": 2 * Ch * (N + W),
        "D · (N + W)": D * (N + W),
        "2 · D · (N + W)": 2 * D * (N + W),
        "Ch · N": Ch * N,
        "Ch · W": Ch * W,
        "Ch · N · W": Ch * N * W,
        "Ch · N + D · W": Ch * N + D * W,
        "Ch · (N + W − 1)": Ch * (N + W - 1),
    }[what]


@replaces(
    "kv_cache_bytes",
    what=["G · K", "2 · H · K", "2 · G · D", "2 · K", "3 · G · K", "(H + 2G) · K"],
)
def another_cache(config, context, batch=1, bytes_per_value=2, *, what: str):
    """In your count an attention layer keeps {what} numbers of one token. Which vectors does it keep, for how many
    heads, and how wide is each?"""
    return count(config, "attention") * token_values(config, what) * context * batch * bytes_per_value


@replaces(
    "kv_cache_bytes",
    what=["all layers", "L / period, rounded down", "L / period, rounded up"],
)
def cache_of_other_layers(config, context, batch=1, bytes_per_value=2, *, what: str):
    """You took {what} for the number of attention layers. With 9 layers, a period of 4 and an offset of 0 or 3, which
    layers are attention?"""
    return layers_of(config, what) * token_values(config) * context * batch * bytes_per_value


@replaces("kv_cache_bytes")
def cache_of_the_mamba_layers(config, context, batch=1, bytes_per_value=2):
    """You counted the Mamba layers. Which kind of layer keeps keys and values?"""
    return count(config, "mamba") * token_values(config) * context * batch * bytes_per_value


@replaces("kv_cache_bytes", argument=["batch", "bytes_per_value"])
def cache_whatever(config, context, batch=1, bytes_per_value=2, *, argument: str):
    """{argument} has no effect on your bytes of keys and values. What happens to them when it doubles?"""
    batch = 1 if argument == "batch" else batch
    size = 2 if argument == "bytes_per_value" else bytes_per_value
    return count(config, "attention") * token_values(config) * context * batch * size


@replaces(
    "ssm_state_bytes",
    what=[
        "2 · Ch · (N + W)",
        "D · (N + W)",
        "2 · D · (N + W)",
        "Ch · N",
        "Ch · W",
        "Ch · N · W",
        "Ch · N + D · W",
    ],
)
def another_state(config, batch=1, bytes_per_value=2, *, what: str):
    """In your count a Mamba layer keeps {what} numbers. How many channels does it have, and what does it keep in each
    of them?"""
    return count(config, "mamba") * state_values(config, what) * batch * bytes_per_value


@replaces("ssm_state_bytes")
def one_column_less(config, batch=1, bytes_per_value=2):
    """You kept W − 1 columns for the convolution. That would do, since the W-th is the new token itself; but whose
    count does the statement follow, and how many columns does that allocate?"""
    return count(config, "mamba") * state_values(config, "Ch · (N + W − 1)") * batch * bytes_per_value


@replaces(
    "ssm_state_bytes",
    what=["L / period, rounded down", "L / period, rounded up"],
)
def states_of_other_layers(config, batch=1, bytes_per_value=2, *, what: str):
    """You took {what} for the number of attention layers, and the others for Mamba. With 9 layers, a period of 4 and an
    offset of 0 or 3, which layers are attention?"""
    layers = config["num_hidden_layers"] - layers_of(config, what)
    return layers * state_values(config) * batch * bytes_per_value


@replaces("ssm_state_bytes", what=["every layer", "the attention layers"])
def states_of_wrong_layers(config, batch=1, bytes_per_value=2, *, what: str):
    """You gave a state to {what}. Which kind of layer has one?"""
    layers = config["num_hidden_layers"] if what == "every layer" else count(config, "attention")
    return layers * state_values(config) * batch * bytes_per_value


@replaces("ssm_state_bytes", argument=["batch", "bytes_per_value"])
def states_whatever(config, batch=1, bytes_per_value=2, *, argument: str):
    """{argument} has no effect on your bytes of states. What happens to them when it doubles?"""
    batch = 1 if argument == "batch" else batch
    size = 2 if argument == "bytes_per_value" else bytes_per_value
    return count(config, "mamba") * state_values(config) * batch * size


@replaces("crossover_context")
def where_equal(config):
    """Where the division has no remainder, both layers keep the same at your context. How many tokens does it take for
    attention to keep more?"""
    return -(-state_values(config) // token_values(config))


@replaces("crossover_context")
def rounded_down(config):
    """You rounded the quotient down. With that many tokens, does attention keep more, the same or less?"""
    return state_values(config) // token_values(config)


@replaces("crossover_context")
def up_and_one(config):
    """You rounded the quotient up and added 1. Where the division has a remainder, is the number that was rounded up
    not enough already?"""
    return -(-state_values(config) // token_values(config)) + 1


@replaces("crossover_context")
def whole_model(config):
    """You compared all Mamba layers with all attention layers. How many layers of each kind does the docstring
    compare?"""
    values, token = state_values(config), token_values(config)
    return count(config, "mamba") * values // max(1, count(config, "attention") * token) + 1


@replaces("crossover_context")
def twice_as_late(config):
    """Your crossover comes after twice as many tokens as it should. How many vectors does attention keep of a token and
    head, and how many states does a Mamba layer keep?"""
    return 2 * state_values(config) // token_values(config) + 1


@replaces(
    "crossover_context",
    what=["2 · H · K", "2 · G · D", "2 · K", "3 · G · K", "(H + 2G) · K"],
)
def crossover_of_another_cache(config, *, what: str):
    """You compared with an attention layer that keeps {what} numbers of one token. Which vectors does it keep, for how
    many heads, and how wide is each?"""
    return state_values(config) // token_values(config, what) + 1


@replaces(
    "crossover_context",
    what=[
        "D · (N + W)",
        "2 · D · (N + W)",
        "Ch · N",
        "Ch · W",
        "Ch · N · W",
        "Ch · N + D · W",
        "Ch · (N + W − 1)",
    ],
)
def crossover_of_another_state(config, *, what: str):
    """You compared with a Mamba layer that keeps {what} numbers. How many channels does it have, and what does it keep
    in each of them?"""
    return state_values(config, what) // token_values(config) + 1


def parts(config):
    """What the sum is made of; a mistake changes one of the parts."""
    D, H, G, K = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"], width(config)
    N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    Ch = config["mamba_expand"] * D
    return {
        "the embedding": config["vocab_size"] * D,
        "the head": config["vocab_size"] * D,
        "the last norm": D,
        "the norm before the mixer": D,
        "the norm before the FFN": D,
        "attention": D * K * (2 * H + 2 * G),
        "in_proj": 2 * D * Ch,
        "out_proj": D * Ch,
        "the kernels of the convolution": Ch * W,
        "the bias of the convolution": Ch,
        "x_proj": Ch * (R + 2 * N),
        "dt_proj": R * Ch,
        "the bias of dt_proj": Ch,
        "A_log": Ch * N,
        "the D of Mamba": Ch,
        "the norms of Δ, B and C": R + 2 * N,
        "the router": config["num_experts"] * D,
        "expert": 3 * D * config["intermediate_size"],
        "E": config["num_experts"],
        "k": config["num_experts_per_tok"],
        "layers": layout(config),
    }


MODEL = ("the embedding", "the head", "the last norm")
NORMS = ("the norm before the mixer", "the norm before the FFN")
MAMBA = (
    *("in_proj", "out_proj", "the kernels of the convolution", "the bias of the convolution", "x_proj", "dt_proj"),
    *("the bias of dt_proj", "A_log", "the D of Mamba", "the norms of Δ, B and C"),
)


def add(p):
    result = {}
    for name, experts in (("total", p["E"]), ("active", p["k"])):
        numbers = sum(p[part] for part in MODEL)
        for mixer, ffn in p["layers"]:
            numbers += sum(p[part] for part in NORMS)
            numbers += p["attention"] if mixer == "attention" else sum(p[part] for part in MAMBA)
            numbers += p["expert"] if ffn == "mlp" else p["the router"] + experts * p["expert"]
        result[name] = numbers
    return result


@replaces(
    "count_params",
    part=[
        "one table of the vocabulary",
        "the last norm",
        "one norm of each layer",
        "both norms of each layer",
        "the router",
    ],
)
def part_missing(config, *, part: str):
    """Your count lacks {part}. In which line of the table is it, and how many numbers does it have?"""
    missing = {
        "one table of the vocabulary": ["the head"],
        "one norm of each layer": NORMS[:1],
        "both norms of each layer": NORMS,
    }
    return add({**parts(config), **dict.fromkeys(missing.get(part, [part]), 0)})


@replaces(
    "count_params",
    amount=["D · Ch", "2 · D · Ch", "Ch · W", "Ch", "2 · Ch", "3 · Ch", "Ch · (R + 2N)", "R · Ch", "Ch · N", "R + 2N"],
)
def mamba_too_small(config, *, amount: str):
    """Each of your Mamba layers is {amount} numbers short. Which line of the table has a term of that size, or one that
    you counted in part?"""
    missing = {
        "D · Ch": ["out_proj"],
        "2 · D · Ch": ["in_proj"],
        "Ch · W": ["the kernels of the convolution"],
        "Ch": ["the D of Mamba"],
        "2 · Ch": ["the D of Mamba", "the bias of dt_proj"],
        "3 · Ch": ["the D of Mamba", "the bias of dt_proj", "the bias of the convolution"],
        "Ch · (R + 2N)": ["x_proj"],
        "R · Ch": ["dt_proj"],
        "Ch · N": ["A_log"],
        "R + 2N": ["the norms of Δ, B and C"],
    }
    return add({**parts(config), **dict.fromkeys(missing[amount], 0)})


@replaces(
    "count_params",
    what=[
        "4 · D² numbers for attention",
        "D · K · (H + 2G) numbers for attention",
        "D · K · (2H + G) numbers for attention",
        "3 · D · Ch numbers for in_proj",
        "Ch² · W numbers for the kernels of the convolution",
        "D · W numbers for the kernels of the convolution",
        "N numbers for A_log",
        "D · N numbers for A_log",
        "2 · D · F numbers for an expert",
        "E · D + E numbers for the router",
        "R + N numbers for the norms of Δ, B and C",
        "3 · Ch numbers for the norms of Δ, B and C",
    ],
)
def part_of_another_size(config, *, what: str):
    """You counted {what}. How many rows and columns does the table give it?"""
    p = parts(config)
    D, K, F = config["hidden_size"], width(config), config["intermediate_size"]
    H, G = config["num_attention_heads"], config["num_key_value_heads"]
    N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    Ch = config["mamba_expand"] * D
    size, _, part = what.partition(" numbers for ")
    p[part.removeprefix("an ")] = {
        "4 · D²": 4 * D * D,
        "D · K · (H + 2G)": D * K * (H + 2 * G),
        "D · K · (2H + G)": D * K * (2 * H + G),
        "3 · D · Ch": 3 * D * Ch,
        "Ch² · W": Ch * Ch * W,
        "D · W": D * W,
        "N": N,
        "D · N": D * N,
        "2 · D · F": 2 * D * F,
        "E · D + E": (D + 1) * config["num_experts"],
        "R + N": R + N,
        "3 · Ch": 3 * Ch,
    }[size]
    return add(p)


@replaces("count_params")
def moe_everywhere(config):
    """You gave every layer experts. Which layers have them, and what do the others have?"""
    p = parts(config)
    return add({**p, "layers": [[mixer, "moe"] for mixer, _ in p["layers"]]})


@replaces("count_params", both=["two mixers", "two FFNs"])
def two_in_one_layer(config, *, both: str):
    """You counted {both} in some layers, one on top of the other. How many mixers and how many FFNs does a layer
    have?"""
    p = parts(config)
    if both == "two mixers":
        return add({**p, "attention": p["attention"] + sum(p[part] for part in MAMBA)})
    return add({**p, "the router": p["the router"] + p["expert"]})


@replaces("count_params")
def share_of_all(config):
    """You took k/E of everything for the active part. Which parameters does every token use, whatever the router
    chooses?"""
    p = parts(config)
    total = add(p)["total"]
    return {"total": total, "active": total * p["k"] // p["E"]}


@replaces("count_params")
def router_of_k(config):
    """Your active router scores k experts. How many does it have to score before it can choose k of them?"""
    p = parts(config)
    return {"total": add(p)["total"], "active": add({**p, "the router": p["the router"] // p["E"] * p["k"]})["active"]}


@replaces("count_params")
def router_is_not_active(config):
    """Your active part has no router. Does a token get past a MoE layer without it?"""
    p = parts(config)
    return {"total": add(p)["total"], "active": add({**p, "the router": 0})["active"]}


@replaces("count_params", what=["one table of the vocabulary", "both tables of the vocabulary"])
def embedding_is_not_active(config, *, what: str):
    """Your active part lacks {what}. The docstring counts everything as active except idle experts: is that one?"""
    p = parts(config)
    part = dict.fromkeys(MODEL[:1] if what.startswith("one") else MODEL[:2], 0)
    return {"total": add(p)["total"], "active": add({**p, **part})["active"]}


@replaces("count_params", number=["E − k", "1", "k + 1", "all E", "no"])
def other_experts_active(config, *, number: str):
    """Your active part has {number} experts in each MoE layer. How many experts does a token pass through?"""
    p = parts(config)
    k = {"E − k": p["E"] - p["k"], "1": 1, "k + 1": p["k"] + 1, "all E": p["E"], "no": 0}[number]
    return {"total": add(p)["total"], "active": add({**p, "k": k})["active"]}


@replaces("count_params", up=[False, True])
def rank_by_sixteenth(config, *, up: bool):
    """You took D / 16 for the rank of Δ, or that rounded up. That is a common default: which key of the config holds
    the rank?"""
    D = config["hidden_size"]
    return add(parts({**config, "mamba_dt_rank": -(-D // 16) if up else D // 16}))


@replaces("count_params", channels=["2 · D", "D"])
def channels_of_twice_the_width(config, *, channels: str):
    """Your Mamba layers have {channels} channels in every model. Jamba has mamba_expand = 2: what does another config
    say?"""
    return add(parts({**config, "mamba_expand": 2 if channels == "2 · D" else 1}))
