// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: where a node listens.
#ifndef METARING_KVNODE_CLIENT_ENDPOINT_H_
#define METARING_KVNODE_CLIENT_ENDPOINT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kvnode/base/result.h"

namespace metaring::client {

inline constexpr size_t kEndpointsMax = 64;

struct Endpoint {
  std::string host;  // a name or a numeric address, without brackets
  uint16_t port = 0;
  std::string ToString() const;  // HOST:PORT, [HOST]:PORT with a colon in HOST
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// HOST:PORT; an IPv6 address is in brackets. kInvalidArgument.
Result<Endpoint> ParseEndpoint(std::string_view text);
// HOST:PORT[,HOST:PORT...], 1 to kEndpointsMax of them.
Result<std::vector<Endpoint>> ParseEndpoints(std::string_view text);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_ENDPOINT_H_
