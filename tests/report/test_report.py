"""The pages hold what they should, ask the network for nothing, and run nothing that a file smuggled in."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brats_seg import nifti
from brats_seg.cases import find_cases
from brats_seg.cli.commands.report import main
from brats_seg.errors import UserError
from brats_seg.evaluation import Scoring, evaluate
from brats_seg.report import ReportSettings, case_context, pages, write_report
from brats_seg.report import report as written

PLAIN = ReportSettings.default(title="x", viewer=False)
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
        patch.setattr(case_context, "viewer_script", lambda: "/* viewer */")
        failures = write_report(
            cohort / "predictions",
            cohort / "cases",
            output,
            ReportSettings.default(title="A & B"),
            evaluation=cohort / "scores",
            runs=[cohort / "runs" / "x" / "fold_0"],
        )
        assert failures == []
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
    index = (made / "index.html").read_text()
    assert '<td class="said">&lt;script&gt;alert(1)&lt;/script&gt; is only text</td>' in index


def test_every_layer_lies_where_the_case_lies(made: Path, cohort: Path) -> None:
    page = (made / "cases" / "BraTS20_Training_002.html").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    data = data["shown"]
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
    assert styles.count("all") == 2 * (
        4 + 1
    )  # whole slices and close-ups; the modalities and the uncertainty
    for style in ("paper-fill", "paper-outline", "safe-fill", "safe-outline"):
        assert styles.count(style) == 2 * 4
    assert all(attributes.get("alt") for tag, attributes in tags if tag == "img")


def test_every_control_has_a_name(made: Path) -> None:
    for page in made.rglob("*.html"):
        text = page.read_text()
        labels = "".join(re.findall(r"<label.*?</label>", text, re.S))
        for tag, attributes in Tags(text).found:
            if tag in ("input", "select"):
                held = [
                    f'{name}="{attributes[name]}"'
                    for name in ("id", "data-layer", "data-axis")
                    if name in attributes
                ]
                assert attributes.get("aria-label") or any(name in labels for name in held), attributes


def test_without_the_viewer_the_page_says_how_to_add_it(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "VIEWER", "not there")
    keys = [
        f"predictions={cohort / 'predictions'}",
        f"references={cohort / 'cases'}",
        f"output={tmp_path}",
        "workers=1",
    ]
    main(keys)
    page = (tmp_path / "cases" / "BraTS20_Training_001.html").read_text()
    assert "make viewer" in page and "make viewer" in capsys.readouterr().out
    assert 'id="canvas"' not in page and page.count("<img") > 8


def test_a_case_that_cannot_be_shown_is_named_and_the_others_are(cohort: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "predictions"
    spoilt.mkdir()
    for path in (cohort / "predictions").glob("*.*"):
        (spoilt / path.name).write_bytes(path.read_bytes())
    nifti.write(
        spoilt / "BraTS20_Training_002.nii.gz", np.zeros((3, 4, 5), np.uint8), nifti.lps_geometry((3, 4, 5))
    )
    ask = partial(write_report, spoilt, cohort / "cases", tmp_path / "out", PLAIN)
    (line,) = ask()
    assert "BraTS20_Training_002" in line and "expected shape" in line
    assert line.replace("'", "&#39;") in (tmp_path / "out" / "index.html").read_text()
    assert len(list((tmp_path / "out" / "cases").iterdir())) == 2
    for page, neighbour in (("001", "003"), ("003", "001")):  # around the one without a page
        assert (
            f'href="BraTS20_Training_{neighbour}.html"'
            in (tmp_path / "out" / "cases" / f"BraTS20_Training_{page}.html").read_text()
        )
    with pytest.raises(UserError, match=r"per_case\.csv"):
        ask(evaluation=tmp_path)
    with pytest.raises(UserError, match=r"metrics\.csv"):
        ask(runs=[tmp_path])


@pytest.fixture
def one_missing(cohort: Path, tmp_path: Path) -> Path:
    """Predictions without the second case."""
    copy = tmp_path / "predictions"
    shutil.copytree(cohort / "predictions", copy)
    (copy / "BraTS20_Training_002.nii.gz").unlink()
    return copy


def test_a_case_without_a_prediction_is_in_the_table_and_the_boxes(
    cohort: Path, one_missing: Path, tmp_path: Path
) -> None:
    evaluate(one_missing, cohort / "cases", tmp_path / "scores", Scoring.default(missing="penalise"))
    ask = partial(write_report, one_missing, cohort / "cases")
    assert ask(tmp_path / "out", PLAIN, evaluation=tmp_path / "scores") == []
    text = (tmp_path / "out" / "index.html").read_text()
    assert "3 cases, 2 of them with a page" in text and "n = 3" in text
    assert "case BraTS20_Training_002: no prediction" in text
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>\n', text.partition('id="cases"')[2])
    assert len(rows) == 3 and "BraTS20_Training_002 <small>no page" in rows[0]  # the worst
    assert text.partition("</svg>")[0].count("<circle") == 3 * 3
    assert "cases/BraTS20_Training_002.html" not in text
    ask(tmp_path / "bare", PLAIN)
    assert "no prediction of 1 of the references" in (tmp_path / "bare" / "index.html").read_text()


def test_scores_are_called_what_they_are(cohort: Path, tmp_path: Path) -> None:
    scores = tmp_path / "scores"
    evaluate(cohort / "predictions", cohort / "cases", scores, Scoring.default(convention="brats2023"))
    ask = partial(write_report, cohort / "predictions", cohort / "cases", tmp_path)
    ask(PLAIN, evaluation=scores)
    text = (tmp_path / "index.html").read_text()
    assert "convention brats2023" in text and "brats2020" not in text
    assert 'aria-label="Mean Lesion-wise Dice"' in text
    with pytest.raises(UserError, match="expected scores of brats2020, found those of brats2023"):
        ask(replace(PLAIN, convention="brats2020"), evaluation=scores)
    with pytest.raises(UserError, match="unknown convention 'x'"):
        ask(replace(PLAIN, convention="x"))


def test_label_values_can_be_given_and_have_to_be(cohort: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    for path in (cohort / "cases").rglob("*_003_*.nii.gz"):
        (cases / "x").mkdir(parents=True, exist_ok=True)
        name = path.name.replace("BraTS20_Training_003", "p3").replace(
            "_t1ce", "-t1c"
        )  # two namings tell nothing
        shutil.copy(path, cases / "x" / name)
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    for end in (".json", ".nii.gz"):
        shutil.copy(cohort / "predictions" / f"BraTS20_Training_003{end}", predictions / f"p3{end}")
    with pytest.raises(UserError, match=r"labels\.references=brats2020"):
        write_report(predictions, cases, tmp_path / "out", PLAIN)
    given = replace(PLAIN, reference_labels="brats2020")
    assert write_report(predictions, cases, tmp_path / "out", given) == []
    with pytest.raises(UserError, match="brats1999"):
        write_report(predictions, cases, tmp_path / "out", replace(PLAIN, reference_labels="brats1999"))
    (predictions / "p3.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match="nothing tells the label values of p3"):
        write_report(predictions, cases, tmp_path / "out", given)


def test_a_twentieth_of_a_millimetre_is_no_other_place(cohort: Path, tmp_path: Path) -> None:
    """A segmentation may be so far off its images, as for `check` and training."""
    cases = tmp_path / "cases"
    shutil.copytree(cohort / "cases", cases)
    for case in find_cases(cases):
        assert case.segmentation is not None
        image = nib.load(case.segmentation)
        affine = image.affine.copy()
        affine[0, 3] += 0.05
        nib.Nifti1Image(np.asanyarray(image.dataobj), affine).to_filename(case.segmentation)
    assert write_report(cohort / "predictions", cases, tmp_path / "out", PLAIN) == []


def test_a_case_without_a_truth_has_a_page(cohort: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    shutil.copytree(cohort / "cases", cases)
    for path in cases.rglob("*_001_seg.nii.gz"):
        path.unlink()
    assert write_report(cohort / "predictions", cases, tmp_path / "out", PLAIN) == []
    page = (tmp_path / "out" / "cases" / "BraTS20_Training_001.html").read_text()
    assert "Merged</figcaption>" in page and "Truth</figcaption>" not in page


def test_an_incomplete_uncertainty_is_named(cohort: Path, tmp_path: Path) -> None:
    copy = tmp_path / "predictions"
    shutil.copytree(cohort / "predictions", copy)
    (copy / "uncertainty" / "BraTS20_Training_001_unc_core.nii.gz").unlink()
    (line,) = write_report(copy, cohort / "cases", tmp_path / "out", PLAIN)
    assert "case BraTS20_Training_001" in line and "expected a map for each of WT, TC and ET" in line


def test_what_a_clinician_asks_stands_on_the_page(made: Path) -> None:
    page = (made / "cases" / "BraTS20_Training_001.html").read_text()
    for words in (
        "NCR/NET, necrosis and non-enhancing tumour",
        "ED, oedema",
        "ET, enhancing tumour",
        "Close-up of the tumour",
    ):
        assert words in page
    assert "Uncertainty</figcaption>" in page
    orders = re.findall(r"<thead>(.*?)</thead>", page, re.S)
    assert [re.findall(r'class="n">(\w+)<', order) for order in orders] == [
        ["ET", "TC", "WT", "ED"],  # and NCR/NET
        ["ET", "WT", "TC"],
    ]
    assert re.search(r'Lesions, truth</th><td class="n">\d+</td>', page)
    assert "<dt>tta</dt><dd>group16" in re.sub(r">\s+", ">", page)
