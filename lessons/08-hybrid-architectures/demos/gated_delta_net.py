"""Your memory, which can be corrected."""

import torch

from grader.pictures import Table

KEYS = 3
WRITES = ((0, 4.0), (1, 7.0), (0, 9.0))  # under which key, and what


def run(submission, rng):
    state, rows = None, []
    for key, value in WRITES:
        k = torch.zeros(1, 1, 1, KEYS)
        k[..., key] = 1.0
        v = torch.full((1, 1, 1, 1), value)
        _, state = submission.gated_delta_recurrent(k, k, v, torch.zeros(1, 1, 1), torch.ones(1, 1, 1), state)
        rows.append(
            (f"after writing {value:.0f} under key {key}", [f"{each:.0f}" for each in state.flatten().tolist()])
        )
    yield Table("What your state holds under each key", tuple(f"key {key}" for key in range(KEYS)), rows)
