// SPDX-License-Identifier: Apache-2.0
// Files below /proc/PID.
#include "process_facts.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/fd.h"

namespace tcpdwell::test {

namespace {

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

// The value of a "key:" line; "" if there is none.
std::string field(const std::string& text, const std::string& key) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(key + ":"))
            return line.substr(
                std::min(line.size(), line.find_first_not_of(" \t", key.size() + 1)));
    return "";
}

} // namespace

std::string status_of(pid_t pid, const std::string& key) {
    return field(read_file(folder_of(pid) + "/status"), key);
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::uint64_t capabilities(pid_t pid, const std::string& set) {
    return std::stoull(status_of(pid, set), nullptr, 16);
}

std::vector<pid_t> children_of(pid_t pid) {
    std::istringstream text(
        read_file(folder_of(pid) + "/task/" + std::to_string(pid) + "/children"));
    return {std::istream_iterator<pid_t>(text), {}};
}

bool is_running(pid_t pid) {
    const std::string state = status_of(pid, "State");
    return !state.empty() && state[0] != 'Z' && state[0] != 'X';
}

std::set<std::uint32_t> bpf_programs_of(pid_t pid) {
    std::set<std::uint32_t> ids;
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(pid) + "/fdinfo"))
        if (const std::string id = field(read_file(entry.path()), "prog_id"); !id.empty())
            ids.insert(static_cast<std::uint32_t>(std::stoul(id)));
    return ids;
}

bool is_loaded(std::uint32_t program) {
    bpf_attr request{};
    request.prog_id = program;
    const Fd fd(
        static_cast<int>(syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &request, sizeof request)));
    return static_cast<bool>(fd);
}

} // namespace tcpdwell::test
