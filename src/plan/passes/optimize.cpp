#include "plan/passes.h"

namespace flambeau::plan {

void optimize(Program& program) {
  fold_constants(program);
  simplify(program);
  fold_scales(program);
  fuse_posts(program);
  program.drop_unused();
}

}  // namespace flambeau::plan
