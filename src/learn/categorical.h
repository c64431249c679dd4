// SPDX-License-Identifier: Apache-2.0
#pragma once
// Categorical: a column as codes into its sorted distinct values, missing ones apart; and what a fitted encoder knows of it.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "learn/estimator.h"

namespace headrace::learn {

/// Codes of one column; -1 where the value is missing. Texts sort by bytes, numbers by value and print shortest.
struct Categorical {
  std::vector<std::int64_t> codes;
  std::vector<std::string> classes;
  bool has_missing = false;
};
Result<Categorical> categorical_of(const data::Table& table, int column);

/// Class names in the order of codes: numbers by value, texts by bytes.
bool class_less(const std::string& a, const std::string& b);

/// What an encoder learned of one column. A missing value is a category of its own, the last, when it was seen in the fit.
struct FittedCategories {
  std::vector<std::string> names;
  bool missing = false;

  /// Code of a name, or -1.
  std::int64_t code(const std::string& name) const;
  std::int64_t count() const { return static_cast<std::int64_t>(names.size()) + (missing ? 1 : 0); }
  /// Code of the missing value, or -1.
  std::int64_t missing_code() const { return missing ? static_cast<std::int64_t>(names.size()) : -1; }
  void index();

 private:
  std::unordered_map<std::string, std::int64_t> codes_;
};

/// The base of encoders: option `columns` (null: text and categories), categories by column in the model, codes of the rows.
class CategoryEncoder : public Estimator {
 public:
  Result<exec::Fitted> fit(const exec::Context& context, std::span<const data::Object> inputs, bool wants_output) override;
  Result<data::Object> transform(const exec::Context& context, const data::Model* model, std::span<const data::Object> inputs) override;

 protected:
  /// New columns of one encoded column. `codes` [n]: a category of `known`, or -1 for an unknown value, which is an error unless
  /// `allows_unknown`.
  struct Block {
    std::vector<std::vector<double>> columns;
    std::vector<std::string> names;
  };
  virtual Result<Block> encode(const exec::Context& context, const std::string& name, const FittedCategories& known,
                               std::span<const std::int64_t> codes) const = 0;
  virtual bool allows_unknown(const exec::Context& context) const = 0;
};

}  // namespace headrace::learn
