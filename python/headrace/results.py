# SPDX-License-Identifier: Apache-2.0
"""Results of a run: the ranked table, scores of every fold, what the paths gave."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Union

import pyarrow as pa

from headrace.errors import RunError, error
from headrace.objects import Object
from headrace.program import ask, ask_raw, store_arguments
from headrace.saved import Saved, save_path
from headrace.store import read_object, store_folder

if TYPE_CHECKING:
    import pandas

    from headrace.pipeline import Pipeline

#: Where runs are kept; None: $HEADRACE_STORE, else the program's default.
Store = Optional[Union[str, "os.PathLike[str]"]]


class PathResult(Mapping[str, Any]):
    """One row: a way through the graph, its parameters and scores. Keys are those of docs/reference/json.md."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = dict(row)

    def __getitem__(self, key: str) -> Any:
        return self._row[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    @property
    def path(self) -> str:
        return str(self._row["path"])

    @property
    def rank(self) -> Optional[int]:
        return self._row.get("rank")

    @property
    def params(self) -> Dict[str, Any]:
        return dict(self._row.get("params") or {})

    @property
    def scores(self) -> Dict[str, List[Optional[float]]]:
        """By metric the score of each fold."""
        return {metric: list(folds) for metric, folds in (self._row.get("scores") or {}).items()}

    @property
    def mean(self) -> Optional[float]:
        return self._row.get("mean")

    @property
    def std(self) -> Optional[float]:
        return self._row.get("std")

    def __repr__(self) -> str:
        mean = "no score" if self.mean is None else f"{self.mean:.5f} +- {self.std or 0:.5f}"
        return f"<{self.rank or '-'}. {self.path}: {mean}>"


class Output:
    """What a path gave: a table, scores or a model. The data are read when they are asked for."""

    def __init__(self, row: Mapping[str, Any], results: "Results") -> None:
        self.row = dict(row)
        self._results = results

    @property
    def path(self) -> str:
        return str(self.row["path"])

    @property
    def kind(self) -> str:
        return str(self.row["kind"])

    def object(self) -> Object:
        """The object itself; a table is mapped, not copied. Errors: NotFound when the run kept no copy of it."""
        if "object" not in self.row:
            raise error("NotFound", f"the run does not name the object that {self.path} gave", "run a pipeline with one path")
        return read_object(store_folder(self._results.store), str(self.row["object"]), self._results.run)

    def table(self) -> pa.Table:
        """The table of the path. Errors: BadValue when it gave something else."""
        found = self.object()
        if not isinstance(found, pa.Table):
            raise error("BadValue", f"{self.path} gave {self.kind}, not a table")
        return found

    def to_pandas(self) -> "pandas.DataFrame":
        frame: pandas.DataFrame = self.table().to_pandas()
        return frame

    def __repr__(self) -> str:
        what = f"{self.row['rows']} rows, {len(self.row['columns'])} columns" if self.kind == "table" else self.kind
        return f"<Output of {self.path}: {what}>"


class Results:
    """What a run gave. `results[0]` is the best path."""

    def __init__(
        self,
        document: Mapping[str, Any],
        store: Store = None,
        pipeline: "Optional[Pipeline]" = None,
        held: object = None,
    ) -> None:
        self.document = dict(document)
        self.store = store
        self.pipeline = pipeline
        self._held = held  # a store that lives as long as these results
        self.paths: List[PathResult] = [PathResult(row) for row in document.get("results") or []]
        self.outputs: List[Output] = [Output(row, self) for row in document.get("outputs") or []]

    @property
    def run(self) -> str:
        """Id of the run; "" when nothing was kept."""
        return str(self.document.get("run", ""))

    @property
    def status(self) -> str:
        return str(self.document["status"])

    @property
    def errors(self) -> List[Dict[str, Any]]:
        """One row a failed task: node, phase, fold, attempt, code, message, advice."""
        return list(self.document.get("errors") or [])

    def check(self) -> "Results":
        """Raises RunError unless everything was done; returns the results, for chaining."""
        if self.status == "done":
            return self
        if not self.errors:
            what = f"run {self.run or self.document.get('pipeline')} is {self.status}"
            raise error("Cancelled", what, "run the same pipeline again to finish it")
        first = self.errors[0]
        what = f"node {first['node']}, {first['phase']}: {first['message']}"
        raise RunError(int(first["code"]), str(first["name"]), what, str(first.get("advice") or ""))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> PathResult:
        return self.paths[index]

    def __iter__(self) -> Iterator[PathResult]:
        return iter(self.paths)

    @property
    def best(self) -> PathResult:
        """The path that ranks first. Errors: NotFound when none has a rank."""
        if not self.paths or self.paths[0].rank != 1:
            raise error("NotFound", "no path of this run has a rank", "give the pipeline an evaluate(...)")
        return self.paths[0]

    @property
    def best_params(self) -> Dict[str, Any]:
        """The parameters of the best path: {"pca.components": 64}."""
        return self.best.params

    def table(self) -> pa.Table:
        """One row a path, best first: rank, path, mean, std, low, high, seconds, status, and a column a parameter."""
        columns: Dict[str, List[Any]] = {key: [] for key in ("rank", "path", "mean", "std", "low", "high", "seconds", "status")}
        for row in self.paths:
            low, high = row.get("interval") or (None, None)
            values = {**{key: row.get(key) for key in columns}, "low": low, "high": high}
            for key, column in columns.items():
                column.append(values[key])
        for name in dict.fromkeys(name for row in self.paths for name in row.params):
            columns[name] = [row.params.get(name) for row in self.paths]
        return pa.table({name: _column(values) for name, values in columns.items()})

    def scores(self) -> pa.Table:
        """One row a path, metric and fold (from 0): rank, path, metric, fold, score."""
        columns: Dict[str, List[Any]] = {key: [] for key in ("rank", "path", "metric", "fold", "score")}
        for row in self.paths:
            for metric, folds in row.scores.items():
                for fold, score in enumerate(folds):
                    for key, value in zip(columns, (row.rank, row.path, metric, fold, score)):
                        columns[key].append(value)
        types = {"rank": pa.int64(), "path": pa.string(), "metric": pa.string(), "fold": pa.int64(), "score": pa.float64()}
        return pa.table({key: pa.array(values, types[key]) for key, values in columns.items()})

    def to_pandas(self) -> "pandas.DataFrame":
        """The ranked table as a data frame."""
        frame: pandas.DataFrame = self.table().to_pandas()
        return frame

    @property
    def output(self) -> Output:
        """What the only path gave. Errors: BadValue when there are several, or none."""
        if len(self.outputs) != 1:
            raise error("BadValue", f"this run gave {len(self.outputs)} results", "take one of results.outputs, or run with mode='predict'")
        return self.outputs[0]

    def report(self, path: "Optional[Union[str, os.PathLike[str]]]" = None) -> str:
        """Writes the run as one HTML page and returns its path. Errors: NotFound when nothing was kept of the run."""
        if not self.run:
            raise error("NotFound", "nothing was kept of this run", "run it with a store")
        if path is None:
            path = os.path.join(tempfile.mkdtemp(prefix="headrace-"), f"{self.run}.html")
        ask(["report", self.run, "-o", os.fspath(path), *store_arguments(self.store)])
        return os.path.abspath(os.fspath(path))

    def save(self, folder: "Union[str, os.PathLike[str]]", rank: int = 1) -> Saved:
        """Fits a path on all rows and saves it in a new folder. `rank`: its place in the table."""
        if not self.run:
            raise error("NotFound", "nothing was kept of this run", "run it with a store")
        return save_path(self.run, folder, rank, store_arguments(self.store))

    def explain(self, object: str) -> Dict[str, Any]:  # noqa: A002 the program's own word
        """Where an object of this run came from: see `headrace.explain`."""
        return ask(["explain", self.run, object, *store_arguments(self.store)])

    def svg(self) -> str:
        """A drawing of the pipeline that was run."""
        if self.pipeline is not None:
            return self.pipeline.svg()
        plan = os.path.join(store_folder(self.store), "runs", self.run, "graph.yaml")
        return ask_raw(["graph", plan, "--svg"]).out.decode("utf-8")

    def __repr__(self) -> str:
        lines = [f"run {self.run or '(not kept)'}: {self.status}, {len(self.paths)} paths, {self.document.get('seconds', 0):.2f} s"]
        lines += [f"  {row!r}" for row in self.paths[:5]]
        if len(self.paths) > 5:
            lines.append(f"  ... and {len(self.paths) - 5} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from headrace.display import results_html

        return results_html(self)


def _column(values: List[Any]) -> pa.Array:
    """A column of parameters may hold anything: what Arrow cannot hold in one type becomes text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])
