// SPDX-License-Identifier: Apache-2.0
// A folder of this user's own: which ones are taken, and what is done in them. (What another user
// can do to them: hostile_folder_test.cpp.)
#include "recording/own_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using recording::OwnFolder;

struct OwnFolderTest : testing::Test {
    TemporaryFolder top;
    fs::path path = top.path() / "held";

    OwnFolder opened() {
        auto folder = OwnFolder::open(path.string());
        EXPECT_TRUE(folder) << folder.error().message;
        return std::move(*folder);
    }
    static std::string complaint(const fs::path& which) {
        const auto folder = OwnFolder::open(which.string());
        return folder ? "" : folder.error().message;
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name) << text;
    }
    static std::string text_of(const Fd& fd) {
        std::string text(100, '\0');
        const ssize_t size = ::read(fd.get(), text.data(), text.size());
        text.resize(static_cast<std::size_t>(std::max(size, ssize_t{0})));
        return text;
    }
    static mode_t rights(const fs::path& which) {
        struct stat status {};
        EXPECT_EQ(::lstat(which.c_str(), &status), 0);
        return status.st_mode & 07777;
    }
};

TEST_F(OwnFolderTest, is_created_for_this_user_alone_or_taken_as_it_is) {
    EXPECT_EQ(opened().path(), path.string());
    EXPECT_EQ(rights(path) & 077, 0u);
    write("a", "kept");
    EXPECT_EQ(text_of(opened().open_file("a")), "kept");
}

TEST_F(OwnFolderTest, slashes_at_the_end_follow_no_link) {
    opened();
    fs::create_directory_symlink(path, top.path() / "link");
    for (const char* end : {"", "/", "//"}) {
        const auto folder = OwnFolder::open((top.path() / "link").string() + end);
        ASSERT_FALSE(folder);
        EXPECT_EQ(folder.error().code, ErrorCode::usage);
        EXPECT_NE(folder.error().message.find("is a symbolic link"), std::string::npos);
    }
    EXPECT_TRUE(OwnFolder::open("/")) << "a name of slashes alone";
}

TEST_F(OwnFolderTest, what_is_not_one_is_said) {
    std::ofstream(top.path() / "file") << "x";
    EXPECT_NE(complaint(top.path() / "file").find("is a file; segments that roll"),
              std::string::npos);
    EXPECT_NE(complaint(top.path() / "file" / "below").find("cannot create"), std::string::npos);
    EXPECT_NE(complaint(top.path() / "missing" / "below").find("cannot create"), std::string::npos);
}

TEST_F(OwnFolderTest, others_must_not_write_in_it_and_this_user_must) {
    opened();
    for (const mode_t open : {0770, 0707, 0720, 0702}) {
        ASSERT_EQ(::chmod(path.c_str(), open), 0);
        EXPECT_NE(complaint(path).find("others may write"), std::string::npos) << open;
    }
    for (const mode_t closed : {0500, 0300, 0600}) {
        ASSERT_EQ(::chmod(path.c_str(), closed), 0);
        const bool is_root = ::geteuid() == 0; // else it can't be opened at all
        EXPECT_NE(complaint(path).find(is_root ? "must belong to" : path.string()),
                  std::string::npos);
    }
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
    EXPECT_EQ(complaint(path), "") << "others may read it";
}

TEST_F(OwnFolderTest, only_regular_files_are_opened) {
    const OwnFolder folder = opened();
    write("regular", "text");
    fs::create_symlink("regular", path / "link");
    fs::create_directory(path / "folder");
    ASSERT_EQ(::mkfifo((path / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(text_of(folder.open_file("regular")), "text");
    for (const char* other : {"link", "folder", "fifo", "missing"}) {
        EXPECT_FALSE(folder.file(other)) << other;
        EXPECT_FALSE(folder.open_file(other)) << other;
    }
}

TEST_F(OwnFolderTest, names_are_of_whatever_is_in_it) {
    const OwnFolder folder = opened();
    EXPECT_EQ(folder.names()->size(), 0u);
    write("b", "");
    write(".hidden", "");
    fs::create_symlink("nowhere", path / "link");
    fs::create_directory(path / "folder");
    for (int again = 0; again < 2; ++again) { // each listing is a whole one
        auto names = folder.names();
        ASSERT_TRUE(names);
        std::ranges::sort(*names);
        EXPECT_EQ(*names, (std::vector<std::string>{".hidden", "b", "folder", "link"}));
    }
}

TEST_F(OwnFolderTest, a_file_has_the_size_that_it_occupies_and_the_time_of_its_last_change) {
    const OwnFolder folder = opened();
    write("full", std::string(100'000, 'x'));
    write("sparse", "");
    fs::resize_file(path / "sparse", 1 << 30);
    const timespec times[2] = {{1, 2}, {1'795'219'200, 123'456'789}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (path / "full").c_str(), times, 0), 0);
    const auto full = folder.file("full");
    ASSERT_TRUE(full);
    struct stat status {};
    ASSERT_EQ(::stat((path / "full").c_str(), &status), 0);
    EXPECT_EQ(full->name, "full");
    EXPECT_EQ(full->inode, status.st_ino);
    EXPECT_GE(full->bytes, 100'000u);
    EXPECT_LT(full->bytes, 300'000u);
    EXPECT_EQ(full->modified.time_since_epoch(), Nanoseconds(1'795'219'200'123'456'789));
    EXPECT_LT(folder.file("sparse")->bytes, 1u << 20);
}

TEST_F(OwnFolderTest, a_new_file_replaces_nothing_and_is_read_by_nobody_else) {
    const OwnFolder folder = opened();
    const mode_t before = ::umask(0);
    const Fd fd = folder.create_file("new");
    ::umask(before);
    ASSERT_TRUE(fd);
    EXPECT_EQ(rights(path / "new"), 0600u);
    EXPECT_EQ(::write(fd.get(), "kept", 4), 4);
    errno = 0;
    EXPECT_FALSE(folder.create_file("new"));
    EXPECT_EQ(errno, EEXIST);
    EXPECT_EQ(text_of(folder.open_file("new")), "kept");
}

TEST_F(OwnFolderTest, is_locked_for_as_long_as_the_descriptor_is_open) {
    const OwnFolder folder = opened();
    {
        const auto lock = folder.lock();
        ASSERT_TRUE(lock) << lock.error().message;
        const auto second = opened().lock();
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().error_number, EWOULDBLOCK);
        EXPECT_NE(second.error().message.find("another recorder is at work in " + path.string()),
                  std::string::npos);
    }
    EXPECT_TRUE(folder.lock());
}

TEST_F(OwnFolderTest, nobody_else_can_open_the_lock) {
    const OwnFolder folder = opened();
    const fs::path lock = path / ".tcpdwell.lock";
    write(".tcpdwell.lock", "");
    for (const mode_t open : {0644, 0601}) {
        ASSERT_EQ(::chmod(lock.c_str(), open), 0);
        EXPECT_TRUE(folder.lock());
        EXPECT_EQ(rights(lock), 0600u);
    }
}

TEST_F(OwnFolderTest, what_stands_in_the_place_of_the_lock_is_said) {
    const OwnFolder folder = opened();
    const fs::path lock = path / ".tcpdwell.lock";
    ASSERT_EQ(::mkfifo(lock.c_str(), 0600), 0);
    EXPECT_NE(folder.lock().error().message.find("is no lock"), std::string::npos);
    fs::remove(lock);
    for (const bool is_link : {false, true}) {
        if (is_link)
            fs::create_symlink("elsewhere", lock);
        else
            fs::create_directory(lock);
        const auto locked = folder.lock();
        ASSERT_FALSE(locked);
        EXPECT_NE(locked.error().message.find("no recorder can lock its folder"),
                  std::string::npos);
        fs::remove(lock);
    }
    EXPECT_FALSE(fs::exists(path / "elsewhere"));
}

TEST_F(OwnFolderTest, a_folder_in_it_is_made_once_and_found_only_if_it_is_ours) {
    const OwnFolder parent = opened();
    EXPECT_FALSE(OwnFolder::find(parent, "below"));
    const auto made = OwnFolder::create(parent, "below");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->path(), (path / "below").string());
    EXPECT_EQ(rights(path / "below") & 077, 0u);
    const auto twice = OwnFolder::create(parent, "below");
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().error_number, EEXIST);
    const auto found = OwnFolder::find(parent, "below");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->path(), (path / "below").string());
    fs::create_directory_symlink("below", path / "link");
    write("file", "");
    EXPECT_FALSE(OwnFolder::find(parent, "link"));
    EXPECT_FALSE(OwnFolder::find(parent, "file"));
    for (const mode_t other : {0770, 0707, 0500}) {
        ASSERT_EQ(::chmod((path / "below").c_str(), other), 0);
        EXPECT_FALSE(OwnFolder::find(parent, "below")) << other;
    }
}

TEST_F(OwnFolderTest, a_file_gets_a_second_name_and_loses_one) {
    const OwnFolder folder = opened();
    const auto other = OwnFolder::create(folder, "other");
    ASSERT_TRUE(other);
    write("a", "a");
    write("b", "b");
    EXPECT_TRUE(folder.link("a", *other));
    EXPECT_EQ(text_of(other->open_file("a")), "a");
    errno = 0;
    EXPECT_FALSE(folder.link("b", *other, "a"));
    EXPECT_EQ(errno, EEXIST);
    EXPECT_TRUE(folder.rename("b", *other, "a"));
    EXPECT_EQ(text_of(other->open_file("a")), "b");
    EXPECT_FALSE(folder.rename("b", *other, "a")) << "it is gone";
    EXPECT_TRUE(folder.sync());
    EXPECT_FALSE(folder.remove_folder("other")) << "it isn't empty";
    EXPECT_TRUE(other->remove("a"));
    EXPECT_FALSE(other->remove("a")) << "it is gone";
    EXPECT_FALSE(folder.remove("other")) << "a folder";
    EXPECT_TRUE(folder.remove_folder("other"));
    EXPECT_FALSE(fs::exists(path / "other"));
}

} // namespace
} // namespace tcpdwell::test
