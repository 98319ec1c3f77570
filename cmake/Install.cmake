# The install tree and the package that find_package(flambeau) reads.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/flambeau)

set(libraries flambeau)
if(TARGET flambeau_nn)
  list(APPEND libraries flambeau_nn)
endif()
foreach(library IN LISTS libraries)
  get_target_property(export ${library} EXPORT_NAME)
  install(TARGETS ${library} EXPORT flambeau-${export} COMPONENT Development)
  install(EXPORT flambeau-${export} NAMESPACE flambeau:: DESTINATION ${package_dir} COMPONENT Development)
endforeach()
install(DIRECTORY include/flambeau ${PROJECT_BINARY_DIR}/include/flambeau TYPE INCLUDE COMPONENT Development
  FILES_MATCHING PATTERN *.h)
configure_package_config_file(cmake/flambeau-config.cmake.in flambeau-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(flambeau-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/flambeau-config.cmake ${PROJECT_BINARY_DIR}/flambeau-config-version.cmake
  cmake/Findlibdeflate.cmake cmake/Finddnnl.cmake DESTINATION ${package_dir} COMPONENT Development)
install(FILES LICENSE README.md CHANGELOG.md TYPE DOC COMPONENT Development)

if(FLAMBEAU_BUILD_CLI)
  install(TARGETS flambeau_cli RUNTIME COMPONENT Tools)
  if(TARGET flambeau_nn_cli)
    install(TARGETS flambeau_nn_cli RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/flambeau COMPONENT Tools)
  endif()
  set(share ${CMAKE_INSTALL_DATADIR})
  install(FILES ${PROJECT_BINARY_DIR}/completions/flambeau.bash RENAME flambeau
    DESTINATION ${share}/bash-completion/completions COMPONENT Tools)
  install(FILES ${PROJECT_BINARY_DIR}/completions/flambeau.zsh RENAME _flambeau
    DESTINATION ${share}/zsh/vendor-completions COMPONENT Tools)
  install(FILES ${PROJECT_BINARY_DIR}/completions/flambeau.fish DESTINATION ${share}/fish/vendor_completions.d COMPONENT Tools)
endif()
