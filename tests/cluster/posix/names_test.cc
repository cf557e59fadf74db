// SPDX-License-Identifier: Apache-2.0
//
// Names and paths: every byte but '/' and NUL, NAME_MAX and PATH_MAX in every call, "." and "..",
// case and Unicode forms kept apart.
#include <sys/xattr.h>

#include <algorithm>
#include <climits>
#include <functional>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Names : public Posix {};

TEST_F(Names, HoldEveryByteButSlashAndNul) {
  std::vector<std::string> names;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    names.push_back(std::string("x") + static_cast<char>(byte));
    if (byte != '.') names.push_back(std::string(1, static_cast<char>(byte)));
  }
  for (const std::string& name : names) Put(name, name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(List("."), names);
  for (const std::string& name : names) {
    EXPECT_EQ(Get(name), name);
    WORKS(rename(name.c_str(), "renamed"));
    WORKS(unlink("renamed"));
  }
}

TEST_F(Names, OfAllBytesTogether) {
  std::string low, high;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') (byte < 128 ? low : high).push_back(static_cast<char>(byte));
  }
  MUST_WORK(mkdir(low.c_str(), 0755));
  Put(low + "/" + high, "both");
  EXPECT_EQ(Get(low + "/" + high), "both");
  EXPECT_EQ(List(low), std::vector<std::string>{high});
}

TEST_F(Names, AreComparedByteByByte) {
  // Case, composed and decomposed Unicode, trailing dots and spaces, malformed UTF-8.
  std::vector<std::string> names = {"name",    "NAME",     "name ",        "name.", "\u00e9",
                                    "e\u0301", "\xc3\x28", "\xf0\x90\x28", "...",   " ",
                                    "-rf",     "a\nb",     "\u65e5\u672c"};
  for (const std::string& name : names) Put(name, name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(List("."), names);
  for (const std::string& name : names) EXPECT_EQ(Get(name), name);
}

TEST_F(Names, Of255BytesWorkInEveryCall) {
  const std::string a(255, 'a'), b(255, 'b'), d(255, 'd');
  Put(a, "x");
  WORKS(link(a.c_str(), b.c_str()));
  WORKS(unlink(a.c_str()));
  WORKS(rename(b.c_str(), a.c_str()));
  WORKS(mkdir(d.c_str(), 0755));
  WORKS(symlink(a.c_str(), (d + "/" + a).c_str()));
  WORKS(mkfifo((d + "/" + b).c_str(), 0644));
  EXPECT_EQ(List(d), (std::vector<std::string>{a, b}));
  WORKS(unlink((d + "/" + a).c_str()));
  WORKS(unlink((d + "/" + b).c_str()));
  WORKS(rmdir(d.c_str()));
}

TEST_F(Names, Of256BytesFailInEveryCall) {
  const std::string name(256, 'n');
  const char* n = name.c_str();
  Put("f");
  struct stat st;
  char buffer[8];
  const timespec times[2] = {};
  const std::pair<const char*, std::function<long()>> calls[] = {
      {"open", [&] { return open(n, O_RDONLY); }},
      {"create", [&] { return open(n, O_CREAT | O_WRONLY, 0644); }},
      {"mkdir", [&] { return mkdir(n, 0755); }},
      {"rmdir", [&] { return rmdir(n); }},
      {"mkfifo", [&] { return mkfifo(n, 0644); }},
      {"link from", [&] { return link(n, "g"); }},
      {"link to", [&] { return link("f", n); }},
      {"symlink", [&] { return symlink("f", n); }},
      {"readlink", [&] { return readlink(n, buffer, sizeof buffer); }},
      {"unlink", [&] { return unlink(n); }},
      {"rename from", [&] { return rename(n, "g"); }},
      {"rename to", [&] { return rename("f", n); }},
      {"stat", [&] { return stat(n, &st); }},
      {"chmod", [&] { return chmod(n, 0644); }},
      {"chown", [&] { return chown(n, 0, 0); }},
      {"truncate", [&] { return truncate(n, 0); }},
      {"utimensat", [&] { return utimensat(AT_FDCWD, n, times, 0); }},
      {"access", [&] { return access(n, F_OK); }},
      {"getxattr", [&] { return getxattr(n, "user.a", buffer, 1); }},
      {"chdir", [&] { return chdir(n); }},
  };
  for (const auto& [what, call] : calls) FAILS(ENAMETOOLONG, call()) << what;
  FAILS(ENAMETOOLONG, open((name + "/f").c_str(), O_RDONLY));
}

TEST_F(Names, PathsEndBeforePathMax) {
  std::string path = "./";
  Put("f");
  while (path.size() < PATH_MAX - 3) path += "./";
  path.resize(PATH_MAX - 2);  // with "f" and NUL: PATH_MAX
  if (path.back() != '/') path.back() = '/';
  struct stat st;
  WORKS(stat((path + "f").c_str(), &st));
  const std::string too_long = path + "/f";
  FAILS(ENAMETOOLONG, stat(too_long.c_str(), &st));
  FAILS(ENAMETOOLONG, open(too_long.c_str(), O_CREAT | O_WRONLY, 0644));
  FAILS(ENAMETOOLONG, mkdir(too_long.c_str(), 0755));
  FAILS(ENAMETOOLONG, rename(too_long.c_str(), "g"));
}

TEST_F(Names, DotDotSlashesAndDotsResolve) {
  MUST_WORK(mkdir("d", 0755));
  Put("d/f", "x");
  EXPECT_EQ(Get("d//f"), "x");
  EXPECT_EQ(Get("./d/./f"), "x");
  EXPECT_EQ(Get("d/../d/f"), "x");
  EXPECT_EQ(Lstat("d/.").st_ino, Lstat("d").st_ino);
  EXPECT_EQ(Lstat("d/..").st_ino, Lstat(".").st_ino);
  FAILS(ENOENT, open("missing/../d/f", O_RDONLY));
}

TEST_F(Names, OfRemovedObjectsCanBeAnyKindAgain) {
  for (const Kind first : kAllKinds) {
    for (const Kind second : kAllKinds) {
      if (!Root()) break;
      for (const Kind kind : {first, second}) {
        MakeKind(kind, "x");
        EXPECT_EQ(Lstat("x").st_mode & S_IFMT, TypeOf(kind));
        MUST_WORK(kind == Kind::kDirectory ? rmdir("x") : unlink("x"));
        EXPECT_FALSE(Exists("x"));
      }
    }
  }
}

TEST_F(Names, GetcwdFollowsRenames) {
  MUST_WORK(mkdir("a", 0755));
  MUST_WORK(mkdir("a/b", 0755));
  Fd back(open(".", O_RDONLY | O_DIRECTORY));
  MUST_WORK(chdir("a/b"));
  MUST_WORK(rename("../../a", "../../z"));
  char path[PATH_MAX];
  ASSERT_NE(getcwd(path, sizeof path), nullptr);
  const std::string cwd = path;
  EXPECT_EQ(cwd.substr(cwd.size() - 4), "/z/b");
  Put("f");
  MUST_WORK(fchdir(back));
  EXPECT_TRUE(Exists("z/b/f"));
}

}  // namespace
}  // namespace metaring::posix
