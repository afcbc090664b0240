"""docs/signatures.md: the certificate that it shows is one, and its table names all that is in it."""

import json
import re

import msgspec

from grader.teach.signing.certificate import Certificate, Earned
from grader.teach.signing.statement import Signed
from tests.docs.documents import read, rows


def test_the_certificate_that_is_shown() -> None:
    shown = re.search(r"^```json\n(.*?)^```$", read("docs/signatures.md"), re.MULTILINE | re.DOTALL)
    assert shown
    signed = msgspec.json.decode(shown[1], type=Signed)
    assert signed.encode().decode() == shown[1]
    certificate = signed.convert(Certificate)
    assert certificate.student.name == "Ada Lovelace"
    assert list(json.loads(bytes(signed.statement))) == list(Certificate.__struct_fields__)
    assert list(json.loads(bytes(signed.statement))["earned"][0]) == list(Earned.__struct_fields__)


def test_its_fields_are_explained() -> None:
    told = {name for row in rows(read("docs/signatures.md"), "field") for name in re.findall(r"`(\w+)`", row[0])}
    fields = {*Certificate.__struct_fields__, *Earned.__struct_fields__, "key", "signature"}
    assert fields - told == {"schema", "course", "item", "title", "points", "max"}  # plain, or explained with `earned`
    assert told <= fields
