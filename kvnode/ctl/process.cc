// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fstream>
#include <iterator>

namespace metaring::ctl {
namespace {

constexpr mode_t kLogMode = 0600;

// posix_spawn's two objects, which must be destroyed.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

class OwnFd {
 public:
  explicit OwnFd(int fd) : fd_(fd) {}
  ~OwnFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnFd(const OwnFd&) = delete;
  OwnFd& operator=(const OwnFd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

std::string SiblingProgram(const std::string& name) {
  std::array<char, PATH_MAX> own{};
  const ssize_t length = ::readlink("/proc/self/exe", own.data(), own.size());
  if (length <= 0) return name;
  const std::string path(own.data(), static_cast<size_t>(length));
  std::string sibling = path.substr(0, path.rfind('/') + 1) + name;
  return ::access(sibling.c_str(), X_OK) == 0 ? sibling : name;
}

Result<pid_t> StartDetached(std::vector<std::string> command, const std::string& log_file) {
  SpawnPlan plan;
  posix_spawn_file_actions_addopen(&plan.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&plan.actions, STDOUT_FILENO, log_file.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, kLogMode);
  posix_spawn_file_actions_adddup2(&plan.actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&plan.actions, "/");
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);  // which kvctl ignores
  posix_spawnattr_setsigdefault(&plan.attributes, &pipe);
  posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, words[0], &plan.actions, &plan.attributes, words.data(), environ);
  if (error != 0) return Fail(ErrnoError(error, "start " + command[0]));
  return pid;
}

bool HasEnded(pid_t child) {
  return ::waitpid(child, nullptr, WNOHANG) == child;
}

std::vector<std::string> CommandLineOf(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(in, word, '\0');) words.push_back(std::move(word));
  return words;
}

Status Terminate(pid_t pid, const std::vector<std::string>& command, std::chrono::seconds wait) {
  // The descriptor stays that process's, whoever has its number later; only then is it looked at.
  const OwnFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.get() < 0) {
    if (errno == ESRCH) return {};
    return Fail(ErrnoError(errno, fmt::format("open process {}", pid)));
  }
  if (CommandLineOf(pid) != command) return {};
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0) != 0 && errno != ESRCH) {
    return Fail(ErrnoError(errno, fmt::format("signal process {}", pid)));
  }
  pollfd ended{process.get(), POLLIN, 0};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  if (::poll(&ended, 1, static_cast<int>(ms)) != 1) {
    return Fail(ErrorCode::kDeadlineExceeded,
                fmt::format("process {} has not ended {} s after SIGTERM", pid, wait.count()));
  }
  return {};
}

}  // namespace metaring::ctl
