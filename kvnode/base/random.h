// SPDX-License-Identifier: Apache-2.0
//
// Random: seeded pseudo-randomness (splitmix64, Steele et al., OOPSLA 2014). The same seed gives
// the same numbers on every machine, which the standard library's distributions do not promise. Not
// for secrets.
#ifndef METARING_KVNODE_BASE_RANDOM_H_
#define METARING_KVNODE_BASE_RANDOM_H_

#include <cstdint>

namespace metaring {

// One caller.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // True once in `n` times on average.
  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_RANDOM_H_
