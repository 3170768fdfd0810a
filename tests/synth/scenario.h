// SPDX-License-Identifier: Apache-2.0
// The catalog of TCP stories: how connections open, close, are reset and wait, one story per cause
// that a user could want to distinguish. Each reports the same truth on every kernel, as far as
// that kernel shows it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "synth/generated_connection.h"
#include "synth/record_generator.h"
#include "synth/setting.h"

namespace tcpdwell::synth {

struct Scenario {
    std::string_view name;
    void (*tell)(RecordGenerator& teller);
    bool ends = true;         ///< false: leaves something that is still open when tracing stops
    unsigned connections = 1; ///< how many it shows, one after the other, with the same ends
};

std::span<const Scenario> opening_scenarios(); ///< handshakes, and how they fail
std::span<const Scenario>
closing_scenarios();                         ///< FINs, and FIN_WAIT2 with and without a mini-socket
std::span<const Scenario> reset_scenarios(); ///< RSTs and time-outs
std::span<const Scenario> time_wait_scenarios(); ///< how TIME_WAIT goes on and ends

/// All of the above, in this order.
const std::vector<Scenario>& all_scenarios();

GeneratedConnection tell(const Scenario& scenario, const Setting& stage, KernelMemory& memory);

/// Ready-made beginnings and middles for the stories.
void open_as_client(RecordGenerator& t); ///< ends in ESTABLISHED
void open_as_server(RecordGenerator& t); ///< ends in ESTABLISHED, accepted by another process
void close_until_fin_wait2(RecordGenerator& t); ///< from ESTABLISHED; a full socket still
void close_until_time_wait(
    RecordGenerator& t); ///< from ESTABLISHED; a mini-socket, by a FIN with the ACK

} // namespace tcpdwell::synth
