"""The pages hold what they should, ask the network for nothing, and run nothing that a file smuggled in."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import find_cases
from brats_seg.cli.report import main
from brats_seg.errors import UserError
from brats_seg.report import pages
from brats_seg.report import report as written
from brats_seg.report.charts import box_plot, line_chart
from brats_seg.report.report import report

LAYERS = ["T1", "T1ce", "T2", "FLAIR", "Truth", "A", "B", "Merged", "Uncertainty"]


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def made(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report, with a stand-in for the viewer, which need not be installed here."""
    output = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(written, "viewer_script", lambda: "/* viewer */")
        options: dict[str, Any] = {"evaluation": cohort / "scores", "convention": "brats2020", "title": "A & B"}
        assert report(cohort / "predictions", cohort / "cases", output, runs=[cohort / "runs" / "x" / "fold_0"], **options) == []
    return output


def test_one_page_per_case_and_links_that_lead_somewhere(made: Path) -> None:
    every = sorted(made.rglob("*.html"))
    assert len(every) == 4
    for page in every:
        for tag, attributes in Tags(page.read_text()).found:
            target = attributes.get("href") or attributes.get("src") or ""
            assert not re.match(r"(https?:)?//", target)
            if tag == "a" and not target.startswith("#"):
                assert (page.parent / target).is_file(), target


def test_the_worst_case_stands_first(made: Path) -> None:
    text = (made / "index.html").read_text()
    ids = re.findall(r'<th scope="row"><a href="cases/(.*?).html">', text)
    assert ids == ["BraTS20_Training_003", "BraTS20_Training_002", "BraTS20_Training_001"]
    assert "A &amp; B" in text and "n = 3" in text
    assert text.count("<svg") == 3 + 3  # three metrics as box plots; loss, Dice and rate of the run


def test_what_files_say_is_text(made: Path) -> None:
    page = (made / "cases" / "BraTS20_Training_001.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is only text" in page


def test_every_layer_lies_where_the_case_lies(made: Path, cohort: Path) -> None:
    page = (made / "cases" / "BraTS20_Training_002.html").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert [layer["title"] for layer in data["layers"]] == LAYERS
    assert [layer["title"] for layer in data["layers"] if layer["on"]] == ["T1ce", "Merged"]
    assert all(0 < place < 1 for place in data["centre"])
    (case,) = [case for case in find_cases(cohort / "cases") if case.id == "BraTS20_Training_002"]
    assert case.segmentation is not None
    whole = nib.load(case.segmentation)
    shown = nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(data["layers"][4]["data"])))
    tumour = np.argwhere(np.asanyarray(whole.dataobj) == 4)
    there = np.argwhere(np.asanyarray(shown.dataobj) == 3)  # values without a gap
    assert sorted(map(tuple, nib.affines.apply_affine(whole.affine, tumour).round(3))) == sorted(
        map(tuple, nib.affines.apply_affine(shown.affine, there).round(3))
    )


def test_every_label_map_is_drawn_in_every_style(made: Path) -> None:
    tags = Tags((made / "cases" / "BraTS20_Training_001.html").read_text()).found
    styles = [attributes["data-style"] for tag, attributes in tags if tag == "img"]
    assert styles.count("all") == 4
    for style in ("paper-fill", "paper-outline", "safe-fill", "safe-outline"):
        assert styles.count(style) == 4
    assert all(attributes.get("alt") for tag, attributes in tags if tag == "img")


def test_every_control_has_a_name(made: Path) -> None:
    for page in made.rglob("*.html"):
        text = page.read_text()
        labels = "".join(re.findall(r"<label.*?</label>", text, re.S))
        for tag, attributes in Tags(text).found:
            if tag in ("input", "select"):
                held = [f'id="{attributes.get("id")}"', f'data-layer="{attributes.get("data-layer")}"']
                assert attributes.get("aria-label") or any(name in labels for name in held), attributes


def test_without_the_viewer_the_page_says_how_to_add_it(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "VIEWER", "not there")
    keys = [f"predictions={cohort / 'predictions'}", f"references={cohort / 'cases'}", f"output={tmp_path}", "workers=1"]
    main(keys)
    page = (tmp_path / "cases" / "BraTS20_Training_001.html").read_text()
    assert "make viewer" in page and "make viewer" in capsys.readouterr().out
    assert 'id="canvas"' not in page and page.count("<img") > 8


def test_a_case_that_cannot_be_shown_is_named_and_the_others_are(cohort: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "predictions"
    spoilt.mkdir()
    for path in (cohort / "predictions").glob("*.*"):
        (spoilt / path.name).write_bytes(path.read_bytes())
    nifti.write(spoilt / "BraTS20_Training_002.nii.gz", np.zeros((3, 4, 5), np.uint8), nifti.lps_geometry((3, 4, 5)))
    options: dict[str, Any] = {"evaluation": None, "convention": "brats2020", "title": "x", "viewer": False}
    (line,) = report(spoilt, cohort / "cases", tmp_path / "out", **options)
    assert "BraTS20_Training_002" in line and "expected shape" in line
    assert line.replace("'", "&#39;") in (tmp_path / "out" / "index.html").read_text()
    assert len(list((tmp_path / "out" / "cases").iterdir())) == 2
    with pytest.raises(UserError, match=r"per_case\.csv"):
        report(spoilt, cohort / "cases", tmp_path / "out", **{**options, "evaluation": tmp_path})
    with pytest.raises(UserError, match=r"metrics\.csv"):
        report(spoilt, cohort / "cases", tmp_path / "out", runs=[tmp_path], **options)


@pytest.mark.parametrize("values", [[0.5], [0.0, 0.0], [0.2, 0.9, 1.0], [-3.0, 2.0], [1e-5, 2e-5], [373.0] * 9])
def test_charts_stay_inside_their_frame(values: list[float]) -> None:
    cases = [(f"<{i}>", value) for i, value in enumerate(values)]
    for chart in (box_plot({"ET": cases, "WT": []}, label="x", digits=2), line_chart({"a": list(enumerate(values))}, label="x")):
        for element in ElementTree.fromstring(chart).iter():
            for name in ("cy", "y1", "y2"):
                assert 0 <= float(element.get(name, 0)) <= 240
