"""What learning from few cases gains on real MRI, out of fold, and what each of its switches is worth.

python benchmarks/few_cases.py --data DIR --output DIR [--table ablation,section4,fine_tune,scale,rates]
    [--only few,a] [--without b] [--steps 960] [--seconds 450] [--parallel 8] [--device cuda] [--scratch DIR]

Each line of ``few_cases_plan.py`` is ``brats-seg train`` on every fold, then prediction and scores of the
cases that the network did not see. In OUTPUT, as soon as a training is scored: ``results.csv`` (Dice per
case), ``summary.json`` (means over the cases that are scored by then), and ``runs/``, for ``cv-summary``.
The tables, in the order given: ``ablation``, ``section4`` and ``rates``: four folds of all cases;
``fine_tune``: 0, 1, 4 or 8 of the cases of BraTS 2021, five folds, from bundles that are trained on the other
cases or on phantoms first; ``scale``: four folds of the cases that ``docs/real-data-split.json`` trains on,
as long as ``scale=small``. ``DIR/BraTS2023`` is the unlabelled folder of the mean teacher. When time is out,
what still trains is stopped. With ``--scratch``, what was trained before is only read. On a card,
``nvidia-cuda-mps-control -d`` beforehand lets the trainings share it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import multiprocessing
import os
import queue
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import fmean
from typing import Any

from few_cases_jobs import TABLES, Job, Plan
from few_cases_plan import A

ROOT = Path(__file__).resolve().parents[1]
REGIONS = ("ET", "TC", "WT")
KEPT = ("evaluation", "config.yaml", "out_of_fold.json", "status.json", "metrics.csv")
"""Of a run folder, for ``cv-summary``; weights and label maps stay in the folder of work."""
os.environ.setdefault("OMP_NUM_THREADS", "1")  # several trainings at a time


def use_this_checkout() -> None:
    """Import the package and its configuration from this checkout, where they are not installed."""
    sys.path.insert(0, str(ROOT))
    folder = ROOT / "conf"
    spec = spec_from_file_location(
        "brats_seg.conf", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    import brats_seg

    module = module_from_spec(spec)
    sys.modules["brats_seg.conf"] = module
    spec.loader.exec_module(module)
    brats_seg.conf = module  # type: ignore[attr-defined]


use_this_checkout()  # in the processes that train, too


def work(job: Job) -> dict[str, Any]:
    """Train, predict and score; what went wrong is a line, too."""
    from brats_seg.training import load_config
    from brats_seg.workflows import train_and_predict

    began = time.perf_counter()
    line: dict[str, Any] = {"name": job.name, "fold": job.fold}
    job.log.parent.mkdir(parents=True, exist_ok=True)
    while job.after is not None and not job.after.exists():
        time.sleep(1)
    try:
        with job.log.open("w") as log, contextlib.redirect_stdout(log):
            folder = train_and_predict(load_config(job.overrides)).folder
        keep(folder, job.kept)
        line["dice"] = dice_of(folder)
    except Exception as error:
        line["error"] = f"{type(error).__name__}: {error}"[:600]
    line["seconds"] = round(time.perf_counter() - began, 1)
    return line


def keep(folder: Path, kept: Path) -> None:
    """Copy what is small."""
    kept.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        if (folder / name).is_dir():
            shutil.copytree(folder / name, kept / name, dirs_exist_ok=True)
        elif (folder / name).exists():
            shutil.copy(folder / name, kept / name)


def dice_of(folder: Path) -> dict[str, dict[str, float]]:
    """Case to region to Dice; none where nothing validates."""
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    file = folder / "evaluation" / "per_case.csv"
    if file.exists():
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                if row["metric"] == "dice":
                    scores[row["case"]][row["region"]] = float(row["value"])
    return dict(scores)


def prepare(jobs: Iterable[Job], workers: int) -> None:
    """Fill the cache of each normalisation before the trainings begin, on all cores."""
    from brats_seg.training.config import build, load_config

    first = {}
    for job in jobs:
        (root,) = (each for each in job.overrides if each.startswith("data.root="))
        is_a = any(each.startswith(*A) for each in job.overrides)
        first.setdefault((root, is_a), job)
    wanted = []
    for job in first.values():
        config = load_config([*job.overrides, "fold=all"])
        config.data.workers, config.data.split = workers, None
        wanted.append(config.data)
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda data: build(data).prepare_cases(), wanted))


class Results:
    """What is written as soon as it is there.

    Args:
        folder: For the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[dict[str, Any]] = []
        self.began = time.perf_counter()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, line: dict[str, Any]) -> None:
        """Write and show a training."""
        self.lines.append({**line, "at": round(time.perf_counter() - self.began)})
        with (self.folder / "results.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("name", "fold", "case", *REGIONS))
            for each in self.lines:
                for case, dice in each.get("dice", {}).items():
                    writer.writerow((each["name"], each["fold"], case, *(dice[region] for region in REGIONS)))
        (self.folder / "trainings.json").write_text(json.dumps(self.lines, indent=1))
        (self.folder / "summary.json").write_text(json.dumps(self.summary(), indent=1))
        shown = {key: value for key, value in self.lines[-1].items() if key != "dice"}
        print(json.dumps({**shown, **self.summary().get(line["name"], {})}), flush=True)

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean Dice of each line of the table over its scored cases."""
        cases: dict[str, list[dict[str, float]]] = defaultdict(list)
        for line in self.lines:
            cases[line["name"]] += line.get("dice", {}).values()
        table = {}
        for name, dice in cases.items():
            if dice:
                means = {region: round(fmean(each[region] for each in dice), 4) for region in REGIONS}
                table[name] = {**means, "mean": round(fmean(means.values()), 4), "cases": len(dice)}
        return table


class Workers:
    """Processes that train; they import while the cases are prepared.

    No pool of ``multiprocessing``: its processes may not start those of a loader.

    Args:
        count: How many trainings at a time.
    """

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.jobs, self.done = context.Queue(), context.Queue()
        arguments = (self.jobs, self.done)
        self.processes = [context.Process(target=serve, args=arguments) for _ in range(count)]
        for process in self.processes:
            process.start()

    def run(self, jobs: Sequence[Job], results: Results, end: float) -> None:
        """All of them, or until time is out."""
        for job in jobs:
            self.jobs.put(job)
        left = len(jobs)
        while left and time.perf_counter() < end and any(process.is_alive() for process in self.processes):
            with contextlib.suppress(queue.Empty):
                results.add(self.done.get(timeout=1))
                left -= 1
        if left:
            print(json.dumps({"not done": left}), flush=True)

    def stop(self) -> None:
        """Stop what still works."""
        for process in self.processes:
            process.kill()
            process.join()


def serve(jobs: Any, done: Any) -> None:
    """Train what comes."""
    import brats_seg.workflows.out_of_fold  # noqa: F401 (takes seconds)

    while True:
        done.put(work(jobs.get()))


def parsed() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled cases")
    parser.add_argument("--output", type=Path, required=True)
    names = partial(str.split, sep=",")
    parser.add_argument("--table", type=names, default=["ablation"], help=f"of {', '.join(TABLES)}")
    parser.add_argument("--only", type=names, default=[], help="lines of the tables")
    parser.add_argument("--without", type=names, default=[], help="lines to leave out")
    parser.add_argument("--steps", type=int, default=960)
    parser.add_argument("--seconds", type=float, default=450)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--scratch", type=Path, default=None, help="for caches and runs; kept if it is given")
    parser.add_argument("--override", nargs="*", default=[], help="for every training")
    options = parser.parse_args()
    options.data, options.output = options.data.resolve(), options.output.resolve()
    return options


def main() -> None:
    options = parsed()
    end = time.perf_counter() + options.seconds
    results = Results(options.output)
    with contextlib.ExitStack() as stack:
        scratch = options.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scratch = scratch.resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        workers = Workers(options.parallel)
        stack.callback(workers.stop)
        jobs = planned(options, scratch)
        print(json.dumps({"prepared": round(time.perf_counter() - results.began, 1)}), flush=True)
        workers.run(jobs, results, end)


def planned(options: argparse.Namespace, scratch: Path) -> list[Job]:
    """What is to be trained; its cases are prepared."""
    from brats_seg.phantom import write_cohort
    from brats_seg.runtime.machine import cores

    if "fine_tune" in options.table:
        write_cohort(scratch / "phantoms", cases=6, seed=0, shape=(96, 112, 96), workers=cores())
    jobs = Plan(options, scratch).jobs()
    prepare(jobs, cores())
    return jobs


if __name__ == "__main__":
    main()
