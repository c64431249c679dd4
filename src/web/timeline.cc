// SPDX-License-Identifier: Apache-2.0
#include "web/timeline.h"

#include <algorithm>

namespace headrace::web {
namespace {

using exec::TaskStatus;

constexpr int kWorkersMax = 4096;   // a journal is input: a damaged worker number must not allocate the world

bool ran(const exec::TaskEvent& event) {
  const bool ended = event.status == TaskStatus::kDone || event.status == TaskStatus::kFailed;
  return ended && event.worker >= 0 && event.worker < kWorkersMax && event.start_us > 0 && event.end_us >= event.start_us;
}

std::vector<Block> merged(const std::vector<Block>& blocks, std::int64_t slice_us) {
  std::vector<Block> out;
  std::int64_t longest = 0;   // of the tasks in the last block
  for (const Block& block : blocks) {
    Block* last = out.empty() ? nullptr : &out.back();
    const bool joins =
        last != nullptr && last->worker == block.worker && last->failed == block.failed && block.end_us - last->start_us <= slice_us;
    if (!joins) {
      out.push_back(block);
      longest = block.end_us - block.start_us;
      continue;
    }
    if (block.end_us - block.start_us > longest) {
      longest = block.end_us - block.start_us;
      last->task = block.task;
    }
    last->end_us = std::max(last->end_us, block.end_us);
    last->count += block.count;
    last->busy_us += block.busy_us;
  }
  return out;
}

}  // namespace

Timeline timeline_of(std::span<const exec::TaskEvent> events, std::size_t blocks_max) {
  Timeline timeline;
  std::int64_t first = 0, last = 0;
  for (const exec::TaskEvent& event : events) {
    if (!ran(event)) continue;
    first = timeline.tasks == 0 ? event.start_us : std::min(first, event.start_us);
    last = std::max(last, event.end_us);
    timeline.workers = std::max(timeline.workers, event.worker + 1);
    timeline.busy_us += event.end_us - event.start_us;
    ++timeline.tasks;
    timeline.blocks.push_back(
        {event.worker, event.start_us, event.end_us, event.task, 1, event.end_us - event.start_us, event.status == TaskStatus::kFailed});
  }
  if (timeline.tasks == 0) return timeline;
  timeline.span_us = last - first;
  for (Block& block : timeline.blocks) {
    block.start_us -= first;
    block.end_us -= first;
  }
  std::stable_sort(timeline.blocks.begin(), timeline.blocks.end(), [](const Block& a, const Block& b) {
    return a.worker != b.worker ? a.worker < b.worker : a.start_us < b.start_us;
  });
  const auto workers = static_cast<std::size_t>(timeline.workers);
  std::int64_t slice_us =
      std::max<std::int64_t>(1, timeline.span_us / static_cast<std::int64_t>(std::max<std::size_t>(1, blocks_max / workers)));
  // Ends: once a slice is as long as the span, a worker has one block per change between failed and not.
  while (timeline.blocks.size() > blocks_max && slice_us <= 2 * timeline.span_us + 1) {
    timeline.blocks = merged(timeline.blocks, slice_us);
    timeline.merged = true;
    slice_us *= 2;
  }
  return timeline;
}

}  // namespace headrace::web
