"""The choice of an architecture: drop what breaks a limit, and take the cheapest of the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from decode_roofline import cache_bytes, decode_step, prefill_seconds, total_params


def evaluate(candidate: Mapping[str, Any], req: Mapping[str, Any], hw: Mapping[str, float]) -> dict[str, Any]:
    """What a candidate would cost for a requirement on some hardware, and which limits it would break.

    candidate, req, hw: the keys of the statement. A limit that is missing or None does not limit; neither does a
        max_context of 0.
    Returns: a dict with the keys
        memory_bytes: all weights, and the caches of all concurrent sequences at their full length; no caches if
        nothing is generated;
        ttft_s: the seconds to the first token, those of the prompt of one request;
        tpot_s: the seconds for each new token, those of a step for all concurrent sequences at their full length;
        0 if nothing is generated;
        cost: dollars for one request;
        violations: a list of the limits that are broken, of "task", "context", "memory", "ttft", "tpot" and "quality",
        in this order. What is exactly at a limit does not break it.

    >>> dense = {"name": "dense 8B", "quality": 0.62, "tasks": ["generate"], "shared_params": 8.03e9, "attn_layers": 32,
    ...          "n_heads": 32, "n_kv_heads": 8, "head_dim": 128, "bytes_per_param": 2, "kv_bytes": 2}
    >>> req = {"task": "generate", "prompt_tokens": 7168, "new_tokens": 1024, "concurrency": 16, "min_quality": 0.7}
    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
    >>> result = evaluate(dense, req, h100)
    >>> round(result["memory_bytes"] / 1e9, 1), round(1e3 * result["tpot_s"], 2), round(1e3 * result["cost"], 3)
    (33.2, 9.92, 0.638)
    >>> result["violations"]
    ['quality']
    """
    raise NotImplementedError


def pick(candidates: Sequence[Mapping[str, Any]], req: Mapping[str, Any], hw: Mapping[str, float]) -> dict[str, Any]:
    """The cheapest of the candidates that break no limit.

    candidates: at least one; their names differ.
    Returns: a dict with the keys
        choice: the name of the first in the ranking, None if that is empty;
        ranking: the names of those that break no limit, by cost; where two cost the same the one of higher quality
        comes first, and where that is the same too the names decide, in the order of the alphabet;
        rejected: {name: violations} of all the others.
    Raises: ValueError if there are no candidates.

    >>> model = {"tasks": ["generate"], "attn_layers": 32, "n_heads": 32, "n_kv_heads": 8, "head_dim": 128,
    ...          "kv_bytes": 2}
    >>> dense = {"name": "dense", "quality": 0.62, "shared_params": 8.03e9, "bytes_per_param": 2, **model}
    >>> moe = {"name": "MoE", "quality": 0.74, "shared_params": 1605636096, "n_experts": 8, "top_k": 2,
    ...        "expert_params": 5637144576, "bytes_per_param": 1, **model}
    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
    >>> req = {"task": "generate", "prompt_tokens": 7168, "new_tokens": 1024, "concurrency": 1}
    >>> pick([dense, moe], req, h100)
    {'choice': 'MoE', 'ranking': ['MoE', 'dense'], 'rejected': {}}
    >>> pick([dense, moe], {**req, "concurrency": 16}, h100)
    {'choice': 'dense', 'ranking': ['dense', 'MoE'], 'rejected': {}}
    >>> pick([dense, moe], {**req, "concurrency": 16, "min_quality": 0.7}, h100)
    {'choice': 'MoE', 'ranking': ['MoE'], 'rejected': {'dense': ['quality']}}
    """
    raise NotImplementedError
