"""Keys: of every kind that is common, and the sentence for what is no key for signing."""

import base64
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from grader.base.errors import UsageError
from grader.teach.signing.keys import load_private, load_public, new_pair

PLAIN = NoEncryption()


def write(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def private(form: PrivateFormat = PrivateFormat.PKCS8, encryption: KeySerializationEncryption = PLAIN) -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, form, encryption)


def test_a_new_pair(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "grades"
    before = os.umask(0)
    try:
        made = new_pair(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    key, public = load_private(path, []), load_public(tmp_path / "keys" / "grades.pub")
    assert key.public.line == public.line == made.line
    assert public.signed(b"data", key.sign(b"data"))
    assert not public.signed(b"date", key.sign(b"data"))
    assert not public.signed(b"data", key.sign(b"data")[:-1])


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.pub", b"mine")
    with pytest.raises(UsageError, match=r"mine\.pub is there already, and no key is overwritten"):
        new_pair(tmp_path / "mine")
    assert [each.name for each in tmp_path.iterdir()] == ["mine.pub"]
    with pytest.raises(UsageError, match="no key is overwritten"):
        new_pair(path)


@pytest.mark.parametrize("sign", [".git", "course.yaml"])
def test_no_private_key_is_made_where_it_would_be_handed_on(tmp_path: Path, sign: str) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / sign).touch()
    with pytest.raises(UsageError, match="A private key is not: choose another folder"):
        new_pair(tmp_path / "deep" / "er" / "key")
    assert not (tmp_path / "deep" / "er" / "key").exists()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.OpenSSH])
def test_files_of_openssl_and_ssh(tmp_path: Path, form: PrivateFormat) -> None:
    made = Ed25519PrivateKey.generate()
    key = load_private(write(tmp_path / "key", made.private_bytes(Encoding.PEM, form, PLAIN)), [])
    ssh = made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    pem = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for data in (ssh, ssh + b" ada@example.org\n", pem):
        assert load_public(write(tmp_path / "pub", data)).line == key.public.line
    digest = hashlib.sha256(base64.b64decode(ssh.split()[1])).digest()
    assert key.public.fingerprint == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen")
def test_a_pair_of_ssh_keygen(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, stdin=subprocess.DEVNULL)
    key, public = load_private(path, []), load_public(tmp_path / "key.pub")
    told = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], check=True, capture_output=True, text=True)
    assert told.stdout.split()[1] == key.public.fingerprint == public.fingerprint


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is no private key that can be read"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "is no private key that can be read"),
        (private()[:60], "is no private key that can be read"),
        (private(encryption=BestAvailableEncryption(b"secret")), "has a passphrase"),
        (generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN), "another kind"),
        (b"ssh-ed25519 AAAA", "is a public key; sign with the private one"),
        (b"-----BEGIN PUBLIC KEY-----\n", "is a public key; sign with the private one"),
    ],
    ids=["empty", "broken", "cut off", "passphrase", "EC", "public", "public PEM"],
)
def test_what_is_no_private_key(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_private(write(tmp_path / "key", data), [])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is no public key that can be read"),
        (b"ssh-ed25519 AAAA", "is no public key that can be read"),
        (b"ssh-rsa AAAA", "is no public key that can be read"),
        (private(), "is a private key, which proves nothing to others"),
        (private(PrivateFormat.OpenSSH), "is a private key, which proves nothing to others"),
        (
            generate_private_key(SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "another kind",
        ),
    ],
    ids=["empty", "broken", "RSA", "private", "private of ssh", "EC"],
)
def test_what_is_no_public_key(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_public(write(tmp_path / "key", data))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_private_key_is_its_owners_alone(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "key", private(), mode)
    with pytest.raises(UsageError, match=rf"\(mode {mode:04o}\): chmod 600 "):
        load_private(path, [])


def test_a_private_key_does_not_lie_in_what_is_handed_on(tmp_path: Path) -> None:
    (tmp_path / "results" / "deep").mkdir(parents=True)
    path = write(tmp_path / "results" / "deep" / "key", private())
    (tmp_path / "link").symlink_to(path)
    for each in (path, tmp_path / "link"):
        with pytest.raises(UsageError, match="which is handed on; keep keys elsewhere"):
            load_private(each, [tmp_path / "other", tmp_path / "results"])
    assert load_private(path, [tmp_path / "results" / "deeper"])


def test_no_key_there(tmp_path: Path) -> None:
    for load in (lambda path: load_private(path, []), load_public):
        with pytest.raises(UsageError, match=r"There is no key .*none\. grade verify --new-key FILE makes a pair\."):
            load(tmp_path / "none")
