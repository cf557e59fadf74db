// SPDX-License-Identifier: Apache-2.0
//
// POSIX ACLs as acl(5) says: access decisions, mask, inheritance. They are written as the raw
// xattrs that libacl writes, so that malformed ones can be tried too.
#include <sys/xattr.h>

#include <cstdint>
#include <cstring>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

constexpr char kAccess[] = "system.posix_acl_access", kDefault[] = "system.posix_acl_default";
enum Tag : uint16_t {
  kUserObj = 1,
  kUser = 2,
  kGroupObj = 4,
  kGroup = 8,
  kMask = 16,
  kOther = 32,
};
constexpr uint32_t kNoId = 0xffff'ffff;

struct AclEntry {
  uint16_t tag;
  uint16_t permissions;
  uint32_t id = kNoId;
  bool operator==(const AclEntry&) const = default;
};
using AclEntries = std::vector<AclEntry>;

std::string Encode(const AclEntries& entries) {
  const uint32_t version = 2;
  std::string out(reinterpret_cast<const char*>(&version), 4);
  for (const AclEntry& entry : entries) {
    out.append(reinterpret_cast<const char*>(&entry.tag), 2);
    out.append(reinterpret_cast<const char*>(&entry.permissions), 2);
    out.append(reinterpret_cast<const char*>(&entry.id), 4);
  }
  return out;
}

int SetAcl(const char* path, const char* which, const AclEntries& entries) {
  const std::string value = Encode(entries);
  return setxattr(path, which, value.data(), value.size(), 0);
}

AclEntries GetAcl(const char* path, const char* which) {
  char buffer[4096];
  const ssize_t n = getxattr(path, which, buffer, sizeof buffer);
  AclEntries entries;
  for (ssize_t at = 4; at + 8 <= n; at += 8) {
    AclEntry entry = {};
    memcpy(&entry.tag, buffer + at, 2);
    memcpy(&entry.permissions, buffer + at + 2, 2);
    memcpy(&entry.id, buffer + at + 4, 4);
    entries.push_back(entry);
  }
  return entries;
}

class Acl : public Posix {
 protected:
  void SetUp() override {
    Posix::SetUp();
    if (!Root()) GTEST_SKIP() << "only root can be other users";
    Put("probe");
    if (SetAcl("probe", kAccess, {{kUserObj, 6}, {kGroupObj, 4}, {kOther, 4}}) != 0) {
      GTEST_SKIP() << "no ACLs here: " << ErrorSymbol(errno);
    }
    MUST_WORK(unlink("probe"));
  }
};

// u::rw- u:alice:r-- g::--- m::r-- o::---
const AclEntries kAliceReads = {
    {kUserObj, 6}, {kUser, 4, kAlice.uid}, {kGroupObj, 0}, {kMask, 4}, {kOther, 0}};

TEST_F(Acl, ANamedUserGetsWhatItSays) {
  Put("f", "x", 0600);
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY); }));
  MUST_WORK(SetAcl("f", kAccess, kAliceReads));
  WORKS(As(kAlice, [] { return open("f", O_RDONLY); }));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_WRONLY); }));
  FAILS(EACCES, As(kBob, [] { return open("f", O_RDONLY); }));
  EXPECT_EQ(GetAcl("f", kAccess), kAliceReads);
}

TEST_F(Acl, ANamedGroupGetsWhatItSays) {
  Put("f", "x", 0600);
  MUST_WORK(
      SetAcl("f", kAccess,
             {{kUserObj, 6}, {kGroupObj, 0}, {kGroup, 6, kBob.gid}, {kMask, 6}, {kOther, 0}}));
  WORKS(As(kBob, [] { return open("f", O_RDWR); }));
  WORKS(As(kAliceInBobsGroup, [] { return open("f", O_RDWR); }));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY); }));
}

TEST_F(Acl, TheModeShowsTheMaskAsGroupBits) {
  Put("f", "x", 0600);
  MUST_WORK(
      SetAcl("f", kAccess,
             {{kUserObj, 7}, {kUser, 7, kAlice.uid}, {kGroupObj, 1}, {kMask, 5}, {kOther, 2}}));
  EXPECT_EQ(ModeOf("f"), 0752u);
}

TEST_F(Acl, ChmodChangesTheMaskAndSoTheNamedUser) {
  Put("f", "x", 0600);
  MUST_WORK(SetAcl("f", kAccess, kAliceReads));
  MUST_WORK(chmod("f", 0600));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY); }));
  EXPECT_EQ(GetAcl("f", kAccess)[3], (AclEntry{kMask, 0}));
  EXPECT_EQ(GetAcl("f", kAccess)[1], (AclEntry{kUser, 4, kAlice.uid}));
  MUST_WORK(chmod("f", 0761));
  const AclEntries after = GetAcl("f", kAccess);
  ASSERT_EQ(after.size(), 5u);
  EXPECT_EQ(after[0], (AclEntry{kUserObj, 7}));
  EXPECT_EQ(after[2], (AclEntry{kGroupObj, 0}));
  EXPECT_EQ(after[3], (AclEntry{kMask, 6}));
  EXPECT_EQ(after[4], (AclEntry{kOther, 1}));
  WORKS(As(kAlice, [] { return open("f", O_RDONLY); }));
}

TEST_F(Acl, FchmodChangesTheMaskToo) {
  Put("f", "x", 0600);
  MUST_WORK(SetAcl("f", kAccess, kAliceReads));
  Fd fd(open("f", O_RDWR));
  MUST_WORK(fchmod(fd, 0770));
  EXPECT_EQ(GetAcl("f", kAccess)[3], (AclEntry{kMask, 7}));
  EXPECT_EQ(ModeOf("f"), 0770u);
}

TEST_F(Acl, AMinimalOneIsTheModeAlone) {
  Put("f", "x", 0600);
  MUST_WORK(SetAcl("f", kAccess, {{kUserObj, 7}, {kGroupObj, 5}, {kOther, 1}}));
  EXPECT_EQ(ModeOf("f"), 0751u);
  FAILS(ENODATA, getxattr("f", kAccess, nullptr, 0));
}

TEST_F(Acl, RemovingItLeavesTheMode) {
  Put("f", "x", 0600);
  MUST_WORK(SetAcl("f", kAccess, kAliceReads));
  EXPECT_EQ(ModeOf("f"), 0640u);
  WORKS(removexattr("f", kAccess));
  EXPECT_EQ(ModeOf("f"), 0640u);
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY); }));
  FAILS(ENODATA, getxattr("f", kAccess, nullptr, 0));
}

const AclEntries kDefaultForAlice = {
    {kUserObj, 7}, {kUser, 7, kAlice.uid}, {kGroupObj, 5}, {kMask, 7}, {kOther, 0}};

TEST_F(Acl, ADefaultOneIsInheritedByFiles) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(SetAcl("d", kDefault, kDefaultForAlice));
  umask(0077);  // does not matter where a default ACL is
  Fd fd(open("d/f", O_CREAT | O_WRONLY, 0664));
  MUST_WORK(static_cast<int>(fd));
  EXPECT_EQ(ModeOf("d/f"), 0660u);
  EXPECT_EQ(
      GetAcl("d/f", kAccess),
      (AclEntries{{kUserObj, 6}, {kUser, 7, kAlice.uid}, {kGroupObj, 5}, {kMask, 6}, {kOther, 0}}));
  WORKS(As(kAlice, [] { return open("d/f", O_RDWR); }));
  FAILS(EACCES, As(kBob, [] { return open("d/f", O_RDONLY); }));
}

TEST_F(Acl, ADefaultOneIsInheritedByDirectoriesAsBoth) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(SetAcl("d", kDefault, kDefaultForAlice));
  umask(0077);
  MUST_WORK(mkdir("d/e", 0750));
  EXPECT_EQ(ModeOf("d/e"), 0750u);
  EXPECT_EQ(GetAcl("d/e", kDefault), kDefaultForAlice);
  const AclEntries access = GetAcl("d/e", kAccess);
  ASSERT_EQ(access.size(), 5u);
  EXPECT_EQ(access[3], (AclEntry{kMask, 5}));
  MUST_WORK(mkdir("d/e/deeper", 0777));
  EXPECT_EQ(GetAcl("d/e/deeper", kDefault), kDefaultForAlice);
  EXPECT_EQ(ModeOf("d/e/deeper"), 0770u);
}

TEST_F(Acl, ADefaultOneIsInheritedByNodesAndNotBySymlinks) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(SetAcl("d", kDefault, kDefaultForAlice));
  MUST_WORK(mkfifo("d/p", 0666));
  MUST_WORK(symlink("x", "d/l"));
  EXPECT_EQ(ModeOf("d/p"), 0660u);
  EXPECT_EQ(GetAcl("d/p", kAccess).size(), 5u);
  EXPECT_EQ(ModeOf("d/l"), 0777u);
}

TEST_F(Acl, AMinimalDefaultOneReplacesTheUmask) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(SetAcl("d", kDefault, {{kUserObj, 6}, {kGroupObj, 6}, {kOther, 4}}));
  umask(0777);
  Fd fd(open("d/f", O_CREAT | O_WRONLY, 0777));
  EXPECT_EQ(ModeOf("d/f"), 0664u);
  FAILS(ENODATA, getxattr("d/f", kAccess, nullptr, 0));
}

TEST_F(Acl, RemovingTheDefaultOneRestoresTheUmask) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(SetAcl("d", kDefault, kDefaultForAlice));
  WORKS(removexattr("d", kDefault));
  umask(0022);
  Fd fd(open("d/f", O_CREAT | O_WRONLY, 0666));
  EXPECT_EQ(ModeOf("d/f"), 0644u);
  EXPECT_TRUE(GetAcl("d/f", kAccess).empty());
}

TEST_F(Acl, ADefaultOneIsForDirectories) {
  Put("f");
  FAILS(EACCES, SetAcl("f", kDefault, kDefaultForAlice));
}

TEST_F(Acl, ChangingOneIsForTheOwner) {
  Put("f", "", 0666);
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  WORKS(As(kAlice, [] { return SetAcl("f", kAccess, kAliceReads); }));
  FAILS(EPERM, As(kBob, [] { return SetAcl("f", kAccess, kAliceReads); }));
  FAILS(EPERM, As(kBob, [] { return removexattr("f", kAccess); }));
}

TEST_F(Acl, SettingOneClearsSetgidOutsideTheGroup) {
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kBob.gid));
  MUST_WORK(chmod("f", 02755));
  WORKS(As(kAlice, [] { return SetAcl("f", kAccess, kAliceReads); }));
  EXPECT_EQ(ModeOf("f") & S_ISGID, 0u);
}

TEST_F(Acl, MalformedOnesAreRefused) {
  Put("f", "", 0640);
  FAILS(EINVAL, SetAcl("f", kAccess, {{kUserObj, 6}, {kUser, 4, 1}, {kGroupObj, 0}, {kOther, 0}}));
  FAILS(EINVAL, SetAcl("f", kAccess, {{kUserObj, 6}, {kGroupObj, 0}}));
  FAILS(EINVAL, SetAcl("f", kAccess, {{kUserObj, 8}, {kGroupObj, 0}, {kOther, 0}}));
  FAILS(EINVAL, SetAcl("f", kAccess, {{kUserObj, 6}, {kUserObj, 6}, {kGroupObj, 0}, {kOther, 0}}));
  FAILS(EINVAL, SetAcl("f", kAccess, {{64, 6}, {kUserObj, 6}, {kGroupObj, 0}, {kOther, 0}}));
  FAILS(EINVAL, setxattr("f", kAccess, "x", 1, 0));
  FAILS(EOPNOTSUPP, setxattr("f", kAccess, "\3\0\0\0", 4, 0));
  EXPECT_EQ(ModeOf("f"), 0640u);
}

TEST_F(Acl, ADirectorysSearchPermissionFollowsIt) {
  MUST_WORK(mkdir("d", 0700));
  Put("d/f", "x", 0644);
  FAILS(EACCES, As(kAlice, [] { return open("d/f", O_RDONLY); }));
  MUST_WORK(
      SetAcl("d", kAccess,
             {{kUserObj, 7}, {kUser, 1, kAlice.uid}, {kGroupObj, 0}, {kMask, 7}, {kOther, 0}}));
  WORKS(As(kAlice, [] { return open("d/f", O_RDONLY); }));
  FAILS(EACCES, As(kAlice, [] { return open("d", O_RDONLY | O_DIRECTORY); }));
  FAILS(EACCES, As(kAlice, [] { return mkdir("d/e", 0755); }));
}

TEST_F(Acl, SettingOneMarksCtime) {
  Put("f");
  const Watch file("f");
  MUST_WORK(SetAcl("f", kAccess, kAliceReads));
  file.Expect(kCtime);
}

}  // namespace
}  // namespace metaring::posix
