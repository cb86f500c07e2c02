"""Draw docs/images/heads.png and alignment.png from a phantom with a skull: ``python docs/draw_scans.py``.

It runs the commands of docs/scans.md, which take some minutes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from PIL import Image

from brats_seg import nifti
from brats_seg.pictures import TITLES
from brats_seg.terms import MODALITIES

IMAGES = Path(__file__).parent / "images"
CASE = "BraTS20_Training_001"
WIDTH, COLOURS = 1100, 128


def run(*arguments: str) -> None:
    """A command of the package."""
    subprocess.run([sys.executable, "-m", "brats_seg", *arguments], check=True)


def draw_heads(folder: Path) -> Path:
    """The middle axial slice of each raw sequence, in its own voxels and millimetres."""
    figure, axes = plt.subplots(1, 4, figsize=(11, 3.4), layout="constrained", facecolor="black")
    for axis, modality, title in zip(axes, MODALITIES, TITLES, strict=True):
        volume = nifti.read(folder / CASE / f"{CASE}_{modality}.nii.gz")
        z, y, x = volume.geometry.spacing_mm
        plane = volume.array[len(volume.array) // 2]
        axis.imshow(plane, cmap="gray", aspect=y / x)
        place = f"{volume.geometry.orientation}, {x:.2g} x {y:.2g} x {z:.2g} mm"
        axis.set_title(f"{title}: {place}", color="white", fontsize=9)
        axis.axis("off")
    figure.savefig(folder / "heads.png", dpi=100)
    return folder / "heads.png"


def keep(picture: Path, name: str) -> None:
    """A small copy, in the repository."""
    image = Image.open(picture).convert("RGB")
    image.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    image.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(IMAGES / name, optimize=True)


def main() -> None:
    """Write the phantom, align it, and keep what is seen."""
    with tempfile.TemporaryDirectory() as name:
        heads, aligned = Path(name) / "heads", Path(name) / "aligned"
        run("phantom", f"output={heads}", "cases=1", "skull=true")
        keep(draw_heads(heads), "heads.png")
        files = [f"{modality}={heads}/{CASE}/{CASE}_{modality}.nii.gz" for modality in MODALITIES]
        brain = f"brain_mask={heads}/brains/{CASE}_brain.nii.gz"
        run("align", *files, brain, f"output={aligned}")
        keep(aligned / CASE / "align" / "quality.png", "alignment.png")


if __name__ == "__main__":
    main()
