// SPDX-License-Identifier: Apache-2.0
// Writes the manual pages of section 8 and the completion scripts into a folder, at build time.
// Usage: tcpdwell_manual FOLDER DATE
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "cli/command_line.h"
#include "cli/manual/pages.h"

namespace tcpdwell::cli {
namespace {

bool write_page(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) fmt::print(stderr, "tcpdwell_manual: cannot write {}\n", path);
    return !file.fail();
}

bool write_pages(const std::string& folder, const std::string& date) {
    CommandLine line;
    const Interface interface = read_interface(line.app());
    bool good = write_page(folder + "/tcpdwell.8", program_page(interface, date));
    for (const CommandPage& command : interface.commands)
        good = write_page(fmt::format("{}/tcpdwell-{}.8", folder, command.name),
                          command_page(interface, command, date)) &&
               good;
    good = write_page(folder + "/tcpdwell.bash", bash_completion(interface)) && good;
    good = write_page(folder + "/_tcpdwell", zsh_completion(interface)) && good;
    return write_page(folder + "/tcpdwell.fish", fish_completion(interface)) && good;
}

} // namespace
} // namespace tcpdwell::cli

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: tcpdwell_manual FOLDER DATE\n", stderr);
        return 2;
    }
    try {
        return tcpdwell::cli::write_pages(argv[1], argv[2]) ? 0 : 1;
    } catch (const std::exception& error) {
        std::fputs(error.what(), stderr);
        return 1;
    }
}
