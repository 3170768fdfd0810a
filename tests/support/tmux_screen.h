// SPDX-License-Identifier: Apache-2.0
// A program on a terminal that tmux emulates: keys go in, screens come out.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace tcpdwell::test {

class TmuxScreen {
public:
    /// `command` is run by a shell, once, with UTF-8 and UTC, and what else it sets for itself.
    /// Throws std::runtime_error where tmux can't be started.
    TmuxScreen(std::size_t width, std::size_t height, const std::string& command);
    TmuxScreen(const TmuxScreen&) = delete;
    TmuxScreen& operator=(const TmuxScreen&) = delete;
    ~TmuxScreen(); ///< ends what still runs there

    /// As send-keys of tmux(1) takes them: "Enter", "/", "NPage", "C-c".
    void keys(const std::vector<std::string>& names);
    void resize(std::size_t width, std::size_t height);
    /// What is shown, without spaces at the ends of lines; with the sequences for colours if
    /// `coloured`.
    [[nodiscard]] std::string shown(bool coloured = false) const;
    /// What is shown once `text` is in it; after 20 s whatever is shown then.
    std::string shown_with(const std::string& text) const;
    /// The same once `text` is no longer in it.
    std::string shown_without(const std::string& text) const;
    /// What the program's exit status was, as a shell prints it; "" if it hasn't ended within 20 s.
    [[nodiscard]] std::string exit_status() const;

private:
    [[nodiscard]] std::string
    settled(const std::function<bool(const std::string&)>& is_wanted) const;
    [[nodiscard]] std::vector<std::string> tmux(std::vector<std::string> words) const;

    TemporaryFolder folder_;
};

} // namespace tcpdwell::test
