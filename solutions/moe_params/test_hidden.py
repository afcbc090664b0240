"""The counts against a list of every tensor of the model, and against published models."""

from math import prod

import test_public

from grader.testing import assert_equal, needs, points

MLA = {"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "kv_lora_rank": 512}


def config(V, D, F, L, H, G, **others):
    return {
        "vocab_size": V,
        "hidden_size": D,
        "intermediate_size": F,
        "num_hidden_layers": L,
        "num_attention_heads": H,
        "num_key_value_heads": G,
        **others,
    }


def experts(E, k, Fe=None, shared=0, dense=0):
    """The keys of a sparse model."""
    sparse = {"num_experts": E, "num_experts_per_tok": k, "n_shared_experts": shared, "first_k_dense_replace": dense}
    return sparse if Fe is None else {**sparse, "moe_intermediate_size": Fe}


MIXTRAL_8X22B = config(32000, 6144, 16384, 56, 48, 8, **experts(8, 2))
QWEN3_30B_A3B = config(151936, 2048, 6144, 48, 32, 4, head_dim=128, qk_norm=True, **experts(128, 8, 768))
DEEPSEEK_V2_LITE = config(102400, 2048, 10944, 27, 16, 16, q_lora_rank=None, **MLA, **experts(64, 6, 1408, 2, 1))
DEEPSEEK_V3 = config(129280, 7168, 18432, 61, 128, 128, q_lora_rank=1536, **MLA, **experts(256, 8, 2048, 1, 3))
KIMI_K2 = config(163840, 7168, 18432, 61, 64, 64, q_lora_rank=1536, **MLA, **experts(384, 8, 2048, 1, 1))


def random_dense(rng, **others):
    """A dense config with grouped queries, that names nothing it need not."""
    L, F, G, n, V = rng.sizes(5)
    H = 3 * G
    return config(50 + V, H * n, 10 + F, L, H, G, **others)


def random_sparse(rng, **others):
    """The same with experts."""
    k, more = rng.sizes(2)
    return random_dense(rng, num_experts=k + more, num_experts_per_tok=k, **others)


def random_mla(rng, **others):
    """A dense config with latent attention, and keys beside it that play no part in that."""
    r_q, r_kv, n, p, v = rng.sizes(5, low=2, high=20)
    mla = {"q_lora_rank": r_q, "kv_lora_rank": r_kv, "qk_nope_head_dim": n, "qk_rope_head_dim": p, "v_head_dim": v}
    return random_dense(rng, **{**mla, "head_dim": p, "qk_norm": True, **others})


def attention_tensors(c):
    """The shapes of the attention of one layer, output axis first, as a checkpoint has them."""
    D, H = c["hidden_size"], c["num_attention_heads"]
    if "kv_lora_rank" not in c:
        G, K = c["num_key_value_heads"], c.get("head_dim", D // H)
        norms = [(K,), (K,)] if c.get("qk_norm") else []
        return [(H * K, D), (G * K, D), (G * K, D), (D, H * K), *norms]
    r_q, r_kv = c["q_lora_rank"], c["kv_lora_rank"]
    n, p, v = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
    queries = [(H * (n + p), D)] if r_q is None else [(r_q, D), (r_q,), (H * (n + p), r_q)]
    return [*queries, (r_kv + p, D), (r_kv,), (H * (n + v), r_kv), (D, H * v)]


def ffn_tensors(c, width):
    D = c["hidden_size"]
    return [(width, D), (width, D), (D, width)]


def numbers(shapes):
    return sum(map(prod, shapes))


def count(c):
    """Total and active: every tensor of the checkpoint, layer by layer and expert by expert."""
    D, V, F, E = c["hidden_size"], c["vocab_size"], c["intermediate_size"], c.get("num_experts", 0)
    used, idle = [(V, D), (D,)], []
    if not c.get("tie_word_embeddings"):
        used.append((V, D))
    for layer in range(c["num_hidden_layers"]):
        used += [(D,), (D,), *attention_tensors(c)]
        if E == 0 or layer < c.get("first_k_dense_replace", 0):
            used += ffn_tensors(c, F)
            continue
        used.append((E, D))
        for _ in range(c.get("n_shared_experts", 0)):
            used += ffn_tensors(c, c.get("moe_intermediate_size", F))
        for expert in range(E):  # which of them a token chooses makes no difference
            group = used if expert < c["num_experts_per_tok"] else idle
            group += ffn_tensors(c, c.get("moe_intermediate_size", F))
    return numbers(used) + numbers(idle), numbers(used)


def check(submission, c, total, active, what=""):
    found = submission.count_params(c)
    assert_equal(found["total"], total, name=f"total{what}")
    assert_equal(found["active"], active, name=f"active{what}")


# Each test but the last two adds one key to a plain config, so that a key that is not read shows in one test only.


@points(4)
@needs(test_public.test_example_attention)
def test_gqa(submission, rng):
    """any number and width of heads, and their norms"""
    for _ in range(2):
        c = random_dense(rng)
        H, K = c["num_attention_heads"], c["hidden_size"] // c["num_attention_heads"] + 1
        assert_equal(submission.attention_params(c), numbers(attention_tensors(c)), name="attention")
        for key, value in (("head_dim", K), ("qk_norm", True), ("num_key_value_heads", H)):
            changed = {**c, key: value}
            expected = numbers(attention_tensors(changed))
            assert_equal(submission.attention_params(changed), expected, name=f"attention with {key} = {value}")
        del changed["num_key_value_heads"]
        assert_equal(submission.attention_params(changed), expected, name="attention without num_key_value_heads")
        of_mla = {"q_lora_rank": 5, "qk_nope_head_dim": 3, "qk_rope_head_dim": 2, "v_head_dim": 4}
        expected = numbers(attention_tensors(c))
        assert_equal(submission.attention_params({**c, **of_mla}), expected, name="attention without kv_lora_rank")


@points(3)
@needs(test_public.test_example_attention)
def test_mla(submission, rng):
    """compressed keys and values, queries or not"""
    for _ in range(2):
        c = random_mla(rng)
        assert_equal(submission.attention_params(c), numbers(attention_tensors(c)), name="attention")
        expected = numbers(attention_tensors({**c, "q_lora_rank": None}))
        del c["q_lora_rank"]
        assert_equal(submission.attention_params(c), expected, name="attention without q_lora_rank")
        del c["num_key_value_heads"]
        assert_equal(submission.attention_params(c), expected, name="attention without num_key_value_heads")


@points(3)
@needs(test_public.test_example_dense)
def test_tied(submission, rng):
    """one table for embedding and head if tied"""
    for tied in (True, False):
        c = random_dense(rng, tie_word_embeddings=tied)
        check(submission, c, *count(c))


@points(3)
@needs(test_public.test_example_sparse)
def test_experts(submission, rng):
    """experts of any number and width"""
    for _ in range(2):
        c = random_sparse(rng)
        check(submission, c, *count(c))
        c["moe_intermediate_size"] = c["intermediate_size"] - 3
        check(submission, c, *count(c))


@points(3)
@needs(test_public.test_example_sparse)
def test_shared(submission, rng):
    """shared experts, which every token uses"""
    for s in rng.sizes(2, low=1):
        c = random_sparse(rng, n_shared_experts=s)
        check(submission, c, *count(c))


@points(3)
@needs(test_public.test_example_sparse)
def test_dense_layers(submission, rng):
    """first_k_dense_replace layers without experts"""
    for _ in range(2):
        c = random_sparse(rng)
        for first in (1, c["num_hidden_layers"] - 1, c["num_hidden_layers"]):
            c["first_k_dense_replace"] = first
            check(submission, c, *count(c))


@points(3)
@needs(test_public.test_example_sparse)
def test_none(submission, rng):
    """None is missing, see _get, and 0 experts are none"""
    c = random_dense(rng)
    check(submission, {**c, "num_experts": 0}, *count(c))
    for key in ("num_experts_per_tok", "moe_intermediate_size", "n_shared_experts", "first_k_dense_replace"):
        check(submission, {**c, "num_experts": 0, key: 1}, *count(c), f" without experts, with {key} = 1")
    check(submission, {**c, "num_experts": None, "num_experts_per_tok": None}, *count(c))
    c = random_sparse(rng)
    for key in (
        "head_dim",
        "qk_norm",
        "moe_intermediate_size",
        "n_shared_experts",
        "first_k_dense_replace",
        "tie_word_embeddings",
        "kv_lora_rank",
    ):
        check(submission, {**c, key: None}, *count(c))
    mha = {**c, "num_key_value_heads": c["num_attention_heads"]}
    check(submission, {**c, "num_key_value_heads": None}, *count(mha))
    mla = random_mla(rng, q_lora_rank=None)
    assert_equal(submission.attention_params(mla), numbers(attention_tensors(mla)), name="attention")


@points(3)
@needs(test_gqa, test_experts)
def test_published_gqa(submission):
    """Mixtral 8x22B and Qwen3-30B-A3B"""
    check(submission, MIXTRAL_8X22B, 140620634112, 39152031744, " of Mixtral 8x22B")
    check(submission, QWEN3_30B_A3B, 30532122624, 3353032704, " of Qwen3-30B-A3B")


@points(3)
@needs(test_mla, test_experts, test_shared, test_dense_layers)
def test_published_mla(submission):
    """DeepSeek-V3 and V2-Lite, and Kimi K2"""
    check(submission, DEEPSEEK_V3, 671026404352, 37552282624, " of DeepSeek-V3")
    check(submission, KIMI_K2, 1026408209408, 32861477888, " of Kimi K2")
    check(submission, DEEPSEEK_V2_LITE, 15706484224, 2661150208, " of DeepSeek-V2-Lite")
