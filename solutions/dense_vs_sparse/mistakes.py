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
    """You counted multiply-adds. A multiplication and an addition are two FLOPs, in the matrices and in the
    scores."""
    return flops_per_token(config, context) // 2


@replaces("flops_per_token")
def all_experts(config, context):
    """You counted all experts. A token is multiplied with k of them, and that is what a sparse model is for."""
    idle = get(config, "num_experts", 0) - get(config, "num_experts_per_tok", 0)
    return flops_per_token(config, context) + 2 * layers(config) * idle * expert(config)


@replaces("flops_per_token")
def one_expert(config, context):
    """You counted one routed expert in each sparse layer. How many does a token use?"""
    more = get(config, "num_experts_per_tok", 1) - 1
    return flops_per_token(config, context) - 2 * layers(config) * more * expert(config)


@replaces("flops_per_token")
def no_router(config, context):
    """You left out the router. It is a matrix that the token is multiplied with: which shape has it?"""
    router = config["hidden_size"] * get(config, "num_experts", 0)
    return flops_per_token(config, context) - 2 * layers(config) * router


@replaces("flops_per_token")
def router_of_k(config, context):
    """Your router scores k experts. How would it know which k these are? It scores all E."""
    idle = get(config, "num_experts", 0) - get(config, "num_experts_per_tok", 0)
    return flops_per_token(config, context) - 2 * layers(config) * config["hidden_size"] * idle


@replaces("flops_per_token")
def router_in_all_layers(config, context):
    """You counted a router in every layer. The first first_k_dense_replace layers have none."""
    dense = get(config, "first_k_dense_replace", 0)
    router = config["hidden_size"] * get(config, "num_experts", 0)
    return flops_per_token(config, context) + 2 * dense * router


@replaces("flops_per_token")
def no_shared(config, context):
    """You left out the shared experts. Which tokens pass through them?"""
    return flops_per_token({**config, "n_shared_experts": 0}, context)


@replaces("flops_per_token")
def shared_of_f(config, context):
    """You gave the shared experts the width F of a dense FFN. They are as wide as the routed ones."""
    shared = get(config, "n_shared_experts", 0) * layers(config)
    more = 3 * config["hidden_size"] * config["intermediate_size"] - expert(config)
    return flops_per_token(config, context) + 2 * shared * more


@replaces("flops_per_token")
def experts_of_f(config, context):
    """You gave the experts the width F of a dense FFN. Where the config says moe_intermediate_size, that is their
    width."""
    return flops_per_token({**config, "moe_intermediate_size": None}, context)


@replaces("flops_per_token")
def all_layers_sparse(config, context):
    """You made all layers sparse. How many of the first ones are dense stands in the config."""
    return flops_per_token({**config, "first_k_dense_replace": 0}, context)


@replaces("flops_per_token")
def dense_layers_of_fe(config, context):
    """Your dense layers are as wide as one expert. They have an FFN of width F."""
    dense = config["num_hidden_layers"] - layers(config) if get(config, "num_experts") else 0
    less = 3 * config["hidden_size"] * config["intermediate_size"] - expert(config)
    return flops_per_token(config, context) - 2 * dense * less


@replaces("flops_per_token")
def two_matrices(config, context):
    """You counted two matrices in an FFN. Which three matrices does SwiGLU have?"""
    D, _, F, L, *_ = sizes(config)
    sparse = layers(config)
    third = (L - sparse) * D * F + sparse * in_use(config) * expert(config) // 3
    return flops_per_token(config, context) - 2 * third


@replaces("flops_per_token")
def embedding_too(config, context):
    """You counted the embedding. Looking up a row multiplies nothing; only the head at the other end is a matrix
    product."""
    D, V, *_ = sizes(config)
    return flops_per_token(config, context) + 2 * D * V


@replaces("flops_per_token")
def no_head(config, context):
    """You left out the output head, a matrix of D x V. For how many words does a token need a logit?"""
    D, V, *_ = sizes(config)
    return flops_per_token(config, context) - 2 * D * V


@replaces("flops_per_token")
def tied_head_is_free(config, context):
    """You left out the head of a model with tied embeddings. It has no weights of its own, but the product is
    computed all the same."""
    D, V, *_ = sizes(config)
    return flops_per_token(config, context) - (2 * D * V if get(config, "tie_word_embeddings") else 0)


@replaces("flops_per_token")
def norms_too(config, context):
    """You took 2 FLOPs for the parameters of the norms too. Is a norm a product with a matrix?"""
    D, _, _, L, _, _, K = sizes(config)
    norms = L * (2 * D + (2 * K if get(config, "qk_norm") else 0)) + D
    return flops_per_token(config, context) + 2 * norms


@replaces("flops_per_token")
def qk_norms_too(config, context):
    """You counted the norms of queries and keys. A norm is no matrix product, and qk_norm changes nothing here."""
    *_, L, _, _, K = sizes(config)
    return flops_per_token(config, context) + (4 * L * K if get(config, "qk_norm") else 0)


@replaces("flops_per_token")
def no_scores(config, context):
    """Your count does not depend on the context. Scores and mixing have no weights, and are matrix products with
    the keys and values of all positions."""
    return flops_per_token(config, 0)


@replaces("flops_per_token")
def scores_of_kv_heads(config, context):
    """You counted scores and mixing for the key-value heads. Queries share keys and values, which saves memory.
    Each of them still needs scores of its own."""
    *_, L, H, G, K = sizes(config)
    return flops_per_token(config, context) - 4 * L * (H - G) * K * context


@replaces("flops_per_token")
def half_the_scores(config, context):
    """Your term with the context is half of what it is. For each query head and position there are the scores
    and the mixing of the values, and both multiply and add: how many FLOPs are that for each number of a head?"""
    *_, L, H, _, K = sizes(config)
    return flops_per_token(config, context) - 2 * L * H * K * context


@replaces("flops_per_token")
def scores_of_d(config, context):
    """You took D for the width of all heads in scores and mixing. H heads of width K are another number where the
    config says head_dim."""
    D, _, _, L, H, _, K = sizes(config)
    return flops_per_token(config, context) + 4 * L * (D - H * K) * context


@replaces("flops_per_token")
def scores_of_one_layer(config, context):
    """You counted scores and mixing once. Every layer attends."""
    *_, L, H, _, K = sizes(config)
    return flops_per_token(config, context) - 4 * (L - 1) * H * K * context


@replaces("flops_per_token")
def scores_of_all_tokens(config, context):
    """You squared the context: that is the work of all tokens together. One token has S scores for each head."""
    *_, L, H, _, K = sizes(config)
    return flops_per_token(config, 0) + 4 * L * H * K * context**2


@replaces("flops_per_token")
def all_tokens(config, context):
    """You multiplied everything by the context. The keys and values of the other positions are there: one token is
    computed."""
    return context * flops_per_token(config, context)


@replaces("flops_per_token")
def kv_of_all_heads(config, context):
    """You gave keys and values as many heads as the queries. Their matrices have G heads."""
    return flops_per_token({**config, "num_key_value_heads": None}, context)


@replaces("flops_per_token")
def width_divided(config, context):
    """You took D / H for the width of a head. Where the config says head_dim, that is the width."""
    return flops_per_token({**config, "head_dim": None}, context)


@replaces("flops_per_token")
def forward_and_backward(config, context):
    """You counted the backward pass too. Here it is the forward pass alone: 2 FLOPs for each weight, not 6."""
    return 3 * flops_per_token(config, context)


@replaces("flops_per_token")
def twice_all_weights(config, context):
    """You took 2 FLOPs for every parameter of the model, with those of the embedding and of the norms. Which of
    the parameters stand in a matrix that is multiplied with the token?"""
    D, V, _, L, _, _, _ = sizes(config)
    others = (0 if config.get("tie_word_embeddings") else V * D) + L * 2 * D + D
    return flops_per_token(config, context) + 2 * others


@replaces("flops_per_token")
def none_fails(config, context):
    """A config whose key has the value None makes your code fail. None counts as missing: which function of the
    file reads a config so?"""
    config["num_hidden_layers"] - config.get("first_k_dense_replace", 0)
    config.get("num_experts_per_tok", 0) + config.get("n_shared_experts", 0)
    config["hidden_size"] * config.get("head_dim", 1) * config.get("moe_intermediate_size", 1)
    return flops_per_token(config, context)


@replaces("flops_per_token")
def no_experts_are_sparse(config, context):
    """You ask whether the config has the key num_experts, and 0 experts make a sparse model in your count. Which
    number of experts does the docstring call dense?"""
    right = flops_per_token(config, context)
    if config.get("num_experts") != 0:
        return right
    first, D, F = get(config, "first_k_dense_replace", 0), config["hidden_size"], config["intermediate_size"]
    return right + 2 * (config["num_hidden_layers"] - first) * (in_use(config) * expert(config) - 3 * D * F)


@replaces("flops_per_token")
def router_scores_shared(config, context):
    """Your router scores the shared experts too. Every token uses them: is there anything to choose?"""
    return flops_per_token(config, context) + 2 * layers(config) * config["hidden_size"] * get(
        config, "n_shared_experts", 0
    )


@replaces("flops_per_token")
def shared_in_all_layers(config, context):
    """You gave the dense layers the shared experts too. Which FFN does one of the first first_k_dense_replace
    layers have?"""
    shared = get(config, "n_shared_experts", 0) if layers(config) else 0
    dense = config["num_hidden_layers"] - layers(config)
    return flops_per_token(config, context) + 2 * dense * shared * expert(config)


@replaces("flops_per_token")
def output_of_kv_heads(config, context):
    """Your output matrix of the attention has G heads. It reads the mixed values of every query head: how many
    heads are that?"""
    D, _, _, L, H, G, K = sizes(config)
    return flops_per_token(config, context) - 2 * L * D * K * (H - G)


@replaces("flops_per_token")
def without_itself(config, context):
    """Your token attends to one position less than context. The docstring says whether context includes the
    token itself: what does it say?"""
    return flops_per_token(config, context - 1)


@replaces("dense_twin")
def twin_without_shared(config):
    """Your twin is as wide as the k routed experts. Which other experts does every token use?"""
    return dense_twin({**config, "n_shared_experts": 0})


@replaces("dense_twin")
def twin_of_all_experts(config):
    """Your twin is as wide as all experts: that is the dense model of the same memory. The twin does the same
    work."""
    return dense_twin({**config, "num_experts_per_tok": get(config, "num_experts", 0)})


@replaces("dense_twin")
def twin_of_one_expert(config):
    """Your twin is as wide as one expert. How many experts does a token use?"""
    return dense_twin({**config, "num_experts_per_tok": 1, "n_shared_experts": 0})


@replaces("dense_twin")
def twin_of_f(config):
    """You took F for the width of an expert. Where the config says moe_intermediate_size, that is their width."""
    return dense_twin({**config, "moe_intermediate_size": None})


@replaces("dense_twin")
def twin_with_wide_shared(config):
    """You gave the shared experts the width F of a dense FFN. They are as wide as the routed ones."""
    twin = dense_twin({**config, "n_shared_experts": 0})
    more = get(config, "n_shared_experts", 0) * config["intermediate_size"] if get(config, "num_experts") else 0
    return {**twin, "intermediate_size": twin["intermediate_size"] + more}


@replaces("dense_twin")
def twin_keeps_expert_keys(config):
    """Your twin is wider and still has the keys of the experts: whoever reads it builds a sparse model."""
    return {**config, **dense_twin(config)}


@replaces("dense_twin")
def twin_keeps_some_keys(config):
    """You removed num_experts and num_experts_per_tok. The other keys of the experts mean nothing in a dense model
    either."""
    return {**{key: config[key] for key in config if key not in EXPERT_KEYS[:2]}, **dense_twin(config)}


@replaces("dense_twin")
def twin_keeps_dense_layers(config):
    """You left first_k_dense_replace in the twin. All its layers are dense: there is nothing to count."""
    key = "first_k_dense_replace"
    return {**dense_twin(config), **({key: config[key]} if key in config else {})}


@replaces("dense_twin")
def twin_of_known_keys(config):
    """Your twin has the keys that you know. All that have nothing to do with experts stay, whatever they mean."""
    known = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    known = (*known, "num_key_value_heads", "head_dim")
    return {key: value for key, value in dense_twin(config).items() if key in known}


@replaces("dense_twin")
def twin_without_none(config):
    """Your twin lacks the keys whose value is None. That counts as missing where a number is read; the keys themselves
    stay in the config, unless they are of experts."""
    return {key: value for key, value in dense_twin(config).items() if value is not None}


@replaces("dense_twin")
def twin_of_dense_is_empty(config):
    """Your twin of a dense model has no FFN: 0 experts times their width is 0. A dense model keeps its width."""
    twin = dense_twin(config)
    return twin if get(config, "num_experts") else {**twin, "intermediate_size": 0}


@replaces("dense_twin")
def twin_of_dense_is_a_copy(config):
    """Your twin of a dense model is a copy with all of its keys. A dense model may have the keys of experts too, with
    0 or None: which of your steps does it pass?"""
    return dense_twin(config) if get(config, "num_experts") else dict(config)


@replaces("dense_twin")
def twin_in_place(config):
    """You took the keys out of the config that you were given, and whoever calls you has no sparse model any more. From
    what does the twin have to be made?"""
    twin = dense_twin(config)
    for key in EXPERT_KEYS:
        config.pop(key, None)
    config.update(twin)
    return config


@replaces("dense_twin")
def twin_of_no_experts(config):
    """You take a model for sparse because its config has a key of experts, and a model of 0 experts gets a new width
    from you. Which number of experts does the docstring call dense?"""
    width = in_use(config) * expert(config) // (3 * config["hidden_size"])
    return {**dense_twin(config), "intermediate_size": width} if config.get("num_experts") == 0 else dense_twin(config)


@replaces("dense_twin")
def twin_has_one_expert(config):
    """You made a sparse model of one expert. A dense model has no experts and no router, and none of their keys."""
    return {**dense_twin(config), "num_experts": 1, "num_experts_per_tok": 1}


@replaces("dense_twin")
def twin_with_dense_ffn(config):
    """Your twin is as wide as the dense FFN and the experts in use together. Does a token of the sparse model
    use a dense FFN beside its experts?"""
    twin = dense_twin(config)
    if get(config, "num_experts"):
        twin["intermediate_size"] += config["intermediate_size"]
    return twin


@replaces("dense_twin")
def twin_of_the_mean_layer(config):
    """Your twin is as wide as the layers are on average, the dense ones among them. The README gives the twin the width
    of its experts in use. Which layers does that speak of?"""
    twin = dense_twin(config)
    dense, L = get(config, "first_k_dense_replace", 0), config["num_hidden_layers"]
    width = dense * config["intermediate_size"] + (L - dense) * twin["intermediate_size"]
    return {**twin, "intermediate_size": width // L} if get(config, "num_experts") else twin


@replaces("dense_twin")
def twin_of_none_fails(config):
    """A config whose key has the value None makes your code fail. None counts as missing: which function of the
    file reads a config so?"""
    if get(config, "num_experts"):
        used = config["num_experts_per_tok"] + config.get("n_shared_experts", 0)
        used * config.get("moe_intermediate_size", 1)
    return dense_twin(config)


@replaces("training_flops")
def forward_only(active_params, tokens):
    """You counted 2 FLOPs for each parameter and token: the forward pass. Training has a backward pass, too: how
    does it compare with the forward one?"""
    return 2 * active_params * tokens


@replaces("training_flops")
def equal_passes(active_params, tokens):
    """You gave the backward pass the work of the forward pass. It computes two gradients, that of the input and
    that of the weights."""
    return 4 * active_params * tokens


@replaces("training_flops")
def with_recomputation(active_params, tokens):
    """You counted 8 FLOPs for each parameter and token: with activations that are computed a second time. The usual
    estimate has no such second pass."""
    return 8 * active_params * tokens


@replaces("training_flops")
def training_in_floats(active_params, tokens):
    """Your result went through a float, which keeps 53 bits. Python's ints have as many bits as they need: which
    step made a float of them?"""
    return int(6.0 * active_params * tokens)
