# How everything is compiled: ccache, warnings, sanitizers, precompiled headers.
find_program(CCACHE ccache)
if(CCACHE AND PROJECT_IS_TOP_LEVEL)
  # Precompiled headers go through the cache only with this.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-fpch-preprocess)
  endif()
endif()

# Every product of floats must round as written: initial values and reference kernels are compared bit for bit with torch.
add_library(flambeau_warnings INTERFACE)
target_compile_options(flambeau_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers -ffp-contract=off)
if(FLAMBEAU_SANITIZE)
  add_compile_options(-fsanitize=${FLAMBEAU_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FLAMBEAU_SANITIZE})
endif()

# GCC takes one precompiled header for targets with different definitions; clang does not.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled.cpp CONTENT "// Something to compile with the precompiled header.\n")

# The owner of a precompiled header; flambeau_use_precompiled(TARGET OWNER) takes it. An owner and its users must be compiled
# alike: all are position independent, and an owner for executables says -fPIE as CMake does for them.
function(flambeau_precompiled owner)
  cmake_parse_arguments(ARG "EXECUTABLES" "" "HEADERS;LINK;OPTIONS" ${ARGN})
  add_library(${owner} OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
  if(ARG_EXECUTABLES)
    target_compile_options(${owner} PRIVATE -fPIE)
  else()
    set_target_properties(${owner} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
  target_include_directories(${owner} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${owner} PRIVATE flambeau_warnings fmt::fmt-header-only Threads::Threads ${ARG_LINK})
  target_compile_options(${owner} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${owner} PRIVATE ${ARG_HEADERS})
endfunction()
function(flambeau_use_precompiled target owner)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${target} PRIVATE fmt::fmt-header-only)
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
