// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

class RenameOp : public testing::Test {
 protected:
  RenameRequest Request(const Place& from, const Place& to) const {
    RenameRequest request;
    request.old_parent = from.parent;
    request.old_name = from.name;
    request.new_parent = to.parent;
    request.new_name = to.name;
    return request;
  }
  Result<Renamed> Move(const Place& from, const Place& to) {
    return Rename(fs_.ctx(), Request(from, to));
  }
  Result<Renamed> MoveNoReplace(const Place& from, const Place& to) {
    RenameRequest request = Request(from, to);
    request.no_replace = true;
    return Rename(fs_.ctx(), request);
  }
  Result<Renamed> Exchange(const Place& from, const Place& to) {
    RenameRequest request = Request(from, to);
    request.exchange = true;
    return Rename(fs_.ctx(), request);
  }
  Inode DirectoryOf(Ino ino) { return GetAttr(fs_.ctx(), {ino, {}, true})->inode; }
  Result<Node> Find(const Place& place) { return Lookup(fs_.ctx(), place.parent, place.name); }

  TestVolume fs_;
};

TEST_F(RenameOp, InOneDirectoryKeepsTheObject) {
  const Node file = fs_.Write(fs_.MakeFile("a"), 0, "content");
  const Time now = fs_.Tick();
  const auto renamed = Move({kRootIno, "a"}, {kRootIno, "b"});
  ASSERT_OK(renamed);
  EXPECT_EQ(renamed->moved.place, (Place{kRootIno, "b"}));
  EXPECT_EQ(renamed->moved.inode.ctime, now);
  EXPECT_EQ(renamed->moved.inode.mtime, file.inode.mtime);
  EXPECT_CODE(Find({kRootIno, "a"}), ErrorCode::kNotFound);
  const auto b = Find({kRootIno, "b"});
  ASSERT_OK(b);
  EXPECT_EQ(b->inode.ino, file.inode.ino);
  EXPECT_EQ(fs_.Read(*b), "content");
  EXPECT_EQ(DirectoryOf(kRootIno).size, 1);
  EXPECT_EQ(DirectoryOf(kRootIno).mtime, now);
}

TEST_F(RenameOp, AcrossDirectoriesTakesContentAndXattrsAlong) {
  Node file = fs_.Write(fs_.MakeFile("a"), 0, "content");
  ASSERT_OK(SetXattr(fs_.ctx(), {file.ref(), "user.large", Bytes(5000, 'v')}));
  const Node directory = fs_.MakeDirectory("d");
  const Time now = fs_.Tick();
  const auto renamed = Move({kRootIno, "a"}, {directory.inode.ino, "b"});
  ASSERT_OK(renamed);
  EXPECT_EQ(fs_.Read(renamed->moved), "content");
  EXPECT_EQ(GetXattr(fs_.ctx(), renamed->moved.ref(), "user.large")->size(), 5000u);
  EXPECT_CODE(GetAttr(fs_.ctx(), file.ref()), ErrorCode::kStale);
  EXPECT_EQ(DirectoryOf(kRootIno).size, 1);
  EXPECT_EQ(DirectoryOf(directory.inode.ino).size, 1);
  EXPECT_EQ(DirectoryOf(kRootIno).mtime, now);
  EXPECT_EQ(DirectoryOf(directory.inode.ino).ctime, now);
  EXPECT_EQ(fs_.CountKeys(keys::SmallContent(kRootIno, file.inode.ino)), 0u);
  EXPECT_EQ(fs_.CountKeys(keys::LargeXattrPrefix(kRootIno, file.inode.ino)), 0u);
}

TEST_F(RenameOp, ReplacesAFileAndErasesIt) {
  fs_.Write(fs_.MakeFile("a"), 0, "new");
  const Node old = fs_.Write(fs_.MakeFile("b"), 0, "old content");
  const auto renamed = Move({kRootIno, "a"}, {kRootIno, "b"});
  ASSERT_OK(renamed);
  ASSERT_TRUE(renamed->replaced);
  EXPECT_TRUE(renamed->replaced->erased);
  EXPECT_EQ(renamed->replaced->inode.ino, old.inode.ino);
  EXPECT_EQ(fs_.Read(*Find({kRootIno, "b"})), "new");
  EXPECT_EQ(DirectoryOf(kRootIno).size, 1);
  EXPECT_EQ(StatVolume(fs_.ctx())->inodes_used, 2u);
  EXPECT_EQ(StatVolume(fs_.ctx())->bytes_used, 3u);
}

TEST_F(RenameOp, ReplacesAnOpenFileAndKeepsItsContent) {
  fs_.MakeFile("a");
  const Node old = fs_.Write(fs_.MakeFile("b"), 0, "old");
  RenameRequest request = Request({kRootIno, "a"}, {kRootIno, "b"});
  request.if_last = IfLast::kOrphan;
  request.expected_target = old.inode.ino;
  const auto renamed = Rename(fs_.ctx(), request);
  ASSERT_OK(renamed);
  EXPECT_TRUE(renamed->replaced->orphaned);
  EXPECT_EQ(fs_.Read({renamed->replaced->inode, renamed->replaced->place}), "old");
}

TEST_F(RenameOp, TheExpectedTargetMustBeThere) {
  fs_.MakeFile("a");
  fs_.MakeFile("b");
  RenameRequest request = Request({kRootIno, "a"}, {kRootIno, "b"});
  request.expected_target = Ino{999};
  EXPECT_CODE(Rename(fs_.ctx(), request), ErrorCode::kStale);
  request.new_name = "c";
  EXPECT_CODE(Rename(fs_.ctx(), request), ErrorCode::kStale);
}

TEST_F(RenameOp, NoReplaceRefusesAnExistingName) {
  fs_.MakeFile("a");
  fs_.MakeFile("b");
  EXPECT_CODE(MoveNoReplace({kRootIno, "a"}, {kRootIno, "b"}), ErrorCode::kExists);
  EXPECT_OK(MoveNoReplace({kRootIno, "a"}, {kRootIno, "c"}));
  EXPECT_CODE(MoveNoReplace({kRootIno, "a"}, {kRootIno, "d"}), ErrorCode::kNotFound);
  RenameRequest both = Request({kRootIno, "b"}, {kRootIno, "c"});
  both.no_replace = both.exchange = true;
  EXPECT_CODE(Rename(fs_.ctx(), both), ErrorCode::kInvalidArgument);
}

TEST_F(RenameOp, TypesMustFit) {
  fs_.MakeFile("file");
  const Node directory = fs_.MakeDirectory("directory");
  EXPECT_CODE(Move({kRootIno, "file"}, {kRootIno, "directory"}), ErrorCode::kIsDirectory);
  EXPECT_CODE(Move({kRootIno, "directory"}, {kRootIno, "file"}), ErrorCode::kNotDirectory);
  EXPECT_CODE(Move({kRootIno, "none"}, {kRootIno, "file"}), ErrorCode::kNotFound);
  EXPECT_CODE(Move({kRootIno, "file"}, {Ino{999}, "x"}), ErrorCode::kNotFound);
  EXPECT_CODE(Move({kRootIno, "file"}, {kRootIno, ""}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Move({kRootIno, "file"}, {kRootIno, std::string(256, 'x')}), ErrorCode::kNameTooLong);
}

TEST_F(RenameOp, ADirectoryReplacesAnEmptyOne) {
  const Node a = fs_.MakeDirectory("a");
  const Node b = fs_.MakeDirectory("b");
  fs_.MakeFile("x", a.inode.ino);
  fs_.MakeFile("y", b.inode.ino);
  EXPECT_CODE(Move({kRootIno, "a"}, {kRootIno, "b"}), ErrorCode::kNotEmpty);
  ASSERT_OK(Unlink(fs_.ctx(), {b.inode.ino, "y", IfLast::kErase, {}}));
  const auto renamed = Move({kRootIno, "a"}, {kRootIno, "b"});
  ASSERT_OK(renamed);
  EXPECT_TRUE(renamed->replaced->erased);
  EXPECT_EQ(renamed->moved.inode.size, 1);
  EXPECT_EQ(DirectoryOf(kRootIno).nlink, 3u);
  EXPECT_EQ(DirectoryOf(kRootIno).size, 1);
  EXPECT_EQ(StatVolume(fs_.ctx())->inodes_used, 3u);
  EXPECT_EQ(fs_.CountKeys(keys::Header(b.inode.ino)), 0u);
}

TEST_F(RenameOp, ADirectoryMovesWithAllBelow) {
  const Node a = fs_.MakeDirectory("a");
  const Node b = fs_.MakeDirectory("b");
  const Node below = fs_.MakeFile("file", a.inode.ino);
  const auto renamed = Move({kRootIno, "a"}, {b.inode.ino, "c"});
  ASSERT_OK(renamed);
  EXPECT_EQ(renamed->moved.inode.ino, a.inode.ino);
  EXPECT_EQ(LookupParent(fs_.ctx(), a.inode.ino)->inode.ino, b.inode.ino);
  EXPECT_OK(GetAttr(fs_.ctx(), below.ref()));
  EXPECT_EQ(DirectoryOf(kRootIno).nlink, 3u);
  EXPECT_EQ(DirectoryOf(b.inode.ino).nlink, 3u);
}

TEST_F(RenameOp, ADirectoryNeverMovesBelowItself) {
  const Node a = fs_.MakeDirectory("a");
  const Node b = fs_.MakeDirectory("b", a.inode.ino);
  const Node c = fs_.MakeDirectory("c", b.inode.ino);
  EXPECT_CODE(Move({kRootIno, "a"}, {a.inode.ino, "x"}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Move({kRootIno, "a"}, {c.inode.ino, "x"}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Exchange({kRootIno, "a"}, {b.inode.ino, "c"}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Exchange({b.inode.ino, "c"}, {kRootIno, "a"}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Move({b.inode.ino, "c"}, {kRootIno, "a"}), ErrorCode::kNotEmpty);
}

TEST_F(RenameOp, TwoNamesOfOneInodeStay) {
  const Node file = fs_.MakeFile("a");
  ASSERT_OK(Link(fs_.ctx(), {file.ref(), kRootIno, "b"}));
  const Time before = Find({kRootIno, "a"})->inode.ctime;
  fs_.Tick();
  const auto renamed = Move({kRootIno, "a"}, {kRootIno, "b"});
  ASSERT_OK(renamed);
  EXPECT_FALSE(renamed->replaced);
  EXPECT_OK(Find({kRootIno, "a"}));
  EXPECT_EQ(Find({kRootIno, "b"})->inode.nlink, 2u);
  EXPECT_EQ(Find({kRootIno, "b"})->inode.ctime, before);
  EXPECT_CODE(MoveNoReplace({kRootIno, "a"}, {kRootIno, "b"}), ErrorCode::kExists);
}

TEST_F(RenameOp, ANameOfSeveralMoves) {
  const Node file = fs_.Write(fs_.MakeFile("a"), 0, "content");
  const Node directory = fs_.MakeDirectory("d");
  ASSERT_OK(Link(fs_.ctx(), {file.ref(), kRootIno, "b"}));
  const auto renamed = Move({kRootIno, "b"}, {directory.inode.ino, "c"});
  ASSERT_OK(renamed);
  EXPECT_TRUE(renamed->moved.place.own());
  EXPECT_EQ(renamed->moved.inode.nlink, 2u);
  EXPECT_EQ(fs_.Read(*Find({directory.inode.ino, "c"})), "content");
  EXPECT_EQ(fs_.Read(*Find({kRootIno, "a"})), "content");
}

TEST_F(RenameOp, ExchangeOfFilesAcrossDirectories) {
  const Node directory = fs_.MakeDirectory("d");
  const Node a = fs_.Write(fs_.MakeFile("a"), 0, "content of a");
  const Node b = fs_.Write(fs_.MakeFile("b", directory.inode.ino), 0, "b's");
  const Time now = fs_.Tick();
  const auto renamed = Exchange({kRootIno, "a"}, {directory.inode.ino, "b"});
  ASSERT_OK(renamed);
  EXPECT_EQ(renamed->moved.inode.ino, a.inode.ino);
  ASSERT_TRUE(renamed->exchanged);
  EXPECT_EQ(renamed->exchanged->inode.ino, b.inode.ino);
  EXPECT_EQ(renamed->exchanged->inode.ctime, now);
  EXPECT_EQ(fs_.Read(*Find({kRootIno, "a"})), "b's");
  EXPECT_EQ(fs_.Read(*Find({directory.inode.ino, "b"})), "content of a");
  EXPECT_EQ(DirectoryOf(directory.inode.ino).size, 1);
}

TEST_F(RenameOp, ExchangeOfAFileAndADirectoryMovesTheCounts) {
  const Node directory = fs_.MakeDirectory("d");
  const Node sub = fs_.MakeDirectory("sub", directory.inode.ino);
  const Node file = fs_.MakeFile("file");
  ASSERT_OK(Exchange({kRootIno, "file"}, {directory.inode.ino, "sub"}));
  EXPECT_EQ(Find({kRootIno, "file"})->inode.ino, sub.inode.ino);
  EXPECT_EQ(Find({directory.inode.ino, "sub"})->inode.ino, file.inode.ino);
  EXPECT_EQ(DirectoryOf(kRootIno).nlink, 4u);
  EXPECT_EQ(DirectoryOf(directory.inode.ino).nlink, 2u);
  EXPECT_EQ(LookupParent(fs_.ctx(), sub.inode.ino)->inode.ino, kRootIno);
  EXPECT_CODE(Exchange({kRootIno, "file"}, {kRootIno, "none"}), ErrorCode::kNotFound);
}

TEST_F(RenameOp, ExchangeOfTwoFullFilesFitsIntoOneTransaction) {
  VolumeOptions options;
  options.small_bytes_max = kSmallBytesLimit;
  options.block_bytes = kSmallBytesLimit;
  TestVolume fs(options);
  const Node directory = fs.MakeDirectory("d");
  for (const Ino parent : {kRootIno, directory.inode.ino}) {
    const Node file = fs.Write(fs.MakeFile("a", parent), 0, Bytes(kSmallBytesLimit, 'x'));
    for (int i = 0; i < 4; ++i) {
      ASSERT_OK(SetXattr(fs.ctx(), {file.ref(), "user.x" + std::to_string(i), Bytes(65'500, 'v')}));
    }
  }
  RenameRequest request = Request({kRootIno, "a"}, {directory.inode.ino, "a"});
  request.exchange = true;
  EXPECT_OK(Rename(fs.ctx(), request));
}

TEST_F(RenameOp, MovesOfDirectoriesRaiseTheEpoch) {
  const Node a = fs_.MakeDirectory("a");
  fs_.MakeDirectory("b");
  ASSERT_OK(Move({kRootIno, "b"}, {kRootIno, "c"}));
  EXPECT_EQ(fs_.CountKeys(keys::MoveEpoch()), 0u);
  ASSERT_OK(Move({kRootIno, "c"}, {a.inode.ino, "b"}));
  EXPECT_EQ(fs_.CountKeys(keys::MoveEpoch()), 1u);
  ASSERT_OK(Move({a.inode.ino, "b"}, {kRootIno, "c"}));
}

TEST_F(RenameOp, ParentsThatLeadInACircleAreCorrupt) {
  Node node = fs_.MakeDirectory("0");
  std::vector<Node> chain = {node};
  for (int depth = 1; depth < 9; ++depth) {
    chain.push_back(fs_.MakeDirectory(std::to_string(depth), chain.back().inode.ino));
  }
  fs_.MakeDirectory("moved");
  for (const size_t back_to : {0, 3, 7}) {
    // The circle is of the chain from here to its end.
    const Node& entry = chain[back_to];
    DirectoryHeader header;
    header.parent = chain.back().inode.ino;
    header.name = std::to_string(back_to);
    header.mode = S_IFDIR | 0755;
    const auto before = fs_.kv().Get(keys::Header(entry.inode.ino));
    ASSERT_OK(fs_.kv().Put(keys::Header(entry.inode.ino), EncodeDirectory(header)));
    EXPECT_CODE(Move({kRootIno, "moved"}, {chain.back().inode.ino, "moved"}), ErrorCode::kCorrupt);
    ASSERT_OK(fs_.kv().Put(keys::Header(entry.inode.ino), (*before)->value));
  }
  EXPECT_OK(Move({kRootIno, "moved"}, {chain.back().inode.ino, "moved"}));
}

}  // namespace
}  // namespace metaring::fusefs
