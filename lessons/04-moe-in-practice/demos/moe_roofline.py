"""Your roofline of a decoding step."""

from grader.pictures import Table

MIXTRAL = {"shared_params": 1605636096, "expert_params": 176160768, "num_layers": 32, "num_experts": 8, "k": 2}
BANDWIDTH, PEAK = 3.35e12, 989e12  # of an H100, in bytes and operations per second, 16 bits


def run(submission, rng):
    rows = []
    for batch in (1, 8, 64, 512):
        step = submission.decode_step(MIXTRAL, batch, BANDWIDTH, PEAK)
        numbers = [f"{1e3 * step['seconds']:.1f}", f"{batch / step['seconds']:,.0f}", step["bound"]]
        rows.append((f"batch of {batch}", numbers))
    title = "Mixtral on one H100, if it fitted, by your roofline"
    yield Table(title, ("ms a step", "tokens a second", "bound by"), rows)
