# SPDX-License-Identifier: Apache-2.0
"""Torch modules as classifiers and regressors: the class is the node, its weights are the model.

Parameters of the node named in `TRAINING` say how it is trained; all others are the module's own. `in_features` and `out_features`
are filled in where its constructor has them.
"""

from __future__ import annotations

import inspect
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import pyarrow as pa

from headrace import tables
from headrace.calls import Adapter, tables_in
from headrace.errors import error
from headrace.objects import Model

TRAINING: Mapping[str, Any] = {"epochs": 10, "batch": 32, "learning_rate": 1e-3, "weight_decay": 0.0}


class TorchAdapter(Adapter):
    def _settings(self) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        training = {name: self.params.get(name, fallback) for name, fallback in TRAINING.items()}
        return training, {name: value for name, value in self.params.items() if name not in TRAINING}

    def _made(self, width: int, outputs: int) -> Any:
        _, own = self._settings()
        wanted = inspect.signature(self.target.__init__).parameters
        for name, value in (("in_features", width), ("out_features", outputs)):
            if name in wanted:
                own.setdefault(name, value)
        return self.target(**own)

    def fit(self, inputs: Sequence[Any]) -> Model:
        import torch

        found = tables_in(inputs)
        matrix = torch.tensor(tables.features(found), dtype=torch.get_default_dtype())
        classes, goal = self._goal(found[0])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.context.seed % (1 << 63))
            made = self._made(matrix.shape[1], max(1, len(classes)))
            self._train(made, matrix, goal)
        state = {name: tensor for name, tensor in made.state_dict().items()}
        return self.keep({"weights": state, "classes": classes, "width": matrix.shape[1]})

    def _goal(self, table: pa.Table) -> Tuple[List[str], Any]:
        import torch

        if self.kind == "regressor":
            return [], torch.tensor(tables.target_reals(table), dtype=torch.get_default_dtype())
        names = tables.target_classes(table)
        classes = tables.sorted_classes(names)
        place = {name: index for index, name in enumerate(classes)}
        return classes, torch.tensor([place[name] for name in names])

    def _train(self, made: Any, matrix: Any, goal: Any) -> None:
        import torch

        training, _ = self._settings()
        rate, decay = float(training["learning_rate"]), float(training["weight_decay"])
        optimizer = torch.optim.Adam(made.parameters(), lr=rate, weight_decay=decay)
        loss_of = torch.nn.functional.mse_loss if self.kind == "regressor" else torch.nn.functional.cross_entropy
        epochs, size = int(training["epochs"]), max(1, int(training["batch"]))
        made.train()
        for epoch in range(epochs):
            for rows in self._batches(len(matrix), size):
                if self.context.stop.is_set():
                    raise error("Cancelled", "the training was stopped")
                optimizer.zero_grad()
                out = made(matrix[rows])
                loss: Any = loss_of(out.reshape(-1) if self.kind == "regressor" else out, goal[rows])
                loss.backward()
                optimizer.step()
            self.context.progress((epoch + 1) / epochs)

    def _batches(self, rows: int, size: int) -> List[Any]:
        import torch

        order: Any = torch.randperm(rows)
        return list(order.split(size))

    def transform(self, model: Optional[Model], inputs: Sequence[Any]) -> Any:
        return self._predictions(model, inputs, as_features=True)

    def predict(self, model: Optional[Model], inputs: Sequence[Any]) -> pa.Table:
        return self._predictions(model, inputs, as_features=False)

    def _predictions(self, model: Optional[Model], inputs: Sequence[Any], as_features: bool) -> pa.Table:
        import torch

        kept = self.kept(model)
        found = tables_in(inputs)
        matrix = torch.tensor(tables.features(found), dtype=torch.get_default_dtype())
        classes: List[str] = kept["classes"]
        with torch.random.fork_rng(devices=[]):
            made = self._made(int(kept["width"]), max(1, len(classes)))
        made.load_state_dict(kept["weights"])
        made.eval()
        with torch.no_grad():
            out = made(matrix).double()
        if self.kind == "regressor":
            return tables.predictions(found[0], out.reshape(-1).numpy(), as_features=as_features)
        shares = torch.softmax(out, dim=1)
        names = [classes[code] for code in shares.argmax(dim=1).tolist()]
        return tables.predictions(found[0], names, classes, shares.numpy(), as_features)
