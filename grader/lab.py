"""What a lab shows: an exercise's `lab.py` defines `run(submission, rng)`, which yields what it measures.

    def run(submission, rng):
        yield Step("training with fixed spacing")
        losses = submission.train("fixed", seed=rng.seed)
        lines = (Line("fixed", list(range(len(losses))), losses),)
        yield Curves("loss", "cross-entropy while training", "step", "loss", lines)

`submission` and `rng` are what a test of the exercise is given. All numbers are measured in the run that shows them.
"""

from typing import TypeAlias

from grader.picture import Picture, Struct, Table


class Step(Struct, frozen=True, tag="step"):
    """What is done from now on, in a few words."""

    text: str


Shown: TypeAlias = Step | Picture | Table
