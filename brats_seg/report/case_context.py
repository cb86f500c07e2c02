"""What the page of one case shows of its images, label maps and JSON.

Covered by tests/report/test_report.py.
"""

from __future__ import annotations

from typing import Any

from brats_seg.artifacts.prediction_tables import COLUMNS
from brats_seg.artifacts.recorded_bundles import recorded_bundles
from brats_seg.report.case_page import (
    Still,
    close_ups,
    legend,
    native_stills,
)
from brats_seg.report.heat import HEAT
from brats_seg.report.material import Material
from brats_seg.report.pages import viewer_script
from brats_seg.report.provenance import synthetic_line, told_of_bundle
from brats_seg.report.viewer_data import viewer_data


def case_context(material: Material, pictures: list[Still], *, with_viewer: bool) -> dict[str, Any]:
    """The values of ``case.html`` that are made of a case's files.

    Args:
        material: Of the case.
        pictures: Slices of every layer.
        with_viewer: Put the 3-D viewer in the page.

    Returns:
        Name in the template to value.
    """
    return {
        "volumes": material.volumes_ml(),
        "volume_columns": COLUMNS,
        "agreement": material.agreement(),
        "warnings": material.warnings,
        "record": material.record,
        "bundles": list(map(told_of_bundle, recorded_bundles(material.record))),
        "synthetic": synthetic_line(material.record),
        "stills": pictures,
        "close_ups": close_ups(material),
        "native": native_stills(material),
        "legend": legend(cavity=material.cavity),
        "heat": HEAT,
        "shown": viewer_data(material) if with_viewer else None,
        "viewer": viewer_script() if with_viewer else None,
    }
