// SPDX-License-Identifier: Apache-2.0
//
// The one place where errno is made from ErrorCode.
#ifndef METARING_FUSEFS_MOUNT_ERRNO_TABLE_H_
#define METARING_FUSEFS_MOUNT_ERRNO_TABLE_H_

#include "kvnode/base/result.h"

namespace metaring::fusefs::mount {

// Positive, as errno(3) has it.
int ToErrno(ErrorCode code);

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_ERRNO_TABLE_H_
