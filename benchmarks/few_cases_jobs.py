"""The trainings of each table of ``few_cases.py``: one job for a line and a fold."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from few_cases_plan import ABLATION, FEW, RATES, SCALE, SECTION_4, Overrides, Start, tuned

ROOT = Path(__file__).resolve().parents[1]
TABLES = ("ablation", "section4", "fine_tune", "scale", "rates")
FOLDS = 4
OWN_FOLDS = 5


@dataclass(frozen=True)
class Job:
    """One training on one fold.

    Attributes:
        name: Of the line of the table.
        fold: Which one validates.
        overrides: Of ``brats-seg train``.
        log: For what it prints.
        kept: Folder for what is kept of the run.
        after: A bundle that another job makes; none: it can start at once.
    """

    name: str
    fold: str
    overrides: tuple[str, ...]
    log: Path
    kept: Path
    after: Path | None = None


class Plan:
    """The jobs of the tables.

    Args:
        options: Of the command line.
        scratch: Folder for caches and runs.
    """

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.options = options
        self.scratch = scratch
        gpu = options.device != "cpu"
        self.common = (
            "scale=small",
            "keep=last",
            "overlays.every_epochs=0",
            f"data.cache={scratch / 'cache'}",
            f"data.workers={int(gpu)}",
            f"runs_root={scratch / 'runs'}",
            f"trainer.accelerator={'gpu' if gpu else 'cpu'}",
        )
        self.makers: dict[str, Callable[[], Iterator[Job]]] = {
            "ablation": lambda: self.out_of_fold(ABLATION),
            "section4": lambda: self.out_of_fold(SECTION_4),
            "rates": lambda: self.out_of_fold(RATES),
            "fine_tune": self.fine_tune,
            "scale": self.scale,
        }

    def jobs(self) -> list[Job]:
        """Those of the chosen tables and lines, bundles to start from first."""
        first = list(self.sources()) if "fine_tune" in self.options.table else []
        rest = []
        for table in self.options.table:
            rest += [job for job in self.makers[table]() if self.wants(job.name)]
        return [*first, *rest]

    def wants(self, name: str) -> bool:
        """Whether a line was asked for."""
        asked = not self.options.only or name in self.options.only
        return asked and name not in self.options.without

    @cached_property
    def labelled(self) -> list[str]:
        """Ids of the labelled cases."""
        from brats_seg.cases import find_cases

        cases = find_cases(self.options.data)
        return sorted(case.id for case in cases if case.segmentation is not None)

    @property
    def root(self) -> str:
        """Where the cases lie."""
        return f"data.root={self.options.data}"

    def job(self, name: str, fold: object, *overrides: str, after: Path | None = None) -> Job:
        """A training on a fold."""
        return Job(
            name,
            str(fold),
            (*self.common, f"name={name}", f"fold={fold}", *overrides, *self.options.override),
            self.options.output / "logs" / f"{name}_{fold}.txt",
            self.options.output / "runs" / name / f"fold_{fold}",
            after,
        )

    def out_of_fold(self, lines: dict[str, Overrides]) -> Iterator[Job]:
        """Every fold of every line, of all labelled cases."""
        train = len(self.labelled) * (FOLDS - 1) // FOLDS
        for name, overrides in lines.items():
            written = [each.replace("DATA", str(self.options.data)) for each in overrides]
            lengths = self.lengths(train, self.options.steps, written)
            for fold in range(FOLDS):
                yield self.job(name, fold, self.root, f"data.folds={FOLDS}", *written, *lengths)

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

    def split(self, name: str, train: Sequence[str], validation: Sequence[str]) -> str:
        """A split as a file, and the key that names it."""
        file = self.scratch / f"split_{name}.json"
        file.write_text(json.dumps({"train": list(train), "validation": list(validation)}))
        return f"data.split={file}"

    def scale(self) -> Iterator[Job]:
        """Every fold of the training cases of docs/real-data.md, as long as ``scale=small``."""
        from brats_seg.data.folds import fold_split, make_folds

        ids = json.loads((ROOT / "docs" / "real-data-split.json").read_text())["train"]
        folds = make_folds(ids, folds=FOLDS, seed=42)
        for name, overrides in SCALE.items():
            for fold in range(FOLDS):
                sides = fold_split(folds, fold)
                split = self.split(f"scale_{fold}", sides.train, sides.validation)
                late = "trainer.check_val_every_n_epoch=37"
                yield self.job(name, fold, self.root, split, *overrides, late)

    def sources(self) -> Iterator[Job]:
        """Bundles to start from: of the cases that are not of BraTS 2021, and of phantoms."""
        other = [case_id for case_id in self.labelled if not is_own(case_id)]
        lengths = self.lengths(len(other), self.options.steps, FEW)
        common = (*FEW, *lengths, "out_of_fold.predict=false")
        yield self.job("source_real", "all", self.root, self.split("source_real", other, []), *common)
        yield self.job("source_phantom", "all", f"data.root={self.scratch / 'phantoms'}", *common)

    def fine_tune(self) -> Iterator[Job]:
        """Every fold of every start and number of own cases."""
        from brats_seg.data.folds import fold_split, make_folds

        own = [case_id for case_id in self.labelled if is_own(case_id)]
        folds = make_folds(own, folds=OWN_FOLDS, seed=42)
        for name, start, count in tuned():
            for fold in range(OWN_FOLDS):
                sides = fold_split(folds, fold)
                train = sides.train[: count or 1]
                split = self.split(f"own_{fold}_{count}", train, sides.validation)
                yield self.tuning(name, fold, start, count, split)

    def tuning(self, name: str, fold: int, start: Start, count: int, split: str) -> Job:
        """One training on own cases; with none of them a step without a rate."""
        steps = max(self.options.steps // 4, 1)
        lengths = self.lengths(count, steps, FEW) if count else self.lengths(1, 1, FEW)
        extra = list(start.overrides)
        bundle = None
        if start.bundle is not None:
            bundle = self.scratch / "runs" / start.bundle / "fold_all" / "bundle"
            extra.append(f"init={bundle}")
        if start.freezes:
            extra.append(f"fine_tune.frozen_epochs={max(steps // max(count, 1) // 4, 1)}")
        if not count:
            extra.append("optimizer.lr=0")
        return self.job(name, fold, self.root, split, *FEW, *lengths, *extra, after=bundle)


def is_own(case_id: str) -> bool:
    """Whether a case belongs to the hospital whose cases are few."""
    return case_id.startswith("BraTS2021")
