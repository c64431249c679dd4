// SPDX-License-Identifier: Apache-2.0
#pragma once
// ObjectTable: what a worker holds, by number, until the driver says that nobody needs it. An object is there as bytes (of a message,
// a blob, or put together from chunks), and decoded once somebody reads it.

#include <mutex>
#include <optional>
#include <unordered_map>

#include "cluster/blob.h"
#include "headrace/exec/place.h"

namespace headrace::cluster {

/// Threads: any.
class ObjectTable {
 public:
  void put(exec::ObjectNumber number, exec::Encoded encoded, std::shared_ptr<const Blob> blob = nullptr);
  /// With what it was decoded from or will be: a result of this worker.
  void put(exec::ObjectNumber number, data::Object object, exec::Encoded encoded, std::shared_ptr<const Blob> blob);
  bool has(exec::ObjectNumber number) const;
  /// Decoded. Errors: kObjectLost, kDamaged.
  Result<data::Object> object(exec::ObjectNumber number);
  std::optional<exec::Encoded> bytes(exec::ObjectNumber number) const;
  void forget(exec::ObjectNumber number);
  std::uint64_t memory_bytes() const;
  std::uint64_t spilled_bytes() const;

 private:
  struct Entry {
    data::Object object;
    exec::Encoded encoded;
    std::shared_ptr<const Blob> blob;
  };
  mutable std::mutex mutex_;
  std::unordered_map<exec::ObjectNumber, Entry> entries_;
  std::uint64_t memory_bytes_ = 0, spilled_bytes_ = 0;
};

}  // namespace headrace::cluster
