"""Find circles of imports between the modules of the package; `make imports` runs it.

``python tests/import_circles.py`` prints one line per circle and exits with 1 where there is one. Imports for
type checkers alone do not count.
"""

from __future__ import annotations

import sys

import grimp


def components(graph: grimp.ImportGraph) -> list[list[str]]:
    """Groups of modules of which each reaches every other one by imports, each group sorted."""
    reached = {module: graph.find_upstream_modules(module) for module in graph.modules}
    groups = set()
    for module, others in reached.items():
        group = {other for other in others if module in reached[other]}
        if group:
            groups.add(tuple(sorted({module, *group})))
    return [list(group) for group in sorted(groups)]


def circle(graph: grimp.ImportGraph, group: list[str]) -> list[str]:
    """The shortest way from the first module of a group by imports back to itself."""
    start = group[0]
    ways = []
    for module in sorted(graph.find_modules_directly_imported_by(start)):
        way = graph.find_shortest_chain(module, start)
        if way:
            ways.append([start, *way])
    return min(ways, key=len)


def main() -> int:
    graph = grimp.build_graph("brats_seg", exclude_type_checking_imports=True)
    found = components(graph)
    for group in found:
        print(f"circle: {' -> '.join(circle(graph, group))}", file=sys.stderr)
    print(f"{len(graph.modules)} modules, {len(found)} circles of imports")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
