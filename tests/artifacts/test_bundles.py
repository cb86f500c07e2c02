"""A bundle gives back its net; a foreign or damaged one is refused in one line, before it takes memory."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from brats_seg.artifacts.bundles import (
    RECORD,
    WEIGHTS,
    Bundle,
    is_only_a_bundle,
    load_bundle,
    load_bundles,
    save_bundle,
)
from brats_seg.artifacts.ensemble_file import load_ensemble, write_ensemble
from brats_seg.errors import UserError
from brats_seg.models import UNet, from_settings
from brats_seg.preprocessing import MinMax, Normalisation, ZScore


def save(folder: Path, pipeline: str = "a", seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    net = UNet(width=2, norm="instance", attention=True, residual=False, dropout=0.0)
    normalise: Normalisation = MinMax(1, 99) if pipeline == "a" else ZScore()
    save_bundle(
        folder,
        net,
        pipeline=pipeline,
        normalisation=normalise.settings(),
        provenance={"seed": seed},
        scores={"val/dice": 0.5},
    )
    return net.eval()


def change(folder: Path, **values: Any) -> None:
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**record, **values}))


def test_the_net_comes_back(tmp_path: Path) -> None:
    net = save(tmp_path / "x")
    bundle = load_bundle(tmp_path / "x")
    image = torch.randn(1, 4, 8, 16, 24)
    with torch.no_grad():
        assert torch.equal(bundle.net()(image).main, net(image).main)
    assert bundle.normalisation == MinMax(1, 99)
    assert not bundle.net().training
    assert {path.name for path in (tmp_path / "x").iterdir()} == {WEIGHTS, RECORD}


def test_writing_again_replaces_and_failing_leaves_what_was(tmp_path: Path) -> None:
    save(tmp_path / "x", seed=1)
    before = load_bundle(tmp_path / "x").sha256
    with pytest.raises(TypeError):
        save_bundle(
            tmp_path / "x",
            UNet(width=2, norm="group", attention=False, residual=False, dropout=0.0),
            pipeline="a",
            normalisation=ZScore().settings(),
            provenance={"no plain value": object()},
            scores={},
        )
    assert load_bundle(tmp_path / "x").sha256 == before
    save(tmp_path / "x", seed=2)
    assert load_bundle(tmp_path / "x").sha256 != before
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


ARCHITECTURE = {
    "name": "unet",
    "width": 2,
    "norm": "instance",
    "attention": True,
    "residual": False,
    "dropout": 0.0,
}
HOSTILE: dict[str, Callable[[Path], object]] = {
    "another schema": lambda f: change(f, schema=2),
    "another key": lambda f: change(f, _target_="os.system"),
    "a target for a net": lambda f: change(f, architecture={"_target_": "os.system", "command": "true"}),
    "a target beside": lambda f: change(f, architecture={**ARCHITECTURE, "_target_": "os.system"}),
    "another net": lambda f: change(f, architecture={**ARCHITECTURE, "name": "torch.nn.Linear"}),
    "a list for a name": lambda f: change(f, architecture={**ARCHITECTURE, "name": ["unet"]}),
    "a huge net": lambda f: change(f, architecture={**ARCHITECTURE, "width": 10**9}),
    "a negative width": lambda f: change(f, architecture={**ARCHITECTURE, "width": -1}),
    "a net that cannot be": lambda f: change(f, architecture={**ARCHITECTURE, "norm": "group", "width": 17}),
    "another normalisation": lambda f: change(f, normalisation={"name": "eval"}),
    "nested normalisation": lambda f: change(f, normalisation={"name": {"a": 1}}),
    "a pipeline of lists": lambda f: change(f, pipeline=["a"]),
    "no pipeline": lambda f: change(f, pipeline="c"),
    "other regions": lambda f: change(f, regions=["WT", "TC", "ET"]),
    "no object": lambda f: (f / RECORD).write_text("[1, 2]"),
    "no JSON": lambda f: (f / RECORD).write_bytes(b"\x80\x04\xff"),
    "deep JSON": lambda f: (f / RECORD).write_text("[" * 100_000),
    "long JSON": lambda f: (f / RECORD).write_text(" " * 2_000_000),
    "no record": lambda f: (f / RECORD).unlink(),
}


@pytest.mark.parametrize("attack", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_record_is_refused_in_one_line(tmp_path: Path, attack: Callable[[Path], object]) -> None:
    save(tmp_path / "x")
    attack(tmp_path / "x")
    with pytest.raises(UserError) as caught:
        load_bundle(tmp_path / "x")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def rewrite(folder: Path, data: bytes) -> None:
    (folder / WEIGHTS).write_bytes(data)
    change(folder, sha256=hashlib.sha256(data).hexdigest())


def poison(folder: Path) -> None:
    state = {key: value.clone() for key, value in load_bundle(folder).net().state_dict().items()}
    state["main.bias"][0] = torch.nan
    save_file(state, folder / "poisoned")
    rewrite(folder, (folder / "poisoned").read_bytes())


def cast(folder: Path, dtype: torch.dtype) -> None:
    state = load_file(folder / WEIGHTS)
    state["main.bias"] = state["main.bias"].to(dtype)
    save_file(state, folder / "cast")
    rewrite(folder, (folder / "cast").read_bytes())


def append(folder: Path, dtype: str, bits: int) -> None:
    """Eight more numbers, of a type that safetensors knows and its torch half may not."""
    data = (folder / WEIGHTS).read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    odd = {"dtype": dtype, "shape": [8], "data_offsets": [len(data) - end, len(data) - end + bits]}
    header = json.dumps({**json.loads(data[8:end]), "odd": odd}).encode()
    rewrite(folder, len(header).to_bytes(8, "little") + header + data[end:] + bytes(bits))


OTHER_TYPES = (torch.int32, torch.bool, torch.complex64, torch.float16, torch.float8_e5m2)
NARROW = (("F4", 4), ("F6_E2M3", 6), ("F8_E8M0", 8))
BROKEN: dict[str, Callable[[Path], object]] = {
    "one byte changed": lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-1] + b"\x01"),
    "cut short": lambda f: rewrite(f, (f / WEIGHTS).read_bytes()[:-100]),
    "a pickle": lambda f: rewrite(f, pickle.dumps({"a": 1})),
    "weights of another width": lambda f: change(f, architecture={**ARCHITECTURE, "width": 4}),
    "a long file": lambda f: rewrite(f, bytes(5_000_000)),
    "NaN": poison,
    **{f"a bias of {dtype}": partial(cast, dtype=dtype) for dtype in OTHER_TYPES},
    **{f"numbers of {name}": partial(append, dtype=name, bits=bits) for name, bits in NARROW},
    "nothing": lambda f: (f / WEIGHTS).unlink(),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_weights_that_are_not_those_of_the_record_are_refused(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    save(tmp_path / "x")
    damage(tmp_path / "x")
    bundle = load_bundle(tmp_path / "x")
    with pytest.raises(UserError) as caught:
        bundle.net()
    assert "\n" not in str(caught.value)


def test_a_network_larger_than_its_weights_is_never_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of width 256 takes 3 GB, which a file of kilobytes must not cost."""
    save(tmp_path / "x")
    architecture = json.loads((tmp_path / "x" / RECORD).read_text())["architecture"]
    change(tmp_path / "x", architecture={**architecture, "width": 256})
    made: list[str] = []

    def watched(*arguments: Any) -> Any:
        made.append(torch.empty(0).device.type)
        return from_settings(*arguments)

    monkeypatch.setattr("brats_seg.artifacts.bundles.from_settings", watched)
    with pytest.raises(UserError, match="do not fit the architecture"):
        load_bundle(tmp_path / "x").net()
    assert made == ["meta"]


def test_an_ensemble_file_lists_bundles_by_paths_relative_to_it(tmp_path: Path) -> None:
    for name, pipeline in (("runs/a1", "a"), ("runs/a2", "a"), ("runs/b1", "b")):
        save(tmp_path / name, pipeline)
    groups: dict[Any, list[Bundle]] = {
        "a": [load_bundle(tmp_path / "runs/a1"), load_bundle(tmp_path / "runs/a2")],
        "b": [load_bundle(tmp_path / "runs/b1")],
    }
    file = tmp_path / "models" / "ensemble.yaml"
    write_ensemble(file, groups)
    assert str(tmp_path) not in file.read_text()
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "runs").rename(moved / "runs")
    (tmp_path / "models").rename(moved / "models")
    found = load_ensemble(moved / "models" / "ensemble.yaml")
    assert {p: [b.sha256 for b in group] for p, group in found.items()} == {
        p: [b.sha256 for b in g] for p, g in groups.items()
    }


def test_an_ensemble_of_another_bundle_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a1")
    write_ensemble(tmp_path / "ensemble.yaml", {"a": [load_bundle(tmp_path / "a1")]})
    save(tmp_path / "a1", seed=1)
    with pytest.raises(UserError, match="sha256"):
        load_ensemble(tmp_path / "ensemble.yaml")


NO_ENSEMBLES = (
    "",
    "a: 1",
    "schema: 1",
    "schema: 1\na: x",
    "schema: 1\na: [x]",
    "schema: 1\na: [{path: 1, sha256: x}]",
    "schema: 2\na: []",
    "!!python/object/apply:os.system ['true']",
    "a: [",
    "schema: 1\na: !!int ''",
    "schema: 1\na: !!timestamp x",
    "schema: 1\na: !!bool x",
    'schema: 1\na: "\\UFFFFFFFF"',
    'schema: 1\na: [{path: "a\\0b", sha256: x}]',
    'schema: 1\na: [{path: "a\\ud800", sha256: x}]',
    'schema: 1\na: [{path: "a\\nb", sha256: x}]',
)


@pytest.mark.parametrize("text", NO_ENSEMBLES)
def test_a_file_that_is_no_ensemble_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "ensemble.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_ensemble(tmp_path / "ensemble.yaml")
    assert "\n" not in str(caught.value)


def test_a_bundle_serves_its_own_pipeline_only(tmp_path: Path) -> None:
    save(tmp_path / "x", "b")
    with pytest.raises(UserError, match="pipeline b"):
        load_bundles({"a": [tmp_path / "x"]})


def test_scores_that_are_no_mapping(tmp_path: Path) -> None:
    save(tmp_path / "x")
    change(tmp_path / "x", scores=[1])
    with pytest.raises(UserError, match="mappings for provenance and scores"):
        load_bundle(tmp_path / "x")


def test_a_link_to_a_bundle_is_no_folder_to_replace(tmp_path: Path) -> None:
    save(tmp_path / "x")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert is_only_a_bundle(tmp_path / "x")
    assert not is_only_a_bundle(tmp_path / "link")
    assert not is_only_a_bundle(tmp_path / "none")
