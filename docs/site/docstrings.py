"""An extension of griffe: cross-references of the docstrings, ``:class:`name```, become links of the site."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([\w.]+)`")
DOUBLE = re.compile(r"``([^`]+)``")


class CrossReferences(griffe.Extension):
    """Link what has a page, and show the rest as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            module = obj.module.path
            text = ROLE.sub(lambda found: _link(found[1], module), obj.docstring.value)
            text = DOUBLE.sub(r"`\1`", text)
            obj.docstring.value = text.replace(
                "PAPER.md", '<a href="../../paper.html">the paper beside the code</a>'
            )


def _link(name: str, module: str) -> str:
    path = name if name.startswith("brats_seg.") or "." in name else f"{module}.{name}"
    return f'<autoref identifier="{path}" optional><code>{name.rpartition(".")[2]}</code></autoref>'
