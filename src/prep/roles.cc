// SPDX-License-Identifier: Apache-2.0
#include "prep/roles.h"

#include <map>

#include "headrace/base/text.h"

namespace headrace::prep {
namespace {

using data::Role;

class Assignment {
 public:
  explicit Assignment(const data::Table& table) : table_(&table) {}

  Status give(const config::Value& column, Role role, std::string_view option) {
    Result<int> index = table_->resolve(column);
    if (!index.ok()) return std::move(index).error().within(cat("option ", option));
    const auto [place, fresh] = roles_.emplace(*index, role);
    if (!fresh && place->second != role) {
      return Error(Code::kBadValue,
                   cat("column '", table_->columns()[static_cast<std::size_t>(*index)].name, "' is named as ",
                       data::role_name(place->second), " and as ", data::role_name(role)),
                   "name each column once", column.where());
    }
    return {};
  }
  Status give_all(const config::Value& list, Role role, std::string_view option) {
    if (list.is_null()) return {};
    for (const config::Value& column : list.list()) HEADRACE_TRY(give(column, role, option));
    return {};
  }
  void ignore_the_rest() {
    for (int i = 0; i < static_cast<int>(table_->columns().size()); ++i) roles_.emplace(i, Role::kIgnore);
  }
  Result<TablePointer> table() const {
    const std::vector<std::pair<int, Role>> roles(roles_.begin(), roles_.end());
    return table_->with_roles(roles);
  }

 private:
  const data::Table* table_;
  std::map<int, Role> roles_;
};

}  // namespace

std::vector<config::Option> role_options() {
  return {
      config::column("target", {}, "the column to predict: a name, or a number from 0 (-1 is the last)").or_null(),
      config::column("group", {}, "the column that says which rows belong together").or_null(),
      config::column("weight", {}, "the column with the weight of each row").or_null(),
      config::list("ignore", config::Type::kColumnList, config::List{}, "columns that are carried along but never learned from"),
      config::list("features", config::Type::kColumnList, {}, "the columns to learn from; unset: all that have no other use").or_null()};
}

std::vector<config::Option> with_role_options(std::vector<config::Option> own) {
  for (config::Option& option : role_options()) own.push_back(std::move(option));
  return own;
}

Result<TablePointer> with_roles(const exec::Context& context, const TablePointer& table) {
  Assignment assignment(*table);
  for (const auto& [option, role] :
       {std::pair("target", Role::kTarget), std::pair("group", Role::kGroup), std::pair("weight", Role::kWeight)}) {
    const config::Value& column = context.value(option);
    if (!column.is_null()) HEADRACE_TRY(assignment.give(column, role, option));
  }
  HEADRACE_TRY(assignment.give_all(context.value("ignore"), Role::kIgnore, "ignore"));
  const config::Value& features = context.value("features");
  HEADRACE_TRY(assignment.give_all(features, Role::kFeature, "features"));
  if (!features.is_null()) assignment.ignore_the_rest();
  return assignment.table();
}

graph::OperatorSpec source_row(std::string name, std::string doc, std::vector<config::Option> options) {
  return {.name = std::move(name), .family = graph::Family::kSource, .doc = std::move(doc), .takes = {}, .inputs_min = 0, .inputs_max = 0,
          .options = with_role_options(std::move(options)), .refuses_missing = false, .numeric_only = false};
}

}  // namespace headrace::prep
