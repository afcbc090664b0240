"""Train the same two networks with whole experts and with experts cut into 2, 4 and 8: the numbers of part 11.

    python cut_finer.py words    two minutes on one core
    python cut_finer.py text     half an hour on one core, with Python 3.11
    python cut_finer.py together    half a minute: words, whole experts whose eighths have scores of their own

A layer's hidden numbers are one wide matrix. An expert is a slice of it, and cutting only changes how many neighboring
hidden numbers share one score. So all layers of one start begin with the same weights, except for the router. Scores
are sigmoids, used as they are: a piece counts as much as the whole expert did, and nothing is averaged. Loads are kept
even by the bias of part 9. It printed:

    words   start 0 0.0270 0.0160 0.0128 0.0104
            start 1 0.0200 0.0168 0.0097 0.0107
            start 2 0.0257 0.0185 0.0153 0.0106
            start 3 0.0247 0.0194 0.0151 0.0085
            start 4 0.0227 0.0159 0.0145 0.0124
            start 5 0.0266 0.0169 0.0096 0.0105
            start 6 0.0226 0.0184 0.0114 0.0082
            start 7 0.0288 0.0209 0.0132 0.0137
    text    start 0 2.0714 2.1184 2.1056 2.0822
            start 1 2.0913 2.0686 2.0500 2.0626
            start 2 2.0422 2.0386 2.0335 2.0507
            start 3 2.0775 2.0611 2.0306 2.0018
    together, starts 0 to 7: 0.0218 0.0179 0.0251 0.0197 0.0225 0.0235 0.0231 0.0267
"""

import pydoc_data.topics
import random
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

CUTS = (1, 2, 4, 8)


class Experts(nn.Module):
    """E experts of F hidden numbers, of which a token uses k, each cut into `cut` pieces.

    With `together`, the pieces of an expert are chosen together, and each still counts by its own score.
    """

    def __init__(self, D: int, E: int, F: int, k: int, cut: int, together: bool = False) -> None:
        super().__init__()
        self.k, self.F, self.shape = k * cut, F // cut, (E, cut)
        self.together = together
        self.up = nn.Parameter(torch.randn(D, E * F) / D**0.5)
        self.down = nn.Parameter(torch.randn(E * F, D) / F**0.5)
        self.router = nn.Parameter(torch.randn(D, E * cut) / D**0.5)
        self.register_buffer("bias", torch.zeros(E * cut))

    def forward(self, x: Tensor) -> Tensor:
        scores = (x @ self.router).sigmoid()
        plus_bias = scores + self.bias
        if self.together:
            expert = plus_bias.unflatten(-1, self.shape).mean(-1)
            plus_bias = expert.repeat_interleave(self.shape[1], -1) + 1e-6 * plus_bias  # pieces stay side by side
        chosen = plus_bias.topk(self.k).indices
        table = torch.zeros_like(scores).scatter(-1, chosen, 1.0)
        if self.training:
            load = table.flatten(0, -2).mean(0)
            self.bias += 0.005 * (load.mean() - load).sign()
        # All experts run, so that the program is the same for every cut; those not chosen are multiplied by 0.
        return ((x @ self.up).relu() * (table * scores).repeat_interleave(self.F, -1)) @ self.down


def words(seed: int, cut: int, together: bool = False) -> float:
    """Return the loss for words of two halves: each stem and each ending has a map, and the answer is their sum."""
    torch.manual_seed(seed)
    vectors, maps = torch.randn(2, 8, 16), torch.randn(2, 8, 16, 16) / 16**0.5
    layer = Experts(16, 4, 64, 1, cut, together)
    adam = torch.optim.Adam(layer.parameters(), lr=0.003)
    torch.manual_seed(seed)  # the same texts for every cut
    losses = []
    for _ in range(3000):
        stem, ending = torch.randint(8, (2, 512))
        x = vectors[0, stem] + vectors[1, ending] + 0.3 * torch.randn(512, 16)
        target = torch.einsum("td,tde->te", x, maps[0, stem] + maps[1, ending])
        loss = (layer(x) - target).square().mean() / target.square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return sum(losses[-100:]) / 100


class Block(nn.Module):
    """Causal attention with four heads, then experts."""

    def __init__(self, D: int, cut: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList((nn.LayerNorm(D), nn.LayerNorm(D)))
        self.qkv, self.out = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        self.experts = Experts(D, 8, 128, 2, cut)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.qkv(self.norms[0](x)).view(B, T, 3, 4, D // 4).permute(2, 0, 3, 1, 4)
        heads = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(heads.transpose(1, 2).reshape(B, T, D))
        return x + self.experts(self.norms[1](x))


class Model(nn.Module):
    """A language model of two layers over characters."""

    def __init__(self, characters: int, cut: int, D: int = 64, T: int = 128) -> None:
        super().__init__()
        self.embedding, self.position = nn.Embedding(characters, D), nn.Parameter(0.02 * torch.randn(T, D))
        self.blocks = nn.Sequential(Block(D, cut), Block(D, cut))
        self.norm, self.head = nn.LayerNorm(D), nn.Linear(D, characters)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.embedding(tokens) + self.position)))


def library() -> tuple[Tensor, int]:
    """Return the documentation and the code of this Python, in numbers, and how many characters there are."""
    modules = sorted(Path(random.__file__).parent.glob("*.py"))
    prose = "\n".join(pydoc_data.topics.topics.values())
    code = "\n".join(path.read_text(encoding="utf-8") for path in modules)[: len(prose)]
    alphabet = [c for c in sorted(set(prose + code)) if c.isascii()]
    return torch.tensor([alphabet.index(c) for c in prose + code if c.isascii()]), len(alphabet)


def text(seed: int, cut: int, steps: int = 800) -> float:
    """Return the loss of the language model on text that it was not trained on, in nats per character."""
    numbers, characters = library()
    pieces = numbers[: len(numbers) // 129 * 129].view(-1, 129)
    kept, seen = pieces[::20], torch.cat([pieces[n::20] for n in range(1, 20)])
    torch.manual_seed(seed)
    model = Model(characters, cut)
    adam = torch.optim.AdamW(model.parameters(), lr=0.003)
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, 0.003, total_steps=steps)
    torch.manual_seed(seed)
    for _ in range(steps):
        batch = seen[torch.randint(len(seen), (16,))]
        loss = cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
        plan.step()
    model.eval()
    with torch.no_grad():
        losses = [cross_entropy(model(b[:, :-1]).flatten(0, 1), b[:, 1:].flatten()) for b in kept.split(64)]
    return torch.stack(losses).mean().item()


def main() -> None:
    """Print the loss of each start and cut."""
    torch.set_num_threads(1)
    if sys.argv[1] == "together":
        for seed in range(8):
            print(f"start {seed} {words(seed, 8, together=True):.4f}", flush=True)
        return
    task, starts = (words, 8) if sys.argv[1] == "words" else (text, 4)
    for seed in range(starts):
        print(f"start {seed}", *(f"{task(seed, cut):.4f}" for cut in CUTS), flush=True)


if __name__ == "__main__":
    main()
