"""Optional packages that the site needs."""

from importlib.util import find_spec

from grader.base.errors import UsageError

NEEDED = ("jinja2", "latex2mathml", "pygments")


def require_packages() -> None:
    """Raise UsageError if a package that the site needs is not installed."""
    for package in NEEDED:
        if find_spec(package) is None:
            raise UsageError(f"The site needs {package}, which is not installed: pip install 'archgrade[site]'.")
