"""Let SmolLM2-135M read further than it was trained for, for parts 5 and 6 of lesson 2.

It needs what smollm2.py needs, and takes 15 minutes on two cores that do nothing else. The text is the first 32,768
tokens of lessons 1, 3, 4 and 6, without front matter and fences. Matrices are multiplied in bfloat16. As of December
2026 it prints the mean losses of the eighths of the text:

    hands that made a turn: 20 of 32
    1024 tokens, factor 4: weight of head 16.0 on the token before, loss
    as trained   0.72 3.38
    all slower   0.01 5.04
    raised base  0.69 3.44
    YaRN         0.82 3.44
    Llama 3.1    0.70 3.40
    16384 tokens, factor 2
    as trained   3.39 3.25 3.09 3.09 3.27 3.84 5.29 5.88
    all slower   4.31 4.34 4.08 4.12 4.22 4.17 4.19 4.01
    raised base  3.42 3.27 3.11 3.10 3.26 3.16 3.13 3.00
    YaRN         3.40 3.28 3.10 3.09 3.23 3.12 3.10 2.95
    Llama 3.1    3.40 3.28 3.13 3.10 3.26 3.17 3.13 2.96
    32768 tokens, factor 4
    as trained   3.32 3.09 3.56 5.58 6.77 7.52 7.55 8.03
    all slower   5.22 5.11 5.18 5.11 5.24 5.13 5.29 5.42
    raised base  3.39 3.17 3.27 3.09 3.17 2.93 3.41 3.94
    YaRN         3.40 3.18 3.28 3.15 3.23 2.95 3.31 3.56
    Llama 3.1    3.47 3.42 3.53 3.37 3.46 3.16 3.58 3.78

With an argument it takes YaRN's larger scores away and gives them to Llama 3.1. The text had changed a little by then:
YaRN and Llama 3.1 as above lose 3.43 and 3.39 on its first 1024 tokens.

    1024 tokens, factor 4
    YaRN's angles, scores as they are 3.39
    Llama 3.1's angles, larger scores 3.44
    32768 tokens, factor 4
    YaRN's angles, scores as they are 3.40 3.24 3.38 3.25 3.28 2.99 3.42 3.66

The first 16,384 tokens of that text, with factor 4: 3.32 on average with YaRN's angles alone, and 3.26 with YaRN.
"""

import math
import re
import sys
from itertools import islice
from pathlib import Path

import torch
from smollm2 import BASE, OLD, THETA, TOKENIZER, K, Model, weights_of
from torch import Tensor

LESSONS = ("01", "03", "04", "06")
LENGTH = 32_768


def text() -> Tensor:
    """Return the prose of some lessons as tokens."""
    paths = [path for number in LESSONS for path in sorted(Path("lessons").glob(f"{number}-*/*.md"), key=part)]
    prose = [re.sub(r"(?ms)^```.*?^```$|^---$.*?^---$", "", path.read_text("utf-8")) for path in paths]
    return torch.tensor(TOKENIZER.encode("\n".join(prose)).ids[:LENGTH])


def part(path: Path) -> tuple[str, int]:
    return path.parent.name, int(path.name.split("-")[0])


def number(turns: float) -> float:
    """Return the number of the hand that makes so many turns in training."""
    return K * math.log(OLD / (2 * math.pi * turns)) / (2 * math.log(BASE))


def rules(factor: float) -> dict[str, Model]:
    """Return the model under each rule of the exercise rope_scaling."""
    raised = BASE * factor ** (K / (K - 2))
    low, high = math.floor(number(32)), math.ceil(number(1))
    ramp = ((torch.arange(K // 2) - low) / (high - low)).clamp(0, 1)
    keep = ((OLD * THETA / (2 * math.pi) - 1) / (4 - 1)).clamp(0, 1)
    return {
        "all slower": Model(THETA / factor),
        "raised base": Model(raised ** (-torch.arange(0, K, 2).double() / K)),
        "YaRN": Model((1 - ramp) * THETA + ramp * THETA / factor, 0.1 * math.log(factor) + 1),
        "Llama 3.1": Model(keep * THETA + (1 - keep) * THETA / factor),
    }


def other_scores(factor: float) -> dict[str, Model]:
    """Return the models of two rules, each with the scores of the other one."""
    made = rules(factor)
    return {
        "YaRN's angles, scores as they are": Model(made["YaRN"].theta),
        "Llama 3.1's angles, larger scores": Model(made["Llama 3.1"].theta, made["YaRN"].large),
    }


torch.set_grad_enabled(False)
ids = text()
if len(sys.argv) > 1:
    for length, parts in (1024, 1), (32_768, 8):
        print(f"{length} tokens, factor 4")
        for name, model in other_scores(4).items():
            model.dtype = torch.float32 if length == 1024 else torch.bfloat16
            losses = model.losses(ids[:length]).chunk(parts)
            print(name, *(f"{each.mean():.2f}" for each in losses), flush=True)
    raise SystemExit

print("hands that made a turn:", (OLD * THETA / (2 * math.pi) >= 1).sum().item(), "of", K // 2)

print("1024 tokens, factor 4: weight of head 16.0 on the token before, loss")
for name, model in {"as trained": Model(), **rules(4)}.items():
    q, k = next(islice(model.layers(ids[:1024]), 16, None))
    weight = weights_of(q, k)[0].diagonal(-1).mean()
    print(f"{name:12} {weight:.2f} {model.losses(ids[:1024]).mean():.2f}", flush=True)

for length, factor in (16_384, 2), (32_768, 4):
    print(f"{length} tokens, factor {factor}")
    for name, model in {"as trained": Model(), **rules(factor)}.items():
        model.dtype = torch.bfloat16
        eighths = model.losses(ids[:length]).chunk(8)
        print(f"{name:12}", *(f"{each.mean():.2f}" for each in eighths), flush=True)
