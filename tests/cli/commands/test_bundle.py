"""What a bundle says of itself can be shown, whatever it says and wherever it lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brats_seg.artifacts.bundles import RECORD, save_bundle
from brats_seg.cli.commands.bundle import main
from brats_seg.models import UNet
from brats_seg.preprocessing import ZScore

CARD = "half a letter: \ud800, [bold]no markup[/]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "odd[red]"
    net = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0)
    save_bundle(folder, net, pipeline="b", normalisation=ZScore().settings(), provenance={}, scores={})
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**record, "card": CARD}))
    return folder


def test_show_gives_the_record_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["action=show", f"path='{folder}'"])
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert json.loads(shown)["card"] == CARD


def test_verify_names_the_folder_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["action=verify", f"path='{folder}'"])
    assert f"{folder}: pipeline b" in capsys.readouterr().out


def test_one_file_and_back(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["action=pack", f"path='{folder}'", f"output={tmp_path / 'x.zip'}"])
    told = capsys.readouterr().out.split()[-1]
    main(["action=unpack", f"path={tmp_path / 'x.zip'}", f"output={tmp_path / 'out'}", f"sha256={told}"])
    assert f"ensemble={tmp_path / 'out' / 'ensemble.yaml'}" in capsys.readouterr().out
    main(["action=verify", f"path={tmp_path / 'out' / 'ensemble.yaml'}"])
    assert "as recorded" in capsys.readouterr().out
    (tmp_path / "mine.zip").write_bytes(b"PK, but somebody's own")
    with pytest.raises(SystemExit):
        main(["action=pack", f"path='{folder}'", f"output={tmp_path / 'mine.zip'}"])
    assert "brats-seg has not written it" in capsys.readouterr().err
    main(["action=pack", f"path='{folder}'", f"output={tmp_path / 'mine.zip'}", "overwrite=true"])
    main(["action=pack", f"path='{folder}'", f"output={tmp_path / 'mine.zip'}"])
    with pytest.raises(SystemExit):
        main(["action=pack", f"path='{folder}'"])
    assert "action=pack takes output=FILE.zip" in capsys.readouterr().err
