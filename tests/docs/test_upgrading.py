"""docs/upgrading.md: the versions in its table are those of the code."""

from grader.base.result import SCHEMA as RESULT
from grader.teach.formats.results_json import SCHEMA as RESULTS
from grader.testing import INTERFACE
from tests.docs.documents import read, rows


def test_names_the_versions_of_the_interfaces() -> None:
    versions = [version for _, version in rows(read("docs/upgrading.md"), "interface")]
    assert versions == [f"`{version}`" for version in (INTERFACE, RESULT, RESULTS)]
