// SPDX-License-Identifier: Apache-2.0
//
// setxattr(2), getxattr(2), listxattr(2), removexattr(2) and xattr(7): namespaces, flags, limits.
#include <sys/xattr.h>

#include <algorithm>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Xattr : public Posix {};

int SetX(const char* path, const std::string& name, std::string_view value, int flags = 0) {
  return lsetxattr(path, name.c_str(), value.data(), value.size(), flags);
}

std::string GetX(const char* path, const std::string& name) {
  std::string value(1 << 17, '?');
  const ssize_t n = lgetxattr(path, name.c_str(), value.data(), value.size());
  WORKS(n) << name;
  value.resize(n < 0 ? 0 : n);
  return value;
}

std::vector<std::string> ListX(const char* path) {
  std::string list(1 << 17, '?');
  const ssize_t n = llistxattr(path, list.data(), list.size());
  WORKS(n) << path;
  std::vector<std::string> names;
  for (size_t at = 0; n > 0 && at < static_cast<size_t>(n); at += names.back().size() + 1) {
    names.emplace_back(list.c_str() + at);
  }
  names.erase(std::remove(names.begin(), names.end(), "security.selinux"), names.end());
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(Xattr, HoldAnyBytesOnFilesAndDirectories) {
  Put("f");
  MUST_WORK(mkdir("d", 0755));
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (const char* path : {"f", "d"}) {
    WORKS(SetX(path, "user.bytes", bytes));
    EXPECT_EQ(GetX(path, "user.bytes"), bytes);
    WORKS(SetX(path, "user.empty", ""));
    EXPECT_EQ(GetX(path, "user.empty"), "");
    EXPECT_EQ(ListX(path), (std::vector<std::string>{"user.bytes", "user.empty"}));
    WORKS(SetX(path, "user.bytes", "shorter"));
    EXPECT_EQ(GetX(path, "user.bytes"), "shorter");
    WORKS(lremovexattr(path, "user.empty"));
    EXPECT_EQ(ListX(path), std::vector<std::string>{"user.bytes"});
  }
}

TEST_F(Xattr, CreateAndReplaceAreHonoured) {
  Put("f");
  FAILS(ENODATA, SetX("f", "user.a", "1", XATTR_REPLACE));
  WORKS(SetX("f", "user.a", "1", XATTR_CREATE));
  FAILS(EEXIST, SetX("f", "user.a", "2", XATTR_CREATE));
  EXPECT_EQ(GetX("f", "user.a"), "1");
  WORKS(SetX("f", "user.a", "3", XATTR_REPLACE));
  EXPECT_EQ(GetX("f", "user.a"), "3");
  FAILS(EINVAL, SetX("f", "user.a", "4", 0x80));
}

TEST_F(Xattr, MissingOnesAreNoData) {
  Put("f");
  char byte = 0;
  FAILS(ENODATA, getxattr("f", "user.none", &byte, 1));
  FAILS(ENODATA, getxattr("f", "user.none", nullptr, 0));
  FAILS(ENODATA, removexattr("f", "user.none"));
  EXPECT_EQ(listxattr("f", nullptr, 0), 0);
}

TEST_F(Xattr, SizeQueriesAndShortBuffers) {
  Put("f");
  MUST_WORK(SetX("f", "user.a", "12345"));
  char buffer[64];
  EXPECT_EQ(getxattr("f", "user.a", nullptr, 0), 5);
  FAILS(ERANGE, getxattr("f", "user.a", buffer, 4));
  EXPECT_EQ(getxattr("f", "user.a", buffer, 5), 5);
  EXPECT_EQ(listxattr("f", nullptr, 0), 7);
  FAILS(ERANGE, listxattr("f", buffer, 6));
  EXPECT_EQ(listxattr("f", buffer, 7), 7);
  EXPECT_EQ(std::string(buffer, 7), std::string("user.a\0", 7));
}

TEST_F(Xattr, NamesEndAt255Bytes) {
  Put("f");
  const std::string longest = "user." + std::string(250, 'n');
  WORKS(SetX("f", longest, "v"));
  EXPECT_EQ(GetX("f", longest), "v");
  EXPECT_EQ(ListX("f"), std::vector<std::string>{longest});
  WORKS(lremovexattr("f", longest.c_str()));
  FAILS(ERANGE, SetX("f", longest + "n", "v"));
  FAILS(ERANGE, lgetxattr("f", (longest + "n").c_str(), nullptr, 0));
  FAILS(ERANGE, lremovexattr("f", (longest + "n").c_str()));
  FAILS(ERANGE, SetX("f", "", "v"));
}

TEST_F(Xattr, ValuesEndAt64KiB) {
  Put("f");
  FAILS(E2BIG, SetX("f", "user.a", std::string(65'537, 'v')));
  EXPECT_TRUE(ListX("f").empty());
  NEEDS_FEATURE("large_xattrs");
  MUST_WORK(mkdir("d", 0755));
  for (const char* path : {"f", "d"}) {
    for (const size_t size : {2000, 4096, 16'384, 65'535, 65'536, 10, 65'536}) {
      const std::string value(size, static_cast<char>('a' + size % 26));
      WORKS(SetX(path, "user.a", value)) << size;
      EXPECT_TRUE(GetX(path, "user.a") == value) << size;
      EXPECT_EQ(lgetxattr(path, "user.a", nullptr, 0), static_cast<ssize_t>(size));
    }
    WORKS(SetX(path, "user.b", std::string(65'536, 'b')));
    WORKS(SetX(path, "user.a", std::string(65'536, 'c'), XATTR_REPLACE));
    FAILS(EEXIST, SetX(path, "user.b", std::string(65'536, 'c'), XATTR_CREATE));
    EXPECT_EQ(ListX(path), (std::vector<std::string>{"user.a", "user.b"}));
    WORKS(lremovexattr(path, "user.a"));
    EXPECT_EQ(GetX(path, "user.b"), std::string(65'536, 'b'));
    WORKS(lremovexattr(path, "user.b"));
    EXPECT_TRUE(ListX(path).empty());
  }
}

TEST_F(Xattr, LargeOnesFollowRenameLinkAndOpenUnlink) {
  NEEDS_FEATURE("large_xattrs");
  MUST_WORK(mkdir("d", 0755));
  Put("f");
  const std::string value(50'000, 'v');
  MUST_WORK(SetX("f", "user.large", value));
  MUST_WORK(rename("f", "d/g"));
  EXPECT_EQ(GetX("d/g", "user.large"), value);
  MUST_WORK(link("d/g", "h"));
  EXPECT_EQ(GetX("h", "user.large"), value);
  Fd fd(open("h", O_RDWR));
  MUST_WORK(unlink("d/g"));
  MUST_WORK(unlink("h"));
  std::string read_back(60'000, '?');
  EXPECT_EQ(fgetxattr(fd, "user.large", read_back.data(), read_back.size()), 50'000);
  WORKS(fsetxattr(fd, "user.large", "small", 5, 0));
  EXPECT_EQ(fgetxattr(fd, "user.large", read_back.data(), read_back.size()), 5);
}

TEST_F(Xattr, ManySmallOnes) {
  const int count = HasFeature("large_xattrs") ? 500 : 40;
  Put("f");
  std::vector<std::string> expected;
  for (int i = 0; i < count; ++i) {
    expected.push_back("user.name-" + std::to_string(i));
    MUST_WORK(SetX("f", expected.back(), std::to_string(i * i)));
  }
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(ListX("f"), expected);
  EXPECT_EQ(GetX("f", "user.name-7"), "49");
  for (const std::string& name : expected) MUST_WORK(lremovexattr("f", name.c_str()));
  EXPECT_TRUE(ListX("f").empty());
}

TEST_F(Xattr, AFullFileGivesNoSpaceAndKeepsWhatItHas) {
  Put("f");
  int stored = 0;
  std::string outcome = "success";
  while (stored < 1000) {
    outcome = OutcomeOf(SetX("f", "user." + std::to_string(stored), std::string(1000, 'v')));
    if (outcome != "success") break;
    ++stored;
  }
  EXPECT_TRUE(outcome == "ENOSPC" || outcome == "success") << outcome;
  EXPECT_EQ(ListX("f").size(), static_cast<size_t>(stored));
  WORKS(lremovexattr("f", "user.0"));
}

TEST_F(Xattr, UserAttributesAreForFilesAndDirectoriesOnly) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    if (kind == Kind::kFile || kind == Kind::kDirectory) {
      WORKS(SetX(NameOf(kind), "user.a", "1"));
    } else {
      FAILS(EPERM, SetX(NameOf(kind), "user.a", "1")) << NameOf(kind);
    }
  }
}

TEST_F(Xattr, TrustedAndSecurityWorkOnEveryKind) {
  NEEDS_ROOT();
  for (const Kind kind : kAllKinds) {
    MakeKind(kind, NameOf(kind));
    WORKS(SetX(NameOf(kind), "trusted.t", "1")) << NameOf(kind);
    WORKS(SetX(NameOf(kind), "security.s", "2")) << NameOf(kind);
    EXPECT_EQ(GetX(NameOf(kind), "trusted.t"), "1");
    EXPECT_EQ(ListX(NameOf(kind)), (std::vector<std::string>{"security.s", "trusted.t"}));
  }
}

TEST_F(Xattr, TrustedIsHiddenFromTheUnprivileged) {
  NEEDS_ROOT();
  Put("f", "", 0666);
  MUST_WORK(SetX("f", "trusted.t", "1"));
  FAILS(EPERM, As(kAlice, [] { return SetX("f", "trusted.t", "2"); }));
  FAILS(ENODATA, As(kAlice, [] { return lgetxattr("f", "trusted.t", nullptr, 0); }));
  FAILS(EPERM, As(kAlice, [] { return lremovexattr("f", "trusted.t"); }));
  FAILS(EPERM, As(kAlice, [] { return SetX("f", "security.s", "2"); }));
  EXPECT_EQ(GetX("f", "trusted.t"), "1");
}

TEST_F(Xattr, UnknownNamespacesAreNotSupported) {
  Put("f");
  FAILS(EOPNOTSUPP, SetX("f", "nonsense.a", "1"));
  FAILS(EOPNOTSUPP, SetX("f", "plain", "1"));
  FAILS(EOPNOTSUPP, lgetxattr("f", "nonsense.a", nullptr, 0));
  const std::string bare = OutcomeOf(SetX("f", "user.", "1"));
  EXPECT_TRUE(bare == "EINVAL" || bare == "EOPNOTSUPP") << bare;
}

TEST_F(Xattr, UserAttributesNeedTheFilesPermissions) {
  NEEDS_ROOT();
  Put("f", "", 0644);
  MUST_WORK(SetX("f", "user.a", "1"));
  WORKS(As(kAlice, [] { return lgetxattr("f", "user.a", nullptr, 0); }));
  FAILS(EACCES, As(kAlice, [] { return SetX("f", "user.a", "2"); }));
  FAILS(EACCES, As(kAlice, [] { return lremovexattr("f", "user.a"); }));
  MUST_WORK(chmod("f", 0622));
  FAILS(EACCES, As(kAlice, [] { return lgetxattr("f", "user.a", nullptr, 0); }));
  WORKS(As(kAlice, [] { return SetX("f", "user.a", "2"); }));
}

TEST_F(Xattr, InAStickyDirectoryUserAttributesAreTheOwners) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0777));
  MUST_WORK(chmod("d", 01777));
  FAILS(EPERM, As(kAlice, [] { return SetX("d", "user.a", "1"); }));
  MUST_WORK(chown("d", kAlice.uid, kAlice.gid));
  WORKS(As(kAlice, [] { return SetX("d", "user.a", "1"); }));
}

TEST_F(Xattr, MarkCtimeAlone) {
  Put("f");
  {
    const Watch file("f"), parent(".");
    MUST_WORK(SetX("f", "user.a", "1"));
    file.Expect(kCtime, "set");
    parent.Expect(kNone);
  }
  {
    const Watch file("f");
    GetX("f", "user.a");
    ListX("f");
    file.Expect(kNone, "get");
  }
  const Watch file("f");
  MUST_WORK(lremovexattr("f", "user.a"));
  file.Expect(kCtime, "remove");
}

TEST_F(Xattr, DescriptorsAndPathsSeeTheSame) {
  Put("f");
  MUST_WORK(symlink("f", "l"));
  Fd fd(open("f", O_RDONLY));
  WORKS(fsetxattr(fd, "user.a", "1", 1, 0));
  EXPECT_EQ(GetX("f", "user.a"), "1");
  WORKS(setxattr("l", "user.b", "2", 1, 0));
  EXPECT_EQ(GetX("f", "user.b"), "2");
  WORKS(fremovexattr(fd, "user.a"));
  EXPECT_EQ(ListX("f"), std::vector<std::string>{"user.b"});
}

TEST_F(Xattr, SurviveEveryOtherChange) {
  Put("f", "content");
  MUST_WORK(SetX("f", "user.a", "kept"));
  MUST_WORK(chmod("f", 0600));
  MUST_WORK(truncate("f", 100'000));
  Fd fd(open("f", O_WRONLY | O_TRUNC));
  EXPECT_EQ(write(fd, "new", 3), 3);
  WORKS(fsync(fd));
  MUST_WORK(link("f", "g"));
  MUST_WORK(unlink("f"));
  EXPECT_EQ(GetX("g", "user.a"), "kept");
}

TEST_F(Xattr, FailOnMissingFiles) {
  FAILS(ENOENT, SetX("missing", "user.a", "1"));
  FAILS(ENOENT, lgetxattr("missing", "user.a", nullptr, 0));
  FAILS(ENOENT, llistxattr("missing", nullptr, 0));
  FAILS(ENOENT, lremovexattr("missing", "user.a"));
}

TEST_F(Xattr, CapabilitiesGoWithAWrite) {
  NEEDS_ROOT();
  Put("f", "content", 0755);
  // VFS_CAP_REVISION_2, cap_net_raw permitted.
  const std::string capability("\0\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  MUST_WORK(SetX("f", "security.capability", capability));
  EXPECT_EQ(GetX("f", "security.capability").size(), 20u);
  Fd fd(open("f", O_WRONLY));
  EXPECT_EQ(write(fd, "x", 1), 1);
  FAILS(ENODATA, lgetxattr("f", "security.capability", nullptr, 0));
}

}  // namespace
}  // namespace metaring::posix
