# SPDX-License-Identifier: Apache-2.0
"""Questions to the program that start no run."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from headrace.program import Runnable, ask, ask_raw, pipeline_file, store_arguments
from headrace.results import Results, Store


def validate(what: Runnable) -> Dict[str, Any]:
    """Checks everything that can be known before a run; returns counts of nodes, paths and tasks.

    Errors: the first error of the pipeline; `others` has the rest.

    >>> from headrace.terms import op
    >>> try:
    ...     validate(op.csv(path="d.csv") >> op.pcaa())
    ... except Exception as problem:
    ...     print(problem.name, "|", problem.advice)
    UnknownOperator | did you mean 'pca'?
    """
    with pipeline_file(what) as path:
        return ask(["validate", path])


def graph(what: Runnable) -> Dict[str, Any]:
    """The expanded graph: nodes, edges, paths, and the term.

    >>> from headrace.terms import grid, op
    >>> answer = graph(op.csv("d", path="d.csv", target=0) >> op.pca(components=grid(2, 3)) >> (op.ridge() | op.svr()))
    >>> answer["term"], len(answer["paths"])
    ('d >> pca{components: [2, 3]} >> (ridge | svr)', 4)
    """
    with pipeline_file(what) as path:
        return ask(["graph", path])


def drawing(what: Runnable, form: str = "svg") -> str:
    """The graph as a drawing: "svg" or "dot"."""
    with pipeline_file(what) as path:
        return ask_raw(["graph", path, f"--{form}"]).out.decode("utf-8")


def ops(name: Optional[str] = None) -> Dict[str, Any]:
    """The operators and metrics that there are, or the row of one.

    >>> [option["name"] for option in ops("pca")["options"]]
    ['components', 'variance_share', 'whiten']
    """
    return ask(["ops"] if name is None else ["ops", name])


def runs(store: Store = None, top: int = 30) -> List[Dict[str, Any]]:
    """The recorded runs, newest first."""
    answer = ask(["runs", "--top", str(top), *store_arguments(store)])
    return list(answer["runs"])


def show(run: str = "last", store: Store = None) -> Results:
    """A recorded run: its id, the start of it, or "last"."""
    return Results(ask(["show", run, *store_arguments(store)]), store=store)


def explain(run: str, object: str, store: Store = None) -> Dict[str, Any]:  # noqa: A002 the program's own word
    """Where an object of a run came from, down to the source files. `object` is the start of an id, a node, or NODE@FOLD."""
    return ask(["explain", run, object, *store_arguments(store)])
