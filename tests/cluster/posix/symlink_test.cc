// SPDX-License-Identifier: Apache-2.0
//
// symlink(2), readlink(2).
#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Symlink : public Posix {};

std::string Readlink(const std::string& path) {
  char buffer[8192];
  const ssize_t n = readlink(path.c_str(), buffer, sizeof buffer);
  WORKS(n) << path;
  return n < 0 ? "" : std::string(buffer, n);
}

TEST_F(Symlink, HoldsItsTargetVerbatim) {
  const std::string targets[] = {"x",       "a/b/../c//d/", "/absolute/path",
                                 ".",       "..",           "d\xff",
                                 " space ", "line\nbreak",  std::string(1000, 't')};
  for (const std::string& target : targets) {
    MUST_WORK(symlink(target.c_str(), "l"));
    EXPECT_EQ(Readlink("l"), target);
    const struct stat st = Lstat("l");
    EXPECT_EQ(st.st_mode, S_IFLNK | 0777u);
    EXPECT_EQ(st.st_size, static_cast<off_t>(target.size()));
    EXPECT_EQ(st.st_nlink, 1u);
    MUST_WORK(unlink("l"));
  }
}

TEST_F(Symlink, TakesTargetsUpToPathMax) {
  const std::string longest(4095, 'l'), too_long(4096, 'l');
  FAILS(ENAMETOOLONG, symlink(too_long.c_str(), "l"));
  EXPECT_FALSE(Exists("l"));
  FAILS(ENOENT, symlink("", "l"));
  const int made = symlink(longest.c_str(), "l");
  EXPECT_TRUE(made == 0 || !HasFeature("symlink_length"));
  if (made == 0) {
    EXPECT_EQ(Readlink("l"), longest);
    EXPECT_EQ(Lstat("l").st_size, 4095);
  }
}

TEST_F(Symlink, IgnoresTheUmask) {
  umask(0777);
  MUST_WORK(symlink("x", "l"));
  EXPECT_EQ(ModeOf("l"), 0777u);
}

TEST_F(Symlink, MarksTheTimesOfTheParent) {
  const Watch parent(".");
  MUST_WORK(symlink("x", "l"));
  parent.Expect(kMtime | kCtime);
}

TEST_F(Symlink, FailsWhenTheNameExists) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(EEXIST, symlink("x", NameOf(kind))) << NameOf(kind);
  }
  FAILS(EEXIST, symlink("x", "."));
}

TEST_F(Symlink, FailsWithoutAParentOrPermission) {
  Put("f");
  FAILS(ENOENT, symlink("x", "missing/l"));
  FAILS(ENOTDIR, symlink("x", "f/l"));
  FAILS(ENOENT, symlink("x", ""));
  FAILS(ENOENT, symlink("x", "l/"));
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0755));
  FAILS(EACCES, As(kAlice, [] { return symlink("x", "d/l"); }));
  WORKS(As(kAlice, [] { return symlink("x", "l"); }));
  EXPECT_EQ(Lstat("l").st_uid, kAlice.uid);
}

TEST_F(Symlink, ReadlinkTruncatesSilently) {
  MUST_WORK(symlink("0123456789", "l"));
  char buffer[4];
  EXPECT_EQ(readlink("l", buffer, sizeof buffer), 4);
  EXPECT_EQ(std::string(buffer, 4), "0123");
  FAILS(EINVAL, readlink("l", buffer, 0));
}

TEST_F(Symlink, ReadlinkRefusesEverythingElse) {
  char buffer[64];
  for (const Kind kind : kAllKinds) {
    if (kind == Kind::kSymlink) continue;
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(EINVAL, readlink(NameOf(kind), buffer, sizeof buffer)) << NameOf(kind);
  }
  FAILS(ENOENT, readlink("missing", buffer, sizeof buffer));
  FAILS(ENOTDIR, readlink("file/x", buffer, sizeof buffer));
}

TEST_F(Symlink, IsReadableByAnyoneWhoCanReachIt) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0700));
  MUST_WORK(symlink("x", "d/l"));
  MUST_WORK(symlink("x", "l"));
  static char buffer[64];
  WORKS(As(kAlice, [] { return readlink("l", buffer, sizeof buffer); }));
  FAILS(EACCES, As(kAlice, [] { return readlink("d/l", buffer, sizeof buffer); }));
}

TEST_F(Symlink, IsFollowedInTheMiddleAndAtTheEnd) {
  MUST_WORK(mkdir("d", 0755));
  Put("d/f", "through");
  MUST_WORK(symlink("d", "l"));
  MUST_WORK(symlink("../d/f", "d/back"));
  EXPECT_EQ(Get("l/f"), "through");
  EXPECT_EQ(Get("l/back"), "through");
  EXPECT_EQ(Get("l/../l/./back"), "through");
  MUST_WORK(unlink("l/f"));
  FAILS(ENOENT, open("l/back", O_RDONLY));
  EXPECT_TRUE(Exists("l/back"));
}

TEST_F(Symlink, LoopsAreRefused) {
  MUST_WORK(symlink("b", "a"));
  MUST_WORK(symlink("a", "b"));
  MUST_WORK(symlink("self/x", "self"));
  struct stat st;
  FAILS(ELOOP, stat("a", &st));
  FAILS(ELOOP, open("a", O_RDONLY));
  FAILS(ELOOP, open("a", O_CREAT | O_WRONLY, 0644));
  FAILS(ELOOP, mkdir("a/d", 0755));
  FAILS(ELOOP, rmdir("a/d"));
  FAILS(ELOOP, unlink("a/f"));
  FAILS(ELOOP, truncate("a", 0));
  FAILS(ELOOP, chmod("a", 0644));
  FAILS(ELOOP, chown("a", 0, 0));
  FAILS(ELOOP, link("a/x", "c"));
  FAILS(ELOOP, rename("a/x", "c"));
  FAILS(ELOOP, symlink("x", "self/y"));
  FAILS(ELOOP, access("self", F_OK));
  WORKS(rename("a", "c"));
}

TEST_F(Symlink, ChainsOfFortyAreFollowed) {
  Put("l0", "end");
  for (int i = 1; i <= 41; ++i) {
    MUST_WORK(symlink(("l" + std::to_string(i - 1)).c_str(), ("l" + std::to_string(i)).c_str()));
  }
  EXPECT_EQ(Get("l40"), "end");
  FAILS(ELOOP, open("l41", O_RDONLY));
}

TEST_F(Symlink, ItsOwnerAndTimesAreItsOwn) {
  NEEDS_ROOT();
  Put("f");
  MUST_WORK(symlink("f", "l"));
  const Watch target("f");
  MUST_WORK(lchown("l", kAlice.uid, kAlice.gid));
  const timespec times[2] = {{100, 7}, {200, 8}};
  MUST_WORK(utimensat(AT_FDCWD, "l", times, AT_SYMLINK_NOFOLLOW));
  const struct stat st = Lstat("l");
  EXPECT_EQ(st.st_uid, kAlice.uid);
  EXPECT_TRUE(st.st_mtim == times[1]);
  target.Expect(kNone);
}

}  // namespace
}  // namespace metaring::posix
