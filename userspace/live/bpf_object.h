// SPDX-License-Identifier: Apache-2.0
// The compiled programs in either form, for typed tracepoints or for raw ones (bpf/hook.bpf.h),
// behind one interface. Nothing else uses their skeletons.
#pragma once

#include <linux/types.h>

#include <cstddef>
#include <memory>

#include "base/result.h"
#include "event/filter.h"
#include "live/probe_plan.h"

struct bpf_map;
struct bpf_program;

namespace tcpdwell::live {

/// Opened and configured, then loaded. Both forms come from one source and have the same variables;
/// programs are found by name, since not all of them make sense in both.
class BpfObject {
public:
    /// `filter` is put into the constants as far as it can be decided in the kernel.
    static Result<std::unique_ptr<BpfObject>>
    open(const ProbePlan& plan, const event::Filter& filter, std::size_t buffer_bytes);
    virtual ~BpfObject() = default;

    /// The program of that name; nullptr if this form has none.
    [[nodiscard]] virtual bpf_program* program(const char* name) const = 0;
    [[nodiscard]] virtual const bpf_map* records() const = 0;
    /// Of libbpf: 0, or a negative errno. What follows may be used once it was 0.
    virtual int load() = 0;

    virtual void set_recording(bool on) = 0;
    /// In memory that the programs write to: an element for each td_probe.
    [[nodiscard]] virtual const __u64* lost_totals() const = 0;
    /// The same, for each `enum guard` (bpf/nested.bpf.h).
    [[nodiscard]] virtual const __u64* nested_events() const = 0;
};

} // namespace tcpdwell::live
