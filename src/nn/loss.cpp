#include <flambeau/nn_loss.h>

#include <cmath>

#include "nn/forward.h"

namespace flambeau::nn {

Var Loss::forward(Var) { unsupported(*this, "losses are carried, not computed"); }
void Loss::fields(Fields& f) { f("reduction", reduction); }

void SmoothL1Loss::fields(Fields& f) {
  Loss::fields(f);
  f("beta", beta);
}

void HuberLoss::fields(Fields& f) {
  Loss::fields(f);
  f("delta", delta);
}

void KLDivLoss::fields(Fields& f) {
  Loss::fields(f);
  f("log_target", log_target);
}

void HingeEmbeddingLoss::fields(Fields& f) {
  Loss::fields(f);
  f("margin", margin);
}

void CosineEmbeddingLoss::fields(Fields& f) {
  Loss::fields(f);
  f("margin", margin);
}

void MarginRankingLoss::fields(Fields& f) {
  Loss::fields(f);
  f("margin", margin);
}

void PoissonNLLLoss::fields(Fields& f) {
  Loss::fields(f);
  f("log_input", log_input);
  f("full", full);
  f("eps", eps);
}

void GaussianNLLLoss::fields(Fields& f) {
  Loss::fields(f);
  f("full", full);
  f("eps", eps);
}

void TripletMarginLoss::fields(Fields& f) {
  Loss::fields(f);
  f("margin", margin);
  f("p", p);
  f("eps", eps);
  f("swap", swap);
}

void CTCLoss::fields(Fields& f) {
  Loss::fields(f);
  f("blank", blank);
  f("zero_infinity", zero_infinity);
}

void NLLLoss::fields(Fields& f) {
  Loss::fields(f);
  f("ignore_index", ignore_index);
}

void CrossEntropyLoss::fields(Fields& f) {
  Loss::fields(f);
  f("ignore_index", ignore_index);
  f("label_smoothing", label_smoothing);
}

void MultiMarginLoss::fields(Fields& f) {
  Loss::fields(f);
  f("p", p);
  f("margin", margin);
}

TripletMarginWithDistanceLoss::TripletMarginWithDistanceLoss(Number distance, bool swapped, std::string how)
    : Loss(std::move(how)), margin(distance), swap(swapped) {
  register_module("distance_function", std::make_shared<PairwiseDistance>());
}
void TripletMarginWithDistanceLoss::fields(Fields& f) {
  Loss::fields(f);
  f("margin", margin);
  f("swap", swap);
}

Var CosineSimilarity::forward(Var) { unsupported(*this, "it takes two inputs"); }
Var CosineSimilarity::forward(Var x1, Var x2) {
  const Var product = graph::l2_normalize(x1, dim, eps) * graph::l2_normalize(x2, dim, eps);
  return graph::mul(graph::mean(product, {dim}), static_cast<double>(x1.size(dim)));
}
void CosineSimilarity::fields(Fields& f) {
  f("dim", dim);
  f("eps", eps);
}

Var PairwiseDistance::forward(Var) { unsupported(*this, "it takes two inputs"); }
Var PairwiseDistance::forward(Var x1, Var x2) {
  if (!(norm.value > 0 && std::isfinite(norm.value))) unsupported(*this, "p must be positive and finite");
  const Var difference = graph::add(graph::sub(x1, x2), eps);
  const Var powers =
      graph::activation(graph::activation(difference, graph::Activation::abs), graph::Activation::pow, norm);
  const Var sum = graph::mul(graph::mean(powers, {-1}, keepdim), static_cast<double>(x1.size(-1)));
  return graph::activation(sum, graph::Activation::pow, 1 / norm.value);
}
void PairwiseDistance::fields(Fields& f) {
  f("norm", norm);
  f("eps", eps);
  f("keepdim", keepdim);
}

}  // namespace flambeau::nn
