// SPDX-License-Identifier: Apache-2.0
//
// libfuse's session, its multi-threaded loop, and a thread that waits for the ending signals.
#include "fusefs/mount/session.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>

#include "fusefs/mount/handlers.h"
#include "fusefs/mount/kernel_io.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {
namespace {

constexpr int kWakeSignal = SIGUSR1;

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

ssize_t ReadRequest(int fd, void* buffer, size_t size, void* userdata) {
  const ssize_t length = ::read(fd, buffer, size);
  if (length <= 0) return length;
  KernelIo& io = static_cast<Filesystem*>(userdata)->kernel_io;
  return static_cast<ssize_t>(io.Inspect(static_cast<char*>(buffer), static_cast<size_t>(length)));
}

ssize_t WriteReply(int fd, iovec* parts, int count, void* userdata) {
  static_cast<Filesystem*>(userdata)->kernel_io.Amend(parts, count);
  return ::writev(fd, parts, count);
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

// Waits for an ending signal in a thread of its own and ends the session's loop, which sleeps in
// sem_wait: a signal to its thread wakes it, repeated until it has noticed.
class SignalWaiter {
 public:
  explicit SignalWaiter(fuse_session* session)
      : session_(session), loop_thread_(pthread_self()), thread_([this] { Run(); }) {}
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
    bool ending = false;
    while (!ended_) {
      const timespec patience{0, ending ? 20'000'000 : 250'000'000};
      const int number = sigtimedwait(&signals, nullptr, &patience);
      if (number > 0) {
        LogInfo("mount", "signal {}: unmounting", number);
        fuse_session_exit(session_);
        ending = true;
      }
      if (ending && !ended_) pthread_kill(loop_thread_, kWakeSignal);
    }
  }

  fuse_session* const session_;
  const pthread_t loop_thread_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

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
  std::unique_ptr<Session> session(new Session(raw));
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

Status Session::Serve(uint32_t threads) {
  fuse_loop_config* const config = fuse_loop_cfg_create();
  if (config == nullptr) return Fail(ErrorCode::kInternal, "out of memory");
  fuse_loop_cfg_set_clone_fd(config, 1);
  fuse_loop_cfg_set_max_threads(config, threads);
  // As many idle as there may be: starting a thread costs more than keeping it.
  fuse_loop_cfg_set_idle_threads(config, threads);
  int result = 0;
  {
    const SignalWaiter signals(session_);
    result = fuse_session_loop_mt(session_, config);
  }
  fuse_loop_cfg_destroy(config);
  if (result < 0) return Fail(ErrnoError(-result, "serving requests"));
  return {};
}

void Session::Invalidate(Ino ino, Stale what) {
  // The attributes go in any case; a listing is kept in pages.
  constexpr off_t kNoPages = -1, kAllPages = 0;
  const off_t pages = what == Stale::kListing ? kAllPages : kNoPages;
  fuse_lowlevel_notify_inval_inode(session_, ino.value(), pages, 0);
}

}  // namespace metaring::fusefs::mount
