"""`brats-seg dicom`. Covered by tests/scans/test_dicom_results.py."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from brats_seg.cli.command import command
from brats_seg.kinds import Existing


@dataclass(frozen=True)
class LabelsOfMap:
    """Label values of the label map."""

    input: str


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/dicom.yaml`` and the kinds of their values."""

    label_map: Existing
    input: Existing
    series: str | None
    output: str
    overwrite: bool
    labels: LabelsOfMap


@command("dicom")
def main(config: DictConfig) -> None:
    """Write a label map as DICOM SEG and RTSTRUCT on its series."""
    from pathlib import Path

    from brats_seg.labels import label_values
    from brats_seg.scans.dicom import write_dicom

    labels = label_values(config.labels.input)
    for path in write_dicom(
        Path(config.label_map),
        labels,
        Path(config.input),
        Path(config.output),
        config.series,
        overwrite=config.overwrite,
    ):
        print(path)


if __name__ == "__main__":
    main()
