"""Draw docs/schedule.png from the configuration: ``python docs/plot_schedule.py [override ...]``."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from brats_seg.training.config import build, load_config
from brats_seg.training.trainer import epochs


def draw(axes: Axes, experiment: str, overrides: list[str]) -> None:
    """Rate per epoch, snapshots as dots, the start of every fresh optimiser as a line."""
    config = load_config([f"experiment={experiment}", "data.root=unused", *overrides])
    schedule = build(config.schedule)
    first = schedule.constant_epochs + schedule.cosine_epochs
    swa = build(config.swa, first_epoch=first, folder=Path(), facts={})
    rates = [schedule.rate(e) if e < first else swa.rate(e) for e in range(epochs(config))]
    axes.step(range(len(rates)), rates, where="mid", color="C0", label="learning rate")
    for start in range(first, len(rates), swa.cycle_epochs):
        axes.axvline(
            start - 0.5, color="0.7", linewidth=0.8, zorder=0, label="fresh Adam" if start == first else None
        )
    if swa.snapshots:
        taken = list(swa.snapshots)
        axes.plot(taken, [rates[e] for e in taken], ".", color="C3", label=f"{len(taken)} snapshots")
    axes.set(title=experiment, xlabel="epoch", ylabel="learning rate", xlim=(0, len(rates)), ylim=0)
    axes.legend(frameon=False)


def main() -> None:
    """Both pipelines side by side."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
    for axes, experiment in zip(panels, ("pipeline_a", "pipeline_b"), strict=True):
        draw(axes, experiment, sys.argv[1:])
    figure.savefig(Path(__file__).with_name("schedule.png"), dpi=110)


if __name__ == "__main__":
    main()
