// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kvnode/base/random.h"

namespace metaring::rpc {
namespace {

Bytes FrameOf(size_t body_bytes) {
  Bytes frame = BeginFrame(MessageType::kCall, "echo", 7);
  frame.append(body_bytes, 'x');
  EndFrame(frame);
  return frame;
}

TEST(Frame, IsTheExampleOfTheHeader) {
  Bytes frame = BeginFrame(MessageType::kCall, "echo", 7);
  AppendU8(frame, 0);
  EndFrame(frame);
  EXPECT_EQ(frame, Bytes("\x00\x00\x00\x11\x80\x01\x00\x01\x00\x00\x00\x04"
                         "echo\x00\x00\x00\x07\x00",
                         21));
}

TEST(Frame, ParsesWhatItMade) {
  const Bytes frame = FrameOf(3);
  const auto message = ParseMessage(ByteView(frame).substr(kFrameHeadBytes));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, MessageType::kCall);
  EXPECT_EQ(message->method, "echo");
  EXPECT_EQ(message->seqid, 7);
  EXPECT_EQ(message->body, "xxx");
}

TEST(Frame, RefusesEveryPrefixOfAHead) {
  const Bytes frame = FrameOf(0);
  for (size_t length = 0; length + kFrameHeadBytes < frame.size(); ++length) {
    EXPECT_FALSE(ParseMessage(ByteView(frame).substr(kFrameHeadBytes, length))) << length;
  }
}

TEST(Frame, RefusesOtherVersionsAndTypes) {
  for (const uint32_t head : {0x00000001U, 0x80000001U, 0x80020001U, 0x80010000U, 0x80010005U,
                              0x80010101U, 0x0fff4000U}) {
    Bytes frame;
    AppendBigU32(frame, head);
    AppendBigU32(frame, 4);
    frame += Bytes("echo\0\0\0\0\0", 9);
    EXPECT_FALSE(ParseMessage(frame)) << std::hex << head;
  }
}

TEST(Frame, RefusesANameThatIsEmptyTooLongOrLonger) {
  for (const uint32_t length : {0U, 65U, 0x7fffffffU, 0xffffffffU}) {
    Bytes frame;
    AppendBigU32(frame, 0x80010001);
    AppendBigU32(frame, length);
    frame += Bytes(100, 'n');
    EXPECT_FALSE(ParseMessage(frame)) << length;
  }
}

// Feeds a stream in pieces and collects the frames.
std::vector<Bytes> ReadAll(ByteView stream, size_t piece_bytes_max, size_t scratch_bytes) {
  std::vector<char> scratch(scratch_bytes);
  std::vector<Bytes> frames;
  Random random(17);
  FrameReader reader({1 << 20});
  while (!stream.empty()) {
    const std::span<char> space = reader.Space(scratch);
    EXPECT_FALSE(space.empty());
    const size_t count = std::min({stream.size(), space.size(), 1 + random.Below(piece_bytes_max)});
    std::copy_n(stream.begin(), count, space.begin());
    reader.Filled(count);
    stream.remove_prefix(count);
    for (;;) {
      const auto frame = reader.Next();
      EXPECT_TRUE(frame);
      if (!frame || !*frame) break;
      EXPECT_FALSE((*frame)->skipped);
      frames.emplace_back((*frame)->content);
    }
    reader.Keep();
    std::fill(scratch.begin(), scratch.end(), '#');  // others have used it
  }
  EXPECT_FALSE(reader.in_frame());
  return frames;
}

TEST(FrameReader, CutsAnyStreamInAnyPieces) {
  Bytes stream;
  std::vector<Bytes> expected;
  for (const size_t body : {1, 2, 30, 47, 48, 49, 60, 1, 100, 5000, 1, 63, 64, 65, 100'000, 1}) {
    const Bytes frame = FrameOf(body);
    stream += frame;
    expected.push_back(frame.substr(kFrameHeadBytes));
  }
  for (const size_t piece : {1, 3, 17, 64, 1000, 200'000}) {
    EXPECT_EQ(ReadAll(stream, piece, 64), expected) << piece;
    EXPECT_EQ(ReadAll(stream, piece, 4096), expected) << piece;
  }
}

TEST(FrameReader, KeepsFramesThatWereNotTaken) {
  std::array<char, 64> scratch{};
  FrameReader reader({1000});
  const Bytes stream = FrameOf(12) + FrameOf(12);  // 64 bytes: the scratch is full
  ASSERT_EQ(stream.size(), scratch.size());
  std::copy(stream.begin(), stream.end(), reader.Space(scratch).begin());
  reader.Filled(stream.size());
  reader.Keep();
  scratch.fill('#');
  EXPECT_TRUE(reader.Space(scratch).empty());
  EXPECT_EQ((*reader.Next())->content, ByteView(stream).substr(4, 28));
  EXPECT_EQ((*reader.Next())->content, ByteView(stream).substr(36, 28));
  EXPECT_FALSE(reader.Next()->has_value());
}

TEST(FrameReader, KeepsALargeFrameThatWasNotTaken) {
  std::array<char, 64> scratch{};
  FrameReader reader({1000});
  const Bytes frame = FrameOf(500);
  ByteView stream = frame;
  while (!stream.empty()) {
    const std::span<char> space = reader.Space(scratch);
    const size_t count = std::min(stream.size(), space.size());
    std::copy_n(stream.begin(), count, space.begin());
    reader.Filled(count);
    stream.remove_prefix(count);
    if (!stream.empty()) {
      EXPECT_FALSE(reader.Next()->has_value());
    }
    reader.Keep();
  }
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_TRUE(reader.Space(scratch).empty());
    reader.Filled(0);
    reader.Keep();
  }
  EXPECT_TRUE(reader.in_frame());
  EXPECT_FALSE(reader.in_large_frame());
  const auto given = reader.Next();
  ASSERT_TRUE(given && *given);
  EXPECT_EQ((*given)->content, ByteView(frame).substr(kFrameHeadBytes));
  EXPECT_FALSE(reader.Next()->has_value());
  reader.Keep();
  EXPECT_FALSE(reader.in_frame());
  EXPECT_EQ(reader.Space(scratch).size(), scratch.size());
}

TEST(FrameReader, RefusesALengthBeforeItTakesMemory) {
  for (const uint32_t length : {0U, 13U, 1001U, 0x7fffffffU, 0xffffffffU}) {
    std::array<char, 64> scratch{};
    FrameReader reader({1000});
    Bytes head;
    AppendBigU32(head, length);
    std::copy(head.begin(), head.end(), reader.Space(scratch).begin());
    reader.Filled(head.size());
    EXPECT_FALSE(reader.Next()) << length;
  }
}

// Feeds a stream in pieces of one size; what is skipped is "~" and its beginning.
std::vector<Bytes> ReadAndSkip(ByteView stream, size_t piece_bytes, FrameReader& reader) {
  std::array<char, 256> scratch{};
  std::vector<Bytes> frames;
  while (!stream.empty()) {
    const std::span<char> space = reader.Space(scratch);
    const size_t count = std::min({stream.size(), space.size(), piece_bytes});
    std::copy_n(stream.begin(), count, space.begin());
    reader.Filled(count);
    stream.remove_prefix(count);
    for (;;) {
      const auto frame = reader.Next();
      EXPECT_TRUE(frame);
      if (!frame || !*frame) break;
      frames.push_back(Bytes((*frame)->skipped ? "~" : "") + Bytes((*frame)->content));
    }
    reader.Keep();
    scratch.fill('#');
  }
  EXPECT_FALSE(reader.in_frame());
  return frames;
}

TEST(FrameReader, SkipsAFrameOverTheLimitAndGivesItsBeginning) {
  const Bytes small = FrameOf(100);
  const Bytes large = FrameOf(100'000);
  const Bytes stream = small + large + small + FrameOf(101) + small;
  const Bytes whole = small.substr(kFrameHeadBytes);
  const Bytes head = "~" + large.substr(kFrameHeadBytes, kMessageHeadBytesMax);
  for (const size_t piece : {1, 3, 75, 76, 77, 256}) {
    FrameReader reader({whole.size(), 200'000});
    EXPECT_EQ(ReadAndSkip(stream, piece, reader),
              (std::vector<Bytes>{whole, head, whole, head, whole}));
  }
}

TEST(FrameReader, SkipsALargeFrameThatMayNotTakeMemory) {
  const Bytes large = FrameOf(5000);
  const Bytes head = "~" + large.substr(kFrameHeadBytes, kMessageHeadBytesMax);
  for (const size_t piece : {1, 100, 256}) {
    std::vector<size_t> asked;
    FrameReader reader({10'000}, [&](size_t bytes) {
      asked.push_back(bytes);
      return asked.size() != 2;
    });
    const Bytes whole = large.substr(kFrameHeadBytes);
    EXPECT_EQ(ReadAndSkip(large + large + FrameOf(1) + large, piece, reader),
              (std::vector<Bytes>{whole, head, FrameOf(1).substr(kFrameHeadBytes), whole}));
    EXPECT_EQ(asked, std::vector<size_t>(3, whole.size()));
  }
}

TEST(FrameReader, SkipsNothingOverTheSecondLimit) {
  std::array<char, 64> scratch{};
  FrameReader reader({1000, 2000});
  Bytes head;
  AppendBigU32(head, 2001);
  std::copy(head.begin(), head.end(), reader.Space(scratch).begin());
  reader.Filled(head.size());
  EXPECT_EQ(reader.Next().error().code, ErrorCode::kTooBig);
}

}  // namespace
}  // namespace metaring::rpc
