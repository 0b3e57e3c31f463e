#include "simulation/world.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "broker/session.hpp"
#include "connect/template.hpp"
#include "mqtt/topic.hpp"
#include "simulation/plans.hpp"
#include "store/store.hpp"

namespace sluice::simulation {

using test::Event;

namespace {

constexpr std::size_t kRecent = 400;

}  // namespace

void Totals::add(const Totals& other) {
  steps += other.steps;
  episodes += other.episodes;
  kills += other.kills;
  power_cuts += other.power_cuts;
  kills_while_starting += other.kills_while_starting;
  clean_stops += other.clean_stops;
  views_lost += other.views_lost;
  disk_operations += other.disk_operations;
  disk_failures += other.disk_failures;
  pieces_lost += other.pieces_lost;
  torn += other.torn;
  connections_broken += other.connections_broken;
  acknowledged += other.acknowledged;
  delivered += other.delivered;
  segments_deleted += other.segments_deleted;
  subscriptions_changed += other.subscriptions_changed;
  files_asked_for += other.files_asked_for;
  trace = (trace ^ other.trace) * 0x100000001b3;
}

World::World(std::uint64_t seed, std::uint64_t steps, std::string scratch)
    : random_(seed), planned_steps_(steps), scratch_(std::move(scratch)) {
  std::filesystem::remove_all(scratch_);
  choose_plan();
  for (auto& plan : client_plans(random_))
    clients_.push_back(std::make_unique<Client>(*this, std::move(plan)));
}

World::~World() {
  drop();
  std::filesystem::remove_all(scratch_);
}

void World::choose_plan() {
  using Durability = store::EmbeddedOptions::Durability;
  options_.directory = scratch_;
  options_.durability = random_.one_in(4) ? Durability::Os : Durability::Fsync;
  may_lose_power_ = options_.durability == Durability::Fsync;
  disk_.set_syncs_give_way(may_lose_power_);
  disk_.set_may_drop_pages(may_lose_power_);
  const auto pick = [&](std::initializer_list<std::uint64_t> from) {
    return *(from.begin() + random_.below(from.size()));
  };
  options_.segment_bytes = pick({12 << 10, 32 << 10, 256 << 10});
  options_.cache_bytes = pick({0, 16 << 10, 4 << 20});
  options_.checkpoint_bytes = pick({8 << 10, 64 << 10, 16 << 20});
  options_.maximum_waiting_bytes = pick({6 << 10, 64 << 20});
  options_.reserve_bytes = pick({8 << 10, 64 << 10});
  options_.first_fill_bytes = pick({0, 16 << 10});
  options_.prepare_segments = random_.one_in(2);
  options_.retention_interval = std::chrono::milliseconds(500);
  if (random_.one_in(3)) options_.retention.bytes = pick({64 << 10, 256 << 10});
  if (random_.one_in(4)) options_.retention.time = std::chrono::seconds(30);
  options_.threads = &scheduler_;
  broker_options_.workers = pick({1, 2, 3});
  broker_options_.deliver_after_durable = random_.one_in(3);
  broker_options_.threads = &pool_;
  spec_.name = "task";
  spec_.filters = {"t/#", "r/#", "w/#"};
  spec_.mapping.topic = *connect::Template::compile("${topic}");
  spec_.mapping.key = *connect::Template::compile("${message_id}");
  spec_.retry_initial = std::chrono::milliseconds(10);
  spec_.retry_maximum = std::chrono::milliseconds(100);
  spec_.in_flight = pick({4, 64});
}

std::pair<std::string, std::uint64_t> World::origin_of(std::string_view payload) {
  const auto colon = payload.find(':');
  std::uint64_t sequence = 0;
  if (colon != std::string_view::npos)
    std::from_chars(payload.data() + colon + 1, payload.data() + payload.size(), sequence);
  return {std::string(payload.substr(0, colon)), sequence};
}

void World::note(const Event& event) {
  const auto line = test::to_json(event);
  scheduler_.note(line);
  recent_.push_back(line);
  if (file_.is_open()) file_ << line << std::endl;
  if (recent_.size() > kRecent) recent_.pop_front();
  if (event.kind == Event::Kind::Publish) sent_[{event.client, event.sequence}] = event.qos;
  if (event.kind == Event::Kind::Acknowledged) acknowledged_.insert({event.client, event.sequence});
  if (event.kind == Event::Kind::Refused) refused_.insert({event.client, event.sequence});
  if (event.kind == Event::Kind::Broken && !event.client.empty()) ++totals_.connections_broken;
  checker_.add(event);
  if (const auto& violation = checker_.violation())
    Violation::report(violation->rule + ": " + violation->what);
}

std::string World::history() const {
  std::string text = "the end of the history:\n";
  for (const auto& line : recent_) text += line + "\n";
  for (const auto& client : clients_) {
    text += client->describe();
    const auto& id = client->plan().id;
    const auto session = broker_ ? broker_->worker_of(id).find_session(id) : nullptr;
    if (session)
      text += "; server: in flight " + std::to_string(session->delivery().in_flight()) + ", lag " +
              std::to_string(session->delivery().lag());
    text += "\n";
  }
  return text;
}

std::shared_ptr<Wire> World::open_wire(const std::string& client, mqtt::Version version) {
  auto& worker = broker_->worker_of(client);
  auto wire = std::make_shared<Wire>(*this, worker, version);
  wire->server_side_ = std::make_shared<broker::ClientConnection>(worker, wire, "192.0.2.1",
                                                                  broker::ListenerName("tcp"));
  wire->server_side_->start();
  wires_.push_back(wire);
  return wire;
}

// --- one thing happens

void World::step() {
  ++totals_.steps;
  if (disk_.halted()) {
    crash();
    return;
  }
  const auto& counters = broker_->counters();
  const bool deletes = options_.retention.bytes || options_.retention.time;
  if (counters.lost_to_damage.value() > 0 || (!deletes && counters.lost_to_retention.value() > 0))
    Violation::report("lost: the broker says itself that it lost messages");
  const auto choice = random_.below(1000);
  if (choice < 350) {
    if (!scheduler_.run_one() && random_.one_in(4))
      scheduler_.pass_to_next(clock_.steady() + std::chrono::milliseconds(10));
  } else if (choice < 600) {
    clients_[random_.below(clients_.size())]->act();
  } else if (choice < 780) {
    broker_->worker(random_.below(broker_->worker_count())).run_round();
  } else if (choice < 900) {
    const auto& wire = clients_[random_.below(clients_.size())]->wire();
    if (wire) wire->move_some(random_);
  } else if (choice < 940) {
    if (sink_ != nullptr) sink_->act(calm_);
  } else if (choice < 950) {
    if (!later_.empty()) {
      const auto work = std::move(later_.front());
      later_.pop_front();
      work();
    }
  } else if (choice < 990) {
    clock_.pass(std::chrono::microseconds(random_.below(20'000)));
  } else if (!calm_) {
    choose_faults();
  }
}

void World::choose_faults() {
  const auto choice = random_.below(100);
  const auto health = store_->health();
  if (!health.accepting && health.reason == Errc::Closed && choice < 20) {
    disk_.halt();  // as whoever runs it would: it says that it needs a restart
  } else if (choice < 6) {
    disk_.halt_at(1 + random_.below(40));
  } else if (choice < 7) {
    disk_.halt();
  } else if (choice < 8) {
    stop_cleanly();
  } else if (choice < 10) {
    clock_.pass(std::chrono::seconds(random_.below(60)));
  } else if (choice < 11) {
    clock_.set_wall_forward(static_cast<std::int64_t>(random_.below(20'000)) - 10'000);
  } else if (choice < 14) {
    disk_.set_capacity(disk_.used() + random_.below(20'000));
  } else if (choice < 24) {
    disk_.set_capacity(UINT64_MAX);
  } else if (choice < 27) {
    const std::uint64_t rates[] = {0, 0, 50, 500};
    disk_.set_faults({.io = rates[random_.below(4)] * 4,
                      .space = rates[random_.below(4)],
                      .slow = rates[random_.below(4)],
                      .reading = rates[random_.below(4)] / 10});
  } else if (choice < 40) {
    disk_.set_faults({.slow = 20});
  }
}

// --- the life of the process

void World::start() {
  for (int tries = 0; !try_start(); ++tries) {
    drop();
    if (disk_.halted()) {
      ++totals_.kills_while_starting;
      if (may_lose_power_ && random_.one_in(2))
        disk_.restart_machine();
      else
        disk_.restart_process();
    }
    if (tries == 5) {
      disk_.set_faults({});
      disk_.set_capacity(UINT64_MAX);
    }
    if (tries > 20) Violation::report("the server does not start");
  }
}

bool World::try_start() {
  stopping_ = false;
  if (!calm_ && random_.one_in(4)) disk_.halt_at(1 + random_.below(60));
  const auto met = [&](const Error& error) {
    if (error.code == Errc::Corrupt || error.code == Errc::Unsupported)
      Violation::report("a start refuses what a crash left: " + error.detail);
    return false;
  };
  auto opened = store::open_embedded(disk_, clock_, options_);
  if (!opened) return met(opened.error());
  store_ = std::move(*opened);
  check_log();
  check_cursors();
  registry_ = std::make_unique<metrics::Registry>();
  access_ = std::make_unique<broker::AccessControl>(
      *store_, clock_, broker::AccessControl::Options{.enabled = false});
  broker_ =
      std::make_unique<broker::Broker>(*store_, *access_, clock_, *registry_, broker_options_);
  if (const auto loaded = broker_->load(); !loaded) return met(loaded.error());
  check_retained();
  if (!open_task()) return false;
  if (const auto dropped = broker_->filters().drop_unclaimed(); !dropped)
    return met(dropped.error());
  store_->set_readers({.holds =
                           [this] {
                             // While it stops nobody can be asked: all is held.
                             if (stopping_ || !broker_ || !task_) return hold(store::Position());
                             auto holds = broker_->filters().holds();
                             for (auto& of_task : hold(task_->progress().cursor))
                               holds.push_back(std::move(of_task));
                             return holds;
                           },
                       .deleted =
                           [this](store::Position, const auto&) {
                             if (task_) task_->log_deleted(0);
                           }});
  return !disk_.halted();
}

std::vector<store::Hold> World::hold(store::Position after) const {
  return {{.of = store::Hold::Of::Task,
           .queue = {},
           .after = after,
           .read = after,
           .filters = spec_.filters,
           .owner = "task"}};
}

bool World::open_task() {
  std::vector<store::QueueId> queues;
  for (const auto& filter : spec_.filters) {
    const auto queue = broker_->filters().acquire(filter);
    if (!queue) return false;
    queues.push_back(queue->id);
  }
  const auto saved = store_->get(store::StateKind::Cursor, connect::Worker::cursor_key("task"));
  if (!saved) return false;
  auto cursor = *saved ? store::decode_cursor(**saved) : Result<store::Cursor>(store::Cursor{});
  if (!cursor) Violation::report("the cursor of the task cannot be read: " + cursor.error().detail);
  if (!*saved)
    note({.kind = Event::Kind::Subscribed, .topic = "t/#", .consumer = "task", .qos = 1});
  letters_ = std::make_unique<connect::DeadLetters>(*store_, 64 << 20);
  if (!letters_->load()) return false;
  task_ = std::make_unique<connect::Worker>(
      connect::Worker::Context{.store = *store_,
                               .dead_letters = *letters_,
                               .clock = clock_,
                               .counters = {counter_, counter_, counter_, counter_, counter_,
                                            counter_, counter_, counter_, counter_, histogram_},
                               .task_id = "task",
                               .node_name = "n",
                               .worker_name = "simulation",
                               .queues = queues,
                               .cursor = *cursor,
                               .queues_from = {},
                               .before = {},
                               .threads = &scheduler_,
                               .seed = random_.next()},
      spec_, [this](connect::Sink::Callbacks callbacks) -> Result<std::unique_ptr<connect::Sink>> {
        return std::make_unique<SimulatedSink>(*this, std::move(callbacks));
      });
  task_->start();
  return true;
}

// Everything of the process ends; the disk is halted, or everything was said before.
void World::drop() {
  stopping_ = true;
  spec_.drain_timeout = std::chrono::milliseconds(0);
  for (const auto& client : clients_) client->on_server_killed();
  later_.clear();
  for (const auto& weak : std::exchange(wires_, {}))
    if (const auto wire = weak.lock()) wire->server_is_gone();
  if (!disk_.halted() && store_) {
    totals_.segments_deleted += store_->statistics().segments_deleted;
  }
  task_.reset();
  letters_.reset();
  refusals_before_ = refusals();
  broker_.reset();
  access_.reset();
  registry_.reset();
  store_.reset();
}

std::uint64_t World::refusals() const {
  const auto now = broker_ ? broker_->counters().refused_by_log.value() : 0;
  return refusals_before_ + static_cast<std::uint64_t>(now);
}

void World::crash() {
  note({.kind = Event::Kind::Killed});
  drop();
  if (may_lose_power_ && random_.one_in(2)) {
    ++totals_.power_cuts;
    disk_.restart_machine();
  } else {
    ++totals_.kills;
    disk_.restart_process();
  }
  if (random_.one_in(12)) {
    ++totals_.views_lost;
    std::filesystem::remove_all(scratch_ + "/view");
  }
  start();
  if (random_.one_in(6)) check_idempotence();
}

void World::stop_cleanly() {
  note({.kind = Event::Kind::Killed});
  ++totals_.clean_stops;
  spec_.drain_timeout = std::chrono::seconds(1);
  if (task_) task_->stop();
  for (std::size_t i = 0; i < broker_->worker_count(); ++i) broker_->worker(i).stop();
  for (std::size_t i = 0; i < broker_->worker_count(); ++i) broker_->worker(i).run();
  drop();
  if (disk_.halted()) disk_.restart_process();
  start();
}

// --- the end of an episode

bool World::is_quiet() {
  if (!checker_.is_all_delivered()) return false;
  return std::ranges::all_of(clients_, [](const auto& client) { return client->is_settled(); });
}

void World::settle() {
  calm_ = true;
  disk_.set_faults({});
  disk_.set_capacity(UINT64_MAX);
  disk_.halt_at(0);
  for (const auto& client : clients_) client->calm(true);
  const auto health = store_->health();
  if (disk_.halted() || (!health.accepting && health.reason == Errc::Closed)) {
    disk_.halt();
    crash();
  }
  constexpr int kRounds = 400;
  for (int round = 0; round < kRounds && !is_quiet(); ++round) {
    for (int i = 0; i < 500; ++i) step();
    if (round > 20) clock_.pass(std::chrono::seconds(2));
  }
  if (!is_quiet()) {
    note({.kind = Event::Kind::End});  // says what is missing, if something is
    Violation::report("the clients do not come to rest");
  }
  note({.kind = Event::Kind::End});
  stop_cleanly();
  check_retained_is_last();
}

Totals World::run() {
  start();
  while (totals_.steps < planned_steps_) step();
  settle();
  drop();
  totals_.episodes = 1;
  totals_.steps += scheduler_.steps();
  totals_.disk_operations = disk_.counts().operations;
  totals_.disk_failures = disk_.counts().failed;
  totals_.pieces_lost = disk_.counts().lost_pieces;
  totals_.torn = disk_.counts().torn;
  for (const auto& client : clients_) totals_.subscriptions_changed += client->changes();
  totals_.files_asked_for = pool_.asked_for();
  totals_.acknowledged = checker_.acknowledged();
  totals_.delivered = checker_.delivered();
  totals_.trace = scheduler_.trace();
  return totals_;
}

}  // namespace sluice::simulation
