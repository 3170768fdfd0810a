// SPDX-License-Identifier: Apache-2.0
// Its command line, and lines that are complete.
#include "tracer.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "support/moment.h"

namespace tcpdwell::test {

std::string tcpdwell_path() {
    const char* path = std::getenv("TCPDWELL");
    return path != nullptr ? path : "";
}

std::vector<std::string> tcpdwell_command(std::vector<std::string> arguments) {
    static const std::set<std::string> tracing{"trace", "report", "record", "check"};
    static const std::set<std::string> reading{"-r", "--read"};
    static const std::pair<const char*, const char*> chosen[] = {{"TCPDWELL_PROBES", "--probes"},
                                                                 {"TCPDWELL_BTF", "--btf"}};
    const bool reads = std::any_of(arguments.begin(), arguments.end(),
                                   [](const std::string& word) { return reading.contains(word); });
    for (const auto& [variable, option] : chosen)
        if (const char* value = std::getenv(variable);
            value != nullptr && !reads && !arguments.empty() && tracing.contains(arguments.front()))
            arguments.insert(arguments.begin() + 1, {option, value});
    arguments.insert(arguments.begin(), tcpdwell_path());
    return arguments;
}

int run_tcpdwell(const std::vector<std::string>& arguments, std::chrono::seconds limit,
                 std::string& output) {
    Program program(tcpdwell_command(arguments));
    const int status = program.wait(limit);
    output = program.printed() + program.said();
    return status;
}

Tracer::Tracer(const std::vector<std::string>& arguments) : program_(tcpdwell_command(arguments)) {}

void Tracer::read_more() {
    const std::string more = program_.printed(read_up_to_);
    read_up_to_ += more.size();
    rest_ += more;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
        lines_.push_back(nlohmann::json::parse(rest_.substr(begin, end - begin)));
    rest_.erase(0, begin);
}

bool Tracer::await_first_line(std::chrono::seconds limit) {
    const nanoseconds deadline = monotonic_now() + patience(limit);
    for (; monotonic_now() < deadline; pause(20ms)) {
        const bool ended = program_.has_ended();
        read_more();
        if (!lines_.empty()) return true;
        if (ended) return false; // it gave up
    }
    return false;
}

int Tracer::interrupt(std::chrono::seconds limit) {
    const int status = program_.stop(SIGINT, limit);
    read_more();
    return status;
}

} // namespace tcpdwell::test
