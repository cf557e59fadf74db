// SPDX-License-Identifier: Apache-2.0
//
// Asio's own code, compiled once (ASIO_SEPARATE_COMPILATION) and not in every source that uses it.
#include <asio/impl/src.hpp>
