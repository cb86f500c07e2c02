"""The dispatcher."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from brats_seg import __version__
from brats_seg.cli import commands
from brats_seg.cli.main import COMMANDS, main
from brats_seg.surroundings import share_cores


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["brats-seg", *arguments])
    main()


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)])
def test_help_has_one_line_per_command(arguments, monkeypatch, capsys):
    call(monkeypatch, *arguments)
    lines = capsys.readouterr().out.splitlines()
    for name in COMMANDS:
        assert sum(line.split()[:1] == [name] for line in lines) == 1


def test_version(monkeypatch, capsys):
    call(monkeypatch, "--version")
    assert capsys.readouterr().out == f"brats-seg {__version__}\n"


def test_python_runs_the_package():
    answer = subprocess.run([sys.executable, "-m", "brats_seg", "--version"], capture_output=True, text=True)
    assert answer.stdout == f"brats-seg {__version__}\n"


def test_unknown_command_names_the_closest(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch, "trian")
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "brats-seg: error: unknown command 'trian': did you mean train?\n"


def test_every_command_has_its_file_and_every_file_its_command():
    files = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert files == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_its_configuration_and_imports_late(name):
    module = importlib.import_module(f"brats_seg.cli.commands.{name.replace('-', '_')}")
    assert (
        Path(importlib.import_module("brats_seg.conf").__file__).parent / f"{name.replace('-', '_')}.yaml"
    ).is_file()
    tree = ast.parse(Path(module.__file__).read_text())
    heavy = {"torch", "numpy", "pytorch_lightning", "nibabel"}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            )
            assert not heavy & {str(imported).split(".")[0] for imported in names}


def test_help_imports_neither_torch_nor_hydra():
    shown = "import sys; from brats_seg.cli.main import usage; usage()"
    code = f"{shown}; assert not {{'torch', 'hydra'}} & {{*sys.modules}}"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "3000"}),
        ({"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
        ({"OMP_WAIT_POLICY": "passive"}, {"OMP_WAIT_POLICY": "passive"}),
    ],
)
def test_threads_wait_as_the_environment_says_else_for_a_moment(monkeypatch, said, expected):
    environment = dict(said)
    monkeypatch.setattr(os, "environ", environment)
    share_cores(os.cpu_count() or 1)
    assert environment == expected


@pytest.mark.slow
def test_a_foreign_matplotlibrc_is_not_read(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nonsense\n")
    code = (
        "from brats_seg.surroundings import draw_as_delivered; draw_as_delivered();"
        "import matplotlib; assert not matplotlib.rcParams['text.usetex']"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("brats-seg tr", {"train"}),
        ("brats-seg ", set(COMMANDS)),
        ("brats-seg train data.roo", {"data.root="}),
        ("brats-seg train experiment=pipeline_b", {"experiment=pipeline_b"}),
        ("brats-seg nonsense data.", set()),
    ],
)
def test_completion(line, offered, monkeypatch, capsys):
    monkeypatch.setenv("COMP_LINE", line)
    call(monkeypatch, "-sc", "query=bash")
    assert set(capsys.readouterr().out.split()) == offered


def test_completion_installs_for_the_program(monkeypatch, capsys):
    monkeypatch.delenv("COMP_LINE", raising=False)
    call(monkeypatch, "-sc", "install=bash")
    assert capsys.readouterr().out.rstrip().endswith("hydra_bash_completion brats-seg")
