"""Work that the warm process does once, so that no fork has to: imports, and the first use of lazy features."""

import ctypes
import importlib
import types

import torch

from grader.engine.sandbox.executor import Executor
from grader.engine.sandbox.pack import Packer
from grader.engine.sandbox.wire import Context, Differentiate, Invoke, WireValue

# Modules that judges and workers import. Loaded by name, since `grader.testing` is above the engine and imports it.
_MODULES = (
    "grader.engine.judge.process",
    "grader.engine.judge.side_effects",
    "grader.engine.sandbox.worker",
    "grader.testing",
    "unicodedata",  # Python needs it to read identifiers in other alphabets
)

_HUGE_PAGE = 2 << 20  # bytes
_MADV_COLLAPSE = 25


def warm_up() -> None:
    """Import what judges and workers need, and answer a few requests as a worker would."""
    torch.set_num_threads(1)  # before any operation: a fork copies only the thread that forks
    for name in _MODULES:
        importlib.import_module(name)
    module = types.ModuleType("warm")
    module.function = lambda x, k: torch.softmax(x, dim=-1).topk(k)  # type: ignore[attr-defined]
    executor = Executor(1 << 20, module)
    executor.begin(0)
    packer = Packer(_nothing, 1 << 20)
    x = packer.value(torch.ones(4, 3, dtype=torch.float64, requires_grad=True))
    executor.handle(Invoke(1, 0, "function", [x, 2], {}, Context(True, "float32", None, [], [], [])), _blob(packer))
    packer = Packer(_nothing, 1 << 20)
    grad = packer.tensor(torch.ones(4, 2, dtype=torch.float64))
    executor.handle(Differentiate(2, 1, [grad], False), _blob(packer))
    executor.begin(0)


def warm_up_optim() -> None:
    """Make an optimizer: the first one imports torch._dynamo, which takes more than a second."""
    torch.optim.SGD([torch.zeros(())])


def settle() -> None:
    """Make later forks cheaper: import what gradcheck needs, and collapse the memory. Takes about a second."""
    import torch.fx.experimental.symbolic_shapes  # noqa: F401 - imports sympy

    collapse_memory()


def collapse_memory() -> None:
    """Move this process's memory to huge pages: a fork then copies hundreds of page table entries, not 40,000.

    Takes 0.4 s once. Where the kernel (before Linux 6.1) or its settings do not allow it, nothing changes.
    """
    libc = ctypes.CDLL(None)
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, rights, _, _, inode, *_ = line.split()
            start, end = (int(address, 16) for address in span.split("-"))
            if rights == "rw-p" and inode == "0" and end - start >= _HUGE_PAGE and "[stack]" not in line:
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def _nothing(_: object, __: Packer) -> WireValue:
    return None


def _blob(packer: Packer) -> bytearray:
    return bytearray(b"".join(packer.blobs))
