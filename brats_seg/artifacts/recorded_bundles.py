"""The bundles of a prediction, as its JSON tells; that may hold anything.

Covered by tests/report/test_provenance.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brats_seg.artifacts.recorded_images import MERGED_FROM


def recorded_bundles(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The bundles of a prediction.

    Args:
        record: The JSON beside a label map, of `predict` or `merge`.

    Returns:
        For each bundle its pipeline and what :func:`brats_seg.artifacts.provenance.describe_bundle` told.
    """
    found = []
    for each in _records(record):
        told = each.get("provenance")
        for pipeline, group in told.items() if isinstance(told, dict) else ():
            for bundle in group if isinstance(group, list) else ():
                if isinstance(bundle, dict):
                    found.append({"pipeline": str(pipeline), **bundle})
    return found


def _records(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The record, and those it was merged from."""
    yield record
    sources = record.get(MERGED_FROM)
    for each in sources.values() if isinstance(sources, dict) else ():
        if isinstance(each, dict):
            yield each
