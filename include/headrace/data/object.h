// SPDX-License-Identifier: Apache-2.0
#pragma once
// Object: what flows along an edge. Immutable and shared; copying an Object copies a pointer. Threads: any.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/digest.h"
#include "headrace/base/result.h"
#include "headrace/config/value.h"
#include "headrace/data/tensor.h"

namespace headrace::data {

class Table;  // headrace/data/table.h

enum class Kind : std::uint8_t { kNone, kTable, kTensors, kModel, kMetrics, kBytes, kTuple };
std::string_view kind_name(Kind kind);

/// A fitted model: which operator made it, plain facts as a Value, weights as tensors, engine bytes (a booster) as blobs.
/// Never code: decoding a model runs nothing.
struct Model {
  std::string op;
  int version = 1;
  config::Value meta;
  TensorSet tensors;
  std::vector<std::pair<std::string, std::string>> blobs;
  std::vector<std::shared_ptr<const Model>> parts;  ///< members of an ensemble, in order
};

/// Scores of one path on one test set. `values` keeps the order asked for. Confusion: [truth, predicted] counts, row-major.
struct Metrics {
  std::vector<std::pair<std::string, double>> values;
  std::int64_t rows = 0;
  std::vector<std::string> classes;
  std::vector<std::int64_t> confusion;

  const double* find(std::string_view name) const;
};

class Object {
 public:
  Object() = default;
  Object(std::shared_ptr<const Table> table);      // NOLINT: an Object is a plain wrapper of each
  Object(TensorSet tensors);                       // NOLINT
  Object(Model model);                             // NOLINT
  Object(std::shared_ptr<const Model> model);      // NOLINT
  Object(Metrics metrics);                         // NOLINT
  static Object bytes(std::string bytes);
  static Object tuple(std::vector<Object> parts);

  Kind kind() const { return kind_; }
  explicit operator bool() const { return kind_ != Kind::kNone; }

  // Typed reads; a mismatch of kind is a bug.
  const Table& table() const;
  std::shared_ptr<const Table> shared_table() const;
  const TensorSet& tensors() const;
  const Model& model() const;
  std::shared_ptr<const Model> shared_model() const;
  const Metrics& metrics() const;
  const std::string& bytes() const;
  const std::vector<Object>& tuple() const;

  /// Bytes held, shared buffers counted once per object. An estimate for budgets.
  std::uint64_t size_bytes() const;

 private:
  Kind kind_ = Kind::kNone;
  std::shared_ptr<const void> payload_;
};

/// Encodes any object: head (magic "HRO1", version, kind, rows of sections, JSON facts), then 64-byte aligned sections. Equal
/// objects give equal bytes.
/// Tables travel as Arrow IPC streams inside. Errors: kUnsupported for kNone.
Result<std::string> encode(const Object& object);
/// An encoding for the shared memory of one machine: written piece by piece, straight from where the values lie, and without the
/// checksums of its sections, which nobody could damage there. `decode` reads both.
class Encoding {
 public:
  using Write = std::function<Status(std::string_view piece)>;
  /// Errors: as `encode`.
  static Result<Encoding> of(const Object& object);
  std::uint64_t size() const;
  /// Gives all `size()` bytes in order. Errors: those of `out`.
  Status write(const Write& out) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
  explicit Encoding(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
};

/// Decodes; every length is checked before it is used. Errors: kDamaged, kVersion, kTooLarge.
Result<Object> decode(std::string_view bytes);
/// The same without copies: tables and tensors view `bytes`, which `owner` keeps alive and unchanged (a mapped file, shared
/// memory). Where a section does not lie on a 64-byte boundary it is copied after all.
Result<Object> decode(std::string_view bytes, const std::shared_ptr<const void>& owner);

}  // namespace headrace::data
