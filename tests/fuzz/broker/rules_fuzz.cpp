// Whatever rule an administrator sends: it is refused with a place in it, or it is compiled and
// asked about clients and messages, and then what it adds to a message is what a client can be
// sent.
//
// The first byte, from `0` on, says what the rule does: it blocks, subscribes or adds to messages.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "base/check.hpp"
#include "base/clock.hpp"
#include "broker/access_control.hpp"
#include "broker/auto_subscriptions.hpp"
#include "broker/block_rules.hpp"
#include "broker/enrichment_rules.hpp"
#include "mqtt/codec.hpp"
#include "support/memory_store.hpp"

namespace {

using namespace sluice::broker;  // a fuzzer has no other names
namespace json = boost::json;
using sluice::test::MemoryStore;

const Client& client() {
  static const Client kClient{
      .client_id = "meter-1", .username = "meter", .has_username = true, .host = "192.0.2.7"};
  return kClient;
}

// With a store that begins anew now and then: it keeps all that was ever put into it.
class Rules {
 public:
  template <class Kind, class Ask>
  void ask(Kind& rules, const json::object& document, Ask ask) {
    const auto made = rules.documents().create(document);
    if (!made) {
      SL_CHECK(!made.error().detail.empty());
      return;
    }
    ask(rules);
    SL_CHECK(rules.documents().remove(made->at("id").get_string()));
  }
  BlockRules& blocking() { return blocking_; }
  AutoSubscriptions& subscribing() { return subscribing_; }
  EnrichmentRules& adding() { return adding_; }

 private:
  MemoryStore store_{MemoryStore::Durability::AtOnce};
  sluice::SystemClock clock_;
  BlockRules blocking_{store_, clock_, nullptr};
  AutoSubscriptions subscribing_{store_, clock_};
  EnrichmentRules adding_{store_, clock_};
};

Rules& rules() {
  static constexpr int kRenewedAfter = 4096;
  static std::unique_ptr<Rules> current;
  static int used = 0;
  if (!current || ++used % kRenewedAfter == 0) current = std::make_unique<Rules>();
  return *current;
}

void check_added(const EnrichmentRules& adding) {
  std::string properties;
  const sluice::mqtt::Publish plain{
      .topic = "meters/meter-1/state", .payload = "1", .properties = {}};
  const auto enriched = adding.enriched(client(), plain, properties);
  std::string packet;
  sluice::mqtt::encode(packet, sluice::mqtt::Version::V5, enriched);
  const auto frame = sluice::mqtt::next_frame(packet, 1 << 28);
  SL_CHECK(frame && *frame);
  SL_CHECK(sluice::mqtt::decode_publish(sluice::mqtt::Version::V5, sluice::mqtt::Sender::Server,
                                        (*frame)->flags, (*frame)->body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  boost::system::error_code error;
  const auto parsed =
      json::parse({reinterpret_cast<const char*>(data + 1), size - 1}, error, {}, {});
  if (error || !parsed.is_object()) return 0;
  const auto& document = parsed.get_object();
  switch ((data[0] - unsigned{'0'}) % 3) {
    case 0:
      rules().ask(rules().blocking(), document,
                  [](const BlockRules& blocking) { (void)blocking.blocking(client()); });
      break;
    case 1:
      rules().ask(rules().subscribing(), document, [](const AutoSubscriptions& subscribing) {
        for (const auto& wanted : subscribing.wanted_by(client())) SL_CHECK(!wanted.name.empty());
      });
      break;
    default:
      rules().ask(rules().adding(), document, check_added);
  }
  return 0;
}
