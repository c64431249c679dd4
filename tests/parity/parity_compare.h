// SPDX-License-Identifier: Apache-2.0
#pragma once
// How far two answers lie apart: one number a pair, to be held against the tolerance of the case.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/data/tensor.h"

namespace headrace::parity {

/// Largest |a - b| / max(1, |b|); NaN only agrees with NaN. Errors: kShape. With `up_to_sign` each column of `ours` may be negated.
Result<double> matrix_difference(const data::Tensor& ours, const data::Tensor& reference, bool up_to_sign);

/// Share of rows whose names differ. With `up_to_names` each name of `ours` may stand for one name of `reference`: the pairing is
/// made greedily by how many rows it explains.
Result<double> name_difference(std::span<const std::string> ours, std::span<const std::string> reference, bool up_to_names);

}  // namespace headrace::parity
