# SPDX-License-Identifier: Apache-2.0
"""Linear models and decompositions."""

import numpy as np
from scipy.special import logsumexp
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from case import case
from datasets import load

EIGEN = "eigenvectors of the Gram matrix against a singular value decomposition"
SOLVER = "another solver stops at another distance from the same optimum"


def objective(data, penalty):
    """scikit-learn's objective at the peer's weights: C sum loss + |W|^2 / 2."""
    def at(peer):
        features, target = load(data).train_rows
        features = np.asarray(features, dtype=float)
        margins = features @ peer.coef_.T + peer.intercept_
        codes = np.searchsorted(peer.classes_, np.asarray(target))
        loss = (logsumexp(margins, axis=1) - margins[np.arange(len(codes)), codes]).sum()
        return np.array([penalty * loss + 0.5 * (peer.coef_ ** 2).sum()])
    return at


def logistic(penalty):
    return LogisticRegression(C=penalty, solver="newton-cholesky", tol=1e-12, max_iter=1000)


CASES = [
    case("pca", {"components": 5}, on="digits", peer=PCA(5), compare="transform", tolerance=1e-9, reason=EIGEN),
    case("pca", {}, on="wine", peer=PCA(svd_solver="full"), compare="transform", tolerance=1e-7, reason=EIGEN),
    case("pca", {"variance_share": 0.9}, on="standard:cancer", peer=PCA(0.9, svd_solver="full"), compare="transform", tolerance=1e-9,
         reason=EIGEN),
    case("pca", {"components": 3, "whiten": True}, on="iris", peer=PCA(3, whiten=True), compare="transform", tolerance=1e-9, reason=EIGEN),
    case("truncated_svd", {"components": 4}, on="wine", peer=TruncatedSVD(4, algorithm="arpack", tol=1e-14), compare="transform",
         tolerance=1e-7, reason=EIGEN, up_to="sign"),
    case("logistic_regression", {"C": 0.046416}, on="digits", peer=logistic(0.046416), compare="model:objective",
         attribute=objective("digits", 0.046416), tolerance=1e-6, reason="both converge to the optimum of a convex problem"),
    case("logistic_regression", {"C": 1e4}, on="digits", peer=logistic(1e4), compare="model:objective",
         attribute=objective("digits", 1e4), tolerance=1e-6, reason="both converge to the optimum of a convex problem"),
    case("logistic_regression", {"C": 0.5, "tolerance": 1e-12}, on="standard:wine", peer=logistic(0.5), compare="probability",
         tolerance=1e-5, reason=SOLVER),
    case("logistic_regression", {"tolerance": 1e-12}, on="standard:cancer", peer=logistic(1.0), compare="decision", tolerance=1e-4,
         reason=SOLVER,
         note="two classes: one row of weights, the binomial loss"),
    case("logistic_regression", {"class_weight": "balanced", "tolerance": 1e-12}, on="standard:cancer",
         peer=LogisticRegression(class_weight="balanced", solver="newton-cholesky", tol=1e-12), compare="decision", tolerance=1e-4,
         reason=SOLVER),
    case("ridge", {"alpha": 0.5}, on="diabetes", peer=Ridge(alpha=0.5), compare="value", tolerance=1e-9, reason=EIGEN),
    case("ridge", {"alpha": 0.0}, on="diabetes", peer=Ridge(alpha=0.0, solver="svd"), compare="value", tolerance=1e-7, reason=EIGEN),
    case("linear_svm", {"C": 0.5}, on="standard:wine", peer=LinearSVC(C=0.5, dual=False, tol=1e-12, max_iter=100000), compare="decision",
         tolerance=1e-5, reason=SOLVER),
    case("linear_svm", {}, on="standard:cancer", peer=LinearSVC(dual=False, tol=1e-12, max_iter=100000), compare="decision", tolerance=1e-5,
         reason=SOLVER),
    case("linear_svm", {}, on="digits", peer=LinearSVC(dual=False, tol=1e-10, max_iter=100000), compare="score:accuracy", tolerance=0.005,
         reason=SOLVER),
]

DIFFERENCES = {
    "pca": "signs are fixed by the largest entry of each axis, as scikit-learn does since 1.5; directions without variance are arbitrary",
    "truncated_svd": "exact; scikit-learn's default is randomised",
    "logistic_regression": "stops by the distance of the objective from its optimum, not by the gradient; no L1 penalty",
    "linear_svm": "squared hinge loss only",
}
