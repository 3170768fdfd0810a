// SPDX-License-Identifier: Apache-2.0
// The bpf() system call as it stands, so that no library has a say.
#include "program_stats.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tcpdwell::bench {
namespace {

int call(bpf_cmd command, bpf_attr& attributes) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

} // namespace

std::map<std::uint32_t, ProgramStats> program_stats() {
    std::map<std::uint32_t, ProgramStats> all;
    bpf_attr next{};
    while (call(BPF_PROG_GET_NEXT_ID, next) == 0) {
        next.start_id = next.next_id;
        bpf_attr open{};
        open.prog_id = next.next_id;
        const int fd = call(BPF_PROG_GET_FD_BY_ID, open);
        if (fd < 0) continue; // it has gone meanwhile
        bpf_prog_info info{};
        bpf_attr ask{};
        ask.info.bpf_fd = static_cast<__u32>(fd);
        ask.info.info = reinterpret_cast<__u64>(&info);
        ask.info.info_len = sizeof(info);
        if (call(BPF_OBJ_GET_INFO_BY_FD, ask) == 0)
            all[info.id] = {
                .name = info.name, .runs = info.run_cnt, .nanoseconds = info.run_time_ns};
        ::close(fd);
    }
    return all;
}

CountingRuns::CountingRuns() {
    bpf_attr attributes{};
    attributes.enable_stats.type = BPF_STATS_RUN_TIME;
    fd_ = call(BPF_ENABLE_STATS, attributes);
}

CountingRuns::~CountingRuns() {
    if (fd_ >= 0) ::close(fd_);
}

} // namespace tcpdwell::bench
