// SPDX-License-Identifier: Apache-2.0
// Filters: each member alone, together, and against what isn't known; and their texts.
#include "event/filter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <type_traits>

namespace tcpdwell::test {
namespace {

event::Process process(std::uint32_t pid, std::string_view comm) {
    event::Process result{pid, {}};
    std::memcpy(result.comm_bytes.data(), comm.data(), comm.size());
    return result;
}

tcp::Endpoint endpoint(std::string_view address, tcp::Port port) {
    return {tcp::IpAddress::parse(address).value(), port};
}

/// A filter of one member.
template <class T>
event::Filter only(T event::Filter::*member, std::type_identity_t<T> value) {
    event::Filter filter;
    filter.*member = std::move(value);
    return filter;
}

/// A connection about which everything is known, to be made worse.
struct Subject {
    tcp::FourTuple tuple{endpoint("10.0.0.1", 80), endpoint("192.0.2.9", 50123), tcp::Family::ipv4};
    std::uint32_t netns = 4026531840;
    tcp::Role role = tcp::Role::server;
    std::optional<event::Process> owner = process(100, "nginx");
    std::optional<event::Process> closer = process(200, "worker");
    std::optional<std::string_view> cgroup = "/system.slice/nginx.service";
    std::optional<std::string_view> container = "shop/cart-7d9/web";

    [[nodiscard]] bool selected_by(const event::Filter& filter) const {
        return filter.matches(
            {tuple, netns, role, owner, closer, cgroup, connection, processes, container});
    }
    std::uint64_t connection = 0xd1e14ccb83c04892;
    const event::ProcessTree* processes = nullptr;
};

TEST(Filter, EmptyMatchesEverything) {
    EXPECT_TRUE(event::Filter{}.empty());
    EXPECT_TRUE(Subject{}.selected_by({}));
}

TEST(Filter, NoMemberIsForgottenByEmpty) {
    EXPECT_FALSE(only(&event::Filter::ports, {1}).empty());
    EXPECT_FALSE(only(&event::Filter::local_ports, {1}).empty());
    EXPECT_FALSE(only(&event::Filter::remote_ports, {1}).empty());
    EXPECT_FALSE(only(&event::Filter::addresses, {{}}).empty());
    EXPECT_FALSE(only(&event::Filter::pids, {1}).empty());
    EXPECT_FALSE(only(&event::Filter::comms, {"a"}).empty());
    EXPECT_FALSE(only(&event::Filter::netns, {1}).empty());
    EXPECT_FALSE(only(&event::Filter::cgroups, {"/"}).empty());
    EXPECT_FALSE(only(&event::Filter::containers, {"*"}).empty());
    EXPECT_FALSE(only(&event::Filter::connections, {1}).empty());
    EXPECT_FALSE(only(&event::Filter::family, tcp::Family::ipv4).empty());
    EXPECT_FALSE(only(&event::Filter::role, tcp::Role::client).empty());
    EXPECT_FALSE(only(&event::Filter::sample, 2).empty());
    EXPECT_FALSE(only(&event::Filter::sampled, 2).empty());
    EXPECT_TRUE(only(&event::Filter::sample, 1).empty());
}

TEST(Filter, ConnectionsByTheirIds) {
    EXPECT_TRUE(Subject{}.selected_by(only(&event::Filter::connections, {0xd1e14ccb83c04892})));
    EXPECT_TRUE(Subject{}.selected_by(only(&event::Filter::connections, {1, 0xd1e14ccb83c04892})));
    EXPECT_FALSE(Subject{}.selected_by(only(&event::Filter::connections, {0xd1e14ccb83c04893})));
    const auto parsed = event::parse_connections("--conn", {"d1e14ccb83c04892,0000000000000001"});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, (std::vector<std::uint64_t>{0xd1e14ccb83c04892, 1}));
    for (const char* wrong : {"", "d1e14ccb83c0489", "d1e14ccb83c048921", "g1e14ccb83c04892",
                              "0000000000000000", "0x1e14ccb83c0489"})
        EXPECT_FALSE(event::parse_connections("--conn", {wrong})) << wrong;
}

TEST(Filter, PortsOfEitherSide) {
    const Subject subject;
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::ports, {80})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::ports, {50123})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::ports, {443, 80})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::ports, {443})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::local_ports, {80})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::local_ports, {50123})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::remote_ports, {50123})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::remote_ports, {80})));
}

TEST(Filter, AnUnknownPortIsInNoList) {
    Subject connecting;
    connecting.tuple.local.port = 0;
    EXPECT_FALSE(connecting.selected_by(only(&event::Filter::local_ports, {80})));
    EXPECT_FALSE(connecting.selected_by(only(&event::Filter::ports, {80})));
    EXPECT_TRUE(connecting.selected_by(only(&event::Filter::ports, {50123})));
}

TEST(Filter, AddressesOfEitherSide) {
    const Subject subject;
    EXPECT_TRUE(
        subject.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("10.0.0.0/8")})));
    EXPECT_TRUE(
        subject.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("192.0.2.9")})));
    EXPECT_FALSE(
        subject.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("172.16.0.0/12")})));
    EXPECT_TRUE(
        subject.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("172.16.0.0/12"),
                                                             *tcp::Cidr::parse("192.0.2.0/24")})));
}

TEST(Filter, Ipv4NetworksSelectMappedSockets) {
    Subject mapped;
    mapped.tuple = {endpoint("::ffff:10.0.0.1", 80), endpoint("::ffff:192.0.2.9", 50123),
                    tcp::Family::ipv6};
    EXPECT_TRUE(
        mapped.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("10.0.0.0/8")})));
    EXPECT_TRUE(mapped.selected_by(only(&event::Filter::family, tcp::Family::ipv6)));
    EXPECT_FALSE(mapped.selected_by(only(&event::Filter::family, tcp::Family::ipv4)));
}

TEST(Filter, AMissingPeerIsInNoNetwork) {
    Subject listener;
    listener.tuple.remote = {};
    EXPECT_FALSE(
        listener.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("::/128")})));
    listener.tuple.remote = endpoint("0.0.0.0", 0);
    EXPECT_FALSE(
        listener.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("0.0.0.0/32")})));
    listener.tuple.local = endpoint("::", 80); // an address: the wildcard, not "not known"
    EXPECT_TRUE(
        listener.selected_by(only(&event::Filter::addresses, {*tcp::Cidr::parse("::/128")})));
}

/// A filter of one list that only excludes.
template <class T>
event::Filter without(event::FilterList<T> event::Filter::*member, std::type_identity_t<T> value) {
    event::Filter filter;
    (filter.*member).excluded = {std::move(value)};
    return filter;
}

TEST(Filter, WhatIsExcludedOnEitherSide) {
    const Subject subject;
    EXPECT_FALSE(without(&event::Filter::ports, 1).empty());
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::ports, {79, 81})));
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::ports, 50123)));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::ports, {81, 90})));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::local_ports, 50123)));
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::remote_ports, 50123)));
    EXPECT_FALSE(
        subject.selected_by(without(&event::Filter::addresses, *tcp::Cidr::parse("192.0.2.0/24"))));
    EXPECT_TRUE(
        subject.selected_by(without(&event::Filter::addresses, *tcp::Cidr::parse("192.0.3.0/24"))));
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::pids, 200))); // who closed it
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::comms, "ngin*")));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::comms, "ssh*")));
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::netns, 4026531840)));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::netns, 1)));
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::cgroups, "/system.slice")));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::cgroups, "/user.slice")));
    EXPECT_FALSE(subject.selected_by(without(&event::Filter::containers, "shop/*")));
}

TEST(Filter, WhatIsNotKnownIsNotExcluded) {
    Subject subject;
    subject.tuple.local = {};
    subject.owner.reset();
    subject.closer.reset();
    subject.cgroup.reset();
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::local_ports, {1, 65535})));
    EXPECT_TRUE(
        subject.selected_by(without(&event::Filter::addresses, *tcp::Cidr::parse("::/128"))));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::pids, 100)));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::comms, "*")));
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::cgroups, "/")));
    subject.container.reset();
    EXPECT_TRUE(subject.selected_by(without(&event::Filter::containers, "*")));
}

TEST(Filter, AMixedListWantsOneAndExcludesAll) {
    event::Filter filter;
    filter.local_ports.wanted = {{80, 90}};
    filter.local_ports.excluded = {85, 86};
    Subject subject;
    EXPECT_TRUE(subject.selected_by(filter));
    subject.tuple.local.port = 85;
    EXPECT_FALSE(subject.selected_by(filter));
    EXPECT_TRUE(
        filter.excludes({subject.tuple, 1, subject.role, subject.owner, subject.closer, {}}));
    subject.tuple.local.port = 91;
    EXPECT_FALSE(subject.selected_by(filter));
    EXPECT_FALSE(
        filter.excludes({subject.tuple, 1, subject.role, subject.owner, subject.closer, {}}));
}

TEST(Filter, PidOfOwnerOrCloser) {
    Subject subject;
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::pids, {100})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::pids, {1, 200})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::pids, {1})));
    subject.owner.reset();
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::pids, {100})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::pids, {200})));
    subject.closer.reset();
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::pids, {100, 200})));
}

TEST(Filter, TreesHoldTheirRootAndWhatDescendsFromIt) {
    Subject subject; // of 100, closed by 200
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::trees, {100}))) << "no fork is known";
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::trees, {50})));
    event::ProcessTree processes;
    processes.fork(50, 70);
    processes.fork(70, 100);
    subject.processes = &processes;
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::trees, {50})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::trees, {200})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::trees, {1, 50})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::trees, {1})));
    subject.owner.reset();
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::trees, {50})));
    subject.closer->pid = 0;
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::trees, {0}))) << "not a process";
    EXPECT_FALSE(only(&event::Filter::trees, {50}).empty());
}

TEST(Filter, CommGlobs) {
    Subject subject;
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::comms, {"nginx"})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::comms, {"wor*"})));
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::comms, {"postgres", "ngin[xy]"})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::comms, {"ngin"})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::comms, {"NGINX"})));
    subject.closer.reset();
    subject.owner = process(100, "a/b c");
    EXPECT_TRUE(subject.selected_by(
        only(&event::Filter::comms, {"a*c"})));       // a slash is a character like others
    subject.owner = process(100, "sixteen-bytes-xx"); // no terminating zero
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::comms, {"sixteen-bytes-xx"})));
}

TEST(Filter, AnUnknownNameMatchesNoGlob) {
    Subject subject;
    subject.closer.reset();
    subject.owner = process(100, "");
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::comms, {"*"})));
    subject.owner.reset();
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::comms, {"*"})));
}

TEST(Filter, NetworkNamespaces) {
    EXPECT_TRUE(Subject{}.selected_by(only(&event::Filter::netns, {1, 4026531840})));
    EXPECT_FALSE(Subject{}.selected_by(only(&event::Filter::netns, {4026531841})));
}

TEST(Filter, CgroupsByWholeComponents) {
    Subject subject;
    for (const char* path :
         {"/system.slice/nginx.service", "/system.slice", "/system.slice/", "/"}) {
        EXPECT_TRUE(subject.selected_by(only(&event::Filter::cgroups, {path}))) << path;
    }
    for (const char* path :
         {"/system", "/system.slice/nginx", "/system.slice/nginx.service/x", "/user.slice"}) {
        EXPECT_FALSE(subject.selected_by(only(&event::Filter::cgroups, {path}))) << path;
    }
    EXPECT_TRUE(
        subject.selected_by(only(&event::Filter::cgroups, {"/user.slice", "/system.slice"})));
    subject.cgroup = "/";
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::cgroups, {"/"})));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::cgroups, {"/system.slice"})));
    subject.cgroup.reset();
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::cgroups, {"/"})));
}

TEST(Filter, Role) {
    Subject subject;
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::role, tcp::Role::server)));
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::role, tcp::Role::client)));
    subject.role = tcp::Role::unknown;
    EXPECT_FALSE(subject.selected_by(only(&event::Filter::role, tcp::Role::server)));
}

TEST(Filter, EveryMemberMustMatch) {
    event::Filter both;
    both.local_ports = {80};
    both.pids = {100};
    Subject subject;
    EXPECT_TRUE(subject.selected_by(both));
    subject.tuple.local.port = 81;
    EXPECT_FALSE(subject.selected_by(both));
    subject.tuple.local.port = 80;
    subject.owner->pid = 101;
    EXPECT_FALSE(subject.selected_by(both));
}

TEST(FilterTexts, PortsInOneTextAndInSeveral) {
    EXPECT_EQ(event::parse_ports("--port", {"80,443", "1", "65535"}).value(),
              (event::FilterList<event::PortRange>{80, 443, 1, 65535}));
    EXPECT_TRUE(event::parse_ports("--port", {}).value().empty());
}

/// A service's port, as a host may know it.
Result<tcp::Port> web_port(std::string_view name) {
    if (name == "http-alt") return tcp::Port{8080};
    return fail(ErrorCode::usage, "no such service");
}

TEST(FilterTexts, PortsByRangeAndByName) {
    const auto ports = event::parse_ports("--port", {"8000-8100,!8080,1-1", "!http-alt"}, web_port);
    ASSERT_TRUE(ports) << ports.error().message;
    EXPECT_EQ(ports->wanted, (std::vector<event::PortRange>{{8000, 8100}, 1}));
    EXPECT_EQ(ports->excluded, (std::vector<event::PortRange>{8080, 8080}));
    EXPECT_EQ(event::parse_ports("--port", {"htpt"}, web_port).error().message,
              "--port htpt: no such service");
    EXPECT_EQ(event::parse_ports("--port", {"8100-8000"}, web_port).error().message,
              "--port 8100-8000: a port is a number from 1 to 65535, a range such as 8000-8100, or "
              "the name of a service");
    EXPECT_FALSE(event::parse_ports("--port", {"http-alt"})); // nobody to ask
}

TEST(FilterTexts, ExclamationMarksExclude) {
    const auto globs = event::parse_texts("--comm", {"!ssh*,a", "b"});
    ASSERT_TRUE(globs);
    EXPECT_EQ(globs->wanted, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(globs->excluded, (std::vector<std::string>{"ssh*"}));
    EXPECT_EQ(event::parse_texts("--comm", {"a,!"}).error().message,
              "--comm 'a,!': '!' stands before what it excludes, as in --comm '!VALUE'");
    EXPECT_FALSE(event::parse_connections("--conn", {"!d1e14ccb83c04892"}));
}

TEST(FilterTexts, ABadPortIsNamed) {
    const auto ports = event::parse_ports("--port", {"80", "443,70000"});
    ASSERT_FALSE(ports);
    EXPECT_EQ(ports.error().code, ErrorCode::usage);
    EXPECT_EQ(ports.error().message,
              "--port 70000: a port is a number from 1 to 65535 or a range such as 8000-8100");
    for (const char* text :
         {"0", "-1", "+80", "80x", "x", " 80", "80 ", "0x50", "8e1", "99999999999999999999",
          "8100-8000", "80-", "0-80", "80-65536", "80-90-100", "80 - 90"}) {
        const auto bad = event::parse_ports("--local-port", {text});
        ASSERT_FALSE(bad) << text;
        EXPECT_EQ(bad.error().message,
                  std::string("--local-port ") + text +
                      ": a port is a number from 1 to 65535 or a range such as 8000-8100");
    }
    for (const char* text : {"", ",80", "80,", "80,,443"}) {
        const auto bad = event::parse_ports("--port", {text});
        ASSERT_FALSE(bad) << text;
        EXPECT_EQ(bad.error().message,
                  std::string("--port '") + text + "': there is an empty entry");
    }
}

TEST(FilterTexts, Addresses) {
    const auto addresses = event::parse_addresses("--addr", {"10.0.0.0/8,::1", "192.0.2.7"});
    ASSERT_TRUE(addresses);
    ASSERT_EQ(addresses->wanted.size(), 3u);
    EXPECT_TRUE(addresses->wanted[0].contains(*tcp::IpAddress::parse("10.9.9.9")));
    EXPECT_TRUE(addresses->wanted[1].contains(*tcp::IpAddress::parse("::1")));
    EXPECT_FALSE(addresses->wanted[2].contains(*tcp::IpAddress::parse("192.0.2.8")));
    const auto bad = event::parse_addresses("--addr", {"10.0.0.0/33"});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, ErrorCode::usage);
    EXPECT_EQ(bad.error().message, "--addr 10.0.0.0/33: an address or a network is wanted, such as "
                                   "192.0.2.7, 10.0.0.0/8 or 2001:db8::/32");
}

TEST(FilterTexts, Pids) {
    EXPECT_EQ(event::parse_pids("--pid", {"1,4194304"}).value(),
              (event::FilterList<std::uint32_t>{1, 4194304}));
    for (const char* text : {"0", "4194305", "-1", "self"}) {
        const auto bad = event::parse_pids("--pid", {text});
        ASSERT_FALSE(bad) << text;
        EXPECT_EQ(bad.error().message,
                  std::string("--pid ") + text + ": a process id is a number from 1 to 4194304");
    }
}

TEST(FilterTexts, Role) {
    EXPECT_EQ(event::parse_role("client").value(), tcp::Role::client);
    EXPECT_EQ(event::parse_role("server").value(), tcp::Role::server);
    const auto bad = event::parse_role("unknown");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, ErrorCode::usage);
    EXPECT_EQ(bad.error().message, "--role unknown: the role is client or server");
}

} // namespace
} // namespace tcpdwell::test
