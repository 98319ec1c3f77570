#include "formats/pt2.h"

#include <flambeau/error.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <map>

#include "formats/graph.h"
#include "formats/torch_zip.h"

namespace flambeau::formats::pt2 {
namespace {

namespace dom = simdjson::dom;

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

std::int64_t integer(dom::element element, const char* what) {
  dom::element inner;
  if (element["as_int"].get(inner) == simdjson::SUCCESS) element = inner;
  std::int64_t value = 0;
  if (element.get(value) != simdjson::SUCCESS) corrupt(fmt::format("{} is no integer", what));
  return value;
}

dom::element member(dom::element object, const char* key) {
  dom::element found;
  if (object[key].get(found) != simdjson::SUCCESS) corrupt(fmt::format("the entry has no '{}'", key));
  return found;
}

Shape integers(dom::element array, const char* what, const Limits& limits) {
  dom::array items;
  if (array.get(items) != simdjson::SUCCESS) corrupt(fmt::format("{} is no array", what));
  Shape shape;
  for (const dom::element item : items) {
    if (shape.size() == limits.max_tensor_rank)
      throw Error(ErrorCode::limit, fmt::format("{}: more than max_tensor_rank, {}", what, limits.max_tensor_rank));
    shape.push_back(integer(item, what));
  }
  return shape;
}

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
    const simdjson::padded_string text(input_.zip->read(config));
    dom::parser parser;
    dom::element document;
    if (const auto error = parser.parse(text).get(document))
      throw Error(ErrorCode::corrupt, simdjson::error_message(error), {{}, config.name});
    dom::object entries;
    if (member(document, "config").get(entries) != simdjson::SUCCESS)
      throw Error(ErrorCode::corrupt, "'config' is no object", {{}, config.name});
    for (const auto [name, entry] : entries) {
      try {
        const auto value = tensor(entry, folder);
        if (value) into.items.emplace_back(heap_.string(name), *value);
      } catch (const Error& error) {
        throw error.at({{}, config.name, {}, std::string(name)});
      }
    }
  }
  void finish() { copies_.run(); }

 private:
  std::optional<object::Ref> tensor(dom::element entry, const std::string& folder) {
    std::string_view file;
    if (member(entry, "path_name").get(file) != simdjson::SUCCESS) corrupt("'path_name' is no string");
    if (file.starts_with("custom_obj_")) return std::nullopt;
    bool pickled = false;
    if (member(entry, "use_pickle").get(pickled) != simdjson::SUCCESS) corrupt("'use_pickle' is no boolean");
    const archive::Entry* const record = input_.zip->find(folder + std::string(file));
    if (record == nullptr) corrupt(fmt::format("the archive has no record '{}{}'", folder, file));
    if (pickled) {
      auto source = bytes::from_memory(input_.zip->read(*record), record->name);
      return read_nested(heap_, std::move(source), options_, input_.depth + 1);
    }
    const dom::element meta = member(entry, "tensor_meta");
    const DType dtype = dtype_of(integer(member(meta, "dtype"), "dtype"));
    if (const auto layout = integer(member(meta, "layout"), "layout"); layout != strided)
      throw Error(ErrorCode::unsupported, fmt::format("layout {} of the export schema", layout));
    auto& storage = storages_[record->name];
    if (!storage) storage = make_storage(input_.zip->open(*record), record->size, dtype, options_, copies_);
    Tensor tensor(storage, dtype, integers(member(meta, "sizes"), "sizes", options_.limits),
                  integers(member(meta, "strides"), "strides", options_.limits),
                  integer(member(meta, "storage_offset"), "storage_offset"));
    bool requires_grad = false, parameter = false;
    if (meta["requires_grad"].get(requires_grad) != simdjson::SUCCESS) requires_grad = false;
    if (entry["is_param"].get(parameter) != simdjson::SUCCESS) parameter = false;
    tensor.set_requires_grad(requires_grad);
    return heap_.tensor(std::move(tensor), parameter);
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
        std::string_view name = entry.name;
        if (!input.zip->root().empty()) name.remove_prefix(std::min(input.zip->root().size() + 1, name.size()));
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
