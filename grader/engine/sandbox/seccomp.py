"""seccomp restricts which system calls a process may make, permanently.

All calls but those below fail with EPERM, which Python raises as PermissionError. A call through the table of another
architecture, which has other numbers, kills the process.
"""

import ctypes
import errno
import fcntl
import os
import platform
import sys
import termios
from typing import NamedTuple

from grader.engine.sandbox import linux

Numbers = tuple[int | None, int | None]  # on x86_64 and aarch64; None if that machine has no such call

# fmt: off
ALWAYS_ALLOWED: dict[str, Numbers] = {
    # descriptors that are open already
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "lseek": (8, 62), "close": (3, 57),
    "close_range": (436, 436), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "poll": (7, None),
    "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    # sockets that are connected already
    "recvfrom": (45, 207), "recvmsg": (47, 212), "sendto": (44, 206), "sendmsg": (46, 211),
    "getsockopt": (55, 209), "getsockname": (51, 204), "getpeername": (52, 205),
    # names and properties of files, without opening them
    "stat": (4, None), "lstat": (6, None), "fstat": (5, 80), "newfstatat": (262, 79), "statx": (332, 291),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None),
    "readlinkat": (267, 78), "getcwd": (79, 17), "getdents64": (217, 61),
    # memory; executable pages too, as oneDNN and MKL write their own machine code
    "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "madvise": (28, 233),
    "brk": (12, 214), "futex": (202, 98),
    # its own signals and time
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "pause": (34, None), "setitimer": (38, 103), "getitimer": (36, 102),
    "alarm": (37, None), "restart_syscall": (219, 128), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None), "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115), "times": (100, 153), "getrusage": (98, 165),
    # what it is, and where it runs
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getpgrp": (111, None),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158), "getrlimit": (97, 163),
    "uname": (63, 160), "sysinfo": (99, 179), "getcpu": (309, 168), "getrandom": (318, 278),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "exit": (60, 93), "exit_group": (231, 94),
}
OPENING: dict[str, Numbers] = {"open": (2, None), "openat": (257, 56)}
CONDITIONAL: dict[str, Numbers] = {  # allowed for some arguments, see _cases
    "fcntl": (72, 25), "ioctl": (16, 29), "prctl": (157, 167), "prlimit64": (302, 261),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131),
}
# fmt: on
_CLONE3 = 435  # on every machine
_PRCTL = 15, 16, 0x53564D41  # PR_SET_NAME, PR_GET_NAME, PR_SET_VMA

# The column of the tables, and the kernel's number for the architecture.
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000  # bit in the numbers of x86_64's second table


class _Condition(NamedTuple):
    """A condition on half of an argument: equal to `value` or, with `lacks`, without any of its bits."""

    argument: int
    value: int | None  # None: the pid of the confined process
    lacks: bool = False
    upper: bool = False  # which half of the 64 bits


_Case = tuple[_Condition, ...]  # all must hold


def _cases() -> dict[str, list[_Case]]:
    """Return the cases in which each conditional call is allowed."""
    own_process: list[_Case] = [(_Condition(0, None),)]  # for abort()
    duplicates = fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL
    controls = termios.TCGETS, termios.FIONREAD, termios.FIONBIO, termios.FIOCLEX, termios.FIONCLEX
    # F_SETOWN, F_SETSIG and O_ASYNC together would make the kernel kill another process of the same user.
    without_async = _Condition(1, fcntl.F_SETFL), _Condition(2, fcntl.FASYNC, lacks=True)
    read_own_limits = _Condition(0, 0), _Condition(2, 0), _Condition(2, 0, upper=True)
    return {
        "fcntl": [*[(_Condition(1, command),) for command in duplicates], without_async],
        "ioctl": [(_Condition(1, request),) for request in controls],
        "prctl": [(_Condition(0, option),) for option in _PRCTL],
        "prlimit64": [read_own_limits],
        "kill": own_process,
        "tkill": own_process,
        "tgkill": own_process,
    }


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


_MODE_FILTER = 2  # of PR_SET_SECCOMP

# Codes of classic BPF.
_LOAD = 0x20  # a word of the call's description
_EQUAL = 0x15
_AT_LEAST = 0x35
_ANY_BIT = 0x45
_RETURN = 0x06

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000
_KILL = 0x80000000

# Offsets in that description, in bytes.
_NUMBER = 0
_ARCHITECTURE = 4
_ARGUMENTS = 16  # eight bytes each, the lower half first


def _column(table: dict[str, Numbers], column: int) -> list[tuple[str, int]]:
    return [(name, number) for name, row in table.items() if (number := row[column]) is not None]


class Filter:
    """The program that the kernel runs on each system call of a confined process."""

    def __init__(self, *, may_open: bool, machine: str | None = None) -> None:
        """Build the program for a machine, by default this one. Raise KeyError unless `supports(machine)`."""
        self._code: list[tuple[int, int, int, int]] = []
        self._own_pid: list[int] = []  # positions of the instructions that compare with the pid
        column, architecture = _MACHINES[machine or platform.machine()]

        self._add(_LOAD, _ARCHITECTURE)
        self._add(_EQUAL, architecture, if_true=1)
        self._add(_RETURN, _KILL)
        self._add(_LOAD, _NUMBER)
        if column == 0:
            self._add(_AT_LEAST, _X32, if_false=1)
            self._add(_RETURN, _KILL)

        self._add(_EQUAL, _CLONE3, if_false=1)
        self._add(_RETURN, _REFUSE | errno.ENOSYS)  # its flags are in memory; the C library then tries clone
        cases = _cases()
        for name, number in _column(CONDITIONAL, column):
            self._add_cases(number, cases[name])
        numbers = [number for _, number in _column(ALWAYS_ALLOWED | OPENING if may_open else ALWAYS_ALLOWED, column)]
        for left in range(len(numbers), 0, -1):
            self._add(_EQUAL, numbers[-left], if_true=left)  # skips the other numbers and the refusal
        self._add(_RETURN, _REFUSE | errno.EPERM)
        self._add(_RETURN, _ALLOW)

        self.instructions = (_Instruction * len(self._code))(*[_Instruction(*fields) for fields in self._code])
        self._program = _Program(len(self._code), ctypes.addressof(self.instructions))

    def _add(self, code: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        self._code.append((code, if_true, if_false, value))

    def _add_cases(self, number: int, cases: list[_Case]) -> None:
        """Add instructions that decide call `number` by its arguments, and skip themselves for other calls."""
        entry = len(self._code)
        self._add(_EQUAL, number)
        for case in cases:
            for left in range(len(case), 0, -1):
                condition = case[-left]
                rest = 2 * left - 1  # instructions to the next case
                self._add(_LOAD, _ARGUMENTS + 8 * condition.argument + 4 * condition.upper)
                if condition.value is None:
                    self._own_pid.append(len(self._code))
                if condition.lacks:
                    self._add(_ANY_BIT, condition.value or 0, if_true=rest)
                else:
                    self._add(_EQUAL, condition.value or 0, if_false=rest)
            self._add(_RETURN, _ALLOW)
        self._add(_RETURN, _REFUSE | errno.EPERM)
        self._code[entry] = (_EQUAL, 0, len(self._code) - entry - 1, number)

    def install(self) -> None:
        """Apply the filter to this process. Needs no_new_privs. Raise OSError."""
        for position in self._own_pid:
            self.instructions[position].value = os.getpid()
        linux.prctl(linux.PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(self._program))


def supports(machine: str) -> bool:
    """Return whether there is a table of system calls for a machine, as `platform.machine()` names it."""
    return machine in _MACHINES and sys.maxsize > 2**32


def available() -> bool:
    """Return whether the running kernel has seccomp filters."""
    try:
        linux.prctl(linux.PR_SET_SECCOMP, _MODE_FILTER, 0)
    except OSError as error:
        return error.errno == errno.EFAULT  # the mode is known, and only the program is missing
    return False
