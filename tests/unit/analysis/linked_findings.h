// SPDX-License-Identifier: Apache-2.0
// For tests of which findings explain which: drafts made by hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/findings.h"
#include "lines.h"

namespace tcpdwell::test {

using analysis::FindingDraft;
using analysis::Scope;
using report::Severity;
using testing::ElementsAre;

inline tcp::Endpoint endpoint(std::string_view host, tcp::Port port) {
    return {address(host), port};
}

class Links : public testing::Test {
protected:
    struct Draft : FindingDraft {
        Draft(std::string_view word, std::string about, Severity how = Severity::warning)
            : FindingDraft{word, how} {
            subject = std::move(about);
            scope.netns = kNetns;
            scope.connections = 10;
        }
        Draft& serves(std::string_view host, tcp::Port port) {
            scope.services.insert(endpoint(host, port));
            return *this;
        }
        Draft& connects(std::string_view host, tcp::Port port) {
            scope.remotes.insert(endpoint(host, port));
            return *this;
        }
        Draft& by(std::uint32_t pid) {
            scope.pids.insert(pid);
            return *this;
        }
        Draft& of(std::uint64_t count) {
            scope.connections = count;
            return *this;
        }
        Draft& in(std::uint32_t netns) {
            scope.netns = netns;
            return *this;
        }
        Draft& since(Nanoseconds began, bool seen = true) {
            scope.began = at(began);
            scope.is_began_seen = seen;
            return *this;
        }
        Draft& answered(Nanoseconds when) {
            scope.answered = at(when);
            return *this;
        }
        Draft& accepted(Nanoseconds when, std::uint64_t count) {
            scope.accepted.emplace_back(at(when), count);
            return *this;
        }
        /// As many connections, one each 100 ms from then on.
        Draft& closes(std::uint32_t pid, Nanoseconds first, std::uint64_t count) {
            for (std::uint64_t i = 0; i < count; ++i)
                scope.closings.note({at(first + i * 100ms), pid, i + 1});
            return *this;
        }
        Draft& from(Nanoseconds first, Nanoseconds last) {
            scope.first = at(first);
            scope.last = at(last);
            return *this;
        }
    };
    void upstream(std::uint32_t pid, std::string_view host, tcp::Port port) {
        is_open(pid, tcp::Role::client, tuple("10.0.0.1", 40'000, host, port));
    }
    void served_by(std::uint32_t pid, std::string_view host, tcp::Port port) {
        is_open(pid, tcp::Role::server, tuple(host, port, "10.0.0.1", 40'000));
    }
    void is_open(std::uint32_t pid, tcp::Role role, const tcp::FourTuple& ends) {
        track::ConnectionIdentity who;
        who.netns = kNetns;
        who.role = role;
        who.tuple = ends;
        who.process = process(pid, "proxy");
        upstreams_.on_live(track::LiveSocket{.who = who,
                                             .state = tcp::State::ESTABLISHED,
                                             .since = at(0s),
                                             .known_since = at(0s),
                                             .seen = {},
                                             .closed_first = {},
                                             .ending = {},
                                             .left = {},
                                             .numbers = nullptr,
                                             .backlog = {},
                                             .accept = {},
                                             .holders = nullptr},
                           1);
    }
    /// "subject: id because cause's subject", in order.
    std::vector<std::string> linked(std::vector<FindingDraft> drafts) {
        analysis::link_findings(upstreams_, drafts);
        severities_.clear();
        std::vector<std::string> lines;
        for (const FindingDraft& each : drafts) {
            severities_.push_back(each.severity);
            lines.push_back(each.subject);
            if (each.because)
                lines.back() +=
                    " <- " + each.because->subject + " " + std::string(each.because->id);
        }
        return lines;
    }

    analysis::Upstreams upstreams_;
    std::vector<Severity> severities_;
};

} // namespace tcpdwell::test
