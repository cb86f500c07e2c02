"""A trained network as two files that are data, never code: ``model.safetensors`` and ``bundle.json``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from brats_seg.errors import UserError
from brats_seg.files import whole_folder, write_json
from brats_seg.models import UNet, from_settings
from brats_seg.preprocessing import Normalisation, normalisation_from
from brats_seg.terms import MODALITIES, REGIONS

SCHEMA = 1
WEIGHTS, RECORD = "model.safetensors", "bundle.json"
MAX_RECORD_BYTES = 1_000_000
KEYS = {"schema", "pipeline", "architecture", "normalisation", "modalities", "regions", "provenance", "scores", "sha256", "card"}


@dataclass(frozen=True)
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
    pipeline: Literal["a", "b"]
    architecture: Mapping[str, Any]
    normalisation: Normalisation
    sha256: str
    record: Mapping[str, Any]

    def net(self) -> UNet:
        """The network with its weights, in evaluation mode.

        Raises:
            UserError: The weights are damaged, changed, or do not fit the architecture.
        """
        path = self.folder / WEIGHTS
        if (found := _sha256(path)) != self.record["sha256"]:
            raise UserError(f"{path}: expected sha256 {self.record['sha256']}, found {found}; copy the bundle again")
        net = from_settings(self.architecture)
        try:
            net.load_state_dict(load_file(path))
        except (SafetensorError, RuntimeError) as error:
            raise UserError(f"{path}: the weights do not fit the architecture ({str(error).splitlines()[0]})") from error
        return net.eval()


def save_bundle(
    folder: Path, net: UNet, *, pipeline: str, normalisation: Mapping[str, Any], provenance: Mapping[str, Any], scores: Mapping[str, Any]
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
        save_file({k: v.detach().contiguous().cpu() for k, v in net.state_dict().items()}, temporary / WEIGHTS)
        record = {
            "schema": SCHEMA,
            "pipeline": pipeline,
            "architecture": net.settings(),
            "normalisation": dict(normalisation),
            "modalities": list(MODALITIES),
            "regions": list(REGIONS),
            "provenance": dict(provenance),
            "scores": dict(scores),
            "sha256": _sha256(temporary / WEIGHTS),
            "card": (
                f"Pipeline {pipeline.upper()} of Henry et al. (BraTS 2020): 3D U-Net on T1, T1ce, T2 and FLAIR, co-registered, skull-stripped, "
                "1 mm. Predicts the nested regions ET, TC, WT. For research; not a medical device."
            ),
        }
        write_json(temporary / RECORD, record)


def load_bundle(folder: Path) -> Bundle:
    """Open a bundle; the weights are read by :meth:`Bundle.net`.

    Raises:
        UserError: It is no bundle of a schema that this version knows, or holds something that is not on the allow-list.
    """
    path = folder / RECORD
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            raise UserError(f"{path}: expected at most {MAX_RECORD_BYTES} bytes, found {path.stat().st_size}")
        text = path.read_bytes()
        record = json.loads(text)
    except OSError as error:
        raise UserError(f"{folder}: expected a bundle ({RECORD} and {WEIGHTS}), found none ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: expected JSON ({error})") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or set(record) != KEYS:
        raise UserError(f"{path}: expected a bundle of schema {SCHEMA} with keys {', '.join(sorted(KEYS))}")
    if record["pipeline"] not in ("a", "b") or record["modalities"] != list(MODALITIES) or record["regions"] != list(REGIONS):
        raise UserError(f"{path}: expected pipeline a or b on {MODALITIES} and {REGIONS}, found {record['pipeline']!r}")
    if not isinstance(record["architecture"], dict) or not isinstance(record["normalisation"], dict):
        raise UserError(f"{path}: expected objects for architecture and normalisation")
    return Bundle(
        folder,
        cast(Literal["a", "b"], record["pipeline"]),
        record["architecture"],
        normalisation_from(record["normalisation"]),
        hashlib.sha256(text).hexdigest(),
        record,
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
