"""HTML pages from templates. All values are escaped, and their control characters are made visible."""

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

NOT_AVAILABLE = "n/a"


def render_page(template: str, **values: Any) -> str:
    """Render one of the templates. Raises UsageError if jinja2 is not installed."""
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
        "breakable": breakable,  # allows a line break after each underscore of an identifier
        "pre": lambda lines: Markup(pre_element(lines)),
        "paragraphs": lambda text: reflow(text).split("\n\n"),
        "number": _if_known(format_points),
        "signed": _signed,
        "percent": _if_known(lambda share: f"{100 * share:.0f}\N{NO-BREAK SPACE}%"),
        "two": _if_known(lambda value: f"{value:.2f}".replace("-", "−")),
        "seconds": _if_known(lambda seconds: f"{seconds:.2f}\N{NO-BREAK SPACE}s"),
        "time": _if_known(_time),
        "words": OUTCOME_NAMES.__getitem__,
    }
    return environment


def _if_known(formatter: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: NOT_AVAILABLE if value is None else formatter(value)


def _signed(points: float) -> str:
    return format_change(points).replace("-", "−")


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M %Z}".rstrip()
