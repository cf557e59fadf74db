// SPDX-License-Identifier: Apache-2.0
//
// SetAttr without size, and the ACL rules that go with modes.
#include <gtest/gtest.h>

#include "fusefs/ops/posix_acl.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

using Tag = AclEntry::Tag;

class SetAttrOp : public testing::Test {
 protected:
  Result<Node> Chmod(const Node& node, uint32_t mode, Caller caller = {}) {
    SetAttrRequest request;
    request.ref = node.ref();
    request.mode = mode;
    request.caller = caller;
    return SetAttr(fs_.ctx(), request);
  }
  Result<Node> Chown(const Node& node, std::optional<uint32_t> uid, std::optional<uint32_t> gid) {
    SetAttrRequest request;
    request.ref = node.ref();
    request.uid = uid;
    request.gid = gid;
    return SetAttr(fs_.ctx(), request);
  }
  Result<Node> Utimens(const Node& node, std::optional<Time> atime, std::optional<Time> mtime) {
    SetAttrRequest request;
    request.ref = node.ref();
    request.atime = atime;
    request.mtime = mtime;
    return SetAttr(fs_.ctx(), request);
  }
  Inode Now(const Node& node) { return GetAttr(fs_.ctx(), node.ref())->inode; }

  TestVolume fs_;
};

TEST_F(SetAttrOp, ChmodKeepsTheTypeAndMovesCtime) {
  for (const Node& node : {fs_.MakeFile("f"), fs_.MakeDirectory("d")}) {
    const Time now = fs_.Tick();
    ASSERT_OK(Chmod(node, S_IFCHR | 07751));
    const Inode inode = Now(node);
    EXPECT_EQ(inode.mode, (node.inode.mode & S_IFMT) | 07751);
    EXPECT_EQ(inode.ctime, now);
    EXPECT_EQ(inode.mtime, node.inode.mtime);
  }
}

TEST_F(SetAttrOp, NothingAskedChangesNothing) {
  const Node file = fs_.MakeFile("f");
  fs_.Tick();
  SetAttrRequest request;
  request.ref = file.ref();
  ASSERT_OK(SetAttr(fs_.ctx(), request));
  EXPECT_EQ(Now(file).ctime, file.inode.ctime);
  request.ref.ino = Ino{999};
  EXPECT_CODE(SetAttr(fs_.ctx(), request), ErrorCode::kStale);
}

TEST_F(SetAttrOp, ChmodOutsideTheGroupClearsSetgid) {
  Node file = fs_.MakeFile("f");
  file = *Chown(file, 10, 20);
  EXPECT_EQ(Chmod(file, 02755, {10, 20, 0, false})->inode.mode & 07777, 02755u);
  EXPECT_EQ(Chmod(file, 02755, {10, 30, 0, false})->inode.mode & 07777, 0755u);
  EXPECT_EQ(Chmod(file, 02755, {10, 30, 0, true})->inode.mode & 07777, 02755u);
}

TEST_F(SetAttrOp, ChownClearsTheBitsOfPrograms) {
  const Node file = fs_.MakeFile("f", kRootIno, 06755);
  const Time now = fs_.Tick();
  const auto changed = Chown(file, 1, 2);
  ASSERT_OK(changed);
  EXPECT_EQ(changed->inode.uid, 1u);
  EXPECT_EQ(changed->inode.gid, 2u);
  EXPECT_EQ(changed->inode.mode & 07777, 0755u);
  EXPECT_EQ(changed->inode.ctime, now);
  const Node locked = fs_.MakeFile("l", kRootIno, 06745);
  EXPECT_EQ(Chown(locked, 1, {})->inode.mode & 07777, 02745u);
  const Node directory = fs_.MakeDirectory("d", kRootIno, 06755);
  EXPECT_EQ(Chown(directory, 1, 2)->inode.mode & 07777, 06755u);
}

TEST_F(SetAttrOp, ChownDropsFileCapabilities) {
  const Node file = fs_.MakeFile("f", kRootIno, 0755);
  ASSERT_OK(SetXattr(fs_.ctx(), {file.ref(), "security.capability", "caps"}));
  ASSERT_OK(Chown(file, 1, {}));
  EXPECT_CODE(GetXattr(fs_.ctx(), file.ref(), "security.capability"), ErrorCode::kNoData);
}

TEST_F(SetAttrOp, UtimensSetsWhatIsAsked) {
  for (const Node& node : {fs_.MakeFile("f"), fs_.MakeDirectory("d")}) {
    const Time now = fs_.Tick();
    ASSERT_OK(Utimens(node, Time{-5, 7}, {}));
    EXPECT_EQ(Now(node).atime, (Time{-5, 7}));
    EXPECT_EQ(Now(node).mtime, node.inode.mtime);
    EXPECT_EQ(Now(node).ctime, now);
    ASSERT_OK(Utimens(node, {}, Time{1'000'000'000'000, 1}));
    EXPECT_EQ(Now(node).mtime, (Time{1'000'000'000'000, 1}));
    EXPECT_EQ(Now(node).atime, (Time{-5, 7}));
  }
}

TEST_F(SetAttrOp, ADirectorysExplicitTimeEndsWithTheNextEntryChange) {
  const Node directory = fs_.MakeDirectory("d");
  fs_.MakeFile("a", directory.inode.ino);
  for (const Time explicit_time : {Time{1, 0}, Time{1'000'000'000'000, 0}}) {
    fs_.Tick();
    ASSERT_OK(Utimens(directory, explicit_time, explicit_time));
    EXPECT_EQ(Now(directory).mtime, explicit_time);
    const Time later = fs_.Tick();
    ASSERT_OK(Chmod(directory, 0700));
    EXPECT_EQ(Now(directory).mtime, explicit_time);
    EXPECT_EQ(Now(directory).ctime, later);
    const Time now = fs_.Tick();
    fs_.MakeFile("b" + std::to_string(explicit_time.seconds), directory.inode.ino);
    EXPECT_EQ(Now(directory).mtime, now);
    EXPECT_EQ(Now(directory).ctime, now);
    EXPECT_EQ(Now(directory).atime, explicit_time);
  }
}

TEST_F(SetAttrOp, ReadingMovesAtimeByRelatime) {
  for (const Node& node : {fs_.MakeDirectory("d"), fs_.MakeFile("f")}) {
    const auto read_at = [&](Time when) {
      const Accessed accessed[] = {{node.ref(), when}};
      ASSERT_OK(StoreAtimes(fs_.ctx(), accessed));
    };
    const Time ctime = Now(node).ctime;
    const Time first = fs_.Tick();
    read_at(first);
    EXPECT_EQ(Now(node).atime, first);
    EXPECT_EQ(Now(node).ctime, ctime);
    read_at(fs_.Tick());
    EXPECT_EQ(Now(node).atime, first);
    SetAttrRequest change;
    change.ref = node.ref();
    change.mode = 0700;
    ASSERT_OK(SetAttr(fs_.ctx(), change));
    const Time third = fs_.Tick();
    read_at(third);
    EXPECT_EQ(Now(node).atime, third);
    fs_.clock().Advance(int64_t{25} * 3600 * 1'000'000'000);
    const Time day_later = fs_.Tick();
    read_at(day_later);
    EXPECT_EQ(Now(node).atime, day_later);
    read_at(third);
    EXPECT_EQ(Now(node).atime, day_later);
  }
}

TEST_F(SetAttrOp, ManyAccessTimesAreStoredTogetherWithoutThoseOfWhatIsGone) {
  std::vector<Node> nodes;
  std::vector<Accessed> accessed;
  for (int i = 0; i < 600; ++i) nodes.push_back(fs_.MakeFile("f" + std::to_string(i)));
  const Time when = fs_.Tick();
  for (const Node& node : nodes) accessed.push_back({node.ref(), when});
  accessed.push_back({InodeRef{Ino{999'999}, Place{kRootIno, "never"}}, when});
  UnlinkRequest unlink;
  unlink.parent = kRootIno;
  unlink.name = "f300";
  ASSERT_OK(Unlink(fs_.ctx(), unlink));
  ASSERT_OK(StoreAtimes(fs_.ctx(), accessed));
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i == 300) continue;
    EXPECT_EQ(Now(nodes[i]).atime, when);
  }
}

Bytes ExtendedAcl() {
  return FormatAcl({{Tag::kUserObj, 7, 0xffffffff},
                    {Tag::kUser, 6, 1000},
                    {Tag::kGroupObj, 5, 0xffffffff},
                    {Tag::kMask, 6, 0xffffffff},
                    {Tag::kOther, 1, 0xffffffff}});
}
Bytes MinimalAcl() {
  return FormatAcl({{Tag::kUserObj, 6, 0xffffffff},
                    {Tag::kGroupObj, 5, 0xffffffff},
                    {Tag::kOther, 4, 0xffffffff}});
}
const std::string kAccess(kAccessAclName);
const std::string kDefault(kDefaultAclName);

TEST_F(SetAttrOp, AnAccessAclSetsTheMode) {
  const Node file = fs_.MakeFile("f", kRootIno, 02644);
  ASSERT_OK(SetXattr(fs_.ctx(), {file.ref(), kAccess, ExtendedAcl()}));
  EXPECT_EQ(Now(file).mode & 07777, 02761u);
  EXPECT_EQ(*GetXattr(fs_.ctx(), file.ref(), kAccess), ExtendedAcl());
  SetXattrRequest request{file.ref(), kAccess, ExtendedAcl()};
  request.clear_sgid = true;
  ASSERT_OK(SetXattr(fs_.ctx(), request));
  EXPECT_EQ(Now(file).mode & 07777, 0761u);
}

TEST_F(SetAttrOp, AMinimalAclIsTheModeAlone) {
  const Node file = fs_.MakeFile("f", kRootIno, 0600);
  ASSERT_OK(SetXattr(fs_.ctx(), {file.ref(), kAccess, ExtendedAcl()}));
  ASSERT_OK(SetXattr(fs_.ctx(), {file.ref(), kAccess, MinimalAcl()}));
  EXPECT_EQ(Now(file).mode & 07777, 0654u);
  EXPECT_CODE(GetXattr(fs_.ctx(), file.ref(), kAccess), ErrorCode::kNoData);
  EXPECT_TRUE(ListXattr(fs_.ctx(), file.ref())->empty());
}

TEST_F(SetAttrOp, AclsAreChecked) {
  const Node file = fs_.MakeFile("f");
  const Node directory = fs_.MakeDirectory("d");
  EXPECT_CODE(SetXattr(fs_.ctx(), {file.ref(), kAccess, "jun"}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(SetXattr(fs_.ctx(), {file.ref(), kDefault, MinimalAcl()}),
              ErrorCode::kPermissionDenied);
  EXPECT_OK(SetXattr(fs_.ctx(), {directory.ref(), kDefault, MinimalAcl()}));
  EXPECT_EQ(*GetXattr(fs_.ctx(), directory.ref(), kDefault), MinimalAcl());
  EXPECT_OK(SetXattr(fs_.ctx(), {directory.ref(), kDefault, FormatAcl({})}));
  EXPECT_CODE(GetXattr(fs_.ctx(), directory.ref(), kDefault), ErrorCode::kNoData);
}

TEST_F(SetAttrOp, ChmodChangesTheMaskOfAnAcl) {
  for (const Node& node : {fs_.MakeFile("f"), fs_.MakeDirectory("d")}) {
    ASSERT_OK(SetXattr(fs_.ctx(), {node.ref(), kAccess, ExtendedAcl()}));
    ASSERT_OK(Chmod(node, 0640));
    const auto acl = ParseAcl(*GetXattr(fs_.ctx(), node.ref(), kAccess));
    ASSERT_OK(acl);
    EXPECT_EQ((*acl)[2].permissions, 5);
    EXPECT_EQ((*acl)[3].permissions, 4);
    EXPECT_EQ((*acl)[4].permissions, 0);
  }
}

TEST_F(SetAttrOp, DefaultAclsAreInherited) {
  const Node directory = fs_.MakeDirectory("d");
  ASSERT_OK(SetXattr(fs_.ctx(), {directory.ref(), kDefault, ExtendedAcl()}));
  MakeRequest request;
  request.parent = directory.inode.ino;
  request.caller.umask = 077;  // of no consequence below a default ACL
  request.name = "file";
  request.mode = S_IFREG | 0666;
  const Node file = *Make(fs_.ctx(), request);
  EXPECT_EQ(file.inode.mode & 07777, 0660u);
  EXPECT_OK(GetXattr(fs_.ctx(), file.ref(), kAccess));
  EXPECT_CODE(GetXattr(fs_.ctx(), file.ref(), kDefault), ErrorCode::kNoData);
  request.name = "sub";
  request.mode = S_IFDIR | 0777;
  const Node sub = *Make(fs_.ctx(), request);
  EXPECT_EQ(sub.inode.mode & 07777, 0761u);
  EXPECT_EQ(*GetXattr(fs_.ctx(), sub.ref(), kDefault), ExtendedAcl());
  EXPECT_EQ(*GetXattr(fs_.ctx(), sub.ref(), kAccess), ExtendedAcl());
  request.name = "link";
  request.mode = S_IFLNK | 0777;
  request.symlink_target = "x";
  EXPECT_TRUE(Make(fs_.ctx(), request)->inode.xattrs.empty());
}

TEST_F(SetAttrOp, ALargeDefaultAclIsInheritedToo) {
  const Node directory = fs_.MakeDirectory("d");
  Acl acl = {{Tag::kUserObj, 7, 0xffffffff}};
  for (uint32_t id = 1; id <= 100; ++id) acl.push_back({Tag::kUser, 4, id});
  acl.push_back({Tag::kGroupObj, 5, 0xffffffff});
  acl.push_back({Tag::kMask, 7, 0xffffffff});
  acl.push_back({Tag::kOther, 0, 0xffffffff});
  ASSERT_OK(SetXattr(fs_.ctx(), {directory.ref(), kDefault, FormatAcl(acl)}));
  const Node sub = fs_.MakeDirectory("sub", directory.inode.ino, 0777);
  EXPECT_TRUE(sub.inode.has_large_xattrs);
  EXPECT_EQ(*GetXattr(fs_.ctx(), sub.ref(), kDefault), FormatAcl(acl));
  EXPECT_EQ(*GetXattr(fs_.ctx(), sub.ref(), kAccess), FormatAcl(acl));
  ASSERT_OK(Chmod(sub, 0700));
  EXPECT_EQ(ParseAcl(*GetXattr(fs_.ctx(), sub.ref(), kAccess))->at(102).permissions, 0);
}

}  // namespace
}  // namespace metaring::fusefs
