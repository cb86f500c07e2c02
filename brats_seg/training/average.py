"""`brats-seg average`: a bundle of the mean of other snapshots than a training took (section 2.5).

Covered by tests/training/callbacks/test_cyclic_swa.py.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from brats_seg.artifacts.bundle_record import refuse_unusable
from brats_seg.artifacts.bundle_weights import sizes_from, with_weights
from brats_seg.artifacts.bundles import is_only_a_bundle, save_bundle
from brats_seg.artifacts.provenance import TRAINING_CASES
from brats_seg.artifacts.synthetic import SYNTHETIC_CASES
from brats_seg.errors import FileError, UserError
from brats_seg.files import refuse_foreign
from brats_seg.models import from_settings
from brats_seg.preprocessing import normalisation_from
from brats_seg.training.weights import mean_weights, read_weights
from brats_seg.trusted import packages

SHARED = ("pipeline", "architecture", "normalisation")
"""What every snapshot of one mean must have in common."""


def average_snapshots(
    snapshots: Sequence[str], output: Path, trust: Sequence[str] | str = (), *, overwrite: bool = False
) -> Path:
    """Make a bundle of the mean of other snapshots than a training took.

    Args:
        snapshots: Files, folders of them, or patterns.
        output: Bundle folder; a bundle that is there is replaced.
        trust: Packages whose code may be run, where the network is of one of them.
        overwrite: Replace whatever else lies at ``output``.

    Returns:
        The bundle folder.

    Raises:
        UserError: A snapshot cannot be used, they do not belong together, or the output is something else.
    """
    paths: list[Path] = []
    for entry in snapshots:
        paths += _files(entry)
    facts = _shared_facts(paths)
    refuse_foreign({output: is_only_a_bundle}, overwrite=overwrite)
    weights = mean_weights(paths)
    refuse_unusable(paths[0], facts)
    normalisation_from(facts["normalisation"], packages(trust))  # or the bundle could not be used
    untrained = partial(from_settings, facts["architecture"], packages(trust))
    net = with_weights(paths[0], weights, untrained, sizes_from(facts["architecture"]))
    provenance = {"weights": f"mean of {len(paths)} snapshots", "snapshots": [str(path) for path in paths]}
    provenance |= {key: facts[key] for key in (TRAINING_CASES, SYNTHETIC_CASES) if key in facts}
    save_bundle(
        output,
        net,
        pipeline=facts["pipeline"],
        normalisation=facts["normalisation"],
        provenance=provenance,
        scores={},
    )
    return output


def _shared_facts(paths: Sequence[Path]) -> Mapping[str, Any]:
    """The facts of the first snapshot; the others must agree in those of :data:`SHARED`."""
    first: dict[str, Any] = {}
    for path in paths:
        _, facts = read_weights(path)
        if not set(SHARED) <= set(facts):
            raise FileError(path, f"a snapshot that names its {', '.join(SHARED)}", f"only {sorted(facts)}")
        first = first or facts
        for key in SHARED:
            if facts[key] != first[key]:
                raise FileError(path, f"the {key} of {paths[0]}, {first[key]}", str(facts[key]))
    return first


def _files(entry: str) -> list[Path]:
    """The files that an entry of ``snapshots`` names."""
    path = Path(entry).expanduser()
    if path.is_file():
        return [path]
    pattern = f"{glob.escape(str(path))}/*.safetensors" if path.is_dir() else str(path)
    found = sorted(Path(name) for name in glob.glob(pattern))
    if not found:
        raise UserError(f"snapshots={entry}: there is no such file")
    return found
