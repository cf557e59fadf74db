// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bytes_argument.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace metaring::ctl {
namespace {

TEST(ParseHex, TakesDigitsOfEitherCaseAndBlanksBetweenBytes) {
  EXPECT_EQ(*ParseHex("00fF7a"), Bytes("\x00\xff\x7a", 3));
  EXPECT_EQ(*ParseHex("de ad\nbe\tef "), "\xde\xad\xbe\xef");
  EXPECT_EQ(*ParseHex(""), "");
}

TEST(ParseHex, RefusesHalfBytesAndOtherCharacters) {
  for (const char* wrong : {"0", "0 0", "xx", "00 f", "0x00", "00-"}) {
    EXPECT_EQ(ParseHex(wrong).error().code, ErrorCode::kInvalidArgument) << wrong;
  }
}

TEST(ParseHex, ReadsWhatToHexWrites) {
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(*ParseHex(ToHex(all)), all);
}

TEST(ParseBytes, WithoutHexIsTheTextItself) {
  EXPECT_EQ(*ParseBytes("00ff", false), "00ff");
  EXPECT_EQ(*ParseBytes("00ff", true), Bytes("\x00\xff", 2));
}

TEST(ReadBytes, ReadsAFileUpToTheBound) {
  const std::string path = testing::TempDir() + "bytes_argument_test";
  std::ofstream(path) << "0123456789";
  EXPECT_EQ(*ReadBytes(path, 10), "0123456789");
  EXPECT_EQ(ReadBytes(path, 9).error().code, ErrorCode::kTooBig);
  EXPECT_EQ(std::remove(path.c_str()), 0);
  EXPECT_EQ(ReadBytes(path, 10).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace metaring::ctl
