"""Key pairs: Ed25519, in the files that ssh-keygen and openssl make."""

import base64
import hashlib
import os
import shlex
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from grader.base.errors import UsageError
from grader.course.document import shown
from grader.course.load import COURSE_FILE

PUBLIC = ".pub"  # the ending of the public one of a pair
_MOST = 1 << 16  # bytes of a key's file
_NEW = "grade verify --new-key FILE makes a pair."


class PrivateKey:
    """The half that signs. Whoever has it can sign in the instructor's name."""

    def __init__(self, key: Ed25519PrivateKey):
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature of these bytes, always the same."""
        return self._key.sign(data)


class PublicKey:
    """The half that verifies, and that everybody may have."""

    def __init__(self, key: Ed25519PublicKey):
        self._key = key
        self.line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()  # ssh-ed25519 AAAA...

    @property
    def fingerprint(self) -> str:
        """The key in short, as `ssh-keygen -l` shows it: SHA256:..."""
        digest = hashlib.sha256(base64.b64decode(self.line.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature is that of these bytes, by the private half of this key."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


def new_pair(path: Path) -> PublicKey:
    """Writes a new private key, which nobody else may read, and its public key beside it, with `.pub` after the name.

    UsageError where one of them is there, cannot be written, or would lie in a course or a repository.
    """
    for folder in path.absolute().parents:
        if (folder / ".git").exists() or (folder / COURSE_FILE).is_file():
            raise UsageError(
                f"{shown(path)} would lie in {shown(folder)}, which is handed on. A private key is not: choose another "
                "folder, such as ~/.config/archgrade."
            )
    public = path.with_name(path.name + PUBLIC)
    for each in (path, public):
        if os.path.lexists(each):
            raise UsageError(f"{shown(each)} is there already, and no key is overwritten; choose another name.")
    key = PrivateKey(made := Ed25519PrivateKey.generate())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path, made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), 0o600)
        _create(public, f"{key.public.line} archgrade\n".encode(), 0o644)
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be written: {error.strerror or error}.") from None
    return key.public


def load_private(path: Path, outside: Sequence[Path]) -> PrivateKey:
    """The private key in a file: PEM (PKCS 8) or OpenSSH's, without a passphrase.

    UsageError where it is none, where others than its owner may read the file, and where it lies in one of the folders
    `outside` of which it must be, since these are handed on.
    """
    data = _read(path)
    if _is_public(data):
        raise UsageError(f"{shown(path)} is a public key; sign with the private one of the pair.")
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        key = load(data, None)
    except TypeError:
        raise UsageError(
            f"{shown(path)} has a passphrase, for which grade does not ask; sign with a key without one. {_NEW}"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{shown(path)} is no private key that can be read. {_NEW}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{shown(path)} is a key of another kind than Ed25519. {_NEW}")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        mend = f"chmod 600 {shlex.quote(shown(path))}"
        raise UsageError(f"{shown(path)} can be read by others than you (mode {mode:04o}): {mend}")
    for folder in outside:
        if path.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{shown(path)} lies in {shown(folder)}, which is handed on; keep keys elsewhere.")
    return PrivateKey(key)


def load_public(path: Path) -> PublicKey:
    """The public key in a file: OpenSSH's one line, or PEM. UsageError where it is none."""
    data = _read(path)
    if b"PRIVATE KEY" in data:
        raise UsageError(f"{shown(path)} is a private key, which proves nothing to others; name the public one.")
    load: Callable[[bytes], object] = load_ssh_public_key if data.startswith(b"ssh-") else load_pem_public_key
    try:
        key = load(data)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{shown(path)} is no public key that can be read. {_NEW}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{shown(path)} is a key of another kind than Ed25519. {_NEW}")
    return PublicKey(key)


def _is_public(data: bytes) -> bool:
    return data.startswith(b"ssh-") or b"BEGIN PUBLIC KEY" in data


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST)
    except FileNotFoundError:
        raise UsageError(f"There is no key {shown(path)}. {_NEW}") from None
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be read: {error.strerror or error}.") from None


def _create(path: Path, data: bytes, mode: int) -> None:
    """Writes a new file with these rights from its first moment on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
