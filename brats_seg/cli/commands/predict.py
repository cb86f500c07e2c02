"""`brats-seg predict`. Covered by tests/cli/test_own_naming.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Bundles, Packages, Patterns
from brats_seg.kinds import Amount, ExistingOrNone, Positive


@dataclass(frozen=True)
class LabelsOfPrediction:
    """Label values of what ``brats-seg predict`` reads and writes."""

    input: str | None
    output: str | None


@dataclass(frozen=True)
class Postprocessing:
    """Volumes in mm3."""

    enhancing_below_mm3: Amount
    components_below_mm3: Amount


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/predict.yaml``; choices and ranges are those of ``brats_seg.inference.Settings``."""

    input: ExistingOrNone
    t1: ExistingOrNone
    t1ce: ExistingOrNone
    t2: ExistingOrNone
    flair: ExistingOrNone
    id: str | None
    output: str
    overwrite: bool
    bundles: Bundles
    ensemble: ExistingOrNone
    trust: Packages
    tta: str
    threshold: Amount
    precision: str
    inferer: str
    on_missing_modality: str
    labels: LabelsOfPrediction
    report: bool
    probabilities: bool
    uncertainty: str | None
    postprocessing: Postprocessing
    patterns: Patterns
    orientation: str | None
    channels_last: bool
    fused_norm: bool
    accelerator: str
    devices: int | str | list[int]
    num_nodes: Positive
    strategy: str


@command("predict")
def main(config: DictConfig) -> None:
    """Segment a folder of cases, one case, or four files."""
    from typing import Any, cast

    from omegaconf import OmegaConf

    from brats_seg.artifacts.ensemble_file import open_bundles
    from brats_seg.cases import case_from_files, clear_cases
    from brats_seg.errors import UserError
    from brats_seg.inference import Machine, Settings, predict
    from brats_seg.runtime.processes import is_rank_zero
    from brats_seg.terms import MODALITIES
    from brats_seg.workflows.prediction_pages import add_report
    from brats_seg.workflows.scanner_space import aligned_among, write_back

    files = {name: Path(config[name]) for name in MODALITIES if config[name] is not None}
    if (config.input is None) == (not files):
        raise UserError("say what to segment, once: input=DIR, or t1=FILE t1ce=FILE t2=FILE flair=FILE")
    if config.id is not None and not files:
        raise UserError(f"id={config.id} names the case of four files: cases below input have their names")
    plain = cast(dict[str, Any], OmegaConf.to_container(config))
    settings, machine = Settings.from_plain(plain), Machine.from_plain(plain)
    bundles = open_bundles(config.bundles.a, config.bundles.b, config.ensemble, config.trust)
    unclear: list[str] = []
    if files:
        cases = [case_from_files(files, case_id=config.id, orientation=config.orientation)]
    else:
        cases, unclear = clear_cases(
            Path(config.input), patterns=config.patterns, orientation=config.orientation, tell=print
        )
    output = Path(config.output)
    failures = predict(cases, bundles, output, settings, machine, overwrite=config.overwrite, unclear=unclear)
    if is_rank_zero():
        failures += write_back(output, aligned_among(cases), overwrite=config.overwrite)
    if config.report:
        failures += add_report(output, overwrite=config.overwrite)
    if failures:
        raise UserError("\n".join(failures))


if __name__ == "__main__":
    main()
