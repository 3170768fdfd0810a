// SPDX-License-Identifier: Apache-2.0
#include "hosts_run.h"

#include <array>
#include <cstdio>
#include <stdexcept>

#include "two_hosts.h"

namespace tcpdwell {

std::string report_of_two_hosts(const std::string& options) {
    std::string folder = (std::filesystem::temp_directory_path() / "tcpdwell-hosts-XXXXXX").string();
    if (!::mkdtemp(folder.data())) throw std::runtime_error("no temporary folder");
    TwoHosts().record(folder);
    const std::string command =
        "cd " + folder + " && LC_ALL=C TZ=UTC " TCPDWELL_BINARY " report -q -r client.tdw server.tdw " + options;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (!pipe) throw std::runtime_error("no shell");
    std::string out;
    std::array<char, 4096> some{};
    while (const std::size_t n = std::fread(some.data(), 1, some.size(), pipe)) out.append(some.data(), n);
    const int status = ::pclose(pipe);
    std::filesystem::remove_all(folder);
    if (status != 0) throw std::runtime_error("tcpdwell failed: " + command);
    return out;
}

} // namespace tcpdwell
