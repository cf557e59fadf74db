// SPDX-License-Identifier: Apache-2.0
//
// Sticky directories: who may remove, rename and replace. In a sticky directory an entry may be
// removed only by its owner, the directory's owner, or root (POSIX 4.3, unlink(2), rename(2)).
#include <cstdio>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Sticky : public Posix {
 protected:
  // A sticky directory writable by all, owned by Bob, with files of Alice, Bob and Carol.
  void SetUp() override {
    Posix::SetUp();
    if (!Root()) GTEST_SKIP() << "only root can be other users";
    MakeSticky("s");
    MUST_WORK(mkdir("plain", 0777));
  }
  static void MakeSticky(const std::string& path) {
    WORKS(mkdir(path.c_str(), 0777));
    WORKS(chmod(path.c_str(), 01777));
    WORKS(chown(path.c_str(), kBob.uid, kBob.gid));
  }
  static void MakeOwned(const std::string& path, const User& owner, Kind kind = Kind::kFile) {
    MakeKind(kind, path, 0666);
    WORKS(lchown(path.c_str(), owner.uid, owner.gid));
  }
};

// One row for each: who acts, whose entry it is, whether it may go. Bob owns the directory.
struct Row {
  const char* what;
  User actor;
  User owner;
  bool allowed;
};
const Row kRows[] = {
    {"the entry's owner", kAlice, kAlice, true},
    {"a stranger", kAlice, kCarol, false},
    {"a stranger against the directory's owner", kAlice, kBob, false},
    {"the directory's owner", kBob, kAlice, true},
    {"the directory's owner with its own entry", kBob, kBob, true},
    {"a member of the entry's group", kAliceInBobsGroup, kBob, false},
};

std::string Denied(const std::string& outcome) {
  return outcome == "EPERM" || outcome == "EACCES" ? "denied" : outcome;
}

TEST_F(Sticky, UnlinkOfEveryKind) {
  for (const Kind kind : kAllKinds) {
    for (const Row& row : kRows) {
      MakeOwned("s/x", row.owner, kind);
      const bool directory = kind == Kind::kDirectory;
      const int outcome = As(row.actor, [&] { return directory ? rmdir("s/x") : unlink("s/x"); });
      EXPECT_EQ(Denied(OutcomeOf(outcome)), row.allowed ? "success" : "denied")
          << row.what << ", " << NameOf(kind);
      EXPECT_EQ(Exists("s/x"), !row.allowed);
      WORKS(row.allowed ? 0 : directory ? rmdir("s/x") : unlink("s/x"));
    }
  }
}

TEST_F(Sticky, RenameOutOfIt) {
  for (const Row& row : kRows) {
    MakeOwned("s/x", row.owner);
    const int outcome = As(row.actor, [] { return rename("s/x", "plain/x"); });
    EXPECT_EQ(Denied(OutcomeOf(outcome)), row.allowed ? "success" : "denied") << row.what;
    MUST_WORK(unlink(row.allowed ? "plain/x" : "s/x"));
  }
}

TEST_F(Sticky, RenameWithinIt) {
  for (const Row& row : kRows) {
    MakeOwned("s/x", row.owner);
    const int outcome = As(row.actor, [] { return rename("s/x", "s/y"); });
    EXPECT_EQ(Denied(OutcomeOf(outcome)), row.allowed ? "success" : "denied") << row.what;
    MUST_WORK(unlink(row.allowed ? "s/y" : "s/x"));
  }
}

TEST_F(Sticky, RenameOverAnEntryOfIt) {
  for (const Row& row : kRows) {
    MakeOwned("plain/new", row.actor);
    MakeOwned("s/x", row.owner);
    const int outcome = As(row.actor, [] { return rename("plain/new", "s/x"); });
    EXPECT_EQ(Denied(OutcomeOf(outcome)), row.allowed ? "success" : "denied") << row.what;
    WORKS(row.allowed ? 0 : unlink("plain/new"));
    MUST_WORK(unlink("s/x"));
  }
}

TEST_F(Sticky, RenameOfADirectoryOverADirectoryOfIt) {
  for (const Row& row : kRows) {
    MakeOwned("plain/new", row.actor, Kind::kDirectory);
    MakeOwned("s/x", row.owner, Kind::kDirectory);
    const int outcome = As(row.actor, [] { return rename("plain/new", "s/x"); });
    EXPECT_EQ(Denied(OutcomeOf(outcome)), row.allowed ? "success" : "denied") << row.what;
    WORKS(row.allowed ? 0 : rmdir("plain/new"));
    MUST_WORK(rmdir("s/x"));
  }
}

TEST_F(Sticky, ExchangeNeedsTheRightToBoth) {
  for (const Row& row : kRows) {
    MakeOwned("plain/mine", row.actor);
    MakeOwned("s/x", row.owner);
    const int outcome = As(row.actor, [] {
      return renameat2(AT_FDCWD, "plain/mine", AT_FDCWD, "s/x", RENAME_EXCHANGE);
    });
    EXPECT_EQ(Denied(OutcomeOf(outcome)), row.allowed ? "success" : "denied") << row.what;
    MUST_WORK(unlink("plain/mine"));
    MUST_WORK(unlink("s/x"));
  }
}

TEST_F(Sticky, RenameIntoItOnAFreeNameIsFree) {
  MakeOwned("plain/x", kCarol);
  WORKS(As(kAlice, [] { return rename("plain/x", "s/x"); }));
}

TEST_F(Sticky, BetweenTwoNamesOfOneFileOnlyTheRightToTheEntryCounts) {
  MakeOwned("s/x", kAlice);
  MUST_WORK(link("s/x", "s/y"));
  WORKS(As(kAlice, [] { return rename("s/x", "s/y"); }));
  EXPECT_TRUE(Exists("s/x"));
}

TEST_F(Sticky, RootMayDoEverything) {
  MakeOwned("s/x", kAlice);
  WORKS(rename("s/x", "s/y"));
  WORKS(unlink("s/y"));
}

TEST_F(Sticky, TheBitDoesNotMatterOnFilesAndWithoutWritePermission) {
  MUST_WORK(mkdir("closed", 01755));
  MakeOwned("closed/x", kAlice);
  FAILS(EACCES, As(kAlice, [] { return unlink("closed/x"); }));
  MakeOwned("plain/x", kCarol);
  MUST_WORK(chmod("plain/x", 01666));
  WORKS(As(kAlice, [] { return unlink("plain/x"); }));
}

TEST_F(Sticky, HasNoEffectOnEntriesOfSubdirectories) {
  MUST_WORK(mkdir("s/sub", 0777));
  MakeOwned("s/sub/x", kCarol);
  WORKS(As(kAlice, [] { return unlink("s/sub/x"); }));
}

}  // namespace
}  // namespace metaring::posix
