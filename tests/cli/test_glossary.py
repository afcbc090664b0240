"""Tests of `grade glossary` on a small glossary."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from tests import command_line
from tests.course.small_glossary import write


def run(*words: str) -> Result:
    return command_line.run("glossary", *words)


def test_shows_a_term_and_the_next_step(glossary_course: Path) -> None:
    result = run("MoE")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "",
        "  mixture of experts",
        "  суміш експертів (MoE)",
        "  also MoE",
        "",
        "    A layer of parallel networks of which each token uses a few.",
        "",
        "    Lesson 3, Mixture of experts",
        "",
        "  read      grade lesson 3",
    ]


def test_names_the_part_that_uses_the_term_first(glossary_course: Path) -> None:
    folder = glossary_course / "lessons" / "03-mixture-of-experts"
    folder.mkdir()
    for name, title, text in (
        ("1-one.md", "One for all", "A multi-head attention."),
        ("2-many.md", "Many", "## MoE\n\nA **mixture of experts** has many."),
        ("3-more.md", "More", "A mixture of experts."),
    ):
        (folder / name).write_text(f"---\ntitle: {title}\n---\n\n{text}\n")
    *_, place, _, step = run("MoE").stdout.splitlines()
    assert place == "    3.2 Many, in lesson 3, Mixture of experts"
    assert step == "  read      grade lesson 3.2"
    assert run("expert").stdout.splitlines()[-1] == "  read      grade lesson 3"


@pytest.mark.parametrize(
    ("words", "term"),
    [
        ("Top-K  Routing", "top-k routing"),
        ("topk routing", "top-k routing"),
        ("experts", "expert"),
        ("moe", "mixture of experts"),
        ("MoEs", "mixture of experts"),
        ("mixture of experts (MoE)", "mixture of experts"),
        ("Суміш Експертів", "mixture of experts"),
        ("суміш експертів (MoE)", "mixture of experts"),
        ("залишкове з'єднання", "residual connection"),
        ("mix", "mixture of experts"),
        ("routing", "top-k routing"),
        ("залиш", "residual connection"),
    ],
)
def test_finds_a_term_by_any_of_its_names_and_spellings(glossary_course: Path, words: str, term: str) -> None:
    for result in (run(*words.split()), run(words)):
        assert result.stdout.splitlines()[1] == f"  {term}"


def test_lists_the_terms_with_a_prefix(glossary_course: Path) -> None:
    lines = run("multi").stdout.splitlines()
    assert lines == [
        "",
        "    multi-head attention   багатоголова увага (MHA)",
        "    multi-query attention",
        "",
        "  look up   grade glossary multi-head attention",
    ]


def test_lists_at_most_twelve_terms(glossary_course: Path) -> None:
    write(glossary_course, "".join(f"- {{term: layer {i}, definition: The {i}., lesson: 3}}\n" for i in range(15)))
    lines = run("lay").stdout.splitlines()
    assert [line.strip() for line in lines[1:13]] == [f"layer {i}" for i in range(12)]
    assert lines[13] == "    and 3 more"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["expret"], "No term 'expret' in the glossary. Did you mean 'expert'?"),
        (
            ["multi-hed", "attention"],
            "No term 'multi-hed attention' in the glossary. "
            "Did you mean 'multi-head attention' or 'multi-query attention'?",
        ),
        (["маршрутизатор", "top-k"], "Did you mean 'маршрутизація top-k'?"),
        (["zzzzz"], "No term 'zzzzz' in the glossary. grade glossary lists them all."),
        (["?"], "No term '?' in the glossary. grade glossary lists them all."),
        ([""], "No term '' in the glossary. grade glossary lists them all."),
    ],
)
def test_suggests_similar_terms_for_an_unknown_one(glossary_course: Path, words: list[str], sentence: str) -> None:
    assert sentence in command_line.error("glossary", *words)


def test_lists_all_terms_by_lesson(glossary_course: Path) -> None:
    assert run().stdout.splitlines() == [
        "",
        "  3 Mixture of experts",
        "    expert                 експерт",
        "    mixture of experts     суміш експертів (MoE)",
        "    top-k routing          маршрутизація top-k",
        "",
        "  6 Attention",
        "    residual connection    залишкове з’єднання",
        "    multi-head attention   багатоголова увага (MHA)",
        "    multi-query attention",
        "",
        "  look up   grade glossary expert",
    ]


def test_wraps_long_terms_in_their_columns(glossary_course: Path) -> None:
    words, uk = " ".join(["transformation"] * 9), " ".join(["перетворення"] * 9)
    write(glossary_course, f"- {{term: {words}, uk: {uk}, definition: Long., lesson: 3}}\n")
    lines = run().stdout.splitlines()
    assert max(map(len, lines[:-1])) <= 77  # the last one is a command to paste
    assert sum(line.count("transformation") for line in lines[:-1]) == 9
    assert sum(line.count("перетворення") for line in lines) == 9


def test_shows_the_list_in_a_pager_on_a_terminal(glossary_course: Path) -> None:
    pager = glossary_course / "pager"
    pager.write_text("#!/bin/sh\nsed 's/^/> /'\n")
    pager.chmod(0o755)
    shown, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "glossary"],
        stdin=terminal,
        stdout=terminal,
        env={**os.environ, "PAGER": str(pager), "TERM": "xterm", "PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    os.close(terminal)
    text = os.read(shown, 65536).decode()
    os.close(shown)
    assert done.returncode == 0
    assert ">     multi-query attention" in text


@pytest.mark.parametrize("words", [[], ["moe"], ["multi"]], ids=["all", "one", "several"])
def test_omits_ukrainian_if_the_stream_has_no_cyrillic(glossary_course: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "glossary", *words],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode("ascii")
    assert "m" in text
    assert "\\" not in text


def test_imports_nothing_heavy(glossary_course: Path) -> None:
    heavy = {"torch", "pytest", "numpy", "sqlite3", "rich", "grader.engine.judge", "grader.engine.sandbox"}
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(sorted({heavy} & sys.modules.keys()), file=sys.stderr))\n"
        "from grader.cli import grade\n"
        "grade.main(['glossary', 'moe'], prog_name='grade')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert "mixture of experts" in done.stdout
    assert done.stderr == "[]\n"
