// SPDX-License-Identifier: Apache-2.0
// What another process does with the rights that we have given up, and when we have ended.
#include "run/keeper.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "run/child_command.h"
#include "support/moment.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;

class KeeperTest : public testing::Test {
protected:
    PendingFile opened() {
        auto file = PendingFile::open(path_, IfExists::replace);
        EXPECT_TRUE(file) << file.error().message;
        EXPECT_EQ(::write(file->fd(), "new", 3), 3);
        return std::move(*file);
    }
    static std::shared_ptr<run::Keeper> started(const run::KeeperDuties& duties) {
        auto keeper = run::Keeper::start(duties);
        EXPECT_TRUE(keeper) << keeper.error().message;
        return *keeper;
    }
    std::string read() const {
        std::string text;
        std::ifstream(path_) >> text;
        return text;
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
    }

    TemporaryFolder folder_;
    std::string path_ = folder_.path() / "file";
};

TEST_F(KeeperTest, publishes_when_it_is_asked_to) {
    std::ofstream(path_) << "old";
    PendingFile file = opened();
    file.publish_through([keeper = started({.file = &file})] { return keeper->publish(); });
    EXPECT_EQ(read(), "old");
    const auto published = file.publish();
    EXPECT_TRUE(published) << published.error().message;
    EXPECT_EQ(read(), "new");
    EXPECT_EQ(files(), 1U);
    EXPECT_TRUE(file.publish()) << "once more does nothing";
}

TEST_F(KeeperTest, reports_why_it_cant) {
    PendingFile file = opened();
    file.publish_through([keeper = started({.file = &file})] { return keeper->publish(); });
    std::ofstream(path_) << "other";
    const auto published = file.publish();
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().error_number, EEXIST);
    EXPECT_NE(published.error().message.find("another process"), std::string::npos);
    EXPECT_EQ(read(), "other");
}

TEST_F(KeeperTest, removes_what_isnt_published_however_we_end) {
    for (const bool is_killed : {false, true}) {
        const pid_t child = ::fork();
        if (child == 0) {
            PendingFile file = opened();
            auto keeper = started({.file = &file});
            if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2); // it can't remove it
            if (is_killed) ::raise(SIGKILL);
            keeper.reset();
            ::_exit(0);
        }
        ::waitpid(child, nullptr, 0);
        for (int i = 0; files() != 0 && i < 500; ++i) pause(std::chrono::milliseconds(10));
        EXPECT_EQ(files(), 0U) << is_killed;
    }
}

TEST_F(KeeperTest, passes_signals_on_to_the_command) {
    auto command = run::ChildCommand::prepare({"sleep", "1000"});
    ASSERT_TRUE(command) << command.error().message;
    const auto keeper =
        started({.command = command->pid(), .in_child = [&] { command->close_gate(); }});
    command->signal_through([&](int number) { keeper->signal(number); });
    command->go();
    command->signal(SIGTERM);
    for (int i = 0; !command->poll() && i < 1000; ++i) pause(std::chrono::milliseconds(10));
    EXPECT_EQ(command->poll(), 128 + SIGTERM);
}

TEST_F(KeeperTest, keeps_no_command_waiting_that_never_began) {
    auto command = run::ChildCommand::prepare({"true"});
    ASSERT_TRUE(command) << command.error().message;
    const auto keeper =
        started({.command = command->pid(), .in_child = [&] { command->close_gate(); }});
    { const run::ChildCommand gone = std::move(*command); } // waits for it
    SUCCEED();
}

TEST_F(KeeperTest, a_command_runs_as_the_user_named) {
    EXPECT_EQ(run::find_command_user("no-such-user-anywhere").error().code, ErrorCode::usage);
    if (::geteuid() != 0) {
        EXPECT_EQ(run::find_command_user("root").error().code, ErrorCode::cannot_trace);
        return;
    }
    const auto nobody = run::find_command_user("nobody");
    ASSERT_TRUE(nobody) << nobody.error().message;
    auto command = run::ChildCommand::prepare(
        {"sh", "-c", "test \"$(id -un) $(id -Gn)\" = 'nobody nogroup'"}, *nobody);
    ASSERT_TRUE(command) << command.error().message;
    command->go();
    for (int i = 0; !command->poll() && i < 1000; ++i) pause(std::chrono::milliseconds(10));
    EXPECT_EQ(command->poll(), 0);
}

} // namespace
} // namespace tcpdwell::test
