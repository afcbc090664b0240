"""What a signature proves of a file, or of all files of a folder."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.text import clean_line
from grader.course.document import shown
from grader.teach.formats.table import number
from grader.teach.signing.certificate import Certificate
from grader.teach.signing.folder import NAME, Signatures, folder_of, not_signed, problem, read_signatures
from grader.teach.signing.keys import PublicKey
from grader.teach.signing.statement import Changed, NotSigned, read


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out of a file."""

    path: Path
    problem: str | None = None  # what is wrong with it, as a sentence without its name; None: it is as it was signed
    states: str = ""  # what is signed


def findings(path: Path, key: PublicKey) -> Iterator[Finding]:
    """All that is wrong with a signed folder, and a word on the whole of it; or what holds of one file.

    UsageError where there is no such file.
    """
    if path.is_dir():
        yield from _of_folder(path, key)
    elif path.name == NAME and path.is_file():
        yield from _of_folder(path.parent, key)
    elif path.is_file():
        yield _of_file(path, key)
    else:
        raise UsageError(f"{shown(path)}: there is no such file.")


def _of_folder(path: Path, key: PublicKey) -> Iterator[Finding]:
    if not (path / NAME).is_file():
        yield Finding(path=path, problem=f"has no {NAME}, so nothing in it is signed")
        return
    try:
        signatures = read_signatures(path, key)
    except Changed as changed:
        yield Finding(path=path / NAME, problem=str(changed))
        return
    bad = [Finding(path=path / each.path, problem=found) for each in signatures.files if (found := problem(path, each))]
    more = [Finding(path=path / each, problem="is not signed") for each in not_signed(path, signatures)]
    yield from (*bad, *more)
    held, total = len(signatures.files) - len(bad), len(signatures.files)
    whole = None if not (bad or more) else "is not what was signed"
    yield Finding(path=path, problem=whole, states=f"{held} of {total} files as they were signed; {_about(signatures)}")


def _of_file(path: Path, key: PublicKey) -> Finding:
    """One file, by the signatures of the folder around it, and by its own where it is a certificate."""
    try:
        stated = _in_folder(path, key)
        try:
            signed = read(path.read_bytes())
        except NotSigned:
            if stated is None:
                unknown = f"is no whole certificate, and no {NAME} in its folder or above has it"
                return Finding(path=path, problem=unknown)
            return Finding(path=path, states=stated)
        signed.verified(key)
        return Finding(path=path, states=_certified(signed.convert(Certificate)))
    except Changed as changed:
        return Finding(path=path, problem=str(changed))
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be read: {error.strerror or error}.") from None


def _in_folder(path: Path, key: PublicKey) -> str | None:
    """What the signatures of the folder around a file say of it, None where it is not among them.

    Changed where it is, and is not as it was signed.
    """
    folder = folder_of(path)
    if folder is None:
        return None
    try:
        signatures = read_signatures(folder, key)
    except Changed as changed:
        raise Changed(f"cannot be told from what was signed: {shown(folder / NAME)} {changed}") from None
    name = path.absolute().relative_to(folder).as_posix()
    for each in signatures.files:
        if each.path == name:
            if found := problem(folder, each):
                raise Changed(found)
            return _about(signatures)
    return None


def _about(signatures: Signatures) -> str:
    return f"{clean_line(signatures.course)}, run {signatures.run}, {signatures.date:%Y-%m-%d}"


def _certified(certificate: Certificate) -> str:
    student = certificate.student
    name = f"{clean_line(student.name)} ({clean_line(student.id)})" if student.name else clean_line(student.id)
    points = "?" if certificate.total is None else number(certificate.total)
    earned = f"{points} of {number(certificate.max_total)} points"
    return f"{name}, {earned}; {clean_line(certificate.course)}, run {certificate.run}, {certificate.date:%Y-%m-%d}"
