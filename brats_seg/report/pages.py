"""The templates of the pages, and the viewer that goes into them. Covered by tests/report/test_report.py."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import brats_seg

VIEWER = "niivue.js"
"""Put into the package by `make viewer`; not in the repository."""


def viewer_script() -> str | None:
    """The 3-D viewer with its licence; None where it was not installed."""
    folder = files("brats_seg.report") / "viewer"
    if not (folder / VIEWER).is_file():
        return None
    licence = (folder / "LICENSE.niivue").read_text(encoding="utf-8")
    return f"/*\n{licence}*/\n{(folder / VIEWER).read_text(encoding='utf-8')}"


def render(template: str, **context: Any) -> str:
    """A page as HTML; everything but our own SVG and scripts is escaped.

    Args:
        template: Name of a file in ``templates/``.
        context: The values that it shows.

    Returns:
        HTML.
    """
    return _environment().get_template(template).render(version=brats_seg.__version__, **context)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("brats_seg.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
