#include "store/embedded/view.hpp"

#include <algorithm>

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "store/embedded/bytes.hpp"
#include "store/embedded/topic_index.hpp"

namespace sluice::store::embedded {
namespace {

// First bytes of the keys.
constexpr char kQueue = 'q';    // blocks of entries
constexpr char kSummary = 'k';  // of each of those: a start reads them alone
constexpr char kState = 's';
constexpr char kTopicBlock = 'b';
constexpr char kTopics = 't';
constexpr std::string_view kCheckpointKey = "mcheckpoint";
// 1: without the topics of blocks; 2: two bits for each; 3: summaries in the blocks alone
constexpr std::uint64_t kFormat = 4;

Error error_of(const rocksdb::Status& status) {
  Errc code = Errc::IoFailed;
  if (status.IsCorruption() || status.IsPathNotFound()) code = Errc::Corrupt;
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace) code = Errc::NoSpace;
  return {code, "view: " + status.ToString()};
}

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view text(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

std::string state_key(StateKind kind, std::string_view key) {
  std::string bytes{kState, static_cast<char>(kind)};
  bytes.append(key);
  return bytes;
}

std::string block_key(char kind, std::uint64_t queue, std::uint64_t first) {
  std::string bytes(1, kind);
  append_be(bytes, queue);
  append_be(bytes, first);
  return bytes;
}
constexpr std::size_t kBlockKeyBytes = 17;

// Number of entries, last minus first.
std::string encode_summary(std::span<const std::uint64_t> positions) {
  std::string bytes;
  append_varint(bytes, positions.size());
  append_varint(bytes, positions.back() - positions.front());
  return bytes;
}

// Value of a block: its summary, then each entry's distance to the one before.
std::string encode_block(std::span<const std::uint64_t> positions) {
  std::string bytes = encode_summary(positions);
  for (std::size_t i = 1; i < positions.size(); ++i) {
    append_varint(bytes, positions[i] - positions[i - 1]);
  }
  return bytes;
}

std::optional<BlockSummary> summary_of(std::string_view key, std::string_view value) {
  const auto count = take_varint(value);
  const auto span = take_varint(value);
  if (key.size() != kBlockKeyBytes || !count || !span || *count == 0) return std::nullopt;
  const std::uint64_t first = load_be(key.data() + 9);
  return BlockSummary{first, first + *span, *count};
}

bool decode_block(std::string_view key, std::string_view value, std::vector<std::uint64_t>& into) {
  const auto summary = summary_of(key, value);
  if (!summary || summary->count > value.size()) return false;
  take_varint(value);
  take_varint(value);
  std::uint64_t position = summary->first;
  into.push_back(position);
  for (std::uint64_t i = 1; i < summary->count; ++i) {
    const auto distance = take_varint(value);
    if (!distance) return false;
    position += *distance;
    into.push_back(position);
  }
  return position == summary->last;
}

std::string position_key(char kind, std::uint64_t position) {
  std::string bytes(1, kind);
  append_be(bytes, position);
  return bytes;
}

std::optional<TopicBlock> topic_block_of(std::string_view key, std::string_view value) {
  const auto bytes = take_varint(value);
  const auto first_ms = take_varint(value);
  if (key.size() != 9 || !bytes || !first_ms) return std::nullopt;
  const std::uint64_t begin = load_be(key.data() + 1);
  return TopicBlock{begin, begin + *bytes, static_cast<std::int64_t>(*first_ms)};
}

tl::unexpected<Error> damaged_block() {
  return fail(Errc::Corrupt, "view: a block of queue entries cannot be read");
}

rocksdb::Options options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = 64 << 20;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.avoid_flush_during_shutdown = true;  // a checkpoint flushed already
  options.disable_auto_compactions = true;     // until begin_merging()
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(32 << 20);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// For what a start reads: it would only fill the cache with what nobody asks for again.
rocksdb::ReadOptions once() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  return options;
}

rocksdb::WriteOptions without_log() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

}  // namespace

View::View(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}
View::~View() {
  if (db_ != nullptr) static_cast<void>(db_->Close());
}

Result<std::unique_ptr<View>> View::open(const std::string& directory) {
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(options(), directory, &db);
  // What a damaged number in one of its files looks like.
  if (status.IsInvalidArgument() || status.IsNotSupported()) {
    return fail(Errc::Corrupt, "view: " + status.ToString());
  }
  if (!status.ok()) return tl::unexpected(error_of(status));
  return std::unique_ptr<View>(new View(std::unique_ptr<rocksdb::DB>(db)));
}

Result<void> View::verify() const {
  const auto status = db_->VerifyChecksum();
  if (!status.ok()) return tl::unexpected(error_of(status));
  return {};
}

Result<std::optional<Checkpoint>> View::checkpoint() const {
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), slice(kCheckpointKey), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return tl::unexpected(error_of(status));
  std::string_view bytes = value;
  const auto format = take_varint(bytes);
  const auto position = take_varint(bytes);
  const auto generation = take_varint(bytes);
  const auto time = take_varint(bytes);
  const auto next_queue = take_varint(bytes);
  if (!format || !position || !generation || !time || !next_queue)
    return fail(Errc::Corrupt, "view: its checkpoint cannot be read");
  if (*format < kFormat) {
    return fail(Errc::Corrupt, "view: an earlier version wrote it, which did not know the topics");
  }
  if (*format != kFormat) return fail(Errc::Unsupported, "view: written by another version");
  return Checkpoint{*position, *generation, *time, *next_queue};
}

Result<std::optional<std::string>> View::get(StateKind kind, std::string_view key) const {
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), slice(state_key(kind, key)), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return tl::unexpected(error_of(status));
  return value;
}

View::Scan::Scan(std::unique_ptr<rocksdb::Iterator> iterator, std::string prefix, std::string after)
    : iterator_(std::move(iterator)), prefix_(std::move(prefix)), after_(std::move(after)) {}
View::Scan::~Scan() = default;
View::Scan::Scan(Scan&&) noexcept = default;

void View::Scan::start() {
  iterator_->Seek(slice(std::max(prefix_, after_)));
  if (valid() && text(iterator_->key()) == after_) iterator_->Next();
}
bool View::Scan::valid() const {
  return iterator_->Valid() && text(iterator_->key()).starts_with(prefix_);
}
std::string_view View::Scan::key() const {
  return text(iterator_->key()).substr(2);
}
std::string_view View::Scan::value() const {
  return text(iterator_->value());
}
void View::Scan::next() {
  iterator_->Next();
}

Result<void> View::Scan::status() const {
  if (!iterator_->status().ok()) return tl::unexpected(error_of(iterator_->status()));
  return {};
}

View::Scan View::scan(StateKind kind, std::string_view prefix, std::string_view after) const {
  return {std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(rocksdb::ReadOptions())),
          state_key(kind, prefix), after.empty() ? std::string() : state_key(kind, after)};
}

Result<void> View::entries(QueueId queue, std::uint64_t after, std::uint64_t up_to,
                           std::size_t maximum, std::vector<std::uint64_t>& into) const {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(rocksdb::ReadOptions()));
  const std::string queue_prefix = block_key(kQueue, queue.get(), 0).substr(0, 9);
  // The block that begins at or before `after` may reach beyond it.
  at->SeekForPrev(slice(block_key(kQueue, queue.get(), after)));
  if (!at->Valid() || !text(at->key()).starts_with(queue_prefix)) at->Seek(slice(queue_prefix));
  std::vector<std::uint64_t> block;
  for (; at->Valid() && text(at->key()).starts_with(queue_prefix); at->Next()) {
    const auto summary = summary_of(text(at->key()), text(at->value()));
    if (!summary) return damaged_block();
    if (summary->first > up_to || into.size() >= maximum) break;
    if (summary->last <= after) continue;
    block.clear();
    if (!decode_block(text(at->key()), text(at->value()), block)) return damaged_block();
    for (const std::uint64_t position : block) {
      if (position > after && position <= up_to && into.size() < maximum) into.push_back(position);
    }
  }
  if (!at->status().ok()) return tl::unexpected(error_of(at->status()));
  return {};
}

Result<std::vector<std::uint64_t>> View::block(QueueId queue, std::uint64_t first) const {
  std::vector<std::uint64_t> positions;
  const std::string key = block_key(kQueue, queue.get(), first);
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (status.IsNotFound()) return positions;
  if (!status.ok()) return tl::unexpected(error_of(status));
  if (!decode_block(key, value, positions)) return damaged_block();
  return positions;
}

Result<void> View::for_each_block(VisitBlock visit) const {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(once()));
  const std::string prefix(1, kSummary);
  for (at->Seek(slice(prefix)); at->Valid() && text(at->key()).starts_with(prefix); at->Next()) {
    const auto summary = summary_of(text(at->key()), text(at->value()));
    if (!summary) return damaged_block();
    visit(QueueId(load_be(at->key().data() + 1)), *summary);
  }
  if (!at->status().ok()) return tl::unexpected(error_of(at->status()));
  return {};
}

Result<void> View::for_each_topic_block(VisitTopicBlock visit) const {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(once()));
  const std::string prefix(1, kTopicBlock);
  for (at->Seek(slice(prefix)); at->Valid() && text(at->key()).starts_with(prefix); at->Next()) {
    const auto block = topic_block_of(text(at->key()), text(at->value()));
    if (!block) return fail(Errc::Corrupt, "view: a block of topics cannot be read");
    visit(*block);
  }
  if (!at->status().ok()) return tl::unexpected(error_of(at->status()));
  return {};
}

View::Topics::Topics(std::unique_ptr<rocksdb::Iterator> iterator)
    : iterator_(std::move(iterator)) {}
View::Topics::~Topics() = default;

Result<std::optional<std::string_view>> View::Topics::of(std::uint64_t begin) {
  const std::string key = position_key(kTopics, begin);
  const auto is_there = [&] { return iterator_->Valid() && text(iterator_->key()) == key; };
  // Neighbours are asked for one after the other, in either direction.
  if (iterator_->Valid() && text(iterator_->key()) < key) {
    iterator_->Next();
  } else if (iterator_->Valid() && text(iterator_->key()) > key) {
    iterator_->Prev();
  }
  if (!is_there()) iterator_->Seek(slice(key));
  if (!iterator_->status().ok()) return tl::unexpected(error_of(iterator_->status()));
  if (!is_there()) return std::nullopt;
  return text(iterator_->value());
}

View::Topics View::topics() const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // what queues and sessions need stays in it
  return Topics(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options)));
}

View::Changes::Changes() : batch_(std::make_unique<rocksdb::WriteBatch>()) {}
View::Changes::~Changes() = default;

void View::Changes::put(StateKind kind, std::string_view key, std::string_view value) {
  static_cast<void>(batch_->Put(slice(state_key(kind, key)), slice(value)));
}

void View::Changes::erase(StateKind kind, std::string_view key) {
  static_cast<void>(batch_->Delete(slice(state_key(kind, key))));
}

void View::Changes::put_block(QueueId queue, std::span<const std::uint64_t> positions) {
  const std::uint64_t first = positions.front();
  static_cast<void>(
      batch_->Put(slice(block_key(kQueue, queue.get(), first)), slice(encode_block(positions))));
  static_cast<void>(batch_->Put(slice(block_key(kSummary, queue.get(), first)),
                                slice(encode_summary(positions))));
}

void View::Changes::erase_block(QueueId queue, std::uint64_t first) {
  for (const char kind : {kQueue, kSummary}) {
    static_cast<void>(batch_->Delete(slice(block_key(kind, queue.get(), first))));
  }
}

void View::Changes::erase_queue(QueueId queue) {
  for (const char kind : {kQueue, kSummary}) {
    static_cast<void>(batch_->DeleteRange(slice(block_key(kind, queue.get(), 0)),
                                          slice(block_key(kind, queue.get() + 1, 0))));
  }
}

void View::Changes::put_topics(const TopicBlock& block, std::string_view topics) {
  std::string value;
  append_varint(value, block.end - block.begin);
  append_varint(value, static_cast<std::uint64_t>(block.first_ms));
  static_cast<void>(batch_->Put(slice(position_key(kTopicBlock, block.begin)), slice(value)));
  static_cast<void>(batch_->Put(slice(position_key(kTopics, block.begin)), slice(topics)));
}

void View::Changes::erase_topics_before(std::uint64_t position) {
  for (const char kind : {kTopicBlock, kTopics}) {
    static_cast<void>(
        batch_->DeleteRange(slice(position_key(kind, 0)), slice(position_key(kind, position))));
  }
}

void View::begin_merging() {
  if (merges_) return;
  // Fails where the file of options cannot be written, on a full disk: then the next write tries.
  merges_ = db_->EnableAutoCompaction({db_->DefaultColumnFamily()}).ok();
}

Result<void> View::write(Changes& changes, const Checkpoint& checkpoint) {
  begin_merging();
  std::string value;
  for (const std::uint64_t number : {kFormat, checkpoint.position, checkpoint.generation,
                                     checkpoint.time_and_node, checkpoint.next_queue}) {
    append_varint(value, number);
  }
  // A batch goes into one memtable as a whole, and that becomes one file: all of it or nothing.
  static_cast<void>(changes.batch_->Put(slice(kCheckpointKey), slice(value)));
  static_cast<void>(db_->Resume());  // after a full disk; nothing to do otherwise
  auto status = db_->Write(without_log(), changes.batch_.get());
  if (status.ok()) status = db_->Flush(rocksdb::FlushOptions());
  if (!status.ok()) return tl::unexpected(error_of(status));
  return {};
}

}  // namespace sluice::store::embedded
