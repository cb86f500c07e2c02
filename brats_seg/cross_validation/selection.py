"""Choose the networks of the ensemble: the best per fold and pipeline (PAPER.md, "choice of models").

Covered by tests/cross_validation/test_summary.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from brats_seg.artifacts.bundles import PIPELINES, Bundle, Pipeline, is_bundle, load_bundle
from brats_seg.artifacts.run_folder import VALIDATION_DICE
from brats_seg.cross_validation.experiments import Experiment
from brats_seg.errors import UserError


@dataclass(frozen=True)
class Ranked:
    """One network among those of its fold and pipeline; ``place`` counts from 1."""

    pipeline: Pipeline
    fold: int
    place: int
    experiment: str
    dice: float
    kept: bool
    what_differs: str = ""


@dataclass(frozen=True, eq=False)
class _Network:
    experiment: str
    what_differs: str
    fold: int
    bundle: Bundle
    dice: float


def select(
    experiments: Sequence[Experiment], keep: Mapping[Pipeline, int | None]
) -> tuple[list[Ranked], dict[Pipeline, list[Bundle]]]:
    """Rank the networks of each fold and pipeline by their own validation score, and take the first.

    Args:
        experiments: Those without bundles are passed over.
        keep: Pipeline to how many networks per fold; None keeps all.

    Returns:
        Every network, and the bundles of those that are kept, by pipeline and fold.

    Raises:
        UserError: A bundle cannot be used or has no validation score, or a number to keep is not positive.
    """
    _check_numbers(keep)
    networks = _find_networks(experiments)
    ranked: list[Ranked] = []
    chosen: dict[Pipeline, list[Bundle]] = {}
    for pipeline in PIPELINES:
        chosen[pipeline] = []
        for fold, rivals in _by_fold(networks, pipeline).items():
            best_first = sorted(rivals, key=lambda network: -network.dice)
            limit = keep.get(pipeline) or len(best_first)
            for place, network in enumerate(best_first, 1):
                kept = place <= limit
                score = (network.experiment, network.dice, kept, network.what_differs)
                ranked.append(Ranked(pipeline, fold, place, *score))
                if kept:
                    chosen[pipeline].append(network.bundle)
    return ranked, chosen


def _check_numbers(keep: Mapping[Pipeline, int | None]) -> None:
    wrong = []
    for pipeline, number in keep.items():
        if number is not None and (not isinstance(number, int) or number < 1):
            wrong.append(f"keep.{pipeline}={number}")
    if wrong:
        raise UserError(f"{' '.join(wrong)}: expected how many networks per fold, or null for all")


def _find_networks(experiments: Sequence[Experiment]) -> list[_Network]:
    found = []
    for experiment in experiments:
        for fold, run in experiment.runs.items():
            if is_bundle(run.bundle):
                bundle = load_bundle(run.bundle)
                names = (experiment.name, experiment.what_differs)
                found.append(_Network(*names, fold, bundle, _validation_dice(bundle)))
    return found


def _by_fold(networks: Sequence[_Network], pipeline: Pipeline) -> dict[int, list[_Network]]:
    """The networks of a pipeline by the number of their fold, ascending."""
    found: dict[int, list[_Network]] = {}
    for network in networks:
        if network.bundle.pipeline == pipeline:
            found.setdefault(network.fold, []).append(network)
    return dict(sorted(found.items()))


def _validation_dice(bundle: Bundle) -> float:
    try:
        return float(bundle.record["scores"][VALIDATION_DICE])
    except (KeyError, TypeError, ValueError) as error:
        expected = f"its validation score {VALIDATION_DICE}"
        raise UserError(f"{bundle.folder}: expected {expected}, found none: it cannot be ranked") from error
