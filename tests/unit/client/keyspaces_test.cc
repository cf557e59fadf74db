// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/keyspaces.h"

#include <gtest/gtest.h>

namespace metaring::client {
namespace {

TEST(KeyspaceName, LimitsAreChecked) {
  EXPECT_TRUE(ValidateKeyspaceName("default"));
  EXPECT_TRUE(ValidateKeyspaceName("a.B_9-"));
  EXPECT_TRUE(ValidateKeyspaceName(std::string(64, 'x')));
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string(".hidden"),
                                  std::string("a/b"), std::string("a b"), std::string("a\0b", 3)}) {
    const Status status = ValidateKeyspaceName(name);
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace metaring::client
