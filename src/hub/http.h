#pragma once
// HTTP by libcurl, which is loaded when the first request is made: a program that downloads nothing starts without it.

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <flambeau/hub.h>

namespace flambeau::hub {

struct Response {
  long status = 0;
  std::string etag{}, last_modified{};
  std::uint64_t length = 0;  ///< Content-Length; 0 if none was given
};

struct Request {
  std::string url{};
  std::uint64_t from = 0;  ///< first byte wanted
  std::string if_range{};  ///< ETag or date under which `from` holds, else the whole file comes; empty: it always does
  /// The headers are complete: before the first body byte.
  std::function<void(const Response&)> on_headers{};
  /// A piece of the body. What it throws ends the request and is thrown again.
  std::function<void(std::span<const std::byte>)> on_body{};
};

/// Performs one GET, redirects followed (HTTPS stays HTTPS). Throws Error(io, unsupported).
Response get(const Request& request, const FetchOptions& options);

}  // namespace flambeau::hub
