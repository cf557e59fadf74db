// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

class XattrOps : public testing::Test {
 protected:
  Result<Node> Set(const Node& node, const std::string& name, Bytes value) {
    return SetXattr(fs_.ctx(), {node.ref(), name, std::move(value)});
  }
  Result<Bytes> Get(const Node& node, const std::string& name) {
    return GetXattr(fs_.ctx(), node.ref(), name);
  }
  std::vector<std::string> List(const Node& node) {
    auto names = *ListXattr(fs_.ctx(), node.ref());
    std::sort(names.begin(), names.end());
    return names;
  }

  TestVolume fs_;
};

TEST_F(XattrOps, SmallAndLargeComeBack) {
  for (const Node& node : {fs_.MakeFile("f"), fs_.MakeDirectory("d")}) {
    ASSERT_OK(Set(node, "user.empty", ""));
    ASSERT_OK(Set(node, "user.small", Bytes("\0\xff", 2)));
    ASSERT_OK(Set(node, "user.a/b%", Bytes(65'536, 'x')));
    EXPECT_EQ(*Get(node, "user.empty"), "");
    EXPECT_EQ(*Get(node, "user.small"), Bytes("\0\xff", 2));
    EXPECT_EQ(*Get(node, "user.a/b%"), Bytes(65'536, 'x'));
    EXPECT_EQ(List(node), (std::vector<std::string>{"user.a/b%", "user.empty", "user.small"}));
  }
}

TEST_F(XattrOps, AValueMovesBetweenSmallAndLarge) {
  const Node file = fs_.MakeFile("f");
  ASSERT_OK(Set(file, "user.a", Bytes(5000, 'x')));
  EXPECT_EQ(fs_.CountKeys(keys::LargeXattrPrefix(kRootIno, file.inode.ino)), 1u);
  ASSERT_OK(Set(file, "user.a", "small"));
  EXPECT_EQ(fs_.CountKeys(keys::LargeXattrPrefix(kRootIno, file.inode.ino)), 0u);
  EXPECT_EQ(*Get(file, "user.a"), "small");
  EXPECT_FALSE(GetAttr(fs_.ctx(), file.ref())->inode.has_large_xattrs);
}

TEST_F(XattrOps, ManySmallOnesOverflowBesideTheRecord) {
  const Node file = fs_.MakeFile("f");
  for (int i = 0; i < 100; ++i) ASSERT_OK(Set(file, "user." + std::to_string(i), Bytes(100, 'x')));
  EXPECT_EQ(List(file).size(), 100u);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(Get(file, "user." + std::to_string(i))->size(), 100u);
    ASSERT_OK(RemoveXattr(fs_.ctx(), file.ref(), "user." + std::to_string(i)));
  }
  EXPECT_TRUE(List(file).empty());
  EXPECT_EQ(fs_.CountKeys(keys::LargeXattrPrefix(kRootIno, file.inode.ino)), 0u);
}

TEST_F(XattrOps, CreateAndReplaceAreHonoured) {
  const Node file = fs_.MakeFile("f");
  SetXattrRequest request{file.ref(), "user.a", "1"};
  request.replace = true;
  EXPECT_CODE(SetXattr(fs_.ctx(), request), ErrorCode::kNoData);
  request.replace = false;
  request.create = true;
  EXPECT_OK(SetXattr(fs_.ctx(), request));
  EXPECT_CODE(SetXattr(fs_.ctx(), request), ErrorCode::kExists);
  request.replace = true;
  EXPECT_CODE(SetXattr(fs_.ctx(), request), ErrorCode::kInvalidArgument);
  request.create = false;
  request.value = "2";
  EXPECT_OK(SetXattr(fs_.ctx(), request));
  EXPECT_EQ(*Get(file, "user.a"), "2");
}

TEST_F(XattrOps, ChangesMoveCtimeAlone) {
  const Node file = fs_.MakeFile("f");
  const Time set = fs_.Tick();
  ASSERT_OK(Set(file, "user.a", "1"));
  EXPECT_EQ(GetAttr(fs_.ctx(), file.ref())->inode.ctime, set);
  const Time removed = fs_.Tick();
  ASSERT_OK(RemoveXattr(fs_.ctx(), file.ref(), "user.a"));
  const Inode inode = GetAttr(fs_.ctx(), file.ref())->inode;
  EXPECT_EQ(inode.ctime, removed);
  EXPECT_EQ(inode.mtime, file.inode.mtime);
}

TEST_F(XattrOps, MissingNamesAreNoData) {
  const Node file = fs_.MakeFile("f");
  EXPECT_CODE(Get(file, "user.a"), ErrorCode::kNoData);
  EXPECT_CODE(RemoveXattr(fs_.ctx(), file.ref(), "user.a"), ErrorCode::kNoData);
  ASSERT_OK(Set(file, "user.large", Bytes(5000, 'x')));
  EXPECT_CODE(Get(file, "user.a"), ErrorCode::kNoData);
}

TEST_F(XattrOps, NamesAndValuesAreChecked) {
  const Node file = fs_.MakeFile("f");
  const std::string longest = "user." + std::string(250, 'x');
  EXPECT_OK(Set(file, longest, "1"));
  EXPECT_CODE(Set(file, longest + "x", "1"), ErrorCode::kOutOfRange);
  EXPECT_CODE(Set(file, "", "1"), ErrorCode::kOutOfRange);
  EXPECT_CODE(Set(file, "user.", "1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(Set(file, "other.a", "1"), ErrorCode::kUnsupported);
  EXPECT_CODE(Set(file, "system.other", "1"), ErrorCode::kUnsupported);
  EXPECT_CODE(Get(file, "other.a"), ErrorCode::kUnsupported);
  EXPECT_CODE(Set(file, "user.a", Bytes(65'537, 'x')), ErrorCode::kTooBig);
  EXPECT_OK(Set(file, "trusted.a", "1"));
  EXPECT_OK(Set(file, "security.a", "1"));
}

TEST_F(XattrOps, UserNamesAreForFilesAndDirectories) {
  MakeRequest request;
  request.parent = kRootIno;
  request.name = "fifo";
  request.mode = S_IFIFO | 0644;
  const Node fifo = *Make(fs_.ctx(), request);
  EXPECT_CODE(Set(fifo, "user.a", "1"), ErrorCode::kNotPermitted);
  EXPECT_OK(Set(fifo, "trusted.a", "1"));
}

TEST_F(XattrOps, AllTogetherAreBounded) {
  const Node file = fs_.MakeFile("f");
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(Set(file, "user." + std::to_string(i), Bytes(65'536, 'x')));
  }
  ASSERT_OK(Set(file, "user.3", Bytes(65'000, 'x')));
  EXPECT_CODE(Set(file, "user.4", Bytes(1000, 'x')), ErrorCode::kNoSpace);
  EXPECT_CODE(Set(file, "user.3", Bytes(65'536, 'x')), ErrorCode::kNoSpace);
  EXPECT_EQ(Get(file, "user.3")->size(), 65'000u);
  EXPECT_OK(Set(file, "user.3", "less"));
}

TEST_F(XattrOps, NamesTogetherAreBounded) {
  const Node file = fs_.MakeFile("f");
  size_t stored = 0;
  std::string code = "ok";
  for (int i = 0; code == "ok"; ++i) {
    std::string name = "user." + std::to_string(i);
    name.resize(255, 'n');
    code = CodeOf(Set(file, name, "v"));
    stored += code == "ok";
  }
  EXPECT_EQ(code, "no_space");
  EXPECT_EQ(stored, kXattrListBytesMax / 256);
  EXPECT_EQ(List(file).size(), stored);
}

TEST_F(XattrOps, MoreThanAnObjectCanHaveIsCorrupt) {
  const Node file = fs_.MakeFile("f");
  ASSERT_OK(Set(file, "user.large", Bytes(10'000, 'x')));
  for (size_t i = 0; i < kXattrCountMax; ++i) {
    ASSERT_OK(
        fs_.kv().Put(keys::LargeXattr(kRootIno, file.inode.ino, "user." + std::to_string(i)), "x"));
  }
  EXPECT_CODE(ListXattr(fs_.ctx(), file.ref()), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace metaring::fusefs
