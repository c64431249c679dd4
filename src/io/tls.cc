// SPDX-License-Identifier: Apache-2.0
#include "io/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "headrace/base/text.h"
#include "io/tls_identity.h"

namespace headrace::io::detail {
namespace {

// A BIO over send and recv: OpenSSL's own writes with write(2), which raises SIGPIPE.

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t sent = 0;
  do {
    sent = ::send(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), bytes, static_cast<std::size_t>(size),
                  MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t got = 0;
  do {
    got = ::recv(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), bytes, static_cast<std::size_t>(size), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
  }
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    HEADRACE_CHECK(made != nullptr, "OpenSSL made no BIO method");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_create(made, bio_create);
    return made;
  }();
  return method;
}

Result<SSL*> open_ssl(SSL_CTX* context, int socket) {
  ERR_clear_error();
  SSL* const ssl = SSL_new(context);
  BIO* const bio = BIO_new(socket_method());
  if (ssl == nullptr || bio == nullptr) {
    SSL_free(ssl);
    BIO_free(bio);
    return tls_error("starting TLS");
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  SSL_set_bio(ssl, bio, bio);
  return ssl;
}

// Takes exactly the certificate whose digest the client was told; the handshake itself proves that the server has its key.
int verify(X509_STORE_CTX* store, void*) {
  const auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* const expected = static_cast<const std::string*>(SSL_get_app_data(ssl));
  X509* const certificate = X509_STORE_CTX_get0_cert(store);
  const bool right = expected != nullptr && !expected->empty() && certificate != nullptr && *expected == certificate_digest(certificate);
  X509_STORE_CTX_set_error(store, right ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return right ? 1 : 0;
}

SSL_CTX* client_context() {
  static SSL_CTX* const context = [] {
    auto made = make_context(TLS_client_method());
    HEADRACE_CHECK(made.ok(), made.error().text());
    SSL_CTX_set_verify(*made, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(*made, verify, nullptr);
    return *made;
  }();
  return context;
}

}  // namespace

TlsStream::TlsStream(ssl_st* ssl, std::string certificate) : ssl_(ssl), certificate_(std::move(certificate)) {
  SSL_set_app_data(ssl_, &certificate_);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

Result<std::unique_ptr<TlsStream>> TlsStream::server(const TlsIdentity& identity, int socket) {
  HEADRACE_ASSIGN(SSL * ssl, open_ssl(identity.impl().context, socket));
  SSL_set_accept_state(ssl);
  return std::unique_ptr<TlsStream>(new TlsStream(ssl, {}));
}

Result<std::unique_ptr<TlsStream>> TlsStream::client(std::string certificate, int socket) {
  HEADRACE_ASSIGN(SSL * ssl, open_ssl(client_context(), socket));
  SSL_set_connect_state(ssl);
  return std::unique_ptr<TlsStream>(new TlsStream(ssl, std::move(certificate)));
}

Error TlsStream::failure(int result, const char* doing) {
  if (result == SSL_ERROR_ZERO_RETURN) return Error(Code::kClosed, "the peer closed the connection");
  if (result == SSL_ERROR_SYSCALL) {
    if (system_error_ == 0) return Error(Code::kClosed, "the peer closed the connection without a TLS goodbye");
    return socket_error(system_error_, doing);
  }
  const unsigned long first = ERR_peek_error();
  if (ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return Error(Code::kClosed, "the peer closed the connection without a TLS goodbye");
  if (ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return Error(Code::kRefused, "the server's certificate is not the one that was expected",
                 "another program answers at this address, or its address is from an earlier start");
  return tls_error(doing);
}

Result<TlsStream::Wants> TlsStream::handshake() {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  errno = 0;
  const int done = SSL_do_handshake(ssl_);
  if (done == 1) return Wants::kNothing;
  system_error_ = errno;
  const int result = SSL_get_error(ssl_, done);
  if (result == SSL_ERROR_WANT_READ) return Wants::kRead;
  if (result == SSL_ERROR_WANT_WRITE) return Wants::kWrite;
  return failure(result, "agreeing on TLS on");
}

Result<Moved> TlsStream::send_some(FrameQueue& queue) {
  const FrameQueue::Batch batch = queue.batch();
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  errno = 0;
  const iovec& part = batch.parts[0];
  const int sent = SSL_write(ssl_, part.iov_base, static_cast<int>(std::min<std::size_t>(part.iov_len, INT_MAX)));
  if (sent > 0) {
    queue.consume(static_cast<std::size_t>(sent));
    return Moved{.bytes = static_cast<std::size_t>(sent)};
  }
  system_error_ = errno;
  const int result = SSL_get_error(ssl_, sent);
  if (result == SSL_ERROR_WANT_WRITE || result == SSL_ERROR_WANT_READ) return Moved{.blocked = true};
  return failure(result, "writing to");
}

Result<Moved> TlsStream::receive_some(FrameReader& reader) {
  const std::span<char> room = reader.room();
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  errno = 0;
  const int got = SSL_read(ssl_, room.data(), static_cast<int>(std::min<std::size_t>(room.size(), INT_MAX)));
  if (got > 0) {
    reader.filled(static_cast<std::size_t>(got));
    return Moved{.bytes = static_cast<std::size_t>(got)};
  }
  system_error_ = errno;
  const int result = SSL_get_error(ssl_, got);
  if (result == SSL_ERROR_WANT_READ || result == SSL_ERROR_WANT_WRITE) return Moved{.blocked = true};
  if (result == SSL_ERROR_ZERO_RETURN) return Moved{.ended = true};
  return failure(result, "reading from");
}

void TlsStream::goodbye() {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace headrace::io::detail
