"""The examples of the docstrings: dense models on H100s."""

from grader.testing import assert_close, assert_equal, points

H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
CUSTOMER = {
    "prompt_tokens": 7168,
    "new_tokens": 1024,
    "max_ttft_s": 1.0,
    "max_tpot_s": 0.05,
    "min_quality": 0.7,
}
SMALL = {
    "name": "small",
    "quality": 0.71,
    "shared_params": 8030000000,
    "attn_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 8,
    "head_dim": 128,
    "bytes_per_param": 2,
    "kv_bytes": 2,
}
DENSE = {**SMALL, "name": "dense", "quality": 0.74, "shared_params": 13000000000, "attn_layers": 40, "n_heads": 40}


@points(3)
def test_example_batch(submission):
    """59 that fit, 16 within 10 ms, none within 5"""
    for seconds, expected in ((0.05, 59), (0.01, 16), (0.005, 0)):
        found = submission.largest_batch(SMALL, {**CUSTOMER, "max_tpot_s": seconds}, H100)
        assert_equal(found, expected, name=f"batch within {1e3 * seconds:g} ms")


@points(2)
def test_example_deploy(submission):
    """64 users on two devices, 6 dollars an hour"""
    plan = submission.deploy(SMALL, {**CUSTOMER, "users": 64}, H100)
    assert_equal(plan["devices"], 2, name="devices")
    assert_equal(plan["batch"], 32, name="batch")
    assert_close(1e3 * plan["tpot_s"], 15.05, rtol=0.0, atol=0.006, name="milliseconds a token")  # rounded
    assert_close(plan["dollars_per_hour"], 6.0, name="dollars per hour")
    assert_equal(plan["limit"], "memory", name="limit")


@points(2)
def test_example_choice(submission):
    """the better for 20 users, the smaller for 50"""
    for users, expected in ((20, "dense"), (50, "small")):
        for candidates in ([SMALL, DENSE], [DENSE, SMALL]):
            found = submission.pick(candidates, {**CUSTOMER, "users": users}, H100)
            assert_equal(found, expected, name=f"choice for {users} users")
    found = submission.regimes([SMALL, DENSE], CUSTOMER, H100, most_users=100)
    expected = [(1, "dense"), (41, "small"), (60, "dense"), (81, "small")]
    assert_equal([tuple(pair) for pair in found], expected, name="regimes")
