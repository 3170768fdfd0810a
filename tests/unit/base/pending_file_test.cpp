// SPDX-License-Identifier: Apache-2.0
// What is there stays until a new file takes its place, and then nothing of it stays.
#include "base/pending_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>

#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class PendingFiles : public testing::Test {
protected:
    std::string path(const std::string& name = "file") const {
        return (folder_.path() / name).string();
    }
    void write(const std::string& text, const std::string& name = "file") const {
        std::ofstream(path(name)) << text;
    }
    std::string read(const std::string& name = "file") const {
        std::ifstream in(path(name));
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
    }
    PendingFile opened(const std::string& name = "file") const {
        auto file = PendingFile::open(path(name), IfExists::replace);
        if (!file) throw std::runtime_error(file.error().message);
        EXPECT_EQ(::write(file->fd(), "new", 3), 3);
        return std::move(*file);
    }
    static struct stat status(const std::string& of) {
        struct stat status {};
        EXPECT_EQ(::stat(of.c_str(), &status), 0);
        return status;
    }

    TemporaryFolder folder_;
};

TEST_F(PendingFiles, leave_nothing_unless_published) {
    { const PendingFile file = opened(); }
    EXPECT_EQ(files(), 0U);
    write("old");
    { const PendingFile file = opened(); }
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(read(), "old");
}

TEST_F(PendingFiles, are_their_owners_alone_whatever_was_there) {
    write("old");
    ASSERT_EQ(::chmod(path().c_str(), 0666), 0);
    const bool is_root = ::geteuid() == 0;
    if (is_root) {
        ASSERT_EQ(::chown(path().c_str(), 65534, 65534), 0);
    }
    std::ifstream reader(path()); // who has it open goes on reading what was there
    PendingFile file = opened();
    ASSERT_TRUE(file.publish());
    EXPECT_EQ(status(path()).st_mode & 07777, 0600U);
    EXPECT_EQ(status(path()).st_uid, ::geteuid());
    EXPECT_EQ(read(), "new");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old");
    EXPECT_EQ(files(), 1U);
}

TEST_F(PendingFiles, replace_what_a_link_points_to) {
    write("old and longer", "target");
    fs::create_symlink("target", path());
    PendingFile file = opened();
    ASSERT_TRUE(file.publish());
    EXPECT_TRUE(fs::is_symlink(path()));
    EXPECT_EQ(read("target"), "new");
}

TEST_F(PendingFiles, replace_nothing_without_being_asked_to) {
    EXPECT_TRUE(PendingFile::open(path(), IfExists::refuse));
    write("old", "target");
    fs::create_symlink(path("target"), path());
    for (const char* name : {"target", "file"}) { // itself, and by a link
        const auto refused = PendingFile::open(path(name), IfExists::refuse);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::usage);
        EXPECT_EQ(refused.error().message, path(name) + " exists; --force overwrites it");
    }
    EXPECT_EQ(read("target"), "old");
    EXPECT_EQ(files(), 2U);
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const Fd reader(::open(path("pipe").c_str(), O_RDWR | O_CLOEXEC));
    for (const std::string& name :
         {path("pipe"), std::string("/dev/null"), std::string("-"), std::string("/dev/stdout")})
        EXPECT_TRUE(PendingFile::open(name, IfExists::refuse)) << name;
}

TEST_F(PendingFiles, are_not_made_where_a_link_points_to_nothing) {
    fs::create_symlink("gone", path());
    for (const IfExists if_exists : {IfExists::refuse, IfExists::replace}) {
        const auto refused = PendingFile::open(path(), if_exists);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().message,
                  "cannot write " + path() + ": it is a symbolic link to what isn't there");
    }
    EXPECT_EQ(files(), 1U);
}

TEST_F(PendingFiles, exclude_each_other) {
    for (const bool exists : {false, true}) {
        if (exists) write("old");
        PendingFile first = opened();
        auto second = PendingFile::open(path(), IfExists::replace);
        ASSERT_EQ(second.has_value(), !exists);
        ASSERT_TRUE(first.publish());
        const Error refusal = second ? second->publish().error() : second.error();
        EXPECT_THAT(refusal.message, testing::StartsWith("another process "));
        // While it is being written, wherever the descriptor is.
        const Fd writer = first.take_fd();
        const auto third = PendingFile::open(path(), IfExists::replace);
        ASSERT_FALSE(third);
        EXPECT_THAT(third.error().message,
                    HasSubstr("another process is writing " + path() + "; give another file"));
        EXPECT_EQ(read(), "new");
        fs::remove(path());
    }
    EXPECT_EQ(files(), 0U);
}

TEST_F(PendingFiles, write_again_when_the_other_has_ended) {
    { ASSERT_TRUE(opened().publish()); }
    ASSERT_TRUE(opened().publish());
    EXPECT_EQ(files(), 1U);
}

TEST_F(PendingFiles, do_not_replace_what_came_meanwhile) {
    write("old");
    PendingFile file = opened();
    fs::remove(path());
    write("somebody else's");
    EXPECT_FALSE(file.publish());
    EXPECT_EQ(read(), "somebody else's");
}

TEST_F(PendingFiles, are_removed_by_a_signal_that_ends_the_process) {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::signal(number, SIG_DFL);
            const PendingFile file = opened();
            ::raise(number);
            ::_exit(0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == number);
        EXPECT_EQ(files(), 0U);
    }
}

TEST_F(PendingFiles, are_not_removed_by_a_child) {
    const PendingFile file = opened();
    const pid_t child = ::fork();
    if (child == 0) {
        remove_pending_files();
        ::_exit(0);
    }
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_EQ(files(), 1U);
    remove_pending_files();
    EXPECT_EQ(files(), 0U);
}

TEST_F(PendingFiles, pass_what_is_no_file_as_it_is) {
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    const Fd reader(::open(path().c_str(), O_RDWR | O_CLOEXEC));
    PendingFile file = opened();
    ASSERT_TRUE(file.publish());
    EXPECT_TRUE(fs::is_fifo(path()));
    const auto folder = PendingFile::open(folder_.path().string(), IfExists::replace);
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().error_number, EISDIR);
    EXPECT_FALSE(PendingFile::open("", IfExists::replace));
    EXPECT_FALSE(PendingFile::open(path("no/such/folder"), IfExists::replace));
}

TEST_F(PendingFiles, know_whether_capabilities_are_needed_later) {
    EXPECT_FALSE(opened().publishing_takes_rights());
    if (::geteuid() != 0) return; // others can make no folder that isn't theirs
    ASSERT_EQ(::chown(folder_.path().c_str(), 65534, 65534), 0);
    EXPECT_TRUE(opened().publishing_takes_rights());
    ASSERT_EQ(::chmod(folder_.path().c_str(), 01777), 0);
    EXPECT_FALSE(opened().publishing_takes_rights());
    write("old");
    ASSERT_EQ(::chown(path().c_str(), 65534, 65534), 0);
    EXPECT_TRUE(opened().publishing_takes_rights());
}

} // namespace
} // namespace tcpdwell::test
