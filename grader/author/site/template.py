"""Templates of the site. Values are escaped unless the template marks them `safe`, as it does for HTML."""

import re
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from grader.author.site.markdown import plain
from grader.author.site.model import relative, url_of
from grader.show.typography import typeset

_CYRILLIC = re.compile(r"[\u0400-\u04ff]+(?:[ '’ʼ-]+[\u0400-\u04ff]+)*")


def render(template: str, **values: Any) -> str:
    """Render a template of this package."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("grader.author.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "relative": relative,
        "breakable": _breakable,
        "plain": plain,
        "typeset": typeset,
        "ukrainian": _ukrainian,
    }
    environment.globals["url_of"] = url_of
    return environment


def _ukrainian(text: str) -> Markup:
    """Mark Ukrainian words among English ones, so that they are pronounced as Ukrainian."""
    return Markup(_CYRILLIC.sub(r'<span lang="uk">\g<0></span>', str(escape(text))))


def _breakable(name: str) -> Markup:
    """Allow a line break after each underscore of an identifier."""
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
