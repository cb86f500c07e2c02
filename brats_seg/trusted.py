"""Classes that a file names: only those of packages that the user trusts are imported."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import packages_distributions, version
from types import ModuleType
from typing import Any, TypeVar

from brats_seg.errors import UserError, WrongValue, one_line

Kind = TypeVar("Kind")


def packages(trust: Sequence[str] | str) -> tuple[str, ...]:
    """The packages that ``trust`` names.

    Args:
        trust: Names of top-level packages, or one of them.

    Returns:
        The names.

    Raises:
        WrongValue: One of them is no such name.
    """
    names = (trust,) if isinstance(trust, str) else tuple(trust)
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            top = str(name).partition(".")[0]
            hint = f": use trust=[{top}]" if top.isidentifier() else ""
            raise WrongValue(f"trust={name}: expected the name of a package, without what is inside it{hint}")
    return names


def package_of(name: str) -> str:
    """The top-level package of a dotted name."""
    return name.partition(".")[0]


def is_dotted(name: Any) -> bool:
    """Whether a value may name a class of a package: identifiers with dots between, none of them private."""
    if not isinstance(name, str) or "." not in name:
        return False
    return all(part.isidentifier() and not part.startswith("_") for part in name.split("."))


def refuse_untrusted(name: str, trust: Sequence[str]) -> None:
    """Say that a class is of a package that the user did not name; imports nothing.

    Args:
        name: Dotted name of the class.
        trust: Names of packages.

    Raises:
        UserError: The package is not among them.
    """
    package = package_of(name)
    if package not in trust:
        raise UserError(
            f"needs {name}, code of the package {package!a}: where you trust it, trust=[{package}] runs it"
        )


def trusted_class(name: str, trust: Sequence[str], kind: type[Kind]) -> type[Kind]:
    """The class of a dotted name, from a trusted package.

    Args:
        name: Such as ``my_package.nets.MyNet``.
        trust: Names of packages; no other is imported.
        kind: What the class has to be a subclass of.

    Returns:
        The class, which is defined in the package itself, not in one that the package imports.

    Raises:
        UserError: The package is not trusted or cannot be imported, or has no such class of its own.
    """
    if not is_dotted(name):
        raise UserError(f"expected my_package.MyClass, found {name!a}")
    refuse_untrusted(name, trust)
    package = package_of(name)
    found: Any = _imported(package, name)
    for depth, part in enumerate(name.split(".")[1:], 2):
        if not isinstance(found, ModuleType) or package_of(found.__name__) != package:
            raise UserError(f"there is no {name} in the package {package}")
        if not hasattr(found, part):
            _imported(".".join(name.split(".")[:depth]), name)
        found = getattr(found, part)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise UserError(f"{name} is no subclass of {kind.__module__}.{kind.__qualname__}")
    if package_of(found.__module__) != package:
        raise UserError(f"{name} is {found.__module__}.{found.__qualname__}, which is of another package")
    return found


def distribution_versions(names: Sequence[str]) -> dict[str, str]:
    """The distributions that the packages of dotted names come from.

    Args:
        names: Of classes; those of one word, or of this package, are passed over.

    Returns:
        Name of the distribution, or of the package where it is not installed, to its version.
    """
    versions: dict[str, str] = {}
    for package in {package_of(name) for name in names if "." in name} - {"brats_seg"}:
        for distribution in packages_distributions().get(package, ()):
            versions[distribution] = version(distribution)
        if package not in packages_distributions():
            versions[package] = "not installed, a folder on the path"
    return versions


def _imported(module: str, name: str) -> ModuleType:
    try:
        return import_module(module)
    except Exception as error:  # whatever the module does when it is imported
        reason = one_line(error)
        raise UserError(f"there is no {name} ({reason})") from error
