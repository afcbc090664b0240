"""What the tests of the site share: the small course and ours, as sites."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from grader.author.site import blocks
from grader.author.site.build import write_site
from grader.course import load_course
from grader.pictures import Picture
from grader.show.pictures.graphics import svg
from tests.author.site.courses import make_course
from tests.paths import ROOT


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """A picture is drawn once for all sites that are made here: drawing is nine tenths of making one."""
    drawn: dict[bytes, str] = {}

    def draw(picture: Picture) -> str:
        key = msgspec.json.encode(picture)
        if key not in drawn:
            drawn[key] = svg(picture)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "svg", draw)
        yield


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A small course that a test may change."""
    return make_course(tmp_path / "course")


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the small course."""
    folder = tmp_path_factory.mktemp("small")
    write_site(load_course(make_course(folder / "course")), folder / "site")
    return folder / "site"


@pytest.fixture(scope="session")
def our_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of this repository's course."""
    folder = tmp_path_factory.mktemp("ours")
    write_site(load_course(ROOT), folder)
    return folder
