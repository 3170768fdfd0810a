// SPDX-License-Identifier: Apache-2.0
// The cgroup2 mount in texts of /proc/PID/mountinfo, and a directory tree that stands for the
// hierarchy.
#include "host/cgroup_paths.h"

#include <gtest/gtest.h>

#include <string>

#include "support/cgroup_tree.h"

namespace tcpdwell::test {
namespace {

TEST(FindCgroupMount, Hybrid) {
    const auto mount = host::find_cgroup_mount(
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->mount_point, "/sys/fs/cgroup/unified");
    EXPECT_EQ(mount->root, "/");
}

TEST(FindCgroupMount, SkipsOptionalFieldsAndReadsEscapes) {
    const auto mount = host::find_cgroup_mount(
        R"(30 24 0:26 /a\040b /mnt/c\134d rw shared:4 master:1 - cgroup2 none rw,nsdelegate)");
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->mount_point, R"(/mnt/c\d)");
    EXPECT_EQ(mount->root, "/a b");
}

TEST(FindCgroupMount, PrefersTheMountOfTheWholeHierarchy) {
    const auto mount =
        host::find_cgroup_mount("50 1 0:26 /jail /srv/jail/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
                                "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
                                "51 1 0:26 /other /srv/other rw - cgroup2 cgroup2 rw\n");
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->mount_point, "/sys/fs/cgroup");
}

TEST(FindCgroupMount, OnlyVersion1) {
    EXPECT_FALSE(host::find_cgroup_mount(
        "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"));
    EXPECT_FALSE(host::find_cgroup_mount("cgroup2 is no field here"));
    EXPECT_FALSE(host::find_cgroup_mount(""));
}

class CgroupPathsTest : public testing::Test {
protected:
    void SetUp() override {
        tree_.make("/system.slice/a.service");
        tree_.make("/user.slice");
    }
    std::uint64_t id(const std::string& path) const { return tree_.id(path); }

    CgroupTree tree_;
    std::string base_ = tree_.base();
};

TEST_F(CgroupPathsTest, PathsAndIdsOfAllNodes) {
    const auto paths = host::CgroupPaths::open({base_, "/"});
    ASSERT_TRUE(paths) << paths.error().message;
    for (const std::string path : {"/system.slice", "/system.slice/a.service", "/user.slice"}) {
        EXPECT_EQ(paths->lookup(id(path)), path);
        EXPECT_EQ(paths->id_of(path), id(path));
    }
    EXPECT_EQ(paths->lookup(id("")), "/");
    EXPECT_EQ(paths->id_of("/"), id(""));
    EXPECT_FALSE(paths->lookup(0));
    EXPECT_FALSE(paths->id_of("/nothing"));
}

TEST_F(CgroupPathsTest, OnlyARealRootIsTheWholeHierarchy) {
    const auto paths = host::CgroupPaths::open({base_, "/"});
    ASSERT_TRUE(paths);
    EXPECT_FALSE(paths->whole());
}

TEST_F(CgroupPathsTest, ASubtreesPathsBeginAtItsRoot) {
    const auto paths = host::CgroupPaths::open({base_, "/../jail"});
    ASSERT_TRUE(paths);
    EXPECT_EQ(paths->lookup(id("")), "/../jail");
    EXPECT_EQ(paths->id_of("/../jail/user.slice"), id("/user.slice"));
}

TEST_F(CgroupPathsTest, RefreshFindsNewOnesAndRemembersOldOnes) {
    auto paths = host::CgroupPaths::open({base_, "/"});
    ASSERT_TRUE(paths);
    const std::uint64_t gone = id("/user.slice");
    tree_.make("/new.slice");
    tree_.remove("/user.slice");
    EXPECT_FALSE(paths->lookup(id("/new.slice")));
    paths->refresh();
    EXPECT_EQ(paths->lookup(id("/new.slice")), "/new.slice");
    EXPECT_EQ(paths->lookup(gone), "/user.slice");
    EXPECT_FALSE(paths->id_of("/user.slice"));
}

TEST_F(CgroupPathsTest, AMountPointThatIsGoneIsAnError) {
    const auto paths = host::CgroupPaths::open({base_ + "/nothing", "/"});
    ASSERT_FALSE(paths);
    EXPECT_NE(paths.error().message.find(base_ + "/nothing"), std::string::npos);
}

} // namespace
} // namespace tcpdwell::test
