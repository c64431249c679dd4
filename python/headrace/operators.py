# SPDX-License-Identifier: Apache-2.0
"""Python operators: functions, classes, scikit-learn estimators and torch modules as nodes.

>>> import pyarrow as pa
>>> @operator
... def doubled(table: pa.Table, column: str = "x") -> pa.Table:
...     import pyarrow.compute as pc
...     return table.set_column(0, column, pc.multiply(table.column(column), 2))
>>> doubled(pa.table({"x": [1, 2]})).column("x").to_pylist()
[2, 4]

In a graph such a node is ``op: python_KIND`` with ``call: "module:name"``; its own parameters stand beside it, so they can have grids.
`code` is a digest of the source: a changed function is another node, and what it gave before is not remembered for it.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import textwrap
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, TypeVar

from headrace.errors import error
from headrace.terms import From, Grid, Term, node
from headrace.values import Value, plain

#: What models of Python operators say they come from; the operators themselves are called python_source, python_function, ...
OPERATOR = "python"
#: Parameters of the operator itself; all others are the callable's.
OWN_PARAMS = ("call", "kind", "code", "source")
#: source: no input, gives tables. function: keeps nothing. transformer: fits, then transforms. classifier, regressor: fit, then predict.
KINDS = ("source", "function", "transformer", "classifier", "regressor")

_ATTRIBUTE = "__headrace_operator__"
T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Declaration:
    """What `operator` noted on a function or class."""

    kind: str


def operator(target: Optional[T] = None, *, kind: Optional[str] = None) -> Any:
    """Marks a function or class as an operator; it stays what it is, and gets a method `node`.

    A function gets the tables of its inputs and returns a table; without inputs it is a source. A class is made with the node's
    parameters; its `fit(tables...)`, `transform(tables...)`, `predict(tables...)` and `partial_fit(tables...)` are called. Either may
    have a parameter named `context`: see `headrace.Context`. `kind` is found out where it is not given.
    """

    def mark(found: T) -> T:
        chosen = kind if kind is not None else kind_of(found)
        if chosen not in KINDS:
            raise error("BadValue", f"no kind of operator is called '{chosen}'", "known are: " + ", ".join(KINDS))
        setattr(found, _ATTRIBUTE, Declaration(chosen))

        def make(name: Optional[str] = None, /, **options: Any) -> Term:
            return python(found, name, **options)

        setattr(found, "node", staticmethod(make) if inspect.isclass(found) else make)  # noqa: B010 a type has no name for it
        return found

    return mark if target is None else mark(target)


def python(target: Any, name: Optional[str] = None, /, *, from_: Optional[From] = None, kind: Optional[str] = None, **params: Any) -> Term:
    """A node that runs Python: a function, a class, an estimator of scikit-learn, a torch module class, or "module:name".

    Parameters and annotations are given by keyword, as for `headrace.node`.

    >>> from sklearn.linear_model import Ridge
    >>> python(Ridge(alpha=2.0), "ridge").params["call"]
    'sklearn.linear_model:Ridge'
    """
    if isinstance(target, str):
        if kind not in KINDS:
            raise error("MissingKey", f"the node of '{target}' needs a kind", "give one of: " + ", ".join(KINDS))
        own: Dict[str, Value] = {"call": target}
        label = target.rpartition(":")[2].rpartition(".")[2]
    else:
        instance_params: Mapping[str, Any] = {}
        if is_estimator(target) and not inspect.isclass(target):
            instance_params = changed_params(target)
            target = type(target)
        own = {**address_of(target), "code": code_of(target)}
        kind = kind or declared_kind(target)
        label = target.__name__
        params = {**instance_params, **params}
    for key in params:
        if key in OWN_PARAMS:
            raise error("NameClash", f"a Python operator cannot have a parameter called '{key}'", "rename it")
    options: Dict[str, Any] = {**own, **{key: value if isinstance(value, Grid) else plain(value, key) for key, value in params.items()}}
    return node(name if name is not None else _node_name(label), op=f"{OPERATOR}_{kind}", from_=from_, **options)


def _node_name(label: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in label) or "python"


# --- what a callable is -----------------------------------------------------------------------------------------------------


def is_estimator(target: Any) -> bool:
    return hasattr(target, "get_params") and hasattr(target, "fit")


def is_torch_module(target: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and inspect.isclass(target) and issubclass(target, torch.nn.Module)


def declared_kind(target: Any) -> str:
    found = target.__dict__.get(_ATTRIBUTE) if hasattr(target, "__dict__") else None
    return found.kind if isinstance(found, Declaration) else kind_of(target)


def kind_of(target: Any) -> str:
    """Finds out what a function or class is. Errors: BadValue when nothing tells."""
    if not callable(target):
        raise error("BadValue", f"a {type(target).__name__} is no operator", "give a function, a class or an estimator")
    if is_torch_module(target):
        raise error("BadValue", f"say what {target.__name__} is", "give kind='classifier' or kind='regressor'")
    if inspect.isclass(target):
        return _kind_of_class(target)
    takes = [p for p in inspect.signature(target).parameters.values() if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
    return "function" if [p for p in takes if p.name != "context" and p.kind is not p.VAR_KEYWORD] else "source"


def _kind_of_class(target: Any) -> str:
    if is_estimator(target) and "sklearn" in sys.modules:
        import sklearn.base

        if issubclass(target, sklearn.base.ClassifierMixin):
            return "classifier"
        if issubclass(target, sklearn.base.RegressorMixin):
            return "regressor"
    if hasattr(target, "predict") and not hasattr(target, "transform"):
        raise error("BadValue", f"say what {target.__name__} is", "give kind='classifier' or kind='regressor'")
    if hasattr(target, "transform"):
        return "transformer" if hasattr(target, "fit") or hasattr(target, "partial_fit") else "function"
    raise error("BadValue", f"{target.__name__} has neither transform nor predict", "an operator class needs one of them")


def changed_params(estimator: Any) -> Dict[str, Any]:
    """The parameters of an estimator that are not its class's defaults."""
    defaults = {name: p.default for name, p in inspect.signature(type(estimator).__init__).parameters.items()}
    return {name: value for name, value in estimator.get_params(deep=False).items() if not _same(value, defaults.get(name))}


def _same(left: Any, right: Any) -> bool:
    try:
        return bool(left is right or (type(left) is type(right) and left == right))
    except (ValueError, TypeError):  # arrays
        return False


# --- addresses ----------------------------------------------------------------------------------------------------------------


def address_of(target: Any) -> Dict[str, Value]:
    """How a worker finds it: "module:name", or, from a notebook or a script, its source. Errors: Unsupported."""
    module, name = target.__module__, target.__qualname__
    if module.startswith("sklearn.") and "._" in module:
        module = _public_module(module, name)
    if module != "__main__":
        if "<locals>" in name:
            raise error("Unsupported", f"{name} is defined inside a function, where no worker finds it", "move it to the top of a module")
        return {"call": f"{module}:{name}"}
    return {"call": f":{name}", "source": _source_of(target)}


def _public_module(module: str, name: str) -> str:
    """sklearn.linear_model for sklearn.linear_model._ridge: the address that stays the same between versions."""
    public = module.partition("._")[0]
    return public if hasattr(importlib.import_module(public), name) else module


def _source_of(target: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(target))
    except (OSError, TypeError):
        raise error("Unsupported", f"the source of {target.__qualname__} cannot be found", "put it into a module") from None


def code_of(target: Any) -> str:
    """What tells one version of it from another: a digest of its source, or the version of the library it is from."""
    package = target.__module__.partition(".")[0]
    library = sys.modules.get(package)
    version = getattr(library, "__version__", None)
    if isinstance(version, str) and "site-packages" in str(getattr(library, "__file__", "")):
        return f"{package} {version}"
    return "sha256:" + hashlib.sha256(_source_of(target).encode()).hexdigest()[:16]


def resolve(call: str, source: Optional[str] = None, code: Optional[str] = None) -> Any:
    """The callable of a node. Errors: NotFound; Version when it is not the one that the pipeline was built with."""
    module, _, name = call.partition(":")
    if not name or (not module and source is None):
        raise error("BadValue", f"'{call}' names no Python operator", "write module:name")
    try:
        found: Any = _run_source(source, call) if source is not None else importlib.import_module(module)
    except ImportError as problem:
        advice = "install it where the workers run, or put it beside the pipeline"
        raise error("NotFound", f"module '{module}' cannot be imported: {problem}", advice) from None
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
        if found is None:
            raise error("NotFound", f"module '{module or 'of the pipeline'}' has no '{name}'")
    if code is not None and source is None and code_of(found) != code:
        message = f"{call} is {code_of(found)}, and the pipeline was built with {code}"
        raise error("Version", message, "build the pipeline again, or install the same version")
    return found


def _run_source(source: str, call: str) -> Dict[str, Any]:
    """Source that came with the pipeline runs as a module of its own; `hr` is there for its decorator."""
    import headrace

    space: Dict[str, Any] = {"__name__": "headrace_operator", "hr": headrace, "headrace": headrace, "operator": operator}
    exec(compile(source, f"<operator {call}>", "exec"), space)
    return space
