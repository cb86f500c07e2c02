"""Weights as files that explain themselves, and their mean (section 2.5)."""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from brats_seg.bundles import RECORD, save_bundle
from brats_seg.errors import FileError, UserError
from brats_seg.files import whole_file
from brats_seg.models import from_settings

Facts = Mapping[str, Any]
"""What a bundle says beside the weights, as plain values: pipeline, architecture, normalisation; of a snapshot also its epoch."""
FACTS = "brats_seg"
"""Their key in the file: one, because safetensors writes several in any order."""
SHARED = ("pipeline", "architecture", "normalisation")


def write_weights(path: Path, net: nn.Module, facts: Facts) -> None:
    """Write the weights with their facts, whole or not at all."""
    weights = {name: value.detach().contiguous().cpu() for name, value in net.state_dict().items()}
    with whole_file(path) as temporary:
        save_file(weights, temporary, {FACTS: json.dumps(dict(facts))})


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts.

    Raises:
        FileError: There is no such file, or it is damaged or of another kind.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get(FACTS, "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except (OSError, SafetensorError, ValueError) as error:
        raise FileError(path, "a file of weights", f"{str(error).splitlines()[0]}") from error
    return weights, facts


def mean_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the files in float64, as float32; one file in memory at a time.

    Raises:
        UserError: There is none, one cannot be read or is not finite, or they are of different networks.
    """
    if not paths:
        raise UserError("no snapshot to average")
    total: dict[str, Tensor] = {}
    for path in paths:
        weights, _ = read_weights(path)
        if total and {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in total.items()}:
            raise FileError(path, f"the network of {paths[0]}", "another one")
        if not all(bool(value.isfinite().all()) for value in weights.values()):
            raise FileError(path, "finite weights", "NaN or infinite ones")
        total = {name: value.double() + total.get(name, 0) for name, value in weights.items()}
    return {name: (value / len(paths)).float() for name, value in total.items()}


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
            raise FileError(path, f"the {different[0]} of {paths[0]}, {facts[0][different[0]]}", str(other[different[0]]))
    if output.exists() and not (output / RECORD).exists():
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
