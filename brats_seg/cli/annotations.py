"""What an annotation says of a value: whether the value fits, and in words what would.

Covered by tests/cli/test_values.py.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hydra.utils import get_object

from brats_seg.kinds import AtLeast, KeysOf

LISTS = (list, Sequence, Iterable, tuple)
WORDS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
    str: ("text", "texts"),
    Path: ("text", "texts"),
    type(None): ("null", "null"),
}
"""How a kind is called, one and several."""


def fits(kind: Any, value: Any) -> bool:
    """Whether a value, as a configuration holds it, is of the kind.

    Args:
        kind: An annotation. One that no configuration can express, such as a class, takes everything.
        value: Of plain values, lists and mappings.

    Returns:
        Whether the value may be given.
    """
    bare, marks = unwrapped(kind)
    origin, inner = get_origin(bare), get_args(bare)
    if origin in (Union, types.UnionType):
        return any(fits(each, value) for each in _expressible(inner))
    if origin is Literal:
        return any(type(choice) is type(value) and choice == value for choice in inner)
    if (origin or bare) in LISTS:
        return isinstance(value, list) and _elements_fit(origin or bare, inner, value)
    if bare in WORDS:
        return _fits_scalar(bare, value) and all(value >= mark.least for mark in marks)
    return True


def words_for(kind: Any, *, several: bool = False) -> str:
    """What fits, in words, such as ``a whole number from 1``.

    Args:
        kind: An annotation.
        several: In the plural, as the elements of a list.

    Returns:
        Words that follow "expected".
    """
    bare, marks = unwrapped(kind)
    origin, inner = get_origin(bare), get_args(bare)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(words_for(each, several=several) for each in _expressible(inner)))
    if origin is Literal:
        return " or ".join(map(str, inner))
    if (origin or bare) in LISTS:
        return _list_in_words(origin or bare, inner)
    bounds = "".join(f" from {mark.least}" for mark in marks)
    return WORDS[bare][several] + bounds if bare in WORDS else "a value of its own kind"


def is_length(kind: Any) -> bool:
    """Whether a kind is a list of so many elements."""
    bare, _ = unwrapped(kind)
    return get_origin(bare) is tuple and ... not in get_args(bare)


def is_text(kind: Any) -> bool:
    """Whether text is what is expected, perhaps beside null."""
    bare, _ = unwrapped(kind)
    kinds = get_args(bare) if get_origin(bare) in (Union, types.UnionType) else (bare,)
    return set(kinds) <= {str, Path, type(None)}


def fields_of(kind: Any) -> dict[str, Any]:
    """The keys that a kind of mapping has, each with its own kind; none where they are free."""
    for each in (kind, *get_args(kind)):
        if isinstance(each, KeysOf):
            return parameters(each.of)[0]
        if isinstance(each, type) and is_dataclass(each):
            return get_type_hints(each, include_extras=True)
    return {}


def value_kind(kind: Any) -> Any:
    """Of what kind the values of a mapping are."""
    for each in (kind, *get_args(kind)):
        origin = get_origin(each)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return get_args(each)[1]
    return Any


def parameters(target: str | type) -> tuple[dict[str, Any], bool]:
    """The keywords of a target with their kinds, those that a class hands on to its bases included.

    Args:
        target: A class, or the dotted name of a class or function.

    Returns:
        Kinds by name, and whether other names are taken, too.
    """
    made = get_object(target) if isinstance(target, str) else target
    functions = [made]
    if isinstance(made, type):
        functions = [vars(base)["__init__"] for base in inspect.getmro(made) if "__init__" in vars(base)]
    found: dict[str, Any] = {}
    for function in functions:
        own, is_open = _own_parameters(function)
        found = {**own, **found}
        if not is_open:
            return found, False
    return found, True


def _own_parameters(function: Any) -> tuple[dict[str, Any], bool]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of C
        return {}, True
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # names that only a type checker imports
        hints = {}
    named = [each for each in signature.parameters.values() if each.name != "self"]
    free = [each for each in named if each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    is_open = any(each.kind is each.VAR_KEYWORD for each in free)
    return {each.name: hints.get(each.name, Any) for each in named if each not in free}, is_open


def unwrapped(kind: Any) -> tuple[Any, list[AtLeast]]:
    """A kind without what is said of it besides, and the bounds among that."""
    if get_origin(kind) is not Annotated:
        return kind, []
    bare, *marks = get_args(kind)
    return bare, [mark for mark in marks if isinstance(mark, AtLeast)]


def _expressible(kinds: Sequence[Any]) -> Sequence[Any]:
    """Of the members of a union those that a configuration can hold: all, where it can hold none."""
    known = []
    for kind in kinds:
        bare, _ = unwrapped(kind)
        if bare in WORDS or get_origin(bare) in (*LISTS, Literal) or bare in LISTS:
            known.append(kind)
    if float in known and int in known:
        known.remove(int)  # a whole number is a number
    return sorted(known, key=_rank) or kinds


def _rank(kind: Any) -> int:
    """Lists first, then as in :data:`WORDS`: Python does not keep the order of a union's members."""
    bare, _ = unwrapped(kind)
    return list(WORDS).index(bare) if bare in WORDS else -1


def _fits_scalar(kind: Any, value: Any) -> bool:
    if kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        numbers = int if kind is int else int | float
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, str)


def _elements_fit(origin: Any, kinds: Sequence[Any], value: list[Any]) -> bool:
    if not kinds:
        return True
    if origin is tuple and kinds[-1] is not ...:
        return len(value) == len(kinds) and all(map(fits, kinds, value))
    return all(fits(kinds[0], each) for each in value)


def _list_in_words(origin: Any, kinds: Sequence[Any]) -> str:
    if not kinds:
        return "a list"
    count = f"{len(kinds)} " if origin is tuple and kinds[-1] is not ... else ""
    example = ", [FIRST,SECOND]" if kinds[0] in (str, Path) else ""
    return f"a list of {count}{words_for(kinds[0], several=True)}{example}"
