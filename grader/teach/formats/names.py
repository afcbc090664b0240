"""Safe names for students' folders."""

import hashlib
import re
import unicodedata

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9_@])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")  # device names on Windows, with any extension
_DIGITS = 20  # hexadecimal digits of the hash, 80 bits


def folder_name(student_id: str) -> str:
    """Return a name for a student's folder or file. Different ids have different names on every file system.

    A short id of lower-case letters, digits and `._@-`, with no `.` or `-` at either end, is used unchanged. Any other
    id becomes its letters and digits, `~`, and digits of its hash. That includes ids with capitals, since some file
    systems do not distinguish `Ada` from `ada`.
    """
    if _PLAIN.fullmatch(student_id) and not _RESERVED.fullmatch(student_id):
        return student_id
    digest = hashlib.sha256(student_id.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    letters = (char if char.isalnum() else "-" for char in unicodedata.normalize("NFC", student_id))
    readable = re.sub("-+", "-", "".join(letters)).strip("-")[:40]
    return f"{readable or 'student'}~{digest}"
