"""What only Jupyter understands is commented out, and named in the notes."""

import pytest

from grader.engine.submission import examine
from tests.engine.submission.notebooks import read


def lines(*cells: str) -> list[str]:
    return read(*cells).text.split("\n")


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "!pip install torch",
        "?print",
        "print?",
        "torch.nn??",
        "files = !ls",
        "a, b = %sql x",
        "pip install torch",
        "%pip install -q torch",
        "  %time f()",
    ],
)
def test_lines_that_are_not_python_are_commented_out(line: str) -> None:
    submission = read("x = 1\n" + line + "\ny = 2")
    first, middle, last, _ = submission.text.split("\n")
    assert (first, last) == ("x = 1", "y = 2")
    assert middle.lstrip().startswith(("#", "pass  #"))
    assert submission.notes == (f"Not run: cell 1, line 2: {line.strip()}",)


@pytest.mark.parametrize(
    "text",
    [
        'x = """\n%not a magic\n!nor this\n"""',
        "x = (7\n% 3)",
        "x = 7 \\\n% 3",
        "x = {'a': '''\n'''\n, 'b': [1\n% 2]}\n",
        "# it's (\nx = 'it\\'s ('\ny = r'\\\\'\n",
        "x != 3",
        "d = {}\nd['a'] = 5 % 3",
    ],
)
def test_python_is_not_changed(text: str) -> None:
    submission = read(text)
    assert submission.text == text + "\n"
    assert submission.notes == ()


def test_cell_magics_keep_or_comment_out_the_cell() -> None:
    assert lines("\n%%bash\nrm -rf x") == ["", "# %%bash", "# rm -rf x", ""]
    assert lines("%%capture out\nx = 1\n!ls") == ["# %%capture out", "x = 1", "# !ls", ""]
    assert lines("%%grade toolbox\nx = 1") == ["# %%grade toolbox", "x = 1", ""]
    assert read("%%html\n<b>\n</b>").notes == ("Not run: cell 1, line 1: %%html and the rest of the cell",)
    assert lines("!pip install \\\n  torch\nx = 1") == ["# !pip install \\", "#   torch", "x = 1", ""]


def test_a_block_of_magics_keeps_a_statement() -> None:
    submission = read("if True:\n    !pip install torch\nx = 1")
    assert examine(submission.text, "x").finding is None


def test_notes_are_few_and_safe_to_print() -> None:
    notes = read("\n".join(["!echo \x1b[2J" + "x" * 100] * 9)).notes
    assert len(notes) == 6
    assert notes[-1] == "Not run: 4 more lines of this kind."
    assert all(note.isprintable() and len(note) < 100 for note in notes)
