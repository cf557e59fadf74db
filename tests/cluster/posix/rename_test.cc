// SPDX-License-Identifier: Apache-2.0
//
// rename(2), renameat(2): every pair of types, loops, hard links, times, permissions.
#include <sys/wait.h>

#include <utility>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Rename : public Posix {
 protected:
  static bool Usable(Kind kind) {
    return Root() || (kind != Kind::kCharacter && kind != Kind::kBlock);
  }
  static void Remove(const char* path) {
    if (unlink(path) != 0) rmdir(path);
  }
};

TEST_F(Rename, MovesEveryKindWithinAndAcrossDirectories) {
  MUST_WORK(mkdir("p", 0755));
  MUST_WORK(mkdir("q", 0755));
  for (const Kind kind : kAllKinds) {
    if (!Usable(kind)) continue;
    MakeKind(kind, "p/x", 0640);
    const struct stat before = Lstat("p/x");
    for (const auto& [from, to] : {std::pair{"p/x", "p/y"}, {"p/y", "q/y"}, {"q/y", "q/x"}}) {
      MUST_WORK(rename(from, to)) << NameOf(kind);
      EXPECT_FALSE(Exists(from)) << NameOf(kind);
      const struct stat after = Lstat(to);
      EXPECT_EQ(after.st_ino, before.st_ino) << NameOf(kind);
      EXPECT_EQ(after.st_mode, before.st_mode);
      EXPECT_EQ(after.st_rdev, before.st_rdev);
      EXPECT_EQ(after.st_nlink, before.st_nlink);
      EXPECT_TRUE(after.st_mtim == before.st_mtim);
    }
    Remove("q/x");
  }
}

TEST_F(Rename, OverEveryPairOfKinds) {
  for (const Kind from : kAllKinds) {
    for (const Kind to : kAllKinds) {
      if (!Usable(from) || !Usable(to)) continue;
      SCOPED_TRACE(std::string(NameOf(from)) + " over " + NameOf(to));
      MakeKind(from, "from");
      MakeKind(to, "to");
      const ino_t ino = Lstat("from").st_ino;
      const bool from_directory = from == Kind::kDirectory, to_directory = to == Kind::kDirectory;
      if (from_directory && !to_directory) {
        FAILS(ENOTDIR, rename("from", "to"));
      } else if (!from_directory && to_directory) {
        FAILS(EISDIR, rename("from", "to"));
      } else {
        WORKS(rename("from", "to"));
        EXPECT_FALSE(Exists("from"));
        EXPECT_EQ(Lstat("to").st_ino, ino);
        EXPECT_EQ(Lstat("to").st_mode & S_IFMT, TypeOf(from));
      }
      Remove("from");
      Remove("to");
    }
  }
}

TEST_F(Rename, OverANonemptyDirectoryFails) {
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("b", 0755));
  Put("a/f", "keep");
  Put("b/f");
  const std::string outcome = OutcomeOf(rename("a", "b"));
  EXPECT_TRUE(outcome == "ENOTEMPTY" || outcome == "EEXIST") << outcome;
  EXPECT_EQ(Get("a/f"), "keep");
  MUST_WORK(unlink("b/f"));
  WORKS(rename("a", "b"));
  EXPECT_EQ(Get("b/f"), "keep");
}

TEST_F(Rename, OfADirectoryIntoItselfFails) {
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("a/b", 0755));
  MUST_WORK(mkdir("a/b/c", 0755));
  FAILS(EINVAL, rename("a", "a/x"));
  FAILS(EINVAL, rename("a", "a/b/x"));
  FAILS(EINVAL, rename("a", "a/b/c/x"));
  FAILS(EINVAL, rename("a", "a/b"));
  FAILS(EINVAL, rename("a", "a/b/c"));
  EXPECT_TRUE(Exists("a/b/c"));
}

TEST_F(Rename, OverAnAncestorFails) {
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("a/b", 0755));
  Put("a/b/f");
  const std::string outcome = OutcomeOf(rename("a/b", "a"));
  EXPECT_TRUE(outcome == "ENOTEMPTY" || outcome == "EEXIST") << outcome;
  const std::string file = OutcomeOf(rename("a/b/f", "a"));
  EXPECT_TRUE(file == "EISDIR" || file == "ENOTEMPTY") << file;
}

TEST_F(Rename, OfDotAndDotDotFails) {
  MUST_WORK(mkdir("d", 0755));
  auto busy = [](const std::string& outcome) { return outcome == "EBUSY" || outcome == "EINVAL"; };
  EXPECT_PRED1(busy, OutcomeOf(rename("d/.", "e")));
  EXPECT_PRED1(busy, OutcomeOf(rename("d/..", "e")));
  EXPECT_PRED1(busy, OutcomeOf(rename("d", "d/.")));
}

TEST_F(Rename, OfANameToItselfDoesNothing) {
  Put("f", "same");
  MUST_WORK(mkdir("d", 0755));
  const Watch file("f"), parent(".");
  WORKS(rename("f", "f"));
  WORKS(rename("d", "d"));
  file.Expect(kNone);
  parent.Expect(kNone);
}

TEST_F(Rename, BetweenTwoNamesOfOneFileDoesNothing) {
  MUST_WORK(mkdir("d", 0755));
  Put("a", "linked");
  MUST_WORK(link("a", "b"));
  MUST_WORK(link("a", "d/c"));
  const Watch file("a"), parent("."), other("d");
  WORKS(rename("a", "b"));
  WORKS(rename("a", "d/c"));
  EXPECT_EQ(Lstat("a").st_nlink, 3u);
  EXPECT_TRUE(Exists("b") && Exists("d/c"));
  file.Expect(kNone);
  parent.Expect(kNone);
  other.Expect(kNone);
}

TEST_F(Rename, MarksTheTimesOfBothParents) {
  MUST_WORK(mkdir("p", 0755));
  MUST_WORK(mkdir("q", 0755));
  Put("p/f");
  const Watch p("p"), q("q");
  MUST_WORK(rename("p/f", "q/f"));
  p.Expect(kMtime | kCtime);
  q.Expect(kMtime | kCtime);
}

TEST_F(Rename, LeavesMtimeAndAtimeOfTheObject) {
  Put("f", "x");
  const struct stat before = Lstat("f");
  Tick();
  MUST_WORK(rename("f", "g"));
  const struct stat after = Lstat("g");
  EXPECT_TRUE(before.st_mtim == after.st_mtim);
  EXPECT_TRUE(before.st_atim == after.st_atim);
}

TEST_F(Rename, OfADirectoryMovesItsLinkToTheNewParent) {
  MUST_WORK(mkdir("p", 0755));
  MUST_WORK(mkdir("q", 0755));
  MUST_WORK(mkdir("p/d", 0755));
  MUST_WORK(rename("p/d", "q/d"));
  EXPECT_EQ(Lstat("p").st_nlink, 2u);
  EXPECT_EQ(Lstat("q").st_nlink, 3u);
  EXPECT_EQ(Lstat("q/d/..").st_ino, Lstat("q").st_ino);
  MUST_WORK(mkdir("q/e", 0755));
  MUST_WORK(rename("q/d", "q/e"));
  EXPECT_EQ(Lstat("q").st_nlink, 3u);
}

TEST_F(Rename, OverAFileDropsItsLink) {
  Put("a", "a");
  Put("b", "b");
  MUST_WORK(link("b", "c"));
  const Watch other("c");
  MUST_WORK(rename("a", "b"));
  EXPECT_EQ(Lstat("c").st_nlink, 1u);
  other.Expect(kCtime);
  EXPECT_EQ(Get("c"), "b");
  EXPECT_EQ(Get("b"), "a");
}

TEST_F(Rename, OfAFileWithASecondNameKeepsIt) {
  MUST_WORK(mkdir("d", 0755));
  Put("a", "two names");
  MUST_WORK(link("a", "b"));
  MUST_WORK(rename("a", "d/c"));
  EXPECT_EQ(Lstat("b").st_ino, Lstat("d/c").st_ino);
  EXPECT_EQ(Lstat("b").st_nlink, 2u);
  EXPECT_EQ(Get("d/c"), "two names");
}

TEST_F(Rename, FailsOnMissingNames) {
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  FAILS(ENOENT, rename("missing", "x"));
  FAILS(ENOENT, rename("f", "missing/x"));
  FAILS(ENOENT, rename("missing/f", "x"));
  FAILS(ENOENT, rename("", "x"));
  FAILS(ENOENT, rename("f", ""));
  FAILS(ENOTDIR, rename("f/x", "y"));
  FAILS(ENOTDIR, rename("d", "f/y"));
  FAILS(ENOTDIR, rename("f", "x/"));
  WORKS(rename("d", "e/"));
}

TEST_F(Rename, ActsOnSymlinksThemselves) {
  Put("f", "target");
  MUST_WORK(symlink("f", "l"));
  Put("g", "g");
  MUST_WORK(rename("l", "m"));
  EXPECT_TRUE(S_ISLNK(Lstat("m").st_mode));
  MUST_WORK(rename("g", "m"));
  EXPECT_EQ(Get("m"), "g");
  EXPECT_EQ(Get("f"), "target");
}

TEST_F(Rename, OfATreeTakesItsContent) {
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("a/b", 0755));
  MUST_WORK(mkdir("to", 0755));
  Put("a/b/f", "deep");
  Fd open_file(open("a/b/f", O_RDWR)), open_directory(open("a/b", O_RDONLY | O_DIRECTORY));
  MUST_WORK(rename("a", "to/z"));
  EXPECT_EQ(Get("to/z/b/f"), "deep");
  FAILS(ENOENT, open("a/b/f", O_RDONLY));
  EXPECT_EQ(pwrite(open_file, "D", 1, 0), 1);
  EXPECT_EQ(Get("to/z/b/f"), "Deep");
  Fd fresh(openat(open_directory, "new", O_CREAT | O_WRONLY, 0644));
  EXPECT_TRUE(Exists("to/z/b/new"));
}

TEST_F(Rename, OfAnOpenFileKeepsItsDescriptor) {
  MUST_WORK(mkdir("d", 0755));
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  EXPECT_EQ(write(fd, "one", 3), 3);
  MUST_WORK(rename("f", "d/g"));
  EXPECT_EQ(write(fd, "two", 3), 3);
  WORKS(fsync(fd));
  WORKS(fchmod(fd, 0600));
  EXPECT_EQ(Get("d/g"), "onetwo");
  EXPECT_EQ(ModeOf("d/g"), 0600u);
  EXPECT_EQ(Fstat(fd).st_nlink, 1u);
}

TEST_F(Rename, NeedsPermissionInBothParents) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("open", 0777));
  MUST_WORK(mkdir("shut", 0755));
  Put("open/f");
  Put("shut/f");
  FAILS(EACCES, As(kAlice, [] { return rename("open/f", "shut/g"); }));
  FAILS(EACCES, As(kAlice, [] { return rename("shut/f", "open/g"); }));
  FAILS(EACCES, As(kAlice, [] { return rename("shut/f", "shut/g"); }));
  WORKS(As(kAlice, [] { return rename("open/f", "open/g"); }));
  WORKS(chmod("open", 0776));
  FAILS(EACCES, As(kAlice, [] { return rename("open/g", "open/f"); }));
}

TEST_F(Rename, OfADirectoryToAnotherParentNeedsWritePermissionOnIt) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("p", 0777));
  MUST_WORK(mkdir("q", 0777));
  MUST_WORK(mkdir("p/d", 0755));
  FAILS(EACCES, As(kAlice, [] { return rename("p/d", "q/d"); }));
  WORKS(As(kAlice, [] { return rename("p/d", "p/e"); }));
  WORKS(chmod("p/e", 0777));
  WORKS(As(kAlice, [] { return rename("p/e", "q/d"); }));
}

TEST_F(Rename, IsAtomicForReadersOfTheNewName) {
  Put("f", "0");
  const pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < 300; ++i) {
      Put("t", "1");
      if (rename("t", "f") != 0) _exit(1);
    }
    _exit(0);
  }
  int missing = 0;
  for (int i = 0; i < 300; ++i) missing += access("f", F_OK) != 0;
  int status = 1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(missing, 0);
}

}  // namespace
}  // namespace metaring::posix
