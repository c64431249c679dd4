// SPDX-License-Identifier: Apache-2.0
#pragma once
// Channel: frames over a stream socket (Unix or TCP, TLS on TCP), with descriptors beside them on a Unix socket.
//
// Frame: length u32 (payload bytes), crc32c u32 (of kind, flags and payload), kind u16, flags u16 (bit 0..7: descriptors that ride
// along), payload. Little-endian. A reader refuses a length above its limit before it allocates, a wrong checksum, and a frame that
// ends early. Order is kept; a frame is delivered whole or not at all.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/io/descriptor.h"
#include "headrace/io/loop.h"

namespace headrace::io {

inline constexpr std::size_t kFrameHeaderBytes = 12;
inline constexpr std::size_t kFrameMax = std::size_t{64} << 20;       ///< payload bytes
inline constexpr std::size_t kFrameDescriptorsMax = 64;

/// "unix:PATH", "tcp:HOST:PORT" or "tls:HOST:PORT#DIGEST" (SHA-256 of the server's certificate, hexadecimal). IPv6 hosts in brackets.
/// A PATH that starts with '@' is an abstract name. Port 0 listens on a free one.
struct Address {
  enum class Kind { kUnix, kTcp, kTls };
  Kind kind = Kind::kUnix;
  std::string host;                    ///< path of a Unix socket
  std::uint16_t port = 0;
  std::string certificate;             ///< of a TLS server; hexadecimal

  static Result<Address> parse(std::string_view text);
  std::string text() const;
  bool operator==(const Address&) const = default;
};

/// Key and self-signed certificate of a TLS server, made in memory (EC P-256). Clients trust the digest, which they got with the
/// token over the channel that started them; no authority is asked.
class TlsIdentity {
 public:
  static Result<std::shared_ptr<const TlsIdentity>> create();
  ~TlsIdentity();
  const std::string& digest() const;   ///< SHA-256 of the certificate, hexadecimal
  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
  explicit TlsIdentity(std::unique_ptr<Impl> impl);
};

struct Frame {
  std::uint16_t kind = 0;
  std::string_view payload;            ///< valid during the call
  std::span<Descriptor> descriptors;   ///< move from it what is to stay
};

struct ChannelOptions {
  std::size_t frame_max = kFrameMax;                        ///< larger frames from the peer end the channel with kTooLarge
  std::size_t queue_max = std::size_t{256} << 20;           ///< bytes that may wait to be written: `send` refuses more (kFull)
};

/// Threads: `send` and `flush` any; callbacks and the rest in the loop. Keep it by shared_ptr until `on_closed` was called; the channel
/// lets go of its callbacks then.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  /// An error ends the channel and is given to `on_closed`. May call anything of the channel.
  using OnFrame = std::function<Status(Frame&)>;
  /// Called once, last. ok: the peer closed between two frames, or `close` was called.
  using OnClosed = std::function<void(Status)>;
  using OnOpen = std::function<void(Result<std::shared_ptr<Channel>>)>;

  /// Connects in the loop, with all of TLS, and calls `on_open` once. Errors: kUnreachable, kTimeout, kRefused (wrong certificate).
  static void connect(Loop& loop, const Address& address, const ChannelOptions& options, std::chrono::milliseconds timeout,
                      OnOpen on_open);
  /// Around a connected socket (a socketpair, or one inherited). Takes the descriptor.
  static Result<std::shared_ptr<Channel>> adopt(Loop& loop, Descriptor socket, const ChannelOptions& options);
  virtual ~Channel() = default;

  /// Starts reading. Frames that came before are delivered first.
  virtual void start(OnFrame on_frame, OnClosed on_closed) = 0;
  /// Queues a frame; it leaves at `flush`, at the end of the loop's batch, or at once when `now`. Descriptors are duplicated.
  /// Errors: kFull, kTooLarge, kClosed, kUnsupported (descriptors on TCP).
  virtual Status send(std::uint16_t kind, std::string_view payload, std::span<const int> descriptors = {}, bool now = false) = 0;
  virtual void flush() = 0;
  /// Bytes not written yet: senders that care hold back while it is high.
  virtual std::size_t queued_bytes() const = 0;
  /// Writes what is queued and waits until the peer has closed too (at most `linger` in all), then closes. Without `linger`, what the
  /// socket does not take at once is dropped. No frame is delivered after it.
  virtual void close(std::chrono::milliseconds linger = std::chrono::milliseconds(0)) = 0;
  /// Stops and starts reading: back-pressure on the peer. Its end is not noticed meanwhile, and a large frame stays in memory.
  virtual void pause_reading(bool pause) = 0;
  virtual bool is_unix() const = 0;
  /// User of the peer of a Unix socket.
  virtual std::optional<std::uint32_t> peer_user() const = 0;
  virtual std::string peer_text() const = 0;
};

/// Accepts channels in the loop. `identity` is needed for tls addresses.
class Listener {
 public:
  using OnChannel = std::function<void(std::shared_ptr<Channel>)>;
  /// A name as host is looked up on the spot. A path gets mode 0600; a socket file that nobody listens on is replaced.
  /// Errors: kBusy (address taken), kBadValue, kNotFound (no such folder), kUnreachable (unknown host), kIo.
  /// A TLS handshake that is not done after 5 s is dropped; at most 256 are in progress at once, others wait in the kernel's queue.
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address, std::shared_ptr<const TlsIdentity> identity,
                                                const ChannelOptions& options, OnChannel on_channel);
  virtual ~Listener() = default;
  /// With the port that was taken and the certificate's digest: what a client connects to.
  virtual Address address() const = 0;
};

}  // namespace headrace::io
