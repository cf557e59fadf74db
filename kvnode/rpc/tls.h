// SPDX-License-Identifier: Apache-2.0
//
// TlsContext: certificates, key, CA bundle and revocation list as loaded at one moment. A reload
// makes a new one; connections keep the one that they began with.
//
// Both sides must show a certificate that the CA bundle has signed, that is valid now and not
// revoked, and whose subject is an Identity; a client also asks for a node, under the name that it
// meant to reach (only SANs count, RFC 6125). What fails does so inside the handshake, as a TLS
// alert. Sessions are not resumed: each connection is verified anew, so that a revocation holds.
#ifndef METARING_KVNODE_RPC_TLS_H_
#define METARING_KVNODE_RPC_TLS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kvnode/base/result.h"
#include "kvnode/rpc/identity.h"

struct ssl_st;
struct ssl_ctx_st;

namespace metaring::rpc {

// Files are PEM.
struct TlsOptions {
  std::string ca_file;           // one or more CA certificates: who may sign peers
  std::string certificate_file;  // own certificate, then those between it and the CA
  std::string key_file;          // of the own certificate; not encrypted
  // Optional. With it, each CA of the bundle must have a list in it that has not expired: a peer
  // whose CA has none is refused.
  std::string crl_file;
  bool allow_tls12 = false;  // the floor is TLS 1.3 otherwise
};

// Until when what was loaded is good, in seconds since 1970-01-01T00:00:00Z.
struct TlsExpiry {
  int64_t certificate_at = 0;     // the own one; then no peer accepts it
  std::optional<int64_t> crl_at;  // the first of the lists; then no peer of its CA is accepted.
                                  // Absent without a list
};

// Immutable.
class TlsContext {
 public:
  // kInvalidArgument with the file's name when one does not load, or key and certificate do not
  // belong together.
  static Result<std::shared_ptr<const TlsContext>> ForServer(const TlsOptions& options);
  static Result<std::shared_ptr<const TlsContext>> ForClient(const TlsOptions& options);

  TlsContext(ssl_ctx_st* context, TlsOptions options);  // takes it over
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // One side of a new connection, owned by the caller (SSL_free). `server_name` is a DNS name or an
  // IP address; ForClient only.
  ssl_st* NewServerSession() const;
  ssl_st* NewClientSession(const std::string& server_name) const;

  const TlsExpiry& expiry() const { return expiry_; }
  // Whose the own certificate is.
  const Identity& identity() const { return identity_; }
  // What it was loaded from.
  const TlsOptions& options() const { return options_; }

 private:
  ssl_ctx_st* const context_;
  const TlsOptions options_;
  TlsExpiry expiry_;
  Identity identity_;
};

// The peer's identity after a handshake that succeeded.
Result<Identity> PeerOf(const ssl_st* session);

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_TLS_H_
