"""The examples of the docstrings: a dense model and a mixture of experts on one H100."""

from grader.testing import assert_close, assert_equal, points

MODEL = {
    "tasks": ["generate"],
    "attn_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 8,
    "head_dim": 128,
    "kv_bytes": 2,
}
DENSE = {"name": "dense", "quality": 0.62, "shared_params": 8.03e9, "bytes_per_param": 2, **MODEL}
MOE = {
    "name": "MoE",
    "quality": 0.74,
    "shared_params": 1605636096,
    "n_experts": 8,
    "top_k": 2,
    "expert_params": 5637144576,
    "bytes_per_param": 1,
    **MODEL,
}
H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
REQUEST = {"task": "generate", "prompt_tokens": 7168, "new_tokens": 1024, "concurrency": 16, "min_quality": 0.7}


@points(1)
def test_example_evaluate(submission):
    """a dense 8B for 16 users: 33.2 GB, 9.92 ms"""
    result = submission.evaluate(DENSE, REQUEST, H100)
    # The examples are rounded: to one digit behind the point, to two and to three.
    assert_close(result["memory_bytes"] / 1e9, 33.2, rtol=0.0, atol=0.06, name="GB")
    assert_close(1e3 * result["tpot_s"], 9.92, rtol=0.0, atol=0.006, name="milliseconds a token")
    assert_close(1e3 * result["cost"], 0.638, rtol=0.0, atol=0.0006, name="dollars for 1000 requests")
    assert_equal(result["violations"], ["quality"], name="violations")


@points(1)
def test_example_pick(submission):
    """the MoE for one user or for quality"""
    req = {**REQUEST, "concurrency": 1, "min_quality": None}
    expected = {"choice": "MoE", "ranking": ["MoE", "dense"], "rejected": {}}
    assert_equal(submission.pick([DENSE, MOE], req, H100), expected, name="pick for 1 user")
    req["concurrency"] = 16
    expected = {"choice": "dense", "ranking": ["dense", "MoE"], "rejected": {}}
    assert_equal(submission.pick([DENSE, MOE], req, H100), expected, name="pick for 16 users")
    expected = {"choice": "MoE", "ranking": ["MoE"], "rejected": {"dense": ["quality"]}}
    assert_equal(submission.pick([DENSE, MOE], REQUEST, H100), expected, name="pick for a quality of 0.7")
