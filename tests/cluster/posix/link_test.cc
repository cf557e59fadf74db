// SPDX-License-Identifier: Apache-2.0
//
// link(2), linkat(2).
#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Link : public Posix {};

TEST_F(Link, GivesOneInodeASecondName) {
  for (const Kind kind : kAllKinds) {
    if (kind == Kind::kDirectory) continue;
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, "a", 0640);
    MUST_WORK(link("a", "b")) << NameOf(kind);
    const struct stat a = Lstat("a"), b = Lstat("b");
    EXPECT_EQ(a.st_ino, b.st_ino) << NameOf(kind);
    EXPECT_EQ(a.st_mode, b.st_mode);
    EXPECT_EQ(a.st_nlink, 2u);
    EXPECT_EQ(b.st_nlink, 2u);
    EXPECT_EQ(a.st_rdev, b.st_rdev);
    MUST_WORK(unlink("a"));
    EXPECT_EQ(Lstat("b").st_nlink, 1u);
    MUST_WORK(unlink("b"));
  }
}

TEST_F(Link, NamesShareContentAndAttributes) {
  MUST_WORK(mkdir("d", 0755));
  Put("a", "one", 0600);
  MUST_WORK(link("a", "d/b"));
  EXPECT_EQ(Get("d/b"), "one");
  Put("d/b", "second", 0640);
  EXPECT_EQ(Get("a"), "second");
  EXPECT_EQ(ModeOf("a"), 0640u);
  WORKS(chmod("a", 0444));
  EXPECT_EQ(ModeOf("d/b"), 0444u);
  WORKS(truncate("a", 2));
  EXPECT_EQ(Get("d/b"), "se");
  const timespec times[2] = {{1000, 1}, {2000, 2}};
  WORKS(utimensat(AT_FDCWD, "d/b", times, 0));
  EXPECT_TRUE(Lstat("a").st_mtim == times[1]);
}

TEST_F(Link, ContentSurvivesAnyOrderOfLinksUnlinksAndRenames) {
  Put("a", std::string(150'000, 'q'));
  MUST_WORK(link("a", "b"));
  MUST_WORK(link("b", "c"));
  EXPECT_EQ(Lstat("a").st_nlink, 3u);
  MUST_WORK(unlink("a"));
  MUST_WORK(rename("b", "a"));
  EXPECT_EQ(Lstat("c").st_nlink, 2u);
  MUST_WORK(unlink("c"));
  EXPECT_EQ(Lstat("a").st_nlink, 1u);
  EXPECT_EQ(Get("a"), std::string(150'000, 'q'));
}

TEST_F(Link, MarksCtimeOfTheFileAndTheTimesOfTheNewParent) {
  MUST_WORK(mkdir("d", 0755));
  Put("a");
  const Watch file("a"), old_parent("."), new_parent("d");
  MUST_WORK(link("a", "d/b"));
  file.Expect(kCtime);
  old_parent.Expect(kNone);
  new_parent.Expect(kMtime | kCtime);
}

TEST_F(Link, RefusesDirectories) {
  MUST_WORK(mkdir("d", 0755));
  FAILS(EPERM, link("d", "e"));
  EXPECT_FALSE(Exists("e"));
}

TEST_F(Link, FailsWhenTheNewNameExists) {
  Put("a");
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(EEXIST, link("a", NameOf(kind))) << NameOf(kind);
  }
  FAILS(EEXIST, link("a", "a"));
  EXPECT_EQ(Lstat("a").st_nlink, 1u);
}

TEST_F(Link, FailsOnMissingNames) {
  Put("a");
  FAILS(ENOENT, link("missing", "b"));
  FAILS(ENOENT, link("a", "missing/b"));
  FAILS(ENOTDIR, link("a", "a/b"));
  FAILS(ENOTDIR, link("a/x", "b"));
  FAILS(ENOENT, link("", "b"));
  FAILS(ENOENT, link("a", ""));
}

TEST_F(Link, TakesASymlinkItselfUnlessAskedToFollow) {
  Put("f");
  MUST_WORK(symlink("f", "l"));
  MUST_WORK(link("l", "m"));
  EXPECT_TRUE(S_ISLNK(Lstat("m").st_mode));
  MUST_WORK(linkat(AT_FDCWD, "l", AT_FDCWD, "g", AT_SYMLINK_FOLLOW));
  EXPECT_EQ(Lstat("g").st_ino, Lstat("f").st_ino);
  FAILS(EINVAL, linkat(AT_FDCWD, "l", AT_FDCWD, "h", 0x8000));
}

TEST_F(Link, NeedsPermissionInBothDirectories) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("closed", 0755));
  MUST_WORK(mkdir("blind", 0700));
  Put("f", "", 0666);
  Put("blind/f", "", 0666);
  WORKS(chown("f", kAlice.uid, kAlice.gid));
  FAILS(EACCES, As(kAlice, [] { return link("f", "closed/g"); }));
  FAILS(EACCES, As(kAlice, [] { return link("blind/f", "g"); }));
  WORKS(As(kAlice, [] { return link("f", "g"); }));
}

TEST_F(Link, ThroughProcOfAnUnlinkedFileFails) {
  Fd fd(open("f", O_CREAT | O_RDWR, 0644));
  MUST_WORK(unlink("f"));
  FAILS(ENOENT, linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, "g",
                       AT_SYMLINK_FOLLOW));
  EXPECT_EQ(Fstat(fd).st_nlink, 0u);
}

TEST_F(Link, ThroughProcOfAnOpenFileWorks) {
  Put("f", "content");
  Fd fd(open("f", O_RDONLY));
  WORKS(linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, "g",
               AT_SYMLINK_FOLLOW));
  EXPECT_EQ(Get("g"), "content");
}

TEST_F(Link, ManyNamesAreCounted) {
  constexpr nlink_t kNames = 500;
  Put("f0", "x");
  for (nlink_t i = 1; i < kNames; ++i) {
    MUST_WORK(link("f0", ("f" + std::to_string(i)).c_str()));
  }
  EXPECT_EQ(Lstat("f250").st_nlink, kNames);
  for (nlink_t i = 0; i + 1 < kNames; ++i) MUST_WORK(unlink(("f" + std::to_string(i)).c_str()));
  EXPECT_EQ(Lstat("f499").st_nlink, 1u);
  EXPECT_EQ(Get("f499"), "x");
}

TEST_F(Link, AnOpenDescriptorSeesTheLinkCount) {
  Fd fd(open("a", O_CREAT | O_RDWR, 0644));
  MUST_WORK(link("a", "b"));
  EXPECT_EQ(Fstat(fd).st_nlink, 2u);
  MUST_WORK(unlink("a"));
  EXPECT_EQ(Fstat(fd).st_nlink, 1u);
  EXPECT_EQ(write(fd, "x", 1), 1);
  EXPECT_EQ(Get("b"), "x");
}

}  // namespace
}  // namespace metaring::posix
