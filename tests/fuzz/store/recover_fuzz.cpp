// Whatever the files hold, recovery ends, reads nothing outside them, and either refuses or gives a
// prefix of what was written; what it kept it finds again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "store/embedded/batch.hpp"
#include "store/embedded/recovery.hpp"
#include "support/faulty_file_system.hpp"

namespace sluice::store::embedded {
namespace {

const std::string kDirectory = "log";

void require(bool holds) {
  if (!holds) std::abort();
}

// Takes numbers from the input; zeros when it has ended.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, data + size) {}
  std::size_t number(std::size_t below) {
    std::size_t value = 0;
    for (int i = 0; i < 2; ++i) value = value << 8 | next();
    return value % below;
  }
  std::uint8_t next() { return at_ < bytes_.size() ? bytes_[at_++] : 0; }
  [[nodiscard]] bool ended() const { return at_ >= bytes_.size(); }
  std::string rest() { return {bytes_.begin() + static_cast<std::ptrdiff_t>(at_), bytes_.end()}; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

SegmentPlanPtr plan_at(std::uint64_t base, std::uint64_t previous_end) {
  auto plan = std::make_shared<SegmentPlan>();
  plan->base = base;
  plan->capacity = 1 << 20;
  plan->generation = base + 7;
  plan->previous_end = previous_end;
  plan->seed = seed_of(plan->generation);
  return plan;
}

void write(FileSystem& files, std::uint64_t base, std::uint64_t offset, std::string_view bytes) {
  auto file = files.open(kDirectory + "/" + segment_name(base), FileSystem::Mode::CreateReadWrite);
  require(file.has_value());
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  require((*file)->write_at(offset, {&part, 1}).has_value());
}

// What recovery gives: the place of every record.
struct Outcome {
  std::vector<std::uint64_t> positions;
  Result<Recovered> recovered;
};

Outcome recover_all(FileSystem& files) {
  std::vector<std::uint64_t> positions;
  const auto visit = [&](const SegmentPlan&, const FrameHeader& header, std::string_view body) {
    model::Message message;
    std::vector<QueueId> queues;
    static_cast<void>(decode_message(header, body, message, &queues));
    static_cast<void>(decode_state_body(body));
    positions.push_back(header.position);
    return Result<void>();
  };
  auto recovered = recover(files, kDirectory, {}, visit);
  return {std::move(positions), std::move(recovered)};
}

void check_again(FileSystem& files, const Outcome& first) {
  const Outcome second = recover_all(files);
  require(second.recovered.has_value());
  require(second.positions == first.positions);
  require(second.recovered->end == first.recovered->end);
  require(second.recovered->cut_bytes == 0);
}

// One or two segments of batches as the input asks for; returns the place of every record.
std::vector<std::uint64_t> write_log(test::FaultyFileSystem& files, Input& input) {
  std::vector<std::uint64_t> positions;
  std::uint64_t end = 0;
  const std::size_t segments = 1 + input.number(2);
  for (std::size_t s = 0; s < segments; ++s) {
    const SegmentPlanPtr plan = plan_at(s << 20, end);
    write(files, plan->base, 0, encode_segment_header(*plan));
    end = plan->first_record();
    for (std::size_t batches = 1 + input.number(4); batches > 0; --batches) {
      LogBatch batch({});
      const bool atomic = input.number(2) != 0;
      if (atomic) batch.begin_atomic();
      for (std::size_t records = 1 + input.number(4); records > 0; --records) {
        const std::string text(input.number(300), 'x');
        NewMessage message;
        message.topic = "t";
        message.payload = text;
        const QueueId queue(input.number(3) + 1);
        if (input.number(2) != 0) {
          batch.add_message(message, {&queue, 1});
        } else {
          batch.put(StateKind::Session, text, text);
        }
      }
      if (atomic) batch.end_atomic();
      batch.place({plan, end, input.number(2) != 0 ? end : plan->previous_end, join_time(5, 1)});
      write(files, plan->base, end - plan->base, batch.encoded());
      for (const model::Message& message : batch.messages())
        positions.push_back(message.id.position);
      batch.for_each_state([&](RecordType, std::uint64_t position, const StateBody&) {
        positions.push_back(position);
      });
      end = batch.end_position();
    }
  }
  std::sort(positions.begin(), positions.end());
  return positions;
}

void damaged_log(Input& input) {
  test::FaultyFileSystem files;
  const auto written = write_log(files, input);
  const auto paths = files.paths();
  while (!input.ended()) {
    const std::string& path = paths[input.number(paths.size())];
    const std::string content = files.content(path);
    const std::size_t at = input.number(content.size());
    const char damaged = static_cast<char>(content[at] ^ static_cast<char>(input.next()));
    files.overwrite(path, at, {&damaged, 1});
  }

  const Outcome outcome = recover_all(files);

  if (!outcome.recovered) return;
  require(outcome.positions.size() <= written.size());
  require(std::equal(outcome.positions.begin(), outcome.positions.end(), written.begin()));
  check_again(files, outcome);
}

void foreign_bytes(Input& input) {
  test::FaultyFileSystem files;
  const SegmentPlanPtr plan = plan_at(0, 0);
  write(files, 0, 0, encode_segment_header(*plan));
  write(files, 0, kSegmentHeaderBytes, input.rest());
  const Outcome outcome = recover_all(files);
  if (outcome.recovered) check_again(files, outcome);
}

}  // namespace
}  // namespace sluice::store::embedded

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::store::embedded;
  sluice::log::set_level(sluice::log::Level::Error);
  Input input(data, std::min<std::size_t>(size, 4096));
  if (input.next() % 4 == 0) {
    foreign_bytes(input);
  } else {
    damaged_log(input);
  }
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(sluice::store::decode_cursor(bytes));
  static_cast<void>(decode_segment_header(bytes, 0));
  return 0;
}
