// SPDX-License-Identifier: Apache-2.0
// Expectations as JSON: a scenario runs in a process of its own, and hands them to the one that
// judges.
#include "expectation.h"

template <>
struct nlohmann::adl_serializer<std::chrono::nanoseconds> {
    static void to_json(json& out, std::chrono::nanoseconds value) { out = value.count(); }
    static void from_json(const json& in, std::chrono::nanoseconds& value) {
        value = std::chrono::nanoseconds(in.get<std::int64_t>());
    }
};

namespace tcpdwell::test {

using nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Moment, before, after)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Span, min, max, may_be_known, may_be_unknown)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Step, state, dwell)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Words, allowed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Task, pid, comm)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Who, tasks, may_be_nobody, may_be_anyone, by_the_path)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Endpoint, addr, port)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(End, family, local, remote, role, process, opened)

void to_json(json& out, const Expected& e) {
    out = {{"what", e.what},         {"end", e.end},       {"count", e.count},
           {"turn", e.turn},         {"path", e.path},     {"first", e.closed_first},
           {"ending", e.ending},     {"detail", e.detail}, {"time_wait", e.time_wait},
           {"restarts", e.restarts}, {"seen", e.seen},     {"closed_by", e.closed_by},
           {"uid", e.uid},           {"cookie", e.cookie}, {"cookie_is_late", e.cookie_is_late}};
}

void from_json(const json& in, Expected& e) {
    in.at("what").get_to(e.what);
    in.at("end").get_to(e.end);
    in.at("count").get_to(e.count);
    in.at("turn").get_to(e.turn);
    in.at("path").get_to(e.path);
    in.at("first").get_to(e.closed_first);
    in.at("ending").get_to(e.ending);
    in.at("detail").get_to(e.detail);
    in.at("time_wait").get_to(e.time_wait);
    in.at("restarts").get_to(e.restarts);
    in.at("seen").get_to(e.seen);
    in.at("closed_by").get_to(e.closed_by);
    in.at("uid").get_to(e.uid);
    in.at("cookie").get_to(e.cookie);
    in.at("cookie_is_late").get_to(e.cookie_is_late);
}

void to_json(json& out, const ExpectedListener& expected) {
    out = {{"local", expected.local}, {"dwell", expected.dwell}};
}

void from_json(const json& in, ExpectedListener& expected) {
    in.at("local").get_to(expected.local);
    in.at("dwell").get_to(expected.dwell);
}

} // namespace tcpdwell::test
