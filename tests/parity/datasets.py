# SPDX-License-Identifier: Apache-2.0
"""The data of the parity cases: real sets that ship with scikit-learn, cut into training and test rows the same way for both sides."""

import functools
import pathlib

import numpy as np
import pandas as pd
import sklearn.datasets


class Data:
    """Features (numbers or a frame), target or None, groups or None. Every fourth row is a test row."""

    def __init__(self, features, target=None, groups=None):
        if not isinstance(features, pd.DataFrame):
            features = pd.DataFrame(features, columns=[f"x{i}" for i in range(features.shape[1])])
        self.frame, self.target, self.groups = features, target, groups
        self.test = np.arange(len(features)) % 4 == 3

    def _side(self, mask):
        features = self.frame[mask]
        if all(kind != object and not isinstance(kind, pd.StringDtype) for kind in features.dtypes):
            features = features.to_numpy(dtype=float)
        return features, None if self.target is None else self.target[mask]

    @property
    def train_rows(self):
        return self._side(~self.test)

    @property
    def test_rows(self):
        return self._side(self.test)

    @property
    def all_rows(self):
        return self._side(np.ones(len(self.frame), dtype=bool))

    def write(self, path):
        """PATH.train.csv, PATH.test.csv, PATH.all.csv; numbers with all their digits, gaps as empty fields."""
        frame = self.frame.copy()
        if self.groups is not None:
            frame["group"] = self.groups
        if self.target is not None:
            frame["target"] = self.target
        for side, mask in (("train", ~self.test), ("test", self.test), ("all", slice(None))):
            frame[mask].to_csv(f"{path}.{side}.csv", index=False, float_format="%.17g")


def _classes(bunch):
    """Class names instead of numbers where there are some: codes must follow from names on both sides."""
    return np.array([str(name) for name in bunch.target_names])[bunch.target]


def iris():
    bunch = sklearn.datasets.load_iris()
    return Data(bunch.data, _classes(bunch))


def wine():
    bunch = sklearn.datasets.load_wine()
    return Data(bunch.data, _classes(bunch))


def cancer():
    bunch = sklearn.datasets.load_breast_cancer()
    return Data(bunch.data, _classes(bunch))


def digits():
    bunch = sklearn.datasets.load_digits()
    return Data(bunch.data, bunch.target)


def digits_small():
    """600 rows of digits scaled to [0, 1], for what is slow."""
    bunch = sklearn.datasets.load_digits()
    return Data(bunch.data[:600] / 16, bunch.target[:600])


def diabetes():
    bunch = sklearn.datasets.load_diabetes()
    return Data(bunch.data, bunch.target)


def standard(name):
    """Another set with every feature at mean 0 and variance 1, over all rows."""
    data = load(name)
    values = data.frame.to_numpy(dtype=float)
    return Data((values - values.mean(0)) / values.std(0), data.target)


def gaps():
    """Wine with every seventh entry missing."""
    data = load("wine")
    values = data.frame.to_numpy(dtype=float).copy()
    values.ravel()[::7] = np.nan
    return Data(values, data.target)


def mixed():
    """Wine with two features as words, one of them with gaps, and one as a whole number."""
    data = load("wine")
    frame = data.frame[["x0", "x1", "x2", "x12"]].copy()
    frame["x1"] = np.array(["low", "middle", "high"])[pd.qcut(data.frame["x1"], 3, labels=False)]
    words = np.array(["pale", "red", "deep", "dark"], dtype=object)[pd.qcut(data.frame["x9"], 4, labels=False)]
    words[::11] = None
    frame["colour"] = words
    frame["x12"] = frame["x12"].round(-2).astype(int)
    return Data(frame, data.target)


def grouped():
    """Breast cancer rows in 37 groups of unequal size."""
    data = load("cancer")
    count = len(data.frame)
    return Data(data.frame.to_numpy(dtype=float), data.target, groups=np.array([f"g{i * i % 37:02d}" for i in range(count)]))


def predictions(name):
    """What a simple classifier says about another set, as our tables of predictions hold it."""
    from sklearn.linear_model import LogisticRegression
    data = load(name)
    features, target = data.all_rows
    model = LogisticRegression(C=1e-3, max_iter=10000).fit(features[::2], target[::2])
    shares = model.predict_proba(features)
    frame = pd.DataFrame({f"probability:{label}": shares[:, k] for k, label in enumerate(model.classes_)})
    frame.insert(0, "prediction", model.predict(features))
    return Data(frame, target)


def forecasts(name):
    """The same of a regressor."""
    from sklearn.linear_model import Ridge
    data = load(name)
    features, target = data.all_rows
    return Data(pd.DataFrame({"prediction": Ridge(1.0).fit(features[::2], target[::2]).predict(features)}), target)


@functools.lru_cache(maxsize=None)
def load(name):
    """A set by name; "standard:NAME", "predictions:NAME" and "forecasts:NAME" derive one from another."""
    maker, _, of = name.partition(":")
    return globals()[maker](of) if of else globals()[maker]()
