# SPDX-License-Identifier: Apache-2.0
"""The state of fitted Python objects as a model: plain facts, tensors and blobs. Never a pickle, so reading one runs no code.

Arrays become tensors, bytes become blobs, tables their encoding; estimators of scikit-learn go through skops, whose archive is
taken apart so that two fits on the same rows give the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import pyarrow as pa

from headrace.checksum import Buffer
from headrace.errors import error
from headrace.objects import Model, Tensor, TensorSet, decode, encode
from headrace.values import Value

_MARK = "$"
_DEPTH_MAX = 40
_TRUSTED = ("sklearn.", "numpy.", "scipy.")


def to_model(op: str, facts: Mapping[str, Value], state: Any) -> Model:
    """A model that holds `state`. Errors: Unsupported names the part that cannot be kept."""
    keeper = _Keeper()
    meta = {**facts, "state": keeper.value(state, "the state", 0)}
    return Model(op, 1, meta, keeper.tensors, keeper.blobs)


def of_model(model: Model, trusted: Sequence[str] = ()) -> Any:
    """The state again. `trusted`: modules whose classes may stand inside estimators, beside scikit-learn's. Errors: Damaged."""
    meta = model.meta
    if not isinstance(meta, dict) or "state" not in meta:
        raise error("Damaged", f"the model of {model.op} holds no state")
    return _restore(meta["state"], model, tuple(trusted), 0)


class _Keeper:
    def __init__(self) -> None:
        self.tensors = TensorSet()
        self.blobs: Dict[str, Buffer] = {}

    def tensor(self, tensor: Tensor, kind: str) -> Value:
        name = f"t{len(self.tensors)}"
        self.tensors[name] = tensor
        return {_MARK + kind: name}

    def blob(self, data: bytes, kind: str) -> Value:
        name = f"b{len(self.blobs)}"
        self.blobs[name] = data
        return {_MARK + kind: name}

    def value(self, item: Any, where: str, depth: int) -> Value:
        if depth > _DEPTH_MAX:
            raise error("Unsupported", f"{where} is nested more than {_DEPTH_MAX} deep", "define get_state and set_state")
        if item is None or isinstance(item, (bool, int, float, str)):
            return {_MARK + "int": str(item)} if isinstance(item, int) and not -(1 << 63) <= item < 1 << 63 else item
        if isinstance(item, (bytes, bytearray)):
            return self.blob(bytes(item), "bytes")
        if isinstance(item, pa.Table):
            return self.blob(encode(item), "table")
        if isinstance(item, (list, tuple)):
            inner = [self.value(part, f"{where}[{index}]", depth + 1) for index, part in enumerate(item)]
            return inner if isinstance(item, list) else {_MARK + "tuple": inner}
        if isinstance(item, Mapping):
            pairs = [[self.value(k, where, depth + 1), self.value(v, f"{where}.{k}", depth + 1)] for k, v in item.items()]
            plain = all(isinstance(k, str) and not k.startswith(_MARK) for k, _ in pairs)
            return {k: v for k, v in pairs} if plain else {_MARK + "map": pairs}
        return self._engine(item, where)

    def _engine(self, item: Any, where: str) -> Value:
        module = type(item).__module__.partition(".")[0]
        if module == "numpy":
            import numpy

            if isinstance(item, numpy.generic) and item.dtype.kind not in "OSUMmV":
                return self.tensor(Tensor.of(item), "scalar")
            if isinstance(item, numpy.ndarray) and item.dtype.kind in "US":
                return {_MARK + "texts": [str(text) for text in item.ravel().tolist()], _MARK + "shape": list(item.shape)}
            if isinstance(item, numpy.ndarray) and item.dtype.kind not in "OMmV":
                return self.tensor(Tensor.of(item), "array")
        if module == "torch" and hasattr(item, "detach"):
            return self.tensor(Tensor.of(item), "torch")
        if hasattr(item, "get_params") and hasattr(item, "fit"):
            return self._estimator(item, where)
        raise error("Unsupported", f"{where} is a {type(item).__name__}, which no model can hold", "define get_state and set_state")

    def _estimator(self, item: Any, where: str) -> Value:
        schema, files = take_apart(item, where)
        return {_MARK + "skops": schema, _MARK + "files": [self.blob(data, "bytes") for data in files]}


def _restore(value: Value, model: Model, trusted: Tuple[str, ...], depth: int) -> Any:
    if depth > 2 * _DEPTH_MAX:
        raise error("Damaged", "a state is nested too deeply")
    if isinstance(value, list):
        return [_restore(item, model, trusted, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    kind = next(iter(value), "")
    if not kind.startswith(_MARK):
        return {key: _restore(item, model, trusted, depth + 1) for key, item in value.items()}
    inner = value[kind]
    if kind in ("$array", "$scalar", "$torch"):
        return _restore_tensor(kind, _part(model.tensors, inner))
    if kind in ("$bytes", "$table"):
        data = bytes(_part(model.blobs, inner))
        return data if kind == "$bytes" else decode(data)
    if kind == "$int":
        return int(inner)
    if kind == "$tuple":
        return tuple(_restore(item, model, trusted, depth + 1) for item in inner)
    if kind == "$map":
        return {_restore(k, model, trusted, depth + 1): _restore(v, model, trusted, depth + 1) for k, v in inner}
    if kind == "$texts":
        import numpy

        return numpy.array(inner).reshape(value["$shape"])
    if kind == "$skops":
        files = [_restore(item, model, trusted, depth + 1) for item in value["$files"]]
        return put_together(inner, files, trusted)
    raise error("Damaged", f"a state holds something of a kind that is not known: {kind}")


def _part(parts: Mapping[str, Any], name: Any) -> Any:
    if not isinstance(name, str) or name not in parts:
        raise error("Damaged", f"a state names a part that is not there: {name}")
    return parts[name]


def _restore_tensor(kind: str, tensor: Tensor) -> Any:
    if kind == "$torch":
        return tensor.torch()
    array = tensor.numpy()
    return array[()] if kind == "$scalar" else array.copy()


# --- estimators of scikit-learn ---------------------------------------------------------------------------------------------


def _skops() -> Any:
    try:
        import skops.io
    except ImportError:
        raise error("Environment", "keeping a fitted estimator needs the package 'skops'", "pip install 'headrace[sklearn]'") from None
    return skops.io


def take_apart(estimator: Any, where: str = "the estimator") -> Tuple[str, List[bytes]]:
    """An estimator as the JSON text of skops and the files beside it, with ids and names of files that depend on nothing but it."""
    try:
        raw = _skops().dumps(estimator)
    except (TypeError, ValueError, AttributeError, NotImplementedError) as problem:
        raise error("Unsupported", f"{where} cannot be kept: {problem}", "define get_state and set_state") from None
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        schema = json.loads(archive.read("schema.json"))
        names: Dict[str, int] = {}
        renumbered = _renumbered(schema, {}, names)
        return json.dumps(renumbered, ensure_ascii=False), [archive.read(name) for name in names]


def _renumbered(node: Any, ids: Dict[Any, int], files: Dict[str, int]) -> Any:
    """The same tree with ids and files numbered in the order in which they are met."""
    if isinstance(node, list):
        return [_renumbered(item, ids, files) for item in node]
    if not isinstance(node, dict):
        return node
    out: Dict[str, Any] = {}
    for key, item in node.items():
        if key == "__id__":
            out[key] = ids.setdefault(item, len(ids) + 1)
        elif key == "file" and isinstance(item, str):
            out[key] = f"f{files.setdefault(item, len(files))}{item[item.rfind('.') :] if '.' in item else ''}"
        else:
            out[key] = _renumbered(item, ids, files)
    return out


def put_together(schema: str, files: Sequence[bytes], trusted: Sequence[str] = ()) -> Any:
    """The estimator again. Errors: Refused when it holds a class of a module that is not trusted; Damaged."""
    names: List[str] = []
    _file_names(json.loads(schema), names)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", schema)
        for name, data in zip(names, files):
            archive.writestr(name, data)
    library = _skops()
    unknown: List[str] = library.get_untrusted_types(data=packed.getvalue())
    allowed = (*_TRUSTED, *(f"{module}." for module in trusted))
    strange = [name for name in unknown if not name.startswith(allowed)]
    if strange:
        raise error("Refused", f"a model holds classes that are not trusted: {', '.join(strange)}")
    return library.loads(packed.getvalue(), trusted=unknown)


def _file_names(node: Any, names: List[str]) -> None:
    if isinstance(node, dict):
        for key, item in node.items():
            if key == "file" and isinstance(item, str) and item not in names:
                names.append(item)
            else:
                _file_names(item, names)
    elif isinstance(node, list):
        for item in node:
            _file_names(item, names)


def state_of(instance: Any) -> Any:
    """What an object wants kept: what its get_state gives, else its attributes."""
    get: Optional[Any] = getattr(instance, "get_state", None)
    return get() if callable(get) else dict(vars(instance))


def set_state(instance: Any, state: Any) -> None:
    put: Optional[Any] = getattr(instance, "set_state", None)
    if callable(put):
        put(state)
    else:
        vars(instance).update(state)
