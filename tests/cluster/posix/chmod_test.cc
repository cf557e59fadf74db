// SPDX-License-Identifier: Apache-2.0
//
// chmod(2), fchmod(2), fchmodat(2).
#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Chmod : public Posix {};

TEST_F(Chmod, SetsAllTwelveBitsOnFilesAndDirectories) {
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  for (mode_t bit = 0; bit < 12; ++bit) {
    const mode_t mode = (1u << bit) | 0400;
    WORKS(chmod("f", mode));
    EXPECT_EQ(ModeOf("f"), mode);
    WORKS(chmod("d", mode));
    EXPECT_EQ(ModeOf("d"), mode);
  }
  WORKS(chmod("f", 07777));
  EXPECT_EQ(Lstat("f").st_mode, S_IFREG | 07777u);
  WORKS(chmod("d", 0));
  EXPECT_EQ(Lstat("d").st_mode, S_IFDIR | 0u);
  WORKS(chmod("d", 0755));
}

TEST_F(Chmod, KeepsTheTypeOfEveryKind) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    if (kind == Kind::kSymlink) continue;
    MakeKind(kind, NameOf(kind));
    WORKS(chmod(NameOf(kind), S_IFMT | 0710)) << NameOf(kind);
    EXPECT_EQ(Lstat(NameOf(kind)).st_mode, TypeOf(kind) | 0710) << NameOf(kind);
  }
}

TEST_F(Chmod, MarksCtimeAlone) {
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  const Watch file("f"), directory("d"), parent(".");
  MUST_WORK(chmod("f", 0600));
  MUST_WORK(chmod("d", 0700));
  file.Expect(kCtime);
  directory.Expect(kCtime);
  parent.Expect(kNone);
}

TEST_F(Chmod, ThroughADescriptorIsSeenByPath) {
  Put("f");
  Fd reader(open("f", O_RDONLY)), writer(open("f", O_RDWR));
  WORKS(fchmod(reader, 0600));
  EXPECT_EQ(ModeOf("f"), 0600u);
  WORKS(fchmod(writer, 0640));
  EXPECT_EQ(ModeOf("f"), 0640u);
  EXPECT_EQ(Fstat(reader).st_mode & 07777, 0640u);
  WORKS(chmod("f", 0444));
  EXPECT_EQ(Fstat(writer).st_mode & 07777, 0444u);
}

TEST_F(Chmod, FollowsSymlinks) {
  Put("f");
  MUST_WORK(symlink("f", "l"));
  WORKS(chmod("l", 0600));
  EXPECT_EQ(ModeOf("f"), 0600u);
  EXPECT_EQ(ModeOf("l"), 0777u);
  FAILS(EOPNOTSUPP, fchmodat(AT_FDCWD, "l", 0644, AT_SYMLINK_NOFOLLOW));
}

TEST_F(Chmod, FailsOnMissingNames) {
  Put("f");
  FAILS(ENOENT, chmod("missing", 0644));
  FAILS(ENOENT, chmod("", 0644));
  FAILS(ENOTDIR, chmod("f/x", 0644));
  FAILS(EBADF, fchmod(-1, 0644));
}

TEST_F(Chmod, IsForTheOwnerAndRoot) {
  NEEDS_ROOT();
  Put("f", "", 0666);
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  WORKS(As(kAlice, [] { return chmod("f", 0600); }));
  FAILS(EPERM, As(kBob, [] { return chmod("f", 0644); }));
  EXPECT_EQ(ModeOf("f"), 0600u);
  WORKS(chmod("f", 0666));
  FAILS(EPERM, As(kBob, [] {
          Fd fd(open("f", O_RDWR));
          return fchmod(fd, 0777);
        }));
  EXPECT_EQ(ModeOf("f"), 0666u);
}

TEST_F(Chmod, NeedsSearchPermissionOnThePath) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0700));
  Put("d/f");
  MUST_WORK(chown("d/f", kAlice.uid, kAlice.gid));
  FAILS(EACCES, As(kAlice, [] { return chmod("d/f", 0600); }));
}

TEST_F(Chmod, ClearsSetgidForAnOwnerOutsideTheGroup) {
  NEEDS_ROOT();
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kBob.gid));
  WORKS(As(kAlice, [] { return chmod("f", 02755); }));
  EXPECT_EQ(ModeOf("f"), 0755u);
  WORKS(As(kAliceInBobsGroup, [] { return chmod("f", 02755); }));
  EXPECT_EQ(ModeOf("f"), 02755u);
  WORKS(As(kAlice, [] { return chmod("f", 06755); }));
  EXPECT_EQ(ModeOf("f"), 04755u);
  WORKS(chmod("f", 02755));
  EXPECT_EQ(ModeOf("f"), 02755u);
}

TEST_F(Chmod, FchmodClearsSetgidForAnOwnerOutsideTheGroup) {
  NEEDS_ROOT();
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kBob.gid));
  WORKS(As(kAlice, [] {
    Fd fd(open("f", O_RDWR));
    return fchmod(fd, 02750);
  }));
  EXPECT_EQ(ModeOf("f"), 0750u);
}

TEST_F(Chmod, ClearsSetgidOfADirectoryOutsideTheGroup) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0755));
  MUST_WORK(chown("d", kAlice.uid, kBob.gid));
  WORKS(As(kAlice, [] { return chmod("d", 02755); }));
  EXPECT_EQ(ModeOf("d"), 0755u);
}

TEST_F(Chmod, AnOwnerMaySetSetuidAndSticky) {
  NEEDS_ROOT();
  Put("f");
  MUST_WORK(chown("f", kAlice.uid, kAlice.gid));
  WORKS(As(kAlice, [] { return chmod("f", 07755); }));
  EXPECT_EQ(ModeOf("f") & 06777, 06755u);
}

TEST_F(Chmod, TakesEffectOnTheNextOpenAndNotOnOpenDescriptors) {
  NEEDS_ROOT();
  Put("f", "hello", 0666);
  WORKS(As(kAlice, []() -> long {
    Fd fd(open("f", O_RDWR));
    if (chmod("f", 0) == 0 || errno != EPERM) return -1;
    return write(fd, "x", 1) == 1 ? 0 : -1;
  }));
  MUST_WORK(chmod("f", 0600));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDONLY); }));
  MUST_WORK(chmod("f", 0604));
  WORKS(As(kAlice, [] { return open("f", O_RDONLY); }));
  FAILS(EACCES, As(kAlice, [] { return open("f", O_RDWR); }));
}

}  // namespace
}  // namespace metaring::posix
