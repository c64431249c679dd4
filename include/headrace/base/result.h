// SPDX-License-Identifier: Apache-2.0
#pragma once
// Result<T> and Status: what a function returns when a correct caller can meet an error. Bugs go to HEADRACE_CHECK.

#include <optional>
#include <utility>
#include <variant>

#include "headrace/base/check.h"
#include "headrace/base/error.h"

namespace headrace {

/// Either a value or an Error. Reading the wrong side is a bug and aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}            // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}        // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const& { require_value(); return std::get<0>(state_); }
  T& value() & { require_value(); return std::get<0>(state_); }
  T&& value() && { require_value(); return std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const& { HEADRACE_CHECK(!ok(), "error() of a Result that holds a value"); return std::get<1>(state_); }
  Error&& error() && { HEADRACE_CHECK(!ok(), "error() of a Result that holds a value"); return std::get<1>(std::move(state_)); }

 private:
  void require_value() const {
    if (!ok()) detail_abort(std::get<1>(state_).text());
  }
  std::variant<T, Error> state_;
};

/// Success or an Error; success costs one null pointer.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::make_unique<Error>(std::move(error))) {}       // NOLINT
  Status(const Status& other) : error_(other.error_ ? std::make_unique<Error>(*other.error_) : nullptr) {}
  Status(Status&&) noexcept = default;
  Status& operator=(const Status& other) { return *this = Status(other); }
  Status& operator=(Status&&) noexcept = default;

  bool ok() const { return error_ == nullptr; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { HEADRACE_CHECK(!ok(), "error() of an ok Status"); return *error_; }
  Error&& error() && { HEADRACE_CHECK(!ok(), "error() of an ok Status"); return std::move(*error_); }

 private:
  std::unique_ptr<Error> error_;
};

#define HEADRACE_CONCAT_(a, b) a##b
#define HEADRACE_CONCAT(a, b) HEADRACE_CONCAT_(a, b)
/// Returns the error of a Status or Result expression to the caller.
#define HEADRACE_TRY(expression)                                                     \
  do {                                                                               \
    auto headrace_status_ = (expression);                                            \
    if (!headrace_status_.ok()) return std::move(headrace_status_).error();          \
  } while (false)
/// `HEADRACE_ASSIGN(auto table, read(path));` declares or assigns the value, or returns the error.
#define HEADRACE_ASSIGN(target, expression) HEADRACE_ASSIGN_(HEADRACE_CONCAT(headrace_result_, __LINE__), target, expression)
#define HEADRACE_ASSIGN_(name, target, expression)        \
  auto name = (expression);                               \
  if (!name.ok()) return std::move(name).error();         \
  target = std::move(name).value()

}  // namespace headrace
