// SPDX-License-Identifier: Apache-2.0
// The binary under test, with its words as they are: no shell in between.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/program.h"

namespace tcpdwell::test {

inline std::string tcpdwell_binary() {
    const char* binary = std::getenv("TCPDWELL"); // NOLINT(concurrency-mt-unsafe)
    return binary ? binary : "tcpdwell";
}

struct Finished {
    int status;
    std::string out;
    std::string err;
};

inline Finished run_binary(std::vector<std::string> words) {
    words.insert(words.begin(), tcpdwell_binary());
    Program program(std::move(words));
    const int status = program.wait(std::chrono::seconds(60));
    return {status, program.printed(), program.said()};
}

inline std::string text_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

} // namespace tcpdwell::test
