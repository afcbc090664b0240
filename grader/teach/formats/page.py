"""HTML pages from templates. Whatever is put into one is escaped, and its control characters are made visible."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from grader.base.errors import UsageError
from grader.base.text import clean
from grader.show.failure import OUTCOME_NAMES
from grader.show.html import pre_element
from grader.show.layout import reflow
from grader.show.numbers import format_change, format_points

if TYPE_CHECKING:
    from jinja2 import Environment

NOTHING = "n/a"


def page(template: str, **values: Any) -> str:
    """A page from a template of ours. UsageError where jinja2 is not installed."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    try:
        import jinja2
        from markupsafe import Markup, escape
    except ModuleNotFoundError:
        raise UsageError("HTML pages need jinja2, which is not installed: pip install 'archgrade[report]'.") from None

    def visible(value: Any) -> Any:
        return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def breakable(text: str) -> Markup:
        return Markup(str(escape(clean(text))).replace("_", "_<wbr>"))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("grader.teach.formats"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "breakable": breakable,  # an identifier that may go on in a new line after each underscore
        "pre": lambda lines: Markup(pre_element(lines)),
        "paragraphs": lambda text: reflow(text).split("\n\n"),
        "number": _or_nothing(format_points),
        "signed": _signed,
        "percent": _or_nothing(lambda share: f"{100 * share:.0f}\N{NO-BREAK SPACE}%"),
        "two": _or_nothing(lambda value: f"{value:.2f}".replace("-", "−")),
        "seconds": _or_nothing(lambda seconds: f"{seconds:.2f}\N{NO-BREAK SPACE}s"),
        "time": _or_nothing(_time),
        "words": OUTCOME_NAMES.__getitem__,
    }
    return environment


def _or_nothing(shown: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: NOTHING if value is None else shown(value)


def _signed(points: float) -> str:
    return format_change(points).replace("-", "−")


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M %Z}".rstrip()
