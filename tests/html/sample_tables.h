// SPDX-License-Identifier: Apache-2.0
// Tables of a report by endpoint, as its JSON has them.
#pragma once

#include "samples.h"

namespace tcpdwell::test {

inline Json accept_queues() {
    return Json::parse(R"([{"local":{"addr":"0.0.0.0","port":8080},
        "process":{"pid":812,"comm":"nginx"},"netns":4026531840,"accepts":12044,"p50_ns":90000,
        "p99_ns":2000000,"max_ns":31000000,"waiting":3,"oldest_ns":12000000,"queued":3,
        "limit":511}])");
}

inline Json endings() {
    return Json::parse(R"([{"endpoint":{"addr":"0.0.0.0","port":8080},
        "process":{"pid":812,"comm":"nginx"},"role":"server","netns":4026531840,"ending":"fin",
        "ending_detail":null,"count":11022},
        {"endpoint":{"addr":"0.0.0.0","port":8080},"process":{"pid":812,"comm":"nginx"},
        "role":"server","netns":4026531840,"ending":"reset_sent","ending_detail":"unread_data",
        "count":31}])");
}

inline Json transfers() {
    return Json::parse(R"([{"endpoint":{"addr":"10.0.0.9","port":5432},
        "process":{"pid":900,"comm":"app"},"role":"client","netns":4026531840,"connections":211,
        "bytes_sent":1204552,"bytes_received":88120044,"segments_sent":40112,
        "segments_retransmitted":12,"retransmitted_share":0.0003,"rtt_p50_ns":410000}])");
}

} // namespace tcpdwell::test
