// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/txn.h"

#include <gtest/gtest.h>

namespace metaring::ctl {
namespace {

using client::Compare;
using client::Op;

std::string ErrorOf(std::string_view text) {
  const auto parsed = ParseTransaction(text, /*hex=*/false);
  EXPECT_FALSE(parsed) << text;
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  return parsed.error().message;
}

TEST(ParseTransaction, KnowsEveryCompare) {
  const auto parsed = ParseTransaction(
      R"({"compares": [{"exists": "a"}, {"absent": "b"}, {"version": ["c", 7]},
          {"value": ["d", "v"]}, {"range_empty": ["e", "f"]}, {"prefix_empty": "g"}]})",
      /*hex=*/false);
  ASSERT_TRUE(parsed);
  const auto& compares = parsed->compares;
  ASSERT_EQ(compares.size(), 6u);
  EXPECT_EQ(compares[0].kind, Compare::Kind::kExists);
  EXPECT_EQ(compares[1].kind, Compare::Kind::kAbsent);
  EXPECT_EQ(compares[2].kind, Compare::Kind::kVersion);
  EXPECT_EQ(compares[2].version, 7u);
  EXPECT_EQ(compares[3].kind, Compare::Kind::kValue);
  EXPECT_EQ(compares[3].value, "v");
  EXPECT_EQ(compares[4].kind, Compare::Kind::kRangeEmpty);
  EXPECT_EQ(compares[4].end, "f");
  EXPECT_EQ(compares[5].kind, Compare::Kind::kRangeEmpty);
  EXPECT_EQ(compares[5].key, "g");
  EXPECT_EQ(compares[5].end, "");
}

TEST(ParseTransaction, KnowsEveryOpAndTheReads) {
  const auto parsed = ParseTransaction(
      R"({"then": [{"put": ["a", "v"]}, {"delete": "b"}, {"add": ["c", -3]}, {"max": ["d", 9]}],
          "else": ["x", "y"]})",
      /*hex=*/false);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->then_ops.size(), 4u);
  EXPECT_EQ(parsed->then_ops[0].value, "v");
  EXPECT_EQ(parsed->then_ops[1].kind, Op::Kind::kDelete);
  EXPECT_EQ(parsed->then_ops[2].kind, Op::Kind::kAdd);
  EXPECT_EQ(parsed->then_ops[2].delta, -3);
  EXPECT_EQ(parsed->then_ops[3].kind, Op::Kind::kMax);
  EXPECT_EQ(parsed->else_reads, (std::vector<Bytes>{"x", "y"}));
}

TEST(ParseTransaction, ReadsHexadecimalDigits) {
  const auto parsed = ParseTransaction(R"({"then": [{"put": ["00", "ff"]}]})", /*hex=*/true);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->then_ops[0].key, Bytes(1, '\0'));
  EXPECT_EQ(parsed->then_ops[0].value, "\xff");
}

TEST(ParseTransaction, SaysWhereItIsWrong) {
  EXPECT_NE(ErrorOf("").find("JSON"), std::string::npos);
  EXPECT_NE(ErrorOf("[]").find("JSON"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"ops": []})").find("ops"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"then": {}})").find("then"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"then": [{"delete": "a"}, {"put": "k"}]})").find("then[1].put"),
            std::string::npos);
  EXPECT_NE(ErrorOf(R"({"then": [{"add": ["k", "1"]}]})").find("then[0].add"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"then": [{"move": "k"}]})").find("none of put"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"compares": [{"exists": 1}]})").find("compares[0].exists"),
            std::string::npos);
  EXPECT_NE(ErrorOf(R"({"compares": [{}]})").find("one member"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"else": [7]})").find("else"), std::string::npos);
}

}  // namespace
}  // namespace metaring::ctl
