"""`brats-seg predict`."""

from __future__ import annotations

from omegaconf import DictConfig

from brats_seg.cli.command import command


@command("predict")
def main(config: DictConfig) -> None:
    """Segment a folder of cases, one case, or four files."""
    from dataclasses import asdict
    from pathlib import Path

    from omegaconf import OmegaConf

    from brats_seg.cases import case_from_files, clear_cases
    from brats_seg.errors import UserError
    from brats_seg.inference.predict import load_bundles, predict
    from brats_seg.inference.settings import Settings
    from brats_seg.terms import MODALITIES

    files = {name: Path(config[name]) for name in MODALITIES if config[name] is not None}
    if (config.input is None) == (not files):
        raise UserError("say what to segment, once: input=DIR, or t1=FILE t1ce=FILE t2=FILE flair=FILE")
    settings = Settings.from_plain(OmegaConf.to_container(config))  # type: ignore[arg-type]
    bundles = load_bundles(config.bundles.a, config.bundles.b, config.ensemble)
    cases, unclear = (
        ([case_from_files(files)], []) if files else clear_cases(Path(config.input), patterns=config.patterns)
    )
    machine = {
        key: config[key] for key in ("channels_last", "accelerator", "devices", "num_nodes", "strategy")
    }
    if failures := predict(
        cases, bundles, Path(config.output), **asdict(settings), **machine, unclear=unclear
    ):
        raise UserError("\n".join(failures))


if __name__ == "__main__":
    main()
