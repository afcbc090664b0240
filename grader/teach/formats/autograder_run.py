"""What Gradescope's container runs for each submission: `python -m grader.teach.formats.autograder_run ROOT`.

ROOT is laid out as Gradescope does it: what was in the zip in source/, what the student handed in in submission/, and
a place for results.json in results/.
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
from grader.teach.formats.autograder_zip import LIST
from grader.teach.formats.gradescope import GradescopeResults
from grader.teach.handins.find import find_handins

SECONDS = 540.0  # Gradescope ends an autograder after 10 minutes unless the assignment says otherwise, and gives 0
PATIENCE = 10.0  # seconds to end in when asked to


class NotGraded(Struct, frozen=True):
    """A file without score and tests, which Gradescope takes for a failure of the autograder, not for a grade."""

    output: str = (
        "This could not be graded, through a fault of the grader or the course and not of your code. It has no score. "
        "Please tell your instructor, who can see the autograder's output."
    )
    output_format: str = "text"


def grade_submission(root: Path, seconds: float = SECONDS) -> None:
    """Grades what lies in submission/ and writes results/results.json.

    UsageError if the grader is at fault; the file then says so, and has no score. The reason is for the instructor
    alone: it may speak of hidden tests.
    """
    path = root / "results" / "results.json"
    _write(path, NotGraded())  # it stands if anything below fails, and if all of this is killed
    _write(path, _graded(root, seconds))


def _graded(root: Path, seconds: float) -> GradescopeResults:
    course = load_course(root / "source" / "course")
    submission = root / "submission"
    if not submission.is_dir():
        raise UsageError(f"There is no folder {submission}.")
    ids = (root / "source" / LIST).read_text("utf-8").split()
    try:
        found = find_handins([submission], [each.id for each in course.exercises], layout="student", only=ids)
    except UsageError as error:  # about the student's files, since nothing of the course was read for it
        print(clean_line(str(error)), file=sys.stderr)
        return GradescopeResults(score=0.0, execution_time=0.0, output=_nothing(ids), tests=())
    handed_in = {handin.item for handin in found.handins}
    with tempfile.TemporaryDirectory() as out:
        _batch(course.root, submission, ids, Path(out), seconds)
        written = list(Path(out).glob("gradescope/*/results.json"))
        if len(written) != 1:
            raise UsageError(f"grade batch wrote {len(written)} results for one submission.")
        results = msgspec.json.decode(written[0].read_bytes(), type=GradescopeResults)
    missing = [each for each in ids if each not in handed_in]
    told = [f"{each}: nothing was handed in; it is looked for in {each}.py." for each in missing]
    return structs.replace(results, output="\n".join([results.output, *told]))


def _nothing(ids: Sequence[str]) -> str:
    names = ", ".join(f"{each}.py or {each}.ipynb" for each in ids)
    return f"Nothing was graded. Hand in one file for each exercise, with its name: {names}."


def _batch(course: Path, submission: Path, ids: Sequence[str], out: Path, seconds: float) -> None:
    """Runs `grade batch`. UsageError unless it graded everything in time."""
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
                batch.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                batch.kill()
            raise UsageError(f"Grading was stopped after {seconds:g} s.") from None
    if code != 0:
        raise UsageError(f"grade batch ended with {code}; its own words are above.")


def _write(path: Path, results: GradescopeResults | NotGraded) -> None:
    write_bytes(path, msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


if __name__ == "__main__":
    try:
        grade_submission(Path(sys.argv[1]))
    except UsageError as fault:
        sys.exit(f"error: {fault}")
