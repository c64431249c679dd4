// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: runs one operator of this pack with parameters written as YAML, as the executor would.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "headrace/data/formats.h"
#include "headrace/data/table.h"
#include "prep/columns.h"

namespace headrace::prep::testing {

class Bench {
 public:
  explicit Bench(std::string_view op, std::string_view yaml = "{}", std::string folder = {}) {
    for (const exec::Registration& registration : headrace_pack_rows().operators()) {
      if (registration.spec.name == op) registration_ = &registration;
    }
    if (registration_ == nullptr) {
      ADD_FAILURE() << "no operator " << op;
      return;
    }
    operator_ = registration_->make();
    const auto given = config::parse_yaml(yaml, "test.yaml");
    EXPECT_TRUE(given.ok()) << given.error().text();
    bound_ = config::bind(registration_->spec.options, *given, op);
    context_.node = op;
    context_.seed = 7;
    context_.folder = std::move(folder);
  }

  Result<TablePointer> read() {
    if (!bound_.ok()) return bound_.error();
    context_.params = *bound_;
    HEADRACE_ASSIGN(const auto objects, operator_->read(context_));
    return objects.at(0).shared_table();
  }
  Result<TablePointer> run(const std::vector<TablePointer>& tables) {
    if (!bound_.ok()) return bound_.error();
    context_.params = *bound_;
    const std::vector<data::Object> inputs(tables.begin(), tables.end());
    HEADRACE_ASSIGN(const auto object, operator_->transform(context_, nullptr, inputs));
    return object.shared_table();
  }
  exec::Context& context() { return context_; }

 private:
  const exec::Registration* registration_ = nullptr;
  std::unique_ptr<exec::Operator> operator_;
  Result<config::Value> bound_ = config::Value();
  exec::Context context_;
};

inline TablePointer table(std::string_view yaml) {
  auto out = Bench("table", yaml).read();
  EXPECT_TRUE(out.ok()) << out.error().text();
  return *out;
}

/// "name:role:type" of each column.
inline std::vector<std::string> facts(const data::Table& table) {
  std::vector<std::string> out;
  for (const data::Column& column : table.columns()) {
    out.push_back(column.name + ":" + std::string(data::role_name(column.role)) + ":" + std::string(data::column_type_name(column.type)));
  }
  return out;
}

inline std::vector<std::string> texts(const data::Table& table, std::string_view column) {
  return table.texts(table.column_index(column).value()).value();
}
inline std::vector<double> reals(const data::Table& table, std::string_view column) {
  return table.reals(table.column_index(column).value()).value();
}

}  // namespace headrace::prep::testing
