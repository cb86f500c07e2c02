"""What is measured on a lent card, in five minutes: steps against peers, epochs, predictions, and the tests.

python benchmarks/card.py [--seconds 300] [--before CHECKOUT] [--only PART]

Each part is a process of its own with a time limit, the most important first; what is missing or too late is
said aloud, and the parts behind it go on. One line of JSON for each result, on standard output and in
$OUT/card.jsonl where OUT is set. Needs torch and what the package needs to run; pytest for the tests, MONAI
and dynamic_network_architectures for the peers. ``--before``: a checkout of an older commit, to train with it
too. ``--width 4 --side 32 --accelerator cpu --slack 9`` tries the script out.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EPOCHS = 6
CASES = 8


class Card:
    """The remaining time, the places, and where results go."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.end = time.monotonic() + options.seconds
        self.output = Path(os.environ["OUT"]) / "card.jsonl" if "OUT" in os.environ else None

    def tell(self, name: str, **found: Any) -> None:
        """One line, at once."""
        line = json.dumps({"name": name, **found})
        print(line, flush=True)
        if self.output is not None:
            with self.output.open("a") as file:
                file.write(line + "\n")

    def run(
        self, command: list[str], seconds: float, code: Path = ROOT
    ) -> tuple[int, list[tuple[float, str]]]:
        """Exit code, and each line with the second at which it came; 124 where it was too slow."""
        limit = min(seconds * self.options.slack, self.end - time.monotonic())
        package = code / "brats_seg" / "conf"  # in a wheel the configuration lies there
        if not package.exists():
            package.symlink_to("../conf")
        environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONUNBUFFERED": "1"}
        began = time.monotonic()
        process = subprocess.Popen(
            ["timeout", "-k", "5", str(max(limit, 1)), *command],
            cwd=code,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append((time.monotonic() - began, line.rstrip()))
        return process.wait(), lines

    def package(self, *arguments: str, seconds: float, code: Path = ROOT) -> list[tuple[float, str]]:
        """The lines of a command of the package.

        Raises:
            RuntimeError: It failed, or was too slow.
        """
        script = "import sys; from brats_seg.cli.main import main; sys.exit(main())"
        start = ["-m", "brats_seg"] if (code / "brats_seg" / "__main__.py").exists() else ["-c", script]
        status, lines = self.run([sys.executable, *start, *arguments], seconds, code)
        if status:
            raise RuntimeError(f"{arguments[0]}: exit code {status}: {[line for _, line in lines[-8:]]}")
        return lines

    def phantom(self) -> Path:
        """A cohort whose brains are about as large as real ones; made once."""
        cohort = self.folder / "cohort"
        if not cohort.exists():
            side = self.options.side
            shape = f"shape=[{side + 16},{side + 48},{side + 24}]"
            self.package("phantom", f"output={cohort}", f"cases={CASES}", shape, seconds=120)
            places = [f"data.root={cohort}", f"data.cache={self.folder / 'cache'}"]
            self.package("prepare", *places, seconds=120)
        return cohort

    def train(self, name: str, *more: str, code: Path = ROOT, seconds: float = 60) -> tuple[Path, list[Any]]:
        """The run folder and the lines."""
        side = self.options.side
        common = [f"data.root={self.phantom()}", f"data.cache={self.folder / 'cache'}", "fold=all"]
        common += [f"runs_root={self.folder / 'runs'}", f"name={name}", f"model.width={self.options.width}"]
        common += [f"data.patch=[{side},{side},{side}]", "out_of_fold.predict=false", "swa.cycles=0"]
        common += ["schedule.constant_epochs=1", f"schedule.cosine_epochs={EPOCHS - 1}"]
        common += [f"trainer.accelerator={self.options.accelerator}"]
        lines = self.package("train", "experiment=pipeline_a", *common, *more, seconds=seconds, code=code)
        return self.folder / "runs" / name / "fold_all", lines


def tests(card: Card) -> None:
    """``make test-gpu``."""
    if find_spec("pytest") is None:
        card.tell("tests", skipped="NO pytest")
        return
    whole = all(find_spec(name) for name in ("hypothesis", "omegaconf", "beartype", "pytest_timeout"))
    bare = (
        [] if whole else ["-c", os.devnull, "--rootdir", str(ROOT), "--noconftest", "--import-mode=importlib"]
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *bare,
        "-m",
        "gpu",
        "tests/gpu",
    ]
    status, lines = card.run(command, 110)
    card.tell("tests", exit_code=status, said=[line for _, line in lines[-12:]], with_conftest=whole)


def steps(card: Card) -> None:
    """Against plain torch and peers; shares of kinds of kernels."""
    for peer in ("monai", "dynamic_network_architectures"):
        if find_spec(peer) is None:
            card.tell(f"steps: {peer}", skipped="NOT importable: its network is not measured")
    tiny = ["--tiny"] * (card.options.side < 64)
    device = "cuda" if card.options.accelerator == "gpu" else "cpu"
    command = [
        sys.executable,
        "benchmarks/gpu.py",
        "--plan",
        "card",
        "--seconds",
        "90",
        "--device",
        device,
        *tiny,
    ]
    status, lines = card.run(command, 110)
    for _, line in lines:
        card.tell("step", **{"said": line} if not line.startswith("{") else {"found": json.loads(line)})
    if status:
        card.tell("steps", exit_code=status)


def epochs(card: Card) -> None:
    """Seconds from one epoch's line to the next: steps, data, callbacks and checkpoints."""
    ways = [("after", ROOT, []), ("after, a checkpoint each epoch", ROOT, ["checkpoint_minutes=0"])]
    if card.options.before is not None:
        ways.append(("before", card.options.before.resolve(), []))
    for number, (name, code, more) in enumerate(ways):
        try:
            folder, lines = card.train(f"epochs{number}", *more, code=code)
        except RuntimeError as error:
            card.tell(f"epoch: {name}", error=str(error)[:900])
            continue
        came = [second for second, line in lines if line.lstrip("\r").startswith("epoch ")]
        between = [round(b - a, 3) for a, b in itertools.pairwise(came)]
        with (folder / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        kept = (
            "seconds",
            "resources/patches_per_second",
            "resources/data_wait_share",
            "resources/peak_cuda_gib",
        )
        last = {key: rows[-1].get(key) for key in kept}
        card.tell(f"epoch: {name}", steps=CASES, seconds=median(between[1:]), each=between, last=last)


def predictions(card: Card) -> None:
    """One case with one and with fifteen bundles; needs the training of :func:`epochs`, or makes one."""
    bundle = card.folder / "runs" / "epochs0" / "fold_all" / "bundle"
    if not bundle.exists():
        bundle = card.train("epochs0")[0] / "bundle"
    case = sorted(path for path in card.phantom().iterdir() if path.is_dir())[0]
    for count in (1, 15):
        copies = [bundle.parent / f"bundle{number}" for number in range(count)]
        for copy in copies:
            if not copy.exists():
                shutil.copytree(bundle, copy)
        output = card.folder / f"predicted{count}"
        chosen = f"bundles.a=[{','.join(map(str, copies))}]"
        began = time.monotonic()
        place = [f"input={case}", f"output={output}", f"accelerator={card.options.accelerator}"]
        lines = card.package("predict", *place, chosen, seconds=60)
        wall = time.monotonic() - began
        record = json.loads(next(output.glob("*.json")).read_text())
        said = [line for _, line in lines[-2:]]
        card.tell(
            f"predict: {count} bundles", seconds=record.get("seconds"), process_s=round(wall, 1), said=said
        )


def determinism(card: Card) -> None:
    """The same training twice."""
    small = ["deterministic=true", "data.patch=[64,64,64]", "model.width=16"]
    if card.options.side < 64:
        small = ["deterministic=true"]
    weights = []
    for number in range(2):
        folder, _ = card.train(f"twice{number}", *small, seconds=45)
        weights.append((folder / "bundle" / "model.safetensors").read_bytes())
    card.tell("deterministic twice", equal=weights[0] == weights[1])


PARTS: tuple[Callable[[Card], None], ...] = (steps, epochs, predictions, determinism, tests)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--only", default="", help="one of " + ", ".join(part.__name__ for part in PARTS))
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--accelerator", default="gpu")
    parser.add_argument("--slack", type=float, default=1, help="times every part's time limit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        card = Card(options, Path(folder))
        for part in PARTS:
            if options.only not in part.__name__:
                continue
            began = time.monotonic()
            if card.end - began < 10:
                card.tell(part.__name__, skipped="NO TIME LEFT")
                continue
            try:
                part(card)
            except Exception as error:
                card.tell(part.__name__, error=f"{type(error).__name__}: {error}"[:900])
            card.tell(part.__name__, took_s=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
