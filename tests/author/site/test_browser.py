"""Tests of the pages in a browser, opened as files, with a mouse, a keyboard and a phone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, ViewportSize, expect

from tests.author.site.courses import MOVING
from tests.browser import DESK, LONGEST, NEEDED, PHONE, WIDE, violations
from tests.numbers_as_written import AS_WRITTEN, NO_NUMBERS

PART = "lessons/01-tools/1-masks.html"
FIGURES = "lessons/02-moving/1-figures.html"

expect.set_options(timeout=LONGEST)
pytestmark = [pytest.mark.slow, NEEDED]


class Reader:
    """A reader of the small site; errors in the browser are collected in `complaints`."""

    def __init__(self, context: BrowserContext, site: Path):
        self.site = site
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(LONGEST)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url))

    def _requested(self, url: str) -> None:
        if not url.startswith((f"file://{self.site}/", "data:,")):
            self.complaints.append(f"asked for {url}")

    def open(self, url: str) -> Page:
        self.page.goto(f"file://{self.site}/{url}")
        return self.page


@pytest.fixture
def reader(browser: Browser, small_site: Path) -> Iterator[Reader]:
    context = browser.new_context(viewport=DESK)
    reader = Reader(context, small_site)
    yield reader
    context.close()
    assert reader.complaints == []


def seen(page: Page, what: str) -> Locator:
    """Return the element that the moving picture's script of this name controls."""
    return page.locator(f'figure[data-moving="{what}"] .moving')


def test_no_page_has_errors_or_is_wider_than_a_phone(browser: Browser, small_site: Path, our_site: Path) -> None:
    context = browser.new_context(viewport=PHONE)
    for site in (small_site, our_site):
        reader = Reader(context, site)
        for path in sorted(site.rglob("*.html")):
            page = reader.open(path.relative_to(site).as_posix())
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert reader.complaints == []
    context.close()


OUR_PAGES = (
    "index.html",
    "work.html",
    "opening.html",
    "lessons/01-transformer-variants/index.html",
    "lessons/01-transformer-variants/5-four-masks.html",
    "lessons/02-decoder-only/4-clock-hands.html",
    "lessons/03-mixture-of-experts/7-buffers.html",
    "lessons/04-moe-in-practice/7-the-roofline.html",
    "lessons/06-grouped-query-attention/2-the-cache-is-the-bill.html",
    "lessons/07-state-space-models/4-what-a-fixed-kernel-cannot-do.html",
    "lessons/10-vision-and-multimodal/index.html",
    "lessons/10-vision-and-multimodal/12-noise-and-one-question.html",
    "exercises/index.html",
    "exercises/causal_mask.html",
    "exercises/moe_router.html",
    "exercises/t5_relative_bias.html",
    "glossary.html",
    "notation.html",
    "docs/index.html",
    "docs/changelog.html",
    "docs/authors/exercises.html",
    "docs/contributors/benchmarks.html",
    "docs/reference/commands.html",
)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    size: ViewportSize, scheme: Literal["light", "dark"], browser: Browser, small_site: Path, our_site: Path
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)
    found = {}
    for site, pages in ((our_site, OUR_PAGES), (small_site, (PART, FIGURES, "index.html"))):
        reader = Reader(context, site)
        for url in pages:
            page = reader.open(url)
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            found[url] = violations(page)
    context.close()
    assert {url: broken for url, broken in found.items() if broken} == {}


def test_axe_finds_what_is_wrong(reader: Reader) -> None:
    page = reader.open(PART)
    page.evaluate(
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=\"data:,\"><button></button>')"
    )
    assert [each.partition(" ")[0] for each in violations(page)] == ["button-name", "image-alt"]


def test_formulas_are_rendered(reader: Reader) -> None:
    page = reader.open(PART)
    high, plain = (page.locator(name).first.bounding_box() for name in (".formula mfrac", "article p math"))
    assert high is not None
    assert plain is not None
    assert high["height"] > 1.5 * plain["height"]


def test_pictures_are_visible(reader: Reader) -> None:
    page = reader.open(FIGURES)
    assert page.locator("figure").count() == len(MOVING)
    for name in MOVING:
        expect(seen(page, name)).to_be_visible()


def test_without_scripts_pictures_are_static_and_answers_can_be_opened(browser: Browser, small_site: Path) -> None:
    context = browser.new_context(viewport=DESK, java_script_enabled=False)
    page = Reader(context, small_site).open(PART)
    assert page.locator("form:visible").count() == 0
    page.locator(".answer summary").first.click()
    expect(page.get_by_text("3 + 6 + 9 is 18")).to_be_visible()
    page.locator(".waiting summary").nth(1).click()
    expect(page.get_by_role("img", name="sums of the past")).to_be_visible()
    page.get_by_role("link", name="causal mask").first.focus()
    expect(page.get_by_text("It hides what comes later.").first).to_be_visible()
    page.goto(f"file://{small_site}/{FIGURES}")
    assert page.get_by_role("img", name="a mask").count() == len(MOVING)
    context.close()


def test_the_answer_is_shown_only_after_the_reader_answers(reader: Reader) -> None:
    page = reader.open(PART)
    question = page.locator('[data-question="sums"]')
    output = page.get_by_text("tensor([ 3.,  9., 18.])")
    question.get_by_role("button", name="Compare").click()
    assert "Give an answer first" in question.inner_text()
    expect(output).to_be_hidden()
    for unread in ("eighteen", "18,4"):
        question.get_by_label("Your answer").fill(unread)
        question.get_by_role("button", name="Compare").click()
        assert "A number, please" in question.inner_text()
        assert not re.search("[✓✗]", question.inner_text())
    expect(output).to_be_hidden()
    question.get_by_label("Your answer").fill("36/2 words")
    question.get_by_role("button", name="Compare").click()
    assert "✓ yours: 36/2 words" in question.inner_text()
    assert "expected: 18" in question.inner_text()
    assert "3 + 6 + 9 is 18" in question.inner_text()
    expect(output).to_be_visible()
    expect(page.get_by_role("img", name="sums of the past")).to_be_visible()
    question.get_by_label("Your answer").fill("17")
    question.get_by_role("button", name="Compare").click()
    assert "✗ yours: 17" in question.inner_text()


def test_the_page_reads_numbers_as_the_terminal_does(reader: Reader) -> None:
    page = reader.open(PART)
    read = page.evaluate("(texts) => texts.map(readings)", [*AS_WRITTEN, *NO_NUMBERS])
    assert dict(zip(NO_NUMBERS, read[len(AS_WRITTEN) :], strict=True)) == dict.fromkeys(NO_NUMBERS)
    found = {text: sorted(set(numbers)) for text, numbers in zip(AS_WRITTEN, read, strict=False)}
    assert found == {text: pytest.approx(list(numbers), rel=1e-12) for text, numbers in AS_WRITTEN.items()}


def test_the_reader_chooses_options_and_compares_answers_in_words(reader: Reader) -> None:
    question = reader.open(PART).locator('[data-question="which"]')
    question.get_by_label("this").check()
    question.get_by_role("button", name="Compare").click()
    assert "✗ yours: this" in question.inner_text()
    assert "expected: that & <those>" in question.inner_text()
    question = reader.open("lessons/01-tools/2-more.html").locator('[data-question="words"]')
    question.get_by_label("Your answer").fill("the sum <b>")
    question.get_by_role("button", name="Compare").click()
    assert "yours: the sum <b>" in question.inner_text()
    assert not re.search("[✓✗]", question.inner_text())


def test_the_keyboard_reaches_answers_definitions_and_the_text(reader: Reader) -> None:
    page = reader.open(PART)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    definition = page.get_by_text("It hides what comes later.").first
    reached = ""
    for _ in range(40):
        page.keyboard.press("Tab")
        reached = page.evaluate("document.activeElement.textContent").strip()
        if " ".join(reached.split()) == "causal mask":
            expect(definition).to_be_visible()
            page.keyboard.press("Escape")
            expect(definition).to_be_hidden()
        if page.evaluate("document.activeElement.tagName") == "INPUT":
            page.keyboard.type("18")
            page.keyboard.press("Enter")
            break
    expect(page.get_by_text("tensor([ 3.,  9., 18.])")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_hovering_over_a_term_shows_its_definition(reader: Reader) -> None:
    page = reader.open(PART)
    term, definition = page.locator(".term").nth(1), page.locator(".definition").nth(1)
    expect(definition).to_be_hidden()
    term.hover()
    expect(definition).to_be_visible()
    word, box = term.bounding_box(), definition.bounding_box()
    assert word is not None
    assert box is not None
    assert abs(box["y"] - word["y"] - word["height"]) < 12


def test_a_citation_shows_its_reference_when_it_is_reached(reader: Reader) -> None:
    page = reader.open(PART)
    cited, reference = page.get_by_role("link", name="a paper"), page.get_by_text("Vaswani et al.").first
    expect(reference).to_be_hidden()
    cited.hover()
    expect(reference).to_be_visible()
    page.mouse.move(0, 0)
    expect(reference).to_be_hidden()
    cited.focus()
    expect(reference).to_be_visible()
    page.keyboard.press("Escape")
    expect(reference).to_be_hidden()


def test_tapping_a_term_shows_its_definition_which_leads_to_the_glossary(browser: Browser, small_site: Path) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = Reader(context, small_site).open(PART)
    definition = page.locator(".definition").first
    for _ in range(2):
        page.locator(".term").first.tap()
        expect(definition).to_be_visible()
        assert page.url.endswith(PART)
    definition.get_by_role("link", name="In the glossary").tap()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()


def test_search_finds_a_section(reader: Reader) -> None:
    page = reader.open(PART)
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type("Again sum")
    page.locator("#site-found a").first.wait_for()
    assert page.locator("#site-found").inner_text().startswith("A sum")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/2-more.html#a-sum*")
    page.get_by_label("Search").fill("nowhere at all")
    page.get_by_text("nothing found").wait_for()


def found_by(page: Page, words: str) -> list[str]:
    """Return the titles that a search finds, in order."""
    page.get_by_label("Search").fill(words)
    page.wait_for_function("typeof siteSections !== 'undefined'")
    page.get_by_label("Search").dispatch_event("input")
    return page.locator("#site-found a b").all_inner_texts()


def test_search_ignores_hyphens_and_forgives_a_letter(browser: Browser, our_site: Path) -> None:
    context = browser.new_context(viewport=DESK)
    page = Reader(context, our_site).open("index.html")
    expected = found_by(page, "kv cache")
    assert "KV cache" in expected
    assert found_by(page, "KV-cache") == expected
    expected = found_by(page, "Mamba-2")
    assert any("Mamba-2" in title for title in expected)
    assert found_by(page, "mamba2") == expected
    assert any("attention" in title for title in found_by(page, "attenton"))
    assert found_by(page, "qqzzy") == []
    context.close()


def test_search_shows_what_was_typed_as_a_whole_title_first(browser: Browser, our_site: Path) -> None:
    context = browser.new_context(viewport=DESK)
    page = Reader(context, our_site).open("index.html")
    for words in ("rope", "attention", "softmax", "paged_cache"):
        assert found_by(page, words)[0] == words
    assert found_by(page, "KV cache")[:2] == ["kv_cache", "KV cache"]
    assert found_by(page, "mamba2")[0] == "The layer of Mamba-2"
    found_by(page, "attention")
    expect(page.locator(".search [role=status]")).to_have_text(re.compile(r"the best 12 of \d+"))
    excerpts = [text.partition(": ")[2].strip("… ") for text in page.locator("#site-found small").all_inner_texts()]
    texts = page.evaluate("siteSections.map((section) => ` ${section[4]} `)")
    assert len(excerpts) == 12
    assert [each for each in excerpts if not any(f" {each} " in text for text in texts)] == []  # cut between words
    context.close()


def test_search_shows_lessons_before_exercises_before_the_glossary(browser: Browser, our_site: Path) -> None:
    context = browser.new_context(viewport=DESK)
    page = Reader(context, our_site).open("index.html")
    titles = found_by(page, "linear attention")
    assert "linear attention" in titles  # without its synonyms
    places = zip(titles, page.locator("#site-found small").all_inner_texts(), strict=True)
    found = [(text.partition(":")[0], title.replace("_", " ")) for title, text in places]
    order = ["lesson", "exercise", "glossary"]
    assert set(order) <= {kind for kind, _ in found}
    kinds = [kind for kind, title in found if title != "linear attention"]  # what was typed comes before all kinds
    assert [kind for kind in kinds if kind in order] == sorted(
        (kind for kind in kinds if kind in order), key=order.index
    )
    found_by(page, "What to write")
    entries = page.locator("#site-found a").evaluate_all(
        "(all) => all.map((a) => a.firstChild.textContent + a.children[1].textContent)"
    )
    assert len(set(entries)) == len(entries) == 12
    context.close()


def test_subscripts_are_below_the_line_with_any_fonts(browser: Browser, our_site: Path) -> None:
    context = browser.new_context(viewport=DESK)
    page = Reader(context, our_site).open("exercises/ddpm.html")
    lowered = page.locator("msub").evaluate_all(
        "(all) => all.map((pair) => [...pair.children].map((each) => each.getBoundingClientRect().bottom))"
    )
    assert len(lowered) > 20
    assert all(subscript > base + 2 for base, subscript in lowered)
    context.close()


def test_dark_mode_changes_the_colours(browser: Browser, small_site: Path) -> None:
    looks = []
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport=DESK, color_scheme=scheme)
        page = Reader(context, small_site).open(PART)
        asked = "['.k, .kn', 'body'].map((name) => { const style = getComputedStyle(document.querySelector(name));"
        looks.append(page.evaluate(f"{asked} return [style.color, style.backgroundColor]; }})"))
        context.close()
    (light_word, light_page), (dark_word, dark_page) = looks
    assert light_word[0] != dark_word[0]
    assert light_page[0] != dark_page[0]
    assert light_page[1] != dark_page[1]


# What is remembered


def test_answers_and_boxes_are_remembered_until_the_reader_forgets(reader: Reader) -> None:
    page = reader.open(PART)
    page.get_by_label("Your answer").fill("17")
    page.locator('[data-question="sums"]').get_by_role("button", name="Compare").click()
    page.locator('[data-question="which"]').get_by_label("this").check()
    page.locator('[data-question="which"]').get_by_role("button", name="Compare").click()
    page.locator(".deep summary").click()
    page.reload()
    assert "✗ yours: 17" in page.locator('[data-question="sums"]').inner_text()
    assert "✗ yours: this" in page.locator('[data-question="which"]').inner_text()
    expect(page.get_by_text("One more thing")).to_be_visible()
    expect(page.get_by_text("tensor([ 3.,  9., 18.])")).to_be_visible()
    page.locator(".deep summary").click()
    page.reload()
    expect(page.get_by_text("One more thing")).to_be_hidden()
    home = reader.open("index.html")
    questions = []

    def answer(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.accept() if len(questions) == 2 else dialog.dismiss()

    home.on("dialog", answer)
    home.get_by_role("button", name="Forget everything").click()
    assert home.evaluate("localStorage.length") == 1
    home.get_by_role("button", name="Forget everything").click()
    expect(home.get_by_role("button", name="Forget everything")).to_be_hidden()
    assert questions == ["Forget your place, the parts you have read, and all your answers?"] * 2
    assert home.evaluate("localStorage.length") == 0
    page = reader.open(PART)
    assert page.get_by_label("Your answer").input_value() == ""
    expect(page.get_by_text("One more thing")).to_be_hidden()


def test_parts_seen_to_their_end_are_marked_and_the_home_page_continues(reader: Reader) -> None:
    expect(reader.open("index.html").locator(".continue")).to_be_hidden()
    page = reader.open(PART)
    expect(page.locator(".side .read")).to_have_count(0)
    expect(reader.open("index.html").get_by_role("link", name="Masks from T = 3 tokens")).to_be_visible()
    page = reader.open(PART)
    page.locator(".turn").scroll_into_view_if_needed()
    mark = page.locator(".side .parts a").first.get_by_role("img", name="read")
    expect(mark).to_be_visible()
    home = reader.open("index.html")
    expect(home.get_by_text("1 of 2 read")).to_be_visible()
    home.get_by_role("link", name="More", exact=True).click()
    page.wait_for_url("**/2-more.html")
    expect(page.locator(".side .parts a").first.get_by_role("img", name="read")).to_be_visible()


@pytest.mark.parametrize(
    "storage", ["undefined", "{ getItem() { throw new Error(); }, setItem() { throw new Error(); } }"]
)
def test_pages_work_where_nothing_can_be_remembered(storage: str, reader: Reader) -> None:
    reader.page.add_init_script(f"Object.defineProperty(window, 'localStorage', {{ value: {storage} }})")
    page = reader.open(PART)
    page.get_by_label("Your answer").fill("18")
    page.locator('[data-question="sums"]').get_by_role("button", name="Compare").click()
    assert "✓ yours: 18" in page.locator('[data-question="sums"]').inner_text()
    page.get_by_label("Theme").select_option("dark")
    expect(reader.open("index.html").locator(".continue")).to_be_hidden()


# Reading


def test_the_chosen_theme_is_kept_and_is_there_before_the_page(reader: Reader) -> None:
    color = "getComputedStyle(document.body).backgroundColor"
    page = reader.open(FIGURES)
    light = page.evaluate(color)
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(color)
    assert light != dark
    page.reload(wait_until="commit")
    page.wait_for_selector("h1")
    assert page.evaluate(color) == dark
    assert page.evaluate("[...document.querySelectorAll('meta[name=theme-color]')].map((each) => each.content)") == [
        "#16181b",
        "#16181b",
    ]
    page.get_by_label("Theme").select_option("auto")
    assert page.evaluate(color) == light


def test_pictures_follow_the_chosen_theme(reader: Reader) -> None:
    page = reader.open(PART)
    filled = page.locator(".drawing svg.wide [fill*='--picture-']").first
    colors = "(shape) => [getComputedStyle(shape).fill, getComputedStyle(shape).stroke]"
    light = filled.evaluate(colors)
    page.get_by_label("Theme").select_option("dark")
    assert filled.evaluate(colors) != light


def test_arrow_keys_turn_the_page_but_not_while_the_reader_types(reader: Reader) -> None:
    page = reader.open(PART)
    page.get_by_label("Your answer").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label("Your answer").blur()
    page.keyboard.press("Control+ArrowRight")
    assert page.url.endswith(PART)
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/2-more.html")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/1-masks.html")
    page = reader.open(FIGURES)
    slider = seen(page, "router").get_by_role("slider").first
    slider.press("ArrowLeft")
    seen(page, "selective-scan").get_by_role("button", name="fixed").press("ArrowLeft")
    assert page.url.endswith(FIGURES)


def test_code_is_copied(browser: Browser, small_site: Path) -> None:
    context = browser.new_context(viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    page = Reader(context, small_site).open(PART)
    listing = page.locator(".listing").first
    listing.hover()
    listing.get_by_role("button", name="Copy").click()
    expect(listing.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("import torch\n\nv = torch.tensor")
    context.close()


def test_only_boxes_that_scroll_are_reached_by_the_keyboard(reader: Reader) -> None:
    page = reader.open(PART)
    page.locator(".deep summary").click()
    expect(page.locator(".deep pre[tabindex='0'][role=region][aria-label]")).to_have_count(1)
    expect(page.locator("[tabindex='0']")).to_have_count(1)
    page.set_viewport_size(ViewportSize(width=200, height=800))
    expect(page.locator("article > .listing pre[tabindex='0'][role=region]").first).to_be_visible()


def test_the_top_bar_has_one_line_on_a_phone_and_its_menu_opens(browser: Browser, small_site: Path) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = Reader(context, small_site).open(PART)
    box = page.locator(".top").bounding_box()
    assert box is not None
    assert box["height"] < 64
    exercises = page.get_by_role("link", name="Exercises", exact=True)
    expect(exercises).to_be_hidden()
    page.get_by_role("button", name="Menu").tap()
    expect(exercises).to_be_visible()
    page.get_by_label("Search").focus()
    box = page.get_by_label("Search").bounding_box()
    assert box is not None
    assert box["width"] > PHONE["width"] / 2
    context.close()


def test_the_home_page_has_few_tab_stops_and_large_targets(browser: Browser, our_site: Path) -> None:
    context = browser.new_context(viewport=PHONE)
    page = Reader(context, our_site).open("index.html")
    stops = page.locator("a[href]:visible, button:visible, input:visible, select:visible, summary:visible")
    assert stops.count() <= 40
    for stop in page.locator(".button:visible, .top button:visible, .top input:visible, .moving button:visible").all():
        box = stop.bounding_box()
        assert box is not None
        assert box["height"] >= 24, stop.inner_text()
    context.close()


# What moves


def said(box: Locator) -> str:
    return box.locator(".said").first.inner_text()


def put(box: Locator, label: str, key: str, times: int = 1) -> None:
    """Move a slider with the keyboard."""
    slider = box.get_by_role("slider", name=label)
    slider.focus()
    for _ in range(times):
        slider.press(key)


def state(box: Locator) -> tuple[str, list[str]]:
    """Return all that a moving picture shows: its elements, and the values of its controls."""
    return box.inner_html(), box.locator("input").evaluate_all("(inputs) => inputs.map((input) => input.value)")


@pytest.mark.parametrize("what", MOVING)
@pytest.mark.parametrize("width", [DESK["width"], PHONE["width"]])
def test_each_control_changes_the_picture_and_reset_restores_it(reader: Reader, what: str, width: int) -> None:
    reader.page.set_viewport_size(ViewportSize(width=width, height=800))
    box = seen(reader.open(FIGURES), what)
    stage, reset = box.locator(".stage"), box.get_by_role("button", name="Reset")
    first = state(box)
    assert said(box)
    controls = box.get_by_role("slider").all() + box.locator(".knobs button[aria-pressed=false]").all()
    assert controls
    for control in controls:
        before = (stage.inner_html(), said(box))
        if control.get_attribute("type") == "range":
            control.press("ArrowRight")
            assert said(box) != before[1]
        else:
            control.press("Enter")
        assert (stage.inner_html(), said(box)) != before
        assert_fits(box)
        reset.press("Enter")
        assert state(box) == first


# Moves every slider through all of its values, with each of the choices, and collects what no position may show.
FAULTS = """(box) => {
    const [stage, said, reset] = [".stage", ".said", ".reset"].map((name) => box.querySelector(name));
    const [EDGE, found] = [0.5, new Set()];

    function look(where) {
        const words = `${stage.innerHTML} ${said.textContent}`;
        for (const [bad] of words.matchAll(/NaN|undefined|Infinity|−0(\\.0+)?(?![\\d.]*\\d)/g)) {
            found.add(`${where}: ${bad}`);
        }
        for (const each of stage.querySelectorAll("svg :is(text, rect, circle, path)")) {
            const [{ x, y, width, height }, edges] = [each.getBBox(), each.ownerSVGElement.viewBox.baseVal];
            const outside = [-x, -y, x + width - edges.width, y + height - edges.height].some((over) => over > EDGE);
            if (outside && (width || height)) {
                found.add(`${where}: ${each.tagName} ${each.textContent} is outside`);
            }
        }
    }

    const sliders = () => [...box.querySelectorAll("input[type=range]")];
    const press = (button) => box.querySelectorAll(".knobs button")[button]?.click(); // -1 presses none
    for (let button = -1; button < box.querySelectorAll(".knobs button").length; button += 1) {
        reset.click();
        press(button);
        look(`button ${button}`);
        sliders().forEach((_, i) => {
            reset.click();
            press(button);
            const slider = sliders()[i];
            for (let value = 0; value <= Number(slider.max); value += 1) {
                slider.value = value;
                slider.dispatchEvent(new Event("input"));
                look(`button ${button}, ${slider.closest("label").textContent}`);
            }
        });
    }
    reset.click();
    return [...found];
}"""


@pytest.mark.parametrize("what", MOVING)
@pytest.mark.parametrize("width", [DESK["width"], PHONE["width"]])
def test_every_position_shows_numbers_and_stays_inside(reader: Reader, what: str, width: int) -> None:
    reader.page.set_viewport_size(ViewportSize(width=width, height=800))
    box = seen(reader.open(FIGURES), what)
    assert box.evaluate(FAULTS) == []
    for slider in box.get_by_role("slider").all():
        for end in ("Home", "End"):
            slider.press(end)
            assert_fits(box)


@pytest.mark.parametrize(
    ("added", "fault"),
    [("<text x='2' y='20'>−0.0</text>", "−0.0"), ("<circle r='9'/>", "circle"), ("<text y='20'>NaN</text>", "NaN")],
)
def test_positions_with_faults_are_found(added: str, fault: str, reader: Reader) -> None:
    page = reader.open(FIGURES)
    page.evaluate(
        """(added) => {
            const { drawing } = Moving;
            Moving.drawing = (...all) => {
                const svg = drawing(...all);
                svg.innerHTML = added;
                return svg;
            };
        }""",
        added,
    )
    assert any(fault in each for each in seen(page, "shapes").evaluate(FAULTS))


def assert_fits(box: Locator) -> None:
    """Check that no text of a picture is small or cut off, and that fingers can hit each control."""
    assert box.evaluate(
        "(box) => box.scrollWidth <= box.clientWidth && box.getBoundingClientRect().right <= innerWidth"
    )
    for name, left, right, size in box.locator("svg text").evaluate_all(
        """(texts) => texts.map((text) => {
            const [box, edge] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
            const size = text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize);
            return [text.textContent, box.left - edge.left, edge.right - box.right, size];
        })"""
    ):
        assert min(left, right) >= -1, name
        assert size >= 12, name
    heights = "(controls) => controls.map((control) => control.getBoundingClientRect().height)"
    assert min(box.locator("input, button").evaluate_all(heights)) >= 24


def test_masks_change_the_outputs(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "masks")
    outputs = box.locator("tr td:last-child")
    assert outputs.all_inner_texts()[-3:] == ["3.00", "4.50", "5.25"]
    box.get_by_role("button", name="query 0 looks at key 1").press("Enter")
    assert said(box) == "Moved: output 0 from 3.00 to 5.00."
    assert box.locator("td.moved").all_inner_texts() == ["5.00"]
    box.get_by_role("button", name="encoder").click()
    assert outputs.all_inner_texts()[-3:] == ["6.00", "6.75", "5.25"]
    box.get_by_role("button", name="prefix of 2").click()
    assert outputs.all_inner_texts()[-3:] == ["5.00", "4.50", "5.25"]
    box.get_by_role("button", name="padded").click()
    assert outputs.all_inner_texts()[-3:] == ["5.00", "4.50", "4.00"]
    for key in (0, 1):
        box.get_by_role("button", name=f"query 0 looks at key {key}").click()
    assert said(box) == "Moved: output 0 from 6.00 to NaN. A row without keys is 0/0."


def test_router_drops_tokens_over_capacity(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "router")
    assert "= 4 places. 4 of 16 choices are dropped" in said(box)
    assert box.locator(".lost").count() == 4
    put(box, "capacity factor", "End")
    assert "= 8 places. 0 of 16 choices are dropped" in said(box)
    put(box, "experts of a token", "Home")
    assert "capacity ⌈8 · 1 · 2 / 4⌉ = 4 places." in said(box)


def test_kv_cache_shows_its_size(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "kv-cache")
    assert "2 · 32 · 8 · 128 · 8,192 · 2 bytes = 1.00 GiB." in said(box)
    put(box, "key-value heads", "End")
    assert "= 4.00 GiB." in said(box)
    put(box, "tokens", "End")
    assert "= 64.00 GiB. 80 GB hold 1 such" in said(box)
    box.get_by_role("button", name="8 bits").click()
    assert "1 byte = 32.00 GiB." in said(box)


def test_roofline_shows_the_numbers_of_lesson_4(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "roofline")
    assert "batch 8: reading takes 25.2 ms" in said(box)
    assert "from batch 1,071 on" in said(box)
    put(box, "batch", "Home")
    assert "batch 1: reading takes 7.69 ms" in said(box)
    put(box, "batch", "End")
    assert "bound by computing" in said(box)
    box.get_by_role("button", name="Mistral 7B").click()
    assert "from batch 296 on" in said(box)


def test_roofline_is_computed_for_the_card_that_is_typed(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "roofline")
    first = said(box)
    bandwidth, peak = box.get_by_label("TB/s"), box.get_by_label("TFLOP/s")
    bandwidth.fill("0.335")
    peak.fill("98.9")
    assert "batch 8: reading takes 252 ms, computing 2.08 ms" in said(box)
    assert "from batch 1,071 on" in said(box)
    slow = said(box)
    for unread in ("", "-1"):
        bandwidth.fill(unread)
        assert said(box) == slow
        assert bandwidth.evaluate("(field) => !field.checkValidity()")
        expect(box.get_by_text("Type a number from 0.01 to 100.")).to_be_visible()
    box.get_by_role("button", name="Reset").click()
    assert said(box) == first


def test_selective_scan_advances_step_by_step(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "selective-scan")
    put(box, "steps done", "Home")
    assert said(box) == "No step is done: the state is 0."
    put(box, "steps done", "ArrowRight", times=3)
    assert re.fullmatch(r"Step 3: h = 0\.03 · \(−0\.0\d\) \+ 0\.97 · 1\.60 = 1\.55", said(box))
    box.get_by_role("button", name="fixed").click()
    assert "Step 3: h = 0.61 · " in said(box)


def test_noise_grows_with_t(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "noise")
    colours = "(pixels) => new Set(pixels.map((pixel) => pixel.getAttribute('fill'))).size"
    before = box.locator("rect").evaluate_all(colours)
    assert said(box).startswith("t = 0: x_t = 1.000 · x_0 + 0.010 · ε.")
    put(box, "step t", "End")
    assert said(box).startswith("t = 999: x_t = 0.006 · x_0 + 1.000 · ε.")
    assert "ᾱ_t = 0.0000404" in said(box)
    assert box.locator("rect").evaluate_all(colours) > 2 * before


def test_balance_compares_a_bias_with_a_loss(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "balance")
    assert "The busiest expert has 4 % more than the mean load of 128." in said(box)
    put(box, "step", "Home")
    assert said(box).startswith("Step 0: the loads are 173, 212, 73, 54.")  # those of lesson 3
    put(box, "step", "End")
    put(box, "gamma", "Home")
    assert said(box).startswith("Step 60: the loads are 173, 212, 73, 54.")
    assert "The logit of “the” for expert 1 is 3.000; the task wants 3." in said(box)
    put(box, "factor", "End")
    assert "is 2.334; the task wants 3." in said(box)


def test_scaling_shows_the_numbers_of_lesson_9(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "scaling")
    assert said(box).startswith("35 billion parameters read 2.8 trillion tokens, 80 for each parameter: loss 1.979.")
    assert "The best division is 73 billion and 1.34 trillion, with 1.974." in said(box)
    assert "It would reach your loss with 83 % of the FLOPs: your model is too small." in said(box)
    put(box, "parameters", "ArrowRight", times=2)
    assert said(box).endswith("Yours is as good.")
    put(box, "parameters", "End")
    assert said(box).endswith("your model is too large for so little text.")


def test_distinct_experts_shows_the_numbers_of_lesson_4(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "distinct-experts")
    assert "By the formula 7.20 experts are hit on average" in said(box)
    assert "From 10 tokens on" in said(box)
    hit = box.locator(".stage rect.one")
    box.get_by_role("button", name="DeepSeek-V3").click()
    assert "By the formula 57 experts are hit on average, 1.1 tokens for each" in said(box)
    assert 50 < hit.count() < 64
    put(box, "tokens B", "Home")
    assert hit.count() == 8
    put(box, "tokens B", "End")
    assert hit.count() == 256


def test_dispatch_bounds_the_nodes_of_a_token(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "dispatch")
    assert "goes to 5.3 nodes on average and to at most 8, with it to 4 and at most 4." in said(box)
    assert "that is 10.0 MB and 5.0 MB" in said(box)
    put(box, "nodes that stay", "End")
    assert "at most 8, with it to 5.3 and at most 8." in said(box)
    put(box, "nodes in all", "Home")
    assert box.get_by_role("slider", name="nodes that stay").get_attribute("aria-valuetext") == "2"
    put(box, "experts of a token", "Home")
    assert "goes to 1 node on average" in said(box)


def test_dense_and_sparse_take_the_times_of_lesson_5(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "dense-sparse")
    assert "the dense model takes 1.9 ms, the sparse model takes 2.3 ms." in said(box)
    assert said(box).endswith("The dense one is faster from 10 to 607 users.")
    put(box, "tokens in each cache", "ArrowRight", times=7)
    assert "4,000 tokens in the cache of each: the dense model takes 13 ms, the sparse model takes 9.6 ms." in said(box)
    put(box, "users", "End")
    assert "the sparse model does not fit into 640 GB with its caches" in said(box)
    assert box.locator(".stage circle").count() == 0


def test_lifetime_shows_the_numbers_of_lesson_9(reader: Reader) -> None:
    box = seen(reader.open(FIGURES), "lifetime")
    assert said(box).startswith("50 billion parameters need 2.08 trillion tokens for this loss")
    assert "Training takes 0.623 · 10²⁴ FLOPs and service 1 · 10²⁴. The cheapest size in all is 34 billion" in said(box)
    put(box, "tokens served", "Home")
    assert "service 0 · 10²⁴. The cheapest size in all is 73 billion" in said(box)
