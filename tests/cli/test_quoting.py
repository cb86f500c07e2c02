"""Every name that a folder can have reaches the task as it was typed."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from brats_seg.cli.command import command
from brats_seg.cli.quoting import quoted

pytestmark = pytest.mark.usefixtures("places_unchecked")

NAMES = [
    *("Müller", "脑肿瘤", "O'Neil", "a&b", "a#b", "1e5", "007", "a=b", "a,b", "a:b", "x[1]", "a$b_{$", "5"),
    *("~x", "a b", 'say "hi"', "true", "\\\\server\\share", "a(b)", "émile/№ 5", "{id}"),
]


def seen_by(name: str, *overrides: str) -> object:
    seen = []
    try:
        command(name)(seen.append)(list(overrides))
    except SystemExit:
        return None
    return seen[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_as_typed(name):
    config = seen_by("check", f"data.root={name}")
    assert config is not None
    assert config.data.root == name


@pytest.mark.parametrize("argument", ["data.root='${nope}'", 'data.root="${nope}"'])
def test_an_interpolation_in_quotes_is_a_name(argument):
    config = seen_by("check", argument)
    assert config is not None
    assert config.data.root == "${nope}"


def test_an_interpolation_that_is_a_folder_is_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "${x}").mkdir()
    config = seen_by("check", "data.root=${x}")
    assert config is not None
    assert config.data.root == "${x}"


LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="$'\"[]{}")


@given(st.text(LETTERS, min_size=1).filter(lambda name: name != "null"))
def test_any_name_is_taken_as_typed(name):
    (argument,) = quoted("check", [f"data.root={name}"])
    assert OverridesParser.create().parse_override(argument).value() == name


def test_lists_of_names():
    config = seen_by("predict", "output=o", "bundles.a=[Müller,1e5,x[1]/y,'a,b',O'Neil]")
    assert config is not None
    assert list(config.bundles.a) == ["Müller", "1e5", "x[1]/y", "a,b", "O'Neil"]


@pytest.mark.parametrize(
    "argument",
    ["seed=1e5", "fold=all", "experiment=pipeline_b", "+callbacks.x={_target_: a.b}", "init=null", "-m"],
)
def test_everything_else_is_left_to_hydra(argument):
    assert quoted("train", [argument]) == [argument]


def test_values_of_a_sweep_stay_several():
    assert quoted("train", ["-m", "name=a,Müller"]) == ["-m", 'name=a,"Müller"']
    assert quoted("train", ["--multirun", "name=choice(a,b)"])[1] == "name=choice(a,b)"
