// SPDX-License-Identifier: Apache-2.0
// A directory tree that stands for the cgroup hierarchy: the id of a cgroup is the inode of its
// directory.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temporary_folder.h"

namespace tcpdwell::test {

/// Paths begin with a slash, as those of cgroups; "" is the root.
class CgroupTree {
public:
    [[nodiscard]] std::string base() const { return folder_.path(); }
    void make(const std::string& path) const { std::filesystem::create_directories(base() + path); }
    void remove(const std::string& path) const { std::filesystem::remove(base() + path); }
    [[nodiscard]] std::uint64_t id(const std::string& path) const {
        struct stat status {};
        EXPECT_EQ(::stat((base() + path).c_str(), &status), 0) << path;
        return status.st_ino;
    }

private:
    test::TemporaryFolder folder_;
};

} // namespace tcpdwell::test
