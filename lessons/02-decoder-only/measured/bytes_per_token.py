"""Train vocabularies on the help texts of Python, and count bytes per token. Takes a few seconds.

The text is what `help("topics")` leads to, the module pydoc_data.topics of Python 3.11.7; other versions have other
texts. Needs the `tokenizers` of Hugging Face. It prints:

    Python 3.11.7: 466117 bytes, 6025 different words
       256: 1.00
       306: 1.47
       356: 1.70
       506: 2.14
       756: 2.60
      1256: 3.15
      2256: 3.71
      4256: 4.18
      8256: 4.48
      9193: 4.52
"""

import platform
from collections import Counter
from pydoc_data.topics import topics

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

SIZES = (256, 306, 356, 506, 756, 1256, 2256, 4256, 8256, 100_000)  # the last is more than there is to join

cut = pre_tokenizers.ByteLevel(add_prefix_space=False)  # into words, as GPT-2 does
text = "".join(topics.values())
words = Counter(word for word, _ in cut.pre_tokenize_str(text))
num_bytes = sum(len(word) * count for word, count in words.items())  # each byte is one character here
print(f"Python {platform.python_version()}: {num_bytes} bytes, {len(words)} different words")
for size in SIZES:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cut
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=0, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    tokens = sum(len(tokenizer.model.tokenize(word)) * count for word, count in words.items())
    print(f"{tokenizer.get_vocab_size():6}: {num_bytes / tokens:.2f}")
