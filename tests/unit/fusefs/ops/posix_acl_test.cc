// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/posix_acl.h"

#include "tests/unit/fusefs/ops/expect.h"

namespace metaring::fusefs {
namespace {

using Tag = AclEntry::Tag;

const Acl kMinimal = {
    {Tag::kUserObj, 7, 0xffffffff}, {Tag::kGroupObj, 5, 0xffffffff}, {Tag::kOther, 4, 0xffffffff}};
const Acl kExtended = {{Tag::kUserObj, 7, 0xffffffff},  {Tag::kUser, 6, 1000},
                       {Tag::kGroupObj, 5, 0xffffffff}, {Tag::kGroup, 7, 2000},
                       {Tag::kMask, 6, 0xffffffff},     {Tag::kOther, 1, 0xffffffff}};

TEST(PosixAcl, ComesBackAsItWas) {
  for (const Acl& acl : {kMinimal, kExtended, Acl{}}) {
    const auto parsed = ParseAcl(FormatAcl(acl));
    ASSERT_OK(parsed);
    EXPECT_EQ(FormatAcl(*parsed), FormatAcl(acl));
  }
}

TEST(PosixAcl, RefusesWrongForms) {
  const Bytes good = FormatAcl(kExtended);
  EXPECT_CODE(ParseAcl(""), ErrorCode::kInvalidArgument);
  EXPECT_CODE(ParseAcl(good.substr(0, good.size() - 1)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(ParseAcl(Bytes("\x03\0\0\0", 4)), ErrorCode::kUnsupported);
}

TEST(PosixAcl, RefusesWhatIsNotValid) {
  const auto refused = [](Acl acl) {
    return CodeOf(ParseAcl(FormatAcl(acl))) == "invalid_argument";
  };
  Acl acl = kExtended;
  acl.erase(acl.begin() + 4);  // named entries without a mask
  EXPECT_TRUE(refused(acl));
  acl = kMinimal;
  acl.pop_back();
  EXPECT_TRUE(refused(acl));
  acl = kMinimal;
  std::swap(acl[0], acl[1]);
  EXPECT_TRUE(refused(acl));
  acl = kMinimal;
  acl.push_back(acl.back());
  EXPECT_TRUE(refused(acl));
  acl = kExtended;
  acl.insert(acl.begin() + 1, acl[1]);  // one user twice
  EXPECT_TRUE(refused(acl));
  acl = kMinimal;
  acl[0].permissions = 8;
  EXPECT_TRUE(refused(acl));
  acl = kExtended;
  acl[1].id = 0xffffffff;
  EXPECT_TRUE(refused(acl));
  acl = kMinimal;
  acl[0].tag = static_cast<Tag>(0x40);
  EXPECT_TRUE(refused(acl));
}

TEST(PosixAcl, ModeTakesTheMaskForTheGroup) {
  EXPECT_EQ(ModeWithAcl(0107000, kMinimal), 0107754u);
  EXPECT_EQ(ModeWithAcl(0100777, kExtended), 0100761u);
  EXPECT_TRUE(IsMinimal(kMinimal));
  EXPECT_FALSE(IsMinimal(kExtended));
}

TEST(PosixAcl, ChmodChangesTheMaskIfThereIsOne) {
  Acl acl = kExtended;
  ApplyModeToAcl(acl, 0640);
  EXPECT_EQ(acl[0].permissions, 6);
  EXPECT_EQ(acl[2].permissions, 5);  // the group's own entry stays
  EXPECT_EQ(acl[4].permissions, 4);
  EXPECT_EQ(acl[5].permissions, 0);
  acl = kMinimal;
  ApplyModeToAcl(acl, 0640);
  EXPECT_EQ(acl[1].permissions, 4);
}

TEST(PosixAcl, InheritanceIntersectsWithTheAskedMode) {
  Acl acl = kExtended;
  EXPECT_EQ(InheritAcl(acl, 0100666), 0100660u);
  EXPECT_EQ(acl[0].permissions, 6);
  EXPECT_EQ(acl[1].permissions, 6);  // named entries stay, the mask bounds them
  EXPECT_EQ(acl[4].permissions, 6);
  EXPECT_EQ(acl[5].permissions, 0);
}

}  // namespace
}  // namespace metaring::fusefs
