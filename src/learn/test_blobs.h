// SPDX-License-Identifier: Apache-2.0
#pragma once
// Data sets that learners are tried on: normal clouds, one a class or cluster, with a target of class names or values.

#include <cmath>
#include <string>
#include <vector>

#include "headrace/base/random.h"
#include "learn/test_tables.h"

namespace headrace::learn::testing {

struct Blobs {
  std::int64_t rows = 120;
  std::int64_t width = 4;
  std::int64_t groups = 3;
  double spread = 1.0;       ///< deviation within a group; the centres have deviation 3
  std::uint64_t seed = 1;
  bool constant = false;     ///< adds a feature that is 2.5 everywhere
};

/// Row i belongs to group i % groups.
inline std::vector<std::vector<double>> blob_rows(const Blobs& blobs) {
  Random random(blobs.seed);
  std::vector<std::vector<double>> centres(static_cast<std::size_t>(blobs.groups));
  for (auto& centre : centres) {
    for (std::int64_t j = 0; j < blobs.width; ++j) centre.push_back(3.0 * random.normal());
  }
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < blobs.rows; ++i) {
    std::vector<double> row = centres[static_cast<std::size_t>(i % blobs.groups)];
    for (double& value : row) value += blobs.spread * random.normal();
    if (blobs.constant) row.push_back(2.5);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Target "y" with the names "a", "b", ...
inline TablePtr class_blobs(const Blobs& blobs) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < blobs.rows; ++i) names.emplace_back(1, static_cast<char>('a' + i % blobs.groups));
  return with_texts(features(blob_rows(blobs)), "y", names, data::Role::kTarget);
}

/// Target "y": a smooth function of the first two features.
inline TablePtr value_blobs(const Blobs& blobs) {
  const auto rows = blob_rows(blobs);
  std::vector<double> values;
  for (const auto& row : rows) values.push_back(100.0 + 10.0 * std::sin(row[0]) + 3.0 * row[1]);
  return with_reals(features(rows), "y", values, data::Role::kTarget);
}

}  // namespace headrace::learn::testing
