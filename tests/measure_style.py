"""Measures how the code of a package is written, and lists the places behind a number.

    python tests/measure_style.py [FOLDER] [--list KIND]

Without ``--list`` it prints one table; with it, one place a line as ``file:line  function  what``.
It reads source and runs none of it.

What the words mean:

- A module of one line, which is a docstring, counts for nothing.
- A code line is neither blank nor a comment nor part of a docstring; its characters are counted without the
indentation.
- A function's lines are those from ``def`` to its end, without the docstring.
- A comprehension is nested if another one is inside it, and double if it has more than one ``for``.
- A simple statement is one without a body, imports and docstrings left out. Its expressions are all nodes of
expressions in it.
- The parameters are those of the signature without ``self``, ``cls``, ``*args`` and ``**kwargs``.
- A name is public if neither it nor a class or module around it begins with an underscore, and if it is not
inside a function.
- A constructor's ``Args`` are in the docstring of its class. Hooks of Lightning, torch and torchmetrics
  count; other rows leave them out.
- Complexity is one plus the branches: if, for, while, except, assert, case, ``x if y else z``, each further
  operand of and / or, each ``for`` and ``if`` of a comprehension, and an else of a loop or of a try.
  Functions inside a function count in both.
"""

from __future__ import annotations

import argparse
import ast
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr, ast.Raise, ast.Assert, ast.Delete)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
BRANCHES = (ast.If, ast.IfExp, ast.Assert, ast.ExceptHandler, ast.match_case)

HOOK = re.compile(
    r"(on|configure|transfer)_\w+|(training|validation|test|predict)_step|(train|val|test|predict)_dataloader|prepare_data"
    r"|\w*state_dict|(save|load|remove)_checkpoint|forward|setup|teardown|compute|update|write_on_\w+|get_metrics|finalize"
    r"|log_(metrics|hyperparams)"
)
"""Methods whose contract is the parent's, where the class has one."""

LONG_FUNCTION, LONG_MODULE, LONG_LINE = 30, 200, 100
DENSE, COMPLEX, MANY = 18, 10, 7
"""Expressions of a statement, complexity and parameters of a function; more than so many are listed."""


def is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@dataclass(frozen=True)
class Definition:
    """A function or method, and where it is."""

    node: Function
    scopes: tuple[ast.AST, ...]

    @property
    def owner(self) -> ast.ClassDef | None:
        """The class that it is a method of."""
        inmost = self.scopes[-1] if self.scopes else None
        return inmost if isinstance(inmost, ast.ClassDef) else None

    @property
    def name(self) -> str:
        """With the names around it."""
        return ".".join([scope.name for scope in self.scopes] + [self.node.name])

    @property
    def lines(self) -> int:
        first = self.node.body[0]
        documentation = first.end_lineno - first.lineno + 1 if is_docstring(first) else 0
        return self.node.end_lineno - self.node.lineno + 1 - documentation

    @property
    def parameters(self) -> list[str]:
        signature = self.node.args
        every = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs]
        return [each.arg for each in every if each.arg not in ("self", "cls")]

    @property
    def docstring(self) -> str:
        """A constructor's is in its class."""
        own = ast.get_docstring(self.node) or ""
        if self.node.name == "__init__" and self.owner is not None:
            return (ast.get_docstring(self.owner) or "") + own
        return own

    @property
    def public(self) -> bool:
        if any(not isinstance(scope, ast.ClassDef) for scope in self.scopes):
            return False
        if any(scope.name.startswith("_") for scope in self.scopes):
            return False
        return self.node.name == "__init__" or not self.node.name.startswith("_")

    @property
    def hook(self) -> bool:
        inherits = self.owner is not None and bool(self.owner.bases)
        return inherits and HOOK.fullmatch(self.node.name) is not None

    @property
    def returns(self) -> bool:
        """Whether the signature names something other than None."""
        annotation = self.node.returns
        return annotation is not None and ast.unparse(annotation) not in ("None", "Never", "NoReturn")

    @property
    def complexity(self) -> int:
        return 1 + sum(branches(node) for node in ast.walk(self.node))


def branches(node: ast.AST) -> int:
    """How many ways more the code can go because of one node."""
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    if isinstance(node, LOOPS):
        return 1 + bool(node.orelse)
    if isinstance(node, ast.Try):
        return int(bool(node.orelse))
    return int(isinstance(node, BRANCHES))


@dataclass
class Module:
    """One file of source."""

    path: Path
    text: str
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text, str(self.path))

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def code(self) -> dict[int, str]:
        """Number of a code line, and what stands there."""
        documentation: set[int] = set()
        for node in ast.walk(self.tree):
            if is_docstring(node):
                documentation.update(range(node.lineno, node.end_lineno + 1))
        found = {}
        for number, line in enumerate(self.lines, 1):
            text = line.strip()
            if text and not text.startswith("#") and number not in documentation:
                found[number] = text
        return found

    @cached_property
    def definitions(self) -> list[Definition]:
        found: list[Definition] = []

        def visit(node: ast.AST, scopes: tuple[ast.AST, ...]) -> None:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, Function):
                    found.append(Definition(child, scopes))
                inner = (*scopes, child) if isinstance(child, Function | ast.ClassDef) else scopes
                visit(child, inner)

        visit(self.tree, ())
        return found

    @cached_property
    def comprehensions(self) -> list[ast.expr]:
        return [node for node in ast.walk(self.tree) if isinstance(node, COMPREHENSIONS)]

    @cached_property
    def statements(self) -> list[tuple[ast.stmt, int]]:
        """The simple ones, with the number of their expressions."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, SIMPLE) and not is_docstring(node):
                found.append((node, sum(isinstance(inner, ast.expr) for inner in ast.walk(node))))
        return found

    def around(self, line: int) -> str:
        """The name of the function that a line is in."""
        name = "-"
        for each in self.definitions:
            if each.node.lineno <= line <= each.node.end_lineno:
                name = each.name  # the inmost comes last
        return name


def read(folder: Path) -> list[Module]:
    modules = [Module(path, path.read_text()) for path in sorted(folder.rglob("*.py"))]
    return [module for module in modules if len(module.lines) > 1]


def nested(comprehension: ast.expr) -> bool:
    """Whether another comprehension is inside it, or it has more than one ``for``."""
    if len(comprehension.generators) > 1:
        return True
    inside = list(ast.walk(comprehension))[1:]
    return any(isinstance(node, COMPREHENSIONS) for node in inside)


def wants_arguments(definition: Definition) -> bool:
    return definition.public and len(definition.parameters) >= 2


def wants_returns(definition: Definition) -> bool:
    return wants_arguments(definition) and definition.returns


def has_arguments(definition: Definition) -> bool:
    return re.search(r"^\s*Args:", definition.docstring, re.MULTILINE) is not None


def has_returns(definition: Definition) -> bool:
    return re.search(r"^\s*(Returns|Yields):", definition.docstring, re.MULTILINE) is not None


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def spread(values: Sequence[int]) -> str:
    return f"{statistics.median(values):g} / {percentile(values, 0.9):g} / {max(values)}"


def share(definitions: Sequence[Definition], holds: Callable[[Definition], bool]) -> str:
    if not definitions:
        return "none of 0"
    kept = sum(holds(each) for each in definitions)
    return f"{100 * kept / len(definitions):.0f} %  ({kept} of {len(definitions)})"


def table(modules: Sequence[Module]) -> list[tuple[str, str]]:
    """The measures of a package, each with its name."""
    definitions = [each for module in modules for each in module.definitions]
    return [
        *of_size(modules, definitions),
        *of_density(modules),
        *of_documentation(definitions),
        *of_branches(definitions),
    ]


def of_size(modules: Sequence[Module], definitions: Sequence[Definition]) -> list[tuple[str, str]]:
    return [
        ("modules / lines", f"{len(modules)} / {sum(len(module.lines) for module in modules)}"),
        ("module lines: median / p90 / max", spread([len(module.lines) for module in modules])),
        ("function lines: median / p90 / max", spread([each.lines for each in definitions])),
        ("functions", str(len(definitions))),
    ]


def of_density(modules: Sequence[Module]) -> list[tuple[str, str]]:
    code = [line for module in modules for line in module.code.values()]
    comprehensions = [node for module in modules for node in module.comprehensions]
    knotted = sum(nested(node) for node in comprehensions)
    expressions = [count for module in modules for _, count in module.statements]
    middle, mean, high = (
        statistics.median(expressions),
        statistics.mean(expressions),
        percentile(expressions, 0.9),
    )
    return [
        ("code lines", str(len(code))),
        (
            "comprehensions per 100 code lines",
            f"{100 * len(comprehensions) / len(code):.1f}  ({len(comprehensions)})",
        ),
        (
            "nested or double comprehensions",
            f"{knotted}  ({100 * knotted / max(len(comprehensions), 1):.0f} %)",
        ),
        ("expressions per simple statement: median / mean / p90", f"{middle:g} / {mean:.1f} / {high:g}"),
        ("characters per code line", f"{sum(map(len, code)) / len(code):.1f}"),
        (
            f"code lines > {LONG_LINE} characters",
            f"{100 * long_lines(modules) / len(code):.1f} %  ({long_lines(modules)})",
        ),
    ]


def long_lines(modules: Sequence[Module]) -> int:
    return sum(len(module.lines[number - 1]) > LONG_LINE for module in modules for number in module.code)


def of_documentation(definitions: Sequence[Definition]) -> list[tuple[str, str]]:
    arguments = list(filter(wants_arguments, definitions))
    returns = list(filter(wants_returns, definitions))
    return [
        ("public functions of >= 2 parameters with Args", share(arguments, has_arguments)),
        ("  without hooks of a parent", share([each for each in arguments if not each.hook], has_arguments)),
        ("  that return something, with Returns", share(returns, has_returns)),
        ("  and without hooks of a parent", share([each for each in returns if not each.hook], has_returns)),
    ]


def of_branches(definitions: Sequence[Definition]) -> list[tuple[str, str]]:
    complexities = [each.complexity for each in definitions]
    parameters = [len(each.parameters) for each in definitions]
    mean, high = statistics.mean(complexities), percentile(complexities, 0.9)
    return [
        ("complexity: mean / p90 / max", f"{mean:.2f} / {high} / {max(complexities)}"),
        (f"functions of complexity > {COMPLEX}", str(sum(value > COMPLEX for value in complexities))),
        (
            f"functions with > {MANY} parameters",
            f"{sum(value > MANY for value in parameters)}  (most: {max(parameters)})",
        ),
    ]


Place: TypeAlias = tuple[int, str, str]
"""Line, function, what is there."""


def list_comprehensions(module: Module) -> Iterator[Place]:
    for node in module.comprehensions:
        yield node.lineno, module.around(node.lineno), shown(node)


def list_nested(module: Module) -> Iterator[Place]:
    for node in filter(nested, module.comprehensions):
        yield node.lineno, module.around(node.lineno), shown(node)


def list_arguments(module: Module) -> Iterator[Place]:
    for each in filter(wants_arguments, module.definitions):
        if not has_arguments(each):
            hook = "  [hook of a parent]" if each.hook else ""
            yield each.node.lineno, each.name, ", ".join(each.parameters) + hook


def list_returns(module: Module) -> Iterator[Place]:
    for each in filter(wants_returns, module.definitions):
        if not has_returns(each):
            hook = "  [hook of a parent]" if each.hook else ""
            yield each.node.lineno, each.name, ast.unparse(each.node.returns) + hook


def list_complexity(module: Module) -> Iterator[Place]:
    for each in module.definitions:
        if each.complexity > COMPLEX:
            yield each.node.lineno, each.name, f"complexity {each.complexity}"


def list_parameters(module: Module) -> Iterator[Place]:
    for each in module.definitions:
        if len(each.parameters) > MANY:
            yield each.node.lineno, each.name, f"{len(each.parameters)} parameters"


def list_long(module: Module) -> Iterator[Place]:
    """Modules and functions."""
    if len(module.lines) > LONG_MODULE:
        yield 1, "-", f"module of {len(module.lines)} lines"
    for each in module.definitions:
        if each.lines > LONG_FUNCTION:
            yield each.node.lineno, each.name, f"{each.lines} lines"


def list_dense(module: Module) -> Iterator[Place]:
    for node, expressions in module.statements:
        if expressions > DENSE:
            yield node.lineno, module.around(node.lineno), f"{expressions} expressions: {shown(node)}"


def list_lines(module: Module) -> Iterator[Place]:
    for number in module.code:
        width = len(module.lines[number - 1])
        if width > LONG_LINE:
            yield number, module.around(number), f"{width} characters"


KINDS: dict[str, Callable[[Module], Iterator[Place]]] = {
    "comprehensions": list_comprehensions,
    "nested": list_nested,
    "args": list_arguments,
    "returns": list_returns,
    "complexity": list_complexity,
    "parameters": list_parameters,
    "long": list_long,
    "dense": list_dense,
    "lines": list_lines,
}


def shown(node: ast.AST) -> str:
    """The source of a node in one line, cut where it is long."""
    text = ast.unparse(node).replace("\n", " ")
    return text if len(text) <= 90 else text[:87] + "..."


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how a package is written.")
    parser.add_argument(
        "folder", nargs="?", default="brats_seg", type=Path, help="of the package; or one below it"
    )
    parser.add_argument(
        "--list", choices=KINDS, metavar="KIND", help=f"list the places instead: {', '.join(KINDS)}"
    )
    options = parser.parse_args()
    modules = read(options.folder)
    if not modules:
        parser.error(f"{options.folder}: no Python module of more than one line")
    if options.list is None:
        for name, value in table(modules):
            print(f"{name:<56}{value}")
        return
    for module in modules:
        for line, function, what in sorted(KINDS[options.list](module)):
            print(f"{module.path}:{line}  {function}  {what}")


if __name__ == "__main__":
    main()
