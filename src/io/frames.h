// SPDX-License-Identifier: Apache-2.0
#pragma once
// The codec of frames, apart from sockets: FrameReader turns bytes into frames, FrameQueue turns frames into bytes.
// Threads: one at a time.

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/io/channel.h"
#include "headrace/io/descriptor.h"

namespace headrace::io::detail {

inline constexpr std::size_t kReadBufferBytes = std::size_t{128} << 10;

struct FrameHeader {
  std::uint32_t length = 0;            // of the payload
  std::uint32_t checksum = 0;
  std::uint16_t kind = 0;
  std::uint16_t flags = 0;

  std::size_t descriptors() const { return flags & 0xffu; }
};

FrameHeader read_header(const char* bytes);
/// The header of a frame, with its checksum. `payload` within 4 GiB.
std::array<char, kFrameHeaderBytes> make_header(std::uint16_t kind, std::size_t descriptors, std::string_view payload);

/// Frames out of a stream of bytes. Use: write up to room().size() bytes to room(), say `filled`, call `next` until it has nothing.
/// A payload larger than half the buffer gets memory of its own, and the bytes go straight there.
class FrameReader {
 public:
  explicit FrameReader(std::size_t frame_max) : frame_max_(frame_max) {}

  /// Never empty. Payloads given before are gone.
  std::span<char> room();
  void filled(std::size_t bytes);
  /// Descriptors that came with the bytes; to be told before the `filled` of these bytes.
  void take(Descriptor descriptor) { waiting_.push_back(std::move(descriptor)); }

  /// The next whole frame, or nothing when more bytes are needed. It is valid until the next call of anything here; descriptors that
  /// were not moved from it are closed then.
  /// Errors: kTooLarge, before anything is allocated; kProtocol for a wrong checksum, unknown flags, descriptors missing or too many.
  Result<std::optional<Frame>> next();
  /// What the end of the stream means here. Errors: kClosed inside a frame.
  Status at_end() const;

 private:
  Status check(const FrameHeader& header) const;
  Result<std::optional<Frame>> deliver(const FrameHeader& header, std::string_view payload);
  std::size_t buffered() const { return end_ - begin_; }

  std::size_t frame_max_;
  std::unique_ptr<char[]> buffer_;     // [begin_, end_) is not looked at yet
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::unique_ptr<char[]> large_;      // payload of a large frame, whose header is large_header_
  std::size_t large_filled_ = 0;
  FrameHeader large_header_;
  std::deque<Descriptor> waiting_;     // came, but their frame is not whole
  std::vector<Descriptor> given_;
};

/// Bytes that wait to be written. Small frames are gathered in one piece; a large payload is a piece of its own; a frame with
/// descriptors starts a piece, so that they can ride with its first byte.
class FrameQueue {
 public:
  struct Batch {
    std::array<iovec, 64> parts;
    std::size_t count = 0;
    std::span<const Descriptor> descriptors;   // ride with the first byte
  };

  bool empty() const { return pieces_.empty(); }
  /// Bytes not consumed.
  std::size_t bytes() const { return bytes_; }
  /// Copies the payload.
  void append(std::uint16_t kind, std::string_view payload, std::vector<Descriptor> descriptors);
  /// Like `append`, but borrows the payload until it is consumed or `keep_borrowed` was called.
  void append_borrowed(std::uint16_t kind, std::string_view payload, std::vector<Descriptor> descriptors);
  void keep_borrowed();
  /// Moves the pieces of `other` to the end.
  void append(FrameQueue&& other);
  /// What one sendmsg may carry: up to the next piece with descriptors.
  Batch batch() const;
  /// The first `bytes` of the batch were written, and its descriptors with them. `bytes` > 0.
  void consume(std::size_t bytes);

 private:
  struct Piece {
    std::string owned;
    std::string_view borrowed;         // used when it is not empty
    std::size_t written = 0;
    bool closed = false;               // nothing is appended any more
    std::vector<Descriptor> descriptors;

    std::string_view rest() const { return (borrowed.empty() ? std::string_view(owned) : borrowed).substr(written); }
  };
  Piece& piece_for(std::size_t bytes, std::vector<Descriptor>&& descriptors);

  std::deque<Piece> pieces_;
  std::size_t bytes_ = 0;
};

}  // namespace headrace::io::detail
