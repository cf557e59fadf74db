// SPDX-License-Identifier: Apache-2.0
//
// How `kvctl fs` writes inodes: as text like ls(1) and stat(1), and as JSON.
#ifndef METARING_KVNODE_CTL_FS_SHOW_H_
#define METARING_KVNODE_CTL_FS_SHOW_H_

#include <nlohmann/json.hpp>
#include <string>

#include "fusefs/meta/inode.h"

namespace metaring::ctl {

// "drwxr-xr-x", as ls -l.
std::string ModeText(uint32_t mode);
// "directory", "regular file", ...
std::string TypeText(uint32_t mode);
// UTC, with nanoseconds: "2026-11-21T08:30:00.000000001Z"; far years as seconds.
std::string TimeText(fusefs::Time time);

nlohmann::json ToJson(const fusefs::Inode& inode);
// A line of a listing, without its end.
std::string ListingLine(const std::string& name, const fusefs::Inode& inode);
std::string StatText(const std::string& path, const fusefs::Inode& inode);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_FS_SHOW_H_
