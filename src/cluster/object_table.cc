// SPDX-License-Identifier: Apache-2.0
#include "cluster/object_table.h"

#include "headrace/base/text.h"

namespace headrace::cluster {

void ObjectTable::put(exec::ObjectNumber number, exec::Encoded encoded, std::shared_ptr<const Blob> blob) {
  put(number, {}, std::move(encoded), std::move(blob));
}

void ObjectTable::put(exec::ObjectNumber number, data::Object object, exec::Encoded encoded, std::shared_ptr<const Blob> blob) {
  const std::uint64_t size = encoded.bytes.size();
  const bool spilled = blob != nullptr && !blob->in_memory();
  const std::lock_guard lock(mutex_);
  const bool fresh = entries_.try_emplace(number, Entry{std::move(object), std::move(encoded), std::move(blob)}).second;
  if (fresh) (spilled ? spilled_bytes_ : memory_bytes_) += size;
}

bool ObjectTable::has(exec::ObjectNumber number) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(number);
}

Result<data::Object> ObjectTable::object(exec::ObjectNumber number) {
  exec::Encoded encoded;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(number);
    if (found == entries_.end()) return Error(Code::kObjectLost, cat("object ", number, " is not here"));
    if (found->second.object) return found->second.object;
    encoded = found->second.encoded;
  }
  HEADRACE_ASSIGN(data::Object object, data::decode(encoded.bytes, encoded.owner));
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(number); found != entries_.end()) found->second.object = object;
  return object;
}

std::optional<exec::Encoded> ObjectTable::bytes(exec::ObjectNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(number);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.encoded);
}

void ObjectTable::forget(exec::ObjectNumber number) {
  Entry last;   // its bytes are let go outside the lock
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(number);
  if (found == entries_.end()) return;
  last = std::move(found->second);
  const bool spilled = last.blob != nullptr && !last.blob->in_memory();
  (spilled ? spilled_bytes_ : memory_bytes_) -= last.encoded.bytes.size();
  entries_.erase(found);
}

std::uint64_t ObjectTable::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return memory_bytes_;
}

std::uint64_t ObjectTable::spilled_bytes() const {
  const std::lock_guard lock(mutex_);
  return spilled_bytes_;
}

}  // namespace headrace::cluster
