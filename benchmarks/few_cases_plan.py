"""Which trainings ``few_cases.py`` runs: names and overrides of ``brats-seg train``, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Overrides = tuple[str, ...]
FEW: Overrides = ("experiment=few_cases", "scale.patch=[96,96,96]")
A: Overrides = ("experiment=pipeline_a",)
SWITCHES: Overrides = (
    "data.patches_per_case=2",
    "data.tumour_centred=0.5",
    "data.augmentation.rotate=0.3",
    "data.augmentation.zoom=0.3",
    "data.augmentation.gamma=0.3",
    "data.augmentation.blur=0.15",
    "data.augmentation.low_resolution=0.15",
    "loss.cross_entropy=1",
    "ema.decay=0.99",
    "scale.patch=[96,96,96]",
)
"""Those of ``experiment=few_cases``, for another experiment."""
WITHOUT: dict[str, Overrides] = {
    "tumour_centred": ("data.tumour_centred=0",),
    "cross_entropy": ("loss.cross_entropy=null",),
    "ema": ("ema.decay=0",),
    "rotate_zoom": ("data.augmentation.rotate=0", "data.augmentation.zoom=0"),
    "second_patch": ("data.patches_per_case=1",),
    "gamma": ("data.augmentation.gamma=0",),
    "blur_low_resolution": ("data.augmentation.blur=0", "data.augmentation.low_resolution=0"),
}
ABLATION: dict[str, Overrides] = {
    "few": FEW,
    "a": A,
    "a_noise_as_before": (*A, "data.augmentation.noise_unit=intensity"),
    "few_on_a": (*A, *SWITCHES),
    "few_rate_7e-3": (*FEW, "scale.b.learning_rate=7e-3"),
    **{f"few_without_{name}": (*FEW, *change) for name, change in WITHOUT.items()},
    "b": ("experiment=pipeline_b",),
    "few_128": ("experiment=few_cases",),
    "few_rate_2e-3": (*FEW, "scale.b.learning_rate=2e-3"),
    "few_on_a_rate_2e-2": (*A, *SWITCHES, "scale.a.learning_rate=2e-2"),
    "a_rate_2e-2": (*A, "scale.a.learning_rate=2e-2"),
    "b_rate_7e-3": ("experiment=pipeline_b", "scale.b.learning_rate=7e-3"),
    "few_two_cases": (*FEW, "data.patches_per_case=1", "scale.b.batch_size=2"),
    "few_centred_0.8": (*FEW, "data.tumour_centred=0.8"),
    "few_half_the_augmentation": (
        *FEW,
        "data.augmentation.rotate=0.15",
        "data.augmentation.zoom=0.15",
        "data.augmentation.gamma=0.15",
    ),
}
OWN = (1, 4, 8)
"""How many own cases train; 0 is the bundle as it is."""
TUNED: Overrides = ("scale.b.learning_rate=5e-3",)
CAREFUL: Overrides = ("fine_tune.old_rate=0.1",)


@dataclass(frozen=True)
class Start:
    """Where a training on own cases starts.

    Attributes:
        bundle: Name of the training whose bundle it is; None: nothing is known before.
        overrides: Of the training on own cases.
        freezes: Whether the encoder is frozen for the first quarter of the epochs.
    """

    bundle: str | None = None
    overrides: Overrides = ()
    freezes: bool = False


STARTS: dict[str, Start] = {
    "scratch": Start(),
    "real": Start("source_real", TUNED),
    "phantom": Start("source_phantom", TUNED),
    "real_careful": Start("source_real", (*TUNED, *CAREFUL), freezes=True),
}


def tuned() -> Iterator[tuple[str, Start, int]]:
    """Name, start and number of own cases of each line of the table."""
    for name, start in STARTS.items():
        if start.bundle is not None and name == start.bundle.removeprefix("source_"):
            yield f"{name}_0", start, 0
        for count in OWN:
            yield f"{name}_{count}", start, count
