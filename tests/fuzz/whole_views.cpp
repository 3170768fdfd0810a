// SPDX-License-Identifier: Apache-2.0
#include "whole_views.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "cli/command.h"

namespace tcpdwell::test {
namespace {

/// One command with the same options each time: declared once, for that takes longer than to read
/// a small file.
class RepeatedCommand {
public:
    RepeatedCommand(std::string_view name, std::vector<std::string> words)
        : words_(std::move(words)) {
        const auto all = cli::commands();
        const auto found = std::ranges::find(all, name, &cli::Command::name);
        if (found == all.end()) std::abort();
        action_ = found->define(app_);
    }

    void run(const std::vector<std::string>& paths) {
        std::vector<std::string> words = words_;
        words.insert(words.end(), paths.begin(), paths.end());
        std::ranges::reverse(words); // as CLI11 takes them
        app_.parse(std::move(words));
        const auto status = action_();
        if (status ? *status != 0 && *status != 4 : status.error().message.empty()) std::abort();
    }

private:
    CLI::App app_;
    std::vector<std::string> words_;
    cli::Action action_;
};

} // namespace

MemoryFile::MemoryFile(std::string_view contents) : fd(::memfd_create("recording", MFD_CLOEXEC)) {
    if (::write(fd.get(), contents.data(), contents.size()) !=
        static_cast<ssize_t>(contents.size()))
        std::abort();
}

std::string MemoryFile::path() const { return fmt::format("/proc/self/fd/{}", fd.get()); }

void run_whole_views(const std::vector<std::string>& paths) {
    using Words = std::vector<std::string>;
    static std::array<RepeatedCommand, 9> commands{
        RepeatedCommand("report", Words{"-q", "--by", "service", "-r"}),
        RepeatedCommand("report",
                        Words{"-q", "--strict", "-f", "json", "--html", "/dev/null", "-r"}),
        RepeatedCommand("report", Words{"-q", "--since", "+1s", "-f", "json", "-r"}),
        RepeatedCommand("trace", Words{"-q", "-f", "jsonl", "-r"}),
        RepeatedCommand("trace", Words{"-q", "-c", "--idle", "-f", "csv", "-r"}),
        RepeatedCommand("info", Words{"-f", "json"}),
        RepeatedCommand("info", Words{"-f", "text"}),
        RepeatedCommand("copy", Words{"-q", "--anonymize", "-o", "-", "-r"}),
        RepeatedCommand("copy", Words{"-q", "--since", "+1s", "-o", "-", "-r"})};
    for (RepeatedCommand& command : commands) command.run(paths);
}

} // namespace tcpdwell::test
