// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/expiry.h"

#include <gtest/gtest.h>

namespace metaring::server {
namespace {

constexpr int64_t kNow = 1'800'000'000;
constexpr int64_t kDay = 86'400;

std::vector<std::string> TextsOf(const rpc::TlsExpiry& expiry, int64_t warning_days = 30) {
  std::vector<std::string> texts;
  for (const ExpiryWarning& warning : ExpiryWarningsOf(expiry, kNow, warning_days)) {
    texts.push_back((warning.expired ? "! " : "") + warning.text);
  }
  return texts;
}

TEST(Expiry, IsNotSpokenOfBeforeItsTime) {
  EXPECT_TRUE(TextsOf({kNow + 31 * kDay, std::nullopt}).empty());
  EXPECT_TRUE(TextsOf({kNow + 31 * kDay, kNow + 31 * kDay}).empty());
  EXPECT_TRUE(TextsOf({kNow + 1, kNow + 1}, 0).empty());
}

TEST(Expiry, WarnsOfEachThatExpiresSoon) {
  EXPECT_EQ(TextsOf({kNow + 12 * kDay + 5, kNow + 40 * kDay}),
            std::vector<std::string>{"the certificate expires in 12 days"});
  EXPECT_EQ(TextsOf({kNow + 30 * kDay, kNow + 47 * 3600 + 5}),
            (std::vector<std::string>{"the certificate expires in 30 days",
                                      "the revocation list expires in 47 hours"}));
}

TEST(Expiry, SaysWhatHasExpiredAndWhatThatMeans) {
  EXPECT_EQ(TextsOf({kNow, kNow - 1}, 0),
            (std::vector<std::string>{"! the certificate has expired: nobody can connect",
                                      "! the revocation list has expired: nobody is accepted"}));
}

}  // namespace
}  // namespace metaring::server
