"""Validate exports by the schemas in tests/teach/question_banks/schemas."""

from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from lxml import etree

SCHEMAS = Path(__file__).with_name("schemas")
QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
CARTRIDGE = b"http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
PACKAGING = b"http://www.imsglobal.org/xsd/imscp_v1p1"
# the content of selection_extension, which QTI 1.2 leaves open
EXTENSION = "<!ELEMENT points_per_item (#PCDATA)>"


@cache
def _relaxng(name: str) -> Any:
    return etree.RelaxNG(etree.parse(SCHEMAS / name))


@cache
def _manifest() -> Any:
    return etree.XMLSchema(etree.parse(SCHEMAS / "imscp_v1p1.xsd"))


@cache
def _qti12() -> Any:
    return etree.DTD(StringIO((SCHEMAS / "ims_qtiasiv1p2p1.dtd").read_text().partition("?>")[2] + EXTENSION))


def qti21_problems(data: bytes) -> list[str]:
    """Return the errors in an item or test of QTI 2.1."""
    return _problems(_relaxng("qti21-parts.rng"), etree.fromstring(data))


def moodle_problems(data: bytes) -> list[str]:
    """Return the errors in a Moodle XML file."""
    return _problems(_relaxng("moodle-parts.rng"), etree.fromstring(data))


def manifest_problems(data: bytes) -> list[str]:
    """Return the errors in a manifest. Canvas uses the elements in the namespace of Common Cartridge."""
    return _problems(_manifest(), etree.fromstring(data.replace(CARTRIDGE, PACKAGING)))


def qti12_problems(data: bytes) -> list[str]:
    """Return the errors in a QTI 1.2 file. A DTD has no namespaces, so they are removed."""
    root = etree.fromstring(data)
    assert root.nsmap[None] == QTI[1:-1]
    for element in root.iter(etree.Element):
        element.tag = element.tag.removeprefix(QTI)
    root.attrib.clear()
    etree.cleanup_namespaces(root)
    return _problems(_qti12(), root)


def _problems(schema: Any, root: Any) -> list[str]:
    schema.validate(root)
    return [str(error) for error in schema.error_log.filter_from_errors()]
