"""The counts against a list of every tensor of the model by name, and against published models."""

from math import prod

import test_public

from grader.testing import assert_equal, needs, points

PARTS = ("embedding", "attention", "mlp", "norm", "head")


def gpt2(L, D, H, positions=1024):
    """GPT-2 and GPT-3 differ in four numbers."""
    sizes = {"n_layers": L, "d_model": D, "n_heads": H, "vocab_size": 50257, "max_positions": positions}
    return {**sizes, "attn_bias": "all", "mlp_bias": True, "tied": True}


def llama(L, D, H, G, F, V, **others):
    sizes = {"n_layers": L, "d_model": D, "n_heads": H, "n_kv_heads": G, "d_ff": F, "vocab_size": V}
    return {**sizes, "mlp": "swiglu", "norm": "rmsnorm", **others}


def random_config(rng, **others):
    """Grouped heads, and nothing that need not be named. All sizes differ, and D is H times something."""
    L, n, G, V, r = rng.sizes(5)
    H = (r + 1) * G
    return {"n_layers": L, "d_model": H * n, "n_heads": H, "n_kv_heads": G, "vocab_size": 100 + V, **others}


def tensors(c):
    """The shape of every tensor, output axis first, under its part and name."""
    D, H, V = c["d_model"], c["n_heads"], c["vocab_size"]
    G, K, F = c.get("n_kv_heads", H), c.get("head_dim", D // H), c.get("d_ff", 4 * D)
    found = {"embedding tokens": (V, D)}

    def linear(name, out, into, bias):
        found[f"{name}.weight"] = (out, into)
        if bias:
            found[f"{name}.bias"] = (out,)

    def norm(name):
        found[f"norm {name}.weight"] = (D,)
        if c.get("norm", "layernorm") == "layernorm":
            found[f"norm {name}.bias"] = (D,)

    if "max_positions" in c:
        found["embedding positions"] = (c["max_positions"], D)
    biases = c.get("attn_bias", "none")
    for layer in range(c["n_layers"]):
        for name, heads in (("q", H), ("k", G), ("v", G)):
            linear(f"attention {layer}.{name}", heads * K, D, biases != "none")
        linear(f"attention {layer}.o", D, H * K, biases == "all")
        for name in ("up", "gate") if c.get("mlp") == "swiglu" else ("up",):
            linear(f"mlp {layer}.{name}", F, D, c.get("mlp_bias"))
        linear(f"mlp {layer}.down", D, F, c.get("mlp_bias"))
        norm(f"{layer}.first")
        norm(f"{layer}.second")
    norm("last")
    if not c.get("tied"):
        linear("head output", V, D, False)
    return found


def expected(c, part):
    return sum(prod(shape) for name, shape in tensors(c).items() if name.split()[0] == part)


def check(submission, c, *parts, **others):
    """These parts of a config, in which others are changed."""
    c = {**c, **others}
    found = submission.count_params(c)
    with_others = "".join(f", {key} = {value}" for key, value in others.items())
    for part in parts:
        assert_equal(found[part], expected(c, part), name=f"{part}{with_others}")


def check_total(submission, **models):
    for model, (c, total) in models.items():
        assert_equal(submission.count_params(c)["total"], total, name=f"total of {model.replace('_', ' ')}")


@points(3)
def test_attention(submission, rng):
    """any number and width of heads"""
    for _ in range(2):
        c = random_config(rng)
        H, K = c["n_heads"], c["d_model"] // c["n_heads"]
        check(submission, c, "attention")
        check(submission, c, "attention", n_kv_heads=1)
        check(submission, c, "attention", head_dim=K + 3)
        check(submission, c, "attention", head_dim=K + 3, d_model=H * K + 1)  # H need not divide D then
        del c["n_kv_heads"]
        check(submission, c, "attention")


@points(2)
def test_mlp(submission, rng):
    """two matrices or three, of any width"""
    c = random_config(rng)
    F = c["d_model"] + 5
    for mlp in ({"mlp": "swiglu"}, {"mlp": "gelu"}, {}):
        check(submission, c, "mlp", **mlp, d_ff=F)
        check(submission, c, "mlp", **mlp)


@points(2)
def test_biases(submission, rng):
    """none, qkv, all; and in the MLP"""
    c = random_config(rng)
    for biases in ("all", "qkv", "none"):
        check(submission, c, "attention", attn_bias=biases, head_dim=c["d_model"])
        check(submission, c, "attention", attn_bias=biases)
    for mlp in ("gelu", "swiglu"):
        for with_bias in (True, False):
            check(submission, c, "mlp", "attention", mlp=mlp, mlp_bias=with_bias, d_ff=c["d_model"] + 3)
    check(submission, c, "attention", "mlp")


@points(1)
def test_norms(submission, rng):
    """two in a layer and a last one"""
    c = random_config(rng)
    for norm in ("rmsnorm", "layernorm"):
        check(submission, c, "norm", norm=norm)
    check(submission, c, "norm")


@points(2)
def test_tables(submission, rng):
    """tokens and positions, and a head, tied or not"""
    c = random_config(rng)
    P = int(rng.randint(20, 30, (1,)))
    for others in ({"tied": False}, {"tied": True}, {}, {"max_positions": P}, {"max_positions": P, "tied": True}):
        check(submission, c, "embedding", "head", **others)


@points(3)
@needs(test_public.test_example)
def test_sums(submission, rng):
    """total and non_embedding, tied or not"""
    for others in (
        {},
        {"tied": True, "max_positions": 12},
        {"mlp": "swiglu", "norm": "rmsnorm", "attn_bias": "qkv", "head_dim": 3},
        {"attn_bias": "all", "mlp_bias": True, "max_positions": 7},
    ):
        c = random_config(rng, **others)
        total = sum(map(prod, tensors(c).values()))
        found = submission.count_params(c)
        assert_equal(found["total"], total, name="total")
        outside = expected(c, "embedding") + expected(c, "head")
        assert_equal(found["non_embedding"], total - outside, name="non_embedding")


@points(1)
@needs(test_public.test_example)
def test_exact(submission):
    """models of 10^19 parameters, to the last one"""
    # No matrix has 2^63 numbers and there are few layers and heads: a count in any style gets through.
    for L, D, H in ((41, 10**8 + 15, 5), (40, 3 * 10**8 + 27, 3)):
        c = {"n_layers": L, "d_model": D, "n_heads": H, "n_kv_heads": 1, "d_ff": 10**9 + 9, "vocab_size": 10**9 + 3}
        check(submission, c, *PARTS, mlp="swiglu")
        total = sum(map(prod, tensors({**c, "mlp": "swiglu"}).values()))
        assert_equal(submission.count_params({**c, "mlp": "swiglu"})["total"], total, name="total")


@points(1)
@needs(test_public.test_example)
def test_published_gpt(submission):
    """GPT-2 medium, large and XL, and GPT-3"""
    check_total(
        submission,
        GPT_2_medium=(gpt2(24, 1024, 16), 354823168),
        GPT_2_large=(gpt2(36, 1280, 20), 774030080),
        GPT_2_XL=(gpt2(48, 1600, 25), 1557611200),
        GPT_3=(gpt2(96, 12288, 96, positions=2048), 174604259328),
    )


@points(1)
@needs(test_public.test_example_llama)
def test_published_llama(submission):
    """Llama 2 70B, 3 8B and 70B, 3.1 405B, 3.2 1B, Mistral 7B"""
    check_total(
        submission,
        Llama_2_70B=(llama(80, 8192, 64, 8, 28672, 32000), 68976648192),
        Llama_3_8B=(llama(32, 4096, 32, 8, 14336, 128256), 8030261248),
        Llama_3_70B=(llama(80, 8192, 64, 8, 28672, 128256), 70553706496),
        Llama_3_1_405B=(llama(126, 16384, 128, 8, 53248, 128256), 405853388800),
        Llama_3_2_1B=(llama(16, 2048, 32, 8, 8192, 128256, tied=True), 1235814400),
        Mistral_7B=(llama(32, 4096, 32, 8, 14336, 32000), 7241732096),
    )


@points(1)
@needs(test_public.test_example_llama)
def test_published_wide(submission):
    """Qwen2.5 7B; Gemma 7B and 2B with heads of 256"""
    gemma = {"tied": True, "head_dim": 256}
    check_total(
        submission,
        Qwen2_5_7B=(llama(28, 3584, 28, 4, 18944, 152064, attn_bias="qkv"), 7615616512),
        Gemma_7B=(llama(28, 3072, 16, 16, 24576, 256000, **gemma), 8537680896),
        Gemma_2B=(llama(18, 2048, 8, 1, 16384, 256000, **gemma), 2506172416),
    )
