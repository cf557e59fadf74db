// SPDX-License-Identifier: Apache-2.0
//
// Both forms of the store against std::map, step by step.
#include "tests/unit/store/model.h"

#include <functional>

#include "kvnode/base/bytes.h"

namespace metaring::store {
namespace {

constexpr uint64_t kSeed = 20;

StoreOptions SmallOverlays() {
  StoreOptions options;
  options.overlay_bytes_max = 64 << 10;
  options.reserve_bytes = 1 << 20;
  return options;
}

// A store of either form, which can be closed and opened again when it has files.
class Subject {
 public:
  explicit Subject(bool on_disk) : on_disk_(on_disk) { Open(); }
  Store& store() { return *store_; }
  bool on_disk() const { return on_disk_; }
  void Reopen() {
    store_.reset();
    Open();
  }

 private:
  void Open() { store_ = on_disk_ ? OpenAt(directory_.path(), SmallOverlays()) : NewMemoryStore(); }

  const bool on_disk_;
  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

void ExpectEqual(const View& view, const Model& model, Random& random) {
  ASSERT_EQ(Scan(view), model);
  for (int i = 0; i < 20; ++i) {
    const Bytes key = HardKey(random);
    const auto value = view.Get(key);
    ASSERT_TRUE(value.has_value());
    const auto expected = model.find(key);
    ASSERT_EQ(value->has_value(), expected != model.end());
    if (expected != model.end()) {
      ASSERT_EQ(**value, expected->second);
    }
    if (i % 8 == 0) {
      ASSERT_EQ(Scan(view, key), Model(model.lower_bound(key), model.end()));
    }
  }
}

class StoreModel : public testing::TestWithParam<bool> {
 protected:
  // One transaction of a few writes, kept or thrown away.
  void Transact() {
    Model next = model_;
    auto txn = BeginOf(subject_.store());
    for (uint64_t writes = random_.Below(12); writes > 0; --writes) {
      const Bytes key = HardKey(random_);
      if (random_.OneIn(3)) {
        txn->Delete(key);
        next.erase(key);
      } else {
        const Bytes value = AnyValue(random_, random_.OneIn(20) ? 40'000 : 300);
        txn->Put(key, value);
        next[key] = value;
      }
    }
    if (random_.OneIn(10)) ExpectEqual(*txn, next, random_);
    if (random_.OneIn(5)) return;
    const uint64_t applied = subject_.store().applied() + 1 + random_.Below(3);
    txn->Commit(applied);
    model_ = std::move(next);
    ASSERT_EQ(subject_.store().applied(), applied);
  }

  Subject subject_{GetParam()};
  Model model_;
  Random random_{kSeed};
};

TEST_P(StoreModel, EqualsAMapAfterRandomOperations) {
  std::vector<std::pair<std::unique_ptr<View>, Model>> snapshots;
  for (int step = 0; step < 2000; ++step) {
    ASSERT_NO_FATAL_FAILURE(Transact());
    if (random_.OneIn(50)) snapshots.emplace_back(ViewOf(subject_.store()), model_);
    if (random_.OneIn(60)) {
      ASSERT_TRUE(subject_.store().Flush().has_value());
      ASSERT_EQ(subject_.store().flushed(), subject_.store().applied());
    }
    if (snapshots.size() > 5 || random_.OneIn(200)) {
      for (const auto& [view, model] : snapshots) {
        ASSERT_NO_FATAL_FAILURE(ExpectEqual(*view, model, random_));
      }
      snapshots.clear();
    }
    if (subject_.on_disk() && random_.OneIn(300)) {
      snapshots.clear();
      const uint64_t applied = subject_.store().applied();
      subject_.Reopen();
      ASSERT_EQ(subject_.store().applied(), applied);
      ASSERT_EQ(subject_.store().flushed(), applied);
    }
    if (random_.OneIn(50)) {
      ASSERT_NO_FATAL_FAILURE(ExpectEqual(*ViewOf(subject_.store()), model_, random_));
    }
  }
  ASSERT_TRUE(subject_.store().Flush().has_value());
  EXPECT_EQ(subject_.store().usage().keys_flushed, model_.size());
  snapshots.clear();
}

TEST_P(StoreModel, KeysAndValuesOfTheGreatestSize) {
  std::vector<Bytes> keys;
  for (const char last : {'\0', 'x', '\xff'}) {
    keys.emplace_back(kKeyBytesMax, 'k');
    keys.back().back() = last;
    keys.emplace_back(kKeyBytesMax - 1, 'k');
    keys.back().back() = last;
  }
  for (const Bytes& key : keys) {
    model_[key] = AnyValue(random_, 5 << 20);
    PutOne(subject_.store(), key, model_[key]);
  }
  model_["empty"] = "";
  PutOne(subject_.store(), "empty", "");
  model_["largest"] = Bytes(kValueBytesMax, 'v');
  PutOne(subject_.store(), "largest", model_["largest"]);
  EXPECT_EQ(Scan(*ViewOf(subject_.store())), model_);
  ASSERT_TRUE(subject_.store().Flush().has_value());
  EXPECT_EQ(Scan(*ViewOf(subject_.store())), model_);
  EXPECT_EQ(Scan(*ViewOf(subject_.store()), keys[0].substr(0, 600'000)),
            Model(model_.lower_bound(keys[0].substr(0, 600'000)), model_.end()));
  for (const Bytes& key : keys) EXPECT_EQ(GetOr(*ViewOf(subject_.store()), key, "-"), model_[key]);
}

TEST_P(StoreModel, DeletesOfLongKeysLeaveNothing) {
  const auto transact = [this](const std::function<void(Txn&)>& writes) {
    auto txn = BeginOf(subject_.store());
    writes(*txn);
    txn->Commit(subject_.store().applied() + 1);
    ASSERT_TRUE(subject_.store().Flush().has_value());
  };
  transact([](Txn& txn) { txn.Put("stays", "1"); });
  const uint64_t before = subject_.store().usage().bytes_used;
  std::vector<Bytes> keys;
  for (int i = 0; i < 300; ++i) {
    keys.push_back(Bytes(20'000, 'p'));
    AppendBigU32(keys.back(), static_cast<uint32_t>(random_.Next()));
  }
  transact([&](Txn& txn) {
    for (const Bytes& key : keys) txn.Put(key, "v");
  });
  EXPECT_EQ(Scan(*ViewOf(subject_.store())).size(), keys.size() + 1);
  transact([&](Txn& txn) {
    for (const Bytes& key : keys) txn.Delete(key);
  });
  EXPECT_EQ(subject_.store().usage().keys_flushed, 1u);
  EXPECT_EQ(Scan(*ViewOf(subject_.store())), (Model{{"stays", "1"}}));
  // The free list's own pages aside.
  EXPECT_LE(subject_.store().usage().bytes_used, before + (16 << 10));
}

TEST_P(StoreModel, ATransactionWithoutCommitLeavesNoTrace) {
  PutOne(subject_.store(), "a", "1");
  {
    auto txn = BeginOf(subject_.store());
    txn->Put("a", "2");
    txn->Put("b", "2");
    txn->Delete("a");
    EXPECT_EQ(Scan(*txn), (Model{{"b", "2"}}));
  }
  EXPECT_EQ(Scan(*ViewOf(subject_.store())), (Model{{"a", "1"}}));
  EXPECT_EQ(subject_.store().applied(), 1u);
  auto txn = BeginOf(subject_.store());
  EXPECT_EQ(Scan(*txn), (Model{{"a", "1"}}));
}

TEST_P(StoreModel, AnEmptyCommitMovesAppliedAndIsFlushed) {
  BeginOf(subject_.store())->Commit(7);
  EXPECT_EQ(subject_.store().applied(), 7u);
  ASSERT_TRUE(subject_.store().Flush().has_value());
  EXPECT_EQ(subject_.store().flushed(), 7u);
}

TEST_P(StoreModel, ACursorOfATransactionSeesItsWritesAfterSeek) {
  PutOne(subject_.store(), "b", "1");
  auto txn = BeginOf(subject_.store());
  const auto cursor = txn->NewCursor();
  cursor->Seek("");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "b");
  txn->Put("a", "2");
  txn->Delete("b");
  cursor->Seek("");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "a");
  cursor->Next();
  EXPECT_FALSE(cursor->Valid());
}

INSTANTIATE_TEST_SUITE_P(Forms, StoreModel, testing::Values(false, true),
                         [](const auto& form) { return form.param ? "Lmdb" : "Memory"; });

}  // namespace
}  // namespace metaring::store
