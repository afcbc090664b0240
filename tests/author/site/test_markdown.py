"""Markdown as HTML of the site."""

import pytest

from grader.author.site.links import Links
from grader.author.site.markdown import Writer, plain, split_title
from grader.author.site.terms import Definitions, Terms
from grader.base.errors import UsageError
from grader.course.glossary import Term

PLACES = {"lessons/1/a.md": "lessons/1/a.html", "docs/b.md": "docs/b.html", "exercises/x/README.md": "exercises/x.html"}
URL = "lessons/1/a.html"


def writer(*, formulas: bool = True) -> Writer:
    terms = Terms([Term(term="mask", definition="It hides.", lesson=1)])
    return Writer(URL, "lessons/1/a.md", Links(PLACES), Definitions(terms, URL), formulas)


def write(text: str, *, formulas: bool = True) -> str:
    return writer(formulas=formulas).write(text)


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("[b](../../docs/b.md#c)", '<a href="../../docs/b.html#c">b</a>'),
        ("[x](../../exercises/x/README.md)", '<a href="../../exercises/x.html">x</a>'),
        ("[here](#there)", '<a href="#there">here</a>'),
        ("[there](https://e.org/?a=1&b=2)", '<a href="https://e.org/?a=1&amp;b=2">there</a>'),
        ("[gone](../../grader/cli.py)", "gone"),
        ("arXiv 2401.04088,", '<a href="https://arxiv.org/abs/2401.04088">arXiv 2401.04088</a>,'),
        (
            "https://arxiv.org/abs/1706.03762.",
            '<a href="https://arxiv.org/abs/1706.03762">https://arxiv.org/abs/1706.03762</a>.',
        ),
        ("`x` is due", '<a href="../../exercises/x.html"><code>x</code></a> is due'),
        ("`y` is not", "<code>y</code> is not"),
        ("<b>a & b</b>", "&lt;b&gt;a &amp; b&lt;/b&gt;"),
        ("![a](b.png)", "a"),
    ],
)
def test_links_and_what_stands_in_a_line(markdown: str, html: str) -> None:
    assert write(markdown) == f"<p>{html}</p>\n"


def test_terms_are_marked_in_text_and_not_in_headings_links_or_code() -> None:
    text = write("# A mask\n\n[a mask](#x) and `mask`\n\n```python\nmask = 1\n```\n\nThe mask.")
    assert text.count("tooltip") == 1
    assert text.index("tooltip") > text.index("<p>The ")


def test_dollars_are_formulas_in_lessons_only() -> None:
    assert "<math" in write("for $5 or 6$")
    assert write("for $5 or 6$", formulas=False) == "<p>for $5 or 6$</p>\n"


def test_a_formula_that_cannot_be_typeset_is_named_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"lessons/1/a.md:12: the formula \\foo cannot be typeset: \\foo is not known"):
        writer().write("a\n\n$$\n\\foo\n$$", line=10)
    with pytest.raises(UsageError, match=r"lessons/1/a.md:3: the formula \\foo"):
        writer().write("a\n\nb $\\foo$")


def test_headings_begin_below_the_title_and_leave_no_level_out() -> None:
    page = writer()
    text = page.write("# One\n\n#### Two\n\n# One\n\n## Three `code`")
    assert [(heading.level, heading.anchor) for heading in page.headings] == [
        (2, "one"),
        (3, "two"),
        (2, "one-2"),
        (3, "three-code"),
    ]
    assert '<h3 id="three-code">Three <code>code</code></h3>' in text


def test_tables_scroll_in_themselves() -> None:
    assert write("| a |\n|---|\n| 1 |").startswith('<div class="wide"><table>')


def test_the_title_of_a_document() -> None:
    assert split_title("\n# A `b`  \n\nText.\n") == ("A `b`", "Text.\n", 3)
    assert split_title("Text.\n") == (None, "Text.\n", 0)
    assert plain("A `b` of $T$ & **c**") == "A b of T & c"
