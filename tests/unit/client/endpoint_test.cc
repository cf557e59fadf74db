// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/endpoint.h"

#include <gtest/gtest.h>

namespace metaring::client {
namespace {

TEST(Endpoint, IsAHostAndAPort) {
  EXPECT_EQ(*ParseEndpoint("node-1.example:7400"), (Endpoint{"node-1.example", 7400}));
  EXPECT_EQ(*ParseEndpoint("127.0.0.1:1"), (Endpoint{"127.0.0.1", 1}));
  EXPECT_EQ(*ParseEndpoint("[::1]:65535"), (Endpoint{"::1", 65535}));
  for (const char* text : {"a:1", "[::1]:2"}) EXPECT_EQ(ParseEndpoint(text)->ToString(), text);
}

TEST(Endpoint, RefusesAnythingElse) {
  for (const char* text : {"", "a", ":1", "a:", "a:0", "a:65536", "a:-1", "a:+1", "a:1x", "::1:1",
                           "[]:1", "a b:1", "[::1]", "embedded:/dir", "a/b:1", "\n:1"}) {
    const auto parsed = ParseEndpoint(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Endpoint, ListsAreSeparatedByCommas) {
  const auto list = ParseEndpoints("a:1,[::1]:2,c:3");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[1], (Endpoint{"::1", 2}));
  for (const char* text : {"", ",", "a:1,", ",a:1", "a:1,,b:2", "a:1, b:2"}) {
    EXPECT_FALSE(ParseEndpoints(text)) << text;
  }
  std::string many = "a:1";
  for (size_t i = 1; i < kEndpointsMax; ++i) many += ",a:1";
  EXPECT_EQ(ParseEndpoints(many)->size(), kEndpointsMax);
  EXPECT_FALSE(ParseEndpoints(many + ",a:1"));
}

}  // namespace
}  // namespace metaring::client
