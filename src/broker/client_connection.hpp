#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadlines.hpp"
#include "broker/access_control.hpp"
#include "broker/connect_properties.hpp"
#include "broker/drain.hpp"
#include "broker/filter_table.hpp"
#include "broker/limits.hpp"
#include "broker/link.hpp"
#include "broker/memory_bounds.hpp"
#include "broker/publish_pace.hpp"
#include "broker/sent_aliases.hpp"
#include "broker/will.hpp"
#include "broker/wire_forms.hpp"
#include "model/message.hpp"
#include "mqtt/codec.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

class Session;
class Worker;

// The protocol side of one network connection: every packet of the client comes in here, every
// packet to it goes out here. One handle_*.cpp per packet.
//
// Threads: its worker's own.
// Fails:   a packet that breaks the protocol closes the connection with the right reason code.
class ClientConnection final : public Deadline,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  // `host`: the peer's address without port. `listener`: through which it came.
  ClientConnection(Worker& worker, std::shared_ptr<Link> link, std::string host,
                   ListenerName listener);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  void start();  // the deadline for CONNECT runs from here

  // --- from net
  // A proxy says for whom it stands. Before CONNECT.
  void set_host(std::string host);
  // A verified certificate says who it is, whatever CONNECT says. Before CONNECT.
  void set_certified_user(std::string name);
  void on_packet(const mqtt::Frame& frame);
  void on_malformed(mqtt::ReasonCode reason);             // what next_frame() refused
  void on_closed();                                       // the network connection is gone
  void on_output_drained();                               // below the high-water mark again
  [[nodiscard]] std::size_t maximum_packet_size() const;  // that may come in now
  // For net, to find the worker of a client before anything is decided.
  [[nodiscard]] bool waits_for_connect() const { return state_ == State::AwaitingConnect; }
  // There is a limit to how fast it may publish: what is read beyond that has to be kept.
  [[nodiscard]] bool is_paced() const;

  // --- from delivery and worker
  [[nodiscard]] bool is_open() const { return state_ == State::Open; }
  [[nodiscard]] std::size_t waiting_bytes() const { return link_->waiting_bytes(); }
  // False: the message is not for this client (expired, too large). `publish` becomes what is sent:
  // with its properties, and with an alias.
  bool send_publish(const model::Message& message, mqtt::Publish& publish,
                    const std::vector<std::uint32_t>& identifiers);
  // The same, encoded already but for its packet id. False: not sent; larger than the client takes,
  // or it goes with a topic alias.
  bool send_form(WireForms::Form form, std::uint16_t packet_id);
  // So many packets of QoS 0 at once. False: not sent, as one may be too large for the client, or
  // may go with a topic alias.
  bool send_whole(std::string_view packets, std::size_t count);
  // `why`: for whoever reads the client's log; left out where the client or its version does not
  // want it.
  void send_ack(mqtt::PacketType type, std::uint16_t packet_id, mqtt::ReasonCode reason,
                std::string_view why = {});
  void acknowledge_publish(mqtt::PacketType type, std::uint16_t packet_id, mqtt::ReasonCode reason,
                           std::string_view why = {});
  // DISCONNECT with the reason where the version has it, then close. The will is sent.
  void disconnect(mqtt::ReasonCode reason);
  void taken_over();
  void redirect(const Redirect& to);
  void shut_down();  // the server stops: the will stays for the next start

  [[nodiscard]] mqtt::Version version() const { return version_; }
  [[nodiscard]] std::uint16_t keep_alive_s() const { return keep_alive_s_; }
  [[nodiscard]] bool clean_start() const { return clean_start_; }
  // Null: its CONNECT had none.
  [[nodiscard]] const ConnectProperties* connect_properties() const { return properties_.get(); }
  void on_no_memory();  // for the packet that is on its way
  // Since it connected, because it published faster than it may.
  void on_room();  // of the back-log that it was held back for
  void on_left();  // the peer sends no more than what it has sent
  [[nodiscard]] bool waits_for_room() const { return waits_for_room_; }
  [[nodiscard]] float held_back_s() const { return held_back_s_; }
  [[nodiscard]] const std::string& host() const { return client_->host; }
  [[nodiscard]] std::optional<PeerCertificate> certificate() const { return link_->certificate(); }

 private:
  enum class State : std::uint8_t { AwaitingConnect, Authenticating, Deciding, Open, Closed };

  struct Aliases {
    explicit Aliases(MemoryBoundPtr bound) : memory(std::move(bound)) {}
    ~Aliases() { memory->take_away(bytes); }
    Aliases(const Aliases&) = delete;
    Aliases& operator=(const Aliases&) = delete;

    const MemoryBoundPtr memory;
    std::size_t bytes = 0;              // of `received`
    std::vector<std::string> received;  // the topic of each, from 1
    std::optional<SentAliases> sent;    // none: the client allows no alias
  };
  // What CONNECT said, kept until it is answered.
  struct Pending {
    std::string user_id;  // whose password is being checked
    std::uint32_t session_expiry_s = 0;
    std::uint16_t receive_maximum = 65535;
    std::uint16_t keep_alive_s = 0;
    bool keep_alive_changed = false;
    bool id_assigned = false;
    std::optional<std::string> credential;  // that came as the user name, and is none
    std::unique_ptr<WillMessage> will;
    std::unique_ptr<LoginExchange> login;     // with an authentication method; also of an open one
    std::string login_proof;                  // ours to the client, with the answer
    std::vector<std::string> wants_retained;  // of what the server subscribed it to
  };

  void handle_connect(const mqtt::Connect& connect);
  [[nodiscard]] std::optional<mqtt::ReasonCode> refuse_connect(const mqtt::Connect& connect);
  [[nodiscard]] bool refuse_blocked();
  void tell_refused(std::string_view why);  // in the log
  void note_connect(const mqtt::Connect& connect);
  // Of a session, in seconds: what the client asks for, as far as it may.
  [[nodiscard]] std::uint32_t bounded_expiry(std::uint32_t asked_s);
  void note_will(const mqtt::Will& will);
  void on_authenticated(const LoginAnswer& login);
  void take_login(const LoginAnswer& login);
  void admit();
  void send_connack(bool session_present);
  void refuse_with_connack(mqtt::ReasonCode reason, std::string_view why = {});

  void handle_auth(const mqtt::Auth& auth);
  void begin_login(std::optional<std::string_view> data);
  void begin_login_again(const mqtt::Auth& auth);
  void continue_login(std::string_view data);
  void on_login_done(std::string proof);
  void refuse_login(mqtt::ReasonCode reason);
  void send_auth(mqtt::ReasonCode reason, std::string_view data);

  void handle_publish(mqtt::Publish& publish);
  void hold_back(std::uint32_t per_second);
  void go_on();
  void wait_for_room(const MatchPtr& match);
  [[nodiscard]] std::optional<mqtt::ReasonCode> resolve_alias(mqtt::Publish& publish);
  [[nodiscard]] bool keep_alias(std::string& topic, std::string_view given);
  void refuse_publish(const mqtt::Publish& publish, mqtt::ReasonCode reason,
                      std::string_view why = {});
  void accept_publish(const mqtt::Publish& publish, const MatchPtr& match);
  void store_publish(const mqtt::Publish& publish, const MatchPtr& match);
  void handle_dollar_topic(const mqtt::Publish& publish);
  void handle_delayed_topic(const mqtt::Publish& publish);
  void handle_unused_topic(const mqtt::Publish& publish);
  void accept_delayed(const mqtt::Publish& publish, std::uint32_t seconds);

  void handle_ack(const mqtt::Ack& ack);
  void handle_pubrel(const mqtt::Ack& ack);
  void handle_subscribe(const mqtt::Subscribe& subscribe);
  void grant_all(const mqtt::Subscribe& subscribe, const ConditionPtr& condition);
  void answer_subscribe(mqtt::Suback answer, std::string why,
                        std::vector<std::string> wants_retained);
  void handle_unsubscribe(const mqtt::Unsubscribe& unsubscribe);
  void handle_disconnect(const mqtt::Disconnect& disconnect);

  [[nodiscard]] Aliases& aliases();
  [[nodiscard]] SentAliases* sent_aliases() {
    return aliases_ && aliases_->sent ? &*aliases_->sent : nullptr;
  }

  [[nodiscard]] std::string& output();
  // Whether the client takes what was written behind `begin`. If not it is taken back and the
  // connection ends: an answer cannot be left out. [MQTT-3.1.2-24]
  [[nodiscard]] bool takes_answer(std::size_t begin);
  void close();
  void leave_session();
  void tell_connected();
  void tell_disconnected();
  void note_heard();
  void watch_deadlines();
  void on_open_deadline();
  [[nodiscard]] Deadlines::Time silent_too_long() const;  // max(): it may be silent
  [[nodiscard]] Deadlines::Time login_ends() const;       // max(): it does not
  void on_deadline() override;  // of CONNECT, of its answer, of the next packet, of the login

  // Very many connections say nothing most of the time: what only some need, or only for a while,
  // stands behind a pointer.
  Worker& worker_;
  std::shared_ptr<Link> link_;
  const Limits* limits_;  // those of its CONNECT; what it was promised holds until it ends
  ClientPtr client_;
  std::shared_ptr<Session> session_;
  std::unique_ptr<Pending> pending_;
  State state_ : 4 = State::AwaitingConnect;
  bool wants_reasons_ : 1 = true;  // in words, also where they are not a farewell
  bool has_method_ : 1 = false;    // came with the one authentication method that there is
  bool was_admitted_ : 1 = false;
  bool is_held_back_ : 1 = false;
  bool waits_for_room_ : 1 = false;  // of a task's back-log
  bool has_left_ : 1 = false;
  bool clean_start_ : 1 = true;
  mqtt::Version version_ = mqtt::Version::V311;
  // Why it ends; nothing is known of one that just breaks.
  mqtt::ReasonCode left_with_ = mqtt::ReasonCode::UnspecifiedError;
  std::uint16_t keep_alive_s_ = 0;
  std::uint32_t maximum_packet_size_ = 0;  // that the client takes; 0: no limit
  // Publishes from the client: of QoS 1 without their PUBACK, of QoS 2 without their PUBCOMP.
  std::uint32_t unacknowledged_ = 0;
  std::uint32_t last_heard_ = 0;  // a tick of the worker's deadlines
  float held_back_s_ = 0;
  PublishPace pace_;
  std::unique_ptr<Aliases> aliases_;
  std::unique_ptr<ConnectProperties> properties_;

  friend class Worker;
};

}  // namespace sluice::broker
