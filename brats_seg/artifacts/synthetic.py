"""What results of phantoms say of themselves. Covered by tests/artifacts/test_provenance.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SYNTHETIC = "trained on synthetic data, of no use on patients"
SYNTHETIC_CASES = "synthetic_cases"
"""Key of a bundle's provenance: how many of its training cases are phantoms."""


def trained_on_synthetic(provenance: Mapping[str, Any]) -> bool:
    """Whether a bundle was trained on phantoms, if only on some."""
    cases = provenance.get(SYNTHETIC_CASES)
    return isinstance(cases, int) and cases > 0


def synthetic_notice(provenances: Iterable[Mapping[str, Any]]) -> str | None:
    """The line for results of bundles of which one was trained on phantoms.

    Args:
        provenances: Of each bundle.

    Returns:
        The line; None where none was, as far as they tell.
    """
    held = list(provenances)
    synthetic = sum(map(trained_on_synthetic, held))
    if not synthetic:
        return None
    return SYNTHETIC if synthetic == len(held) else f"{synthetic} of {len(held)} bundles {SYNTHETIC}"
