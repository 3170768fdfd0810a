// SPDX-License-Identifier: Apache-2.0
#include "live/bpf_object.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "host/pid_namespace.h"
#include "live/bpf_session.h"
#include "live/kernel_filter.h"
#include "tcpdwell/config.h"

#include "tcpdwell.skel.h" // needs the types above
#include "tcpdwell_raw.skel.h"

namespace tcpdwell::live {
namespace {

constexpr std::uint32_t kNoPidNamespace = 1; ///< an inode of none

template <class Skeleton>
class ObjectOf final : public BpfObject {
public:
    explicit ObjectOf(Skeleton* skeleton) : skeleton_(skeleton) {}

    void configure(const ProbePlan& plan, const event::Filter& filter, std::size_t buffer_bytes) {
        auto& ro = *skeleton_->rodata;
        ro.timewait_timer_function = plan.tw_timer_handler;
        ro.request_timer_function = plan.reqsk_timer_handler;
        ro.can_make_cookies = plan.cookies.on;
        ro.knows_jiffies = plan.knows_jiffies;
        ro.with_numbers = plan.with_numbers;
        ro.pid_namespace = plan.pid_namespace == host::kInitialPidNamespace
                               ? 0
                               : plan.pid_namespace.value_or(kNoPidNamespace);
        ro.hash_add_result = plan.hash_add_result;
        ro.accept_result = plan.accept_result;
        ro.wake_bytes = buffer_bytes / 4;
        const std::size_t ranges = std::min(plan.stack_ranges.size(), std::size(ro.stack_ranges));
        for (std::size_t i = 0; i < ranges; ++i)
            ro.stack_ranges[i] = {plan.stack_ranges[i].begin, plan.stack_ranges[i].end,
                                  plan.stack_ranges[i].function};
        ro.stack_range_count = static_cast<std::uint32_t>(ranges);
        set_kernel_filter(ro, filter);
        bpf_map__set_max_entries(skeleton_->maps.records, static_cast<std::uint32_t>(buffer_bytes));
    }

    bpf_program* program(const char* name) const override {
        return bpf_object__find_program_by_name(skeleton_->obj, name);
    }
    const bpf_map* records() const override { return skeleton_->maps.records; }
    int load() override { return Skeleton::load(skeleton_.get()); }
    void set_recording(bool on) override { skeleton_->bss->is_recording = on; }
    const __u64* lost_totals() const override { return skeleton_->bss->lost_total; }
    const __u64* nested_events() const override { return skeleton_->bss->nested_events; }

private:
    struct Destroy {
        void operator()(Skeleton* skeleton) const { Skeleton::destroy(skeleton); }
    };
    std::unique_ptr<Skeleton, Destroy> skeleton_;
};

template <class Skeleton>
std::unique_ptr<BpfObject> open_as(const bpf_object_open_opts& options, const ProbePlan& plan,
                                   const event::Filter& filter, std::size_t buffer_bytes) {
    Skeleton* skeleton = Skeleton::open(&options);
    if (skeleton == nullptr) return nullptr;
    auto object = std::make_unique<ObjectOf<Skeleton>>(skeleton);
    object->configure(plan, filter, buffer_bytes);
    return object;
}

} // namespace

Result<std::unique_ptr<BpfObject>>
BpfObject::open(const ProbePlan& plan, const event::Filter& filter, std::size_t buffer_bytes) {
    LIBBPF_OPTS(bpf_object_open_opts, options, );
    if (!plan.btf_file.empty()) options.btf_custom_path = plan.btf_file.c_str();
    auto object = plan.hooks == Hooks::raw
                      ? open_as<tcpdwell_raw_bpf>(options, plan, filter, buffer_bytes)
                      : open_as<tcpdwell_bpf>(options, plan, filter, buffer_bytes);
    if (!object)
        return fail(ErrorCode::failed, "cannot open the BPF object: " + take_libbpf_warning(),
                    errno);
    return object;
}

} // namespace tcpdwell::live
