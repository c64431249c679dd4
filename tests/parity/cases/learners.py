# SPDX-License-Identifier: Apache-2.0
"""Neighbours, naive Bayes, trees, kernel machines, networks, learned maps and clusters."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from case import case

SUMS = "sums in another order"
FLOATS = "leaves are held in 32 bits"
DRAWS = "other random numbers: the scores of two seeds of either differ as much"
STEPS = "gradient steps of one method in another order of rounding"
SPLITS = "splits by gradient and curvature against splits by the gradient alone"


def nearest(**options):
    return KNeighborsClassifier(algorithm="brute", **options)


def parameters(peer):
    return np.concatenate([part.ravel() for part in peer.coefs_ + peer.intercepts_])


WHOLE = {"parameters": parameters}

CASES = [
    case("k_nearest_neighbors", {}, on="digits", peer=nearest(), compare="probability", tolerance=0, reason="distances are exact here"),
    case("k_nearest_neighbors", {"n_neighbors": 7, "weights": "distance"}, on="wine", peer=nearest(n_neighbors=7, weights="distance"),
         compare="probability", tolerance=1e-9, reason=SUMS),
    case("k_nearest_neighbors", {"metric": "manhattan"}, on="standard:cancer", peer=nearest(metric="manhattan"), compare="probability",
         tolerance=1e-12, reason=SUMS),
    case("k_nearest_neighbors", {"metric": "chebyshev", "n_neighbors": 3}, on="standard:wine", peer=nearest(metric="chebyshev",
         n_neighbors=3),
         compare="probability", tolerance=1e-12, reason=SUMS),
    case("k_nearest_neighbors", {"p": 3.0}, on="standard:iris", peer=nearest(p=3.0), compare="probability", tolerance=1e-12, reason=SUMS),
    case("k_nearest_neighbors_regressor", {"n_neighbors": 9, "weights": "distance"}, on="diabetes",
         peer=KNeighborsRegressor(9, weights="distance", algorithm="brute"), compare="value", tolerance=1e-9, reason=SUMS),
    case("k_nearest_neighbors_regressor", {}, on="diabetes", peer=KNeighborsRegressor(algorithm="brute"), compare="value", tolerance=1e-12,
         reason=SUMS),

    case("gaussian_nb", {}, on="digits", peer=GaussianNB(), compare="probability", tolerance=1e-9, reason=SUMS),
    case("gaussian_nb", {"priors": [0.2, 0.3, 0.5]}, on="iris", peer=GaussianNB(priors=[0.2, 0.3, 0.5]), compare="probability",
         tolerance=1e-9,
         reason=SUMS),
    case("multinomial_nb", {"alpha": 0.1}, on="digits", peer=MultinomialNB(alpha=0.1), compare="probability", tolerance=1e-9, reason=SUMS),
    case("multinomial_nb", {"fit_prior": False}, on="wine", peer=MultinomialNB(fit_prior=False), compare="probability", tolerance=1e-9,
         reason=SUMS),
    case("bernoulli_nb", {"binarize": 5.0}, on="digits", peer=BernoulliNB(binarize=5.0), compare="probability", tolerance=1e-9,
         reason=SUMS),

    case("decision_tree", {"max_depth": 3}, on="cancer", peer=DecisionTreeClassifier(max_depth=3, random_state=0), compare="probability",
         tolerance=1e-6,
         reason=FLOATS, note="random_state chooses among splits of equal gain; this one takes the first, as we do"),
    case("decision_tree", {}, on="iris", peer=DecisionTreeClassifier(random_state=0), compare="score:accuracy", tolerance=0.03,
         reason="one tree a class, and splits of equal gain", note="one row of the 37 tested"),
    case("decision_tree_regressor", {"max_depth": 3}, on="diabetes", peer=DecisionTreeRegressor(max_depth=3, random_state=0),
         compare="value", tolerance=1e-6,
         reason=FLOATS),
    case("decision_tree_regressor", {"max_depth": 4, "min_samples_leaf": 7}, on="diabetes",
         peer=DecisionTreeRegressor(max_depth=4, min_samples_leaf=7, random_state=0), compare="value", tolerance=1e-6, reason=FLOATS),
    case("random_forest", {"n_estimators": 300}, on="digits", peer=RandomForestClassifier(300, random_state=0), compare="score:accuracy",
         tolerance=0.012, reason=DRAWS),
    case("random_forest", {"n_estimators": 300}, on="cancer", peer=RandomForestClassifier(300, random_state=0), compare="score:roc_auc",
         tolerance=0.005, reason=DRAWS),
    case("random_forest_regressor", {"n_estimators": 300}, on="diabetes", peer=RandomForestRegressor(300, random_state=0),
         compare="score:r2",
         tolerance=0.02, reason=DRAWS),
    case("gradient_boosting", {"method": "exact"}, on="cancer", peer=GradientBoostingClassifier(random_state=0), compare="score:roc_auc",
         tolerance=0.01, reason=SPLITS),
    case("gradient_boosting", {"n_estimators": 50}, on="digits_small", peer=GradientBoostingClassifier(n_estimators=50, random_state=0),
         compare="score:accuracy", tolerance=0.03, reason=SPLITS),
    case("gradient_boosting_regressor", {"method": "exact", "n_estimators": 20, "max_depth": 2}, on="diabetes",
         peer=GradientBoostingRegressor(n_estimators=20, max_depth=2, criterion="squared_error", random_state=0),
         compare="value", tolerance=1e-5, reason=FLOATS,
         note="squared error has no other curvature: the same trees"),
    case("gradient_boosting_regressor", {}, on="diabetes", peer=GradientBoostingRegressor(random_state=0), compare="score:r2",
         tolerance=0.05,
         reason="thresholds at the edges of 256 bins, and splits of equal gain"),

    case("linear_discriminant", {}, on="wine", peer=LinearDiscriminantAnalysis(), compare="probability", tolerance=1e-9, reason=SUMS),
    case("linear_discriminant", {}, on="cancer", peer=LinearDiscriminantAnalysis(), compare="decision", tolerance=1e-7, reason=SUMS),
    case("svm", {}, on="digits", peer=SVC(), compare="decision", tolerance=1e-9, reason=SUMS),
    case("svm", {"kernel": "linear", "C": 0.5}, on="standard:wine", peer=SVC(kernel="linear", C=0.5), compare="decision", tolerance=1e-9,
         reason=SUMS),
    case("svm", {"kernel": "poly", "coef0": 1.0, "gamma": "auto"}, on="standard:cancer", peer=SVC(kernel="poly", coef0=1.0, gamma="auto"),
         compare="decision", tolerance=1e-9, reason=SUMS),
    case("svm", {"kernel": "sigmoid"}, on="standard:iris", peer=SVC(kernel="sigmoid"), compare="decision", tolerance=1e-9, reason=SUMS),
    case("svm", {"class_weight": "balanced", "C": 10.0}, on="standard:wine", peer=SVC(class_weight="balanced", C=10.0), compare="decision",
         tolerance=1e-9, reason=SUMS),
    case("svr", {"C": 100.0, "epsilon": 1.0}, on="diabetes", peer=SVR(C=100.0, epsilon=1.0), compare="value", tolerance=1e-9, reason=SUMS),

    case("mlp_classifier", {"hidden_layer_sizes": [12, 8], "activation": "tanh", "max_iter": 3}, on="standard:wine",
         peer=MLPClassifier((12, 8), activation="tanh", max_iter=3, random_state=0), compare="probability", tolerance=1e-12, reason=SUMS,
         give=WHOLE, note="parameters are scikit-learn's: the network as a function"),
    case("mlp_classifier", {"hidden_layer_sizes": [9], "max_iter": 3}, on="standard:cancer", peer=MLPClassifier((9,), max_iter=3,
         random_state=0),
         compare="probability", tolerance=1e-12, reason=SUMS, give=WHOLE, note="parameters are scikit-learn's: one logistic output"),
    case("mlp_classifier", {"max_iter": 60}, on="digits_small", peer=MLPClassifier(max_iter=60, random_state=0), compare="score:accuracy",
         tolerance=0.03, reason=DRAWS),
    case("mlp_classifier", {"solver": "lbfgs", "alpha": 1.0}, on="standard:cancer", peer=MLPClassifier(solver="lbfgs", alpha=1.0,
         random_state=0),
         compare="score:log_loss", tolerance=0.02, reason=DRAWS),
    case("mlp_regressor", {"hidden_layer_sizes": [7], "activation": "logistic", "max_iter": 3}, on="diabetes",
         peer=MLPRegressor(hidden_layer_sizes=(7,), activation="logistic", max_iter=3, random_state=0), compare="value", tolerance=1e-12,
         reason=SUMS, give=WHOLE,
         note="parameters are scikit-learn's: the network as a function"),
    case("mlp_regressor", {"hidden_layer_sizes": [], "solver": "lbfgs", "alpha": 5.0, "max_iter": 5000, "tol": 1e-9},
         on="standard:diabetes",
         peer=MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=5.0, max_iter=5000, tol=1e-9, random_state=0), compare="value",
         tolerance=1e-3,
         reason="L-BFGS stops near the optimum of this convex problem from another start"),

    case("bernoulli_rbm", {"components": 20, "n_iter": 1}, on="digits_small", peer=BernoulliRBM(20, n_iter=1, random_state=0),
         compare="transform",
         tolerance=1e-12, reason=SUMS, give={"weights": lambda peer: peer.components_, "hidden_bias": lambda peer: peer.intercept_hidden_},
         note="weights are scikit-learn's: the transform alone"),
    case("nca", {}, on="iris", peer=NeighborhoodComponentsAnalysis(), compare="transform", tolerance=1e-6, reason=STEPS),
    case("nca", {"components": 2}, on="standard:iris", peer=NeighborhoodComponentsAnalysis(2), compare="transform", tolerance=1e-6,
         reason=STEPS,
         up_to="sign"),
    case("nca", {"components": 3, "init": "pca", "max_iter": 10}, on="standard:wine",
         peer=NeighborhoodComponentsAnalysis(3, init="pca", max_iter=10), compare="transform", tolerance=1e-6, reason=STEPS, up_to="sign"),
    case("k_means", {"n_clusters": 10}, on="digits", peer=KMeans(10, random_state=0), compare="transform", tolerance=1e-9, reason=SUMS,
         give={"centers": lambda peer: peer.cluster_centers_}, note="centres are scikit-learn's: the transform alone"),
    case("k_means", {"n_clusters": 3, "n_init": 10}, on="iris", peer=KMeans(3, n_init=10, random_state=0), compare="predict", tolerance=0,
         reason="both find the best of all starts", up_to="names"),
    case("k_means", {"n_clusters": 3, "n_init": 10}, on="wine", peer=KMeans(3, n_init=10, random_state=0), compare="score:inertia",
         tolerance=1e-3,
         reason="sums in another order, of distances of a million"),
]

DIFFERENCES = {
    "k_nearest_neighbors": "equal distances go by row number; scikit-learn leaves their order to the sort",
    "k_nearest_neighbors_regressor": "equal distances go by row number",
    "gaussian_nb": "where all features are constant it predicts by the priors; scikit-learn gives NaN",
    "multinomial_nb": "smoothing must be above 0",
    "bernoulli_nb": "smoothing must be above 0",
    "decision_tree": "for more than two classes one tree a class against the rest; of splits of equal gain the first feature "
        "wins; features "
                     "drawn anew for each level, not each node, by method exact; rows with weights count by weight for min_samples_leaf; "
                     "missing values are learned",
    "decision_tree_regressor": "of splits of equal gain the first feature wins; features drawn anew for each level by method "
        "exact; missing "
                               "values are learned",
    "random_forest": "features are drawn anew for each level, not each node, by method exact; for more than two classes each tree "
        "splits by "
                     "random numbers of the classes (Joly, Geurts, Wehenkel 2014)",
    "random_forest_regressor": "features are drawn anew for each level, not each node, by method exact",
    "gradient_boosting": "second-order splits; a leaf must hold curvature 1 (`min_child_weight`), not one row; thresholds at the "
        "edges of 256 "
                         "bins unless method is exact",
    "gradient_boosting_regressor": "thresholds at the edges of 256 bins unless method is exact; splits by squared error, not "
        "Friedman's score",
    "linear_discriminant": "no weights of rows, no shrinkage, no given priors",
    "svm": "no probabilities, no weights of rows",
    "svr": "no weights of rows",
    "mlp_classifier": "other random numbers; early stopping holds out rows of each class also for more than two classes",
    "mlp_regressor": "other random numbers",
    "bernoulli_rbm": "other random numbers; features outside 0 to 1 are refused when fitting",
    "nca": "components may not exceed the features",
    "k_means": "other random numbers; `random` starts are drawn without replacement by weight",
}
