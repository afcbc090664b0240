"""A signed file has one form: whatever is changed in it, at any place, is noticed."""

import json

import msgspec
import pytest

from grader.teach.signing.certificate import Certificate
from grader.teach.signing.statement import Changed, read, sign
from tests.teach.signing.keys import KEY, OTHER


class Said(msgspec.Struct, frozen=True):
    """A statement."""

    who: str
    points: float


FILE = sign(Said("Ада", 8.0), KEY)


def said(data: bytes) -> Said:
    signed = read(data)
    signed.verified(KEY.public)
    return signed.convert(Said)


def test_what_was_signed_is_read_back() -> None:
    assert said(FILE) == Said("Ада", 8.0)
    assert sign(Said("Ада", 8.0), KEY) == FILE
    assert json.loads(FILE)["statement"] == {"who": "Ада", "points": 8.0}


@pytest.mark.parametrize("bit", [1, 32], ids=["a bit", "case"])
def test_any_changed_byte_is_noticed(bit: int) -> None:
    for place in range(len(FILE)):
        data = bytearray(FILE)
        data[place] ^= bit
        with pytest.raises(Changed):
            said(bytes(data))


def test_any_missing_end_or_addition_is_noticed() -> None:
    for end in range(len(FILE)):
        with pytest.raises(Changed, match=r"is not whole|was changed"):
            said(FILE[:end])
    for data in (FILE + b"\n", b" " + FILE, FILE.replace(b"8.0", b"8.00"), FILE.replace(b'"who"', b'"\\u0077ho"')):
        with pytest.raises(Changed, match="was changed after it was signed"):
            said(data)


def test_the_signature_of_something_else_counts_nothing() -> None:
    other = json.loads(sign(Said("Bob", 8.0), KEY))["signature"]
    data = FILE.replace(json.loads(FILE)["signature"].encode(), other.encode())
    with pytest.raises(Changed, match="or the key signed something else"):
        said(data)


def test_a_signature_of_the_bare_bytes_counts_nothing() -> None:
    """what the key signs for another use is no statement"""
    bare = KEY.sign(bytes(read(FILE).statement)).hex()
    with pytest.raises(Changed, match="or the key signed something else"):
        said(FILE.replace(json.loads(FILE)["signature"].encode(), bare.encode()))


def test_another_key_is_named() -> None:
    with pytest.raises(Changed, match="is signed with another key, SHA256:"):
        said(sign(Said("Ада", 8.0), OTHER))
    forged = sign(Said("Ада", 9.0), OTHER).replace(OTHER.public.fingerprint.encode(), KEY.public.fingerprint.encode())
    with pytest.raises(Changed, match="or the key signed something else"):
        said(forged)


def test_a_statement_of_another_kind() -> None:
    signed = read(FILE)
    signed.verified(KEY.public)
    with pytest.raises(Changed, match="states something else"):
        signed.convert(Certificate)


def test_a_later_version_may_say_more() -> None:
    class More(Said, frozen=True):
        more: int = 1

    assert said(sign(More("Ада", 8.0), KEY)) == Said("Ада", 8.0)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b'{"statement": {}, "key": "\\ud800", "signature": "zz"}']
)
def test_what_grade_never_signed(data: bytes) -> None:
    with pytest.raises(Changed, match="is not whole, or is nothing that grade has signed"):
        read(data)
