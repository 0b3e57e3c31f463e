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
