"""Figures of matplotlib as files and as pixels, with their texts as they are; pixels as PNG.

Covered by tests/test_pictures.py.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from brats_seg.files import whole_file
from brats_seg.files.foreign import PROGRAM

FAST = 3
"""zlib's level for the many pictures of a page: a third of the time, two per cent more bytes."""


def save_figure(path: Path, figure: Figure, *, dpi: int) -> None:
    """Write a figure as PNG, whole or not at all.

    Args:
        path: Of the file.
        figure: Any.
        dpi: Pixels per inch of the figure's size.

    Raises:
        UserError: The file cannot be written.
    """
    FigureCanvasAgg(figure)
    with whole_file(path) as temporary, literal_text(figure):
        figure.savefig(temporary, format="png", dpi=dpi, metadata={"Software": PROGRAM})


def save_pdf(path: Path, figure: Figure, *, title: str) -> None:
    """Write a figure as PDF, whole or not at all, with the same bytes each time.

    Args:
        path: Of the file.
        figure: Any; its size is that of the page.
        title: That viewers show.

    Raises:
        UserError: The file cannot be written.
    """
    FigureCanvasPdf(figure)
    told: dict[str, Any] = {"Title": title, "Creator": "brats-seg", "CreationDate": None}
    with whole_file(path) as temporary, literal_text(figure), rc_context({"pdf.fonttype": 42}):
        figure.savefig(temporary, format="pdf", metadata=told)


@contextlib.contextmanager
def literal_text(figure: Figure) -> Iterator[None]:
    """Texts are drawn as they are: a dollar in a name of a case or a run is no formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_usetex(False)
    with rc_context({"text.parse_math": False, "text.usetex": False}):
        yield


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """A figure as RGB ``(y, x, 3)``."""
    canvas: Any = FigureCanvasAgg(figure)
    with literal_text(figure):
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def png(rgb: NDArray[np.uint8]) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=FAST)
    return buffer.getvalue()
