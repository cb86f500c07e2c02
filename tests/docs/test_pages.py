"""The commands of README.md and of docs/ run, in order, on a phantom; the FAQ quotes messages that exist.

A block that cannot run here has `<!-- not run: REASON -->` above it. ``preloaded.py`` makes sizes smaller.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?^```bash\n(?P<script>.*?)^```$", re.M | re.S)
MARK = "<!-- not run: "
PLACES = {
    "/data/BraTS2020": "{data}/BraTS2020",
    "/data/validation": "{data}/validation",
    "/data/mine": "{data}/mine",
    "/data/bids": "{data}/bids",
}
"""What a path of the pages is here."""


def blocks(page: Path) -> list[tuple[str | None, str]]:
    """Reason not to run, where there is one, and script of every bash block."""
    text = page.read_text(encoding="utf-8")
    return [(match["reason"], match["script"]) for match in BLOCK.finditer(text)]


def runnable(page: Path) -> list[str]:
    return [script for reason, script in blocks(page) if reason is None]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_runs_or_says_why_not(page):
    text = page.read_text(encoding="utf-8")
    found = blocks(page)
    assert len(found) == text.count("```bash"), "a bash block is indented or has no end"
    others = re.findall(r"^```(?!bash)\w*\n(.*?)^```$", re.sub(BLOCK, "", text), re.M | re.S)
    assert not any(re.search("^ *brats-seg ", other, re.M) for other in others), "commands in no bash block"
    marked = sum(reason is not None for reason, _ in found)
    assert marked == text.count(MARK), "a mark stands above no bash block"
    for reason, script in found:
        assert reason is None or len(reason.split()) > 2, f"{reason!r} is no reason"
        if reason is None:
            assert not set(re.findall(r"/data/\w+", script)) - PLACES.keys(), "PLACES lacks a path"


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name)
def test_commands(page, shell, data, tmp_path):
    shutil.copytree(data / "given", tmp_path, dirs_exist_ok=True)
    for script in runnable(page):
        for place, here in PLACES.items():
            script = script.replace(place, here.format(data=data))
        done = shell(script, tmp_path)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_the_faq_quotes_messages_that_exist():
    files = sorted((ROOT / "brats_seg").rglob("*.py"))
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # a literal over several lines
    faq = (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
    headings = re.findall(r'^\?\?\? question "(.*)"$', faq, re.M)
    quotes = re.findall(r"`([^`]+)`", "\n".join(headings))
    pieces = [piece.strip() for piece in re.split(r"\.\.\.|\d+", "...".join(quotes))]
    unknown = [piece for piece in pieces if len(piece) > 3 and piece not in source]
    assert not unknown, f"docs/faq.md quotes {unknown}, which no message says"
