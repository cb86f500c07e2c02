"""Draw docs/images/report.png, a case of the demo in the report with its viewer.

``python docs/draw_report.py`` wants ``make demo``, ``make viewer`` and Chromium.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
CASE = "BraTS20_Training_026"
SIZE = {"width": 1200, "height": 900}
WIDTH, COLOURS = 1000, 128
# WebGL 2 without a graphics card; root has no sandbox.
FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--no-sandbox"]


def main() -> None:
    """Write the report of the demo's predictions, open a case, and keep what is seen."""
    predictions = ROOT / "demo" / "predictions"
    command = [sys.executable, "-m", "brats_seg", "report", f"predictions={predictions}", "overwrite=true"]
    subprocess.run(command, check=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto((predictions / "report" / "cases" / f"{CASE}.html").as_uri())
        page.wait_for_function("document.documentElement.dataset.viewer === 'ready'", timeout=240_000)
        page.wait_for_timeout(2000)
        seen = page.screenshot()
        browser.close()
    image = Image.open(io.BytesIO(seen)).convert("RGB")
    image.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    small = image.quantize(COLOURS, Image.Quantize.FASTOCTREE)
    small.save(ROOT / "docs" / "images" / "report.png", optimize=True)


if __name__ == "__main__":
    main()
