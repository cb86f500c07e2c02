"""An ensemble in one file comes back the same; a forged file leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from brats_seg.artifacts.bundles import WEIGHTS, load_bundle, save_bundle
from brats_seg.artifacts.ensemble_archive import EPOCH, pack_ensemble
from brats_seg.artifacts.ensemble_file import load_ensemble, write_ensemble
from brats_seg.artifacts.unpack_archive import unpack_ensemble
from brats_seg.errors import UserError
from brats_seg.files import file_sha256
from brats_seg.models import UNet
from brats_seg.preprocessing import ZScore


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ensemble.yaml`` with two bundles of B, and ``ensemble.zip``."""
    root = tmp_path_factory.mktemp("ensemble")
    net = UNet(width=2, norm="instance", attention=False, residual=False, dropout=0.0)
    bundles = []
    for number in range(2):
        folder = root / "deep" / f"run{number}"
        told = {"seed": number}
        save_bundle(folder, net, pipeline="b", normalisation=ZScore().settings(), provenance=told, scores={})
        bundles.append(load_bundle(folder))
    write_ensemble(root / "ensemble.yaml", {"b": bundles})
    pack_ensemble(load_ensemble(root / "ensemble.yaml"), root / "ensemble.zip")
    return root


def test_it_comes_back_the_same(packed: Path, tmp_path: Path) -> None:
    archive = packed / "ensemble.zip"
    ensemble = unpack_ensemble(archive, tmp_path / "out", file_sha256(archive).upper())
    before, after = load_ensemble(packed / "ensemble.yaml"), load_ensemble(ensemble)
    assert [bundle.sha256 for bundle in before["b"]] == [bundle.sha256 for bundle in after["b"]]
    assert [bundle.folder.name for bundle in after["b"]] == ["b0", "b1"]
    assert after["b"][1].net() is not None
    again = tmp_path / "again.zip"
    assert pack_ensemble(after, again) == file_sha256(archive)
    with pytest.raises(UserError, match="is there and not empty"):
        unpack_ensemble(archive, tmp_path / "out")
    with pytest.raises(UserError, match="expected sha256 00"):
        unpack_ensemble(archive, tmp_path / "other", "00")


def test_damaged_weights_are_not_packed(packed: Path, tmp_path: Path) -> None:
    bundle = load_bundle(packed / "deep" / "run0")
    file = packed / "deep" / "run0" / WEIGHTS
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UserError, match="copy the bundle again"):
        pack_ensemble({"b": [bundle]}, tmp_path / "x.zip")
    file.write_bytes(whole)
    assert list(tmp_path.iterdir()) == []


Forge = Callable[[dict[str, bytes], zipfile.ZipFile], None]


def _add(name: str, mode: int = stat.S_IFREG | 0o644, data: bytes = b"/etc/passwd") -> Forge:
    def forge(files: dict[str, bytes], archive: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo(name, EPOCH)
        entry.external_attr = mode << 16
        archive.writestr(entry, data)

    return forge


def _change(name: str, data: bytes | None) -> Forge:
    def forge(files: dict[str, bytes], archive: zipfile.ZipFile) -> None:
        if data is None:
            del files[name]
        else:
            files[name] = data

    return forge


@pytest.mark.parametrize(
    ("forge", "found"),
    [
        (_add("../escaped.txt"), "found '../escaped.txt'"),
        (_add("/tmp/escaped.txt"), "found '/tmp/escaped.txt'"),
        (_add("b0/../../escaped.txt"), "escaped"),
        (_add("b7/bundle.json", stat.S_IFLNK | 0o777), "a link or something else"),
        (_add("b7/"), "found 'b7/'"),
        (_add("ensemble.yaml"), "found 'ensemble.yaml'"),
        (_add("b7/bundle.json"), "the files and hashes of its manifest"),
        (_add("b7/bundle.json", data=b"0" * 1_000_001), "at most 1000000 bytes"),
        (_change("b0/bundle.json", b"{}"), "the files and hashes of its manifest"),
        (_change("b1/model.safetensors", None), "the files and hashes of its manifest"),
        (_change("manifest.json", None), "no manifest.json"),
        (_change("manifest.json", b"["), "expected JSON"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_forged_file_is_one_line_and_leaves_nothing(
    packed: Path, tmp_path: Path, forge: Forge, found: str
) -> None:
    with zipfile.ZipFile(packed / "ensemble.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(forged, "w") as archive:
        forge(files, archive)
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(UserError) as caught:
        unpack_ensemble(forged, tmp_path / "deep" / "out")
    assert found in str(caught.value) and len(str(caught.value).splitlines()) == 1
    assert [path.name for path in tmp_path.rglob("*")] in (["forged.zip", "deep"], ["deep", "forged.zip"])


def test_an_ensemble_of_bundles_elsewhere_is_refused(packed: Path, tmp_path: Path) -> None:
    """The same bundle, the right hashes, but not beside it: it could be replaced later."""
    elsewhere = unpack_ensemble(packed / "ensemble.zip", tmp_path / "elsewhere").parent / "b0"
    with zipfile.ZipFile(packed / "ensemble.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["ensemble.yaml"] = files["ensemble.yaml"].replace(b"path: b0", f"path: {elsewhere}".encode())
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["ensemble.yaml"] = hashlib.sha256(files["ensemble.yaml"]).hexdigest()
    files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(tmp_path / "forged.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(UserError, match="of the bundles beside it, found one of other bundles"):
        unpack_ensemble(tmp_path / "forged.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [0, 10, 1000, -30])
def test_a_file_that_was_cut_off_is_one_line(packed: Path, tmp_path: Path, size: int) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes((packed / "ensemble.zip").read_bytes()[:size])
    with pytest.raises(UserError, match="expected a zip file"):
        unpack_ensemble(cut, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_size_that_is_not_true_writes_no_more(packed: Path, tmp_path: Path) -> None:
    """The directory says 10 bytes; the compressed data would become a megabyte."""
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ensemble.yaml", b"0" * 1_000_000)
        archive.writestr("manifest.json", b"{}")
    data = bytearray(bomb.read_bytes())
    for place in range(len(data) - 4):
        if data[place : place + 4] == (1_000_000).to_bytes(4, "little"):
            data[place : place + 4] = (10).to_bytes(4, "little")
    bomb.write_bytes(bytes(data))
    with pytest.raises(UserError, match="expected"):
        unpack_ensemble(bomb, tmp_path / "out")
    assert not (tmp_path / "out").exists()
