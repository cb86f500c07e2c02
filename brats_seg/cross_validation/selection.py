"""Which trained networks become the ensemble: the best few per fold and pipeline (PAPER.md, "choice of models")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from brats_seg.artifacts.bundles import PIPELINES, Bundle, Pipeline, is_bundle, load_bundle
from brats_seg.artifacts.run_folder import VALIDATION_DICE, RunFolder
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
        UserError: A bundle cannot be used or has no validation score.
    """
    if wrong := [
        f"keep.{p}={n}" for p, n in keep.items() if n is not None and (not isinstance(n, int) or n < 1)
    ]:
        raise UserError(f"{' '.join(wrong)}: expected how many networks per fold, or null for all")
    ranked: list[Ranked] = []
    chosen: dict[Pipeline, list[Bundle]] = {pipeline: [] for pipeline in PIPELINES}
    found = [(fold, each.name, bundle) for each in experiments for fold, bundle in _bundles(each).items()]
    for pipeline in PIPELINES:
        for fold in sorted({fold for fold, _, bundle in found if bundle.pipeline == pipeline}):
            rivals = [(_score(b), name, b) for f, name, b in found if (f, b.pipeline) == (fold, pipeline)]
            best_first = sorted(rivals, key=lambda rival: -rival[0])
            limit = keep.get(pipeline) or len(best_first)
            for place, (dice, name, bundle) in enumerate(best_first, 1):
                ranked.append(Ranked(pipeline, fold, place, name, dice, place <= limit))
                chosen[pipeline] += [bundle] if place <= limit else []
    return ranked, chosen


def _bundles(experiment: Experiment) -> dict[int, Bundle]:
    numbers = sorted([*experiment.folds, *experiment.missing])
    places = {fold: RunFolder(experiment.folder / f"fold_{fold}").bundle for fold in numbers}
    return {fold: load_bundle(place) for fold, place in places.items() if is_bundle(place)}


def _score(bundle: Bundle) -> float:
    try:
        return float(bundle.record["scores"][VALIDATION_DICE])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{bundle.folder}: expected its validation score {VALIDATION_DICE}, found none: it cannot be ranked"
        ) from error
