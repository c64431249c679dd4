// SPDX-License-Identifier: Apache-2.0
#pragma once
// LossyPlace: a place for tests that loses objects as workers do when they die: some are gone when they are asked for, and some
// calls end without a result. What is lost follows a seed.

#include <atomic>
#include <mutex>

#include "exec/local_place.h"
#include "headrace/base/random.h"

namespace headrace::exec::toys {

class LossyPlace : public Place {
 public:
  /// `share`: of the reads of an object that find it gone.
  LossyPlace(Packs& packs, std::uint64_t seed, double share) : local_(packs, 4, 0, {}), random_(seed), share_(share) {}

  Status check(const Capacity& asked, int gang) override { return local_.check(asked, gang); }
  void start(Call call) override {
    for (const Handle& input : call.inputs) {
      if (lose(input)) return call.done({.outputs = Error(Code::kObjectLost, "an input is gone"), .lost = input});
    }
    if (call.model != nullptr && lose(call.model)) {
      return call.done({.outputs = Error(Code::kObjectLost, "the model is gone"), .lost = call.model});
    }
    for (Handle& input : call.inputs) input = static_cast<LossyHeld&>(*input).inner;
    if (call.model != nullptr) call.model = static_cast<LossyHeld&>(*call.model).inner;
    call.done = [done = std::move(call.done)](CallOutcome outcome) {
      if (outcome.outputs.ok()) {
        for (Handle& output : *outcome.outputs) {
          if (output != nullptr) output = std::make_shared<LossyHeld>(output);
        }
      }
      done(std::move(outcome));
    };
    local_.start(std::move(call));
  }
  Handle put(data::Object object) override { return std::make_shared<LossyHeld>(local_.put(std::move(object))); }
  Result<Handle> put(Encoded encoded, data::Kind kind) override {
    HEADRACE_ASSIGN(Handle inner, local_.put(std::move(encoded), kind));
    return Handle(std::make_shared<LossyHeld>(std::move(inner)));
  }
  int workers() const override { return 4; }
  bool is_here() const override { return false; }
  int lost() const { return lost_; }

 private:
  struct LossyHeld : Held {
    explicit LossyHeld(Handle of) : Held(of->kind(), of->bytes()), inner(std::move(of)) {}
    Result<data::Object> object() override { return inner->object(); }
    Result<Encoded> encoded() override { return inner->encoded(); }
    bool there() const override { return !gone; }
    Handle inner;
    std::atomic<bool> gone{false};
  };

  bool lose(const Handle& handle) {
    auto& held = static_cast<LossyHeld&>(*handle);
    const std::lock_guard lock(mutex_);
    if (!held.gone && random_.uniform() < share_) {
      held.gone = true;
      ++lost_;
    }
    return held.gone;
  }

  detail::LocalPlace local_;
  std::mutex mutex_;   // guards random_
  Random random_;
  double share_;
  std::atomic<int> lost_{0};
};

}  // namespace headrace::exec::toys
