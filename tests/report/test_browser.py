"""The report in a real browser, offline: layers switch, the canvas shows something, tables sort."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from scipy.ndimage import binary_erosion, generate_binary_structure

from brats_seg import nifti
from brats_seg.cases import find_cases, read_case
from brats_seg.report import ReportSettings, write_report
from brats_seg.report.pages import viewer_script

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
TIMEOUT_MS = 240_000  # drawing by the processor is slow where others want it, too
# WebGL 2 without a graphics card; root, as in CI, has no sandbox.
FLAGS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--no-sandbox")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or set CHROMIUM=PROGRAM"),
]


@pytest.fixture(scope="module")
def made(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if viewer_script() is None:
        pytest.skip("no 3-D viewer: make viewer")
    output = tmp_path_factory.mktemp("report")
    settings = ReportSettings.default(title="x")
    write_report(cohort / "predictions", cohort / "cases", output, settings, evaluation=cohort / "scores")
    return output


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["desktop, light", "phone, dark"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Offline; at its end nothing may have been asked for or complained about."""
    scheme, width = request.param
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    page, trouble = context.new_page(), []
    page.set_default_timeout(TIMEOUT_MS)
    page.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith(("file:", "data:", "blob:")) else trouble.append(asked.url)
        ),
    )
    yield page
    context.close()
    assert trouble == []


def pixels(page: Any) -> np.ndarray:
    """What the canvas shows, once it has been drawn."""
    page.wait_for_timeout(400)
    return np.asarray(imread(BytesIO(page.locator("#canvas").screenshot()), format="png"))[..., :3]


def is_wider_than_the_screen(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_the_cohort(page: Any, made: Path) -> None:
    page.goto(f"file://{made}/index.html")
    ids = lambda: page.locator("#cases tbody tr:visible a").all_inner_texts()  # noqa: E731
    worst = ids()
    assert len(worst) == 3 and not is_wider_than_the_screen(page)
    page.get_by_role("button", name="Mean Dice").press("Enter")
    assert ids() == worst[::-1]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Case", exact=True).click()
    assert ids() == sorted(worst)
    page.get_by_label("Filter").fill("_002")
    assert ids() == ["BraTS20_Training_002"] and "1 shown" in page.inner_text("#count")
    page.get_by_label("Theme").select_option("dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 28)"


def test_a_case(page: Any, made: Path) -> None:
    page.goto(f"file://{made}/cases/BraTS20_Training_002.html")
    page.wait_for_function("document.documentElement.dataset.viewer === 'ready'")
    assert not is_wider_than_the_screen(page)
    first = pixels(page)
    assert first.std() > 0.05
    seen = [first]
    for layer in ("Merged", "T1ce", "FLAIR", "Truth", "Uncertainty"):  # the first two off, the others on
        page.get_by_label(layer, exact=True).press("Space")
        seen.append(pixels(page))
        assert np.abs(seen[-1] - seen[-2]).max() > 0.1, layer
    for position in ("Axial position", "Coronal position", "Sagittal position"):
        before = pixels(page)
        page.get_by_label(position).press("PageUp")
        assert np.abs(pixels(page) - before).max() > 0.1, position
    seen.append(pixels(page))
    page.get_by_label("Opacity of Truth").press("Home")
    assert np.abs(pixels(page) - seen[-1]).max() > 0.1
    page.get_by_label("Opacity of Truth").press("End")
    for control, option in (("#palette", "safe"), ("#style", "outline"), ("#view", "0")):
        before = pixels(page)
        page.locator(control).select_option(option)
        assert np.abs(pixels(page) - before).max() > 0.1, control
    assert page.locator(".stills img[data-style=safe-outline]").first.is_visible()
    assert not page.locator(".stills img[data-style=paper-fill]").first.is_visible()


def colours(picture: np.ndarray) -> int:
    """Pixels that are not grey, of tissue and not of the crosshair."""
    return int((picture[..., 0] - picture[..., 2] > 0.2).sum())


def test_the_tumour_shows_in_the_3d_view_as_it_opens(browser: Any, made: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"file://{made}/cases/BraTS20_Training_001.html")
    page.wait_for_function("document.documentElement.dataset.viewer === 'ready'", timeout=TIMEOUT_MS)
    page.locator("#view").select_option("4")
    assert colours(pixels(page)) > 200
    page.get_by_label("Merged", exact=True).press("Space")
    assert colours(pixels(page)) < 20
    page.close()


def test_outlines_in_the_viewer_leave_the_inside_free(browser: Any, made: Path, cohort: Path) -> None:
    case = next(case for case in find_cases(cohort / "cases") if case.id == "BraTS20_Training_001")
    assert case.segmentation is not None
    labels = nifti.read(case.segmentation).array
    cross = generate_binary_structure(2, 1)[None]
    flat, solid = (
        np.logical_or.reduce([binary_erosion(labels == value, structure) for value in (1, 2, 4)])
        for structure in (cross, None)
    )
    z = int((flat & ~solid).sum((1, 2)).argmax())  # where borders in depth would fill most
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"file://{made}/cases/{case.id}.html")
    page.wait_for_function("document.documentElement.dataset.viewer === 'ready'", timeout=TIMEOUT_MS)
    page.locator("#view").select_option("0")
    page.get_by_label("Opacity of Merged").press("End")
    page.get_by_label("Axial position").fill(str(z))
    seen = []
    for style in ("fill", "outline"):
        page.locator("#style").select_option(style)
        seen.append(colours(pixels(page)))
    assert seen[1] / seen[0] < 1 - (flat[z].sum() + solid[z].sum()) / 2 / (labels[z] != 0).sum()
    page.close()


def opened(browser: Any, made: Path, **context: Any) -> Any:
    """The first case, once its viewer is ready, in a window for itself."""
    settings = {"viewport": {"width": 1280, "height": 1000}, **context}
    page = browser.new_context(offline=True, **settings).new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"file://{made}/cases/BraTS20_Training_001.html")
    page.wait_for_function("document.documentElement.dataset.viewer === 'ready'")
    return page


def slices(page: Any) -> list[int]:
    """Numbers of the axial, coronal and sagittal slice that the page tells."""
    found = re.findall(r"(?:axial|coronal|sagittal) (\d+)", page.inner_text("#where"))
    return [int(number) for number in found]


def test_keys_and_sliders_go_slice_by_slice_and_the_page_tells_what_is_there(
    browser: Any, made: Path, cohort: Path
) -> None:
    page = opened(browser, made)
    z, y, x = slices(page)
    page.locator("#canvas").focus()
    scrolled = page.evaluate("scrollY")
    for key, by in (("ArrowUp", 1), ("ArrowLeft", -1), ("PageUp", 10), ("PageDown", -10)):
        before = slices(page)
        page.keyboard.press(key)
        assert slices(page) == [before[0] + by, y, x], key
    page.get_by_label("Coronal position").press("ArrowRight")
    assert slices(page) == [z, y + 1, x] and page.evaluate("scrollY") == scrolled
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowDown")  # moves the plane that was touched last
    assert slices(page) == [z, y, x]
    (case,) = [case for case in find_cases(cohort / "cases") if case.id == "BraTS20_Training_001"]
    loaded = read_case(case)
    told = page.inner_text("#where")
    for title, value in zip(("T1", "T1ce", "T2", "FLAIR"), loaded.image[:, z, y, x], strict=True):
        assert f"{title} {value:g}" in told
    assert loaded.label_map is not None
    tissue = {0: "none", 1: "NCR/NET", 2: "ED", 4: "ET"}[int(loaded.label_map[z, y, x])]
    assert f"Truth {tissue}" in told
    right, front, head = (loaded.geometry.lps_affine @ [x, y, z, 1])[:3]
    for value, sides in ((right, "left right"), (front, "posterior anterior"), (head, "inferior superior")):
        assert f"{abs(value):.1f} mm {sides.split()[int(value >= 0)]}" in told
    page.context.close()


def test_windowing_is_told_and_reset_and_the_crosshair_goes(browser: Any, made: Path) -> None:
    page = opened(browser, made)
    first, before = page.inner_text("#window"), pixels(page)
    assert re.fullmatch(r"Window of T1ce: [\d.]+ to [\d.]+", first)
    page.get_by_label("Brightest").fill("150")
    assert page.inner_text("#window") != first and np.abs(pixels(page) - before).max() > 0.1
    page.get_by_role("button", name="Reset window").click()
    assert page.inner_text("#window") == first and np.abs(pixels(page) - before).max() < 0.02
    page.get_by_label("Crosshair").uncheck()
    assert np.abs(pixels(page) - before).max() > 0.1
    page.get_by_label("FLAIR", exact=True).check()
    assert page.inner_text("#window").startswith("Window of FLAIR")
    page.context.close()


def test_distances_are_millimetres_and_pictures_are_saved(browser: Any, made: Path, tmp_path: Path) -> None:
    page = opened(browser, made)
    page.locator("#view").select_option("0")
    page.get_by_label("Measure distances").check()
    box = page.locator("#canvas").bounding_box()
    row, column = box["y"] + box["height"] / 2, box["x"] + box["width"] / 2
    page.mouse.move(column - 60, row)
    page.mouse.down()
    page.mouse.move(column + 60, row, steps=3)
    page.mouse.up()
    measured = float(page.locator("#stage").get_attribute("data-distance"))
    lines = pixels(page)
    cyan = (lines[..., 2] > 0.9) & (lines[..., 0] < 0.4) & (lines[..., 1] > 0.7)
    assert cyan.sum() > 100
    with page.expect_download() as download:
        page.get_by_role("button", name="Save picture").click()
    download.value.save_as(tmp_path / "saved.png")
    assert re.fullmatch(r"BraTS20_Training_001_axial_\d+\.png", download.value.suggested_filename)
    saved = np.asarray(imread(tmp_path / "saved.png"))
    assert saved.shape[0] > box["height"] and saved[..., :3].std() > 0.05
    page.mouse.move(column - 60, row - 20)
    page.mouse.down()
    page.mouse.move(column, row - 20, steps=3)
    page.mouse.up()
    half = float(page.locator("#stage").get_attribute("data-distance"))
    assert half == pytest.approx(measured / 2, abs=0.11)
    page.context.close()


def test_a_finger_scrolls_the_page_and_the_handle_the_slices(browser: Any, made: Path) -> None:
    page = opened(browser, made, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page.locator("#stage").scroll_into_view_if_needed()
    client = page.context.new_cdp_session(page)

    def swipe(x: float, y: float, by: float) -> None:
        def send(kind: str, *places: float) -> None:
            points = [{"x": x, "y": place} for place in places]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", y)
        for i in range(1, 9):
            send("touchMove", y + by * i / 8)
        send("touchEnd")
        page.wait_for_timeout(400)

    box, before, scrolled = page.locator("#stage").bounding_box(), slices(page), page.evaluate("scrollY")
    swipe(box["x"] + 100, box["y"] + box["height"] / 2, -150)
    assert page.evaluate("scrollY") > scrolled + 50 and slices(page) == before
    grip, scrolled = page.locator("#grip").bounding_box(), page.evaluate("scrollY")
    swipe(grip["x"] + 10, max(grip["y"], 0) + 150, -90)
    assert page.evaluate("scrollY") == scrolled
    assert slices(page)[0] > before[0] + 2 and slices(page)[1:] == before[1:]
    page.context.close()


def test_fills_have_the_legends_colour_and_each_plane_its_outlines(browser: Any, made: Path) -> None:
    page = opened(browser, made)
    page.get_by_label("Crosshair").uncheck()
    legend = page.evaluate("JSON.parse(document.getElementById('data').textContent).legend")
    paper = {each["name"]: np.array(each["paper"]) / 255 for each in legend}
    for view in ("0", "1", "2"):
        page.locator("#view").select_option(view)
        page.locator("#style").select_option("fill")
        filled = pixels(page)
        coloured = filled.max(-1) - filled.min(-1) > 0.35
        away = np.min([np.abs(filled - colour).max(-1) for colour in paper.values()], 0)
        assert coloured.sum() > 200 and np.percentile(away[coloured], 90) < 0.16
        page.locator("#style").select_option("outline")
        outlined = pixels(page)
        left = outlined.max(-1) - outlined.min(-1) > 0.35
        assert 50 < left.sum() < 0.8 * coloured.sum(), view
    assert page.locator("#layers .heat").is_visible()
    page.context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_prints_black_on_white(browser: Any, made: Path, theme: str) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(f"file://{made}/index.html")
    page.get_by_label("Theme").select_option(theme)
    page.emulate_media(media="print")
    style = "(name) => getComputedStyle(document.body)[name]"
    assert [page.evaluate(style, name) for name in ("backgroundColor", "color")] == [
        "rgb(255, 255, 255)",
        "rgb(0, 0, 0)",
    ]
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    page.close()
