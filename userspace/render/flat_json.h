// SPDX-License-Identifier: Apache-2.0
// Rows without objects in them, as databases take them: a cell that has parts is a member for each
// part. What isn't known has no member.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "render/json_writer.h"
#include "report/column.h"

namespace tcpdwell::render {

/// Takes cells apart. The names of the members are ids of columns, followed, after "_", by the name
/// of a part: "local" gives "local_addr" and "local_port". A WallTime is "opened_ns", in ns since
/// 1970. Ids are numbers, and flags 0 or 1.
class FlatMembers {
public:
    virtual ~FlatMembers() = default;
    /// Everything in it; HolderLists and lists of parts whose names differ from row to row aren't
    /// flat, and are left out.
    void members(const report::Schema& schema, report::Row row);

    virtual void member(std::string_view name, std::string_view text) = 0;
    virtual void member(std::string_view name, std::int64_t number) = 0;
    virtual void member(std::string_view name, std::uint64_t number) = 0;
    virtual void member(std::string_view name, double number) = 0;
    virtual void states(std::string_view id, std::span<const report::StateSpan> states) = 0;

private:
    void put(std::string_view id, const report::Value& value);
    void part(std::string_view id, std::string_view part, std::int64_t number);
    void part(std::string_view id, std::string_view part, std::string_view text);
    void cell(std::string_view, std::monostate) {}
    void cell(std::string_view id, std::int64_t number) { member(id, number); }
    void cell(std::string_view id, std::string_view text);
    void cell(std::string_view id, WallTime time);
    void cell(std::string_view id, Nanoseconds duration) {
        member(id, std::int64_t{duration.count()});
    }
    void cell(std::string_view id, const report::HexId& number) { member(id, number.value); }
    void cell(std::string_view id, const report::EndpointValue& value);
    void cell(std::string_view id, const report::ProcessValue& process);
    void cell(std::string_view id, tcp::State state) { member(id, tcp::name(state)); }
    void cell(std::string_view id, std::span<const report::StateSpan> all) { states(id, all); }
    void cell(std::string_view id, const report::TimeWaitValue& value);
    void cell(std::string_view id, bool value) { member(id, std::int64_t{value}); }
    void cell(std::string_view id, double number) { member(id, number); }
    void cell(std::string_view, std::span<const report::NumberPart>) {}
    void cell(std::string_view, std::span<const report::TextPart>) {}
    void cell(std::string_view id, std::span<const report::ObjectPart> parts);
    void cell(std::string_view, const report::HolderList&) {}

    std::string key_;
};

/// As ClickHouse's JSONEachRow: one object a line. The states of a path are three arrays,
/// "states.state", "states.dwell_ns" (null: not known) and "states.at_least_ns".
class FlatJson final : public FlatMembers {
public:
    void begin() {
        json_.clear();
        json_.begin_object();
    }
    void member(std::string_view name, std::string_view text) override;
    void member(std::string_view name, std::int64_t number) override;
    void member(std::string_view name, std::uint64_t number) override;
    void member(std::string_view name, double number) override;
    void states(std::string_view id, std::span<const report::StateSpan> states) override;
    void begin_array(std::string_view name) {
        json_.key(name);
        json_.begin_array();
    }
    void element(std::string_view text) { json_.string(text); }
    void element(std::uint64_t number) { json_.number(number); }
    void end_array() { json_.end_array(); }
    void numbers(std::string_view name, std::span<const std::uint64_t> all) {
        begin_array(name);
        for (const std::uint64_t number : all) element(number);
        end_array();
    }
    /// The object, as a line.
    void end_line(std::string& out);

private:
    JsonWriter json_;
    std::string key_;
};

} // namespace tcpdwell::render
