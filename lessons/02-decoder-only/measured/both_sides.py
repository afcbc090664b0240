"""Train a masked model on the messages of part 3 and let it fill a blank, for part 16 of lesson 2.

It takes a few seconds. As of December 2026 it prints:

    good news: painted, mended, loved 0.98; sank, broke, lost 0.01
    bad news: painted, mended, loved 0.01; sank, broke, lost 0.98
"""

import torch
from torch import Tensor, nn

GOOD = ("painted", "mended", "loved")


class Encoder(nn.Module):
    """The model of part 3 without its mask."""

    def __init__(self, words: int, width: int = 32) -> None:
        super().__init__()
        self.word, self.place = nn.Embedding(words, width), nn.Embedding(8, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 2, 4 * width, 0.0, batch_first=True, norm_first=True) for _ in range(2)
        )
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, words)

    def forward(self, ids: Tensor) -> Tensor:
        T = ids.shape[1]
        x = self.word(ids) + self.place.weight[:T]
        for layer in self.layers:
            x = layer(x)
        logits: Tensor = self.out(self.norm(x))
        return logits


verbs = (*GOOD, "sank", "broke", "lost")
known = [
    f"{who} {verb} the {what} . {'good' if verb in GOOD else 'bad'} news".split()
    for who in ("we", "they", "anna", "peter")
    for verb in verbs
    for what in ("boat", "net", "sail", "mast", "oar", "rope")
    if (who, what) != ("anna", "net")
]
vocabulary = ["____", *sorted({word for text in known for word in text})]  # the mask is word 0
texts = torch.tensor([[vocabulary.index(word) for word in text] for text in known])
with torch.random.fork_rng():
    torch.manual_seed(0)
    model = Encoder(len(vocabulary))
    adam = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(300):
        ids = texts[torch.randint(len(texts), (64,))]
        t = 0.01 + 0.99 * torch.rand(64, 1)
        noisy = ids.masked_fill(torch.rand(ids.shape) < t, 0)
        log_p = model(noisy)[..., 1:].log_softmax(-1)  # the mask is never predicted
        told = log_p.gather(-1, (ids - 1)[..., None])[..., 0]
        loss = -(told * (noisy == 0) / t).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    ends = ("good", "bad")
    prompts = [f"anna ____ the net . {end} news".split() for end in ends]
    p = model(torch.tensor([[vocabulary.index(word) for word in text] for text in prompts]))[:, 1, 1:].softmax(-1)
for end, row in zip(ends, p, strict=True):
    good, bad = (row[[vocabulary.index(verb) - 1 for verb in some]].sum().item() for some in (GOOD, verbs[3:]))
    print(f"{end} news: {', '.join(GOOD)} {good:.2f}; {', '.join(verbs[3:])} {bad:.2f}")
