"""Keys for tests, and files signed with them."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grader.teach.formats import write
from grader.teach.gradebook import Gradebook
from grader.teach.signing.exports import sign_exports
from grader.teach.signing.keys import PrivateKey
from tests.teach.gradebook.builders import filled

KEY = PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))


def signed_results(folder: Path, *formats: str, key: PrivateKey = KEY) -> Path:
    """A folder with a gradebook and exports of these formats, signed."""
    if not folder.exists():
        filled(folder)
    with Gradebook(folder) as gradebook:
        book = gradebook.book()
        written = [path for each in formats for path in write(each, book, folder)]
        sign_exports(book, folder, written, key)
    return folder
