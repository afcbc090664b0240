"""What a confined worker can and cannot do.

A helper stands for the warm process: it has imported `grader.engine.sandbox.confine` and no torch. For each probe it
forks a child that confines itself, tries one thing, and reports. There is a helper for each way to be
confined (with Landlock, or sealed) and for each kind of user (root, or an ordinary one that owns the files
attacked).

Every attack aims at a folder and a process that the test made for it, never at the machine's own. Each is
also run without confinement, to prove that it is an attack.
"""

import contextlib
import json
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.engine.sandbox.confine import Policy, Unconfinable
from tests.paths import ROOT

if sys.platform != "linux":
    pytest.skip("confinement needs Linux", allow_module_level=True)

from grader.engine.sandbox import landlock, seccomp

if not (seccomp.supports(platform.machine()) and seccomp.available()):
    pytest.skip("this kernel or processor is not supported", allow_module_level=True)

ORDINARY = 61234  # a user that no machine has
MEMORY = 256 << 20
SECRET = "the answer is 42"
LONGEST = 600  # seconds before a test fails instead of waiting on; enough for a busy machine

HELPER = """
import array, ctypes, errno, faulthandler, fcntl, json, mmap, os, resource, select, signal, socket, struct
import subprocess, sys, sysconfig, threading, time, traceback
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from grader.engine.sandbox.confine import OWN_UID, Policy
from grader.engine.sandbox import linux

mode, user = sys.argv[2:]
libc = ctypes.CDLL(None, use_errno=True)

def syscall(number, *arguments):
    return linux.syscall(number, *arguments)

def loop_forever():
    while True:
        pass

class Sibling:  # a process of the same user as the worker, open to ptrace, that echoes what it is sent
    def __init__(self):
        self.voice, ear = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.voice.close()
            if policy.isolation.own_uid and mode != "unconfined":
                os.setresgid(OWN_UID, OWN_UID, OWN_UID)
                os.setresuid(OWN_UID, OWN_UID, OWN_UID)
            linux.prctl(linux.PR_SET_DUMPABLE, 1)
            while word := ear.recv(1):
                ear.send(word)
            os._exit(0)
        ear.close()
        self.alive()  # so that it has changed its user

    def alive(self):  # a signal sent before the word acts before the echo
        try:
            self.voice.send(b"?")
            return self.voice.recv(1) == b"?"
        except OSError:
            return False

    def end(self):
        self.voice.close()
        os.waitpid(self.pid, 0)

sysconfig.get_config_vars()  # reads a file, which the ordinary user may not be able to
if user == "ordinary" and os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(61234, 61234, 61234)
    os.setresuid(61234, 61234, 61234)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # as a process that this user started
policy = Policy.prepare(landlock=mode != "sealed")
print(json.dumps({"kind": policy.isolation.kind, "own_uid": policy.isolation.own_uid,
                  "torch": "torch" in sys.modules}), flush=True)

for line in sys.stdin:
    order = json.loads(line)
    target = Path(order["target"])
    other = Sibling() if order["sibling"] else None
    judge, channel = socket.socketpair()
    stray = os.open("/dev/null", os.O_RDONLY)
    received, report = os.pipe()
    memory_file = os.memfd_create("blob")
    os.write(memory_file, b"a blob")
    socket.send_fds(judge, [b"take"], [memory_file])
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open("/dev/null", os.O_RDWR), 2)  # faulthandler and abort speak there
            if mode != "unconfined":
                keep = [channel.fileno(), report]
                policy.confine(keep=keep, memory=order["memory"], cpu_seconds=order["cpu"])
            space = {**globals(), "sibling": other and other.pid}
            exec(order["code"], space)
            answer = {"returned": repr(space.get("result"))}
        except BaseException as error:
            code = getattr(error, "errno", None)
            answer = {"raised": type(error).__name__, "errno": code, "text": str(error)}
        os.write(report, json.dumps(answer).encode())
        os._exit(0)
    os.close(report)
    text = b""
    while piece := os.read(received, 65536):
        text += piece
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    status_lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    credentials = dict(row.split(":", 1) for row in status_lines)
    status = os.waitpid(pid, 0)[1]
    alive = other and other.alive()
    if other:
        other.end()
    for descriptor in (received, stray, memory_file):
        os.close(descriptor)
    judge.close()
    channel.close()
    answer = json.loads(text) if text else {}
    answer |= {"exit": os.waitstatus_to_exitcode(status), "sibling_alive": alive, "credentials": credentials}
    print(json.dumps(answer), flush=True)
"""


@dataclass
class Warm:
    """A helper process, and how its workers are confined."""

    process: "subprocess.Popen[str]"
    mode: str
    user: str
    facts: dict[str, Any]

    def run(
        self, code: str, target: Path, *, sibling: bool = False, memory: int = MEMORY, cpu: int = 20
    ) -> dict[str, Any]:
        """Run `code` in a new worker; it leaves its answer in `result`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {
            "code": textwrap.dedent(code),
            "target": str(target),
            "sibling": sibling,
            "memory": memory,
            "cpu": cpu,
        }
        print(json.dumps(order), file=self.process.stdin, flush=True)
        answered, _, _ = select.select([self.process.stdout], [], [], 60)
        assert answered, "the worker hangs"
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def start(mode: str, user: str) -> Warm:
    if mode == "confined" and not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    if user == "root" and os.geteuid() != 0:
        pytest.skip("needs root, to see a worker change its user")
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", HELPER, str(ROOT), mode, user],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return Warm(process, mode, user, json.loads(process.stdout.readline()))


def helpers(mode: str, user: str) -> Iterator[Warm]:
    warm = start(mode, user)
    yield warm
    assert warm.process.stdin is not None
    warm.process.stdin.close()
    assert warm.process.wait(10) == 0


@pytest.fixture(scope="module", params=["confined-root", "confined-ordinary", "sealed-root", "sealed-ordinary"])
def warm(request: pytest.FixtureRequest) -> Iterator[Warm]:
    yield from helpers(*request.param.split("-"))


@pytest.fixture(scope="module", params=["root", "ordinary"])
def unconfined(request: pytest.FixtureRequest) -> Iterator[Warm]:
    yield from helpers("unconfined", request.param)


@pytest.fixture
def target() -> Iterator[Path]:
    """Make a folder to attack, in which everything belongs to the user that workers run as."""
    folder = Path(tempfile.mkdtemp(prefix="confine-"))  # other users cannot enter pytest's tmp_path
    (folder / "solution.py").write_text(SECRET)
    (folder / "empty").mkdir()
    yield folder
    shutil.rmtree(folder)


def give(folder: Path, warm: Warm) -> None:
    """Make the worker's user the owner, so that only confinement can refuse."""
    if os.geteuid() == 0:
        uid = ORDINARY if warm.user == "ordinary" else 61000
        for path in (folder, *folder.iterdir()):
            os.chown(path, uid, uid)
    folder.chmod(0o777)


def snapshot(folder: Path) -> list[tuple[str, int, int, str]]:
    """Return the names, modes, times and contents of all files."""
    rows = []
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        rows.append((path.name, facts.st_mode, facts.st_mtime_ns, path.read_text() if path.is_file() else ""))
    return rows


FILES = {
    "read a file": "result = open(target / 'solution.py').read()",
    "list a folder": "result = os.listdir(target)",
    "write a file": "open(target / 'solution.py', 'r+').write('mine')",
    "append to a file": "open(target / 'solution.py', 'a').write('mine')",
    "truncate by open": "open(target / 'solution.py', 'w')",
    "truncate by name": "os.truncate(target / 'solution.py', 0)",
    "create a file": "open(target / 'new', 'x')",
    "unlink": "os.unlink(target / 'solution.py')",
    "rename": "os.rename(target / 'solution.py', target / 'other')",
    "hard link": "os.link(target / 'solution.py', target / 'other')",
    "mkdir": "os.mkdir(target / 'new')",
    "rmdir": "os.rmdir(target / 'empty')",
    "symlink": "os.symlink(target / 'solution.py', target / 'link')",
    "fifo": "os.mkfifo(target / 'fifo')",
    "chmod": "os.chmod(target / 'solution.py', 0o777)",
    "utime": "os.utime(target / 'solution.py', (1, 1))",
    "chown": "os.chown(target / 'solution.py', os.getuid(), os.getgid())",
    "chdir": "os.chdir(target)",
    "bind a socket's name": "socket.socket(socket.AF_UNIX).bind(str(target / 'socket'))",
}

PROCESSES = {
    "fork": """
        pid = os.fork()
        if pid == 0: os._exit(0)
        os.waitpid(pid, 0)
    """,
    "exec": "os.execv('/bin/true', ['true'])",
    "subprocess": "subprocess.run(['/bin/true'], check=True)",
    "thread": "thread = threading.Thread(target=len, args=('',)); thread.start(); thread.join()",
    "socket": "socket.socket()",
    "socketpair": "socket.socketpair()",
    "pipe": "os.pipe()",
    "memfd_create": "os.memfd_create('x')",
    "own environment": "result = open('/proc/self/environ').read()",
    "own command line": "result = open('/proc/self/cmdline').read()",
    "change a limit": "resource.prlimit(0, resource.RLIMIT_CORE, (0, 0))",
    "survive the warm process": "linux.prctl(linux.PR_SET_PDEATHSIG, 0)",
    "be dumpable": "linux.prctl(linux.PR_SET_DUMPABLE, 1)",
}

SIBLING = {
    "kill a sibling": "os.kill(sibling, signal.SIGKILL)",
    "tgkill a sibling": "libc.tgkill(sibling, sibling, 9) == 0 or os.kill(sibling, 9)",
    "signal a sibling by its pidfd": "signal.pidfd_send_signal(os.pidfd_open(sibling), signal.SIGKILL)",
    # The kernel sends the signal when the channel can be read, past any rule on kill.
    "kill a sibling by F_SETOWN": """
        fcntl.fcntl(channel, fcntl.F_SETOWN, sibling)
        fcntl.fcntl(channel, 10, signal.SIGKILL)  # F_SETSIG
        fcntl.fcntl(channel, fcntl.F_SETFL, fcntl.fcntl(channel, fcntl.F_GETFL) | fcntl.FASYNC)
        judge.send(b'now')
    """,
    "kill a sibling by FIOSETOWN": """
        fcntl.ioctl(channel, 0x8901, struct.pack('i', sibling))
        fcntl.fcntl(channel, 10, signal.SIGKILL)
        fcntl.ioctl(channel, 0x5452, struct.pack('i', 1))  # FIOASYNC
        judge.send(b'now')
    """,
    "ptrace a sibling": """
        if libc.ptrace(16, sibling, None, None): raise OSError(ctypes.get_errno(), 'attach')
        os.waitpid(sibling, 0x40000000)
        os.kill(sibling, signal.SIGKILL)
    """,
    "read a sibling's memory": """
        there = ctypes.create_string_buffer(b'the same in both, as both are forks', 64)
        here = ctypes.create_string_buffer(8)
        class Span(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
        local = Span(ctypes.addressof(here), 8)
        remote = Span(id(Span.__base__), 8)
        done = libc.process_vm_readv(sibling, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
        if done != 8: raise OSError(ctypes.get_errno(), 'process_vm_readv')
    """,
    "open a sibling's memory": "open(f'/proc/{sibling}/mem', 'rb')",
    "change a sibling's limits": "resource.prlimit(sibling, resource.RLIMIT_NOFILE, (9, 9))",
    "slow a sibling down": "os.setpriority(os.PRIO_PROCESS, sibling, 19)",
}

ATTACKS = FILES | PROCESSES | SIBLING
REFUSALS = {"PermissionError", "RuntimeError"}  # the second is Python's word when no thread can be started


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused(attack: str, warm: Warm, target: Path) -> None:
    give(target, warm)
    before = snapshot(target)
    found = warm.run(ATTACKS[attack], target, sibling=attack in SIBLING)
    assert found.get("raised") in REFUSALS, found
    assert SECRET not in found["text"]
    assert found["sibling_alive"] in (True, None)
    assert snapshot(target) == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_succeeds_without_confinement(attack: str, unconfined: Warm, target: Path) -> None:
    give(target, unconfined)
    before = snapshot(target)
    found = unconfined.run(ATTACKS[attack], target, sibling=attack in SIBLING)
    assert "raised" not in found, found
    if attack in FILES and attack not in {"read a file", "list a folder", "chown", "chdir"}:
        assert snapshot(target) != before
    if attack == "read a file":
        assert found["returned"] == repr(SECRET)
    if "kill a sibling" in attack:
        assert found["sibling_alive"] is False


def test_connect_is_refused_on_a_kept_socket(warm: Warm, target: Path) -> None:
    give(target, warm)
    found = warm.run(f"channel.connect({str(target / 'socket')!r})", target)
    assert found["raised"] == "PermissionError"


def test_secrets_reached_by_a_link_stay_secret(warm: Warm, target: Path) -> None:
    give(target, warm)
    (target / "link").symlink_to(target / "solution.py")
    found = warm.run("open(target / 'link').read()", target)
    assert found["raised"] == "PermissionError"


# fmt: off
REFUSED_CALLS = [
    "socket", "connect", "bind", "listen", "accept4", "setsockopt", "socketpair", "pipe2", "eventfd2",
    "epoll_create1", "memfd_create", "userfaultfd", "io_uring_setup", "bpf", "perf_event_open",
    "inotify_init1", "fanotify_init", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_open",
    "pidfd_send_signal", "pidfd_getfd", "kcmp", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "timer_create",
    "execve", "execveat", "clone", "unshare", "setns", "openat2", "open_by_handle_at",
    "name_to_handle_at", "fchmod", "fchmodat", "fchownat", "utimensat", "setxattr", "fsetxattr",
    "truncate", "ftruncate", "fallocate", "renameat2", "linkat", "symlinkat", "unlinkat", "mkdirat",
    "mknodat", "mount", "umount2", "chroot", "pivot_root", "fsopen", "open_tree", "move_mount", "add_key",
    "keyctl", "setuid", "setresuid", "setgroups", "capset", "seccomp", "personality", "mlock", "shmget",
    "semget", "msgget", "mq_open", "setpriority", "sched_setaffinity", "sched_setattr", "quotactl",
    "swapon", "init_module", "acct", "syslog", "splice", "vmsplice", "tee", "sendfile", "flock",
    "landlock_create_ruleset", "setsid", "setpgid",
]
# fmt: on


def test_system_calls_off_the_list_are_refused(warm: Warm, target: Path, call_number: Any) -> None:
    numbers = {name: call_number(name, platform.machine()) for name in REFUSED_CALLS}
    assert all(number >= 0 for number in numbers.values()), numbers
    # Arguments of -1: even if a call were let through, there would be nothing that it could do.
    found = warm.run(
        f"""
        result = []
        for name, number in {numbers}.items():
            try:
                syscall(number, -1, -1, -1, -1, -1, -1)
                result.append(name)
            except OSError as error:
                if error.errno != errno.EPERM:
                    result.append((name, error.errno))
        """,
        target,
    )
    assert found["returned"] == "[]"


def test_no_descriptor_is_inherited_but_those_kept(warm: Warm, target: Path) -> None:
    found = warm.run(
        """
        result = []
        for descriptor in range(1024):
            try:
                os.fstat(descriptor)
            except OSError:
                continue
            result.append(descriptor)
        result = set(result) - {0, 1, 2, channel.fileno(), report}
        """,
        target,
    )
    assert found["returned"] == "set()"


def test_worker_has_its_own_user_and_no_capabilities(warm: Warm, target: Path) -> None:
    rows = warm.run("", target)["credentials"]
    user = 61000 if warm.user == "root" else ORDINARY if os.geteuid() == 0 else os.geteuid()
    assert rows["Uid"].split() == [str(user)] * 4
    if os.geteuid() == 0:
        assert rows["Gid"].split() == [str(user)] * 4
        assert rows["Groups"].split() == []
    read_all = 1 << 2  # CAP_DAC_READ_SEARCH, which a container's root may lack
    for name in ("CapInh", "CapPrm", "CapEff"):
        assert int(rows[name], 16) in ((0, read_all) if warm.user == "root" else (0,)), name
    assert int(rows["NoNewPrivs"]) == 1
    assert int(rows["Seccomp"]) == 2


def test_the_helper_is_confined_as_expected_and_has_no_torch(warm: Warm) -> None:
    assert warm.facts == {"kind": warm.mode, "own_uid": warm.user == "root", "torch": False}


STILL_POSSIBLE = {
    "own channel": "channel.send(b'hello'); result = judge_says = channel.recv(4)",
    "a blob in a memory file": """
        data, descriptors, *_ = socket.recv_fds(channel, 4, 1)
        blob = mmap.mmap(descriptors[0], 6, prot=mmap.PROT_READ)
        result = data + bytes(blob)
    """,
    "a private copy of a blob": """
        data, descriptors, *_ = socket.recv_fds(channel, 4, 1)
        blob = mmap.mmap(descriptors[0], 6, flags=mmap.MAP_PRIVATE)
        blob[0:1] = b'A'
        result = data + bytes(blob)
    """,
    "poll": "poll = select.poll(); poll.register(channel, select.POLLIN); result = bool(poll.poll(1000))",
    "a timeout on the channel": "channel.settimeout(5); result = channel.recv(4)",
    "sampling itself": """
        seen = []
        signal.signal(signal.SIGALRM, lambda number, frame: seen.append(frame.f_lineno))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        while len(seen) < 3: pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        result = len(seen) >= 3
    """,
    "time and randomness": "result = bool(time.perf_counter_ns() and time.process_time() and os.urandom(8))",
    "faulthandler": "faulthandler.enable(2); faulthandler.dump_traceback(2); result = True",
    "memory": "block = bytes([1]) * (100 << 20); result = len(block) >> 20",
    "executable memory": "result = len(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC))",
    "standard streams": "os.write(2, b'x'); result = sys.stdout.isatty()",
    "whether a file exists": "result = (target / 'solution.py').exists()",
    "own limits": "result = resource.getrlimit(resource.RLIMIT_NOFILE)",
}
RESULTS = {
    "own channel": "b'take'",
    "a blob in a memory file": "b'takea blob'",
    "a private copy of a blob": "b'takeA blob'",
    "a timeout on the channel": "b'take'",
    "memory": "100",
    "executable memory": "4096",
    "standard streams": "False",
    "own limits": "(64, 64)",
}


@pytest.mark.parametrize("need", STILL_POSSIBLE)
def test_worker_still_can_use(need: str, warm: Warm, target: Path) -> None:
    give(target, warm)
    found = warm.run(STILL_POSSIBLE[need], target)
    assert found.get("returned") == RESULTS.get(need, "True"), found


def test_confined_worker_imports_a_module_from_disk(warm: Warm, target: Path) -> None:
    # Also if only root may enter the folder of Python.
    code = "import this_is_no_module" if warm.mode == "sealed" else "import colorsys; result = colorsys.__name__"
    found = warm.run(code, target)
    if warm.mode == "sealed":
        assert found["raised"] in ("PermissionError", "ModuleNotFoundError")
    elif warm.user == "ordinary" and not readable_by_all(Path(sysconfig.get_path("stdlib"))):
        pytest.skip("this Python lies where only root can read it")
    else:
        assert found.get("returned") == "'colorsys'", found


def readable_by_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def test_dev_null_is_the_only_file_to_write(warm: Warm, target: Path) -> None:
    found = warm.run("open('/dev/null', 'w').write('x'); result = open('/dev/null').read()", target)
    if warm.mode == "sealed":
        assert found["raised"] == "PermissionError"
    else:
        assert found["returned"] == "''"


@pytest.mark.parametrize(
    "code",
    ["bytearray(1 << 30)", "[bytes(1 << 20) for _ in range(1000)]", "'x' * (1 << 30)"],
    ids=["one block", "many blocks", "text"],
)
def test_memory_beyond_the_limit_is_a_memory_error(code: str, warm: Warm, target: Path) -> None:
    assert warm.run(code, target)["raised"] == "MemoryError"


def test_shared_memory_counts_towards_the_limit(warm: Warm, target: Path) -> None:
    found = warm.run("mmap.mmap(-1, 1 << 30)", target)
    assert (found["raised"], found["errno"]) == ("OSError", 12)


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        pytest.param("os.abort()", signal.SIGABRT, id="abort"),
        pytest.param("ctypes.string_at(0)", signal.SIGSEGV, id="segmentation fault"),
        pytest.param("faulthandler.enable(2); ctypes.string_at(0)", signal.SIGSEGV, id="fault with a handler"),
        pytest.param("os.kill(os.getpid(), signal.SIGTERM)", signal.SIGTERM, id="own signal"),
    ],
)
def test_a_crash_ends_by_its_signal(code: str, ending: signal.Signals, warm: Warm, target: Path) -> None:
    assert warm.run(code, target)["exit"] == -ending


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        pytest.param("loop_forever()", signal.SIGXCPU, id="a loop"),
        pytest.param(
            "signal.signal(signal.SIGXCPU, signal.SIG_IGN); loop_forever()",
            signal.SIGKILL,
            id="a loop that ignores the signal",
        ),
    ],
)
def test_cpu_time_is_bounded(code: str, ending: signal.Signals, target: Path) -> None:
    # In one mode only: the limit is the same in all, and each test takes seconds.
    with contextlib.contextmanager(helpers)("sealed", "ordinary") as warm:
        assert warm.run(code, target, cpu=1)["exit"] == -ending


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86_64 has two tables of calls more")
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("libc.syscall(0x40000000 | 39)", id="x32"),
        pytest.param(  # mov eax, 20 (getpid); int 0x80; ret
            """
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(bytes.fromhex('b814000000cd80c3'))
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
            """,
            id="i386",
        ),
    ],
)
def test_calls_by_another_table_end_the_process(code: str, warm: Warm, target: Path) -> None:
    assert warm.run(code, target)["exit"] == -signal.SIGSYS


@pytest.mark.parametrize("mode", ["confined", "sealed"])
@pytest.mark.parametrize("user", ["root", "ordinary"])
def test_worker_dies_with_the_warm_process(mode: str, user: str, target: Path) -> None:
    warm = start(mode, user)
    assert warm.process.stdin is not None
    assert warm.process.stdout is not None
    # The worker holds the helper's stdout open, so its end is seen when both are gone.
    code = f"signal.alarm({2 * LONGEST}); os.write(1, b'ready\\n'); signal.pause()"
    order = {"code": code, "target": str(target), "sibling": False}
    print(json.dumps({**order, "memory": MEMORY, "cpu": 20}), file=warm.process.stdin, flush=True)
    assert warm.process.stdout.readline() == "ready\n"
    warm.process.kill()
    warm.process.wait()
    ended, _, _ = select.select([warm.process.stdout], [], [], LONGEST)
    assert ended, "the worker lives on"
    assert warm.process.stdout.read() == ""
    warm.process.stdin.close()
    warm.process.stdout.close()


def test_confine_refuses_a_process_that_did_not_fork_from_the_warm_one(target: Path) -> None:
    # Such a process would not die with the warm process.
    code = """
        import os, sys
        sys.path[:0] = [sys.argv[1]]
        from grader.engine.sandbox.confine import Policy, Unconfinable
        policy = Policy.prepare()
        pid = os.fork()
        if pid:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        if pid := os.fork():
            os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        try:
            policy.confine(keep=[], memory=1 << 28, cpu_seconds=5)
        except Unconfinable:
            os._exit(7)
        os._exit(0)
    """
    run = subprocess.run([sys.executable, "-I", "-c", textwrap.dedent(code), str(ROOT)], check=False)
    assert run.returncode == 7


def test_course_among_the_packages_is_refused() -> None:
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    course = Path(sysconfig.get_path("purelib")) / "a_course"
    with pytest.raises(UsageError) as caught:
        Policy.prepare(forbidden=[course])
    assert str(course) in str(caught.value)
    assert "Move the course" in str(caught.value)


def test_course_linked_into_the_packages_is_judged_by_where_it_is(tmp_path: Path) -> None:
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    (tmp_path / "course").symlink_to(sysconfig.get_path("purelib"))
    with pytest.raises(UsageError):
        Policy.prepare(forbidden=[tmp_path / "course" / "solutions"])


def test_course_around_the_packages_is_allowed() -> None:
    # A virtual environment may be inside the course's folder.
    Policy.prepare(forbidden=[Path(sysconfig.get_path("purelib")).parent.parent.parent, ROOT])


@pytest.mark.parametrize(
    ("where", "name", "value", "words"),
    [
        ("sys", "platform", "darwin", "on Linux only"),
        ("platform", "machine", lambda: "riscv64", "riscv64"),
        ("grader.engine.sandbox.seccomp", "available", lambda: False, "no seccomp"),
    ],
    ids=["macOS", "another processor", "a kernel without seccomp"],
)
def test_machines_that_cannot_confine_raise_one_sentence(
    where: str, name: str, value: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[where], name, value)
    with pytest.raises(Unconfinable, match=words):
        Policy.prepare()


def test_isolation_names_what_is_in_force() -> None:
    sealed = Policy.prepare(landlock=False).isolation
    assert (sealed.kind, sealed.landlock, sealed.seccomp, sealed.start) == ("sealed", 0, True, "fork")
    if landlock.abi():
        confined = Policy.prepare().isolation
        assert (confined.kind, confined.landlock) == ("confined", landlock.abi())


def test_a_kernel_without_landlock_gives_the_sealed_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.engine.sandbox.confine.abi", lambda: 0)
    assert Policy.prepare().isolation.kind == "sealed"
