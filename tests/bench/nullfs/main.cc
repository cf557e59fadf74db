// SPDX-License-Identifier: Apache-2.0
//
// nullfs [-f] [-o OPTION,...] MOUNTPOINT: a FUSE filesystem that does no work but keep its tree in
// memory: the ceiling of any mount over libfuse. Threads are as in fusefs.
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "tests/bench/nullfs/fuse_ops.h"

namespace metaring::nullfs {
namespace {

constexpr unsigned kThreadsMax = 16;

const fuse_opt kOptions[] = {
    {"attr_timeout=%lf", offsetof(Options, attr_timeout), 0},
    {"entry_timeout=%lf", offsetof(Options, entry_timeout), 0},
    {"negative_timeout=%lf", offsetof(Options, negative_timeout), 0},
    {"flush", offsetof(Options, flush), 1},
    FUSE_OPT_END,
};

void PrintHelp() {
  std::printf(
      "Usage: nullfs [-f] [-o OPTION,...] MOUNTPOINT\n"
      "A filesystem in memory, gone with its mount, as cheap as FUSE allows.\n\n"
      "    -f                         stay in the foreground\n"
      "    -o attr_timeout=SECONDS    the kernel keeps attributes so long (1)\n"
      "    -o entry_timeout=SECONDS   names (1)\n"
      "    -o negative_timeout=SECONDS  missing names (0: not)\n"
      "    -o flush                   let the kernel send FLUSH at each close\n");
  fuse_lowlevel_help();
}

struct Arguments {
  Arguments(int argc, char** argv) : args(FUSE_ARGS_INIT(argc, argv)) {}
  ~Arguments() {
    std::free(command.mountpoint);
    fuse_opt_free_args(&args);
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  fuse_args args;
  fuse_cmdline_opts command{};
  Options options;
};

int Serve(fuse_session* session, const fuse_cmdline_opts& command) {
  if (fuse_set_signal_handlers(session) != 0) return 1;
  int status = 1;
  if (fuse_session_mount(session, command.mountpoint) == 0) {
    if (fuse_daemonize(command.foreground) == 0) {
      fuse_loop_config* config = fuse_loop_cfg_create();
      fuse_loop_cfg_set_clone_fd(config, 1);
      fuse_loop_cfg_set_max_threads(config, kThreadsMax);
      fuse_loop_cfg_set_idle_threads(config, kThreadsMax);
      // A signal's number means that we were asked to end.
      status = fuse_session_loop_mt(session, config) < 0 ? 1 : 0;
      fuse_loop_cfg_destroy(config);
    }
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  return status;
}

int Main(int argc, char** argv) {
  Arguments a(argc, argv);
  if (fuse_opt_parse(&a.args, &a.options, kOptions, nullptr) != 0) return 2;
  const std::unique_ptr<fuse_conn_info_opts, decltype(&std::free)> connection(
      fuse_parse_conn_info_opts(&a.args), std::free);
  if (!connection || fuse_parse_cmdline(&a.args, &a.command) != 0) return 2;
  if (a.command.show_help != 0) {
    PrintHelp();
    return 0;
  }
  if (a.command.show_version != 0) {
    fuse_lowlevel_version();
    return 0;
  }
  if (a.command.mountpoint == nullptr) {
    std::fprintf(stderr, "nullfs: no mount point is given; see nullfs --help\n");
    return 2;
  }
  fuse_opt_add_arg(&a.args, "-odefault_permissions,fsname=nullfs");

  Filesystem fs{a.options, Tree(getuid(), getgid()), connection.get()};
  const fuse_lowlevel_ops ops = Operations(a.options);
  fuse_session* session = fuse_session_new(&a.args, &ops, sizeof ops, &fs);
  if (session == nullptr) return 1;
  const int status = Serve(session, a.command);
  fuse_session_destroy(session);
  return status;
}

}  // namespace
}  // namespace metaring::nullfs

int main(int argc, char** argv) {
  return metaring::nullfs::Main(argc, argv);
}
