// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/embedded.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/sim/sim_disk.h"

namespace metaring::client {
namespace {

Op Put(Bytes key, Bytes value) {
  Op op;
  op.key = std::move(key);
  op.value = std::move(value);
  return op;
}

Op Add(Bytes key, int64_t delta) {
  Op op;
  op.kind = Op::Kind::kAdd;
  op.key = std::move(key);
  op.delta = delta;
  return op;
}

// Every test runs over the memory store on a simulated disk and over files.
class EmbeddedTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (OnFiles()) {
      std::string pattern = std::filesystem::temp_directory_path() / "embedded_test.XXXXXX";
      ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
      directory_ = pattern;
    }
    Reopen();
    ASSERT_TRUE(embedded_->Create("ks", {}));
    kv_ = std::move(*embedded_->Open("ks"));
  }
  void TearDown() override {
    kv_.reset();
    embedded_.reset();
    if (OnFiles()) std::filesystem::remove_all(directory_);
  }
  bool OnFiles() const { return GetParam(); }

  void Reopen() {
    kv_.reset();
    embedded_.reset();
    auto opened = OnFiles() ? OpenEmbedded(directory_ + "/data", options_, clock_)
                            : OpenEmbeddedOn(store::NewMemoryStore(), disk_, options_, clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    embedded_ = std::move(*opened);
    if (auto kv = embedded_->Open("ks")) kv_ = std::move(*kv);
  }

  int64_t Number(ByteView key) {
    const auto record = kv_->Get(key);
    EXPECT_TRUE(record && *record);
    return *state::DecodeI64((*record)->value);
  }

  std::string directory_;
  sim::SimDisk disk_;
  ManualClock clock_;
  EmbeddedOptions options_;
  std::unique_ptr<Embedded> embedded_;
  std::unique_ptr<Kv> kv_;
};

TEST_P(EmbeddedTest, ADroppedKeyspaceIsGoneAndItsNameIsFree) {
  ASSERT_TRUE(embedded_->Create("other", {}));
  {
    const auto other = *embedded_->Open("other");
    for (int i = 0; i < 2500; ++i) ASSERT_TRUE(other->Put("key" + std::to_string(i), "value"));
    ASSERT_TRUE(other->Put("large", Bytes(3 << 20, 'x')));
  }
  ASSERT_TRUE(kv_->Put("kept", "value"));
  ASSERT_TRUE(embedded_->Drop("other"));
  EXPECT_EQ(embedded_->Drop("other").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(embedded_->Open("other").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(embedded_->Create("other", {}));
  EXPECT_TRUE((*embedded_->Open("other"))->Scan({})->items.empty());
  EXPECT_EQ((*kv_->Get("kept"))->value, "value");
  EXPECT_EQ(embedded_->List()->size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Forms, EmbeddedTest, testing::Bool(),
                         [](const auto& form) { return form.param ? "Files" : "Memory"; });

TEST_P(EmbeddedTest, WritesAreReadAtOnceAndAfterReopening) {
  ASSERT_TRUE(kv_->Put("k", "v"));
  EXPECT_EQ((*kv_->Get("k"))->value, "v");
  Reopen();
  EXPECT_EQ((*kv_->Get("k"))->value, "v");
  EXPECT_TRUE(*kv_->Delete("k"));
  EXPECT_FALSE(*kv_->Delete("k"));
  EXPECT_FALSE(kv_->Get("k")->has_value());
}

TEST_P(EmbeddedTest, VersionsGrowAlsoOverReopening) {
  const uint64_t first = *kv_->Put("k", "1");
  Reopen();
  const uint64_t second = *kv_->Put("k", "2");
  EXPECT_GT(second, first);
  EXPECT_EQ((*kv_->Get("k"))->version, second);
}

TEST_P(EmbeddedTest, FailedCompareCostsNoLogWrite) {
  ASSERT_TRUE(kv_->Put("k", "v"));
  const uint64_t records = embedded_->stats().log.records;
  Transaction transaction;
  Compare absent;
  absent.kind = Compare::Kind::kAbsent;
  absent.key = "k";
  transaction.compares = {absent};
  transaction.then_ops = {Put("k", "w")};
  transaction.else_reads = {"k"};
  const auto reply = kv_->Transact(transaction);
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->succeeded);
  EXPECT_EQ(reply->reads[0]->value, "v");
  EXPECT_EQ(embedded_->stats().log.records, records);
}

TEST_P(EmbeddedTest, LargeValuesGoThroughWhole) {
  Bytes value;
  for (int i = 0; value.size() < state::kValueBytesMax; ++i) value += std::to_string(i) + ",";
  value.resize(state::kValueBytesMax);
  ASSERT_TRUE(kv_->Put("big", value));
  EXPECT_EQ((*kv_->Get("big"))->value, value);
  Reopen();
  EXPECT_EQ((*kv_->Get("big"))->value, value);
  const auto over = kv_->Put("big", value + "x");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kInvalidArgument);
}

TEST_P(EmbeddedTest, LongKeysKeepTheirOrder) {
  std::vector<Bytes> keys = {Bytes(400, 'a'),
                             Bytes(511, 'a'),
                             Bytes(512, 'a'),
                             Bytes(5000, 'a'),
                             Bytes(5000, 'a') + "b",
                             Bytes(511, 'a') + "b",
                             Bytes(state::kKeyBytesMax, 'a')};
  for (const Bytes& key : keys) ASSERT_TRUE(kv_->Put(key, std::to_string(key.size())));
  std::sort(keys.begin(), keys.end());
  Reopen();
  ScanRequest request;
  request.limit = 2;
  std::vector<Bytes> seen;
  do {
    const auto page = kv_->Scan(request);
    ASSERT_TRUE(page);
    for (const ScanItem& item : page->items) seen.push_back(item.key);
    request.cursor = page->cursor;
  } while (!request.cursor.empty());
  EXPECT_EQ(seen, keys);
}

TEST_P(EmbeddedTest, WhatCanBePutCanBeDeleted) {
  for (const size_t bytes : {size_t{0}, state::kKeyBytesMax - 8, state::kKeyBytesMax}) {
    const Bytes key(bytes, 'k');
    ASSERT_TRUE(kv_->Put(key, "v"));
    const auto deleted = kv_->Delete(key);
    ASSERT_TRUE(deleted) << bytes << ": " << deleted.error().message;
    EXPECT_TRUE(*deleted);
    EXPECT_FALSE(*kv_->Get(key));
    EXPECT_FALSE(*kv_->Delete(key));
  }
  const auto over = kv_->Delete(Bytes(state::kKeyBytesMax + 1, 'k'));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kInvalidArgument);
}

TEST_P(EmbeddedTest, CompressedKeyspaceGivesPlainValuesBack) {
  KeyspaceOptions options;
  options.compression = Compression::kZstd;
  ASSERT_TRUE(embedded_->Create("packed", options));
  auto packed = std::move(*embedded_->Open("packed"));
  const Bytes value(100'000, 'z');
  const uint64_t before = embedded_->stats().log.bytes;
  ASSERT_TRUE(packed->Put("k", value));
  EXPECT_LT(embedded_->stats().log.bytes - before, 10'000u);
  EXPECT_EQ(packed->Get("k").value()->value, value);
  Transaction transaction;
  Compare same;
  same.kind = Compare::Kind::kValue;
  same.key = "k";
  same.value = value;
  transaction.compares = {same};
  transaction.then_ops = {Put("k", value + value)};
  EXPECT_TRUE(packed->Transact(transaction)->succeeded);
  EXPECT_EQ(packed->Scan({})->items[0].record.value, value + value);
}

TEST_P(EmbeddedTest, KeyspacesAreListedAndNamesAreUnique) {
  ASSERT_TRUE(embedded_->Create("another", {}));
  EXPECT_EQ(embedded_->Create("another", {}).error().code, ErrorCode::kExists);
  EXPECT_EQ(embedded_->Open("none").error().code, ErrorCode::kNotFound);
  const auto list = embedded_->List();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].name, "another");
  EXPECT_EQ((*list)[1].name, "ks");
}

TEST_P(EmbeddedTest, ThreadsShareLogWritesAndLoseNothing) {
  constexpr int kThreads = 8;
  constexpr int kWrites = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kWrites; ++i) {
        Transaction transaction;
        transaction.then_ops = {Add("count", 1),
                                Put(std::to_string(t) + "/" + std::to_string(i), "v")};
        const auto reply = kv_->Transact(transaction);
        ASSERT_TRUE(reply && reply->succeeded);
        ASSERT_EQ((*kv_->Get(std::to_string(t) + "/" + std::to_string(i)))->version,
                  reply->version);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Number("count"), kThreads * kWrites);
  const log::LogStats stats = embedded_->stats().log;
  EXPECT_GE(stats.records, static_cast<uint64_t>(kThreads * kWrites));
  EXPECT_LE(stats.syncs, stats.records + 8);
  Reopen();
  EXPECT_EQ(Number("count"), kThreads * kWrites);
}

TEST_P(EmbeddedTest, LogIsLetGoWhenTheStoreHasIt) {
  if (!OnFiles()) return;  // a memory store forgets what the log has let go of
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(kv_->Put("k" + std::to_string(i), Bytes(400'000, 'x')));
  ASSERT_TRUE(embedded_->Flush());
  ASSERT_TRUE(kv_->Put("last", "v"));
  Reopen();
  EXPECT_EQ((*kv_->Get("k7"))->value.size(), 400'000u);
  EXPECT_EQ((*kv_->Get("last"))->value, "v");
}

}  // namespace
}  // namespace metaring::client
