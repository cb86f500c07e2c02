"""A trained network as two files that are data, never code: ``model.safetensors`` and ``bundle.json``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from brats_seg.errors import UserError
from brats_seg.files import whole_folder, write_json
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
            UserError: The weights are damaged, changed, not finite, not float32, or do not fit the architecture.
        """
        path = self.folder / WEIGHTS
        with torch.device("meta"):  # its size, before it takes any memory
            bytes_needed = sum(
                value.nbytes for value in from_settings(self.architecture).state_dict().values()
            )
        data = read_limited(path, bytes_needed + MAX_HEADER_BYTES)
        if (found := hashlib.sha256(data).hexdigest()) != self.record["sha256"]:
            raise UserError(
                f"{path}: expected sha256 {self.record['sha256']}, found {found}; copy the bundle again"
            )
        net = from_settings(self.architecture)
        try:
            weights = load(data)
            if other := sorted({str(value.dtype) for value in weights.values()} - {"torch.float32"}):
                raise UserError(f"{path}: expected weights in float32, found {', '.join(other)}")
            net.load_state_dict(weights)
        except KeyError as error:  # a type that safetensors knows and its torch half does not
            raise UserError(f"{path}: expected weights in float32, found {error}") from error
        except (SafetensorError, RuntimeError, ValueError) as error:
            raise UserError(
                f"{path}: the weights do not fit the architecture ({str(error).splitlines()[0]})"
            ) from error
        if not all(bool(value.isfinite().all()) for value in net.state_dict().values()):
            raise UserError(f"{path}: expected finite weights, found NaN or infinite ones; train again")
        return net.eval()


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
    with whole_folder(folder) as temporary:
        save_file(
            {k: v.detach().contiguous().cpu() for k, v in net.state_dict().items()}, temporary / WEIGHTS
        )
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
            "card": (
                f"Pipeline {pipeline.upper()} of Henry et al. (BraTS 2020): 3D U-Net on T1, T1ce, T2 and FLAIR, co-registered, "
                "skull-stripped, 1 mm. Predicts the nested regions ET, TC, WT. For research; not a medical device."
            ),
        }
        write_json(temporary / RECORD, record)


def is_bundle(folder: Path) -> bool:
    """Whether a folder looks like a bundle; :func:`load_bundle` says whether it is one."""
    return (folder / RECORD).is_file()


def load_bundle(folder: Path) -> Bundle:
    """Open a bundle; the weights are read by :meth:`Bundle.net`.

    Raises:
        UserError: It is no bundle of a schema that this version knows, or holds something that is not on the allow-list.
    """
    path = folder / RECORD
    data = read_limited(path, MAX_RECORD_BYTES)
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected JSON, found something else ({error})") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or set(record) != KEYS:
        raise UserError(
            f"{path}: expected a bundle of schema {SCHEMA} with the keys {', '.join(sorted(KEYS))}"
        )
    if (
        record["pipeline"] not in PIPELINES
        or record["modalities"] != list(MODALITIES)
        or record["regions"] != list(REGIONS)
    ):
        raise UserError(
            f"{path}: expected pipeline a or b on {MODALITIES} and {REGIONS}, found something else"
        )
    architecture, normalisation = record["architecture"], record["normalisation"]
    if not (is_flat(architecture) and is_flat(normalisation)):
        raise UserError(f"{path}: expected plain values for architecture and normalisation")
    try:
        with torch.device("meta"):
            from_settings(architecture)
        normalise = normalisation_from(normalisation)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return Bundle(
        folder, record["pipeline"], architecture, normalise, hashlib.sha256(data).hexdigest(), record
    )


def load_bundles(folders: Mapping[Pipeline, Sequence[Path]]) -> dict[Pipeline, list[Bundle]]:
    """Open the bundles of one or both pipelines.

    Raises:
        UserError: There is none, one cannot be used, or one serves the other pipeline.
    """
    bundles: dict[Pipeline, list[Bundle]] = {
        p: [load_bundle(f) for f in group] for p, group in folders.items() if group
    }
    if not bundles:
        raise UserError(
            "no bundle given: use bundles.a=[FOLDER,...], bundles.b=[FOLDER,...], both, or ensemble=FILE"
        )
    for pipeline, opened in bundles.items():
        for bundle in opened:
            if bundle.pipeline != pipeline:
                raise UserError(
                    f"{bundle.folder} is a bundle of pipeline {bundle.pipeline}: it cannot serve {pipeline}"
                )
    return bundles


def is_flat(values: Any) -> bool:
    """Whether it is a mapping to plain values, without another one inside."""
    return isinstance(values, dict) and all(
        isinstance(value, str | bool | int | float) for value in values.values()
    )


def read_limited(path: Path, most_bytes: int) -> bytes:
    """The bytes of a file that may not be large.

    Args:
        path: Of a bundle or an ensemble file.
        most_bytes: More are refused.

    Raises:
        UserError: There is no such file, or it is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise UserError(
            f"{path}: expected a file of a bundle or an ensemble, found none ({reason})"
        ) from error
    if len(data) > most_bytes:
        raise UserError(f"{path}: expected at most {most_bytes} bytes, found more")
    return data
