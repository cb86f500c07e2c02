"""Kinds of values as annotations, for parameters whose arguments come from a configuration.

``brats_seg.cli`` reads them to refuse a wrong value before any work; type checkers see ``int``, ``float`` or
a mapping.

Covered by tests/cli/test_values.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class AtLeast:
    """The number may not be smaller.

    Attributes:
        least: The smallest number.
    """

    least: int


@dataclass(frozen=True)
class KeysOf:
    """The mapping holds arguments of a class.

    Attributes:
        of: The class.
    """

    of: type


@dataclass(frozen=True)
class Exists:
    """The file or folder, or each of several, must be there before any work."""


Existing = Annotated[str, Exists()]
ExistingOrNone = Annotated[str | None, Exists()]
Count = Annotated[int, AtLeast(0)]
Positive = Annotated[int, AtLeast(1)]
Amount = Annotated[float, AtLeast(0)]
