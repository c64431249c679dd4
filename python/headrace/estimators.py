# SPDX-License-Identifier: Apache-2.0
"""Estimators of scikit-learn (and whatever keeps its interface) as operators: features become a matrix, results tables again."""

from __future__ import annotations

import inspect
from typing import Any, Dict, List, Optional, Sequence

import pyarrow as pa

from headrace import tables
from headrace.calls import Adapter, tables_in
from headrace.objects import Model


class EstimatorAdapter(Adapter):
    def _made(self) -> Any:
        params = dict(self.params)
        if "random_state" in inspect.signature(self.target.__init__).parameters and params.get("random_state") is None:
            params["random_state"] = self.context.seed % (1 << 32)  # randomness descends from the seed of the node
        return self.target(**params)

    def fit(self, inputs: Sequence[Any]) -> Model:
        found = tables_in(inputs)
        made = self._made()
        options: Dict[str, Any] = {}
        weights = tables.weights(found[0])
        if weights is not None and "sample_weight" in inspect.signature(made.fit).parameters:
            options["sample_weight"] = weights
        classes: List[str] = []
        goal: Any = None
        if self.kind == "classifier":
            names = tables.target_classes(found[0])
            classes = tables.sorted_classes(names)
            place = {name: index for index, name in enumerate(classes)}
            goal = [place[name] for name in names]
        elif tables.columns_of(found[0], "target"):
            goal = self._goal(found[0])
        made.fit(tables.features(found), goal, **options)
        return self.keep({"estimator": made, "classes": classes, "names": tables.feature_names(found)})

    def _goal(self, table: pa.Table) -> Any:
        """A transformer that looks at the target sees classes where they are text, numbers otherwise."""
        column, _ = tables.target(table)
        if self.kind != "regressor" and not pa.types.is_floating(column.type):
            return tables.target_classes(table)
        return tables.target_reals(table)

    def transform(self, model: Optional[Model], inputs: Sequence[Any]) -> Any:
        if self.kind in ("classifier", "regressor"):
            return self._predictions(model, inputs, as_features=True)
        kept = self.kept(model)
        made, found = kept["estimator"], tables_in(inputs)
        matrix = made.transform(tables.features(found))
        matrix = matrix.toarray() if hasattr(matrix, "toarray") else matrix
        try:
            names = [str(name) for name in made.get_feature_names_out(kept["names"])]
        except (AttributeError, ValueError):
            names = [f"x{index}" for index in range(matrix.shape[1])]
        return tables.with_features(found[0], matrix, names)

    def predict(self, model: Optional[Model], inputs: Sequence[Any]) -> pa.Table:
        return self._predictions(model, inputs, as_features=False)

    def _predictions(self, model: Optional[Model], inputs: Sequence[Any], as_features: bool) -> pa.Table:
        kept = self.kept(model)
        made, found = kept["estimator"], tables_in(inputs)
        matrix = tables.features(found)
        values = made.predict(matrix)
        if self.kind == "regressor":
            return tables.predictions(found[0], values, as_features=as_features)
        classes: List[str] = kept["classes"]
        shares = made.predict_proba(matrix) if hasattr(made, "predict_proba") else None
        return tables.predictions(found[0], [classes[code] for code in values], classes, shares, as_features)
