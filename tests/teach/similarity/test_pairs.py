"""Find similar hand-ins: copies are found, and code that the exercise leads to is not."""

import re

import pytest

from grader.teach.handins.handin import Student
from grader.teach.similarity import SimilarHandins, Similarity, SubmittedFile, find_similar
from tests.teach.similarity.code import OWN

STUB = "def route(logits, k):\n    raise NotImplementedError\n"
REFERENCE = """
def route(logits, k):
    top, indices = logits.topk(k, dim=-1)
    return torch.softmax(top.float(), dim=-1).to(logits.dtype), indices
"""
OTHER = """
def route(logits, k):
    rows = logits.reshape(-1, logits.shape[-1])
    out, which = [], []
    for row in rows.tolist():
        best = sorted(range(len(row)), key=lambda e: -row[e])[:k]
        total = sum(math.exp(row[e] - row[best[0]]) for e in best)
        out.append([math.exp(row[e] - row[best[0]]) / total for e in best])
        which.append(best)
    return torch.tensor(out, dtype=logits.dtype), torch.tensor(which)
"""


def student(name: str) -> Student:
    return Student(id=name)


def found(given: tuple[str, ...] = (STUB, REFERENCE), /, **texts: str) -> list[SimilarHandins]:
    """Return what is similar among files, each handed in by one student."""
    hands: dict[str, list[tuple[Student, ...]]] = {}
    for name, text in texts.items():
        hands.setdefault(text, []).append((student(name),))
    return find_similar([SubmittedFile(str(hash(text)), text, tuple(each)) for text, each in hands.items()], given)


def names(similar: SimilarHandins) -> set[str]:
    return {each.id for handin in similar.handins for each in handin}


def renamed(text: str) -> str:
    for old, new in (("order", "ranks"), ("chosen", "best"), ("dropped", "rest"), ("kept", "z"), ("shares", "p")):
        text = re.sub(rf"\b{old}\b", new, text)
    return text


@pytest.mark.parametrize(
    ("copy", "similarity"),
    [
        (OWN, Similarity.FILE),
        (OWN.replace("My own way.", "Mine.").replace("    order", "    # sort\n\n    order"), Similarity.CODE),
        (renamed(OWN), Similarity.NAMES),
        (
            OWN.replace("logits.double()", "logits.float()").replace("weights.to(", "(weights * 1).to("),
            Similarity.PARTS,
        ),
    ],
    ids=["file", "code", "names", "parts"],
)
def test_finds_copies_in_spite_of_changes(copy: str, similarity: Similarity) -> None:
    (pair,) = found(ada=OWN, bob=copy, cleo=OTHER)
    assert (names(pair), pair.similarity) == ({"ada", "bob"}, similarity)
    assert 0.5 <= pair.share <= 1


@pytest.mark.parametrize("text", [STUB, REFERENCE, "import torch\n" + REFERENCE])
def test_ignores_the_stub_and_the_reference(text: str) -> None:
    assert found(ada=text, bob=text, cleo=text + "\n# mine\n") == []


def test_ignores_code_that_many_wrote() -> None:
    """Such code may come from a lesson. Two hand-ins that share other code are still found."""
    everybody = {f"s{i}": OWN + f"\n\ndef check_{i}():\n    assert route({i}, {i}) is None\n" for i in range(10)}
    assert found(**everybody) == []
    two = {"ada": OWN + OTHER.replace("route", "by_hand"), "bob": renamed(OWN) + OTHER.replace("route", "by_hand")}
    assert [names(each) for each in found(**everybody, **two)] == [{"ada", "bob"}]


def test_ignores_short_files() -> None:
    text = "def route(logits, k):\n    return logits.sort().values[:k], k\n"
    assert found(ada=text, bob=text) == []


def test_ignores_the_members_of_one_group() -> None:
    group = (student("ada"), student("bob"))
    assert find_similar([SubmittedFile("1", OWN, (group,))], (STUB,)) == []
    (pair,) = find_similar([SubmittedFile("1", OWN, (group, (student("cleo"),)))], (STUB,))
    assert names(pair) == {"ada", "bob", "cleo"}


def test_compares_files_that_do_not_compile_line_by_line() -> None:
    broken = OWN + OTHER + "def unfinished(:\n"
    (pair,) = found(ada=broken, bob=broken.replace("best", "first"), cleo="def (")
    assert (names(pair), pair.similarity) == ({"ada", "bob"}, Similarity.PARTS)
