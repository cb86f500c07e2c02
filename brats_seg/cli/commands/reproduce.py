"""`brats-seg reproduce`. Covered by tests/workflows/test_reproduction.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from brats_seg.cli.command import INTERRUPTED, command
from brats_seg.cli.schemas import Scale, Shape
from brats_seg.kinds import Count, ExistingOrNone


@dataclass(frozen=True)
class ReproducedData:
    """What ``brats-seg reproduce`` trains on."""

    root: ExistingOrNone
    cache: str | None


@dataclass(frozen=True)
class SyntheticCohort:
    """What ``brats-seg reproduce scale=smoke`` makes."""

    cases: Count
    test_cases: Count
    shape: Shape
    seed: Count
    overrides: list[str]


@dataclass(frozen=True)
class Keys:
    """Keys of ``conf/reproduce.yaml`` and the kinds of their values."""

    scale: Scale
    data: ReproducedData
    input: ExistingOrNone
    output: str
    dry_run: bool
    tta: str
    overrides: list[str]
    synthetic: SyntheticCohort


@command("reproduce")
def main(config: DictConfig) -> None:
    """Run the whole paper, or the steps of it that are not done."""
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from brats_seg.workflows.reproduction import Reproduction, reproduce, show_plan

    running = HydraConfig.get()
    sizes = [override for override in running.overrides.task if override.startswith("scale.")]
    asked = Reproduction(
        scale=running.runtime.choices["scale"],
        root=config.data.root and Path(config.data.root),
        input=config.input and Path(config.input),
        cache=config.data.cache and Path(config.data.cache),
        tta=config.tta,
        overrides=[*config.overrides, *sizes],
        synthetic=OmegaConf.to_container(config.synthetic),  # type: ignore[arg-type]
        own_files=_own_files(running),
    )
    if config.dry_run:
        show_plan(Path(config.output), asked)
    else:
        reproduce(Path(config.output), asked, _run)


def _own_files(running: Any) -> list[str]:
    """The options by which the trainings find the user's own files of configuration, too."""
    options = []
    for source in running.runtime.config_sources:
        if source.provider == "command-line":  # Hydra's word for --config-dir
            options += ["--config-dir", source.path]
    if running.searchpath:
        options.append(f"hydra.searchpath=[{','.join(running.searchpath)}]")
    return options


def _run(line: Sequence[str]) -> None:
    """Run one command in this process, as if typed; the next one need not import everything again."""
    from hydra.core.global_hydra import GlobalHydra

    from brats_seg.cli.main import run
    from brats_seg.errors import UserError

    whole = sys.argv
    sys.argv = [whole[0], *line]  # Lightning starts its children from it
    GlobalHydra.instance().clear()  # of the command that runs this one
    try:
        run(line[0], line[1:])
    except SystemExit as stopped:
        if stopped.code == INTERRUPTED:
            raise KeyboardInterrupt from None
        raise UserError(
            f"{line[0]} failed; once that is fixed, the same brats-seg reproduce continues from here"
        ) from None
    finally:
        sys.argv = whole


if __name__ == "__main__":
    main()
