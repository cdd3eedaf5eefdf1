"""Cycles in a graph of operations."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def knots(edges: Mapping[Node, Iterable[Node]]) -> list[list[Node]]:
    """Give the strongly connected sets of more than one node.

    Tarjan's algorithm, with a stack of its own in place of recursion: a history is deep.
    """
    numbers: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    open_nodes: dict[Node, None] = {}
    found: list[list[Node]] = []
    for root in edges:
        if root in numbers:
            continue
        numbers[root] = lowest[root] = len(numbers)
        open_nodes[root] = None
        path = [(root, iter(edges[root]))]
        while path:
            node, targets = path[-1]
            for target in targets:
                if target not in numbers:
                    numbers[target] = lowest[target] = len(numbers)
                    open_nodes[target] = None
                    path.append((target, iter(edges.get(target, ()))))
                    break
                if target in open_nodes:
                    lowest[node] = min(lowest[node], numbers[target])
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[node])
                if lowest[node] == numbers[node]:
                    found.append(_closed(open_nodes, node))
    return [knot for knot in found if len(knot) > 1]


def _closed(open_nodes: dict[Node, None], root: Node) -> list[Node]:
    knot = []
    while True:
        node, _ = open_nodes.popitem()
        knot.append(node)
        if node == root:
            return knot
