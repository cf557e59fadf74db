// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "kvnode/base/bytes.h"

namespace metaring::client {

std::string Endpoint::ToString() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
  const auto wrong = [&] {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not HOST:PORT (an IPv6 address in brackets)", Escaped(text)));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong();
  }
  const bool printable = std::all_of(host.begin(), host.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '[' && c != ']' && c != '/' && c != ',';
  });
  const std::string_view digits = text.substr(colon + 1);
  Endpoint endpoint{std::string(host), 0};
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  const bool number = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
  if (host.empty() || !printable || !number || endpoint.port == 0) return wrong();
  return endpoint;
}

Result<std::vector<Endpoint>> ParseEndpoints(std::string_view text) {
  std::vector<Endpoint> endpoints;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    ASSIGN_OR_RETURN(Endpoint endpoint, ParseEndpoint(text.substr(begin, end - begin)));
    if (endpoints.size() == kEndpointsMax) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("more than {} endpoints", kEndpointsMax));
    }
    endpoints.push_back(std::move(endpoint));
    begin = end + 1;
  }
  return endpoints;
}

}  // namespace metaring::client
