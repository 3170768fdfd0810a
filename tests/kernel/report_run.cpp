// SPDX-License-Identifier: Apache-2.0
// The program, its signals and its lines.
#include "report_run.h"

#include <signal.h>

#include <sstream>
#include <stdexcept>

#include "support/moment.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kReportLimit = std::chrono::seconds(60);
// Until it has read the kernel's tables.
constexpr auto kFirstReading = 500ms;

} // namespace

std::vector<std::string> report_words(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{tcpdwell_path(), "report", "--format", "json"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
}

ReportRun::ReportRun(const std::vector<std::string>& arguments, const Program::Setting& setting)
    : program_(report_words(arguments), setting) {}

void ReportRun::await_tracing() {
    if (!program_.await_saying("tracing; Ctrl-C ends it", kReportLimit))
        throw std::runtime_error("report doesn't trace: " + program_.said());
    pause(kFirstReading);
}

void ReportRun::interrupt() const {
    if (program_.pid() > 0) kill(program_.pid(), SIGINT);
}

int ReportRun::wait() { return program_.wait(kReportLimit); }

std::vector<nlohmann::json> ReportRun::reports() const {
    std::vector<nlohmann::json> result;
    std::istringstream lines(program_.printed());
    for (std::string line; std::getline(lines, line);)
        result.push_back(nlohmann::json::parse(line));
    return result;
}

nlohmann::json ReportRun::only_report() {
    const int status = wait();
    std::vector<nlohmann::json> made = reports();
    if (status != 0 || made.size() != 1)
        throw std::runtime_error("status " + std::to_string(status) + ", " +
                                 std::to_string(made.size()) + " reports: " + program_.said());
    return made.front();
}

nlohmann::json report_on(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& command) {
    std::vector<std::string> words = arguments;
    words.insert(words.end(), {"--all", "--"});
    words.insert(words.end(), command.begin(), command.end());
    return ReportRun(words).only_report();
}

} // namespace tcpdwell::test
