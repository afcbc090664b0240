"""Seeds that depend on names and numbers only, never on the clock."""

import hashlib


def derive_seed(*parts: str | int) -> int:
    """Return a seed in [0, 2**63) that depends on all the parts and on nothing else."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
