// A whole node on ports that the system chooses: wiring, not behaviour, which has tests elsewhere.
#include "io/runtime.hpp"

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include "api/grants.hpp"
#include "io/audit_writer.hpp"
#include "io/clock.hpp"
#include "unit/io/http_client.hpp"
#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

constexpr std::string_view kConfig = R"(
regions:
  - {id: uk-london, name: London, latitude: 51.5, longitude: -0.1, url: "ws://127.0.0.1:7880"}
  - {id: us-east, name: Virginia, latitude: 38.9, longitude: -77.0, url: "ws://127.0.0.1:7881"}
pools:
  - {region: uk-london, workers: 2, signalling: ["127.0.0.1:0"], media: {address: 127.0.0.1, port: 0}}
  - {region: us-east, workers: 1, signalling: ["127.0.0.1:0"], media: {address: 127.0.0.1, port: 0}}
accounts:
  - {id: dev, default_region: uk-london, api_keys: [{key: devkey, secret: a-secret-of-at-least-32-characters}]}
metrics: {listen: "127.0.0.1:0"}
)";

class RuntimeTest : public testing::Test {
 protected:
  config::Config configure() {
    auto loaded = config::parse(kConfig, "test.yaml");
    EXPECT_TRUE(loaded);
    loaded->config.data_dir = folder_.path();
    loaded->config.log_level = config::LogLevel::kError;
    return std::move(loaded->config);
  }
  TemporaryFolder folder_;
};

TEST_F(RuntimeTest, serves_the_page_and_health_and_ends_when_asked) {
  auto runtime = Runtime::make(configure());
  ASSERT_TRUE(runtime) << runtime.error().message;
  std::thread serving([&] { (*runtime)->run(); });
  const std::string url = (*runtime)->page_url();
  const std::string host = url.substr(7, url.size() - 8);
  HttpClient client(*SocketAddress::parse(host));
  const auto get = [&](std::string_view path) {
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.receive_response();
  };
  EXPECT_TRUE(get("/").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(get("/readyz").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(get("/metrics").starts_with("HTTP/1.1 404 ")) << "only on its own listener";
  EXPECT_TRUE(get("/rtc/v1").starts_with("HTTP/1.1 426 ")) << "an upgrade is wanted there";
  EXPECT_TRUE(get("/rtc/v1/validate").starts_with("HTTP/1.1 401 "));
  (*runtime)->request_stop();
  serving.join();
}

TEST_F(RuntimeTest, keeps_the_audit_chain_over_restarts) {
  for (int run = 0; run < 2; ++run) {
    auto runtime = Runtime::make(configure());
    ASSERT_TRUE(runtime) << runtime.error().message;
    std::thread serving([&] { (*runtime)->run(); });
    (*runtime)->request_stop();
    serving.join();
  }
  const std::array files = {folder_.path() / "audit" / "audit-000001.log"};
  const auto heads = verify_audit_files(files);
  ASSERT_TRUE(heads) << heads.error().message;
  EXPECT_GE(heads->lines, 4U);
}

TEST_F(RuntimeTest, does_not_start_on_a_log_that_was_changed) {
  (void)folder_.write("audit/audit-000001.log", "{\"forged\":true}\n");
  const auto runtime = Runtime::make(configure());
  ASSERT_FALSE(runtime);
  EXPECT_NE(runtime.error().message.find("audit log"), std::string::npos);
}

TEST_F(RuntimeTest, does_not_start_without_its_certificate) {
  config::Config config = configure();
  config.tls = config::Tls{"/nonexistent.pem", "/nonexistent.key"};
  const auto runtime = Runtime::make(config);
  ASSERT_FALSE(runtime);
  EXPECT_NE(runtime.error().message.find("/nonexistent.pem"), std::string::npos);
}

}  // namespace
}  // namespace meridian::io
