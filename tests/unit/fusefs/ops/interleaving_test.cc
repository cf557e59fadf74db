// SPDX-License-Identifier: Apache-2.0
//
// What a race decides, decided on purpose: an operation reads, and before its transaction another
// operation runs whole. So each compare of an operation has a test that it is there.
#include <gtest/gtest.h>

#include <functional>

#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/passing_kv.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

// Runs `between` once, before the first transaction, or before the first Get of `before_get`.
class Interleaved : public PassingKv {
 public:
  Interleaved(client::Kv& kv, std::function<void()> between, Bytes before_get)
      : PassingKv(kv), between_(std::move(between)), before_get_(std::move(before_get)) {}

  Result<std::optional<client::Record>> Get(ByteView key) override {
    if (key == before_get_) Between();
    return PassingKv::Get(key);
  }
  Result<client::TransactReply> Transact(const client::Transaction& transaction) override {
    if (before_get_.empty()) Between();
    return PassingKv::Transact(transaction);
  }

 private:
  void Between() {
    if (const auto between = std::exchange(between_, nullptr)) between();
  }

  std::function<void()> between_;
  const Bytes before_get_;  // empty: the first transaction is meant
};

class Interleaving : public testing::Test {
 protected:
  // The result of `operation`, between whose reading and writing `between` happened.
  template <typename Operation>
  auto Race(Operation operation, std::function<void()> between, Bytes before_get = {}) {
    (void)fs_.ctx().inos.Next();  // so that no lease is the first transaction
    Interleaved kv(fs_.kv(), std::move(between), std::move(before_get));
    const Context ctx{kv, fs_.volume(), fs_.ctx().inos, fs_.clock()};
    return operation(ctx);
  }
  static Result<Node> MakeIn(const Context& ctx, Ino parent, const std::string& name) {
    MakeRequest request;
    request.parent = parent;
    request.name = name;
    request.mode = S_IFREG | 0644;
    return Make(ctx, request);
  }
  static Result<Renamed> Move(const Context& ctx, const Place& from, const Place& to) {
    RenameRequest request;
    request.old_parent = from.parent;
    request.old_name = from.name;
    request.new_parent = to.parent;
    request.new_name = to.name;
    return Rename(ctx, request);
  }
  static Result<Removed> Remove(const Context& ctx, const std::string& name) {
    return Unlink(ctx, {kRootIno, name, IfLast::kErase, {}});
  }
  Result<Node> Find(const std::string& name) { return Lookup(fs_.ctx(), kRootIno, name); }

  TestVolume fs_;
};

TEST_F(Interleaving, MakeInADirectoryThatGoesIsNotFound) {
  const Node directory = fs_.MakeDirectory("d");
  const auto made = Race([&](const Context& ctx) { return MakeIn(ctx, directory.inode.ino, "a"); },
                         [&] { EXPECT_OK(Rmdir(fs_.ctx(), kRootIno, "d")); });
  EXPECT_CODE(made, ErrorCode::kNotFound);
}

TEST_F(Interleaving, MakeOfANameThatComesExists) {
  const auto made = Race([&](const Context& ctx) { return MakeIn(ctx, kRootIno, "a"); },
                         [&] { fs_.MakeFile("a"); });
  EXPECT_CODE(made, ErrorCode::kExists);
}

TEST_F(Interleaving, RmdirOfADirectoryThatFillsIsNotEmpty) {
  const Node directory = fs_.MakeDirectory("d");
  const auto removed = Race([&](const Context& ctx) { return Rmdir(ctx, kRootIno, "d"); },
                            [&] { fs_.MakeFile("a", directory.inode.ino); });
  EXPECT_CODE(removed, ErrorCode::kNotEmpty);
}

TEST_F(Interleaving, RmdirErasesXattrsThatCome) {
  const Node directory = fs_.MakeDirectory("d");
  const size_t before = fs_.CountKeys();
  const auto removed =
      Race([&](const Context& ctx) { return Rmdir(ctx, kRootIno, "d"); },
           [&] {
             EXPECT_OK(SetXattr(fs_.ctx(), {directory.ref(), "user.large", Bytes(5000, 'x')}));
           });
  EXPECT_OK(removed);
  EXPECT_LT(fs_.CountKeys(), before + 3);  // only counters of the root may have come
  EXPECT_EQ(fs_.CountKeys("/2/"), 0u);
}

TEST_F(Interleaving, UnlinkOfANameThatMovesAwayIsNotFound) {
  fs_.MakeFile("a");
  const auto removed = Race([&](const Context& ctx) { return Remove(ctx, "a"); },
                            [&] {
                              EXPECT_OK(Move(fs_.ctx(), {kRootIno, "a"}, {kRootIno, "b"}));
                            });
  EXPECT_CODE(removed, ErrorCode::kNotFound);
  EXPECT_OK(Find("b"));
}

TEST_F(Interleaving, UnlinkOfAFileThatGetsALinkKeepsIt) {
  const Node file = fs_.Write(fs_.MakeFile("a"), 0, "content");
  const auto removed = Race([&](const Context& ctx) { return Remove(ctx, "a"); },
                            [&] {
                              EXPECT_OK(Link(fs_.ctx(), {file.ref(), kRootIno, "b"}));
                            });
  ASSERT_OK(removed);
  EXPECT_FALSE(removed->erased);
  EXPECT_EQ(fs_.Read(*Find("b")), "content");
  EXPECT_EQ(Find("b")->inode.nlink, 1u);
}

TEST_F(Interleaving, UnlinkOfTheLastOfTwoNamesErases) {
  const Node file = fs_.MakeFile("a");
  ASSERT_OK(Link(fs_.ctx(), {file.ref(), kRootIno, "b"}));
  const auto removed = Race([&](const Context& ctx) { return Remove(ctx, "a"); },
                            [&] { EXPECT_OK(Remove(fs_.ctx(), "b")); });
  ASSERT_OK(removed);
  EXPECT_TRUE(removed->erased);
  EXPECT_EQ(StatVolume(fs_.ctx())->inodes_used, 1u);
}

TEST_F(Interleaving, LinkToAFileThatGoesIsStale) {
  const Node file = fs_.MakeFile("a");
  const auto link = [&](const Context& ctx) { return Link(ctx, {file.ref(), kRootIno, "b"}); };
  EXPECT_CODE(Race(link, [&] { EXPECT_OK(Remove(fs_.ctx(), "a")); }), ErrorCode::kStale);
  EXPECT_CODE(Find("b"), ErrorCode::kNotFound);
}

TEST_F(Interleaving, LinkTakesContentThatIsWrittenAlong) {
  const Node file = fs_.Write(fs_.MakeFile("a"), 0, "old");
  const auto link = [&](const Context& ctx) { return Link(ctx, {file.ref(), kRootIno, "b"}); };
  ASSERT_OK(Race(link, [&] { fs_.Write(file, 0, "new content"); }));
  EXPECT_EQ(fs_.Read(*Find("b")), "new content");
}

TEST_F(Interleaving, RenameTakesContentAndXattrsThatComeAlong) {
  const Node file = fs_.Write(fs_.MakeFile("a"), 0, "old");
  const Node directory = fs_.MakeDirectory("d");
  const auto renamed = Race(
      [&](const Context& ctx) {
        return Move(ctx, {kRootIno, "a"}, {directory.inode.ino, "b"});
      },
      [&] {
        fs_.Write(file, 0, "new content");
        EXPECT_OK(SetXattr(fs_.ctx(), {file.ref(), "user.large", Bytes(5000, 'x')}));
      });
  ASSERT_OK(renamed);
  EXPECT_EQ(fs_.Read(renamed->moved), "new content");
  EXPECT_EQ(GetXattr(fs_.ctx(), renamed->moved.ref(), "user.large")->size(), 5000u);
}

TEST_F(Interleaving, RenameOntoANameThatComesReplacesIt) {
  fs_.MakeFile("a");
  const auto renamed = Race(
      [&](const Context& ctx) {
        return Move(ctx, {kRootIno, "a"}, {kRootIno, "b"});
      },
      [&] { fs_.Write(fs_.MakeFile("b"), 0, "content"); });
  ASSERT_OK(renamed);
  EXPECT_TRUE(renamed->replaced.has_value());
  EXPECT_EQ(StatVolume(fs_.ctx())->inodes_used, 2u);
  EXPECT_EQ(StatVolume(fs_.ctx())->bytes_used, 0u);
}

TEST_F(Interleaving, RenameOntoADirectoryThatFillsIsNotEmpty) {
  fs_.MakeDirectory("a");
  const Node b = fs_.MakeDirectory("b");
  const auto renamed = Race(
      [&](const Context& ctx) {
        return Move(ctx, {kRootIno, "a"}, {kRootIno, "b"});
      },
      [&] { fs_.MakeFile("x", b.inode.ino); });
  EXPECT_CODE(renamed, ErrorCode::kNotEmpty);
}

// The walk up from x passes y, z and w; then z leaves w and takes it in.
TEST_F(Interleaving, DirectoriesThatMoveDuringTheWalkAreNoCircle) {
  const Ino w = fs_.MakeDirectory("w").inode.ino;
  const Ino z = fs_.MakeDirectory("z", w).inode.ino;
  const Ino y = fs_.MakeDirectory("y", z).inode.ino;
  const Ino x = fs_.MakeDirectory("x", y).inode.ino;
  fs_.MakeDirectory("d");
  const auto moved = Race(
      [&](const Context& ctx) {
        return Move(ctx, {kRootIno, "d"}, {x, "d"});
      },
      [&] {
        EXPECT_OK(Move(fs_.ctx(), {w, "z"}, {kRootIno, "z"}));
        EXPECT_OK(Move(fs_.ctx(), {kRootIno, "w"}, {z, "w"}));
      },
      keys::Header(w));
  EXPECT_OK(moved);
  EXPECT_OK(Lookup(fs_.ctx(), x, "d"));
}

TEST_F(Interleaving, RenameIntoADirectoryThatGoesIsNotFound) {
  fs_.MakeFile("a");
  const Node directory = fs_.MakeDirectory("d");
  const auto renamed = Race(
      [&](const Context& ctx) {
        return Move(ctx, {kRootIno, "a"}, {directory.inode.ino, "a"});
      },
      [&] { EXPECT_OK(Rmdir(fs_.ctx(), kRootIno, "d")); });
  EXPECT_CODE(renamed, ErrorCode::kNotFound);
  EXPECT_OK(Find("a"));
}

TEST_F(Interleaving, TwoMovesOfDirectoriesNeverMakeALoop) {
  const Node a = fs_.MakeDirectory("a");
  const Node b = fs_.MakeDirectory("b");
  for (int round = 0; round < 2; ++round) {  // without an epoch yet, and with one
    const auto renamed = Race(
        [&](const Context& ctx) {
          return Move(ctx, {kRootIno, "a"}, {b.inode.ino, "x"});
        },
        [&] {
          EXPECT_OK(Move(fs_.ctx(), {kRootIno, "b"}, {a.inode.ino, "y"}));
        });
    EXPECT_CODE(renamed, ErrorCode::kInvalidArgument);
    EXPECT_EQ(LookupParent(fs_.ctx(), b.inode.ino)->inode.ino, a.inode.ino);
    ASSERT_OK(Move(fs_.ctx(), {a.inode.ino, "y"}, {kRootIno, "b"}));
  }
}

TEST_F(Interleaving, ChmodAndChownBothHold) {
  for (const Node& node : {fs_.MakeFile("f"), fs_.MakeDirectory("d")}) {
    SetAttrRequest chmod;
    chmod.ref = node.ref();
    chmod.mode = 0700;
    SetAttrRequest chown;
    chown.ref = node.ref();
    chown.uid = 5;
    ASSERT_OK(Race([&](const Context& ctx) { return SetAttr(ctx, chmod); },
                   [&] { EXPECT_OK(SetAttr(fs_.ctx(), chown)); }));
    const Inode inode = GetAttr(fs_.ctx(), node.ref())->inode;
    EXPECT_EQ(inode.mode & 07777, 0700u);
    EXPECT_EQ(inode.uid, 5u);
  }
}

TEST_F(Interleaving, WritesGoToTheGenerationThatIs) {
  const Node file = fs_.Write(fs_.MakeFile("f"), 0, Bytes(200'000, 'x'));
  WriteBackRequest write;
  write.ref = file.ref();
  write.blocks = {{3, Bytes(65'536, 'y')}};
  write.size = 4 * 65'536;
  const auto written = Race([&](const Context& ctx) { return WriteBack(ctx, write); },
                            [&] {
                              SetAttrRequest truncate;
                              truncate.ref = file.ref();
                              truncate.size = 0;
                              EXPECT_OK(SetAttr(fs_.ctx(), truncate));
                            });
  ASSERT_OK(written);
  EXPECT_EQ(fs_.Read(*written), Bytes(3 * 65'536, '\0') + Bytes(65'536, 'y'));
  EXPECT_EQ(written->inode.bytes_allocated, 65'536);
}

TEST_F(Interleaving, WritesToAFileThatGoesAreStale) {
  const Node file = fs_.MakeFile("f");
  WriteBackRequest write;
  write.ref = file.ref();
  write.blocks = {{0, "x"}};
  write.size = 1;
  EXPECT_CODE(Race([&](const Context& ctx) { return WriteBack(ctx, write); },
                   [&] { EXPECT_OK(Remove(fs_.ctx(), "f")); }),
              ErrorCode::kStale);
  EXPECT_EQ(StatVolume(fs_.ctx())->bytes_used, 0u);
}

}  // namespace
}  // namespace metaring::fusefs
