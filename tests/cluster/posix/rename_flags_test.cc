// SPDX-License-Identifier: Apache-2.0
//
// renameat2(2): RENAME_NOREPLACE and RENAME_EXCHANGE.
#include <cstdio>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class RenameFlags : public Posix {};

int NoReplace(const char* from, const char* to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}
int Exchange(const char* from, const char* to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
}

TEST_F(RenameFlags, NoReplaceMovesOnlyToAFreeName) {
  Put("a", "a");
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(EEXIST, NoReplace("a", NameOf(kind))) << NameOf(kind);
  }
  FAILS(EEXIST, NoReplace("a", "a"));
  WORKS(NoReplace("a", "b"));
  EXPECT_EQ(Get("b"), "a");
  FAILS(ENOENT, NoReplace("a", "c"));
}

TEST_F(RenameFlags, NoReplaceOverAnotherNameOfTheFileFails) {
  Put("a");
  MUST_WORK(link("a", "b"));
  FAILS(EEXIST, NoReplace("a", "b"));
  EXPECT_EQ(Lstat("a").st_nlink, 2u);
}

TEST_F(RenameFlags, NoReplaceOfADirectoryIntoItselfFails) {
  MUST_WORK(mkdir("d", 0755));
  FAILS(EINVAL, NoReplace("d", "d/e"));
}

TEST_F(RenameFlags, ExchangeSwapsEveryPairOfKinds) {
  MUST_WORK(mkdir("p", 0755));
  for (const Kind one : kAllKinds) {
    for (const Kind two : kAllKinds) {
      if (!Root()) break;
      SCOPED_TRACE(std::string(NameOf(one)) + " and " + NameOf(two));
      MakeKind(one, "a");
      MakeKind(two, "p/b");
      const ino_t a = Lstat("a").st_ino, b = Lstat("p/b").st_ino;
      WORKS(Exchange("a", "p/b"));
      EXPECT_EQ(Lstat("a").st_ino, b);
      EXPECT_EQ(Lstat("p/b").st_ino, a);
      EXPECT_EQ(Lstat("a").st_mode & S_IFMT, TypeOf(two));
      EXPECT_EQ(Lstat("p/b").st_mode & S_IFMT, TypeOf(one));
      EXPECT_EQ(Lstat("p").st_nlink, one == Kind::kDirectory ? 3u : 2u);
      WORKS(one == Kind::kDirectory ? rmdir("p/b") : unlink("p/b"));
      WORKS(two == Kind::kDirectory ? rmdir("a") : unlink("a"));
    }
  }
}

TEST_F(RenameFlags, ExchangeNeedsBothNames) {
  Put("a");
  FAILS(ENOENT, Exchange("a", "missing"));
  FAILS(ENOENT, Exchange("missing", "a"));
  EXPECT_TRUE(Exists("a"));
}

TEST_F(RenameFlags, ExchangeSwapsNonemptyDirectories) {
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("b", 0755));
  MUST_WORK(mkdir("b/sub", 0755));
  Put("a/1", "1");
  Put("b/sub/2", "2");
  WORKS(Exchange("a", "b"));
  EXPECT_EQ(Get("b/1"), "1");
  EXPECT_EQ(Get("a/sub/2"), "2");
  WORKS(Exchange("a/sub", "b/1"));
  EXPECT_EQ(Get("a/sub"), "1");
  EXPECT_EQ(Get("b/1/2"), "2");
  EXPECT_EQ(Lstat("a").st_nlink, 2u);
  EXPECT_EQ(Lstat("b").st_nlink, 3u);
  EXPECT_EQ(Lstat("b/1/..").st_ino, Lstat("b").st_ino);
}

TEST_F(RenameFlags, ExchangeOfAnAncestorAndItsDescendantFails) {
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("a/b", 0755));
  MUST_WORK(mkdir("a/b/c", 0755));
  Put("a/b/f");
  FAILS(EINVAL, Exchange("a", "a/b"));
  FAILS(EINVAL, Exchange("a", "a/b/c"));
  FAILS(EINVAL, Exchange("a/b/c", "a"));
  FAILS(EINVAL, Exchange("a/b/f", "a"));
  EXPECT_TRUE(Exists("a/b/c"));
}

TEST_F(RenameFlags, ExchangeOfTwoNamesOfOneFileSucceeds) {
  Put("a", "one");
  MUST_WORK(link("a", "b"));
  WORKS(Exchange("a", "b"));
  WORKS(Exchange("a", "a"));
  EXPECT_EQ(Lstat("a").st_nlink, 2u);
  EXPECT_EQ(Get("a"), "one");
}

TEST_F(RenameFlags, ExchangeMarksTheTimesOfBothParents) {
  MUST_WORK(mkdir("p", 0755));
  MUST_WORK(mkdir("q", 0755));
  Put("p/a", "a");
  Put("q/b", "b");
  const Watch p("p"), q("q");
  const timespec mtime = Lstat("p/a").st_mtim;
  WORKS(Exchange("p/a", "q/b"));
  p.Expect(kMtime | kCtime);
  q.Expect(kMtime | kCtime);
  EXPECT_TRUE(Lstat("q/b").st_mtim == mtime);
}

TEST_F(RenameFlags, ExchangeKeepsOpenDescriptorsOnTheirFiles) {
  Put("a", "aaa");
  Put("b", "bbb");
  Fd a(open("a", O_RDWR)), b(open("b", O_RDWR));
  WORKS(Exchange("a", "b"));
  EXPECT_EQ(pwrite(a, "A", 1, 0), 1);
  EXPECT_EQ(pwrite(b, "B", 1, 0), 1);
  EXPECT_EQ(Get("b"), "Aaa");
  EXPECT_EQ(Get("a"), "Bbb");
}

TEST_F(RenameFlags, ContradictoryAndUnknownFlagsAreRefused) {
  Put("a");
  Put("b");
  FAILS(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE | RENAME_EXCHANGE));
  FAILS(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 1U << 30));
  EXPECT_TRUE(Exists("a") && Exists("b"));
}

TEST_F(RenameFlags, WhiteoutIsHonouredOrRefused) {
  NEEDS_ROOT();
  Put("a", "a");
  if (renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_WHITEOUT) == 0) {
    EXPECT_TRUE(S_ISCHR(Lstat("a").st_mode));
    EXPECT_EQ(Lstat("a").st_rdev, 0u);
  } else {
    EXPECT_EQ(ErrorSymbol(errno), "EINVAL");
    EXPECT_FALSE(Exists("b"));
  }
}

TEST_F(RenameFlags, ExchangeNeedsPermissionOnBothSides) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("open", 0777));
  MUST_WORK(mkdir("shut", 0755));
  Put("open/a");
  Put("shut/b");
  FAILS(EACCES, As(kAlice, [] { return Exchange("open/a", "shut/b"); }));
  FAILS(EACCES, As(kAlice, [] { return Exchange("shut/b", "open/a"); }));
  WORKS(chmod("shut", 0777));
  WORKS(As(kAlice, [] { return Exchange("open/a", "shut/b"); }));
}

}  // namespace
}  // namespace metaring::posix
