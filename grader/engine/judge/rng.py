"""Random inputs for tests, by the names of torch's functions; float64 by default."""

import torch
from torch import Tensor


class Rng:
    """The fixture `rng`: a generator whose seed depends on the exercise, the test and the run, never on the clock."""

    def __init__(self, seed: int):
        self.seed = seed
        self._generator = torch.Generator().manual_seed(seed)

    def randn(self, *size: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Return standard normal numbers of shape `size`."""
        return torch.randn(*size, generator=self._generator, dtype=torch.float64).to(dtype)

    def rand(self, *size: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Return uniform numbers in [0, 1) of shape `size`."""
        return torch.rand(*size, generator=self._generator, dtype=torch.float64).to(dtype)

    def randint(self, low: int, high: int, size: tuple[int, ...]) -> Tensor:
        """Return integers in [low, high) of shape `size`, int64."""
        return torch.randint(low, high, size, generator=self._generator)

    def randperm(self, n: int) -> Tensor:
        """Return a permutation of 0 .. n-1, int64 (n,)."""
        return torch.randperm(n, generator=self._generator)

    def sizes(self, n: int, low: int = 2, high: int = 9) -> list[int]:
        """Return `n` different integers in [low, high], so that each size names its axis. Raises ValueError."""
        if n > high - low + 1:
            raise ValueError(f"there are no {n} different sizes in [{low}, {high}]")
        return [low + int(i) for i in self.randperm(high - low + 1)[:n]]
