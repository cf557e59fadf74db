// SPDX-License-Identifier: Apache-2.0
//
// The writes of this process, counted, and one of them that goes wrong. The functions of libc that
// LMDB writes with are replaced in this program; everything else is passed on.
#ifndef METARING_TESTS_UNIT_STORE_FAULTY_DISK_H_
#define METARING_TESTS_UNIT_STORE_FAULTY_DISK_H_

#include <cstdint>

namespace metaring::store {

enum class Fault {
  kNone,
  kExit,  // the process ends; a write of pages is torn in the middle
  kFail,  // the call fails once, with the errno given
};

inline constexpr int kFaultExitStatus = 77;

// From now on, the `nth` call (from 1) of any writing or syncing function meets `fault`. Syncs
// alone are counted when `syncs_only`. One caller, before threads start.
void ArmFault(Fault fault, uint64_t nth, int error_number = 0, bool syncs_only = false);

// Ends the process as a crash does.
[[noreturn]] void EndNow(int status);

// Whether the fault was met.
bool FaultMet();

}  // namespace metaring::store

#endif  // METARING_TESTS_UNIT_STORE_FAULTY_DISK_H_
