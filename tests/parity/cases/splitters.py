# SPDX-License-Identifier: Apache-2.0
"""Splitters that draw nothing give the same rows; the others are compared by their sizes in the unit tests."""

from sklearn.model_selection import GroupKFold, KFold, LeaveOneOut, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit, TimeSeriesSplit

from case import case

EXACT = "no random numbers"
DRAWN = "rows are drawn by another generator; only the sizes are compared"

CASES = [
    case("k_fold", {"n": 5}, on="digits", peer=KFold(5), compare="split", tolerance=0, reason=EXACT),
    case("k_fold", {"n": 7}, on="iris", peer=KFold(7), compare="split", tolerance=0, reason=EXACT),
    case("stratified_k_fold", {"n": 5}, on="cancer", peer=StratifiedKFold(5), compare="split", tolerance=0, reason=EXACT),
    case("stratified_k_fold", {"n": 10}, on="digits", peer=StratifiedKFold(10), compare="split", tolerance=0, reason=EXACT),
    case("group_k_fold", {"n": 4}, on="grouped", peer=GroupKFold(4), compare="split", tolerance=0, reason=EXACT),
    case("time_series_split", {}, on="diabetes", peer=TimeSeriesSplit(), compare="split", tolerance=0, reason=EXACT),
    case("time_series_split", {"n": 4, "test_rows": 20, "gap": 3, "train_rows_max": 100}, on="diabetes",
         peer=TimeSeriesSplit(4, test_size=20, gap=3, max_train_size=100), compare="split", tolerance=0, reason=EXACT),
    case("leave_one_out", {}, on="iris", peer=LeaveOneOut(), compare="split", tolerance=0, reason=EXACT),
    case("shuffle_split", {"n": 3, "test_share": 0.23}, on="cancer", peer=ShuffleSplit(3, test_size=0.23, random_state=0),
         compare="split_sizes", tolerance=0, reason=DRAWN),
    case("stratified_shuffle_split", {"n": 3, "test_share": 0.23}, on="cancer",
         peer=StratifiedShuffleSplit(3, test_size=0.23, random_state=0),
         compare="split_sizes", tolerance=0, reason=DRAWN),
    case("hold_out", {"test_share": 0.3}, on="wine", peer=ShuffleSplit(1, test_size=0.3, random_state=0),
         compare="split_sizes", tolerance=0, reason=DRAWN),
]

DIFFERENCES = {name: "shuffling follows the seed of the run; rows of a fold are in ascending order"
               for name in ("k_fold", "stratified_k_fold", "shuffle_split", "stratified_shuffle_split", "hold_out")}
