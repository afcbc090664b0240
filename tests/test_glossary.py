"""`grade glossary` through the real command, on small glossaries and on the course's own."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli import grade
from grader.course import load_lessons
from grader.course.glossary import Term, find_terms, glossary_path, load_glossary
from grader.errors import UsageError

COURSE = """\
title: Small
lessons:
  - {number: 3, slug: mixture-of-experts, title: Mixture of experts, short: experts}
  - {number: 6, slug: attention, title: Attention, short: attention}
"""
GLOSSARY = """\
- term: expert
  uk: експерт
  lesson: 3
  definition: One of the parallel networks of a layer.
- term: mixture of experts
  also: [MoE]
  uk: суміш експертів (MoE)
  lesson: 3
  definition: A layer of parallel networks of which each token uses a few.
- term: top-k routing
  uk: маршрутизація top-k
  lesson: 3
  definition: Sending a token to the best networks.
- term: residual connection
  uk: залишкове з’єднання
  lesson: 6
  definition: Adding a layer's input to its output.
- term: multi-head attention
  also: [MHA]
  uk: багатоголова увага (MHA)
  lesson: 6
  definition: Several attentions side by side.
- term: multi-query attention
  also: [MQA]
  lesson: 6
  definition: Attention with a single head of keys and values.
"""
REAL = Path(__file__).parent.parent
TERMS = load_glossary(REAL)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small course with a glossary, and the working directory in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.yaml").write_text(COURSE)
    write(tmp_path, GLOSSARY)
    return tmp_path


def write(root: Path, glossary: str) -> None:
    path = glossary_path(root)
    path.parent.mkdir(exist_ok=True)
    path.write_text(glossary, encoding="utf-8")


def run(*words: str) -> Result:
    return CliRunner().invoke(grade, ["glossary", *words], prog_name="grade")


def error(*words: str) -> str:
    """The one line that a command with bad input writes."""
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").rstrip("\n")


# A term


def test_a_term_is_shown_with_all_that_is_known_of_it_and_the_next_step(root: Path) -> None:
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
def test_a_term_is_found_by_any_of_its_names_in_any_spelling(root: Path, words: str, term: str) -> None:
    for result in (run(*words.split()), run(words)):
        assert result.stdout.splitlines()[1] == f"  {term}"


def test_a_beginning_of_several_terms_lists_them(root: Path) -> None:
    lines = run("multi").stdout.splitlines()
    assert lines == [
        "",
        "    multi-head attention   багатоголова увага (MHA)",
        "    multi-query attention",
        "",
        "  look up   grade glossary multi-head attention",
    ]


def test_names_that_begin_so_come_before_names_with_a_word_that_does(root: Path) -> None:
    write(root, GLOSSARY.replace("residual connection", "attention mask"))
    terms = find_terms(load_glossary(root), "att")
    assert [term.term for term in terms] == ["attention mask", "multi-head attention", "multi-query attention"]


def test_no_more_than_twelve_terms_are_listed(root: Path) -> None:
    write(root, "".join(f"- {{term: layer {i}, definition: The {i}., lesson: 3}}\n" for i in range(15)))
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
def test_near_terms_are_offered_for_one_that_is_not_there(root: Path, words: list[str], sentence: str) -> None:
    assert sentence in error(*words)


# All terms


def test_without_a_term_all_are_listed_by_lesson(root: Path) -> None:
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


def test_long_terms_are_wrapped_in_their_columns(root: Path) -> None:
    words, uk = " ".join(["transformation"] * 9), " ".join(["перетворення"] * 9)
    write(root, f"- {{term: {words}, uk: {uk}, definition: Long., lesson: 3}}\n")
    lines = run().stdout.splitlines()
    assert max(map(len, lines[:-1])) <= 77  # the last one is a command to paste
    assert sum(line.count("transformation") for line in lines[:-1]) == 9
    assert sum(line.count("перетворення") for line in lines) == 9


def test_in_a_terminal_the_list_goes_through_the_pager(root: Path) -> None:
    pager = root / "pager"
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
def test_a_stream_without_cyrillic_gets_the_english_alone(root: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "glossary", *words],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode("ascii")
    assert "m" in text
    assert "\\" not in text


def test_nothing_heavy_is_imported(root: Path) -> None:
    heavy = {"torch", "pytest", "numpy", "sqlite3", "rich", "grader.judge", "grader.sandbox"}
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(sorted({heavy} & sys.modules.keys()), file=sys.stderr))\n"
        "from grader.cli import grade\n"
        "grade.main(['glossary', 'moe'], prog_name='grade')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert "mixture of experts" in done.stdout
    assert done.stderr == "[]\n"


# What is wrong in the file


@pytest.mark.parametrize(
    ("glossary", "sentence"),
    [
        ("", "1: the file is empty."),
        ("term: expert\n", "1: expected lines of the form - key: value."),
        ("- {term: a b, defnition: One., lesson: 3}\n", "1: unknown key 'defnition'. Did you mean 'definition'?"),
        ("- term: gate\n  definition: One.\n", "1: 'lesson' is missing."),
        ("- term: gate\n  lesson: 3\n  definition:\n", "3: 'definition' must be text"),
        ("- term: gate\n  lesson: three\n  definition: One.\n", "2: 'lesson' must be a whole number, not 'three'."),
        ("- term: gate\n  also: MoE\n  lesson: 3\n  definition: One.\n", "2: 'also' must be a list, not 'MoE'."),
        ("- term: gate\n  definition: One.\n  lesson: 4\n", "3: there is no lesson 4 in course.yaml."),
        ("- {term: '?', definition: One., lesson: 3}\n", "1: '?' has neither letters nor digits to find it by."),
        (
            "- {term: top-k, definition: One., lesson: 3}\n- {term: Top Ks, definition: Two., lesson: 3}\n",
            "2: 'Top Ks' is given twice; it stands in line 1 already.",
        ),
        (
            "- term: gate\n  lesson: 3\n  definition: One.\n  also: [router]\n"
            "- term: router\n  lesson: 3\n  definition: Two.\n",
            "5: 'router' is given twice; it stands in line 4 already.",
        ),
        ("- term: gate\n   lesson: 3\n", "2: not valid YAML"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_with_its_line(root: Path, glossary: str, sentence: str) -> None:
    write(root, glossary)
    assert error("gate").startswith(f"lessons/glossary.yaml:{sentence}")


def test_a_course_without_a_glossary_says_so(root: Path) -> None:
    glossary_path(root).unlink()
    assert load_glossary(root) == ()
    assert error() == "This course has no glossary: there are no terms in lessons/glossary.yaml."


# The course's own


def test_every_term_looks_itself_up_by_each_of_its_names() -> None:
    for term in TERMS:
        for name in (*term.names, term.uk or term.term):
            assert find_terms(TERMS, name) == (term,)


def test_every_lesson_has_terms_in_alphabetical_order() -> None:
    assert {term.lesson for term in TERMS} == {lesson.number for lesson in load_lessons(REAL).lessons}
    assert [term.term for term in TERMS] == [t.term for t in sorted(TERMS, key=lambda t: (t.lesson, t.term.casefold()))]


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.term)
def test_every_term_has_one_short_sentence_and_a_ukrainian_name(term: Term) -> None:
    assert term.uk
    assert term.definition.endswith(".")
    assert ". " not in term.definition
    assert len(term.definition) <= 200
    assert term.term.casefold() not in term.definition.casefold()


def test_the_three_nearest_terms_are_offered() -> None:
    with pytest.raises(UsageError, match=r"Did you mean '[^']+', '[^']+' or '[^']+'\?$"):
        find_terms(TERMS, "multi had attention")


def test_no_definition_is_given_twice() -> None:
    assert len({term.definition for term in TERMS}) == len(TERMS)


def test_every_screen_of_the_glossary_fits_the_terminal() -> None:
    for words in ([], *([term.term] for term in TERMS)):
        result = CliRunner().invoke(grade, ["--course", str(REAL), "glossary", *words], prog_name="grade")
        assert result.exit_code == 0
        assert all(len(line) <= 77 for line in result.stdout.splitlines())
