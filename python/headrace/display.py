# SPDX-License-Identifier: Apache-2.0
"""What notebooks show: a ranked table, failures and the drawing of the graph. No script, no style sheet, nothing from a network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, List

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.pipeline import Pipeline
    from headrace.results import Results

_ROWS_SHOWN = 20


def pipeline_html(pipeline: "Pipeline") -> str:
    """The drawing; where the program is missing or refuses the pipeline, its text and the reason."""
    try:
        return _drawing(pipeline.svg())
    except HeadraceError as problem:
        return f"<pre>{escape(pipeline.to_yaml())}</pre><p>{escape(str(problem))}</p>"


def results_html(results: "Results") -> str:
    parts = [f"<p><b>{escape(results.run or 'a run that was not kept')}</b>: {escape(results.status)}, {len(results)} paths</p>"]
    if results.paths:
        parts.append(_ranked(results))
    if results.errors:
        rows = [[f["node"], f["phase"], f.get("fold"), f"{f['name']}: {f['message']}"] for f in results.errors[:_ROWS_SHOWN]]
        parts.append(_table(["node", "phase", "fold", "failed because"], rows, len(results.errors)))
    try:
        parts.append(_drawing(results.svg()))
    except HeadraceError:  # a run of a store that is gone is still worth its table
        pass
    return "\n".join(parts)


def _ranked(results: "Results") -> str:
    names = list(dict.fromkeys(name for row in results.paths for name in row.params))
    rows = [
        [row.rank, _score(row.mean), _score(row.std), *[row.params.get(name, "") for name in names], row.path]
        for row in results.paths[:_ROWS_SHOWN]
    ]
    return _table(["rank", "mean", "±", *names, "path"], rows, len(results.paths))


def _score(value: Any) -> str:
    return "" if value is None else f"{value:.5f}"


def _table(head: List[str], rows: List[List[Any]], count: int) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape('' if cell is None else str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    more = f"<p>... and {count - len(rows)} more</p>" if count > len(rows) else ""
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{more}"


def _drawing(svg: str) -> str:
    at = svg.find("<svg")
    return f'<div style="overflow-x: auto">{svg[max(at, 0) :]}</div>'
