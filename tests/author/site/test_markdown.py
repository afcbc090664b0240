"""Tests of the conversion of Markdown to HTML."""

import pytest

from grader.author.site.citations import CitationMarker
from grader.author.site.links import LinkMap
from grader.author.site.markdown import HtmlWriter, plain, split_title
from grader.author.site.terms import TermFinder, TermMarker
from grader.base.errors import UsageError
from grader.course.glossary import Term
from grader.course.lesson.references import Reference

TITLES = {"lessons/1/a.md": 'Masks, "causal"'}
PLACES = {"lessons/1/a.md": "lessons/1/a.html", "docs/b.md": "docs/b.html", "exercises/x/README.md": "exercises/x.html"}
URL = "lessons/1/a.html"
PAPER = Reference(link="https://example.org/p", authors="Ada & Bo", year=2020, title="On <masks>")


def writer(*, formulas: bool = True) -> HtmlWriter:
    terms = TermFinder([Term(term="mask", definition="It hides.", lesson=1)])
    citations = CitationMarker({PAPER.link: PAPER})
    return HtmlWriter(URL, "lessons/1/a.md", LinkMap(PLACES, TITLES), TermMarker(terms, URL), citations, formulas)


def write(text: str, *, formulas: bool = True) -> str:
    return writer(formulas=formulas).write(text)


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("[b](../../docs/b.md#c)", '<a href="../../docs/b.html#c">b</a>'),
        ("[x](../../exercises/x/README.md)", '<a href="../../exercises/x.html">x</a>'),
        ("[part 1](a.md#c)", '<a href="a.html#c" title="Masks, &quot;causal&quot;">part 1</a>'),
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
def test_converts_links_and_inline_markup(markdown: str, html: str) -> None:
    assert write(markdown) == f"<p>{html}</p>\n"


def test_marks_terms_in_text_but_not_in_headings_links_or_code() -> None:
    text = write("# A mask\n\n[a mask](#x) and `mask`\n\n```python\nmask = 1\n```\n\nThe mask.")
    assert text.count("tooltip") == 1
    assert text.index("tooltip") > text.index("<p>The ")


def test_dollars_enclose_formulas_in_lessons_only() -> None:
    assert "<math" in write("for $5 or 6$")
    assert write("for $5 or 6$", formulas=False) == "<p>for $5 or 6$</p>\n"


def test_reports_an_invalid_formula_with_its_line() -> None:
    with pytest.raises(
        UsageError, match=r"lessons/1/a.md:12: the formula \\foo cannot be typeset: \\foo is not supported"
    ):
        writer().write("a\n\n$$\n\\foo\n$$", line=10)
    with pytest.raises(UsageError, match=r"lessons/1/a.md:3: the formula \\foo"):
        writer().write("a\n\nb $\\foo$")


def test_headings_begin_at_level_2_and_skip_no_level() -> None:
    page = writer()
    text = page.write("# One\n\n#### Two\n\n# One\n\n## Three `code`")
    assert [(heading.level, heading.anchor) for heading in page.headings] == [
        (2, "one"),
        (3, "two"),
        (2, "one-2"),
        (3, "three-code"),
    ]
    assert '<h3 id="three-code">Three <code>code</code><a class="permalink" href="#three-code" ' in text


def test_wraps_tables_so_that_they_scroll() -> None:
    assert write("| a |\n|---|\n| 1 |").startswith('<div class="wide-table"><table>')


def test_splits_off_the_title_of_a_document() -> None:
    assert split_title("\n# A `b`  \n\nText.\n") == ("A `b`", "Text.\n", 3)
    assert split_title("Text.\n") == (None, "Text.\n", 0)
    assert plain("A `b` of $T$ & **c**") == "A b of T & c"


def test_a_citation_is_described_by_its_reference() -> None:
    cited = writer()
    html = cited.write(
        "[Ada](https://example.org/p#page=3) and [again](https://example.org/p), not [this](https://a.org)"
    )
    assert '<a href="https://example.org/p#page=3" class="cited" aria-describedby="cited-1">Ada</a>' in html
    reference = (
        '<span class="definition" role="tooltip" id="cited-2"><b>On &lt;masks&gt;</b> Ada &amp; Bo (2020)</span>'
    )
    assert f'aria-describedby="cited-2">again</a>{reference}' in html
    assert '<a href="https://a.org">this</a>' in html


def test_the_head_of_a_table_names_formulas_and_has_no_empty_headers() -> None:
    html = write("| | $x^2$ | a $b$ |\n|---|---|---|\n| 1 | 2 | 3 |")
    assert "<td></td>" in html
    assert '<th><span class="unseen">x²</span><span aria-hidden="true"><math' in html
    assert "</math></span></th>" in html
    assert "<th>a <math" in html
