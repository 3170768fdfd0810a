// SPDX-License-Identifier: Apache-2.0
#include "support/tmux_screen.h"

#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/program.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

/// Calls `is_so` until it is, or for 20 s.
void await(const std::function<bool()>& is_so) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!is_so() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(50ms);
}

} // namespace

TmuxScreen::TmuxScreen(std::size_t width, std::size_t height, const std::string& command) {
    const std::string status = (folder_.path() / "status").string();
    // The shell stays, so that the last screen does.
    const std::string script = "export LC_ALL=C.UTF-8 TZ=UTC; " + command + "; echo $? >'" +
                               status + ".new'; mv '" + status + ".new' '" + status +
                               "'; exec sleep 1000";
    if (run(tmux({"-f", "/dev/null", "new-session", "-d", "-x", std::to_string(width), "-y",
                  std::to_string(height), script})) != 0)
        throw std::runtime_error("tmux can't be started");
}

TmuxScreen::~TmuxScreen() { run(tmux({"kill-server"})); }

std::vector<std::string> TmuxScreen::tmux(std::vector<std::string> words) const {
    words.insert(words.begin(), {"tmux", "-u", "-S", (folder_.path() / "socket").string()});
    return words;
}

void TmuxScreen::keys(const std::vector<std::string>& names) {
    for (const std::string& name : names) run(tmux({"send-keys", name}));
}

void TmuxScreen::resize(std::size_t width, std::size_t height) {
    run(tmux({"resize-window", "-x", std::to_string(width), "-y", std::to_string(height)}));
}

std::string TmuxScreen::shown(bool coloured) const {
    std::vector<std::string> words = tmux({"capture-pane", "-p"});
    if (coloured) words.emplace_back("-e");
    Program capture(std::move(words));
    capture.wait(30s);
    return capture.printed();
}

std::string TmuxScreen::settled(const std::function<bool(const std::string&)>& is_wanted) const {
    std::string screen;
    await([&] {
        const std::string before = std::exchange(screen, shown());
        return is_wanted(screen) && screen == before; // else it may be half drawn
    });
    return screen;
}

std::string TmuxScreen::shown_with(const std::string& text) const {
    return settled([&](const std::string& s) { return s.find(text) != std::string::npos; });
}

std::string TmuxScreen::shown_without(const std::string& text) const {
    return settled([&](const std::string& s) { return s.find(text) == std::string::npos; });
}

std::string TmuxScreen::exit_status() const {
    std::string status;
    await([&] {
        std::getline(std::ifstream(folder_.path() / "status"), status);
        return !status.empty();
    });
    return status;
}

} // namespace tcpdwell::test
