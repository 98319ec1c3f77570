# libdeflate; the static library where there is one, so that the command can be one static file.
if(BUILD_SHARED_LIBS)
  find_library(LIBDEFLATE_LIBRARY deflate)
else()
  find_library(LIBDEFLATE_LIBRARY NAMES libdeflate.a deflate)
endif()
find_path(LIBDEFLATE_INCLUDE_DIR libdeflate.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libdeflate REQUIRED_VARS LIBDEFLATE_LIBRARY LIBDEFLATE_INCLUDE_DIR)
if(libdeflate_FOUND AND NOT TARGET libdeflate::libdeflate)
  add_library(libdeflate::libdeflate UNKNOWN IMPORTED)
  set_target_properties(libdeflate::libdeflate PROPERTIES IMPORTED_LOCATION ${LIBDEFLATE_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${LIBDEFLATE_INCLUDE_DIR})
endif()
