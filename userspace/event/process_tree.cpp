// SPDX-License-Identifier: Apache-2.0
#include "event/process_tree.h"

namespace tcpdwell::event {

bool ProcessTree::fork(std::uint32_t parent, std::uint32_t pid) {
    const std::uint32_t first = first_of(parent); // that the parent is known by may change
    if (first_.size() >= kMostProcesses && !first_.contains(pid)) return false;
    first_.insert_or_assign(pid, first);
    return true;
}

} // namespace tcpdwell::event
