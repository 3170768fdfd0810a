// SPDX-License-Identifier: Apache-2.0
// Comparison of words and numbers.
#include "findings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace tcpdwell::test {

namespace {

bool contains(const std::string& text, const std::string& word) {
    return text.find(word) != std::string::npos;
}

bool mentions(const nlohmann::json& finding, const Words& words) {
    const auto what = finding.at("what").get<std::string>();
    return std::all_of(words.begin(), words.end(),
                       [&](const std::string& word) { return contains(what, word); });
}

bool warns(const std::string& sentence) {
    const Words negations{" not ", "n't",  " no ",    "No ",    "never",
                          "Never", "gone", "removed", "neither"};
    return std::any_of(negations.begin(), negations.end(),
                       [&](const std::string& word) { return contains(sentence, word); });
}

void expect_no_advice(const std::string& advice, const std::string& recipe) {
    std::istringstream sentences(advice);
    for (std::string sentence; std::getline(sentences, sentence);)
        EXPECT_TRUE(!contains(sentence, recipe) || warns(sentence))
            << recipe << " is recommended: " << sentence;
}

bool is_connection_id(const nlohmann::json& id) {
    const auto text = id.get<std::string>();
    return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void expect_evidence(const nlohmann::json& found, const ExpectedFinding& expected) {
    const nlohmann::json& evidence = found.at("evidence");
    for (const auto& [name, value] : expected.evidence) {
        if (!evidence.contains(name))
            ADD_FAILURE() << "no " << name << " in the evidence: " << evidence.dump();
        else
            EXPECT_EQ(evidence.at(name), value) << name << " in " << evidence.dump();
    }
    const nlohmann::json& connections = evidence.at("connections");
    EXPECT_TRUE(std::all_of(connections.begin(), connections.end(), is_connection_id))
        << connections.dump();
    EXPECT_TRUE(!expected.has_connections || !connections.empty()) << found.dump();
}

} // namespace

std::set<std::string> findings_of(const nlohmann::json& report) {
    std::set<std::string> ids;
    for (const nlohmann::json& finding : report.at("findings")) ids.insert(finding.at("id"));
    return ids;
}

nlohmann::json expect_finding(const nlohmann::json& report, const ExpectedFinding& expected) {
    std::vector<nlohmann::json> found;
    for (const nlohmann::json& finding : report.at("findings"))
        if (finding.at("id") == expected.id && mentions(finding, expected.reported))
            found.push_back(finding);
    EXPECT_EQ(found.size(), 1U) << expected.id << " that mentions "
                                << nlohmann::json(expected.reported).dump() << " in "
                                << report.at("findings").dump();
    if (found.size() != 1) return nullptr;

    const nlohmann::json& finding = found.front();
    const std::set<std::string> severities{"info", "warning", "critical"};
    EXPECT_EQ(severities.count(finding.at("severity")), 1U) << finding.dump();
    expect_evidence(finding, expected);
    const auto advice = finding.at("advice").get<std::string>();
    EXPECT_FALSE(advice.empty());
    for (const std::string& word : expected.advice)
        EXPECT_TRUE(contains(advice, word)) << word << " isn't in: " << advice;
    expect_no_advice(advice, "tcp_tw_recycle"); // gone since Linux 4.12
    for (const std::string& recipe : expected.not_advised) expect_no_advice(advice, recipe);
    return finding;
}

void expect_findings(const nlohmann::json& report, const std::set<std::string>& ids) {
    EXPECT_EQ(findings_of(report), ids) << report.at("findings").dump();
}

} // namespace tcpdwell::test
