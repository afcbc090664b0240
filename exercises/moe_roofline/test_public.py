"""The examples of the docstrings, and Mixtral on an H100."""

from grader.testing import assert_close, assert_equal, points

TINY = {"shared_params": 1000, "expert_params": 50, "num_layers": 3, "num_experts": 4, "k": 1}
MIXTRAL = {"shared_params": 1605636096, "expert_params": 176160768, "num_layers": 32, "num_experts": 8, "k": 2}
MISTRAL = {"shared_params": 7241732096, "expert_params": 0, "num_layers": 32, "num_experts": 1, "k": 1}
H100 = 3.35e12, 989e12


@points(4)
def test_example_experts(submission):
    """8 tokens hit 7.2 of 8 experts"""
    assert_close(submission.expected_experts(8, 2, 8), 7.1990966796875, name="experts hit")


@points(4)
def test_example_step(submission):
    """a step of 3 tokens in a tiny model"""
    assert_close(submission.resident_bytes(TINY), 3200, name="bytes held")
    step = submission.decode_step(TINY, 3, 100.0, 1000.0)
    assert_close(step["bytes"], 2693.75, name="bytes read")
    assert_close(step["flops"], 6900, name="flops")
    assert_close(step["seconds"], 26.9375, name="seconds")
    assert_equal(step["bound"], "memory", name="bound")


@points(4)
def test_example_crossover(submission):
    """Mistral 7B needs a batch of 296, Mixtral of 1071"""
    assert_equal(submission.crossover_batch(MISTRAL, *H100), 296, name="crossover of Mistral 7B")
    assert_equal(submission.crossover_batch(MIXTRAL, *H100), 1071, name="crossover of Mixtral 8x7B")
    for batch, gigabytes, seconds, bound in (  # the table of the statement, in which numbers have three digits
        (1, 25.8, 0.00769, "memory"),
        (8, 84.4, 0.0252, "memory"),
        (64, 93.4, 0.0279, "memory"),
        (1070, 93.4, 0.0279, "memory"),
        (1071, 93.4, 0.0279, "compute"),
    ):
        step = submission.decode_step(MIXTRAL, batch, *H100)
        assert_close(step["bytes"] / 1e9, gigabytes, rtol=5e-3, name=f"gigabytes read, batch {batch}")
        assert_close(step["seconds"], seconds, rtol=5e-3, name=f"seconds, batch {batch}")
        assert_equal(step["bound"], bound, name=f"bound, batch {batch}")
