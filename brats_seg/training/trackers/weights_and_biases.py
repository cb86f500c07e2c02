"""Weights & Biases: one run per run folder.

Covered by tests/training/trackers/test_trackers.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytorch_lightning.utilities import rank_zero_only

from brats_seg.artifacts.bundles import load_bundle
from brats_seg.figures import pixels
from brats_seg.runtime.wandb_run import WandbRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NOT_IN_ARTIFACTS = re.compile(r"[^\w.-]+", re.ASCII)
"""Characters that a name of an artifact may not have."""


class WandbTracker(WandbRun):
    """One run per run folder, which keeps its id; online where there is a login.

    Args:
        project: Where the run is listed.
        entity: Team or user; None: the default of the account.
        job_type: Label of the run.
        tags: Further labels.
        bundle_artifact: Also record the bundle.
        folder: Run folder.
        group: Runs that are shown together.
        name: Of the run: experiment and fold.
    """

    def __init__(  # noqa: PLR0913 (each is a key of conf/logger/wandb.yaml)
        self,
        *,
        project: str,
        entity: str | None,
        job_type: str,
        tags: Sequence[str],
        bundle_artifact: bool,
        folder: Path,
        group: str,
        name: str,
    ) -> None:
        super().__init__(
            folder,
            name=name,
            project=project,
            entity=entity,
            job_type=job_type,
            tags=list(tags),
            group=group,
        )
        self.bundle_artifact = bundle_artifact
        self.artifact = NOT_IN_ARTIFACTS.sub("-", f"{group}-{name}")

    @rank_zero_only
    def log_figure(self, key: str, figure: Figure, step: int) -> None:
        """Record a picture.

        Args:
            key: Its name.
            figure: Of matplotlib.
            step: Optimiser steps so far.
        """
        self.log_image(key, [pixels(figure)], step)

    @rank_zero_only
    def log_scores(self, scores: dict[str, float]) -> None:
        """Record numbers in the run's summary, by which the table of runs is sorted."""
        self.experiment.summary.update(scores)

    @rank_zero_only
    def log_bundle(self, bundle: Path) -> None:
        """Record the bundle as an artifact, its description as metadata, if that is asked for."""
        if not self.bundle_artifact:
            return
        import wandb

        artifact = wandb.Artifact(self.artifact, type="model", metadata=dict(load_bundle(bundle).record))
        for file in sorted(bundle.iterdir()):
            artifact.add_file(str(file))
        self.experiment.log_artifact(artifact)

    @rank_zero_only
    def close(self, *, failed: bool) -> None:
        """End the run; another one may start in this process."""
        self.finish(failed=failed)
