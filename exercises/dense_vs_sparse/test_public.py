"""The examples of the docstrings, and the dense model beside them."""

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


@points(4)
def test_example_dense(submission):
    """Mistral 7B at 4096 positions"""
    assert_equal(submission.flops_per_token(MISTRAL_7B, 4096), 16368271360, name="FLOPs")


@points(4)
def test_example_sparse(submission):
    """Mixtral 8x7B at 4096 positions"""
    assert_equal(submission.flops_per_token(MIXTRAL_8X7B, 4096), 27644657664, name="FLOPs")


@points(4)
def test_example_twin(submission):
    """a small twin, and DeepSeek-V3's training"""
    others = {"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2}
    config = {**others, "intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2}
    assert_equal(submission.dense_twin(config), {**others, "intermediate_size": 32}, name="twin")
    expected = 3285600000000000000000000
    assert_equal(submission.training_flops(37_000_000_000, 14_800_000_000_000), expected, name="training FLOPs")
