"""The grammar of metric math: an expression becomes a tree of tuples.

("number", 2.0), ("metric", "m1"), ("list", [tree, …]), ("text", "…"), ("call", "SUM", [tree, …]), ("minus", tree),
(operator, left, right). Precedence from weak to strong: || OR, && AND, comparisons, + -, * /, ^, unary -.
Source: user guide, using-metric-math.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

Tree = tuple[Any, ...]
Tokens = list[tuple[str, str]]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/^<>(),\[\]]))"
)
_WORDS = {"AND": "&&", "OR": "||"}
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_MOST_NESTED = 64


class MathError(ValueError):
    """The expression is none, or uses what is not emulated; the message says which."""


@functools.lru_cache(maxsize=1024)
def parse(expression: str) -> Tree:
    """The tree of an expression.

    Errors: MathError."""
    parser = _Parser(_tokens(expression))
    tree = parser.disjunction()
    if parser.kind != "end":
        raise MathError(f"unexpected '{parser.text}'")
    return tree


def names(tree: Tree) -> set[str]:
    """The ids of the queries that a tree refers to, apart from METRICS()."""
    return {node[1] for node in _nodes(tree) if node[0] == "metric"}


def functions(tree: Tree) -> set[str]:
    """The functions that a tree calls, in capitals."""
    return {node[1] for node in _nodes(tree) if node[0] == "call"}


def _nodes(tree: Tree) -> Iterator[Tree]:
    yield tree
    for part in tree[1:]:
        for inner in part if isinstance(part, list) else [part]:
            if isinstance(inner, tuple):
                yield from _nodes(inner)


def _tokens(expression: str) -> Tokens:
    found: Tokens = []
    at, end = 0, len(expression.rstrip())
    while at < end:
        match = _TOKEN.match(expression, at)
        if match is None:
            raise MathError(f"unexpected '{expression[at:].strip()[0]}'")
        kind = str(match.lastgroup)
        text = match[kind]
        if kind == "name" and text.upper() in _WORDS:
            kind, text = "sign", _WORDS[text.upper()]
        found.append((kind, text))
        at = match.end()
    return [*found, ("end", "end of the expression")]


class _Parser:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def text(self) -> str:
        return self._tokens[self._at][1]

    def disjunction(self) -> Tree:
        return self._left_to_right(("||",), self._conjunction)

    def _conjunction(self) -> Tree:
        return self._left_to_right(("&&",), self._comparison)

    def _comparison(self) -> Tree:
        return self._left_to_right(_COMPARISONS, self._sum)

    def _sum(self) -> Tree:
        return self._left_to_right(("+", "-"), self._product)

    def _product(self) -> Tree:
        return self._left_to_right(("*", "/"), self._power)

    def _power(self) -> Tree:
        return self._left_to_right(("^",), self._unary)

    def _left_to_right(self, operators: tuple[str, ...], operand: Callable[[], Tree]) -> Tree:
        tree = operand()
        while self.kind == "sign" and self.text in operators:
            operator = self._taken()
            tree = (operator, tree, operand())
        return tree

    def _unary(self) -> Tree:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise MathError("nested too deeply")
        try:
            if self._is("-"):
                self._taken()
                return ("minus", self._unary())
            return self._operand()
        finally:
            self._depth -= 1

    def _operand(self) -> Tree:
        kind, text = self.kind, self.text
        if kind == "end":
            raise MathError("the expression ends too early")
        self._at += 1
        if kind == "number":
            return ("number", float(text))
        if kind == "text":
            return ("text", text[1:-1])
        if kind == "name":
            if self._is("("):
                self._taken()
                return ("call", text.upper(), self._several(")"))
            return ("metric", text)
        if text == "(":
            tree = self.disjunction()
            self._expect(")")
            return tree
        if text == "[":
            return ("list", self._several("]"))
        raise MathError(f"unexpected '{text}'")

    def _several(self, end: str) -> list[Tree]:
        trees: list[Tree] = []
        while not self._is(end):
            if trees:
                self._expect(",")
            trees.append(self.disjunction())
        self._taken()
        return trees

    def _is(self, sign: str) -> bool:
        return (self.kind, self.text) == ("sign", sign)

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            raise MathError(f"unexpected '{self.text}' where '{sign}' was expected")
        self._taken()

    def _taken(self) -> str:
        text = self.text
        self._at += 1
        return text
