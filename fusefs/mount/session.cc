// SPDX-License-Identifier: Apache-2.0
//
// libfuse's session, its multi-threaded loop, and a thread that waits for the ending signals.
#include "fusefs/mount/session.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>

#include "fusefs/mount/handlers.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {
namespace {

sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

void LogFromLibfuse(fuse_log_level level, const char* format, va_list arguments) {
  char line[512];
  std::vsnprintf(line, sizeof(line), format, arguments);
  std::string_view text(line);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  LogLine(level <= FUSE_LOG_ERR ? LogLevel::kError : LogLevel::kInfo, "libfuse", text);
}

// libfuse wants one; RequestLoop reads by itself.
ssize_t ReadRequest(int fd, void* buffer, size_t size, void* /*userdata*/) {
  return ::read(fd, buffer, size);
}

ssize_t WriteReply(int fd, iovec* parts, int count, void* /*userdata*/) {
  return RequestLoop::Write(fd, parts, count);
}

fuse_lowlevel_ops Handlers() {
  fuse_lowlevel_ops handlers{};
  AddInit(handlers);
  AddLookupHandlers(handlers);
  AddAttributeHandlers(handlers);
  AddNamespaceHandlers(handlers);
  AddRemovalHandlers(handlers);
  AddDirectoryHandlers(handlers);
  AddXattrHandlers(handlers);
  AddOpenHandlers(handlers);
  AddContentHandlers(handlers);
  AddLockHandlers(handlers);
  return handlers;
}

// A value inside -o, where commas separate and backslashes escape.
std::string EscapedOption(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    if (c == ',' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

std::string LibfuseOptions(const MountOptions& options, const std::string& fsname) {
  std::string text = "default_permissions,fsname=" + EscapedOption(fsname) +
                     ",subtype=" + EscapedOption(options.subtype);
  text += options.read_only ? ",ro" : ",rw";
  text += options.suid ? ",suid" : ",nosuid";
  text += options.dev ? ",dev" : ",nodev";
  if (!options.exec) text += ",noexec";
  if (!options.atime) text += ",noatime";
  if (options.allow_other) text += ",allow_other";
  return text;
}

// Waits for an ending signal in a thread of its own and ends the session. Its workers sleep in
// read(2): they are interrupted until they have noticed.
class SignalWaiter {
 public:
  SignalWaiter(fuse_session* session, RequestLoop& loop)
      : session_(session), loop_(loop), thread_([this] { Run(); }) {}
  ~SignalWaiter() {
    ended_ = true;
    thread_.join();
  }
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;

 private:
  void Run() {
    pthread_setname_np(pthread_self(), "signals");
    const sigset_t signals = EndingSignals();
    while (!ended_) {
      const bool ending = fuse_session_exited(session_) != 0;
      if (ending) loop_.Interrupt();
      const timespec patience{0, ending ? 20'000'000 : 250'000'000};
      const int number = sigtimedwait(&signals, nullptr, &patience);
      if (number <= 0) continue;
      LogInfo("mount", "signal {}: unmounting", number);
      fuse_session_exit(session_);
    }
  }

  fuse_session* const session_;
  RequestLoop& loop_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

uint32_t DefaultThreads() {
  return std::clamp(2 * std::thread::hardware_concurrency(), 4U, 16U);
}

}  // namespace

void BlockEndingSignals() {
  const sigset_t signals = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  struct sigaction wake {};
  wake.sa_handler = [](int) {};
  sigaction(kWakeSignal, &wake, nullptr);
}

Result<std::unique_ptr<Session>> Session::Mount(Filesystem& filesystem, const MountOptions& options,
                                                const std::string& fsname,
                                                const std::string& mountpoint) {
  fuse_set_log_func(LogFromLibfuse);
  std::vector<std::string> words = {"fusefs", "-o", LibfuseOptions(options, fsname)};
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (std::string& word : words) argv.push_back(word.data());
  fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(argv.size()), argv.data());
  const fuse_lowlevel_ops handlers = Handlers();
  fuse_session* const raw = fuse_session_new(&arguments, &handlers, sizeof(handlers), &filesystem);
  fuse_opt_free_args(&arguments);
  if (raw == nullptr) return Fail(ErrorCode::kInvalidArgument, "libfuse refused the options");
  std::unique_ptr<Session> session(new Session(raw, filesystem.kernel_io));
  if (fuse_session_mount(raw, mountpoint.c_str()) != 0) {
    return Fail(ErrorCode::kIo, "mounting on " + Escaped(mountpoint, 4096) + " failed, see above");
  }
  session->mounted_ = true;
  fuse_custom_io io{};
  io.read = ReadRequest;
  io.writev = WriteReply;
  if (fuse_session_custom_io(raw, &io, fuse_session_fd(raw)) != 0) {
    return Fail(ErrorCode::kInternal, "libfuse refused to share its input and output");
  }
  return session;
}

Session::~Session() {
  if (mounted_) fuse_session_unmount(session_);
  fuse_session_destroy(session_);
}

Status Session::Serve(ServeOptions options) {
  if (options.threads == 0) options.threads = DefaultThreads();
  RequestLoop loop(session_, kernel_io_, std::move(options));
  const SignalWaiter signals(session_, loop);
  return loop.Serve();
}

void Session::Invalidate(Ino ino, Stale what) {
  // The attributes go in any case; a listing is kept in pages.
  constexpr off_t kNoPages = -1, kAllPages = 0;
  const off_t pages = what == Stale::kListing ? kAllPages : kNoPages;
  fuse_lowlevel_notify_inval_inode(session_, ino.value(), pages, 0);
}

}  // namespace metaring::fusefs::mount
