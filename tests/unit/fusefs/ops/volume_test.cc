// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/volume.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

TEST(Volume, IsFormattedOnce) {
  TestVolume fs;
  EXPECT_CODE(FormatVolume(fs.kv(), {}, fs.clock()), ErrorCode::kExists);
}

TEST(Volume, LoadsAsItWasFormatted) {
  VolumeOptions options;
  options.block_bytes = 8192;
  options.inodes_max = 5;
  TestVolume fs(options);
  const auto loaded = LoadVolume(fs.kv());
  ASSERT_OK(loaded);
  EXPECT_EQ(loaded->id, fs.volume().id);
  EXPECT_EQ(loaded->id.size(), 32u);
  EXPECT_EQ(loaded->hash_seed, fs.volume().hash_seed);
  EXPECT_EQ(loaded->options.block_bytes, 8192u);
  EXPECT_EQ(loaded->options.inodes_max, 5u);
  EXPECT_EQ(loaded->created, fs.volume().created);
}

TEST(Volume, AnUnformattedKeyspaceIsNotFound) {
  TestVolume fs;
  ASSERT_OK(fs.kv().Delete(keys::Volume()));
  EXPECT_CODE(LoadVolume(fs.kv()), ErrorCode::kNotFound);
  EXPECT_CODE(SetVolumeLimits(fs.kv(), 0, 0), ErrorCode::kNotFound);
}

TEST(Volume, ADamagedRecordIsCorrupt) {
  TestVolume fs;
  ASSERT_OK(fs.kv().Put(keys::Volume(), "garbage"));
  EXPECT_CODE(LoadVolume(fs.kv()), ErrorCode::kCorrupt);
}

// As if it had never been formatted.
void EraseFreshVolume(client::Kv& kv) {
  for (const Bytes& key :
       {keys::Volume(), keys::NextIno(), keys::Header(kRootIno), keys::InodesUsed()}) {
    ASSERT_OK(kv.Delete(key));
  }
}

TEST(Volume, IsNotFormattedOverOtherKeys) {
  TestVolume fs;
  EXPECT_CODE(FormatVolume(fs.kv(), {}, fs.clock()), ErrorCode::kExists);
  EraseFreshVolume(fs.kv());
  ASSERT_OK(fs.kv().Put("somebody's", "value"));
  EXPECT_CODE(FormatVolume(fs.kv(), {}, fs.clock()), ErrorCode::kExists);
  ASSERT_OK(fs.kv().Delete("somebody's"));
  EXPECT_OK(FormatVolume(fs.kv(), {}, fs.clock()));
}

TEST(Volume, RefusesOptionsOutOfTheirRange) {
  TestVolume fs;
  EraseFreshVolume(fs.kv());
  const auto with = [&](auto change) {
    VolumeOptions options;
    change(options);
    return FormatVolume(fs.kv(), options, fs.clock());
  };
  EXPECT_CODE(with([](auto& o) { o.block_bytes = 2048; }), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with([](auto& o) { o.block_bytes = 5000; }), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with([](auto& o) { o.block_bytes = 1 << 20; }), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with([](auto& o) { o.small_bytes_max = 65'537; }), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with([](auto& o) { o.root_mode = 010000; }), ErrorCode::kInvalidArgument);
  EXPECT_CODE(with([](auto& o) { o.bytes_max = UINT64_MAX; }), ErrorCode::kInvalidArgument);
  EXPECT_OK(with([](auto& o) { o.small_bytes_max = 0; }));
}

TEST(Volume, LimitsMayChange) {
  TestVolume fs;
  ASSERT_OK(SetVolumeLimits(fs.kv(), 1000, 2000));
  const auto loaded = LoadVolume(fs.kv());
  ASSERT_OK(loaded);
  EXPECT_EQ(loaded->options.bytes_max, 1000u);
  EXPECT_EQ(loaded->options.inodes_max, 2000u);
  EXPECT_EQ(loaded->hash_seed, fs.volume().hash_seed);
}

TEST(Volume, ItsRootIsADirectoryOfItsOwn) {
  VolumeOptions options;
  options.root_mode = 01777;
  options.root_uid = 5;
  options.root_gid = 6;
  TestVolume fs(options);
  const auto root = GetAttr(fs.ctx(), {kRootIno, {}, true});
  ASSERT_OK(root);
  EXPECT_EQ(root->inode.mode, uint32_t{S_IFDIR | 01777});
  EXPECT_EQ(root->inode.uid, 5u);
  EXPECT_EQ(root->inode.gid, 6u);
  EXPECT_EQ(root->inode.nlink, 2u);
  EXPECT_EQ(root->inode.mtime, fs.volume().created);
  EXPECT_EQ(LookupParent(fs.ctx(), kRootIno)->inode.ino, kRootIno);
  EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 1u);
}

TEST(InoAllocator, TwoOfOneVolumeNeverGiveTheSameNumber) {
  TestVolume fs;
  InoAllocator one(fs.kv());
  InoAllocator two(fs.kv());
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(one.Next()->value()).second);
    EXPECT_TRUE(seen.insert(two.Next()->value()).second);
  }
  EXPECT_FALSE(seen.contains(0));
  EXPECT_FALSE(seen.contains(kRootIno.value()));
}

TEST(InoAllocator, GoesOnOverTheEndOfALease) {
  TestVolume fs;
  InoAllocator inos(fs.kv());
  Ino last{};
  for (uint64_t i = 0; i < InoAllocator::kInoLeaseSize + 10; ++i) {
    const auto next = inos.Next();
    ASSERT_OK(next);
    ASSERT_GT(next->value(), last.value());
    last = *next;
  }
}

TEST(InoAllocator, ThreadsShareIt) {
  TestVolume fs;
  InoAllocator inos(fs.kv());
  std::mutex mutex;
  std::set<uint64_t> seen;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<uint64_t> mine;
      for (int i = 0; i < 20'000; ++i) mine.push_back(inos.Next()->value());
      const std::lock_guard lock(mutex);
      seen.insert(mine.begin(), mine.end());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 80'000u);
}

TEST(InoAllocator, ADamagedCounterIsCorrupt) {
  TestVolume fs;
  ASSERT_OK(fs.kv().Put(keys::NextIno(), "x"));
  InoAllocator inos(fs.kv());
  EXPECT_CODE(inos.Next(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace metaring::fusefs
