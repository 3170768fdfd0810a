// SPDX-License-Identifier: Apache-2.0
// Command lines to filters.
#include "cli/filter_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<event::Filter> filter_of(std::vector<std::string> arguments,
                                cli::FilterTarget target = cli::FilterTarget::recording) {
    CLI::App app;
    const auto options = cli::FilterOptions::declare(app);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
    return options->resolve(target);
}

std::string error_of(std::vector<std::string> arguments,
                     cli::FilterTarget target = cli::FilterTarget::recording) {
    const auto filter = filter_of(std::move(arguments), target);
    EXPECT_FALSE(filter);
    if (filter) return {};
    EXPECT_EQ(filter.error().code, ErrorCode::usage);
    return filter.error().message;
}

TEST(FilterOptions, NoneIsEmpty) {
    CLI::App app;
    const auto options = cli::FilterOptions::declare(app);
    app.parse(std::vector<std::string>{});
    EXPECT_TRUE(options->empty());
    EXPECT_TRUE(options->resolve(cli::FilterTarget::live)->empty());
}

TEST(FilterOptions, AnyOfThemIsNotEmpty) {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"1", "--port"},
                                               {"1", "--local-port"},
                                               {"1", "--remote-port"},
                                               {"::1", "--addr"},
                                               {"1", "--pid"},
                                               {"x", "--comm"},
                                               {"1", "--netns"},
                                               {"/x", "--cgroup"},
                                               {"x", "--container"},
                                               {"-4"},
                                               {"-6"},
                                               {"client", "--role"},
                                               {"2", "--sample"}}) {
        CLI::App app;
        const auto options = cli::FilterOptions::declare(app);
        options->declare_sample(app);
        app.parse(std::vector<std::string>(arguments));
        EXPECT_FALSE(options->empty()) << arguments.back();
        const auto filter = options->resolve(cli::FilterTarget::recording);
        ASSERT_TRUE(filter) << filter.error().message;
        EXPECT_FALSE(filter->empty()) << arguments.back();
    }
}

TEST(FilterOptions, ListsAreSeparatedByCommasOrRepeated) {
    const auto filter =
        filter_of({"--port", "80,443", "--port", "8080", "--local-port", "1", "--remote-port=2,3",
                   "--pid", "7,8", "--comm", "nginx,php*", "--addr", "10.0.0.0/8,::1"});
    ASSERT_TRUE(filter) << filter.error().message;
    EXPECT_THAT(filter->ports.wanted, ElementsAre(80, 443, 8080));
    EXPECT_THAT(filter->local_ports.wanted, ElementsAre(1));
    EXPECT_THAT(filter->remote_ports.wanted, ElementsAre(2, 3));
    EXPECT_THAT(filter->pids.wanted, ElementsAre(7, 8));
    EXPECT_THAT(filter->comms.wanted, ElementsAre("nginx", "php*"));
    EXPECT_EQ(filter->addresses.wanted.size(), 2u);
}

TEST(FilterOptions, AnOptionTakesOneArgumentOnly) {
    CLI::App app;
    const auto options = cli::FilterOptions::declare(app);
    std::string command;
    app.add_option("command", command);
    app.parse(std::vector<std::string>{"true", "80", "--port"});
    EXPECT_EQ(command, "true");
    EXPECT_THAT(options->resolve(cli::FilterTarget::recording)->ports.wanted, ElementsAre(80));
}

TEST(FilterOptions, EveryListTakesExclamationMarks) {
    const auto filter =
        filter_of({"--port", "!22,8000-8100", "--local-port", "!1", "--remote-port", "!2", "--pid",
                   "!7", "--comm", "!ssh*", "--addr", "!10.0.0.0/8", "--netns", "!7,8", "--cgroup",
                   "!gone.slice/", "--container", "web,!shop/*"});
    ASSERT_TRUE(filter) << filter.error().message;
    EXPECT_THAT(filter->ports.wanted, ElementsAre(event::PortRange(8000, 8100)));
    EXPECT_THAT(filter->ports.excluded, ElementsAre(22));
    EXPECT_THAT(filter->local_ports.excluded, ElementsAre(1));
    EXPECT_THAT(filter->remote_ports.excluded, ElementsAre(2));
    EXPECT_THAT(filter->pids.excluded, ElementsAre(7));
    EXPECT_THAT(filter->comms.excluded, ElementsAre("ssh*"));
    EXPECT_EQ(filter->addresses.excluded.size(), 1u);
    EXPECT_THAT(filter->netns.wanted, ElementsAre(8));
    EXPECT_THAT(filter->netns.excluded, ElementsAre(7));
    EXPECT_THAT(filter->cgroups.excluded, ElementsAre("/gone.slice"));
    EXPECT_THAT(filter->containers.wanted, ElementsAre("web"));
    EXPECT_THAT(filter->containers.excluded, ElementsAre("shop/*"));
    EXPECT_THAT(error_of({"--netns", "!blue"}), HasSubstr("--netns blue"));
}

TEST(FilterOptions, a_sample_is_a_number_of_which_one_is_taken) {
    const auto sample_of = [](const std::string& text) {
        CLI::App app;
        const auto options = cli::FilterOptions::declare(app);
        options->declare_sample(app);
        app.parse(std::vector<std::string>{text, "--sample"});
        const auto filter = options->resolve(cli::FilterTarget::live);
        return std::tuple(filter->sample, options->sample(), options->text());
    };
    EXPECT_EQ(sample_of("10"), std::tuple(10U, 10U, "--sample 10"));
    EXPECT_EQ(sample_of("1"), std::tuple(1U, 1U, ""));
    for (const char* wrong : {"0", "-1", "1000001", "x", "1.5"})
        EXPECT_THROW(sample_of(wrong), CLI::ParseError) << wrong;
}

TEST(FilterOptions, FamilyAndRole) {
    EXPECT_EQ(filter_of({"-4"})->family, tcp::Family::ipv4);
    EXPECT_EQ(filter_of({"-6"})->family, tcp::Family::ipv6);
    EXPECT_EQ(filter_of({"--role", "server"})->role, tcp::Role::server);
    EXPECT_THAT(error_of({"-4", "-6"}), HasSubstr("-4 and -6"));
    EXPECT_THAT(error_of({"--role", "x"}), HasSubstr("--role x"));
}

TEST(FilterOptions, ErrorsNameTheOptionAndTheText) {
    EXPECT_THAT(error_of({"--port", "no-such-service"}), HasSubstr("--port no-such-service"));
    EXPECT_THAT(error_of({"--remote-port", "0"}), HasSubstr("--remote-port 0"));
    EXPECT_THAT(error_of({"--addr", "10.0.0.0/33"}), HasSubstr("--addr 10.0.0.0/33"));
    EXPECT_THAT(error_of({"--pid", "x"}), HasSubstr("--pid x"));
    EXPECT_THAT(error_of({"--comm", "a,,b"}), HasSubstr("--comm 'a,,b'"));
    EXPECT_THAT(error_of({"--comm", "a,"}), HasSubstr("--comm 'a,'"));
    EXPECT_THAT(error_of({"--netns", ""}), HasSubstr("--netns"));
}

TEST(FilterOptions, TheFirstOfSeveralErrorsIsReported) {
    EXPECT_THAT(error_of({"--port", "no-such-service", "--pid", "x"}),
                HasSubstr("--port no-such-service"));
}

TEST(FilterOptions, InRecordingsANamespaceIsItsInode) {
    EXPECT_THAT(filter_of({"--netns", "4026531833,7"})->netns.wanted, ElementsAre(4026531833, 7));
    EXPECT_THAT(error_of({"--netns", "blue"}), HasSubstr("--netns blue"));
}

TEST(FilterOptions, InRecordingsAnyCgroupWillDo) {
    EXPECT_THAT(filter_of({"--cgroup", "gone.slice/,/sys/fs/cgroup/system.slice/x.service"})
                    ->cgroups.wanted,
                ElementsAre("/gone.slice", "/system.slice/x.service"));
}

TEST(FilterOptions, LiveNamesMustExist) {
    EXPECT_EQ(
        error_of({"--netns", "no-such-netns"}, cli::FilterTarget::live),
        "--netns no-such-netns: no such network namespace; 'ip netns list' shows the named ones");
    const auto own = filter_of({"--netns", "/proc/self/ns/net"}, cli::FilterTarget::live);
    ASSERT_TRUE(own) << own.error().message;
    EXPECT_EQ(own->netns.wanted.size(), 1u);
}

TEST(NormalCgroupPath, IsWhatTheKernelWrites) {
    EXPECT_EQ(cli::normal_cgroup_path("/a/b"), "/a/b");
    EXPECT_EQ(cli::normal_cgroup_path("a//b///"), "/a/b");
    EXPECT_EQ(cli::normal_cgroup_path("/"), "/");
    EXPECT_EQ(cli::normal_cgroup_path(""), "/");
    EXPECT_EQ(cli::normal_cgroup_path("/sys/fs/cgroup"), "/");
    EXPECT_EQ(cli::normal_cgroup_path("/sys/fs/cgroup/unified/a"), "/a");
    EXPECT_EQ(cli::normal_cgroup_path("/sys/fs/cgroups/a"), "/sys/fs/cgroups/a");
}

TEST(NormalCgroupPath, TheMountPointStandsForItsRoot) {
    EXPECT_EQ(cli::normal_cgroup_path("/mnt/cg/a", "/mnt/cg"), "/a");
    EXPECT_EQ(cli::normal_cgroup_path("/mnt/cg/a", "/mnt/cg", "/jail"), "/jail/a");
    EXPECT_EQ(cli::normal_cgroup_path("/mnt/cg", "/mnt/cg", "/jail"), "/jail");
    EXPECT_EQ(cli::normal_cgroup_path("/jail/a", "/mnt/cg", "/jail"), "/jail/a");
}

} // namespace
} // namespace tcpdwell::test
