// SPDX-License-Identifier: Apache-2.0
// `top` of the running kernel, on a terminal: what it shows of a service against what this program
// does with its sockets; and that the terminal is as before when it has ended without its rights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "netns.h"
#include "sockets.h"
#include "support/temporary_folder.h"
#include "support/tmux_screen.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

class LiveTop : public testing::Test {
protected:
    void SetUp() override { enter_new_netns(); }

    [[nodiscard]] std::string service() const {
        return "127.0.0.1:" + std::to_string(local_of(listener_).port);
    }
    [[nodiscard]] std::string command(const std::string& options = "") const {
        return "'" + tcpdwell_path() + "' top --port " + std::to_string(local_of(listener_).port) +
               " " + options;
    }

    Fd& listener() { return listener_; }

private:
    Fd listener_; // made in the namespace, by the first test that needs it
};

TEST_F(LiveTop, shows_a_services_connections) {
    listener() = listen_on({"127.0.0.1", 0});
    TmuxScreen screen(120, 30, command());
    EXPECT_THAT(screen.shown_with("LISTEN          1"), HasSubstr("live")) << screen.shown();
    constexpr int kEnded = 20;
    for (int i = 0; i < kEnded; ++i) open_and_close(listener());
    const Fd client = tcp_socket();
    connect_to(client, local_of(listener()));
    const Fd server = accept_from(listener());

    // The clients have closed first, so the TIME_WAITs are theirs.
    EXPECT_THAT(screen.shown_with("TIME_WAIT      20"), HasSubstr("no event lost"));
    screen.keys({"/"});
    for (const char c : service()) screen.keys({std::string(1, c)});
    screen.keys({"Enter"});
    EXPECT_THAT(screen.shown_without("Filter:"),
                ContainsRegex(service() + " +[0-9]+/[^ ]+ +[0-9.]+ +1 +0 +0 +0 +0 +21 "));
    screen.keys({"Enter"});
    EXPECT_THAT(screen.shown_with("Endings:"),
                testing::AllOf(HasSubstr("fin 20 (95.2%), open 1 (4.8%)"),
                               HasSubstr("remote 20 (95.2%), none 1 (4.8%)"),
                               HasSubstr("ESTABLISHED 1"), ContainsRegex("accept delay +21")));
    screen.keys({"Escape", "Escape", "5"});
    EXPECT_THAT(screen.shown_with("STATE"), HasSubstr("ESTABLISHED"));
    screen.keys({"q"});
    EXPECT_EQ(screen.exit_status(), "0");
}

TEST_F(LiveTop, stands_still_while_it_is_frozen) {
    listener() = listen_on({"127.0.0.1", 0});
    TmuxScreen screen(80, 24, command("-i 200ms"));
    screen.shown_with("LISTEN          1");
    screen.keys({"Space"});
    const std::string frozen = screen.shown_with("FROZEN");
    for (int i = 0; i < 5; ++i) open_and_close(listener());
    std::this_thread::sleep_for(std::chrono::seconds(1));
    EXPECT_EQ(screen.shown(), frozen);
    screen.keys({"Space"});
    EXPECT_THAT(screen.shown_without("FROZEN"), HasSubstr("TIME_WAIT"));
    EXPECT_THAT(screen.shown_with("TIME_WAIT       5"), HasSubstr("TIME_WAIT       5"))
        << "it has been taken in all the same";
}

TEST_F(LiveTop, leaves_the_terminal_as_it_was) {
    listener() = listen_on({"127.0.0.1", 0});
    const TemporaryFolder folder;
    const std::string before = (folder.path() / "before").string();
    const std::string after = (folder.path() / "after").string();
    const TmuxScreen screen(80, 24,
                            "stty -g >'" + before + "'; " + command("-d 2s") + " && stty -g >'" +
                                after + "' && cmp '" + before + "' '" + after + "'");
    EXPECT_EQ(screen.exit_status(), "0") << screen.shown();
}

} // namespace
} // namespace tcpdwell::test
