// SPDX-License-Identifier: Apache-2.0
//
// readdir(3), telldir(3), seekdir(3), rewinddir(3): each name once, cookies that stay good.
#include <dirent.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Readdir : public Posix {
 protected:
  static void Fill(const std::string& path, int count) {
    for (int i = 0; i < count; ++i) Put(path + "/" + NameOfEntry(i));
  }
  static std::string NameOfEntry(int i) { return "entry-" + std::to_string(i); }
};

struct CloseStream {
  void operator()(DIR* stream) const { closedir(stream); }
};
using Stream = std::unique_ptr<DIR, CloseStream>;

Stream Open(const char* path) {
  Stream stream(opendir(path));
  EXPECT_NE(stream, nullptr) << path;
  return stream;
}

// The next name, "" at the end.
std::string Next(const Stream& stream) {
  errno = 0;
  const dirent* entry = readdir(stream.get());
  EXPECT_EQ(errno, 0);
  return entry != nullptr ? entry->d_name : "";
}

std::map<std::string, int> CountRest(const Stream& stream) {
  std::map<std::string, int> counts;
  for (std::string name = Next(stream); !name.empty(); name = Next(stream)) ++counts[name];
  return counts;
}

TEST_F(Readdir, AnEmptyDirectoryHasDotAndDotDot) {
  MUST_WORK(mkdir("d", 0755));
  const Stream stream = Open("d");
  EXPECT_EQ(CountRest(stream), (std::map<std::string, int>{{".", 1}, {"..", 1}}));
}

TEST_F(Readdir, GivesEachNameOnceWhateverTheSize) {
  for (const int count : {1, 10, 100, 3000}) {
    const std::string path = "d" + std::to_string(count);
    MUST_WORK(mkdir(path.c_str(), 0755));
    Fill(path, count);
    const Stream stream = Open(path.c_str());
    const auto counts = CountRest(stream);
    EXPECT_EQ(counts.size(), static_cast<size_t>(count) + 2);
    for (const auto& [name, times] : counts) EXPECT_EQ(times, 1) << name;
    EXPECT_EQ(Next(stream), "");
  }
}

TEST_F(Readdir, GivesInodeNumberAndType) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0755));
  for (const Kind kind : kAllKinds) MakeKind(kind, std::string("d/") + NameOf(kind));
  const Stream stream = Open("d");
  int seen = 0;
  while (const dirent* entry = readdir(stream.get())) {
    const struct stat st = Lstat(std::string("d/") + entry->d_name);
    EXPECT_EQ(entry->d_ino, st.st_ino) << entry->d_name;
    if (entry->d_type != DT_UNKNOWN) {
      EXPECT_EQ(DTTOIF(entry->d_type), st.st_mode & S_IFMT) << entry->d_name;
    }
    ++seen;
  }
  EXPECT_EQ(seen, 9);
}

TEST_F(Readdir, NumbersOfHardLinksAreEqual) {
  MUST_WORK(mkdir("d", 0755));
  Put("d/a");
  MUST_WORK(link("d/a", "d/b"));
  const Stream stream = Open("d");
  std::map<std::string, ino_t> numbers;
  while (const dirent* entry = readdir(stream.get())) numbers[entry->d_name] = entry->d_ino;
  EXPECT_EQ(numbers["a"], numbers["b"]);
  EXPECT_EQ(numbers["a"], Lstat("d/a").st_ino);
}

TEST_F(Readdir, DotDotIsTheParentAlsoAfterARename) {
  MUST_WORK(mkdir("p", 0755));
  MUST_WORK(mkdir("q", 0755));
  MUST_WORK(mkdir("p/d", 0755));
  auto parent_of = [](const char* path) {
    const Stream stream = Open(path);
    ino_t number = 0;
    while (const dirent* entry = readdir(stream.get())) {
      if (std::string(entry->d_name) == "..") number = entry->d_ino;
    }
    return number;
  };
  EXPECT_EQ(parent_of("p/d"), Lstat("p").st_ino);
  EXPECT_EQ(Lstat("p/d/..").st_ino, Lstat("p").st_ino);
  MUST_WORK(rename("p/d", "q/e"));
  EXPECT_EQ(parent_of("q/e"), Lstat("q").st_ino);
  EXPECT_EQ(Lstat("q/e/..").st_ino, Lstat("q").st_ino);
}

TEST_F(Readdir, RewindStartsAgainAndSeesChanges) {
  MUST_WORK(mkdir("d", 0755));
  Fill("d", 20);
  const Stream stream = Open("d");
  EXPECT_EQ(CountRest(stream).size(), 22u);
  Put("d/late");
  MUST_WORK(unlink("d/entry-3"));
  rewinddir(stream.get());
  const auto counts = CountRest(stream);
  EXPECT_EQ(counts.size(), 22u);
  EXPECT_EQ(counts.count("late"), 1u);
  EXPECT_EQ(counts.count("entry-3"), 0u);
}

TEST_F(Readdir, TelldirAndSeekdirReturnToEveryPosition) {
  MUST_WORK(mkdir("d", 0755));
  Fill("d", 300);
  const Stream stream = Open("d");
  std::vector<std::pair<long, std::string>> positions;
  for (;;) {
    const long at = telldir(stream.get());
    const std::string name = Next(stream);
    positions.emplace_back(at, name);
    if (name.empty()) break;
  }
  std::reverse(positions.begin(), positions.end());
  for (const auto& [at, name] : positions) {
    seekdir(stream.get(), at);
    EXPECT_EQ(Next(stream), name);
  }
}

TEST_F(Readdir, CookiesStayGoodWhileOtherNamesComeAndGo) {
  constexpr int kCount = 500;
  MUST_WORK(mkdir("d", 0755));
  Fill("d", kCount);
  const Stream stream = Open("d");
  std::set<std::string> first;
  for (int i = 0; i < 200; ++i) first.insert(Next(stream));
  const long middle = telldir(stream.get());
  std::set<std::string> rest;
  for (const auto& [name, count] : CountRest(stream)) rest.insert(name);
  // Remove half of what was read and a third of what was not, and add others.
  std::set<std::string> removed;
  int i = 0;
  for (const std::string& name : first) {
    if (name[0] != '.' && ++i % 2 == 0) removed.insert(name);
  }
  for (const std::string& name : rest) {
    if (name[0] != '.' && ++i % 3 == 0) removed.insert(name);
  }
  for (const std::string& name : removed) MUST_WORK(unlink(("d/" + name).c_str()));
  for (int n = 0; n < 200; ++n) Put("d/added-" + std::to_string(n));
  seekdir(stream.get(), middle);
  const auto again = CountRest(stream);
  for (const auto& [name, count] : again) {
    EXPECT_EQ(count, 1) << name;
    EXPECT_EQ(first.count(name), 0u) << name << " was given a second time";
  }
  for (const std::string& name : rest) {
    if (removed.count(name) == 0) {
      EXPECT_EQ(again.count(name), 1u) << name << " was lost";
    }
  }
}

TEST_F(Readdir, RemovingEachNameAsItIsReadEmptiesTheDirectory) {
  MUST_WORK(mkdir("d", 0755));
  Fill("d", 1000);
  const Stream stream = Open("d");
  int removed = 0;
  for (std::string name = Next(stream); !name.empty(); name = Next(stream)) {
    if (name == "." || name == "..") continue;
    MUST_WORK(unlink(("d/" + name).c_str()));
    ++removed;
  }
  EXPECT_EQ(removed, 1000);
  WORKS(rmdir("d"));
}

TEST_F(Readdir, NamesThatStayAreGivenWhileAnotherProcessChangesTheRest) {
  MUST_WORK(mkdir("d", 0755));
  Fill("d", 400);
  const pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < 400; ++i) {
      const std::string path = "d/other-" + std::to_string(i % 50);
      if (i % 100 < 50) {
        Put(path);
      } else {
        unlink(path.c_str());
      }
    }
    _exit(0);
  }
  for (int round = 0; round < 5; ++round) {
    const Stream stream = Open("d");
    const auto counts = CountRest(stream);
    for (int i = 0; i < 400; ++i) {
      const auto found = counts.find(NameOfEntry(i));
      EXPECT_TRUE(found != counts.end() && found->second == 1) << NameOfEntry(i);
    }
  }
  EXPECT_EQ(waitpid(pid, nullptr, 0), pid);
}

TEST_F(Readdir, OfARemovedDirectoryIsEmpty) {
  MUST_WORK(mkdir("d", 0755));
  const Stream stream = Open("d");
  MUST_WORK(rmdir("d"));
  for (const auto& [name, count] : CountRest(stream)) EXPECT_EQ(name[0], '.') << name;
}

TEST_F(Readdir, FailsOnWhatIsNotADirectory) {
  Put("f");
  EXPECT_EQ(opendir("f"), nullptr);
  EXPECT_EQ(ErrorSymbol(errno), "ENOTDIR");
  EXPECT_EQ(opendir("missing"), nullptr);
  EXPECT_EQ(ErrorSymbol(errno), "ENOENT");
}

TEST_F(Readdir, TwoStreamsDoNotDisturbEachOther) {
  MUST_WORK(mkdir("d", 0755));
  Fill("d", 100);
  const Stream one = Open("d"), two = Open("d");
  std::set<std::string> from_one, from_two;
  for (int i = 0; i < 102; ++i) {
    from_one.insert(Next(one));
    if (i % 2 == 0) from_two.insert(Next(two));
  }
  EXPECT_EQ(from_one.size(), 102u);
  EXPECT_EQ(from_two.size(), 51u);
  EXPECT_EQ(CountRest(two).size(), 51u);
}

}  // namespace
}  // namespace metaring::posix
