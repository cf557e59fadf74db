// SPDX-License-Identifier: Apache-2.0
//
// Lookup, Make, Link, Unlink, Rmdir and orphans, by errno and by what they leave.
#include <gtest/gtest.h>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

Result<Node> MakeOf(const Context& ctx, Ino parent, const std::string& name, uint32_t mode) {
  MakeRequest request;
  request.parent = parent;
  request.name = name;
  request.mode = mode;
  return Make(ctx, request);
}

Result<Renamed> RenameOf(const Context& ctx, const Place& from, const Place& to) {
  RenameRequest request;
  request.old_parent = from.parent;
  request.old_name = from.name;
  request.new_parent = to.parent;
  request.new_name = to.name;
  return Rename(ctx, request);
}

Result<Node> Attributes(const Context& ctx, const Node& node) {
  return GetAttr(ctx, node.ref());
}

Inode Root(TestVolume& fs) {
  return GetAttr(fs.ctx(), {kRootIno, {}, true})->inode;
}

// Everything that a fresh volume does not have, but for the counters of the root and the volume.
size_t Leftovers(TestVolume& fs) {
  return fs.CountKeys() - fs.CountKeys("/~/0/") - fs.CountKeys(keys::Header(kRootIno)) +
         fs.CountKeys(keys::OrphanPrefix()) + fs.CountKeys(keys::ReclaimPrefix());
}

TEST(Lookup, FindsWhatWasMade) {
  TestVolume fs;
  const Node made = fs.MakeFile("a");
  const auto found = Lookup(fs.ctx(), kRootIno, "a");
  ASSERT_OK(found);
  EXPECT_EQ(found->inode.ino, made.inode.ino);
  EXPECT_EQ(found->place, made.place);
}

TEST(Lookup, ChecksNames) {
  TestVolume fs;
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, "missing"), ErrorCode::kNotFound);
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, ""), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, "a/b"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, std::string_view("a\0b", 3)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, std::string(256, 'x')), ErrorCode::kNameTooLong);
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, std::string(255, 'x')), ErrorCode::kNotFound);
}

TEST(Lookup, ADamagedEntryIsCorruptAndTheRestGoesOn) {
  TestVolume fs;
  fs.MakeFile("good");
  fs.MakeFile("bad");
  const uint64_t hash = keys::EntryHash(fs.volume().hash_seed, "bad");
  ASSERT_OK(fs.kv().Put(keys::Entry(kRootIno, hash, "bad"), "garbage"));
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, "bad"), ErrorCode::kCorrupt);
  EXPECT_OK(Lookup(fs.ctx(), kRootIno, "good"));
  ReadDirRequest request;
  request.directory = kRootIno;
  EXPECT_EQ(ReadDir(fs.ctx(), request)->entries.size(), 1u);
}

TEST(Make, EveryType) {
  TestVolume fs;
  for (const uint32_t type : {S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK}) {
    MakeRequest request;
    request.parent = kRootIno;
    request.name = "t" + std::to_string(type);
    request.mode = type | 0640;
    request.rdev = 0x803;
    request.caller = {7, 8, 0, true};
    ASSERT_OK(Make(fs.ctx(), request));
    const auto found = Lookup(fs.ctx(), kRootIno, request.name);
    ASSERT_OK(found);
    EXPECT_EQ(found->inode.mode, type | 0640);
    EXPECT_EQ(found->inode.uid, 7u);
    EXPECT_EQ(found->inode.gid, 8u);
    EXPECT_EQ(found->inode.nlink, type == S_IFDIR ? 2u : 1u);
    EXPECT_EQ(found->inode.rdev, type == S_IFCHR || type == S_IFBLK ? 0x803u : 0u);
  }
  EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 7u);
}

TEST(Make, SymlinksHoldTheirTarget) {
  TestVolume fs;
  MakeRequest request;
  request.parent = kRootIno;
  request.name = "l";
  request.mode = S_IFLNK | 0777;
  request.caller.umask = 022;
  EXPECT_CODE(Make(fs.ctx(), request), ErrorCode::kNotFound);
  request.symlink_target = std::string(4096, 'x');
  EXPECT_CODE(Make(fs.ctx(), request), ErrorCode::kNameTooLong);
  request.symlink_target = std::string("a\0b", 3);
  EXPECT_CODE(Make(fs.ctx(), request), ErrorCode::kInvalidArgument);
  request.symlink_target = std::string(4095, 'x');
  ASSERT_OK(Make(fs.ctx(), request));
  const auto found = Lookup(fs.ctx(), kRootIno, "l");
  ASSERT_OK(found);
  EXPECT_EQ(found->inode.symlink_target, request.symlink_target);
  EXPECT_EQ(found->inode.size, 4095);
  EXPECT_EQ(found->inode.mode, uint32_t{S_IFLNK | 0777});
}

TEST(Make, RefusesWhatIsWrong) {
  TestVolume fs;
  fs.MakeFile("a");
  EXPECT_CODE(MakeOf(fs.ctx(), kRootIno, "a", S_IFREG | 0644), ErrorCode::kExists);
  EXPECT_CODE(MakeOf(fs.ctx(), kRootIno, "a", S_IFDIR | 0755), ErrorCode::kExists);
  EXPECT_CODE(MakeOf(fs.ctx(), Ino{999}, "b", S_IFREG | 0644), ErrorCode::kNotFound);
  EXPECT_CODE(MakeOf(fs.ctx(), kRootIno, "b", 0644), ErrorCode::kInvalidArgument);
  EXPECT_CODE(MakeOf(fs.ctx(), kRootIno, "b", S_IFREG | 0200000), ErrorCode::kInvalidArgument);
  EXPECT_CODE(MakeOf(fs.ctx(), kRootIno, "..", S_IFREG), ErrorCode::kInvalidArgument);
  EXPECT_CODE(MakeOf(fs.ctx(), kRootIno, std::string(256, 'n'), S_IFREG), ErrorCode::kNameTooLong);
}

TEST(Make, MovesTheParentsTimesAndCounts) {
  TestVolume fs;
  const Inode before = Root(fs);
  const Time now = fs.Tick();
  const Node file = fs.MakeFile("a");
  EXPECT_EQ(file.inode.ctime, now);
  EXPECT_EQ(file.inode.mtime, now);
  EXPECT_EQ(file.inode.atime, now);
  const Inode after = Root(fs);
  EXPECT_EQ(after.mtime, now);
  EXPECT_EQ(after.ctime, now);
  EXPECT_EQ(after.atime, before.atime);
  EXPECT_EQ(after.size, 1);
  EXPECT_EQ(after.nlink, 2u);
  fs.MakeDirectory("d");
  EXPECT_EQ(Root(fs).nlink, 3u);
  EXPECT_EQ(Root(fs).size, 2);
}

TEST(Make, AppliesTheUmask) {
  TestVolume fs;
  MakeRequest request;
  request.parent = kRootIno;
  request.name = "a";
  request.mode = S_IFREG | 06777;
  request.caller.umask = 027;
  EXPECT_EQ(Make(fs.ctx(), request)->inode.mode, uint32_t{S_IFREG | 06750});
}

TEST(Make, SetgidDirectoriesGiveTheirGroup) {
  TestVolume fs;
  MakeRequest request;
  request.parent = kRootIno;
  request.name = "d";
  request.mode = S_IFDIR | 02775;
  request.caller = {1, 50, 0, true};
  const Node directory = *Make(fs.ctx(), request);
  request.parent = directory.inode.ino;
  request.caller = {2, 60, 0, false};
  request.name = "sub";
  request.mode = S_IFDIR | 0755;
  const Node sub = *Make(fs.ctx(), request);
  EXPECT_EQ(sub.inode.gid, 50u);
  EXPECT_EQ(sub.inode.mode, uint32_t{S_IFDIR | 02755});
  request.name = "file";
  request.mode = S_IFREG | 0644;
  EXPECT_EQ(Make(fs.ctx(), request)->inode.gid, 50u);
  // Not in the group: a setgid program of that group cannot be made.
  request.name = "program";
  request.mode = S_IFREG | 02755;
  EXPECT_EQ(Make(fs.ctx(), request)->inode.mode, uint32_t{S_IFREG | 0755});
  request.name = "locked";
  request.mode = S_IFREG | 02744;
  EXPECT_EQ(Make(fs.ctx(), request)->inode.mode, uint32_t{S_IFREG | 02744});
}

TEST(Make, TheInodesBoundIsKept) {
  VolumeOptions options;
  options.inodes_max = 3;
  TestVolume fs(options);
  fs.MakeFile("a");
  const Node b = fs.MakeFile("b");
  EXPECT_CODE(MakeOf(fs.ctx(), kRootIno, "c", S_IFREG | 0644), ErrorCode::kNoSpace);
  ASSERT_OK(Unlink(fs.ctx(), {kRootIno, "b", IfLast::kErase, {}}));
  EXPECT_OK(MakeOf(fs.ctx(), kRootIno, "c", S_IFREG | 0644));
}

TEST(GetAttr, FollowsWhatIsStillThere) {
  TestVolume fs;
  const Node file = fs.MakeFile("a");
  ASSERT_OK(Link(fs.ctx(), {file.ref(), kRootIno, "b"}));
  const auto found = Attributes(fs.ctx(), file);  // a ref of before the second link
  ASSERT_OK(found);
  EXPECT_TRUE(found->place.own());
  const Node directory = fs.MakeDirectory("d");
  ASSERT_OK(RenameOf(fs.ctx(), {kRootIno, "d"}, {kRootIno, "e"}));
  EXPECT_EQ(Attributes(fs.ctx(), directory)->place.name, "e");
  EXPECT_EQ(GetAttr(fs.ctx(), {directory.inode.ino, directory.place})->place.name, "e");
  EXPECT_EQ(GetAttr(fs.ctx(), {directory.inode.ino, {}})->place.name, "e");
}

TEST(GetAttr, WhatIsGoneIsStale) {
  TestVolume fs;
  const Node file = fs.MakeFile("a");
  ASSERT_OK(Unlink(fs.ctx(), {kRootIno, "a", IfLast::kErase, {}}));
  EXPECT_CODE(Attributes(fs.ctx(), file), ErrorCode::kStale);
  fs.MakeFile("a");
  EXPECT_CODE(Attributes(fs.ctx(), file), ErrorCode::kStale);
  const Node directory = fs.MakeDirectory("d");
  ASSERT_OK(Rmdir(fs.ctx(), kRootIno, "d"));
  EXPECT_CODE(Attributes(fs.ctx(), directory), ErrorCode::kStale);
  EXPECT_CODE(LookupParent(fs.ctx(), directory.inode.ino), ErrorCode::kStale);
}

TEST(Link, GivesASecondName) {
  TestVolume fs;
  Node file = fs.Write(fs.MakeFile("a"), 0, "content");
  const Node directory = fs.MakeDirectory("d");
  const Time now = fs.Tick();
  const auto linked = Link(fs.ctx(), {file.ref(), directory.inode.ino, "b"});
  ASSERT_OK(linked);
  EXPECT_EQ(linked->inode.nlink, 2u);
  EXPECT_EQ(linked->inode.ctime, now);
  EXPECT_TRUE(linked->place.own());
  for (const Node& node :
       {*Lookup(fs.ctx(), kRootIno, "a"), *Lookup(fs.ctx(), directory.inode.ino, "b"), *linked}) {
    EXPECT_EQ(node.inode.ino, file.inode.ino);
    EXPECT_EQ(fs.Read(node), "content");
  }
  EXPECT_EQ(Attributes(fs.ctx(), directory)->inode.mtime, now);
  EXPECT_EQ(Attributes(fs.ctx(), directory)->inode.size, 1);
  EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 3u);
}

TEST(Link, RefusesWhatIsWrong) {
  TestVolume fs;
  const Node file = fs.MakeFile("a");
  const Node directory = fs.MakeDirectory("d");
  EXPECT_CODE(Link(fs.ctx(), {directory.ref(), kRootIno, "e"}), ErrorCode::kNotPermitted);
  EXPECT_CODE(Link(fs.ctx(), {file.ref(), kRootIno, "d"}), ErrorCode::kExists);
  EXPECT_CODE(Link(fs.ctx(), {file.ref(), Ino{999}, "b"}), ErrorCode::kNotFound);
  EXPECT_CODE(Link(fs.ctx(), {file.ref(), kRootIno, ""}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Link(fs.ctx(), {file.ref(), kRootIno, std::string(256, 'x')}),
              ErrorCode::kNameTooLong);
  ASSERT_OK(Rmdir(fs.ctx(), kRootIno, "d"));
  EXPECT_CODE(Link(fs.ctx(), {file.ref(), directory.inode.ino, "b"}), ErrorCode::kNotFound);
  const auto orphan = Unlink(fs.ctx(), {kRootIno, "a", IfLast::kOrphan, {}});
  ASSERT_OK(orphan);
  EXPECT_CODE(Link(fs.ctx(), {file.ref(), kRootIno, "b"}), ErrorCode::kNotFound);
  ASSERT_OK(ReclaimOrphans(fs.ctx(), {file.inode.ino}));
  EXPECT_CODE(Link(fs.ctx(), {file.ref(), kRootIno, "b"}), ErrorCode::kStale);
}

TEST(Unlink, ErasesTheLastNameWithItsContent) {
  TestVolume fs;
  fs.Write(fs.MakeFile("small"), 0, "content");
  fs.Write(fs.MakeFile("large"), 0, Bytes(200'000, 'x'));
  fs.Write(fs.MakeFile("huge"), 0, Bytes(3 << 20, 'x'));
  for (const std::string name : {"small", "large", "huge"}) {
    const auto removed = Unlink(fs.ctx(), {kRootIno, name, IfLast::kErase, {}});
    ASSERT_OK(removed);
    EXPECT_TRUE(removed->erased);
    EXPECT_EQ(removed->inode.nlink, 0u);
    EXPECT_CODE(Lookup(fs.ctx(), kRootIno, name), ErrorCode::kNotFound);
  }
  EXPECT_EQ(StatVolume(fs.ctx())->bytes_used, 0u);
  EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 1u);
  EXPECT_EQ(SweepVolume(fs.ctx(), false).value_or(99), 1u);  // the huge one was queued
  EXPECT_EQ(Leftovers(fs), 0u);
}

TEST(Unlink, OneOfTwoNamesKeepsTheFile) {
  TestVolume fs;
  const Node file = fs.Write(fs.MakeFile("a"), 0, "content");
  ASSERT_OK(Link(fs.ctx(), {file.ref(), kRootIno, "b"}));
  const Time now = fs.Tick();
  const auto removed = Unlink(fs.ctx(), {kRootIno, "a", IfLast::kErase, {}});
  ASSERT_OK(removed);
  EXPECT_FALSE(removed->erased);
  EXPECT_EQ(removed->inode.nlink, 1u);
  EXPECT_EQ(removed->inode.ctime, now);
  const auto b = Lookup(fs.ctx(), kRootIno, "b");
  ASSERT_OK(b);
  EXPECT_EQ(b->inode.nlink, 1u);
  EXPECT_EQ(fs.Read(*b), "content");
  EXPECT_TRUE(Unlink(fs.ctx(), {kRootIno, "b", IfLast::kErase, {}})->erased);
  EXPECT_EQ(Leftovers(fs), 0u);
}

TEST(Unlink, RefusesWhatIsWrong) {
  TestVolume fs;
  const Node file = fs.MakeFile("a");
  fs.MakeDirectory("d");
  EXPECT_CODE(Unlink(fs.ctx(), {kRootIno, "x", IfLast::kErase, {}}), ErrorCode::kNotFound);
  EXPECT_CODE(Unlink(fs.ctx(), {kRootIno, "d", IfLast::kErase, {}}), ErrorCode::kIsDirectory);
  EXPECT_CODE(Unlink(fs.ctx(), {kRootIno, "a", IfLast::kErase, Ino{999}}), ErrorCode::kStale);
  EXPECT_CODE(Unlink(fs.ctx(), {kRootIno, ".", IfLast::kErase, {}}), ErrorCode::kInvalidArgument);
  EXPECT_OK(Unlink(fs.ctx(), {kRootIno, "a", IfLast::kErase, file.inode.ino}));
}

TEST(Orphans, LiveUntilTheyAreReclaimed) {
  TestVolume fs;
  for (const Bytes& content : {Bytes("small"), Bytes(200'000, 'x')}) {
    Node file = fs.Write(fs.MakeFile("a"), 0, content);
    SetXattrRequest xattr{file.ref(), "user.large", Bytes(5000, 'v')};
    ASSERT_OK(SetXattr(fs.ctx(), xattr));
    file = *Attributes(fs.ctx(), file);
    const auto removed = Unlink(fs.ctx(), {kRootIno, "a", IfLast::kOrphan, {}});
    ASSERT_OK(removed);
    EXPECT_TRUE(removed->orphaned);
    EXPECT_TRUE(removed->place.own());
    const Node orphan{removed->inode, removed->place};
    EXPECT_EQ(Attributes(fs.ctx(), orphan)->inode.nlink, 0u);
    EXPECT_EQ(fs.Read(orphan), content);
    EXPECT_EQ(GetXattr(fs.ctx(), orphan.ref(), "user.large")->size(), 5000u);
    EXPECT_EQ(fs.Read(fs.Write(orphan, 0, "more")).substr(0, 4), "more");
    EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 2u);
    ASSERT_OK(ReclaimOrphans(fs.ctx(), {orphan.inode.ino}));
    EXPECT_CODE(Attributes(fs.ctx(), orphan), ErrorCode::kStale);
    EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 1u);
    EXPECT_EQ(StatVolume(fs.ctx())->bytes_used, 0u);
    EXPECT_EQ(Leftovers(fs), 0u);
  }
}

TEST(Orphans, ReclaimOfOthersDoesNothing) {
  TestVolume fs;
  const Node file = fs.MakeFile("a");
  ASSERT_OK(Link(fs.ctx(), {file.ref(), kRootIno, "b"}));
  ASSERT_OK(ReclaimOrphans(fs.ctx(), {file.inode.ino, Ino{999}}));
  EXPECT_EQ(Lookup(fs.ctx(), kRootIno, "a")->inode.nlink, 2u);
}

TEST(Orphans, ASweepAfterACrashFindsThem) {
  TestVolume fs;
  for (int i = 0; i < 20; ++i) {
    fs.Write(fs.MakeFile(std::to_string(i)), 0, Bytes(100'000, 'x'));
    ASSERT_OK(Unlink(fs.ctx(), {kRootIno, std::to_string(i), IfLast::kOrphan, {}}));
  }
  EXPECT_EQ(SweepVolume(fs.ctx(), false).value_or(99), 0u);
  EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 21u);
  EXPECT_EQ(SweepVolume(fs.ctx(), true).value_or(99), 20u);
  EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 1u);
  EXPECT_EQ(Leftovers(fs), 0u);
}

TEST(Rmdir, RemovesAnEmptyDirectory) {
  TestVolume fs;
  const Node directory = fs.MakeDirectory("d");
  SetXattrRequest xattr{directory.ref(), "user.large", Bytes(5000, 'v')};
  ASSERT_OK(SetXattr(fs.ctx(), xattr));
  fs.MakeFile("a", directory.inode.ino);
  EXPECT_CODE(Rmdir(fs.ctx(), kRootIno, "d"), ErrorCode::kNotEmpty);
  ASSERT_OK(Unlink(fs.ctx(), {directory.inode.ino, "a", IfLast::kErase, {}}));
  const Time now = fs.Tick();
  const auto removed = Rmdir(fs.ctx(), kRootIno, "d");
  ASSERT_OK(removed);
  EXPECT_EQ(removed->inode.nlink, 0u);
  EXPECT_EQ(Root(fs).nlink, 2u);
  EXPECT_EQ(Root(fs).size, 0);
  EXPECT_EQ(Root(fs).mtime, now);
  EXPECT_EQ(StatVolume(fs.ctx())->inodes_used, 1u);
  EXPECT_EQ(Leftovers(fs), 0u);
}

TEST(Rmdir, RefusesWhatIsWrong) {
  TestVolume fs;
  fs.MakeFile("a");
  EXPECT_CODE(Rmdir(fs.ctx(), kRootIno, "a"), ErrorCode::kNotDirectory);
  EXPECT_CODE(Rmdir(fs.ctx(), kRootIno, "x"), ErrorCode::kNotFound);
  EXPECT_CODE(Rmdir(fs.ctx(), kRootIno, "."), ErrorCode::kInvalidArgument);
}

TEST(Rmdir, NothingCanBeMadeInARemovedDirectory) {
  TestVolume fs;
  const Node directory = fs.MakeDirectory("d");
  const Node file = fs.MakeFile("a");
  ASSERT_OK(Rmdir(fs.ctx(), kRootIno, "d"));
  EXPECT_CODE(MakeOf(fs.ctx(), directory.inode.ino, "b", S_IFREG), ErrorCode::kNotFound);
  EXPECT_CODE(RenameOf(fs.ctx(), {kRootIno, "a"}, {directory.inode.ino, "a"}),
              ErrorCode::kNotFound);
  EXPECT_OK(Attributes(fs.ctx(), file));
}

TEST(Lookup, ADirectoryWhoseHeaderNamesNoPlaceIsCorrupt) {
  TestVolume fs;
  const Node directory = fs.MakeDirectory("d");
  const Bytes key = keys::Header(directory.inode.ino);
  DirectoryHeader header;
  header.mode = S_IFDIR | 0755;
  header.parent = kRootIno;  // without a name, as the root's
  ASSERT_OK(fs.kv().Put(key, EncodeDirectory(header)));
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, "d"), ErrorCode::kCorrupt);
  header.name = "d";
  header.parent = directory.inode.ino;
  ASSERT_OK(fs.kv().Put(key, EncodeDirectory(header)));
  EXPECT_CODE(Lookup(fs.ctx(), kRootIno, "d"), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace metaring::fusefs
