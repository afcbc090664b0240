"""System calls for which Python has no function, through the C library. To be imported on Linux only.

`ctypes.util.find_library` is not used, since it starts other programs.
"""

import ctypes
import os
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_LIBC.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38

CAP_DAC_READ_SEARCH = 1 << 2
CAP_SETGID = 1 << 6
CAP_SETUID = 1 << 7

_CAPABILITIES = struct.Struct("=6I")  # effective, permitted, inheritable of bits 0-31, then of 32-63
_CAPABILITIES_HEADER = struct.pack("=Ii", 0x20080522, 0)  # version 3, this process


def _checked(result: int) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def syscall(number: int, *arguments: int | bytes | None) -> int:
    """Return the result of system call `number`. Raise OSError."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *words))


def prctl(option: int, argument: int = 0, pointer: int = 0) -> None:
    """Set a property of this process. Raise OSError."""
    _checked(_LIBC.prctl(option, argument, pointer, 0, 0))


def capabilities() -> int:
    """Return the bits of this process's permitted capabilities among the first 32."""
    data = ctypes.create_string_buffer(_CAPABILITIES.size)
    _checked(_LIBC.capget(_CAPABILITIES_HEADER, data))
    return int(_CAPABILITIES.unpack(data.raw)[1])


def keep_capabilities(bits: int) -> None:
    """Drop all capabilities but `bits`. Raise OSError."""
    _checked(_LIBC.capset(_CAPABILITIES_HEADER, _CAPABILITIES.pack(bits, bits, 0, 0, 0, 0)))
