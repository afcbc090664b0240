"""What the warm process does once, so that no worker has to: imports, and the first use of what is set up lazily."""

import ctypes
import types
import unicodedata  # noqa: F401 - Python reads names in other alphabets with it

import torch

import grader.engine.judge.process
import grader.engine.judge.side_effects
import grader.engine.sandbox.worker
import grader.testing  # noqa: F401 - all these for the processes that are forked
from grader.engine.sandbox.executor import Servant
from grader.engine.sandbox.pack import Packer
from grader.engine.sandbox.wire import Context, Differentiate, Invoke, WireValue

_HUGE = 2 << 20  # bytes of a huge page
_MADV_COLLAPSE = 25


def warm_up() -> None:
    """Answers a few questions about a module of our own, as a worker would."""
    torch.set_num_threads(1)  # before any operation: a fork copies only the thread that forks
    module = types.ModuleType("warm")
    module.function = lambda x, k: torch.softmax(x, dim=-1).topk(k)  # type: ignore[attr-defined]
    servant = Servant(1 << 20, module)
    servant.begin(0)
    packer = Packer(_nothing, 1 << 20)
    x = packer.value(torch.ones(4, 3, dtype=torch.float64, requires_grad=True))
    servant.handle(Invoke(1, 0, "function", [x, 2], {}, Context(True, "float32", None, [], [], [])), _blob(packer))
    packer = Packer(_nothing, 1 << 20)
    grad = packer.tensor(torch.ones(4, 2, dtype=torch.float64))
    servant.handle(Differentiate(2, 1, [grad], False), _blob(packer))
    servant.begin(0)


def warm_up_optim() -> None:
    """Makes an optimizer: the first one imports torch._dynamo, for more than a second, and no test should wait so."""
    torch.optim.SGD([torch.zeros(())])


def settle() -> None:
    """Makes later forks cheaper, for a second: imports what gradcheck wants, and gathers the memory."""
    import torch.fx.experimental.symbolic_shapes  # noqa: F401 - imports sympy

    collapse()


def collapse() -> None:
    """Gathers this process's memory in huge pages: a fork then copies a few hundred page table entries, not 40,000.

    Takes 0.4 s once. Where the kernel (before Linux 6.1) or its settings do not allow it, forks just stay slower.
    """
    libc = ctypes.CDLL(None)
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, rights, _, _, inode, *_ = line.split()
            start, end = (int(address, 16) for address in span.split("-"))
            if rights == "rw-p" and inode == "0" and end - start >= _HUGE and "[stack]" not in line:
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def _nothing(_: object) -> WireValue:
    return None


def _blob(packer: Packer) -> bytearray:
    return bytearray(b"".join(packer.blobs))
