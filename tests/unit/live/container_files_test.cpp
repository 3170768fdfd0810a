// SPDX-License-Identifier: Apache-2.0
// The files as the runtimes write them, in trees made up for it.
#include "live/container_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

const std::string kId = "8d7c2a9e4f6b1035c8e7d6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5";
const std::string kOther(64, 'b');
const std::string kShort = kId.substr(0, 12);
constexpr const char* kTasks = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/";
constexpr const char* kDocker = "/var/lib/docker/containers/";
constexpr const char* kPodman = "/var/lib/containers/storage/overlay-containers/containers.json";

class ContainerFilesTest : public testing::Test {
protected:
    void write(const std::string& path, const std::string& text) const {
        const std::filesystem::path file(root() + path);
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    [[nodiscard]] std::string describe(const std::string& id = kId) const {
        return live::ContainerFiles(root()).describe(id);
    }
    [[nodiscard]] std::string root() const { return folder_.path(); }

private:
    TemporaryFolder folder_;
};

std::string cri(const std::string& name, const std::string& pod, const std::string& name_space) {
    std::string json = R"({"ociVersion":"1.1.0","process":{"args":["/pause"],"annotations":"x"},)"
                       R"("annotations":{"io.kubernetes.cri.container-type":"container")";
    if (!name.empty()) json += R"(,"io.kubernetes.cri.container-name":")" + name + '"';
    json += R"(,"io.kubernetes.cri.sandbox-name":")" + pod + '"';
    json += R"(,"io.kubernetes.cri.sandbox-namespace":")" + name_space + '"';
    return json + R"(},"linux":{"resources":{"devices":[{"allow":false,"access":"rwm"}]}}})";
}

TEST_F(ContainerFilesTest, Containerd) {
    write(kTasks + kId + "/config.json", cri("web", "cart-7d9", "shop"));
    EXPECT_EQ(describe(), "shop/cart-7d9/web");
    EXPECT_EQ(describe(kOther), std::string(12, 'b'));
    write(kTasks + kOther + "/config.json", cri("", "cart-7d9", "shop"));
    EXPECT_EQ(describe(kOther), "shop/cart-7d9/POD") << "the sandbox";
}

TEST_F(ContainerFilesTest, ContainerdOfK3sAndNerdctl) {
    write("/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/" + kId + "/config.json",
          cri("web", "cart", "shop"));
    EXPECT_EQ(describe(), "shop/cart/web");
    write("/run/containerd/io.containerd.runtime.v2.task/default/" + kOther + "/config.json",
          R"({"annotations":{"nerdctl/name":"web-1","nerdctl/namespace":"default"}})");
    EXPECT_EQ(describe(kOther), "web-1");
}

TEST_F(ContainerFilesTest, CriO) {
    write("/run/containers/storage/overlay-containers/" + kId + "/userdata/config.json",
          R"({"annotations":{"io.kubernetes.container.name":"web","io.kubernetes.pod.name":"cart",)"
          R"("io.kubernetes.pod.namespace":"shop","io.kubernetes.cri-o.Name":"k8s_x"}})");
    EXPECT_EQ(describe(), "shop/cart/web");
}

TEST_F(ContainerFilesTest, Docker) {
    write(kDocker + kId + "/config.v2.json",
          R"({"StreamConfig":{},"State":{"Running":true},"ID":"x","Args":["Name","b"],)"
          R"("Config":{"Hostname":"h","Labels":{"a":"b"}},"Name":"/web_1.a","Driver":"overlay2"})");
    EXPECT_EQ(describe(), "web_1.a");
    write(kDocker + kOther + "/config.v2.json",
          R"({"Config":{"Labels":{"io.kubernetes.container.name":"web",)"
          R"("io.kubernetes.pod.name":"cart","io.kubernetes.pod.namespace":"shop"}},)"
          R"("Name":"/k8s_web_cart_shop_2c48913c_0"})");
    EXPECT_EQ(describe(kOther), "shop/cart/web") << "under cri-dockerd";
}

TEST_F(ContainerFilesTest, Podman) {
    write(kPodman, R"([{"id":")" + kOther + R"(","names":["db","alias"],"image":"i"},)" +
                       R"({"id":")" + kId + R"(","names":["web"],"layer":"l"}])");
    EXPECT_EQ(describe(), "web");
    EXPECT_EQ(describe(kOther), "db");
    EXPECT_EQ(describe(std::string(64, 'c')), std::string(12, 'c'));
}

TEST_F(ContainerFilesTest, LinksOfLogs) {
    const std::string logs = root() + "/var/log/containers/";
    std::filesystem::create_directories(logs);
    std::filesystem::create_symlink("/nowhere", logs + "cart-7d9_shop_my-web-" + kId + ".log");
    std::filesystem::create_symlink("/nowhere", logs + "no-namespace-" + kOther + ".log");
    EXPECT_EQ(describe(), "shop/cart-7d9/my-web");
    EXPECT_EQ(describe(kOther), std::string(12, 'b'));
}

TEST_F(ContainerFilesTest, ByThePathOfACgroup) {
    write(kDocker + kId + "/config.v2.json", R"({"Name":"/web"})");
    const live::ContainerFiles files(root());
    EXPECT_EQ(files.describe_path("/system.slice/docker-" + kId + ".scope"), "web");
    EXPECT_EQ(files.describe_path("/system.slice/nginx.service"), "nginx.service");
    EXPECT_EQ(files.describe_path("/system.slice"), "");
}

TEST_F(ContainerFilesTest, NamesThatCantBeShownAreNone) {
    for (const char* name :
         {"", "a b", "a/b", R"(a\nb)", R"(\u001b[31mred)", R"(\u0000)", "\xc3\xa4", "\xff\xfe"}) {
        write(kDocker + kId + "/config.v2.json", std::string(R"({"Name":")") + name + "\"}");
        EXPECT_EQ(describe(), kShort) << name;
        write(kTasks + kOther + "/config.json", cri(name, "cart", "shop"));
        EXPECT_TRUE(describe(kOther) == "shop/cart/POD" || describe(kOther) == "bbbbbbbbbbbb");
    }
    write(kDocker + kId + "/config.v2.json", R"({"Name":")" + std::string(5000, 'a') + "\"}");
    EXPECT_EQ(describe(), kShort);
    write(kTasks + kOther + "/config.json", cri("web", R"(a\nb)", "shop"));
    EXPECT_EQ(describe(kOther), "web") << "the pod's name can't be shown";
}

TEST_F(ContainerFilesTest, DamagedAndHugeFiles) {
    const std::string file = kDocker + kId + "/config.v2.json";
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("]"), std::string("[[[["),
          std::string("null"), std::string("\"Name\""), std::string(R"({"Name":7})"),
          std::string(R"([{"Name":"/web"}])"), std::string(R"({"a":{"Name":"/web"}})"),
          std::string(R"({"Name" "/web"})"), std::string("\0\0\0", 3), std::string(4'000'000, '['),
          std::string(4'000'000, '{'),
          [] {
              std::string deep;
              for (int i = 0; i < 500'000; ++i) deep += R"({"a":)";
              return deep;
          }(),
          R"({"a":")" + std::string(5 << 20, 'x') + R"(","Name":"/web"})"}) {
        write(file, text);
        EXPECT_EQ(describe(), kShort) << text.substr(0, 40);
    }
    write(file, std::string(R"({"a":)") + std::string(1'000'000, '[') +
                    std::string(1'000'000, ']') + R"(,"Name":"/web"})");
    EXPECT_EQ(describe(), "web") << "deep, but whole";
}

TEST_F(ContainerFilesTest, NeverWaitsForAFifo) {
    const std::string directory = root() + kDocker + kId;
    std::filesystem::create_directories(directory);
    ASSERT_EQ(::mkfifo((directory + "/config.v2.json").c_str(), 0600), 0);
    EXPECT_EQ(describe(), kShort);
}

TEST_F(ContainerFilesTest, FollowsNoLinkBelowTheRuntimesDirectory) {
    write("/elsewhere/config.v2.json", R"({"Name":"/web"})");
    const std::string containers = root() + kDocker;
    std::filesystem::create_directories(containers + kId);
    std::filesystem::create_symlink(root() + "/elsewhere/config.v2.json",
                                    containers + kId + "/config.v2.json");
    std::filesystem::create_symlink(root() + "/elsewhere", containers + kOther);
    EXPECT_EQ(describe(), kShort);
    EXPECT_EQ(describe(kOther), "bbbbbbbbbbbb");
}

TEST_F(ContainerFilesTest, TheAdministratorsLinkIsFollowed) {
    write("/big-disk/docker/containers/" + kId + "/config.v2.json", R"({"Name":"/web"})");
    std::filesystem::create_directories(root() + "/var/lib");
    std::filesystem::create_symlink(root() + "/big-disk/docker", root() + "/var/lib/docker");
    EXPECT_EQ(describe(), "web");
}

} // namespace
} // namespace tcpdwell::test
