// SPDX-License-Identifier: Apache-2.0
//
// What a fuzz target defines: one function that must bear any bytes, and real encodings to begin
// with. libFuzzer calls RunInput (fuzz_main.cc); `fuzz_NAME --seed DIR` writes the seeds.
#ifndef METARING_TESTS_FUZZ_FUZZ_TARGET_H_
#define METARING_TESTS_FUZZ_FUZZ_TARGET_H_

#include <vector>

#include "kvnode/base/bytes.h"

namespace metaring::fuzz {

// Ends the process when the code under test breaks a promise. What it does depends on the bytes
// alone.
void RunInput(ByteView input);

std::vector<Bytes> Seeds();

// Any outcome will do, as long as there is one.
template <typename Outcome>
void Ended(const Outcome&) {}

}  // namespace metaring::fuzz

#endif  // METARING_TESTS_FUZZ_FUZZ_TARGET_H_
