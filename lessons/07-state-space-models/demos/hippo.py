"""Your memory of a signal."""

import torch

from grader.pictures import Table

T, PLACES = 400, (0.1, 0.3, 0.5, 0.7, 0.9)


def run(submission, rng):
    signal = torch.sin(torch.linspace(0, 12, T, dtype=torch.float64))
    places = torch.tensor(PLACES, dtype=torch.float64)
    rows = [("the signal", [f"{each:.2f}" for each in torch.sin(12 * places).tolist()])]
    for n in (4, 8, 16):
        back = submission.reconstruct(submission.legs_coefficients(signal, n)[-1], places)
        rows.append((f"from {n} numbers", [f"{each:.2f}" for each in back.tolist()]))
    columns = tuple(f"at {place:.0%}" for place in PLACES)
    yield Table(f"A signal of {T} values, read back from your state at its end", columns, rows)
