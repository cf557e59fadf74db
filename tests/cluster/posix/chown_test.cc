// SPDX-License-Identifier: Apache-2.0
//
// chown(2), fchown(2), lchown(2), fchownat(2): who may, what it clears, -1.
#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

constexpr uid_t kKeepUid = -1;
constexpr gid_t kKeepGid = -1;

class Chown : public Posix {
 protected:
  void SetUp() override {
    Posix::SetUp();
    if (!Root()) GTEST_SKIP() << "only root can give files away";
  }
};

TEST_F(Chown, SetsOwnerAndGroupOfEveryKind) {
  for (const Kind kind : kAllKinds) {
    MakeKind(kind, NameOf(kind));
    WORKS(lchown(NameOf(kind), 1234567890, 4'000'000'000)) << NameOf(kind);
    const struct stat st = Lstat(NameOf(kind));
    EXPECT_EQ(st.st_uid, 1234567890u) << NameOf(kind);
    EXPECT_EQ(st.st_gid, 4'000'000'000u) << NameOf(kind);
  }
}

TEST_F(Chown, MinusOneKeeps) {
  Put("f");
  MUST_WORK(chown("f", 10, 20));
  WORKS(chown("f", kKeepUid, 21));
  EXPECT_EQ(Lstat("f").st_uid, 10u);
  EXPECT_EQ(Lstat("f").st_gid, 21u);
  WORKS(chown("f", 11, kKeepGid));
  EXPECT_EQ(Lstat("f").st_uid, 11u);
  EXPECT_EQ(Lstat("f").st_gid, 21u);
  WORKS(chown("f", kKeepUid, kKeepGid));
  EXPECT_EQ(Lstat("f").st_uid, 11u);
}

TEST_F(Chown, MarksCtimeAlone) {
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  const Watch file("f"), directory("d"), parent(".");
  MUST_WORK(chown("f", 10, 20));
  MUST_WORK(chown("d", 10, 20));
  file.Expect(kCtime);
  directory.Expect(kCtime);
  parent.Expect(kNone);
}

TEST_F(Chown, FollowsSymlinksAndLchownDoesNot) {
  Put("f");
  MUST_WORK(symlink("f", "l"));
  WORKS(chown("l", 10, 20));
  EXPECT_EQ(Lstat("f").st_uid, 10u);
  EXPECT_EQ(Lstat("l").st_uid, 0u);
  WORKS(lchown("l", 30, 40));
  EXPECT_EQ(Lstat("f").st_uid, 10u);
  EXPECT_EQ(Lstat("l").st_uid, 30u);
  WORKS(fchownat(AT_FDCWD, "l", 50, kKeepGid, AT_SYMLINK_NOFOLLOW));
  EXPECT_EQ(Lstat("l").st_uid, 50u);
}

TEST_F(Chown, ThroughADescriptorIsSeenByPath) {
  Put("f");
  Fd reader(open("f", O_RDONLY)), writer(open("f", O_WRONLY));
  WORKS(fchown(reader, 10, 20));
  EXPECT_EQ(Lstat("f").st_uid, 10u);
  WORKS(fchown(writer, 11, 21));
  EXPECT_EQ(Lstat("f").st_gid, 21u);
  EXPECT_EQ(Fstat(reader).st_uid, 11u);
}

TEST_F(Chown, FailsOnMissingNames) {
  Put("f");
  FAILS(ENOENT, chown("missing", 0, 0));
  FAILS(ENOENT, lchown("", 0, 0));
  FAILS(ENOTDIR, chown("f/x", 0, 0));
  FAILS(EBADF, fchown(-1, 0, 0));
  MUST_WORK(symlink("missing", "l"));
  FAILS(ENOENT, chown("l", 0, 0));
  WORKS(lchown("l", 0, 0));
}

TEST_F(Chown, NobodyButRootGivesAFileAway) {
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  FAILS(EPERM, As(kAlice, [] { return chown("f", kBob.uid, kKeepGid); }));
  FAILS(EPERM, As(kBob, [] { return chown("f", kBob.uid, kKeepGid); }));
  FAILS(EPERM, As(kAlice, [] { return chown("f", 0, kKeepGid); }));
  EXPECT_EQ(Lstat("f").st_uid, kAlice.uid);
}

TEST_F(Chown, AnOwnerMayGiveOnlyToGroupsItIsIn) {
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  FAILS(EPERM, As(kAlice, [] { return chown("f", kKeepUid, kBob.gid); }));
  FAILS(EPERM, As(kAliceInBobsGroup, [] { return chown("f", kKeepUid, kCarol.gid); }));
  WORKS(As(kAliceInBobsGroup, [] { return chown("f", kKeepUid, kBob.gid); }));
  EXPECT_EQ(Lstat("f").st_gid, kBob.gid);
  WORKS(As(kAlice, [] { return chown("f", kAlice.uid, kAlice.gid); }));
  EXPECT_EQ(Lstat("f").st_gid, kAlice.gid);
}

TEST_F(Chown, AStrangerInTheGroupMayNotChangeIt) {
  Put("f", "", 0666);
  MUST_WORK(chown("f", kCarol.uid, kBob.gid));
  FAILS(EPERM, As(kAliceInBobsGroup, [] { return chown("f", kKeepUid, kAlice.gid); }));
  FAILS(EPERM, As(kAliceInBobsGroup, [] { return chown("f", kKeepUid, kBob.gid); }));
}

TEST_F(Chown, NeedsSearchPermissionOnThePath) {
  MUST_WORK(mkdir("d", 0700));
  Put("d/f");
  MUST_WORK(chown("d/f", kAlice.uid, kAlice.gid));
  FAILS(EACCES, As(kAlice, [] { return chown("d/f", kKeepUid, kAlice.gid); }));
}

TEST_F(Chown, ByAnUnprivilegedOwnerClearsSetuidAndSetgid) {
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  MUST_WORK(chmod("f", 06755));
  WORKS(As(kAliceInBobsGroup, [] { return chown("f", kKeepUid, kBob.gid); }));
  EXPECT_EQ(ModeOf("f"), 0755u);
  MUST_WORK(chmod("f", 06755));
  WORKS(As(kAliceInBobsGroup, [] {
    Fd fd(open("f", O_RDWR));
    return fchown(fd, kKeepUid, kAlice.gid);
  }));
  EXPECT_EQ(ModeOf("f"), 0755u);
}

TEST_F(Chown, ByRootClearsSetuidAndSetgidOfExecutablesToo) {
  Put("f");
  MUST_WORK(chmod("f", 06755));
  WORKS(chown("f", 10, 20));
  EXPECT_EQ(ModeOf("f"), 0755u);
  Fd fd(open("f", O_RDWR));
  MUST_WORK(chmod("f", 06755));
  WORKS(fchown(fd, 11, 21));
  EXPECT_EQ(ModeOf("f"), 0755u);
}

// Through a descriptor with unsaved content, where changes may wait for each other.
TEST_F(Chown, ByDescriptorTheOrderWithFchmodCounts) {
  Put("f");
  {
    Fd fd(open("f", O_RDWR));
    MUST_WORK(write(fd, "content", 7));
    MUST_WORK(fchmod(fd, 06755));
    WORKS(fchown(fd, 10, 20));
    EXPECT_EQ(ModeOf("f"), 0755u);
  }
  EXPECT_EQ(ModeOf("f"), 0755u);
  {
    Fd fd(open("f", O_RDWR));
    MUST_WORK(write(fd, "content", 7));
    WORKS(fchown(fd, 11, 21));
    MUST_WORK(fchmod(fd, 06755));
    EXPECT_EQ(ModeOf("f"), 06755u);
  }
  EXPECT_EQ(ModeOf("f"), 06755u);
}

TEST_F(Chown, LeavesSetgidWithoutGroupExecute) {
  Put("f");
  MUST_WORK(chmod("f", 02644));  // mandatory locking, not privilege
  WORKS(chown("f", 10, 20));
  EXPECT_EQ(ModeOf("f"), 02644u);
}

TEST_F(Chown, LeavesTheSpecialBitsOfDirectories) {
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(chmod("d", 07755));
  WORKS(chown("d", 10, 20));
  EXPECT_EQ(ModeOf("d"), 07755u);
}

TEST_F(Chown, MovesPermissionsWithTheOwner) {
  Put("f", "", 0600);
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  WORKS(As(kAlice, [] { return open("f", O_RDWR); }));
  FAILS(EACCES, As(kBob, [] { return open("f", O_RDWR); }));
  MUST_WORK(chown("f", kBob.uid, kBob.gid));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDWR); }));
  WORKS(As(kBob, [] { return open("f", O_RDWR); }));
}

}  // namespace
}  // namespace metaring::posix
