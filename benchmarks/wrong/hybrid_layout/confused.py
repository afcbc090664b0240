# TRUE CAUSE: takes the offset for the number of Mamba (or MLP) layers at the END of a period, i.e. counts it from the end of a
# period: layer i is attention where i mod period = period - 1 - offset, and MoE likewise. So layout is wrong, and the counts
# of layers change where the stack is not a multiple of the period.
JAMBA = {  # Jamba v0.1
    "vocab_size": 65536,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "attn_layer_period": 8,
    "attn_layer_offset": 4,
    "num_experts": 16,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 1,
    "mamba_d_state": 16,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_dt_rank": 256,
}


def _hit(i, period, offset):
    # `offset` layers of the other kind follow behind the special one in each period
    return i % period == period - 1 - offset


def layout(config):
    out = []
    for i in range(config["num_hidden_layers"]):
        mixer = "attention" if _hit(i, config["attn_layer_period"], config["attn_layer_offset"]) else "mamba"
        ffn = "moe" if _hit(i, config["expert_layer_period"], config["expert_layer_offset"]) else "mlp"
        out.append([mixer, ffn])
    return out


def kv_cache_bytes(config, context, batch=1, bytes_per_value=2):
    n = [mixer for mixer, _ in layout(config)].count("attention")
    kv = config["num_key_value_heads"] * (config["hidden_size"] // config["num_attention_heads"])
    return 2 * n * kv * context * batch * bytes_per_value


def ssm_state_bytes(config, batch=1, bytes_per_value=2):
    n = [mixer for mixer, _ in layout(config)].count("mamba")
    ch = config["mamba_expand"] * config["hidden_size"]
    return n * ch * (config["mamba_d_state"] + config["mamba_d_conv"]) * batch * bytes_per_value


def crossover_context(config):
    ch = config["mamba_expand"] * config["hidden_size"]
    state = ch * (config["mamba_d_state"] + config["mamba_d_conv"])
    kv = 2 * config["num_key_value_heads"] * (config["hidden_size"] // config["num_attention_heads"])
    t = 1
    while t * kv <= state:
        t += 1
    return t


def count_params(config):
    d, f = config["hidden_size"], config["intermediate_size"]
    h, g = config["num_attention_heads"], config["num_key_value_heads"]
    n, w, r = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    ch = config["mamba_expand"] * d
    e, k = config["num_experts"], config["num_experts_per_tok"]
    sizes = {
        "attention": d * (d // h) * (2 * h + 2 * g),
        "mamba": 3 * d * ch + ch * (w + 1) + ch * (r + 2 * n) + (r + 1) * ch + ch * (n + 1) + r + 2 * n,
        "mlp": 3 * d * f,
    }
    total = active = 2 * config["vocab_size"] * d + d
    for mixer, ffn in layout(config):
        common = 2 * d + sizes[mixer]
        if ffn == "mlp":
            total += common + sizes["mlp"]
            active += common + sizes["mlp"]
        else:
            total += common + e * d + e * 3 * d * f
            active += common + e * d + k * 3 * d * f
    return {"total": total, "active": active}
