// SPDX-License-Identifier: Apache-2.0
// Where wire records come from: the live kernel, a recording, or a generator.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/result.h"
#include "base/time.h"

namespace tcpdwell::event {

/// Takes records in the order in which they are to be interpreted; the span lives only during the
/// call.
using RecordSink = std::function<void(std::span<const std::byte> record)>;

/// Hands out wire records until it is exhausted or stopped.
class EventSource {
public:
    virtual ~EventSource() = default;

    enum class Status {
        more,     ///< ask again
        finished, ///< nothing will come any more
    };

    /// Waits a bounded time (at most 100 ms) for records and hands over what there is.
    virtual Result<Status> poll(const RecordSink& sink) = 0;

    /// What heads the stream, the first that poll() hands over, has been taken, and files for it
    /// have their names: gives up what it took to begin. For sources that have nothing to give up,
    /// nothing happens.
    virtual Result<void> settle_in() { return {}; }

    /// What was there before the source began has been handed over, as far as it is known.
    [[nodiscard]] virtual bool ready() const = 0;

    /// The source's present time: everything that happened before it and is known to the source has
    /// been handed over.
    [[nodiscard]] virtual MonoTime now() const = 0;

    /// Asks for a listing of the sockets that exist, among the records to come, so that a reader
    /// can begin there. For sources that can't, nothing happens.
    virtual void relist() {}

    /// Asks for the numbers and holders of sockets that wait for their process or their peer, among
    /// the records to come. For sources that can't, nothing happens.
    virtual void look() {}

    /// From now on poll() returns at once when `fd` is readable, which its owner sees to between
    /// two calls. For sources that never wait, nothing happens.
    virtual void wake_on([[maybe_unused]] int fd) {}

    /// Makes room where events wait for poll(), which hands over what this has set aside first: for
    /// whoever has long work to do between two calls. Cheap, and may be called often. For sources
    /// whose events wait elsewhere, nothing happens.
    virtual void set_aside() {}

    /// Stop taking in new events; poll() hands over what is left, then says finished.
    virtual void stop() = 0;
};

} // namespace tcpdwell::event
