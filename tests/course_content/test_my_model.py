"""The lab `my_model`: its default config and others run on the references, and what is predicted is what is counted."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.course import load_course
from grader.course.lab_script import lab_signature
from grader.course.labs import course_labs
from grader.course.progress import Progress
from grader.engine.judge.messages import LabCode, LabEnded, LabOutput, RunLab
from grader.engine.pool.client import with_judges
from grader.engine.pool.single_runs import run_lab
from grader.engine.sandbox import source
from grader.lab import Quote, Setting, Shown
from grader.pictures import Curves, Table
from grader.study.lab_code import code_of_lab
from tests.paths import ROOT

COURSE = load_course(ROOT)
(LAB,) = course_labs(ROOT)
MIB = 1 << 20
SMALL = {"width": "32", "vocabulary": "256", "context": "16", "steps": "2"}
VARIANTS: dict[str, dict[str, str]] = {
    "delta": {},
    "mamba": {"mixer": "mamba_block"},
    "latent": {"attention": "latent_attention"},
    "heads": {"attention": "scaled_dot_product", "kv_heads": "4", "attention_every": "1", "experts_every": "1"},
    "attention": {"attention_every": "1", "experts_every": "0"},
    "window": {"attention_every": "1", "experts_every": "1", "window": "5"},
    "tokens": {"vocabulary": "260"},
}
NOT_PREDICTED = {name: {"gated_delta_net", "whole model"} for name in ("delta", "latent", "tokens")}
DIFFERENT = {"states, bytes", "FLOPs of 16 tokens"}  # Jamba's convolution keeps a column more; 2 N leaves some out


def config(path: Path, changes: dict[str, str]) -> Path:
    """Write the course's config with some lines changed."""
    lines = []
    for line in read_text(LAB.config).splitlines():
        key = line.partition(":")[0]
        lines.append(f"{key}: {changes[key]}" if key in changes else line)
    path.write_text("\n".join(lines) + "\n")
    return path


def shown(path: Path, missing: tuple[str, ...] = (), **options: Any) -> list[Shown]:
    """Return what the lab shows of the references with this config."""
    code = code_of_lab(COURSE, LAB, Progress.load(ROOT), with_reference=True).code
    others = {each.id: read_text(each.reference) for each in COURSE.exercises if each.id in code.others}
    job = RunLab(
        str(LAB.script),
        (LabCode(code.exercise, code.source, code.file, {k: v for k, v in others.items() if k not in missing}),),
        {**lab_signature(LAB.script).options, **options},
        0,
        2048 * MIB,
        Setting(str(path), missing),
    )
    *outputs, ended = with_judges(lambda judges: list(run_lab(judges, job, COURSE.folders)))
    assert isinstance(ended, LabEnded)
    assert ended.failure is None
    return [each.shown for each in outputs if isinstance(each, LabOutput)]


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_predicted_is_counted(name: str, tmp_path: Path) -> None:
    found = shown(config(tmp_path / "my_model.yaml", {**SMALL, **VARIANTS[name]}))
    assert sum(isinstance(each, Quote) for each in found) == 3
    (_, table) = (each for each in found if isinstance(each, Table))
    for part, (predicted, counted, _) in table.rows:
        if predicted == "-":
            assert part in NOT_PREDICTED.get(name, ()) or part == "states, bytes"
        elif part not in DIFFERENT:
            assert (part, predicted) == (part, counted)


def test_each_part_can_be_broken(tmp_path: Path) -> None:
    path = config(tmp_path / "my_model.yaml", {**SMALL, "steps": "4"})
    found = shown(path, broken="all")
    names = ["whole", "positions", "mask_offset", "balance", "norm", "window"]
    (curves,) = (each for each in found if isinstance(each, Curves))
    assert [line.label for line in curves.lines] == [name for name in names if name != "mask_offset"]
    assert sum(isinstance(each, Quote) for each in found) == len(names)
    table = found[-1]
    assert isinstance(table, Table)
    losses = {name: row[0] for name, row in table.rows}
    assert list(losses) == names
    assert losses["mask_offset"] == losses["whole"]
    assert len({losses[name] for name in names}) == len(names) - 1


def test_predicts_nothing_by_what_has_not_passed(tmp_path: Path) -> None:
    found = shown(config(tmp_path / "my_model.yaml", SMALL), missing=("moe_params", "transformer_flops"))
    (_, table) = (each for each in found if isinstance(each, Table))
    unknown = {part for part, (predicted, *_) in table.rows if predicted == "-"}
    assert unknown >= {"attention", "experts and routers", "idle for a token", "FLOPs of 16 tokens"}


@pytest.mark.parametrize(
    ("changes", "line", "words"),
    [
        ({"heads": "5"}, 4, "5 heads do not divide the width 32"),
        ({"heads": "32"}, 4, "a head of 1 numbers has no pairs to turn"),
        ({"kv_heads": "3"}, 5, "3 kv_heads do not divide 4 heads"),
        ({"attention": "full"}, 6, "'attention' must be "),
        ({"attention": "scaled_dot_product"}, 5, "scaled_dot_product has as many kv_heads as heads"),
        ({"attention": "latent_attention", "window": "4"}, 7, "latent_attention has no window"),
        ({"mixer": "mamba_block"}, 8, "'mixer' needs mamba_block, which has not passed: grade exercise mamba_block"),
        ({"attention_every": "9"}, 9, "there are only 4 layers"),
        ({"vocabulary": "512.5"}, 12, "'vocabulary' must be a whole number"),
    ],
)
def test_a_config_that_does_not_fit_is_one_sentence(
    changes: dict[str, str], line: int, words: str, tmp_path: Path
) -> None:
    path = config(tmp_path / "my_model.yaml", {**SMALL, **changes})
    with pytest.raises(UsageError) as error:
        shown(path, missing=("mamba_block",))
    assert str(error.value).startswith(f"{path}:{line}: {words}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("part", "words"), [("nose", "--broken takes positions,"), ("balance", "has no experts")])
def test_what_cannot_be_broken_is_one_sentence(part: str, words: str, tmp_path: Path) -> None:
    path = config(tmp_path / "my_model.yaml", {**SMALL, "experts_every": "0"})
    with pytest.raises(UsageError, match=words):
        shown(path, broken=part)


@pytest.fixture
def my_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Import the lab's code beside the references."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    source.install({each.id: read_text(each.reference) for each in COURSE.exercises})
    yield source.execute(LAB.name, read_text(LAB.code))
    for name in set(sys.modules) - before:
        if name == LAB.name or name in {each.id for each in COURSE.exercises}:
            del sys.modules[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_token_by_token_is_what_the_whole_text_gives(name: str, my_model: Any) -> None:
    keys = {"layers": 4, "heads": 4, "kv_heads": 2, "attention": "grouped_query_attention", "window": 0}
    keys |= {"mixer": "gated_delta_net", "attention_every": 2, "experts_every": 2, "experts": 4}
    changes = {key: int(value) if value.isdigit() else value for key, value in {**SMALL, **VARIANTS[name]}.items()}
    torch.manual_seed(0)
    model = my_model.Model({**keys, **changes})
    ids = torch.randint(256, (2, 12))
    with torch.no_grad():
        whole, _, _ = model(ids)
        states, pieces = None, []
        for piece in ids.split([5, 1, 1, 4, 1], dim=1):
            logits, states, _ = model(piece, states)
            pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-4, atol=1e-5)
