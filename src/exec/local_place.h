// SPDX-License-Identifier: Apache-2.0
#pragma once
// LocalPlace: calls run in this process, on the thread that starts them.

#include "exec/watch.h"
#include "headrace/exec/place.h"

namespace headrace::exec::detail {

class LocalPlace : public Place {
 public:
  /// `workers`: threads that start calls; `memory_bytes`: what calls may ask for (0: no bound).
  LocalPlace(Packs& packs, int workers, std::uint64_t memory_bytes, const std::stop_token& stop)
      : packs_(packs), workers_(workers), memory_bytes_(memory_bytes), watch_(stop) {}

  Status check(const Capacity& asked, int gang) override;
  void start(Call call) override;
  Handle put(data::Object object) override;
  Result<Handle> put(Encoded encoded, data::Kind kind) override;
  int workers() const override { return workers_; }
  bool is_here() const override { return true; }

 private:
  Packs& packs_;
  int workers_;
  std::uint64_t memory_bytes_;
  Watch watch_;
};

}  // namespace headrace::exec::detail
