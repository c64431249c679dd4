// SPDX-License-Identifier: Apache-2.0
// fuzz-build: src/base/*.cc src/io/*.cc -lssl -lcrypto
// Any bytes as a stream of frames, cut into pieces that the input chooses, with descriptors at places that it chooses: refused, or
// frames that are written back to the very bytes they were read from; never more of them than bytes, whatever a header promises.
// Checksums are made right in half of the runs, so that mutations get past them.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "io/frames.h"

namespace {

using namespace headrace::io;
using headrace::Code;

constexpr std::size_t kLimit = std::size_t{1} << 20;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Puts the right checksum into every whole frame.
void repair(std::string& bytes) {
  std::size_t at = 0;
  while (bytes.size() - at >= kFrameHeaderBytes) {
    const detail::FrameHeader header = detail::read_header(bytes.data() + at);
    if (header.length > bytes.size() - at - kFrameHeaderBytes) return;
    const std::string_view payload = std::string_view(bytes).substr(at + kFrameHeaderBytes, header.length);
    const auto right = detail::make_header(header.kind, header.flags, payload);
    std::memcpy(bytes.data() + at, right.data(), right.size());
    at += kFrameHeaderBytes + header.length;
  }
}

// The bytes of a queue, with the descriptors that rode along counted.
std::string drain(detail::FrameQueue& queue, std::size_t& descriptors) {
  std::string out;
  while (!queue.empty()) {
    const detail::FrameQueue::Batch batch = queue.batch();
    descriptors += batch.descriptors.size();
    std::size_t size = 0;
    for (std::size_t i = 0; i < batch.count; ++i) {
      out.append(static_cast<const char*>(batch.parts[i].iov_base), batch.parts[i].iov_len);
      size += batch.parts[i].iov_len;
    }
    queue.consume(size);
  }
  return out;
}

}  // namespace

// First byte: bit 0 repairs checksums, the rest sizes the pieces; second byte: which pieces come with descriptors, and how many.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  if ((data[0] & 1) != 0) repair(bytes);
  const std::size_t piece = 1 + (data[0] >> 1) * std::size_t{37};
  const std::size_t every = 1 + (data[1] & 7), count = data[1] >> 3;

  detail::FrameReader reader(kLimit);
  detail::FrameQueue again;
  std::size_t read = 0, descriptors = 0;
  for (std::size_t at = 0, turn = 0; at < bytes.size(); ++turn) {
    const std::span<char> room = reader.room();
    require(!room.empty(), "there is room for more");
    const std::size_t step = std::min({piece, room.size(), bytes.size() - at});
    std::memcpy(room.data(), bytes.data() + at, step);
    if (turn % every == 0) {
      for (std::size_t i = 0; i < count; ++i) reader.take(Descriptor());
    }
    reader.filled(step);
    at += step;
    while (true) {
      const auto frame = reader.next();
      if (!frame.ok()) {
        const Code code = frame.error().code;
        require(code == Code::kTooLarge || code == Code::kProtocol, "errors are kTooLarge or kProtocol");
        return 0;
      }
      if (!frame->has_value()) break;
      read += kFrameHeaderBytes + (*frame)->payload.size();
      require(read <= at, "no frame is made of bytes that did not come");
      descriptors += (*frame)->descriptors.size();
      std::vector<Descriptor> moved;
      for (Descriptor& descriptor : (*frame)->descriptors) moved.push_back(std::move(descriptor));
      again.append((*frame)->kind, (*frame)->payload, std::move(moved));
    }
  }
  const auto end = reader.at_end();
  require(end.ok() == (read == bytes.size()), "an end inside a frame is told from one between two");
  std::size_t rode = 0;
  require(drain(again, rode) == bytes.substr(0, read), "frames are written back to the bytes they were read from");
  require(rode == descriptors, "descriptors ride with their frames");
  return 0;
}
