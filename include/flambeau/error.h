#pragma once
/// Errors: one exception type, a closed list of codes, and the place in the input.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace flambeau {

/// Why an operation failed. The table of names stands in src/base/error.cpp.
enum class ErrorCode : std::uint8_t {
  invalid_argument,  ///< the caller asked for something that cannot be (a bug or a wrong flag)
  not_found,         ///< a file, member, key or model that does not exist
  io,                ///< the operating system refused: open, read, write, fsync, rename, no space
  unknown_format,    ///< the bytes are no checkpoint; the text says what they look like
  truncated,         ///< the input ends before a length, record or directory that it promised
  corrupt,           ///< the bytes contradict the format
  checksum,          ///< a payload does not match its recorded CRC-32 or hash
  unsupported,       ///< legal, but not read or written by Flambeau
  forbidden,         ///< the pickle names a global that reaches code, files, processes or the network
  limit,             ///< a cap of `Limits` was reached; the text says which and how to raise it
  type,              ///< a value has another type than the one asked for
  mismatch,          ///< state_dict keys or shapes do not fit the module (the text is PyTorch's)
  cancelled,         ///< stopped on request
  internal,          ///< a broken invariant of our own
};

/// The code's name as the command prints it in JSON ("not_found").
std::string_view name(ErrorCode code) noexcept;

/// Where in the input an error lies. Empty fields are left out of the text.
struct Place {
  std::string file{};                     ///< path as the caller gave it
  std::string member{};                   ///< record inside a container, with its root ("archive/data.pkl")
  std::optional<std::uint64_t> offset{};  ///< byte offset inside `member` (or `file`)
  std::string tensor{};                   ///< state_dict key
};

/// The only exception the library throws on purpose.
/// Text: `file: member: byte N: tensor 'x': message`, lower case, expected and found both named.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string message, Place place = {});

  ErrorCode code() const noexcept { return code_; }
  const Place& place() const noexcept { return place_; }
  /// The message without the place.
  const std::string& message() const noexcept { return message_; }

  /// The same error with the empty fields of its place filled from `outer`: each layer adds what it knows.
  Error at(const Place& outer) const;

 private:
  ErrorCode code_;
  std::string message_;
  Place place_;
};

}  // namespace flambeau
