// SPDX-License-Identifier: Apache-2.0
#pragma once
// FleetHeld: an object that a fleet holds. Its bytes are here (a message's, a blob's, or still an object that nobody asked the
// encoding of), or only at workers of other hosts, and fetched when they are asked for.

#include <functional>
#include <mutex>

#include "cluster/blob.h"
#include "headrace/exec/place.h"

namespace headrace::cluster {

using exec::ObjectNumber;

/// What a held object asks of its fleet. Threads: any.
class HeldOwner {
 public:
  virtual ~HeldOwner() = default;
  /// The last handle is gone.
  virtual void forget(ObjectNumber number, std::uint64_t memory_bytes, std::uint64_t spilled_bytes) = 0;
  /// Fetches the bytes from a worker; blocks. Errors: kObjectLost.
  virtual Result<exec::Encoded> fetch(ObjectNumber number) = 0;
  /// A blob of `size` bytes for other processes, in memory or on disk by the budget.
  virtual Result<std::shared_ptr<const Blob>> share(std::uint64_t size, const Blob::Fill& fill) = 0;
  virtual std::uint64_t inline_bytes() const = 0;
};

class FleetHeld : public exec::Held {
 public:
  /// Made here.
  FleetHeld(std::shared_ptr<HeldOwner> owner, ObjectNumber number, data::Object object);
  /// Encoded: in a message, in a blob, or in memory of the driver.
  FleetHeld(std::shared_ptr<HeldOwner> owner, ObjectNumber number, data::Kind kind, exec::Encoded encoded, std::shared_ptr<const Blob> blob,
            bool canonical);
  /// At a worker only.
  FleetHeld(std::shared_ptr<HeldOwner> owner, ObjectNumber number, data::Kind kind, std::uint64_t bytes);
  ~FleetHeld() override;

  Result<data::Object> object() override;
  Result<exec::Encoded> encoded() override;
  bool there() const override;

  ObjectNumber number() const { return number_; }
  /// Makes the bytes ready to be sent, on the thread that asks: encodes, and shares what is not small. Nothing to do for remote ones.
  Status prepare();
  /// What a message can carry, after `prepare`: a blob, or bytes, or (remote) neither.
  struct Ready {
    std::uint64_t size = 0;
    exec::Encoded bytes;
    std::shared_ptr<const Blob> blob;
  };
  Ready ready() const;
  /// No worker holds it any more. What is here stays.
  void lost_at_workers();
  bool is_here() const;

 private:
  Result<data::Object> object_locked(std::unique_lock<std::mutex>& lock);

  std::shared_ptr<HeldOwner> owner_;
  ObjectNumber number_;
  mutable std::mutex mutex_;            // guards what follows
  data::Object object_;
  exec::Encoded bytes_;                 // an encoding that can be sent
  bool canonical_ = false;              // bytes_ are what data::encode gives, not an Encoding without checksums
  std::shared_ptr<const Blob> blob_;    // that holds bytes_
  std::uint64_t size_ = 0;              // of bytes_, or of the object in memory until they are known
  bool lost_ = false;
};

}  // namespace headrace::cluster
