"""Where everything of a training lies. Covered by tests/artifacts/test_run_folder.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from brats_seg.artifacts.evaluation_folder import EvaluationFolder


@dataclass(frozen=True)
class RunPaths:
    """Files and folders of ``<runs_root>/<name>/fold_<k>``."""

    path: Path

    @classmethod
    def of(cls, config: Any) -> Self:
        """Where a training with this configuration lives, its name filled in."""
        return cls(Path(config.runs_root) / config.name / f"fold_{config.fold}")

    @property
    def checkpoints(self) -> Path:
        """Where to continue from."""
        return self.path / "checkpoints"

    @property
    def snapshots(self) -> Path:
        """What weight averaging takes the mean of."""
        return self.path / "snapshots"

    @property
    def best_weights(self) -> Path:
        """Those with the lowest validation loss, where the best are kept."""
        return self.path / "best.safetensors"

    @property
    def bundle(self) -> Path:
        """What prediction needs of the training."""
        return self.path / "bundle"

    @property
    def predictions(self) -> Path:
        """Label maps of the cases that validate."""
        return self.path / "predictions"

    @property
    def metrics(self) -> Path:
        """``metrics.csv``: a row per epoch."""
        return self.path / "metrics.csv"

    @property
    def case_losses(self) -> Path:
        """``case_losses.csv``: epoch, case, loss of the main head."""
        return self.path / "case_losses.csv"

    @property
    def evaluation(self) -> EvaluationFolder:
        """Scores of the cases that validate."""
        return EvaluationFolder(self.path / "evaluation")

    @property
    def out_of_fold(self) -> Path:
        """What those were made of; present when all of them are there and scored."""
        return self.path / "out_of_fold.json"
