# SPDX-License-Identifier: Apache-2.0
"""Voting and stacking over members that are themselves compared elsewhere."""

from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from case import case

MEMBERS = [{"op": "logistic_regression", "C": 0.5, "tolerance": 1e-10}, "gaussian_nb", {"op": "k_nearest_neighbors", "n_neighbors": 7}]
VALUES = [{"op": "ridge", "alpha": 0.1}, {"op": "k_nearest_neighbors_regressor", "n_neighbors": 9}]
SOLVER = "members stop at another distance from the same optimum"


def members():
    return [("linear", LogisticRegression(C=0.5, tol=1e-10, max_iter=10000)), ("bayes", GaussianNB()), ("near", KNeighborsClassifier(7))]


def values():
    return [("linear", Ridge(0.1)), ("near", KNeighborsRegressor(9))]


FINAL = LogisticRegression(tol=1e-10, max_iter=10000)

CASES = [
    case("voting", {"estimators": MEMBERS}, on="standard:wine", peer=VotingClassifier(members()), compare="predict",
         tolerance=0, reason=SOLVER),
    case("voting", {"estimators": MEMBERS, "voting": "soft", "weights": [2.0, 1.0, 1.0]}, on="standard:cancer",
         peer=VotingClassifier(members(), voting="soft", weights=[2, 1, 1]), compare="probability", tolerance=1e-6, reason=SOLVER),
    case("voting_regressor", {"estimators": VALUES, "weights": [1.0, 3.0]}, on="diabetes", peer=VotingRegressor(values(), weights=[1, 3]),
         compare="value", tolerance=1e-12, reason="another linear solver"),
    case("stacking", {"estimators": MEMBERS}, on="standard:wine", peer=StackingClassifier(members(), FINAL), compare="probability",
         tolerance=1e-4, reason=SOLVER),
    case("stacking", {"estimators": MEMBERS, "passthrough": True, "cv": 3}, on="standard:cancer",
         peer=StackingClassifier(members(), FINAL, cv=3, passthrough=True), compare="score:accuracy", tolerance=0.005, reason=SOLVER),
    case("stacking_regressor", {"estimators": VALUES, "final": {"op": "ridge", "alpha": 1.0}}, on="diabetes",
         peer=StackingRegressor(values(), Ridge(1.0)), compare="value", tolerance=1e-12, reason="another linear solver"),
]

DIFFERENCES = {
    "voting": "without `estimators` it votes over the predictions that arrive as inputs",
    "stacking_regressor": "the default final regressor is ridge with its default penalty, not RidgeCV",
}
