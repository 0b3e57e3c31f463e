#include "connect/local_sink.hpp"

#include <utility>

#include "connect/header_properties.hpp"
#include "connect/inbound_mapper.hpp"

namespace sluice::connect {

LocalSink::LocalSink(broker::Intake& intake, From from, Callbacks callbacks)
    : intake_(intake), from_(std::move(from)) {
  mail_->on_ready = std::move(callbacks.on_ready);
}

LocalSink::~LocalSink() {
  const std::scoped_lock lock(mail_->mutex);
  mail_->on_ready = nullptr;
}

// Empty: it goes. Null rights: nobody is asked.
std::string LocalSink::why_not(const Record& record, const broker::AccountRightsPtr& rights) const {
  if (auto why = why_not_topic(record.topic); !why.empty()) return why;
  if (!rights) return {};
  if (!rights->exists()) return "there is no user `" + from_.account + '`';
  if (rights->may_publish(record.topic, kQos, false)) return {};
  return "topic " + std::string(record.topic.substr(0, 256)) + ": the account `" + from_.account +
         "` may not publish this: " + rights->why_not_publish(record.topic, kQos, false);
}

Result<std::size_t> LocalSink::write(std::span<const Record> records) {
  if (!on_their_way_.empty() || !rejected_.empty()) return 0;
  const auto rights = from_.ask_rights ? from_.ask_rights() : nullptr;
  auto messages = std::make_shared<std::vector<broker::OutsideMessage>>();
  for (const auto& record : records) {
    if (auto why = why_not(record, rights); !why.empty()) {
      rejected_.push_back(
          {.token = record.token, .verdict = Verdict::Rejected, .reason = std::move(why)});
      continue;
    }
    auto& message = messages->emplace_back();
    message.topic = record.topic;
    message.payload = record.value;
    message.qos = kQos;
    message.client.client_id = from_.client_id;
    HeaderProperties properties(message.properties, record.value);
    for (const auto& [name, value] : record.headers) properties.add(name, value);
    on_their_way_.push_back(record.token);
  }
  if (!messages->empty()) {
    intake_.publish_all(std::move(messages), [mail = mail_](broker::Intake::Answers answers) {
      const std::scoped_lock lock(mail->mutex);
      mail->answers = std::move(answers);
      if (mail->on_ready) mail->on_ready();
    });
  }
  if (!rejected_.empty()) {
    const std::scoped_lock lock(mail_->mutex);
    mail_->on_ready();
  }
  return records.size();
}

Sink::Milliseconds LocalSink::collect(std::vector<Delivery>& outcomes) {
  for (auto& delivery : std::exchange(rejected_, {})) outcomes.push_back(std::move(delivery));
  std::optional<broker::Intake::Answers> answers;
  {
    const std::scoped_lock lock(mail_->mutex);
    answers = std::exchange(mail_->answers, std::nullopt);
  }
  if (!answers) return kNotByItself;
  for (std::size_t i = 0; i < answers->size(); ++i) {
    auto& answer = (*answers)[i];
    Delivery delivery{.token = on_their_way_[i], .reason = answer ? answer->detail : ""};
    if (answer)
      delivery.verdict = broker::is_for_good(*answer) ? Verdict::Rejected : Verdict::RetryLater;
    outcomes.push_back(std::move(delivery));
  }
  on_their_way_.clear();
  return kNotByItself;
}

}  // namespace sluice::connect
