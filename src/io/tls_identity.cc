// SPDX-License-Identifier: Apache-2.0
#include "io/tls_identity.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

#include "headrace/base/digest.h"
#include "headrace/base/text.h"
#include "io/frames.h"

namespace headrace::io {
namespace {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* pointer) const { free_function(pointer); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

constexpr long kDay = 24 * 60 * 60;

// The names and times in it mean nothing to our clients, who look at the digest; they are there because X.509 wants them.
Result<Certificate> make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  unsigned char serial[16];
  if (!certificate || RAND_bytes(serial, sizeof serial) != 1) return detail::tls_error("making a certificate");
  serial[0] &= 0x7f;
  const std::unique_ptr<BIGNUM, Free<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  const auto* const common = reinterpret_cast<const unsigned char*>("headrace");
  const bool made = number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) != nullptr &&
                    X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3650 * kDay) != nullptr &&
                    X509_set_pubkey(certificate.get(), key) == 1 &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(certificate.get(), name) == 1 && X509_sign(certificate.get(), key, EVP_sha256()) > 0;
  if (!made) return detail::tls_error("making a certificate");
  return certificate;
}

}  // namespace

namespace detail {

Error tls_error(const char* doing) {
  char text[256] = "no reason given";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return Error(Code::kProtocol, cat(doing, " a TLS connection failed: ", text), "check that both ends speak TLS 1.3");
}

Result<SSL_CTX*> make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context(SSL_CTX_new(method));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 || SSL_CTX_set_num_tickets(context.get(), 0) != 1)
    return tls_error("preparing");
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // The rest of a write may come from another place in memory than its start, once the frame was copied.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadBufferBytes);
  return context.release();
}

std::string certificate_digest(const X509* certificate) {
  Digest digest;
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.bytes.data(), &size) != 1 || size != digest.bytes.size()) return {};
  return digest.hex();
}

}  // namespace detail

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::create() {
  ERR_clear_error();
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return detail::tls_error("making a key for");
  HEADRACE_ASSIGN(const Certificate certificate, make_certificate(key.get()));
  auto impl = std::make_unique<Impl>();
  HEADRACE_ASSIGN(impl->context, detail::make_context(TLS_server_method()));
  if (SSL_CTX_use_certificate(impl->context, certificate.get()) != 1 || SSL_CTX_use_PrivateKey(impl->context, key.get()) != 1)
    return detail::tls_error("preparing");
  impl->digest = detail::certificate_digest(certificate.get());
  if (impl->digest.empty()) return detail::tls_error("preparing");
  return std::shared_ptr<const TlsIdentity>(new TlsIdentity(std::move(impl)));
}

TlsIdentity::TlsIdentity(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsIdentity::~TlsIdentity() = default;
const std::string& TlsIdentity::digest() const { return impl_->digest; }

}  // namespace headrace::io
