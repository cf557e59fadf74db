// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/expiry.h"

#include <fmt/format.h>

namespace metaring::server {
namespace {

constexpr int64_t kHourSeconds = 3600;
constexpr int64_t kDaySeconds = 24 * kHourSeconds;

std::string TimeText(int64_t seconds) {
  if (seconds >= 2 * kDaySeconds) return fmt::format("{} days", seconds / kDaySeconds);
  return fmt::format("{} hours", seconds / kHourSeconds);
}

}  // namespace

std::vector<ExpiryWarning> ExpiryWarningsOf(const rpc::TlsExpiry& expiry, int64_t now_seconds,
                                            int64_t warning_days) {
  std::vector<ExpiryWarning> warnings;
  const auto check = [&](ExpiryWarning::Of of, int64_t at, const char* what, const char* then) {
    const int64_t left = at - now_seconds;
    if (left <= 0) {
      warnings.push_back({of, true, fmt::format("{} has expired: {}", what, then)});
    } else if (left <= warning_days * kDaySeconds) {
      warnings.push_back({of, false, fmt::format("{} expires in {}", what, TimeText(left))});
    }
  };
  check(ExpiryWarning::Of::kCertificate, expiry.certificate_at, "the certificate",
        "nobody can connect");
  if (expiry.crl_at) {
    check(ExpiryWarning::Of::kCrl, *expiry.crl_at, "the revocation list", "nobody is accepted");
  }
  return warnings;
}

}  // namespace metaring::server
