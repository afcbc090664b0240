"""Packed bytes stay valid until they are sent, and every wire type can be unpacked."""

import gc
from typing import get_args

import torch

from grader.engine.sandbox import pack, wire
from grader.engine.sandbox.executor import Executor
from grader.engine.sandbox.pack import Packer
from grader.engine.sandbox.source import execute
from grader.engine.sandbox.wire import Context, Invoke

CONTEXT = Context(True, "float32", None, [], [], [])


def test_the_bytes_of_a_result_outlive_their_tensor_and_packer() -> None:
    source = "import torch\n\ndef ones():\n    return torch.ones(18, 2).double()[:, 0]\n"
    executor = Executor(1 << 20, execute("ones", source))
    executor.begin(0)
    _, blobs = executor.handle(Invoke(1, 0, "ones", [], {}, CONTEXT), bytearray())
    gc.collect()  # the packer goes, and its memory to whoever asks next
    others = [torch.zeros(18).double() for _ in range(100)]
    assert b"".join(blobs) == torch.ones(18).double().numpy().tobytes()
    assert not any(other.any() for other in others)


def test_a_buffer_keeps_its_tensor_alive() -> None:
    packer = Packer(lambda kept, packer: None, 1 << 20)
    packer.value([torch.full((4,), 7.0), torch.full((3,), 5.0)])
    blobs = packer.blobs
    del packer
    gc.collect()
    others = [torch.zeros(4) for _ in range(100)]
    assert b"".join(blobs)[:16] == torch.full((4,), 7.0).numpy().tobytes()
    assert not any(other.any() for other in others)


def test_every_wire_type_has_a_codec() -> None:
    types = {kind for kind in get_args(wire.WireValue) if kind.__module__ == wire.__name__}
    assert pack._UNPACK.keys() == types
