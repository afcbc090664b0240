"""What a lab shows: an exercise's `lab.py` defines `run(submission, rng)`, which yields what it measures.

    def run(submission, rng):
        yield Step("training with fixed spacing")
        losses = submission.train("fixed", seed=rng.seed)
        lines = (Line("fixed", list(range(len(losses))), losses),)
        yield Curves("loss", "cross-entropy while training", "step", "loss", lines)

`submission` and `rng` are what a test of the exercise is given. All numbers are measured in the run that shows them.

A further parameter is another exercise of the course, by its id: `run(submission, rng, ddpm)` is given the code of
both. One that can only be given by name has a default and is an option: `run(submission, rng, *, batch=64)` makes
`grade lab NAME --batch 8`.
"""

from typing import TypeAlias

import msgspec

from grader.pictures import Picture, Table


class Step(msgspec.Struct, frozen=True, tag="step"):
    """What is done from now on, in a few words."""

    text: str


LabOption: TypeAlias = int | float | str
Shown: TypeAlias = Step | Picture | Table
