// SPDX-License-Identifier: Apache-2.0
#pragma once
// Timeline: what each worker did when, as few enough blocks to draw.

#include <cstdint>
#include <span>
#include <vector>

#include "headrace/exec/events.h"
#include "headrace/graph/plan.h"

namespace headrace::web {

/// One task, or a run of short ones on one worker that are drawn as one.
struct Block {
  int worker = 0;
  std::int64_t start_us = 0;        ///< since the first task of the timeline
  std::int64_t end_us = 0;
  std::int32_t task = -1;           ///< the longest of them
  std::int64_t count = 1;           ///< tasks in it
  std::int64_t busy_us = 0;         ///< their times summed; less than end - start when there are gaps
  bool failed = false;              ///< one of them failed
};

struct Timeline {
  int workers = 0;
  std::int64_t span_us = 0;
  std::int64_t busy_us = 0;         ///< over all workers
  std::int64_t tasks = 0;
  bool merged = false;
  std::vector<Block> blocks;        ///< by worker, then by start
};

/// Tasks that ran on a worker, in time. With more than `blocks_max` tasks, neighbours on a worker are merged where both fit into a
/// slice of time; the slice doubles until the blocks are few enough. Failed tasks stay apart from others.
Timeline timeline_of(std::span<const exec::TaskEvent> events, std::size_t blocks_max);

}  // namespace headrace::web
