# TRUE CAUSE: takes shared experts to be among the num_experts: E - shared are routed experts and shared of the E are shared
# (so a layer stores E experts, not E + shared), and a token uses k in all, the shared ones included. By the
# contract there are E routed experts and the shared ones besides, and k counts routed ones only.


def _get(config, key, default=0):
    value = config.get(key)
    return default if value is None else value


def attention_params(config):
    width = config["hidden_size"]
    heads = config["num_attention_heads"]
    kv_rank = _get(config, "kv_lora_rank")
    if not kv_rank:
        groups = _get(config, "num_key_value_heads", heads)
        k = _get(config, "head_dim", width // heads)
        total = width * heads * k  # q
        total += 2 * width * groups * k  # k and v
        total += heads * k * width  # o
        if _get(config, "qk_norm"):
            total += k + k
        return total
    nope, rope, v = (config[key] for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
    q_rank = _get(config, "q_lora_rank")
    q_in = q_rank if q_rank else width
    total = q_in * heads * (nope + rope)
    if q_rank:
        total += width * q_rank + q_rank
    total += width * (kv_rank + rope) + kv_rank
    total += kv_rank * heads * (nope + v)
    total += heads * v * width
    return total


def count_params(config):
    width, layers = config["hidden_size"], config["num_hidden_layers"]
    experts = _get(config, "num_experts")
    dense_ffn = 3 * width * config["intermediate_size"]
    first = _get(config, "first_k_dense_replace") if experts else layers
    expert = 3 * width * _get(config, "moe_intermediate_size", config["intermediate_size"])
    counts = {}
    for name, used in (("total", experts), ("active", _get(config, "num_experts_per_tok"))):
        n = config["vocab_size"] * width + width
        if not _get(config, "tie_word_embeddings"):
            n += config["vocab_size"] * width
        for i in range(layers):
            n += 2 * width + attention_params(config)
            n += dense_ffn if i < first else experts * width + used * expert
        counts[name] = n
    return counts
