"""A browser for tests of pages: Chromium without a window, and what axe-core says of a page in it."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
LONGEST = 600_000  # milliseconds after which a page is taken not to come: a guard, also on a busy machine
PHONE, DESK, WIDE = (
    ViewportSize(width=width, height=height) for width, height in ((390, 844), (1280, 800), (1440, 900))
)
NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

_OPTIONS = {"resultTypes": ["violations"], "preload": False}  # a page that is a file may not fetch its style sheet


def violations(page: Page) -> list[str]:
    """Return the rules of axe-core that the page breaks, each with an element that does."""
    found = Axe().run(page, options=_OPTIONS).response["violations"]
    return [f"{each['id']} at {len(each['nodes'])} places: {each['nodes'][0]['html'][:200]}" for each in found]
