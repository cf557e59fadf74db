// SPDX-License-Identifier: Apache-2.0
//
// What the LMDB form adds to the model: concurrency, bounds, and files that are not what they
// should be.
#include <lmdb.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/unit/store/model.h"

namespace metaring::store {
namespace {

StoreOptions Options(uint64_t overlay_bytes_max) {
  StoreOptions options;
  options.overlay_bytes_max = overlay_bytes_max;
  options.reserve_bytes = 1 << 20;
  return options;
}

Bytes NumberedKey(uint64_t number) {
  return "key" + std::to_string(number);
}

// Writes all of a set of keys in each commit, one deleted in turn, while flushes go on.
void WriteGenerations(Store& store, uint64_t keys, uint64_t generations) {
  for (uint64_t generation = 1; generation <= generations; ++generation) {
    auto txn = BeginOf(store);
    for (uint64_t key = 0; key < keys; ++key) {
      if (key == generation % keys) {
        txn->Delete(NumberedKey(key));
      } else {
        txn->Put(NumberedKey(key), std::to_string(generation));
      }
    }
    if (generation % 7 == 0) continue;  // thrown away
    txn->Commit(store.applied() + 1);
  }
}

// All keys of one generation, with one missing, which is told by the generation; its number.
uint64_t ExpectOneGeneration(const View& view, uint64_t keys) {
  const Model found = Scan(view);
  if (found.empty()) return 0;
  const uint64_t generation = std::stoull(found.begin()->second);
  EXPECT_EQ(found.size(), keys - 1);
  for (uint64_t key = 0; key < keys; ++key) {
    const Bytes expected = key == generation % keys ? "-" : std::to_string(generation);
    EXPECT_EQ(GetOr(view, NumberedKey(key), "-"), expected);
  }
  return generation;
}

TEST(LmdbStore, ViewsAreSnapshotsWhileCommitsAndFlushesGoOn) {
  constexpr uint64_t kKeys = 13;
  TemporaryDirectory directory;
  const auto store = OpenAt(directory.path(), Options(16 << 10));
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      uint64_t last = 0;
      while (!done) {
        const auto view = ViewOf(*store);
        const uint64_t generation = ExpectOneGeneration(*view, kKeys);
        EXPECT_GE(generation, last);
        // The same again, although others have come since.
        EXPECT_EQ(ExpectOneGeneration(*view, kKeys), generation);
        last = generation;
      }
    });
  }
  std::thread flushing([&] {
    while (!done) EXPECT_TRUE(store->Flush().has_value());
  });
  WriteGenerations(*store, kKeys, 2000);
  done = true;
  for (std::thread& reader : readers) reader.join();
  flushing.join();
  EXPECT_EQ(ExpectOneGeneration(*ViewOf(*store), kKeys), 2000u);
}

// Each commit writes two of many keys, so that a view finds some in each layer; a layer too new or
// too old for the others shows in the sum. Many readers, so that they are often put to sleep in the
// middle.
TEST(LmdbStore, TheSumOfAllAccountsIsTheSameInEveryView) {
  constexpr uint64_t kAccounts = 100;
  constexpr uint64_t kEach = 1000;
  TemporaryDirectory directory(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp");
  const auto store = OpenAt(directory.path(), Options(4 << 10));
  const auto put = [](Txn& txn, uint64_t account, uint64_t amount) {
    txn.Put(NumberedKey(account), std::to_string(amount) + Bytes(200, ' '));
  };
  auto first = BeginOf(*store);
  for (uint64_t account = 0; account < kAccounts; ++account) put(*first, account, kEach);
  first->Commit(1);
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto view = ViewOf(*store);
        uint64_t sum = 0;
        for (uint64_t account = 0; account < kAccounts; ++account) {
          sum += std::stoull(GetOr(*view, NumberedKey(account), "0"));
        }
        ASSERT_EQ(sum, kAccounts * kEach);
      }
    });
  }
  Random random(3);
  for (int i = 0; i < 8'000; ++i) {
    auto txn = BeginOf(*store);
    const uint64_t from = random.Below(kAccounts);
    const uint64_t to = (from + 1 + random.Below(kAccounts - 1)) % kAccounts;
    const uint64_t has = std::stoull(GetOr(*txn, NumberedKey(from), "0"));
    const uint64_t amount = random.Below(has + 1);
    put(*txn, from, has - amount);
    put(*txn, to, std::stoull(GetOr(*txn, NumberedKey(to), "0")) + amount);
    txn->Commit(store->applied() + 1);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(LmdbStore, ACommitIsInEveryViewThatIsTakenAfterIt) {
  TemporaryDirectory directory;
  const auto store = OpenAt(directory.path(), Options(8 << 10));
  std::atomic<uint64_t> committed = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const uint64_t before = committed;
        EXPECT_GE(std::stoull(GetOr(*ViewOf(*store), "counter", "0")), before);
      }
    });
  }
  for (uint64_t i = 1; i <= 5000; ++i) {
    PutOne(*store, "counter", std::to_string(i));
    committed = i;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(LmdbStore, OverlaysAreBoundedAndWritersWaitForTheFlusher) {
  constexpr uint64_t kOverlayBytes = 64 << 10;
  constexpr uint64_t kTxnBytes = 8 << 10;
  TemporaryDirectory directory;
  const auto store = OpenAt(directory.path(), Options(kOverlayBytes));
  const Bytes value(4000, 'v');
  for (uint64_t i = 0; i < 2000; ++i) {
    PutOne(*store, NumberedKey(i % 500), value);
    ASSERT_LE(store->usage().overlay_bytes, 2 * (kOverlayBytes + kTxnBytes));
  }
  EXPECT_GT(store->flushed(), 0u);
  EXPECT_EQ(Scan(*ViewOf(*store)).size(), 500u);
}

TEST(LmdbStore, ManyThrownAwayTransactionsDoNotFillTheOverlay) {
  TemporaryDirectory directory;
  const auto store = OpenAt(directory.path(), Options(64 << 10));
  for (int i = 0; i < 100; ++i) BeginOf(*store)->Put("k", Bytes(8 << 10, 'v'));
  EXPECT_LE(store->usage().overlay_bytes, uint64_t{128 << 10});
  EXPECT_EQ(Scan(*ViewOf(*store)), Model());
}

TEST(LmdbStore, AnOldOverlayIsFlushedAlthoughItIsSmall) {
  TemporaryDirectory directory;
  StoreOptions options = Options(1 << 20);
  options.overlay_age_max_nanos = 1'000'000;
  const auto store = OpenAt(directory.path(), options);
  PutOne(*store, "k", "v");
  while (store->flushed() < store->applied()) std::this_thread::yield();
  EXPECT_EQ(store->usage().keys_flushed, 1u);
}

TEST(LmdbStore, ClosingFlushes) {
  TemporaryDirectory directory;
  {
    const auto store = OpenAt(directory.path());
    PutOne(*store, "k", "v");
    EXPECT_EQ(store->flushed(), 0u);
  }
  const auto store = OpenAt(directory.path());
  EXPECT_EQ(store->flushed(), 1u);
  EXPECT_EQ(Scan(*ViewOf(*store)), (Model{{"k", "v"}}));
}

TEST(LmdbStore, MoreViewsThanAPoolHoldsAreFine) {
  TemporaryDirectory directory;
  const auto store = OpenAt(directory.path());
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<View>> views;
    for (int i = 0; i < 300; ++i) views.push_back(ViewOf(*store));
    PutOne(*store, "k", std::to_string(round));
    EXPECT_TRUE(store->Flush().has_value());
    for (const auto& view : views) {
      EXPECT_EQ(GetOr(*view, "k", "-"), round == 0 ? "-" : std::to_string(round - 1));
    }
  }
}

TEST(LmdbStore, TooManyViewsAreBusyAndThenFineAgain) {
  TemporaryDirectory directory;
  const auto store = OpenAt(directory.path());
  std::vector<std::unique_ptr<View>> views;
  for (;;) {
    auto view = store->NewView();
    if (!view) {
      EXPECT_EQ(view.error().code, ErrorCode::kBusy);
      break;
    }
    views.push_back(std::move(*view));
    ASSERT_LT(views.size(), 100'000u);
  }
  views.clear();
  PutOne(*store, "k", "v");
  EXPECT_EQ(GetOr(*ViewOf(*store), "k", "-"), "v");
}

TEST(LmdbStore, SpaceOfDeletedDataIsUsedAgain) {
  TemporaryDirectory directory;
  const auto store = OpenAt(directory.path(), Options(1 << 20));
  uint64_t first = 0;
  for (int round = 0; round < 8; ++round) {
    for (uint64_t i = 0; i < 200; ++i) PutOne(*store, NumberedKey(i), Bytes(9000, 'v'));
    ASSERT_TRUE(store->Flush().has_value());
    if (round == 2) first = store->usage().bytes_used;
    for (uint64_t i = 0; i < 200; ++i) {
      auto txn = BeginOf(*store);
      txn->Delete(NumberedKey(i));
      txn->Commit(store->applied() + 1);
    }
    ASSERT_TRUE(store->Flush().has_value());
    EXPECT_LE(store->usage().bytes_used, uint64_t{200 << 10});
  }
  EXPECT_GE(first, uint64_t{200 * 9000});
  struct stat st {};
  ASSERT_EQ(::stat((directory.path() + "/data.mdb").c_str(), &st), 0);
  EXPECT_LE(static_cast<uint64_t>(st.st_size), 3 * first);
}

TEST(LmdbStore, TheQuotaIsFullBeforeItsReserveAndHealsAfterDeletes) {
  TemporaryDirectory directory;
  StoreOptions options = Options(64 << 10);
  options.quota_bytes = 4 << 20;
  const auto store = OpenAt(directory.path(), options);
  uint64_t written = 0;
  for (; !store->usage().Full(); ++written) {
    ASSERT_LT(written, 4000u);
    PutOne(*store, NumberedKey(written), Bytes(3000, 'v'));
  }
  EXPECT_GE(written, 500u);
  EXPECT_LE(store->usage().bytes_used, options.quota_bytes);
  EXPECT_FALSE(store->usage().disk_full);
  for (uint64_t i = 0; i < written; ++i) {
    auto txn = BeginOf(*store);
    txn->Delete(NumberedKey(i));
    txn->Commit(store->applied() + 1);
  }
  ASSERT_TRUE(store->Flush().has_value());
  EXPECT_FALSE(store->usage().Full());
}

TEST(LmdbStore, TheReserveIsTakenOnDiskAheadOfTheData) {
  TemporaryDirectory directory;
  StoreOptions options = Options(64 << 10);
  options.reserve_bytes = 8 << 20;
  const auto store = OpenAt(directory.path(), options);
  struct stat st {};
  ASSERT_EQ(::stat((directory.path() + "/data.mdb").c_str(), &st), 0);
  if (static_cast<uint64_t>(st.st_blocks) * 512 < options.reserve_bytes) {
    EXPECT_FALSE(store->usage().disk_full) << "a filesystem without fallocate, and with room";
  }
  EXPECT_LT(static_cast<uint64_t>(st.st_size), options.reserve_bytes);
}

TEST(LmdbStore, ASmallerAddressSpaceIsEnough) {
  TemporaryDirectory directory;
  StoreOptions options = Options(64 << 10);
  options.map_bytes = uint64_t{1} << 60;
  const auto store = OpenAt(directory.path(), options);
  PutOne(*store, "k", "v");
  EXPECT_TRUE(store->Flush().has_value());
}

class BadDataFile : public testing::Test {
 protected:
  ErrorCode OpenError() {
    const auto store = OpenLmdbStore(directory_.path(), Options(64 << 10));
    EXPECT_FALSE(store.has_value());
    message_ = store ? "" : store.error().message;
    return store ? ErrorCode{} : store.error().code;
  }
  // Writes one record as another program would.
  void PutRaw(ByteView key, ByteView value) {
    MDB_env* env = nullptr;
    MDB_txn* txn = nullptr;
    MDB_dbi dbi = 0;
    MDB_val key_val{key.size(), const_cast<char*>(key.data())};
    MDB_val value_val{value.size(), const_cast<char*>(value.data())};
    ASSERT_EQ(mdb_env_create(&env), 0);
    ASSERT_EQ(mdb_env_open(env, directory_.path().c_str(), 0, 0600), 0);
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
    ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
    ASSERT_EQ(mdb_put(txn, dbi, &key_val, &value_val, 0), 0);
    ASSERT_EQ(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
  }
  // The record of what the data stands for, as format.h has it.
  static Bytes MetaRecord(uint32_t version) {
    Bytes raw;
    AppendLittleU32(raw, version);
    for (const uint64_t number : {7, 0, 0}) AppendLittleU64(raw, number);
    AppendLittleU64(raw, Xxh3(raw));
    return raw;
  }

  TemporaryDirectory directory_;
  const std::string file_ = directory_.path() + "/data.mdb";
  std::string message_;
};

TEST_F(BadDataFile, OfAnotherFormatIsRefused) {
  std::ofstream(file_) << std::string(20'000, 'x');
  EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch);
}

TEST_F(BadDataFile, ThatIsEmptyIsNotTakenForANewOne) {
  std::ofstream(file_) << "";
  EXPECT_EQ(OpenError(), ErrorCode::kCorrupt);
}

TEST_F(BadDataFile, OfAnotherProgramIsRefused) {
  PutRaw("name", "value");
  EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch);
}

TEST_F(BadDataFile, OfANewerVersionIsRefusedWithBothNumbers) {
  PutRaw(ByteView("\0", 1), MetaRecord(9));
  EXPECT_EQ(OpenError(), ErrorCode::kFormatMismatch);
  EXPECT_NE(message_.find("version 9"), std::string::npos) << message_;
  EXPECT_NE(message_.find("version 1"), std::string::npos) << message_;
}

TEST_F(BadDataFile, WithADamagedRecordOfItsIndexIsCorrupt) {
  Bytes meta = MetaRecord(1);
  PutRaw(ByteView("\0", 1), meta);
  EXPECT_EQ(OpenAt(directory_.path())->applied(), 7u);
  for (size_t i = 4; i < meta.size(); ++i) {
    Bytes bad = meta;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    PutRaw(ByteView("\0", 1), bad);
    EXPECT_EQ(OpenError(), ErrorCode::kCorrupt) << "byte " << i;
  }
  PutRaw(ByteView("\0", 1), meta.substr(0, meta.size() - 1));
  EXPECT_EQ(OpenError(), ErrorCode::kCorrupt);
}

TEST_F(BadDataFile, ThatWasCutGivesErrorsAndDoesNotEndTheProcess) {
  {
    const auto store = OpenAt(directory_.path());
    for (uint64_t i = 0; i < 20'000; ++i) PutOne(*store, NumberedKey(i), Bytes(300, 'v'));
  }
  std::filesystem::resize_file(file_, 1 << 20);
  const auto store = OpenLmdbStore(directory_.path(), Options(64 << 10));
  if (!store) {
    EXPECT_EQ(store.error().code, ErrorCode::kCorrupt);
    return;
  }
  uint64_t failed = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const auto value = ViewOf(**store)->Get(NumberedKey(i));
    if (value) continue;
    EXPECT_EQ(value.error().code, ErrorCode::kCorrupt);
    ++failed;
  }
  EXPECT_GT(failed, 0u);
}

}  // namespace
}  // namespace metaring::store
