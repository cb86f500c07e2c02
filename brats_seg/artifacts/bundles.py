"""A trained network as two files that are data, never code: ``model.safetensors`` and the record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from brats_seg.artifacts.bundle_record import PIPELINES as PIPELINES
from brats_seg.artifacts.bundle_record import RECORD, make_record, naming, read_record
from brats_seg.artifacts.bundle_record import Pipeline as Pipeline
from brats_seg.artifacts.bundle_weights import read_net, sizes_from
from brats_seg.artifacts.weights_file import to_bytes
from brats_seg.errors import UserError
from brats_seg.files import says, whole_folder, write_json
from brats_seg.models import Network, from_settings
from brats_seg.preprocessing import Normalisation, normalisation_from
from brats_seg.trusted import is_dotted, packages, refuse_untrusted

WEIGHTS = "model.safetensors"


@dataclass(frozen=True, eq=False)
class Bundle:
    """What prediction needs of a training.

    Attributes:
        folder: Where it lies.
        pipeline: ``"a"`` or ``"b"``.
        architecture: :meth:`Network.settings`.
        sha256: Of the record, which holds that of the weights.
        record: All of the record.
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
        with naming(self.folder / RECORD):
            return normalisation_from(self.record["normalisation"], self.trust)

    def trusting(self, trust: Sequence[str] | str) -> Bundle:
        """The bundle, with these packages trusted besides those that are."""
        return replace(self, trust=(*self.trust, *packages(trust)))

    def refuse_untrusted(self) -> None:
        """Say that the bundle needs code of a package that is not trusted; imports nothing.

        Raises:
            UserError: It does.
        """
        with naming(self.folder / RECORD):
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
        with naming(self.folder / RECORD):
            return from_settings(self.architecture, self.trust)


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
        told = {
            "pipeline": pipeline,
            "architecture": net.settings(),
            "normalisation": dict(normalisation),
            "provenance": dict(provenance),
            "scores": dict(scores),
        }
        record = make_record(told, hashlib.sha256(weights).hexdigest())
        write_json(temporary / RECORD, record)


def is_bundle(folder: Path) -> bool:
    """Whether a folder looks like a bundle; :func:`load_bundle` says whether it is one."""
    return (folder / RECORD).is_file()


def is_only_a_bundle(folder: Path) -> bool:
    """Whether a folder holds what a bundle holds and nothing else: it may be replaced as a whole."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return names == {WEIGHTS, RECORD} and says('"schema"', '"pipeline"')(folder / RECORD)


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
    record, sha256 = read_record(path)
    return Bundle(folder, record["pipeline"], record["architecture"], sha256, record, packages(trust))


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
