"""Random inputs for tests: torch's names, one seed, float64 unless said otherwise."""

import torch
from torch import Tensor


class Rng:
    """The fixture `rng`: draws depend on the exercise, the test and the run's seed, never on the clock."""

    def __init__(self, seed: int):
        self.seed = seed
        self._generator = torch.Generator().manual_seed(seed)

    def randn(self, *size: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Standard normal numbers, shape `size`."""
        return torch.randn(*size, generator=self._generator, dtype=torch.float64).to(dtype)

    def rand(self, *size: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Uniform numbers in [0, 1), shape `size`."""
        return torch.rand(*size, generator=self._generator, dtype=torch.float64).to(dtype)

    def randint(self, low: int, high: int, size: tuple[int, ...]) -> Tensor:
        """Whole numbers in [low, high), int64, shape `size`."""
        return torch.randint(low, high, size, generator=self._generator)

    def randperm(self, n: int) -> Tensor:
        """A permutation of 0 .. n-1, int64 (n,)."""
        return torch.randperm(n, generator=self._generator)

    def sizes(self, n: int, low: int = 2, high: int = 9) -> list[int]:
        """`n` pairwise different whole numbers in [low, high], so that a size names its axis."""
        if n > high - low + 1:
            raise ValueError(f"there are no {n} different sizes in [{low}, {high}]")
        return [low + int(i) for i in self.randperm(high - low + 1)[:n]]
