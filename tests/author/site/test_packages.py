"""What the site needs is asked for in one sentence."""

import pytest

from grader.author.site import packages
from grader.base.errors import UsageError


@pytest.mark.parametrize("package", packages.NEEDED)
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(UsageError, match=rf"^The site needs {package}, .*: pip install 'archgrade\[site\]'\.$"):
        packages.require_packages()


def test_all_are_installed_here() -> None:
    packages.require_packages()
