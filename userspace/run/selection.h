// SPDX-License-Identifier: Apache-2.0
// The user's filter and that of a recording, before a consumer: the only place that decides which
// connections are selected.
#pragma once

#include <utility>
#include <vector>

#include "event/filter.h"
#include "run/forwarding_consumer.h"

namespace tcpdwell::run {

/// Passes on the lines of selected connections. Whether a connection is selected is judged at each
/// of its lines, and whenever more is known of it or of its cgroup: a socket that waits has no
/// lines. It may change when another process accepts it, too. What follows gets moves that add up
/// all the same: one that is selected from now on comes from nowhere, and one that no longer is
/// leaves. Memory: with a filter, eight bytes for each connection that the tracker holds.
class Selection final : public ForwardingConsumer {
public:
    /// `recorded`: see recording::Head::filters. `context` (for paths of cgroups) and `next` must
    /// outlive this.
    Selection(event::Filter filter, const Context& context, Consumer& next,
              std::vector<event::Filter> recorded = {});

    /// Where lines have to go: past this if everything is selected.
    [[nodiscard]] Consumer& entrance() {
        return filter_.empty() && recorded_.empty() ? next() : static_cast<Consumer&>(*this);
    }
    /// As far as is known now.
    [[nodiscard]] bool selects(const track::ConnectionIdentity& who) const;
    /// Whether the recording is one of such connections, whatever the user's filter is.
    [[nodiscard]] bool is_recorded(const track::ConnectionIdentity& who) const;

    /// Of what the tracker has seen, transitions and connections as far as they were selected: the
    /// kernel's filter lets more pass.
    [[nodiscard]] track::TrackerTotals selected(track::TrackerTotals seen);

    void on_move(const track::StateMove& move) override;
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override;
    Result<bool> flush(const RunState& state) override;
    void settled(const RunState& state) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    /// By the namespace only: the kernel counts for all of its connections together.
    void on_counters(const track::CountersLine& line) override;
    /// By addresses and namespace: it has no process, and no role.
    void on_stray_reset(const track::StrayResetLine& line) override;

private:
    [[nodiscard]] bool matches(const event::Filter& filter,
                               const track::ConnectionIdentity& who) const;
    [[nodiscard]] bool is_counted(const track::ConnectionIdentity& who) const {
        return who.slot < counted_.size() && counted_[who.slot] == who.id;
    }
    /// Judges the sockets that are there by the names of cgroups and containers as they are now.
    void review(const RunState& state);

    event::Filter filter_;
    std::vector<event::Filter> recorded_;
    const Context& context_;
    std::vector<track::ConnectionId>
        counted_;        ///< by slot: the connection that the next one counts in a state; 0: none
    bool goes_by_names_; ///< of cgroups or containers
    std::uint64_t names_learnt_ = 0; ///< those of the context at the last review
    std::uint64_t transitions_ = 0;  ///< selected
    std::uint64_t connections_ = 0;
};

} // namespace tcpdwell::run
