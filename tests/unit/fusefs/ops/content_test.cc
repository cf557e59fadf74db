// SPDX-License-Identifier: Apache-2.0
//
// WriteBack, ReadBlocks, truncation, Fallocate and SeekContent, on blocks of 4 KiB and small
// content of 1 KiB.
#include <gtest/gtest.h>

#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

constexpr int64_t kBlock = 4096;

VolumeOptions Options(uint64_t bytes_max = 0) {
  VolumeOptions options;
  options.block_bytes = kBlock;
  options.small_bytes_max = 1024;
  options.bytes_max = bytes_max;
  return options;
}

class ContentOps : public testing::Test {
 protected:
  ContentOps() : fs_(Options()) {}

  Node Truncate(const Node& node, int64_t size) {
    const auto changed = TryTruncate(node, size);
    EXPECT_OK(changed);
    return *changed;
  }
  Result<Node> TryTruncate(const Node& node, int64_t size) {
    SetAttrRequest request;
    request.ref = node.ref();
    request.size = size;
    return SetAttr(fs_.ctx(), request);
  }
  Node Allocate(const Node& node, int64_t offset, int64_t length, bool keep_size = false) {
    return *Fallocate(fs_.ctx(), {node.ref(), offset, length, keep_size});
  }
  Node Punch(const Node& node, int64_t offset, int64_t length) {
    return *Fallocate(fs_.ctx(), {node.ref(), offset, length, true, true});
  }
  Node ZeroRange(const Node& node, int64_t offset, int64_t length, bool keep_size = false) {
    return *Fallocate(fs_.ctx(), {node.ref(), offset, length, keep_size, false, true});
  }
  int64_t Hole(const Node& node, int64_t from) {
    return SeekContent(fs_.ctx(), node, from, Seek::kHole).value_or(-1);
  }
  int64_t Data(const Node& node, int64_t from) {
    return SeekContent(fs_.ctx(), node, from, Seek::kData).value_or(-1);
  }
  size_t Blocks(const Node& node) {
    return fs_.CountKeys(keys::BlockPrefix(node.inode.ino, node.inode.generation));
  }
  uint64_t Used() { return StatVolume(fs_.ctx())->bytes_used; }

  TestVolume fs_;
};

TEST_F(ContentOps, SmallContentBecomesBlocksAsItGrows) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(1024, 'a'));
  EXPECT_TRUE(file.inode.small_content);
  EXPECT_EQ(file.inode.bytes_allocated, 1024);
  EXPECT_EQ(Used(), 1024u);
  file = fs_.Write(file, 1024, "b");
  EXPECT_FALSE(file.inode.small_content);
  EXPECT_EQ(file.inode.bytes_allocated, 1025);
  EXPECT_EQ(fs_.Read(file), Bytes(1024, 'a') + "b");
  EXPECT_EQ(fs_.CountKeys(keys::SmallContent(kRootIno, file.inode.ino)), 0u);
  file = fs_.Write(file, 100'000, "c");
  EXPECT_EQ(file.inode.size, 100'001);
  EXPECT_EQ(fs_.Read(file).substr(0, 1025), Bytes(1024, 'a') + "b");
  // Block 0 whole (it lies inside the file now) and the part of the last one.
  EXPECT_EQ(file.inode.bytes_allocated, kBlock + 100'001 % kBlock);
  EXPECT_EQ(Used(), static_cast<uint64_t>(file.inode.bytes_allocated));
}

TEST_F(ContentOps, WritesMoveTimesAsAsked) {
  const Node file = fs_.MakeFile("f");
  const Time now = fs_.Tick();
  WriteBackRequest request;
  request.ref = file.ref();
  request.blocks = {{0, "content"}};
  request.size = 7;
  Node written = *WriteBack(fs_.ctx(), request);
  EXPECT_EQ(written.inode.mtime, now);
  EXPECT_EQ(written.inode.ctime, now);
  fs_.Tick();
  request.mtime = Time{5, 6};
  request.ctime = Time{7, 8};
  request.atime = Time{9, 1};
  request.mode = 0600;
  request.uid = 3;
  request.gid = 4;
  written = *WriteBack(fs_.ctx(), request);
  const Inode inode = GetAttr(fs_.ctx(), file.ref())->inode;
  EXPECT_EQ(inode.mtime, (Time{5, 6}));
  EXPECT_EQ(inode.ctime, (Time{7, 8}));
  EXPECT_EQ(inode.atime, (Time{9, 1}));
  EXPECT_EQ(inode.mode & 07777, 0600u);
  EXPECT_EQ(inode.uid, 3u);
  EXPECT_EQ(inode.gid, 4u);
}

TEST_F(ContentOps, WritesClearPrivilegesWhenAsked) {
  const Node file = fs_.MakeFile("f", kRootIno, 06755);
  WriteBackRequest request;
  request.ref = file.ref();
  request.blocks = {{0, "x"}};
  request.size = 1;
  EXPECT_EQ(WriteBack(fs_.ctx(), request)->inode.mode & 07777, 06755u);
  request.clear_suid_sgid = true;
  EXPECT_EQ(WriteBack(fs_.ctx(), request)->inode.mode & 07777, 0755u);
}

TEST_F(ContentOps, WriteBackChecksItsRequest) {
  const Node file = fs_.MakeFile("f");
  const auto with = [&](std::vector<Block> blocks, int64_t size) {
    WriteBackRequest request;
    request.ref = file.ref();
    request.blocks = std::move(blocks);
    request.size = size;
    return WriteBack(fs_.ctx(), request);
  };
  EXPECT_CODE(with({{1, "x"}, {0, "x"}}, 5000), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with({{0, Bytes(kBlock + 1, 'x')}}, 5000), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with({}, -1), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with({}, kFileBytesMax + 1), ErrorCode::kFileTooBig);
  EXPECT_CODE(with({{kFileBytesMax / kBlock, "x"}}, 1), ErrorCode::kFileTooBig);
  const Node directory = fs_.MakeDirectory("d");
  WriteBackRequest request;
  request.ref = directory.ref();
  request.size = 1;
  EXPECT_CODE(WriteBack(fs_.ctx(), request), ErrorCode::kInvalidArgument);
}

TEST_F(ContentOps, BytesPastTheEndAreNotStored) {
  const Node file = fs_.MakeFile("f");
  WriteBackRequest request;
  request.ref = file.ref();
  request.blocks = {{0, Bytes(kBlock, 'a')}, {1, Bytes(kBlock, 'b')}, {2, Bytes(kBlock, 'c')}};
  request.size = kBlock + 10;
  Node written = *WriteBack(fs_.ctx(), request);
  EXPECT_EQ(Blocks(written), 2u);
  EXPECT_EQ(written.inode.bytes_allocated, kBlock + 10);
  written = Truncate(written, 3 * kBlock);
  EXPECT_EQ(fs_.Read(written), Bytes(kBlock, 'a') + Bytes(10, 'b') + Bytes(2 * kBlock - 10, '\0'));
}

TEST_F(ContentOps, ALargeWriteGoesInSeveralTransactions) {
  Bytes data(10 << 20, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + i / 4096);
  const Node file = fs_.Write(fs_.MakeFile("f"), 0, data);
  EXPECT_EQ(file.inode.size, 10 << 20);
  EXPECT_EQ(file.inode.bytes_allocated, 10 << 20);
  EXPECT_TRUE(fs_.Read(file) == data);
}

TEST_F(ContentOps, TruncationToNothingBeginsAGeneration) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(100 * kBlock, 'x'));
  const uint64_t old = file.inode.generation;
  const Time now = fs_.Tick();
  file = Truncate(file, 0);
  EXPECT_NE(file.inode.generation, old);
  EXPECT_TRUE(file.inode.small_content);
  EXPECT_EQ(file.inode.bytes_allocated, 0);
  EXPECT_EQ(file.inode.mtime, now);
  EXPECT_EQ(file.inode.ctime, now);
  EXPECT_EQ(Used(), 0u);
  file = fs_.Write(file, 50 * kBlock, "x");
  EXPECT_EQ(fs_.Read(file), Bytes(50 * kBlock, '\0') + "x");
  EXPECT_EQ(SweepVolume(fs_.ctx(), false).value_or(99), 1u);
  EXPECT_EQ(fs_.CountKeys(keys::BlockPrefix(file.inode.ino, old)), 0u);
  EXPECT_EQ(fs_.Read(file), Bytes(50 * kBlock, '\0') + "x");
}

TEST_F(ContentOps, ShrinkingCutsBlocksAndBytes) {
  for (const int64_t size :
       {int64_t{1}, int64_t{500}, kBlock - 1, kBlock, kBlock + 1, 3 * kBlock}) {
    Node file = fs_.Write(fs_.MakeFile(std::to_string(size)), 0, Bytes(4 * kBlock, 'x'));
    file = Truncate(file, size);
    EXPECT_EQ(file.inode.size, size);
    EXPECT_EQ(file.inode.bytes_allocated, size);
    EXPECT_EQ(Blocks(file), static_cast<size_t>((size + kBlock - 1) / kBlock));
    file = Truncate(file, 4 * kBlock);
    EXPECT_EQ(fs_.Read(file), Bytes(static_cast<size_t>(size), 'x') +
                                  Bytes(static_cast<size_t>(4 * kBlock - size), '\0'));
  }
}

TEST_F(ContentOps, SmallFilesShrinkAndGrow) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(100, 'x'));
  file = Truncate(file, 40);
  EXPECT_EQ(file.inode.bytes_allocated, 40);
  file = Truncate(file, 1000);
  EXPECT_TRUE(file.inode.small_content);
  EXPECT_EQ(file.inode.bytes_allocated, 40);
  EXPECT_EQ(fs_.Read(file), Bytes(40, 'x') + Bytes(960, '\0'));
  file = Truncate(file, 10'000);
  EXPECT_FALSE(file.inode.small_content);
  EXPECT_EQ(fs_.Read(file), Bytes(40, 'x') + Bytes(9960, '\0'));
  EXPECT_EQ(file.inode.bytes_allocated, kBlock);
  Node empty = Truncate(fs_.MakeFile("e"), int64_t{1} << 40);
  EXPECT_EQ(empty.inode.bytes_allocated, 0);
  EXPECT_EQ(Blocks(empty), 0u);
}

TEST_F(ContentOps, TruncationIsForRegularFilesAndSizes) {
  const Node file = fs_.MakeFile("f");
  EXPECT_CODE(TryTruncate(file, -1), ErrorCode::kInvalidArgument);
  EXPECT_CODE(TryTruncate(file, kFileBytesMax + 1), ErrorCode::kFileTooBig);
  EXPECT_OK(TryTruncate(file, kFileBytesMax));
  EXPECT_CODE(TryTruncate(fs_.MakeDirectory("d"), 0), ErrorCode::kIsDirectory);
  MakeRequest request;
  request.parent = kRootIno;
  request.name = "fifo";
  request.mode = S_IFIFO | 0644;
  EXPECT_CODE(TryTruncate(*Make(fs_.ctx(), request), 0), ErrorCode::kInvalidArgument);
}

TEST_F(ContentOps, TruncationByOthersClearsPrivileges) {
  const Node file = fs_.MakeFile("f", kRootIno, 06755);
  SetAttrRequest request;
  request.ref = file.ref();
  request.size = 10;
  request.caller = {1, 1, 0, false};
  EXPECT_EQ(SetAttr(fs_.ctx(), request)->inode.mode & 07777, 0755u);
}

TEST_F(ContentOps, ShrinkingALongFileGoesInSteps) {
  Node file = fs_.MakeFile("f");
  file = Allocate(file, 0, 10'000 * kBlock);
  EXPECT_EQ(Blocks(file), 10'000u);
  EXPECT_EQ(file.inode.bytes_allocated, 10'000 * kBlock);
  file = Truncate(file, 5 * kBlock + 1);
  EXPECT_EQ(Blocks(file), 6u);
  EXPECT_EQ(file.inode.bytes_allocated, 5 * kBlock + 1);
  EXPECT_EQ(Used(), static_cast<uint64_t>(5 * kBlock + 1));
}

TEST_F(ContentOps, ShrinkingAVastSparseFileIsQuick) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(10, 'x'));
  file = fs_.Write(file, int64_t{1} << 46, "y");
  file = fs_.Write(file, int64_t{1} << 40, "z");
  file = Truncate(file, 2 * kBlock);
  EXPECT_EQ(file.inode.size, 2 * kBlock);
  EXPECT_EQ(Blocks(file), 1u);
  EXPECT_EQ(file.inode.bytes_allocated, kBlock);
  file = Truncate(Truncate(file, int64_t{1} << 46), 3 * kBlock);
  EXPECT_EQ(file.inode.size, 3 * kBlock);
}

TEST_F(ContentOps, HolesAreFound) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(kBlock, 'x'));
  file = fs_.Write(file, 10 * kBlock, Bytes(100, 'y'));
  file = Truncate(file, 20 * kBlock);
  EXPECT_EQ(Data(file, 0), 0);
  EXPECT_EQ(Hole(file, 0), kBlock);
  EXPECT_EQ(Hole(file, 2 * kBlock + 5), 2 * kBlock + 5);
  EXPECT_EQ(Data(file, kBlock), 10 * kBlock);
  EXPECT_EQ(Hole(file, 10 * kBlock + 3), 11 * kBlock);
  EXPECT_EQ(Data(file, 11 * kBlock), -1);
  EXPECT_EQ(Data(file, 20 * kBlock), -1);
  EXPECT_EQ(Hole(file, 20 * kBlock), -1);
  EXPECT_EQ(Hole(file, -1), -1);
  Node dense = fs_.Write(fs_.MakeFile("dense"), 0, Bytes(3 * kBlock + 1, 'x'));
  EXPECT_EQ(Hole(dense, 5), 3 * kBlock + 1);
  EXPECT_EQ(Data(dense, 5), 5);
  Node small = Truncate(fs_.Write(fs_.MakeFile("small"), 0, Bytes(10, 'x')), 100);
  EXPECT_EQ(Hole(small, 0), 10);
  EXPECT_EQ(Data(small, 9), 9);
  EXPECT_EQ(Data(small, 10), -1);
}

TEST_F(ContentOps, AllocationCountsAndReadsAsZeros) {
  Node file = Allocate(fs_.MakeFile("f"), 0, 3 * kBlock + 10);
  EXPECT_EQ(file.inode.size, 3 * kBlock + 10);
  EXPECT_EQ(file.inode.bytes_allocated, 3 * kBlock + 10);
  EXPECT_EQ(fs_.Read(file), Bytes(3 * kBlock + 10, '\0'));
  file = fs_.Write(file, kBlock, "data");
  EXPECT_EQ(file.inode.bytes_allocated, 3 * kBlock + 10);
  file = Allocate(file, 0, 2 * kBlock);
  EXPECT_EQ(fs_.Read(file).substr(kBlock, 4), "data");
}

TEST_F(ContentOps, AllocationMayKeepTheSize) {
  Node file = Allocate(fs_.Write(fs_.MakeFile("f"), 0, "abc"), 0, 4 * kBlock, true);
  EXPECT_EQ(file.inode.size, 3);
  EXPECT_EQ(file.inode.bytes_allocated, 3 + 3 * kBlock);
  EXPECT_EQ(fs_.Read(file), "abc");
  file = fs_.Write(file, 2 * kBlock, "d");
  EXPECT_EQ(file.inode.bytes_allocated, 2 * kBlock + 1 + kBlock);
  file = Truncate(file, 5);
  EXPECT_EQ(file.inode.bytes_allocated, 5);
  EXPECT_EQ(Blocks(file), 1u);
  EXPECT_EQ(Used(), 5u);
  Node empty = Allocate(fs_.MakeFile("e"), 0, 100, true);
  EXPECT_EQ(empty.inode.size, 0);
  EXPECT_GT(empty.inode.bytes_allocated, 0);
  EXPECT_EQ(Truncate(empty, 0).inode.bytes_allocated, 0);
}

TEST_F(ContentOps, PunchedHolesReadAsZerosAndGiveSpaceBack) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(4 * kBlock + 100, 'x'));
  file = Punch(file, kBlock - 10, 2 * kBlock + 20);
  Bytes expected(4 * kBlock + 100, 'x');
  std::fill(expected.begin() + kBlock - 10, expected.begin() + 3 * kBlock + 10, '\0');
  EXPECT_EQ(fs_.Read(file), expected);
  EXPECT_EQ(file.inode.bytes_allocated, 2 * kBlock + 100);
  EXPECT_EQ(Blocks(file), 3u);
  file = Punch(file, 0, int64_t{1} << 40);
  EXPECT_EQ(file.inode.size, 4 * kBlock + 100);
  EXPECT_EQ(file.inode.bytes_allocated, 0);
  EXPECT_EQ(Used(), 0u);
}

TEST_F(ContentOps, SmallContentIsPunchedAndZeroedInPlace) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(100, 'x'));
  file = Punch(file, 10, 20);
  EXPECT_EQ(fs_.Read(file), Bytes(10, 'x') + Bytes(20, '\0') + Bytes(70, 'x'));
  file = Punch(file, 50, 1000);
  EXPECT_EQ(file.inode.bytes_allocated, 50);
  EXPECT_EQ(file.inode.size, 100);
  file = ZeroRange(file, 40, 200);
  EXPECT_EQ(file.inode.size, 240);
  EXPECT_EQ(fs_.Read(file), Bytes(10, 'x') + Bytes(20, '\0') + Bytes(10, 'x') + Bytes(200, '\0'));
  EXPECT_TRUE(file.inode.small_content);
  file = Allocate(file, 0, 2000);
  EXPECT_FALSE(file.inode.small_content);
  EXPECT_EQ(file.inode.bytes_allocated, 2000);
}

TEST_F(ContentOps, ZeroedRangesStayAllocated) {
  Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(4 * kBlock, 'x'));
  file = ZeroRange(file, 100, 3 * kBlock);
  Bytes expected(4 * kBlock, 'x');
  std::fill(expected.begin() + 100, expected.begin() + 100 + 3 * kBlock, '\0');
  EXPECT_EQ(fs_.Read(file), expected);
  EXPECT_EQ(file.inode.bytes_allocated, 4 * kBlock);
  file = ZeroRange(file, 3 * kBlock, 10 * kBlock, true);
  EXPECT_EQ(file.inode.size, 4 * kBlock);
}

TEST_F(ContentOps, FallocateChecksItsRequest) {
  const Node file = fs_.MakeFile("f");
  const auto with = [&](int64_t offset, int64_t length, bool keep, bool punch, bool zero) {
    return Fallocate(fs_.ctx(), {file.ref(), offset, length, keep, punch, zero});
  };
  EXPECT_CODE(with(-1, 1, false, false, false), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with(0, 0, false, false, false), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with(kFileBytesMax, 1, false, false, false), ErrorCode::kFileTooBig);
  EXPECT_CODE(with(0, 1, false, true, false), ErrorCode::kUnsupported);
  EXPECT_CODE(with(0, 1, true, true, true), ErrorCode::kUnsupported);
  EXPECT_CODE(with(0, kFileBytesMax, false, false, false), ErrorCode::kNoSpace);
  EXPECT_CODE(Fallocate(fs_.ctx(), {fs_.MakeDirectory("d").ref(), 0, 1}), ErrorCode::kIsDirectory);
}

TEST_F(ContentOps, AStaleNodeIsNoticed) {
  const Node sparse = fs_.Write(fs_.MakeFile("f"), 10 * kBlock, "x");
  ASSERT_TRUE(TryTruncate(sparse, 0).has_value());
  EXPECT_CODE(ReadBlocks(fs_.ctx(), sparse, 0, 11), ErrorCode::kStale);
  ASSERT_OK(Unlink(fs_.ctx(), {kRootIno, "f", IfLast::kErase, {}}));
  EXPECT_CODE(ReadBlocks(fs_.ctx(), sparse, 0, 11), ErrorCode::kStale);
  WriteBackRequest request;
  request.ref = sparse.ref();
  request.size = 5;
  EXPECT_CODE(WriteBack(fs_.ctx(), request), ErrorCode::kStale);
}

TEST_F(ContentOps, TheBytesBoundIsKept) {
  TestVolume fs(Options(10 * kBlock));
  Node file = fs.Write(fs.MakeFile("f"), 0, Bytes(8 * kBlock, 'x'));
  EXPECT_CODE(WriteAt(fs.ctx(), file, 8 * kBlock, Bytes(3 * kBlock, 'x')), ErrorCode::kNoSpace);
  EXPECT_CODE(Fallocate(fs.ctx(), {file.ref(), 0, 20 * kBlock}), ErrorCode::kNoSpace);
  EXPECT_EQ(fs.Read(fs.Write(file, 0, Bytes(8 * kBlock, 'y'))), Bytes(8 * kBlock, 'y'));
  SetAttrRequest shrink;
  shrink.ref = file.ref();
  shrink.size = kBlock;
  file = *SetAttr(fs.ctx(), shrink);
  EXPECT_OK(WriteAt(fs.ctx(), file, kBlock, Bytes(3 * kBlock, 'x')));
  ASSERT_OK(Unlink(fs.ctx(), {kRootIno, "f", IfLast::kErase, {}}));
  EXPECT_EQ(StatVolume(fs.ctx())->bytes_used, 0u);
}

}  // namespace
}  // namespace metaring::fusefs
