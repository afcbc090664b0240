"""A signed file: a statement, the key that signed it, and the signature. One of them has exactly one form, in bytes.

    {
    "statement": {...},
    "key": "SHA256:...",
    "signature": "..."
    }

What is signed are the bytes of the statement as they stand in the file, so a later version may say more in it.
"""

from typing import TypeVar

import msgspec

from grader.teach.signing.keys import PrivateKey, PublicKey

T = TypeVar("T")
_PURPOSE = b"archgrade/signed/v1\n"  # before what is signed: no signature for another use counts here


class Changed(Exception):
    """What was signed is not what is there: one sentence without a name, such as 'is not whole'."""


class NotSigned(Changed):
    """What is there has not the form of a signed file."""


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    statement: msgspec.Raw
    key: str  # the fingerprint of the public key
    signature: str  # 64 bytes in hexadecimal

    def encode(self) -> bytes:
        """The file's bytes."""
        return b'{\n"statement": %b,\n"key": "%b",\n"signature": "%b"\n}\n' % (
            bytes(self.statement),
            self.key.encode(),
            self.signature.encode(),
        )

    def verified(self, key: PublicKey) -> None:
        """Changed unless the private half of this key signed the statement as it is here."""
        if self.key != key.fingerprint:
            raise Changed(f"is signed with another key, {self.key}")
        if not key.signed(_PURPOSE + bytes(self.statement), bytes.fromhex(self.signature)):
            raise Changed("was changed after it was signed, or the key signed something else")

    def convert(self, to: type[T]) -> T:
        """What is stated. Changed where it is a statement of another kind."""
        try:
            return msgspec.json.decode(self.statement, type=to)
        except msgspec.ValidationError:
            raise Changed("is signed, and states something else than was looked for") from None


def sign(statement: msgspec.Struct, key: PrivateKey) -> bytes:
    """The file with this statement, signed."""
    text = msgspec.json.format(msgspec.json.encode(statement), indent=1)
    signature = key.sign(_PURPOSE + text).hex()
    return Signed(statement=msgspec.Raw(text), key=key.public.fingerprint, signature=signature).encode()


def read(data: bytes) -> Signed:
    """A signed file, not yet verified. Changed where these bytes are none."""
    try:
        signed = msgspec.json.decode(data, type=Signed)
        same = signed.encode() == data and bytes.fromhex(signed.signature).hex() == signed.signature
    except (msgspec.DecodeError, ValueError):
        raise NotSigned("is not whole, or is nothing that grade has signed") from None
    if not same:
        raise Changed("was changed after it was signed")
    return signed
