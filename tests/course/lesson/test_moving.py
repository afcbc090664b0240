"""The scripts of a course that animate its pictures."""

from pathlib import Path

from grader.course.lesson.moving import moving_scripts, script_problem


def test_finds_scripts_by_name(tmp_path: Path) -> None:
    assert moving_scripts(tmp_path) == {}
    folder = tmp_path / "lessons" / "moving"
    folder.mkdir(parents=True)
    for name in ("waves.js", "masks.js", "notes.txt"):
        (folder / name).touch()
    assert moving_scripts(tmp_path) == {"masks": folder / "masks.js", "waves": folder / "waves.js"}


def test_an_unknown_script_gets_a_suggestion(tmp_path: Path) -> None:
    scripts = {"masks": tmp_path, "waves": tmp_path}
    assert script_problem("masks", scripts) is None
    assert script_problem("mask", scripts) == "there is no script 'mask'. Did you mean 'masks'?"
    assert script_problem("zzz", scripts) == "there is no script 'zzz'. There are masks, waves."
