#include "inspect/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>

#include <flambeau/error.h>

#include "base/threads.h"

namespace flambeau::inspect {
namespace {

constexpr std::uint64_t small_work = 1ull << 20;    // below this a second thread costs more than it gives
constexpr std::uint64_t dense_piece = 16ull << 20;  // bytes made row-major at once

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw Error(ErrorCode::internal, "sha256 is not available");
  }
  void add(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + size, ""));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void add(Sha256& sha, const Tensor& tensor) {
  if (tensor.numel() == 0) return;
  if (tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg()) {
    if (tensor.offset() == 0 && tensor.nbytes() == tensor.storage()->nbytes())
      tensor.storage()->each_block([&sha](std::span<const std::byte> block) { sha.add(block); });
    else
      sha.add(tensor.bytes());
    return;
  }
  if (tensor.nbytes() <= dense_piece || tensor.dim() == 0) {
    sha.add(tensor.contiguous().bytes());
    return;
  }
  // Slices along the first dimension, so that an expanded tensor never becomes dense as a whole.
  const std::uint64_t slice = tensor.nbytes() / static_cast<std::uint64_t>(tensor.size(0));
  const auto step =
      static_cast<std::int64_t>(std::max<std::uint64_t>(1, dense_piece / std::max<std::uint64_t>(1, slice)));
  for (std::int64_t at = 0; at < tensor.size(0); at += step) {
    const Tensor part = tensor.narrow(0, at, std::min(step, tensor.size(0) - at));
    if (part.size(0) > 1 || part.nbytes() <= dense_piece) {
      sha.add(part.contiguous().bytes());
    } else {  // one row that is still large: go one dimension down
      Shape shape(part.shape().begin() + 1, part.shape().end()),
          strides(part.strides().begin() + 1, part.strides().end());
      Tensor inner(part.storage(), part.dtype(), std::move(shape), std::move(strides), part.offset());
      inner.set_conj(part.is_conj()).set_neg(part.is_neg());
      add(sha, inner);
    }
  }
}

/// What two equal views have in common.
std::string identity(const Tensor& tensor) {
  return fmt::format("{} {} {} {} {} {}{}", fmt::ptr(tensor.storage().get()), static_cast<int>(tensor.dtype()),
                     tensor.offset(), to_string(tensor.shape()), to_string(tensor.strides()), tensor.is_conj(),
                     tensor.is_neg());
}

}  // namespace

std::string sha256(const Tensor& tensor) {
  Sha256 sha;
  add(sha, tensor);
  return sha.finish();
}

std::string sha256_of(const bytes::Source& source) {
  constexpr std::uint64_t block = 1ull << 20;
  Sha256 sha;
  std::vector<std::byte> buffer(std::min(block, source.size()));
  for (std::uint64_t at = 0; at < source.size(); at += buffer.size()) {
    const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), source.size() - at));
    source.read(at, part);
    sha.add(part);
  }
  return sha.finish();
}

void add_digests(std::vector<Listed>& rows, unsigned threads) {
  std::vector<std::size_t> first(rows.size());  // the first row with the same view
  std::vector<std::size_t> work;
  std::unordered_map<std::string, std::size_t> seen;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    first[i] = i;
    if (rows[i].tensor.is_meta()) continue;
    first[i] = seen.try_emplace(identity(rows[i].tensor), i).first->second;
    if (first[i] != i) continue;
    work.push_back(i);
    total += rows[i].nbytes;
  }
  std::stable_sort(work.begin(), work.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a].nbytes > rows[b].nbytes; });
  base::in_threads(total < small_work ? 1 : threads, work.size(), [&](std::size_t i) {
    Listed& row = rows[work[i]];
    try {
      row.sha256 = sha256(row.tensor);
    } catch (const Error& error) {
      throw error.at({{}, {}, {}, row.name});
    }
  });
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (first[i] != i) rows[i].sha256 = rows[first[i]].sha256;
}

}  // namespace flambeau::inspect
