// SPDX-License-Identifier: Apache-2.0
#pragma once
// TLS 1.3 over a stream socket (OpenSSL), never waiting. The server shows a self-signed certificate; the client takes exactly the one
// whose digest it was told.

#include <memory>
#include <mutex>
#include <string>

#include "headrace/base/result.h"
#include "headrace/io/channel.h"
#include "io/frames_socket.h"

struct ssl_st;   // OpenSSL's SSL

namespace headrace::io::detail {

/// One side of a TLS connection over `socket`, which it borrows. Threads: any; one lock makes reads and writes take turns, as
/// OpenSSL wants it.
class TlsStream {
 public:
  enum class Wants { kNothing, kRead, kWrite };

  static Result<std::unique_ptr<TlsStream>> server(const TlsIdentity& identity, int socket);
  /// `certificate`: SHA-256 in hexadecimal.
  static Result<std::unique_ptr<TlsStream>> client(std::string certificate, int socket);
  ~TlsStream();

  /// Goes on with the handshake; kNothing: it is done. Errors: kRefused (wrong certificate), kProtocol, kClosed.
  Result<Wants> handshake();
  /// Like their namesakes for plain sockets. Errors: kClosed, also for an end without a goodbye; kProtocol; kIo.
  Result<Moved> send_some(FrameQueue& queue);
  Result<Moved> receive_some(FrameReader& reader);
  /// Tells the peer that nothing more comes; tried once.
  void goodbye();

 private:
  TlsStream(ssl_st* ssl, std::string certificate);
  Error failure(int result, const char* doing);

  std::mutex mutex_;                   // guards ssl_
  ssl_st* ssl_;
  std::string certificate_;            // what a client expects
  int system_error_ = 0;               // errno of the last call that OpenSSL reports as one of the system
};

}  // namespace headrace::io::detail
