"""A trained network as two files that are data, never code: ``model.safetensors`` and ``bundle.json``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from brats_seg.artifacts.bundle_weights import read_net, sizes_from
from brats_seg.artifacts.synthetic import SYNTHETIC, trained_on_synthetic
from brats_seg.artifacts.weights_file import to_bytes
from brats_seg.errors import FileError, UserError, printable
from brats_seg.files import parse_json, read_bytes, says, whole_folder, write_json
from brats_seg.models import Network, from_settings, is_own
from brats_seg.models.own import refuse_other_settings
from brats_seg.preprocessing import Normalisation, normalisation_from
from brats_seg.terms import MODALITIES, REGIONS
from brats_seg.trusted import is_dotted, packages, refuse_untrusted

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


@dataclass(frozen=True, eq=False)
class Bundle:
    """What prediction needs of a training.

    Attributes:
        folder: Where it lies.
        pipeline: ``"a"`` or ``"b"``.
        architecture: :meth:`Network.settings`.
        sha256: Of ``bundle.json``, which holds that of the weights.
        record: All of ``bundle.json``.
        trust: Packages whose code may be run.
    """

    folder: Path
    pipeline: Pipeline
    architecture: Mapping[str, Any]
    sha256: str
    record: Mapping[str, Any]
    trust: tuple[str, ...] = ()

    @cached_property
    def normalisation(self) -> Normalisation:
        """Rebuilt from its plain values.

        Raises:
            UserError: It is code of a package that is not trusted, or that has it no longer.
        """
        with _naming(self.folder / RECORD):
            return normalisation_from(self.record["normalisation"], self.trust)

    def trusting(self, trust: Sequence[str] | str) -> Bundle:
        """The bundle, with these packages trusted besides those that are."""
        return replace(self, trust=(*self.trust, *packages(trust)))

    def refuse_untrusted(self) -> None:
        """Say that the bundle needs code of a package that is not trusted; imports nothing.

        Raises:
            UserError: It does.
        """
        with _naming(self.folder / RECORD):
            for name in (self.architecture["name"], self.record["normalisation"]["name"]):
                if is_dotted(name):
                    refuse_untrusted(name, self.trust)

    def net(self) -> Network:
        """The network with its weights, in evaluation mode.

        Raises:
            UserError: The weights are damaged, changed, not finite, of other types than the network's, or do
                not fit it; or the network is code of a package that is not trusted.
        """
        device = sizes_from(self.architecture)
        return read_net(self.folder / WEIGHTS, self.record["sha256"], self._untrained, device).eval()

    def _untrained(self) -> Network:
        with _naming(self.folder / RECORD):
            return from_settings(self.architecture, self.trust)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file before what is wrong with it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {printable(str(error))}") from error


def save_bundle(
    folder: Path,
    net: Network,
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
    weights = to_bytes(net.state_dict())
    with whole_folder(folder) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        record = {
            "schema": SCHEMA,
            "pipeline": pipeline,
            "architecture": net.settings(),
            "normalisation": dict(normalisation),
            "modalities": list(MODALITIES),
            "regions": list(REGIONS),
            "provenance": dict(provenance),
            "scores": dict(scores),
            "sha256": hashlib.sha256(weights).hexdigest(),
            "card": CARD.format(pipeline=pipeline.upper()) + _remark(provenance),
        }
        write_json(temporary / RECORD, record)


def _remark(provenance: Mapping[str, Any]) -> str:
    """What a bundle that was trained on phantoms says of itself."""
    return f" {SYNTHETIC[0].upper()}{SYNTHETIC[1:]}." if trained_on_synthetic(provenance) else ""


def is_bundle(folder: Path) -> bool:
    """Whether a folder looks like a bundle; :func:`load_bundle` says whether it is one."""
    return (folder / RECORD).is_file()


def is_only_a_bundle(folder: Path) -> bool:
    """Whether a folder holds what a bundle holds and nothing else: it may be replaced as a whole."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or (names == {WEIGHTS, RECORD} and says('"schema"', '"pipeline"')(folder / RECORD))


def load_bundle(folder: Path, trust: Sequence[str] | str = ()) -> Bundle:
    """Open a bundle; the weights are read by :meth:`Bundle.net`.

    Args:
        folder: Of the bundle.
        trust: Packages whose code :meth:`Bundle.net` may run; what a bundle says of itself needs none.

    Returns:
        The bundle.

    Raises:
        UserError: The folder holds no bundle of a schema that this version knows, or something that is not on
            the allow-list.
    """
    path = folder / RECORD
    data = read_bytes(path, MAX_RECORD_BYTES)
    record = parse_json(path, data)
    _refuse_other_record(path, record)
    refuse_unusable(path, record)
    sha256 = hashlib.sha256(data).hexdigest()
    return Bundle(folder, record["pipeline"], record["architecture"], sha256, record, packages(trust))


def refuse_unusable(path: Path, facts: Mapping[str, Any]) -> None:
    """Refuse facts that a bundle cannot be made of; code of other packages is not imported for it.

    Args:
        path: Of the file that says so, for the errors.
        facts: With ``pipeline``, ``architecture`` and ``normalisation``.

    Raises:
        UserError: One of the facts is none that a bundle may have.
    """
    architecture, normalisation = facts.get("architecture"), facts.get("normalisation")
    if facts.get("pipeline") not in PIPELINES:
        raise FileError(path, "pipeline a or b", "something else")
    own = isinstance(architecture, dict) and is_own(architecture)
    if not ((own or is_flat(architecture)) and is_flat(normalisation)):
        raise FileError(path, "plain values for architecture and normalisation", "something else")
    with _naming(path):
        if own:
            refuse_other_settings(facts["architecture"])
        else:
            with torch.device("meta"):
                from_settings(facts["architecture"])
        if not is_dotted(facts["normalisation"].get("name")):
            normalisation_from(facts["normalisation"])


def _refuse_other_record(path: Path, record: Any) -> None:
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or set(record) != KEYS:
        keys = ", ".join(sorted(KEYS))
        raise FileError(path, f"a bundle of schema {SCHEMA} with the keys {keys}", "something else")
    known = record["modalities"] == list(MODALITIES) and record["regions"] == list(REGIONS)
    if record["pipeline"] not in PIPELINES or not known:
        raise FileError(path, f"pipeline a or b on {MODALITIES} and {REGIONS}", "something else")
    if not (isinstance(record["provenance"], dict) and isinstance(record["scores"], dict)):
        raise FileError(path, "mappings for provenance and scores", "something else")


def load_bundles(
    folders: Mapping[Pipeline, Sequence[Path]], trust: Sequence[str] | str = ()
) -> dict[Pipeline, list[Bundle]]:
    """Open the bundles of one or both pipelines.

    Args:
        folders: Pipeline to the folders of its bundles.
        trust: Packages whose code may be run.

    Returns:
        Pipeline to its bundles, without a pipeline that has none.

    Raises:
        UserError: There is none, one cannot be used, or one serves the other pipeline.
    """
    bundles: dict[Pipeline, list[Bundle]] = {}
    for pipeline, group in folders.items():
        for folder in group:
            bundle = load_bundle(folder, trust)
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
