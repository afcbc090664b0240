"""Folders that are named after students, whose ids are strangers' text."""

import hashlib
import re
import unicodedata

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9_@])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")  # devices on Windows, with any ending
_DIGITS = 20  # of the hash, 80 bits


def folder_name(student_id: str) -> str:
    """A name for a student's folder or file, different for different ids on every file system.

    A short id of lower-case letters, digits and `._@-`, with no `.` or `-` at its ends, is its own name. Any other one
    becomes what can be read of it, `~`, and digits of its hash: capitals too, since there are file systems that take
    `Ada` and `ada` for one name.
    """
    if _PLAIN.fullmatch(student_id) and not _RESERVED.fullmatch(student_id):
        return student_id
    digest = hashlib.sha256(student_id.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    letters = (char if char.isalnum() else "-" for char in unicodedata.normalize("NFC", student_id))
    readable = re.sub("-+", "-", "".join(letters)).strip("-")[:40]
    return f"{readable or 'student'}~{digest}"
