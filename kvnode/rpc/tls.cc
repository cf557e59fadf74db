// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/tls.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/rpc/openssl_ptr.h"

namespace metaring::rpc {
namespace {

constexpr const char* kTls13Ciphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kGroups = "X25519:P-256";

tl::unexpected<Error> BadFile(const char* what, const std::string& file) {
  return Fail(ErrorCode::kInvalidArgument, what + (" " + file) + ": " + OpensslReason());
}

// What the chain's checks cannot say: the leaf must be one of ours, and of the role asked for.
int Accept(int chain_ok, X509_STORE_CTX* store, bool node_only) {
  if (chain_ok == 0 || X509_STORE_CTX_get_error_depth(store) != 0) return chain_ok;
  const Result<Identity> peer = IdentityOf(X509_STORE_CTX_get_current_cert(store));
  if (peer && (!node_only || peer->role == Role::kNode)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}
int AcceptClient(int chain_ok, X509_STORE_CTX* store) {
  return Accept(chain_ok, store, false);
}
int AcceptServer(int chain_ok, X509_STORE_CTX* store) {
  return Accept(chain_ok, store, true);
}

Status LoadRevocations(SSL_CTX* context, const std::string& file) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  X509_LOOKUP* lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  if (X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) <= 0) {
    return BadFile("revocation list", file);
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  return {};
}

Status LoadFiles(SSL_CTX* context, const TlsOptions& options) {
  if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
    return BadFile("CA bundle", options.ca_file);
  }
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return BadFile("certificate", options.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return BadFile("key", options.key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return BadFile("key of another certificate", options.key_file);
  }
  if (!options.crl_file.empty()) return LoadRevocations(context, options.crl_file);
  return {};
}

void Restrict(SSL_CTX* context, const TlsOptions& options) {
  CHECK(SSL_CTX_set_min_proto_version(context,
                                      options.allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1);
  CHECK(SSL_CTX_set_ciphersuites(context, kTls13Ciphers) == 1);
  CHECK(SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1);
  CHECK(SSL_CTX_set1_groups_list(context, kGroups) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // An idle connection keeps no record buffers; a write may be taken in part, from a buffer that
  // has moved since; one recv may bring many records.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
}

Result<std::shared_ptr<const TlsContext>> Load(const TlsOptions& options, const SSL_METHOD* method,
                                               SSL_verify_cb accept) {
  ERR_clear_error();
  SslCtxPtr context(SSL_CTX_new(method));
  CHECK(context != nullptr);
  Restrict(context.get(), options);
  RETURN_IF_ERROR(LoadFiles(context.get(), options));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept);
  if (auto own = IdentityOf(SSL_CTX_get0_certificate(context.get())); !own) {
    return Fail(ErrorCode::kInvalidArgument, options.certificate_file + ": " + own.error().message);
  }
  return std::make_shared<const TlsContext>(context.release(), options);
}

bool IsIpAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

// A time that is none is past.
int64_t SecondsOf(const ASN1_TIME* time) {
  std::tm end{};
  return ASN1_TIME_to_tm(time, &end) == 1 ? timegm(&end) : 0;
}

// The earliest next update; a list without one does not expire.
std::optional<int64_t> CrlExpiryOf(X509_STORE* store) {
  std::optional<int64_t> first;
  STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(store);
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    X509_CRL* const crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
    const ASN1_TIME* const next = crl == nullptr ? nullptr : X509_CRL_get0_nextUpdate(crl);
    if (next == nullptr) continue;
    const int64_t seconds = SecondsOf(next);
    first = first ? std::min(*first, seconds) : seconds;
  }
  return first;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::ForServer(const TlsOptions& options) {
  return Load(options, TLS_server_method(), AcceptClient);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::ForClient(const TlsOptions& options) {
  return Load(options, TLS_client_method(), AcceptServer);
}

TlsContext::TlsContext(ssl_ctx_st* context, TlsOptions options)
    : context_(context), options_(std::move(options)) {
  const X509* own = SSL_CTX_get0_certificate(context);
  expiry_ = {SecondsOf(X509_get0_notAfter(own)), CrlExpiryOf(SSL_CTX_get_cert_store(context))};
  if (auto identity = IdentityOf(own)) identity_ = *std::move(identity);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

ssl_st* TlsContext::NewServerSession() const {
  SSL* session = SSL_new(context_);
  CHECK(session != nullptr);
  SSL_set_accept_state(session);
  return session;
}

ssl_st* TlsContext::NewClientSession(const std::string& server_name) const {
  SSL* session = SSL_new(context_);
  CHECK(session != nullptr);
  SSL_set_connect_state(session);
  X509_VERIFY_PARAM* expected = SSL_get0_param(session);
  X509_VERIFY_PARAM_set_hostflags(
      expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (IsIpAddress(server_name)) {
    CHECK(X509_VERIFY_PARAM_set1_ip_asc(expected, server_name.c_str()) == 1);
  } else {
    CHECK(X509_VERIFY_PARAM_set1_host(expected, server_name.data(), server_name.size()) == 1);
    CHECK(SSL_set_tlsext_host_name(session, server_name.c_str()) == 1);
  }
  return session;
}

Result<Identity> PeerOf(const ssl_st* session) {
  const X509Ptr certificate(SSL_get1_peer_certificate(session));
  if (certificate == nullptr) {
    return Fail(ErrorCode::kPermissionDenied, "the peer has no certificate");
  }
  return IdentityOf(certificate.get());
}

}  // namespace metaring::rpc
