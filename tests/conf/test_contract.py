"""The law of the configuration, over every YAML that ships."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from brats_seg.cli.main import COMMANDS
from brats_seg.cli.schemas import schema_of

CONF = Path(str(import_module("brats_seg.conf").__file__)).parent
ROOTS = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem not in ("quiet", "keys"))
OPTIONS = sorted((path.parent.name, path.stem) for path in CONF.glob("*/*.yaml"))


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    GlobalHydra.instance().clear()
    with initialize_config_module("brats_seg.conf", version_base="1.3"):
        yield


def raw(group: str, name: str) -> dict[str, Any]:
    content = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
    assert isinstance(content, dict)
    return content


def targets(node: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where there is a ``_target_``."""
    if not isinstance(node, dict):
        return []
    here = [at] if "_target_" in node else []
    return here + [place for key, value in node.items() for place in targets(value, (*at, str(key)))]


def bases(group: str) -> set[str]:
    """Options that only exist to be part of others."""
    names: set[str] = set()
    for other, name in OPTIONS:
        if other == group:
            names |= {entry for entry in raw(group, name).get("defaults", []) if isinstance(entry, str)} - {
                "_self_"
            }
    return names


def parameters(target: str) -> dict[str, inspect.Parameter]:
    """Every keyword of a class, those that it hands on to its bases included."""
    found: dict[str, inspect.Parameter] = {}
    for cls in inspect.getmro(get_object(target)):
        if "__init__" in vars(cls):
            own = {
                key: value
                for key, value in inspect.signature(cls.__init__).parameters.items()
                if key != "self"
            }
            found = {
                **{
                    key: value
                    for key, value in own.items()
                    if value.kind is not inspect.Parameter.VAR_KEYWORD
                },
                **found,
            }
            if all(value.kind is not inspect.Parameter.VAR_KEYWORD for value in own.values()):
                break
    return found


def classes() -> list[tuple[str, str]]:
    return [(group, name) for group, name in OPTIONS if "_target_" in raw(group, name)]


def composed(group: str, name: str) -> DictConfig:
    node = compose("train", [f"{group}={name}"])[group]
    node = node.get(name, node)  # several loggers may be named at once, each by its own name
    assert isinstance(node, DictConfig)
    return node


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_one_target_at_the_top_or_none(group, name):
    assert targets(raw(group, name)) in ([], [()])


@pytest.mark.parametrize("group", sorted({group for group, _ in OPTIONS}))
def test_a_group_holds_classes_or_holds_none(group):
    names = {name for other, name in OPTIONS if other == group and raw(group, name)} - bases(group)
    assert len({(group, name) in classes() for name in names}) == 1


@pytest.mark.parametrize(("group", "name"), classes())
def test_keys_are_parameters_and_required_ones_are_given(group, name):
    node = composed(group, name)
    known = parameters(node._target_)
    keys = {str(key) for key in node if not str(key).startswith("_")}
    assert keys <= set(known)
    if not node.get("_partial_", False):
        own = inspect.signature(get_object(node._target_).__init__).parameters
        required = {key for key in known if known[key].default is inspect.Parameter.empty and key != "self"}
        # A pipeline builds the first from its own keys; the training gives the others.
        built = {"data": {"normalise"}, "swa": {"first_epoch", "folder", "facts"}}
        assert required - built.get(group, set()) - {"args", "kwargs"} <= keys, own


@pytest.mark.parametrize(
    ("group", "name"), [it for it in classes() if raw(*it)["_target_"].startswith("brats_seg.")]
)
def test_a_number_lives_in_one_place(group, name):
    node = composed(group, name)
    known = parameters(node._target_)
    nothing = (inspect.Parameter.empty, None)  # None is no number
    assert [key for key in node if key in known and known[str(key)].default not in nothing] == []


@pytest.mark.parametrize("name", [name for group, name in OPTIONS if group == "experiment"])
def test_experiments_hold_overrides_only(name):
    assert (CONF / "experiment" / f"{name}.yaml").read_text().startswith("# @package _global_\n")
    base = OmegaConf.to_container(compose("train"))
    assert isinstance(base, dict)
    changed = {key: value for key, value in raw("experiment", name).items() if key != "defaults"}

    def inside(part: dict[str, Any], whole: dict[str, Any]) -> None:
        for key, value in part.items():
            assert key in whole
            if isinstance(value, dict):
                inside(value, whole[key])

    inside(changed, base)


def test_every_root_is_a_command_and_every_command_has_a_root():
    assert {name.replace("_", "-") for name in ROOTS} == set(COMMANDS)


@pytest.mark.parametrize("name", ROOTS)
def test_every_root_composes_and_is_quiet(name):
    assert raw("", name)["defaults"][0] == "quiet"
    hydra = compose(name, return_hydra_config=True).hydra
    assert (hydra.output_subdir, hydra.run.dir, hydra.job.chdir) == (None, ".", False)
    assert hydra.job_logging is None or not hydra.job_logging.get("handlers")


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: path.stem)
def test_a_file_says_what_it_is_for(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# @package")]
    assert lines[0].startswith("# ")


@pytest.mark.parametrize("name", ROOTS)
def test_a_command_declares_its_keys(name: str) -> None:
    assert {field.name for field in fields(schema_of(name))} == compose(name).keys()
