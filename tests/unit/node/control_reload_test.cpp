#include <boost/json.hpp>

#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

config::Config reloaded(std::vector<config::Account> accounts) {
  config::Config next;
  next.regions = {{RegionId("uk-london"), "London", {}, {}, ""},
                  {RegionId("us-east"), "Virginia", {}, {}, ""}};
  next.accounts = std::move(accounts);
  next.digest.bytes[0] = 7;
  return next;
}

// The fixture's accounts, as accounts of the file.
class ReloadTest : public ControlTest {
 protected:
  config::Account acme_ = account("file", {kLondon, kVirginia});

  ReloadTest() {
    EXPECT_TRUE(control_->reload_accounts(reloaded({acme_}), now_).empty());
    drain();
    (void)control_->take_audit_lines();
  }
};

TEST_F(ReloadTest, a_new_account_can_meet_at_once) {
  EXPECT_FALSE(is_closed(join({.account = "file"})));
}

TEST_F(ReloadTest, a_narrower_account_ends_what_it_excludes) {
  const SignalSessionId alice = join({.account = "file"});
  const SignalSessionId bob = join({.account = "file", .identity = "bob", .at = kVirginia});
  acme_.opted_in = {kLondon};
  EXPECT_TRUE(control_->reload_accounts(reloaded({acme_}), now_).empty());
  drain();
  EXPECT_FALSE(is_closed(alice));
  EXPECT_TRUE(is_closed(bob));
  const auto lines = control_->take_audit_lines();
  EXPECT_TRUE(std::ranges::any_of(lines, [](const std::string& line) {
    return line.contains("config_loaded") && line.contains("07000000");
  }));
  EXPECT_TRUE(std::ranges::any_of(
      lines, [](const std::string& line) { return line.contains("permit_revoked"); }));
}

TEST_F(ReloadTest, a_wider_account_may_be_used_there) {
  acme_.opted_in = {kLondon};
  EXPECT_TRUE(control_->reload_accounts(reloaded({acme_}), now_).empty());
  EXPECT_FALSE(open({.account = "file", .at = kVirginia}, join_request()).has_value());
  acme_.opted_in = {kLondon, kVirginia};
  EXPECT_TRUE(control_->reload_accounts(reloaded({acme_}), now_).empty());
  EXPECT_TRUE(open({.account = "file", .at = kVirginia}, join_request()).has_value());
}

TEST_F(ReloadTest, the_same_again_disturbs_nobody) {
  const SignalSessionId alice = join({.account = "file"});
  const std::uint64_t before = policy_.load();
  EXPECT_TRUE(control_->reload_accounts(reloaded({acme_}), now_).empty());
  drain();
  EXPECT_EQ(policy_.load(), before);
  EXPECT_FALSE(is_closed(alice));
}

TEST_F(ReloadTest, an_account_that_left_the_file_meets_no_more) {
  const SignalSessionId alice = join({.account = "file"});
  EXPECT_TRUE(control_->reload_accounts(reloaded({}), now_).empty());
  drain();
  EXPECT_FALSE(is_closed(alice)) << "who is in a meeting may end it";
  EXPECT_EQ(open({.account = "file", .identity = "bob"}, join_request()).error().status, 401U);
}

TEST_F(ReloadTest, what_cannot_be_taken_over_is_named_and_the_rest_holds) {
  config::Account stored = account("acme", {kLondon});
  acme_.opted_in = {kLondon};
  const auto refused = control_->reload_accounts(reloaded({stored, acme_}), now_);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].code, directory::PolicyError::kAlreadyExists);
  EXPECT_FALSE(open({.account = "file", .at = kVirginia}, join_request()).has_value());
}

// ---- Pools
// ----------------------------------------------------------------------------------------

class ClosedPoolTest : public ControlTest {
 protected:
  void reload(bool is_london_closed, bool is_virginia_closed = false) {
    config::Config next;
    next.pools.resize(2);
    next.pools[0].region = kVirginia;  // the order of the file is free
    next.pools[0].is_closed = is_virginia_closed;
    next.pools[1].region = kLondon;
    next.pools[1].is_closed = is_london_closed;
    control_->reload_pools(next, now_);
    drain();
  }
};

TEST_F(ClosedPoolTest, whoever_is_in_it_reconnects_where_their_account_permits_and_else_nowhere) {
  const SignalSessionId alice = join({.account = "uk-only"});
  const SignalSessionId bob = join({.identity = "bob"});
  const SignalSessionId eve = join({.identity = "eve", .at = kVirginia});
  reload(true);
  EXPECT_TRUE(is_closed(alice));
  EXPECT_TRUE(is_closed(bob));
  EXPECT_FALSE(is_closed(eve));
  EXPECT_EQ(last(alice, Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  const auto refused = open({.account = "uk-only"}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 503U);
  EXPECT_EQ(boost::json::parse(refused.error().body).at("error"), "region_unavailable");
  const SignalSessionId again = join({.identity = "bob"});
  EXPECT_EQ(received_[again][0].join().participant().region(), "us-east");
}

TEST_F(ClosedPoolTest, takes_people_again_when_it_is_open_again) {
  reload(true);
  EXPECT_FALSE(open({.account = "uk-only"}, join_request()).has_value());
  reload(false);
  EXPECT_TRUE(open({.account = "uk-only"}, join_request()).has_value());
}

TEST_F(ClosedPoolTest, the_same_again_disturbs_nobody) {
  const SignalSessionId alice = join({});
  reload(false);
  EXPECT_FALSE(is_closed(alice));
}

TEST_F(ClosedPoolTest, a_node_whose_pools_are_all_closed_is_not_ready) {
  reload(true);
  EXPECT_EQ(http(get("/readyz")).status, 200U);
  reload(true, true);
  EXPECT_EQ(http(get("/readyz")).status, 503U);
}

}  // namespace
}  // namespace meridian::node
