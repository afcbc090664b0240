"""An example by hand, and the names of the parameters."""

import torch

from grader.testing import assert_equal, points


@points(4)
def test_one_hop(submission):
    """with one hop the answer is f(start)"""
    B, n = 7, 5
    table, start, k, answer = submission.make_batch(B, items=n, hops=1, seed=3)
    assert_equal(table.shape, (B, n), name="shape of table")
    for name, tensor in {"start": start, "k": k, "answer": answer}.items():
        assert_equal(tensor.shape, (B,), name=f"shape of {name}")
        assert_equal(tensor.dtype, torch.int64, name=f"dtype of {name}")
    assert_equal(table.sort(-1).values, torch.arange(n).expand(B, n), name="table, each row sorted")
    assert_equal(k, torch.ones(B, dtype=torch.int64), name="k")
    assert_equal(answer, torch.tensor([table[b, start[b]].item() for b in range(B)]), name="answer")


@points(2)
def test_names(submission):
    """the entries of the state_dict, and their shapes"""
    L, D, n, hops = 2, 8, 5, 3
    model = submission.HopModel(L, D, heads=2, items=n, hops=hops)
    expected = {"source.weight": (n, D), "target.weight": (n, D), "hop.weight": (hops, D)}
    expected |= {"norm.weight": (D,), "norm.bias": (D,), "head.weight": (n, D), "head.bias": (n,)}
    for i in range(L):
        block = f"blocks.{i}"
        expected |= {f"{block}.{norm}.{kind}": (D,) for norm in ("norm1", "norm2") for kind in ("weight", "bias")}
        for proj in ("q_proj", "k_proj", "v_proj", "out_proj"):
            expected |= {f"{block}.attn.{proj}.weight": (D, D), f"{block}.attn.{proj}.bias": (D,)}
        expected |= {f"{block}.fc1.weight": (4 * D, D), f"{block}.fc1.bias": (4 * D,)}
        expected |= {f"{block}.fc2.weight": (D, 4 * D), f"{block}.fc2.bias": (D,)}
    state = model.state_dict()
    assert_equal(sorted(state), sorted(expected), name="names of the parameters")
    for name, shape in expected.items():
        assert_equal(state[name].shape, shape, name=f"shape of {name}")
