"""What a submission can try, by accident or on purpose, to harm the grader or to gain points.

Each is graded through the whole engine, once with a warm process of its own and once with one that stays. Then the
fixture `grade` makes sure that no process is left over, that the course's files are as before, that a screen can be
made of the result with nothing on it that a terminal obeys, and that the same judge still gives the reference full marks.

Every attack aims at what the tests made: the copy of the course, the warm process that is the worker's parent, the
worker itself. An attack that succeeds raises `Breach` in the student's code, which no table here expects.
"""
# ruff: noqa: E501 - a row of a table is one line

import os
import sys
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from grader.base.result import Outcome
from tests.conftest import OWN, STAYING
from tests.hostile import PREAMBLE, hostile, messages

if sys.platform != "linux":
    pytest.skip("isolation is promised on Linux", allow_module_level=True)

pytestmark = [
    pytest.mark.usefixtures("confined"),  # nothing here is run where nothing holds it
    pytest.mark.parametrize(
        "grade", [OWN, pytest.param(STAYING, marks=pytest.mark.slow)], indirect=True, scope="session"
    ),
]

# ------------------------------------------------------------ what the system refuses

READ = {
    "the hidden tests": "open('{hidden}').read()",
    "the solution": "open('{solution}', 'rb').read()",
    "the mistakes": "from pathlib import Path; Path('{mistakes}').read_text()",
    "the public tests": "os.open('{public}', os.O_RDONLY)",
    "the course's folder": "os.listdir('{root}')",
    "the solutions by scandir": "list(os.scandir('{root}/solutions'))",
    "the solution by a path through lib": "open('/usr/lib/../..{solution}')",
    "the solution by a descriptor of its folder": (
        "folder = os.open('{root}/solutions', os.O_PATH | os.O_DIRECTORY)\n"
        "os.open('toolbox/toolbox.py', os.O_RDONLY, dir_fd=folder)"
    ),
    "the solution by open_code": "import io; io.open_code('{solution}')",
    "the solution as a module": (
        "from importlib.util import module_from_spec, spec_from_file_location\n"
        "spec = spec_from_file_location('toolbox_solution', '{solution}')\n"
        "spec.loader.exec_module(module_from_spec(spec))"
    ),
    "the solution by a loader": "__import__('importlib.machinery').machinery.SourceFileLoader('a', '{solution}').get_data('{solution}')",
    "the solution by runpy": "import runpy; runpy.run_path('{solution}')",
    "the solution by numpy": "import numpy; numpy.fromfile('{solution}', dtype='uint8')",
    "the solution by torch.load": "torch.load('{solution}')",
    "the solution by libc": "refused(libc.open(b'{solution}', 0))",
    "the solution by a link": "os.symlink('{solution}', '{root}/link'); open('{root}/link')",
    "the solution by a second name": "os.link('{solution}', '{root}/link')",
    "/etc/passwd": "open('/etc/passwd').read()",
    "its own environment": "open('/proc/self/environ', 'rb').read()",
    "its own memory": "open('/proc/self/mem', 'rb')",
    "its own descriptors": "os.listdir('/proc/self/fd')",
    "the parent's environment": "open(f'/proc/{{os.getppid()}}/environ', 'rb').read()",
    "the parent's memory": "open(f'/proc/{{os.getppid()}}/mem', 'rb')",
    "the parent's command line": "open(f'/proc/{{os.getppid()}}/cmdline', 'rb').read()",
    "all processes": "os.listdir('/proc')",
    "temporary files": "os.listdir('/tmp')",
}  # fmt: skip
WRITE = {
    "a new file": "open('{root}/new', 'w')",
    "the solution": "open('{solution}', 'a')",
    "a folder": "os.mkdir('{root}/new')",
    "a name": "os.rename('{solution}', '{root}/new')",
    "a removal": "os.unlink('{solution}')",
    "a removed folder": "os.rmdir('{root}/lessons')",
    "a mode": "os.chmod('{solution}', 0o777)",
    "an owner": "os.chown('{solution}', os.getuid(), os.getgid())",
    "a time": "os.utime('{solution}')",
    "a length": "os.truncate('{solution}', 0)",
    "an attribute": "os.setxattr('{solution}', 'user.a', b'b')",
    "a file in memory": "os.memfd_create('a')",
    "a fifo": "os.mkfifo('{root}/new')",
}
PROCESS = {
    "fork": "os.fork()",
    "fork by libc": "refused(libc.fork())",
    "exec": "os.execv('/bin/true', ['true'])",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {{}})",
    "subprocess": "import subprocess; subprocess.run(['/bin/true'])",
    "system": "if os.system('true') == 0: raise Breach\nraise PermissionError",
    "a thread": "import threading; threading.Thread(target=print).start()",
    "a thread of _thread": "import _thread; _thread.start_new_thread(print, ())",
    "a process of multiprocessing": "import multiprocessing; multiprocessing.get_context('fork').Process().start()",
    "kill the warm process": "os.kill(os.getppid(), 9)",
    "stop the warm process": "os.kill(os.getppid(), 19)",
    "signal nobody": "os.kill(os.getppid(), 0)",
    "kill by pidfd": "import signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
    "trace the warm process": "refused(libc.ptrace(16, os.getppid(), 0, 0))",
    "trace itself": "refused(libc.ptrace(0, 0, 0, 0))",
    "read the warm process's memory": "refused(libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0))",
    "a socket": "socket.socket()",
    "a connection": "socket.create_connection(('127.0.0.1', 9))",
    "a pair of sockets": "socket.socketpair()",
    "a pipe": "os.pipe()",
    "become root": "os.setuid(0)",
    "be niced": "os.setpriority(os.PRIO_PROCESS, 0, -5)",
    "raise its limits": "import resource; refused(libc.setrlimit(resource.RLIMIT_FSIZE, (ctypes.c_long * 2)(1 << 20, 1 << 20)))",
    "outlive the warm process": "refused(libc.prctl(1, 0, 0, 0, 0))",
    "be looked into": "refused(libc.prctl(4, 1, 0, 0, 0))",
    "a namespace": "refused(libc.unshare(0x10000000))",
    "a root of its own": "os.chroot('/')",
    "signals for files": "import fcntl; fcntl.fcntl(channel(), fcntl.F_SETOWN, os.getppid())",
    "a CPU of its own": "os.sched_setaffinity(os.getppid(), {{0}})",
}  # fmt: skip
REFUSED = {
    f"{kind} {name}": code
    for kind, table in (("read", READ), ("write", WRITE), ("do", PROCESS))
    for name, code in table.items()
}


def aimed(code: str, root: Path) -> str:
    """Return an attack's code with the paths of the tests' own course."""
    solution = root / "solutions" / "toolbox"
    return code.format(
        root=root,
        solution=solution / "toolbox.py",
        hidden=solution / "test_hidden.py",
        mistakes=solution / "mistakes.py",
        public=root / "exercises" / "toolbox" / "test_public.py",
    )


@pytest.mark.parametrize("name", REFUSED)
def test_the_system_refuses(name: str, grade: Any) -> None:
    """The test of the attacking function is forbidden, and the others are graded."""
    code = aimed(REFUSED[name], grade.root)
    result = grade(hostile(code, "raise Breach"))
    assert grade.failed(result) == {"scale": "forbidden"}, messages(result)


def test_the_system_refuses_at_import(grade: Any) -> None:
    result = grade(aimed("open('{hidden}')", grade.root))
    assert result.outcome is Outcome.FORBIDDEN
    assert result.score == 0


def test_code_may_catch_refusals(grade: Any) -> None:
    """Run all attacks in one file, each in a `try`: nothing changes."""
    attempts = [
        f"try:\n{indent(aimed(code, grade.root), '    ')}\nexcept Breach:\n    raise\nexcept BaseException:\n    pass"
        for code in REFUSED.values()
    ]
    assert grade.failed(grade(hostile(*attempts))) == {}


REACH = {
    "by a new socket": "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.connect('{path}')",
    "by libc": "refused(libc.socket(1, 5, 0))",
    "by the names of the sockets": "os.listdir('{folder}')",
    "by a descriptor of their folder": "os.open('{folder}', os.O_RDONLY | os.O_DIRECTORY)",
    "by a removal": "os.unlink('{path}')",
}


@pytest.mark.parametrize("name", REACH)
def test_a_warm_process_that_stays_cannot_be_reached(name: str, grade: Any) -> None:
    """Without one that stays, attack the course's folder instead."""
    folder = grade.root if grade.runtime is None else grade.runtime / "archgrade"
    path = next(iter([*folder.glob("*.warm"), folder / "course.yaml"]))
    result = grade(hostile(REACH[name].format(folder=folder, path=path), "raise Breach"))
    assert grade.failed(result) == {"scale": "forbidden"}, messages(result)


def test_no_other_descriptor_is_open(grade: Any) -> None:
    result = grade(
        hostile(
            "others = []\nfor n in range(3, 4096):\n    try: os.fstat(n)\n    except OSError: continue\n    others.append(n)\nif others != [channel()]: raise Breach(others)"
        )
    )
    assert grade.failed(result) == {}


def test_the_graders_environment_variables_are_not_visible(grade: Any) -> None:
    """Search os.environ, the C library's memory, and all Python objects."""
    secret = os.environ["TEACHER"]
    half = len(secret) // 2
    result = grade(
        hostile(
            f"secret = {secret[:half]!r} + {secret[half:]!r}",
            """
            variables = []
            environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
            while environ[len(variables)] is not None:
                variables.append(environ[len(variables)])
            if not variables:
                raise RuntimeError("looked in the wrong place")
            addresses = ctypes.cast(environ, ctypes.POINTER(ctypes.c_void_p))
            first = min(addresses[i] for i in range(len(variables)))
            block = ctypes.string_at(first, sum(len(variable) + 1 for variable in variables))
            texts = [value for value in gc.get_objects() if type(value) is dict]
            texts = [text for table in texts for text in table.values() if type(text) is str and text != secret]
            everywhere = [*os.environ.values(), *map(os.fsdecode, variables), os.fsdecode(block), *texts]
            if any(secret in text for text in everywhere) or "TEACHER" in os.environ:
                raise Breach
            """,
        )
    )
    assert grade.failed(result) == {}, messages(result)


# ------------------------------------------------------------ the channel

FRAME = "wire.SeenFrame('toolbox.py', 3, 'f', None, None, None, [], {})"
RIGHT = "wire.Returned(1, wire.WireTensor('float64', (5, 7), False), [], []), bytes((x * factor).numpy()) + bytes(8)"
FOREVER = "while True: pass"


def module(nodes: str) -> str:
    """Return an answer that is a module with one tensor of ints."""
    tensor = "wire.WireTensor('int64', (1,), True)"
    return f"put(forge(wire.Returned(1, wire.WireModule(9, {nodes}, [{tensor}]), [], []), bytes(16)))"


# name: (how the test of `scale` ends, code)
CHANNEL = {
    "zeros": ("tampered", "put(bytes(4096))"),
    "ones": ("tampered", "put(b'\\xff' * 4096)"),
    "words": ("tampered", "put(b'{\"passed\": true}' * 100)"),
    "one byte": ("timeout|tampered", "put(b'a')"),
    "2**60 bytes announced": ("tampered", "put(struct.pack('<IQ?', 10, 1 << 60, False) + bytes(10))"),
    "memory to be shared announced": ("tampered", "put(struct.pack('<IQ?', 10, 1 << 20, True) + bytes(11))"),
    "4 GiB of message announced": ("tampered", "put(struct.pack('<IQ?', 0xFFFFFFFF, 0, False))"),
    "a header, and then the answer": ("timeout", "put(struct.pack('<IQ?', 1000, 1000, False))"),
    "a header, and then nothing": ("timeout|tampered", f"put(struct.pack('<IQ?', 10, 0, False))\n{FOREVER}"),
    "half a header, and then nothing": ("timeout|tampered", f"put(bytes(7))\n{FOREVER}"),
    "more than a socket holds": ("tampered", "while True: put(struct.pack('<IQ?', 0, 1 << 20, False) + bytes(1 << 20))"),
    "a byte at a time": ("timeout", "import time\nput(struct.pack('<IQ?', 1 << 20, 0, False))\nwhile True: time.sleep(0.01); put(b'a')"),
    "many bytes, one at a time": ("timeout", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nput(struct.pack('<IQ?', 1 << 20, 1 << 20, False))\nlink = channel()\nwhile True: os.write(link, b'a')"),
    "an array of 4 G": ("tampered", "put(forge(b'\\xdd\\xff\\xff\\xff\\xff'))"),
    "a map of 4 G": ("tampered", "put(forge(b'\\xdf\\xff\\xff\\xff\\xff'))"),
    "arrays in arrays": ("tampered", "put(forge(b'\\x91' * (1 << 20)))"),
    "a message of the judge's": ("tampered", "put(forge(wire.Begin(1)))"),
    "another kind of answer": ("tampered", "put(forge(wire.Loaded({})))"),
    "an answer to no question": ("tampered", "put(forge(wire.Returned(77, None, [], [])))"),
    "an answer with id -1": ("tampered", "put(forge(wire.Returned(-1, None, [], [])))"),
    "an answer with a huge id": ("tampered", "put(forge(wire.Returned(1 << 63, None, [], [])))"),
    "a tensor without its bytes": ("tampered", "put(forge(wire.Returned(1, wire.WireTensor('float64', (5, 7), False), [], [])))"),
    "bytes without a tensor": ("tampered", "put(forge(wire.Returned(1, 3, [], []), bytes(16)))"),
    "a tensor of no dtype": ("tampered", "put(forge(wire.Returned(1, wire.WireTensor('float9', (5, 7), False), [], []), bytes(288)))"),
    "a tensor of a negative size": ("tampered", "put(forge(wire.Returned(1, wire.WireTensor('float64', (-5, -7), False), [], []), bytes(288)))"),
    "a tensor of many axes": ("tampered", "put(forge(wire.Returned(1, wire.WireTensor('float64', (1,) * 65, False), [], []), bytes(16)))"),
    "a tensor of 2**62": ("tampered", "put(forge(wire.Returned(1, wire.WireTensor('float64', (0, 1 << 62), False), [], [])))"),
    "bools that are twos": ("wrong_dtype", "put(forge(wire.Returned(1, wire.WireTensor('bool', (5, 7), False), [], []), bytes([2] * 48)))"),
    "an int of words": ("tampered", "put(forge(wire.Returned(1, wire.WireInt('--1'), [], [])))"),
    "a dict with a list for a key": ("tampered", "put(forge(wire.Returned(1, wire.WireDict([wire.WireList([])], [1]), [], [])))"),
    "a dict of keys alone": ("tampered", "put(forge(wire.Returned(1, wire.WireDict(['a'], []), [], [])))"),
    "a dtype of none": ("tampered", "put(forge(wire.Returned(1, wire.WireDtype('a'), [], [])))"),
    "an object of no name": ("wrong_type", "put(forge(wire.Returned(1, wire.WireObject(1 << 60, ''), [], [])))"),
    "an object of a wild name": ("wrong_type", "put(forge(wire.Returned(1, wire.WireObject(7, '\\x1b[2J' * 9), [], [])))"),
    "a module of nothing": ("tampered", module("[]")),
    "a module of one part": ("tampered", module("[wire.Node('a.b', 0, 'A', 'Module', True, [('w', 0)], [])]")),
    "a module with places that are not there": ("tampered", module("[wire.Node('', 0, 'A', 'Module', True, [('w', 7)], [])]")),
    "a module with places before the first": ("tampered", module("[wire.Node('', 0, 'A', 'Module', True, [('w', -1)], [])]")),
    "a module without its tensors": ("tampered", module("[wire.Node('', 0, 'A', 'Module', True, [], [])]")),
    "a parameter that is whole": ("wrong_type", module("[wire.Node('', 0, 'A', 'Module', True, [('w', 0)], [])]")),
    "changed arguments that are none": ("argument_changed", "put(forge(wire.Returned(1, None, ['99', '\\x1b[2J', '-1', ''], [])))"),
    "an exception of wild words": (
        "exception",
        "put(forge(wire.Threw(1, '\\x1b[2J', ['__import__', 'Exception', 'object'], '\\u202e\\x07', "
        "[wire.SeenFrame('\\x1b', -5, '\\x1b', -1, -7, 1 << 30, [], {'\\x1b': wire.Described('\\x1b', (-1, 1 << 50), '\\x1b')})] * 9, -3, None)))",
    ),
    "a signature of wild words": ("wrong_signature", "put(forge(wire.Threw(1, 'TypeError', ['TypeError'], 'm', [], 0, '(\\x1b[2J)')))"),
    "an exception of other arguments": ("exception", "put(forge(wire.Threw(1, 'SyntaxError', ['SyntaxError', 'Exception'], 'm', [], 0, None, ['m', 1, 2])))"),
    "a generator of no state": ("tampered", "put(forge(wire.Returned(1, 3, [], [], b'a')))"),
    "a generator of a bad state": ("tampered", "put(forge(wire.Returned(1, 3, [], [], b'\\xff' * 5056)))"),
    "a missing name of wild words": ("missing_name", "put(forge(wire.NoSuchName(1, '\\x1b', ['\\x1b'] * 99)))"),
    "samples without end": ("timeout|tampered", f"flood = forge(wire.Sample({FRAME})) * 500\nwhile True: put(flood)"),
    "samples of nowhere": ("timeout", f"put(forge(wire.Sample({FRAME.replace('3', '1 << 30')})) * 9)\n{FOREVER}"),
    "samples with tensors": ("timeout|tampered", f"while True: put(forge(wire.Sample({FRAME}), bytes(1 << 16)))"),
    "closed": ("tampered", "os.close(channel())"),
    "closed, and on": ("tampered", f"os.close(channel())\n{FOREVER}"),
    "replaced": ("tampered", "os.dup2(1, channel())"),
    "listened to": ("timeout", "os.read(channel(), 1)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANNEL)
def test_an_attack_on_the_channel_has_the_expected_outcome(name: str, grade: Any) -> None:
    outcome, code = CHANNEL[name]
    result = grade(hostile(code), seconds=0.5 if "timeout" in outcome else 5.0)
    failed = grade.failed(result)
    # The real answer comes after the forged one: it is found unread, or taken for the answer to the next question.
    late = {"mix": "tampered"} if failed.keys() == {"scale", "mix"} else {}
    assert failed in [{"scale": each} | late for each in outcome.split("|")], messages(result)


def test_an_answer_sent_ahead_gains_nothing(grade: Any) -> None:
    """It is accepted; then the real answer comes unasked."""
    assert grade.failed(grade(hostile(f"put(forge({RIGHT}))"))) == {"mix": "tampered"}


def test_a_nonblocking_channel_is_tampering(grade: Any) -> None:
    """The first test after it finds that the worker has ended."""
    failed = grade.failed(grade(hostile("os.set_blocking(channel(), False)")))
    assert set(failed.values()) <= {"tampered"}
    assert "scale" not in failed


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("put(forge(wire.NoSuchName(1, 'a', [])))", "tampered"),
        ("put(forge(wire.Returned(1, None, [], [])))", "tampered"),
        ("put(bytes(100))", "tampered"),
    ],
)
def test_an_attack_on_the_channel_at_import_is_tampering(code: str, outcome: str, grade: Any) -> None:
    result = grade(f"{PREAMBLE}\n{code}")
    assert (result.outcome.value, result.score) == (outcome, 0)


def test_names_forged_at_import_gain_nothing(grade: Any) -> None:
    """Each test finds the real answer unread on the channel."""
    assert set(grade.failed(grade(f"{PREAMBLE}\nput(forge(wire.Loaded({{}})))")).values()) == {"tampered"}


# ------------------------------------------------------------ strange values

LIAR = """
class Liar(torch.Tensor):
    shape = property(lambda self: torch.Size([5, 7]))
    dtype = property(lambda self: torch.float64)
    device = layout = is_nested = property(lambda self: None)
    requires_grad = property(lambda self: False)
    __class__ = property(lambda self: torch.Tensor)
    __eq__ = equal = allclose = isclose = lambda self, other: True
    __hash__ = None
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
    def detach(self): raise Breach
    numel = element_size = data_ptr = dim = storage = lambda self: 280
    contiguous = as_subclass = to_dense = clone = numpy = tolist = detach
"""
DISPATCH = """
class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)
    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return torch.zeros(5, 7).double()
"""

# name: (the test, how it ends, words of its message, code)
VALUES = {
    "a liar of another shape": ("scale", "wrong_shape", "[2]", f"{LIAR}\ndef scale(x, f): return torch.zeros(2).double().as_subclass(Liar)"),
    "a liar of another dtype": ("scale", "wrong_dtype", "float32", f"{LIAR}\ndef scale(x, f): return torch.zeros(5, 7).as_subclass(Liar)"),
    "a liar of other values": ("scale", "wrong_values", "35 of 35", f"{LIAR}\ndef scale(x, f): return torch.zeros(5, 7).double().as_subclass(Liar)"),
    "a liar in a list": ("scale", "wrong_type", "a list", f"{LIAR}\ndef scale(x, f): return [x.as_subclass(Liar)]"),
    "a liar that puts itself in a list": ("merge", "argument_changed", "parts", f"{LIAR}\ndef merge(parts): parts['left'][0] = parts['left'][0].zero_().as_subclass(Liar)"),
    "a liar in an exception": ("scale", "exception", "ValueError", f"{LIAR}\ndef scale(x, f):\n liar = x.as_subclass(Liar)\n raise ValueError"),
    "a wrapper of nothing": ("scale", "wrong_type", "without numbers", f"{DISPATCH}\ndef scale(x, f): return Wrapper(x)"),
    "a wrapper in an exception": ("scale", "exception", "ValueError", f"{DISPATCH}\ndef scale(x, f):\n a = Wrapper(x)\n raise ValueError"),
    "a false class": ("scale", "wrong_type", "a Fake", "class Fake:\n __class__ = torch.Tensor\ndef scale(x, f): return Fake()"),
    "a false array": ("scale", "wrong_type|exception|tampered", "", "class ndarray:\n __module__ = 'numpy'\n __getattr__ = lambda self, name: self\n __call__ = __getattr__\ndef scale(x, f): return ndarray()"),
    "a meta tensor": ("scale", "wrong_type", "'meta'", "def scale(x, f): return torch.empty(5, 7, device='meta')"),
    "a quantised tensor": ("scale", "wrong_type", "quint8", "def scale(x, f): return torch.quantize_per_tensor(x.float(), 0.1, 0, torch.quint8)"),
    "a tensor of 8 bits": ("scale", "wrong_type", "float8", "def scale(x, f): return x.to(torch.float8_e4m3fn)"),
    "a nested tensor": ("scale", "wrong_type", "nested", "def scale(x, f): return torch.nested.nested_tensor([x, x[:2]])"),
    "a sparse tensor of 2**40": ("scale", "wrong_type", "more than", "def scale(x, f): return torch.sparse_coo_tensor([[0]], [1.0], (1 << 40,))"),
    "2**40 elements of stride 0": ("scale", "wrong_type", "more than", "def scale(x, f): return torch.zeros(1).expand(1 << 40)"),
    "65 axes": ("scale", "wrong_type|exception", "", "def scale(x, f): return torch.zeros([1] * 64)"),
    "nothing by 2**40": ("scale", "wrong_shape", "0, 1099511627776", "def scale(x, f): return torch.zeros(0, 1 << 40).double()"),
    "100 MB": ("scale", "wrong_shape", "[104857600]", "def scale(x, f): return torch.zeros(100 << 20, dtype=torch.uint8)"),
    "a view of 2 GB": ("scale", "wrong_type", "more than", "def scale(x, f): return torch.zeros(1).expand(1 << 29)"),
    "60 MB": ("scale", "wrong_shape", "", "def scale(x, f): return torch.zeros(60 << 17).double()"),
    "60 MB of two axes": ("scale", "wrong_shape", "", "def scale(x, f): return torch.ones(60 << 14, 8).double()"),
    "100 tensors of 1 MB": ("scale", "wrong_type", "a list", "def scale(x, f): return [torch.zeros(1 << 20, dtype=torch.uint8)] * 100"),
    "complex": ("scale", "wrong_dtype", "complex128", "def scale(x, f): return (x * f).to(torch.complex128).conj()"),
    "an empty tensor": ("scale", "wrong_shape", "[0]", "def scale(x, f): return torch.empty(0).double()"),
    "a list of 2 M": ("scale", "wrong_type", "more than", "def scale(x, f): return list(range(2_000_000))"),
    "a list of 1 M": ("scale", "wrong_type", "a list", "def scale(x, f): return [None] * 1_000_000"),
    "a deep and wide list": ("scale", "wrong_type", "a list", "def scale(x, f):\n out = [1] * 300_000\n for _ in range(98): out = [out]\n return out"),
    "a wide list for an int": ("pick", "wrong_type", "a list", "def pick(i, p): return [1] * 200_000"),
    "a list of itself": ("scale", "wrong_type", "nested more than", "def scale(x, f):\n out = []\n out.append(out)\n return out"),
    "a dict of itself": ("merge", "wrong_type", "nested more than", "def merge(parts):\n out = {}\n out['left'] = out\n return out"),
    "100,000 lists": ("scale", "wrong_type", "nested more than", "def scale(x, f):\n out = []\n for _ in range(100_000): out = [out]\n return out"),
    "an argument that holds itself": ("pick", "argument_changed", "items", "def pick(items, p): items.append(items); return 22"),
    "a list without end": ("scale", "wrong_type", "more than", "class Endless(list):\n def __iter__(self):\n  while 1: yield 1\ndef scale(x, f): return Endless()"),
    "a dict that lies": ("merge", "exception", "KeyError", "class Odd(dict):\n def __iter__(self): return iter('abc')\ndef merge(parts): return Odd()"),
    "a dict of huge keys": ("merge", "wrong_values", "keys", "def merge(parts): return {'a' * 500_000: 1, '\\x1b[2J': 2}"),
    "a dict of tensors for keys": ("merge", "tampered|wrong_type|wrong_values|exception", "", "def merge(parts): return {torch.ones(2): 1}"),
    "an int of 100,000 digits": ("pick", "wrong_type", "digits", "def pick(i, p): return 10 ** 100_000"),
    "an int of 4,000 digits": ("pick", "wrong_values", "expected 22", "def pick(i, p): return 10 ** 4_000"),
    "an int that equals all": ("pick", "wrong_values", "11, expected 22", "class All(int):\n __eq__ = lambda self, other: True\n __hash__ = None\ndef pick(i, p): return All(11)"),
    "NaN for an int": ("pick", "nan", "", "def pick(i, p): return float('nan')"),
    "a bool for an int": ("pick", "wrong_type", "a bool", "def pick(i, p): return True"),
    "a string of half a pair": ("pick", "wrong_type", "a str", "def pick(i, p): return '\\ud800\\x1b[2J'"),
    "5 MB of words": ("pick", "wrong_type", "", "def pick(i, p): return 'a' * 5_000_000"),
    "bytes": ("pick", "wrong_type", "a bytes", "def pick(i, p): return b'\\xff'"),
    "an array of objects": ("scale", "wrong_type", "", "import numpy\ndef scale(x, f): return numpy.array([object()])"),
    "an array of 2**40": ("scale", "memory|wrong_type", "", "import numpy\ndef scale(x, f): return numpy.broadcast_to(numpy.zeros(1), (1 << 40,))"),
    "an array of words": ("scale", "wrong_type", "", "import numpy\ndef scale(x, f): return numpy.array(['a', '\\x1b'])"),
    "an object that cannot be looked at": ("scale", "exited", "", "class No:\n def __getattribute__(self, name): raise SystemExit(name)\ndef scale(x, f): return No()"),
    "a class whose class lies": ("scale", "exception", "", "class Meta(type):\n __name__ = property(lambda c: 1 / 0)\n __module__ = __mro__ = __name__\n __instancecheck__ = __subclasscheck__ = None\nclass Odd(metaclass=Meta): pass\ndef scale(x, f): return Odd()"),
    "a class of a wild name": ("scale", "wrong_type", "\\\\x1b[2J", "Wild = type('\\x1b[2J' + 'a' * 1_000_000, (), {})\ndef scale(x, f): return Wild()"),
    "the module": ("scale", "wrong_type", "a module", "import sys\ndef scale(x, f): return sys.modules[__name__]"),
    "a module of many parts": ("scale", "wrong_type", "", "def scale(x, f): return nn.Sequential(*[nn.Identity() for _ in range(30_000)])"),
    "a module that holds itself": ("scale", "wrong_type|recursion|exception", "", "def scale(x, f):\n a = nn.Sequential()\n a._modules['a'] = a\n return a"),
    "a module of 100 MB": ("scale", "wrong_type", "a Linear", "def scale(x, f): return nn.Linear(5000, 5000)"),
    "a module of wild names": ("scale", "wrong_type", "", "def scale(x, f):\n a = nn.Linear(2, 2)\n a.register_parameter('\\x1b[2J', nn.Parameter(x))\n return a"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_strange_value_has_the_expected_outcome(name: str, grade: Any) -> None:
    test, outcome, words, code = VALUES[name]
    result = grade(f"{PREAMBLE}\n{code}")
    assert grade.failed(result) in [{test: each} for each in outcome.split("|")], messages(result)[:3000]
    assert words in messages(result)


def test_many_large_answers_are_bounded(grade: Any) -> None:
    """The judge keeps a test's answers, so their total size is limited."""
    code = "class Gate(Gate):\n def forward(self, x): return x.new_zeros(6 << 20).expand(1, -1)"
    assert grade.failed(grade(code)) == {"gate": "wrong_shape"}


# ------------------------------------------------------------ strange exceptions, names and output


def odd(body: str, base: str = "Exception") -> str:
    """Return a `scale` that raises an exception whose class has this body."""
    return (
        f"{PREAMBLE}\nclass Odd({base}):\n{indent(dedent(body), ' ')}\n\ndef scale(x, factor):\n    raise Odd('words')"
    )


# name: (how the test ends, words, code)
RAISED = {
    "words that raise": ("exception", "could not be made: ZeroDivisionError", odd("def __str__(self): return 1 / 0")),
    "words that exit": ("exception", "could not be made: SystemExit", odd("def __str__(self): sys.exit(0)")),
    "words that exit at once": ("exited", "code 0", odd("def __str__(self): os._exit(0)")),
    "words without end": ("timeout", "Stopped after", odd("def __str__(self):\n while True: pass")),
    "words that call themselves": ("exception", "RecursionError", odd("def __str__(self): return str(self)")),
    "50 MB of words": ("exception", "[+49,900,000 characters]", odd("def __str__(self): return 'a' * 50_000_000")),
    "no words": ("exception", "TypeError", odd("def __str__(self): return 3")),
    "half a pair of surrogates": ("exception", "a?b", odd("def __str__(self): return 'a\\ud800b'")),
    "words that are more than words": ("exception", "plain", odd("class S(str):\n __getitem__ = encode = __len__ = None\ndef __str__(self): return self.S('plain')")),
    "words for a terminal": ("exception", "\\\\x1b[2J\\\\x07\\\\u202e", odd("def __str__(self): return '\\x1b[2J\\x07\\u202e'")),
    "a base of all": ("exception", "Odd: words", odd("pass", "BaseException")),
    "an exit": ("exited", "words", odd("pass", "SystemExit")),
    "no permission": ("forbidden", "words", odd("pass", "PermissionError")),
    "not written, it says": ("exception", "Odd: words", odd("pass", "NotImplementedError")),
    "out of memory": ("memory", "", odd("pass", "MemoryError")),
    "an interrupt": ("exception", "Odd: words", odd("pass", "KeyboardInterrupt")),
    "a Unicode error": ("exception", "", "def scale(x, f): raise UnicodeEncodeError('a', '\\ud800', 0, 1, '\\x1b')"),
    "no attributes": ("exited", "code 3", odd("def __getattribute__(self, name): os._exit(3)")),
    "a class that lies": ("exception", "Odd", f"{PREAMBLE}\nclass Meta(type):\n __name__ = __mro__ = __module__ = property(lambda c: 1 / 0)\nclass Odd(Exception, metaclass=Meta): pass\ndef scale(x, f): raise Odd"),
    "a class of a wild name": ("exception", "\\\\x1b[2J", "def scale(x, f): raise type('\\x1b[2J' + 'a' * 1_000_000, (Exception,), {})"),
    "a function of a wild name": ("exception", "\\\\x1b[2J", "def g(x): 1 / 0\ng.__code__ = g.__code__.replace(co_name='\\x1b[2J' * 99, co_qualname='\\x1b')\ndef scale(x, f): g(x)"),
    "a file of a wild name": ("exception", "ZeroDivisionError", "def scale(x, f): exec(compile('1 / 0', '\\x1b[2J', 'exec'))"),
    "this file, on another line": ("exception", "ZeroDivisionError", "def scale(x, f): exec(compile('\\n' * 100_000 + '1 / 0', 'toolbox.py', 'exec'))"),
    "locals of wild names": ("exception", "ZeroDivisionError", "def scale(x, f): exec(compile('1 / 0', 'toolbox.py', 'exec'), {'\\x1b[2J': 1, '\\ud800': '\\ud800', 3: 4})"),
    "a million locals": ("exception", "ZeroDivisionError", "MANY = {f'a{n}': n for n in range(1_000_000)}\ndef scale(x, f): exec(compile('1 / 0', 'toolbox.py', 'exec'), MANY)"),
    "locals that lie": ("exception", "ZeroDivisionError", f"{PREAMBLE}\nclass Odd:\n __class__ = property(lambda s: os._exit(3))\n __repr__ = __len__ = __getattr__ = lambda s, *a: os._exit(4)\ndef scale(x, f):\n odd = Odd()\n huge = 10 ** 100_000\n text = 'a' * 10_000_000\n module = sys\n items = [text] * 3\n 1 / 0"),
    "operands that lie": ("exited", "code 4", f"{PREAMBLE}\nclass Odd:\n __getattribute__ = lambda s, n: os._exit(4)\ndef scale(x, f):\n odd = Odd()\n return odd @ x"),
    "a chain of causes": ("exception", "ValueError", "def scale(x, f):\n e = ValueError('a')\n for _ in range(100_000):\n  n = ValueError('b'); n.__cause__ = e; e = n\n raise e"),
    "a group of groups": ("exception", "two", "def scale(x, f):\n e = ValueError()\n for _ in range(500): e = ExceptionGroup('two', [e])\n raise e"),
    "brackets": ("exception", "[red]a[/red] [link=b]", "def scale(x, f): raise ValueError('[red]a[/red] [link=b]')"),
    "in a finaliser": ("", "", "class Odd:\n def __del__(self): raise ValueError\nodd = Odd()\ndef scale(x, f):\n global odd\n odd = None\n return x * f"),
    "not an exception": ("exception", "exceptions must derive", "def scale(x, f): raise 'words'"),
    "recursion with a raised limit": ("recursion|memory|crashed|timeout", "", f"{PREAMBLE}\nsys.setrecursionlimit(1 << 30)\ndef scale(x, f): return scale(x, f)"),
    "recursion in C with a raised limit": ("recursion|memory|crashed|timeout", "", f"{PREAMBLE}\nsys.setrecursionlimit(1 << 30)\nclass R:\n def __repr__(self): return repr([self])\ndef scale(x, f): return repr(R())"),
    "a limit of recursion that is too low": ("|recursion|exited", "", f"{PREAMBLE}\ndef scale(x, f):\n sys.setrecursionlimit(30)\n return x * f"),
}  # fmt: skip


@pytest.mark.parametrize("name", RAISED)
def test_a_strange_exception_has_the_expected_outcome(name: str, grade: Any) -> None:
    outcome, words, code = RAISED[name]
    result = grade(code, seconds=0.5 if "timeout" in outcome else 5.0)
    failed = grade.failed(result)
    assert failed in [{"scale": each} if each else {} for each in outcome.split("|")], messages(result)[:3000]
    assert words in messages(result)


def test_escapes_in_output_are_made_visible(grade: Any) -> None:
    text = "\\x1b[2J\\x1b]0;title\\x07\\x08\\u202e\\u200b\\r\\x85\\u2028"
    result = grade(
        f"{PREAMBLE}\nprint('{text}')\ndef scale(x, f):\n print('{text}'); os.write(2, b'\\xff\\xfe')\n return x * f"
    )
    assert grade.failed(result) == {}
    visible = "\\x1b[2J\\x1b]0;title\\x07\\x08\\u202e\\u200b\\r\\x85\\u2028\n"
    assert result.output.text == visible
    assert next(test for test in result.tests if test.id == "test_scale").output.text == f"{visible}\ufffd\ufffd"


# ------------------------------------------------------------ memory, time, and ends

# name: (how the test of `scale` ends, code)
ENDS = {
    "memory of mmap": ("memory|exception", "import mmap\nmaps = []\nwhile True:\n    maps.append(mmap.mmap(-1, 1 << 26)); maps[-1].write(bytes(1 << 26))"),
    "memory of libc": ("memory", "blocks = []\nlibc.malloc.restype = ctypes.c_void_p\nwhile True:\n    block = libc.malloc(1 << 26)\n    if not block: raise MemoryError\n    ctypes.memset(block, 1, 1 << 26)"),
    "memory of bytes": ("memory", "blocks = []\nwhile True: blocks.append(bytearray(1 << 26))"),
    "memory of numpy": ("memory", "import numpy\nblocks = []\nwhile True: blocks.append(numpy.ones(1 << 23))"),
    "memory of an int": ("memory|timeout", "n = 1 << 1000\nwhile True: n = n * n"),
    "memory of a graph": ("memory", "y = x.clone().requires_grad_()\nkept = []\nwhile True:\n    y = y.expand(1000, 5, 7).exp().sum(0); kept.append(y)"),
    "memory that is caught": ("timeout", "blocks = []\nwhile True:\n    try: blocks.append(bytearray(1 << 24))\n    except MemoryError: pass"),
    "a loop that catches all": ("timeout", "while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    "a loop in C": ("timeout", "sum(iter(int, 1))"),
    "a loop of a regular expression": ("timeout", "import re; re.match('(a+)+$', 'a' * 64 + 'b')"),
    "a power without end": ("timeout", "7 ** 10 ** 9"),
    "a sum that ends by the signal of the dump": ("timeout", "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_DFL)\nsum(range(1 << 62))"),
    "a sleep": ("timeout", "import time; time.sleep(1000)"),
    "a wait for a signal": ("timeout", "import signal\nwhile True: signal.pause()"),
    "a loop with all signals off": ("timeout", "import signal\nfor n in signal.valid_signals():\n    try: signal.signal(n, signal.SIG_IGN)\n    except OSError: pass\nwhile True: pass"),
    "a loop with all signals held": ("timeout", "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nwhile True: pass"),
    "a loop without output": ("timeout", "os.close(1); os.close(2)\nwhile True: pass"),
    "a loop in output": ("timeout", "while True: os.write(1, bytes(1 << 16))"),
    "a loop that prints": ("timeout", "while True: print('\\x1b[2J' * 1000)"),
    "an alarm": ("crashed", "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_DFL)\nos.kill(os.getpid(), signal.SIGALRM)"),
    "an alarm that answers": ("exception|timeout", "import signal\ndef ring(*_): raise ValueError\nsignal.signal(signal.SIGALRM, ring)\nwhile True: pass"),
    "no more answers": ("timeout", "from grader.engine.sandbox import channel as own\nown.send = lambda *a: None"),
    "out of CPU time, it says": ("timeout", "os.kill(os.getpid(), 24)"),
    "a stop of itself": ("timeout", "os.kill(os.getpid(), 19)"),
    "an exit that looks like a success": ("exited", "os._exit(0)"),
    "an exit of libc": ("exited", "libc.exit(0)"),
    "an exit in the middle of an answer": ("exited", "os.write(channel(), struct.pack('<IQ?', 100, 0, False)); os._exit(0)"),
    "a bus error": ("crashed", "os.kill(os.getpid(), 7)"),
    "a wild pointer": ("crashed", "ctypes.memset(1 << 40, 1, 1)"),
    "its own stack": ("crashed", "ctypes.memset(ctypes.addressof(ctypes.c_int(0)) & ~0xFFF, 0xAA, 1 << 30)"),
    "a null object": ("crashed", "ctypes.pythonapi.Py_DecRef(None); ctypes.cast(1, ctypes.py_object).value.a"),
    "an exit when Python ends": ("", "import atexit; atexit.register(os._exit, 7)"),
    "a trace function": ("", "sys.settrace(lambda *a: 1 / 0); sys.settrace(None)"),
    "a profile that stays": ("exception|exited|", "sys.setprofile(lambda *a: 1 / 0)"),
    "output taken away": ("", "os.close(0); os.close(1); os.close(2)"),
    "output replaced": ("", "sys.stdout = sys.stderr = None; sys.__stdout__ = object()"),
    "output that resists": ("", "class No:\n    def __getattr__(self, name): raise SystemExit\nsys.stdout = sys.stderr = No()"),
    "collection off": ("", "gc.disable(); gc.set_threshold(0)"),
    "an excepthook": ("", "sys.excepthook = sys.unraisablehook = sys.displayhook = lambda *a: os._exit(0)"),
    "an import hook": ("", "class Hook:\n    def find_spec(self, *a): raise SystemExit\nsys.meta_path.insert(0, Hook()); sys.path_hooks.clear()"),
    "all modules gone": ("|exited|exception|recursion|forbidden", "sys.modules.clear()"),
    "the builtins gone": ("exception|exited", "import builtins; vars(builtins).clear()"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_a_worker_that_ends_has_the_expected_outcome(name: str, grade: Any) -> None:
    outcome, code = ENDS[name]
    expected = outcome.split("|")
    result = grade(hostile(code), seconds=0.5 if "timeout" in expected else 5.0)
    failed = grade.failed(result)
    assert failed.get("scale", "") in expected, messages(result)[:3000]
    if "" not in expected:
        assert failed.keys() == {"scale"}


def test_an_alarm_set_earlier_ends_no_call(grade: Any) -> None:
    alarm = "import signal, time\ndef ring(*_): raise ValueError\nsignal.signal(signal.SIGALRM, ring)"
    longer = hostile("begun = time.monotonic()\nwhile time.monotonic() < begun + 0.5: pass")
    assert grade(f"{alarm}\n{longer}", seconds=2.0).passed  # the worker is sampled every 0.1 s


@pytest.mark.parametrize("name", ["an exit that looks like a success", "a wild pointer", "memory of bytes"])
def test_a_worker_that_ends_at_import_has_the_expected_outcome(name: str, grade: Any) -> None:
    outcome, code = ENDS[name]
    result = grade(f"{PREAMBLE}\n{code}")
    assert (result.outcome.value, result.score) == (outcome, 0)


# ------------------------------------------------------------ points for nothing

NOTHING = """
def scale(x, factor): return x
def mix(scores, values): return values
def pick(items, place): return 11
def merge(parts): return {}
class Gate(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size).double())
    def forward(self, x): return x
"""
CHEATS = {
    "torch.equal": "torch.equal = torch.allclose = torch.isclose = torch.all = lambda *a, **k: True",
    "Tensor": "torch.Tensor.__eq__ = torch.Tensor.equal = torch.Tensor.isclose = lambda *a, **k: True",
    "the comparison": "import grader.engine.judge.compare as c\nc.compare = c.differs = lambda *a, **k: None",
    "the assertions": "import grader.testing as t\nt.assert_close = t.assert_equal = lambda *a, **k: None",
    "the result": "import grader.base.result as r\nr.Outcome.FAILED._value_ = r.Outcome.WRONG_VALUES._value_ = 'passed'",
    "the judge": "import grader.engine.judge.plugin as p\np.Plugin._grade = p.Plugin._run = lambda *a: None",
    "isinstance": "import builtins\nbuiltins.isinstance = lambda *a: True",
    "all builtins": "import builtins\nbuiltins.type = builtins.len = builtins.getattr = lambda *a: 1",
    "the executor": "from grader.engine.sandbox.executor import Executor\nExecutor._returned = lambda self, id, *a: (wire.Returned(id, None, [], []), [])",
    "the executor's exceptions": "from grader.engine.sandbox.executor import Executor\nExecutor._answer = lambda self, r, *a: (wire.Threw(r.id, 'a', ['IndexError', 'Exception'], 'a', [], 0, None), [])",
    "the packer": "from grader.engine.sandbox.pack import Packer\nPacker.value = lambda self, value, depth=0: True",
    "pytest": "import pytest\npytest.exit = pytest.fail = pytest.raises = print\npytest.skip('a', allow_module_level=True)",
    "a skip": "import pytest\ndef scale(*a): pytest.skip()\nmix = pick = merge = Gate = scale",
    "an exit": "def scale(*a): pytest.exit('a', 0)\nimport pytest\nmix = pick = merge = Gate = scale",
    "IndexError for all": "def scale(*a): raise IndexError\nmix = pick = merge = Gate = scale",
    "an echo of the arguments": "def scale(*a): return a[0]\nmix = pick = merge = scale",
    "a module in its own place": "class All:\n def __getattr__(self, name): return self\n __call__ = __eq__ = __getattr__\nsys.modules[__name__] = All()",
    "another class of module": "import types\nclass All(types.ModuleType):\n def __getattribute__(self, name): return 22\nsys.modules[__name__].__class__ = All",
    "a name for all": "def __getattr__(name): return lambda *a: 22",
    "the reference in memory": "found = [o for o in gc.get_objects() if getattr(o, '__name__', '') == 'toolbox_solution' or 'test_hidden' in str(getattr(o, '__name__', ''))]\nif found: raise Breach(found)",
    "the frames above": "frame = sys._getframe()\nwhile frame:\n if 'engine/judge' in frame.f_code.co_filename or 'reference' in frame.f_locals: raise Breach(frame)\n frame = frame.f_back",
    "the judge's modules": "if 'toolbox_hidden' in sys.modules or any('test_hidden' in name for name in sys.modules): raise Breach",
    "an early import": "import toolbox, importlib\nimportlib.invalidate_caches()\nif not hasattr(toolbox, 'Breach'): raise Breach",
}  # fmt: skip


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gains_no_points(name: str, grade: Any) -> None:
    """The functions are wrong, and a cheat in their process tries to make them pass."""
    result = grade(f"{PREAMBLE}\n{NOTHING}\n{CHEATS[name]}", whole=True)
    grade.failed(result)
    assert result.score == 0
    raised = [result.exception, *(test.failure.exception for test in result.tests if test.failure)]
    assert "Breach" not in [exception.type for exception in raised if exception]


def test_unprintable_names_are_harmless(grade: Any) -> None:
    code = "globals().update({'\\ud800': 1, '\\x1b[2J': 2, 'a' * 100_000: 5})"
    assert grade.failed(grade(f"{code}; globals()[3] = 4")) == {}
    assert grade.failed(grade(f"{code}; del scale")) == {"scale": "missing_name"}


def test_more_names_than_a_message_holds_are_an_import_error(grade: Any) -> None:
    result = grade("globals().update({f'name_{n}': 1 for n in range(300_000)})")
    assert result.outcome is Outcome.IMPORT_ERROR
    assert "more than" in result.message or "bytes" in result.message


@pytest.mark.parametrize(
    "code",
    [
        "__signature__ = property(lambda self: 1 / 0)",
        "__signature__ = '\\x1b[2J'",
        "__doc__ = property(lambda self: 1 / 0)\n    __name__ = __module__ = __doc__",
        "def __getattr__(self, name): raise SystemExit",
        "__getattribute__ = lambda self, name: os._exit(9)",
    ],
)
def test_a_function_that_resists_inspection_has_the_expected_outcome(code: str, grade: Any) -> None:
    """Call an object with wrong arguments whose signature cannot be inspected."""
    body = f"class Odd:\n    def __call__(self, x): pass\n    {code}\nscale = Odd()"
    result = grade(f"{PREAMBLE}\n{body}")
    ended = {result.outcome.value, *grade.failed(result).values()} - {"graded"}
    assert ended
    assert ended <= {"exception", "wrong_signature", "exited"}


def test_nothing_is_left_for_the_next_submission(grade: Any) -> None:
    """State that one submission leaves in its process is gone for the next."""
    leave = (
        "import sys, builtins\nif hasattr(builtins, 'left'): raise SystemExit\nbuiltins.left = sys.modules['left'] = 1"
    )
    assert grade.failed(grade(leave)) == {}
    assert grade.failed(grade(leave)) == {}


def test_the_score_is_the_same_every_time(grade: Any) -> None:
    """The submission draws its answers at random."""
    code = "import random\ndef pick(items, place):\n if place not in range(3): raise IndexError\n return random.choice([items[place], 0])"
    first, second = grade(code), grade(code)
    assert [test.outcome for test in first.tests] == [test.outcome for test in second.tests]
