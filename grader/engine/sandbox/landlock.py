"""Landlock restricts which files a process may open, permanently.

It covers opening and renaming files, TCP ports, and (by scopes) abstract sockets and signals to processes outside. It
does not cover chmod, chown, utime, setxattr and stat: seccomp has to.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path

from grader.engine.sandbox import linux

# System calls; the numbers are the same on every machine.
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_VERSION = 1  # flag of create_ruleset: return the ABI version
_PATH_BENEATH = 1  # type of a rule

WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3

_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # the rights that came with each ABI
_NET_RIGHTS = {4: 0b11}  # bind, connect
_SCOPES = {6: 0b11}  # abstract sockets, signals


def abi() -> int:
    """Return the version of Landlock in the running kernel; 0 if it has none."""
    try:
        return linux.syscall(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:  # no such system call, or disabled at boot
        return 0


def _up_to(rights: dict[int, int], version: int) -> int:
    return sum(bits for since, bits in rights.items() if since <= version)


def ruleset(version: int, rules: Iterable[tuple[Path, int]]) -> int:
    """Return a descriptor of rules that forbid all that ABI `version` knows, except for the rights in `rules`.

    `rules` are pairs of a path (a folder includes all below it) and the bits of the rights there. Paths that do not
    exist, or that this process cannot access, are skipped. Raise OSError.
    """
    handled = (_up_to(_FILE_RIGHTS, version), _up_to(_NET_RIGHTS, version), _up_to(_SCOPES, version))
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # older kernels know a shorter struct
    descriptor = linux.syscall(_CREATE_RULESET, struct.pack("=3Q", *handled), size, 0)  # close-on-exec
    for path, rights in rules:
        try:
            target = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            linux.syscall(_ADD_RULE, descriptor, _PATH_BENEATH, struct.pack("=Qi", rights, target), 0)
        finally:
            os.close(target)
    return descriptor


def restrict(descriptor: int) -> None:
    """Apply the rules to this process. Needs no_new_privs. Raise OSError."""
    linux.syscall(_RESTRICT_SELF, descriptor, 0)
