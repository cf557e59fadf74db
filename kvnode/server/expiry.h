// SPDX-License-Identifier: Apache-2.0
//
// What of a node's TLS files expires soon, or has: the same words for its log and for who asks for
// its health.
#ifndef METARING_KVNODE_SERVER_EXPIRY_H_
#define METARING_KVNODE_SERVER_EXPIRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kvnode/rpc/tls.h"

namespace metaring::server {

struct ExpiryWarning {
  enum class Of { kCertificate, kCrl };
  Of of = Of::kCertificate;
  bool expired = false;
  std::string text;  // "the certificate expires in 12 days"
};

// `now_seconds` since 1970. Warns from `warning_days` before the end on; 0: only of what has
// expired.
std::vector<ExpiryWarning> ExpiryWarningsOf(const rpc::TlsExpiry& expiry, int64_t now_seconds,
                                            int64_t warning_days);

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_EXPIRY_H_
