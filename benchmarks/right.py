"""How many right submissions lose a point, and how many stop a lab.

    python benchmarks/right.py [ID ...] [--right DIR] [--labs] [--judges 2]

DIR/ID/base.py is a whole solution, and DIR/ID/versions.py has other versions of its functions, in the format of
variants.py. All were written from the statements alone. With `--labs`, the lab of each exercise that has one is run on
each of them as well. Prints each version that lost a point or stopped a lab, and why.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from grader.author.check.exercises import reference_materials
from grader.base.files import read_text
from grader.base.result import Outcome, Result
from grader.course import Course, Exercise, load_course
from grader.course.lab_script import lab_signature
from grader.course.variations import load_variations
from grader.engine.judge.materials import MIB, reference_texts
from grader.engine.judge.messages import Job, LabCode, LabEnded, RunLab
from grader.engine.pool.client import Judges
from grader.engine.pool.single_runs import run_lab

ROOT = Path(__file__).parents[1]
RIGHT = ROOT / "benchmarks" / "right"


def submissions(exercise: Exercise, right: Path) -> dict[str, str]:
    """Return the right submissions of an exercise by name."""
    base = read_text(right / exercise.id / "base.py")
    versions = load_variations(right / exercise.id / "versions.py", base, "base")
    return {"base": base} | {f"{each.replaces} by {each.name}": each.source for each in versions}


def refused(course: Course, exercise: Exercise, texts: dict[str, str], judges: int) -> Iterator[tuple[str, str]]:
    """Yield each submission that lost a point, and why."""
    others = reference_texts(course.needed_by(exercise))
    names = dict(enumerate(texts))
    jobs = (
        Job(i, exercise.id, f"{exercise.id}.py", texts[name], "", 0, others, diagnose=False, long=False)
        for i, name in names.items()
    )
    with Judges(judges, many=True) as pool:
        pool.prepare(reference_materials(course, [exercise]), forbidden=[course.root])
        for job, result in pool.grade(jobs):
            if not result.passed:
                yield names[job.id], why(result)


def why(result: Result) -> str:
    """Return the first failing test of a result, or why no test was run."""
    first = result.main_failure
    if result.outcome is not Outcome.GRADED or first is None or first.failure is None:
        return f"{result.outcome}: {result.message}"
    raised = first.failure.exception
    said = first.failure.message or (f"{raised.type}: {raised.message}" if raised else "")
    return f"{first.id} ends with {first.outcome}: {said}"


def stopped(course: Course, exercise: Exercise, texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each submission on which the lab of the exercise stopped, and why."""
    script = lab_signature(exercise.lab)
    for done, (name, text) in enumerate(texts.items()):
        print(f"{exercise.id}: {done} of {len(texts)} labs run", file=sys.stderr, flush=True)
        sources = [
            (exercise, text),
            *((each, read_text(each.reference)) for each in map(course.exercise, script.exercises)),
        ]
        codes = tuple(
            LabCode(each.id, source, f"{each.id}.py", reference_texts(course.needed_by(each)))
            for each, source in sources
        )
        lab = RunLab(str(exercise.lab), codes, script.options, 0, exercise.limits.memory * MIB)
        with Judges(1) as pool:
            for message in run_lab(pool, lab, [course.root]):
                if isinstance(message, LabEnded) and message.failure is not None:
                    yield name, message.failure.message


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--right", type=Path, default=RIGHT)
    parser.add_argument("--labs", action="store_true")
    parser.add_argument("--judges", type=int, default=2)
    args = parser.parse_args()
    course = load_course(ROOT)
    total = lost = labs = stops = 0
    for exercise in (course.exercise(each) for each in args.ids or [each.id for each in course.exercises]):
        texts = submissions(exercise, args.right)
        total += len(texts)
        for name, reason in refused(course, exercise, texts, args.judges):
            lost += 1
            print(f"{exercise.id}: {name} lost points: {reason}", flush=True)
        if args.labs and exercise.lab.is_file():
            labs += len(texts)
            for name, reason in stopped(course, exercise, texts):
                stops += 1
                print(f"{exercise.id}: {name} stopped the lab: {reason}", flush=True)
    print(f"{total} right submissions, {lost} lost a point")
    if args.labs:
        print(f"{labs} runs of labs, {stops} stopped")


if __name__ == "__main__":
    main()
