"""Train a convolution at selective copying with two read-outs: the last number of the part on what a test tests.

Run it with `python two_layer_read_out.py` (half a minute on one core). The model is that of the exercise: an embedding
of 32 numbers, one causal convolution as long as the text, an RMSNorm, and a read-out at the go-signs. Texts have random
places. It is trained with AdamW for 400 steps of 64 texts, and tested with 4000 new ones, from three starts. It prints
the shares of right digits:

linear    0.59 0.60 0.59
two-layer 0.97 0.97 0.97
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

PLACES, DATA, DIGITS, WIDTH = 16, 3, 4, 32
T = PLACES + DATA
STEPS, TEXTS = 400, 64


def texts(count: int) -> tuple[Tensor, Tensor]:
    data = torch.randint(DIGITS, (count, DATA))
    places = torch.rand(count, PLACES).argsort(1)[:, :DATA].sort(1).values
    tokens = torch.full((count, T), DIGITS).scatter(1, places, data)
    tokens[:, PLACES:] = DIGITS + 1
    return tokens, data


class Model(nn.Module):
    """Logits at the go-signs: (texts, T) -> (texts, DATA, DIGITS)."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.embed = nn.Embedding(DIGITS + 2, WIDTH)
        self.kernel = nn.Parameter(0.1 * torch.randn(WIDTH, T))
        self.norm, self.head = nn.RMSNorm(WIDTH), head

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)  # (texts, T, WIDTH)
        product = torch.fft.rfft(x, 2 * T, dim=1) * torch.fft.rfft(self.kernel.T, 2 * T, dim=0)
        x = x + torch.fft.irfft(product, 2 * T, dim=1)[:, :T]
        logits: Tensor = self.head(self.norm(x[:, PLACES:]))
        return logits


def share_right(head: nn.Module) -> float:
    model = Model(head)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=STEPS)
    for _ in range(STEPS):
        tokens, data = texts(TEXTS)
        loss = cross_entropy(model(tokens).flatten(0, 1), data.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    tokens, data = texts(4000)
    with torch.no_grad():
        return (model(tokens).argmax(-1) == data).double().mean().item()


def main() -> None:
    torch.set_num_threads(1)  # the model is too small for more
    for name in ("linear", "two-layer"):
        shares = []
        for seed in range(3):
            torch.manual_seed(seed)
            hidden = nn.Sequential(nn.Linear(WIDTH, 128), nn.GELU(), nn.Linear(128, DIGITS))
            shares.append(share_right(nn.Linear(WIDTH, DIGITS) if name == "linear" else hidden))
        print(f"{name:9}", " ".join(f"{share:.2f}" for share in shares))


if __name__ == "__main__":
    main()
