"""Help tells every key of a command once, fits the terminal, and its examples are commands that compose."""

from __future__ import annotations

import shlex
from importlib.resources import files

import pytest
import yaml
from omegaconf import OmegaConf

from brats_seg.cli import help, main
from brats_seg.cli.command import command
from brats_seg.cli.described_keys import describe
from brats_seg.cli.quoting import quoted
from brats_seg.cli.unknown_keys import flat
from brats_seg.runtime.hydra_main import keys_before_options
from brats_seg.training import load_config

NAMES = sorted(name.replace("-", "_") for name in main.COMMANDS)


def own_keys(name: str) -> set[str]:
    text = files("brats_seg.conf").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    plain = yaml.safe_load(text)
    plain.pop("defaults", None)
    plain.pop("hydra", None)
    keys = set(flat(plain))
    return {key for key in keys if not any(other.startswith(f"{key}.") for other in keys)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [80, 120])
def test_every_key_is_told_and_no_line_is_too_wide(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = help.show(name, ["--help"]).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith(f"brats-seg {name.replace('_', '-')}")
    told = {line.split()[0] for line in lines if line.strip()}
    empty = {key for key in own_keys(name) if key not in told}
    assert empty == set(), "keys without a line"


@pytest.mark.parametrize("name", NAMES)
def test_two_examples_that_compose(name: str) -> None:
    examples = describe(f"{name}.yaml").examples
    assert len(examples) == 2
    for example in examples:
        program, first, *rest = shlex.split(example)
        assert (program, first) == ("brats-seg", name.replace("_", "-"))
        keys = [each for each in quoted(name, keys_before_options(rest)) if not each.startswith("-")]
        if "--multirun" not in rest:
            assert OmegaConf.missing_keys(load_config(keys, name)) == set()


def test_groups_have_help_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    data = help.show("train", ["--help", "data"])
    assert "data=pipeline_a: Pipeline A (sections 2.3 and 2.4" in data
    assert "data.augmentation.drop" in data and "0.16" in data
    experiment = help.show("train", ["experiment", "--help"])
    assert "experiment=few_cases: A dozen or two labelled cases" in experiment


def test_help_by_its_word_and_by_its_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for line in (["help", "predict"], ["predict", "--help"], ["predict", "-h"]):
        monkeypatch.setattr("sys.argv", ["brats-seg", *line])
        main.main()
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]
    assert "tta" in said[0] and "none | flips8 | group16" in said[0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["-i", "cases"], "-i: keys are written without dashes: input=cases"),
        (["-o", "out"], "-o: keys are written without dashes: output=out"),
        (["--on-missing-modality", "zero"], "without dashes: on_missing_modality=zero"),
        (["--tta=none"], "--tta: keys are written without dashes: tta=none"),
        (["--report"], "--report: keys are written without dashes: report=VALUE"),
    ],
)
def test_options_of_other_programs_are_answered_with_the_key(
    line: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command("predict")(lambda config: None)(line)
    assert stopped.value.code == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.endswith(told)
