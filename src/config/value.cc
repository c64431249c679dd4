// SPDX-License-Identifier: Apache-2.0
#include "headrace/config/value.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"

namespace headrace::config {
namespace {

template <class Data, class T>
T& expect(Data& data, Kind kind, const char* wanted) {
  T* found = std::get_if<std::remove_const_t<T>>(&data);
  if (found == nullptr) detail_abort(cat("a ", kind_name(kind), " was read as ", wanted));
  return *found;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  constexpr std::string_view kNames[] = {"null", "boolean", "integer", "real number", "string", "list", "map"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool Value::boolean() const { return expect<const decltype(data_), const bool>(data_, kind(), "a boolean"); }

std::int64_t Value::integer() const { return expect<const decltype(data_), const std::int64_t>(data_, kind(), "an integer"); }

double Value::real() const {
  if (kind() == Kind::kInt) return static_cast<double>(integer());
  return expect<const decltype(data_), const double>(data_, kind(), "a real number");
}

const std::string& Value::string() const { return expect<const decltype(data_), const std::string>(data_, kind(), "a string"); }
const List& Value::list() const { return expect<const decltype(data_), const List>(data_, kind(), "a list"); }
List& Value::list() { return expect<decltype(data_), List>(data_, kind(), "a list"); }
const Map& Value::map() const { return expect<const decltype(data_), const Map>(data_, kind(), "a map"); }
Map& Value::map() { return expect<decltype(data_), Map>(data_, kind(), "a map"); }

const Value* Value::find(std::string_view key) const {
  const Map* entries = std::get_if<Map>(&data_);
  if (entries == nullptr) return nullptr;
  const auto found = std::find_if(entries->begin(), entries->end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries->end() ? nullptr : &found->value;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

Value& Value::set(std::string_view key, Value value) {
  if (is_null()) data_ = Map{};
  if (Value* found = find(key)) return *found = std::move(value);
  map().push_back(Entry{std::string(key), std::move(value), {}});
  return map().back().value;
}

bool Value::erase(std::string_view key) {
  if (!is_map()) return false;
  return std::erase_if(map(), [&](const Entry& entry) { return entry.key == key; }) > 0;
}

bool Value::operator==(const Value& other) const {
  // NaN equals NaN here: two trees with the same text are the same.
  if (kind() == Kind::kReal && other.kind() == Kind::kReal && std::isnan(real()) && std::isnan(other.real())) return true;
  return data_ == other.data_;
}

}  // namespace headrace::config
