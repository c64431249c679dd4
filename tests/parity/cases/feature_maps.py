# SPDX-License-Identifier: Apache-2.0
"""Scalers, encoders and other feature maps."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import PolynomialCountSketch, RBFSampler
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import (FunctionTransformer, MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder,
                                   PolynomialFeatures, RobustScaler, StandardScaler)

from case import case
from datasets import load

ROUNDING = "one rounding an operation; sums run in another order"
SAME = "the same operations in the same order"
WORDS = ["x1", "colour"]


def encoded(encoder):
    """ColumnTransformer that encodes the two columns of words and hands the rest on."""
    return ColumnTransformer([("words", encoder, WORDS)], remainder="passthrough")


def in_place(encoder, blocks):
    """Our order: the encoded columns stand where their source stood. `blocks` columns each came from x1 and colour."""
    def answer(train, target, test):
        peer = encoded(encoder).fit(train, target)
        got = np.asarray(peer.transform(test), dtype=float)
        first, second = blocks
        words, rest = got[:, :first + second], got[:, first + second:]
        return np.column_stack([rest[:, :1], words[:, :first], rest[:, 1:], words[:, first:]])
    answer.__doc__ = repr(encoder)
    return answer


def raw_and_scaled(train, target, test):
    """FeatureUnion([('raw', 'passthrough'), ('scaled', ...)], transformer_weights={'raw': 1, 'scaled': 0.5})"""
    scaled = load("standard:iris").test_rows[0]
    union = FeatureUnion([("raw", "passthrough"), ("scaled", FunctionTransformer(lambda rows: scaled))],
                         transformer_weights={"raw": 1.0, "scaled": 0.5})
    return union.fit(test).transform(test)


CASES = [
    case("standard_scaler", {}, on="wine", peer=StandardScaler(), compare="transform", tolerance=1e-12, reason=ROUNDING),
    case("standard_scaler", {}, on="digits", peer=StandardScaler(), compare="transform", tolerance=1e-12, reason=ROUNDING,
         note="digits has constant columns: they are centred and not scaled"),
    case("standard_scaler", {"with_mean": False}, on="gaps", peer=StandardScaler(with_mean=False), compare="transform", tolerance=1e-12,
         reason=ROUNDING, note="missing values stay missing"),
    case("standard_scaler", {"with_std": False}, on="iris", peer=StandardScaler(with_std=False), compare="transform", tolerance=1e-12,
         reason=ROUNDING),
    case("min_max_scaler", {}, on="wine", peer=MinMaxScaler(), compare="transform", tolerance=1e-15, reason=SAME),
    case("min_max_scaler", {"feature_range": [-2, 3], "clip": True}, on="gaps", peer=MinMaxScaler(feature_range=(-2, 3), clip=True),
         compare="transform", tolerance=1e-15, reason=SAME),
    case("max_abs_scaler", {}, on="diabetes", peer=MaxAbsScaler(), compare="transform", tolerance=1e-15, reason=SAME),
    case("robust_scaler", {}, on="wine", peer=RobustScaler(), compare="transform", tolerance=1e-14, reason=ROUNDING),
    case("robust_scaler", {"quantile_range": [10, 80], "unit_variance": True}, on="gaps",
         peer=RobustScaler(quantile_range=(10, 80), unit_variance=True), compare="transform", tolerance=1e-13, reason=ROUNDING),
    case("normalizer", {"norm": "l1"}, on="digits", peer=Normalizer("l1"), compare="transform", tolerance=1e-15, reason=ROUNDING),
    case("normalizer", {}, on="wine", peer=Normalizer("l2"), compare="transform", tolerance=1e-15, reason=ROUNDING),
    case("normalizer", {"norm": "max"}, on="diabetes", peer=Normalizer("max"), compare="transform", tolerance=1e-15, reason=SAME),
    case("imputer", {}, on="gaps", peer=SimpleImputer(), compare="transform", tolerance=1e-13, reason=ROUNDING),
    case("imputer", {"strategy": "median", "indicator": True}, on="gaps", peer=SimpleImputer(strategy="median", add_indicator=True),
         compare="transform", tolerance=1e-15, reason=SAME),
    case("imputer", {"strategy": "most_frequent"}, on="gaps", peer=SimpleImputer(strategy="most_frequent"), compare="transform",
         tolerance=0, reason=SAME),
    case("imputer", {"strategy": "constant", "fill_value": -7.5}, on="gaps", peer=SimpleImputer(strategy="constant", fill_value=-7.5),
         compare="transform", tolerance=0, reason=SAME),
    case("one_hot_encoder", {}, on="mixed", peer=in_place(OneHotEncoder(sparse_output=False), (3, 5)), compare="transform", tolerance=0,
         reason=SAME, note="encoded columns stand where their source stood; ColumnTransformer puts them first"),
    case("one_hot_encoder", {"drop": "first", "handle_unknown": "ignore"}, on="mixed",
         peer=in_place(OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False), (2, 4)), compare="transform", tolerance=0,
         reason=SAME),
    case("one_hot_encoder", {"columns": ["x0", "x1", "x2", "x3"], "handle_unknown": "ignore"}, on="iris",
         peer=OneHotEncoder(handle_unknown="ignore"), compare="transform", tolerance=0, reason=SAME),
    case("ordinal_encoder", {}, on="mixed", peer=in_place(OrdinalEncoder(), (1, 1)), compare="transform", tolerance=0, reason=SAME),
    case("polynomial_features", {"degree": 3}, on="iris", peer=PolynomialFeatures(3), compare="transform", tolerance=1e-14,
         reason="products in another order"),
    case("polynomial_features", {"degree": 2, "interaction_only": True, "include_bias": False}, on="wine",
         peer=PolynomialFeatures(2, interaction_only=True, include_bias=False), compare="transform", tolerance=1e-14,
         reason="products in another order"),
    case("polynomial_features", {"degree": 3, "degree_min": 2}, on="iris", peer=PolynomialFeatures((2, 3)), compare="transform",
         tolerance=1e-14, reason="products in another order"),
    case("count_sketch", {"degree": 3, "gamma": 0.5, "coef0": 1.0, "components": 51}, on="standard:wine",
         peer=PolynomialCountSketch(degree=3, gamma=0.5, coef0=1.0, n_components=51, random_state=3), compare="transform", tolerance=1e-12,
         reason="another Fourier transform", give={"buckets": lambda peer: peer.indexHash_.astype(np.int64).ravel(),
                                                   "signs": lambda peer: peer.bitHash_.astype(np.float64).ravel()},
         note="given scikit-learn's hashes; our own come from the run's seed"),
    case("rbf_sampler", {"gamma": 0.3, "components": 40}, on="standard:wine", peer=RBFSampler(gamma=0.3, n_components=40, random_state=3),
         compare="transform", tolerance=1e-12, reason="another matrix product", give={"weights": lambda peer: peer.random_weights_,
                                                                                       "offset": lambda peer: peer.random_offset_},
         note="given scikit-learn's projections; our own come from the run's seed"),
    case("select_k_best", {"k": 8}, on="cancer", peer=SelectKBest(f_classif, k=8), compare="transform", tolerance=0, reason=SAME),
    case("select_k_best", {"k": 20}, on="digits", peer=SelectKBest(f_classif, k=20), compare="transform", tolerance=0, reason=SAME),
    case("select_k_best", {}, on="cancer", peer=SelectKBest(f_classif), compare="model:f", tolerance=1e-9,
         reason="two passes here, sums of squares there", attribute=lambda peer: peer.scores_),
    case("feature_union", {"weights": [1.0, 0.5]}, on=["iris", "standard:iris"], peer=raw_and_scaled, compare="transform", tolerance=0,
         reason=SAME),
]

DIFFERENCES = {
    "standard_scaler": "sample weights are not used; columns that are not numbers pass through",
    "imputer": "a column without any value is filled with 0 or 'missing' (keep_empty_features=True); columns that cannot be filled pass "
               "through",
    "one_hot_encoder": "acts on text and category columns unless `columns` says otherwise; its output stands where the source stood, and "
                       "is dense",
    "ordinal_encoder": "acts on text and category columns unless `columns` says otherwise; unknown values become -1 when they are allowed",
    "count_sketch": "hashes come from the seed of the run",
    "rbf_sampler": "projections come from the seed of the run",
}
