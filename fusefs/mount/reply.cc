// SPDX-License-Identifier: Apache-2.0
//
// Reply over libfuse's reply functions, which return 0 or a negated errno.
#include "fusefs/mount/reply.h"

#include <utility>

#include "fusefs/mount/errno_table.h"
#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs::mount {

Reply::~Reply() {
  CHECK(request_ == nullptr);
}

fuse_req_t Reply::Consume() {
  CHECK(request_ != nullptr);
  return std::exchange(request_, nullptr);
}

const fuse_ctx& Reply::caller() const {
  CHECK(request_ != nullptr);
  return *fuse_req_ctx(request_);
}

bool Reply::Errno(int error_number) {
  return fuse_reply_err(Consume(), error_number) == 0;
}

namespace {

// What a wait comes to that was cut short; what a store or a node has said stays what it is.
bool MayBeOfCancel(ErrorCode code) {
  return code == ErrorCode::kCancelled || code == ErrorCode::kUnknownOutcome ||
         code == ErrorCode::kDeadlineExceeded || code == ErrorCode::kUnavailable;
}

}  // namespace

bool Reply::Fail(const Error& error) {
  if (fiber::Cancelled() && MayBeOfCancel(error.code)) {
    LogDebug("mount", "interrupted: {}", error.message);
    return Errno(ToErrno(ErrorCode::kCancelled));
  }
  switch (error.code) {
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
    case ErrorCode::kFormatMismatch:
    case ErrorCode::kUnknownOutcome:
    case ErrorCode::kDeadlineExceeded:
      LogError("mount", "{}: {}", ErrorCodeName(error.code), error.message);
      break;
    default:
      LogDebug("mount", "{}: {}", ErrorCodeName(error.code), error.message);
  }
  return Errno(ToErrno(error.code));
}

bool Reply::Entry(const fuse_entry_param& entry) {
  return fuse_reply_entry(Consume(), &entry) == 0;
}

bool Reply::Create(const fuse_entry_param& entry, const fuse_file_info& file) {
  return fuse_reply_create(Consume(), &entry, &file) == 0;
}

bool Reply::Open(const fuse_file_info& file) {
  return fuse_reply_open(Consume(), &file) == 0;
}

bool Reply::Attributes(const struct stat& attributes, double timeout_seconds) {
  return fuse_reply_attr(Consume(), &attributes, timeout_seconds) == 0;
}

bool Reply::Bytes(ByteView data) {
  return fuse_reply_buf(Consume(), data.data(), data.size()) == 0;
}

bool Reply::Written(size_t count) {
  return fuse_reply_write(Consume(), count) == 0;
}

bool Reply::Size(size_t size) {
  return fuse_reply_xattr(Consume(), size) == 0;
}

bool Reply::Offset(off_t offset) {
  return fuse_reply_lseek(Consume(), offset) == 0;
}

bool Reply::Target(const std::string& symlink_target) {
  return fuse_reply_readlink(Consume(), symlink_target.c_str()) == 0;
}

bool Reply::Statistics(const struct statvfs& statistics) {
  return fuse_reply_statfs(Consume(), &statistics) == 0;
}

void Reply::None() {
  fuse_reply_none(Consume());
}

}  // namespace metaring::fusefs::mount
