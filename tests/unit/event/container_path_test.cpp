// SPDX-License-Identifier: Apache-2.0
#include "event/container_path.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "event/filter.h"

namespace tcpdwell::test {
namespace {

const std::string kId = "8d7c2a9e4f6b1035c8e7d6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5";
const std::string kOther = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string id_of(const std::string& path) {
    const event::ContainerPath found = event::container_of_path(path);
    EXPECT_EQ(found.name, "") << path;
    return found.id;
}

std::string name_of(const std::string& path) {
    const event::ContainerPath found = event::container_of_path(path);
    EXPECT_EQ(found.id, "") << path;
    return found.name;
}

TEST(ContainerPath, IdsByRuntimeAndDriver) {
    for (const std::string& path : {
             // docker
             "/docker/" + kId,
             "/system.slice/docker-" + kId + ".scope",
             "/custom.slice/docker-" + kId + ".scope",
             "/actions_job/" + kId,
             // containerd under the kubelet
             "/kubepods/burstable/pod2c48913c-b29f-11e7-9350-020968147796/" + kId,
             "/kubepods/pod2c48913c-b29f-11e7-9350-020968147796/" + kId,
             "/kubepods.slice/kubepods-besteffort.slice/"
             "kubepods-besteffort-pod2c48913c_b29f_11e7_9350_020968147796.slice/cri-containerd-" +
                 kId + ".scope",
             "/system.slice/containerd.service/kubepods-burstable-pod2c48913c_b29f_11e7_9350_"
             "020968147796.slice:cri-containerd:" +
                 kId,
             "/system.slice/nerdctl-" + kId + ".scope",
             "/default/" + kId,
             "/ecs/0fda8a5b/" + kId,
             // CRI-O
             "/kubepods.slice/kubepods-pod2c48913c_b29f_11e7_9350_020968147796.slice/crio-" + kId +
                 ".scope",
             "/kubepods.slice/kubepods-pod2c48913c_b29f_11e7_9350_020968147796.slice/crio-" + kId +
                 ".scope/container",
             "/kubepods/besteffort/pod2c48913c-b29f-11e7-9350-020968147796/crio-" + kId,
             // podman
             "/machine.slice/libpod-" + kId + ".scope",
             "/machine.slice/libpod-" + kId + ".scope/container",
             "/machine.slice/machine-libpod_pod_" + kOther + ".slice/libpod-" + kId + ".scope",
             "/libpod_parent/libpod-" + kId,
             "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
                 ".scope/container",
             "/system.slice/web.service/libpod-payload-" + kId,
             // a private cgroup namespace
             "/../docker-" + kId + ".scope",
             "/../../kubepods-pod1.slice/cri-containerd-" + kId + ".scope",
         })
        EXPECT_EQ(id_of(path), kId) << path;
}

TEST(ContainerPath, TheHostsRuntimeKnowsTheOutermost) {
    EXPECT_EQ(id_of("/docker/" + kId + "/docker/" + kOther), kId);
    EXPECT_EQ(id_of("/docker/" + kId + "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" +
                    kOther + ".scope"),
              kId);
    EXPECT_EQ(id_of("/docker/" + kId + "/system.slice/nginx.service"), kId);
    EXPECT_EQ(name_of("/lxc.payload.web/docker/" + kId), "web");
    EXPECT_EQ(name_of("/lxc.payload.web/system.slice/nginx.service"), "web");
}

TEST(ContainerPath, MachinesAndLxc) {
    EXPECT_EQ(name_of("/lxc/web"), "web");
    EXPECT_EQ(name_of("/lxc/web/system.slice/x.service"), "web");
    EXPECT_EQ(name_of("/lxc.payload/web-2"), "web-2");
    EXPECT_EQ(name_of("/lxc.payload.project_web/init.scope"), "project_web");
    EXPECT_EQ(name_of("/machine.slice/systemd-nspawn@web.service/payload"), "web");
    EXPECT_EQ(name_of("/machine.slice/systemd-nspawn@web\\x2d1.service"), "web-1");
    EXPECT_EQ(name_of("/machine.slice/machine-web\\x2d1.scope/init.scope"), "web-1");
    EXPECT_EQ(name_of("/machine.slice/machine-qemu\\x2d2\\x2ddebian.scope/libvirt"),
              "qemu-2-debian");
}

TEST(ContainerPath, UnitsAreNamedByTheInnermost) {
    EXPECT_EQ(name_of("/system.slice/nginx.service"), "nginx.service");
    EXPECT_EQ(name_of("/system.slice/system-getty.slice/getty@tty1.service"), "getty@tty1.service");
    EXPECT_EQ(name_of("/init.scope"), "init.scope");
    EXPECT_EQ(name_of("/user.slice/user-1000.slice/session-3.scope"), "session-3.scope");
    EXPECT_EQ(name_of("/user.slice/user-1000.slice/user@1000.service/app.slice/a.service"),
              "a.service");
    EXPECT_EQ(name_of("/system.slice/postgresql.service/worker"), "postgresql.service");
    EXPECT_EQ(name_of("/system.slice/dev-disk\\x2dby.service"), "dev-disk\\x2dby.service")
        << "as systemctl shows it";
}

TEST(ContainerPath, MonitorsAreNotInTheirContainer) {
    EXPECT_EQ(name_of("/machine.slice/libpod-conmon-" + kId + ".scope"),
              "libpod-conmon-" + kId + ".scope");
    EXPECT_EQ(name_of("/kubepods.slice/crio-conmon-" + kId + ".scope"),
              "crio-conmon-" + kId + ".scope");
    EXPECT_EQ(name_of("/lxc.monitor.web"), "");
}

TEST(ContainerPath, WhatNamesNothing) {
    for (const std::string& path :
         {std::string(), std::string("/"), std::string("//"), std::string("/system.slice"),
          std::string("/kubepods/besteffort/pod2c48913c-b29f-11e7-9350-020968147796"),
          std::string("/.."), std::string("/a/b/c"), std::string("/.service"),
          std::string("/.scope"), std::string("/lxc"), std::string("/lxc.payload."),
          "/docker/" + kId.substr(1), "/docker/" + kId + "0", "/docker/x" + kId,
          "/docker/" + std::string(64, 'g'), "/docker/" + std::string(64, 'A'),
          "/machine.slice/machine-libpod_pod_" + kId + ".slice"}) {
        EXPECT_EQ(id_of(path), "") << path;
        EXPECT_EQ(name_of(path), "") << path;
    }
}

TEST(ContainerPath, HostileNamesAreNone) {
    for (const std::string& bad :
         {std::string("a\nb"), std::string("a\x1b[31m"), std::string("a b"), std::string("a\xff"),
          std::string("\xc3\xa4"), std::string(300, 'a'), std::string("a\0b", 3)}) {
        EXPECT_EQ(name_of("/lxc/" + bad), "") << bad;
        EXPECT_EQ(name_of("/x.slice/" + bad + ".service"), "") << bad;
    }
    EXPECT_EQ(name_of("/machine-a\\x2fb.scope"), "machine-a\\x2fb.scope") << "a unit all the same";
    EXPECT_EQ(name_of("/machine-a\\x0a.scope"), "machine-a\\x0a.scope");
    EXPECT_EQ(name_of("/machine-a\\x2.scope"), "a\\x2") << "not an escape";
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "/a";
    EXPECT_EQ(name_of(deep + "/x.service"), "x.service");
}

TEST(ContainerWords, ThreePartsAreAPodOfKubernetes) {
    const event::ContainerWords pod = event::container_words("shop/cart-7d9/web");
    EXPECT_EQ(pod.name, "web");
    EXPECT_EQ(pod.pod, "cart-7d9");
    EXPECT_EQ(pod.name_space, "shop");
    for (const std::string_view whole : {"web", "", "a/b", "a/b/c/d", "/"}) {
        const event::ContainerWords words = event::container_words(whole);
        EXPECT_EQ(words.name, whole);
        EXPECT_EQ(words.pod, "");
        EXPECT_EQ(words.name_space, "");
    }
}

TEST(ContainerNames, ArePrintableAndShort) {
    EXPECT_TRUE(event::is_container_name("Web_1.a-b:c@d"));
    EXPECT_TRUE(event::is_container_name(std::string(event::kMostContainerName, 'a')));
    EXPECT_FALSE(event::is_container_name(std::string(event::kMostContainerName + 1, 'a')));
    EXPECT_FALSE(event::is_container_name(""));
    EXPECT_FALSE(event::is_container_name("a/b"));
    EXPECT_FALSE(event::is_container_name("a\x7f"));
    EXPECT_EQ(event::short_container_id(kId), kId.substr(0, 12));
}

TEST(ContainerFilter, MatchesWhatIsShownOrTheNameOrThePod) {
    const tcp::FourTuple tuple{};
    const std::optional<event::Process> nobody;
    const auto selects = [&](const char* glob, std::optional<std::string_view> container) {
        event::Filter filter;
        filter.containers = {glob};
        return filter.matches(
            {tuple, 1, tcp::Role::server, nobody, nobody, std::nullopt, 0, nullptr, container});
    };
    for (const char* glob : {"shop/cart-7d9/web", "web", "w?b", "cart-*", "shop/*", "*/cart*/*"})
        EXPECT_TRUE(selects(glob, "shop/cart-7d9/web")) << glob;
    for (const char* glob : {"shop", "we", "Web", "", "cart", "sho?/x"})
        EXPECT_FALSE(selects(glob, "shop/cart-7d9/web")) << glob;
    EXPECT_TRUE(selects("nginx*", "nginx.service"));
    EXPECT_FALSE(selects("*", std::nullopt));
}

} // namespace
} // namespace tcpdwell::test
