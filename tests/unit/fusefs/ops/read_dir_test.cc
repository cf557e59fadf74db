// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

std::vector<DirectoryEntry> ListAll(const Context& ctx, Ino directory, size_t limit,
                                    bool attributes = false) {
  std::vector<DirectoryEntry> all;
  ReadDirRequest request{directory, 0, limit, attributes};
  for (;;) {
    auto page = ReadDir(ctx, request);
    EXPECT_OK(page);
    for (auto& entry : page->entries) all.push_back(std::move(entry));
    if (page->end) return all;
    request.after = all.back().cookie;
  }
}

TEST(ReadDir, PagesGiveEachNameOnce) {
  TestVolume fs;
  std::set<std::string> names;
  for (int i = 0; i < 500; ++i) names.insert(fs.MakeFile("file" + std::to_string(i)).place.name);
  for (const size_t limit : {1, 7, 128, 10'000}) {
    std::set<std::string> seen;
    Cookie last = 0;
    for (const DirectoryEntry& entry : ListAll(fs.ctx(), kRootIno, limit)) {
      EXPECT_TRUE(seen.insert(entry.name).second);
      EXPECT_GE(entry.cookie, kFirstEntryCookie);
      EXPECT_GE(entry.cookie, last);
      last = entry.cookie;
    }
    EXPECT_EQ(seen, names);
  }
}

TEST(ReadDir, AnEmptyDirectoryEndsAtOnce) {
  TestVolume fs;
  EXPECT_TRUE(ListAll(fs.ctx(), kRootIno, 10).empty());
  ReadDirRequest request;
  request.directory = kRootIno;
  request.after = UINT64_MAX;
  EXPECT_TRUE(ReadDir(fs.ctx(), request)->end);
}

TEST(ReadDir, CookiesStayGoodWhileNamesComeAndGo) {
  TestVolume fs;
  std::set<std::string> stable;
  for (int i = 0; i < 200; ++i) {
    const std::string name = std::to_string(i);
    fs.MakeFile(name);
    if (i % 2 == 0) stable.insert(name);
  }
  std::map<std::string, int> seen;
  ReadDirRequest request{kRootIno, 0, 10};
  for (int round = 0;; ++round) {
    const auto page = ReadDir(fs.ctx(), request);
    ASSERT_OK(page);
    for (const auto& entry : page->entries) ++seen[entry.name];
    if (page->end) break;
    request.after = page->entries.back().cookie;
    const std::string victim = std::to_string(2 * round + 1);
    ASSERT_OK(Unlink(fs.ctx(), {kRootIno, victim, IfLast::kErase, {}}));
    fs.MakeFile("new" + std::to_string(round));
  }
  for (const std::string& name : stable) EXPECT_EQ(seen[name], 1) << name;
  for (const auto& [name, count] : seen) EXPECT_EQ(count, 1) << name;
}

TEST(ReadDir, EqualHashesAreNeverSplit) {
  TestVolume fs;
  // Names of one hash cannot be found by search, so their entries are written by hand.
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 5; ++j) {
      const std::string name = "n" + std::to_string(i) + "-" + std::to_string(j);
      const Bytes key = keys::Entry(kRootIno, static_cast<uint64_t>(100 + 2 * i), name);
      ASSERT_OK(fs.kv().Put(key, EncodeReference(Ino{1000}, S_IFREG)));
    }
  }
  for (const size_t limit : {1, 3, 5, 6, 49, 50, 51}) {
    std::set<std::string> seen;
    for (const auto& entry : ListAll(fs.ctx(), kRootIno, limit)) {
      EXPECT_TRUE(seen.insert(entry.name).second) << limit;
    }
    EXPECT_EQ(seen.size(), 50u) << limit;
  }
}

TEST(ReadDir, AttributesAreThoseOfLookup) {
  TestVolume fs;
  const Node directory = fs.MakeDirectory("d");
  fs.MakeDirectory("sub", directory.inode.ino);
  const Node file = fs.Write(fs.MakeFile("f"), 0, "content");
  ASSERT_OK(Link(fs.ctx(), {file.ref(), kRootIno, "g"}));
  fs.MakeFile("h");
  const auto entries = ListAll(fs.ctx(), kRootIno, 128, /*attributes=*/true);
  EXPECT_EQ(entries.size(), 4u);
  for (const auto& entry : entries) {
    ASSERT_TRUE(entry.node) << entry.name;
    const Node expected = *Lookup(fs.ctx(), kRootIno, entry.name);
    EXPECT_EQ(entry.ino, expected.inode.ino);
    EXPECT_EQ(entry.type, expected.inode.mode & S_IFMT);
    EXPECT_EQ(entry.node->place, expected.place);
    EXPECT_EQ(entry.node->inode.size, expected.inode.size);
    EXPECT_EQ(entry.node->inode.nlink, expected.inode.nlink);
    EXPECT_EQ(entry.node->inode.mtime, expected.inode.mtime);
  }
}

TEST(ReadDir, ManySubdirectoriesComeInBatches) {
  TestVolume fs;
  for (int i = 0; i < 1000; ++i) fs.MakeDirectory(std::to_string(i));
  for (const auto& entry : ListAll(fs.ctx(), kRootIno, 10'000, /*attributes=*/true)) {
    ASSERT_TRUE(entry.node);
    ASSERT_EQ(entry.node->inode.ino, entry.ino);
  }
}

// A cookie of "." or ".." for an entry would make a listing begin again for ever.
TEST(ReadDir, AnEntryWhoseCookieWouldBeADotsIsCorrupt) {
  for (const uint64_t hash : {2, 4, 7}) {
    TestVolume fs;
    ASSERT_OK(fs.kv().Put(keys::Entry(kRootIno, hash, "n"), EncodeReference(Ino{1000}, S_IFREG)));
    ReadDirRequest request;
    request.directory = kRootIno;
    EXPECT_CODE(ReadDir(fs.ctx(), request), ErrorCode::kCorrupt) << hash;
  }
}

}  // namespace
}  // namespace metaring::fusefs
