// SPDX-License-Identifier: Apache-2.0
#include "headrace/data/object.h"

#include <unordered_set>

#include "headrace/data/table.h"

namespace headrace::data {
namespace {

constexpr std::uint64_t kObjectOverhead = 64;

std::uint64_t tensors_bytes(const TensorSet& tensors) {
  std::uint64_t total = 0;
  std::unordered_set<const void*> seen;   // views of one buffer are rare, but equal views are not
  for (const auto& [name, tensor] : tensors.entries()) {
    total += name.size();
    if (seen.insert(tensor.bytes()).second) total += tensor.size_bytes();
  }
  return total;
}

std::uint64_t model_bytes(const Model& model) {
  std::uint64_t total = kObjectOverhead + model.op.size() + tensors_bytes(model.tensors);
  for (const auto& [name, blob] : model.blobs) total += name.size() + blob.size();
  for (const auto& part : model.parts) total += model_bytes(*part);
  return total;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNone: return "none";
    case Kind::kTable: return "table";
    case Kind::kTensors: return "tensors";
    case Kind::kModel: return "model";
    case Kind::kMetrics: return "metrics";
    case Kind::kBytes: return "bytes";
    case Kind::kTuple: return "tuple";
  }
  return "none";
}

const double* Metrics::find(std::string_view name) const {
  for (const auto& [key, value] : values) {
    if (key == name) return &value;
  }
  return nullptr;
}

Object::Object(std::shared_ptr<const Table> table) : kind_(Kind::kTable), payload_(std::move(table)) {
  HEADRACE_CHECK(payload_ != nullptr, "an object made from no table");
}
Object::Object(TensorSet tensors) : kind_(Kind::kTensors), payload_(std::make_shared<const TensorSet>(std::move(tensors))) {}
Object::Object(Model model) : kind_(Kind::kModel), payload_(std::make_shared<const Model>(std::move(model))) {}
Object::Object(std::shared_ptr<const Model> model) : kind_(Kind::kModel), payload_(std::move(model)) {
  HEADRACE_CHECK(payload_ != nullptr, "an object made from no model");
}
Object::Object(Metrics metrics) : kind_(Kind::kMetrics), payload_(std::make_shared<const Metrics>(std::move(metrics))) {}

Object Object::bytes(std::string bytes) {
  Object object;
  object.kind_ = Kind::kBytes;
  object.payload_ = std::make_shared<const std::string>(std::move(bytes));
  return object;
}

Object Object::tuple(std::vector<Object> parts) {
  Object object;
  object.kind_ = Kind::kTuple;
  object.payload_ = std::make_shared<const std::vector<Object>>(std::move(parts));
  return object;
}

#define HEADRACE_REQUIRE_KIND(wanted) HEADRACE_CHECK(kind_ == (wanted), "an object read as another kind than it is")

const Table& Object::table() const {
  HEADRACE_REQUIRE_KIND(Kind::kTable);
  return *static_cast<const Table*>(payload_.get());
}
std::shared_ptr<const Table> Object::shared_table() const {
  HEADRACE_REQUIRE_KIND(Kind::kTable);
  return std::static_pointer_cast<const Table>(payload_);
}
const TensorSet& Object::tensors() const {
  HEADRACE_REQUIRE_KIND(Kind::kTensors);
  return *static_cast<const TensorSet*>(payload_.get());
}
const Model& Object::model() const {
  HEADRACE_REQUIRE_KIND(Kind::kModel);
  return *static_cast<const Model*>(payload_.get());
}
std::shared_ptr<const Model> Object::shared_model() const {
  HEADRACE_REQUIRE_KIND(Kind::kModel);
  return std::static_pointer_cast<const Model>(payload_);
}
const Metrics& Object::metrics() const {
  HEADRACE_REQUIRE_KIND(Kind::kMetrics);
  return *static_cast<const Metrics*>(payload_.get());
}
const std::string& Object::bytes() const {
  HEADRACE_REQUIRE_KIND(Kind::kBytes);
  return *static_cast<const std::string*>(payload_.get());
}
const std::vector<Object>& Object::tuple() const {
  HEADRACE_REQUIRE_KIND(Kind::kTuple);
  return *static_cast<const std::vector<Object>*>(payload_.get());
}

#undef HEADRACE_REQUIRE_KIND

std::uint64_t Object::size_bytes() const {
  switch (kind_) {
    case Kind::kNone: return 0;
    case Kind::kTable: return kObjectOverhead + table().size_bytes();
    case Kind::kTensors: return kObjectOverhead + tensors_bytes(tensors());
    case Kind::kModel: return model_bytes(model());
    case Kind::kMetrics: {
      std::uint64_t total = kObjectOverhead + metrics().confusion.size() * sizeof(std::int64_t);
      for (const auto& [name, value] : metrics().values) total += name.size() + sizeof value;
      for (const std::string& name : metrics().classes) total += name.size();
      return total;
    }
    case Kind::kBytes: return kObjectOverhead + bytes().size();
    case Kind::kTuple: {
      std::uint64_t total = kObjectOverhead;
      for (const Object& part : tuple()) total += part.size_bytes();
      return total;
    }
  }
  return 0;
}

}  // namespace headrace::data
