/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types of a kernel that isn't: some fields are gone, one is of another sort. For the test that
 * core_check can fail. */
struct sock_common {
    void* skc_daddr;
};

struct sock {
    struct sock_common __sk_common;
    int sk_protocol;
} a_socket = {};
