"""A folder with everything that the commands read, made by the commands themselves, and what each reads.

Every command has its place in :data:`INPUTS` or in :data:`NO_INPUTS`, and in :data:`OUTPUTS` or in
:data:`NO_OUTPUTS`: ``test_replaced_inputs.py`` and ``test_cut_off.py`` fail for a command that has none.
"""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from brats_seg import nifti
from brats_seg.artifacts.bundles import load_bundle, save_bundle
from brats_seg.cases import clear_cases
from brats_seg.scans import AlignSettings
from brats_seg.scans.aligned_folder import AlignedFolder
from brats_seg.scans.one_case import OneCase
from brats_seg.terms import MODALITIES
from tests.cli.forked import run
from tests.scans.mr_series import KINDS, write_series

GOOD, BAD = "BraTS20_Training_001", "BraTS20_Training_002"
CASE = f"cohort/{BAD}/{BAD}"
T1, TRUTH = f"{CASE}_t1.nii.gz", f"{CASE}_seg.nii.gz"
FOLD = "runs/run/fold_0"
BUNDLE = f"{FOLD}/bundle"
SCANS = ("SimpleITK", "pydicom", "highdicom", "dcm2niix")
"""Packages of the extra ``scans`` that these trials need."""
OF_SCANS = ("convert", "align", "dicom", "segment")
FOUR = tuple(f"{name}={CASE}_{name}.nii.gz" for name in MODALITIES)
SERIES_UID = "1.2.3.2"
TRAIN = (
    *("train", "scale=smoke", "model.width=2", "data.patch=[16,16,16]", "data.folds=2", "data.workers=0"),
    *("schedule.constant_epochs=1", "schedule.cosine_epochs=0", "swa.cycles=1", "swa.cycle_epochs=1"),
    *("swa.snapshot_every=1", "trainer.accelerator=cpu", "trainer.precision=32-true", "data.cache=cache"),
    *("data.root=cohort", "runs_root=runs", "name=run", "fold=0", "out_of_fold.tta=none"),
)
OTHER_TRAINING = (*TRAIN, "name=other", "out_of_fold.predict=false")
PREDICT = ("predict", "tta=none", "accelerator=cpu", "input=cohort", "output=predicted")
OF_BUNDLE = (*PREDICT, f"bundles.a=[{BUNDLE}]")
CHECK = ("check", "data.root=cohort", "workers=1")
PREPARE = ("prepare", "scale=smoke", "data.folds=2", "data.workers=0", "data.root=cohort", "data.cache=cache")
AVERAGE = ("average", f"snapshots=[{FOLD}/snapshots]", "output=mean")
FLAG = ("flag-cases", "runs=[runs/run]", "output=flagged.json")
SUMMARY = ("cv-summary", "runs=[runs/run]", "output=summary")
MERGE = ("merge", "a=predicted", "b=predicted_b", "output=merged")
EVALUATE = ("evaluate", "predictions=predicted", "references=cohort", "output=scores", "workers=1")
REPORT = (
    *("report", "predictions=predicted", "references=cohort", "evaluation=scores", "output=report"),
    *(f"runs=[{FOLD}]", "workers=1", "viewer=false"),
)
EXPORT = ("export", f"bundle={BUNDLE}", "output=net.pt2", "parity_shape=[16,16,16]")
PHANTOM = ("phantom", "output=cohort", "cases=2", "shape=[32,40,32]", "workers=1")
THRESHOLD = ("enhancing-threshold", "predictions=predicted", "references=cohort")
CONVERT = ("convert", "input=exported", "output=converted", "identity=keep")
ALIGN = (
    "align",
    *FOUR,
    f"case={BAD}",
    "brain_mask=mask.nii.gz",
    "scans.atlas=atlas.nii.gz",
    "output=aligned",
)
DICOM = ("dicom", "label_map=on_series.nii.gz", "input=exported", f"series={SERIES_UID}", "output=dicom")
SEGMENT = (
    *("segment", "input=exported", "output=segmented", "bundles.a=[certain]", "tta=none", "identity=keep"),
    *("scans.atlas=atlas.nii.gz", "accelerator=cpu"),
)
REPRODUCE = (
    *("reproduce", "scale=smoke", "data.root=cohort", "data.cache=cache", "input=cohort", "output=paper"),
    *("tta=none", 'overrides=["data.folds=1"]'),
)
STUDY = "4711-x-20200101"
SEGMENTED = f"segmented/aligned/{STUDY}"
INPUTS: dict[tuple[str, ...], tuple[str, ...]] = {
    CHECK: (T1, TRUTH),
    PREPARE: (T1, f"CACHE/{BAD}/case.json", f"CACHE/{BAD}/image.npy"),
    TRAIN: (
        *(f"{FOLD}/{name}" for name in ("config.yaml", "status.json", "metrics.csv", "case_losses.csv")),
        *(f"{FOLD}/{name}" for name in ("data.json", "out_of_fold.json", "checkpoints/last.ckpt")),
        f"{FOLD}/snapshots/epoch_0001.safetensors",
        f"{BUNDLE}/bundle.json",
        f"{BUNDLE}/model.safetensors",
        "FOLDS",
    ),
    (*OTHER_TRAINING, "data.split=split.json"): ("split.json",),
    (*OTHER_TRAINING, "data.exclude=excluded.json"): ("excluded.json",),
    (*OTHER_TRAINING, f"init={BUNDLE}"): (f"{BUNDLE}/model.safetensors",),
    AVERAGE: (f"{FOLD}/snapshots/epoch_0001.safetensors",),
    FLAG: (f"{FOLD}/case_losses.csv",),
    SUMMARY: (
        *(f"{FOLD}/{name}" for name in ("config.yaml", "status.json", "out_of_fold.json")),
        f"{FOLD}/evaluation/per_case.csv",
        f"{BUNDLE}/bundle.json",
    ),
    OF_BUNDLE: (
        *(T1, f"{BUNDLE}/bundle.json", f"{BUNDLE}/model.safetensors"),
        *(f"predicted/{BAD}.json", f"predicted/{BAD}.nii.gz"),
    ),
    (*PREDICT, "ensemble=ensemble.yaml"): ("ensemble.yaml",),
    MERGE: (f"predicted/{BAD}.nii.gz", f"predicted/{BAD}.json", f"predicted_b/{BAD}.nii.gz"),
    EVALUATE: (f"predicted/{BAD}.nii.gz", f"predicted/{BAD}.json", TRUTH),
    REPORT: (
        *(f"predicted/{BAD}.nii.gz", f"predicted/{BAD}.json", T1),
        *("scores/per_case.csv", "scores/evaluation.json", f"{FOLD}/metrics.csv"),
    ),
    THRESHOLD: (f"predicted/{BAD}.nii.gz", f"predicted/{BAD}.json", TRUTH),
    ("bundle", f"path={BUNDLE}", "action=verify"): (f"{BUNDLE}/bundle.json", f"{BUNDLE}/model.safetensors"),
    ("bundle", "path=ensemble.yaml"): ("ensemble.yaml",),
    EXPORT: (f"{BUNDLE}/model.safetensors",),
    PHANTOM: ("cohort/phantom.json",),
    CONVERT: ("exported/t2/3_5", "converted/identities.json"),
    ALIGN: (
        *(T1, "mask.nii.gz", "atlas.nii.gz"),
        *(f"aligned/{BAD}/align/{name}" for name in ("made_of.json", "brain.nii.gz", "t1ce_to_t2.tfm")),
        *(f"aligned/{BAD}/align/{name}" for name in ("align.json", "t1ce_to_t2.json")),
    ),
    DICOM: ("on_series.nii.gz", "exported/t1ce/2_5"),
    SEGMENT: (
        *("exported/t2/3_5", "certain/model.safetensors", "segmented/nifti/identities.json"),
        *(f"{SEGMENTED}/align/{name}" for name in ("align.json", "brain_in_atlas.nii.gz")),
        *(f"{SEGMENTED}/align/atlas_to_t1ce.tfm", f"{SEGMENTED}/{STUDY}_t2.nii.gz"),
        f"segmented/nifti/{STUDY}/{STUDY}_t2.nii.gz",
    ),
    REPRODUCE: ("paper/reproduce.json", "paper/flagged.json", "paper/cross_validation/ensemble.yaml", T1),
}
"""A command to its input files, by their paths in the folder of :func:`make`."""
LONG = (ALIGN, SEGMENT, REPRODUCE)
"""Commands that take seconds: each of their inputs is replaced by some of the kinds, not by all."""
DOUBTS = ("mutual information fell", "expected 500 to 2200", "Dice of brain and atlas")
"""What align says of brains as small as these."""
NO_INPUTS = {
    "doctor": "it asks the machine",
    "demo": "it makes everything itself, by the functions of the other commands",
}
OUTPUTS: dict[str, tuple[str, ...]] = {
    "new": ("phantom", "output=new", "cases=2", "shape=[32,40,32]", "workers=1"),
    "cache": PREPARE,
    "mean": AVERAGE,
    "flagged.json": FLAG,
    "summary": SUMMARY,
    "predicted": OF_BUNDLE,
    "merged": ("merge", "a=predicted_b", "b=predicted_b", "output=merged"),
    "scores": ("evaluate", "predictions=predicted_b", "references=cohort", "output=scores", "workers=1"),
    "report": (
        *("report", "predictions=predicted_b", "references=cohort", "output=report"),
        *("workers=1", "viewer=false"),
    ),
    "net.pt2": EXPORT,
    "packed.zip": ("bundle", "action=pack", "path=ensemble.yaml", "output=packed.zip"),
    "converted": CONVERT,
    "aligned": ALIGN,
    "dicom": DICOM,
    "segmented/predictions": SEGMENT,
    "paper/cross_validation": REPRODUCE,
}
"""What a command writes, to the command."""
NO_OUTPUTS = {
    "doctor": "it writes nothing",
    "check": "it writes nothing",
    "enhancing-threshold": "it writes nothing",
    "train": "tests/training/test_resume.py",
    "demo": "the functions of the other commands, one after another",
}


def results_of(command: tuple[str, ...], kept: str) -> list[str]:
    """What has to go before a trial, so that the command has something to do.

    Args:
        command: Of :data:`INPUTS`.
        kept: The input that the trial replaces: it stays.
    """
    if command[0] == "train" and "name=other" not in command:
        results = [f"{FOLD}/out_of_fold.json", BUNDLE]
    elif command == OF_BUNDLE:
        results = ["predicted"]
    elif command == ALIGN:
        results = [f"aligned/{BAD}/align/align.json"]
    elif command == CONVERT:
        results = [f"converted/{STUDY}"]
    elif command == SEGMENT:
        results = ["segmented/predictions"]
    elif command == REPRODUCE:
        results = ["paper/evaluation", "paper/predictions"]
    else:
        results = []
    return [each for each in results if not kept.startswith(each)]


def has_scans() -> bool:
    """Whether the extra ``scans`` is installed."""
    return all(find_spec(name) for name in SCANS)


def succeed(folder: Path, *arguments: str) -> None:
    """Run a command that has to work."""
    done = run(folder, arguments)
    assert done.code == 0, done.said


def make(folder: Path) -> None:
    """Make a folder with everything that the commands read."""
    folder.mkdir()
    succeed(folder, "phantom", "output=cohort", "cases=3", "shape=[32,40,32]", "workers=1")
    succeed(folder, *TRAIN)
    succeed(folder, *OF_BUNDLE)
    shutil.copytree(folder / "predicted", folder / "predicted_b")
    succeed(folder, *EVALUATE)
    ids = [f"BraTS20_Training_{number:03d}" for number in (1, 2, 3)]
    (folder / "split.json").write_text(f'{{"train": ["{ids[0]}", "{ids[1]}"], "validation": ["{ids[2]}"]}}')
    (folder / "excluded.json").write_text(f'["{ids[1]}"]')
    succeed(folder, *SUMMARY)
    shutil.move(folder / "summary" / "ensemble.yaml", folder / "ensemble.yaml")
    (folder / "ensemble.yaml").write_text((folder / "ensemble.yaml").read_text().replace("../", ""))
    shutil.rmtree(folder / "summary")
    _make_reproduction(folder)
    _make_certain_bundle(folder)
    if has_scans():
        _make_scans(folder)


def _make_reproduction(folder: Path) -> None:
    """Every training of the paper is the same one here: only the last steps are left."""
    for name in ("pipeline_a", "pipeline_a_filtered", "pipeline_a_attention", "pipeline_b"):
        shutil.copytree(folder / FOLD, folder / "paper" / "runs" / name / "fold_0")
    (folder / "paper" / "flagged.json").write_text("[]")
    succeed(folder, *REPRODUCE)


def _make_certain_bundle(folder: Path) -> None:
    """Of a network that sees oedema everywhere: so short a training sees nothing."""
    bundle = load_bundle(folder / BUNDLE)
    net = bundle.net()
    with torch.no_grad():
        net.get_parameter("main.bias").copy_(torch.tensor([-20.0, -20.0, 20.0]))
    save_bundle(
        folder / "certain",
        net,
        pipeline=bundle.pipeline,
        normalisation=bundle.record["normalisation"],
        provenance={},
        scores={},
    )


def _make_scans(folder: Path) -> None:
    """An export of one study, and its alignment, with a given brain instead of the slow extraction."""
    images = {name: nifti.read(folder / f"{CASE}_{name}.nii.gz") for name in MODALITIES}
    for number, (name, attributes) in enumerate(KINDS.items(), 1):
        pixels = np.asarray(images[name].array)
        where = folder / "exported" / name
        write_series(where, number, slices=len(pixels), pixels=pixels, spacing_mm=(1, 1, 1), **attributes)
    brain = (images["t1"].array > 0).astype(np.uint8)
    nifti.write(folder / "mask.nii.gz", brain, images["t1"].geometry)
    shutil.copy(folder / f"{CASE}_t1.nii.gz", folder / "atlas.nii.gz")
    _align(folder, ALIGN, folder / "aligned" / BAD)
    succeed(folder, *CONVERT)
    shutil.copytree(folder / "converted", folder / "segmented" / "nifti")
    (case,), _ = clear_cases(folder / "converted")
    geometry = nifti.read(case.modalities["t1ce"].path).geometry
    aligned = AlignedFolder(folder / SEGMENTED)
    settings = AlignSettings.default(atlas="atlas.nii.gz")
    aligned.claim(OneCase(case, aligned, settings, brain_mask=None).made_of())
    nifti.write(aligned.native_brain, brain, geometry)
    _align(folder, SEGMENT, folder / SEGMENTED)
    truth = nifti.read(folder / TRUTH)
    nifti.write(folder / "on_series.nii.gz", truth.array, geometry)


def _align(folder: Path, command: tuple[str, ...], aligned: Path) -> None:
    """The registration of so few voxels looks doubtful: that is forgiven."""
    run(folder, command)
    record = AlignedFolder(aligned).record
    held = json.loads(record.read_text())
    record.write_text(json.dumps({**held, "warnings": []}))
    succeed(folder, *command)
