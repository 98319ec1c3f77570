// The way out: flambeau::save writes what torch.save of torch 2.13 writes.

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <ostream>

#include "archive/zip.h"
#include "bytes/source.h"
#include "formats/safetensors.h"
#include "pickle/writer.h"
#include "torch/globals.h"
#include "torch/writer.h"

namespace flambeau {
namespace {

using object::Heap;
using object::Ref;

/// What torch.save names the folder inside the zip: the file's stem; "archive" where Python opens the file itself.
std::string root_name(const std::string& path) {
  const auto slash = path.find_last_of("/\\");
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  name = name.substr(0, name.rfind('.'));
  if (name.empty()) throw Error(ErrorCode::invalid_argument, fmt::format("invalid file name: '{}'", path));
  const bool ascii = std::all_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x80; });
  return ascii ? name : "archive";
}

/// Tells the caller how much of the payload is written.
class Progress {
 public:
  Progress(const SaveOptions& options, std::uint64_t total) : tell_(options.progress), total_(total) {}
  void add(std::uint64_t bytes) {
    done_ += bytes;
    if (tell_) tell_(done_, total_);
  }

 private:
  const std::function<void(std::uint64_t, std::uint64_t)>& tell_;
  std::uint64_t total_, done_ = 0;
};

std::string pickled(Ref root, torch::Writer& writer) {
  std::string stream;
  pickle::write(root, writer, [&stream](std::string_view piece) { stream.append(piece); });
  return stream;
}

std::uint64_t payload(const torch::Writer& writer, std::uint64_t pickle) {
  const auto& storages = writer.storages();
  return std::accumulate(
      storages.begin(), storages.end(), pickle,
      [](std::uint64_t sum, const torch::Writer::Written& written) { return sum + written.storage->nbytes(); });
}

StateDict named_as_they_stand(const Checkpoint& checkpoint) {
  Checkpoint::Taken taken;
  return checkpoint.state_dict(taken, "");
}

/// The first of the weights that look at a storage; empty if none does.
std::string tensor_in(const Checkpoint& checkpoint, const Storage& storage) try {
  for (const StateDict::Entry& entry : named_as_they_stand(checkpoint))
    if (entry.tensor.storage().get() == &storage) return entry.name;
  return {};
} catch (const Error&) {
  return {};  // no weights
}

void copy(const torch::Writer::Written& written, const Checkpoint& checkpoint, bytes::Sink& sink, Progress& progress) {
  try {
    written.storage->each_block([&](std::span<const std::byte> block) {
      sink.write(block);
      progress.add(block.size());
    });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::checksum) throw;
    throw error.at({.tensor = tensor_in(checkpoint, *written.storage)});
  }
}

void write_zip(const Checkpoint& checkpoint, bytes::Sink& sink, const std::string& name, const SaveOptions& options) {
  torch::Writer writer(torch::Writer::Ids::zip);
  const std::string stream = pickled(checkpoint.root().ref(), writer);
  Progress progress(options, payload(writer, stream.size()));
  archive::ZipWriter zip(sink, name, {options.storage_alignment, options.crc32});
  zip.add("data.pkl", stream);
  progress.add(stream.size());
  zip.add(".format_version", "1");
  zip.add(".storage_alignment", std::to_string(options.storage_alignment));
  zip.add("byteorder", "little");
  for (const auto& written : writer.storages())
    zip.add("data/" + written.key, written.storage->nbytes(),
            [&](bytes::Sink& record) { copy(written, checkpoint, record, progress); });
  zip.finish();
}

/// The description of the writing machine in a legacy file; torch never reads it.
Ref system_info(Heap& heap) {
  const auto pair = [&heap](std::string_view key, Ref value) { return object::Pair(heap.interned(key), value); };
  return heap.dict({pair("protocol_version", heap.integer(1001)), pair("little_endian", Ref::boolean(true)),
                    pair("type_sizes", heap.dict({pair("short", heap.integer(2)), pair("int", heap.integer(4)),
                                                  pair("long", heap.integer(4))}))});
}

void write_legacy(const Checkpoint& checkpoint, bytes::Sink& sink, const SaveOptions& options) {
  using namespace std::string_literals;
  torch::Writer writer(torch::Writer::Ids::legacy);
  const std::string stream = pickled(checkpoint.root().ref(), writer);
  Progress progress(options, payload(writer, stream.size()));
  std::vector<const torch::Writer::Written*> order;
  for (const auto& written : writer.storages()) order.push_back(&written);
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return a->key < b->key; });  // as strings: "10" before "2"

  Heap heap;
  std::vector<Ref> keys;
  keys.reserve(order.size());
  for (const auto* const written : order) keys.push_back(heap.string(written->key));
  const auto dump = [&](Ref value) {
    torch::Writer plain(torch::Writer::Ids::legacy);
    sink.write(pickled(value, plain));
  };
  dump(heap.big_integer("\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19"s));
  dump(heap.integer(1001));
  dump(system_info(heap));
  sink.write(stream);
  progress.add(stream.size());
  dump(heap.list(std::move(keys)));
  for (const auto* const written : order) {
    std::uint64_t numel = written->storage->nbytes() / itemsize(written->dtype);
    std::string count(8, '\0');
    for (char& byte : count) byte = static_cast<char>(numel & 0xFF), numel >>= 8;
    sink.write(count);
    copy(*written, checkpoint, sink, progress);
  }
}

void write(const Checkpoint& checkpoint, bytes::Sink& sink, const std::string& name, const SaveOptions& options) {
  const Ref root = checkpoint.root().ref();
  switch (options.format) {
    case SaveOptions::Format::zip:
      torch::refuse_dangerous(root);
      return write_zip(checkpoint, sink, name, options);
    case SaveOptions::Format::legacy:
      torch::refuse_dangerous(root);
      torch::refuse_early_readers(root);
      return write_legacy(checkpoint, sink, options);
    case SaveOptions::Format::safetensors:
      return formats::safetensors::write(named_as_they_stand(checkpoint), sink,
                                         {.metadata = checkpoint.container().metadata, .progress = options.progress});
  }
}

class StreamSink final : public bytes::Sink {
 public:
  explicit StreamSink(std::ostream& stream) : stream_(stream) {}
  using Sink::write;
  void write(std::span<const std::byte> bytes) override {
    stream_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!stream_) throw Error(ErrorCode::io, "the stream cannot be written");
  }

 private:
  std::ostream& stream_;
};

constexpr const char* buffer_root = "archive";  // what torch.save calls it when it is given a file object

}  // namespace

void save(const Checkpoint& checkpoint, const std::string& path, const SaveOptions& options) {
  try {
    const std::string name = options.format == SaveOptions::Format::zip ? root_name(path) : std::string();
    bytes::AtomicFile file(path, options.durable);
    write(checkpoint, file, name, options);
    file.commit();
  } catch (const Error& error) {
    throw error.at({path});
  }
}

void save(const Value& value, const std::string& path, const SaveOptions& options) {
  save(Checkpoint(value), path, options);
}

void save(const StateDict& state_dict, const std::string& path, const SaveOptions& options) {
  save(state_dict.to_value(), path, options);
}

void save(const Checkpoint& checkpoint, std::ostream& stream, const SaveOptions& options) {
  StreamSink sink(stream);
  write(checkpoint, sink, buffer_root, options);
}

void save(const Value& value, std::ostream& stream, const SaveOptions& options) {
  save(Checkpoint(value), stream, options);
}

void save(const StateDict& state_dict, std::ostream& stream, const SaveOptions& options) {
  save(state_dict.to_value(), stream, options);
}

std::string save_to_memory(const Value& value, const SaveOptions& options) {
  bytes::MemorySink sink;
  write(Checkpoint(value), sink, buffer_root, options);
  return sink.take();
}

}  // namespace flambeau
