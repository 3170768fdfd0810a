// SPDX-License-Identifier: Apache-2.0
// The catalog, and the beginnings and middles that most stories share.
#include "synth/scenario.h"

namespace tcpdwell::synth {

using namespace std::chrono_literals;
using enum tcp::State;

const std::vector<Scenario>& all_scenarios() {
    static const std::vector<Scenario> all = [] {
        std::vector<Scenario> list;
        for (const auto part :
             {opening_scenarios(), closing_scenarios(), reset_scenarios(), time_wait_scenarios()})
            list.insert(list.end(), part.begin(), part.end());
        return list;
    }();
    return all;
}

GeneratedConnection tell(const Scenario& scenario, const Setting& stage, KernelMemory& memory) {
    RecordGenerator teller(stage, memory);
    scenario.tell(teller);
    return teller.finish();
}

void open_as_client(RecordGenerator& t) {
    t.connects();
    t.wait(300us);
    t.moves(ESTABLISHED, {.owned = true});
    t.wait(80ms);
}

void open_as_server(RecordGenerator& t) {
    t.listens();
    t.syn_arrives();
    t.wait(400us);
    t.third_ack_arrives();
    t.wait(60us);
    t.is_accepted(t.worker());
    t.wait(80ms);
}

void close_until_fin_wait2(RecordGenerator& t) {
    t.closes();
    t.wait(200us);
    t.moves(FIN_WAIT2);
}

void close_until_time_wait(RecordGenerator& t) {
    close_until_fin_wait2(t);
    t.wait(2us);
    t.becomes_mini(TIME_WAIT);
}

} // namespace tcpdwell::synth
