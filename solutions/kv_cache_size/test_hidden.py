"""The cache of published models, and the formula as a count of numbers."""

from grader.testing import assert_close, assert_equal, needs, points

KIB, MIB, GIB = 2**10, 2**20, 2**30


def hf(layers, heads, width, **others):
    """A config with the key names of Llama."""
    return {
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "hidden_size": width,
        "vocab_size": 32000,
        **others,
    }


def gpt(layers, heads, width, **others):
    """A config with the key names of GPT-2."""
    return {"n_layer": layers, "n_head": heads, "n_embd": width, "vocab_size": 50257, **others}


GPT2 = gpt(12, 12, 768)
LLAMA_2_7B = hf(32, 32, 4096, num_key_value_heads=32)
LLAMA_2_70B = hf(80, 64, 8192, num_key_value_heads=8)
LLAMA_3_8B = hf(32, 32, 4096, num_key_value_heads=8)
LLAMA_3_70B = hf(80, 64, 8192, num_key_value_heads=8)
MISTRAL_7B = hf(32, 32, 4096, num_key_value_heads=8, sliding_window=4096)
FALCON_7B = hf(32, 71, 4544, multi_query=True, num_kv_heads=71)
STARCODER = gpt(40, 48, 6144, multi_query=True)
OPT_13B = hf(40, 40, 5120)
SMOLLM2_135M = hf(30, 9, 576, num_key_value_heads=3)
QWEN3_06B = hf(28, 16, 1024, num_key_value_heads=8, head_dim=128)


@points(2)
def test_formula(submission, rng):
    """twice the product of all six numbers"""
    for _ in range(3):
        L, G, K, T, B = rng.sizes(5, low=2, high=40)
        numbers = sum(2 * K for _ in range(L) for _ in range(G) for _ in range(B))  # of one token
        assert_equal(submission.kv_cache_bytes(L, G, K, T), 2 * T * numbers // B, name="bytes")
        assert_equal(submission.kv_cache_bytes(L, G, K, T, B), 2 * T * numbers, name="bytes")
        assert_equal(submission.kv_cache_bytes(L, G, K, 0, B), 0, name="bytes of an empty cache")


@points(1)
@needs(test_formula)
def test_number_size(submission, rng):
    """1, 4, 0.5 bytes each; a part counts whole"""
    L, G, K, T, B = (2 * n + 1 for n in rng.sizes(5))
    numbers = 2 * L * G * K * T * B  # 2 times an odd number
    for size, expected in ((1, numbers), (4, 4 * numbers), (0.5, numbers // 2)):
        assert_equal(submission.kv_cache_bytes(L, G, K, T, B, size), expected, name=f"bytes at {size} each")
    # Sixteenths are exact in binary, and so are these products: no rounding but the last one. Of 9 and 15 one leaves
    # more than half a byte, and comes first: to round to the nearest is right there, and to cut off is not.
    for above in (*sorted((9, 15), key=lambda above: -(numbers * above % 16)), 12):
        result = submission.kv_cache_bytes(L, G, K, T, B, bytes_per_element=above / 16)
        assert_equal(result, (numbers * above + 15) // 16, name=f"bytes at {above / 16} each")


@points(1)
@needs(test_formula)
def test_exact(submission, rng):
    """an int, exact beyond what a float holds"""
    odd = 2 * int(rng.randint(10**6, 10**7, (1,))) + 1
    result = submission.kv_cache_bytes(1001, 1003, 1005, odd, 1007)
    assert isinstance(result, int), "kv_cache_bytes returns an int."
    assert_equal(result, 4 * 1001 * 1003 * 1005 * 1007 * odd, name="bytes")


@points(2)
def test_published(submission):
    """bytes for one token of nine models"""
    models = {
        "GPT-2": (GPT2, 36 * KIB),
        "Llama 2 7B": (LLAMA_2_7B, 512 * KIB),
        "Llama 2 70B": (LLAMA_2_70B, 320 * KIB),
        "Llama 3 8B": (LLAMA_3_8B, 128 * KIB),
        "Mistral 7B": (MISTRAL_7B, 128 * KIB),
        "Falcon 7B": (FALCON_7B, 8 * KIB),
        "OPT-13B": (OPT_13B, 800 * KIB),
        "SmolLM2-135M": (SMOLLM2_135M, 23040),
        "Qwen3-0.6B": (QWEN3_06B, 112 * KIB),
    }
    for model, (config, expected) in models.items():
        assert_equal(submission.config_cache_bytes(config, 1), expected, name=f"bytes of {model}")


@points(1)
@needs(test_published)
def test_full_context(submission):
    """full contexts, many at once, one byte each"""
    bytes_of = submission.config_cache_bytes
    assert_equal(bytes_of(GPT2, 1024), 36 * MIB, name="bytes of GPT-2")
    assert_equal(bytes_of(LLAMA_2_7B, 4096), 2 * GIB, name="bytes of Llama 2 7B")
    assert_equal(bytes_of(LLAMA_2_70B, 4096, 16), 20 * GIB, name="bytes of 16 times Llama 2 70B")
    assert_equal(bytes_of(LLAMA_3_70B, 8192), 5 * GIB // 2, name="bytes of Llama 3 70B")
    assert_equal(bytes_of(LLAMA_3_8B, 8192, bytes_per_element=1), GIB // 2, name="bytes at 8 bits")
    assert_equal(bytes_of(LLAMA_3_8B, 8192, 3, 0.5), 3 * GIB // 4, name="bytes of three at 4 bits")
    assert_equal(bytes_of(FALCON_7B, 2048), 16 * MIB, name="bytes of Falcon 7B")
    assert_equal(bytes_of(hf(1, 1, 1), 1, 3, 0.75), 5, name="bytes of three sequences of 1.5 bytes")


@points(2)
def test_window(submission, rng):
    """a window caps the tokens of each sequence"""
    W, T, B = rng.sizes(3, low=3, high=40)
    config = hf(3, 4, 20, num_key_value_heads=2, sliding_window=W)
    per_token = 2 * 3 * 2 * 5 * 2
    lengths, kept = (1, W - 1, W, W + 1, W + T), (1, W - 1, W, W, W)
    one = [submission.config_cache_bytes(config, tokens) for tokens in lengths]
    several = [submission.config_cache_bytes(config, tokens, B) for tokens in lengths]
    assert_equal(one, [tokens * per_token for tokens in kept], name="bytes of five lengths")
    assert_equal(several, [B * tokens * per_token for tokens in kept], name=f"bytes of {B} sequences")
    assert_equal(submission.config_cache_bytes(MISTRAL_7B, 32768), 512 * MIB, name="bytes of Mistral 7B")


@points(1)
def test_key_names(submission, rng):
    """both spellings, and grouped heads"""
    L, G, K = rng.sizes(3, low=2)
    H = 11 * G
    mha = {"num_layers": L, "num_kv_heads": H, "head_dim": K}
    shape = submission.cache_shape(gpt(L, H, H * K))
    assert_equal(shape, mha, name="shape")
    assert all(isinstance(size, int) for size in shape.values()), "The sizes in the shape are ints."
    assert_equal(submission.cache_shape(hf(L, H, H * K)), mha, name="shape")
    gqa = {**mha, "num_kv_heads": G}
    assert_equal(submission.cache_shape(hf(L, H, H * K, num_key_value_heads=G)), gqa, name="shape")
    assert_equal(submission.cache_shape(gpt(L, H, H * K, num_key_value_heads=G)), gqa, name="shape")


@points(1)
def test_head_dim(submission, rng):
    """head_dim wins over the width, needs none"""
    L, H, K, D = rng.sizes(4, low=3)
    expected = {"num_layers": L, "num_kv_heads": H, "head_dim": K}
    assert_equal(submission.cache_shape(hf(L, H, H * D, head_dim=K)), expected, name="shape")
    bare = {"num_hidden_layers": L, "num_attention_heads": H, "head_dim": K}
    assert_equal(submission.cache_shape(bare), expected, name="shape without a width")
    qwen = {"num_layers": 28, "num_kv_heads": 8, "head_dim": 128}
    assert_equal(submission.cache_shape(QWEN3_06B), qwen, name="shape of Qwen3-0.6B")


@points(1)
def test_multi_query(submission):
    """one key-value head if true, as usual if not"""
    falcon = {"num_layers": 32, "num_kv_heads": 1, "head_dim": 64}
    assert_equal(submission.cache_shape(FALCON_7B), falcon, name="shape of Falcon 7B")
    starcoder = {"num_layers": 40, "num_kv_heads": 1, "head_dim": 128}
    assert_equal(submission.cache_shape(STARCODER), starcoder, name="shape of StarCoder")
    both = {**STARCODER, "num_key_value_heads": 48}
    assert_equal(submission.cache_shape(both), starcoder, name="shape with num_key_value_heads too")
    off = {**STARCODER, "multi_query": False}
    assert_equal(submission.cache_shape(off), {**starcoder, "num_kv_heads": 48}, name="shape with it off")


@points(1)
@needs(test_published)
def test_none(submission):
    """a value of None is the same as none, see _get"""
    keys = ("num_key_value_heads", "head_dim", "multi_query", "sliding_window")
    config = {**GPT2, **dict.fromkeys(keys)}
    shape = {"num_layers": 12, "num_kv_heads": 12, "head_dim": 64}
    assert_equal(submission.cache_shape(config), shape, name="shape")
    assert_equal(submission.config_cache_bytes(config, 1024), 36 * MIB, name="bytes")
    for key in ("num_hidden_layers", "num_attention_heads", "hidden_size"):
        assert_equal(submission.cache_shape({**GPT2, key: None}), shape, name=f"shape with {key} None")
    llama = {"num_layers": 32, "num_kv_heads": 8, "head_dim": 128}
    for key in ("n_layer", "n_head", "n_embd"):
        assert_equal(submission.cache_shape({**LLAMA_3_8B, key: None}), llama, name=f"shape with {key} None")


@points(1)
def test_reduction(submission):
    """query heads for each key-value head"""
    models = (
        (GPT2, 1.0),
        (LLAMA_2_70B, 8.0),
        (MISTRAL_7B, 4.0),
        (FALCON_7B, 71.0),
        ({**STARCODER, "num_key_value_heads": 24}, 48.0),
        (SMOLLM2_135M, 3.0),
        (QWEN3_06B, 2.0),
    )
    found = [float(submission.reduction_vs_mha(config)) for config, _ in models]
    assert_close(found, [expected for _, expected in models], name="reductions")


@points(2)
@needs(test_published)
def test_max_batch(submission):
    """as many whole sequences as fit"""
    fits = submission.max_batch_size
    for free, expected in ((8 * GIB, 8), (8 * GIB - 1, 7), (GIB, 1), (GIB - 1, 0), (0, 0)):
        assert_equal(fits(LLAMA_3_8B, 8192, free), expected, name=f"batch in {free} bytes")
    assert isinstance(fits(LLAMA_3_8B, 8192, GIB), int), "max_batch_size returns an int."
    assert_equal(fits(LLAMA_3_8B, 8192, 8 * GIB - 1, 0.5), 31, name="batch at 4 bits")
    assert_equal(fits(MISTRAL_7B, 32768, 3 * GIB), 6, name="batch with a window")
    assert_equal(fits(LLAMA_2_70B, 4096, 10 * GIB), 8, name="batch of a model of 80 layers")
    assert_equal(fits(STARCODER, 8192, GIB), 6, name="batch of a model with GPT's names")
