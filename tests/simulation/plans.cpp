#include "simulation/plans.hpp"

namespace sluice::simulation {

std::vector<Client::Plan> client_plans(Random& random) {
  using mqtt::Qos;
  using mqtt::Version;
  const std::vector<Qos> both{Qos::AtLeastOnce, Qos::ExactlyOnce};
  std::vector<Client::Plan> plans;
  plans.push_back(
      {.id = "p1", .topics = {"t/1", "t/2"}, .qos = {Qos::AtLeastOnce}, .retains = true});
  plans.push_back({.id = "p2",
                   .topics = {"t/2", "t/3/x"},
                   .qos = {Qos::ExactlyOnce},
                   .retains = true,
                   .has_will = true});
  plans.push_back({.id = "p3", .version = Version::V311, .topics = {"t/1", "t/3/x"}, .qos = both});
  const std::vector<Qos> once{Qos::AtLeastOnce};
  const std::vector<Qos> exactly{Qos::ExactlyOnce};
  const std::vector<Qos> any{Qos::AtMostOnce, Qos::AtLeastOnce, Qos::AtLeastOnce, Qos::ExactlyOnce};
  plans.push_back({.id = "s1", .wishes = {{"t/#", "s1", both}}});
  plans.push_back({.id = "s2", .has_will = true, .wishes = {{"t/#", "s2", exactly}}});
  plans.push_back({.id = "s3",
                   .version = Version::V311,
                   .topics = {"t/2"},
                   .qos = both,
                   .wishes = {{"t/1", "s3", exactly}, {"t/+", "s3", both, true}}});
  plans.push_back(
      {.id = "s4",
       .has_will = true,
       .may_end_session = true,
       .wishes = {
           {"t/2", "s4", exactly, true}, {"t/3/#", "s4", once, true}, {"w/#", "s4", any, true}}});
  plans.push_back({.id = "s5",
                   .wishes = {{"t/1", "s5", any, true},
                              {"t/2", "s5", both, true},
                              {"t/3/#", "s5", any, true},
                              {"+/3/x", "s5", once, true}}});
  plans.push_back(
      {.id = "s6",
       .version = Version::V311,
       .wishes = {{"t/2", "s6", once}, {"t/1", "s6", exactly, true}, {"t/3/x", "s6", both, true}}});
  // The first stays, so that the group does.
  for (const auto* id : {"g1", "g2", "g3"}) {
    const bool stays = std::string_view(id) == "g1";
    plans.push_back({.id = id, .wishes = {{"$share/g/t/#", "group:g", exactly, !stays}}});
  }
  for (const auto* id : {"h1", "h2"}) {
    const bool stays = std::string_view(id) == "h1";
    plans.push_back({.id = id,
                     .version = stays ? Version::V5 : Version::V311,
                     .wishes = {{"$share/h/t/+", "group:h", stays ? both : once, !stays}}});
  }
  // This one ends and begins again.
  plans.push_back({.id = "k1", .wishes = {{"$share/k/t/#", "group:k", both, true, true}}});
  // Not all of them always: with fewer, each does more.
  std::erase_if(plans, [&](const Client::Plan& plan) {
    return plan.id != "p1" && plan.id != "p2" && random.one_in(4) && plan.id != "g1" &&
           plan.id != "h1";
  });
  return plans;
}

}  // namespace sluice::simulation
