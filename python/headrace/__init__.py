# SPDX-License-Identifier: Apache-2.0
"""Headrace from Python: build pipelines as values, run them through the program, read results as Arrow and pandas.

>>> import headrace as hr
>>> data = hr.op.csv("digits", path="digits.csv", target=64)
>>> grid = data >> hr.op.pca(components=hr.grid(5, 15)) >> (hr.op.random_forest() | hr.op.logistic_regression())
>>> print(grid)
digits >> pca{components: [5, 15]} >> (random_forest | logistic_regression)
"""

from headrace.calls import Context
from headrace.errors import DataError, HeadraceError, PipelineError, RunError
from headrace.nodes import Node
from headrace.objects import Metrics, Model, Tensor, TensorSet, decode, encode
from headrace.operators import operator, python
from headrace.pipeline import Pipeline, pipeline
from headrace.queries import explain, graph, ops, runs, show, validate
from headrace.results import Output, PathResult, Results
from headrace.running import Job, run, submit
from headrace.saved import Saved
from headrace.table_codec import role_of, with_role
from headrace.term_parse import parse_term
from headrace.terms import Term, grid, grid_range, node, op, pick

__version__ = "0.1.0"

__all__ = [
    "Context",
    "DataError",
    "HeadraceError",
    "Job",
    "Metrics",
    "Model",
    "Node",
    "Output",
    "PathResult",
    "Pipeline",
    "PipelineError",
    "Results",
    "RunError",
    "Saved",
    "Tensor",
    "TensorSet",
    "Term",
    "decode",
    "encode",
    "explain",
    "graph",
    "grid",
    "grid_range",
    "node",
    "op",
    "operator",
    "ops",
    "parse_term",
    "pick",
    "pipeline",
    "python",
    "role_of",
    "run",
    "runs",
    "show",
    "submit",
    "validate",
    "with_role",
]
