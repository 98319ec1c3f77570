// Reading whole storages into own memory: pieces go to two threads, each checksums what it has just read.

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/threads.h"
#include "bytes/crc32.h"
#include "formats/graph.h"

namespace flambeau::formats {
namespace {

constexpr std::uint64_t piece_size = 8ull << 20;     // evens out the two threads' work
constexpr std::uint64_t cache_block = 256ull << 10;  // read and checksummed while it lies in the second-level cache
constexpr std::uint64_t small_work = 1ull << 20;     // below this a second thread costs more than it gives

struct Piece {
  std::size_t job;
  std::uint64_t offset, size;
  std::uint32_t crc = 0;
};

}  // namespace

std::shared_ptr<Storage> Copies::add(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype) {
  auto storage = Storage::uninitialized(nbytes, dtype);
  if (nbytes > 0) jobs_.push_back({std::move(source), storage});
  return storage;
}

void Copies::run() {
  std::vector<Piece> pieces;
  std::uint64_t total = 0;
  for (std::size_t job = 0; job < jobs_.size(); ++job) {
    const std::uint64_t size = jobs_[job].storage->nbytes();
    total += size;
    for (std::uint64_t at = 0; at < size; at += piece_size)
      pieces.push_back({job, at, std::min(piece_size, size - at)});
  }
  base::in_threads(total < small_work ? 1 : 2, pieces.size(), [&](std::size_t i) {
    Piece& piece = pieces[i];
    const Job& job = jobs_[piece.job];
    std::uint32_t unused = 0;
    const bool checks = job.source->recorded_crc(unused);
    const auto whole = job.storage->mutable_bytes().subspan(piece.offset, piece.size);
    for (std::uint64_t at = 0; at < piece.size; at += cache_block) {
      const auto block = whole.subspan(at, std::min(cache_block, piece.size - at));
      job.source->read(piece.offset + at, block);
      if (checks) piece.crc = bytes::crc32(piece.crc, block);
    }
  });

  for (std::size_t i = 0; i < pieces.size();) {
    const std::size_t job = pieces[i].job;
    std::uint32_t found = pieces[i].crc, recorded = 0;
    for (++i; i < pieces.size() && pieces[i].job == job; ++i)
      found = bytes::crc32_combine(found, pieces[i].crc, pieces[i].size);
    if (jobs_[job].source->recorded_crc(recorded) && found != recorded)
      throw Error(ErrorCode::checksum, fmt::format("{}: the data's crc-32 is {:08x}, recorded is {:08x}",
                                                   jobs_[job].source->describe(), found, recorded));
  }
  jobs_.clear();
}

std::shared_ptr<Storage> make_storage(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype,
                                      const LoadOptions& options, Copies& copies) {
  return options.read == Read::copy ? copies.add(std::move(source), nbytes, dtype)
                                    : Storage::from(std::move(source), nbytes, dtype);
}

}  // namespace flambeau::formats
