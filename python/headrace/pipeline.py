# SPDX-License-Identifier: Apache-2.0
"""Pipelines as values: built from terms or from named nodes, read from and written to pipeline files."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from headrace.errors import error
from headrace.nodes import ANNOTATIONS, Node, names_value, node_of
from headrace.term_build import build
from headrace.term_parse import parse_term
from headrace.terms import Term
from headrace.values import Value, from_yaml, plain, read_text, to_yaml

TOP_KEYS = ("pipeline", "version", "seed", "nodes", "term", "evaluate")
FORMAT_VERSION = 1
_EVALUATE_KEYS = ("folds", "metric", "pick", "at", "confidence")


@dataclass(frozen=True)
class Pipeline:
    """A pipeline: nodes that read one another, and how their paths are judged. Nothing runs until `headrace.run`.

    `folder` is where relative paths in it start; None stands for the current folder at the time it is run.
    """

    name: str = "pipeline"
    seed: int = 0
    nodes: Tuple[Node, ...] = ()
    evaluation: Optional[Mapping[str, Value]] = None
    folder: Optional[str] = None

    def evaluate(
        self,
        folds: Union[None, int, Mapping[str, Any]] = None,
        metric: Union[None, str, Sequence[str]] = None,
        pick: Optional[str] = None,
        at: Union[None, str, Sequence[str]] = None,
        confidence: Optional[float] = None,
    ) -> "Pipeline":
        """The same pipeline, judged under folds: every path is fitted and scored once a fold.

        `folds` is a number, or a splitter with its options: ``{"kind": "stratified_k_fold", "n": 3, "shuffle": True}``. The first
        metric ranks. `at` names the nodes whose rows are cut (default: the sources).

        >>> from headrace.terms import op
        >>> (op.csv(path="d.csv", target="y") >> op.ridge()).evaluate(folds=5, metric="r2").evaluation
        {'folds': 5, 'metric': 'r2'}
        """
        given = {"folds": folds, "metric": metric, "pick": pick, "at": at, "confidence": confidence}
        chosen = {key: plain(value, f"evaluate: {key}") for key, value in given.items() if value is not None}
        return replace(self, evaluation={**(self.evaluation or {}), **chosen})

    def with_(self, name: Optional[str] = None, seed: Optional[int] = None, folder: Optional[str] = None) -> "Pipeline":
        """The same pipeline under another name, seed or folder."""
        return replace(
            self,
            name=self.name if name is None else name,
            seed=self.seed if seed is None else seed,
            folder=self.folder if folder is None else os.path.abspath(folder),
        )

    def node(self, name: str) -> Node:
        """A node by name. Errors: NotFound."""
        for found in self.nodes:
            if found.name == name:
                return found
        raise error("NotFound", f"the pipeline has no node '{name}'", "known are: " + ", ".join(node.name for node in self.nodes))

    def set(self, key: str, value: Any) -> "Pipeline":
        """The same pipeline with one parameter or annotation changed: ``set("pca.components", 5)``."""
        name, dot, option = key.partition(".")
        if not dot:
            raise error("BadValue", f"'{key}' names no node", "write it as node.option")
        old = self.node(name)
        written: Dict[str, Any] = {"op": old.op, "params": {**old.params}, "annotate": {**old.annotations}}
        place = "annotate" if option in ANNOTATIONS and option not in old.params else "params"
        written[place][option] = value
        if old.seed_name:
            written["seed_name"] = old.seed_name
        new = node_of(name, written, old.inputs)
        return replace(self, nodes=tuple(new if node is old else node for node in self.nodes))

    # --- forms -----------------------------------------------------------------------------------------------------------

    def to_value(self) -> Dict[str, Value]:
        """The value of its pipeline file (docs/reference/pipeline-file.md)."""
        out: Dict[str, Value] = {"pipeline": self.name}
        if self.seed:
            out["seed"] = self.seed
        out["nodes"] = {node.name: node.to_value() for node in self.nodes}
        if self.evaluation is not None:
            out["evaluate"] = dict(self.evaluation)
        return out

    def to_yaml(self) -> str:
        """Its pipeline file.

        >>> from headrace.terms import grid, op
        >>> data = op.csv("digits", path="digits.csv", target=64)
        >>> p = pipeline("digits", data >> op.pca(components=grid(5, 15)) >> op.random_forest("forest", n_estimators=50), seed=7)
        >>> print(p.evaluate(folds=5, metric="accuracy").to_yaml(), end="")
        pipeline: digits
        seed: 7
        nodes:
          digits: { op: csv, path: digits.csv, target: 64 }
          pca: { op: pca, from: digits, components: { grid: [5, 15] } }
          forest: { op: random_forest, from: pca, n_estimators: 50 }
        evaluate: { folds: 5, metric: accuracy }
        """
        return to_yaml(self.to_value())

    def save(self, path: "Union[str, os.PathLike[str]]") -> "Pipeline":
        """Writes its pipeline file; the pipeline that is returned starts relative paths there, as the file does."""
        text = self.to_yaml()
        name = os.fspath(path)
        aside = f"{name}.{os.getpid()}.part"
        try:
            with open(aside, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(aside, name)
        except OSError as problem:
            raise error("NotFound", f"cannot write '{name}': {problem.strerror}") from None
        return self.with_(folder=os.path.dirname(os.path.abspath(name)))

    @staticmethod
    def from_value(document: Value, file: str = "") -> "Pipeline":
        """Reads the value of a pipeline file. Errors: those of the program for the same file, without its operators' tables."""
        return _pipeline_from(document, file)

    @staticmethod
    def from_yaml(text: str, file: str = "") -> "Pipeline":
        """Reads a pipeline file's text.

        >>> Pipeline.from_yaml("{nodes: {d: {op: csv, path: d.csv}}, term: d >> pca}").nodes[1].inputs
        (('d',),)
        """
        return _pipeline_from(from_yaml(text, file), file)

    @staticmethod
    def from_file(path: "Union[str, os.PathLike[str]]") -> "Pipeline":
        """Reads a pipeline file; relative paths start in its folder."""
        name = os.fspath(path)
        return Pipeline.from_yaml(read_text(name), name).with_(folder=os.path.dirname(os.path.abspath(name)))

    # --- asking the program ----------------------------------------------------------------------------------------------

    def term(self) -> str:
        """The pipeline as a term of the algebra, every grid and replica shown. Asks the program."""
        from headrace.queries import graph

        return str(graph(self)["term"])

    def svg(self) -> str:
        """A drawing of the pipeline. Asks the program."""
        from headrace.queries import drawing

        return drawing(self)

    def _repr_html_(self) -> str:
        from headrace.display import pipeline_html

        return pipeline_html(self)


def pipeline(name: str, *parts: Term, seed: int = 0, folder: Optional[str] = None) -> Pipeline:
    """A pipeline of one term, or of nodes that name their inputs with `from_`.

    The same node used twice in one term is two nodes, as the laws of the algebra ask; use `from_` for a graph that is no term.

    >>> from headrace.terms import op
    >>> raw = op.csv("raw", path="d.csv", target="y")
    >>> p = pipeline("diamond", raw, op.pca("a", from_=raw), op.standard_scaler("b", from_=raw), op.ridge("c", from_=["a", "b"]))
    >>> p.node("c").inputs
    (('a',), ('b',))
    """
    if not parts:
        advice = "for example hr.pipeline('p', hr.op.csv(path='d.csv') >> hr.op.pca())"
        raise error("MissingKey", "a pipeline needs a term or nodes", advice)
    where = os.path.abspath(folder) if folder is not None else None
    seed_value = plain(seed, "seed")
    if len(parts) > 1:
        nodes = []
        for part in parts:
            if part.leaf is None:
                raise error("BadTerm", f"this part has several nodes: {part}", "give one term, or single nodes wired with from_")
            nodes.append(part.leaf)
        _check_names(nodes)
        return Pipeline(name, seed_value, tuple(nodes), folder=where)
    if parts[0].leaf is not None and parts[0].leaf.inputs:
        return Pipeline(name, seed_value, (parts[0].leaf,), folder=where)
    built, metric = build(parts[0])
    return Pipeline(name, seed_value, built, {"metric": metric} if metric is not None else None, where)


def _check_names(nodes: Sequence[Node]) -> None:
    seen = set()
    for node in nodes:
        if node.name in seen:
            raise error("NameClash", f"two nodes are called '{node.name}'", "give them two names")
        seen.add(node.name)


def as_pipeline(what: Union[Pipeline, Term]) -> Pipeline:
    return what.pipeline() if isinstance(what, Term) else what


def _pipeline_from(document: Value, file: str) -> Pipeline:
    if not isinstance(document, dict):
        raise error("BadValue", "a pipeline file must be a map", "write key: value pairs", file)
    for key in document:
        if key not in TOP_KEYS:
            raise error("UnknownKey", f"a pipeline file has no key '{key}'", "known are: " + ", ".join(TOP_KEYS), file)
    version = document.get("version", FORMAT_VERSION)
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise error("Version", f"this pipeline file has version {version}; this package reads version {FORMAT_VERSION}", file=file)
    name, seed = document.get("pipeline", "pipeline"), document.get("seed", 0)
    if not isinstance(name, str) or not name:
        raise error("BadValue", "'pipeline' must be a name", file=file)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise error("BadValue", "'seed' must be a whole number", "for example seed: 7", file)
    nodes = _nodes_from(document, file)
    evaluation = _evaluation_from(document.get("evaluate"), file)
    if document.get("term") is not None:
        nodes, evaluation = _wired(document["term"], nodes, evaluation, file)
    if not nodes:
        raise error("MissingKey", "the pipeline has no node", file=file)
    return Pipeline(name, seed, tuple(nodes), evaluation)


def _nodes_from(document: Mapping[str, Value], file: str) -> List[Node]:
    if "nodes" not in document and "term" not in document:
        raise error("MissingKey", "a pipeline file needs 'nodes'", "for example nodes: {data: {op: csv, path: data.csv}}", file)
    written = document.get("nodes")
    if written is None:
        return []
    if not isinstance(written, dict):
        raise error("BadValue", "'nodes' must be a map", "write key: value pairs", file)
    out = []
    for name, options in written.items():
        if not isinstance(options, dict):
            raise error("BadValue", f"node {name} must be a map", "write key: value pairs", file)
        out.append(node_of(name, options))
    return out


def _evaluation_from(written: Value, file: str) -> Optional[Dict[str, Value]]:
    if written is None:
        return None
    if not isinstance(written, dict):
        raise error("BadValue", "'evaluate' must be a map", "write key: value pairs", file)
    for key in written:
        if key not in _EVALUATE_KEYS:
            raise error("UnknownKey", f"evaluate has no key '{key}'", "known are: " + ", ".join(_EVALUATE_KEYS), file)
    return {key: value for key, value in written.items() if value is not None}


def _wired(
    text: Value, nodes: List[Node], evaluation: Optional[Dict[str, Value]], file: str
) -> Tuple[List[Node], Optional[Dict[str, Value]]]:
    """The nodes as the written term wires them, and the evaluation with what it picks by."""
    if not isinstance(text, str):
        raise error("BadValue", "'term' must be text", 'for example term: "digits >> pca >> (logistic | forest)"', file)
    for node in nodes:
        if node.inputs:
            raise error("BadTerm", f"node {node.name} has a 'from', but the pipeline is wired by its 'term'", "keep one of them", file)
    built, metric = build(parse_term(text, nodes))
    used = {node.name for node in built}
    for node in nodes:
        if node.name not in used:
            raise error("BadTerm", f"node {node.name} is not in the 'term'", "use it there, or take it out", file)
    if metric is None:
        return list(built), evaluation
    out = dict(evaluation or {})
    ranked = out.get("metric")
    names = [metric] if not ranked else list(ranked) if isinstance(ranked, list) else [ranked]
    if names[0] != metric:
        raise error("BadValue", f"the term picks by '{metric}', but evaluate ranks by '{names[0]}'", "name one metric", file)
    out["metric"] = names_value(names)
    out.pop("pick", None)
    return list(built), out
