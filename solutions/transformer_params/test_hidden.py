"""The counts against a list of every tensor of the model by name, and against published models."""

from math import prod

import pytest

from grader.testing import assert_equal, needs, points

PARTS = ("embedding", "attention", "mlp", "norm", "head")


def gpt2(L, D, H, positions=1024):
    """GPT-2 and GPT-3 differ in four numbers."""
    sizes = {"n_layers": L, "d_model": D, "n_heads": H, "vocab_size": 50257, "max_positions": positions}
    return {**sizes, "attn_bias": "all", "mlp_bias": True, "tied": True}


def llama(L, D, H, G, F, V, **others):
    sizes = {"n_layers": L, "d_model": D, "n_heads": H, "n_kv_heads": G, "d_ff": F, "vocab_size": V}
    return {**sizes, "mlp": "swiglu", "norm": "rmsnorm", **others}


def bert(L, D, H):
    c = {**gpt2(L, D, H, positions=512), "vocab_size": 30522, "type_vocab": 2, "tied": None}
    return {**c, "embedding_norm": True, "final_norm": False, "lm_head": False, "pooler": True}


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

    for table, key in (("positions", "max_positions"), ("types", "type_vocab")):
        if key in c:
            found[f"embedding {table}"] = (c[key], D)
    if c.get("embedding_norm"):
        norm("of embedding")
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
    if c.get("final_norm", True):
        norm("last")
    if c.get("lm_head", True) and not c.get("tied"):
        linear("head output", V, D, False)
    if c.get("pooler"):
        linear("head pooler", D, D, True)
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


@points(2)
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


@points(1)
def test_mlp(submission, rng):
    """two matrices or three, of any width"""
    c = random_config(rng)
    F = c["d_model"] + 5
    for mlp in ({}, {"mlp": "gelu"}, {"mlp": "swiglu"}):
        check(submission, c, "mlp", **mlp)
        check(submission, c, "mlp", **mlp, d_ff=F)


@points(2)
def test_biases(submission, rng):
    """none, qkv, all; and in the MLP"""
    c = random_config(rng)
    for biases in ("none", "qkv", "all"):
        check(submission, c, "attention", "mlp", attn_bias=biases)
        check(submission, c, "attention", "mlp", attn_bias=biases, head_dim=c["d_model"])
    c["d_ff"] = c["d_model"] + 3
    for mlp in ("gelu", "swiglu"):
        for with_bias in (True, False):
            check(submission, c, "mlp", "attention", mlp=mlp, mlp_bias=with_bias)


@points(1)
def test_norms(submission, rng):
    """two in a layer, one last, one after the embedding"""
    c = random_config(rng)
    check(submission, c, "norm")
    for norm in ("layernorm", "rmsnorm"):
        for last in (True, False):
            for first in (True, False):
                check(submission, c, "norm", "embedding", norm=norm, final_norm=last, embedding_norm=first)


@points(2)
def test_tables(submission, rng):
    """positions, types, tied or no head, pooler"""
    c = random_config(rng)
    P, S = rng.sizes(2, low=20, high=30)
    check(submission, c, "embedding", "head")
    for others in (
        {"max_positions": P},
        {"type_vocab": S},
        {"max_positions": P, "type_vocab": S, "tied": True},
        {"lm_head": False},
        {"tied": True, "lm_head": False},
        {"pooler": True},
        {"tied": True, "pooler": True},
        {"lm_head": False, "pooler": True},
    ):
        check(submission, c, "embedding", "head", **others)


@points(1)
@needs("test_example")
def test_sums(submission, rng):
    """total and non_embedding, tied or not"""
    for others in (
        {},
        {"tied": True, "max_positions": 12},
        {"mlp": "swiglu", "norm": "rmsnorm", "attn_bias": "qkv", "head_dim": 3},
        {"lm_head": False, "pooler": True, "type_vocab": 2, "embedding_norm": True},
    ):
        c = random_config(rng, **others)
        total = sum(map(prod, tensors(c).values()))
        found = submission.count_params(c)
        assert_equal(found["total"], total, name="total")
        outside = expected(c, "embedding") + expected(c, "head")
        assert_equal(found["non_embedding"], total - outside, name="non_embedding")


@points(1)
@needs("test_example")
def test_exact(submission):
    """a model of 10^20 parameters, to the last one"""
    c = {"n_layers": 9, "d_model": 10**9 + 7, "n_heads": 10**9 + 7, "n_kv_heads": 1, "d_ff": 3, "vocab_size": 11}
    check(submission, c, *PARTS)
    check(submission, c, *PARTS, d_ff=10**10 + 19, vocab_size=10**11 + 3, mlp="swiglu")


@points(1)
@needs("test_example")
def test_none(submission, rng):
    """None counts as missing, other keys do not count"""
    c = random_config(rng)
    for key in (
        "head_dim",
        "d_ff",
        "mlp",
        "attn_bias",
        "mlp_bias",
        "norm",
        "final_norm",
        "embedding_norm",
        "max_positions",
        "type_vocab",
        "tied",
        "lm_head",
        "pooler",
        "dropout",
    ):
        found = submission.count_params({**c, key: None})
        for part in PARTS:
            assert_equal(found[part], expected(c, part), name=f"{part} with {key} = None")
    same = {**c, "n_kv_heads": c["n_heads"]}
    assert_equal(submission.count_params({**c, "n_kv_heads": None})["attention"], expected(same, "attention"))


@points(2)
@needs("test_example_llama")
def test_errors(submission, rng):
    """ValueError for heads that do not fit, and for unknown names"""
    c = random_config(rng)
    H, D = c["n_heads"], c["d_model"]
    fitting = ({}, {"n_kv_heads": H}, {"head_dim": 5, "d_model": D + 1}, {"mlp": "swiglu", "norm": "rmsnorm"})
    for changes in fitting:
        check(submission, c, *PARTS, **changes)
    for changes in (
        {"n_kv_heads": H + 1},
        {"n_kv_heads": H - 1, "head_dim": 5},
        {"n_heads": 4, "n_kv_heads": 3, "d_model": 8},
        {"d_model": D + 1},
        {"d_model": D + 1, "head_dim": None},
        {"mlp": "geglu"},
        {"norm": "batchnorm"},
        {"attn_bias": "q"},
        {"attn_bias": "", "n_layers": 1},
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.count_params({**c, **changes})


@points(1)
@needs("test_example")
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
@needs("test_example_llama")
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
@needs("test_example_llama")
def test_published_wide(submission):
    """Qwen2.5 7B; Gemma 7B and 2B with heads of 256"""
    gemma = {"tied": True, "head_dim": 256}
    check_total(
        submission,
        Qwen2_5_7B=(llama(28, 3584, 28, 4, 18944, 152064, attn_bias="qkv"), 7615616512),
        Gemma_7B=(llama(28, 3072, 16, 16, 24576, 256000, **gemma), 8537680896),
        Gemma_2B=(llama(18, 2048, 8, 1, 16384, 256000, **gemma), 2506172416),
    )


@points(1)
@needs("test_example")
def test_published_bert(submission):
    """the encoders of BERT, with their pooler"""
    check_total(
        submission,
        BERT_base=(bert(12, 768, 12), 109482240),
        BERT_large=(bert(24, 1024, 16), 335141888),
    )
