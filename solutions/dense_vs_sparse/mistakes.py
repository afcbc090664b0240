"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from dense_vs_sparse import dense_twin, flops_per_token

from grader.testing import replaces

EXPERT_KEYS = (
    "num_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "n_shared_experts",
    "first_k_dense_replace",
)


def get(config, key, default=None):
    return default if config.get(key) is None else config[key]


def sizes(config):
    D, V, F, L, H = (
        config[key]
        for key in ("hidden_size", "vocab_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    )
    return D, V, F, L, H, get(config, "num_key_value_heads", H), get(config, "head_dim", D // H)


def layers(config):
    """How many layers are sparse."""
    if not get(config, "num_experts"):
        return 0
    return config["num_hidden_layers"] - get(config, "first_k_dense_replace", 0)


def in_use(config):
    """The routed and shared experts that a token uses."""
    return get(config, "num_experts_per_tok", 0) + get(config, "n_shared_experts", 0)


def expert(config):
    return 3 * config["hidden_size"] * get(config, "moe_intermediate_size", config["intermediate_size"])


@replaces("flops_per_token")
def multiply_adds(config, context):
    """Your count is half of what it should be. How many FLOPs are a multiplication and an addition, in the matrices
    and in the scores?"""
    return flops_per_token(config, context) // 2


@replaces("flops_per_token")
def all_experts(config, context):
    """All experts count in your sparse layers. How many of them is a token multiplied with?"""
    idle = get(config, "num_experts", 0) - get(config, "num_experts_per_tok", 0)
    return flops_per_token(config, context) + 2 * layers(config) * idle * expert(config)


@replaces("flops_per_token")
def one_expert(config, context):
    """One routed expert counts in each of your sparse layers. How many does a token use?"""
    more = get(config, "num_experts_per_tok", 1) - 1
    return flops_per_token(config, context) - 2 * layers(config) * more * expert(config)


@replaces("flops_per_token")
def no_router(config, context):
    """The router is missing in your count. It is a matrix that the token is multiplied with: what is its shape?"""
    router = config["hidden_size"] * get(config, "num_experts", 0)
    return flops_per_token(config, context) - 2 * layers(config) * router


@replaces("flops_per_token")
def router_of_k(config, context):
    """Your router scores k experts. Before it has scored the others, how could it know which k these are?"""
    idle = get(config, "num_experts", 0) - get(config, "num_experts_per_tok", 0)
    return flops_per_token(config, context) - 2 * layers(config) * config["hidden_size"] * idle


@replaces("flops_per_token")
def router_in_all_layers(config, context):
    """Every layer has a router in your count. Which layers choose among experts?"""
    dense = get(config, "first_k_dense_replace", 0)
    router = config["hidden_size"] * get(config, "num_experts", 0)
    return flops_per_token(config, context) + 2 * dense * router


@replaces("flops_per_token")
def no_shared(config, context):
    """The shared experts are missing in your count. Which tokens pass through them?"""
    return flops_per_token({**config, "n_shared_experts": 0}, context)


@replaces("flops_per_token")
def shared_of_f(config, context):
    """Your shared experts have the width F of a dense FFN. What does (k + s) multiply in the formula?"""
    shared = get(config, "n_shared_experts", 0) * layers(config)
    more = 3 * config["hidden_size"] * config["intermediate_size"] - expert(config)
    return flops_per_token(config, context) + 2 * shared * more


@replaces("flops_per_token")
def experts_of_f(config, context):
    """Your experts have the width F of a dense FFN even if the config names another width. Which letter of the
    formula is that?"""
    return flops_per_token({**config, "moe_intermediate_size": None}, context)


@replaces("flops_per_token")
def all_layers_sparse(config, context):
    """All layers are sparse in your count. Where does the config say how many of the first ones are dense?"""
    return flops_per_token({**config, "first_k_dense_replace": 0}, context)


@replaces("flops_per_token")
def dense_layers_of_fe(config, context):
    """Your dense layers are as wide as one expert. Which width does the formula give a dense FFN?"""
    dense = config["num_hidden_layers"] - layers(config) if get(config, "num_experts") else 0
    less = 3 * config["hidden_size"] * config["intermediate_size"] - expert(config)
    return flops_per_token(config, context) - 2 * dense * less


@replaces("flops_per_token")
def two_matrices(config, context):
    """Your FFN has two matrices. Which three matrices does SwiGLU have?"""
    D, _, F, L, *_ = sizes(config)
    sparse = layers(config)
    third = (L - sparse) * D * F + sparse * in_use(config) * expert(config) // 3
    return flops_per_token(config, context) - 2 * third


@replaces("flops_per_token")
def embedding_too(config, context):
    """Your count has D·V too often by one. Which of the two tables, embedding and head, is multiplied with a
    token?"""
    D, V, *_ = sizes(config)
    return flops_per_token(config, context) + 2 * D * V


@replaces("flops_per_token")
def no_head(config, context):
    """The output head is missing in your count, a matrix of D × V. For how many words does a token need a logit?"""
    D, V, *_ = sizes(config)
    return flops_per_token(config, context) - 2 * D * V


@replaces("flops_per_token")
def tied_head_is_free(config, context):
    """The head of a model with tied embeddings is missing in your count. It has no weights of its own: is its
    product computed?"""
    D, V, *_ = sizes(config)
    return flops_per_token(config, context) - (2 * D * V if get(config, "tie_word_embeddings") else 0)


@replaces("flops_per_token", width=["D", "K", "both"])
def norms_too(config, context, *, width):
    """Norms count in your result. Is a norm a product with a matrix?"""
    D, _, _, L, _, _, K = sizes(config)
    of_layers, of_heads = L * 2 * D + D, 2 * L * K if get(config, "qk_norm") else 0
    norms = {"D": of_layers, "K": of_heads, "both": of_layers + of_heads}[width]
    return flops_per_token(config, context) + 2 * norms


@replaces("flops_per_token")
def no_scores(config, context):
    """Your count does not depend on the context. Scores and mixing have no weights: with how many keys and values
    is a query multiplied?"""
    return flops_per_token(config, 0)


@replaces("flops_per_token")
def scores_of_kv_heads(config, context):
    """Scores and mixing count for the key-value heads alone. Queries share keys and values: do they share their
    scores, too?"""
    *_, L, H, G, K = sizes(config)
    return flops_per_token(config, context) - 4 * L * (H - G) * K * context


@replaces("flops_per_token")
def half_the_scores(config, context):
    """Your term with the context is half of what it should be. A query head has scores and mixing, and both
    multiply and add: how many FLOPs are that for each number of a key?"""
    *_, L, H, _, K = sizes(config)
    return flops_per_token(config, context) - 2 * L * H * K * context


@replaces("flops_per_token")
def scores_of_d(config, context):
    """The heads of your scores and mixing are D wide together. How wide are H heads of width K, if the config names
    head_dim?"""
    D, _, _, L, H, _, K = sizes(config)
    return flops_per_token(config, context) + 4 * L * (D - H * K) * context


@replaces("flops_per_token")
def scores_of_one_layer(config, context):
    """Scores and mixing count only once in your result. How many layers attend?"""
    *_, L, H, _, K = sizes(config)
    return flops_per_token(config, context) - 4 * (L - 1) * H * K * context


@replaces("flops_per_token")
def scores_of_all_tokens(config, context):
    """The context is squared in your result, which is the work of all tokens together. How many scores does one
    token have for each head?"""
    *_, L, H, _, K = sizes(config)
    return flops_per_token(config, 0) + 4 * L * H * K * context**2


@replaces("flops_per_token")
def all_tokens(config, context):
    """Your whole count is multiplied by the context. For how many tokens are the matrices computed?"""
    return context * flops_per_token(config, context)


@replaces("flops_per_token")
def kv_of_all_heads(config, context):
    """Keys and values have as many heads as the queries in your count. How many heads do their matrices have?"""
    return flops_per_token({**config, "num_key_value_heads": None}, context)


@replaces("flops_per_token")
def width_divided(config, context):
    """The width of your heads is D / H even if the config names head_dim. Which of the two counts?"""
    return flops_per_token({**config, "head_dim": None}, context)


@replaces("flops_per_token")
def forward_and_backward(config, context):
    """Your count is three times as large as it should be. Which passes does the formula count?"""
    return 3 * flops_per_token(config, context)


@replaces("flops_per_token")
def twice_all_weights(config, context):
    """Your count has 2 FLOPs for every parameter, also of the embedding and the norms. Which parameters are in a
    matrix that is multiplied with the token?"""
    D, V, _, L, _, _, _ = sizes(config)
    others = (0 if config.get("tie_word_embeddings") else V * D) + L * 2 * D + D
    return flops_per_token(config, context) + 2 * others


@replaces("flops_per_token")
def none_fails(config, context):
    """A config with a key whose value is None makes your code fail. What does None stand for, and which function of
    the file reads a config so?"""
    config["num_hidden_layers"] - config.get("first_k_dense_replace", 0)
    config.get("num_experts_per_tok", 0) + config.get("n_shared_experts", 0)
    config["hidden_size"] * config.get("head_dim", 1) * config.get("moe_intermediate_size", 1)
    return flops_per_token(config, context)


@replaces("flops_per_token")
def no_experts_are_sparse(config, context):
    """A model with 0 experts is sparse in your count. Which number of experts does the docstring call dense?"""
    right = flops_per_token(config, context)
    if config.get("num_experts") != 0:
        return right
    first, D, F = get(config, "first_k_dense_replace", 0), config["hidden_size"], config["intermediate_size"]
    return right + 2 * (config["num_hidden_layers"] - first) * (in_use(config) * expert(config) - 3 * D * F)


@replaces("flops_per_token")
def router_scores_shared(config, context):
    """Your router scores the shared experts, too. Every token uses them: is there anything to choose?"""
    return flops_per_token(config, context) + 2 * layers(config) * config["hidden_size"] * get(
        config, "n_shared_experts", 0
    )


@replaces("flops_per_token")
def shared_in_all_layers(config, context):
    """Your dense layers have shared experts. Which FFN does one of the first first_k_dense_replace layers have?"""
    shared = get(config, "n_shared_experts", 0) if layers(config) else 0
    dense = config["num_hidden_layers"] - layers(config)
    return flops_per_token(config, context) + 2 * dense * shared * expert(config)


@replaces("flops_per_token")
def output_of_kv_heads(config, context):
    """The output matrix of your attention has G heads. It reads the mixed values of every query head: how many
    heads are that?"""
    D, _, _, L, H, G, K = sizes(config)
    return flops_per_token(config, context) - 2 * L * D * K * (H - G)


@replaces("flops_per_token")
def without_itself(config, context):
    """Your token attends to one position fewer than context. Does context include the token itself?"""
    return flops_per_token(config, context - 1)


@replaces("flops_per_token", first=[-1, 1])
def other_dense_layers(config, context, *, first):
    """Your count has one dense layer too many or too few. If first_k_dense_replace is 3, which layers are dense,
    counted from 0?"""
    given = get(config, "first_k_dense_replace", 0)
    if given == 0 or not get(config, "num_experts"):
        return flops_per_token(config, context)
    return flops_per_token({**config, "first_k_dense_replace": given + first}, context)


@replaces("flops_per_token", number=[1, 2])
def square_matrices(config, context, *, number):
    """One or both of your matrices of the query heads are D × D. How many numbers do H heads of width K have together,
    if the config names head_dim?"""
    D, _, _, L, H, _, K = sizes(config)
    return flops_per_token(config, context) + 2 * L * number * D * (D - H * K)


@replaces("dense_twin")
def twin_without_shared(config):
    """Your twin is as wide as the k routed experts. Which other experts does every token use?"""
    return dense_twin({**config, "n_shared_experts": 0})


@replaces("dense_twin")
def twin_of_all_experts(config):
    """Your twin is as wide as all experts together, so it needs the same memory. Which experts do the work for one
    token?"""
    return dense_twin({**config, "num_experts_per_tok": get(config, "num_experts", 0)})


@replaces("dense_twin")
def twin_of_one_expert(config):
    """Your twin is as wide as one expert. How many experts does a token use?"""
    return dense_twin({**config, "num_experts_per_tok": 1, "n_shared_experts": 0})


@replaces("dense_twin")
def twin_of_f(config):
    """The experts of your twin have the width F even if the config names another width. Which key says how wide an
    expert is?"""
    return dense_twin({**config, "moe_intermediate_size": None})


@replaces("dense_twin")
def twin_with_wide_shared(config):
    """The shared experts of your twin have the width F of a dense FFN. How wide are they in the formula?"""
    twin = dense_twin({**config, "n_shared_experts": 0})
    more = get(config, "n_shared_experts", 0) * config["intermediate_size"] if get(config, "num_experts") else 0
    return {**twin, "intermediate_size": twin["intermediate_size"] + more}


@replaces(
    "dense_twin",
    kept=["all", "some", "first_k_dense_replace", "moe_intermediate_size", "n_shared_experts"],
)
def twin_keeps_expert_keys(config, *, kept):
    """Your twin still has a key of experts. What would somebody who reads this config build, and which keys does the
    docstring leave out?"""
    keys = {"all": EXPERT_KEYS, "some": EXPERT_KEYS[2:]}.get(kept, (kept,))
    return {**{key: config[key] for key in keys if key in config}, **dense_twin(config)}


@replaces("dense_twin")
def twin_of_known_keys(config):
    """Your twin lacks keys that have nothing to do with experts. Which keys does the docstring leave out?"""
    known = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    known = (*known, "num_key_value_heads", "head_dim")
    return {key: value for key, value in dense_twin(config).items() if key in known}


@replaces("dense_twin")
def twin_without_none(config):
    """Your twin lacks keys whose value is None. Which keys does the docstring leave out?"""
    return {key: value for key, value in dense_twin(config).items() if value is not None}


@replaces("dense_twin")
def twin_of_dense_is_empty(config):
    """Your twin of a dense model has no FFN, as if 0 experts were to be replaced. Which width does a dense model
    keep?"""
    twin = dense_twin(config)
    return twin if get(config, "num_experts") else {**twin, "intermediate_size": 0}


@replaces("dense_twin")
def twin_of_dense_is_a_copy(config):
    """Your twin of a dense model keeps keys of experts. A dense model may have them, with 0 or None: does the
    docstring keep them?"""
    return dense_twin(config) if get(config, "num_experts") else dict(config)


@replaces("dense_twin")
def twin_in_place(config):
    """The config that you were given is changed, so whoever calls you has no sparse model any more. From what
    should the twin be made?"""
    twin = dense_twin(config)
    for key in EXPERT_KEYS:
        config.pop(key, None)
    config.update(twin)
    return config


@replaces("dense_twin")
def twin_of_no_experts(config):
    """The twin of a model with 0 experts gets a new width in your code. Which number of experts does the docstring
    call dense?"""
    width = in_use(config) * expert(config) // (3 * config["hidden_size"])
    return {**dense_twin(config), "intermediate_size": width} if config.get("num_experts") == 0 else dense_twin(config)


@replaces("dense_twin", experts=[0, 1, None])
def twin_names_experts(config, *, experts):
    """Your twin says how many experts it has. Which keys of experts does the docstring leave in a dense model?"""
    return {**dense_twin(config), "num_experts": experts}


@replaces("dense_twin")
def twin_with_dense_ffn(config):
    """Your twin is as wide as the dense FFN and the experts in use together. Does a token of a sparse layer use a
    dense FFN as well?"""
    twin = dense_twin(config)
    if get(config, "num_experts"):
        twin["intermediate_size"] += config["intermediate_size"]
    return twin


@replaces("dense_twin")
def twin_of_dense_layers(config):
    """Where all layers of a model with experts are dense, your twin keeps their width. Is a model dense because of its
    layers or because of its experts, and which width does the statement then give?"""
    all_dense = get(config, "first_k_dense_replace", 0) >= config["num_hidden_layers"]
    twin = dense_twin(config)
    return {**twin, "intermediate_size": config["intermediate_size"]} if all_dense else twin


@replaces("dense_twin")
def twin_of_the_mean_layer(config):
    """Your twin is as wide as the layers are on average, the dense ones among them. Which width does the statement
    give to every layer of the twin?"""
    twin = dense_twin(config)
    dense, L = get(config, "first_k_dense_replace", 0), config["num_hidden_layers"]
    width = dense * config["intermediate_size"] + (L - dense) * twin["intermediate_size"]
    return {**twin, "intermediate_size": width // L} if get(config, "num_experts") else twin


@replaces("dense_twin")
def twin_of_none_fails(config):
    """A config with a key whose value is None makes your code fail. What does None stand for, and which function of
    the file reads a config so?"""
    if get(config, "num_experts"):
        used = config["num_experts_per_tok"] + config.get("n_shared_experts", 0)
        used * config.get("moe_intermediate_size", 1)
    return dense_twin(config)


@replaces("training_flops", each=[1, 2, 3, 4, 8, 12])
def other_passes(active_params, tokens, *, each):
    """Your estimate has {each} FLOPs for each parameter and token. How many are 2 for the forward pass, and twice
    that for the backward pass?"""
    return each * active_params * tokens


@replaces("training_flops")
def training_in_floats(active_params, tokens):
    """Your result is not exact: a float keeps 53 bits, and Python's ints as many as they need. Which step of yours
    made a float?"""
    return int(6.0 * active_params * tokens)
