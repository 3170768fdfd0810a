// SPDX-License-Identifier: Apache-2.0
// A report whose names were chosen by an enemy.
#include "samples.h"

namespace tcpdwell::test {
namespace {

/// All that could end a script, a comment, an attribute or an element, or turn the text around.
const std::string kEvil =
    "</script><script>document.documentElement.dataset.owned='1'</script>"
    "<!--<script>--><img src=x onerror=\"document.documentElement.dataset.owned='2'\">"
    "' \" & {{report}} {{page.js}} \xE2\x80\xAE"
    "desrever\xE2\x80\xAC \x07 \xEF\xBF\xBD \xE2\x80\xA8";

/// `json` with every number null.
void forget_numbers(Json& json) {
    if (json.is_number()) json = nullptr;
    if (json.is_structured())
        for (Json& each : json) forget_numbers(each);
}

} // namespace

Json hostile_report() {
    Json report = usual_report();
    Json& meta = report["meta"];
    for (const char* key : {"host", "kernel", "machine", "filter", "version"}) meta[key] = kEvil;
    meta["sysctls"][kEvil] = kEvil;
    meta["thresholds"][kEvil] = 1;
    for (Json& finding : report["findings"]) {
        for (const char* key : {"id", "what", "advice"}) finding[key] = kEvil;
        finding["severity"] = "constructor";
        finding["evidence"][kEvil] = kEvil;
        finding["evidence"]["connections"] = finding["connections"] = Json::array({kEvil});
        finding["subject"] = kEvil;
        finding["because"] = {{"id", kEvil}, {"subject", kEvil}}; // each explains itself, and all
        for (Json& life : finding["timeline"]) {
            life["conn"] = life["ending"] = kEvil;
            life["local"]["addr"] = life["remote"]["addr"] = kEvil;
            for (Json& span : life["states"]) span["state"] = kEvil;
        }
        finding["timeline"].push_back(
            {{"conn", nullptr}, {"local", nullptr}, {"states", {nullptr, Json::object()}}});
    }
    for (Json& service : report["services"]) {
        service["process"] = {{"pid", nullptr}, {"comm", kEvil}};
        service["cgroup"] = "/" + kEvil;
        service["endings"] = {{kEvil, 3}, {"__proto__", 1}, {"constructor", 2}};
    }
    for (Json& remote : report["remotes"]) {
        forget_numbers(remote);
        remote["remote"] = {{"addr", kEvil}, {"port", nullptr}};
        remote["process"] = nullptr;
    }
    report["ports"][0] = {{"netns", nullptr},
                          {"local", nullptr},
                          {"remote", {{"addr", nullptr}, {"port", nullptr}}},
                          {"held", nullptr},
                          {"peak", nullptr},
                          {"limit", nullptr},
                          {"opened", nullptr},
                          {"per_second", nullptr}};
    forget_numbers(report["latencies"]);
    report["states"]["SYN_SENT"]["p50_ns"] = nullptr;
    report["states"]["SYN_SENT"]["min_ns"] = nullptr;
    report["states"]["SYN_SENT"]["max_ns"] = nullptr;
    report["states"]["TIME_WAIT"]["buckets"] = {{60'000'000'000, 60'000'000'000, 4}};
    report["states_by"] = {{"by", kEvil},
                           {"groups", {{{"group", kEvil}, {"states", report["states"]}}}}};
    report["transitions"].push_back({{"from", "TIME_WAIT"},
                                     {"to", "ESTABLISHED"},
                                     {"count", 3},
                                     {"p50_ns", nullptr},
                                     {"kind", "unexpected"}});
    report["transitions"].push_back(
        {{"from", kEvil}, {"to", "CLOSE"}, {"count", 1}, {"p50_ns", 5}, {"kind", kEvil}});
    report["timeline"]["states"][kEvil] = report["timeline"]["states"]["ESTABLISHED"];
    report["timeline"]["begin"] = nullptr;
    for (Json& words : report["sections"][0]["evidence"]) words["title"] = words["unit"] = kEvil;
    for (Json& section : report["sections"]) {
        section["title"] = kEvil;
        section["help"] = kEvil;
    }
    for (Json& column : report["sections"][1]["columns"])
        column["title"] = column["group"] = column["help"] = kEvil;
    report["quality"]["lost"] = 4'711;
    report["quality"]["unexpected_edges"] = 3;
    return report;
}

} // namespace tcpdwell::test
