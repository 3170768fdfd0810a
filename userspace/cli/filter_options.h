// SPDX-License-Identifier: Apache-2.0
// The filter options that every command has, and their way to a Filter.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/filter.h"

namespace tcpdwell::cli {

/// What the filter is for: names of namespaces and cgroups can only be looked up on the live host.
enum class FilterTarget {
    live,      ///< --netns and --cgroup must exist here and now
    recording, ///< --netns must be an inode; --cgroup may be any path
};

/// The texts of the filter options, as given by the user.
class FilterOptions {
public:
    /// Declares the options on `app` under the heading "Filters". The result is filled when the
    /// command line is read.
    static std::shared_ptr<FilterOptions> declare(CLI::App& app);
    /// And --conn, whose ids only the reader of a recording can know.
    void declare_connections(CLI::App& app);

    /// And --sample.
    void declare_sample(CLI::App& app);

    /// The Filter that they mean; ErrorCode::usage names the option that is wrong.
    [[nodiscard]] Result<event::Filter> resolve(FilterTarget target) const;

    /// The options as they were given, for the record: "--port 80,443 -4"; "" if there were none.
    [[nodiscard]] std::string text() const;

    /// One connection in so many.
    [[nodiscard]] std::uint64_t sample() const { return sample_; }

    /// Whether the user gave none.
    [[nodiscard]] bool empty() const;

private:
    std::vector<std::string> ports_;
    std::vector<std::string> local_ports_;
    std::vector<std::string> remote_ports_;
    std::vector<std::string> addresses_;
    std::vector<std::string> pids_;
    std::vector<std::string> comms_;
    std::vector<std::string> netns_;
    std::vector<std::string> cgroups_;
    std::vector<std::string> containers_;
    std::vector<std::string> connections_;
    bool ipv4_ = false;
    bool ipv6_ = false;
    std::string role_;
    std::uint64_t sample_ = 1;
};

/// A cgroup as the kernel writes it ("/system.slice/x"), from what users write: without the slash
/// in front, with one at the end, or as a directory below the mount point, whose own path is
/// `root`. No mount point: the usual ones.
std::string normal_cgroup_path(std::string_view text, std::string_view mount_point = {},
                               std::string_view root = "/");

} // namespace tcpdwell::cli
