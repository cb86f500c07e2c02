"""The steps of one alignment, in order: what each leaves, and how long it usually takes.

Covered by tests/scans/test_align.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from brats_seg.scans.brain import MODES
from brats_seg.scans.one_case import FIXED, MOVING, TO_T1CE, OneCase
from brats_seg.scans.settings import AlignSettings
from brats_seg.terms import MODALITIES

BRAIN_S, REGISTRATION_S, RESAMPLING_S, PAGE_S = 30.0, 20.0, 4.0, 6.0
"""On two cores of a server, nearly twice what docs/scans.md measured there: many a workstation is slower."""
VIEWS = {"fast": 1, "accurate": 8}
"""How many views of the head each network of the brain extraction sees."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: For the lines of progress.
        work: Does it.
        leaves: Files that are there once it is done; where all of them are, it is not done again.
        usual_s: How long it takes elsewhere.
    """

    name: str
    work: Callable[[], None]
    leaves: tuple[Path, ...]
    usual_s: float

    @property
    def is_done(self) -> bool:
        """Whether everything that it leaves is there."""
        return bool(self.leaves) and all(path.exists() for path in self.leaves)


def steps_of(one: OneCase) -> Iterator[Step]:
    """Every step of one case, in order."""
    folder = one.folder
    brain_s = 1.0 if one.brain_mask else brain_seconds(one.settings)
    yield Step("brain extraction", one.find_brain, (folder.native_brain,), brain_s)
    for name in MOVING:
        leaves = (folder.numbers(f"{FIXED}_to_{name}"),)
        yield Step(f"{name} to {FIXED}", partial(one.find_transform, name), leaves, REGISTRATION_S)
    yield Step(f"{FIXED} to atlas", one.find_atlas, (folder.numbers(TO_T1CE),), REGISTRATION_S)
    sequences = (folder.brain, *(folder.sequence(name) for name in MODALITIES))
    yield Step("resampling", one.write_sequences, sequences, RESAMPLING_S)
    yield Step("quality page", one.draw, (), PAGE_S)


def brain_seconds(settings: AlignSettings) -> float:
    """How long the brain extraction takes elsewhere, in seconds."""
    return BRAIN_S * MODES[settings.brain] * VIEWS[settings.brain]


def case_seconds(settings: AlignSettings, brain_is_given: bool) -> float:
    """How long a case takes elsewhere.

    Args:
        settings: How it is aligned.
        brain_is_given: Whether a mask stands in for the brain extraction.

    Returns:
        Seconds.
    """
    registrations = (len(MOVING) + 1) * REGISTRATION_S
    return (0.0 if brain_is_given else brain_seconds(settings)) + registrations + RESAMPLING_S + PAGE_S
