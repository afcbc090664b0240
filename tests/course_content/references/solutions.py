"""The reference solutions as modules, and what their tests share."""

import importlib.util
import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.course import Course, load_course
from tests.paths import ROOT

NO_TRANSFORMERS = "compares with Hugging Face transformers, which is not installed"


@lru_cache
def _course() -> Course:
    return load_course(ROOT)


@lru_cache
def reference(exercise: str) -> ModuleType:
    """Load the reference solution of an exercise from its file. It may import those that the exercise needs."""
    course = _course()
    found = next(each for each in course.exercises if each.id == exercise)
    needed = {each: reference(each) for each in found.needs}
    spec = importlib.util.spec_from_file_location(f"reference_{exercise}", found.reference)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules |= needed
    try:
        spec.loader.exec_module(module)
    finally:
        for each in needed:
            del sys.modules[each]
    return module


def close(actual: Tensor, expected: Tensor | np.ndarray, atol: float) -> bool:
    """Whether two tensors have one shape, and numbers that differ by at most `atol`."""
    expected = torch.as_tensor(expected)
    return actual.shape == expected.shape and torch.allclose(actual, expected, rtol=0.0, atol=atol)


def randomised(module: Any, generator: torch.Generator) -> Any:
    """Fill all parameters with random numbers that keep activations of size 1, and freeze the module."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter.shape[-1] ** 0.5)
    return module.eval().requires_grad_(False)
