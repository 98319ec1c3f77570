#include "hub/http.h"

#include <curl/curl.h>
#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <memory>
#include <utility>

#include <flambeau/error.h>

namespace flambeau::hub {
namespace {

/// The functions of libcurl that are used here.
struct Curl {
  decltype(&curl_global_init) global_init = nullptr;
  decltype(&curl_easy_init) easy_init = nullptr;
  decltype(&curl_easy_setopt) easy_setopt = nullptr;
  decltype(&curl_easy_perform) easy_perform = nullptr;
  decltype(&curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&curl_easy_strerror) easy_strerror = nullptr;
  decltype(&curl_slist_append) slist_append = nullptr;
  decltype(&curl_slist_free_all) slist_free_all = nullptr;
};

template <class Function>
void resolve(void* library, const char* name, Function& function) {
  void* symbol = ::dlsym(library, name);
  if (!symbol) throw Error(ErrorCode::unsupported, std::string("libcurl has no function ") + name);
  function = reinterpret_cast<Function>(symbol);
}

const Curl& curl() {
  static const Curl loaded = [] {
    void* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library)
      throw Error(ErrorCode::unsupported, "downloads need libcurl (Debian: libcurl4), which is not installed");
    Curl c;
    resolve(library, "curl_global_init", c.global_init);
    resolve(library, "curl_easy_init", c.easy_init);
    resolve(library, "curl_easy_setopt", c.easy_setopt);
    resolve(library, "curl_easy_perform", c.easy_perform);
    resolve(library, "curl_easy_getinfo", c.easy_getinfo);
    resolve(library, "curl_easy_cleanup", c.easy_cleanup);
    resolve(library, "curl_easy_strerror", c.easy_strerror);
    resolve(library, "curl_slist_append", c.slist_append);
    resolve(library, "curl_slist_free_all", c.slist_free_all);
    c.global_init(CURL_GLOBAL_DEFAULT);
    return c;
  }();
  return loaded;
}

struct Transfer {
  const Request& request;
  CURL* handle;
  Response response{};
  bool headers_told = false;
  std::exception_ptr thrown{};
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) transfer.response = {};  // of a redirect's answers only the last counts
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  const std::string name = lower(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' '))
    value.remove_suffix(1);
  if (name == "etag") transfer.response.etag = value;
  if (name == "content-length") transfer.response.length = std::strtoull(std::string(value).c_str(), nullptr, 10);
  return size;
}

void tell_headers(Transfer& transfer) {
  if (std::exchange(transfer.headers_told, true)) return;
  curl().easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &transfer.response.status);
  if (transfer.request.on_headers) transfer.request.on_headers(transfer.response);
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {  // libcurl is C: nothing may be thrown through it
    tell_headers(transfer);
    if (transfer.request.on_body) transfer.request.on_body(std::as_bytes(std::span(data, size)));
    return size;
  } catch (...) {
    transfer.thrown = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

bool unreachable(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT;
}

}  // namespace

Response get(const Request& request, const FetchOptions& options) {
  const Curl& c = curl();
  const std::unique_ptr<CURL, decltype(c.easy_cleanup)> handle(c.easy_init(), c.easy_cleanup);
  if (!handle) throw Error(ErrorCode::io, "libcurl gave no handle");
  Transfer transfer{request, handle.get()};
  const auto set = [&](CURLoption option, auto value) {  // a library before 7.85 would ignore the choice of protocols
    if (const CURLcode code = c.easy_setopt(handle.get(), option, value); code != CURLE_OK)
      throw Error(ErrorCode::unsupported,
                  std::string("libcurl (7.85 is needed) refuses a setting: ") + c.easy_strerror(code));
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_USERAGENT, "torch.hub");  // as torch: servers count by it
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_seconds * 1000));
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.least_bytes_per_second));
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(options.stall_seconds)));
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  std::unique_ptr<curl_slist, decltype(c.slist_free_all)> headers(nullptr, c.slist_free_all);
  if (request.from > 0) {
    headers.reset(c.slist_append(headers.release(), ("Range: bytes=" + std::to_string(request.from) + "-").c_str()));
    headers.reset(c.slist_append(headers.release(), ("If-Range: " + request.if_range).c_str()));
    set(CURLOPT_HTTPHEADER, headers.get());
  }
  const CURLcode code = c.easy_perform(handle.get());
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (code != CURLE_OK)
    throw Error(ErrorCode::io,
                std::string(unreachable(code) ? "cannot reach the server (offline?): " : "download stopped: ") +
                    c.easy_strerror(code),
                {.file = request.url});
  tell_headers(transfer);
  return transfer.response;
}

}  // namespace flambeau::hub
