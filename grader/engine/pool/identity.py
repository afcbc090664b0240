"""What a warm process that is started now would be like: its files, its environment, what it inherits."""

import hashlib
import os
import resource
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import grader

_KEPT = ("LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "SYSTEMROOT")
_CHOSEN = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",
    "THP_MEM_ALLOC_ENABLE": "1",  # torch takes large tensors' memory in huge pages: a quarter of the time to fill them
    "TORCHINDUCTOR_CACHE_DIR": "/",  # torch.optim imports what wants a folder that exists, and does not write to it
}
_STATUS = ("Umask", "Uid", "Gid", "Groups", "CapEff", "NoNewPrivs", "Seccomp", "Cpus_allowed")  # lines of /proc


def environment() -> dict[str, str]:
    """The few variables that judges and workers see: a worker's memory holds what its ancestor was given."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _CHOSEN


def likeness() -> str:
    """A name that two processes share only if it makes no difference which of them starts a warm process. On Linux.

    It is another one when Python, torch, the engine or anything that is installed beside it has changed; and in other
    surroundings: variables, rights, limits, namespaces.
    """
    about = [sys.version, sys.executable, repr(sorted(environment().items())), *_files(), *_inherited()]
    return hashlib.sha256("\n".join(about).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _files() -> Iterator[str]:
    """The engine's files, torch's version and the folder of all packages, each with the time of its last change."""
    engine = Path(grader.__file__).parent
    paths = sorted(path for path in engine.rglob("*.py") if path.is_file())  # and no link of an editor's to nothing
    torch = find_spec("torch")
    if torch is not None and torch.origin is not None:
        package = Path(torch.origin).parent
        paths += [package / "version.py", package.parent]
    for path in paths:
        status = path.stat()
        yield f"{path} {status.st_mtime_ns} {status.st_size}"


def _inherited() -> Iterator[str]:
    """What a process hands on to its children, beside its environment."""
    with open("/proc/self/status") as status:
        yield from (line for line in status if line.partition(":")[0] in _STATUS)
    for namespace in sorted(os.listdir("/proc/self/ns")):
        yield os.readlink(f"/proc/self/ns/{namespace}")
    for name in sorted(name for name in vars(resource) if name.startswith("RLIMIT_")):
        yield f"{name} {resource.getrlimit(getattr(resource, name))}"
    yield f"nice {os.getpriority(os.PRIO_PROCESS, 0)}"
