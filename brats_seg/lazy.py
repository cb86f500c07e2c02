"""What a room's ``__init__`` exports, imported when it is first asked for: torch alone takes seconds.

Covered by tests/test_front_doors.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package.

    Args:
        package: Its ``__name__``.
        modules: For each name that it exports, the module below it that has it.

    Returns:
        A function that answers with what is meant by a name; AttributeError where nothing is.
    """

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return find
