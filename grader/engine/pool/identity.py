"""Identifies a warm process by all that its behavior depends on: its files, its environment, what it inherits."""

import hashlib
import os
import resource
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import grader

_INHERITED_VARIABLES = ("LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "SYSTEMROOT")
_FIXED_VARIABLES = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",
    "THP_MEM_ALLOC_ENABLE": "1",  # torch allocates large tensors in huge pages: four times faster to fill
    "TORCHINDUCTOR_CACHE_DIR": "/",  # torch.optim imports a module that needs a folder, and never writes to it
}
# Lines of /proc/self/status.
_STATUS_LINES = ("Umask", "Uid", "Gid", "Groups", "CapEff", "NoNewPrivs", "Seccomp", "Cpus_allowed")


def environment() -> dict[str, str]:
    """Return the environment variables of judges and workers.

    They are few, because submissions can read all that a worker inherits.
    """
    inherited = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    return inherited | _FIXED_VARIABLES


def identity_hash() -> str:
    """Return a name that two processes share only if they would start identical warm processes. Linux only.

    It changes when Python, torch, the engine or anything installed beside it changes, and it differs between
    processes with other variables, rights, limits or namespaces.
    """
    parts = [sys.version, sys.executable, repr(sorted(environment().items())), *_files(), *_inherited()]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _files() -> Iterator[str]:
    """Yield the engine's files, torch's version and the folder of all packages, each with its modification time."""
    engine = Path(grader.__file__).parent
    paths = sorted(path for path in engine.rglob("*.py") if path.is_file())  # skips an editor's broken links
    torch = find_spec("torch")
    if torch is not None and torch.origin is not None:
        package = Path(torch.origin).parent
        paths += [package / "version.py", package.parent]
    for path in paths:
        status = path.stat()
        yield f"{path} {status.st_mtime_ns} {status.st_size}"


def _inherited() -> Iterator[str]:
    """Yield what a child process inherits, except for the environment."""
    with open("/proc/self/status") as status:
        yield from (line for line in status if line.partition(":")[0] in _STATUS_LINES)
    for namespace in sorted(os.listdir("/proc/self/ns")):
        yield os.readlink(f"/proc/self/ns/{namespace}")
    for name in sorted(name for name in vars(resource) if name.startswith("RLIMIT_")):
        yield f"{name} {resource.getrlimit(getattr(resource, name))}"
    yield f"nice {os.getpriority(os.PRIO_PROCESS, 0)}"
