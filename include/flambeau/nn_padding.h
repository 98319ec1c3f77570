#pragma once
/// torch.nn.modules.padding. `padding`: an int for every side, or (left, right, top, bottom, …) from the last dimension
/// on.

#include <flambeau/nn.h>

namespace flambeau::nn {

/// What they share; `padding` is a tuple of two values per dimension.
class PadNd : public Module {
 public:
  Size padding = {0, 0};

  std::string_view python_module() const override { return "torch.nn.modules.padding"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override { return python_repr(padding); }

 protected:
  PadNd(std::size_t dims, std::string_view mode) : dims_(dims), mode_(mode) {}
  PadNd(std::size_t dims, std::string_view mode, const Size& sides)
      : padding(sides.tuple(2 * dims)), dims_(dims), mode_(mode) {}
  virtual double fill() const { return 0; }

 private:
  std::size_t dims_;
  std::string_view mode_;
};

class ConstantPadNd : public PadNd {
 public:
  Number value = 0.0;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit ConstantPadNd(std::size_t dims) : PadNd(dims, "constant") {}
  ConstantPadNd(std::size_t dims, const Size& sides, Number number) : PadNd(dims, "constant", sides), value(number) {}
  double fill() const override { return value; }
};

class ConstantPad1d : public ConstantPadNd {
 public:
  ConstantPad1d(const Size& sides, Number number) : ConstantPadNd(1, sides, number) {}
  explicit ConstantPad1d(Blank) : ConstantPadNd(1) {}
  std::string_view class_name() const override { return "ConstantPad1d"; }
};

class ConstantPad2d : public ConstantPadNd {
 public:
  ConstantPad2d(const Size& sides, Number number) : ConstantPadNd(2, sides, number) {}
  explicit ConstantPad2d(Blank) : ConstantPadNd(2) {}
  std::string_view class_name() const override { return "ConstantPad2d"; }
};

class ConstantPad3d : public ConstantPadNd {
 public:
  ConstantPad3d(const Size& sides, Number number) : ConstantPadNd(3, sides, number) {}
  explicit ConstantPad3d(Blank) : ConstantPadNd(3) {}
  std::string_view class_name() const override { return "ConstantPad3d"; }
};

class ZeroPad1d : public ConstantPadNd {
 public:
  explicit ZeroPad1d(const Size& sides) : ConstantPadNd(1, sides, 0.0) {}
  explicit ZeroPad1d(Blank) : ConstantPadNd(1) {}
  std::string_view class_name() const override { return "ZeroPad1d"; }
  std::string extra_repr() const override { return python_repr(padding); }
};

class ZeroPad2d : public ConstantPadNd {
 public:
  explicit ZeroPad2d(const Size& sides) : ConstantPadNd(2, sides, 0.0) {}
  explicit ZeroPad2d(Blank) : ConstantPadNd(2) {}
  std::string_view class_name() const override { return "ZeroPad2d"; }
  std::string extra_repr() const override { return python_repr(padding); }
};

class ZeroPad3d : public ConstantPadNd {
 public:
  explicit ZeroPad3d(const Size& sides) : ConstantPadNd(3, sides, 0.0) {}
  explicit ZeroPad3d(Blank) : ConstantPadNd(3) {}
  std::string_view class_name() const override { return "ZeroPad3d"; }
  std::string extra_repr() const override { return python_repr(padding); }
};

class ReflectionPad1d : public PadNd {
 public:
  explicit ReflectionPad1d(const Size& sides) : PadNd(1, "reflect", sides) {}
  explicit ReflectionPad1d(Blank) : PadNd(1, "reflect") {}
  std::string_view class_name() const override { return "ReflectionPad1d"; }
};

class ReflectionPad2d : public PadNd {
 public:
  explicit ReflectionPad2d(const Size& sides) : PadNd(2, "reflect", sides) {}
  explicit ReflectionPad2d(Blank) : PadNd(2, "reflect") {}
  std::string_view class_name() const override { return "ReflectionPad2d"; }
};

class ReflectionPad3d : public PadNd {
 public:
  explicit ReflectionPad3d(const Size& sides) : PadNd(3, "reflect", sides) {}
  explicit ReflectionPad3d(Blank) : PadNd(3, "reflect") {}
  std::string_view class_name() const override { return "ReflectionPad3d"; }
};

class ReplicationPad1d : public PadNd {
 public:
  explicit ReplicationPad1d(const Size& sides) : PadNd(1, "replicate", sides) {}
  explicit ReplicationPad1d(Blank) : PadNd(1, "replicate") {}
  std::string_view class_name() const override { return "ReplicationPad1d"; }
};

class ReplicationPad2d : public PadNd {
 public:
  explicit ReplicationPad2d(const Size& sides) : PadNd(2, "replicate", sides) {}
  explicit ReplicationPad2d(Blank) : PadNd(2, "replicate") {}
  std::string_view class_name() const override { return "ReplicationPad2d"; }
};

class ReplicationPad3d : public PadNd {
 public:
  explicit ReplicationPad3d(const Size& sides) : PadNd(3, "replicate", sides) {}
  explicit ReplicationPad3d(Blank) : PadNd(3, "replicate") {}
  std::string_view class_name() const override { return "ReplicationPad3d"; }
};

class CircularPad1d : public PadNd {
 public:
  explicit CircularPad1d(const Size& sides) : PadNd(1, "circular", sides) {}
  explicit CircularPad1d(Blank) : PadNd(1, "circular") {}
  std::string_view class_name() const override { return "CircularPad1d"; }
};

class CircularPad2d : public PadNd {
 public:
  explicit CircularPad2d(const Size& sides) : PadNd(2, "circular", sides) {}
  explicit CircularPad2d(Blank) : PadNd(2, "circular") {}
  std::string_view class_name() const override { return "CircularPad2d"; }
};

class CircularPad3d : public PadNd {
 public:
  explicit CircularPad3d(const Size& sides) : PadNd(3, "circular", sides) {}
  explicit CircularPad3d(Blank) : PadNd(3, "circular") {}
  std::string_view class_name() const override { return "CircularPad3d"; }
};

}  // namespace flambeau::nn
