"""The reference of byte_pair_encoding against Hugging Face's tokenizers, and beginnings of texts against their bytes.

Hugging Face's is compared where `tokenizers` is installed. It is no dependency of the course.
"""

import json
import random
from typing import Any

import pytest

from tests.course_content.references.solutions import reference

NO_TOKENIZERS = "compares with Hugging Face tokenizers, which is not installed"

# No two merges of these words make the same bytes, to which Hugging Face would give one number.
ENGLISH = """
    the of and to in is it that for each layer layers head heads token tokens key value query attention mask mixture
    expert experts router state space model models depth width deeper wider decoder encoder encoders decoders
"""
OTHERS = "є її їжак їжаки слово слова словник μήλο μήλα λόγος λόγοι 木 林 森 森林 林檎 né née naïve façade 🙂 🙃 🙂🙃"


def characters(word: str) -> str:
    """Write each byte of a word as the character of the same number."""
    return word.encode().decode("latin-1")


def random_counts(seed: int) -> dict[str, int]:
    draw = random.Random(seed)
    words = (ENGLISH + OTHERS).split()
    draw.shuffle(words)
    return {word: draw.randint(1, 6) for word in words}


def trained(counts: dict[str, int], num_merges: int) -> Any:
    """Train Hugging Face's tokenizer, where a token is spelled in characters that stand for bytes."""
    tokenizers: Any = pytest.importorskip("tokenizers", reason=NO_TOKENIZERS)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split("\n", "removed")
    alphabet = [chr(byte) for byte in range(256)]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=256 + num_merges, min_frequency=0, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator((characters(word) for word, n in counts.items() for _ in range(n)), trainer)
    return tokenizer


def merges_of(tokenizer: Any) -> list[tuple[int, int]]:
    """Return Hugging Face's merges as pairs of numbers."""
    numbers = tokenizer.get_vocab()
    assert [numbers[chr(byte)] for byte in range(256)] == list(range(256))
    return [(numbers[left], numbers[right]) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]


@pytest.mark.parametrize("seed", range(5))
def test_merges_and_tokens_are_those_of_hugging_face(seed: int) -> None:
    ours = reference("byte_pair_encoding")
    counts = random_counts(seed)
    theirs = trained(counts, 150)
    merges = ours.learn_merges(counts, 150)
    assert merges == merges_of(theirs)
    assert len(merges) == 150

    words = [*random_counts(seed + 1), *ENGLISH.split("\n")[1:3], "unheard-of wörter", "Ж🙂森", "a"]
    for word in words:
        ids = theirs.encode(characters(word)).ids
        assert ours.encode(word, merges) == ids
        assert ours.decode(ids, merges) == word
    pieces = sum(n * len(theirs.encode(characters(word)).ids) for word, n in counts.items())
    size = sum(n * len(word.encode()) for word, n in counts.items())
    assert ours.bytes_per_token(counts, merges) == pytest.approx(size / pieces, rel=1e-12)


def test_learning_ends_where_hugging_face_ends() -> None:
    """Learn until each word is one token."""
    counts = {"low": 5, "lower": 2, "newer": 1, "é": 1, "林": 1}
    theirs = trained(counts, 1000)
    ours = reference("byte_pair_encoding")
    merges = ours.learn_merges(counts, 1000)
    assert merges == merges_of(theirs)
    assert [len(ours.encode(word, merges)) for word in counts] == [1] * len(counts)


def test_every_beginning_of_a_text_reads_as_its_bytes_do() -> None:
    """Cut a text between all tokens, also within characters, and compare with the same number of its bytes."""
    ours = reference("byte_pair_encoding")
    merges = ours.learn_merges(random_counts(0), 40)
    spelled = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        spelled.append(spelled[left] + spelled[right])
    text = "".join(OTHERS.split())
    ids = [i for word in OTHERS.split() for i in ours.encode(word, merges)]
    cut = 0
    for end, i in enumerate(ids, start=1):
        cut += len(spelled[i])
        assert ours.decode(ids[:end], merges) == text.encode()[:cut].decode(errors="replace")
    assert ours.decode(ids, merges) == text
