"""What a lab shows: an exercise's `lab.py` defines `run(submission, rng)`, which yields what it measures.

    def run(submission, rng):
        yield Step("training with fixed spacing")
        losses = submission.train("fixed", seed=rng.seed)
        lines = (Line("fixed", list(range(len(losses))), losses),)
        yield Curves("loss", "cross-entropy while training", "step", "loss", lines)

`submission` and `rng` are what a test of the exercise is given. All numbers are measured in the run that shows them.

What a lab yields last before a student presses Ctrl-C is kept. A lab that wants to show more, such as the model that
it has trained so far, catches `Stopped`, which is raised where it yielded.

A further parameter is another exercise of the course, by its id: `run(submission, rng, ddpm)` is given the code of
both. One that can only be given by name has a default and is an option: `run(submission, rng, *, batch=64)` makes
`grade lab NAME --batch 8`.

A lab of the whole course belongs to no exercise: its folder is `labs/NAME`, where `NAME.py` is code of the course that
imports exercises and runs where they do. It is the `submission` of `run(submission, rng, setting)` in `lab.py`. If the
folder has a `NAME.yaml`, students edit it; raise `UsageError` with its file and line if it does not fit.
"""

from typing import TypeAlias

import msgspec

from grader.pictures import Picture, Table


class Step(msgspec.Struct, frozen=True, tag="step"):
    """What is done from now on, in a few words."""

    text: str


class Note(msgspec.Struct, frozen=True, tag="note"):
    """A line about what has been done, while the step goes on."""

    text: str


class Quote(msgspec.Struct, frozen=True, tag="quote"):
    """A text under a title, such as what a model says."""

    title: str
    text: str


class Setting(msgspec.Struct, frozen=True):
    """What a lab of the whole course is given besides code."""

    config: str  # the path of the student's file
    missing: tuple[str, ...] = ()  # exercises that the lab's code may import, and that have not passed
    references: tuple[str, ...] = ()  # exercises whose reference is run instead


class Stopped(Exception):
    """The student pressed Ctrl-C: show what there is."""


LabOption: TypeAlias = int | float | str
Shown: TypeAlias = Step | Note | Quote | Picture | Table
