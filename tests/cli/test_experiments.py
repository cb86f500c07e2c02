"""Each experiment through the command line, on a synthetic cohort."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.phantom import write_cohort
from tests.cli.forked import import_everything, run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import_everything()
    root = tmp_path_factory.mktemp("experiments")
    write_cohort(root / "cohort", cases=5, seed=0, shape=(32, 40, 32))
    write_cohort(root / "more", cases=6, seed=1, shape=(32, 40, 32))
    for number in range(1, 6):  # whose ids are in the cohort
        shutil.rmtree(root / "more" / f"BraTS20_Training_{number:03d}")
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "pipeline", "attention", "weights"),
    [
        ("pipeline_a", "a", False, "mean of 2 snapshots"),
        ("pipeline_a_attention", "a", True, "mean of 2 snapshots"),
        ("pipeline_a_filtered", "a", False, "mean of 2 snapshots"),
        ("pipeline_b", "b", False, "lowest validation loss"),
        ("pipeline_a_mean_teacher", "a", False, "exponential average with a decay of 0.999"),
        ("few_cases", "b", False, "exponential average with a decay of 0.99"),
    ],
)
def test_an_experiment_trains_and_its_bundle_predicts(
    root: Path, tmp_path: Path, experiment: str, pipeline: str, attention: bool, weights: str
) -> None:
    small = ["scale=smoke", "model.width=2", "data.patch=[24,24,24]", "schedule.cosine_epochs=2"]
    if experiment == "pipeline_a_mean_teacher":
        small += ["schedule.constant_epochs=1", f"data.unlabelled={root / 'more'}"]
    elif pipeline == "a":
        small += ["schedule.constant_epochs=1", "swa.cycles=1", "swa.cycle_epochs=4", "swa.snapshot_every=2"]
    places = [
        f"data.root={root / 'cohort'}",
        f"data.cache={root / 'cache'}",
        f"runs_root={tmp_path}",
        "name=run",
    ]
    command = ["train", f"experiment={experiment}", *small, *places]
    excluded: list[str] = []
    if experiment == "pipeline_a_filtered":
        refused = run(tmp_path, command)
        assert (refused.code, refused.said.count("\n")) == (1, 1)
        assert "data.exclude=FILE" in refused.said
        ids = sorted(path.name for path in (root / "cohort").iterdir())
        excluded = ids[:2]
        (tmp_path / "flagged.json").write_text(json.dumps(excluded))
        command.append(f"data.exclude={tmp_path / 'flagged.json'}")
    trained = run(tmp_path, command)
    assert trained.code == 0, trained.said
    folder = tmp_path / "run" / "fold_0"
    assert trained.said.splitlines()[-1] == str(folder)
    split = yaml.safe_load((folder / "config.yaml").read_text())["split"]
    assert len(split["validation"]) == 1
    assert len(split["train"]) == 4 - len(set(excluded) - set(split["validation"]))
    bundle = load_bundle(folder / "bundle")
    assert (bundle.pipeline, bundle.architecture["attention"]) == (pipeline, attention)
    assert weights in bundle.record["provenance"]["weights"]
    assert 0 <= bundle.record["scores"]["val/dice"] <= 1
    output = [
        f"input={root / 'cohort' / split['validation'][0]}",
        f"output={tmp_path / 'predictions'}",
        "tta=none",
    ]
    predicted = run(tmp_path, ["predict", f"bundles.{pipeline}=[{folder / 'bundle'}]", *output])
    assert predicted.code == 0, predicted.said
    assert (tmp_path / "predictions" / f"{split['validation'][0]}.nii.gz").is_file()
    if pipeline == "a" and experiment != "pipeline_a_mean_teacher":
        snapshots = f"snapshots=[{folder / 'snapshots'}]"
        again = run(tmp_path, ["average", snapshots, f"output={tmp_path / 'again'}"])
        assert again.code == 0, again.said
        assert (tmp_path / "again" / "model.safetensors").read_bytes() == (
            folder / "bundle" / "model.safetensors"
        ).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        ("pipeline_a_residual", "unet"),
        ("pipeline_a_dense", "dense_unet"),
        ("pipeline_a_inverted_residual", "inverted_residual_unet"),
        ("pipeline_a_bifpn", "bifpn"),
    ],
)
def test_what_section_four_tried_trains_and_is_scored(
    root: Path, tmp_path: Path, experiment: str, name: str
) -> None:
    small = ["scale=smoke", "model.width=2", "data.patch=[16,16,16]", "data.workers=0"]
    short = ["schedule.constant_epochs=1", "schedule.cosine_epochs=2"]
    places = [f"data.root={root / 'cohort'}", f"data.cache={root / 'cache'}", f"runs_root={tmp_path}"]
    trained = run(tmp_path, ["train", f"experiment={experiment}", "name=run", *small, *short, *places])
    assert trained.code == 0, trained.said
    folder = tmp_path / "run" / "fold_0"
    bundle = load_bundle(folder / "bundle")
    assert bundle.architecture["name"] == name
    assert (bundle.pipeline, bundle.architecture["norm"]) == ("a", "group")
    assert bundle.architecture.get("residual", False) == (experiment == "pipeline_a_residual")
    assert (folder / "evaluation" / "per_case.csv").is_file()
