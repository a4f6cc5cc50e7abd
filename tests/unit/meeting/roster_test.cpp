#include "meeting/roster.hpp"

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

std::unique_ptr<Participant> person(const std::string& name, RandomSource& random) {
  auto participant = std::make_unique<Participant>(std::vector<rtp::Codec>{}, random);
  participant->info.set_sid("PA_" + name);
  participant->info.set_identity(name);
  participant->uplink.transport = TransportId(static_cast<std::uint32_t>(name.size()));
  return participant;
}

TEST(Roster, finds_people_by_whatever_is_theirs) {
  SeededRandomSource random(1);
  Roster roster;
  Participant& alice = roster.add(person("alice", random));
  Publication publication;
  publication.id = PublicationId(4);
  publication.sid = TrackSid("TR_1");
  roster.index_track(alice, publication);
  EXPECT_EQ(roster.find(ParticipantSid("PA_alice")), &alice);
  EXPECT_EQ(roster.find(Identity("alice")), &alice);
  EXPECT_EQ(roster.find(TransportId(5)), &alice);
  EXPECT_EQ(roster.find(PublicationId(4)), &alice);
  EXPECT_EQ(roster.publisher_of(TrackSid("TR_1")), &alice);
  roster.forget_track(publication);
  EXPECT_EQ(roster.find(PublicationId(4)), nullptr);
  EXPECT_EQ(roster.publisher_of(TrackSid("TR_1")), nullptr);
}

TEST(Roster, forgets_people_with_all_that_was_theirs) {
  SeededRandomSource random(1);
  Roster roster;
  Participant& alice = roster.add(person("alice", random));
  Participant& bob = roster.add(person("bob", random));
  auto publication = std::make_unique<Publication>();
  publication->id = PublicationId(4);
  publication->sid = TrackSid("TR_1");
  roster.index_track(alice, *publication);
  alice.publications.push_back(std::move(publication));
  const auto removed = roster.remove(ParticipantSid("PA_alice"));
  EXPECT_EQ(removed->info.identity(), "alice");
  EXPECT_EQ(roster.find(Identity("alice")), nullptr);
  EXPECT_EQ(roster.find(TransportId(5)), nullptr);
  EXPECT_EQ(roster.find(PublicationId(4)), nullptr);
  EXPECT_EQ(roster.size(), 1U);
  EXPECT_EQ(roster.all()[0].get(), &bob);
}

TEST(Roster, counts_people_by_the_worker_that_serves_them) {
  SeededRandomSource random(1);
  Roster roster;
  const auto add = [&](const std::string& name, std::uint16_t worker, bool is_forwarded = false) {
    auto one = person(name, random);
    one->worker = WorkerIndex(worker);
    if (is_forwarded) {
      one->forwarded = Participant::Forwarded{};
    }
    return roster.add(std::move(one)).sid();
  };
  const ParticipantSid first = add("a", 0);
  (void)add("ab", 0);
  const ParticipantSid elsewhere = add("abc", 2);
  const ParticipantSid copy = add("abcd", 2, true);
  EXPECT_EQ(roster.by_worker(), (PeopleByWorker{{WorkerIndex(0), 2}, {WorkerIndex(2), 1}}));
  (void)roster.remove(copy);
  (void)roster.remove(elsewhere);
  (void)roster.remove(first);
  EXPECT_EQ(roster.by_worker(), (PeopleByWorker{{WorkerIndex(0), 1}}));
}

}  // namespace
}  // namespace meridian::meeting
