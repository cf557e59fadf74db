// SPDX-License-Identifier: Apache-2.0
//
// How the results of `kvctl bench fs` are printed. The JSON is described in this folder's README;
// its "schema" number changes when a reader of the old form would break.
#ifndef METARING_KVNODE_CTL_BENCH_REPORT_H_
#define METARING_KVNODE_CTL_BENCH_REPORT_H_

#include <string>

#include "kvnode/ctl/bench_fs.h"

namespace metaring::ctl {

// Lines with their newline. The rows line up with the head.
std::string TableHead();
std::string TableRow(const PhaseResult& result);

// One document with its newline.
std::string JsonReport(const FsBenchOptions& options, const FsBenchReport& report);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BENCH_REPORT_H_
