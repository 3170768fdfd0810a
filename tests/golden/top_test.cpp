// SPDX-License-Identifier: Apache-2.0
// `top` on a terminal: recordings of incidents, keys, other sizes, and terminals that can't or
// that go away.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "expected_file.h"
#include "support/program.h"
#include "support/tmux_screen.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const std::string kIncidents = GOLDEN_FOLDER "/recordings/incidents";

/// One refresh when it begins and one when the recording has been read, however long that takes.
std::string top_of(const std::string& recording, const std::string& options = "--speed max") {
    return "cd '" + kIncidents + "'; '" TCPDWELL_BINARY "' top -i 1h -r " + recording + ".tdw " +
           options;
}

class Top : public testing::Test {
protected:
    void SetUp() override {
        if (may_be_missing() && find_program("tmux").empty()) GTEST_SKIP() << "no tmux";
    }
};

TEST_F(Top, shows_incidents) {
    for (const std::string recording :
         {"ephemeral_ports_low", "connects_unanswered", "server_closes_first", "quiet_postgres"}) {
        const TmuxScreen screen(80, 24, top_of(recording));
        expect_golden("top_" + recording + ".txt", screen.shown_with(", end"));
    }
}

TEST_F(Top, obeys_keys) {
    TmuxScreen screen(120, 30, top_of("ephemeral_ports_low"));
    screen.shown_with(", end");
    screen.keys({"5", "<", "<", "<", "<"});
    expect_golden("top_keys_sorted.txt", screen.shown_with("by LOCAL"));
    screen.keys({"/", "t", "i", "m", "e", "_"});
    screen.shown_with("Filter: time__");
    screen.keys({"Enter"});
    screen.shown_without("Filter:");
    screen.keys({"End"});
    expect_golden("top_keys_filtered.txt", screen.shown_with("127.0.0.1:42047"));
    screen.keys({"Escape", "4", "Enter"});
    expect_golden("top_keys_row.txt", screen.shown_with("Ports held"));
    screen.keys({"f"});
    expect_golden("top_keys_findings.txt", screen.shown_without("Ports held"));
    screen.keys({"Escape", "?"});
    EXPECT_THAT(screen.shown_with("Ctrl-L"), HasSubstr("quit"));
    screen.keys({"q"});
    EXPECT_EQ(screen.exit_status(), "0");
    EXPECT_THAT(screen.shown(), Not(HasSubstr("tcpdwell top"))) << "what was there before is back";
}

TEST_F(Top, seeks_and_pauses) {
    TmuxScreen screen(80, 24, top_of("connects_unanswered", "--speed 0.1x"));
    screen.shown_with("0.1x");
    screen.keys({"Space"});
    EXPECT_THAT(screen.shown_with("paused"), HasSubstr("at 0:00 of 0:04"));
    screen.keys({"Right"});
    screen.shown_with(", end");
    screen.keys({"5"}); // where nothing depends on when it was refreshed
    const std::string end = screen.shown_with("by FOR");
    screen.keys({"Left"});
    EXPECT_THAT(screen.shown_with("paused"), HasSubstr("at 0:00 of 0:04"));
    screen.keys({"Right"});
    EXPECT_EQ(screen.shown_with(", end"), end) << "the same moment, the same screen";
    screen.keys({"Left", "Space", "+", "+"});
    screen.shown_with("0.4x");
    screen.keys({"C-c"});
    EXPECT_EQ(screen.exit_status(), "0");
}

TEST_F(Top, survives_other_sizes) {
    TmuxScreen screen(80, 24, top_of("ephemeral_ports_low"));
    const std::string before = screen.shown_with(", end");
    for (const auto& [width, height] : {std::pair<std::size_t, std::size_t>{300, 60},
                                        {40, 10},
                                        {20, 5},
                                        {1, 1},
                                        {200, 3},
                                        {120, 40}})
        screen.resize(width, height);
    screen.resize(40, 12);
    expect_golden("top_40_columns.txt", screen.shown_with("Serv"));
    screen.resize(30, 12);
    EXPECT_THAT(screen.shown_with("Too small"), HasSubstr("40x10 at least"));
    screen.resize(80, 24);
    EXPECT_EQ(screen.shown_with("Services"), before);
}

TEST_F(Top, does_without_colours_and_unicode) {
    for (const std::string setting : {"NO_COLOR=1", "TERM=vt100", "LC_ALL=C"}) {
        const TmuxScreen screen(80, 24, "export " + setting + "; " + top_of("ephemeral_ports_low"));
        screen.shown_with(", end");
        const std::string shown = screen.shown(true);
        EXPECT_THAT(shown, HasSubstr("CRIT")) << setting;
        if (setting == "LC_ALL=C")
            EXPECT_TRUE(std::ranges::all_of(shown, [](char c) { return c >= 0; })) << shown;
        else
            EXPECT_THAT(shown, Not(testing::ContainsRegex("\x1b\\[3[0-7]m"))) << setting;
    }
}

/// top on a terminal of its own, as the leader of its session.
class OnTerminal {
public:
    explicit OnTerminal(const char* type, bool ignores_hangup = false) {
        int terminal = -1;
        pid_ = ::forkpty(&terminal, nullptr, nullptr, nullptr);
        if (pid_ == 0) {
            if (ignores_hangup) ::signal(SIGHUP, SIG_IGN);
            ::setenv("TERM", type, 1);
            const std::string recording = kIncidents + "/ephemeral_ports_low.tdw";
            ::execl(TCPDWELL_BINARY, "tcpdwell", "top", "-r", recording.c_str(), nullptr);
            ::_exit(127);
        }
        terminal_ = Fd(terminal);
    }
    ~OnTerminal() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    OnTerminal(const OnTerminal&) = delete;
    OnTerminal& operator=(const OnTerminal&) = delete;

    /// What it writes up to `text`, or until it has ended.
    std::string written_until(const std::string& text) {
        std::string all;
        std::array<char, 4096> buffer{};
        for (ssize_t n = 0; all.find(text) == std::string::npos &&
                            (n = ::read(terminal_.get(), buffer.data(), buffer.size())) > 0;)
            all.append(buffer.data(), static_cast<std::size_t>(n));
        return all;
    }
    void close() { terminal_ = Fd(); }
    /// -1: it goes on, or was killed.
    int status() {
        int status = 0;
        for (int i = 0; i < 400; ++i) {
            if (::waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            }
            std::this_thread::sleep_for(50ms);
        }
        return -1;
    }

private:
    pid_t pid_ = -1;
    Fd terminal_;
};

TEST_F(Top, ends_when_its_terminal_is_closed) {
    for (const bool ignores_hangup : {false, true}) {
        OnTerminal top("xterm", ignores_hangup);
        EXPECT_THAT(top.written_until("quit"), HasSubstr("quit"));
        top.close();
        EXPECT_EQ(top.status(), 0) << ignores_hangup;
    }
}

TEST_F(Top, refuses_what_is_no_full_screen) {
    OnTerminal dumb("dumb");
    EXPECT_THAT(dumb.written_until("full screen"), HasSubstr("TERM=dumb"));
    EXPECT_EQ(dumb.status(), 2);
    OnTerminal unknown("nonesuch");
    EXPECT_THAT(unknown.written_until("full screen"), HasSubstr("TERM=nonesuch"));
    EXPECT_EQ(unknown.status(), 2);
    Program none({TCPDWELL_BINARY, "top", "-r", kIncidents + "/ephemeral_ports_low.tdw"});
    EXPECT_EQ(none.wait(20s), 2);
    EXPECT_EQ(none.printed(), "");
    EXPECT_THAT(none.said(), HasSubstr("report -i"));
}

} // namespace
} // namespace tcpdwell::test
