"""`brats-seg predict`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("predict")
def main(config: DictConfig) -> int:
    """Segment a folder of cases, one case, or four files."""
    from pathlib import Path

    from brats_seg.cases import case_from_files, find_cases
    from brats_seg.errors import UserError
    from brats_seg.inference.predict import load_bundles, predict
    from brats_seg.terms import MODALITIES

    files = {m: Path(config[m]) for m in MODALITIES if config[m] is not None}
    if (config.input is None) == (not files):
        raise UserError("say what to segment, once: input=DIR, or t1=FILE t1ce=FILE t2=FILE flair=FILE")
    cases = [case_from_files(files)] if files else find_cases(Path(config.input), patterns=dict(config.patterns) or None)
    failures = predict(
        cases,
        load_bundles(config.bundles.a, config.bundles.b),
        Path(config.output),
        tta=config.tta,
        precision=config.precision,
        threshold=config.threshold,
        labels_output=config.labels.output,
        on_missing_modality=config.on_missing_modality,
        accelerator=config.accelerator,
        devices=config.devices,
    )
    if failures:
        raise UserError("\n".join(failures))
    return 0


if __name__ == "__main__":
    main()
