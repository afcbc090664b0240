"""The examples of the docstrings, and models of the statement's table."""

from grader.testing import assert_equal, points

MISTRAL_7B = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
}
MIXTRAL_8X7B = {**MISTRAL_7B, "num_experts": 8, "num_experts_per_tok": 2}
MIXTRAL_TWIN = {**MISTRAL_7B, "intermediate_size": 28672}
QWEN3_TWIN = {
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
}
QWEN3_30B_A3B = {**QWEN3_TWIN, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768}


@points(4)
def test_example_dense(submission):
    """Mistral 7B at 4096 positions"""
    assert_equal(submission.flops_per_token(MISTRAL_7B, 4096), 16368271360, name="FLOPs")


@points(4)
def test_example_sparse(submission):
    """Mixtral 8x7B and Qwen3-30B-A3B at 4096 positions"""
    assert_equal(submission.flops_per_token(MIXTRAL_8X7B, 4096), 27644657664, name="FLOPs")
    assert_equal(submission.flops_per_token(QWEN3_30B_A3B, 4096), 9304539136, name="FLOPs of Qwen3-30B-A3B")


@points(4)
def test_example_twin(submission):
    """a small twin, two large ones, DeepSeek-V3's training"""
    others = {"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2}
    config = {**others, "intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2}
    assert_equal(submission.dense_twin(config), {**others, "intermediate_size": 32}, name="twin")
    assert_equal(submission.dense_twin(MIXTRAL_8X7B), MIXTRAL_TWIN, name="Mixtral's twin")
    assert_equal(submission.dense_twin(QWEN3_30B_A3B), QWEN3_TWIN, name="Qwen3's twin")
    expected = 3285600000000000000000000
    assert_equal(submission.training_flops(37_000_000_000, 14_800_000_000_000), expected, name="training FLOPs")
