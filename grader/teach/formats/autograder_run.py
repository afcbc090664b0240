"""Grade one submission in Gradescope's container: `python -m grader.teach.formats.autograder_run ROOT`.

ROOT has Gradescope's folders: source/ with the content of autograder.zip, submission/ with the student's files, and
results/ for results.json.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from grader.base.errors import UsageError
from grader.base.files import write_bytes
from grader.base.text import clean_line
from grader.course import load_course
from grader.teach.formats.autograder_zip import EXERCISE_LIST
from grader.teach.formats.gradescope import GradescopeResults
from grader.teach.handins.find import find_handins

TIME_LIMIT = 540.0  # seconds; by default Gradescope stops an autograder after 10 minutes and gives 0 points
TERMINATE_LIMIT = 10.0  # seconds to end in after SIGTERM


class NotGraded(Struct, frozen=True):
    """A results.json without score and tests, which Gradescope shows as a failure of the autograder, not as a grade."""

    output: str = (
        "This could not be graded, through a fault of the grader or the course and not of your code. It has no score. "
        "Please tell your instructor, who can see the autograder's output."
    )
    output_format: str = "text"


def grade_submission(root: Path, seconds: float = TIME_LIMIT) -> None:
    """Grade the files in submission/ and write results/results.json.

    Raises UsageError if the grader is at fault. Then results.json has no score and does not give the reason, which is
    only for the instructor: it may name hidden tests.
    """
    path = root / "results" / "results.json"
    _write(path, NotGraded())  # remains if grading fails or this process is killed
    _write(path, _grade(root, seconds))


def _grade(root: Path, seconds: float) -> GradescopeResults:
    course = load_course(root / "source" / "course")
    submission = root / "submission"
    if not submission.is_dir():
        raise UsageError(f"There is no folder {submission}.")
    ids = (root / "source" / EXERCISE_LIST).read_text("utf-8").split()
    try:
        found = find_handins([submission], [each.id for each in course.exercises], layout="student", only=ids)
    except UsageError as error:  # in the student's files: `find_handins` reads nothing of the course
        print(clean_line(str(error)), file=sys.stderr)
        return GradescopeResults(score=0.0, execution_time=0.0, output=_nothing_graded(ids), tests=())
    handed_in = {handin.item for handin in found.handins}
    with tempfile.TemporaryDirectory() as out:
        _run_batch(course.root, submission, ids, Path(out), seconds)
        written = list(Path(out).glob("gradescope/*/results.json"))
        if len(written) != 1:
            raise UsageError(f"grade batch wrote {len(written)} results for one submission.")
        results = msgspec.json.decode(written[0].read_bytes(), type=GradescopeResults)
    missing = [each for each in ids if each not in handed_in]
    notes = [f"{each}: nothing was handed in; the expected file is {each}.py." for each in missing]
    return structs.replace(results, output="\n".join([results.output, *notes]))


def _nothing_graded(ids: Sequence[str]) -> str:
    names = ", ".join(f"{each}.py or {each}.ipynb" for each in ids)
    return f"Nothing was graded. Hand in one file for each exercise, with its name: {names}."


def _run_batch(course: Path, submission: Path, ids: Sequence[str], out: Path, seconds: float) -> None:
    """Run `grade batch`. Raises UsageError if it fails or takes more than `seconds`."""
    command = [sys.executable, "-m", "grader.cli", "--course", str(course), "batch", str(submission)]
    command += ["--layout", "student", "--format", "gradescope", "--out", str(out), "--jobs", "1"]
    for each in ids:
        command += ["--exercise", each]
    with subprocess.Popen(command) as batch:
        try:
            code = batch.wait(seconds)
        except subprocess.TimeoutExpired:
            batch.terminate()
            try:
                batch.wait(TERMINATE_LIMIT)
            except subprocess.TimeoutExpired:
                batch.kill()
            raise UsageError(f"Grading was stopped after {seconds:g} s.") from None
    if code != 0:
        raise UsageError(f"grade batch failed with exit code {code}; see its messages above.")


def _write(path: Path, results: GradescopeResults | NotGraded) -> None:
    write_bytes(path, msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


if __name__ == "__main__":
    try:
        grade_submission(Path(sys.argv[1]))
    except UsageError as fault:
        sys.exit(f"error: {fault}")
