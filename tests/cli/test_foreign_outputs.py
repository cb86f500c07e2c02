"""Somebody's own file where a command writes stays, until overwrite=true; our own is replaced."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from brats_seg.errors import UserError
from brats_seg.files import refuse_foreign, says
from tests.cli import whole as made
from tests.cli.forked import run
from tests.cli.test_cut_off import names
from tests.cli.whole import GOOD, OF_SCANS, OUTPUTS

MINE = "my notes, which nobody else has\n"
KEPT = ("new", "cache", "converted", "aligned")
"""What is there is kept, whatever it is."""
OTHERS = ("segmented/predictions", "paper/cross_validation")
"""Written by other commands of this list."""
REPLACE = (
    "mean",
    "flagged.json",
    "summary",
    "merged",
    "scores",
    "report",
    "net.pt2",
    "dicom",
    "predicted",
    "packed.zip",
)


def test_every_output_is_tried() -> None:
    assert set(OUTPUTS) == {*KEPT, *OTHERS, *REPLACE}


def written_by(folder: Path, output: str) -> list[Path]:
    """The files that a command writes where nothing was."""
    for path in (folder / output, folder / f"{output}.json"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    before = names(folder)
    done = run(folder, OUTPUTS[output])
    assert done.code == 0, done.said
    others = (GOOD, "BraTS20_Training_003")
    new = [name for name in sorted(names(folder) - before) if not any(case in name for case in others)]
    return [folder / name for name in new if (folder / name).is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("output", REPLACE)
def test_a_foreign_file_stays(copy: Path, output: str) -> None:
    command = OUTPUTS[output]
    if command[0] in OF_SCANS and not made.has_scans():
        pytest.skip("the extra scans is not installed")
    files = written_by(copy, output)
    assert files
    for path in files:
        ours = {each: each.read_bytes() for each in files}
        for each in files:
            each.unlink()
        path.write_text(MINE)
        refused = run(copy, command)
        assert refused.code == 1, f"{path}\n{refused.said}"
        assert "has not written it" in refused.said
        assert path.read_text() == MINE
        path.unlink()
        for each, data in ours.items():
            each.write_bytes(data)
    path = files[-1]
    for each in files:
        each.unlink()
    path.write_text(MINE)
    forced = run(copy, [*command, "overwrite=true"])
    assert forced.code == 0, forced.said
    assert path.read_bytes() != MINE.encode()
    again = run(copy, command)
    assert again.code == 0, again.said


def test_what_tells_whose_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    ours = {path: says('"review"')}
    refuse_foreign(ours)
    path.write_text('{"review": 1}')
    refuse_foreign(ours)
    path.write_text("{}")
    refuse_foreign(ours, overwrite=True)
    with pytest.raises(UserError, match=r"notes\.json is there, and brats-seg has not written it; choose"):
        refuse_foreign(ours)
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(UserError):
        refuse_foreign(ours)
