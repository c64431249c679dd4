// SPDX-License-Identifier: Apache-2.0
#include "cluster/held.h"

#include "headrace/base/text.h"

namespace headrace::cluster {

FleetHeld::FleetHeld(std::shared_ptr<HeldOwner> owner, ObjectNumber number, data::Object object)
    : Held(object.kind(), object.size_bytes()), owner_(std::move(owner)), number_(number), object_(std::move(object)), size_(bytes()) {}

FleetHeld::FleetHeld(std::shared_ptr<HeldOwner> owner, ObjectNumber number, data::Kind kind, exec::Encoded encoded,
                     std::shared_ptr<const Blob> blob, bool canonical)
    : Held(kind, encoded.bytes.size()), owner_(std::move(owner)), number_(number), bytes_(std::move(encoded)), canonical_(canonical),
      blob_(std::move(blob)), size_(bytes_.bytes.size()) {}

FleetHeld::FleetHeld(std::shared_ptr<HeldOwner> owner, ObjectNumber number, data::Kind kind, std::uint64_t bytes)
    : Held(kind, bytes), owner_(std::move(owner)), number_(number), size_(bytes) {}

FleetHeld::~FleetHeld() {
  const std::uint64_t shared = blob_ != nullptr ? blob_->size() : 0;
  const bool in_memory = blob_ != nullptr && blob_->in_memory();
  owner_->forget(number_, in_memory ? shared : 0, in_memory ? 0 : shared);
}

Result<data::Object> FleetHeld::object() {
  std::unique_lock lock(mutex_);
  return object_locked(lock);
}

Result<data::Object> FleetHeld::object_locked(std::unique_lock<std::mutex>& lock) {
  if (object_) return object_;
  if (bytes_.owner == nullptr) {
    if (lost_) return Error(Code::kObjectLost, cat("object ", number_, " is gone with the workers that held it"));
    lock.unlock();   // the loop looks at this object while it fetches
    auto fetched = owner_->fetch(number_);
    lock.lock();
    HEADRACE_ASSIGN(bytes_, std::move(fetched));
    size_ = bytes_.bytes.size();
    canonical_ = size_ <= owner_->inline_bytes();
  }
  HEADRACE_ASSIGN(object_, data::decode(bytes_.bytes, bytes_.owner));
  return object_;
}

Result<exec::Encoded> FleetHeld::encoded() {
  std::unique_lock lock(mutex_);
  if (canonical_) return bytes_;
  HEADRACE_ASSIGN(const data::Object object, object_locked(lock));
  if (canonical_) return bytes_;
  HEADRACE_ASSIGN(std::string bytes, data::encode(object));
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  return exec::Encoded{*owner, owner};
}

bool FleetHeld::there() const {
  const std::lock_guard lock(mutex_);
  return !lost_ || object_ || bytes_.owner != nullptr;
}

bool FleetHeld::is_here() const {
  const std::lock_guard lock(mutex_);
  return object_ || bytes_.owner != nullptr;
}

Status FleetHeld::prepare() {
  const std::lock_guard lock(mutex_);
  if (blob_ != nullptr) return {};
  if (bytes_.owner != nullptr) {
    if (size_ <= owner_->inline_bytes()) return {};
    HEADRACE_ASSIGN(blob_, owner_->share(size_, [&](const auto& write) { return write(bytes_.bytes); }));
  } else if (object_) {
    HEADRACE_ASSIGN(const data::Encoding encoding, data::Encoding::of(object_));
    size_ = encoding.size();
    if (size_ <= owner_->inline_bytes()) {
      HEADRACE_ASSIGN(std::string bytes, data::encode(object_));
      auto owner = std::make_shared<const std::string>(std::move(bytes));
      bytes_ = {*owner, owner};
      size_ = owner->size();
      canonical_ = true;
      return {};
    }
    HEADRACE_ASSIGN(blob_, owner_->share(size_, [&](const auto& write) { return encoding.write(write); }));
  } else {
    return {};   // at a worker
  }
  // The blob is the one copy from now on.
  bytes_ = {blob_->bytes(), blob_};
  if (object_) {
    HEADRACE_ASSIGN(object_, data::decode(bytes_.bytes, bytes_.owner));
  }
  return {};
}

FleetHeld::Ready FleetHeld::ready() const {
  const std::lock_guard lock(mutex_);
  return {size_, bytes_, blob_};
}

void FleetHeld::lost_at_workers() {
  const std::lock_guard lock(mutex_);
  lost_ = true;
}

}  // namespace headrace::cluster
