// SPDX-License-Identifier: Apache-2.0
#include "live/socket_table.h"

#include <gtest/gtest.h>

#include "host/netns.h"
#include "in_child.h"
#include "live/capabilities.h"

namespace tcpdwell::test {
namespace {

TEST(SocketTable, TheOwnNamespaceNeedsNoRights) {
    EXPECT_TRUE(holds_in_child([] {
        if (!live::drop_capabilities()) return false;
        const auto own = host::own_netns_inode();
        const auto table = live::list_sockets({*own});
        return table && table->namespaces.size() == 1 && table->namespaces[0].netns == *own &&
               table->closed_namespaces == 0;
    }));
}

TEST(SocketTable, AllNamespacesHaveTheOwnOneAmongThem) {
    const auto table = live::list_sockets({});
    ASSERT_TRUE(table) << table.error().message;
    ASSERT_FALSE(table->namespaces.empty());
    EXPECT_EQ(table->namespaces[0].netns, host::own_netns_inode().value_or(0));
    EXPECT_EQ(table->namespaces.size() + table->closed_namespaces,
              host::list_network_namespaces().size());
}

TEST(SocketTable, ANamespaceThatIsGoneIsAnError) {
    const auto table = live::list_sockets({1});
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code, ErrorCode::usage);
}

} // namespace
} // namespace tcpdwell::test
