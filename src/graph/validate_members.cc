// SPDX-License-Identifier: Apache-2.0
// Operators inside parameters: voting's `estimators: [ridge, {op: svr, C: 2}]`. The depth is that of the file, which has a bound.
#include "graph/grid.h"
#include "graph/validate.h"
#include "headrace/base/text.h"

namespace headrace::graph {
namespace {

using config::Value;

std::vector<std::string> possible_members(const Catalogue& catalogue, const OperatorSpec& outer) {
  std::vector<std::string> names;
  for (const auto& [name, spec] : catalogue.operators()) {
    if (spec.family == outer.family && spec.pack == outer.pack) names.push_back(name);
  }
  return names;
}

void check_member(Checking& checking, const OperatorSpec& outer, const Value& given, const std::string& what, const Position& where) {
  const Value& op = given.is_map() ? *given.find("op") : given;
  const OperatorSpec* spec = checking.catalogue.find(op.string());
  if (spec == nullptr || spec->family != outer.family || spec->pack != outer.pack) {
    const std::string why = spec == nullptr
                                ? cat(": no operator is called '", op.string(), "'")
                                : cat(": a member must be a ", family_name(outer.family), " of the same pack, ", spec->name, " is none");
    checking.add(spec == nullptr ? Code::kUnknownOperator : Code::kUnsupported, what + why,
                 nearest_advice(op.string(), possible_members(checking.catalogue, outer)), op.where().line > 0 ? op.where() : where);
    return;
  }
  Value params = given.is_map() ? given : Value(config::Map{});
  params.erase("op");
  const std::string member = cat(what, ", member ", spec->name);
  const Position& at = given.where().line > 0 ? given.where() : where;
  check_members(checking, *spec, bind_all(spec->options, params, member, false, at, checking.errors), member, at);
}

}  // namespace

void check_members(Checking& checking, const OperatorSpec& spec, const Value& bound, const std::string& what, const Position& where) {
  for (const config::Option& option : spec.options) {
    const bool several = option.type == config::Type::kOperatorList;
    const Value* value = bound.find(option.name);
    if ((!several && option.type != config::Type::kOperator) || value == nullptr || value->is_null()) continue;
    const config::List alternatives = is_grid(*value) ? value->map()[0].value.list() : config::List{*value};
    for (const Value& alternative : alternatives) {
      const config::List members = !several ? config::List{alternative} : alternative.is_list() ? alternative.list() : config::List{};
      if (several && alternative.is_list() && members.empty()) {
        checking.add(Code::kBadValue, cat(what, ": ", option.name, " is empty"), cat("for example ", config::example(option)),
                     alternative.where().line > 0 ? alternative.where() : where);
      }
      for (const Value& member : members) {
        if (!member.is_null()) check_member(checking, spec, member, what, where);
      }
    }
  }
}

}  // namespace headrace::graph
