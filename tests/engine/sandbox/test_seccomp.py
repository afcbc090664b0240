"""The tables of system calls, and the filter made from them."""

import platform
import struct
import sys
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("confinement needs Linux", allow_module_level=True)

from grader.engine.sandbox import seccomp

if not (seccomp.supports(platform.machine()) and seccomp.available()):
    pytest.skip("this kernel or processor is not supported", allow_module_level=True)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_numbers_of_system_calls_agree_with_libseccomp(machine: str, call_number: Any) -> None:
    column = ["x86_64", "aarch64"].index(machine)
    table = seccomp.ALWAYS_ALLOWED | seccomp.OPENING | seccomp.CONDITIONAL
    wrong = {}
    for name, row in table.items():
        number = call_number(name, machine)
        if row[column] != (number if number >= 0 else None):
            wrong[name] = (row[column], number)
    assert wrong == {}


def verdict(program: Any, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """Return what the kernel would answer, by interpreting the five instructions in use."""
    call = struct.pack("=IIQ6Q", number, architecture, 0, *arguments)
    word, position = 0, 0
    while True:
        step = program[position]
        position += 1
        match step.code:
            case 0x20:
                (word,) = struct.unpack_from("=I", call, step.value)
            case 0x15:
                position += step.if_true if word == step.value else step.if_false
            case 0x35:
                position += step.if_true if word >= step.value else step.if_false
            case 0x45:
                position += step.if_true if word & step.value else step.if_false
            case 0x06:
                return int(step.value)


ALLOW, REFUSE, NO_SUCH_CALL, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000


@pytest.mark.parametrize("may_open", [True, False], ids=["confined", "sealed"])
@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)])
def test_filter_allows_exactly_the_listed_calls(machine: str, architecture: int, may_open: bool) -> None:
    program = seccomp.Filter(may_open=may_open, machine=machine).instructions
    column = ["x86_64", "aarch64"].index(machine)
    allowed = {row[column] for row in (seccomp.ALWAYS_ALLOWED | (seccomp.OPENING if may_open else {})).values()}
    judged = {name: row[column] for name, row in seccomp.CONDITIONAL.items()}
    nothing = (2**64 - 1,) * 6
    for number in range(700):
        expected = ALLOW if number in allowed else NO_SUCH_CALL if number == 435 else REFUSE
        assert verdict(program, architecture, number, nothing) == expected, number
    assert verdict(program, 0x40000003, 0, nothing) == KILL  # i386, and arm when it is not native

    def answer(name: str, *arguments: int) -> int:
        number = judged[name]
        assert number is not None
        return verdict(program, architecture, number, (*arguments, *(0,) * (6 - len(arguments))))

    assert answer("fcntl", 3, 3) == ALLOW  # F_GETFL
    assert answer("fcntl", 3, 4, 0o4000) == ALLOW  # F_SETFL O_NONBLOCK
    assert answer("fcntl", 3, 4, 0o24000) == REFUSE  # with O_ASYNC
    assert answer("fcntl", 3, 8, 1) == REFUSE  # F_SETOWN
    assert answer("ioctl", 3, 0x541B) == ALLOW  # FIONREAD
    assert answer("ioctl", 3, 0x5412) == REFUSE  # TIOCSTI
    assert answer("prctl", 15) == ALLOW  # PR_SET_NAME
    assert answer("prctl", 1) == REFUSE  # PR_SET_PDEATHSIG
    assert answer("prlimit64", 0, 7, 0, 1234) == ALLOW
    assert answer("prlimit64", 0, 7, 1 << 32) == REFUSE
    assert answer("prlimit64", 0, 7, 1) == REFUSE
    assert answer("prlimit64", 1, 7, 0) == REFUSE
