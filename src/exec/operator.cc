// SPDX-License-Identifier: Apache-2.0
#include "headrace/exec/operator.h"

#include <utility>

#include "headrace/base/check.h"
#include "headrace/base/text.h"

namespace headrace::exec {
namespace {

Error cannot(const Context& context, std::string_view what) {
  return Error(Code::kUnsupported, cat("operator of node ", context.node, " does not ", what));
}

}  // namespace

const config::Value& Context::value(std::string_view option) const {
  const config::Value* found = params.find(option);
  HEADRACE_CHECK(found != nullptr, cat("node ", node, " has no option ", option));
  return *found;
}

bool Context::boolean(std::string_view option) const { return value(option).boolean(); }
std::int64_t Context::integer(std::string_view option) const { return value(option).integer(); }
double Context::real(std::string_view option) const { return value(option).real(); }
const std::string& Context::string(std::string_view option) const { return value(option).string(); }

Status Context::check_stop() const {
  if (!stop.stop_requested()) return {};
  return Error(Code::kCancelled, cat("node ", node, " was asked to stop"));
}

Result<std::vector<data::Object>> Operator::read(const Context& context) { return cannot(context, "read"); }

Result<Fitted> Operator::fit(const Context& context, std::span<const data::Object>, bool) { return cannot(context, "fit"); }

Result<data::Model> Operator::update(const Context& context, const data::Model*, std::span<const data::Object>) {
  return cannot(context, "learn object by object");
}

Result<data::Object> Operator::transform(const Context& context, const data::Model*, std::span<const data::Object>) {
  return cannot(context, "transform");
}

Result<data::Object> Operator::predict(const Context& context, const data::Model*, std::span<const data::Object>) {
  return cannot(context, "predict");
}

Result<data::Metrics> Operator::score(const Context& context, const data::Model*, std::span<const data::Object>) {
  return cannot(context, "score");
}

Result<data::TensorSet> Operator::split(const Context& context, const data::Table&) { return cannot(context, "split"); }

int PackRows::add(graph::OperatorSpec spec, std::function<std::unique_ptr<Operator>()> make) {
  operators_.push_back({std::move(spec), std::move(make)});
  return static_cast<int>(operators_.size());
}

int PackRows::add_metric(graph::MetricSpec spec) {
  metrics_.push_back({std::move(spec)});
  return static_cast<int>(metrics_.size());
}

}  // namespace headrace::exec
