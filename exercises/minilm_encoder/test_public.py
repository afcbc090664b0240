"""The names of the parameters, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


def encoder_names(layers):
    """The names of the state dict."""
    names = {"word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight"}
    names |= {"embedding_norm.weight", "embedding_norm.bias"}
    parts = ("q_proj", "k_proj", "v_proj", "out_proj", "attn_norm", "fc1", "fc2", "ffn_norm")
    return names | {f"layers.{i}.{part}.{kind}" for i in range(layers) for part in parts for kind in ("weight", "bias")}


@points(3)
def test_parameters(submission):
    """the names and shapes of the table"""
    V, D, L, H, F = 7, 4, 3, 2, 5
    shapes = {name: value.shape for name, value in submission.BertEncoder(V, D, L, H, F).state_dict().items()}
    missing, extra = sorted(encoder_names(L) - shapes.keys()), sorted(shapes.keys() - encoder_names(L))
    assert not missing, f"{len(missing)} names are missing from the state dict, the first is {missing[0]}."
    assert not extra, f"The state dict has {len(extra)} names too many, the first is {extra[0]}."
    assert_equal(shapes["word_embeddings.weight"], (V, D), name="shape of word_embeddings.weight")
    assert_equal(shapes["position_embeddings.weight"], (512, D), name="shape of position_embeddings.weight")
    assert_equal(shapes["token_type_embeddings.weight"], (2, D), name="shape of token_type_embeddings.weight")
    assert_equal(shapes["embedding_norm.weight"], (D,), name="shape of embedding_norm.weight")
    assert_equal(shapes["layers.2.fc1.weight"], (F, D), name="shape of layers.2.fc1.weight")


@points(1)
def test_example_convert(submission):
    """fc2 of layer 11; the pooler is left out"""
    state = {"encoder.layer.11.output.dense.bias": torch.ones(2), "pooler.dense.bias": torch.ones(2)}
    converted = submission.convert_bert_state(state)
    assert_equal(sorted(converted), ["layers.11.fc2.bias"], name="converted names")
    assert_equal(converted["layers.11.fc2.bias"], torch.ones(2), name="layers.11.fc2.bias")


@points(1)
def test_example_pool(submission):
    """the mean of two vectors; the third is padding"""
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
    assert_close(submission.mean_pool(hidden, torch.tensor([[1, 1, 0]])), torch.tensor([[2.0, 4.0]]), name="mean")


@points(1)
def test_example_rank(submission):
    """same direction, 45 degrees, two at 90"""
    documents = torch.tensor([[0.0, 2.0], [5.0, 5.0], [0.5, 0.0], [0.0, 3.0]])
    assert_equal(submission.rank_by_cosine(torch.tensor([1.0, 0.0]), documents), [2, 1, 0, 3], name="ranking")


@points(2)
@needs(test_parameters, test_example_pool)
def test_example_embed(submission):
    """linear maps and positions 0: norms and mean"""
    B, D = 2, 4
    model = submission.BertEncoder(3, D, 1, 2, 5)
    state = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    state |= {name: torch.ones(D) for name in state if name.endswith("norm.weight")}
    state["word_embeddings.weight"] = torch.tensor([[8.0, 0, 0, 0], [1, 2, 3, 4], [9, 9, 9, 5]])
    model.load_state_dict(state)
    vectors = model.embed(torch.tensor([[1, 2, 1], [1, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]]))
    expected = torch.tensor([-0.7636, -0.1150, 0.5336, 0.3449, -0.6708, -0.2236, 0.2236, 0.6708]).view(B, D)
    assert_close(vectors.detach(), expected, atol=1e-4, name="vectors")  # the example has four digits
