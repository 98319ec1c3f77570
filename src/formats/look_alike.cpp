// Files that people mistake for checkpoints, named.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "archive/zip.h"
#include "formats/format.h"

namespace flambeau::formats {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::size_t offset;
  std::string_view bytes, words;
};

constexpr std::array marks = {
    Mark{0, "version https://git-lfs"sv, "a git-lfs pointer, not the file itself (run git lfs pull)"sv},
    Mark{0, "PYTORCH1"sv, "a TorchScript archive of a preview release before 1.0, which PyTorch refuses as well"sv},
    Mark{4, "PTMF"sv, "a mobile flatbuffer module (.ptl)"sv},
    Mark{0, "PK\5\6"sv, "an empty zip archive"sv},
    Mark{0, "PK\7\10"sv, "a spanned zip archive"sv},
    Mark{0, "\x1F\x8B"sv, "gzip data; unpack it first"sv},
    Mark{0, "7z\xBC\xAF\x27\x1C"sv, "a 7z archive; unpack it first"sv},
    Mark{0, "\xFD\x37zXZ\0"sv, "xz data; unpack it first"sv},
    Mark{0, "BZh"sv, "bzip2 data; unpack it first"sv},
    Mark{0, "\x28\xB5\x2F\xFD"sv, "zstd data; unpack it first"sv},
    Mark{0, "Rar!"sv, "a rar archive; unpack it first"sv},
    Mark{0,
         "\x7F"
         "ELF"sv,
         "a program or library (ELF)"sv},
    Mark{0, "MZ"sv, "a Windows program or library"sv},
    Mark{0, "\x89HDF"sv, "an HDF5 file (Keras weights?)"sv},
    Mark{0, "%PDF"sv, "a PDF document"sv},
    Mark{0, "\x89PNG"sv, "a PNG image"sv},
    Mark{0, "\xFF\xD8\xFF"sv, "a JPEG image"sv},
    Mark{0, "\x08"sv, "perhaps an ONNX or TensorFlow model"sv},
};

bool is_text(std::string_view head) {
  for (const char c : head) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' && byte != '\f') return false;
  }
  return true;
}

/// The record that spoils a checkpoint in a folder of its own by lying beside that folder; empty without one.
std::string outside_its_folder(const archive::ZipReader& zip) {
  if (zip.entries().empty() || !zip.root().empty()) return {};
  const std::string& first = zip.entries().front().name;
  const std::size_t slash = first.find('/');
  if (slash == std::string::npos) return {};
  const std::string_view folder = std::string_view(first).substr(0, slash + 1);
  const auto outside =
      std::ranges::find_if(zip.entries(), [&](const archive::Entry& e) { return !e.name.starts_with(folder); });
  if (outside == zip.entries().end() || zip.find(std::string(folder) + "data.pkl") == nullptr) return {};
  return fmt::format("a zip archive with '{}' outside its folder '{}', which PyTorch refuses as well", outside->name,
                     folder);
}

}  // namespace

std::string look_alike(const Input& input) {
  if (!input.source) return "a folder";
  if (input.head.empty()) return "an empty file";
  if (input.zip) {
    if (input.zip->find(".data/extern_modules") != nullptr || input.zip->find(".data/python_version") != nullptr)
      return "a torch.package archive, which needs its Python code";
    if (input.zip->find("version") != nullptr && input.zip->entries().size() == 1)
      return "a zip archive without data.pkl: a save that failed";
    const std::string outside = outside_its_folder(*input.zip);
    return outside.empty() ? "a zip archive without data.pkl" : outside;
  }
  for (const Mark& mark : marks)
    if (std::string_view(input.head).substr(std::min(mark.offset, input.head.size())).starts_with(mark.bytes))
      return std::string(mark.words);
  if (input.head.find_first_not_of('\0') == std::string::npos) return "nothing but zeros";
  const auto first = input.head.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != std::string::npos && is_text(input.head)) {
    if (input.head[first] == '<') return "an HTML or XML page, not the file itself";
    if (input.head[first] == '{' || input.head[first] == '[') return "JSON text";
    return "text";
  }
  return {};
}

}  // namespace flambeau::formats
