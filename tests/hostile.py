"""Submissions that attack: what they find at hand, and the ways that once ended their judge."""
# ruff: noqa: E501 - a row of a table is one line

from textwrap import dedent, indent

from grader.base.result import Result

PREAMBLE = """
import ctypes, gc, os, socket, stat, struct, sys
import torch
from torch import nn

class Breach(Exception):
    pass

libc = ctypes.CDLL(None, use_errno=True)

def refused(result, good=lambda result: result >= 0):
    '''Raises what the system answered to a call that went past Python.'''
    if good(result):
        raise Breach(result)
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def channel():
    '''The descriptor that leads to the judge.'''
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass

def forge(reply, blob=b""):
    '''A frame as the grader would send it.'''
    from grader.engine.sandbox import wire
    meta = reply if isinstance(reply, bytes) else wire._encoder.encode(reply)
    return struct.pack("<IQ?", len(meta), len(blob), False) + meta + blob

def put(data):
    link = channel()
    while data:  # a signal ends a write early
        data = data[os.write(link, data):]

class Wire:
    '''The grader's own messages, for the asking.'''
    def __getattr__(self, name):
        from grader.engine.sandbox import wire
        return getattr(wire, name)

wire = Wire()
"""


def hostile(*statements: str) -> str:
    """Return a submission whose `scale` runs the statements first and then gives the right answer."""
    body = indent("\n".join(map(dedent, statements)), "    ")
    return f"{PREAMBLE}\ndef scale(x, factor):\n{body}\n    return x * factor\n"


def messages(result: Result) -> str:
    """All that a result says in words."""
    return str([result.message, result.exception, [test.failure for test in result.tests]])


def _changed(value: str) -> str:
    """Return an answer that says an argument was changed, and holds a value that nobody would look at for that."""
    return hostile(f"put(forge(wire.Returned(1, {value}, ['0'], []), bytes(288)))")


def _random(seed: int) -> str:
    """Answers all questions with messages of every type, whose fields are anything."""
    return f"{PREAMBLE}\nSEED = {seed}\n{_RANDOM}"


_RANDOM = """
import random
import msgspec
import grader.engine.sandbox.wire
from grader.engine.sandbox.executor import Executor

KINDS = [each for each in vars(grader.engine.sandbox.wire).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]
REPLIES = [wire.Returned, wire.Threw, wire.NoSuchName, wire.Unsendable, wire.Loaded, wire.Sample]
PLAIN = [None, True, -1, 0, 1, 1 << 31, -1 << 63, (1 << 64) - 1, 1e308, float("nan"), b"\\xff" * 20]
PLAIN += ["", "0", "\\x1b[2J", "a.b", "__class__", "float64", "9" * 5000, "b" * 150_000]

def anything(draw, depth=4):
    if not depth or draw.random() < 0.4:
        return draw.choice(PLAIN)
    if draw.random() < 0.4:
        return [anything(draw, depth - 1) for _ in range(draw.randrange(4))]
    return made(draw, draw.choice(KINDS), depth)

def made(draw, kind, depth=4):
    fields = [anything(draw, depth - 1) for _ in kind.__struct_fields__]
    return kind(*fields) if kind.__struct_fields__ else None

def handle(executor, request, blob):
    draw = random.Random(f"{SEED} {request.id}")
    reply = made(draw, draw.choice(REPLIES))
    if hasattr(reply, "id"):
        reply = msgspec.structs.replace(reply, id=request.id)
    return reply, [bytes(draw.choice([0, 16, 288]))]

Executor.handle = handle
"""

# name: (how the tests that fail may end, None for anything but a fault of ours; code after the reference)
WAYS_TO_END_A_JUDGE: dict[str, tuple[str | None, str]] = {
    "a byte out of band": ("timeout|tampered", hostile("socket.socket(fileno=os.dup(channel())).send(b'x', socket.MSG_OOB)")),
    "a changed argument, and an int of words": ("tampered", _changed("wire.WireInt('--1')")),
    "a changed argument, and a key that is none": ("tampered", _changed("wire.WireDict([wire.WireList([])], [1])")),
    "a changed argument, and a tensor of another size": ("tampered", _changed("wire.WireTensor('float64', (5, 8), False)")),
    "a changed argument, and a module of unknown parts": ("tampered", _changed("wire.WireModule(9, [wire.Node('a', 0, 'A', 'Module', True, [('a', 7)], [])], [])")),
    "a changed argument, and lists in lists": (
        "tampered",
        hostile(
            "value = 0\nfor _ in range(150): value = wire.WireList([value])",
            "put(forge(wire.Returned(1, value, ['0'], [])))",
        ),
    ),
    "a right result of an earlier call": (
        "failed",
        "from grader.engine.sandbox.executor import Executor\n"
        "Executor._depends_on_earlier = lambda self, results: True\n"
        "class Gate(Gate):\n"
        "    def __init__(self, size):\n"
        "        super().__init__(size)\n"
        "        self.weight.requires_grad_(False)\n"
        "    def forward(self, x):\n"
        "        return super().forward(x).requires_grad_() * 1.0\n",
    ),
    "keys of one hash": (
        "tampered",
        hostile(
            "keys = [wire.WireTuple([-1 - (n >> bit & 1) for bit in range(15)]) for n in range(20_000)]",
            "put(forge(wire.Returned(1, wire.WireDict(keys, [0] * len(keys)), [], [])))",
        ),
    ),
    **{f"random answers, {seed}": (None, _random(seed)) for seed in range(3)},
}  # fmt: skip
