// SPDX-License-Identifier: Apache-2.0
#pragma once
// Table: typed columns with nulls and categories, held as Apache Arrow. Immutable; slices share memory. Arrow's own headers
// are needed only by sources that call arrow().

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/value.h"
#include "headrace/data/tensor.h"

namespace arrow {
class Table;
}

namespace headrace::data {

/// What a column is for. Readers set it (`target: 64`); every transform carries target, group and weight along untouched.
enum class Role : std::uint8_t { kFeature, kTarget, kGroup, kWeight, kPrediction, kIgnore };
std::string_view role_name(Role role);

/// What a column holds, as estimators see it. Categories are Arrow dictionaries; text is plain strings.
enum class ColumnType : std::uint8_t { kBool, kInt, kReal, kText, kCategory, kTime, kOther };
std::string_view column_type_name(ColumnType type);

struct Column {
  std::string name;
  ColumnType type = ColumnType::kReal;
  Role role = Role::kFeature;
  std::int64_t nulls = 0;
};

class Table {
 public:
  /// Wraps an Arrow table. Roles are read from (and kept in) the field metadata key "headrace.role".
  static std::shared_ptr<const Table> from_arrow(std::shared_ptr<arrow::Table> table);
  /// Builds real columns from a [rows, columns] f64 or f32 tensor in one pass; `names` may be empty ("x0", "x1", ...).
  static Result<std::shared_ptr<const Table>> from_matrix(const Tensor& matrix, std::span<const std::string> names = {});

  std::int64_t rows() const;
  const std::vector<Column>& columns() const;
  /// Index of the column with this name; an error (kMissingColumn) names the nearest.
  Result<int> column_index(std::string_view name) const;
  /// Resolves a kColumn option: a name, or an index (negative counts from the end).
  Result<int> resolve(const config::Value& name_or_index) const;
  std::optional<int> with_role(Role role) const;      ///< first column with this role
  std::vector<int> features() const;                  ///< columns with role kFeature, in order

  /// Copies columns into a fresh contiguous f64 matrix [rows, columns.size()], row-major, 64-byte aligned: the same values give
  /// the same bytes and alignment however the table is stored. Bool and int convert; nulls become NaN.
  /// Errors: kEdgeType naming a column that is not numeric and what to put before it (one_hot, ordinal).
  Result<Tensor> matrix(std::span<const int> columns) const;
  /// One column as f64 (nulls NaN), as text, or as class codes with the sorted class names (numbers sort as numbers; integral
  /// numbers print without ".0"). Nulls in `codes` are an error (kNotFinite) naming the first row.
  Result<std::vector<double>> reals(int column) const;
  Result<std::vector<std::string>> texts(int column, std::vector<bool>* nulls = nullptr) const;
  struct Codes {
    std::vector<std::int64_t> codes;
    std::vector<std::string> classes;
    bool numeric = false;
  };
  Result<Codes> codes(int column) const;

  // New tables; none copies more than it must.
  std::shared_ptr<const Table> slice(std::int64_t offset, std::int64_t rows) const;            ///< zero copy
  /// Rows by index; a run of consecutive indices is sliced, not copied. Errors: kShape for an index out of range.
  Result<std::shared_ptr<const Table>> take(std::span<const std::int64_t> rows) const;
  Result<std::shared_ptr<const Table>> select(std::span<const int> columns) const;             ///< zero copy
  Result<std::shared_ptr<const Table>> with_roles(std::span<const std::pair<int, Role>> roles) const;
  /// Puts columns of `right` behind those of `left` (same row count). Clashing names get a suffix "_1"; with `features_only`
  /// the right side's target, group and weight are left out.
  static Result<std::shared_ptr<const Table>> beside(const Table& left, const Table& right, bool features_only);
  /// Rows of all tables in order; schemas must be equal (kShape names the first difference).
  static Result<std::shared_ptr<const Table>> stack(std::span<const std::shared_ptr<const Table>> tables);
  /// Replaces all features by `matrix` [rows, k] named `names`, keeping target, group, weight and ignored columns.
  Result<std::shared_ptr<const Table>> with_features(const Tensor& matrix, std::span<const std::string> names) const;
  /// Appends a column of reals or of texts.
  Result<std::shared_ptr<const Table>> with_column(std::string name, Role role, std::span<const double> values) const;
  Result<std::shared_ptr<const Table>> with_column(std::string name, Role role, std::span<const std::string> values) const;

  const std::shared_ptr<arrow::Table>& arrow() const;
  std::uint64_t size_bytes() const;
  bool equals(const Table& other) const;   ///< schema, roles and values

  ~Table();

 private:
  struct Impl;
  explicit Table(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::data
