"""Lines of a screen as HTML."""

from grader.show.html import pre_element
from grader.show.layout import bold, line


def test_styles_are_classes_and_text_is_escaped() -> None:
    lines = [line("a < b & c ", bold('"<i>"')), line()]
    assert pre_element(lines) == (
        '<pre tabindex="0">a &lt; b &amp; c <span class="bold">&quot;&lt;i&gt;&quot;</span>\n\n</pre>'
    )


def test_hidden_characters_become_visible() -> None:
    assert pre_element([line("a\u202eb\x1b[0m")]) == '<pre tabindex="0">a\\u202eb\\x1b[0m\n</pre>'
