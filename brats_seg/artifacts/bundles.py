"""A trained network as two files that are data, never code: ``model.safetensors`` and ``bundle.json``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from brats_seg.errors import FileError, UserError, printable
from brats_seg.files import parse_json, read_bytes, whole_folder, write_json
from brats_seg.models import UNet, from_settings
from brats_seg.preprocessing import Normalisation, normalisation_from
from brats_seg.terms import MODALITIES, REGIONS

Pipeline = Literal["a", "b"]
PIPELINES: tuple[Pipeline, Pipeline] = ("a", "b")
SCHEMA = 1
WEIGHTS, RECORD = "model.safetensors", "bundle.json"
KEYS = {
    "schema",
    "pipeline",
    "architecture",
    "normalisation",
    "modalities",
    "regions",
    "provenance",
    "scores",
    "sha256",
    "card",
}
CARD = (
    "Pipeline {pipeline} of Henry et al. (BraTS 2020): 3D U-Net on T1, T1ce, T2 and FLAIR, co-registered, "
    "skull-stripped, 1 mm. Predicts the nested regions ET, TC, WT. For research; not a medical device."
)
MAX_RECORD_BYTES = 1_000_000
MAX_HEADER_BYTES = 1_000_000
"""What safetensors may take beside the numbers themselves."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """What prediction needs of a training.

    Attributes:
        folder: Where it lies.
        pipeline: ``"a"`` or ``"b"``.
        architecture: :meth:`UNet.settings`.
        normalisation: Rebuilt from its plain values.
        sha256: Of ``bundle.json``, which holds that of the weights.
        record: All of ``bundle.json``.
    """

    folder: Path
    pipeline: Pipeline
    architecture: Mapping[str, Any]
    normalisation: Normalisation
    sha256: str
    record: Mapping[str, Any]

    def net(self) -> UNet:
        """The network with its weights, in evaluation mode.

        Raises:
            UserError: The weights are damaged, changed, not finite, not float32, or do not fit the
                architecture.
        """
        path = self.folder / WEIGHTS
        data = read_bytes(path, _weight_bytes(self.architecture) + MAX_HEADER_BYTES)
        found = hashlib.sha256(data).hexdigest()
        if found != self.record["sha256"]:
            expected = f"sha256 {self.record['sha256']}"
            raise FileError(path, expected, f"{found}; copy the bundle again")
        net = from_settings(self.architecture)
        load_weights(path, net, _weights(path, data))
        if not all(bool(value.isfinite().all()) for value in net.state_dict().values()):
            raise FileError(path, "finite weights", "NaN or infinite ones; train again")
        return net.eval()


def _weight_bytes(architecture: Mapping[str, Any]) -> int:
    """How many bytes the weights take, known before any memory is taken."""
    with torch.device("meta"):
        weights = from_settings(architecture).state_dict()
    return sum(value.nbytes for value in weights.values())


def _weights(path: Path, data: bytes) -> dict[str, Tensor]:
    try:
        weights = load(data)
    except KeyError as error:  # a type that safetensors knows and its torch half does not
        raise FileError(path, "weights in float32", str(error)) from error
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise _unfit(path, error) from error
    other = {str(value.dtype) for value in weights.values()} - {"torch.float32"}
    if other:
        raise FileError(path, "weights in float32", ", ".join(sorted(other)))
    return weights


def load_weights(path: Path, net: UNet, weights: Mapping[str, Tensor]) -> None:
    """Give a network its weights.

    Args:
        path: Of the file that they were read from, for the error.
        net: Changed.
        weights: By name.

    Raises:
        UserError: They are those of another architecture.
    """
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise _unfit(path, error) from error


def _unfit(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: the weights do not fit the architecture ({str(error).splitlines()[0]})")


def save_bundle(
    folder: Path,
    net: UNet,
    *,
    pipeline: str,
    normalisation: Mapping[str, Any],
    provenance: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> None:
    """Write a bundle, whole or not at all.

    Args:
        folder: Its place; what was there is replaced.
        net: The trained network.
        pipeline: ``"a"`` or ``"b"``.
        normalisation: :meth:`Normalisation.settings`.
        provenance: Where it comes from, plain values.
        scores: What it reached while training, plain values.
    """
    weights = {key: value.detach().contiguous().cpu() for key, value in net.state_dict().items()}
    with whole_folder(folder) as temporary:
        save_file(weights, temporary / WEIGHTS)
        record = {
            "schema": SCHEMA,
            "pipeline": pipeline,
            "architecture": net.settings(),
            "normalisation": dict(normalisation),
            "modalities": list(MODALITIES),
            "regions": list(REGIONS),
            "provenance": dict(provenance),
            "scores": dict(scores),
            "sha256": hashlib.sha256((temporary / WEIGHTS).read_bytes()).hexdigest(),
            "card": CARD.format(pipeline=pipeline.upper()),
        }
        write_json(temporary / RECORD, record)


def is_bundle(folder: Path) -> bool:
    """Whether a folder looks like a bundle; :func:`load_bundle` says whether it is one."""
    return (folder / RECORD).is_file()


def load_bundle(folder: Path) -> Bundle:
    """Open a bundle; the weights are read by :meth:`Bundle.net`.

    Raises:
        UserError: The folder holds no bundle of a schema that this version knows, or something that is not on
            the allow-list.
    """
    path = folder / RECORD
    data = read_bytes(path, MAX_RECORD_BYTES)
    record = parse_json(path, data)
    _refuse_other_record(path, record)
    normalise = usable_normalisation(path, record)
    sha256 = hashlib.sha256(data).hexdigest()
    return Bundle(folder, record["pipeline"], record["architecture"], normalise, sha256, record)


def usable_normalisation(path: Path, facts: Mapping[str, Any]) -> Normalisation:
    """What a bundle could be made of, or is.

    Args:
        path: Of the file that says so, for the errors.
        facts: With ``pipeline``, ``architecture`` and ``normalisation``.

    Returns:
        The normalisation.

    Raises:
        UserError: One of the facts is none that a bundle may have.
    """
    if facts.get("pipeline") not in PIPELINES:
        raise FileError(path, "pipeline a or b", "something else")
    if not (is_flat(facts.get("architecture")) and is_flat(facts.get("normalisation"))):
        raise FileError(path, "plain values for architecture and normalisation", "something else")
    try:
        with torch.device("meta"):
            from_settings(facts["architecture"])
        return normalisation_from(facts["normalisation"])
    except UserError as error:
        raise UserError(f"{path}: {printable(str(error))}") from error


def _refuse_other_record(path: Path, record: Any) -> None:
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or set(record) != KEYS:
        keys = ", ".join(sorted(KEYS))
        raise FileError(path, f"a bundle of schema {SCHEMA} with the keys {keys}", "something else")
    known = record["modalities"] == list(MODALITIES) and record["regions"] == list(REGIONS)
    if record["pipeline"] not in PIPELINES or not known:
        raise FileError(path, f"pipeline a or b on {MODALITIES} and {REGIONS}", "something else")
    if not (isinstance(record["provenance"], dict) and isinstance(record["scores"], dict)):
        raise FileError(path, "mappings for provenance and scores", "something else")


def load_bundles(folders: Mapping[Pipeline, Sequence[Path]]) -> dict[Pipeline, list[Bundle]]:
    """Open the bundles of one or both pipelines.

    Raises:
        UserError: There is none, one cannot be used, or one serves the other pipeline.
    """
    bundles: dict[Pipeline, list[Bundle]] = {}
    for pipeline, group in folders.items():
        for folder in group:
            bundle = load_bundle(folder)
            if bundle.pipeline != pipeline:
                serves = f"{folder} is a bundle of pipeline {bundle.pipeline}"
                raise UserError(f"{serves}: it cannot serve {pipeline}")
            bundles.setdefault(pipeline, []).append(bundle)
    if not bundles:
        ways = "bundles.a=[FOLDER,...], bundles.b=[FOLDER,...], both, or ensemble=FILE"
        raise UserError(f"no bundle given: use {ways}")
    return bundles


def is_flat(values: Any) -> bool:
    """Whether a value is a mapping to plain values, without another mapping or a list inside."""
    plain = str | bool | int | float
    return isinstance(values, dict) and all(isinstance(value, plain) for value in values.values())
