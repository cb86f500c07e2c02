"""What learning from few cases gains on real MRI, out of fold, and what each of its switches is worth.

python benchmarks/few_cases.py --data DIR --output DIR [--table ablation|fine_tune] [--only few,a]
    [--without b] [--steps 960] [--seconds 450] [--parallel 8] [--device cuda]

Each line of ``few_cases_plan.py`` is ``brats-seg train`` on every fold, then prediction and scores of the
cases that the network did not see. In OUTPUT, as soon as a training is scored: ``results.csv`` (Dice per
case), ``summary.json`` (means over the cases that are scored by then), and ``runs/``, for ``cv-summary``.
``--table ablation``: four folds of all cases. ``--table fine_tune``: 0, 1, 4 or 8 of the cases of BraTS
2021, five folds; bundles are trained on the other cases and on phantoms before. When time is out, what still
trains is stopped. The same SCRATCH again: what was trained before is only read.
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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import fmean
from typing import Any

from few_cases_plan import ABLATION, FEW, A, Start, tuned

ROOT = Path(__file__).resolve().parents[1]
REGIONS = ("ET", "TC", "WT")
FOLDS = {"ablation": 4, "fine_tune": 5}
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


@dataclass(frozen=True)
class Job:
    """One training on one fold.

    Attributes:
        name: Of the line of the table.
        fold: Which one validates.
        overrides: Of ``brats-seg train``.
        log: For what it prints.
        kept: Folder for what is kept of the run.
    """

    name: str
    fold: str
    overrides: tuple[str, ...]
    log: Path
    kept: Path


def work(job: Job) -> dict[str, Any]:
    """Train, predict and score; what went wrong is a line, too."""
    from brats_seg.training import load_config
    from brats_seg.workflows import train_and_predict

    began = time.perf_counter()
    line: dict[str, Any] = {"name": job.name, "fold": job.fold}
    job.log.parent.mkdir(parents=True, exist_ok=True)
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


class Plan:
    """The jobs of a table.

    Args:
        options: Of the command line.
        scratch: Folder for caches and runs.
    """

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.options = options
        self.scratch = scratch
        self.folds = FOLDS[options.table]
        gpu = options.device != "cpu"
        self.common = (
            "scale=small",
            "keep=last",
            "overlays.every_epochs=0",
            f"data.folds={self.folds}",
            f"data.cache={scratch / 'cache'}",
            f"data.workers={int(gpu)}",
            f"runs_root={scratch / 'runs'}",
            f"trainer.accelerator={'gpu' if gpu else 'cpu'}",
        )

    def lengths(self, cases: int, steps: int, overrides: Sequence[str]) -> tuple[str, ...]:
        """As many epochs as make so many steps."""
        batch = 2 if "scale.b.batch_size=2" in overrides else 1
        in_epoch = -(-cases // batch)
        epochs = max(steps // in_epoch, 1)
        short = (f"+trainer.limit_train_batches={steps}",) if steps < in_epoch else ()
        constant = epochs // 2
        return (
            f"scale.a.constant_epochs={constant}",
            f"scale.a.cosine_epochs={epochs - constant}",
            f"scale.b.cosine_epochs={epochs}",
            f"trainer.check_val_every_n_epoch={epochs + 1}",
            *short,
        )

    def job(self, name: str, fold: str, *overrides: str) -> Job:
        """A training on a fold."""
        return Job(
            name,
            fold,
            (*self.common, f"name={name}", f"fold={fold}", *overrides, *self.options.override),
            self.options.output / "logs" / f"{name}_{fold}.txt",
            self.options.output / "runs" / name / f"fold_{fold}",
        )

    def ablation(self) -> Iterator[Job]:
        """Every fold of every line."""
        root = f"data.root={self.options.data}"
        train = count_labelled(self.options.data) * (self.folds - 1) // self.folds
        for name, overrides in ABLATION.items():
            for fold in range(self.folds):
                lengths = self.lengths(train, self.options.steps, overrides)
                yield self.job(name, str(fold), root, *overrides, *lengths)

    def sources(self) -> Iterator[Job]:
        """Bundles to start from: of the cases that are not of BraTS 2021, and of phantoms."""
        ids = labelled(self.options.data)
        split = self.scratch / "source_real.json"
        other = [case_id for case_id in ids if not is_own(case_id)]
        split.write_text(json.dumps({"train": other, "validation": []}))
        roots = {
            "source_real": (f"data.root={self.options.data}", f"data.split={split}"),
            "source_phantom": (),
        }
        roots["source_phantom"] = (f"data.root={self.scratch / 'phantoms'}",)
        for name, root in roots.items():
            lengths = self.lengths(6, self.options.steps, FEW)
            yield self.job(name, "all", *root, *FEW, *lengths, "out_of_fold.predict=false")

    def fine_tune(self) -> Iterator[Job]:
        """Every fold of every start and number of own cases."""
        from brats_seg.data.folds import fold_split, make_folds

        own = [case_id for case_id in labelled(self.options.data) if is_own(case_id)]
        folds = make_folds(own, folds=self.folds, seed=42)
        for name, start, count in tuned():
            for fold in range(self.folds):
                split = fold_split(folds, fold)
                file = self.scratch / f"own_{fold}_{count}.json"
                train = list(split.train)[: count or 1]
                file.write_text(json.dumps({"train": train, "validation": list(split.validation)}))
                yield self.tuning(name, fold, start, count, file)

    def tuning(self, name: str, fold: int, start: Start, count: int, split: Path) -> Job:
        """One training on own cases; with none of them a step without a rate."""
        steps = max(self.options.steps // 4, 1)
        lengths = self.lengths(count, steps, FEW) if count else self.lengths(1, 1, FEW)
        extra = list(start.overrides)
        if start.bundle is not None:
            extra.append(f"init={self.scratch / 'runs' / start.bundle / 'fold_all' / 'bundle'}")
        if start.freezes:
            extra.append(f"fine_tune.frozen_epochs={max(steps // max(count, 1) // 4, 1)}")
        if not count:
            extra.append("optimizer.lr=0")
        places = (f"data.root={self.options.data}", f"data.split={split}")
        return self.job(name, str(fold), *places, *FEW, *lengths, *extra)


def labelled(root: Path) -> list[str]:
    """Ids of the labelled cases."""
    from brats_seg.cases import find_cases

    return sorted(case.id for case in find_cases(root) if case.segmentation is not None)


def count_labelled(root: Path) -> int:
    """How many there are."""
    return len(labelled(root))


def is_own(case_id: str) -> bool:
    """Whether a case belongs to the hospital whose cases are few."""
    return case_id.startswith("BraTS2021")


def prepare(jobs: Iterable[Job], workers: int) -> None:
    """Fill the cache of each normalisation before the trainings begin, on all cores."""
    from brats_seg.training.config import build, load_config

    first = {}
    for job in jobs:
        (root,) = (each for each in job.overrides if each.startswith("data.root="))
        first.setdefault((root, *set(A) & set(job.overrides)), job)
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
    parser.add_argument("--table", choices=list(FOLDS), default="ablation")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="lines of the table")
    parser.add_argument("--without", type=lambda text: text.split(","), default=[], help="lines to leave out")
    parser.add_argument("--steps", type=int, default=960)
    parser.add_argument("--seconds", type=float, default=450)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--scratch", type=Path, default=None, help="for caches and runs; kept if it is given")
    parser.add_argument("--override", nargs="*", default=[], help="for every training")
    options = parser.parse_args()
    options.data, options.output = options.data.resolve(), options.output.resolve()
    return options


def chosen(jobs: Iterable[Job], options: argparse.Namespace) -> list[Job]:
    """Those that were asked for."""
    kept = []
    for job in jobs:
        if (not options.only or job.name in options.only) and job.name not in options.without:
            kept.append(job)
    return kept


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
        first, jobs = planned(options, scratch)
        print(json.dumps({"prepared": round(time.perf_counter() - results.began, 1)}), flush=True)
        workers.run(first, results, end)
        workers.run(jobs, results, end)


def planned(options: argparse.Namespace, scratch: Path) -> tuple[list[Job], list[Job]]:
    """What comes first, and the rest; their cases are prepared."""
    from brats_seg.phantom import write_cohort
    from brats_seg.runtime.machine import cores

    plan = Plan(options, scratch)
    first: list[Job] = []
    if options.table == "fine_tune":
        write_cohort(scratch / "phantoms", cases=6, seed=0, shape=(96, 112, 96), workers=cores())
        first = list(plan.sources())
    jobs = chosen(getattr(plan, options.table)(), options)
    prepare([*first, *jobs], cores())
    return first, jobs


if __name__ == "__main__":
    main()
