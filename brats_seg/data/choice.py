"""Which cases train and which validate. Covered by tests/data/test_base.py and test_folds.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from brats_seg.cases import Case
from brats_seg.data.folds import Split, fold_split, frozen_folds
from brats_seg.data.split_files import read_exclusions, read_split
from brats_seg.errors import FileError, UserError


@dataclass(frozen=True)
class Choice:
    """A choice among the cases of a folder.

    Attributes:
        split_file: With ``{"train": [...], "validation": [...]}``, in place of the folds.
        exclude_file: With case ids to leave out of training; validation never changes.
        fold: Which fold validates, from 0; ``"all"`` trains on every case.
        folds: How many folds.
        seed: Of the folds alone.
        changed: If ``folds.json`` was made from other cases: ``refuse``, ``extend`` or ``resplit``.
    """

    split_file: str | None
    exclude_file: str | None
    fold: int | str
    folds: int
    seed: int
    changed: str

    def split(self, cases: Sequence[Case], root: Path, home: Path) -> Split:
        """Both sides, exclusions taken out of training.

        Args:
            cases: Labelled cases.
            root: Their folder.
            home: Holds ``folds.json``.

        Returns:
            Case ids of each side.

        Raises:
            UserError: A file cannot be read or names other cases, there are too few patients, or no case
                is left to train on.
        """
        split = self._whole(cases, home)
        if self.exclude_file is None:
            return split
        excluded = read_exclusions(Path(self.exclude_file))
        unknown = sorted(excluded - {case.id for case in cases})
        if unknown:
            expected = f"ids of cases in {root}"
            raise FileError(self.exclude_file, expected, f"also {', '.join(unknown[:5])}")
        train = tuple(case_id for case_id in split.train if case_id not in excluded)
        if not train:
            raise UserError(f"data.exclude={self.exclude_file} leaves no case to train on")
        return Split(train, split.validation)

    def _whole(self, cases: Sequence[Case], home: Path) -> Split:
        ids = [case.id for case in cases]
        patients = {case.id: case.patient for case in cases if case.patient is not None}
        if self.split_file is not None:
            return read_split(Path(self.split_file), ids, patients)
        if self.fold == "all":  # needs no folds, so too few patients for them will do
            return Split(tuple(ids), ())
        folds = frozen_folds(
            home / "folds.json",
            ids,
            folds=self.folds,
            seed=self.seed,
            changed=self.changed,
            patients=patients,
        )
        return fold_split(folds, self.fold)
