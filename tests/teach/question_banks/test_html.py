"""Convert the Markdown of questions to HTML that is valid XML and has the words of the terminal."""

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from grader.quiz.load import load_quiz
from grader.teach.question_banks import html
from tests.paths import ROOT
from tests.teach.question_banks.questions import seen, shown


@pytest.mark.parametrize(
    ("markdown", "wanted"),
    [
        ("plain", "<p>plain</p>"),
        ("`a < b` & **bold**, *so*", "<p><code>a &lt; b</code> &amp; <strong>bold</strong>, <em>so</em></p>"),
        ("a `code that\ngoes on` here", "<p>a <code>code that goes on</code> here</p>"),
        ("2*D*F, __init__ and \\d+ of &lt;", "<p>2*D*F, __init__ and \\d+ of &amp;lt;</p>"),
        ("<b>x</b> [a](b) ![c](d) https://e.org", "<p>&lt;b&gt;x&lt;/b&gt; [a](b) ![c](d) https://e.org</p>"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>"),
        ("- one\n- `two`", "<ul>\n<li>one</li>\n<li><code>two</code></li>\n</ul>"),
        ("text\n---\n# no heading", "<p>text --- # no heading</p>"),
        ("a\n\n    x  = 1\n      < y\n\nb", "<p>a</p>\n<pre><code>x  = 1\n  &lt; y\n</code></pre>\n<p>b</p>"),
        ("```\n*a*\n```", "<pre><code>*a*\n</code></pre>"),
        ("\a", "<p>\\x07</p>"),
        ("x² · 4·D² → Δ", "<p>x² · 4·D² → Δ</p>"),
        ("e^(−aΔ) · 10^9 + x^-2", "<p>e<sup>−aΔ</sup> · 10<sup>9</sup> + x<sup>-2</sup></p>"),
        ("`e^(s)`, a ^ b, ^2, f^(g(x))", "<p><code>e^(s)</code>, a ^ b, ^2, f^(g(x))</p>"),
    ],
)
def test_marks_become_elements_and_everything_else_is_text(markdown: str, wanted: str) -> None:
    assert html.block(markdown) == wanted
    ElementTree.fromstring(f"<div>{wanted}</div>")


def test_tables_have_no_style_attributes() -> None:
    table = html.block("| sign | n |\n|-----:|---|\n| `a` | 1 |\n")
    assert ElementTree.fromstring(table).findtext("tbody/tr/td[2]") == "1"
    assert "style" not in table


def test_inline_and_plain_text_have_no_blocks() -> None:
    assert html.inline("- 3\n of `4`") == "- 3 of <code>4</code>"
    assert html.plain("- 3\n of `<4>` **x**") == "- 3 of <4> x"


def test_code_has_line_numbers() -> None:
    text = "\n".join(f"if a < {i}:" for i in range(1, 11)) + "\n"
    rows = html.code(text).removeprefix("<pre><code>").removesuffix("</code></pre>").split("\n")
    assert rows[0] == " 1  if a &lt; 1:"
    assert rows[9] == "10  if a &lt; 10:"
    assert len(rows) == 10
    assert html.code_line(3, "    x = '<'") == "3: <code>x = '&lt;'</code>"


@pytest.mark.parametrize("path", sorted((ROOT / "lessons").glob("*/quiz.yaml")), ids=lambda path: path.parent.name)
def test_texts_of_the_course_have_the_same_words_as_in_a_terminal(path: Path) -> None:
    """A platform must not read as a mark what a terminal shows as it is."""

    def texts(value: object) -> list[str]:
        if isinstance(value, str):
            return [value]
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [text for part in parts for text in texts(part)]

    fields = ("question", "explanation", "options", "pairs", "extra", "items", "wrong")
    for question in msgspec.to_builtins(load_quiz(path).questions, builtin_types=()):
        for text in texts([question[field] for field in fields if field in question]):
            assert seen(html.block(text)) == shown(text)
