"""`brats-seg average`: a bundle of the mean of other snapshots than a training took (section 2.5)."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from brats_seg.artifacts.bundles import is_bundle, save_bundle
from brats_seg.errors import FileError, UserError
from brats_seg.models import from_settings
from brats_seg.training.weights import mean_weights, read_weights

SHARED = ("pipeline", "architecture", "normalisation")
"""What every snapshot of one mean must have in common."""


def average(snapshots: Sequence[str], output: Path) -> Path:
    """Make a bundle of the mean of other snapshots than a training took.

    Args:
        snapshots: Files, folders of them, or patterns.
        output: Bundle folder; a bundle that is there is replaced, nothing else.

    Returns:
        The bundle folder.

    Raises:
        UserError: A snapshot cannot be used, they do not belong together, or the output is something else.
    """
    paths = [path for entry in snapshots for path in _files(entry)]
    facts = [read_weights(path)[1] for path in paths]
    for path, other in zip(paths, facts, strict=True):
        if not set(SHARED) <= set(other):
            raise FileError(path, f"a snapshot that names its {', '.join(SHARED)}", f"only {sorted(other)}")
        if different := [key for key in SHARED if other[key] != facts[0][key]]:
            raise FileError(
                path, f"the {different[0]} of {paths[0]}, {facts[0][different[0]]}", str(other[different[0]])
            )
    if output.exists() and not is_bundle(output):
        raise UserError(f"{output} exists and is no bundle: choose another output=DIR")
    weights = mean_weights(paths)
    net = from_settings(facts[0]["architecture"])
    net.load_state_dict(weights)
    provenance = {"weights": f"mean of {len(paths)} snapshots", "snapshots": [str(path) for path in paths]}
    save_bundle(
        output,
        net,
        pipeline=facts[0]["pipeline"],
        normalisation=facts[0]["normalisation"],
        provenance=provenance,
        scores={},
    )
    return output


def _files(entry: str) -> list[Path]:
    path = Path(entry).expanduser()
    if path.is_dir():
        entry = f"{glob.escape(str(path))}/*.safetensors"
    found = [path] if path.is_file() else sorted(map(Path, glob.glob(str(Path(entry).expanduser()))))
    if not found:
        raise UserError(f"snapshots={entry}: there is no such file")
    return found
