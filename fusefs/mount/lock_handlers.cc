// SPDX-License-Identifier: Apache-2.0
//
// flock and fcntl locks of a shared volume without local locks: refused. For all other mounts the
// kernel is told at INIT that it has to keep locks by itself, and never asks.
#include <cerrno>

#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

void Refuse(fuse_req_t request) {
  Reply reply(request);
  reply.Errno(ENOLCK);
}

void HandleGetlk(fuse_req_t request, fuse_ino_t /*ino*/, fuse_file_info* /*file*/,
                 struct flock* /*lock*/) {
  Refuse(request);
}

void HandleSetlk(fuse_req_t request, fuse_ino_t /*ino*/, fuse_file_info* /*file*/,
                 struct flock* /*lock*/, int /*sleep*/) {
  Refuse(request);
}

void HandleFlock(fuse_req_t request, fuse_ino_t /*ino*/, fuse_file_info* /*file*/,
                 int /*operation*/) {
  Refuse(request);
}

}  // namespace

void AddLockHandlers(fuse_lowlevel_ops& handlers) {
  handlers.getlk = HandleGetlk;
  handlers.setlk = HandleSetlk;
  handlers.flock = HandleFlock;
}

}  // namespace metaring::fusefs::mount
