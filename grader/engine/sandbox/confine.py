"""Confines a worker before it gets the student's source.

    policy = Policy.prepare(forbidden=[course])  # once, in the warm process
    if os.fork() == 0:
        policy.confine(keep=[channel], memory=2 << 30, cpu_seconds=60)

`prepare` does all that can be done once; `confine` takes about a millisecond. Afterwards:

- files: the only descriptors are 0, 1, 2 and `keep`; the process can read the standard library and the installed
  packages only, and write nothing;
- processes: it cannot fork, exec, start threads, or signal and inspect other processes; it dies with the warm process;
- network: it cannot open sockets;
- limits: memory, CPU time, descriptors, and the size of files (0);
- if started as root: it runs as a user that owns nothing, and can read as root where Landlock allows it.

Without Landlock (sealed mode) it cannot open anything.
"""

import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.result import Isolation

if sys.platform == "linux":
    import resource

    from grader.engine.sandbox import linux, seccomp
    from grader.engine.sandbox.bounds import limit, limit_resources
    from grader.engine.sandbox.landlock import READ_DIR, READ_FILE, WRITE_FILE, abi, restrict, ruleset

OWN_UID = 61000  # user and group; neither Debian nor systemd assigns it
_SIGKILL = 9

_LIBRARIES = ("/usr/lib", "/lib", "/usr/lib64", "/lib64", "/usr/local/lib")
_MACHINE = ("/usr/share/zoneinfo", "/sys/devices/system/cpu")  # torch chooses its kernels by the CPU
_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/zero", "/proc/cpuinfo")
_NULL = "/dev/null"


class Unconfinable(UsageError):
    """This machine, or this process, cannot be confined."""


@dataclass(frozen=True)
class Policy:
    """The confinement of workers: prepared in a warm process, and applied in each worker that it forks."""

    isolation: Isolation
    _warm: int  # pid of the warm process
    _ruleset: int | None  # descriptor of Landlock's rules; None: sealed
    _filter: "seccomp.Filter"
    _capabilities: int  # bits that the worker keeps

    @classmethod
    def prepare(cls, *, forbidden: Sequence[Path] = (), landlock: bool = True) -> "Policy":
        """Prepare what all workers share. The warm process calls it before its first fork.

        `forbidden` are folders that no worker may read: the course with its solutions. `landlock=False` selects the
        sealed mode even if the kernel has Landlock. Raise Unconfinable if the kernel cannot confine processes, and
        UsageError if a forbidden folder is inside the installed packages.
        """
        machine = platform.machine()
        if sys.platform != "linux":
            raise Unconfinable(f"Submissions can be confined on Linux only, and this is {platform.system()}.")
        if not seccomp.supports(machine):
            raise Unconfinable(f"Submissions cannot be confined on {machine}, only on x86_64 and aarch64.")
        if not seccomp.available():
            raise Unconfinable("Submissions cannot be confined: this kernel has no seccomp filters.")

        version = abi() if landlock else 0
        if version:
            _refuse_readable(forbidden)
        own_uid = _may_change_user()
        return cls(
            isolation=Isolation(
                kind="confined" if version else "sealed",
                landlock=version,
                seccomp=True,
                own_uid=own_uid,
                start="fork",
            ),
            _warm=os.getpid(),
            _ruleset=ruleset(version, _rules()) if version else None,
            _filter=seccomp.Filter(may_open=version > 0),
            # Python may be installed where only root can read. Landlock still applies.
            _capabilities=linux.capabilities() & linux.CAP_DAC_READ_SEARCH if own_uid else 0,
        )

    def confine(self, *, keep: Iterable[int], memory: int, cpu_seconds: int) -> None:
        """Confine this process, a fork of the one that called `prepare`, for the rest of its life.

        `keep` are descriptors to leave open besides 0, 1 and 2; `memory` is in bytes beyond the current use. Raise
        Unconfinable if a step fails: the process is then partly confined, and should end.
        """
        try:
            self._close_all_but({0, 1, 2, *keep})
            os.umask(0o077)
            os.chdir("/")
            limit_resources(memory, cpu_seconds)
            if self.isolation.own_uid:  # the limit counts all processes of the user
                limit(resource.RLIMIT_NPROC, 0)
            self._change_user()
            self._restrict()
        except OSError as error:
            raise Unconfinable(f"A worker could not confine itself: {error}.") from error

    def close(self) -> None:
        """Close the descriptor of `prepare`. The policy cannot be used afterwards."""
        if self._ruleset is not None:
            os.close(self._ruleset)

    def _close_all_but(self, kept: set[int]) -> None:
        for name in os.listdir("/proc/self/fd"):
            descriptor = int(name)
            if descriptor not in kept and descriptor != self._ruleset:
                os.closerange(descriptor, descriptor + 1)  # no error for the listing's own, which is closed already

    def _change_user(self) -> None:
        if self.isolation.own_uid:
            linux.prctl(linux.PR_SET_KEEPCAPS, 1)
            os.setgroups([])
            os.setresgid(OWN_UID, OWN_UID, OWN_UID)
            os.setresuid(OWN_UID, OWN_UID, OWN_UID)
        linux.keep_capabilities(self._capabilities)

    def _restrict(self) -> None:
        linux.prctl(linux.PR_SET_PDEATHSIG, _SIGKILL)  # after the change of user, which clears it
        if os.getppid() != self._warm:
            raise Unconfinable("A worker could not confine itself: the warm process is gone.")
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        if self._ruleset is not None:
            restrict(self._ruleset)
            os.close(self._ruleset)
        self._filter.install()


def _may_change_user() -> bool:
    """Return whether this process can become OWN_UID. Root in a container may not have that right."""
    needed = linux.CAP_SETUID | linux.CAP_SETGID
    return (
        os.geteuid() == 0
        and linux.capabilities() & needed == needed
        and _mapped("/proc/self/uid_map")
        and _mapped("/proc/self/gid_map")
    )


def _mapped(table: str) -> bool:
    """Return whether OWN_UID exists in this user namespace."""
    with open(table) as rows:
        ranges = [tuple(map(int, row.split())) for row in rows]
    return any(first <= OWN_UID < first + count for first, _, count in ranges)


def _readable_folders() -> list[Path]:
    """Return the folders of the standard library, the installed packages and the shared libraries, links resolved.

    Not sys.prefix, since a virtual environment may be inside the course's folder.
    """
    paths = sysconfig.get_paths()
    base = sysconfig.get_paths(vars={"base": sys.base_prefix, "platbase": sys.base_exec_prefix})
    python = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    python += [base["stdlib"], base["platstdlib"], sysconfig.get_config_var("LIBDIR")]
    return list(dict.fromkeys(Path(folder).resolve() for folder in (*python, *_LIBRARIES)))


def _rules() -> list[tuple[Path, int]]:
    folders = [*_readable_folders(), *(Path(folder).resolve() for folder in _MACHINE)]
    files = [Path(file).resolve() for file in _FILES]
    return [
        *((folder, READ_FILE | READ_DIR) for folder in folders),
        *((file, READ_FILE) for file in files),
        (Path(_NULL), READ_FILE | WRITE_FILE),
    ]


def _refuse_readable(forbidden: Sequence[Path]) -> None:
    for path in forbidden:
        for folder in _readable_folders():
            if path.resolve().is_relative_to(folder):
                raise UsageError(
                    f"{path} lies inside {folder}, which submissions may read. "
                    "Move the course to a folder outside of Python's installation."
                )
