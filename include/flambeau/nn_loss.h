#pragma once
/// torch.nn.modules.loss and distance. Losses are carried (attributes, buffers, pickles), not computed: their forward
/// throws Error(unsupported). `reduction`: "none", "mean", "sum".

#include <flambeau/nn.h>

namespace flambeau::nn {

class Loss : public Module {
 public:
  std::string reduction = "mean";

  std::string_view python_module() const override { return "torch.nn.modules.loss"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;

 protected:
  Loss() = default;
  explicit Loss(std::string how) : reduction(std::move(how)) {}
};

/// With a buffer `weight`; undefined is None.
class WeightedLoss : public Loss {
 protected:
  WeightedLoss() = default;
  WeightedLoss(Tensor weight, std::string how) : Loss(std::move(how)) { register_buffer("weight", std::move(weight)); }
};

class L1Loss : public Loss {
 public:
  explicit L1Loss(std::string how = "mean") : Loss(std::move(how)) {}
  explicit L1Loss(Blank) {}
  std::string_view class_name() const override { return "L1Loss"; }
};

class MSELoss : public Loss {
 public:
  explicit MSELoss(std::string how = "mean") : Loss(std::move(how)) {}
  explicit MSELoss(Blank) {}
  std::string_view class_name() const override { return "MSELoss"; }
};

class SoftMarginLoss : public Loss {
 public:
  explicit SoftMarginLoss(std::string how = "mean") : Loss(std::move(how)) {}
  explicit SoftMarginLoss(Blank) {}
  std::string_view class_name() const override { return "SoftMarginLoss"; }
};

class MultiLabelMarginLoss : public Loss {
 public:
  explicit MultiLabelMarginLoss(std::string how = "mean") : Loss(std::move(how)) {}
  explicit MultiLabelMarginLoss(Blank) {}
  std::string_view class_name() const override { return "MultiLabelMarginLoss"; }
};

class SmoothL1Loss : public Loss {
 public:
  explicit SmoothL1Loss(Number width = 1.0, std::string how = "mean") : Loss(std::move(how)), beta(width) {}
  explicit SmoothL1Loss(Blank) {}

  Number beta = 1.0;

  std::string_view class_name() const override { return "SmoothL1Loss"; }
  void fields(Fields& fields) override;
};

class HuberLoss : public Loss {
 public:
  explicit HuberLoss(Number width = 1.0, std::string how = "mean") : Loss(std::move(how)), delta(width) {}
  explicit HuberLoss(Blank) {}

  Number delta = 1.0;

  std::string_view class_name() const override { return "HuberLoss"; }
  void fields(Fields& fields) override;
};

class KLDivLoss : public Loss {
 public:
  explicit KLDivLoss(bool log = false, std::string how = "mean") : Loss(std::move(how)), log_target(log) {}
  explicit KLDivLoss(Blank) {}

  bool log_target = false;

  std::string_view class_name() const override { return "KLDivLoss"; }
  void fields(Fields& fields) override;
};

class HingeEmbeddingLoss : public Loss {
 public:
  explicit HingeEmbeddingLoss(Number distance = 1.0, std::string how = "mean")
      : Loss(std::move(how)), margin(distance) {}
  explicit HingeEmbeddingLoss(Blank) {}

  Number margin = 1.0;

  std::string_view class_name() const override { return "HingeEmbeddingLoss"; }
  void fields(Fields& fields) override;
};

class CosineEmbeddingLoss : public Loss {
 public:
  explicit CosineEmbeddingLoss(Number distance = 0.0, std::string how = "mean")
      : Loss(std::move(how)), margin(distance) {}
  explicit CosineEmbeddingLoss(Blank) {}

  Number margin = 0.0;

  std::string_view class_name() const override { return "CosineEmbeddingLoss"; }
  void fields(Fields& fields) override;
};

class MarginRankingLoss : public Loss {
 public:
  explicit MarginRankingLoss(Number distance = 0.0, std::string how = "mean")
      : Loss(std::move(how)), margin(distance) {}
  explicit MarginRankingLoss(Blank) {}

  Number margin = 0.0;

  std::string_view class_name() const override { return "MarginRankingLoss"; }
  void fields(Fields& fields) override;
};

class PoissonNLLLoss : public Loss {
 public:
  explicit PoissonNLLLoss(bool log = true, bool complete = false, Number epsilon = 1e-8, std::string how = "mean")
      : Loss(std::move(how)), log_input(log), full(complete), eps(epsilon) {}
  explicit PoissonNLLLoss(Blank) {}

  bool log_input = true;
  bool full = false;
  Number eps = 1e-8;

  std::string_view class_name() const override { return "PoissonNLLLoss"; }
  void fields(Fields& fields) override;
};

class GaussianNLLLoss : public Loss {
 public:
  explicit GaussianNLLLoss(bool complete = false, Number epsilon = 1e-6, std::string how = "mean")
      : Loss(std::move(how)), full(complete), eps(epsilon) {}
  explicit GaussianNLLLoss(Blank) {}

  bool full = false;
  Number eps = 1e-6;

  std::string_view class_name() const override { return "GaussianNLLLoss"; }
  void fields(Fields& fields) override;
};

class TripletMarginLoss : public Loss {
 public:
  explicit TripletMarginLoss(Number distance = 1.0, Number norm = 2.0, Number epsilon = 1e-6, bool swapped = false,
                             std::string how = "mean")
      : Loss(std::move(how)), margin(distance), p(norm), eps(epsilon), swap(swapped) {}
  explicit TripletMarginLoss(Blank) {}

  Number margin = 1.0;
  Number p = 2.0;
  Number eps = 1e-6;
  bool swap = false;

  std::string_view class_name() const override { return "TripletMarginLoss"; }
  void fields(Fields& fields) override;
};

class CTCLoss : public Loss {
 public:
  explicit CTCLoss(std::int64_t label = 0, bool zeroed = false, std::string how = "mean")
      : Loss(std::move(how)), blank(label), zero_infinity(zeroed) {}
  explicit CTCLoss(Blank) {}

  std::int64_t blank = 0;
  bool zero_infinity = false;

  std::string_view class_name() const override { return "CTCLoss"; }
  void fields(Fields& fields) override;
};

class NLLLoss : public WeightedLoss {
 public:
  explicit NLLLoss(Tensor weight = {}, std::int64_t ignored = -100, std::string how = "mean")
      : WeightedLoss(std::move(weight), std::move(how)), ignore_index(ignored) {}
  explicit NLLLoss(Blank) {}

  std::int64_t ignore_index = -100;

  std::string_view class_name() const override { return "NLLLoss"; }
  void fields(Fields& fields) override;
};

class NLLLoss2d : public NLLLoss {
 public:
  using NLLLoss::NLLLoss;
  std::string_view class_name() const override { return "NLLLoss2d"; }
};

class CrossEntropyLoss : public WeightedLoss {
 public:
  explicit CrossEntropyLoss(Tensor weight = {}, std::int64_t ignored = -100, Number smoothing = 0.0,
                            std::string how = "mean")
      : WeightedLoss(std::move(weight), std::move(how)), ignore_index(ignored), label_smoothing(smoothing) {}
  explicit CrossEntropyLoss(Blank) {}

  std::int64_t ignore_index = -100;
  Number label_smoothing = 0.0;

  std::string_view class_name() const override { return "CrossEntropyLoss"; }
  void fields(Fields& fields) override;
};

class BCELoss : public WeightedLoss {
 public:
  explicit BCELoss(Tensor weight = {}, std::string how = "mean") : WeightedLoss(std::move(weight), std::move(how)) {}
  explicit BCELoss(Blank) {}
  std::string_view class_name() const override { return "BCELoss"; }
};

class MultiLabelSoftMarginLoss : public WeightedLoss {
 public:
  explicit MultiLabelSoftMarginLoss(Tensor weight = {}, std::string how = "mean")
      : WeightedLoss(std::move(weight), std::move(how)) {}
  explicit MultiLabelSoftMarginLoss(Blank) {}
  std::string_view class_name() const override { return "MultiLabelSoftMarginLoss"; }
};

class MultiMarginLoss : public WeightedLoss {
 public:
  explicit MultiMarginLoss(Tensor weight = {}, Number norm = 1, Number distance = 1.0, std::string how = "mean")
      : WeightedLoss(std::move(weight), std::move(how)), p(norm), margin(distance) {}
  explicit MultiMarginLoss(Blank) {}

  Number p = 1;
  Number margin = 1.0;

  std::string_view class_name() const override { return "MultiMarginLoss"; }
  void fields(Fields& fields) override;
};

class BCEWithLogitsLoss : public Loss {
 public:
  explicit BCEWithLogitsLoss(Tensor weight = {}, Tensor pos_weight = {}, std::string how = "mean")
      : Loss(std::move(how)) {
    register_buffer("weight", std::move(weight));
    register_buffer("pos_weight", std::move(pos_weight));
  }
  explicit BCEWithLogitsLoss(Blank) {}
  std::string_view class_name() const override { return "BCEWithLogitsLoss"; }
};

/// In a pickle `distance_function` is a child (PairwiseDistance), or a function that is kept as an attribute.
class TripletMarginWithDistanceLoss : public Loss {
 public:
  explicit TripletMarginWithDistanceLoss(Number distance = 1.0, bool swapped = false, std::string how = "mean");
  explicit TripletMarginWithDistanceLoss(Blank) {}

  Number margin = 1.0;
  bool swap = false;

  std::string_view class_name() const override { return "TripletMarginWithDistanceLoss"; }
  void fields(Fields& fields) override;
};

/// Along `dim`, of two inputs of the same shape.
class CosineSimilarity : public Module {
 public:
  explicit CosineSimilarity(std::int64_t dimension = 1, Number epsilon = 1e-8) : dim(dimension), eps(epsilon) {}
  explicit CosineSimilarity(Blank) {}

  std::int64_t dim = 1;
  Number eps = 1e-8;

  std::string_view python_module() const override { return "torch.nn.modules.distance"; }
  std::string_view class_name() const override { return "CosineSimilarity"; }
  Var forward(Var x) override;  // throws: it takes two inputs
  Var forward(Var x1, Var x2);
  void fields(Fields& fields) override;
};

/// Along the last dimension; forward knows positive, finite p.
class PairwiseDistance : public Module {
 public:
  explicit PairwiseDistance(Number p = 2.0, Number epsilon = 1e-6, bool keep = false)
      : norm(p), eps(epsilon), keepdim(keep) {}
  explicit PairwiseDistance(Blank) {}

  Number norm = 2.0, eps = 1e-6;
  bool keepdim = false;

  std::string_view python_module() const override { return "torch.nn.modules.distance"; }
  std::string_view class_name() const override { return "PairwiseDistance"; }
  Var forward(Var x) override;  // throws: it takes two inputs
  Var forward(Var x1, Var x2);
  void fields(Fields& fields) override;
};

}  // namespace flambeau::nn
