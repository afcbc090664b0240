"""A second source for the numbers of system calls."""

import ctypes
from typing import Any

import pytest


@pytest.fixture(scope="module")
def call_number() -> Any:
    """Return a function that looks up a system call by name and architecture in libseccomp."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed")
    architectures = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

    def number(name: str, machine: str) -> int:
        found: int = library.seccomp_syscall_resolve_name_arch(architectures[machine], name.encode())
        return found

    return number
