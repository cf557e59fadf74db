// SPDX-License-Identifier: Apache-2.0
//
// Each kind of damage, planted by hand, is found by name and mended to a clean volume.
#include "fusefs/check/check.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/passing_kv.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

// Counts what a check asks.
class CountingKv : public PassingKv {
 public:
  using PassingKv::PassingKv;
  size_t scans() const { return scans_; }

  Result<client::ScanPage> Scan(const client::ScanRequest& request) override {
    ++scans_;
    return PassingKv::Scan(request);
  }

 private:
  size_t scans_ = 0;
};

class CheckTest : public testing::Test {
 protected:
  // A bit of everything that a volume can hold.
  void SetUp() override {
    directory_ = fs_.MakeDirectory("dir");
    small_ = fs_.Write(fs_.MakeFile("small"), 0, "little content");
    big_ = fs_.Write(fs_.MakeFile("big", directory_.inode.ino), 0, Bytes(200'000, 'b'));
    sparse_ = fs_.Write(fs_.MakeFile("sparse"), 1'000'000, "far behind a hole");
    const Node linked = fs_.MakeFile("linked");
    auto link = Link(fs_.ctx(), {linked.ref(), directory_.inode.ino, "second"});
    EXPECT_TRUE(link);
    linked_ = *link;
    SetXattrRequest xattr;
    xattr.ref = small_.ref();
    xattr.name = "user.large";
    xattr.value = Bytes(10'000, 'x');
    EXPECT_TRUE(SetXattr(fs_.ctx(), xattr));
    MakeRequest symlink;
    symlink.parent = kRootIno;
    symlink.name = "symlink";
    symlink.mode = S_IFLNK | 0777;
    symlink.symlink_target = "small";
    EXPECT_TRUE(Make(fs_.ctx(), symlink));
    fs_.MakeDirectory("inner", directory_.inode.ino);
  }

  CheckReport Check(bool repair = false) {
    CheckOptions options;
    options.repair = repair;
    auto report = CheckVolume(fs_.ctx(), options);
    EXPECT_TRUE(report);
    return *report;
  }

  size_t ScansOfACheck() {
    CountingKv kv(fs_.kv());
    const Context ctx{kv, fs_.volume(), fs_.ctx().inos, fs_.clock()};
    EXPECT_TRUE(CheckVolume(ctx, {}));
    return kv.scans();
  }

  // The planted damage is found with `words` in its description, and is gone after a repair.
  void ExpectFoundAndMended(const std::string& words) {
    const CheckReport found = Check();
    EXPECT_FALSE(found.clean());
    bool told = false;
    for (const Finding& finding : found.findings) {
      told = told || finding.what.find(words) != std::string::npos;
      EXPECT_FALSE(finding.repaired);
    }
    EXPECT_TRUE(told) << "no finding says: " << words;
    const CheckReport mended = Check(true);
    EXPECT_EQ(mended.repaired, mended.found);
    const CheckReport after = Check();
    for (const Finding& finding : after.findings) ADD_FAILURE() << "left: " << finding.what;
  }

  Bytes EntryKey(Ino parent, const std::string& name) {
    return keys::Entry(parent, keys::EntryHash(fs_.volume().hash_seed, name), name);
  }

  TestVolume fs_;
  Node directory_;
  Node small_;
  Node big_;
  Node sparse_;
  Node linked_;
};

// A block counts whole, or up to the file's end, however few bytes of it are stored.
TEST_F(CheckTest, BlocksThatEndInHolesAreClean) {
  const Node file = fs_.Write(fs_.MakeFile("grown"), 0, Bytes(5'000, 'g'));
  SetAttrRequest grow;
  grow.ref = file.ref();
  grow.size = 100'000;
  ASSERT_TRUE(SetAttr(fs_.ctx(), grow));
  FallocateRequest behind;
  behind.ref = file.ref();
  behind.offset = 300'000;
  behind.length = 100'000;
  behind.keep_size = true;
  ASSERT_TRUE(Fallocate(fs_.ctx(), behind));
  const CheckReport report = Check();
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.what;
}

TEST_F(CheckTest, HealthyVolumeIsClean) {
  const CheckReport report = Check();
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.what;
  EXPECT_EQ(report.directories, 3u);
  EXPECT_EQ(report.files, 5u);
  EXPECT_TRUE(Check(true).clean());
}

TEST_F(CheckTest, StaysCleanAfterRemovals) {
  for (const char* name : {"small", "sparse", "linked"}) {
    UnlinkRequest unlink;
    unlink.parent = kRootIno;
    unlink.name = name;
    ASSERT_TRUE(Unlink(fs_.ctx(), unlink));
  }
  SetAttrRequest shrink;
  shrink.ref = big_.ref();
  shrink.size = 70'000;
  ASSERT_TRUE(SetAttr(fs_.ctx(), shrink));
  const CheckReport report = Check();
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.what;
}

TEST_F(CheckTest, OrphanIsNoFindingAndIsSweptByRepair) {
  UnlinkRequest unlink;
  unlink.parent = kRootIno;
  unlink.name = "small";
  unlink.if_last = IfLast::kOrphan;
  ASSERT_TRUE(Unlink(fs_.ctx(), unlink));
  EXPECT_TRUE(Check().clean());
  const size_t keys_before = fs_.CountKeys();
  EXPECT_TRUE(Check(true).clean());
  EXPECT_LT(fs_.CountKeys(), keys_before);
}

TEST_F(CheckTest, LostEntryOfADirectory) {
  ASSERT_TRUE(fs_.kv().Delete(EntryKey(kRootIno, "dir")));
  ExpectFoundAndMended("has no name");
  const auto found =
      Lookup(fs_.ctx(), kRootIno, "lost+found." + std::to_string(directory_.inode.ino.value()));
  ASSERT_TRUE(found);
  EXPECT_TRUE(Lookup(fs_.ctx(), found->inode.ino, "big"));
}

TEST_F(CheckTest, LostEntriesOfALinkedFile) {
  ASSERT_TRUE(fs_.kv().Delete(EntryKey(kRootIno, "linked")));
  ASSERT_TRUE(fs_.kv().Delete(EntryKey(directory_.inode.ino, "second")));
  ExpectFoundAndMended("has no name and is no orphan");
  EXPECT_TRUE(
      Lookup(fs_.ctx(), kRootIno, "lost+found." + std::to_string(linked_.inode.ino.value())));
}

TEST_F(CheckTest, LostEntryOfAFileLeavesContentThatIsTakenAway) {
  ASSERT_TRUE(fs_.kv().Delete(EntryKey(kRootIno, "small")));
  ASSERT_TRUE(fs_.kv().Delete(EntryKey(directory_.inode.ino, "big")));
  const CheckReport found = Check();
  std::string all;
  for (const Finding& finding : found.findings) all += finding.what + "\n";
  EXPECT_NE(all.find("small content belongs to no file"), std::string::npos) << all;
  EXPECT_NE(all.find("large xattrs belong to no file"), std::string::npos) << all;
  EXPECT_NE(all.find("blocks belong to no file"), std::string::npos) << all;
  ExpectFoundAndMended("counts");
}

TEST_F(CheckTest, WrongCounts) {
  const Ino ino = directory_.inode.ino;
  for (const auto counter : {keys::Counter::kEntries, keys::Counter::kSubdirectories}) {
    ASSERT_TRUE(fs_.kv().Put(keys::DirectoryCounter(ino, counter), state::EncodeI64(77)));
  }
  ASSERT_TRUE(fs_.kv().Put(keys::InodesUsed(), state::EncodeI64(-5)));
  ASSERT_TRUE(fs_.kv().Put(keys::BytesUsed(), state::EncodeI64(1)));
  EXPECT_EQ(Check().found, 4u);
  ExpectFoundAndMended("but counts 77");
}

TEST_F(CheckTest, WrongLinkCount) {
  const auto record = fs_.kv().Get(keys::OwnInode(linked_.inode.ino));
  Inode inode = *DecodeInode(record.value()->value);
  inode.nlink = 9;
  ASSERT_TRUE(fs_.kv().Put(keys::OwnInode(linked_.inode.ino), EncodeInode(inode)));
  ExpectFoundAndMended("says it has 9 links");
}

TEST_F(CheckTest, EntryThatLeadsNowhere) {
  ASSERT_TRUE(fs_.kv().Put(EntryKey(kRootIno, "ghost"), EncodeReference(Ino(4242), S_IFREG)));
  ASSERT_TRUE(fs_.kv().Put(EntryKey(kRootIno, "cave"), EncodeReference(Ino(4243), S_IFDIR)));
  ExpectFoundAndMended("names but no record");
}

TEST_F(CheckTest, WithoutARepairDamageCostsNoMoreScans) {
  const size_t healthy = ScansOfACheck();
  ASSERT_TRUE(fs_.kv().Put(EntryKey(kRootIno, "ghost"), EncodeReference(Ino(4242), S_IFREG)));
  ASSERT_TRUE(fs_.kv().Put(EntryKey(kRootIno, "cave"), EncodeReference(Ino(4243), S_IFDIR)));
  EXPECT_FALSE(Check().clean());
  EXPECT_EQ(ScansOfACheck(), healthy);
}

TEST_F(CheckTest, HeaderWithAnotherName) {
  const auto record = fs_.kv().Get(keys::Header(directory_.inode.ino));
  DirectoryHeader header = *DecodeDirectory(record.value()->value);
  header.name = "elsewhere";
  ASSERT_TRUE(fs_.kv().Put(keys::Header(directory_.inode.ino), EncodeDirectory(header)));
  ExpectFoundAndMended("is named otherwise");
}

TEST_F(CheckTest, EntryThatDoesNotDecode) {
  ASSERT_TRUE(fs_.kv().Put(EntryKey(kRootIno, "small"), "garbage"));
  ExpectFoundAndMended("does not decode");
}

TEST_F(CheckTest, StrangersAmongTheKeys) {
  ASSERT_TRUE(fs_.kv().Put("what is this", "?"));
  ASSERT_TRUE(fs_.kv().Put("/1/0/q", "?"));
  ExpectFoundAndMended("not of a filesystem");
}

// --- volumes that others change meanwhile
// --------------------------------------------------------------

// Passes everything on; before each reading of the whole volume `change` comes first.
class ChangingKv : public PassingKv {
 public:
  ChangingKv(client::Kv& kv, std::function<void(int pass)> change)
      : PassingKv(kv), change_(std::move(change)) {}
  int passes() const { return passes_; }

  Result<client::ScanPage> Scan(const client::ScanRequest& request) override {
    if (request.begin.empty() && request.cursor.empty()) change_(++passes_);
    return PassingKv::Scan(request);
  }

 private:
  const std::function<void(int)> change_;
  int passes_ = 0;
};

class SharedCheckTest : public CheckTest {
 protected:
  CheckReport CheckShared(ChangingKv& kv) {
    const Context& ctx = fs_.ctx();
    CheckOptions options;
    options.shared = true;
    auto report = CheckVolume({kv, ctx.volume, ctx.inos, ctx.clock}, options);
    EXPECT_TRUE(report);
    return *report;
  }
};

TEST_F(SharedCheckTest, ACleanVolumeIsReadOnce) {
  ChangingKv kv(fs_.kv(), [](int) {});
  EXPECT_TRUE(CheckShared(kv).clean());
  EXPECT_EQ(kv.passes(), 1);
}

TEST_F(SharedCheckTest, WhatIsOnlyOnItsWayIsNoFinding) {
  // Each reading meets another half of a change.
  ChangingKv kv(fs_.kv(), [this](int pass) {
    ASSERT_TRUE(fs_.kv().Put(EntryKey(kRootIno, "ghost" + std::to_string(pass)),
                             EncodeReference(Ino(4000 + static_cast<uint64_t>(pass)), S_IFREG)));
    ASSERT_TRUE(fs_.kv().Delete(EntryKey(kRootIno, "ghost" + std::to_string(pass - 1))));
  });
  const CheckReport report = CheckShared(kv);
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.what.find("names but no record"), std::string::npos) << finding.what;
  }
  EXPECT_EQ(kv.passes(), kSharedPasses);
}

TEST_F(SharedCheckTest, WhatStaysIsAFinding) {
  ASSERT_TRUE(fs_.kv().Put(EntryKey(kRootIno, "small"), "garbage"));
  ChangingKv kv(fs_.kv(), [](int) {});
  const CheckReport report = CheckShared(kv);
  bool told = false;
  for (const Finding& finding : report.findings) {
    told = told || finding.what.find("does not decode") != std::string::npos;
  }
  EXPECT_TRUE(told);
  EXPECT_EQ(kv.passes(), kSharedPasses);
}

TEST_F(SharedCheckTest, ItIsNotRepaired) {
  CheckOptions options;
  options.shared = true;
  options.repair = true;
  const auto report = CheckVolume(fs_.ctx(), options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace metaring::fusefs
