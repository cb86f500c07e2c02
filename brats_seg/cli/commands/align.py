"""`brats-seg align`. Covered by tests/scans/test_packages.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Alignment, Patterns
from brats_seg.kinds import ExistingOrNone


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/align.yaml`` and the kinds of their values."""

    input: ExistingOrNone
    t1: ExistingOrNone
    t1ce: ExistingOrNone
    t2: ExistingOrNone
    flair: ExistingOrNone
    case: str | None
    brain_mask: ExistingOrNone
    output: str
    scans: Alignment
    patterns: Patterns


@command("align")
def main(config: DictConfig) -> None:
    """Bring a folder of raw cases, or four raw files, to the space of BraTS."""
    from pathlib import Path

    from omegaconf import OmegaConf

    from brats_seg.cases import case_from_files, clear_cases
    from brats_seg.errors import UserError
    from brats_seg.scans import AlignSettings, align
    from brats_seg.terms import MODALITIES

    files = {name: Path(config[name]) for name in MODALITIES if config[name] is not None}
    if (config.input is None) == (not files):
        raise UserError("say what to align, once: input=DIR, or t1=FILE t1ce=FILE t2=FILE flair=FILE")
    if config.brain_mask is not None and not files:
        raise UserError("brain_mask=FILE goes with t1=FILE t1ce=FILE t2=FILE flair=FILE")
    settings = AlignSettings(**OmegaConf.to_container(config.scans))  # type: ignore[arg-type]
    if files:
        cases = [case_from_files(files, case_id=config.case)]
        unclear: list[str] = []
    else:
        cases, unclear = clear_cases(Path(config.input), patterns=config.patterns)
    masks = {} if config.brain_mask is None else {cases[0].id: Path(config.brain_mask)}
    if failures := align(cases, Path(config.output), settings, brain_masks=masks, unclear=unclear):
        raise UserError("\n".join(failures))


if __name__ == "__main__":
    main()
