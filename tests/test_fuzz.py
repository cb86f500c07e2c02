"""Whatever a file holds, every reader answers or raises a UserError, in bounded time and memory."""

from __future__ import annotations

import copy
import json
import resource
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brats_seg import nifti
from brats_seg.artifacts.bundles import load_bundle, save_bundle
from brats_seg.artifacts.ensemble_file import load_ensemble, write_ensemble
from brats_seg.artifacts.evaluation_folder import EvaluationFolder
from brats_seg.artifacts.prediction_folder import PredictionFolder
from brats_seg.artifacts.prediction_tables import volumes_csv
from brats_seg.artifacts.provenance import describe_bundles, unlike_training
from brats_seg.artifacts.recorded_bundles import recorded_bundles
from brats_seg.artifacts.run_folder import RunFolder
from brats_seg.artifacts.run_tables import rows_before
from brats_seg.cases import Case, ModalityFile, inspect_case, read_case, scan
from brats_seg.data.folds import frozen_folds
from brats_seg.data.split_files import read_exclusions, read_split
from brats_seg.errors import UserError
from brats_seg.files import read_json, read_object, read_text, read_yaml
from brats_seg.models import UNet
from brats_seg.preprocessing import Cache, ZScore
from brats_seg.report.provenance import synthetic_line, told_of_bundle
from brats_seg.report.recorded_pages import recorded_pages
from brats_seg.terms import MODALITIES
from brats_seg.training.weights import mean_weights, read_weights, write_weights

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SETTINGS = settings(
    deadline=timedelta(seconds=20),
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MOST_BYTES = 2**30
"""What all readers together may take more than before."""
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS | st.sampled_from(["x" * 300, "../../x", "\x00", 10**400, -1, 1e308, "\x1b[31m"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
Reader = Callable[[Path], object]


@pytest.fixture(autouse=True)
def memory_is_bounded() -> Any:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_BYTES / 1024


def only_user_errors(reader: Reader, path: Path) -> None:
    said = ""
    try:
        reader(path)
    except UserError as error:
        said = str(error)
    assert all(line.isprintable() for line in said.splitlines())


def damaged(data: st.DataObject, whole: bytes) -> bytes:
    """The file with some bytes changed, left out, put in, or cut off."""
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, max(len(changed) - 1, 0)))
        changed[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    return bytes(changed[: data.draw(st.integers(0, len(changed)) | st.none())])


def changed_value(data: st.DataObject, value: Any) -> Any:
    """The document with one value, at any depth, replaced or taken away."""
    value = copy.deepcopy(value)
    node, key = None, None
    inner = value
    while isinstance(inner, dict | list) and inner and data.draw(st.booleans() | st.just(True)):
        node = inner
        key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        inner = inner[key]
    if node is None:
        return data.draw(VALUES)
    if isinstance(node, dict) and data.draw(st.booleans()):
        del node[key]
    else:
        node[key] = data.draw(VALUES)
    return value


def volume(path: Path, kind: type = nib.Nifti1Image) -> bytes:
    array = np.random.default_rng(0).integers(1, 99, (6, 7, 8)).astype(np.int16)
    array[0] = 0
    kind(array, np.diag([-1.0, -1, 1, 1])).to_filename(path)
    return path.read_bytes()


@SETTINGS
@given(data=st.data(), kind=st.sampled_from([nib.Nifti1Image, nib.Nifti2Image]), whole_header=st.booleans())
def test_nifti(tmp_path: Path, data: st.DataObject, kind: type, whole_header: bool) -> None:
    path = tmp_path / "a.nii"
    whole = volume(path, kind)
    if whole_header:  # fields of any value, and the voxels behind them
        header = bytearray(whole[:540])
        for _ in range(data.draw(st.integers(1, 6))):
            place = data.draw(st.integers(4, 536))
            header[place : place + 4] = data.draw(st.binary(min_size=4, max_size=4))
        path.write_bytes(bytes(header) + whole[540:])
    else:
        path.write_bytes(damaged(data, whole))
    case = Case("x", {name: ModalityFile(path) for name in MODALITIES}, path, "brats2020", "LPS")
    for reader in (
        nifti.read_geometry,
        nifti.read_channels,
        lambda _: read_case(case),
        lambda _: inspect_case(case),
    ):
        only_user_errors(reader, path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound files of every kind."""
    home = tmp_path_factory.mktemp("sound")
    net = UNet(width=1, norm="group", attention=False, residual=False, dropout=0.0)
    facts = {"pipeline": "a", "normalisation": {"name": "z_score"}}
    told = {"training_cases": 12, "training_ranges": {"brain, ml": [1.0, 2.0]}}
    save_bundle(home / "bundle", net, provenance=told, scores={"val/dice": 0.5}, **facts)
    write_weights(home / "weights.safetensors", net, {**facts, "architecture": net.settings()})
    bundle = load_bundle(home / "bundle")
    write_ensemble(home / "ensemble.yaml", {"a": [bundle]})
    (home / "bundle.json").write_bytes((home / "bundle" / "bundle.json").read_bytes())
    documents = {
        "split": {"train": ["a"], "validation": ["b"]},
        "exclude": {"exclude": ["a"]},
        "folds": {"schema": 1, "seed": 1, "folds": [["a"], ["b"]]},
        "status": {"state": "finished", "reason": "none"},
        "evaluation": {"schema": 1, "convention": "brats2020"},
        "record": {
            "labels": {"convention": "brats2020"},
            "warnings": ["x"],
            "files": ["x.nii.gz"],
            "inputs": {"t1": {"path": "/nowhere", "sha256": "x", "channel": 0}},
            "volumes_ml": {"ET": 1.0, "TC": 2.0, "WT": 3.0},
            "agreement_of_a_and_b": {"ET": 0.5},
            "provenance": {
                "a": [{"card": "x", "synthetic_cases": 1, "validation_scores": {"val/dice": 0.5}}]
            },
            "merged_from": {"a": {"folder": "/nowhere", "provenance": {"a": []}}},
        },
        "dataset": {"modality": {"0": "FLAIR", "1": "T1w"}, "labels": {"0": "background", "1": "edema"}},
        "case": {
            "sources": [],
            "files": {},
            "box": [[0, 0, 0], [1, 1, 1]],
            "shape": [2, 2, 2],
            "notes": ["x"],
        },
        "config": {
            "config": {"data": {"folds": 2}},
            "split": {"train": ["a"], "validation": ["b"]},
            "initial": None,
        },
    }
    for name, document in documents.items():
        (home / f"{name}.json").write_text(json.dumps(document))
    (home / "per_case.csv").write_text("case,region,metric,value\na,ET,dice,0.5\nb,ET,dice,\n")
    (home / "metrics.csv").write_text("epoch,step,train/loss\n0,1,0.5\n1,2,\n")
    (home / "case_losses.csv").write_text("epoch,case,loss\n0,a,0.5\n0,b,nan\n")
    return home


def placed(path: Path, name: str) -> Path:
    """The same bytes at a place of their own; its folder."""
    place = path.parent / "place" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(path.read_bytes())
    return place.parent


def read_run(path: Path) -> None:
    folder = RunFolder(placed(path, "status.json"))
    assert isinstance(folder.status, dict)
    assert folder.finished in (True, False)
    placed(path, "config.yaml")
    folder.recorded("data.folds")
    folder.claim({"data": {"folds": 2}}, {"train": ["a"], "validation": ["b"]})


def read_prediction(path: Path) -> None:
    folder = PredictionFolder(placed(path, "x.json"))
    (folder.path / "x.nii.gz").write_bytes(b"")
    assert all(isinstance(line, str) for line in folder.read_record("x").get("warnings", []))
    record = folder.read_record("x")
    assert volumes_csv({"x": record})
    assert all(told_of_bundle(bundle)["line"] for bundle in recorded_bundles(record))
    assert synthetic_line(record) is None or record
    assert [files.case.id for files in recorded_pages(folder.path, None)] == ["x"]
    folder.label_maps(None, "predictions")


def find_in_decathlon(path: Path) -> None:
    folder = placed(path, "dataset.json") / "imagesTr"
    folder.mkdir(exist_ok=True)
    (folder / "a.nii.gz").write_bytes(b"")
    scan(folder.parent)


def look_up(path: Path) -> None:
    cache = Cache(path.parent / "cache", ZScore())
    folder = cache.folder / "x"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.json").write_bytes(path.read_bytes())
    found = cache.lookup(Case("x", {}))
    assert found is None or all(isinstance(size, int) for size in found.shape)


def read_bundle(path: Path) -> None:
    bundle = load_bundle(placed(path, "bundle.json"))
    assert describe_bundles({"a": [bundle]})["a"]
    assert list(unlike_training({"brain, ml": 1.0}, {"a": [bundle]})) is not None


JSON_READERS: dict[str, list[Reader]] = {
    "split": [lambda path: read_split(path, ["a", "b"])],
    "exclude": [read_exclusions],
    "folds": [lambda path: frozen_folds(path, ["a", "b"], folds=2, seed=1, changed="extend")],
    "status": [read_run],
    "config": [read_run],
    "evaluation": [lambda path: EvaluationFolder(placed(path, "evaluation.json")).read_convention(None)],
    "record": [read_prediction],
    "dataset": [find_in_decathlon],
    "case": [look_up],
    "bundle": [read_bundle],
}


@SETTINGS
@given(data=st.data())
@pytest.mark.parametrize("name", JSON_READERS)
def test_json(home: Path, tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = (home / f"{name}.json").read_bytes()
    path = tmp_path / "a.json"
    if data.draw(st.booleans()):
        path.write_bytes(damaged(data, whole))
    else:
        path.write_text(json.dumps(changed_value(data, json.loads(whole))))
    for reader in (*JSON_READERS[name], read_json, read_object):
        only_user_errors(reader, path)


@SETTINGS
@given(data=st.data())
def test_yaml(home: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = (home / "ensemble.yaml").read_bytes()
    path = tmp_path / "a.yaml"
    if data.draw(st.booleans()):
        path.write_bytes(damaged(data, whole))
    else:
        path.write_text(yaml.safe_dump(changed_value(data, yaml.safe_load(whole))))
    for reader in (load_ensemble, read_yaml, read_run):
        only_user_errors(reader, path)


@SETTINGS
@given(data=st.data(), name=st.sampled_from(["per_case", "metrics", "case_losses"]))
def test_csv(home: Path, tmp_path: Path, data: st.DataObject, name: str) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_bytes(damaged(data, (home / f"{name}.csv").read_bytes()))
    folder = RunFolder(placed(path, path.name))
    readers: dict[str, list[Callable[[], object]]] = {
        "per_case": [EvaluationFolder(folder.path).read_rows],
        "metrics": [folder.read_metrics, lambda: rows_before(folder.metrics, 1)],
        "case_losses": [folder.read_case_losses, lambda: rows_before(folder.case_losses, 1)],
    }
    for reader in readers[name]:
        only_user_errors(lambda _, reader=reader: reader(), path)
    only_user_errors(read_text, path)


@SETTINGS
@given(data=st.data())
def test_safetensors(home: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = (home / "weights.safetensors").read_bytes()
    header = int.from_bytes(whole[:8], "little") + 8
    path = tmp_path / "a.safetensors"
    if data.draw(st.booleans()):
        path.write_bytes(damaged(data, whole[:header]) + whole[header:])
    else:
        described = changed_value(data, json.loads(whole[8:header]))
        text = json.dumps(described).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + whole[header:])
    for reader in (read_weights, lambda path: mean_weights([path])):
        only_user_errors(reader, path)
    folder = placed(home / "bundle.json", "bundle.json")
    (folder / "model.safetensors").write_bytes(path.read_bytes())
    only_user_errors(lambda folder: load_bundle(folder).net(), folder)
