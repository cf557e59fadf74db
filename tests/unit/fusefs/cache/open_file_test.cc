// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/open_file.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "kvnode/base/random.h"
#include "tests/unit/fusefs/cache/memory_file_store.h"

namespace metaring::fusefs {
namespace {

class OpenFileTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  MemoryFileStore store_;
  OpenFileContext context_{store_, clock_, MemoryFileStore::kBlockBytes};
  OpenFile file_{context_, store_.node};

  std::string ReadAll() { return file_.Read(0, 1 << 20).value(); }
};

TEST_F(OpenFileTest, AWriteIsReadBeforeItIsStored) {
  ASSERT_TRUE(file_.Write(0, "hello, world", false));
  EXPECT_EQ(ReadAll(), "hello, world");
  EXPECT_EQ(file_.Attributes().size, 12);
  EXPECT_EQ(store_.stores, 0);
}

TEST_F(OpenFileTest, WithNothingPendingNothingIsStored) {
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.stores, 0);
  ASSERT_TRUE(file_.Write(0, "x", false));
  ASSERT_TRUE(file_.WriteBack());
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.stores, 1);
  EXPECT_FALSE(file_.HasPending());
}

TEST_F(OpenFileTest, APartialWriteKeepsTheRestOfAStoredBlock) {
  ASSERT_TRUE(file_.Write(0, "aaaaaaaabbbbbbbb", false));
  ASSERT_TRUE(file_.WriteBack());
  ASSERT_TRUE(file_.Write(3, "XX", false));
  EXPECT_EQ(ReadAll(), "aaaXXaaabbbbbbbb");
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.blocks[0], "aaaXXaaa");
}

TEST_F(OpenFileTest, HolesReadAsZeros) {
  ASSERT_TRUE(file_.Write(20, "z", false));
  EXPECT_EQ(ReadAll(), std::string(20, '\0') + "z");
}

TEST_F(OpenFileTest, ReadersSeeBlocksThatAreOnTheirWay) {
  ASSERT_TRUE(file_.Write(0, "leaving", false));
  std::string seen;
  store_.during_store = [&] {
    seen = ReadAll();
    ASSERT_TRUE(file_.Write(0, "NEWER", false));
  };
  ASSERT_TRUE(file_.WriteBack());
  store_.during_store = nullptr;
  EXPECT_EQ(seen, "leaving");
  EXPECT_EQ(ReadAll(), "NEWERng");
  EXPECT_EQ(store_.blocks[0], "leaving");
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.blocks[0], "NEWERng");
}

// The store's block that a writer has read is older than what another writer has on its way.
TEST_F(OpenFileTest, ABlockOnItsWayIsNewerThanTheOneThatWasRead) {
  ASSERT_TRUE(file_.Write(0, "aaaaaaaa", false));
  ASSERT_TRUE(file_.WriteBack());
  std::thread storer;
  std::promise<void> store_began;
  std::promise<void> write_done;
  store_.after_read = [&] {
    ASSERT_TRUE(file_.Write(6, "Y", false));
    store_.during_store = [&] {
      store_began.set_value();
      write_done.get_future().wait();
    };
    storer = std::thread([&] { EXPECT_TRUE(file_.WriteBack()); });
    store_began.get_future().wait();
  };
  ASSERT_TRUE(file_.Write(1, "X", false));
  EXPECT_EQ(ReadAll(), "aXaaaaYa");
  write_done.set_value();
  storer.join();
  store_.during_store = nullptr;
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.blocks[0], "aXaaaaYa");
}

TEST_F(OpenFileTest, AFailedStoreKeepsEverythingAndHeals) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  store_.fail_with = ErrorCode::kNoSpace;
  EXPECT_EQ(file_.WriteBack().error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(ReadAll(), "data");
  EXPECT_TRUE(file_.HasPending());
  store_.fail_with.reset();
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.blocks[0], "data");
  EXPECT_EQ(store_.node.inode.size, 4);
}

TEST_F(OpenFileTest, AfterAStoreFoundNoSpaceWritesSaySoUntilOneSucceeds) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  store_.fail_with = ErrorCode::kNoSpace;
  ASSERT_FALSE(file_.WriteBack());
  EXPECT_EQ(file_.Write(4, "more", false).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(ReadAll(), "data");
  store_.fail_with.reset();
  ASSERT_TRUE(file_.Write(4, "more", false));
  EXPECT_EQ(ReadAll(), "datamore");
}

TEST_F(OpenFileTest, ABackgroundErrorIsReportedOnce) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  store_.fail_with = ErrorCode::kIo;
  file_.WriteBackForLater();
  store_.fail_with.reset();
  ASSERT_TRUE(file_.WriteBack());
  const auto error = file_.TakeError();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, ErrorCode::kIo);
  EXPECT_FALSE(file_.TakeError().has_value());
}

TEST_F(OpenFileTest, ChangesOfAFileThatIsGoneAreDropped) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  store_.fail_with = ErrorCode::kStale;
  file_.WriteBackForLater();
  EXPECT_FALSE(file_.HasPending());
  EXPECT_EQ(context_.dirty_bytes, 0u);
}

TEST_F(OpenFileTest, DescriptorChangesTravelWithTheContent) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  PendingAttributes change;
  change.mode = 0600;
  change.mtime = Time{5, 6};
  file_.Change(change);
  EXPECT_EQ(file_.Attributes().mode, S_IFREG | 0600u);
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.stores, 1);
  EXPECT_EQ(store_.node.inode.mode, S_IFREG | 0600u);
  EXPECT_EQ(store_.node.inode.mtime, (Time{5, 6}));
}

TEST_F(OpenFileTest, AChangeByPathOverridesWhatIsPending) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  PendingAttributes stored;
  stored.mtime = Time{1, 0};
  const auto node = file_.Alter(false, stored, [&]() -> Result<Node> {
    store_.node.inode.mtime = Time{1, 0};
    return store_.node;
  });
  ASSERT_TRUE(node);
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.node.inode.mtime, (Time{1, 0}));
  EXPECT_EQ(store_.blocks[0], "data");
}

TEST_F(OpenFileTest, AnAlterationStoresWhatCameBeforeIt) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  int stores_before = 0;
  ASSERT_TRUE(file_.Alter(true, {}, [&]() -> Result<Node> {
    stores_before = store_.stores;
    return store_.node;
  }));
  EXPECT_EQ(stores_before, 1);
}

TEST_F(OpenFileTest, AnAlterationThatCannotStoreFirstIsNotDone) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  store_.fail_with = ErrorCode::kNoSpace;
  bool done = false;
  EXPECT_FALSE(file_.Alter(true, {}, [&]() -> Result<Node> {
    done = true;
    return store_.node;
  }));
  EXPECT_FALSE(done);
  EXPECT_EQ(ReadAll(), "data");
}

TEST_F(OpenFileTest, ACutNeedsNoSpaceForWhatItCutsOff) {
  const auto cut_to = [&](int64_t size) {
    PendingAttributes cut;
    cut.size = size;
    return file_.Alter(true, cut, [&]() -> Result<Node> {
      store_.node.inode.size = size;
      store_.blocks.erase(store_.blocks.upper_bound(static_cast<uint64_t>(size) / 8),
                          store_.blocks.end());
      return store_.node;
    });
  };
  ASSERT_TRUE(file_.Write(0, "aaaaaaaabbbb", false));
  ASSERT_TRUE(file_.WriteBack());
  ASSERT_TRUE(file_.Write(6, "AABBBBBBBBCCCC", false));
  store_.fail_with = ErrorCode::kNoSpace;
  ASSERT_TRUE(cut_to(10));
  EXPECT_EQ(ReadAll(), "aaaaaaAABB");
  EXPECT_EQ(file_.Attributes().size, 10);
  EXPECT_EQ(context_.dirty_bytes, 10U);
  store_.fail_with.reset();
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(store_.blocks[1], "BB");
  EXPECT_EQ(store_.node.inode.size, 10);

  ASSERT_TRUE(file_.Write(10, "more", false));
  store_.fail_with = ErrorCode::kNoSpace;
  file_.WriteBackForLater();
  ASSERT_TRUE(cut_to(0));
  EXPECT_FALSE(file_.TakeError());
  EXPECT_EQ(ReadAll(), "");
  EXPECT_EQ(context_.dirty_bytes, 0U);
}

TEST_F(OpenFileTest, UnsavedContentIsForgottenWithoutAStore) {
  ASSERT_TRUE(file_.Write(0, "data", false));
  EXPECT_TRUE(file_.ForgetUnsaved({}));
  EXPECT_EQ(ReadAll(), "");
  EXPECT_EQ(file_.Attributes().size, 0);
  ASSERT_TRUE(file_.Write(0, "more", false));
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_FALSE(file_.ForgetUnsaved({}));
}

TEST_F(OpenFileTest, AWriteClearsPendingSuidBits) {
  PendingAttributes change;
  change.mode = 06755;
  file_.Change(change);
  ASSERT_TRUE(file_.Write(0, "x", /*clear_suid_sgid=*/true));
  EXPECT_EQ(file_.Attributes().mode, S_IFREG | 0755u);
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_TRUE(store_.last_cleared);
}

TEST_F(OpenFileTest, BeyondTheLargestFileNothingIsWritten) {
  EXPECT_EQ(file_.Write(kFileBytesMax, "x", false).error().code, ErrorCode::kFileTooBig);
  EXPECT_EQ(file_.Write(INT64_MAX, "x", false).error().code, ErrorCode::kFileTooBig);
  EXPECT_FALSE(file_.HasPending());
}

TEST_F(OpenFileTest, DirtyMemoryIsAccountedAndBounded) {
  OpenFileContext context{store_, clock_, 64 << 10};
  OpenFile file(context, store_.node);
  const std::string big(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(file.Write(int64_t{i} << 20, big, false));
    ASSERT_LE(context.dirty_bytes, kDirtyBytesMax);
  }
  EXPECT_GE(store_.stores, 2);
  ASSERT_TRUE(file.WriteBack());
  EXPECT_EQ(context.dirty_bytes, 0u);
}

TEST_F(OpenFileTest, AgeCountsFromTheOldestPendingChange) {
  EXPECT_FALSE(file_.PendingSince().has_value());
  ASSERT_TRUE(file_.Write(0, "x", false));
  const int64_t first = clock_.MonotonicNanos();
  clock_.Advance(1'000);
  ASSERT_TRUE(file_.Write(1, "y", false));
  EXPECT_EQ(file_.PendingSince(), first);
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_FALSE(file_.PendingSince().has_value());
}

TEST_F(OpenFileTest, ATurnIsWaitedForWithADeadline) {
  OpenFileContext impatient{store_, clock_, MemoryFileStore::kBlockBytes,
                            std::chrono::milliseconds(1)};
  OpenFile file(impatient, store_.node);
  ASSERT_TRUE(file.Write(0, "x", false));
  ASSERT_TRUE(file.Alter(false, {}, [&]() -> Result<Node> {
    EXPECT_EQ(file.WriteBack().error().code, ErrorCode::kDeadlineExceeded);
    return store_.node;
  }));
}

// Random writes, reads, stores and failures against a plain string.
TEST_F(OpenFileTest, BehavesLikeAString) {
  Random random(20261121);
  std::string model;
  for (int step = 0; step < 5'000; ++step) {
    const uint64_t offset = random.Below(100);
    switch (random.Below(4)) {
      case 0: {
        const std::string data(1 + random.Below(40), static_cast<char>('a' + random.Below(26)));
        ASSERT_TRUE(file_.Write(static_cast<int64_t>(offset), data, false));
        if (model.size() < offset + data.size()) model.resize(offset + data.size());
        model.replace(offset, data.size(), data);
        break;
      }
      case 1: {
        const size_t length = random.Below(60);
        const std::string expected = offset < model.size() ? model.substr(offset, length) : "";
        ASSERT_EQ(file_.Read(static_cast<int64_t>(offset), length).value(), expected);
        break;
      }
      case 2:
        ASSERT_TRUE(file_.WriteBack());
        break;
      default:
        store_.fail_with = ErrorCode::kIo;
        (void)file_.WriteBack();
        store_.fail_with.reset();
    }
    ASSERT_EQ(file_.Attributes().size, static_cast<int64_t>(model.size()));
  }
}

TEST_F(OpenFileTest, WritersReadersAndStoresTogetherLoseNothing) {
  constexpr int kWriters = 3;
  constexpr int kBytesEach = 400;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([this, w] {
      for (int i = 0; i < kBytesEach; ++i) {
        const char byte = static_cast<char>('a' + w);
        EXPECT_TRUE(file_.Write(i * kWriters + w, {&byte, 1}, false));
        if (i % 7 == 0) {
          EXPECT_TRUE(file_.WriteBack());
        }
        if (i % 5 == 0) {
          EXPECT_EQ(file_.Read(i * kWriters + w, 1).value(), std::string(1, byte));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string expected;
  for (int i = 0; i < kBytesEach; ++i) expected += "abc";
  EXPECT_EQ(ReadAll(), expected);
  ASSERT_TRUE(file_.WriteBack());
  EXPECT_EQ(ReadAll(), expected);
}

}  // namespace
}  // namespace metaring::fusefs
