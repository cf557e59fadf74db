// SPDX-License-Identifier: Apache-2.0
//
// The harness of the POSIX conformance suite. Each test gets a directory of its own below
// METARING_POSIX_DIR, is in it (names in the tests are relative), has umask 0, and leaves nothing.
//
// What a call should give is said by one of two macros:
//   WORKS(call)          the call returns something other than -1
//   FAILS(ENOENT, call)  the call returns -1 with that errno
// What another user gets is said by the same macros with an As(...) for the call.
//
// The suite tests the text of POSIX.1-2017 and of the Linux manual pages; where these leave a
// choice to the implementation, the tests accept every choice. METARING_POSIX_FEATURES names, by
// commas, what a filesystem offers beyond the usual: `large_xattrs` (values to 64 KiB, many of
// them), `far_times` (any time of 64-bit seconds), `symlink_length` (targets to 4095 bytes),
// `nocreate_atime`.
#ifndef METARING_TESTS_CLUSTER_POSIX_HARNESS_H_
#define METARING_TESTS_CLUSTER_POSIX_HARNESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace metaring::posix {

// The symbol of an errno ("ENOENT"); "success" for 0.
std::string ErrorSymbol(int error);

template <typename T>
std::string OutcomeOf(T returned) {
  return ErrorSymbol(returned == static_cast<T>(-1) ? errno : 0);
}

#define WORKS(...) EXPECT_EQ(::metaring::posix::OutcomeOf(__VA_ARGS__), "success") << #__VA_ARGS__
#define MUST_WORK(...) \
  ASSERT_EQ(::metaring::posix::OutcomeOf(__VA_ARGS__), "success") << #__VA_ARGS__
#define FAILS(error, ...)                                                                     \
  EXPECT_EQ(::metaring::posix::OutcomeOf(__VA_ARGS__), ::metaring::posix::ErrorSymbol(error)) \
      << #__VA_ARGS__

struct User {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};
inline const User kAlice{65533, 65533, {}};
inline const User kBob{65534, 65534, {}};
// Alice as a member of Bob's group too.
inline const User kAliceInBobsGroup{65533, 65533, {65534}};
inline const User kCarol{64001, 64001, {}};

// Runs `call` in a child with the user's ids and no capability; returns 0 or -1 with the call's
// errno.
int As(const User& user, const std::function<long()>& call);
// Runs `body` in a child with the ids of this process; what it returns (0 to 255).
int InChild(const std::function<int()>& body);

// Waits until the clock that filesystems stamp with has moved (a few milliseconds, bounded).
void Tick();

bool operator==(const timespec& a, const timespec& b);
bool operator<(const timespec& a, const timespec& b);

// Which of an object's times an operation must mark for update.
enum Times : unsigned { kNone = 0, kAtime = 1, kMtime = 2, kCtime = 4 };

// Remembers the times of an object, and that a tick passed; Expect() then demands that exactly
// `marked` have moved forward since.
class Watch {
 public:
  explicit Watch(std::string path);
  void Expect(unsigned marked, const char* what = "") const;
  // The same, about a name that the object got since.
  void ExpectAt(const std::string& path, unsigned marked, const char* what = "") const;

 private:
  std::string path_;
  struct stat before_ = {};
};

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the number in system calls.
  operator int() const { return fd_; }
  int Close();

 private:
  int fd_;
};

bool HasFeature(std::string_view feature);

struct stat Lstat(const std::string& path);
struct stat Fstat(int fd);
mode_t ModeOf(const std::string& path);  // the twelve permission bits
bool Exists(const std::string& path);

// Makes a file with this content and these permission bits, whatever the umask.
void Put(const std::string& path, std::string_view content = "", mode_t mode = 0644);
std::string Get(const std::string& path);
// `length` bytes at `offset`, as far as there are.
std::string GetAt(int fd, off_t offset, size_t length);
// Names in a directory without "." and "..", sorted.
std::vector<std::string> List(const std::string& path);

// Every kind of object, made under `path`; symlinks point nowhere.
enum class Kind { kFile, kDirectory, kFifo, kSocket, kCharacter, kBlock, kSymlink };
inline constexpr Kind kAllKinds[] = {Kind::kFile,   Kind::kDirectory, Kind::kFifo,
                                     Kind::kSocket, Kind::kCharacter, Kind::kBlock,
                                     Kind::kSymlink};
void MakeKind(Kind kind, const std::string& path, mode_t mode = 0644);
const char* NameOf(Kind kind);
mode_t TypeOf(Kind kind);

class Posix : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  static bool Root() { return geteuid() == 0; }

 private:
  std::string directory_;
};

#define NEEDS_ROOT() \
  if (geteuid() != 0) GTEST_SKIP() << "only root can be other users"
#define NEEDS_FEATURE(name) \
  if (!::metaring::posix::HasFeature(name)) GTEST_SKIP() << "not claimed: " << (name)

}  // namespace metaring::posix

#endif  // METARING_TESTS_CLUSTER_POSIX_HARNESS_H_
