"""The names of the parameters, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(4)
def test_parameters(submission):
    """the names and shapes of the table"""
    P, C, D, F, N, classes = 2, 3, 8, 5, 9, 4
    vit = submission.ViT(3 * P, P, C, D, 2, 4, F, classes)
    linear = {"head": (classes, D)}
    norms = ["norm"]
    for i in range(2):
        linear |= {f"blocks.{i}.attn.qkv": (3 * D, D), f"blocks.{i}.attn.proj": (D, D)}
        linear |= {f"blocks.{i}.mlp.fc1": (F, D), f"blocks.{i}.mlp.fc2": (D, F)}
        norms += [f"blocks.{i}.norm1", f"blocks.{i}.norm2"]
    expected = {"cls_token": (1, 1, D), "pos_embed": (1, N + 1, D)}
    expected |= {"patch_embed.proj.weight": (D, C, P, P), "patch_embed.proj.bias": (D,)}
    for name, shape in linear.items():
        expected |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        expected |= {f"{name}.weight": (D,), f"{name}.bias": (D,)}
    shapes = {name: tuple(parameter.shape) for name, parameter in vit.named_parameters()}
    assert_equal(sorted(shapes), sorted(expected), name="names of parameters")
    assert_equal(shapes, expected, name="shapes of parameters")


@points(3)
@needs(test_parameters)
def test_example(submission):
    """linear maps 0: token 0 and the last norm are left"""
    I, D, classes = 6, 4, 2  # noqa: E741 - the side of an image
    vit = submission.ViT(I, 3, 1, D, 1, 2, 3, classes)
    state = {name: torch.zeros_like(value) for name, value in vit.state_dict().items()}
    state["cls_token"] = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    state["pos_embed"][0, 0] = torch.tensor([0.0, 0.0, 0.0, 4.0])
    state["norm.weight"] = torch.ones(D)
    state["head.weight"] = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    vit.load_state_dict(state)
    logits = vit(torch.ones(1, 1, I, I)).detach()
    assert_close(logits, torch.tensor([[-0.9285, 1.6713]]), atol=1e-4, name="logits")  # the example has four digits


@points(1)
def test_example_count(submission):
    """ViT-B/16 has 86 567 656 parameters"""
    assert_equal(submission.vit_param_count(224, 16, 3, 768, 12, 3072, 1000), 86_567_656, name="parameters")


@points(1)
def test_example_resize(submission):
    """a 3×3 grid of positions becomes 2×2"""
    pos_embed = torch.tensor([9.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).view(1, 10, 1)
    expected = torch.tensor([9.0, 0.7656, 2.3828, 5.6172, 7.2344]).view(1, 5, 1)
    assert_close(submission.resize_positions(pos_embed, 2), expected, atol=1e-4)  # the example has five digits
