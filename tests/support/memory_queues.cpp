#include "support/memory_queues.hpp"

#include "base/check.hpp"
#include "mqtt/topic.hpp"

namespace sluice::test {
namespace {

store::NewMessage view_of(const Publication& publication) {
  return {.topic = publication.topic,
          .payload = publication.payload,
          .properties = publication.properties,
          .client_id = publication.client_id,
          .host = publication.host,
          .username = publication.username,
          .packet_id = publication.packet_id,
          .qos = publication.qos,
          .retain = publication.retain,
          .dup = publication.dup,
          .has_username = publication.has_username};
}

}  // namespace

class MemoryQueues::MemoryBrake final : public broker::Brake {
 public:
  MemoryBrake(MemoryQueues& queues, std::string filter, std::function<void()> on_held)
      : queues_(queues), filter_(std::move(filter)), on_held_(std::move(on_held)) {
    const std::scoped_lock lock(queues_.mutex_);
    queues_.brakes_.emplace(filter_, this);
  }
  ~MemoryBrake() override {
    const std::scoped_lock lock(queues_.mutex_);
    std::erase_if(queues_.brakes_, [this](const auto& entry) { return entry.second == this; });
  }
  MemoryBrake(const MemoryBrake&) = delete;
  MemoryBrake& operator=(const MemoryBrake&) = delete;

  void hold_at(store::Position end) override {
    const std::scoped_lock lock(queues_.mutex_);
    end_ = end;
  }

 private:
  friend class MemoryQueues;
  MemoryQueues& queues_;
  const std::string filter_;
  const std::function<void()> on_held_;
  store::Position end_ = kOff;
};

std::unique_ptr<broker::Brake> MemoryQueues::brake(std::string_view filter,
                                                   std::function<void()> on_held) {
  return std::make_unique<MemoryBrake>(*this, std::string(filter), std::move(on_held));
}

store::Position MemoryQueues::held_at(std::string_view filter) const {
  const std::scoped_lock lock(mutex_);
  auto end = broker::Brake::kOff;
  const auto [first, last] = brakes_.equal_range(filter);
  for (auto it = first; it != last; ++it) end = std::min(end, it->second->end_);
  return end;
}

void MemoryQueues::tell_held(std::string_view filter) {
  const std::scoped_lock lock(mutex_);
  const auto [first, last] = brakes_.equal_range(filter);
  for (auto it = first; it != last; ++it) it->second->on_held_();
}

Result<store::Store::OpenedQueue> MemoryQueues::acquire(std::string_view filter) {
  const std::scoped_lock lock(mutex_);
  auto it = queues_.find(filter);
  if (it == queues_.end()) {
    auto opened = store_.open_queue(filter, true);
    if (!opened) return tl::unexpected(std::move(opened).error());
    it = queues_.emplace(std::string(filter), Open{*opened, 0}).first;
  }
  ++it->second.users;
  return it->second.queue;
}

void MemoryQueues::release(std::string_view filter) {
  const std::scoped_lock lock(mutex_);
  const auto it = queues_.find(filter);
  SL_CHECK(it != queues_.end());
  if (--it->second.users > 0) return;
  store_.drop_queue(it->second.queue.id);
  queues_.erase(it);
}

store::Position MemoryQueues::publish(const Publication& publication) {
  const auto batch = store_.new_batch();
  batch->add_message(view_of(publication), matching(publication.topic));
  SL_CHECK(store_.append(batch).has_value());
  return batch->message(0).position();
}

void MemoryQueues::publish_all(const std::vector<Publication>& publications) {
  const auto batch = store_.new_batch();
  for (const auto& publication : publications)
    batch->add_message(view_of(publication), matching(publication.topic));
  SL_CHECK(store_.append(batch).has_value());
}

std::size_t MemoryQueues::open() const {
  const std::scoped_lock lock(mutex_);
  return queues_.size();
}

std::vector<store::QueueId> MemoryQueues::matching(std::string_view topic) const {
  const std::scoped_lock lock(mutex_);
  std::vector<store::QueueId> ids;
  for (const auto& [filter, open] : queues_) {
    if (mqtt::matches(filter, topic)) ids.push_back(open.queue.id);
  }
  return ids;
}

}  // namespace sluice::test
