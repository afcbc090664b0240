"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from moe_params import _get, attention_params

from grader.testing import replaces


def get(config, key, default=None):
    return _get(config, key, default)


def gqa(config):
    """D, H, G, K and the norms of queries and keys."""
    D, H = config["hidden_size"], config["num_attention_heads"]
    K = get(config, "head_dim", D // H)
    return D, H, get(config, "num_key_value_heads", H), K, 2 * K if get(config, "qk_norm") else 0


def is_mla(config):
    return get(config, "kv_lora_rank") is not None


@replaces("attention_params")
def mha(config):
    """You gave keys and values as many heads as the queries. With grouped queries there are fewer: which key of the
    config says how many?"""
    if is_mla(config):
        return attention_params(config)
    D, H, _, K, norms = gqa(config)
    return 4 * D * H * K + norms


@replaces("attention_params")
def width_divided(config):
    """You took D / H for the width of a head. Where the config names head_dim, that is the width: Qwen3's heads are
    twice as wide as D / H."""
    return attention_params({**config, "head_dim": None})


@replaces("attention_params")
def square_projections(config):
    """You took the matrices of queries and output to be D x D. They have H heads of width K on one side, and H * K is
    another number than D where the config names head_dim."""
    if is_mla(config):
        return attention_params(config)
    D, _, G, K, norms = gqa(config)
    return 2 * D * D + 2 * D * G * K + norms


@replaces("attention_params")
def no_qk_norm(config):
    """You did not read qk_norm. Where it is true, the queries of all heads share a norm of width K, and the keys
    have another."""
    return attention_params({**config, "qk_norm": False})


@replaces("attention_params")
def mla_ignored(config):
    """You counted multi-head latent attention as if it had matrices for all heads. With kv_lora_rank in the
    config, keys and values pass through rank_kv numbers, and the number of key-value heads plays no part."""
    return attention_params({**config, "kv_lora_rank": None})


def mla(config):
    """D, H, r_q, r_kv, n, p, v."""
    ranks = get(config, "q_lora_rank"), config["kv_lora_rank"]
    widths = (config[key] for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
    return config["hidden_size"], config["num_attention_heads"], *ranks, *widths


@replaces("attention_params")
def mla_no_norms(config):
    """You left out the norms of MLA. Each of the two compressed vectors passes one before it is expanded: rank_q and
    rank_kv parameters."""
    if not is_mla(config):
        return attention_params(config)
    _, _, r_q, r_kv, *_ = mla(config)
    return attention_params(config) - (r_q or 0) - r_kv


@replaces("attention_params")
def mla_rope_per_head(config):
    """You gave every head a rotary key of its own. In MLA all heads share one, of rope numbers, which comes straight
    from the token."""
    if not is_mla(config):
        return attention_params(config)
    D, H, _, _, _, p, _ = mla(config)
    return attention_params(config) + D * p * (H - 1)


@replaces("attention_params")
def mla_no_queries(config):
    """Without q_lora_rank you counted no queries at all. They are not compressed then: one matrix makes them from the
    token."""
    if not is_mla(config) or get(config, "q_lora_rank") is not None:
        return attention_params(config)
    D, H, _, _, n, p, _ = mla(config)
    return attention_params(config) - D * H * (n + p)


@replaces("attention_params")
def no_kv_heads_fails(config):
    """A config whose num_key_value_heads is None makes your code fail. A value of None counts as missing: how many
    key-value heads has a model without the key?"""
    if not is_mla(config) and "num_key_value_heads" in config:
        2 * config["num_key_value_heads"]
    return attention_params(config)


@replaces("attention_params")
def norm_for_each_head(config):
    """You counted a norm of K weights for each head. All query heads share one norm, and all key heads share one: how
    many weights are that?"""
    if is_mla(config):
        return attention_params(config)
    _, H, G, K, norms = gqa(config)
    return attention_params(config) + ((H + G) * K - 2 * K if norms else 0)


@replaces("attention_params")
def one_qk_norm(config):
    """You counted one norm of K weights for qk_norm. Queries and keys are normalised apart: how many norms are that?"""
    if is_mla(config):
        return attention_params(config)
    return attention_params(config) - gqa(config)[4] // 2


@replaces("attention_params")
def mla_with_qk_norm(config):
    """You added the two norms of qk_norm to an MLA too. In which of the two attentions does the README have them, and
    which norms does the other have?"""
    K = get(config, "head_dim", config["hidden_size"] // config["num_attention_heads"])
    return attention_params(config) + (2 * K if is_mla(config) and get(config, "qk_norm") else 0)


@replaces("attention_params")
def mla_rank_of_width(config):
    """Without q_lora_rank you compressed the queries to D numbers, with a norm. Nothing is compressed then: how many
    matrices lead from the token to its queries?"""
    if is_mla(config) and get(config, "q_lora_rank") is None:
        return attention_params({**config, "q_lora_rank": config["hidden_size"]})
    return attention_params(config)


@replaces("attention_params")
def mla_none_is_a_rank(config):
    """A config whose q_lora_rank is None makes your code fail. The key is there, and a value of None counts as missing:
    are the queries compressed then?"""
    if is_mla(config) and "q_lora_rank" in config:
        config["hidden_size"] * config["q_lora_rank"]
    return attention_params(config)


@replaces("attention_params")
def mla_none_times_heads(config):
    """A config whose q_lora_rank is None makes your code fail. The key is there, and a value of None counts as missing:
    are the queries compressed then?"""
    if is_mla(config) and "q_lora_rank" in config:
        config["q_lora_rank"] * config["hidden_size"]
    return attention_params(config)


@replaces("attention_params")
def mla_norm_of_rope(config):
    """Your norm of the compressed keys and values has rank_kv + rope weights. The rope numbers go past it: how long is
    the vector that is normalised?"""
    return attention_params(config) + (mla(config)[5] if is_mla(config) else 0)


@replaces("attention_params")
def mla_plain_queries_without_rope(config):
    """Where nothing compresses the queries, yours have nope numbers for each head. In MLA a query meets a key in two
    parts: which one is missing?"""
    if not is_mla(config) or get(config, "q_lora_rank") is not None:
        return attention_params(config)
    D, H, _, _, _, p, _ = mla(config)
    return attention_params(config) - D * H * p


@replaces("attention_params")
def mla_queries_without_rope(config):
    """Your queries of MLA have nope numbers for each head. A query meets a key in two parts: which one is
    missing?"""
    if not is_mla(config):
        return attention_params(config)
    D, H, r_q, _, _, p, _ = mla(config)
    return attention_params(config) - (r_q or D) * H * p


@replaces("attention_params")
def mla_values_as_keys(config):
    """The matrix that expands keys and values makes nope + rope numbers for each head. Which numbers of a key
    come from the compressed vector, and how wide is a value?"""
    if not is_mla(config):
        return attention_params(config)
    _, H, _, r_kv, _, p, v = mla(config)
    return attention_params(config) + r_kv * H * (p - v)


@replaces("attention_params")
def mla_output_of_keys(config):
    """Your output matrix of MLA reads nope + rope numbers of each head. It reads the mixed values: how wide is a
    value?"""
    if not is_mla(config):
        return attention_params(config)
    D, H, _, _, n, p, v = mla(config)
    return attention_params(config) + H * (n + p - v) * D


@replaces("attention_params")
def mla_output_of_nope(config):
    """Your output matrix of MLA reads nope numbers of each head. It reads the mixed values: how wide is a value?"""
    if not is_mla(config):
        return attention_params(config)
    D, H, _, _, n, _, v = mla(config)
    return attention_params(config) + H * (n - v) * D


def parts(config):
    """What the sum is made of; a mistake changes one of the parts."""
    D, V, F, L = (config[key] for key in ("hidden_size", "vocab_size", "intermediate_size", "num_hidden_layers"))
    E = get(config, "num_experts", 0)
    dense = get(config, "first_k_dense_replace", 0) if E else L
    expert = 3 * D * get(config, "moe_intermediate_size", F)
    return {
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


@replaces("count_params")
def times_experts(config):
    """You multiplied a whole model by the number of experts. Only the experts are many; attention, norms and the two
    tables exist once."""
    p = parts(config)
    if not p["E"]:
        return add(p)
    one = add({**p, "router": 0, "E": 1, "k": 1})["total"]
    return {"total": p["E"] * one, "active": p["k"] * one}


@replaces("count_params")
def share_of_all(config):
    """You took k/E of the whole model for the active part. Attention, tables, router and dense layers serve every
    token: only the routed experts shrink to k of E."""
    p = parts(config)
    total = add(p)["total"]
    return {"total": total, "active": total * p["k"] // p["E"] if p["E"] else total}


@replaces("count_params")
def two_matrices(config):
    """You gave an FFN two matrices. Which three matrices does a SwiGLU have?"""
    p = parts(config)
    return add({**p, **{key: p[key] // 3 * 2 for key in ("dense FFN", "shared", "expert")}})


@replaces("count_params")
def no_router(config):
    """You left out the router. In each sparse layer a matrix scores the experts for a token: which shape has it?"""
    return add({**parts(config), "router": 0})


@replaces("count_params")
def router_of_chosen(config):
    """In the active count you took k rows of the router. To find the k best it has to score all E experts, so all of it
    is used."""
    p = parts(config)
    count = add(p)
    D = config["hidden_size"]
    return {**count, "active": count["active"] - p["sparse layers"] * (p["E"] - p["k"]) * D}


@replaces("count_params")
def no_head(config):
    """You counted one table of V x D. Unless tie_word_embeddings is true, the output head has a matrix of its own
    besides the embedding."""
    return add({**parts(config), "tables": config["vocab_size"] * config["hidden_size"]})


@replaces("count_params")
def never_tied(config):
    """You counted two tables of V x D although tie_word_embeddings is true. How many matrices do embedding and head
    have together then?"""
    return add({**parts(config), "tables": 2 * config["vocab_size"] * config["hidden_size"]})


@replaces("count_params")
def embedding_idle(config):
    """You left the embedding table out of the active count, since a token reads one row of it. That is a possible
    convention, and not that of this exercise: idle are unchosen experts, nothing else."""
    count = add(parts(config))
    return {**count, "active": count["active"] - config["vocab_size"] * config["hidden_size"]}


@replaces("count_params")
def no_last_norm(config):
    """Your count lacks D parameters. What stands between the last layer and the head?"""
    return add({**parts(config), "last norm": 0})


@replaces("count_params")
def first_k_ignored(config):
    """You made all layers sparse. The first first_k_dense_replace of them have a dense FFN of width
    intermediate_size, and no router."""
    p = parts(config)
    return add({**p, "dense layers": 0, "sparse layers": p["layers"]} if p["E"] else p)


@replaces("count_params")
def dense_width(config):
    """Your experts are as wide as the dense FFN. Where the config names moe_intermediate_size, that is their width."""
    p = parts(config)
    s = get(config, "n_shared_experts", 0)
    return add({**p, "expert": p["dense FFN"], "shared": s * p["dense FFN"]})


@replaces("count_params")
def shared_forgotten(config):
    """Your counts are those without the shared experts. These come besides the E routed experts, and besides the k
    that a token chooses: are they in both numbers?"""
    return add({**parts(config), "shared": 0})


@replaces("count_params")
def shared_idle(config):
    """Your active count has k experts in each sparse layer. k says how many of the routed experts a token chooses:
    which tokens pass through a shared expert besides?"""
    p = parts(config)
    count = add(p)
    return {**count, "active": count["active"] - p["sparse layers"] * p["shared"]}


@replaces("count_params")
def none_is_a_value(config):
    """A key whose value is None counts as missing; you took None for the value itself. The default of dict.get is used
    only where the key is not there, that of _get where there is no value either."""
    D, F, L = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    E = config.get("num_experts", 0)
    dense = config.get("first_k_dense_replace", 0) if E != 0 else L
    expert = 3 * D * config.get("moe_intermediate_size", F)
    changed = {"E": E, "shared": config.get("n_shared_experts", 0) * expert, "expert": expert}
    return add({**parts(config), **changed, "dense layers": dense, "sparse layers": L - dense, "router": E * D})


@replaces("count_params")
def expert_width_of_none(config):
    """A moe_intermediate_size of None makes your code fail. A value of None counts as missing, but the default of
    dict.get is used only where the key is not there: what does _get return for such a key?"""
    p = parts(config)
    expert = 3 * config["hidden_size"] * config.get("moe_intermediate_size", config["intermediate_size"])
    return add({**p, "expert": expert})


@replaces("count_params")
def attention_for_each_expert(config):
    """You counted the attention once for each expert. An expert is a feed-forward network: what do all experts of a
    layer share?"""
    p = parts(config)
    attention, count = attention_params(config), add(p)
    if not p["E"]:
        return count
    return {
        "total": count["total"] + p["sparse layers"] * (p["E"] - 1) * attention,
        "active": count["active"] + p["sparse layers"] * (p["k"] - 1) * attention,
    }


@replaces("count_params")
def layer_for_each_expert(config):
    """You counted attention and norms once for each expert, as if an expert were a whole layer. An expert is a
    feed-forward network: what do all experts of a layer share?"""
    p = parts(config)
    count = add(p)
    if not p["E"]:
        return count
    return {
        "total": count["total"] + p["sparse layers"] * (p["E"] - 1) * p["layer"],
        "active": count["active"] + p["sparse layers"] * (p["k"] - 1) * p["layer"],
    }


@replaces("count_params")
def router_with_offsets(config):
    """Your router has E numbers more than a matrix. Nothing has a bias here, and the statement says what the offsets of
    DeepSeek-V3 are."""
    p = parts(config)
    return add({**p, "router": p["router"] + p["E"]})


@replaces("count_params")
def one_ffn_divided(config):
    """You divided one feed-forward network among the E experts. Each expert is a whole network of the width that the
    config names: how many parameters have E of them?"""
    p = parts(config)
    rest = add({**p, "expert": 0})["total"]
    routed = p["sparse layers"] * p["expert"]
    return {"total": rest + routed, "active": rest + (routed * p["k"] // p["E"] if p["E"] else routed)}


@replaces("count_params")
def multiplied_only(config):
    """You took only what stands in a matrix product of the token for active, without embedding and norms. The
    docstring says which parameters are idle: do these belong to them?"""
    p = parts(config)
    norms = gqa(config)[4]
    if is_mla(config):
        _, _, r_q, r_kv, *_ = mla(config)
        norms = (r_q or 0) + r_kv
    idle = p["layers"] * (2 * config["hidden_size"] + norms) + p["last norm"]
    if not get(config, "tie_word_embeddings"):
        idle += p["tables"] // 2
    idle += p["sparse layers"] * (p["E"] - p["k"]) * config["hidden_size"] if p["E"] else 0
    count = add(p)
    return {**count, "active": count["active"] - idle}


@replaces("count_params")
def dense_layers_as_experts(config):
    """The dense layers of your sparse model are as wide as one expert. Which key of the config holds the width of a
    dense layer?"""
    p = parts(config)
    return add({**p, "dense FFN": p["expert"]} if p["E"] else p)


@replaces("count_params")
def sparse_of_no_experts(config):
    """A config with num_experts = 0 makes your code fail. The key is there: is a model with 0 experts sparse?"""
    if config.get("num_experts") == 0:
        config["num_experts_per_tok"]
    return add(parts(config))


@replaces("count_params")
def shared_without_experts(config):
    """You count shared experts wherever the config names them, also where num_experts is 0. What kind of model is that,
    by the docstring?"""
    p = parts(config)
    return add(p if p["E"] else {**p, "dense FFN": p["dense FFN"] + p["shared"]})


@replaces("count_params")
def few_dense_layers_without_experts(config):
    """You read first_k_dense_replace where num_experts is 0, and the other layers count as sparse ones without
    experts. How many layers of a dense model are dense?"""
    p = parts(config)
    return add({**p, "dense layers": get(config, "first_k_dense_replace", p["dense layers"])})


@replaces("count_params")
def shared_of_dense_width(config):
    """Your shared experts are as wide as the dense FFN. Which width have the experts beside which they stand?"""
    p = parts(config)
    return add({**p, "shared": get(config, "n_shared_experts", 0) * p["dense FFN"]})


@replaces("count_params")
def shared_in_all_layers(config):
    """You gave the dense layers the shared experts too. Which FFN does one of the first first_k_dense_replace
    layers have?"""
    p = parts(config)
    return add({**p, "dense FFN": p["dense FFN"] + p["shared"]} if p["E"] else p)


@replaces("count_params")
def one_norm_for_each_layer(config):
    """You counted one norm in each layer. A layer has an attention and an FFN: what stands before each of the two?"""
    p = parts(config)
    return add({**p, "layer": p["layer"] - config["hidden_size"]})


@replaces("count_params")
def one_row_active(config):
    """You counted one row of the embedding table as active, since a token reads one. That is a possible convention, and
    not that of this exercise: idle are unchosen experts, nothing else."""
    count = add(parts(config))
    V, D = config["vocab_size"], config["hidden_size"]
    return count if get(config, "tie_word_embeddings") else {**count, "active": count["active"] - (V - 1) * D}


@replaces("count_params")
def dense_layers_idle(config):
    """You took idle experts away in every layer. The first first_k_dense_replace layers have no experts: what is there
    to take away from them?"""
    p = parts(config)
    count = add(p)
    return {**count, "active": count["total"] - p["layers"] * (p["E"] - p["k"]) * p["expert"]} if p["E"] else count
