"""Tests of the pages of a class in a browser: what axe-core finds in them."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize

from grader.teach.formats.feedback import write_feedback
from grader.teach.formats.html import write_html
from tests.browser import NEEDED, PHONE, WIDE, violations
from tests.teach.formats import books
from tests.teach.formats.class_of import class_of

pytestmark = [pytest.mark.slow, NEEDED]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    size: ViewportSize, scheme: Literal["light", "dark"], browser: Browser, tmp_path: Path
) -> None:
    for name, book in (("written", books.sample_book()), ("class", class_of(3))):
        write_feedback(book, tmp_path / name)
        write_html(book, tmp_path / name)
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    found = {}
    for path in sorted(tmp_path.rglob("*.html")):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        found[path.relative_to(tmp_path).as_posix()] = violations(page)
    context.close()
    assert {"written/report.html", "class/report.html"} < found.keys()
    assert {path: broken for path, broken in found.items() if broken} == {}
