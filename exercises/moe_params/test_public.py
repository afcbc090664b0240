"""The examples of the docstrings, and the dense model beside them."""

from grader.testing import assert_equal, needs, points

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
def test_example_attention(submission):
    """the attention of one layer of Mixtral"""
    assert_equal(submission.attention_params(MIXTRAL_8X7B), 41943040, name="attention")


@points(4)
@needs(test_example_attention)
def test_example_dense(submission):
    """Mistral 7B, where a token uses everything"""
    count = submission.count_params(MISTRAL_7B)
    assert_equal(count["total"], 7241732096, name="total")
    assert_equal(count["active"], 7241732096, name="active")


@points(4)
@needs(test_example_dense)
def test_example_sparse(submission):
    """Mixtral 8x7B: 46.7 billion and 12.9"""
    count = submission.count_params(MIXTRAL_8X7B)
    assert_equal(count["total"], 46702792704, name="total")
    assert_equal(count["active"], 12879925248, name="active")
