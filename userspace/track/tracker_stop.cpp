// SPDX-License-Identifier: Apache-2.0
// When nothing is recorded any more: silence then says nothing. What was pending is decided by what
// was seen, or stays open; listings that come later show what has happened since, which isn't part
// of the recording and no sign that anything was lost.
#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

/// Whether it is an event of the kernel, not what was learnt besides.
bool is_of_kernel(const event::Event& event) {
    if (const auto* owner = std::get_if<event::OwnerFound>(&event))
        return owner->how == TD_OWNER_ACCEPTED;
    return std::holds_alternative<event::StateChange>(event) ||
           std::holds_alternative<event::TimewaitTimer>(event) ||
           std::holds_alternative<event::RequestTimer>(event) ||
           std::holds_alternative<event::Reset>(event) ||
           std::holds_alternative<event::PortKnown>(event);
}

} // namespace

void Tracker::Impl::handle(const event::RecordingStopped& e) {
    if (!stopped_) stopped_ = e.at;
}

void Tracker::Impl::resume_by(const event::Event& event) {
    if (!is_of_kernel(event)) return;
    const MonoTime at = std::visit(
        [](const auto& e) {
            if constexpr (requires { e.at; }) return e.at;
            return MonoTime{};
        },
        event);
    if (at <= *stopped_ + kSettle) return; // a program was still at it
    settle(*stopped_);
    stopped_.reset();
    note_loss(at); // of what happened in between nothing was recorded
}

bool Tracker::Impl::is_undecided(const Connection& c) const {
    return (c.place == Place::request && is_request_undecided(c)) ||
           (c.place == Place::mini && is_cancel_undecided(c));
}

bool Tracker::Impl::may_be_later(const event::SocketListed& e) const {
    if (!is_after_stop(e.at) || last_loss_) return false;
    const auto pass = passes_.find(e.netns);
    return pass != passes_.end() && !pass->second.first;
}

void Tracker::Impl::confirm_later(Connection& c, const event::SocketListed& e) {
    const bool was_stopped =
        c.place == Place::request && table_.evidence_of(c).request_stopped.has_value();
    if (!was_stopped || e.mini) return;
    forget_stop(c);
    if (e.request) return; // it goes on
    c.place = Place::full;
    table_.set_socket(c, e.sock);
    table_.set_other(c, 0);
    table_.push_path(c, c.state, std::nullopt);
    restate(c, e.state, e.at);
}

} // namespace tcpdwell::track
