// SPDX-License-Identifier: Apache-2.0
// Writes the pages of the tests to a folder, to be looked at: show_page FOLDER
#include <filesystem>
#include <fstream>
#include <iostream>

#include "render/html.h"
#include "samples.h"

int main(int argc, char** argv) {
    using namespace tcpdwell;
    if (argc != 2) {
        std::cerr << "usage: show_page FOLDER\n";
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    const auto write = [&](const char* name, const test::Json& report) {
        std::ofstream(folder / name, std::ios::binary) << render::report_page(report.dump());
    };
    write("usual.html", test::usual_report());
    write("empty.html", test::empty_report());
    write("hostile.html", test::hostile_report());
    write("hosts.html", test::hosts_report());
    write("huge.html", test::huge_report());
    return std::cerr.good() ? 0 : 1;
}
