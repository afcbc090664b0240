"""What is signed when a gradebook is exported: the files written, and a certificate for each student."""

from collections.abc import Sequence
from pathlib import Path

from grader.teach.gradebook.model import Book
from grader.teach.signing.certificate import write_certificates
from grader.teach.signing.folder import write_signatures
from grader.teach.signing.keys import PrivateKey


def sign_exports(book: Book, out: Path, written: Sequence[Path], key: PrivateKey) -> list[Path]:
    """Writes the certificates and signs them with the files that were written into this folder; returns what is new."""
    certificates = [*write_certificates(book, out, key)]
    return [*certificates, write_signatures(book, out, [*written, *certificates], key)]
