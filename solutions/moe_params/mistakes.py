"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import operator
from collections.abc import Callable
from typing import Any

from moe_params import _get, attention_params, count_params

from grader.testing import replaces


def get(config, key, default=None):
    return _get(config, key, default)


def is_mla(config):
    return get(config, "kv_lora_rank") is not None


def with_gqa(config, more: Callable[..., int]) -> int:
    """The right count, and with GQA so many more: a function of D, H, G, K and the weights of the two norms."""
    if is_mla(config):
        return attention_params(config)
    D, H = config["hidden_size"], config["num_attention_heads"]
    K = get(config, "head_dim", D // H)
    norms = 2 * K if get(config, "qk_norm") else 0
    return attention_params(config) + more(D, H, get(config, "num_key_value_heads", H), K, norms)


def with_mla(config, more: Callable[..., int]) -> int:
    """The right count, and with MLA so many more: a function of D, H, rank_q (or None), rank_kv, nope, rope, value."""
    if not is_mla(config):
        return attention_params(config)
    keys = "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"
    ranks = get(config, "q_lora_rank"), config["kv_lora_rank"]
    widths = (config[key] for key in keys)
    return attention_params(config) + more(config["hidden_size"], config["num_attention_heads"], *ranks, *widths)


def fails_on_none(value: Any, operation: str) -> None:
    """End in the error that Python has for an operation with None."""
    operators = {"*": operator.mul, "+": operator.add, "-": operator.sub, "<": operator.lt, ">": operator.gt}
    left, symbol, _ = operation.split()
    if value is None:
        operators[symbol](*((None, 3) if left == "None" else (3, None)))


@replaces("attention_params", heads=["H", "1"])
def key_value_heads(config, *, heads):
    """Your keys and values have {heads} heads whatever num_key_value_heads is. How many do they have if the config has
    that key, and how many if not?"""
    return with_gqa(config, lambda D, H, G, K, norms: 2 * D * K * ((H if heads == "H" else 1) - G))


@replaces("attention_params", of=["queries and output", "keys and values"], n=[1, 2])
def matrices_missing(config, *, of, n):
    """Your count lacks {n} of the two matrices of {of}. Which vectors of an attention come out of a matrix of
    weights?"""
    return with_gqa(config, lambda D, H, G, K, norms: -n * D * K * (G if "keys" in of else H))


@replaces("attention_params")
def width_divided(config):
    """Your heads are D / H wide even if the config names head_dim. Qwen3's are twice as wide: what says how wide a head
    is?"""
    return attention_params({**config, "head_dim": None})


@replaces("attention_params", matrices=[1, 2])
def square_projections(config, *, matrices):
    """You count a matrix of the queries or of the output as D × D. How many numbers do H heads of width K have together
    if the config names head_dim?"""
    return with_gqa(config, lambda D, H, G, K, norms: matrices * D * (D - H * K))


@replaces("attention_params", weights=["0", "K", "4·K", "K·(H + G)"])
def norms_of_queries_and_keys(config, *, weights):
    """With qk_norm you count {weights} more. The queries of all heads share one norm, and the keys another: how many
    numbers does each of the two normalise at a time?"""
    factors = {"0": lambda H, G: 0, "K": lambda H, G: 1, "4·K": lambda H, G: 4, "K·(H + G)": lambda H, G: H + G}
    return with_gqa(config, lambda D, H, G, K, norms: norms // 2 * (factors[weights](H, G) - 2))


@replaces("attention_params")
def norms_always(config):
    """You count two norms of width K whether qk_norm is true or not. Does a model have them if its config says nothing
    of qk_norm?"""
    return with_gqa(config, lambda D, H, G, K, norms: 2 * K - norms)


@replaces("attention_params", norms=[1, 2])
def norms_of_the_layer(config, *, norms):
    """Your attention has {norms}·D parameters too many. The docstring says what is not counted here: where do the
    layer's norms belong?"""
    return attention_params(config) + norms * config["hidden_size"]


@replaces("attention_params", of=["queries, keys and values", "all four matrices"])
def biases(config, *, of):
    """Your attention has more parameters than its matrices, by as many as the biases of {of} would have. Which biases
    does the statement mention?"""
    return with_gqa(config, lambda D, H, G, K, norms: (H + 2 * G) * K + (D if "four" in of else 0))


@replaces("attention_params", key=["num_key_value_heads", "head_dim", "qk_norm", "kv_lora_rank", "q_lora_rank"])
def attention_key_error(config, *, key):
    """Your code ends in a KeyError if the config does not have {key}. What does the statement's table say for that
    case, and what does _get do with it?"""
    if is_mla(config) == (key == "q_lora_rank") or key == "kv_lora_rank":
        config[key]
    return attention_params(config)


@replaces(
    "attention_params",
    key=["num_key_value_heads", "head_dim", "q_lora_rank"],
    operation=["3 * None", "None * 3", "3 + None", "None + 3"],
)
def attention_none(config, *, key, operation):
    """Your code ends in an error if the config has None for {key}. None counts as missing: what is the value then, and
    which function of the file takes care of it?"""
    if key in config and is_mla(config) == (key == "q_lora_rank"):
        fails_on_none(config[key], operation)
    return attention_params(config)


@replaces("attention_params")
def mla_ignored(config):
    """You count latent attention like GQA. If the config has kv_lora_rank, which vectors are compressed, and to how
    many numbers?"""
    return attention_params({**config, "kv_lora_rank": None})


@replaces("attention_params")
def mla_only_with_rank_q(config):
    """Without q_lora_rank you count latent attention like GQA. Which of the two ranks says that keys and values are
    compressed, and what does the other one say?"""
    return attention_params(config if get(config, "q_lora_rank") else {**config, "kv_lora_rank": None})


@replaces("attention_params", after=["queries", "keys and values", "queries, keys and values"])
def mla_norms_missing(config, *, after):
    """Your MLA lacks the norm after the compression of {after}. What happens to a compressed vector before it is
    expanded, and how many weights does that take?"""

    def norms(D, H, r_q, r_kv, n, p, v):
        return (-(r_q or 0) if "queries" in after else 0) - (r_kv if "keys" in after else 0)

    return with_mla(config, norms)


@replaces("attention_params")
def mla_norm_of_rope(config):
    """Your norm of the compressed keys and values has rank_kv + rope weights. The rope numbers go past it: how long is
    the vector that is normalised?"""
    return with_mla(config, lambda D, H, r_q, r_kv, n, p, v: p)


@replaces(
    "attention_params",
    how=[
        "made from the token for each head",
        "expanded from rank_kv for each head",
        "missing",
        "read by the expansion",
        "normalised and read by the expansion",
    ],
)
def mla_rotary_key(config, *, how):
    """In your MLA the rotary part of the keys is {how}. How many rotary keys does a token have, which matrix makes
    them, and which steps do they go past?"""

    def key(D, H, r_q, r_kv, n, p, v):
        return {
            "made from the token for each head": D * p * (H - 1),
            "expanded from rank_kv for each head": (r_kv * H - D) * p,
            "missing": -D * p,
            "read by the expansion": p * H * (n + v),
            "normalised and read by the expansion": p + p * H * (n + v),
        }[how]

    return with_mla(config, key)


@replaces("attention_params", made=["no queries", "queries of D numbers", "compressed queries of rank 0"])
def mla_plain_queries(config, *, made):
    """Without q_lora_rank your count of the queries is wrong. Nothing is compressed then: how many matrices lead from
    the token to its queries, and are there norms between them?"""

    def queries(D, H, r_q, r_kv, n, p, v):
        if r_q is not None:
            return 0
        through_D = D * D + D
        return {"no queries": -D * H * (n + p), "queries of D numbers": through_D}.get(made, D - D * H * (n + p))

    return with_mla(config, queries)


@replaces("attention_params", which=["compressed queries", "queries that nothing compresses", "queries"], part=[0, 1])
def mla_queries_in_part(config, *, which, part):
    """Your {which} have only one of the two parts of a head. A query meets a key in both: which numbers does the
    formula add for each head?"""

    def queries(D, H, r_q, r_kv, n, p, v):
        if (which == "compressed queries" and not r_q) or (which == "queries that nothing compresses" and r_q):
            return 0
        return -(r_q or D) * H * (n, p)[part]

    return with_mla(config, queries)


@replaces("attention_params", makes=["nope + rope", "nope", "value", "2·nope", "2·value"])
def mla_expansion(config, *, makes):
    """The matrix that expands keys and values makes {makes} numbers for each head. Which numbers of a key come from the
    compressed vector, and how wide is a value?"""

    def expansion(D, H, r_q, r_kv, n, p, v):
        widths = {"nope + rope": n + p, "nope": n, "value": v, "2·nope": 2 * n, "2·value": 2 * v}
        return r_kv * H * (widths[makes] - n - v)

    return with_mla(config, expansion)


@replaces("attention_params", reads=["nope + rope", "nope", "rope", "D / H"])
def mla_output(config, *, reads):
    """Your output matrix of MLA reads {reads} numbers of each head. It reads the sum of weighted values: how wide is a
    value?"""

    def output(D, H, r_q, r_kv, n, p, v):
        return H * D * ({"nope + rope": n + p, "nope": n, "rope": p, "D / H": D // H}[reads] - v)

    return with_mla(config, output)


@replaces("attention_params")
def mla_few_heads(config):
    """Your keys and values of MLA are expanded to num_key_value_heads heads. How many heads does the formula expand
    them to?"""
    G = get(config, "num_key_value_heads", config["num_attention_heads"])
    return with_mla(config, lambda D, H, r_q, r_kv, n, p, v: r_kv * (G - H) * (n + v))


@replaces("attention_params")
def mla_with_qk_norm(config):
    """You count the two norms of qk_norm in MLA, too. In which of the two attentions does the formula have them, and
    which norms does the other one have?"""
    K = get(config, "head_dim", config["hidden_size"] // config["num_attention_heads"])
    return with_mla(config, lambda *_: 2 * K if get(config, "qk_norm") else 0)


def parts(config):
    """What the sum is made of; a mistake changes one of the parts."""
    D, V, F, L = (config[key] for key in ("hidden_size", "vocab_size", "intermediate_size", "num_hidden_layers"))
    E = get(config, "num_experts", 0)
    dense = get(config, "first_k_dense_replace", 0) if E else L
    expert = 3 * D * get(config, "moe_intermediate_size", F)
    return {
        "table": V * D,
        "tables": V * D * (1 if get(config, "tie_word_embeddings") else 2),
        "last norm": D,
        "layers": L,
        "layer": 2 * D + attention_params(config),
        "dense layers": dense,
        "dense FFN": 3 * D * F,
        "sparse layers": L - dense,
        "router": E * D,
        "shared": get(config, "n_shared_experts", 0) * expert,
        "expert": expert,
        "E": E,
        "k": get(config, "num_experts_per_tok", 0),
    }


def add(p):
    always = p["tables"] + p["last norm"] + p["layers"] * p["layer"] + p["dense layers"] * p["dense FFN"]
    always += p["sparse layers"] * (p["router"] + p["shared"])
    routed = p["sparse layers"] * p["expert"]
    return {"total": always + p["E"] * routed, "active": always + p["k"] * routed}


def less_active(config, idle):
    """The right counts, with so many parameters fewer among the active ones."""
    count = count_params(config)
    return {**count, "active": count["active"] - idle}


@replaces("count_params")
def times_experts(config):
    """You multiplied a whole model by the number of experts. Which parts of Mixtral are there eight of, and which exist
    once?"""
    p = parts(config)
    if not p["E"]:
        return add(p)
    one = add({**p, "router": 0, "E": 1, "k": 1})["total"]
    return {"total": p["E"] * one, "active": p["k"] * one}


@replaces("count_params")
def share_of_all(config):
    """Your active count is k/E of the total. Which parameters does a token use whatever experts it chooses?"""
    p = parts(config)
    total = add(p)["total"]
    return {"total": total, "active": total * p["k"] // p["E"] if p["E"] else total}


@replaces("count_params")
def swapped(config):
    """Your two counts are exchanged. Which of them is the larger one?"""
    count = count_params(config)
    return {"total": count["active"], "active": count["total"]}


@replaces("count_params", matrices=[1, 2, 4], of=["Every FFN", "A dense FFN", "An expert"])
def matrices_of_ffn(config, *, matrices, of):
    """{of} has 3·D·F parameters in the formula, and {matrices}·D·F in your count. Which matrices does a SwiGLU have?"""
    p = parts(config)
    changed = {"Every FFN": ("dense FFN", "shared", "expert"), "A dense FFN": ("dense FFN",)}
    return add({**p, **{key: p[key] // 3 * matrices for key in changed.get(of, ("shared", "expert"))}})


@replaces(
    "count_params",
    router=["is missing", "has E numbers more than a matrix", "exists once", "is in dense layers, too"],
)
def other_router(config, *, router):
    """In your count the router {router}. Which shape does the matrix have that scores the experts of a layer, and which
    layers have one?"""
    p = parts(config)
    D, E = config["hidden_size"], p["E"]
    more = {
        "is missing": -p["sparse layers"] * E * D,
        "has E numbers more than a matrix": p["sparse layers"] * E,
        "exists once": (1 - p["sparse layers"]) * E * D,
        "is in dense layers, too": p["dense layers"] * E * D,
    }[router]
    return add({**p, "tables": p["tables"] + more if E else p["tables"]})


@replaces("count_params")
def router_of_shared(config):
    """Your router has a row for each shared expert, too. Between which experts does a token choose?"""
    p = parts(config)
    more = get(config, "n_shared_experts", 0) * config["hidden_size"]
    return add({**p, "router": p["router"] + more})


@replaces("count_params", rows=["k", "none"])
def router_idle(config, *, rows):
    """Your active count has {rows} of the router's E rows. Which experts have to be scored before a token can choose k
    of them?"""
    p = parts(config)
    idle = p["E"] - (p["k"] if rows == "k" else 0)
    return less_active(config, p["sparse layers"] * idle * config["hidden_size"])


@replaces("count_params", tables=[0, 1, 2, "inverted"])
def number_of_tables(config, *, tables):
    """Your number of tables of V · D does not fit tie_word_embeddings. How many do embedding and head have together if
    it is true, and how many if it is missing?"""
    p = parts(config)
    return add({**p, "tables": 3 * p["table"] - p["tables"] if tables == "inverted" else tables * p["table"]})


@replaces("count_params", left=["no row", "one row"])
def embedding_idle(config, *, left):
    """In your active count {left} of the embedding table is used. The docstring says which parameters are idle: are
    those of the table among them?"""
    return less_active(config, parts(config)["table"] - (config["hidden_size"] if left == "one row" else 0))


@replaces("count_params")
def tables_idle(config):
    """Your active count leaves out the embedding and the head. The docstring says which parameters are idle: are those
    of the two tables among them?"""
    return less_active(config, parts(config)["tables"])


@replaces("count_params", norms=[0, 2])
def last_norm(config, *, norms):
    """Your count has {norms}·D parameters where the formula has the last norm. What is between the last layer and the
    head?"""
    return add({**parts(config), "last norm": norms * config["hidden_size"]})


@replaces("count_params", norms=[0, 1, 3, 4])
def norms_of_layer(config, *, norms):
    """Your layers have {norms}·D parameters for the norms before attention and FFN. How many norms are these, and how
    many weights does each of them have?"""
    p = parts(config)
    return add({**p, "layer": p["layer"] + (norms - 2) * config["hidden_size"]})


@replaces("count_params")
def norms_with_biases(config):
    """Each of your norms has 2·D parameters, as LayerNorm has. Nothing has a bias here: what is left of a norm?"""
    p = parts(config)
    D = config["hidden_size"]
    return add({**p, "layer": p["layer"] + 2 * D, "last norm": 2 * D})


@replaces("count_params", dense=["none", "one fewer", "one more", "extra"])
def number_of_dense_layers(config, *, dense):
    """Your model has the wrong number of dense or of sparse layers. How many of its L layers are dense and how many are
    sparse, if first_k_dense_replace is 1?"""
    p = parts(config)
    if not p["E"]:
        return add(p)
    first, L = p["dense layers"], p["layers"]
    if dense == "extra":
        return add({**p, "sparse layers": L})
    n = {"none": 0, "one fewer": max(0, first - 1), "one more": min(L, first + 1)}[dense]
    return add({**p, "dense layers": n, "sparse layers": L - n})


@replaces("count_params", of=["routed and shared experts", "routed experts", "shared experts"])
def dense_width(config, *, of):
    """Your {of} are as wide as the dense FFN. Which key of the config says how wide an expert is?"""
    p = parts(config)
    s = get(config, "n_shared_experts", 0)
    wide = {"expert": p["dense FFN"]} if "routed" in of else {}
    return add({**p, **wide, **({"shared": s * p["dense FFN"]} if "shared" in of else {})})


@replaces("count_params")
def dense_layers_as_experts(config):
    """The dense layers of your sparse model are as wide as one expert. Which key of the config holds the width of a
    dense layer?"""
    p = parts(config)
    return add({**p, "dense FFN": p["expert"]} if p["E"] else p)


@replaces("count_params", counts=["total and active counts", "active count", "total count"])
def shared_missing(config, *, counts):
    """Shared experts are missing from your {counts}. How many experts does a sparse layer have besides the E that are
    chosen from, and which tokens use them?"""
    p = parts(config)
    shared, count = p["sparse layers"] * p["shared"], add(p)
    return {key: n - (shared if key in counts else 0) for key, n in count.items()}


@replaces("count_params")
def shared_once(config):
    """Your sparse layers have one shared expert if the config names any. How many does n_shared_experts say there
    are?"""
    p = parts(config)
    return add({**p, "shared": p["expert"] if p["shared"] else 0})


@replaces("count_params")
def shared_in_all_layers(config):
    """Your dense layers have shared experts, too. Which FFN does one of the first first_k_dense_replace layers have?"""
    p = parts(config)
    return add({**p, "dense FFN": p["dense FFN"] + p["shared"]} if p["E"] else p)


@replaces("count_params", n=["1", "E", "E − k"])
def other_number_of_active(config, *, n):
    """In your active count each sparse layer uses {n} of its E routed experts. How many does a token choose?"""
    p = parts(config)
    return {**add(p), "active": add({**p, "k": {"1": 1, "E": p["E"], "E − k": p["E"] - p["k"]}[n]})["active"]}


@replaces("count_params", what=["attention", "attention and norms"])
def layer_for_each_expert(config, *, what):
    """You count {what} once for each expert. An expert is a feed-forward network: what do all experts of a layer
    share?"""
    p = parts(config)
    each = attention_params(config) if what == "attention" else p["layer"]
    count = add(p)
    if not p["E"]:
        return count
    more = p["sparse layers"] * each
    return {"total": count["total"] + (p["E"] - 1) * more, "active": count["active"] + (p["k"] - 1) * more}


@replaces("count_params")
def one_ffn_divided(config):
    """You divided one feed-forward network among the E experts. How wide is a single expert by the config, and how many
    of that width does a sparse layer have?"""
    p = parts(config)
    rest = add({**p, "expert": 0})["total"]
    routed = p["sparse layers"] * p["expert"]
    return {"total": rest + routed, "active": rest + (routed * p["k"] // p["E"] if p["E"] else routed)}


@replaces("count_params")
def dense_layers_idle(config):
    """You took idle experts away in every layer. How many routed experts are there in one of the first
    first_k_dense_replace layers?"""
    p = parts(config)
    return less_active(config, p["dense layers"] * (p["E"] - p["k"]) * p["expert"] if p["E"] else 0)


@replaces("count_params", k=["missing", "read"])
def sparse_of_no_experts(config, *, k):
    """You take a config with num_experts = 0 for a sparse model. The key is there: what does the docstring say of its
    value 0?"""
    if config.get("num_experts") != 0:
        return count_params(config)
    p = parts(config)
    return add({**p, "dense layers": 0, "k": config["num_experts_per_tok"] if k == "read" else 0})


@replaces(
    "count_params",
    key=["num_experts_per_tok", "n_shared_experts", "first_k_dense_replace", "moe_intermediate_size"],
)
def read_without_experts(config, *, key):
    """With num_experts = 0 your count depends on {key}. What does the statement say of this key in a dense model?"""
    p = parts(config)
    value = get(config, key)
    if p["E"] or value is None:
        return add(p)
    changed = {
        "num_experts_per_tok": {"sparse layers": p["layers"]},
        "n_shared_experts": {"sparse layers": p["layers"], "k": 0},
        "first_k_dense_replace": {"dense layers": value},
        "moe_intermediate_size": {"dense FFN": p["expert"]},
    }
    return add({**p, **changed[key]})


@replaces(
    "count_params",
    key=[
        "num_experts",
        "num_experts_per_tok",
        "moe_intermediate_size",
        "n_shared_experts",
        "first_k_dense_replace",
        "tie_word_embeddings",
    ],
)
def key_error(config, *, key):
    """Your code ends in a KeyError if the config does not have {key}. What does the statement's table say for that
    case, and what does _get do with it?"""
    config[key]
    return count_params(config)


@replaces("count_params", key=["moe_intermediate_size", "n_shared_experts", "first_k_dense_replace"])
def key_error_of_experts(config, *, key):
    """Your code ends in a KeyError if the config does not have {key}. What does the statement's table say for that
    case, and what does _get do with it?"""
    if get(config, "num_experts"):
        config[key]
    return count_params(config)


@replaces(
    "count_params",
    key=["num_experts", "moe_intermediate_size", "n_shared_experts", "first_k_dense_replace"],
    operation=["3 * None", "None * 3", "3 + None", "3 - None", "3 < None", "None > 3"],
)
def none_fails(config, *, key, operation):
    """Your code ends in an error if the config has None for {key}. None counts as missing: what is the value then, and
    which function of the file takes care of it?"""
    if key in config:
        fails_on_none(config[key], operation)
    return count_params(config)
