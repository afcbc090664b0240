"""grade export: what a learning platform needs to grade by itself."""

from pathlib import Path

import click

from grader.cli.screen import course_root, number, say
from grader.course import load_course


@click.command("export")
@click.argument("platform", type=click.Choice(["gradescope"]))
@click.argument("exercise_ids", nargs=-1, required=True, metavar="ID...")
@click.option("--out", metavar="ZIP", type=click.Path(path_type=Path, dir_okay=False), default=Path("autograder.zip"),
              show_default=True, help="The file to write.")
@click.option("--pip-conf", metavar="FILE", type=click.Path(path_type=Path), help="Settings for pip in the container.")
def command(platform: str, exercise_ids: tuple[str, ...], out: Path, pip_conf: Path | None) -> None:
    """An autograder for Gradescope that grades these exercises as grade batch does (docs/ci.md).

    The zip holds their solutions and hidden tests: it is for the platform, not for students.
    """
    from grader.export.autograder_zip import autograder_zip, names
    from grader.export.files import write_bytes

    course = load_course(course_root())
    course.require_whole("grade export")
    exercises = [course.exercise(each) for each in dict.fromkeys(exercise_ids)]
    data = autograder_zip(course, exercises, pip_conf)
    write_bytes(out, data)
    say("", f"  {out}   {len(names(data))} files, {len(data) / 1024:.0f} KiB", "")
    say(f"    {len(exercises)} to grade   {', '.join(each.id for each in exercises)}")
    say(f"    {number(sum(each.points for each in exercises))} points in all", "")
    say("  Gradescope: Configure Autograder, Zip file upload.")
