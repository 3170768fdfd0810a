// SPDX-License-Identifier: Apache-2.0
#include "screen/table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tcpdwell::test {
namespace {

using screen::GroupRow;
using screen::ScreenTable;
using screen::SortChoice;
using screen::TableKind;

GroupRow service(std::string_view comm, tcp::Port port, std::uint64_t connections) {
    GroupRow row;
    std::copy(comm.begin(), comm.end(), row.comm.begin());
    row.key.service.comm = row.comm;
    row.key.service.role = tcp::Role::server;
    row.key.service.local = {tcp::IpAddress::parse("127.0.0.1").value(), port};
    row.total.connections = connections;
    return row;
}

std::size_t column(TableKind kind, std::string_view title) {
    const auto columns = ScreenTable::columns(kind);
    const auto found = std::ranges::find(columns, title, &screen::TableColumn::title);
    EXPECT_NE(found, columns.end()) << title;
    return static_cast<std::size_t>(found - columns.begin());
}

class Table : public testing::Test {
protected:
    Table() {
        data.services = {service("nginx", 80, 5), service("Redis", 6379, 70),
                         service("app", 8080, 70)};
        data.services[1].opened_per_second = 2.5;
        data.services[2].opened_per_second = 0;
    }
    [[nodiscard]] std::vector<std::size_t> order(std::string_view title, bool ascending,
                                                 std::string_view filter = {}) const {
        return ScreenTable(TableKind::services, data)
            .order({column(TableKind::services, title), ascending}, filter);
    }

    screen::ScreenData data;
};

using Rows = std::vector<std::size_t>;

TEST_F(Table, numbers_are_ordered_by_size_and_equal_ones_by_key) {
    EXPECT_EQ(order("CONNS", true)[0], 0U);
    const Rows largest_first = order("CONNS", false);
    EXPECT_EQ(largest_first[2], 0U);
    EXPECT_EQ(order("CONNS", false), largest_first);
    std::swap(data.services[1], data.services[2]);
    const Rows swapped = order("CONNS", false);
    EXPECT_EQ(swapped[0], 3 - largest_first[0]) << "wherever they come from";
}

TEST_F(Table, texts_are_ordered_whatever_the_case) {
    EXPECT_EQ(order("PROGRAM", true), (Rows{2, 0, 1}));
    EXPECT_EQ(order("PROGRAM", false), (Rows{1, 0, 2}));
}

TEST_F(Table, what_is_not_known_is_the_lowest) {
    EXPECT_EQ(order("OPENS/S", false), (Rows{1, 2, 0}));
    EXPECT_EQ(order("OPENS/S", true), (Rows{0, 2, 1}));
}

TEST_F(Table, a_filter_wants_all_of_its_words) {
    EXPECT_EQ(order("CONNS", false, "REDIS"), (Rows{1}));
    EXPECT_EQ(order("CONNS", true, "127.0 80"), (Rows{0, 2}));
    EXPECT_EQ(order("CONNS", true, "80 nginx"), (Rows{0}));
    EXPECT_EQ(order("CONNS", true, "redis nginx"), Rows{});
    EXPECT_EQ(order("CONNS", true, "  ").size(), 3U);
}

TEST_F(Table, connections_are_those_open_and_those_that_ended) {
    screen::ConnectionEntry entry;
    entry.id = 7;
    entry.state = tcp::State::ESTABLISHED;
    data.open = {entry};
    entry.id = 8;
    entry.state = tcp::State::CLOSE;
    entry.ending = tcp::Ending::refused;
    data.ended = {entry};
    const ScreenTable table(TableKind::connections, data);
    ASSERT_EQ(table.size(), 2U);
    EXPECT_EQ(table.key(1).connection, 8U);
    EXPECT_EQ(table.text(0, column(TableKind::connections, "STATE")), "ESTABLISHED");
    EXPECT_EQ(table.text(0, column(TableKind::connections, "ENDING")), "-");
    EXPECT_EQ(table.text(1, column(TableKind::connections, "ENDING")), "refused");
    EXPECT_EQ(table.order({column(TableKind::connections, "STATE"), false}, "")[0], 1U)
        << "states in the order of a connection's life";
}

TEST_F(Table, each_table_begins_with_a_column_that_it_has) {
    for (std::size_t i = 0; i < screen::kTables; ++i) {
        const auto kind = static_cast<TableKind>(i);
        EXPECT_LT(ScreenTable::first_choice(kind).column, ScreenTable::columns(kind).size());
        EXPECT_FALSE(ScreenTable::title(kind).empty());
    }
}

} // namespace
} // namespace tcpdwell::test
