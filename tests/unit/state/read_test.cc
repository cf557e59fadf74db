// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/read.h"

#include "tests/unit/state/machine_fixture.h"

namespace metaring::state {
namespace {

class ReadTest : public MachineFixture {
 protected:
  bool Holds(const Compare& compare) {
    const auto failed = FirstFailed(**store_->NewView(), kScope, {compare});
    EXPECT_TRUE(failed);
    return !failed->has_value();
  }
  ScanPage Scan(const ScanRequest& request) {
    auto page = ScanKeys(**store_->NewView(), kScope, request);
    EXPECT_TRUE(page);
    return *page;
  }
};

TEST_F(ReadTest, ComparesMeanWhatTheySay) {
  ASSERT_TRUE(Do({MakePut("k", "v")}));
  EXPECT_TRUE(Holds(MakeCompare(Compare::Kind::kExists, "k")));
  EXPECT_FALSE(Holds(MakeCompare(Compare::Kind::kExists, "none")));
  EXPECT_FALSE(Holds(MakeCompare(Compare::Kind::kAbsent, "k")));
  Compare version = MakeCompare(Compare::Kind::kVersion, "k");
  version.version = 1;
  EXPECT_TRUE(Holds(version));
  version.version = 2;
  EXPECT_FALSE(Holds(version));
  Compare value = MakeCompare(Compare::Kind::kValue, "k");
  value.value = "v";
  EXPECT_TRUE(Holds(value));
  value.value = "w";
  EXPECT_FALSE(Holds(value));
}

TEST_F(ReadTest, RangeEmptyTakesAnEndOrAPrefix) {
  ASSERT_TRUE(Do({MakePut("dir/a", "1"), MakePut("dir/b", "2")}));
  EXPECT_FALSE(Holds(MakeCompare(Compare::Kind::kRangeEmpty, "dir/")));
  EXPECT_TRUE(Holds(MakeCompare(Compare::Kind::kRangeEmpty, "dir/c")));
  EXPECT_TRUE(Holds(MakeCompare(Compare::Kind::kRangeEmpty, "e")));
  Compare range = MakeCompare(Compare::Kind::kRangeEmpty, "dir/a");
  range.end = "dir/a";
  EXPECT_TRUE(Holds(range));
  range.end = "dir/aa";
  EXPECT_FALSE(Holds(range));
}

TEST_F(ReadTest, ScanPagesCoverTheRangeOnceInOrder) {
  std::vector<Op> ops;
  for (int i = 0; i < 25; ++i) ops.push_back(MakePut("p/" + std::string(1, 'a' + i), "v"));
  ops.push_back(MakePut("o", "before"));
  ops.push_back(MakePut("q", "behind"));
  ASSERT_TRUE(Do(ops));
  ScanRequest request;
  request.begin = "p/";
  request.limit = 4;
  std::string seen;
  int pages = 0;
  do {
    const ScanPage page = Scan(request);
    for (const ScanItem& item : page.items) seen += item.key.substr(2);
    request.cursor = page.cursor;
    ++pages;
  } while (!request.cursor.empty());
  EXPECT_EQ(seen, "abcdefghijklmnopqrstuvwxy");
  EXPECT_EQ(pages, 7);
}

TEST_F(ReadTest, AScanPageEndsBeforeARecordThatWouldTakeItOverItsSize) {
  ASSERT_TRUE(Do({MakePut("a", Bytes(kScanBytesMax - 100, 'a'))}));
  ASSERT_TRUE(Do({MakePut("b", Bytes(kScanBytesMax + 100, 'b'))}));
  ASSERT_TRUE(Do({MakePut("c", "small")}));
  ScanRequest request;
  for (const char* const key : {"a", "b", "c"}) {
    const ScanPage page = Scan(request);
    ASSERT_EQ(page.items.size(), 1u);
    EXPECT_EQ(page.items[0].key, key);
    request.cursor = page.cursor;
  }
  EXPECT_TRUE(request.cursor.empty());
}

TEST_F(ReadTest, AScanPageNeverHasMoreThanItsSizeOfSmallRecords) {
  const Bytes value(kTransactionBytesMax - 100, 'v');
  for (const char* const key : {"a", "b", "c"}) ASSERT_TRUE(Do({MakePut(key, value)}));
  ScanRequest request;
  const ScanPage first = Scan(request);
  EXPECT_EQ(first.items.size(), 2u);
  EXPECT_EQ(first.cursor, "c");
  request.cursor = first.cursor;
  const ScanPage second = Scan(request);
  EXPECT_EQ(second.items.size(), 1u);
  EXPECT_TRUE(second.cursor.empty());
}

TEST_F(ReadTest, KeyspacesDoNotSeeEachOther) {
  ASSERT_TRUE(Do({MakePut("k", "mine")}));
  const Scope other{SlotId{0}, KeyspaceId{2}};
  EXPECT_FALSE(Read(**store_->NewView(), other, "k")->has_value());
}

TEST_F(ReadTest, EmptyKeyIsAKey) {
  ASSERT_TRUE(Do({MakePut("", "root")}));
  EXPECT_EQ(Get("")->value, "root");
  EXPECT_EQ(Scan(ScanRequest{}).items.size(), 1u);
}

TEST_F(ReadTest, DamagedRecordIsCorruptAndTheRestGoesOn) {
  ASSERT_TRUE(Do({MakePut("good", "1"), MakePut("bad", "2")}));
  auto txn = store_->Begin();
  (*txn)->Put(StoreKey(kScope, KeyKind::kData, "bad"), "garbage that is no record");
  (*txn)->Commit(++version_);
  const auto bad = Read(**store_->NewView(), kScope, "bad");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Get("good")->value, "1");
  EXPECT_EQ(ScanKeys(**store_->NewView(), kScope, {}).error().code, ErrorCode::kCorrupt);
  ScanRequest keep;
  keep.keep_damaged = true;
  const ScanPage page = Scan(keep);
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_TRUE(page.items[0].damaged);
  EXPECT_FALSE(page.items[1].damaged);
  ASSERT_TRUE(Do({MakePut("bad", "healed")}));
  EXPECT_EQ(Get("bad")->value, "healed");
}

TEST(Validate, LimitsAreNamed) {
  const auto key = ValidateKey(Bytes(kKeyBytesMax + 1, 'k'));
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find("1048576"), std::string::npos);
  Transaction many;
  many.else_reads.resize(kTransactionItemsMax + 1);
  EXPECT_EQ(Validate(many).error().code, ErrorCode::kInvalidArgument);
  Transaction big;
  big.then_ops = {MakePut("k", Bytes(kTransactionBytesMax, 'v'))};
  EXPECT_FALSE(Validate(big));
  ScanRequest scan;
  scan.limit = 0;
  EXPECT_FALSE(Validate(scan));
  Transaction id;
  id.request_id = RequestId{0, 1, 0};
  EXPECT_FALSE(Validate(id));
}

}  // namespace
}  // namespace metaring::state
