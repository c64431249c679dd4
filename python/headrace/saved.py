# SPDX-License-Identifier: Apache-2.0
"""Saved pipelines: one path of a run, fitted on all rows, in a folder that needs nothing of the store."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Dict, List, Optional, Union

import pyarrow as pa

from headrace.errors import error
from headrace.pipeline import Pipeline
from headrace.program import ask

#: Rows to apply a pipeline to: the path of a file in the form of the pipeline's source, or a table that is written in that form.
Data = Union[None, str, "os.PathLike[str]", pa.Table, Any]


class Saved:
    """What `Results.save` wrote. Open it again with ``headrace.Saved(folder)``."""

    def __init__(self, folder: "Union[str, os.PathLike[str]]") -> None:
        self.folder = os.path.abspath(os.fspath(folder))
        if not os.path.exists(self._graph()):
            raise error("NotFound", f"'{folder}' holds no saved pipeline", "name a folder that Results.save wrote")

    def _graph(self) -> str:
        return os.path.join(self.folder, "graph.yaml")

    @property
    def pipeline(self) -> Pipeline:
        """The path as a pipeline without grids."""
        return Pipeline.from_file(self._graph())

    def predict(self, data: Data = None) -> pa.Table:
        """Predictions for the rows of `data`; None reads the pipeline's own source again."""
        return self._table("predict", data)

    def transform(self, data: Data = None) -> pa.Table:
        return self._table("transform", data)

    def score(self, data: Data = None) -> Dict[str, float]:
        """Scores by metric, on rows that have a target."""
        with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
            answer = ask(["apply", self.folder, "--mode", "score", "--quiet", *self._data(data, folder)])
        values: Dict[str, float] = answer["scores"][0]["values"]
        return values

    def _table(self, mode: str, data: Data) -> pa.Table:
        with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
            path = os.path.join(folder, "output.arrow")
            ask(["apply", self.folder, "--mode", mode, "--quiet", "-o", path, *self._data(data, folder)])
            with open(path, "rb") as file:
                return pa.ipc.open_file(pa.py_buffer(file.read())).read_all()

    def _data(self, data: Data, folder: str) -> List[str]:
        if data is None:
            return []
        if isinstance(data, (str, os.PathLike)):
            return ["--data", os.path.abspath(os.fspath(data))]
        return ["--data", self._written(data if isinstance(data, pa.Table) else pa.Table.from_pandas(data, preserve_index=False), folder)]

    def _written(self, table: pa.Table, folder: str) -> str:
        """The table as a file that the pipeline's source reads. Errors: Unsupported for sources of other kinds."""
        source = self.pipeline.nodes[0]
        path = os.path.join(folder, "data." + source.op)
        if source.op == "csv":
            import pyarrow.csv

            pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(include_header=source.params.get("header") is not False))
        elif source.op == "arrow":
            with pa.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)
        elif source.op == "parquet":
            import pyarrow.parquet

            pyarrow.parquet.write_table(table, path)
        else:
            raise error("Unsupported", f"a table cannot stand in for a source of kind {source.op}", "give the path of a file")
        return path

    def __repr__(self) -> str:
        return f"<Saved pipeline in {self.folder}>"


def save_path(run: str, folder: "Union[str, os.PathLike[str]]", rank: int, store: Optional[List[str]] = None) -> Saved:
    ask(["save", run, "-o", os.fspath(folder), "--rank", str(rank), *(store or [])])
    return Saved(folder)
