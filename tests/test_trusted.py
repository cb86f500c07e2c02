"""Code runs from trusted packages alone, and a name reaches only classes of the wanted kind in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import nn

from brats_seg.errors import UserError, WrongValue
from brats_seg.trusted import distribution_versions, is_dotted, packages, refuse_untrusted, trusted_class

INIT = """
import os
import pathlib
import torch
from torch import nn
from torch.nn import Linear

pathlib.Path(__file__).with_name("imported").touch()

class Net(nn.Module):
    class Part(nn.Module): ...

class Plain: ...

def make(): ...
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "guarded"
    folder.mkdir()
    (folder / "__init__.py").write_text(INIT)
    (folder / "deeper.py").write_text("from torch import nn\nclass Deep(nn.Module): ...\n")
    (folder / "broken.py").write_text("raise RuntimeError('no card')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "guarded"]:
        del sys.modules[name]


def test_an_untrusted_package_is_not_imported(package: Path) -> None:
    for trust in ((), ("guard",), ("guarded2",), ("guarded.deeper",)):
        with pytest.raises(UserError, match=r"code of the package 'guarded'.*trust=\[guarded\]"):
            trusted_class("guarded.Net", trust, nn.Module)
    assert not (package / "imported").exists()
    refuse_untrusted("guarded.Net", ["guarded"])
    assert not (package / "imported").exists()
    trusted_class("guarded.Net", ["guarded"], nn.Module)
    assert (package / "imported").exists()


def test_submodules_are_found(package: Path) -> None:
    assert trusted_class("guarded.deeper.Deep", ["guarded"], nn.Module).__name__ == "Deep"
    assert package.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("guarded.os.system", "there is no guarded.os.system"),
        ("guarded.torch.nn.Linear", "there is no guarded.torch.nn.Linear"),
        ("guarded.Linear", "of another package"),
        ("guarded.Plain", "no subclass of torch.nn.modules.module.Module"),
        ("guarded.make", "no subclass"),
        ("guarded.nothing", "there is no guarded.nothing"),
        ("guarded.broken.Net", "no card"),
        ("guarded.Net.Part", "there is no guarded.Net.Part"),
        ("guarded.Net.__init__", "expected my_package.MyClass"),
        ("guarded.__builtins__.eval", "expected my_package.MyClass"),
        ("guarded", "expected my_package.MyClass"),
        ("guarded..Net", "expected my_package.MyClass"),
    ],
)
@pytest.mark.usefixtures("package")
def test_nothing_else_is_reached(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        trusted_class(name, ["guarded"], nn.Module)
    assert "\n" not in str(caught.value)


def test_trust_names_packages() -> None:
    assert packages("monai") == packages(["monai"]) == ("monai",)
    with pytest.raises(WrongValue, match=r"trust=monai\.networks: .* use trust=\[monai\]"):
        packages(["monai.networks"])
    for wrong in ("", "a b", "*"):
        with pytest.raises(WrongValue):
            packages([wrong])


def test_dotted_names() -> None:
    assert [is_dotted(name) for name in ("a.B", "a.b.C", "a", "a._b", ".a", "a.", 3, None)] == [
        True,
        True,
        *[False] * 6,
    ]


@pytest.mark.usefixtures("package")
def test_versions_of_distributions() -> None:
    from importlib.metadata import version

    assert distribution_versions(["monai.networks.nets.SegResNet", "min_max", "brats_seg.models.UNet"]) == {
        "monai": version("monai")
    }
    assert distribution_versions(["guarded.Net"]) == {"guarded": "not installed, a folder on the path"}
