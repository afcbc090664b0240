"""Train vocabularies on the parts of the ten lessons, and count bytes per token. Takes a few seconds.

Needs the `tokenizers` of Hugging Face. Run it from the root of the repository. As of December 2026 it prints:

    1311947 bytes, 9356 different words
       256: 1.00
       306: 1.37
       356: 1.55
       506: 1.89
       756: 2.24
      1256: 2.62
      2256: 2.99
      4256: 3.25
      8256: 3.39
     13198: 3.44
"""

from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

SIZES = (256, 306, 356, 506, 756, 1256, 2256, 4256, 8256, 100_000)  # the last is more than there is to join

cut = pre_tokenizers.ByteLevel(add_prefix_space=False)  # into words, as GPT-2 does
text = "".join(path.read_text("utf-8") for path in sorted(Path("lessons").glob("*/*.md")))
words = Counter(word for word, _ in cut.pre_tokenize_str(text))
num_bytes = sum(len(word) * count for word, count in words.items())  # each byte is one character here
print(f"{num_bytes} bytes, {len(words)} different words")
for size in SIZES:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cut
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=0, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    tokens = sum(len(tokenizer.model.tokenize(word)) * count for word, count in words.items())
    print(f"{tokenizer.get_vocab_size():6}: {num_bytes / tokens:.2f}")
