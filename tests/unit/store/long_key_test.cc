// SPDX-License-Identifier: Apache-2.0
//
// Keys beyond what LMDB takes, at the borders of the pieces that they are cut into.
#include <algorithm>

#include "tests/unit/store/model.h"

namespace metaring::store {
namespace {

// All keys that are a run of one byte, of lengths around the first three borders (509, 1010 and
// 1511 bytes), and then one of a few endings: they share 508 to 512 bytes, are prefixes of one
// another and have 0x00 and 0xff where the pieces meet.
std::vector<Bytes> BorderKeys() {
  const std::vector<Bytes> endings = {"",
                                      Bytes(1, '\0'),
                                      Bytes(2, '\0'),
                                      "a",
                                      "\xff",
                                      "\xff\xff",
                                      Bytes("\0\xff", 2),
                                      Bytes("\xff\0", 2),
                                      Bytes(510, '\0'),
                                      Bytes(510, '\xff')};
  std::vector<Bytes> keys;
  for (const char fill : {'\0', 'a', '\xff'}) {
    for (const size_t border : {509, 1010, 1511}) {
      for (size_t length = border - 2; length <= border + 3; ++length) {
        for (const Bytes& ending : endings) keys.push_back(Bytes(length, fill) + ending);
      }
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

class LongKeys : public testing::Test {
 protected:
  void SetUp() override {
    Random random(5);
    for (size_t i = keys_.size(); i > 1; --i) std::swap(keys_[i - 1], keys_[random.Below(i)]);
    store_ = OpenAt(directory_.path());
  }
  void Put(const Bytes& key) {
    const Bytes value = std::to_string(model_.size());
    PutOne(*store_, key, value);
    model_[key] = value;
  }

  TemporaryDirectory directory_;
  std::vector<Bytes> keys_ = BorderKeys();
  Model model_;
  std::unique_ptr<Store> store_;
};

TEST_F(LongKeys, AreScannedInByteOrderFromEachOfThem) {
  for (size_t i = 0; i < keys_.size(); ++i) {
    Put(keys_[i]);
    if (i % 97 == 0) {
      ASSERT_TRUE(store_->Flush().has_value());
    }
  }
  ASSERT_TRUE(store_->Flush().has_value());
  const auto view = ViewOf(*store_);
  ASSERT_EQ(Scan(*view), model_);
  const auto cursor = view->NewCursor();
  for (const Bytes& key : keys_) {
    EXPECT_EQ(GetOr(*view, key, "-"), model_[key]);
    for (const Bytes& from : {key, key + '\0', key.substr(0, key.size() - 1), key + "\xff"}) {
      cursor->Seek(from);
      auto expected = model_.lower_bound(from);
      // To the next piece's border and a little beyond.
      for (int steps = 0; steps < 8 && expected != model_.end(); ++steps, ++expected) {
        ASSERT_TRUE(cursor->Valid());
        ASSERT_EQ(cursor->key(), expected->first);
        ASSERT_EQ(cursor->value(), expected->second);
        cursor->Next();
      }
      if (expected == model_.end()) {
        EXPECT_FALSE(cursor->Valid());
      }
    }
  }
}

TEST_F(LongKeys, AbsentOnesAreAbsent) {
  const std::vector<Bytes> absent(keys_.begin(), keys_.begin() + keys_.size() / 2);
  for (size_t i = absent.size(); i < keys_.size(); ++i) Put(keys_[i]);
  ASSERT_TRUE(store_->Flush().has_value());
  const auto view = ViewOf(*store_);
  for (const Bytes& key : absent) EXPECT_EQ(GetOr(*view, key, "-"), "-");
}

TEST_F(LongKeys, AreDeletedOneByOneInAnyOrder) {
  for (const Bytes& key : keys_) Put(key);
  ASSERT_TRUE(store_->Flush().has_value());
  std::reverse(keys_.begin(), keys_.end());
  for (size_t i = 0; i < keys_.size(); ++i) {
    auto txn = BeginOf(*store_);
    txn->Delete(keys_[i]);
    txn->Commit(store_->applied() + 1);
    model_.erase(keys_[i]);
    if (i % 31 != 0) continue;
    ASSERT_TRUE(store_->Flush().has_value());
    ASSERT_EQ(Scan(*ViewOf(*store_)), model_);
    ASSERT_EQ(store_->usage().keys_flushed, model_.size());
  }
  ASSERT_TRUE(store_->Flush().has_value());
  EXPECT_EQ(store_->usage().keys_flushed, 0u);
  EXPECT_EQ(Scan(*ViewOf(*store_)), Model());
}

}  // namespace
}  // namespace metaring::store
