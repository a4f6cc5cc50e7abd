#include "io/webhook_store.hpp"

#include <filesystem>
#include <string>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

namespace fs = std::filesystem;
using node::ForgottenWebhook;
using node::StoredWebhook;

const RegionId kLondon("uk-london");
const RegionId kVirginia("us-east");

class WebhookStoreTest : public testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<WebhookStore> open(std::set<RegionId> regions = {kLondon,
                                                                                 kVirginia}) const {
    return std::make_unique<WebhookStore>(
        WebhookStore::Config{.data_dir = folder_.path(), .regions = std::move(regions)});
  }
  static StoredWebhook event(const std::string& id, const RegionId& region = kLondon,
                             Duration age = {}) {
    return {.id = id,
            .account = AccountId("acme"),
            .region = region,
            .receiver = "digest",
            .room = "RM_1",
            .since = wall_now() + -age,
            .has_content = true,
            .levels = {.group = "g", .user = "u", .room = "standup"},
            .body = R"({"identity":"alice-of-)" + id + "\"}"};
  }
  /// What an earlier process left, by id.
  [[nodiscard]] std::vector<std::string> left() const {
    std::vector<std::string> ids;
    for (const StoredWebhook& event : open()->take_left()) {
      ids.push_back(event.id);
    }
    return ids;
  }
  [[nodiscard]] fs::path file(const RegionId& region = kLondon) const {
    return folder_.path() / "webhooks" / region.value() / "queue.db";
  }

  TemporaryFolder folder_;
};

TEST_F(WebhookStoreTest, leaves_what_waits_to_the_next_process_in_order) {
  const StoredWebhook first = event("EV_b");
  {
    const auto store = open();
    EXPECT_TRUE(store->take_left().empty());
    store->store({first, event("EV_a")});
    store->store({event("EV_c")});
  }
  EXPECT_EQ(left(), (std::vector<std::string>{"EV_b", "EV_a", "EV_c"}));
  const StoredWebhook read = open()->take_left().at(0);
  EXPECT_EQ(read.account, first.account);
  EXPECT_EQ(read.region, first.region);
  EXPECT_EQ(read.receiver, first.receiver);
  EXPECT_EQ(read.room, first.room);
  EXPECT_EQ(read.since, first.since);
  EXPECT_TRUE(read.has_content);
  EXPECT_EQ(read.levels, first.levels);
  EXPECT_EQ(read.body, first.body);
}

TEST_F(WebhookStoreTest, forgets_what_was_delivered_also_on_the_disk) {
  {
    const auto store = open();
    store->store({event("EV_a"), event("EV_b")});
  }
  EXPECT_TRUE(TemporaryFolder::read(file()).contains("alice-of-EV_a"));
  {
    const auto store = open();
    store->store({ForgottenWebhook{kLondon, "EV_a"}});
  }
  EXPECT_EQ(left(), (std::vector<std::string>{"EV_b"}));
  EXPECT_FALSE(TemporaryFolder::read(file()).contains("alice-of-EV_a"));
  EXPECT_FALSE(fs::exists(file().string() + "-wal"));
}

TEST_F(WebhookStoreTest, what_is_delivered_at_once_is_never_written) {
  {
    const auto store = open();
    store->store({event("EV_a"), ForgottenWebhook{kLondon, "EV_a"}});
  }
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(WebhookStoreTest, keeps_each_region_apart_and_nothing_of_regions_elsewhere) {
  {
    const auto store = open({kLondon});
    store->store({event("EV_a"), event("EV_b", kVirginia)});
  }
  EXPECT_FALSE(fs::exists(file(kVirginia)));
  EXPECT_EQ(left(), (std::vector<std::string>{"EV_a"}));
  {
    const auto store = open();
    store->store({event("EV_c", kVirginia)});
  }
  EXPECT_TRUE(TemporaryFolder::read(file(kVirginia)).contains("EV_c"));
  EXPECT_FALSE(TemporaryFolder::read(file()).contains("EV_c"));
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(WebhookStoreTest, deletes_what_is_too_old) {
  {
    const auto store = open();
    store->store({event("EV_old", kLondon, node::Webhooks::kMaxAge + 1s), event("EV_new")});
  }
  EXPECT_EQ(left(), (std::vector<std::string>{"EV_new"}));
  EXPECT_FALSE(TemporaryFolder::read(file()).contains("EV_old"));
}

TEST_F(WebhookStoreTest, a_file_that_cannot_be_used_is_no_reason_to_stop) {
  (void)folder_.write("webhooks/uk-london/queue.db", std::string(5000, 'x'));
  {
    const auto store = open();
    EXPECT_TRUE(store->take_left().empty());
    store->store({event("EV_a")});
  }
  EXPECT_EQ(TemporaryFolder::read(file()), std::string(5000, 'x')) << "somebody may look at it";
  EXPECT_TRUE(left().empty());
}

}  // namespace
}  // namespace meridian::io
