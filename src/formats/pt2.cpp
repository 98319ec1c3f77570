#include "formats/pt2.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <array>
#include <limits>
#include <map>
#include <optional>

#include "formats/graph.h"
#include "formats/strict_json.h"
#include "formats/torch_zip.h"

namespace flambeau::formats::pt2 {
namespace {

constexpr std::int64_t strided = 7;

struct Code {
  std::int64_t code;
  DType dtype;
};
/// torch/_export/serde/schema.py of torch 2.13; not c10's numbers.
constexpr std::array codes = {
    Code{1, DType::uint8},
    Code{2, DType::int8},
    Code{3, DType::int16},
    Code{4, DType::int32},
    Code{5, DType::int64},
    Code{6, DType::float16},
    Code{7, DType::float32},
    Code{8, DType::float64},
    Code{9, DType::complex32},
    Code{10, DType::complex64},
    Code{11, DType::complex128},
    Code{12, DType::boolean},
    Code{13, DType::bfloat16},
    Code{28, DType::uint16},
    Code{29, DType::float8_e4m3fn},
    Code{30, DType::float8_e5m2},
    Code{31, DType::float8_e4m3fnuz},
    Code{32, DType::float8_e5m2fnuz},
    Code{33, DType::float8_e8m0fnu},
    Code{34, DType::uint32},
    Code{35, DType::uint64},
};

[[noreturn]] void corrupt(const std::string& text) { throw Error(ErrorCode::corrupt, text); }

DType dtype_of(std::int64_t code) {
  for (const Code& row : codes)
    if (row.code == code) return row.dtype;
  throw Error(ErrorCode::unsupported, fmt::format("dtype code {} of the export schema", code));
}

/// The members of an object of the config, by name.
class Members {
 public:
  Members(const StrictJson& json, StrictJson::Element object, std::string_view what) : json_(json), what_(what) {
    json.each(object, what, [&](std::string_view key, StrictJson::Element value) { members_.emplace(key, value); });
  }
  StrictJson::Element operator[](std::string_view key) const {
    const auto found = members_.find(key);
    if (found == members_.end()) json_.fail(what_, fmt::format("has no '{}'", key));
    return found->second;
  }
  std::int64_t integer(std::string_view key) const { return integer((*this)[key], key); }
  Shape integers(std::string_view key, const Limits& limits) const {
    Shape shape;
    for (const StrictJson::Element item : json_.array((*this)[key], key)) {
      if (shape.size() == limits.max_tensor_rank)
        throw Error(ErrorCode::limit, fmt::format("{}: more than max_tensor_rank, {}", key, limits.max_tensor_rank));
      shape.push_back(integer(item, key));
    }
    return shape;
  }
  bool flag(std::string_view key) const {
    bool value = false;
    if ((*this)[key].get(value)) json_.fail(key, "is no boolean");
    return value;
  }
  bool contains(std::string_view key) const { return members_.contains(key); }

 private:
  /// Written as it is or, where it could have been a symbol, as {"as_int": …}.
  std::int64_t integer(StrictJson::Element element, std::string_view what) const {
    if (element.is_object()) element = Members(json_, element, what)["as_int"];
    const std::uint64_t value = json_.count(element, what);
    if (value > std::numeric_limits<std::int64_t>::max()) json_.fail(what, "exceeds 63 bits");
    return static_cast<std::int64_t>(value);
  }

  const StrictJson& json_;
  std::string_view what_;
  std::map<std::string_view, StrictJson::Element> members_{};
};

/// Reads the newer layout's config files and the payloads that they name.
class Weights {
 public:
  Weights(const Input& input, const LoadOptions& options, object::Heap& heap)
      : input_(input), options_(options), heap_(heap), big_endian_(is_big_endian(*input.zip)) {
    if (big_endian_) throw Error(ErrorCode::unsupported, "a big-endian .pt2 archive");
  }

  /// Adds the tensors of `folder` + `config`; returns false if there is no such record.
  void add(const archive::Entry& config, const std::string& folder, object::Dict& into) {
    if (config.size > options_.limits.max_json_bytes)
      throw Error(ErrorCode::limit,
                  fmt::format("{} bytes of JSON, max_json_bytes is {}", config.size, options_.limits.max_json_bytes),
                  {{}, config.name});
    const StrictJson json(input_.zip->read(config), {{}, config.name});
    json.each(Members(json, json.root(), "")["config"], "config",
              [&](std::string_view name, StrictJson::Element entry) {
                try {
                  const auto value = tensor(json, Members(json, entry, name), folder);
                  if (value) into.items.emplace_back(heap_.string(name), *value);
                } catch (const Error& error) {
                  throw error.at({{}, config.name, {}, std::string(name)});
                }
              });
  }
  void finish() { copies_.run(); }

 private:
  std::optional<object::Ref> tensor(const StrictJson& json, const Members& entry, const std::string& folder) {
    const std::string_view file = json.text(entry["path_name"], "path_name");
    if (file.starts_with("custom_obj_")) return std::nullopt;
    const archive::Entry* const record = input_.zip->find(folder + std::string(file));
    if (record == nullptr) corrupt(fmt::format("the archive has no record '{}{}'", folder, file));
    if (entry.flag("use_pickle")) {
      auto source = bytes::from_memory(input_.zip->read(*record), record->name);
      return read_nested(heap_, std::move(source), options_, input_.depth + 1);
    }
    const Members meta(json, entry["tensor_meta"], "tensor_meta");
    const DType dtype = dtype_of(meta.integer("dtype"));
    if (const auto layout = meta.integer("layout"); layout != strided)
      throw Error(ErrorCode::unsupported, fmt::format("layout {} of the export schema", layout));
    auto& storage = storages_[record->name];
    if (!storage) storage = make_storage(input_.zip->open(*record), record->size, dtype, options_, copies_);
    Tensor tensor(storage, dtype, meta.integers("sizes", options_.limits), meta.integers("strides", options_.limits),
                  meta.integer("storage_offset"));
    tensor.set_requires_grad(meta.contains("requires_grad") && meta.flag("requires_grad"));
    return heap_.tensor(std::move(tensor), entry.contains("is_param") && entry.flag("is_param"));
  }

  const Input& input_;
  const LoadOptions& options_;
  object::Heap& heap_;
  bool big_endian_;
  Copies copies_;
  std::map<std::string, std::shared_ptr<Storage>, std::less<>> storages_;
};

/// The older layout: whole torch.save files as records, each a dict of tensors.
void add_saved(const Input& input, const char* record, const LoadOptions& options, object::Heap& heap,
               object::Dict& into) {
  const archive::Entry* const entry = input.zip->find(record);
  if (entry == nullptr || entry->size == 0) return;
  try {
    const object::Ref root =
        read_nested(heap, bytes::from_memory(input.zip->read(*entry), entry->name), options, input.depth + 1);
    const auto* const dict = object::as<object::Dict>(root);
    if (dict == nullptr) corrupt(fmt::format("a {}, expected a dict", name(root.kind())));
    into.items.insert(into.items.end(), dict->items.begin(), dict->items.end());
  } catch (const Error& error) {
    throw error.at({{}, entry->name});
  }
}

bool is_old(const archive::ZipReader& zip) { return zip.find("serialized_exported_program.json") != nullptr; }

bool is_new(const archive::ZipReader& zip) {
  const archive::Entry* const format = zip.find("archive_format");
  constexpr std::string_view mark = "pt2";
  return format != nullptr && format->size == mark.size() && zip.read(*format) == mark;
}

}  // namespace

bool sniff(const Input& input) {
  try {
    return input.zip && (is_old(*input.zip) || is_new(*input.zip));
  } catch (const Error&) {
    return false;
  }
}

Checkpoint read(const Input& input, const LoadOptions& options) {
  auto heap = std::make_shared<object::Heap>();
  const object::Ref root = heap->dict();
  auto& tensors = *object::as<object::Dict>(root);
  Checkpoint checkpoint;
  if (is_old(*input.zip)) {
    add_saved(input, "serialized_state_dict.pt", options, *heap, tensors);
    add_saved(input, "serialized_constants.pt", options, *heap, tensors);
  } else {
    Weights weights(input, options, *heap);
    for (const std::string folder : {"data/weights/", "data/constants/"})
      for (const archive::Entry& entry : input.zip->entries()) {
        const std::string_view name = input.zip->bare_name(entry);
        if (name.starts_with(folder) && name.ends_with("_config.json")) weights.add(entry, folder, tensors);
      }
    weights.finish();
  }
  checkpoint = Checkpoint(Value(std::move(heap), root));
  checkpoint.container().format = "pt2";
  checkpoint.container().root_name = input.zip->root();
  checkpoint.container().notes.emplace_back("the exported graph is neither read nor kept");
  return checkpoint;
}

}  // namespace flambeau::formats::pt2
