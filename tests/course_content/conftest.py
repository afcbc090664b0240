"""The mark `course` of the tests that prove the whole course. Those without it are a sample, for each change."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
SAMPLE = {  # an exercise of each lesson that takes little time, and two lessons
    *("causal_mask", "rope", "moe_router", "expert_capacity", "moe_params", "grouped_query_attention"),
    *("ssm_discretize", "hybrid_layout", "chinchilla_optimal", "patch_embedding"),
    *("0", "7"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is not in the sample: exercises and lessons by their ids, and comparisons with published code."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        ids = item.callspec.id.split("-") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else []
        if item.path.parent.name == "references" or (ids and not SAMPLE.intersection(ids)):
            item.add_marker(pytest.mark.course)
