#pragma once
// The opcodes of the pickle protocols 0 to 5: one table for the reader and the disassembler.

#include <array>
#include <cstdint>
#include <string_view>

namespace flambeau::pickle {

/// By the byte in the stream, with the names of Python's pickletools.
enum class Op : std::uint8_t {
  MARK = 0x28,
  EMPTY_TUPLE = 0x29,
  STOP = 0x2E,
  POP = 0x30,
  POP_MARK = 0x31,
  DUP = 0x32,
  BINBYTES = 0x42,
  SHORT_BINBYTES = 0x43,
  FLOAT = 0x46,
  BINFLOAT = 0x47,
  INT = 0x49,
  BININT = 0x4A,
  BININT1 = 0x4B,
  LONG = 0x4C,
  BININT2 = 0x4D,
  NONE = 0x4E,
  PERSID = 0x50,
  BINPERSID = 0x51,
  REDUCE = 0x52,
  STRING = 0x53,
  BINSTRING = 0x54,
  SHORT_BINSTRING = 0x55,
  UNICODE = 0x56,
  BINUNICODE = 0x58,
  EMPTY_LIST = 0x5D,
  APPEND = 0x61,
  BUILD = 0x62,
  GLOBAL = 0x63,
  DICT = 0x64,
  APPENDS = 0x65,
  GET = 0x67,
  BINGET = 0x68,
  INST = 0x69,
  LONG_BINGET = 0x6A,
  LIST = 0x6C,
  OBJ = 0x6F,
  PUT = 0x70,
  BINPUT = 0x71,
  LONG_BINPUT = 0x72,
  SETITEM = 0x73,
  TUPLE = 0x74,
  SETITEMS = 0x75,
  EMPTY_DICT = 0x7D,
  PROTO = 0x80,
  NEWOBJ = 0x81,
  EXT1 = 0x82,
  EXT2 = 0x83,
  EXT4 = 0x84,
  TUPLE1 = 0x85,
  TUPLE2 = 0x86,
  TUPLE3 = 0x87,
  NEWTRUE = 0x88,
  NEWFALSE = 0x89,
  LONG1 = 0x8A,
  LONG4 = 0x8B,
  SHORT_BINUNICODE = 0x8C,
  BINUNICODE8 = 0x8D,
  BINBYTES8 = 0x8E,
  EMPTY_SET = 0x8F,
  ADDITEMS = 0x90,
  FROZENSET = 0x91,
  NEWOBJ_EX = 0x92,
  STACK_GLOBAL = 0x93,
  MEMOIZE = 0x94,
  FRAME = 0x95,
  BYTEARRAY8 = 0x96,
  NEXT_BUFFER = 0x97,
  READONLY_BUFFER = 0x98,
};

/// What follows an opcode's byte. Numbers are little-endian but for float8; lines end with a newline.
enum class Argument : std::uint8_t {
  none,
  uint1,
  uint2,
  int4,
  uint4,
  uint8,   // a number of so many bytes
  float8,  // big-endian
  string1,
  string4,  // a length (string4: signed) and a Python 2 str
  bytes1,
  bytes4,
  bytes8,
  bytearray8,
  unicode1,
  unicode4,
  unicode8,  // a length and UTF-8
  long1,
  long4,         // a length (long4: signed) and a two's complement integer
  decimal,       // a line: an integer; "00" and "01" are booleans
  long_decimal,  // a line: an integer and, mostly, "L"
  float_line,
  string_line,   // a quoted Python 2 str with escapes
  unicode_line,  // raw-unicode-escape
  id_line,
  name_lines,  // two lines: module and name
};

struct Opcode {
  Op op;
  std::string_view name;
  Argument argument;
  std::uint8_t protocol;  ///< the first that has it
  std::uint8_t pops;      ///< values taken from the stack; below the mark if `to_mark`
  bool to_mark;           ///< takes everything down to the topmost mark
  std::uint8_t pushes;    ///< MARK counts as one
};

inline constexpr std::array<Opcode, 68> opcodes = {{
    {Op::MARK, "MARK", Argument::none, 0, 0, false, 1},
    {Op::EMPTY_TUPLE, "EMPTY_TUPLE", Argument::none, 1, 0, false, 1},
    {Op::STOP, "STOP", Argument::none, 0, 1, false, 0},
    {Op::POP, "POP", Argument::none, 0, 1, false, 0},
    {Op::POP_MARK, "POP_MARK", Argument::none, 1, 0, true, 0},
    {Op::DUP, "DUP", Argument::none, 0, 1, false, 2},
    {Op::BINBYTES, "BINBYTES", Argument::bytes4, 3, 0, false, 1},
    {Op::SHORT_BINBYTES, "SHORT_BINBYTES", Argument::bytes1, 3, 0, false, 1},
    {Op::FLOAT, "FLOAT", Argument::float_line, 0, 0, false, 1},
    {Op::BINFLOAT, "BINFLOAT", Argument::float8, 1, 0, false, 1},
    {Op::INT, "INT", Argument::decimal, 0, 0, false, 1},
    {Op::BININT, "BININT", Argument::int4, 1, 0, false, 1},
    {Op::BININT1, "BININT1", Argument::uint1, 1, 0, false, 1},
    {Op::LONG, "LONG", Argument::long_decimal, 0, 0, false, 1},
    {Op::BININT2, "BININT2", Argument::uint2, 1, 0, false, 1},
    {Op::NONE, "NONE", Argument::none, 0, 0, false, 1},
    {Op::PERSID, "PERSID", Argument::id_line, 0, 0, false, 1},
    {Op::BINPERSID, "BINPERSID", Argument::none, 1, 1, false, 1},
    {Op::REDUCE, "REDUCE", Argument::none, 0, 2, false, 1},
    {Op::STRING, "STRING", Argument::string_line, 0, 0, false, 1},
    {Op::BINSTRING, "BINSTRING", Argument::string4, 1, 0, false, 1},
    {Op::SHORT_BINSTRING, "SHORT_BINSTRING", Argument::string1, 1, 0, false, 1},
    {Op::UNICODE, "UNICODE", Argument::unicode_line, 0, 0, false, 1},
    {Op::BINUNICODE, "BINUNICODE", Argument::unicode4, 1, 0, false, 1},
    {Op::EMPTY_LIST, "EMPTY_LIST", Argument::none, 1, 0, false, 1},
    {Op::APPEND, "APPEND", Argument::none, 0, 2, false, 1},
    {Op::BUILD, "BUILD", Argument::none, 0, 2, false, 1},
    {Op::GLOBAL, "GLOBAL", Argument::name_lines, 0, 0, false, 1},
    {Op::DICT, "DICT", Argument::none, 0, 0, true, 1},
    {Op::APPENDS, "APPENDS", Argument::none, 1, 1, true, 1},
    {Op::GET, "GET", Argument::decimal, 0, 0, false, 1},
    {Op::BINGET, "BINGET", Argument::uint1, 1, 0, false, 1},
    {Op::INST, "INST", Argument::name_lines, 0, 0, true, 1},
    {Op::LONG_BINGET, "LONG_BINGET", Argument::uint4, 1, 0, false, 1},
    {Op::LIST, "LIST", Argument::none, 0, 0, true, 1},
    {Op::OBJ, "OBJ", Argument::none, 1, 0, true, 1},
    {Op::PUT, "PUT", Argument::decimal, 0, 0, false, 0},
    {Op::BINPUT, "BINPUT", Argument::uint1, 1, 0, false, 0},
    {Op::LONG_BINPUT, "LONG_BINPUT", Argument::uint4, 1, 0, false, 0},
    {Op::SETITEM, "SETITEM", Argument::none, 0, 3, false, 1},
    {Op::TUPLE, "TUPLE", Argument::none, 0, 0, true, 1},
    {Op::SETITEMS, "SETITEMS", Argument::none, 1, 1, true, 1},
    {Op::EMPTY_DICT, "EMPTY_DICT", Argument::none, 1, 0, false, 1},
    {Op::PROTO, "PROTO", Argument::uint1, 2, 0, false, 0},
    {Op::NEWOBJ, "NEWOBJ", Argument::none, 2, 2, false, 1},
    {Op::EXT1, "EXT1", Argument::uint1, 2, 0, false, 1},
    {Op::EXT2, "EXT2", Argument::uint2, 2, 0, false, 1},
    {Op::EXT4, "EXT4", Argument::int4, 2, 0, false, 1},
    {Op::TUPLE1, "TUPLE1", Argument::none, 2, 1, false, 1},
    {Op::TUPLE2, "TUPLE2", Argument::none, 2, 2, false, 1},
    {Op::TUPLE3, "TUPLE3", Argument::none, 2, 3, false, 1},
    {Op::NEWTRUE, "NEWTRUE", Argument::none, 2, 0, false, 1},
    {Op::NEWFALSE, "NEWFALSE", Argument::none, 2, 0, false, 1},
    {Op::LONG1, "LONG1", Argument::long1, 2, 0, false, 1},
    {Op::LONG4, "LONG4", Argument::long4, 2, 0, false, 1},
    {Op::SHORT_BINUNICODE, "SHORT_BINUNICODE", Argument::unicode1, 4, 0, false, 1},
    {Op::BINUNICODE8, "BINUNICODE8", Argument::unicode8, 4, 0, false, 1},
    {Op::BINBYTES8, "BINBYTES8", Argument::bytes8, 4, 0, false, 1},
    {Op::EMPTY_SET, "EMPTY_SET", Argument::none, 4, 0, false, 1},
    {Op::ADDITEMS, "ADDITEMS", Argument::none, 4, 1, true, 1},
    {Op::FROZENSET, "FROZENSET", Argument::none, 4, 0, true, 1},
    {Op::NEWOBJ_EX, "NEWOBJ_EX", Argument::none, 4, 3, false, 1},
    {Op::STACK_GLOBAL, "STACK_GLOBAL", Argument::none, 4, 2, false, 1},
    {Op::MEMOIZE, "MEMOIZE", Argument::none, 4, 1, false, 1},
    {Op::FRAME, "FRAME", Argument::uint8, 4, 0, false, 0},
    {Op::BYTEARRAY8, "BYTEARRAY8", Argument::bytearray8, 5, 0, false, 1},
    {Op::NEXT_BUFFER, "NEXT_BUFFER", Argument::none, 5, 0, false, 1},
    {Op::READONLY_BUFFER, "READONLY_BUFFER", Argument::none, 5, 1, false, 1},
}};

namespace detail {
constexpr std::uint8_t no_opcode = 0xFF;
consteval std::array<std::uint8_t, 256> opcode_index() {
  std::array<std::uint8_t, 256> index{};
  index.fill(no_opcode);
  for (std::size_t i = 0; i < opcodes.size(); ++i)
    index[static_cast<std::size_t>(opcodes[i].op)] = static_cast<std::uint8_t>(i);
  return index;
}
inline constexpr std::array<std::uint8_t, 256> opcodes_by_byte = opcode_index();
}  // namespace detail

/// Null for a byte that is no opcode.
constexpr const Opcode* opcode(std::uint8_t byte) noexcept {
  const std::uint8_t at = detail::opcodes_by_byte[byte];
  return at == detail::no_opcode ? nullptr : &opcodes[at];
}

constexpr int last_protocol = 5;

/// Whether a pickle of protocol 2 or later begins so: by naming it.
constexpr bool begins_pickle(std::string_view head) noexcept {
  return head.size() >= 2 && head[0] == static_cast<char>(Op::PROTO) && head[1] >= 2 && head[1] <= last_protocol;
}

}  // namespace flambeau::pickle
