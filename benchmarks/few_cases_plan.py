"""Which trainings ``few_cases.py`` runs: names and overrides of ``brats-seg train``, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Overrides = tuple[str, ...]
FEW: Overrides = ("experiment=few_cases", "scale.patch=[96,96,96]")
A: Overrides = ("experiment=pipeline_a",)
B: Overrides = ("experiment=pipeline_b",)
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
    "b": B,
    **{f"few_without_{name}": (*FEW, *change) for name, change in WITHOUT.items()},
    "few_other_seed": (*FEW, "seed=43"),
}
"""The last line shows how far the seed alone moves a mean."""
SECTION_4: dict[str, Overrides] = {
    "a_residual": ("experiment=pipeline_a_residual",),
    "a_dense": ("experiment=pipeline_a_dense",),
    "a_inverted_residual": ("experiment=pipeline_a_inverted_residual",),
    "a_bifpn": ("experiment=pipeline_a_bifpn",),
    "a_mean_teacher": ("experiment=pipeline_a_mean_teacher", "data.unlabelled=DATA/BraTS2023"),
}
"""The variants of pipeline A that the paper tried without gain."""
RATES: dict[str, Overrides] = {
    "few_rate_7e-3": (*FEW, "scale.b.learning_rate=7e-3"),
    "few_on_a": (*A, *SWITCHES),
    "a_noise_as_before": (*A, "data.augmentation.noise_unit=intensity"),
    "few_128": ("experiment=few_cases",),
    "few_rate_4e-2": (*FEW, "scale.b.learning_rate=4e-2"),
    "few_on_a_rate_2e-2": (*A, *SWITCHES, "scale.a.learning_rate=2e-2"),
    "a_without_drop": (*A, "data.augmentation.drop=0"),
    "few_two_cases": (*FEW, "data.patches_per_case=1", "scale.b.batch_size=2"),
    "few_centred_0.8": (*FEW, "data.tumour_centred=0.8"),
}
SCALE: dict[str, Overrides] = {
    "small_a": A,
    "small_b": B,
    "small_a_rate_2e-2": (*A, "scale.a.learning_rate=2e-2"),
    "small_a_rate_2e-1": (*A, "scale.a.learning_rate=2e-1"),
    "small_b_rate_7e-3": (*B, "scale.b.learning_rate=7e-3"),
    "small_b_rate_6e-2": (*B, "scale.b.learning_rate=6e-2"),
    "small_a_without_drop": (*A, "data.augmentation.drop=0"),
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
