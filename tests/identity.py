"""Does a checkout still compute what another one does, to the last bit?

    .venv/bin/python tests/identity.py [CHECKOUT] [--keep FOLDER] > mine.txt
    diff /work/wt/identity-0504300.txt mine.txt

It runs the commands of a checkout (default: the one that this file is in) on small synthetic cases, in a
temporary folder or in FOLDER, which must not exist: two trainings, one of pipeline A with cycles of weight
averaging and one of pipeline B, each with its out-of-fold predictions; prediction of every case with sixteen
views of both networks; merge; evaluation; summaries. All in fp32, on one thread of the CPU, with fixed seeds.
Then it prints a line ``sha256  path`` for each result. Only results from one kind of processor and one
version of torch are comparable.

What holds times or versions is left out or taken apart: ``FILE#tensors`` is the hash of the weights without
the remarks in the file, ``bundle.json#KEY`` that of one part of it, ``metrics.csv#numbers`` that without the
columns of time and memory. A line that ends in ``/*`` is for all images of a folder together: the synthetic
cases, probabilities, uncertainties.

Keys of the configuration may be called otherwise in another checkout. SPELLINGS names the ones that were
renamed, older first.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from safetensors.numpy import load_file

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Out-of-fold prediction takes the default precision: with AVX-512 that may be bf16.
    "ATEN_CPU_CAPABILITY": "avx2",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
    "COLUMNS": "200",
}
CASES, SHAPE = 6, "[40,48,40]"
TIMED = ("seconds", "resources/")
"""Beginnings of the columns of metrics.csv that no second run repeats."""
TOGETHER = ("cohort", "probabilities", "uncertainty")
"""Folders whose images share a line."""

SPELLINGS = {
    "constant_epochs": ("schedule.constant_epochs", "scale.constant_epochs.{p}", "scale.{p}.constant_epochs"),
    "cosine_epochs": ("schedule.cosine_epochs", "scale.cosine_epochs.{p}", "scale.{p}.cosine_epochs"),
    "batch_size": ("data.batch_size", "scale.batch_size.{p}", "scale.{p}.batch_size"),
    "patch": ("data.patch", "scale.patch"),
    "workers": ("data.workers",),
    "precision": ("trainer.precision",),
    "accelerator": ("trainer.accelerator",),
    "out_of_fold_views": ("out_of_fold.tta",),
}
TRAININGS: dict[str, dict[str, object]] = {
    "a": {"constant_epochs": 2, "cosine_epochs": 2, "batch_size": 1, "out_of_fold_views": "flips8"},
    "b": {"constant_epochs": 1, "cosine_epochs": 4, "batch_size": 2, "out_of_fold_views": "none"},
}
AS_BEFORE = {"data.augmentation.noise_unit": "intensity"}
"""Of keys that are new, the values that do what was done before them."""
AVERAGING = ("swa.cycles=2", "swa.cycle_epochs=2", "swa.snapshot_every=1")


class Checkout:
    """A folder of the project with a virtual environment, and where its commands run."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.programs, self.folder = root / ".venv/bin", folder
        found = self._output("python", "-c", "import brats_seg; print(brats_seg.__file__)").strip()
        if not Path(found).is_relative_to(root):
            raise SystemExit(f"{self.programs}/python imports {found}, which is not in {root}")

    def run(self, command: str, *arguments: str) -> None:
        """One command; its output is shown only when it fails."""
        began = time.perf_counter()
        self._output("brats-seg", command, *arguments)
        print(f"{command:<12}{time.perf_counter() - began:6.1f} s", file=sys.stderr, flush=True)

    def config(self, command: str, *arguments: str) -> dict[str, Any]:
        """What the command would do with these arguments."""
        text = self._output("brats-seg", command, *arguments, "--cfg", "job")
        return dict(yaml.safe_load(text))

    def _output(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            env={**os.environ, **ENVIRONMENT},
            text=True,
            capture_output=True,
        )
        if done.returncode:
            print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
            raise SystemExit(f"failed: {program} {' '.join(arguments)}")
        return done.stdout


def known(config: Mapping[str, Any], key: str) -> bool:
    """Whether a configuration has a key, given with dots."""
    here: Any = config
    for part in key.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True


def spelt(config: Mapping[str, Any], pipeline: str, options: Mapping[str, object]) -> list[str]:
    """Options as this checkout calls them."""
    overrides = []
    for name, value in options.items():
        candidates = [candidate.format(p=pipeline) for candidate in SPELLINGS[name]]
        fitting = [candidate for candidate in candidates if known(config, candidate)]
        if not fitting:
            raise SystemExit(
                f"this checkout's train has none of {', '.join(candidates)}: add its key to SPELLINGS"
            )
        overrides.append(f"{fitting[0]}={value}")
    return overrides


def train(checkout: Checkout, pipeline: str) -> None:
    """One small training of fold 0, and its out-of-fold predictions."""
    places = ["data.root=cohort", "data.cache=cache", "runs_root=runs", f"name={pipeline}"]
    science = [f"experiment=pipeline_{pipeline}", "scale=smoke", "fold=0", "seed=42", "model.width=8"]
    arguments = [*science, *places, *(AVERAGING if pipeline == "a" else ())]
    config = checkout.config("train", *arguments)
    arguments += [f"{key}={value}" for key, value in AS_BEFORE.items() if known(config, key)]
    shared = {"patch": "[32,32,32]", "workers": 0, "precision": "32-true", "accelerator": "cpu"}
    checkout.run("train", *arguments, *spelt(config, pipeline, {**shared, **TRAININGS[pipeline]}))


def run(checkout: Checkout) -> None:
    """Every command, each on what the ones before it wrote."""
    checkout.run("phantom", "output=cohort", f"cases={CASES}", "seed=0", f"shape={SHAPE}", "workers=1")
    for pipeline in TRAININGS:
        train(checkout, pipeline)
    bundles = [f"bundles.{pipeline}=[runs/{pipeline}/fold_0/bundle]" for pipeline in TRAININGS]
    views = ["tta=group16", "precision=32-true", "accelerator=cpu"]
    extras = ["probabilities=true", "uncertainty=variance"]
    checkout.run("predict", "input=cohort", "output=predictions", *bundles, *views, *extras)
    checkout.run("merge", "a=predictions/a", "b=predictions/b", "output=merged")
    against = ["references=cohort", "workers=1"]
    checkout.run("evaluate", "predictions=merged", "output=scores", *against)
    maps = ["uncertainty.score=true", "calibration.score=true"]
    checkout.run("evaluate", "predictions=predictions/a", "output=scores_of_maps", *against, *maps)
    checkout.run(
        "evaluate", "predictions=merged", "output=scores_by_lesion", "convention=brats2026", *against
    )
    checkout.run("cv-summary", "runs=[runs/a,runs/b]", "output=summary", "bootstrap.draws=1000")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def parts(path: Path) -> Iterator[tuple[str, bytes]]:
    """What of a file is compared: an ending for its name, and bytes."""
    if path.name == "bundle.json":
        record = json.loads(path.read_text())
        for key in ("architecture", "normalisation", "scores"):
            yield f"#{key}", json.dumps(record[key], sort_keys=True).encode()
    elif path.name == "metrics.csv":
        yield "#numbers", without_times(path.read_text())
    elif path.suffix == ".safetensors":
        yield "", path.read_bytes()
        yield "#tensors", tensors(path)
    elif path.name.endswith((".nii.gz", ".csv", "summary.md")):
        yield "", path.read_bytes()


def without_times(text: str) -> bytes:
    rows = list(csv.DictReader(io.StringIO(text)))
    kept = [{key: value for key, value in row.items() if not key.startswith(TIMED)} for row in rows]
    return json.dumps(kept).encode()


def tensors(path: Path) -> bytes:
    """Names, types, shapes and values."""
    found = b""
    for name, array in sorted(load_file(path).items()):
        found += f"{name} {array.dtype} {array.shape}".encode() + array.tobytes()
    return found


def results(folder: Path) -> list[str]:
    """A line for each thing to compare, in the order of their names."""
    lines = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.name in TOGETHER and path.is_dir():
            images = sorted(path.rglob("*.nii.gz"))
            lines[f"{name}/*"] = digest(b"".join(image.read_bytes() for image in images))
        elif path.is_file() and not {*TOGETHER, "cache"} & set(name.parts):
            for ending, data in parts(path):
                lines[f"{name}{ending}"] = digest(data)
    return [f"{lines[name]}  {name}" for name in sorted(lines)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Hash what a checkout computes on small synthetic cases.")
    parser.add_argument(
        "checkout",
        nargs="?",
        default=Path(__file__).parents[1],
        type=Path,
        help="folder with a working .venv",
    )
    parser.add_argument(
        "--keep", type=Path, help="folder for what the commands write, to look at differences"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary) / "run").resolve()
        folder.mkdir(parents=True)
        run(Checkout(options.checkout.resolve(), folder))
        print(*results(folder), sep="\n")


if __name__ == "__main__":
    main()
