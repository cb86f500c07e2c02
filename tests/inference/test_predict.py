"""From bundles and files to label maps in the input's space: what is written, skipped, and what fails."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.artifacts.bundles import Bundle, load_bundle
from brats_seg.artifacts.ensemble_file import open_bundles, write_ensemble
from brats_seg.cases import case_from_files, find_cases
from brats_seg.cli.commands.predict import main
from brats_seg.errors import UserError
from brats_seg.inference import Machine, Settings, merge_folders, merge_label_maps, predict
from brats_seg.inference.ensemble import make_ensembles
from brats_seg.inference.module import PredictionModule
from brats_seg.labels import LABEL_VALUES
from brats_seg.models.blocks import ConvNormReLU

Bundles = dict[Any, list[Bundle]]


@pytest.fixture
def bundles(make_bundle: Any) -> Bundles:
    return {"a": [make_bundle("a", 1), make_bundle("a", 2)], "b": [make_bundle("b", 3)]}


def run(cases: Any, bundles: Bundles, output: Path, **changes: Any) -> list[str]:
    machine = {key: changes.pop(key) for key in ("accelerator", "devices") if key in changes}
    overwrite = changes.pop("overwrite", False)
    settings = Settings.default(**{"tta": "none", "precision": "32-true", "labels_input": None, **changes})
    where = Machine.default(**{"accelerator": "cpu", **machine})
    return predict(cases, bundles, output, settings, where, overwrite=overwrite)


def files(folder: Path) -> dict[str, bytes]:
    """Label maps and what lies beside each of them."""
    of_all = (".lock", "volumes.csv")
    found = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in of_all)
    found = (p for p in found if not p.name.startswith("labels_"))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def maps(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(folder).items() if name.endswith(".gz")}


def test_both_pipelines(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    root = write_case("x", 1)
    assert run(find_cases(root), bundles, tmp_path / "out") == []
    out = tmp_path / "out"
    assert set(files(out)) == {
        f"{folder}x.{kind}" for folder in ("", "a/", "b/") for kind in ("nii.gz", "json")
    }
    source = nib.load(root / "x" / "x_t1.nii.gz")
    final = nib.load(out / "x.nii.gz")
    assert final.get_data_dtype() == np.uint8
    assert np.array_equal(final.affine, source.affine)
    assert final.header.get_xyzt_units() == source.header.get_xyzt_units()
    label_map, a, b = (np.asarray(nib.load(out / name / "x.nii.gz").dataobj) for name in ("", "a", "b"))
    assert np.array_equal(label_map, merge_label_maps(a, b, LABEL_VALUES["brats2020"]))
    assert set(np.unique(label_map)) == {0, 1, 2, 4}
    assert not label_map[np.asarray(source.dataobj) == 0].any(), "labels outside of the brain"
    record = json.loads((out / "x.json").read_text())
    assert record["labels"] == {"convention": "brats2020"}
    assert [b["sha256"] for b in record["bundles"]["a"]] == [b.sha256 for b in bundles["a"]]
    assert record["volumes_ml"]["WT"] == np.count_nonzero(label_map) / 1000
    assert {*record["files"]} == set(files(out)), "the record lists everything, itself too"
    assert json.loads((out / "b" / "x.json").read_text())["bundles"].keys() == {"b"}
    # What `merge` makes of the two folders is what `predict` wrote.
    merge_folders(out / "a", out / "b", tmp_path / "merged")
    assert (tmp_path / "merged" / "x.nii.gz").read_bytes() == (out / "x.nii.gz").read_bytes()


def test_fp16_is_for_gpus(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="precision=16-mixed needs a GPU"):
        run(find_cases(write_case("x")), bundles, tmp_path / "out", precision="16-mixed")


def test_one_pipeline_and_everything_on_request(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    root, out = write_case("x", naming="2023"), tmp_path / "out"
    asked = {"probabilities": True, "uncertainty": "variance", "tta": "flips8", "enhancing_below_mm3": 1e6}
    assert run(find_cases(root), {"b": bundles["b"]}, out, **asked) == []
    maps_there = {
        "x.nii.gz",
        *(f"probabilities/x_{r}.nii.gz" for r in ("ET", "TC", "WT")),
        *(f"uncertainty/x_unc_{r}.nii.gz" for r in ("enhance", "core", "whole")),
    }
    assert set(maps(out)) == maps_there
    label_map = nifti.read(out / "x.nii.gz").array
    assert set(np.unique(label_map)) == {0, 1, 2}, "named as in 2023, and all enhancing tumour is too little"
    core = nifti.read(out / "probabilities" / "x_TC.nii.gz").array
    assert np.array_equal(core, core.astype(np.float16))
    enhancing = nifti.read(out / "probabilities" / "x_ET.nii.gz").array
    # An enhancing voxel counts as core, whatever the probability of core, and here becomes necrosis.
    assert not (label_map == 1)[(core < 0.499) & (enhancing < 0.499)].any()
    doubt = nifti.read(out / "uncertainty" / "x_unc_whole.nii.gz").array
    assert doubt.dtype == np.uint8
    assert 0 < doubt.max() <= 100
    assert not doubt[nifti.read(root / "x" / "x-t1n.nii.gz").array == 0].any()


def test_labels_are_written_as_asked_for(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    cases = find_cases(write_case("x"))
    found = {}
    for name in ("brats2020", "brats2023", "msd"):
        run(cases, {"a": bundles["a"]}, tmp_path / name, labels_output=name)
        found[name] = nifti.read(tmp_path / name / "x.nii.gz").array
        assert json.loads((tmp_path / name / "x.json").read_text())["labels"] == {"convention": name}
    for one, two in zip(LABEL_VALUES["brats2020"].values, LABEL_VALUES["msd"].values, strict=True):
        assert np.array_equal(found["brats2020"] == one, found["msd"] == two)
    assert np.array_equal(found["brats2020"] == 4, found["brats2023"] == 3)


def test_a_naming_that_tells_nothing(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    folder = write_case("x") / "x"
    named = {"t1": "one", "t1ce": "two", "t2": "three", "flair": "four"}
    paths = {m: (folder / f"x_{m}.nii.gz").rename(folder / f"{word}.nii.gz") for m, word in named.items()}
    case = case_from_files(paths, case_id="mine")
    assert "labels.output" in run([case], {"a": bundles["a"]}, tmp_path / "out")[0]
    assert run([case], {"a": bundles["a"]}, tmp_path / "out", labels_input="brats2023") == []
    assert "brats2023" in json.loads((tmp_path / "out" / "mine.json").read_text())["warnings"][0]


def test_a_case_that_fails_does_not_stop_the_others(
    write_case: Any, bundles: Bundles, tmp_path: Path
) -> None:
    for case_id in ("broken", "empty", "good", "partial"):
        root = write_case(case_id)
    whole = (root / "broken" / "broken_t2.nii.gz").read_bytes()
    (root / "broken" / "broken_t2.nii.gz").write_bytes(whole[: len(whole) // 2])
    volume = nifti.read(root / "empty" / "empty_t1.nii.gz")
    nifti.write(root / "empty" / "empty_t1.nii.gz", np.zeros_like(volume.array), volume.geometry)
    (root / "partial" / "partial_flair.nii.gz").unlink()
    failures = run(find_cases(root), {"a": bundles["a"]}, tmp_path / "out")
    assert sorted(line.split(":")[0] for line in failures) == ["case broken", "case empty", "case partial"]
    assert set(maps(tmp_path / "out")) == {"good.nii.gz"}
    # A missing sequence can be allowed.
    (root / "broken" / "broken_t2.nii.gz").write_bytes(whole)
    failures = run(find_cases(root), {"a": bundles["a"]}, tmp_path / "out", on_missing_modality="zero")
    assert failures == []
    assert json.loads((tmp_path / "out" / "partial.json").read_text())["warnings"] == [
        "no flair: its channel was zero"
    ]


@pytest.mark.slow
def test_finished_cases_are_skipped_while_nothing_changed(
    write_case: Any, make_bundle: Any, bundles: Bundles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_case("x", 1)
    root, out = write_case("y", 2), tmp_path / "out"

    def again(cases: Any = None, bundles: Bundles = bundles, **changes: Any) -> int:
        """How many cases were done anew."""
        before = {p: p.stat().st_mtime_ns for p in out.glob("*.json")}
        assert run(cases or find_cases(root), bundles, out, **changes) == []
        capsys.readouterr()
        return sum(before.get(p) != p.stat().st_mtime_ns for p in out.glob("*.json"))

    assert again() == 2
    assert again() == 0
    # The same elsewhere.
    moved = root.rename(tmp_path / "moved")
    assert again(find_cases(moved)) == 0
    root = moved
    # Other inputs, bundles, settings, or outputs gone.
    write_case("y", 3, root=root)
    (failure,) = run(find_cases(root), bundles, out)
    assert failure.startswith("case y: ") and "made of other images" in failure
    capsys.readouterr()
    assert again(overwrite=True) == 1
    for name in ("x.nii.gz", "x.json"):
        (out / "a" / name).unlink()
        assert again() == 1
    assert again(tta="flips8") == 2
    assert again(tta="flips8", bundles={**bundles, "b": [make_bundle("b", 4)]}) == 2
    (out / "x.json").write_text("{")
    assert again(tta="flips8", overwrite=True, bundles={**bundles, "b": [make_bundle("b", 4)]}) == 1
    (out / "x.json").write_text("[]")
    assert again(tta="flips8", overwrite=True, bundles={**bundles, "b": [make_bundle("b", 4)]}) == 1


def test_a_case_under_other_names_is_done_again_in_their_convention(
    write_case: Any, bundles: Bundles, tmp_path: Path
) -> None:
    root, out = write_case("x"), tmp_path / "out"
    run(find_cases(root), {"a": bundles["a"]}, out)
    assert json.loads((out / "x.json").read_text())["labels"] == {"convention": "brats2020"}
    for old, new in (("_t1", "-t1n"), ("_t1ce", "-t1c"), ("_t2", "-t2w"), ("_flair", "-t2f")):
        (root / "x" / f"x{old}.nii.gz").rename(root / "x" / f"x{new}.nii.gz")
    run(find_cases(root), {"a": bundles["a"]}, out)
    assert json.loads((out / "x.json").read_text())["labels"] == {"convention": "brats2023"}


def test_what_was_made_of_something_else_does_not_stay(
    write_case: Any, bundles: Bundles, tmp_path: Path
) -> None:
    write_case("x", 1)
    root, out = write_case("y", 2), tmp_path / "out"
    assert run(find_cases(root), bundles, out, uncertainty="variance", probabilities=True) == []
    (out / "a" / "mine.txt").write_text("not written by predict")
    (out / "z.nii.gz").write_bytes(b"nor this")
    file = root / "y" / "y_t2.nii.gz"
    whole = file.read_bytes()
    for broken in (b"no header", whole[: len(whole) // 2]):  # found before the work, and when it is read
        file.write_bytes(broken)
        assert len(run(find_cases(root), {"a": bundles["a"]}, out)) == 1
        assert set(files(out)) == {"x.nii.gz", "x.json", "a/mine.txt", "z.nii.gz"}
        file.write_bytes(whole)
        assert run(find_cases(root), {"a": bundles["a"]}, out) == []
        assert set(files(out)) == {"x.nii.gz", "x.json", "y.nii.gz", "y.json", "a/mine.txt", "z.nii.gz"}


def test_a_map_without_a_record_is_not_removed(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    root, out = write_case("x"), tmp_path / "out"
    (root / "x" / "x_t1.nii.gz").write_bytes(b"no header")
    out.mkdir()
    (out / "x.nii.gz").write_bytes(b"somebody's")
    (out / "x.json").write_text('{"schema": 1}')
    assert len(run(find_cases(root), bundles, out)) == 1
    assert (out / "x.nii.gz").read_bytes() == b"somebody's"


def test_each_file_is_read_once_and_recorded_as_it_was_read(
    write_case: Any, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from brats_seg.inference import module

    root, read = write_case("x"), Counter[str]()
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (root / "x").iterdir()}
    open_, segment = os.open, module.segment

    def opened(path: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(path, Path) and path.parent == root / "x":
            read[path.name] += 1
        return open_(path, *arguments, **options)

    def changed_meanwhile(*arguments: Any) -> Any:
        for path in (root / "x").iterdir():
            path.unlink()
        return segment(*arguments)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(module, "segment", changed_meanwhile)
    assert run(find_cases(root), bundles, tmp_path / "out") == []
    assert read == dict.fromkeys(before, 2), "once for the headers, once for all"
    record = json.loads((tmp_path / "out" / "x.json").read_text())
    assert {f"x_{name}.nii.gz": file["sha256"] for name, file in record["inputs"].items()} == before


@pytest.mark.parametrize("where", ["brats_seg.inference.data.read_case", "brats_seg.inference.ready.prepare"])
def test_a_case_too_large_does_not_stop_the_others(
    where: str, write_case: Any, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from brats_seg.cases import read_case
    from brats_seg.preprocessing import prepare

    write_case("x")
    cases, plain = find_cases(write_case("y")), read_case if "inference.data" in where else prepare

    def scarce(one: Any, *arguments: Any, **options: Any) -> Any:
        if getattr(one, "case", one).id == "x":
            raise MemoryError
        return plain(one, *arguments, **options)

    monkeypatch.setattr(where, scarce)
    (failure,) = run(cases, {"a": bundles["a"]}, tmp_path / "out")
    assert failure.startswith("case x: ") and "memory" in failure
    assert set(maps(tmp_path / "out")) == {"y.nii.gz"}


def test_a_folder_in_use_is_refused_and_what_was_left_half_written_is_cleared(
    write_case: Any, bundles: Bundles, tmp_path: Path
) -> None:
    from filelock import FileLock

    cases, out = find_cases(write_case("x")), tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / "a" / ".tmp-brats_seg-1234.nii.gz").write_bytes(b"half")
    (out / ".tmp-folder").mkdir()
    (out / ".tmp-notes.txt").write_text("a user's")
    (out / "mine").mkdir()
    (out / "mine" / ".tmp-notes").write_text("not written by predict")
    with FileLock(out / ".lock"), pytest.raises(UserError, match="in use"):
        run(cases, bundles, out)
    run(cases, bundles, out)
    assert {path.relative_to(out).as_posix() for path in out.rglob(".tmp-*")} == {
        ".tmp-folder",
        ".tmp-notes.txt",
        "mine/.tmp-notes",
    }


def test_too_little_memory_means_windows(
    write_case: Any, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from brats_seg.inference import ensemble

    tried: list[bool] = []
    logits = ensemble._logits

    def scarce(net: Any, image: Any, windows: bool) -> Any:
        tried.append(windows)
        if not windows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits(net, image, windows)

    monkeypatch.setattr(ensemble, "_logits", scarce)
    cases = find_cases(write_case("x"))
    assert run(cases, {"b": bundles["b"]}, tmp_path / "auto") == []
    record = json.loads((tmp_path / "auto" / "x.json").read_text())
    assert record["inferer"] == "sliding_window"
    assert "sliding window" in record["warnings"][0]
    assert tried == [False, False, True]
    assert "memory" in run(cases, {"b": bundles["b"]}, tmp_path / "whole", inferer="whole_volume")[0]
    assert run(cases, {"b": bundles["b"]}, tmp_path / "windows", inferer="sliding_window") == []
    # A window larger than the brain is the brain.
    assert maps(tmp_path / "windows") == maps(tmp_path / "auto")


ORIENTATIONS = {
    "RAS": [[0, 1], [1, 1], [2, 1]],
    "SLA": [[2, 1], [0, -1], [1, -1]],
    "PIR": [[1, 1], [2, -1], [0, -1]],
}


def turn_on_disk(image: Any, name: str) -> Any:
    if name != "oblique":
        return image.as_reoriented(np.array(ORIENTATIONS[name]))
    angle, turn = np.deg2rad(20), np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return nib.Nifti1Image(np.asarray(image.dataobj), turn @ image.affine)


@pytest.mark.parametrize("name", [*ORIENTATIONS, "oblique"])
def test_the_same_map_in_every_orientation(
    name: str, write_case: Any, bundles: Bundles, tmp_path: Path
) -> None:
    root = write_case("x")
    run(find_cases(root), bundles, tmp_path / "out", tta="flips8")
    (tmp_path / "turned").mkdir()
    for path in (root / "x").iterdir():
        turn_on_disk(nib.load(path), name).to_filename(tmp_path / "turned" / path.name)
    assert run(find_cases(tmp_path / "turned"), bundles, tmp_path / "out2", tta="flips8") == []
    source, answer = nib.load(tmp_path / "turned" / "x_t1.nii.gz"), nib.load(tmp_path / "out2" / "x.nii.gz")
    assert np.allclose(answer.affine, source.affine)
    assert answer.shape == source.shape
    plain = nifti.read(tmp_path / "out" / "x.nii.gz").array
    assert np.array_equal(nifti.read(tmp_path / "out2" / "x.nii.gz").array, plain)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tta": "all"}, "group16"),
        ({"precision": "bf16"}, "bf16-mixed"),
        ({"inferer": "patches"}, "sliding_window"),
        ({"threshold": 50}, "probability"),
        ({"threshold": "half"}, "probability"),
        ({"probabilities": "all"}, "true or false"),
        ({"enhancing_below_mm3": -3}, "millimetres"),
        ({"components_below_mm3": "few"}, "millimetres"),
        ({"accelerator": "abacus"}, "accelerator=abacus"),
        ({"devices": "none"}, "devices=none"),
        ({"labels_output": "brats"}, r"labels\.output"),
        ({"uncertainty": "std"}, "entropy"),
    ],
)
def test_unknown_settings_are_refused_before_any_work(
    bundles: Bundles, tmp_path: Path, changes: Any, said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        run([], bundles, tmp_path / "out", **changes)
    assert "\n" not in str(caught.value)


def test_bundles_from_folders_or_from_an_ensemble(bundles: Bundles, tmp_path: Path) -> None:
    write_ensemble(tmp_path / "ensemble.yaml", bundles)
    a, b = ([str(x.folder) for x in bundles[p]] for p in "ab")
    found = [open_bundles(a, b), open_bundles(ensemble=tmp_path / "ensemble.yaml")]
    assert [[x.sha256 for x in f["a"] + f["b"]] for f in found] == [
        [x.sha256 for x in bundles["a"] + bundles["b"]]
    ] * 2
    with pytest.raises(UserError, match="leave"):
        open_bundles(a, ensemble=tmp_path / "ensemble.yaml")
    with pytest.raises(UserError, match="no bundle"):
        open_bundles()
    assert load_bundle(Path(a[0])).pipeline == "a"
    assert [x.sha256 for x in open_bundles(a[0])["a"]] == [bundles["a"][0].sha256], (
        "one folder needs no brackets"
    )


def test_a_link_to_itself_fails_its_case_alone(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    write_case("x")
    root = write_case("y")
    link = root / "x" / "x_t1.nii.gz"
    link.unlink()
    link.symlink_to(link)
    (failure,) = run(find_cases(root), {"a": bundles["a"]}, tmp_path / "out")
    assert failure.startswith("case x: ")
    assert set(maps(tmp_path / "out")) == {"y.nii.gz"}


def test_outputs_that_cannot_be(write_case: Any, bundles: Bundles, tmp_path: Path) -> None:
    root = write_case("x")
    cases, before = find_cases(root), files(root)
    (tmp_path / "file").write_text("")
    (tmp_path / "closed").symlink_to("/proc/nowhere")  # where not even root can write
    for output, said in (
        (root / "x", "holds the images"),
        (tmp_path / "file", "cannot write"),
        (tmp_path / "closed", "cannot write"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            run(cases, bundles, output)
        assert "\n" not in str(caught.value)
    assert files(root) == before


def test_with_report_there_are_pages_and_summaries(
    write_case: Any, bundles: Bundles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [f"bundles.a={bundles['a'][0].folder}", f"bundles.b={bundles['b'][0].folder}", "tta=none"]
    where = [f"input={write_case('x')}", f"output={tmp_path / 'out'}", "accelerator=cpu", "report=true"]
    main([*keys, *where])
    report = tmp_path / "out" / "report"
    assert f"open {report / 'index.html'}" in capsys.readouterr().out
    assert 'href="../summaries/x.pdf"' in (report / "cases" / "x.html").read_text()
    assert (report / "summaries" / "x.pdf").is_file()


def test_a_case_is_written_while_the_next_one_is_computed(
    write_case: Any, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from brats_seg.inference import module, writer

    write_case("x")
    cases = find_cases(write_case("y"))
    second, segment, write = threading.Event(), module.segment, nifti.write

    def noted(case: Any, *arguments: Any) -> Any:
        if case.loaded.case.id == "y":
            second.set()
        return segment(case, *arguments)

    def waits(path: Path, *arguments: Any) -> None:
        if path.name == "x.nii.gz":
            assert second.wait(60), "the second case has not begun"
        write(path, *arguments)

    monkeypatch.setattr(module, "segment", noted)
    monkeypatch.setattr(writer.nifti, "write", waits)
    assert run(cases, {"a": bundles["a"]}, tmp_path / "out") == []
    assert set(maps(tmp_path / "out")) == {"x.nii.gz", "y.nii.gz"}


@pytest.mark.parametrize("names", ["x", "xyz"])  # the last case, and one behind which others follow
def test_what_cannot_be_written_ends_the_run(
    write_case: Any, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    from brats_seg.inference import writer

    def full(path: Path, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    root = [write_case(name) for name in names][-1]
    monkeypatch.setattr(writer.nifti, "write", full)
    with pytest.raises(OSError, match="No space left"):
        run(find_cases(root), {"a": bundles["a"]}, tmp_path / "out")
    assert not maps(tmp_path / "out")


def test_the_kernel_of_norm_and_relu_can_be_switched_off(bundles: Bundles) -> None:
    for wanted in (True, False):
        (ensemble,) = make_ensembles({"a": bundles["a"]}, fused_norm=wanted).values()
        norms = [each for each in ensemble.modules() if isinstance(each, ConvNormReLU)]
        assert norms and all(each.fused is wanted for each in norms)


def test_the_id_of_four_files_can_be_given(
    write_case: Any, make_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_case("x")
    files = [f"{name}={root / 'x' / f'x_{name}.nii.gz'}" for name in ("t1", "t1ce", "t2", "flair")]
    keys = [
        f"bundles.a={make_bundle('a').folder}",
        f"output={tmp_path / 'out'}",
        "accelerator=cpu",
        "tta=none",
    ]
    main([*files, *keys, "id=patient 7"])
    assert (tmp_path / "out" / "patient 7.nii.gz").is_file()
    with pytest.raises(SystemExit):
        main([f"input={root}", *keys, "id=y"])
    assert "id=y names the case of four files" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*files, *keys, "id=../y"])
    assert "expected an id that can be the name of a file" in capsys.readouterr().err


def test_a_log_says_at_least_every_half_minute_which_view_is_done(
    write_case: Any,
    bundles: Bundles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words: list[str] = []

    @contextlib.contextmanager
    def signs_of_life(tell: Any) -> Iterator[None]:
        words.append(tell())
        show = PredictionModule._show

        def show_and_tell(*arguments: Any) -> None:
            show(*arguments)
            words.append(tell())

        monkeypatch.setattr(PredictionModule, "_show", show_and_tell)
        yield

    monkeypatch.setattr("brats_seg.inference.run.signs_of_life", signs_of_life)
    assert run(find_cases(write_case("x", 1)), bundles, tmp_path / "out") == []
    views = [f"at work: case x, view {view} of 3 done" for view in (1, 2, 3)]
    first, *others = words
    assert first == "at work: reading the first case"
    assert [line.rpartition(", about ")[0] for line in others] == views
    assert all(re.fullmatch(r"\d:\d\d:\d\d left", line.rpartition(", about ")[2]) for line in others)
    assert "view" not in capsys.readouterr().out
