// SPDX-License-Identifier: Apache-2.0
#pragma once
// Place: where calls run: in this process, or in a fleet of workers. It runs calls and holds objects; what runs when its inputs are
// ready, what is tried again, remembered and recorded is the executor's, and the same everywhere.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/data/object.h"
#include "headrace/exec/scheduler.h"
#include "headrace/exec/work.h"

namespace headrace::exec {

/// The encoding of an object (data::encode), kept alive by its owner.
struct Encoded {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

/// An object as a place holds it. It is let go with the last handle. Threads: any.
class Held {
 public:
  Held(data::Kind kind, std::uint64_t bytes) : kind_(kind), bytes_(bytes) {}
  virtual ~Held() = default;
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  data::Kind kind() const { return kind_; }
  /// Its size: in memory, or of its encoding.
  std::uint64_t bytes() const { return bytes_; }
  /// The object, in this process. May fetch it from a worker and block. Errors: kObjectLost.
  virtual Result<data::Object> object() = 0;
  /// Its encoding; made when there is none yet. Errors as `object`.
  virtual Result<Encoded> encoded() = 0;
  /// False when it is known to be gone with the workers that held it.
  virtual bool there() const { return true; }

 private:
  data::Kind kind_;
  std::uint64_t bytes_;
};
using Handle = std::shared_ptr<Held>;

struct CallOutcome {
  Result<std::vector<Handle>> outputs;           ///< by slot; a null handle where the slot was not made
  int worker = -1;
  std::int64_t start_us = 0;                     ///< wall clock
  std::int64_t end_us = 0;
  Handle lost;                                   ///< with kObjectLost: the input that is gone
};

/// One attempt.
struct Call {
  Work work;
  std::vector<Handle> inputs;
  Handle model;                                  ///< may be null
  std::string text;                              ///< names it to a person
  std::string language;                          ///< of the workers that can run it; empty: native
  Capacity asked{.cpu = 1};
  int priority = 0;
  int gang = 1;
  std::uint32_t group = 0;                       ///< calls of one group are expected to take about as long
  double timeout_s = 0;                          ///< of running, not of waiting for a place; 0: none. It ends with kTimeout
  std::stop_token stop;                          ///< asks it to end early, with kCancelled
  std::function<void(int worker)> started;       ///< may be empty
  std::function<void(double share)> progress;    ///< may be empty
  std::function<void(CallOutcome)> done;         ///< called once, from any thread, perhaps before `start` returns
};

class Place {
 public:
  virtual ~Place() = default;
  /// Whether a call that asks for this could ever run. Errors: kInfeasible.
  virtual Status check(const Capacity& asked, int gang) = 0;
  /// Runs a call. In this process it runs on the thread that asks; a fleet queues it and returns.
  virtual void start(Call call) = 0;
  /// Gives an object of this process to the place.
  virtual Handle put(data::Object object) = 0;
  /// The same for one that lies encoded (in a store): it need not be decoded here.
  virtual Result<Handle> put(Encoded encoded, data::Kind kind) = 0;
  /// How many calls can run at once.
  virtual int workers() const = 0;
  /// Whether calls run on the thread that starts them: then the executor's own pool bounds them.
  virtual bool is_here() const = 0;
};

}  // namespace headrace::exec
