// SPDX-License-Identifier: Apache-2.0
//
// fork, a pipe, and stderr as a datagram socket to the system's log.
#include "fusefs/mount/daemon.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace metaring::fusefs::mount {
namespace {

constexpr char kReady = 'R';
// Statuses of the command.
constexpr int kExitFailed = 1;

bool AwaitReady(int fd) {
  char word = 0;
  ssize_t got = 0;
  do {
    got = ::read(fd, &word, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1 && word == kReady;
}

[[noreturn]] void ParentWaits(int fd, pid_t child, const std::string& mountpoint) {
  if (!AwaitReady(fd)) {
    // The child has said why, and is ending.
    int status = 0;
    ::waitpid(child, &status, 0);
    const bool exited = WIFEXITED(status) && WEXITSTATUS(status) != 0;
    ::_exit(exited ? WEXITSTATUS(status) : kExitFailed);
  }
  struct stat st {};
  if (::stat(mountpoint.c_str(), &st) != 0) {
    std::fprintf(stderr, "fusefs: the mount on %s cannot be read: %s\n", mountpoint.c_str(),
                 std::strerror(errno));
    ::_exit(kExitFailed);
  }
  ::_exit(0);
}

// Each write to the socket is one message; the log takes what has no priority as a notice.
int ConnectSystemLog() {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, "/dev/log", sizeof(address.sun_path) - 1);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

Result<Daemon> Daemon::Start(const std::string& mountpoint) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return Fail(ErrnoError(errno, "pipe"));
  const pid_t child = ::fork();
  if (child < 0) return Fail(ErrnoError(errno, "fork"));
  if (child > 0) {
    ::close(pipe_fds[1]);
    ParentWaits(pipe_fds[0], child, mountpoint);
  }
  ::close(pipe_fds[0]);
  ::setsid();
  if (::chdir("/") != 0) return Fail(ErrnoError(errno, "chdir /"));
  return Daemon(pipe_fds[1]);
}

Daemon::Daemon(Daemon&& other) noexcept : ready_fd_(std::exchange(other.ready_fd_, -1)) {}

Daemon::~Daemon() {
  if (ready_fd_ >= 0) ::close(ready_fd_);
}

void Daemon::Ready() {
  const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int log_fd = ConnectSystemLog();
  if (null_fd >= 0) {
    ::dup2(null_fd, STDIN_FILENO);
    ::dup2(null_fd, STDOUT_FILENO);
    ::dup2(log_fd >= 0 ? log_fd : null_fd, STDERR_FILENO);
    if (null_fd > STDERR_FILENO) ::close(null_fd);
  }
  if (log_fd >= 0) ::close(log_fd);
  // Nobody may be there to read it: then there is nobody to tell.
  (void)!::write(ready_fd_, &kReady, 1);
  ::close(std::exchange(ready_fd_, -1));
}

}  // namespace metaring::fusefs::mount
