// SPDX-License-Identifier: Apache-2.0
#include "io/frames.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "headrace/base/digest.h"
#include "headrace/base/text.h"

namespace headrace::io::detail {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;    // small frames are gathered up to here
constexpr std::size_t kOwnPieceBytes = std::size_t{16} << 10; // larger frames get a piece of their own
constexpr const char* kAdvice = "the peer is no Headrace of this version, or the bytes were changed on the way";

template <class T>
T little(const char* bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | T{static_cast<unsigned char>(bytes[i])} << 8 * i);
  return value;
}

template <class T>
void put_little(char* bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(static_cast<unsigned char>(value >> 8 * i));
}

std::uint32_t checksum_of(const char* kind_and_flags, std::string_view payload) {
  return crc32c(payload.data(), payload.size(), crc32c(kind_and_flags, 4));
}

}  // namespace

FrameHeader read_header(const char* bytes) {
  return {.length = little<std::uint32_t>(bytes),
          .checksum = little<std::uint32_t>(bytes + 4),
          .kind = little<std::uint16_t>(bytes + 8),
          .flags = little<std::uint16_t>(bytes + 10)};
}

std::array<char, kFrameHeaderBytes> make_header(std::uint16_t kind, std::size_t descriptors, std::string_view payload) {
  std::array<char, kFrameHeaderBytes> header;
  put_little(header.data(), static_cast<std::uint32_t>(payload.size()));
  put_little(header.data() + 8, kind);
  put_little(header.data() + 10, static_cast<std::uint16_t>(descriptors));
  put_little(header.data() + 4, checksum_of(header.data() + 8, payload));
  return header;
}

std::span<char> FrameReader::room() {
  if (large_ && large_filled_ < large_header_.length) return {large_.get() + large_filled_, large_header_.length - large_filled_};
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kReadBufferBytes);
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ > kReadBufferBytes / 2) {   // at most half a buffer is moved, once a buffer
    std::memmove(buffer_.get(), buffer_.get() + begin_, buffered());
    end_ = buffered();
    begin_ = 0;
  }
  return {buffer_.get() + end_, kReadBufferBytes - end_};
}

void FrameReader::filled(std::size_t bytes) {
  if (large_ && large_filled_ < large_header_.length) {
    large_filled_ += bytes;
  } else {
    end_ += bytes;
  }
}

Status FrameReader::check(const FrameHeader& header) const {
  if (header.length > frame_max_) {
    return Error(Code::kTooLarge, cat("a frame of ", header.length, " bytes came, the limit is ", frame_max_), kAdvice);
  }
  if (header.flags > 0xff) return Error(Code::kProtocol, cat("a frame has unknown flags ", header.flags), kAdvice);
  if (header.descriptors() > kFrameDescriptorsMax)
    return Error(Code::kProtocol, cat("a frame says that ", header.descriptors(), " descriptors ride along"), kAdvice);
  // Descriptors come with the first byte of their frame, so they must be here, and none that the frame does not own can be.
  if (waiting_.size() < header.descriptors())
    return Error(Code::kProtocol, cat(waiting_.size(), " of ", header.descriptors(), " descriptors of a frame came"),
                 "raise the limit on open files (ulimit -n), or the peer is no Headrace of this version");
  return {};
}

Result<std::optional<Frame>> FrameReader::deliver(const FrameHeader& header, std::string_view payload) {
  char kind_and_flags[4];
  put_little(kind_and_flags, header.kind);
  put_little(kind_and_flags + 2, header.flags);
  if (checksum_of(kind_and_flags, payload) != header.checksum)
    return Error(Code::kProtocol, cat("a frame of kind ", header.kind, " and ", header.length, " bytes has a wrong checksum"), kAdvice);
  for (std::size_t i = 0; i < header.descriptors(); ++i) {
    given_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return std::optional(Frame{.kind = header.kind, .payload = payload, .descriptors = given_});
}

Result<std::optional<Frame>> FrameReader::next() {
  given_.clear();
  if (large_) {
    if (large_filled_ < large_header_.length) return std::optional<Frame>();
    if (large_filled_ == large_header_.length) {
      ++large_filled_;   // given: it goes at the next call
      return deliver(large_header_, {large_.get(), large_header_.length});
    }
    large_.reset();
  }
  const std::size_t bytes = buffered();
  if (bytes < kFrameHeaderBytes) {
    const std::size_t owned_max = bytes > 0 ? kFrameDescriptorsMax : 0;
    if (waiting_.size() > owned_max) return Error(Code::kProtocol, "descriptors came that belong to no frame", kAdvice);
    return std::optional<Frame>();
  }
  const FrameHeader header = read_header(buffer_.get() + begin_);
  HEADRACE_TRY(check(header));
  const std::size_t whole = kFrameHeaderBytes + header.length;
  if (bytes >= whole) {
    const std::string_view payload(buffer_.get() + begin_ + kFrameHeaderBytes, header.length);
    begin_ += whole;
    return deliver(header, payload);
  }
  if (waiting_.size() > header.descriptors()) return Error(Code::kProtocol, "descriptors came that belong to no frame", kAdvice);
  if (whole > kReadBufferBytes / 2) {
    large_ = std::make_unique_for_overwrite<char[]>(header.length);
    large_filled_ = bytes - kFrameHeaderBytes;
    large_header_ = header;
    std::memcpy(large_.get(), buffer_.get() + begin_ + kFrameHeaderBytes, large_filled_);
    begin_ = end_ = 0;
  }
  return std::optional<Frame>();
}

Status FrameReader::at_end() const {
  const bool in_large = large_ && large_filled_ < large_header_.length;
  if (!in_large && buffered() == 0) return {};
  if (!in_large && buffered() < kFrameHeaderBytes)
    return Error(Code::kClosed, cat("the peer closed the connection inside a frame, after ", buffered(), " bytes of its header"));
  const FrameHeader header = in_large ? large_header_ : read_header(buffer_.get() + begin_);
  const std::size_t came = in_large ? large_filled_ : buffered() - kFrameHeaderBytes;
  return Error(Code::kClosed, cat("the peer closed the connection inside a frame of kind ", header.kind, ", after ", came, " of ",
                                  header.length, " bytes"));
}

FrameQueue::Piece& FrameQueue::piece_for(std::size_t bytes, std::vector<Descriptor>&& descriptors) {
  const bool fits = !pieces_.empty() && !pieces_.back().closed && descriptors.empty() && bytes <= kOwnPieceBytes &&
                    pieces_.back().owned.size() + bytes <= kPieceBytes;
  if (!fits) {
    pieces_.emplace_back();
    pieces_.back().descriptors = std::move(descriptors);
    pieces_.back().closed = bytes > kOwnPieceBytes;
    if (bytes > kOwnPieceBytes) pieces_.back().owned.reserve(bytes);
  }
  return pieces_.back();
}

void FrameQueue::append(std::uint16_t kind, std::string_view payload, std::vector<Descriptor> descriptors) {
  const auto header = make_header(kind, descriptors.size(), payload);
  Piece& piece = piece_for(header.size() + payload.size(), std::move(descriptors));
  piece.owned.append(header.data(), header.size());
  piece.owned.append(payload);
  bytes_ += header.size() + payload.size();
}

void FrameQueue::append_borrowed(std::uint16_t kind, std::string_view payload, std::vector<Descriptor> descriptors) {
  const auto header = make_header(kind, descriptors.size(), payload);
  Piece& piece = piece_for(header.size(), std::move(descriptors));
  piece.owned.append(header.data(), header.size());
  piece.closed = true;
  bytes_ += header.size() + payload.size();
  if (payload.empty()) return;
  pieces_.emplace_back();
  pieces_.back().borrowed = payload;
  pieces_.back().closed = true;
}

void FrameQueue::keep_borrowed() {
  for (Piece& piece : pieces_) {
    if (piece.borrowed.empty()) continue;
    piece.owned = piece.rest();
    piece.borrowed = {};
    piece.written = 0;
  }
}

void FrameQueue::append(FrameQueue&& other) {
  bytes_ += std::exchange(other.bytes_, 0);
  if (pieces_.empty()) {
    pieces_.swap(other.pieces_);
    return;
  }
  for (Piece& piece : other.pieces_) pieces_.push_back(std::move(piece));
  other.pieces_.clear();
}

FrameQueue::Batch FrameQueue::batch() const {
  Batch batch;
  for (const Piece& piece : pieces_) {
    const bool first = batch.count == 0;
    if (batch.count == batch.parts.size() || (!first && !piece.descriptors.empty())) break;
    if (first) batch.descriptors = piece.descriptors;
    const std::string_view rest = piece.rest();
    batch.parts[batch.count++] = {const_cast<char*>(rest.data()), rest.size()};
  }
  return batch;
}

void FrameQueue::consume(std::size_t bytes) {
  bytes_ -= bytes;
  pieces_.front().descriptors.clear();
  while (bytes > 0) {
    Piece& piece = pieces_.front();
    const std::size_t step = std::min(bytes, piece.rest().size());
    piece.written += step;
    bytes -= step;
    if (!piece.rest().empty()) return;
    pieces_.pop_front();
  }
}

}  // namespace headrace::io::detail
