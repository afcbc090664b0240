"""The address at which a site will be published."""

from urllib.parse import urlsplit

from grader.base.errors import UsageError


def site_address(given: str) -> str:
    """Return the address with a slash at its end. Raise UsageError if it is not the http(s) address of a folder."""
    try:
        parts = urlsplit(given)
        valid = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
    except ValueError:
        valid = False
    if not valid or any(character.isspace() or character in "\"'<>" for character in given):
        raise UsageError(
            f"--address {given} is not the http(s) address of a site; write one such as https://example.org/course/."
        )
    return given.rstrip("/") + "/"
