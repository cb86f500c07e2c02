"""`brats-seg predict`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("predict")
def main(config: DictConfig) -> None:
    """Segment a folder of cases, one case, or four files."""
    from pathlib import Path
    from typing import Any, cast

    from omegaconf import OmegaConf

    from brats_seg.artifacts.ensemble_file import open_bundles
    from brats_seg.cases import case_from_files, clear_cases
    from brats_seg.errors import UserError
    from brats_seg.inference import Machine, Settings, predict
    from brats_seg.terms import MODALITIES

    files = {name: Path(config[name]) for name in MODALITIES if config[name] is not None}
    if (config.input is None) == (not files):
        raise UserError("say what to segment, once: input=DIR, or t1=FILE t1ce=FILE t2=FILE flair=FILE")
    plain = cast(dict[str, Any], OmegaConf.to_container(config))
    settings, machine = Settings.from_plain(plain), Machine.from_plain(plain)
    bundles = open_bundles(config.bundles.a, config.bundles.b, config.ensemble)
    unclear: list[str] = []
    if files:
        cases = [case_from_files(files)]
    else:
        cases, unclear = clear_cases(Path(config.input), patterns=config.patterns)
    failures = predict(cases, bundles, Path(config.output), settings, machine, unclear=unclear)
    if failures:
        raise UserError("\n".join(failures))


if __name__ == "__main__":
    main()
