"""Tests of the check for the packages that the site needs."""

import pytest

from grader.author.site import packages
from grader.base.errors import UsageError


@pytest.mark.parametrize("package", packages.NEEDED)
def test_names_a_missing_package(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(UsageError, match=rf"^The site needs {package}, .*: pip install 'archgrade\[site\]'\.$"):
        packages.require_packages()


def test_accepts_an_environment_with_all_packages() -> None:
    packages.require_packages()
