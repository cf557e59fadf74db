// SPDX-License-Identifier: Apache-2.0
//
// Reply: the duty to answer one request exactly once.
//
// A handler makes it first and every way out consumes it; going out without an answer, or answering
// twice, ends the process (CHECK), because the caller would hang or another's request be answered.
#ifndef METARING_FUSEFS_MOUNT_REPLY_H_
#define METARING_FUSEFS_MOUNT_REPLY_H_

#include <sys/statvfs.h>

#include <string>

#include "fusefs/mount/fuse_api.h"
#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::fusefs::mount {

// One caller.
class Reply {
 public:
  explicit Reply(fuse_req_t request) : request_(request) {}
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // The caller's ids; valid until the answer.
  const fuse_ctx& caller() const;

  // Each answers. False: the kernel gave the request up (the caller was killed, the mount ended),
  // so nothing that the answer would have given (a lookup, an open file) is held by it.
  bool Ok() { return Errno(0); }
  bool Errno(int error_number);
  // Logs what a person must see (kCorrupt, kIo, kInternal). EINTR for what ended because the
  // request was cancelled (interrupts.h).
  bool Fail(const Error& error);
  bool Entry(const fuse_entry_param& entry);
  bool Create(const fuse_entry_param& entry, const fuse_file_info& file);
  bool Open(const fuse_file_info& file);
  bool Attributes(const struct stat& attributes, double timeout_seconds);
  bool Bytes(ByteView data);
  bool Written(size_t count);
  bool Size(size_t size);  // of an extended attribute or of their list
  bool Offset(off_t offset);
  bool Target(const std::string& symlink_target);
  bool Statistics(const struct statvfs& statistics);
  void None();

 private:
  fuse_req_t Consume();
  fuse_req_t request_;  // null: answered
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_REPLY_H_
