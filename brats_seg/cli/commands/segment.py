"""`brats-seg segment`. Covered by tests/scans/test_segment_export.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.cli.schemas import Alignment, Bundles, Packages, Series
from brats_seg.kinds import Existing, ExistingOrNone


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/segment.yaml`` and the kinds of their values."""

    input: Existing
    output: str
    overwrite: bool
    bundles: Bundles
    ensemble: ExistingOrNone
    trust: Packages
    tta: str
    identity: str
    series: Series
    scans: Alignment
    accelerator: str


@command("segment")
def main(config: DictConfig) -> None:
    """From a DICOM export to label maps in the scanner's own space."""
    from pathlib import Path

    from omegaconf import OmegaConf

    from brats_seg.artifacts.ensemble_file import open_bundles
    from brats_seg.cases import clear_cases
    from brats_seg.errors import UserError
    from brats_seg.inference import Machine, Settings, predict
    from brats_seg.scans import AlignSettings
    from brats_seg.workflows.segment_export import segment_export, sound_cases

    bundles = open_bundles(config.bundles.a, config.bundles.b, config.ensemble, config.trust)
    settings = Settings.default(tta=config.tta, labels_input="brats2020", labels_output="brats2020")

    machine = Machine.default(accelerator=config.accelerator)

    def predict_folder(aligned: Path, predictions: Path) -> list[str]:
        sound = [folder.case_id for folder in sound_cases(aligned)]
        cases = [case for case in clear_cases(aligned)[0] if case.id in sound] if sound else []
        if not cases:
            return []
        return predict(cases, bundles, predictions, settings, machine, overwrite=config.overwrite)

    failures = segment_export(
        Path(config.input),
        Path(config.output),
        predict_folder,
        AlignSettings(**OmegaConf.to_container(config.scans)),  # type: ignore[arg-type]
        chosen={str(key): value for key, value in config.series.items()},
        identity=config.identity,
        overwrite=config.overwrite,
    )
    if failures:
        raise UserError("\n".join(failures))


if __name__ == "__main__":
    main()
