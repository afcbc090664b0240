"""Landlock: which files a process may open, for ever.

It governs the opening of files, changes of names, TCP ports, and (by scopes) abstract sockets and signals to
processes outside. It does not govern chmod, chown, utime, setxattr and stat: seccomp must.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path

from grader.engine.sandbox import linux

# The same numbers on every machine.
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_VERSION = 1  # flag of create_ruleset: only ask for the ABI
_PATH_BENEATH = 1  # type of a rule

WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3

_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # the rights that came with each ABI
_NET_RIGHTS = {4: 0b11}  # bind, connect
_SCOPES = {6: 0b11}  # abstract sockets, signals


def abi() -> int:
    """The version of Landlock in the running kernel, 0 if it has none."""
    try:
        return linux.syscall(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:  # no such call, or turned off when the machine started
        return 0


def _upto(rights: dict[int, int], version: int) -> int:
    return sum(bits for since, bits in rights.items() if since <= version)


def ruleset(version: int, rules: Iterable[tuple[Path, int]]) -> int:
    """A file descriptor of rules: all that ABI `version` knows is forbidden, but the rights in `rules`.

    `rules` are pairs of a path (a folder stands for all that is in it) and the rights there, as bits. Paths
    that are not there, or that this process may not reach, are left out. Raises OSError.
    """
    handled = (_upto(_FILE_RIGHTS, version), _upto(_NET_RIGHTS, version), _upto(_SCOPES, version))
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # older kernels know a shorter struct
    descriptor = linux.syscall(_CREATE_RULESET, struct.pack("=3Q", *handled), size, 0)  # close-on-exec
    for path, rights in rules:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            linux.syscall(_ADD_RULE, descriptor, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
        finally:
            os.close(place)
    return descriptor


def restrict(descriptor: int) -> None:
    """Hold this process to the rules. Needs no_new_privs. Raises OSError."""
    linux.syscall(_RESTRICT_SELF, descriptor, 0)
