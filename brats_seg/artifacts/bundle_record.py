"""``bundle.json``: what a bundle says of itself, and what of it can be used. Covered by test_bundles.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brats_seg.artifacts.synthetic import SYNTHETIC, trained_on_synthetic
from brats_seg.errors import FileError, UserError, printable
from brats_seg.files import parse_json, read_bytes
from brats_seg.models import from_settings, is_own
from brats_seg.models.own import refuse_other_settings
from brats_seg.models.shapes import shapes_only
from brats_seg.preprocessing import normalisation_from
from brats_seg.terms import MODALITIES, REGIONS
from brats_seg.terms import PIPELINES as PIPELINES
from brats_seg.terms import Pipeline as Pipeline
from brats_seg.trusted import is_dotted

SCHEMA = 1
RECORD = "bundle.json"
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


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file before what is wrong with it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {printable(str(error))}") from error


def make_record(told: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """All of ``bundle.json``.

    Args:
        told: Pipeline, architecture, normalisation, provenance and scores, plain values.
        sha256: Of the file of weights.

    Returns:
        Plain values.
    """
    return {
        "schema": SCHEMA,
        "pipeline": told["pipeline"],
        "architecture": told["architecture"],
        "normalisation": told["normalisation"],
        "modalities": list(MODALITIES),
        "regions": list(REGIONS),
        "provenance": told["provenance"],
        "scores": told["scores"],
        "sha256": sha256,
        "card": CARD.format(pipeline=told["pipeline"].upper()) + _remark(told["provenance"]),
    }


def _remark(provenance: Mapping[str, Any]) -> str:
    """What a bundle that was trained on phantoms says of itself."""
    return f" {SYNTHETIC[0].upper()}{SYNTHETIC[1:]}." if trained_on_synthetic(provenance) else ""


def read_record(path: Path) -> tuple[dict[str, Any], str]:
    """All of a ``bundle.json`` that can be used, and its sha256.

    Raises:
        UserError: The file is none of a schema that this version knows, or says something that is not on the
            allow-list.
    """
    data = read_bytes(path, MAX_RECORD_BYTES)
    record = parse_json(path, data)
    _refuse_other_record(path, record)
    refuse_unusable(path, record)
    return record, hashlib.sha256(data).hexdigest()


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
    with naming(path):
        if own:
            refuse_other_settings(facts["architecture"])
        else:
            with shapes_only():
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


def is_flat(values: Any) -> bool:
    """Whether a value is a mapping to plain values, without another mapping or a list inside."""
    plain = str | bool | int | float
    return isinstance(values, dict) and all(isinstance(value, plain) for value in values.values())
