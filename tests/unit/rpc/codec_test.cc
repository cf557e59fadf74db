// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/codec.h"

#include <Echo.h>
#include <gtest/gtest.h>

#include <Echo.tcc>
#include <echo_types.tcc>

namespace metaring::rpc {
namespace {

constexpr char kStop = 0;
constexpr char kString = 11;
constexpr char kStruct = 12;
constexpr char kList = 15;

void AppendField(Bytes& out, char type, uint16_t id) {
  out.push_back(type);
  AppendBigU16(out, id);
}

// Lists of one Nest in one another; the innermost has none.
Bytes NestsOf(int depth) {
  Bytes out;
  for (int i = 1; i < depth; ++i) {
    AppendField(out, kList, 1);
    out.push_back(kStruct);
    AppendBigU32(out, 1);
  }
  out.append(static_cast<size_t>(depth), kStop);
  return out;
}

Status Decodes(ByteView raw) {
  return Decoded<echo::Nest>(raw).status();
}

TEST(Codec, GivesBackWhatItWasGiven) {
  echo::EchoRequest request;
  request.__set_payload(Bytes(100'000, 'p'));
  request.__set_deadline_ms(-1);
  Bytes raw;
  AppendEncoded(raw, request);
  Decoded<echo::EchoRequest> decoded(raw);
  ASSERT_TRUE(decoded.status());
  EXPECT_EQ(*decoded, request);
}

TEST(Codec, RefusesEveryPrefixAndWhatFollows) {
  echo::EchoRequest request;
  request.__set_payload("payload");
  Bytes raw;
  AppendEncoded(raw, request);
  for (size_t length = 0; length < raw.size(); ++length) {
    EXPECT_FALSE(Decoded<echo::EchoRequest>(ByteView(raw).substr(0, length)).status()) << length;
  }
  EXPECT_FALSE(Decoded<echo::EchoRequest>(raw + "x").status());
}

TEST(Codec, RefusesALyingCountBeforeItTakesMemory) {
  for (const uint32_t count : {2U, 65'537U, 0x7fffffffU, 0xffffffffU}) {
    Bytes raw;
    AppendField(raw, kList, 1);
    raw.push_back(kStruct);
    AppendBigU32(raw, count);
    raw.push_back(kStop);
    EXPECT_FALSE(Decodes(raw)) << count;
  }
}

TEST(Codec, RefusesMoreElementsThanTheBoundThoughTheyAreThere) {
  Bytes raw;
  AppendField(raw, kList, 1);
  raw.push_back(kStruct);
  AppendBigU32(raw, kContainerMax + 1);
  raw.append(kContainerMax + 2, kStop);
  EXPECT_FALSE(Decodes(raw));
}

TEST(Codec, RefusesALyingStringInKnownAndUnknownFields) {
  for (const uint16_t id : {1, 99}) {
    for (const uint32_t length : {5U, 0x7fffffffU, 0xffffffffU}) {
      Bytes raw;
      AppendField(raw, kString, id);
      AppendBigU32(raw, length);
      raw += "abc";
      raw.push_back(kStop);
      EXPECT_FALSE(Decoded<echo::EchoRequest>(raw).status()) << id << " " << length;
    }
  }
}

TEST(Codec, RefusesNestingOverTheBound) {
  EXPECT_TRUE(Decodes(NestsOf(kNestingMax)));
  EXPECT_FALSE(Decodes(NestsOf(kNestingMax + 1)));
  EXPECT_FALSE(Decodes(NestsOf(100'000)));
}

TEST(Codec, RefusesNestingOverTheBoundInUnknownFields) {
  Bytes raw;
  for (int i = 0; i < 100'000; ++i) AppendField(raw, kStruct, 99);
  EXPECT_FALSE(Decodes(raw));
}

// Thrift's count of depth is not taken back when it is what throws.
TEST(Codec, DecodesAsBeforeAfterManyFailures) {
  for (int i = 0; i < 2 * kNestingMax; ++i) EXPECT_FALSE(Decodes(NestsOf(kNestingMax + 1)));
  EXPECT_TRUE(Decodes(NestsOf(kNestingMax)));
}

TEST(Codec, TellsApplicationExceptionsApart) {
  for (const ErrorCode code :
       {ErrorCode::kUnsupported, ErrorCode::kInvalidArgument, ErrorCode::kInternal}) {
    Bytes raw;
    AppendApplicationException(raw, Error{code, "why\n"});
    const Error error = DecodeApplicationException(raw);
    EXPECT_EQ(error.code, code);
    EXPECT_EQ(error.message, "why\\x0a");
  }
  EXPECT_EQ(DecodeApplicationException("garbage").code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace metaring::rpc
