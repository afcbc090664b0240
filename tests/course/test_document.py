"""Errors in YAML files are one sentence with the line."""

from pathlib import Path

import pytest

from tests.course.on_disk import add, complaint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "1: the file is empty."),
        (b"# only a comment\n", "1: the file is empty."),
        (b"- a\n- b\n", "1: expected lines of the form key: value."),
        (b"title: x\n", "1: 'lesson' is missing."),
        (b"title: x\nlesson: \xff\n", "2: not UTF-8; save the file in this encoding."),
        (b"a: 1\n? [x]\n: 2\n", "2: a key must be a word."),
    ],
)
def test_an_error_in_a_yaml_file_names_its_line(root: Path, text: bytes, sentence: str) -> None:
    add(root, "bad").write_bytes(text)
    assert complaint(root) == f"exercises/bad/exercise.yaml:{sentence}"


def test_an_error_in_a_mapping_of_any_keys_names_the_key_and_its_line(root: Path) -> None:
    add(root, "bad", extra="hints_for:\n  f:\n    - a text\n    - so: a mapping, for want of quotes\n")
    sentence = "'f[1]' must be text, not keys with values."
    assert complaint(root) == f"exercises/bad/exercise.yaml:10: {sentence}"


def test_invalid_yaml_names_the_line(root: Path) -> None:
    add(root, "bad", extra="hints: [a")
    assert complaint(root).startswith("exercises/bad/exercise.yaml:8: not valid YAML: ")
