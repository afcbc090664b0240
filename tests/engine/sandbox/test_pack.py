"""What is packed stays as it was until it is sent."""

import gc

import torch

from grader.engine.sandbox.executor import Servant
from grader.engine.sandbox.pack import Packer
from grader.engine.sandbox.source import execute
from grader.engine.sandbox.wire import Context, Invoke

CONTEXT = Context(True, "float32", None, [], [], [])


def test_the_bytes_of_a_result_outlive_all_that_made_them() -> None:
    source = "import torch\n\ndef ones():\n    return torch.ones(18, 2).double()[:, 0]\n"
    servant = Servant(1 << 20, execute("ones", source))
    servant.begin(0)
    _, blobs = servant.handle(Invoke(1, 0, "ones", [], {}, CONTEXT), bytearray())
    gc.collect()  # the packer goes, and its memory to whoever asks next
    others = [torch.zeros(18).double() for _ in range(100)]
    assert b"".join(blobs) == torch.ones(18).double().numpy().tobytes()
    assert not any(other.any() for other in others)


def test_a_buffer_keeps_the_tensor_whose_memory_it_is() -> None:
    packer = Packer(lambda kept: None, 1 << 20)
    packer.value([torch.full((4,), 7.0), torch.full((3,), 5.0)])
    blobs = packer.blobs
    del packer
    gc.collect()
    others = [torch.zeros(4) for _ in range(100)]
    assert b"".join(blobs)[:16] == torch.full((4,), 7.0).numpy().tobytes()
    assert not any(other.any() for other in others)
