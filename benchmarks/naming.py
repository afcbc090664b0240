"""How many wrong submissions are told what is wrong with them, and what that costs.

    python benchmarks/naming.py [ID ...] [--wrong DIR] [--out FILE] [--judges 2] [--no-diagnosis]

Without `--wrong` the submissions are the known mistakes of each exercise; with it, DIR/ID/NAME.py. FILE gets one JSON
line for each submission, with what its first line says behind "TRUE CAUSE:", to be read by somebody who judges whether
it is so.
"""

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from grader.author.check.exercises import reference_materials
from grader.base.files import read_text
from grader.base.result import Outcome, Result
from grader.course import Course, Exercise, load_course
from grader.course.variations import load_variations
from grader.engine.judge.materials import reference_texts
from grader.engine.judge.messages import Job
from grader.engine.pool.client import Judges

ROOT = Path(__file__).parents[1]
_CAUSE = re.compile(r"# TRUE CAUSE: *(.*(?:\n# .*)*)")


def submissions(exercise: Exercise, wrong: Path | None) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each wrong submission, what is wrong with it, and its text."""
    if wrong is None:
        for each in load_variations(exercise.mistakes, read_text(exercise.reference), exercise.id):
            if each.ends is None:
                yield each.name, each.advice, each.source
        return
    for path in sorted((wrong / exercise.id).glob("*.py")):
        text = path.read_text()
        said = _CAUSE.match(text)
        # the line stays, so that lines keep their numbers
        yield path.stem, said[1] if said else "", _CAUSE.sub("#", text, count=1)


def jobs(
    course: Course, exercises: list[Exercise], wrong: Path | None, diagnose: bool
) -> dict[int, tuple[str, str, Job]]:
    found: dict[int, tuple[str, str, Job]] = {}
    for exercise in exercises:
        others = reference_texts(course.needed_by(exercise))
        for name, cause, text in submissions(exercise, wrong):
            job = Job(len(found), exercise.id, f"{exercise.id}.py", text, "", 0, others, diagnose=diagnose, long=False)
            found[job.id] = name, cause, job
    return found


def said_of(result: Result) -> dict[str, Any]:
    """Return what a result says of the cause."""
    first = result.main_failure
    failure = first.failure if first is not None else None
    return {
        "outcome": result.outcome,
        "passed": result.passed,
        "score": f"{result.score:g}/{result.max_score:g}",
        "failing": [f"{test.id}: {test.outcome}" for test in result.tests if test.is_failing],
        "diagnoses": msgspec.to_builtins(result.diagnoses),
        "first": first.id if first is not None else None,
        "message": failure.message if failure is not None else result.message,
        "near_miss": failure.near_miss if failure is not None else None,
        "observations": failure.observations if failure is not None else (),
        "seconds": round(result.seconds, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--wrong", type=Path)
    parser.add_argument("--no-diagnosis", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--judges", type=int, default=2)
    args = parser.parse_args()
    course = load_course(ROOT)
    exercises = [each for each in course.exercises if each.id in args.ids or not args.ids]
    todo = jobs(course, exercises, args.wrong, not args.no_diagnosis)
    counts: Counter[str] = Counter()
    seconds = 0.0
    begun = time.perf_counter()
    with Judges(args.judges, many=True) as pool:
        materials = reference_materials(course, exercises)
        pool.prepare(materials, forbidden=[course.root])
        out = args.out.open("w") if args.out else None
        for job, result in pool.grade(job for _, _, job in todo.values()):
            name, cause, _ = todo[job.id]
            said = said_of(result)
            kind = kind_of(result)
            counts[kind] += 1
            seconds += result.seconds
            if out is not None:
                line = {"exercise": job.exercise, "name": name, "kind": kind, "cause": cause, **said}
                out.write(json.dumps(line) + "\n")
                out.flush()
    wrong = sum(counts.values()) - counts["passed"]
    taken, each = time.perf_counter() - begun, 1e3 * seconds / max(1, wrong)
    print(f"{wrong} wrong submissions in {taken:.0f} s, {each:.1f} ms each")
    for kind, count in counts.most_common():
        print(f"{count:6} {100 * count / len(todo):5.1f} %  {kind}")


def kind_of(result: Result) -> str:
    """How the cause was told."""
    if result.passed:
        return "passed"
    if result.outcome is not Outcome.GRADED:
        return f"not graded: {result.outcome}"
    if result.diagnosis is not None:
        together = sum(each.test == result.diagnosis.test for each in result.diagnoses) > 1
        return "named: two together" if together else f"named: {result.diagnosis.certainty}"
    first = result.main_failure
    failure = first.failure if first is not None else None
    if failure is None or not (failure.near_miss or failure.observations):
        return "nothing said"
    return "near miss" if failure.near_miss else "observed"


if __name__ == "__main__":
    main()
