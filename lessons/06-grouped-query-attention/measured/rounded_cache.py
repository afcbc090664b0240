"""Round the keys and values of SmolLM2-135M to few bits, for part 13 of lesson 6.

It needs what smollm2.py of lesson 2 needs, and takes a minute. The text is four pieces of 256 tokens from the
beginning of Alice's Adventures in Wonderland. A scale belongs to a token of one head, or to a place over all tokens of
a piece. As of December 2026 it prints the mean losses:

    largest place of keys: 8.4 times the median place, in the median head
    largest place of values: 2.2 times the median place, in the median head
    not rounded 3.56
    8 bits: keys by token 3.56, by place 3.56; values by token 3.56, by place 3.56
    4 bits: keys by token 3.83, by place 3.63; values by token 3.60, by place 3.57
    3 bits: keys by token 5.01, by place 4.06; values by token 3.62, by place 3.76
    2 bits: keys by token 6.80, by place 7.23; values by token 4.28, by place 5.30
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "lessons" / "02-decoder-only" / "measured"))

from smollm2 import TOKENIZER, WEIGHTS, D, G, H, K, L, Model  # noqa: E402

TEXTS, LENGTH = 4, 256
TOKEN, PLACE = -1, -2  # the axis along which a scale is shared


class Rounded(Model):
    """SmolLM2 whose keys and values pass through a function each before they are read."""

    def __init__(self, of_keys: Callable[[Tensor], Tensor], of_values: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.of_keys, self.of_values = of_keys, of_values

    def layers(self, ids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the keys and values (G, T, K) of each layer, as the cache has them."""
        x = WEIGHTS["token_embd.weight"][ids]  # (T, D)
        for layer in (f"blk.{i}" for i in range(L)):
            h = rms_norm(x, (D,), WEIGHTS[f"{layer}.attn_norm.weight"], 1e-5)
            q, k, v = (self.times(h, f"{layer}.attn_{name}").unflatten(-1, (-1, K)).transpose(0, 1) for name in "qkv")
            q, k = self.turned(q), self.turned(k)
            yield k, v
            k, v = (each.repeat_interleave(H // G, 0) for each in (self.of_keys(k), self.of_values(v)))
            heads = scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
            x = x + self.times(heads.transpose(0, 1).flatten(1), f"{layer}.attn_output")
            h = rms_norm(x, (D,), WEIGHTS[f"{layer}.ffn_norm.weight"], 1e-5)
            gate, up = silu(self.times(h, f"{layer}.ffn_gate")), self.times(h, f"{layer}.ffn_up")
            x = x + self.times(gate * up, f"{layer}.ffn_down")
        self.last = rms_norm(x, (D,), WEIGHTS["output_norm.weight"], 1e-5)  # (T, D)


def as_it_is(x: Tensor) -> Tensor:
    return x


def rounding(axis: int, bits: int) -> Callable[[Tensor], Tensor]:
    """Return the rounding of the lesson, with one scale along an axis."""

    def rounded(x: Tensor) -> Tensor:
        scale = x.abs().amax(axis, keepdim=True) / (2 ** (bits - 1) - 1)
        return (x / scale).round() * scale

    return rounded


def largest_place(x: Tensor) -> Tensor:
    """Return the size of the largest place of each head, in those of its median place."""
    size = x.square().mean(1).sqrt()  # (G, K)
    return size.amax(1) / size.median(1).values


def main() -> None:
    torch.set_grad_enabled(False)
    text = (ROOT / "labs" / "my_model" / "text.txt").read_text("utf-8")
    ids = torch.tensor(TOKENIZER.encode(text).ids[: TEXTS * LENGTH]).view(TEXTS, LENGTH)

    def loss(of_keys: Callable[[Tensor], Tensor], of_values: Callable[[Tensor], Tensor]) -> float:
        return torch.stack([Rounded(of_keys, of_values).losses(each).mean() for each in ids]).mean().item()

    kept = [each for piece in ids for each in Rounded(as_it_is, as_it_is).layers(piece)]
    for name, part in (("keys", 0), ("values", 1)):
        found = torch.cat([largest_place(each[part]) for each in kept])
        print(f"largest place of {name}: {found.median():.1f} times the median place, in the median head")
    print(f"not rounded {loss(as_it_is, as_it_is):.2f}")
    for bits in (8, 4, 3, 2):
        keys = [loss(rounding(axis, bits), as_it_is) for axis in (TOKEN, PLACE)]
        values = [loss(as_it_is, rounding(axis, bits)) for axis in (TOKEN, PLACE)]
        print(
            f"{bits} bits: keys by token {keys[0]:.2f}, by place {keys[1]:.2f};"
            f" values by token {values[0]:.2f}, by place {values[1]:.2f}"
        )


if __name__ == "__main__":
    main()
