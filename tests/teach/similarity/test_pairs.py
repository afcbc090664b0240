"""Whose code is called alike, and whose is not: copies are found, and what the exercise leads to is no copy."""

import re

import pytest

from grader.teach.handins.handin import Student
from grader.teach.similarity import Alike, Similar, Work, similar
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


def found(given: tuple[str, ...] = (STUB, REFERENCE), **texts: str) -> list[Similar]:
    """What is alike among files, each of one student."""
    hands: dict[str, list[tuple[Student, ...]]] = {}
    for name, text in texts.items():
        hands.setdefault(text, []).append((student(name),))
    return similar([Work(str(hash(text)), text, tuple(each)) for text, each in hands.items()], given)


def names(similar: Similar) -> set[str]:
    return {each.id for handin in similar.handins for each in handin}


def renamed(text: str) -> str:
    for old, new in (("order", "ranks"), ("chosen", "best"), ("dropped", "rest"), ("kept", "z"), ("shares", "p")):
        text = re.sub(rf"\b{old}\b", new, text)
    return text


@pytest.mark.parametrize(
    ("copy", "alike"),
    [
        (OWN, Alike.FILE),
        (OWN.replace("My own way.", "Mine.").replace("    order", "    # sort\n\n    order"), Alike.CODE),
        (renamed(OWN), Alike.NAMES),
        (OWN.replace("logits.double()", "logits.float()").replace("weights.to(", "(weights * 1).to("), Alike.PARTS),
    ],
    ids=["file", "code", "names", "parts"],
)
def test_a_copy_is_found_by_what_was_not_changed(copy: str, alike: Alike) -> None:
    (pair,) = found(ada=OWN, bob=copy, cleo=OTHER)
    assert (names(pair), pair.alike) == ({"ada", "bob"}, alike)
    assert 0.5 <= pair.share <= 1


@pytest.mark.parametrize("text", [STUB, REFERENCE, "import torch\n" + REFERENCE])
def test_what_the_exercise_gives_or_leads_to_is_no_copy(text: str) -> None:
    assert found(ada=text, bob=text, cleo=text + "\n# mine\n") == []


def test_what_many_wrote_is_no_copy() -> None:
    """As where a lesson has the code. Two who share what is their own stand out all the same."""
    everybody = {f"s{i}": OWN + f"\n\ndef check_{i}():\n    assert route({i}, {i}) is None\n" for i in range(10)}
    assert found(**everybody) == []
    two = {"ada": OWN + OTHER.replace("route", "by_hand"), "bob": renamed(OWN) + OTHER.replace("route", "by_hand")}
    assert [names(each) for each in found(**everybody, **two)] == [{"ada", "bob"}]


def test_a_short_answer_says_nothing() -> None:
    text = "def route(logits, k):\n    return logits.sort().values[:k], k\n"
    assert found(ada=text, bob=text) == []


def test_a_group_is_no_pair() -> None:
    group = (student("ada"), student("bob"))
    assert similar([Work("1", OWN, (group,))], (STUB,)) == []
    (pair,) = similar([Work("1", OWN, (group, (student("cleo"),)))], (STUB,))
    assert names(pair) == {"ada", "bob", "cleo"}


def test_files_that_do_not_compile_are_compared_line_by_line() -> None:
    broken = OWN + OTHER + "def unfinished(:\n"
    (pair,) = found(ada=broken, bob=broken.replace("best", "first"), cleo="def (")
    assert (names(pair), pair.alike) == ({"ada", "bob"}, Alike.PARTS)
