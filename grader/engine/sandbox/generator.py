"""The state of torch's random generator as bytes, which judge and worker compare and send to each other."""

import torch


def generator_state() -> bytes:
    """Return the state."""
    return torch.get_rng_state().numpy().tobytes()


def set_generator_state(state: bytes) -> None:
    """Set the state."""
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
