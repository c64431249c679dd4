// SPDX-License-Identifier: Apache-2.0
#pragma once
// OpenSSL contexts and certificates.

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string>

#include "headrace/base/result.h"
#include "headrace/io/channel.h"

namespace headrace::io {

struct TlsIdentity::Impl {
  SSL_CTX* context = nullptr;
  std::string digest;

  ~Impl() { SSL_CTX_free(context); }
};

namespace detail {

/// TLS 1.3 and nothing older, no session tickets, partial writes.
Result<SSL_CTX*> make_context(const SSL_METHOD* method);
/// SHA-256 in hexadecimal.
std::string certificate_digest(const X509* certificate);
/// What OpenSSL says went wrong in this thread, as kProtocol.
Error tls_error(const char* doing);

}  // namespace detail
}  // namespace headrace::io
