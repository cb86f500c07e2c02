"""Files that are not there are told at once, each by its key, and in little time."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from brats_seg.cli.command import command
from brats_seg.cli.main import COMMANDS
from brats_seg.cli.places import _keys
from brats_seg.cli.schemas import schema_of
from brats_seg.training import load_config

HEAVY = ("torch", "pytorch_lightning", "matplotlib", "scipy.stats")
LIGHT_SECONDS = 1.5
SAYS = f"""
import sys
from brats_seg.cli.main import main
try:
    main()
finally:
    print("loaded", *[name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("name", "line", "missing"),
    [
        ("evaluate", ["predictions=no", "references=nor", "output=o"], ["predictions=no", "references=nor"]),
        ("evaluate", ["predictions=[.,no]", "references=.", "output=o"], ["predictions=no"]),
        ("train", ["data.root=.", "data.split=no"], ["data.split=no"]),
        ("predict", ["input=no", "bundles.a=[no,.]", "output=o"], ["input=no", "bundles.a=no"]),
        ("cv_summary", ["runs=[no]", "output=o"], ["runs=no"]),
        ("reproduce", ["data.root=no", "input=no"], ["data.root=no", "input=no"]),
        ("phantom", ["output=no"], []),
        ("predict", ["input=.", "output=no", "labels.input=msd"], []),
    ],
)
def test_every_missing_file_is_a_line(
    capsys: pytest.CaptureFixture[str], name: str, line: list[str], missing: list[str]
) -> None:
    ran = []
    try:
        command(name)(lambda config: ran.append(config))(line)
        code = 0
    except SystemExit as stopped:
        code = stopped.code
    assert (code, len(ran)) == ((1, 0) if missing else (0, 1))
    start = f"brats-seg {name.replace('_', '-')}: error: "
    assert sorted(capsys.readouterr().err.splitlines()) == sorted(
        f"{start}{each}: there is no such file or folder" for each in missing
    )


def test_a_name_with_a_comma_and_one_with_a_star_are_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b-seed=1,scale=small").mkdir()
    for line in (["bundles.b=[.,b-seed=1,scale=small]", "input=."], ["t1=*_t1.nii"]):
        with pytest.raises(SystemExit):
            command("predict")(print)([*line, "output=o"])
    start = "brats-seg predict: error: "
    assert capsys.readouterr().err.splitlines() == [
        f"{start}bundles.b=b-seed=1,scale=small: a path with a comma needs quotes of its own: "
        "'bundles.b=[\"b-seed=1,scale=small\"]'",
        f"{start}t1=*_t1.nii: there is no such file or folder; "
        "shells fill in no * behind a key: write its name",
    ]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_nothing_that_must_be_there_has_a_default_that_is_none(name: str) -> None:
    """A default such as the name of label values is no file, and the command could never run."""
    root = name.replace("-", "_")
    config = load_config([], root)
    for key in _keys(schema_of(root), ""):
        assert OmegaConf.is_missing(config, key) or not OmegaConf.select(config, key), key


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "loaded"),
    [
        (["--help"], []),
        (["train", "--help"], []),
        (["train", "data.rot=x"], []),
        (["train", "data.root=nowhere"], []),
        (["predict", "input=nowhere", "bundles.a=[x]", "output=x"], []),
        (["evaluate", "predictions=nowhere", "references=x", "output=x"], []),
        (["reproduce", "scale=paper"], []),
        (["check", "data.root=."], []),
        (["merge", "a=.", "b=.", "output=x"], []),
        (["bundle", "path=."], ["torch"]),
    ],
)
def test_a_mistake_is_told_soon(tmp_path: Path, line: list[str], loaded: list[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", SAYS, *line]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert said.stdout.splitlines()[-1].split() == ["loaded", *loaded], said.stderr
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < LIGHT_SECONDS * (2 if loaded else 1)  # the limit leaves room for a busy machine
