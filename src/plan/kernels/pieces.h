#pragma once
// How a product of many rows is cut for the threads and their caches: into pieces of some rows and some groups of
// outputs.

#include <algorithm>

#include "plan/kernels/product.h"
#include "plan/parallel.h"

namespace flambeau::plan {

class Pieces {
 public:
  struct Size {
    std::int64_t rows, out, groups;  ///< groups of outputs
    std::int64_t row_bytes;          ///< what is read of a row of x in one pass
    double share;                    ///< of a core's second-level cache, for what a pass reads of x
    std::int64_t panel, fewest;      ///< rows: parts begin at multiples of `panel` and shall have `fewest`
  };

  Pieces(const Size& size, int threads) : size_(size) {
    const std::int64_t cache = second_level_cache(), most_rows = size.rows / size.fewest;
    row_parts_ = parts(size.rows * size.row_bytes, static_cast<std::int64_t>(size.share * static_cast<double>(cache)),
                       most_rows);
    const auto result_bytes = size.out * static_cast<std::int64_t>(sizeof(float));
    group_parts_ = parts(size.rows / row_parts_ * result_bytes, cache / 4, size.groups);
    // As many for each thread. The smaller operand is read again for a cut.
    std::int64_t& cut = size.rows > size.out ? row_parts_ : group_parts_;
    const std::int64_t most = size.rows > size.out ? most_rows : size.groups;
    while (row_parts_ * group_parts_ % threads != 0 && cut < most) ++cut;
  }

  std::int64_t count() const noexcept { return row_parts_ * group_parts_; }
  /// Neighbouring pieces have the same groups, whose weights come from far away.
  Range rows(std::int64_t piece) const noexcept {
    return {first_row(piece % row_parts_), first_row(piece % row_parts_ + 1)};
  }
  Range groups(std::int64_t piece) const noexcept {
    const std::int64_t part = piece / row_parts_;
    return {size_.groups * part / group_parts_, size_.groups * (part + 1) / group_parts_};
  }

 private:
  /// Into how many parts something of that size is cut, so that each fits; at most `most`, at least one.
  static std::int64_t parts(std::int64_t size, std::int64_t fits, std::int64_t most) {
    return std::clamp<std::int64_t>((size + fits - 1) / fits, 1, std::max<std::int64_t>(most, 1));
  }
  std::int64_t first_row(std::int64_t part) const noexcept {
    return part == row_parts_ ? size_.rows : size_.rows * part / row_parts_ / size_.panel * size_.panel;
  }

  Size size_;
  std::int64_t row_parts_, group_parts_;
};

}  // namespace flambeau::plan
